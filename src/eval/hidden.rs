//! Which files nobody may read who builds, and what could give them away.

use camino::{Utf8Path, Utf8PathBuf};
use globset::GlobSet;

use super::sources;
use crate::config::Profile;
use crate::gate::{HiddenFile, answers_on, ids_on};
use crate::syntax::{self, Grammar};

/// Larger files are read this far.
const LARGEST: usize = 4 << 20;

/// Files that research keeps from builders, or from everybody.
#[derive(Clone, Debug)]
pub struct Hidden {
    /// What experiments may not touch and builders may not read.
    fixed: GlobSet,
    /// What only the holdout's own run may read.
    holdout: GlobSet,
}

impl Hidden {
    /// Returns what a profile hides; nothing without `[research]`.
    pub fn of(profile: &Profile) -> Self {
        let research = profile.research.as_ref();
        let fixed = research.map_or(&[][..], |it| &it.fixed);
        let holdout = research.and_then(|it| it.holdout.as_ref());
        let holdout = holdout.map_or(&[][..], |it| &it.files);
        Self {
            fixed: sources::glob_set(fixed.iter().map(String::as_str)),
            holdout: sources::glob_set(holdout.iter().map(String::as_str)),
        }
    }

    /// Returns whether there is nothing to hide.
    pub fn is_empty(&self) -> bool {
        self.fixed.is_empty() && self.holdout.is_empty()
    }

    /// Returns whether only the holdout's own run may read the file.
    pub fn is_holdout(&self, path: &Utf8Path) -> bool {
        self.holdout.is_match(path)
    }

    /// Returns whether no builder may read the file.
    pub fn from_builders(&self, path: &Utf8Path) -> bool {
        self.fixed.is_match(path) || self.is_holdout(path)
    }
}

/// Returns a text as far as it is looked at; nothing of what is no text.
pub fn readable(bytes: &[u8]) -> Option<String> {
    let is_binary = bytes.iter().take(8000).any(|it| *it == 0);
    let read = &bytes[..bytes.len().min(LARGEST)];
    (!is_binary).then(|| String::from_utf8_lossy(read).into_owned())
}

/// Returns what could give a file away.
pub fn telling(path: Utf8PathBuf, text: &str) -> HiddenFile {
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let answers = lines.iter().flat_map(|it| answers_on(it)).collect();
    let ids = lines.iter().flat_map(|it| ids_on(it)).collect();
    let grammar = Grammar::of(&path);
    let said = match grammar {
        Some(grammar) => syntax::said(grammar, text),
        None => in_data(text),
    };
    HiddenFile {
        path,
        texts: said.names.into_iter().chain(said.strings).collect(),
        numbers: said.numbers,
        lines,
        answers,
        ids,
        is_code: grammar.is_some(),
    }
}

/// Cuts data of any format at what separates values.
fn in_data(text: &str) -> syntax::Said {
    let mut said = syntax::Said::default();
    let separators = [
        '"', '\'', ',', ';', '\t', '\n', '{', '}', '[', ']', '=', '|',
    ];
    let values = text
        .split(separators)
        .map(|it| it.trim_matches([' ', ':', '\r']));
    for value in values.filter(|it| !it.is_empty()) {
        if value.parse::<f64>().is_ok() {
            said.numbers.push(value.to_owned());
        } else {
            said.strings.push(value.to_owned());
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_cut_into_values_and_source_into_what_it_says() {
        let line = "{\"id\": \"q17b\", \"text\": \"a blue heron\", \"answer\": \"minus\", \"x\": 0.73172}\n";
        let data = telling("dev.jsonl".into(), line);
        assert_eq!(
            data.texts,
            ["id", "q17b", "text", "a blue heron", "answer", "minus", "x"]
        );
        assert_eq!(data.numbers, ["0.73172"]);
        assert_eq!(data.answers, ["minus"]);
        assert_eq!(data.ids, ["q17b"]);
        let source = telling("score.py".into(), "EXPECTED = 'heron'\n");
        assert_eq!(source.texts, ["EXPECTED", "heron"]);
        assert_eq!(source.answers, ["heron"]);
        assert!(source.is_code && !data.is_code);
    }

    #[test]
    fn what_is_no_text_is_not_looked_at() {
        assert_eq!(readable(b"a\0b"), None);
        assert_eq!(readable(&vec![b'a'; LARGEST + 1]).unwrap().len(), LARGEST);
    }
}
