//! Answers that only hidden files hold, and words that name them or rule them out.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use camino::{Utf8Path, Utf8PathBuf};
use regex::Regex;

use super::words::{Word, is_common, significant, words};

/// More answers than these are free text, which prose names by chance.
const MOST_NAMED: usize = 50;
/// More than these are also ruled out by chance.
const MOST_RULED_OUT: usize = 1000;
/// A word rules out what follows it within so many words.
const REACH: usize = 5;

/// What stands where answers stand, in data and in source of any language.
const ANSWER: &str = r#"(?ix) \b (?: answer | expected | solution | label | gold | truth | operator | operation | op )s? \b
    ["']? \s* (?: := | => | [:=] ) \s* (?: "(?P<double>[^"]*)" | '(?P<single>[^']*)' | (?P<bare>[^\s"'\[{(,;}\])][^,;}\])]*) )"#;

/// What stands where an instance has its id.
const ID: &str = r#"(?i)["']?\bid["']?\s*[:=]\s*(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)')"#;

static ANSWERS: LazyLock<Regex> = LazyLock::new(|| compiled(ANSWER));
static IDS: LazyLock<Regex> = LazyLock::new(|| compiled(ID));

fn compiled(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is a constant that the tests compile")
}

/// Returns what stands on a line where answers stand.
pub fn answers_on(line: &str) -> Vec<String> {
    values(&ANSWERS, line)
}

/// Returns what stands on a line where ids of instances stand.
pub fn ids_on(line: &str) -> Vec<String> {
    values(&IDS, line)
}

fn values(pattern: &Regex, line: &str) -> Vec<String> {
    let of = |it: regex::Captures<'_>| -> Option<String> {
        let group = ["double", "single", "bare"]
            .into_iter()
            .find_map(|name| it.name(name));
        group.map(|it| it.as_str().trim().to_owned())
    };
    pattern.captures_iter(line).filter_map(of).collect()
}

/// Operators by their symbols, the nouns that name them, and verbs that do so only behind a negation:
/// "add a cache" speaks of no operator.
const FAMILIES: [(&[&str], &[&str], &[&str]); 6] = [
    (
        &["-", "−"],
        &["subtraction", "subtracting"],
        &["subtract", "subtracts", "minus"],
    ),
    (&["+"], &["summation"], &["addition", "plus", "adding"]),
    (
        &["*", "×"],
        &["multiplication", "multiplying"],
        &["multiply", "multiplies"],
    ),
    (
        &["/", "//", "÷"],
        &["division", "dividing"],
        &["divide", "divides"],
    ),
    (&["%"], &["modulo", "modulus"], &["remainder"]),
    (
        &["**", "^"],
        &["exponentiation", "exponentiating"],
        &["exponent", "power"],
    ),
];

/// Words that rule out what follows them.
const NEGATIONS: [&str; 18] = [
    "not",
    "never",
    "avoid",
    "avoids",
    "avoiding",
    "without",
    "no",
    "except",
    "exclude",
    "excluding",
    "forbid",
    "cannot",
    "don",
    "dont",
    "doesn",
    "instead",
    "rather",
    "isn",
];

/// Answers that say nothing by themselves.
const PLAIN: [&str; 20] = [
    "true", "false", "yes", "no", "none", "null", "pass", "fail", "positive", "negative",
    "neutral", "correct", "wrong", "error", "unknown", "other", "high", "low", "left", "right",
];

/// The answers of hidden files.
#[derive(Clone, Debug, Default)]
pub(super) struct Answers {
    /// Words that name an answer, with where it stands.
    named: BTreeMap<String, Utf8PathBuf>,
    /// Words that do so only where they are ruled out.
    ruled_out: BTreeMap<String, Utf8PathBuf>,
}

impl Answers {
    pub(super) fn is_empty(&self) -> bool {
        self.named.is_empty() && self.ruled_out.is_empty()
    }

    /// Learns an answer: an operator with all its names, or a word of its own.
    pub(super) fn learn(&mut self, answer: &str, from: &Utf8Path) {
        let answer = answer.trim().to_lowercase();
        if let Some((_, nouns, verbs)) = family_of(&answer) {
            let add = |to: &mut BTreeMap<String, Utf8PathBuf>, words: &[&str]| {
                to.extend(words.iter().map(|it| ((*it).to_owned(), from.to_owned())));
            };
            add(&mut self.named, nouns);
            add(&mut self.ruled_out, verbs);
            return;
        }
        if let [only] = words(&answer).as_slice()
            && significant(&only.text).is_none()
            && only.text.chars().count() >= 4
            && !PLAIN.contains(&only.text.as_str())
        {
            let of = if is_common(&only.text) {
                &mut self.ruled_out
            } else {
                &mut self.named
            };
            of.insert(only.text.clone(), from.to_owned());
        }
    }

    /// Forgets what a readable text names; an operator goes with all its names.
    pub(super) fn forget(&mut self, stream: &[Word]) {
        if self.is_empty() {
            return;
        }
        for word in stream {
            for part in word.text.split('_') {
                if !self.named.contains_key(part) && !self.ruled_out.contains_key(part) {
                    continue;
                }
                let names: Vec<&str> = match family_of(part) {
                    Some((_, nouns, verbs)) => [nouns, verbs].concat(),
                    None => vec![part],
                };
                for name in names {
                    self.named.remove(name);
                    self.ruled_out.remove(name);
                }
            }
        }
    }

    /// Returns the answers that a text names or rules out, with their lines.
    pub(super) fn named_in(&self, stream: &[Word]) -> Vec<(u32, String)> {
        let n_answers = self.named.len() + self.ruled_out.len();
        let mut found = Vec::new();
        for (at, word) in stream.iter().enumerate() {
            let before = &stream[at.saturating_sub(REACH)..at];
            let negation = before
                .iter()
                .rev()
                .find(|it| NEGATIONS.contains(&it.text.as_str()));
            let named = self.named.get(&word.text);
            let ruled_out = named.or_else(|| self.ruled_out.get(&word.text));
            match (negation, named, ruled_out) {
                (Some(negation), _, Some(from)) if n_answers <= MOST_RULED_OUT => {
                    let what =
                        format!("`{} … {}`, an answer in `{from}`", negation.text, word.text);
                    found.push((word.line, what));
                }
                (_, Some(from), _) if n_answers <= MOST_NAMED => {
                    found.push((word.line, format!("`{}`, an answer in `{from}`", word.text)));
                }
                _ => {}
            }
        }
        found
    }
}

type Family = (
    &'static [&'static str],
    &'static [&'static str],
    &'static [&'static str],
);

fn family_of(word: &str) -> Option<Family> {
    FAMILIES
        .into_iter()
        .find(|(symbols, nouns, verbs)| [symbols, nouns, verbs].iter().any(|it| it.contains(&word)))
}

/// Returns whether a file holds text rather than code: manuals and prompts.
pub(super) fn is_prose(path: &Utf8Path) -> bool {
    matches!(
        path.extension(),
        Some("md" | "txt" | "rst" | "prompt" | "j2" | "jinja" | "jinja2" | "tmpl" | "yaml" | "yml")
    )
}

/// Returns what stands behind the mark of a comment, in any language.
pub(super) fn comment_of(line: &str) -> Option<&str> {
    let trimmed = line.trim_start();
    if trimmed.starts_with("* ") || trimmed.starts_with("\"\"\"") {
        return Some(trimmed);
    }
    let marks = ["//", "# ", "/*", "-- ", "<!--"];
    let at = marks.iter().filter_map(|it| line.find(it)).min()?;
    Some(&line[at..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_found_in_data_and_in_source() {
        let cases = [
            (r#"{"id": 1, "answer": "subtraction"}"#, vec!["subtraction"]),
            (r#"{"op": "-", "a": 3, "label": 'x'}"#, vec!["-", "x"]),
            ("EXPECTED = 'heron'", vec!["heron"]),
            ("answer: crane", vec!["crane"]),
            ("solutions := 42;", vec!["42"]),
            ("the answer is not here", vec![]),
        ];
        for (line, expected) in cases {
            assert_eq!(answers_on(line), expected, "{line}");
        }
    }

    #[test]
    fn ids_are_found_where_instances_have_them() {
        assert_eq!(ids_on(r#"{"id": "q17b", "valid": "x"}"#), ["q17b"]);
        assert_eq!(ids_on("{'id': 7, 'grid': 'x'}"), [""; 0]);
    }

    #[test]
    fn a_comment_is_found_in_any_language() {
        assert_eq!(comment_of("x = 1  # why"), Some("# why"));
        assert_eq!(comment_of("let x = 1; // why"), Some("// why"));
        assert_eq!(comment_of("    * why"), Some("* why"));
        assert_eq!(comment_of("x = a - b"), None);
    }
}
