//! What was measured, by which arm, and what the number is bound to.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::id::{MetricName, TreeSha};
use super::tail::{TailGuard, TailNoise, Tails};

/// The two sides of an experiment.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Arm {
    /// The unchanged code.
    Incumbent,
    /// The changed code.
    Candidate,
}

impl Arm {
    /// Returns the other arm.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Incumbent => Self::Candidate,
            Self::Candidate => Self::Incumbent,
        }
    }
}

/// What a measurement is bound to; two measurements compare only when these agree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Binding {
    /// This program's version and source revision.
    pub harness: String,
    /// Hash of the profile, the commands and the parsers.
    pub eval_hash: String,
    /// Hash of machine, operating system, tool paths and versions.
    pub environment: String,
    /// The seed of everything drawn at random.
    pub seed: u64,
}

/// How isolated the evaluated code was, from what was observed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SandboxReport {
    /// The tier that took effect.
    pub tier: SandboxTier,
    /// Whether the code could reach the network.
    pub network: bool,
    /// What that means, in a sentence.
    pub note: String,
}

/// How much a sandbox keeps apart, least first.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum SandboxTier {
    /// A child process with limits, and nothing more.
    T0,
    /// Landlock and seccomp.
    T1,
    /// Namespaces.
    T2,
    /// A container.
    T3,
    /// Another machine, which reports its own tier.
    T4,
}

/// How one run of a metric's command ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Sample {
    /// The parser found one finite number.
    Value {
        /// In the metric's native unit.
        value: f64,
    },
    /// The command failed, timed out, or printed no usable number.
    Failed {
        /// Why, with the exit status.
        reason: String,
    },
}

impl Sample {
    /// Returns the number, if there is one.
    pub fn value(&self) -> Option<f64> {
        match self {
            Self::Value { value } => Some(*value),
            Self::Failed { .. } => None,
        }
    }
}

/// One run of the metric's command on one arm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Measurement {
    /// Which side.
    pub arm: Arm,
    /// The tree that was run.
    pub tree: TreeSha,
    /// What came out.
    pub sample: Sample,
    /// Wall time, in seconds, by the harness's own clock.
    pub seconds: f64,
    /// The tail of the values that it printed, where the metric has a guard on it.
    #[serde(default, skip_serializing_if = "Tails::is_empty")]
    pub tail: Tails,
}

/// One run of both arms, in an order that a fair coin chose.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Pair {
    /// Which arm ran first.
    pub first: Arm,
    /// The incumbent's run.
    pub incumbent: Measurement,
    /// The candidate's run.
    pub candidate: Measurement,
    /// The instance that both ran, where the metric is a mean over instances.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
}

/// All raw samples behind one verdict on one metric, enough to compute it again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// The metric that the claim names.
    pub metric: MetricName,
    /// Its unit, for reports.
    pub unit: String,
    /// The test that was applied, with every parameter.
    pub plan: TestPlan,
    /// In the order they were run.
    pub pairs: Vec<Pair>,
}

/// Which test decides, fixed before the first run of the candidate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kernel")]
pub enum TestPlan {
    /// Kernel D: deterministic; both arms measured, and both confirmed once.
    Deterministic {
        /// Which way is better.
        direction: super::dimension::Direction,
        /// The smallest difference that counts, in native units.
        delta: f64,
        /// Replicate comparisons ever made of this metric, this one included.
        n_rep: u32,
    },
    /// Kernel S: sign betting on randomised pairs.
    SignBetting(SignPlan),
    /// Kernel B: betting on scores in [0, 1], one pair for each instance.
    Bounded(BoundedPlan),
    /// No kernel: a metric that the claim is not about is watched for a loss.
    Watch(WatchPlan),
}

/// The frozen parameters of a kernel-S test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SignPlan {
    /// Which way is better.
    pub direction: super::dimension::Direction,
    /// How a pair becomes one number.
    pub scale: Scale,
    /// The level of this one experiment.
    pub alpha: f64,
    /// Its place in the stream of tests of this metric; none on records from before there were streams.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<StreamPlace>,
    /// The chance of giving up a true effect of size `delta`.
    pub beta: f64,
    /// The smallest effect worth keeping, in units of the pair difference.
    pub delta: f64,
    /// The non-inferiority margin; 0 for *moves* claims.
    pub epsilon: f64,
    /// What the change does to everything that is measured once, in units of the pair difference: added to
    /// each difference. Below 0 is a loss that the metric has to pay for.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub shift: f64,
    /// The standard deviation of one pair difference, from calibration; never 0.
    pub sigma: f64,
    /// What the scale of a single step never falls below while it learns; never 0.
    pub floor: f64,
    /// The longest run of pairs before the experiment is inconclusive.
    pub n_max: u32,
    /// When an effect worth keeping is given up.
    #[serde(default, skip_serializing_if = "GiveUp::is_first")]
    pub give_up: GiveUp,
    /// What must not get worse on the same pairs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guards: Vec<TailGuard>,
    /// The squared A/A differences summed, and how many there were.
    pub calibration: Calibration,
}

/// When a test on pairs gives up. The default is the rule of records that do not name one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GiveUp {
    /// The fewest pairs before it may.
    pub least_pairs: u32,
    /// A difference counts for at most so many standard deviations, or the smallest effect that counts.
    pub clip: f64,
}

impl Default for GiveUp {
    fn default() -> Self {
        Self {
            least_pairs: 1,
            clip: 3.0,
        }
    }
}

impl GiveUp {
    fn is_first(&self) -> bool {
        *self == Self::default()
    }
}

/// The frozen parameters of a kernel-B test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BoundedPlan {
    /// Which way is better.
    pub direction: super::dimension::Direction,
    /// The level of this one experiment.
    pub alpha: f64,
    /// Its place in the stream of tests of this metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<StreamPlace>,
    /// The chance of giving up a true effect of size `delta`.
    pub beta: f64,
    /// The smallest effect worth keeping, as a difference of mean scores.
    pub delta: f64,
    /// The non-inferiority margin; 0 for *moves* claims.
    pub epsilon: f64,
    /// What the change does to everything that is measured once, as a difference of mean scores.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub shift: f64,
    /// The standard deviation of one instance's difference between two runs of the same code; 0 where
    /// scores repeat.
    pub sigma: f64,
    /// The most pairs: every instance once.
    pub n_max: u32,
    /// Pairs between two looks.
    pub look_every: u32,
}

/// The frozen parameters of a watch: Wald's ratio of a loss against none, on a metric that a claim is not
/// about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WatchPlan {
    /// Which way is better.
    pub direction: super::dimension::Direction,
    /// How a pair becomes one number.
    pub scale: Scale,
    /// The loss that is looked for, in units of the pair difference.
    pub epsilon: f64,
    /// The standard deviation of one pair difference; 0 where runs of the same code give the same number.
    pub sigma: f64,
    /// On how many A/A pairs that rests.
    pub n_calibration: u32,
    /// How many metrics are watched together.
    pub among: u32,
    /// The pairs after which a loss that was not seen is not looked for any longer.
    pub n_pairs: u32,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the shape that serde asks for"
)]
fn is_zero(value: &f64) -> bool {
    value.abs() <= 0.0
}

/// Where a test stands among all tests of its metric.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StreamPlace {
    /// Counted from 1.
    pub index: u64,
    /// Of what the whole stream keeps, at most this share is expected to be flukes.
    pub alpha: f64,
}

/// How a pair of values becomes one difference, oriented so that positive is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// `candidate − incumbent`, times the direction's sign.
    Difference,
    /// `ln incumbent − ln candidate` for what is minimised, its negative otherwise.
    LogRatio,
}

/// What the A/A pairs of a metric showed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Calibration {
    /// A/A pair differences, oriented like the experiment's.
    pub differences: Vec<f64>,
    /// Whether every run gave the same number.
    pub deterministic: bool,
    /// Median of the runs' values, in the metric's native unit; 0 where no run gave one.
    pub level: f64,
    /// Median wall time of one run, in seconds.
    pub run_seconds: f64,
    /// What a person should know: heavy tails, a position effect.
    pub warnings: Vec<String>,
    /// What the experiments since then showed about the noise.
    #[serde(default, skip_serializing_if = "Pooled::is_empty")]
    pub pooled: Pooled,
    /// How many of the pairs were made on each separately built pair of trees, in order; none where all
    /// were made on one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub builds: Vec<u32>,
    /// What they showed of the tail, where it is guarded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tails: Vec<TailNoise>,
}

/// The noise around the mean of each experiment on a metric, added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Pooled {
    /// Squared deviations of the pair differences from their experiment's mean.
    pub sum_of_squares: f64,
    /// One less than the pairs of each experiment, added up; what is long past counts for less.
    pub degrees: f64,
}

impl Pooled {
    /// Returns whether there was no experiment yet.
    pub fn is_empty(&self) -> bool {
        self.degrees <= 0.0
    }
}
