//! A candidate that passed, held to an incumbent that moved on while it was measured.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::experiment::Candidate;
use super::id::{CommitSha, TreeSha};
use super::measurement::Evidence;

/// What became of a candidate on top of another commit than it was measured against.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LandingCheck {
    /// The incumbent by then.
    pub onto: CommitSha,
    /// Its tree.
    pub onto_tree: TreeSha,
    /// The candidate on top of it; none where it could not be put there.
    pub rebased: Option<Candidate>,
    /// Why it could not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub obstacle: Option<String>,
    /// The pairs of both; none where a gate or an obstacle came first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
}
