//! The shape of `factory.toml`; every key has a default except in the tables that a person writes.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::backend::{BackendSection, RunSection, SandboxSection};
use super::language::Language;
use super::research::Research;
use crate::decision::Preset;
use crate::gate::Permission;
use crate::model::dimension::Direction;
use crate::model::tail::Tail;

/// The whole of `factory.toml`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Profile {
    /// What an experiment may touch.
    pub scope: Scope,
    /// How trees are evaluated.
    pub eval: EvalSection,
    /// How noisy claims are decided.
    pub decision: DecisionSection,
    /// The first report.
    pub report: ReportSection,
    /// Where kept work goes.
    pub landing: LandingSection,
    /// Programs of others that propose and build.
    pub backend: BackendSection,
    /// How far code that others wrote is kept apart.
    pub sandbox: SandboxSection,
    /// How the loop goes about it.
    pub run: RunSection,
    /// Commands that replace or extend the discovered ones.
    pub commands: Commands,
    /// Languages that have no adapter, by their commands.
    #[serde(rename = "language")]
    pub languages: Vec<Language>,
    /// Commands that must exit 0.
    #[serde(rename = "guard")]
    pub guards: Vec<Guard>,
    /// The project's own numbers.
    #[serde(rename = "metric")]
    pub metrics: Vec<Metric>,
    /// Floors and ceilings that no experiment may cross.
    #[serde(rename = "constraint")]
    pub constraints: Vec<Constraint>,
    /// Constants that may be given other values.
    #[serde(rename = "parameter")]
    pub parameters: Vec<Parameter>,
    /// One number to improve, with `--mode research`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub research: Option<Research>,
}

/// `[scope]`: what an experiment may touch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Scope {
    /// Globs that an experiment may touch.
    pub mutable: Vec<String>,
    /// Globs that it may not, beyond tests and tool configuration.
    pub fixed: Vec<String>,
    /// What every experiment may change without its claim saying so: `deps`, `api`, `minimum_version`.
    pub may_change: Vec<Permission>,
}

impl Default for Scope {
    fn default() -> Self {
        Self {
            mutable: vec!["**".into()],
            fixed: Vec::new(),
            may_change: Vec::new(),
        }
    }
}

/// `[eval]`: how trees are evaluated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EvalSection {
    /// Floor of the composite, in [0, 1].
    pub threshold: f64,
    /// Longest run of one command on the incumbent, in seconds.
    pub timeout_seconds: u64,
    /// Shares of the tiers; without them 50/50/0, or 30/20/50 with metrics.
    pub weights: Option<WeightsSection>,
    /// A command that must exit 0 in a tree that works.
    pub smoke: Option<String>,
    /// Names of dimensions that are left out.
    pub skip: Vec<String>,
    /// Whether the time of the whole suite is a metric, `suite_seconds`.
    pub suite_time: bool,
    /// Whether evaluated commands may use the network.
    pub network: bool,
}

impl Default for EvalSection {
    fn default() -> Self {
        Self {
            threshold: 0.0,
            timeout_seconds: 1800,
            weights: None,
            smoke: None,
            skip: Vec::new(),
            suite_time: false,
            network: false,
        }
    }
}

/// `[eval.weights]`: the shares of the tiers in the composite; they sum to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WeightsSection {
    /// Tests, lint, types, coverage, guards, config.
    pub hygiene: f64,
    /// Capability, observability.
    pub growth: f64,
    /// The project's own metrics.
    pub project: f64,
}

/// `[decision]`: how noisy claims are decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DecisionSection {
    /// Of all that is ever kept on a noisy metric, at most this share is expected to be flukes.
    pub alpha: f64,
    /// How small an effect is worth how many runs: `fast`, `balanced` or `thorough`; what a keep claims is the same.
    pub preset: Preset,
}

impl Default for DecisionSection {
    fn default() -> Self {
        Self {
            alpha: 0.05,
            preset: Preset::Balanced,
        }
    }
}

/// `[report]`: limits of the first report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReportSection {
    /// Seconds that sampled mutants may take.
    pub seconds: u64,
    /// The most mutants that are sampled.
    pub mutants: u32,
}

impl Default for ReportSection {
    fn default() -> Self {
        Self {
            seconds: 60,
            mutants: 20,
        }
    }
}

/// `[landing]`: where kept work goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LandingSection {
    /// The branch that kept work grows on.
    pub branch: String,
}

impl Default for LandingSection {
    fn default() -> Self {
        Self {
            branch: "factory/best".into(),
        }
    }
}

/// `[commands]`: what replaces or extends the discovered commands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Commands {
    /// Arguments added to the test runner, by language (`rust`, `python`, `javascript`, `go`).
    pub test_args: BTreeMap<String, Vec<String>>,
    /// The Python interpreter, if not the one found.
    pub python: Option<String>,
    /// A command line that installs what tests in Python need, in place of the discovered one.
    pub prepare: Option<String>,
}

/// `[[guard]]`: a command that must exit 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Guard {
    /// Its name in reports.
    pub name: String,
    /// Command line, split like a shell would, run at the root.
    pub run: String,
}

/// `[[metric]]`: one of the project's own numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Metric {
    /// Unique name.
    pub name: String,
    /// Command line that builds what is measured; run once per arm, not timed.
    #[serde(default)]
    pub build: Option<String>,
    /// Command line that is run before each run, not timed: it undoes what the run before left.
    #[serde(default)]
    pub before: Option<String>,
    /// Command line that prints the number.
    pub run: String,
    /// How the number is found: `metric` (a line `METRIC name=value`), `json:POINTER`, `regex:PATTERN`, `exit`, `seconds` (wall time by the harness), or the geometric mean over what a benchmark runner prints, in ns: `criterion`, `divan`, `pytest-benchmark`, `go-bench`, `vitest-bench`.
    #[serde(default = "default_parser")]
    pub parser: String,
    /// `minimize` or `maximize`.
    pub direction: Direction,
    /// Unit, as printed behind the number.
    #[serde(default)]
    pub unit: String,
    /// Smallest native difference that counts.
    #[serde(default)]
    pub tolerance: Option<f64>,
    /// The same tree always gives the same number.
    #[serde(default)]
    pub deterministic: bool,
    /// Longest run, in seconds.
    #[serde(default)]
    pub timeout_seconds: Option<u64>,
    /// Measured only where a hypothesis claims to move it; no part of the evaluation of a tree.
    #[serde(default)]
    pub only_claimed: bool,
    /// What must not get worse in rare runs while typical ones gain: `p95` and `p99` of the values that one run prints as lines `SAMPLE name=value`, and `failures`, runs without a number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tail: Vec<Tail>,
    /// Globs of everything of the tree (or of the build folder, as `$FACTORY_BUILD_DIR/…`) that `run` reads or executes: where all of it has the same bytes in both arms, no pair is run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<String>,
}

impl Metric {
    /// Returns the metric that `eval.suite_time` asks for.
    pub fn suite_seconds() -> Self {
        Self {
            name: "suite_seconds".into(),
            build: None,
            before: None,
            run: "suite".into(),
            parser: "suite".into(),
            direction: Direction::Minimize,
            unit: "s".into(),
            tolerance: None,
            deterministic: false,
            timeout_seconds: None,
            only_claimed: false,
            tail: Vec::new(),
            reads: Vec::new(),
        }
    }
}

pub(super) fn default_parser() -> String {
    "metric".into()
}

/// `[[constraint]]`: a floor or a ceiling that no experiment may cross.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Constraint {
    /// A dimension or metric; compared in native units.
    pub metric: String,
    /// Floor.
    #[serde(default)]
    pub min: Option<f64>,
    /// Ceiling.
    #[serde(default)]
    pub max: Option<f64>,
}

/// `[[parameter]]`: a constant that may be given other values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// Source file.
    #[schemars(with = "String")]
    pub file: Utf8PathBuf,
    /// Name of the constant.
    pub name: String,
    /// Values to try, as literals of the language; or else a range, from `low` to `high`.
    #[serde(default)]
    pub choices: Vec<String>,
    /// Least value of a range that is searched; whole numbers where the constant is one.
    #[serde(default)]
    pub low: Option<f64>,
    /// Most.
    #[serde(default)]
    pub high: Option<f64>,
    /// Steps of the range are ratios, not differences.
    #[serde(default)]
    pub log: bool,
    /// The most values of the range that are tried.
    #[serde(default = "default_trials")]
    pub trials: u32,
    /// The metric that it may move.
    pub metric: String,
    /// Why it may pay.
    #[serde(default)]
    pub why: String,
}

fn default_trials() -> u32 {
    12
}

/// The values that a search may try.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// Least.
    pub low: f64,
    /// Most.
    pub high: f64,
    /// Steps are ratios, not differences.
    pub log: bool,
}

impl Parameter {
    /// Returns the range to search, where one is declared.
    pub fn range(&self) -> Option<Range> {
        Some(Range {
            low: self.low?,
            high: self.high?,
            log: self.log,
        })
    }
}
