//! What tools say about a tree: findings and test outcomes.

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8PathBuf;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One complaint of a linter, compiler or type checker.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Relative to the root of the tree.
    #[schemars(with = "String")]
    pub path: Utf8PathBuf,
    /// Counted from 1.
    pub line: u32,
    /// Counted from 1.
    pub column: u32,
    /// The program that complained: `ruff`, `clippy`, `rustc`, `mypy`.
    pub tool: String,
    /// Its rule: `F401`, `clippy::needless_clone`, `unused_variables`.
    pub rule: String,
    /// One line.
    pub message: String,
    /// Whether the tool offers a fix that it calls safe, and that leaves the tests as they are.
    pub fixable: bool,
}

/// How one test ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TestOutcome {
    /// It ran and held.
    Passed,
    /// It ran and did not hold, or broke in its set-up.
    Failed,
    /// It was not run, by its own wish.
    Skipped,
}

/// One test, by an id that does not change with its line number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TestCase {
    /// `tests/test_a.py::test_b`, `mycrate::lib::parse::tests::empty`.
    pub id: String,
    /// How it ended.
    pub outcome: TestOutcome,
    /// Seconds, where the runner tells.
    pub seconds: Option<f64>,
}

/// Whether a suite could be run at all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "state", content = "reason")]
pub enum SuiteState {
    /// The runner finished and its report agrees with its exit status.
    Completed,
    /// The code does not compile or import.
    DoesNotBuild(String),
    /// The runner could not collect the tests, crashed, or contradicted itself.
    Broken(String),
    /// The runner was stopped at its time limit.
    TimedOut(String),
    /// There is no runner for this language here.
    #[default]
    NoRunner,
}

/// The outcome of a whole suite.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TestRun {
    /// Whether the outcomes below mean anything.
    pub state: SuiteState,
    /// Sorted by id.
    pub cases: Vec<TestCase>,
    /// Wall time, in seconds.
    pub seconds: f64,
}

impl TestRun {
    /// Returns how many tests ended that way.
    pub fn count(&self, outcome: TestOutcome) -> usize {
        self.cases.iter().filter(|it| it.outcome == outcome).count()
    }

    /// Returns the ids of the tests that ended that way.
    pub fn ids(&self, outcome: TestOutcome) -> BTreeSet<&str> {
        self.cases
            .iter()
            .filter(|it| it.outcome == outcome)
            .map(|it| it.id.as_str())
            .collect()
    }

    /// Returns the outcome of every test by id.
    pub fn by_id(&self) -> BTreeMap<&str, TestOutcome> {
        self.cases
            .iter()
            .map(|it| (it.id.as_str(), it.outcome))
            .collect()
    }
}
