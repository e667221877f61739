//! What others say they tried elsewhere: a reason to think of something, and no measurement of ours.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One experiment of another program, as its record tells it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Idea {
    /// Which program's record it is from.
    pub source: String,
    /// Its commit there.
    pub commit: String,
    /// What was tried.
    pub description: String,
    /// What was made of it there: `keep`, `discard` or `crash`; no verdict of ours.
    pub status: String,
    /// The numbers that were noted there, by column; nobody here measured them.
    pub numbers: BTreeMap<String, f64>,
}

impl Idea {
    /// Returns whether both are the same line of the same record.
    pub fn is_same(&self, other: &Self) -> bool {
        (&self.source, &self.commit, &self.description)
            == (&other.source, &other.commit, &other.description)
    }
}
