//! What hidden instances said of a keep.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One question to the hidden instances: does the gain hold where nobody could look?
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HoldoutCheck {
    /// Which instances they are: a hash of the holdout's command and files.
    pub set: String,
    /// Counted from 1 over all questions to this set; of a retired one, how often it was asked.
    pub query: u32,
    /// What they said.
    pub outcome: HoldoutOutcome,
    /// The incumbent's losses, in the order of the instances' ids: 0 is the best, 1 the worst.
    pub incumbent: Vec<f64>,
    /// The candidate's, in the same order.
    pub candidate: Vec<f64>,
    /// Why there are none. No agent is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// What a question to the hidden instances ended with; all that agents learn of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HoldoutOutcome {
    /// The candidate is better by more than one standard error.
    Passed,
    /// It is not.
    NotPassed,
    /// The candidate's run gave nothing to compare.
    NoResult,
    /// The incumbent's run gave nothing to compare.
    NoBase,
    /// The set was asked too often to say anything more.
    Retired,
}
