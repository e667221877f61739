//! Scored qualities of a tree and the document that holds them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::finding::{Finding, TestRun};
use super::id::{CommitSha, MetricName, TreeSha};
use super::measurement::{Binding, SandboxReport};
use super::violation::Violation;

/// The group a dimension belongs to; groups, not dimensions, share the composite.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// Tests, lint, types, coverage, guards, config.
    Hygiene,
    /// Capability, observability, diversity, research, effectiveness.
    Growth,
    /// The project's own metrics.
    Project,
}

/// Whether a number exists, and why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// This binary ran the tool and read its answer.
    Measured,
    /// No tool, or nothing to measure: left out of the composite and named.
    NotMeasured,
    /// The tool ran and broke: the score is 0, and the detail says why.
    Failed,
}

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// More is better.
    Maximize,
    /// Less is better.
    Minimize,
}

impl Direction {
    /// Returns by how much `candidate` beats `incumbent`; negative when it loses.
    pub fn gain(self, incumbent: f64, candidate: f64) -> f64 {
        match self {
            Self::Maximize => candidate - incumbent,
            Self::Minimize => incumbent - candidate,
        }
    }
}

/// A quantity in the unit people think in: `3 findings`, `81.5 %`, `12.4 ms`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Native {
    /// The quantity.
    pub value: f64,
    /// Its unit, as printed behind the number.
    pub unit: String,
    /// Which way is better.
    pub direction: Direction,
}

/// One scored quality of one tree.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Dimension {
    /// Its name, unique in the document.
    pub name: MetricName,
    /// The group it belongs to.
    pub tier: Tier,
    /// Its share within its tier, before the tier's own weight; informing dimensions have 0.
    pub weight: f64,
    /// In [0, 1]; `None` exactly when the status is `not_measured`.
    pub score: Option<f64>,
    /// The quantity behind the score.
    pub native: Option<Native>,
    /// Whether the number exists.
    pub status: Status,
    /// What was run, what was found, or why nothing could be.
    pub detail: String,
}

/// Everything one evaluation of one tree found out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evaluation {
    /// `factory.eval/1`.
    pub schema: String,
    /// The commit that was asked for, if it was one.
    pub commit: Option<CommitSha>,
    /// The tree that was evaluated.
    pub tree: TreeSha,
    /// The composite in [0, 1]; `None` when no dimension was measured.
    pub score: Option<f64>,
    /// The floor that the composite is held against.
    pub threshold: f64,
    /// The score of each tier that has one.
    pub tiers: BTreeMap<Tier, f64>,
    /// Every dimension, measured or not.
    pub dimensions: Vec<Dimension>,
    /// What forbids this tree, whatever its score.
    pub vetoes: Vec<Violation>,
    /// The tests that ran, by canonical id.
    pub tests: TestRun,
    /// The findings behind lint and types.
    pub findings: Vec<Finding>,
    /// What the numbers are bound to.
    pub binding: Binding,
    /// How isolated the evaluation was.
    pub sandbox: SandboxReport,
    /// Wall time, in seconds.
    pub seconds: f64,
}

impl Evaluation {
    /// Returns the dimension of that name.
    pub fn dimension(&self, name: &str) -> Option<&Dimension> {
        self.dimensions.iter().find(|it| it.name.as_str() == name)
    }

    /// Returns whether the tree built and its suite could be collected.
    pub fn is_sound(&self) -> bool {
        !self.vetoes.iter().any(|it| it.rule.means_unsound())
    }
}
