//! Ids of instances, recognised to the letter.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};

use super::words::{is_common, words};

/// Ids that are telling, with where they stand.
#[derive(Clone, Debug, Default)]
pub(super) struct Ids {
    known: BTreeMap<String, Utf8PathBuf>,
    lengths: BTreeSet<usize>,
}

impl Ids {
    pub(super) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Learns an id, unless it is a plain number or a plain word.
    pub(super) fn learn(&mut self, id: &str, from: &Utf8Path) {
        let letters = id.chars().any(char::is_alphabetic);
        let digits = id.chars().any(|it| it.is_ascii_digit());
        let n_uncommon = words(id).iter().filter(|it| !is_common(&it.text)).count();
        if letters && digits && id.chars().count() >= 4 || n_uncommon >= 2 {
            self.lengths.insert(id.len());
            self.known.insert(id.to_owned(), from.to_owned());
        }
    }

    /// Forgets the ids that a text names.
    pub(super) fn forget(&mut self, text: &str) {
        for (start, end) in self.spans_in(text) {
            self.known.remove(&text[start..end]);
        }
    }

    /// Returns the ids that a line names, each with where it stands.
    pub(super) fn named_in(&self, line: &str) -> Vec<String> {
        let spans = self.spans_in(line).into_iter();
        let named = spans.filter_map(|(start, end)| {
            let id = &line[start..end];
            let from = self.known.get(id)?;
            Some(format!("`{id}`, as in `{from}`"))
        });
        named.collect()
    }

    /// Returns where ids stand in a text, as wholes.
    pub(super) fn spans_in(&self, text: &str) -> Vec<(usize, usize)> {
        if self.is_empty() {
            return Vec::new();
        }
        let mut spans = Vec::new();
        for word in words(text) {
            let start = word.span.0;
            // The longest first: an id may begin another one.
            let ends = self.lengths.iter().rev().map(|length| start + length);
            let whole = |end: &usize| {
                let goes_on = |it: &str| it.starts_with(|it: char| it.is_alphanumeric());
                text.get(start..*end)
                    .is_some_and(|it| self.known.contains_key(it))
                    && !text.get(*end..).is_some_and(goes_on)
            };
            spans.extend({ ends }.find(whole).map(|end| (start, end)));
        }
        spans
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(all: &[&str]) -> Ids {
        let mut ids = Ids::default();
        for id in all {
            ids.learn(id, Utf8Path::new("dev.jsonl"));
        }
        ids
    }

    #[test]
    fn ids_are_found_as_wholes_and_the_longest_counts() {
        let ids = ids(&["dev-1", "dev-12", "q17b"]);
        assert_eq!(
            ids.spans_in("dev-12, dev-1 and dev-123; xq17b q17b"),
            [(0, 6), (8, 13), (33, 37)]
        );
        assert_eq!(ids.spans_in("run dev 12 times, dev 1"), []);
    }

    #[test]
    fn plain_numbers_and_words_are_no_ids() {
        assert!(ids(&["7", "1042", "test", "a1", "heron", "case_test"]).is_empty());
        assert_eq!(ids(&["case-7", "heron/egret"]).known.len(), 2);
    }

    #[test]
    fn what_a_text_names_is_forgotten() {
        let mut ids = ids(&["dev-1", "dev-2"]);
        ids.forget("see dev-1");
        assert_eq!(ids.named_in("dev-1 dev-2"), ["`dev-2`, as in `dev.jsonl`"]);
    }
}
