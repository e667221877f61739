//! `[research]`: one number to improve, how it is measured, and what an experiment may touch for it.
//!
//! The section is a shorthand that the rest of the program need not know: [`Research::settle`] turns it
//! into a metric, surfaces, constraints and protected files of the profile.

use camino::Utf8PathBuf;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Constraint, Metric, Profile};
use crate::model::dimension::Direction;

/// `[research]`: one number to improve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Research {
    /// What is wanted, in a sentence or a page.
    pub objective: String,
    /// The metric's name.
    pub metric: String,
    /// `minimize` or `maximize`.
    pub direction: Direction,
    /// Command line that prints the number.
    pub run: String,
    /// How the number is found, as in `[[metric]]`.
    #[serde(default = "super::profile::default_parser")]
    pub parser: String,
    /// Unit, as printed behind the number.
    #[serde(default)]
    pub unit: String,
    /// The value at which the run is done.
    #[serde(default)]
    pub target: Option<f64>,
    /// Longest run, in seconds.
    #[serde(default)]
    pub timeout: Option<u64>,
    /// Globs that an experiment may touch.
    pub mutable: Vec<String>,
    /// Globs that it may not, and that no agent may read.
    #[serde(default)]
    pub fixed: Vec<String>,
    /// Floors and ceilings of other numbers.
    #[serde(default)]
    pub constraints: Vec<Constraint>,
    /// What a run may use up: `2h`, `40 experiments`, `5usd`, or several with commas.
    #[serde(default)]
    pub budget: Option<String>,
    /// Instances that no agent sees, on which a keep is checked.
    #[serde(default)]
    pub holdout: Option<Holdout>,
    /// Where `run` writes one JSON line for each instance: `id`, `score` in [0, 1] or `passed`, and for
    /// failures `status`, `stage`, `cause`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub instances: Option<Utf8PathBuf>,
    /// Globs, part of `mutable`, that are tried first.
    #[serde(default)]
    pub inner: Vec<String>,
    /// Globs, part of `mutable`, that are tried once the inner ones give nothing more.
    #[serde(default)]
    pub outer: Vec<String>,
    /// So many experiments in a row without a keep are a plateau.
    #[serde(default = "default_plateau")]
    pub plateau: u32,
    /// Whether a gain of the metric may pay for a loss elsewhere.
    #[serde(default)]
    pub trade: bool,
    /// How long functions are edited by trial for one experiment, and how many patches are built upon.
    #[serde(default)]
    pub genetic: Genetic,
    /// Values that may be searched.
    #[serde(default, rename = "parameter")]
    pub parameters: Vec<ResearchParameter>,
}

/// `[research.genetic]`: the search for patches of small edits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Genetic {
    /// Seconds of one search; 0 leaves functions alone.
    pub seconds: u64,
    /// How many of the best patches are built upon.
    pub population: u32,
}

impl Default for Genetic {
    fn default() -> Self {
        Self {
            seconds: 300,
            population: 8,
        }
    }
}

/// `[research.holdout]`: instances that no agent sees.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Holdout {
    /// Command line that is run on the hidden instances, and writes `research.instances` as `run` does.
    pub run: String,
    /// Globs of what only that command may read: in no builder's tree, in no other evaluation.
    pub files: Vec<String>,
}

/// `[[research.parameter]]`: a value that may be searched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResearchParameter {
    /// A TOML, JSON, YAML or source file.
    #[schemars(with = "String")]
    pub file: Utf8PathBuf,
    /// Dotted path of the value in a TOML, JSON or YAML file, or the name of a constant in a source file.
    #[serde(default)]
    pub key: Option<String>,
    /// Regular expression whose first group is the value, for any other file.
    #[serde(default)]
    pub pattern: Option<String>,
    /// `float`, `int`, `bool` or `choice`.
    #[serde(rename = "type")]
    pub kind: ParameterKind,
    /// Least value of `float` and `int`.
    #[serde(default)]
    pub low: Option<f64>,
    /// Most.
    #[serde(default)]
    pub high: Option<f64>,
    /// Steps are ratios, not differences.
    #[serde(default)]
    pub log: bool,
    /// The alternatives of `choice`, as they are written in the file.
    #[serde(default)]
    pub choices: Vec<String>,
}

/// What values a searched parameter has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ParameterKind {
    /// Real numbers.
    Float,
    /// Whole numbers.
    Int,
    /// `true` and `false`.
    Bool,
    /// One of `choices`.
    Choice,
}

fn default_plateau() -> u32 {
    10
}

impl Research {
    /// Writes what the section means into the rest of the profile.
    pub(super) fn settle(&self, profile: &mut Profile) {
        profile.metrics.push(Metric {
            name: self.metric.clone(),
            build: None,
            before: None,
            run: self.run.clone(),
            parser: self.parser.clone(),
            direction: self.direction,
            unit: self.unit.clone(),
            tolerance: None,
            deterministic: false,
            timeout_seconds: self.timeout,
            only_claimed: false,
        });
        profile.scope.mutable.clone_from(&self.mutable);
        profile.scope.fixed.extend(self.fixed.iter().cloned());
        if let Some(holdout) = &self.holdout {
            profile.scope.fixed.extend(holdout.files.iter().cloned());
        }
        profile.constraints.extend(self.constraints.iter().cloned());
    }
}
