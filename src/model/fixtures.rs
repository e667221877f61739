//! Handmade values for the tests of any module.

use super::experiment::{Cost, Summary};
use super::hypothesis::Category;
use super::id::ExperimentId;
use super::verdict::Verdict;

/// Returns a summary that says nothing but a number and a verdict, for a test to fill in what it is about.
pub(crate) fn summary(id: u32, verdict: Verdict) -> Summary {
    Summary {
        id: ExperimentId(id),
        finished: jiff::Timestamp::UNIX_EPOCH,
        key: "knob:a".parse().unwrap(),
        title: String::new(),
        category: Category::Explore,
        claim: "moves".to_owned(),
        verdict,
        reason: String::new(),
        effect: None,
        cost: Cost::default(),
        files_hash: String::new(),
        landed: None,
        spent: None,
        others: Vec::new(),
        resumes: None,
        turn: None,
    }
}
