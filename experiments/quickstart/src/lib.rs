//! A small inverted index: which documents contain which words, and how often.
//!
//! Text is split into words by [`words`], counted in the hash table of [`table`], and put together
//! in [`index`], which answers searches; [`report`] prints the words used most.

pub mod index;
pub mod report;
pub mod table;
pub mod words;
