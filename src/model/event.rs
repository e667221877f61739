//! What a run tells its reporters, as it happens.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::id::{CommitSha, ExperimentId, RunId};
use super::verdict::{Decision, Verdict};

/// One thing worth telling; console and JSON lines are reporters over the same enum.
#[expect(
    clippy::large_enum_variant,
    reason = "one lives at a time, and is told and dropped"
)]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum RunEvent {
    /// The loop began.
    RunStarted {
        /// Its id.
        run: RunId,
        /// The target's root.
        target: String,
        /// The incumbent.
        incumbent: CommitSha,
    },
    /// A step outside any experiment began: `prepare`, `baseline`, `first report`, `calibration`.
    PhaseStarted {
        /// Its name.
        phase: String,
        /// What is being done, in a fragment.
        detail: String,
    },
    /// That step ended.
    PhaseFinished {
        /// Its name.
        phase: String,
        /// What came out, in a fragment.
        detail: String,
        /// Seconds it took.
        seconds: f64,
    },
    /// Something a person should know and can do something about.
    Notice {
        /// The sentence.
        text: String,
    },
    /// An experiment began.
    ExperimentStarted {
        /// Its number.
        id: ExperimentId,
        /// The hypothesis's title.
        title: String,
        /// The hypothesis's structural key.
        key: String,
        /// `moves lint`, `keeps`.
        claim: String,
        /// How many hypotheses wait behind it.
        waiting: usize,
    },
    /// An experiment entered a stage: `build`, `gate`, `measure`, `decide`, `land`.
    StageStarted {
        /// Its number.
        id: ExperimentId,
        /// The stage.
        stage: String,
        /// What is being done, in a fragment.
        detail: String,
    },
    /// A noisy test was planned, and nothing of it was paid for yet.
    TestPlanned {
        /// Its number.
        id: ExperimentId,
        /// The metric.
        metric: String,
        /// Its unit.
        unit: String,
        /// The most pairs there can be.
        n_max: u32,
        /// Fewer than the table has, because the budget does not pay for them.
        shortened: bool,
        /// The smallest effect that counts, in the metric's own unit.
        delta: f64,
        /// The same as a share of its level.
        delta_share: Option<f64>,
        /// Expected seconds until a candidate without an effect is given up.
        seconds_null: f64,
        /// Expected seconds until a keep, where the effect is twice the smallest.
        seconds_keep: f64,
        /// Seconds that it takes at most.
        seconds_most: f64,
        /// What else was fixed before the first pair: guards, and what building again changes.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        notes: Vec<String>,
    },
    /// One randomised pair was measured.
    PairMeasured {
        /// Its number.
        id: ExperimentId,
        /// The metric.
        metric: String,
        /// Its unit.
        unit: String,
        /// Pairs so far.
        n: u32,
        /// The most there can be.
        n_max: u32,
        /// The incumbent's value, if the run gave one.
        incumbent: Option<f64>,
        /// The candidate's value, if the run gave one.
        candidate: Option<f64>,
        /// The e-value so far; of a metric that is watched for a loss, the likelihood ratio.
        e_value: f64,
        /// The e-value that keeps, or the likelihood ratio that turns away.
        needed: f64,
        /// Whether the metric is watched for a loss, and no claim is about it.
        #[serde(default)]
        watched: bool,
    },
    /// An experiment has its verdict.
    ExperimentFinished {
        /// Its number.
        id: ExperimentId,
        /// The hypothesis's title.
        title: String,
        /// The verdict with its reasons.
        decision: Decision,
        /// Seconds it took.
        seconds: f64,
    },
    /// The loop ended.
    RunFinished {
        /// How many experiments ended each way.
        counts: Vec<(Verdict, usize)>,
        /// Why it ended.
        reason: String,
        /// Seconds it took.
        seconds: f64,
    },
}
