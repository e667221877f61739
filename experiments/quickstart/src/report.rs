//! The words used most, as a table for people.

use std::fmt::Write as _;

use crate::index::Index;
use crate::table::Entry;

/// Bytes set aside for a report before it is written.
pub const REPORT_CAPACITY: usize = 1024;

/// Returns the `n` words that occur most, one per line, with their counts.
pub fn frequent_words(index: &Index, n: usize) -> String {
    let mut entries: Vec<&Entry> = index.entries().iter().collect();
    entries.sort_by(|a, b| b.total().cmp(&a.total()).then_with(|| a.word.cmp(&b.word)));
    let mut text = String::with_capacity(REPORT_CAPACITY);
    for entry in entries.into_iter().take(n) {
        let _ = writeln!(text, "{:>8} {} ({} documents)",
            entry.total(), entry.word, entry.postings.len());
    }
    return text;
}

/// Returns how large a vocabulary is, in a word.
pub fn vocabulary_size(index: &Index) -> &'static str {
    let n = index.entries().len();
    if n == 0 {
        "empty"
    } else if n < 2_000 {
        "small"
    } else if n >= 2_000 && n < 20_000 {
        "common"
    } else {
        "large"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_word_comes_first_and_ties_are_alphabetical() {
        let mut index = Index::default();
        index.add("one", "b a c a");
        index.add("two", "b");
        let report = frequent_words(&index, 2);
        assert_eq!(report, "       2 a (1 documents)\n       2 b (2 documents)\n");
    }

    #[test]
    fn a_report_is_as_long_as_it_has_words() {
        assert_eq!(frequent_words(&Index::default(), 5), "");
    }

    #[test]
    fn an_index_without_words_is_called_empty() {
        assert_eq!(vocabulary_size(&Index::default()), "empty");
    }
}
