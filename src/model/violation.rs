//! Reasons to forbid a tree, whatever its score.

use std::fmt;

use camino::Utf8PathBuf;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The rule that was broken.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The code does not compile or import.
    DoesNotBuild,
    /// The suite could not be collected, crashed, or contradicted its exit status.
    SuiteBroken,
    /// A command ran past its time limit.
    TimedOut,
    /// A test that must pass did not.
    RequiredTest,
    /// A protected or out-of-scope path was touched.
    Scope,
    /// An eval, a threshold or `factory.toml` was touched.
    EvalsChanged,
    /// Tests were removed or weakened.
    TestsWeakened,
    /// A public item went or changed, and neither the claim nor the profile says so.
    Api,
    /// A declared minimum version changed, and neither the claim nor the profile says so.
    MinimumVersion,
    /// A dependency was added or exchanged, and neither the claim nor the profile says so.
    Dependency,
    /// A suppression was added beyond those removed.
    Suppression,
    /// Something that looks like a secret was added.
    Secret,
    /// A file that does not belong: a link out of the tree, a submodule, a binary, a huge file.
    File,
    /// A `[[guard]]` command or the smoke test failed.
    Guard,
    /// A declared hard constraint does not hold.
    HardConstraint,
    /// The composite fell below the threshold while the incumbent was not.
    Threshold,
    /// A deterministic dimension got worse than its tolerance allows.
    DimensionFell,
    /// A dimension that the incumbent has could not be measured on the candidate.
    DimensionLost,
    /// The builder delivered nothing to test.
    NoCandidate,
    /// The same hypothesis was tried before on the same files.
    Duplicate,
    /// An executable rule of the project's intent was broken.
    Intent,
    /// Something shows that could only be known from files that experiments may not read.
    Leakage,
    /// Harness, measurement or evidence was interfered with.
    Tampered,
}

impl Rule {
    /// Returns the snake-case name used in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::DoesNotBuild => "does_not_build",
            Self::SuiteBroken => "suite_broken",
            Self::TimedOut => "timed_out",
            Self::RequiredTest => "required_test",
            Self::Scope => "scope",
            Self::EvalsChanged => "evals_changed",
            Self::TestsWeakened => "tests_weakened",
            Self::Api => "api",
            Self::MinimumVersion => "minimum_version",
            Self::Dependency => "dependency",
            Self::Suppression => "suppression",
            Self::Secret => "secret",
            Self::File => "file",
            Self::Guard => "guard",
            Self::HardConstraint => "hard_constraint",
            Self::Threshold => "threshold",
            Self::DimensionFell => "dimension_fell",
            Self::DimensionLost => "dimension_lost",
            Self::NoCandidate => "no_candidate",
            Self::Duplicate => "duplicate",
            Self::Intent => "intent",
            Self::Leakage => "leakage",
            Self::Tampered => "tampered",
        }
    }

    /// Returns whether a tree that breaks it cannot serve as an incumbent.
    pub fn means_unsound(self) -> bool {
        matches!(
            self,
            Self::DoesNotBuild | Self::SuiteBroken | Self::TimedOut
        )
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One broken rule, with the place where it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Violation {
    /// The rule.
    pub rule: Rule,
    /// Where, relative to the root of the tree.
    #[schemars(with = "Option<String>")]
    pub path: Option<Utf8PathBuf>,
    /// The line, counted from 1.
    pub line: Option<u32>,
    /// What is wrong, in a sentence fragment.
    pub detail: String,
    /// What a person may know of it and no agent, such as what leaked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_person: Option<String>,
}

impl Violation {
    /// Returns a violation that has no place.
    pub fn of(rule: Rule, detail: impl Into<String>) -> Self {
        Self {
            rule,
            path: None,
            line: None,
            detail: detail.into(),
            for_person: None,
        }
    }

    /// Returns a violation at a path.
    pub fn at(rule: Rule, path: impl Into<Utf8PathBuf>, detail: impl Into<String>) -> Self {
        Self {
            path: Some(path.into()),
            ..Self::of(rule, detail)
        }
    }

    /// Returns the same violation at a line, counted from 1.
    #[must_use]
    pub fn on_line(mut self, line: u32) -> Self {
        self.line = Some(line);
        self
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.rule)?;
        if let Some(path) = &self.path {
            write!(f, " {path}")?;
        }
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.detail)
    }
}
