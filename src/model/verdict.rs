//! How an experiment ended, and the numbers that say so.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::violation::Violation;

/// The classes of an outcome.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The claim was tested and holds.
    Keep,
    /// Measured, and not worth having.
    Revert,
    /// Undecided within the budget; may be resumed.
    Inconclusive,
    /// The infrastructure failed: says nothing about the candidate.
    Spurious,
    /// A gate forbade it before or during measurement.
    Vetoed,
}

impl Verdict {
    /// Every verdict, in the order reports list them.
    pub const ALL: [Self; 5] = [
        Self::Keep,
        Self::Revert,
        Self::Inconclusive,
        Self::Spurious,
        Self::Vetoed,
    ];

    /// Returns the snake-case name used in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Revert => "revert",
            Self::Inconclusive => "inconclusive",
            Self::Spurious => "spurious",
            Self::Vetoed => "vetoed",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A verdict with everything needed to check it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Decision {
    /// The class.
    pub verdict: Verdict,
    /// Why, most important first, in sentence fragments.
    pub reasons: Vec<String>,
    /// The broken rules behind a veto.
    pub violations: Vec<Violation>,
    /// What moved, where something was measured.
    pub effect: Option<Effect>,
    /// The statistics of a noisy test.
    pub statistics: Option<Statistics>,
}

impl Decision {
    /// Returns a decision that rests on reasons alone.
    pub fn plain(verdict: Verdict, reason: impl Into<String>) -> Self {
        Self {
            verdict,
            reasons: vec![reason.into()],
            violations: Vec::new(),
            effect: None,
            statistics: None,
        }
    }

    /// Returns the veto that these violations make.
    pub fn vetoed(violations: Vec<Violation>) -> Self {
        Self {
            verdict: Verdict::Vetoed,
            reasons: violations.iter().map(ToString::to_string).collect(),
            violations,
            effect: None,
            statistics: None,
        }
    }
}

/// What moved, in native units.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Effect {
    /// The dimension or metric.
    pub metric: String,
    /// Its unit.
    pub unit: String,
    /// The incumbent's value (median over its runs).
    pub before: f64,
    /// The candidate's value (median over its runs).
    pub after: f64,
    /// Relative improvement, positive is better: 0.06 is "6 % better"; `None` from a zero base.
    pub relative: Option<f64>,
    /// An interval for the relative improvement at 95 %, valid at any stopping time.
    pub interval: Option<(f64, f64)>,
    /// The relative improvement that is to be believed, given all that was ever measured of the metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shrunken: Option<f64>,
}

/// The state of a sequential test when it stopped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Statistics {
    /// `S` or `B`.
    pub kernel: String,
    /// Pairs that were run.
    pub n_pairs: u32,
    /// Natural logarithm of the e-value against "no better than the incumbent".
    pub ln_e: f64,
    /// Natural logarithm of the likelihood ratio of "no effect" against "an effect of δ".
    pub ln_futility: f64,
    /// The level it was tested at.
    pub alpha: f64,
    /// The smallest effect worth keeping, in units of the pair difference.
    pub delta: f64,
    /// The standard deviation of one pair difference.
    pub sigma: f64,
    /// Mean of the pair differences.
    pub mean: f64,
    /// The effect that is to be believed, given all that was ever measured of the metric, in units of the
    /// pair difference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shrunken: Option<f64>,
    /// Losses more frequent than this share of runs are excluded: 3/n; 1 where the test is of the mean.
    pub excluded_loss_rate: f64,
    /// The e-value's natural logarithm after each pair.
    pub path: Vec<f64>,
}
