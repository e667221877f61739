//! The turns of two sides that improve against each other.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One of the two sides of a research problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The side of `[research]` itself; it begins.
    First,
    /// The side of `[research.opponent]`.
    Opponent,
}

impl Side {
    /// Returns the other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::First => Self::Opponent,
            Self::Opponent => Self::First,
        }
    }
}

/// How a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TurnEnd {
    /// Its number is as good as `enough` asks for.
    Enough,
    /// Too many experiments in a row were not kept.
    Plateau,
    /// Nothing was left to try.
    NothingLeft,
    /// The other side was changed by somebody else.
    OtherChanged,
}

/// The turn that an experiment belongs to: one side is worked on, the other stays as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Turn {
    /// From 1, over all runs.
    pub number: u32,
    /// Whose turn.
    pub side: Side,
    /// Its number when the turn began, measured against the other side as it was then.
    pub began: f64,
    /// A hash of the other side's files: numbers against another opponent do not compare.
    pub against: String,
    /// How the turn before ended; none for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<TurnEnd>,
    /// Whether the wider surface was open.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wide: bool,
}
