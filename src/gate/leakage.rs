//! Notices what a hypothesis or a diff could only know from files that nobody may read.
//!
//! What is telling is learnt from the hidden files, and whatever readable files say as well is forgotten:
//! what anybody can read gives nothing away. A trace is a sequence of words, so that quotes, layout and
//! the language of the file do not matter. Common words, small numbers and short texts are no traces: an
//! honest change hits them by chance.

mod answers;
mod ids;
mod words;

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use camino::{Utf8Path, Utf8PathBuf};

use self::answers::Answers;
pub use self::answers::{answers_on, ids_on};
use self::ids::Ids;
use self::words::{Word, is_common, is_compound, significant, words};
use super::diff::FileFacts;
use crate::model::hypothesis::{Change, Hypothesis};
use crate::model::violation::{Rule, Violation};

/// The most words that a trace is compared by.
const LONGEST: usize = 8;
/// Traces that are named in one violation each; further ones are counted.
const N_NAMED: usize = 10;
/// So many traces that could each be chance are no chance together, if they are most of what is new.
const MANY: usize = 8;
/// What share of a change's own words or numbers they must be.
const MOST: f64 = 0.8;
/// A number is telling if a random one of as many digits would be among the hidden ones this rarely.
const RARE_NUMBER: f64 = 1.0 / 5000.0;
/// The same for numbers of which many must come together.
const SCARCE_NUMBER: f64 = 0.05;

/// A file that nobody may read, as far as it can give itself away.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HiddenFile {
    /// Relative to the root.
    pub path: Utf8PathBuf,
    /// Strings, and the names that source code defines.
    pub texts: Vec<String>,
    /// Numbers, as they are written.
    pub numbers: Vec<String>,
    /// All its lines.
    pub lines: Vec<String>,
    /// What stands where answers stand.
    pub answers: Vec<String>,
    /// What stands where ids of instances stand.
    pub ids: Vec<String>,
    /// It is source code, in which most lines are idioms.
    pub is_code: bool,
}

/// What a trace gives away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Text,
    Number,
    Line,
    Path,
}

/// What would give a hidden file away.
#[derive(Clone, Debug, PartialEq)]
struct Trace {
    kind: Kind,
    from: Utf8PathBuf,
    /// One is enough.
    strong: bool,
}

/// Everything that would give hidden files away.
#[derive(Clone, Debug, Default)]
pub struct Telltales {
    by_words: HashMap<String, Trace>,
    first_words: HashSet<String>,
    lengths: BTreeSet<usize>,
    /// How many numbers there are of so many digits.
    by_digits: BTreeMap<usize, u32>,
    ids: Ids,
    answers: Answers,
}

/// A trace that was found in a text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Found {
    line: u32,
    what: String,
}

impl Telltales {
    /// Returns whether nothing could be given away.
    pub fn is_empty(&self) -> bool {
        self.by_words.is_empty() && self.ids.is_empty() && self.answers.is_empty()
    }

    /// Learns what would give a file away.
    pub fn learn(&mut self, file: &HiddenFile) {
        self.learn_path(&file.path);
        for text in &file.texts {
            self.learn_text(text, &file.path);
        }
        for number in &file.numbers {
            for word in words(number) {
                let from = &file.path;
                self.learn_words(&[word.text.as_str()], Kind::Number, from, true);
            }
        }
        for line in &file.lines {
            self.learn_line(line, file);
        }
        for answer in &file.answers {
            self.answers.learn(answer, &file.path);
        }
        for id in &file.ids {
            self.learn_instance(id, &file.path);
        }
    }

    /// Learns the id of an instance. Ids that are plain numbers or plain words stand everywhere.
    pub fn learn_instance(&mut self, id: &str, from: &Utf8Path) {
        self.ids.learn(id, from);
    }

    /// Forgets whatever this readable text says. Paths stay, unless the text is code that experiments may
    /// change: that a manual names a file lets nobody open it.
    pub fn forget(&mut self, text: &str, is_mutable: bool) {
        let stream = words(text);
        for (_, key) in self.matches(&stream) {
            let kind = self.by_words.get(&key).map(|it| it.kind);
            if (is_mutable || kind != Some(Kind::Path)) && self.by_words.remove(&key).is_some() {
                self.count_digits(&key, -1);
            }
        }
        self.ids.forget(text);
        self.answers.forget(&stream);
    }

    /// Learns the path of a file that experiments have no business with.
    pub fn learn_path(&mut self, path: &Utf8Path) {
        let whole = words(path.as_str());
        let whole: Vec<&str> = whole.iter().map(|it| it.text.as_str()).collect();
        if path.components().count() > 1 {
            self.learn_words(&whole, Kind::Path, path, true);
        }
        let stem = words(path.file_stem().unwrap_or_default());
        if stem.iter().any(|it| !is_common(&it.text)) {
            let name = words(path.file_name().unwrap_or_default());
            let name: Vec<&str> = name.iter().map(|it| it.text.as_str()).collect();
            if name.len() > 1 {
                self.learn_words(&name, Kind::Path, path, true);
            }
        }
    }

    fn learn_text(&mut self, text: &str, from: &Utf8Path) {
        let parts = words(text);
        let texts: Vec<&str> = parts.iter().map(|it| it.text.as_str()).collect();
        let n_uncommon = texts.iter().filter(|it| !is_common(it)).count();
        let length = text.chars().count();
        match texts.as_slice() {
            [only] if significant(only).is_some() => {
                self.learn_words(&[only], Kind::Number, from, true);
            }
            [only] if is_compound(text) && n_uncommon > 0 && length >= 6 => {
                self.learn_words(&[only], Kind::Text, from, true);
            }
            [only] if n_uncommon > 0 && length >= 4 => {
                self.learn_words(&[only], Kind::Text, from, false);
            }
            [_] => {}
            several if n_uncommon >= 2 && length >= 10 => {
                let several = &several[..several.len().min(LONGEST)];
                self.learn_words(several, Kind::Text, from, true);
            }
            several if n_uncommon == 1 && several.len() <= LONGEST => {
                self.learn_words(several, Kind::Text, from, false);
            }
            _ => {}
        }
    }

    fn learn_line(&mut self, line: &str, file: &HiddenFile) {
        if words::is_boilerplate(line) {
            return;
        }
        let parts = words(line);
        let texts: Vec<&str> = parts.iter().map(|it| it.text.as_str()).collect();
        let (shortest, least) = if file.is_code { (8, 4) } else { (4, 2) };
        if texts.len() < shortest {
            return;
        }
        let longest = LONGEST.min(texts.len());
        for window in texts.windows(longest).step_by(longest.div_ceil(2)) {
            let uncommon: BTreeSet<&&str> = window.iter().filter(|it| !is_common(it)).collect();
            if uncommon.len() >= least {
                self.learn_words(window, Kind::Line, &file.path, true);
            }
        }
    }

    fn learn_words(&mut self, texts: &[&str], kind: Kind, from: &Utf8Path, strong: bool) {
        let texts = &texts[..texts.len().min(LONGEST)];
        let Some(first) = texts.first() else {
            return;
        };
        self.first_words.insert((*first).to_owned());
        self.lengths.insert(texts.len());
        let new = Trace {
            kind,
            from: from.to_owned(),
            strong,
        };
        match self.by_words.entry(texts.join(" ")) {
            Entry::Vacant(place) => {
                place.insert(new);
                self.count_digits(&texts.join(" "), 1);
            }
            Entry::Occupied(mut known) if strong && !known.get().strong => drop(known.insert(new)),
            Entry::Occupied(_) => {}
        }
    }

    /// Returns every learnt sequence in a stream of words, with the line it begins on.
    fn matches(&self, stream: &[Word]) -> Vec<(u32, String)> {
        let mut found = Vec::new();
        for (start, word) in stream.iter().enumerate() {
            if !self.first_words.contains(&word.text) {
                continue;
            }
            for length in &self.lengths {
                let Some(window) = stream.get(start..start + length) else {
                    break;
                };
                let texts: Vec<&str> = window.iter().map(|it| it.text.as_str()).collect();
                let key = texts.join(" ");
                if self.by_words.contains_key(&key) {
                    found.push((word.line, key));
                }
            }
        }
        found
    }

    /// Returns what gives hidden files away in a stream of words.
    fn search(&self, stream: &[Word]) -> Vec<(Found, Kind)> {
        let chance = |key: &str| self.chance(key);
        let mut strong = Vec::new();
        let mut weak: BTreeMap<(&Utf8Path, bool), BTreeMap<String, u32>> = BTreeMap::new();
        for (line, key) in self.matches(stream) {
            let trace = &self.by_words[&key];
            let is_number = trace.kind == Kind::Number;
            let is_strong = trace.strong && (!is_number || chance(&key) <= RARE_NUMBER);
            if is_strong {
                let what = format!("`{key}`, as in `{}`", trace.from);
                strong.push((Found { line, what }, trace.kind));
            } else if !is_number || chance(&key) <= SCARCE_NUMBER {
                let of_file = weak.entry((&trace.from, is_number)).or_default();
                of_file.entry(key).or_insert(line);
            }
        }
        for ((from, is_number), keys) in weak {
            if keys.len() >= MANY && share(&keys, stream, is_number) >= MOST {
                let shown: Vec<&str> = keys.keys().take(3).map(String::as_str).collect();
                let what = format!(
                    "{} of them, as in `{from}`: `{}`, …",
                    keys.len(),
                    shown.join("`, `")
                );
                let line = keys.values().copied().min().unwrap_or(1);
                strong.push((Found { line, what }, Kind::Line));
            }
        }
        strong.sort();
        strong.dedup_by(|a, b| a.0 == b.0);
        strong
    }

    fn count_digits(&mut self, key: &str, change: i32) {
        if let Some(digits) = significant(key) {
            let count = self.by_digits.entry(digits.len()).or_default();
            *count = count.saturating_add_signed(change);
        }
    }

    /// Returns how likely a random number of as many digits is among the hidden ones; certain for those
    /// that stand everywhere.
    fn chance(&self, key: &str) -> f64 {
        let Some(digits) = significant(key) else {
            return 0.0;
        };
        if digits.len() < 3 || words::is_everywhere(digits) {
            return 1.0;
        }
        let there_are = self.by_digits.get(&digits.len()).copied();
        let power = i32::try_from(digits.len() - 1).unwrap_or(i32::MAX);
        f64::from(there_are.unwrap_or_default()) / (9.0 * 10_f64.powi(power))
    }
}

/// Returns what share of the uncommon words, or of the numbers, of a text was found.
fn share(keys: &BTreeMap<String, u32>, stream: &[Word], numbers: bool) -> f64 {
    let of_interest = |it: &&Word| {
        let digits = significant(&it.text);
        match digits {
            Some(digits) => numbers && digits.len() >= 3,
            None => !numbers && !is_common(&it.text),
        }
    };
    let own: BTreeSet<&str> = stream
        .iter()
        .filter(of_interest)
        .map(|it| it.text.as_str())
        .collect();
    let hit: BTreeSet<&str> = keys.keys().flat_map(|it| it.split(' ')).collect();
    let n_hit = own.intersection(&hit).count();
    let count = |it: usize| f64::from(u32::try_from(it).unwrap_or(u32::MAX));
    if own.is_empty() {
        return 0.0;
    }
    count(n_hit) / count(own.len())
}

/// Judges the words of a hypothesis before anything is built.
pub fn judge_hypothesis(telltales: &Telltales, hypothesis: &Hypothesis) -> Vec<Violation> {
    if telltales.is_empty() {
        return Vec::new();
    }
    let mut parts = vec![hypothesis.title.as_str(), &hypothesis.why];
    parts.extend(hypothesis.success.iter().map(String::as_str));
    match &hypothesis.change {
        Change::Words { text } => parts.push(text),
        Change::Knob { value, .. } | Change::Constant { value, .. } => parts.push(value),
        _ => {}
    }
    let text = parts.join("\n");
    let found = in_prose(telltales, &text).into_iter().map(|(found, what)| {
        let detail = format!("the hypothesis {what}");
        told(Violation::of(Rule::Leakage, detail), found)
    });
    shortened(found.collect())
}

/// Judges the added lines of a diff and the subjects of its commits, before anything is run.
pub fn judge_leakage(
    telltales: &Telltales,
    files: &[FileFacts],
    subjects: &[String],
) -> Vec<Violation> {
    if telltales.is_empty() {
        return Vec::new();
    }
    let mut violations = Vec::new();
    for file in files.iter().filter(|it| !it.deleted) {
        for (found, what) in in_file(telltales, file) {
            let line = found.line;
            let violation = Violation::at(Rule::Leakage, &file.path, what);
            violations.push(told(violation, found).on_line(line));
        }
    }
    for (found, what) in in_prose(telltales, &subjects.join("\n")) {
        let detail = format!("a commit's subject {what}");
        violations.push(told(Violation::of(Rule::Leakage, detail), found));
    }
    violations.sort();
    // One line gives one thing away, however many traces show it.
    violations.dedup_by(|a, b| (&a.path, a.line, &a.detail) == (&b.path, b.line, &b.detail));
    shortened(violations)
}

/// Returns a text in which nothing gives a hidden file away: what did is left out.
pub fn redacted(telltales: &Telltales, text: &str) -> String {
    let stream = words(text);
    let mut spans = telltales.ids.spans_in(text);
    for (start, word) in stream.iter().enumerate() {
        if !telltales.first_words.contains(&word.text) {
            continue;
        }
        for length in &telltales.lengths {
            let Some(window) = stream.get(start..start + length) else {
                break;
            };
            let texts: Vec<&str> = window.iter().map(|it| it.text.as_str()).collect();
            let key = texts.join(" ");
            let trace = telltales.by_words.get(&key);
            let is_telling = |it: &Trace| {
                it.strong && it.kind != Kind::Path && telltales.chance(&key) <= RARE_NUMBER
            };
            if trace.is_some_and(is_telling)
                && let Some(last) = window.last()
            {
                spans.push((word.span.0, last.span.1));
            }
        }
    }
    spans.sort_unstable();
    let mut out = String::new();
    let mut from = 0;
    for (start, end) in spans {
        if start >= from {
            out.push_str(&text[from..start]);
            out.push('…');
        }
        from = from.max(end);
    }
    out.push_str(&text[from..]);
    out
}

fn in_file(telltales: &Telltales, file: &FileFacts) -> Vec<(Found, &'static str)> {
    let mut stream = Vec::new();
    let mut prose = Vec::new();
    let is_prose = answers::is_prose(&file.path);
    for (number, line) in &file.added_lines {
        stream.extend(words::words_on(line, *number));
        let said = if is_prose {
            Some(line.as_str())
        } else {
            answers::comment_of(line)
        };
        prose.extend(said.map(|it| (*number, it)));
    }
    let mut found: Vec<_> = telltales
        .search(&stream)
        .into_iter()
        .map(|(found, kind)| (found, wording(kind)))
        .collect();
    for (number, line) in &file.added_lines {
        let named = telltales.ids.named_in(line).into_iter();
        found.extend(named.map(|what| instance_found(*number, what)));
    }
    for (number, said) in prose {
        let hints = telltales.answers.named_in(&words::words_on(said, number));
        found.extend(hints.into_iter().map(answer_found));
    }
    found
}

fn in_prose(telltales: &Telltales, text: &str) -> Vec<(Found, &'static str)> {
    let stream = words(text);
    // Agents are told which files are fixed: to speak of one opens none.
    let search = telltales.search(&stream).into_iter();
    let found = search
        .filter(|(_, kind)| *kind != Kind::Path)
        .map(|(found, kind)| (found, wording(kind)));
    let hints = telltales.answers.named_in(&stream).into_iter();
    let lines = text.lines().zip(1..);
    let ids = lines.flat_map(|(line, number)| {
        let named = telltales.ids.named_in(line).into_iter();
        named.map(move |what| instance_found(number, what))
    });
    found.chain(hints.map(answer_found)).chain(ids).collect()
}

fn answer_found((line, what): (u32, String)) -> (Found, &'static str) {
    (
        Found { line, what },
        "names an answer, or rules one out, that only files hold which experiments may not read",
    )
}

fn instance_found(line: u32, what: String) -> (Found, &'static str) {
    (
        Found { line, what },
        "names an instance of what it is measured on",
    )
}

/// Says what a trace is without repeating it.
fn wording(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "says something that only files say which experiments may not read",
        Kind::Number => "holds a number that only files hold which experiments may not read",
        Kind::Line => "repeats content of files that experiments may not read",
        Kind::Path => "names a file that experiments may not read",
    }
}

/// Adds what leaked, for the person alone.
fn told(mut violation: Violation, found: Found) -> Violation {
    violation.for_person = Some(found.what);
    violation
}

fn shortened(mut violations: Vec<Violation>) -> Vec<Violation> {
    let n_more = violations.len().saturating_sub(N_NAMED);
    violations.truncate(N_NAMED);
    if n_more > 0 {
        let detail = format!("and {n_more} more traces of what experiments may not read");
        violations.push(Violation::of(Rule::Leakage, detail));
    }
    violations
}

#[cfg(test)]
mod tests;
