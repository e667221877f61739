//! What to change, why, and what must be true for it to be kept.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::id::{MetricName, StructuralKey};

/// FEEC: the kind of bet that a hypothesis is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Something is broken: repair it.
    Fix,
    /// Something works: get more of it.
    Exploit,
    /// Something is unknown: find out.
    Explore,
    /// Two things worked: put them together.
    Combine,
}

/// What must be shown for a keep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Claim {
    /// The named dimension or metric improves by at least `delta` native units (any gain if absent).
    Moves {
        /// `lint`, or one of the project's metrics.
        metric: MetricName,
        /// In native units; `None` asks the calibration.
        delta: Option<f64>,
    },
    /// Checks that fail on the incumbent pass on the candidate.
    Meets {
        /// The ids of those checks.
        checks: Vec<String>,
    },
    /// Nothing gets worse.
    Keeps,
    /// Tests are tidied, and judge the code as before.
    Maintains,
}

impl Claim {
    /// Returns `moves`, `meets`, `keeps` or `maintains`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Moves { .. } => "moves",
            Self::Meets { .. } => "meets",
            Self::Keeps => "keeps",
            Self::Maintains => "maintains",
        }
    }
}

/// A testable idea.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Hypothesis {
    /// What makes it the same idea as another.
    pub key: StructuralKey,
    /// One line, imperative: what a maintainer would write in a commit's subject.
    pub title: String,
    /// Why it should work, citing what was observed.
    pub why: String,
    /// FEEC.
    pub category: Category,
    /// What must be shown.
    pub claim: Claim,
    /// What will be looked at to decide, in words.
    pub success: Vec<String>,
    /// The change, as far as it is known before the build.
    pub change: Change,
    /// Files it expects to touch, with the hash of their contents when it was proposed.
    #[schemars(with = "BTreeMap<String, String>")]
    pub files: BTreeMap<Utf8PathBuf, String>,
    /// Expected gain in composite points (0.01 is one hundredth), before history is looked at.
    pub expected_gain: f64,
}

impl Hypothesis {
    /// Returns whether another makes the same claim by giving the same place another value.
    ///
    /// Points of a search over several values are variants of each other whichever of them they move.
    pub fn is_variant_of(&self, other: &Self) -> bool {
        let is_same_place = match (&self.change, &other.change) {
            (
                Change::Knob { file, key, .. },
                Change::Knob {
                    file: other,
                    key: of_other,
                    ..
                },
            )
            | (
                Change::Constant {
                    file, name: key, ..
                },
                Change::Constant {
                    file: other,
                    name: of_other,
                    ..
                },
            ) => (file, key) == (other, of_other),
            (Change::Settings { .. }, Change::Settings { .. }) => true,
            _ => false,
        };
        is_same_place && self.claim == other.claim && self.key != other.key
    }
}

/// What the builder is to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Change {
    /// Apply the safe autofixes of lint rules, a commit for each.
    LintFixes {
        /// In the order they are applied.
        rules: Vec<LintRule>,
    },
    /// Run the formatter that the project itself uses.
    Format {
        /// `rustfmt`, `ruff`, `black`.
        tool: String,
    },
    /// Set a key in a TOML file, keeping comments and layout.
    Knob {
        /// Relative to the root of the tree.
        #[schemars(with = "String")]
        file: Utf8PathBuf,
        /// Dotted: `profile.release.lto`.
        key: String,
        /// A TOML value: `"fat"`, `1`, `true`.
        value: String,
    },
    /// Give a named constant in source another value.
    Constant {
        /// Relative to the root of the tree.
        #[schemars(with = "String")]
        file: Utf8PathBuf,
        /// The constant's name.
        name: String,
        /// A literal of the language.
        value: String,
    },
    /// Give several values of files others, all at once.
    Settings {
        /// Those that change, in the order they are written.
        assignments: Vec<Assignment>,
    },
    /// Search for a patch of small edits that improves a metric.
    Edits {
        /// The metric.
        metric: String,
        /// What the search draws by.
        seed: u64,
    },
    /// Words of a person, for a backend that can act on them.
    Words {
        /// The text.
        text: String,
    },
    /// Words of a program that is not ours, for the same; they permit nothing that a person's would.
    Idea {
        /// The text.
        text: String,
    },
}

/// One value of a file and what it becomes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Assignment {
    /// Where it is.
    pub place: Place,
    /// What is written there.
    pub value: String,
}

/// Where a value is: at a key, or in the first group of a pattern.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct Place {
    /// Relative to the root of the tree.
    #[schemars(with = "String")]
    pub file: Utf8PathBuf,
    /// Dotted path in a TOML, JSON or YAML file, or the name of a constant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Regular expression whose first group is the value, where there is no key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
}

/// One rule of one linter.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct LintRule {
    /// `ruff` or `clippy` or `rustc`.
    pub tool: String,
    /// `F401`, `clippy::needless_clone`.
    pub rule: String,
}
