//! Questions to the archive, and their answers.

use camino::Utf8PathBuf;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::stats::population::{mean_half_width, share_interval};

/// The error of every interval that is shown.
const ERROR: f64 = 0.05;

/// What experiments are grouped by.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, clap::ValueEnum,
)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// Fix, exploit, explore or combine.
    Category,
    /// The target's root.
    Target,
    /// Moves, meets, keeps or maintains.
    Claim,
    /// How they ended.
    Verdict,
    /// What moved or was to move.
    Metric,
    /// Who played the roles.
    Backend,
    /// The week in which the record was closed.
    Week,
}

impl By {
    /// Returns its name, which is also that of the archive's column.
    pub fn name(self) -> &'static str {
        match self {
            Self::Category => "category",
            Self::Target => "target",
            Self::Claim => "claim",
            Self::Verdict => "verdict",
            Self::Metric => "metric",
            Self::Backend => "backend",
            Self::Week => "week",
        }
    }
}

/// A question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// What experiments are grouped by; one group of all without any.
    pub by: Vec<By>,
    /// Only of these targets; of all without any.
    pub targets: Vec<Utf8PathBuf>,
    /// Only what was closed then or later.
    pub since: Option<Timestamp>,
}

/// The experiments that agree in what they are grouped by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Group {
    /// What they agree in, in the order that was asked for; empty where an experiment has none.
    pub key: Vec<String>,
    /// All of them.
    pub experiments: u64,
    /// Of those, how many say nothing because the infrastructure failed.
    pub spurious: u64,
    /// How many were kept.
    pub kept: u64,
    /// Of those, how many were un-kept later: a person rejected them, or an audit took them out.
    pub unkept: u64,
    /// Kept experiments among those that say something.
    pub keep_rate: Estimate,
    /// How many measured an effect.
    pub measured: u64,
    /// Their mean relative effect as it was measured; positive is better.
    pub effect_raw: Option<f64>,
    /// Their mean relative effect, each drawn towards 0 by what the record shows.
    pub effect: Option<Estimate>,
    /// Evaluations of a tree.
    pub evals: u64,
    /// Runs of a metric's command.
    pub metric_runs: u64,
    /// Wall time.
    pub seconds: f64,
    /// Tokens of a model.
    pub tokens: u64,
    /// Money.
    pub usd: f64,
}

/// A number with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Estimate {
    /// The number; `None` where nothing was seen.
    pub value: Option<f64>,
    /// The lower end; `None` where the interval has none.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
}

impl Estimate {
    /// Returns the share that was `k` of `n`, with its interval.
    pub fn share(k: u64, n: u64) -> Self {
        if n == 0 {
            return Self {
                value: None,
                low: None,
                high: None,
            };
        }
        let (low, high) = share_interval(k, n, ERROR);
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
        let value = k as f64 / n as f64;
        Self {
            value: Some(value),
            low: Some(low),
            high: Some(high),
        }
    }

    /// Returns a mean of `n` values with that standard deviation, with its interval.
    pub fn mean(mean: f64, n: u64, deviation: Option<f64>) -> Self {
        let half = deviation.and_then(|it| mean_half_width(n, it, ERROR));
        Self {
            value: Some(mean),
            low: half.map(|it| mean - it),
            high: half.map(|it| mean + it),
        }
    }
}
