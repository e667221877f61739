//! `[backend]`, `[sandbox]` and `[run]`: who proposes and builds, how far it is kept apart, how many
//! candidates are built at a time, and how many variants there are of each.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::measurement::SandboxTier;

/// `[backend]`: programs of others that play roles.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BackendSection {
    /// Any program, for `--backend command`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<CommandBackend>,
}

/// `[backend.command]`: a program that reads a stage's input as JSON and prints its result as JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CommandBackend {
    /// Command line, split like a shell would; it runs at the root of a tree of its own.
    pub run: String,
    /// Longest run for one answer, in seconds.
    #[serde(default = "default_timeout")]
    pub timeout: u64,
    /// The roles it plays; without them it is asked for each, and may decline.
    #[serde(default)]
    pub roles: Vec<Role>,
    /// Whether it may use the network.
    #[serde(default)]
    pub network: bool,
    /// Names of variables that it gets from your environment, such as the key of a model.
    #[serde(default)]
    pub env: Vec<String>,
    /// Absolute paths that it may read beside the programs that are shown to everybody.
    #[serde(default)]
    pub read: Vec<String>,
}

/// What a backend may be asked for.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Says what could be improved.
    Researcher,
    /// Says what to try, and what must be shown for it.
    Strategist,
    /// Edits files.
    Builder,
    /// Objects to a diff.
    Reviewer,
}

impl Role {
    /// Every role, in the order of a cycle.
    pub const ALL: [Self; 4] = [
        Self::Researcher,
        Self::Strategist,
        Self::Builder,
        Self::Reviewer,
    ];

    /// Returns the snake-case name used in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Researcher => "researcher",
            Self::Strategist => "strategist",
            Self::Builder => "builder",
            Self::Reviewer => "reviewer",
        }
    }
}

fn default_timeout() -> u64 {
    1800
}

/// `[sandbox]`: how far code that others wrote is kept apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SandboxSection {
    /// The least that a backend of others, and what it builds, must run under; `T0` is no protection.
    pub min_tier: SandboxTier,
}

impl Default for SandboxSection {
    fn default() -> Self {
        Self {
            min_tier: SandboxTier::T2,
        }
    }
}

/// `[run]`: how the loop goes about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RunSection {
    /// How many candidates are built at a time; they are always measured one by one.
    pub parallel: u32,
    /// How many variants of one hypothesis compete for its one test of a metric.
    pub variants: u32,
}

impl Default for RunSection {
    fn default() -> Self {
        Self {
            parallel: 1,
            variants: 1,
        }
    }
}
