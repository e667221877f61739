//! The index: documents in, searches out.

use std::collections::HashMap;
use std::fmt;

use crate::table::{Entry, Posting, Table};
use crate::words::{for_each_word, words};

/// A document's name and length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// As it was added.
    pub name: String,
    /// How many words it has.
    pub length: usize,
}

/// A document that matches a search.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit<'a> {
    /// The document.
    pub document: &'a Document,
    /// How well it matches; more is better.
    pub score: f64,
}

/// Why a search could not be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchError {
    /// The query has no word in it.
    NoWords,
}

impl fmt::Display for SearchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoWords => f.write_str("the query contains no word"),
        }
    }
}

impl std::error::Error for SearchError {}

/// Which documents contain which words.
#[derive(Clone, Debug, Default)]
pub struct Index {
    documents: Vec<Document>,
    table: Table,
}

impl Index {
    /// Adds a document; its words count from now on.
    pub fn add(&mut self, name: &str, text: &str) {
        let number = self.documents.len() as u32;
        let mut length = 0;
        let table = &mut self.table;
        for_each_word(text, |word| {
            table.count(word, number);
            length += 1;
        });
        self.documents.push(Document { name: name.to_string(), length });
    }

    /// Returns every document, in the order they were added.
    pub fn documents(&self) -> &[Document] {
        &self.documents
    }

    /// Returns every word with where it occurs.
    pub fn entries(&self) -> &[Entry] {
        self.table.entries()
    }

    /// Returns the documents that contain every word of the query, best first.
    pub fn search(&self, query: &str) -> Result<Vec<Hit<'_>>, SearchError> {
        let mut wanted = words(query);
        if wanted.len() == 0 {
            return Err(SearchError::NoWords);
        }
        let Some(mut lists) = self.postings_of(&wanted) else {
            return Ok(Vec::new());
        };
        lists.sort_by_key(|it| it.len());
        let mut hits: Vec<Hit> =
            lists[0].iter().filter_map(|it| self.hit(it.document, &lists)).collect();
        hits.sort_by(|a, b| b.score.total_cmp(&a.score));
        Ok(hits)
    }

    /// Returns the postings of each word, or nothing if one of them occurs nowhere.
    fn postings_of(&self, wanted: &Vec<String>) -> Option<Vec<&[Posting]>> {
        wanted.iter().map(|word| Some(self.table.get(&word)?.postings.as_slice())).collect()
    }

    /// Returns the document as a hit if it is in every list: frequent here and rare elsewhere.
    fn hit(&self, number: u32, lists: &[&[Posting]]) -> Option<Hit<'_>> {
        let document = &self.documents[number as usize];
        let mut score = 0.0;
        for i in 0..lists.len() {
            let at = lists[i].binary_search_by_key(&number, |it| it.document).ok()?;
            let share = f64::from(lists[i][at].count) / document.length as f64;
            score += share * (self.documents.len() as f64 / lists[i].len() as f64).ln_1p();
        }
        Some(Hit { document, score })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Index {
        let mut index = Index::default();
        index.add("one", "red green red blue");
        index.add("two", "green green yellow");
        index.add("three", "blue");
        index
    }

    fn names(index: &Index, query: &str) -> Vec<String> {
        index.search(query).unwrap().iter().map(|hit| hit.document.name.clone()).collect()
    }

    #[test]
    fn a_word_finds_its_documents_best_first() {
        assert_eq!(names(&sample(), "green"), ["two", "one"]);
        assert_eq!(names(&sample(), "BLUE"), ["three", "one"]);
    }

    #[test]
    fn every_word_of_a_query_must_occur() {
        assert_eq!(names(&sample(), "red blue"), ["one"]);
        assert!(names(&sample(), "red yellow").is_empty());
        assert!(names(&sample(), "red purple").is_empty());
    }

    #[test]
    fn a_query_without_words_is_an_error() {
        assert_eq!(sample().search(" ?! "), Err(SearchError::NoWords));
    }

    #[test]
    fn documents_know_their_length() {
        let lengths: Vec<usize> = sample().documents().iter().map(|it| it.length).collect();
        assert_eq!(lengths, [4, 3, 1]);
    }
}
