//! Guards on the tail of a noisy metric: what a gain in typical runs must not be paid with.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::measurement::Scale;

/// Which part of the tail is watched.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Tail {
    /// The value than which one in twenty of those that a run prints is worse.
    P95,
    /// The value than which one in a hundred is worse.
    P99,
    /// Runs that fail, time out or print no usable number.
    Failures,
}

impl Tail {
    /// Returns the share of a run's values that are no worse; `None` for what is counted over runs.
    pub fn quantile(self) -> Option<f64> {
        match self {
            Self::P95 => Some(0.95),
            Self::P99 => Some(0.99),
            Self::Failures => None,
        }
    }

    /// Returns the fewest values in which one at least is worse.
    pub fn fewest_values(self) -> usize {
        match self {
            Self::P95 => 20,
            Self::P99 => 100,
            Self::Failures => 0,
        }
    }
}

impl fmt::Display for Tail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::Failures => "failures",
        })
    }
}

/// The tail of one run.
pub type Tails = BTreeMap<Tail, f64>;

/// What the A/A pairs showed of a part of the tail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TailNoise {
    /// Which.
    pub tail: Tail,
    /// How two runs are compared.
    pub scale: Scale,
    /// A/A pair differences, positive where the second arm's tail is better.
    pub differences: Vec<f64>,
    /// Median over the runs.
    pub level: f64,
}

/// A guard on the tail, judged on the same pairs as the claim; frozen with its plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TailGuard {
    /// Which part of the tail.
    pub tail: Tail,
    /// The loss that is looked for, in units of the pair difference; for failures, the share of runs.
    pub epsilon: f64,
    /// The standard deviation of one pair difference; for failures, the share of runs that is expected to
    /// fail anyway.
    pub sigma: f64,
}
