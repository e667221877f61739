//! Words of any text, and which of them stand everywhere.

use std::collections::BTreeSet;
use std::sync::LazyLock;

/// A word or number with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// In lower case; a number as `#` and its significant digits.
    pub(super) text: String,
    /// Counted from 1.
    pub(super) line: u32,
    /// Bytes from and to, in the text that it was read from.
    pub(super) span: (usize, usize),
}

/// Returns the words of a text: runs of letters, digits and `_`, and numbers.
pub(super) fn words(text: &str) -> Vec<Word> {
    let mut found = Vec::new();
    let mut offset = 0;
    for (line, number) in text.split_inclusive('\n').zip(1..) {
        for mut word in words_on(line, number) {
            word.span = (word.span.0 + offset, word.span.1 + offset);
            found.push(word);
        }
        offset += line.len();
    }
    found
}

/// Returns the words of one line of that number.
pub(super) fn words_on(line: &str, number: u32) -> Vec<Word> {
    let mut found = Vec::new();
    let mut rest = line;
    let mut offset = 0;
    while let Some(start) = rest.find(is_start) {
        let tail = &rest[start..];
        let end = end_of(tail);
        let text = &tail[..end];
        found.push(Word {
            text: number_of(text).unwrap_or_else(|| text.to_lowercase()),
            line: number,
            span: (offset + start, offset + start + end),
        });
        rest = &tail[end..];
        offset += start + end;
    }
    found
}

fn is_start(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// Returns where a word ends; a number goes on over its point and its exponent's sign.
fn end_of(tail: &str) -> usize {
    let is_number = tail.starts_with(|it: char| it.is_ascii_digit());
    let mut before = ' ';
    let mut has_point = false;
    for (at, letter) in tail.char_indices() {
        let next = tail[at + letter.len_utf8()..].chars().next();
        let is_digit_next = next.is_some_and(|it| it.is_ascii_digit());
        let goes_on = is_start(letter)
            || is_number && letter == '.' && !has_point && before.is_ascii_digit() && is_digit_next
            || is_number
                && matches!(letter, '+' | '-')
                && matches!(before, 'e' | 'E')
                && is_digit_next;
        if !goes_on {
            return at;
        }
        has_point |= letter == '.';
        before = letter;
    }
    tail.len()
}

/// Ends by which languages mark the type of a number.
const SUFFIXES: [&str; 15] = [
    "usize", "isize", "u128", "i128", "u64", "i64", "f64", "u32", "i32", "f32", "u16", "i16", "u8",
    "i8", "n",
];

/// Returns `#` and the significant digits, if the text is a decimal number: neither sign nor scale nor
/// the way of writing it matter.
fn number_of(text: &str) -> Option<String> {
    if !text.starts_with(|it: char| it.is_ascii_digit()) {
        return None;
    }
    let plain = text.replace('_', "").to_lowercase();
    let plain = SUFFIXES
        .iter()
        .find_map(|it| plain.strip_suffix(it))
        .unwrap_or(&plain);
    plain.parse::<f64>().ok()?;
    let mantissa = plain.split('e').next().unwrap_or_default();
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let digits = digits.trim_start_matches('0').trim_end_matches('0');
    Some(format!("#{digits}"))
}

/// Returns the significant digits of a word that is a number.
pub(super) fn significant(word: &str) -> Option<&str> {
    let digits = word.strip_prefix('#')?;
    (!digits.contains(' ')).then_some(digits)
}

/// Numbers of three digits or more that stand everywhere: mathematics, time, memory, counting, ports.
const EVERYWHERE: [&str; 40] = [
    "123",
    "1234",
    "12345",
    "123456",
    "1234567",
    "12345678",
    "123456789",
    "987654321",
    "255",
    "256",
    "512",
    "1024",
    "2048",
    "4096",
    "8192",
    "16384",
    "32768",
    "65535",
    "65536",
    "1048576",
    "365",
    "36525",
    "864",
    "3600",
    "404",
    "127",
    "128",
    "443",
    "8080",
    "999",
    "9999",
    "99999",
    "333",
    "3333",
    "667",
    "125",
    "375",
    "625",
    "875",
    "192",
];

/// Beginnings of constants that every program may hold, however many digits it writes.
const CONSTANTS: [&str; 12] = [
    "31415", "27182", "14142", "17320", "16180", "69314", "57721", "23025", "62831", "15707",
    "42949", "21474",
];

/// Returns whether a number is one that an honest change may hold by convention.
pub(super) fn is_everywhere(digits: &str) -> bool {
    let is_year = digits.len() == 4 && matches!(&digits[..2], "19" | "20");
    let is_repeated = digits.bytes().all(|it| Some(it) == digits.bytes().next());
    is_year
        || is_repeated
        || EVERYWHERE.contains(&digits)
        || CONSTANTS.iter().any(|it| digits.starts_with(it))
}

/// Returns whether a name is put together from several parts, or from letters and digits.
pub(super) fn is_compound(text: &str) -> bool {
    let inner = text.trim_matches('_');
    let has_digit = inner.chars().any(|it| it.is_ascii_digit());
    let has_letter = inner.chars().any(char::is_alphabetic);
    parts(inner).count() > 1 || has_digit && has_letter
}

/// Splits a name at `_`, at capital letters and at digits.
fn parts(name: &str) -> impl Iterator<Item = String> {
    let mut parts = vec![String::new()];
    let mut was_lower = false;
    for letter in name.chars() {
        if !letter.is_alphabetic() || letter.is_uppercase() && was_lower {
            parts.push(String::new());
        }
        was_lower = letter.is_lowercase();
        if letter.is_alphabetic()
            && let Some(last) = parts.last_mut()
        {
            last.extend(letter.to_lowercase());
        }
    }
    parts.into_iter().filter(|it| !it.is_empty())
}

/// Returns whether a word stands in any code or text about code; a name does if all its parts do.
pub(super) fn is_common(word: &str) -> bool {
    if significant(word).is_some() {
        return true;
    }
    let mut parts = parts(word).filter(|it| it.chars().count() >= 3).peekable();
    match parts.peek() {
        // Registers, widths, versions: `x86_64`, `v2`.
        None => word.chars().count() < 7,
        Some(_) => parts.all(|it| COMMON_WORDS.contains(it.as_str())),
    }
}

/// Returns whether a line is a licence's, an import or a bracket: the same in every project.
pub(super) fn is_boilerplate(line: &str) -> bool {
    let line = line.trim_start_matches(|it: char| !it.is_alphanumeric());
    let line = line.to_lowercase();
    let starts = [
        "import ",
        "from ",
        "use ",
        "pub use ",
        "include",
        "require",
        "package ",
        "usr/bin",
        "bin/",
        "extern crate",
        "using ",
        "mod ",
        "spdx",
        "copyright",
        "licensed",
        "license",
        "licence",
        "permission is",
        "the above copyright",
        "redistribution",
        "you may obtain",
        "you may not use",
        "unless required by",
        "distributed under",
        "without warrant",
        "see the license",
        "limitations under",
        "http://www.apache",
        "https://www.apache",
    ];
    line.is_empty() || starts.iter().any(|it| line.starts_with(it)) || line.contains("require(")
}

static COMMON_WORDS: LazyLock<BTreeSet<&str>> =
    LazyLock::new(|| COMMON.split_whitespace().collect());

/// Words of code, of tests, and of English about them.
const COMMON: &str = "
about above abs accept access accuracy across act action actual add added adding addition additional
after again against age algorithm alias all allow alpha already also always amount and answer answers any
api app append apply are area arg args argument arguments around array arrays ask assert assertion async
attr attribute author auto available average await back bar base baseline baz because been before begin
behind being below bench benchmark best beta better between big binary bit block body bool boolean both
bottom bound bounds box break bucket buffer bug build builder built but button byte bytes cache calc
calculate call callback called caller can cannot case cases cast catch cell change changed changes channel
char character chars check checked child children choice choose chunk class clean clear client clock clone
close closed code coded col collect collection color column columns command comment commit common compare
compile complete compute computed condition config configuration connect const constant constants
constructor contain contains content contents context continue control convert copy core correct cost could
count counter cpu create created csv current cut cycle data dataclass dataset date datetime day days debug
decimal decode def default defined delete delta depth describe description detail details dev dict
dictionary did diff difference different digit dir direct direction directory disable display distance div
divide division doc docs document does doing domain done double down draw drop dump duration dynamic each
edge edit effect either elem element elements elif else empty enable encode encoding end engine ensure enter
entries entry enum env environment epoch equal equals err error errors estimate eval evaluate evaluation
even event events every exact exactly example examples except exception exec execute exist exists exit exp
expand expect expected export expression extend extra extract factor factory fail failed fails failure false
fast faster feature features fetch few field fields file filename files fill filter final find finish first
fit fixed flag flags flat float floor flow flush fmt fold folder follow following foo for force format found
frame free frequency from full func function functions future gamma gen general generate generator get
getattr given global goal gold good got graph greater group groups guess guard had half handle handler
happen hard has hash have head header height hello help helper here hidden high higher hint hit hold holdout
home host hour how html http https idea identifier ids idx ignore image impl implement implementation import
improve improved include increase incumbent index indices info init initial inline inner input inputs insert
inside instance instances instead int integer integers interface internal interval into invalid invert
inverse issue item items iter iterate iteration iterator its job join json jsonl just keep kept key keys
keyword keywords kind know known label labels lambda language large larger last late later latency layer
layout leaf learn least left len length less let letter letters level lib library like likely limit limits
line linear lines link list lists literal load loaded loader local location lock log logger logging logic
long longer longest look lookup loop loops loss low lower made main make makes manager many map mapping mark
marker mask match matched matches math matrix max maximum may mean means measure median member memo memory
merge message messages meta method methods metric metrics mid middle might min minimum minus minute missing
mock mod mode model modified modify module modules month more most move much mul multi multiple multiply must
mut mutable name named names need needed negative nested net network never new next node nodes none nor
normal normalise normalize not note nothing now null num number numbers numeric numpy object objects off
offset old once one ones only open operation operations operator operators option optional options order
ordered other others otherwise our out outer output outputs outside over override own owner pack package pad
page pair pairs parallel param parameter parameters params parent parse parsed parser part parts pass passed
password path paths pattern peek per percent perform phase pick pipe place plain plan plot plus point pointer
pool pop position positive possible post power precision predict predicted prediction predictions prefix
prepare present pretty prev previous price print prior priority private probability problem process product
program progress project prompt prompts proper properties property public pull pure push put pytest python
quality query question questions queue quick quit quote quotes raise rand random range rank rate ratio raw
reach read reader ready real reason recall record records recursive red reduce ref reference regex register
regular relative release remainder remove removed rename repeat replace report repr request require required
res reset resolve resource response rest result results retry return returned returns reverse right root
round row rows rule rules run runner running runs rust safe same sample samples save scale scan schema scope
score scored scorer scores scoring script search second seconds section seed seen select self send sentence
separator sequence serial series server set sets setting settings setup several shape share shift short
shorter should show shuffle side sign signature similar simple simply since single size skip slice slot slow
small smaller some something sort sorted source space span special spec specific speed split sqrt square
src stack stage standard start started state statement states static stats status std stderr stdin stdout
step steps still stop storage store str stream strict string strings strip struct structure style sub
subject subset substring subtract success such suffix suite sum summary super support sure swap switch symbol
sync syntax sys system table tail take target task tasks temp template term test tested testing tests text
than that the their them then there these they thing this those thread threads threshold through throw time
timeout timer times title tmp todo together token tokenize tokens too tool top total trace track train
training transform tree tries trim true truth try tuple two txt type types unable under unicode union unique
unit unknown unless unpack until update updated upper url usage use used user using usual utf util utils valid
validate validation value values var variable variables variance vec vector verbose verify version very via
view void wait walk want warn warning was way week weight weights well were what when where whether which
while white whitespace who whole why width wild will window with within without word words work worker works
world would wrap write writer wrong year yes yet yield you your zero zip
";

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        words(text).into_iter().map(|it| it.text).collect()
    }

    #[test]
    fn words_are_blind_to_quotes_layout_and_the_way_a_number_is_written() {
        let expected = ["blue_heron", "#73172", "q17b", "#5"];
        assert_eq!(texts("'Blue_Heron': 0.73172, \"q17b\" [5]"), expected);
        assert_eq!(texts("Blue_Heron\n7.3172e-1, q17b;5.0"), expected);
        assert_eq!(texts("73.1720 731_720u64 -0.73172"), ["#73172"; 3]);
        assert_eq!(texts("1.2.3 a.b v2"), ["#12", "#3", "a", "b", "v2"]);
    }

    #[test]
    fn spans_are_those_of_the_text() {
        let text = "ä b\ncd 0.5";
        let found = words(text);
        let said: Vec<&str> = found.iter().map(|it| &text[it.span.0..it.span.1]).collect();
        assert_eq!(said, ["ä", "b", "cd", "0.5"]);
        assert_eq!(found[3].line, 2);
    }

    #[test]
    fn names_made_of_common_parts_are_common() {
        for word in [
            "test",
            "test_case",
            "loadDataset",
            "file_path",
            "x",
            "utf8",
            "#17",
        ] {
            assert!(is_common(word), "{word}");
        }
        for word in ["heron", "test_heron", "loadHeron", "a1b2c3d4"] {
            assert!(!is_common(word), "{word}");
        }
        assert!(is_compound("q17b") && is_compound("loadHeron") && !is_compound("heron"));
    }

    #[test]
    fn numbers_of_mathematics_time_and_memory_stand_everywhere() {
        for digits in ["314159265", "2024", "1024", "3333333", "123456", "271828"] {
            assert!(is_everywhere(digits), "{digits}");
        }
        for digits in ["73172", "8264", "5189"] {
            assert!(!is_everywhere(digits), "{digits}");
        }
    }
}
