//! Per language: detect, prepare, run, parse, fix.
//!
//! Knows nothing of scores, arms or verdicts: it runs the language's own tools and reports what they
//! say, or that they said nothing that can be relied on.

mod benchmarks;
mod catalogue;
mod declared;
mod detect;
mod discovery;
pub mod go;
pub mod hotspots;
pub mod javascript;
mod job;
mod lcov;
mod mentions;
mod minimums;
pub mod python;
pub mod rust;
#[cfg(test)]
mod testing;
mod versions;

pub use benchmarks::benchmarks;
pub use catalogue::manifest_rules;
pub use detect::detect;
pub use discovery::own_commands;
pub use minimums::{minimums, says_versions};
pub use versions::versions;

use crate::config::{Commands, Profile};
use crate::model::finding::{Finding, TestRun};
use crate::model::hypothesis::LintRule;
use crate::model::profile::{Detection, LanguageName, Project, Purpose, Tool};
use crate::process;
use crate::sandbox::Sandbox;
use camino::{Utf8Path, Utf8PathBuf};
use futures_util::future::BoxFuture;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Where and how one command of an adapter runs.
pub struct Job<'a> {
    /// The tree's root (an arm, or the builder's directory).
    pub tree: &'a Utf8Path,
    /// The sub-project.
    pub project: &'a Project,
    /// All tools, with their commands.
    pub tools: &'a [Tool],
    /// Build products go below this, one folder per arm, outside the tree. Suites of one folder run
    /// one after the other; linters and type checkers may run beside them.
    pub build: &'a Utf8Path,
    /// Overrides.
    pub commands: &'a Commands,
    /// Whether a denied lint stops the build of a suite.
    pub lints: Lints,
    /// Time limit of one command.
    pub timeout: Duration,
    /// Where the output of its commands is appended.
    pub log: &'a Utf8Path,
    /// Sandbox.
    pub sandbox: &'a dyn Sandbox,
    /// Interruption.
    pub cancel: &'a CancellationToken,
    /// The suite may stop at the first failing test that is not one of these, if there are any given.
    pub until: Option<&'a BTreeSet<String>>,
}

/// Where an adapter may look for an environment of the person's, and where it may make one.
pub struct Place<'a> {
    /// The person's checkout; nothing in it is changed.
    pub checkout: &'a Utf8Path,
    /// Below this environments are kept; disposable.
    pub cache: &'a Utf8Path,
}

/// What the tools of a language run in from now on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// The interpreter in place of the one that detection finds.
    pub python: Option<Utf8PathBuf>,
    /// What a person should know about it.
    pub notes: Vec<String>,
}

/// Whether a lint that the project denies stops a build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lints {
    /// As the project wants it.
    AsDeclared,
    /// Never: what a mutant leaves unused is no test's doing.
    Warn,
}

/// What a measuring command gave.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome<T> {
    /// parsed, and in agreement with the exit status
    Measured(T),
    /// the tool is not there (how to get it)
    Missing(String),
    /// it ran and broke, or contradicted itself
    Failed(String),
    /// it ran past its limit
    TimedOut(String),
}

/// Lines that tests reach.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Coverage {
    /// executable lines
    pub lines: u64,
    /// of which reached
    pub covered: u64,
    /// path → reached line numbers
    pub reached: BTreeMap<Utf8PathBuf, Vec<u32>>,
    /// path → executable lines
    pub totals: BTreeMap<Utf8PathBuf, u64>,
    /// which tool
    pub tool: String,
}

impl Coverage {
    /// Leaves out the files that do not count.
    pub fn leave_out(&mut self, is_out: impl Fn(&Utf8Path) -> bool) {
        let out: Vec<Utf8PathBuf> = self
            .totals
            .keys()
            .filter(|it| is_out(it))
            .cloned()
            .collect();
        for path in out {
            let lines = self.totals.remove(&path).unwrap_or_default();
            let reached = self.reached.remove(&path).map_or(0, |it| it.len() as u64);
            self.lines -= lines.min(self.lines);
            self.covered -= reached.min(self.covered);
        }
    }
}

/// Where the code that the tests import lives.
#[derive(Clone, Debug, PartialEq)]
pub enum Origin {
    /// in the evaluated tree
    Tree,
    /// an installed copy, there
    Elsewhere(String),
    /// could not be told
    Unknown(String),
}

/// Everything a run of the suite tells.
#[derive(Clone, Debug, PartialEq)]
pub struct Suite {
    /// Outcomes by canonical id.
    pub run: TestRun,
    /// Where the tested code lives.
    pub origin: Origin,
    /// Why tests failed, in a line each by id, where the runner tells.
    pub reasons: BTreeMap<String, String>,
}

/// A language.
pub trait Adapter: Send + Sync {
    /// Its name.
    fn name(&self) -> LanguageName;

    /// Sub-projects among the tracked files (relative to `root`); resolves tool paths only, runs nothing.
    fn detect(
        &self,
        root: &Utf8Path,
        files: &[Utf8PathBuf],
        commands: &Commands,
    ) -> (Vec<Project>, Vec<Tool>);

    /// Arguments that make a tool print its version.
    fn version_args(&self, tool: &str) -> Vec<String>;

    /// Returns what a tool's version depends on beside its program file; part of the cache key.
    fn version_key(&self, root: &Utf8Path, tool: &Tool) -> String;

    /// Makes what the evals need and the tree lacks (a lock file), on the incumbent only.
    fn prepare<'a>(
        &'a self,
        job: &'a Job<'a>,
    ) -> BoxFuture<'a, Result<Outcome<()>, process::Error>>;

    /// Chooses or makes what the project's tests need to have installed, on the incumbent only; the
    /// one step that may reach the network.
    fn environment<'a>(
        &'a self,
        _job: &'a Job<'a>,
        _place: &'a Place<'a>,
    ) -> BoxFuture<'a, Result<Environment, process::Error>> {
        Box::pin(std::future::ready(Ok(Environment::default())))
    }

    /// Builds what commands of the project's own load, where the tree holds only its sources and no
    /// command of theirs would build it; the inner error is the project's.
    fn build<'a>(
        &'a self,
        _job: &'a Job<'a>,
    ) -> BoxFuture<'a, Result<Result<(), String>, process::Error>> {
        Box::pin(std::future::ready(Ok(Ok(()))))
    }

    /// Returns the variables with which commands of the project's own find the tree's code, and not an
    /// installed copy of it.
    ///
    /// # Errors
    /// A file below the build folder that cannot be written.
    fn variables(&self, _job: &Job<'_>) -> Result<Vec<(String, String)>, process::Error> {
        Ok(Vec::new())
    }

    /// Runs the suite; `only` restricts it to those ids where the runner can, `retry` never re-runs.
    fn test<'a>(
        &'a self,
        job: &'a Job<'a>,
        only: Option<&'a [String]>,
    ) -> BoxFuture<'a, Result<Suite, process::Error>>;

    /// Seconds of each test, where the runner can be made to tell; runs the suite once more.
    fn test_times<'a>(
        &'a self,
        job: &'a Job<'a>,
    ) -> BoxFuture<'a, Result<Vec<(String, f64)>, process::Error>>;

    /// Lint findings.
    fn lint<'a>(
        &'a self,
        job: &'a Job<'a>,
    ) -> BoxFuture<'a, Result<Outcome<Vec<Finding>>, process::Error>>;

    /// Type findings.
    fn types<'a>(
        &'a self,
        job: &'a Job<'a>,
    ) -> BoxFuture<'a, Result<Outcome<Vec<Finding>>, process::Error>>;

    /// Line coverage of the suite.
    fn coverage<'a>(
        &'a self,
        job: &'a Job<'a>,
    ) -> BoxFuture<'a, Result<Outcome<Coverage>, process::Error>>;

    /// Files the project's own formatter would change.
    fn unformatted<'a>(
        &'a self,
        job: &'a Job<'a>,
    ) -> BoxFuture<'a, Result<Outcome<Vec<Utf8PathBuf>>, process::Error>>;

    /// Applies the safe fixes of one rule in the tree, to paths that `may_touch` accepts; returns how many files changed.
    fn fix<'a>(
        &'a self,
        job: &'a Job<'a>,
        rule: &'a LintRule,
        may_touch: &'a (dyn Fn(&Utf8Path) -> bool + Sync),
    ) -> BoxFuture<'a, Result<Outcome<usize>, process::Error>>;

    /// Runs the project's own formatter, on paths that `may_touch` accepts.
    fn format<'a>(
        &'a self,
        job: &'a Job<'a>,
        may_touch: &'a (dyn Fn(&Utf8Path) -> bool + Sync),
    ) -> BoxFuture<'a, Result<Outcome<usize>, process::Error>>;

    /// Globs of paths that judge the code: tests, conftests, runner and linter configuration.
    fn protected(&self) -> &[&'static str];

    /// Globs of files nobody writes by hand: vendored, generated, lock files.
    fn excluded(&self) -> &[&'static str];
}

/// Returns the tool without which none of the projects here can be built or run.
pub fn missing_builder(detection: &Detection) -> Option<&Tool> {
    let builder = |project: &Project| {
        let builds = |it: &&Tool| it.language == project.language && it.purpose == Purpose::Build;
        detection.tools.iter().find(builds)
    };
    let mut builders = detection.languages.iter().filter_map(builder).peekable();
    let first = *builders.peek()?;
    builders.all(|it| it.command.is_none()).then_some(first)
}

/// All adapters that a target may need: the built-in ones, and those of the languages it declares.
pub fn adapters_of(profile: &Profile) -> Vec<Box<dyn Adapter>> {
    let declared = profile.languages.iter();
    let declared = declared.map(|it| Box::new(declared::Declared::new(it)) as Box<dyn Adapter>);
    adapters().into_iter().chain(declared).collect()
}

/// The built-in adapters.
pub fn adapters() -> Vec<Box<dyn Adapter>> {
    vec![
        Box::new(rust::Rust),
        Box::new(python::Python),
        Box::new(javascript::JavaScript),
        Box::new(go::Go),
    ]
}
