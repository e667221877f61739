//! Ways in which instances fall short: behaviour, never answers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One way to fall short, as the taxonomy of a target knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Kind {
    /// Stays the same while the words are refined: `f1`, `f2`, ….
    pub id: String,
    /// How such an instance ends, as in `error`.
    pub status: String,
    /// Where it goes wrong; empty if nothing tells.
    pub stage: String,
    /// The words that all their causes have in common, `…` for what differs.
    pub words: Vec<String>,
}

/// How many instances fall short in one way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FailureCount {
    /// The id of its kind.
    pub kind: String,
    /// How such an instance ends.
    pub status: String,
    /// Where it goes wrong; empty if nothing tells.
    pub stage: String,
    /// What their causes have in common, without numbers, names of files and quoted texts.
    pub cause: String,
    /// How many there are.
    pub count: usize,
    /// What they lack to full scores, summed up.
    pub lost: f64,
}

impl FailureCount {
    /// Returns `error in parse: unexpected … at line #`.
    pub fn words(&self) -> String {
        let mut words = self.status.clone();
        if !self.stage.is_empty() {
            words.push_str(" in ");
            words.push_str(&self.stage);
        }
        if !self.cause.is_empty() {
            words.push_str(": ");
            words.push_str(&self.cause);
        }
        words
    }
}
