//! How dimensions are made, and the formulas behind their scores.
//!
//! Every score that counts findings is `half / (half + count)`: strictly falling with each finding,
//! and without any size. Adding files, functions, log lines or tests that pass therefore raises
//! nothing. `half` is the count at which the score is one half.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Lab;
use crate::config::EvalSection;
use crate::model::dimension::{Dimension, Direction, Evaluation, Native, Status, Tier};
use crate::model::finding::{Finding, TestRun};
use crate::model::id::{MetricName, TreeSha};
use crate::model::violation::{Rule, Violation};
use crate::score::{Weights, falling};

/// Failing tests at which `tests` is one half.
pub(super) const HALF_TESTS: f64 = 2.0;
/// Findings at which `lint` is one half.
pub(super) const HALF_LINT: f64 = 50.0;
/// Findings at which `types` is one half.
pub(super) const HALF_TYPES: f64 = 20.0;
/// Uncovered lines at which `coverage` is one half.
pub(super) const HALF_COVERAGE: f64 = 500.0;
/// Broken manifests at which `config` is one half.
pub(super) const HALF_CONFIG: f64 = 1.0;
/// Silent failure paths at which `observability` is one half.
pub(super) const HALF_OBSERVABILITY: f64 = 20.0;

/// A dimension's name, tier and share within it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Kind {
    /// The dimension's name.
    pub(super) name: String,
    /// Its tier.
    pub(super) tier: Tier,
    /// Its share within the tier.
    pub(super) weight: f64,
}

impl Kind {
    /// Returns a kind of the hygiene tier.
    pub(super) fn hygiene(name: &str, weight: f64) -> Self {
        Self::of(name, Tier::Hygiene, weight)
    }

    /// Returns a kind of the growth tier.
    pub(super) fn growth(name: &str, weight: f64) -> Self {
        Self::of(name, Tier::Growth, weight)
    }

    /// Returns a kind of the project tier; the project's metrics weigh the same.
    pub(super) fn project(name: &str) -> Self {
        Self::of(name, Tier::Project, 1.0)
    }

    fn of(name: &str, tier: Tier, weight: f64) -> Self {
        Self {
            name: name.to_owned(),
            tier,
            weight,
        }
    }

    /// Returns a dimension whose number exists.
    pub(super) fn measured(&self, score: f64, native: Option<Native>, detail: String) -> Dimension {
        self.dimension(Status::Measured, Some(score), native, detail)
    }

    /// Returns a dimension that counts `count` bad things.
    pub(super) fn counted(&self, count: usize, half: f64, unit: &str, detail: String) -> Dimension {
        let value = as_number(count);
        self.measured(falling(value, half), Some(fewer(value, unit)), detail)
    }

    /// Returns a dimension whose tool ran and broke.
    pub(super) fn failed(&self, reason: impl Into<String>) -> Dimension {
        self.dimension(Status::Failed, Some(0.0), None, reason.into())
    }

    /// Returns a dimension that has no number, with the reason and the cure.
    pub(super) fn not_measured(&self, reason: impl Into<String>) -> Dimension {
        self.dimension(Status::NotMeasured, None, None, reason.into())
    }

    fn dimension(
        &self,
        status: Status,
        score: Option<f64>,
        native: Option<Native>,
        detail: String,
    ) -> Dimension {
        Dimension {
            name: self
                .name
                .parse::<MetricName>()
                .unwrap_or_else(|_| "unnamed".parse().expect("a plain word is a metric name")),
            tier: self.tier,
            weight: self.weight,
            score,
            native,
            status,
            detail,
        }
    }
}

/// Returns a quantity of which less is better.
pub(super) fn fewer(value: f64, unit: &str) -> Native {
    Native {
        value,
        unit: unit.to_owned(),
        direction: Direction::Minimize,
    }
}

/// Returns a quantity of which more is better.
pub(super) fn more(value: f64, unit: &str) -> Native {
    Native {
        value,
        unit: unit.to_owned(),
        direction: Direction::Maximize,
    }
}

/// Returns a count as a number; exact below 2^53.
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
pub(super) fn as_number(count: usize) -> f64 {
    count as f64
}

/// An evaluation in the making.
#[derive(Default)]
pub(super) struct Draft {
    /// Dimensions so far.
    pub(super) dimensions: Vec<Dimension>,
    /// What forbids the tree so far.
    pub(super) vetoes: Vec<Violation>,
    /// The suite's outcome.
    pub(super) tests: TestRun,
    /// Findings behind lint and types.
    pub(super) findings: Vec<Finding>,
}

impl Draft {
    /// Adds a veto that has no place.
    pub(super) fn veto(&mut self, rule: Rule, detail: impl Into<String>) {
        self.vetoes.push(Violation::of(rule, detail));
    }

    /// Closes the evaluation.
    pub(super) fn finish(self, lab: &Lab, tree: &TreeSha, wall: Duration) -> Evaluation {
        let mut evaluation = Evaluation {
            schema: "factory.eval/1".to_owned(),
            commit: None,
            tree: tree.clone(),
            score: None,
            threshold: lab.profile.eval.threshold,
            tiers: BTreeMap::new(),
            dimensions: self.dimensions,
            vetoes: self.vetoes,
            tests: self.tests,
            findings: self.findings,
            binding: lab.binding(),
            sandbox: lab.sandbox.report(),
            seconds: wall.as_secs_f64(),
        };
        lab.compose(&mut evaluation);
        evaluation
    }
}

/// Returns the shares of the tiers: the profile's, or those that go with these dimensions.
pub(super) fn weights(section: &EvalSection, dimensions: &[Dimension]) -> Weights {
    section.weights.map_or_else(
        || Weights::default_for(dimensions),
        |it| Weights {
            hygiene: it.hygiene,
            growth: it.growth,
            project: it.project,
        },
    )
}
