//! What the Researcher saw: the only ground a hypothesis may stand on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::hypothesis::{LintRule, Place};

/// One fact about the incumbent that something could be done about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Observation {
    /// A lint rule complains, and its tool offers safe fixes for some of it.
    LintFindings {
        /// The rule.
        rule: LintRule,
        /// How many findings there are outside protected paths.
        count: usize,
        /// How many of them the tool would fix.
        fixable: usize,
        /// Up to five places, `path:line`.
        places: Vec<String>,
    },
    /// The formatter that the project uses would change files.
    Unformatted {
        /// The formatter.
        tool: String,
        /// How many files it would change.
        files: usize,
    },
    /// Test files that the project's own formatter would change.
    UnformattedTests {
        /// `rustfmt`, `ruff`, `black`.
        tool: String,
        /// How many files.
        files: usize,
    },
    /// A knob of the build is not at a value that often pays.
    KnobAvailable {
        /// The file that holds it.
        #[schemars(with = "String")]
        file: camino::Utf8PathBuf,
        /// The dotted key.
        key: String,
        /// Its value now, as TOML; `None` when it is left to the default.
        current: Option<String>,
        /// The value to try, as TOML.
        proposed: String,
        /// Why it may pay, from the catalogue.
        why: String,
        /// The metric that it may move.
        metric: String,
    },
    /// A declared parameter has a value that was not tried.
    ParameterAvailable {
        /// The file that holds it.
        #[schemars(with = "String")]
        file: camino::Utf8PathBuf,
        /// The constant's name.
        name: String,
        /// Its value now.
        current: String,
        /// The value to try.
        proposed: String,
        /// Why it may pay, as the project says.
        why: String,
        /// The metric that it may move.
        metric: String,
    },
    /// A declared parameter may have any value of a range.
    ParameterRange {
        /// The file that holds it.
        #[schemars(with = "String")]
        file: camino::Utf8PathBuf,
        /// The constant's name.
        name: String,
        /// Its value now.
        current: String,
        /// The metric that it may move.
        metric: String,
    },
    /// Values that are searched together.
    Searchable {
        /// All of them, in the order of the profile.
        settings: Vec<Setting>,
        /// The metric that they may move.
        metric: String,
    },
    /// Functions may be edited by trial, to see whether that moves a metric.
    Editable {
        /// The metric.
        metric: String,
        /// The files that hold them.
        #[schemars(with = "Vec<String>")]
        files: Vec<camino::Utf8PathBuf>,
        /// How many functions there are.
        functions: usize,
    },
    /// A person asked for something.
    Wish {
        /// In their words.
        text: String,
        /// `focus` or `backlog`.
        source: String,
    },
    /// A program that is not ours saw something.
    Reported {
        /// In its words.
        text: String,
        /// `path` or `path:line`.
        places: Vec<String>,
    },
    /// Instances of `[research]` fall short in the same way.
    InstancesFallShort {
        /// Which way, and how many.
        failures: super::failure::FailureCount,
        /// How many instances there are.
        of: usize,
    },
    /// A test fails on the incumbent.
    FailingTest {
        /// Its id.
        id: String,
    },
}

/// A value that the profile says may be searched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Setting {
    /// Where it is.
    pub place: Place,
    /// What is written there now; `None` where it cannot be searched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    /// Why it cannot be searched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
