//! Dimensions, metrics, mutants, and the first report.
//!
//! Everything here measures one tree at a time and turns whatever goes wrong with the evaluated code
//! into a value; it compares nothing and decides nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use tokio_util::sync::CancellationToken;

use crate::config::{Commands, Metric, Profile};
use crate::gate::{Asked, DiffPolicy, Noticed};
use crate::model::dimension::Evaluation;
use crate::model::finding::TestRun;
use crate::model::id::TreeSha;
use crate::model::measurement::{Binding, Sample};
use crate::model::profile::Detection;
use crate::process;
use crate::sandbox::{Access, Sandbox};
use crate::score::composite;
use crate::syntax::Grammar;
use crate::toolchain::{self, Adapter, Outcome, Place};

mod artefacts;
mod bench;
mod binding;
mod campaign;
mod dimensions;
mod edit;
mod growth;
pub mod hidden;
mod hygiene;
mod impact;
pub mod instanced;
pub mod instances;
mod manifests;
mod metric;
mod minimums;
mod network;
mod origin;
mod outcomes;
mod part;
mod project;
pub mod report;
mod sample;
mod scratch;
mod sources;
mod suite;
mod tail;
pub mod taxonomy;
mod traces;
mod variants;
#[cfg(test)]
mod real_tools;
#[cfg(test)]
mod testing;

pub use artefacts::Artefacts;
use bench::Bench;
use dimensions::Draft;
pub use hygiene::GUARDS;
pub use metric::MetricRun;
pub use minimums::minimums;
pub use part::Part;
pub use variants::{Said, Source, Texts, Untidy, Usual, Variants};

/// A suite that takes at least so many seconds is worth a look at the tests near to a change first.
const SLOW_SUITE: u64 = 10;

/// Everything an evaluation needs beside the tree: made once per run, then only read.
pub struct Lab {
    /// Profile of the incumbent.
    pub profile: Profile,
    /// Languages and tools, with versions.
    pub detection: Detection,
    /// What knows the languages; `toolchain::adapters_of()`.
    pub adapters: Vec<Box<dyn Adapter>>,
    /// Where code runs.
    pub sandbox: Box<dyn Sandbox>,
    /// Build folders, one per arm, live below this.
    pub builds: Utf8PathBuf,
    /// Caches (mutant outcomes) below this; disposable.
    pub cache: Utf8PathBuf,
    /// Logs below this.
    pub logs: Utf8PathBuf,
    /// Interruption.
    pub cancel: CancellationToken,
    /// The seed of everything drawn at random.
    pub seed: u64,
    /// What the lab remembers between evaluations; start with `Memory::default()`.
    pub memory: Memory,
}

/// What a lab remembers between evaluations.
#[derive(Debug, Default)]
pub struct Memory {
    /// Runs of metrics so far; sizes the environment of the next.
    runs: AtomicU64,
    /// The incumbent's longest suite, in milliseconds: limits of the candidate derive from it.
    incumbent_millis: AtomicU64,
    /// The benchmarks behind each metric, as its first run had them.
    benchmarks: Mutex<BTreeMap<String, BTreeSet<String>>>,
    /// Tests that need the network.
    network: Mutex<network::Knowledge>,
    /// What runs of metrics leave behind.
    traces: traces::Known,
}

/// Which dimensions an evaluation measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// What decides in the loop: everything deterministic but capability.
    Decisive,
    /// The same without the guards, which may be slow: [`Lab::add_guards`] adds them.
    ButGuards,
    /// Everything, mutants included.
    Full,
    /// One dimension alone, as [`Depth::again`] says.
    Only(Part),
}

/// What the ledger knows, for the informing dimensions.
#[derive(Clone, Debug, Default)]
pub struct LedgerFacts {
    /// Distinct categories tried.
    pub categories: usize,
    /// Experiments.
    pub experiments: u32,
    /// Of those, kept.
    pub kept: u32,
    /// Of those, with a hypothesis that cites evidence.
    pub cited: u32,
}

/// One arm: a directory that holds a tree, and its own build folder.
pub struct ArmRef<'a> {
    /// The directory.
    pub dir: &'a Utf8Path,
    /// The tree it holds.
    pub tree: &'a TreeSha,
    /// `incumbent` or `candidate`: names build folder and log.
    pub name: &'a str,
}

/// Returns what the gates judge a diff by: the profile's scope, and what the languages and the
/// harness itself protect.
pub fn policy(profile: &Profile, adapters: &[Box<dyn Adapter>]) -> DiffPolicy {
    let by_language = adapters
        .iter()
        .flat_map(|it| it.protected().iter().copied());
    let by_person = profile.scope.fixed.iter().map(String::as_str);
    let ours = ["factory.toml", ".factory", ".factory/**"];
    DiffPolicy {
        mutable: sources::glob_set(profile.scope.mutable.iter().map(String::as_str)),
        fixed: sources::glob_set(by_language.chain(by_person).chain(ours)),
        excluded: sources::glob_set(adapters.iter().flat_map(|it| it.excluded().iter().copied())),
        manifests: toolchain::manifest_rules(),
        minimums: Vec::new(),
        minimums_after: Vec::new(),
        may_change: profile.scope.may_change.iter().copied().collect(),
        asked: Asked::default(),
        granted: None,
    }
}

/// Files of tests that may be tidied: source files among what a language protects, and nothing that
/// configures a runner, whatever a person lets experiments touch.
#[derive(Clone, Debug)]
pub struct TestPaths {
    protected: globset::GlobSet,
    fixed: globset::GlobSet,
    policy: DiffPolicy,
}

/// Source files that set up a runner, an interpreter or a build rather than test anything.
const SET_UP: [&str; 9] = [
    "**/conftest.py",
    "**/sitecustomize.py",
    "**/usercustomize.py",
    "**/noxfile.py",
    "**/.cargo/**",
    "**/.github/**",
    "**/*.config.*",
    "**/*.setup.*",
    "**/build.rs",
];

impl TestPaths {
    /// Returns the files of tests as far as a profile and the languages tell them.
    pub fn of(profile: &Profile, adapters: &[Box<dyn Adapter>]) -> Self {
        let by_language = adapters
            .iter()
            .flat_map(|it| it.protected().iter().copied());
        let by_person = profile.scope.fixed.iter().map(String::as_str);
        Self {
            protected: sources::glob_set(by_language),
            fixed: sources::glob_set(by_person.chain(SET_UP)),
            policy: policy(profile, adapters),
        }
    }

    /// Returns whether a test-maintenance experiment may touch the file at that path.
    pub fn is_match(&self, path: &Utf8Path) -> bool {
        Grammar::of(path).is_some()
            && self.protected.is_match(path)
            && !self.fixed.is_match(path)
            && self.policy.mutable.is_match(path)
            && !self.policy.excluded.is_match(path)
    }
}

impl Lab {
    /// Returns what every number of this lab is bound to.
    pub fn binding(&self) -> Binding {
        binding::binding(self)
    }

    /// Chooses or makes the environments that the tests need, from an arm's manifests; returns the
    /// commands that name them, and what a person should know.
    ///
    /// # Errors
    /// An interruption, or a child that could not be followed.
    pub async fn environment(
        &self,
        arm: &ArmRef<'_>,
    ) -> Result<(Commands, Vec<String>), process::Error> {
        let bench = Bench::of(self, arm)?.with(Access::Preparation);
        let place = Place {
            checkout: &self.detection.root,
            cache: &self.cache,
        };
        let mut commands = self.profile.commands.clone();
        let mut notes = Vec::new();
        for (adapter, project) in bench.projects() {
            let mut job = bench.job(project);
            job.commands = &commands;
            let environment = adapter.environment(&job, &place).await?;
            let told = environment.notes.iter();
            notes.extend(told.map(|it| process::without_credentials(it)));
            if let Some(python) = environment.python {
                commands.python = Some(python.into_string());
            }
        }
        Ok((commands, notes))
    }

    /// Runs the adapters' prepare step on the incumbent; returns what could not be made.
    ///
    /// # Errors
    /// An interruption, or a child that could not be followed.
    pub async fn prepare(&self, arm: &ArmRef<'_>) -> Result<Vec<String>, process::Error> {
        let bench = Bench::of(self, arm)?.with(Access::Preparation);
        let mut notes = Vec::new();
        for (adapter, project) in bench.projects() {
            let language = project.language.display();
            match adapter.prepare(&bench.job(project)).await? {
                Outcome::Measured(()) => {}
                Outcome::Missing(hint) => notes.push(format!("{language}: {hint}")),
                Outcome::Failed(why) | Outcome::TimedOut(why) => {
                    notes.push(format!("{language}: preparing failed: {why}"));
                }
            }
        }
        Ok(notes)
    }

    /// Evaluates a tree. Never fails because of the code it evaluates: that is a value.
    ///
    /// # Errors
    /// An interruption, or a child that could not be followed.
    pub async fn evaluate(
        &self,
        arm: &ArmRef<'_>,
        depth: Depth,
        facts: &LedgerFacts,
    ) -> Result<Evaluation, process::Error> {
        let started = Instant::now();
        let bench = Bench::of(self, arm)?;
        let mut draft = Draft::default();
        if let Depth::Only(part) = depth {
            part::measure(&bench, part, &mut draft).await?;
        } else {
            hygiene::measure(&bench, &mut draft).await?;
            growth::measure(&bench, depth, facts, &mut draft).await?;
            if depth != Depth::ButGuards {
                hygiene::guards(&bench, &mut draft).await?;
            }
            project::measure(&bench, depth, &mut draft).await?;
        }
        if arm.name == "incumbent" {
            self.memory.note_suite(draft.tests.seconds);
        }
        Ok(draft.finish(self, arm.tree, started.elapsed()))
    }

    /// Tries sampled mutants on a copy of an arm whose tests ended like that.
    ///
    /// # Errors
    /// An interruption, or a child or file of the harness that could not be used.
    pub async fn noticed(
        &self,
        arm: &ArmRef<'_>,
        tests: &TestRun,
    ) -> Result<Noticed, process::Error> {
        let bench = Bench::of(self, arm)?;
        let files = sources::source_files(&bench);
        let scratch = scratch::Scratch::copy_of(&bench)?;
        let section = &self.profile.report;
        let budget = report::Budget {
            seconds: section.seconds,
            mutants: section.mutants,
        };
        let reach = (campaign::Reach::Everything, budget);
        let found = campaign::run(&scratch.bench, &bench.build, &files, tests, reach).await;
        scratch.remove();
        let found = found?;
        let in_words = |it: &report::Survivor| {
            format!(
                "{}:{} in `{}`: {}",
                it.path, it.line, it.item, it.description
            )
        };
        Ok(Noticed {
            viable: found.viable(),
            survivors: found.survivors.iter().map(in_words).collect(),
        })
    }

    /// Returns the files of tests that may be tidied.
    pub fn test_paths(&self) -> TestPaths {
        TestPaths::of(&self.profile, &self.adapters)
    }

    /// Runs the guards on the tree of an evaluation that was made without them.
    ///
    /// # Errors
    /// An interruption, or a child that could not be followed.
    pub async fn add_guards(
        &self,
        arm: &ArmRef<'_>,
        evaluation: &mut Evaluation,
    ) -> Result<(), process::Error> {
        let mut draft = Draft::default();
        hygiene::guards(&Bench::of(self, arm)?, &mut draft).await?;
        evaluation.vetoes.extend(draft.vetoes);
        evaluation.dimensions.extend(draft.dimensions);
        self.compose(evaluation);
        Ok(())
    }

    /// Returns the evaluation as it would be without its guards.
    pub fn without_guards(&self, evaluation: &Evaluation) -> Evaluation {
        let mut evaluation = evaluation.clone();
        evaluation
            .dimensions
            .retain(|it| it.name.as_str() != hygiene::GUARDS);
        self.compose(&mut evaluation);
        evaluation
    }

    /// Puts the dimensions in order and makes their composite.
    fn compose(&self, evaluation: &mut Evaluation) {
        hygiene::put_in_order(&mut evaluation.dimensions);
        let weights = dimensions::weights(&self.profile.eval, &evaluation.dimensions);
        (evaluation.score, evaluation.tiers) = composite(&evaluation.dimensions, weights);
    }

    /// Returns whether the incumbent's suite takes long enough that running a part of it first may pay.
    pub fn has_slow_suite(&self) -> bool {
        self.memory.incumbent_millis.load(Ordering::Relaxed) / 1000 >= SLOW_SUITE
    }

    /// Returns the tests near to the changed files, where running those first is worth a run of their
    /// own: the suite is slow, and they are less than half of it.
    pub fn worth_a_first_look(
        &self,
        arm: &ArmRef<'_>,
        changed: &[Utf8PathBuf],
        tests: &BTreeSet<String>,
    ) -> BTreeSet<String> {
        if !self.has_slow_suite() {
            return BTreeSet::new();
        }
        let projects = self.detection.languages.iter();
        let roots: Vec<&Utf8Path> = projects.map(|it| it.root.as_path()).collect();
        let read = |path: &Utf8Path| fs_err::read_to_string(arm.dir.join(path)).ok();
        let near = impact::impacted(changed, tests, &roots, &read);
        if near.len() * 2 < tests.len() {
            near
        } else {
            BTreeSet::new()
        }
    }

    /// Builds what a metric measures, once per arm and tree, not timed; the inner error is the
    /// project's.
    ///
    /// # Errors
    /// An interruption, or a child that could not be followed.
    pub async fn build_metric(
        &self,
        arm: &ArmRef<'_>,
        metric: &Metric,
    ) -> Result<Result<(), String>, process::Error> {
        metric::build(&Bench::of(self, arm)?, metric).await
    }

    /// Runs a metric once; returns its sample and the wall seconds by the harness's clock.
    ///
    /// # Errors
    /// An interruption, or a child that could not be followed.
    pub async fn measure(
        &self,
        arm: &ArmRef<'_>,
        metric: &Metric,
    ) -> Result<(Sample, f64), process::Error> {
        let run = self.run_metric(arm, metric).await?;
        Ok((run.sample, run.seconds))
    }

    /// Runs a metric once; returns all that is measured of it.
    ///
    /// # Errors
    /// An interruption, or a child that could not be followed.
    pub async fn run_metric(
        &self,
        arm: &ArmRef<'_>,
        metric: &Metric,
    ) -> Result<MetricRun, process::Error> {
        metric::run(&Bench::of(self, arm)?, metric).await
    }

    /// Builds what a metric measures in a build folder of its own name, from nothing, within a limit. The
    /// inner error is why there is no build.
    ///
    /// # Errors
    /// An interruption, or a child or folder of the harness that could not be used.
    pub async fn build_afresh(
        &self,
        arm: &ArmRef<'_>,
        metric: &Metric,
        limit: Duration,
    ) -> Result<Result<(), String>, process::Error> {
        self.forget_build(arm.name)?;
        let mut bench = Bench::of(self, arm)?;
        bench.limit = limit;
        metric::build(&bench, metric).await
    }

    /// Removes a build folder.
    ///
    /// # Errors
    /// A folder that cannot be removed.
    pub fn forget_build(&self, name: &str) -> Result<(), process::Error> {
        let build = self.builds.join(name);
        scratch::remove_tree(&build).map_err(|it| bench::io_error(&build, it))
    }

    /// Returns the hashes of everything that a metric is declared to read, as it lies in an arm; `None`
    /// where that is not known.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn artefacts(
        &self,
        arm: &ArmRef<'_>,
        metric: &Metric,
    ) -> Result<Option<Artefacts>, process::Error> {
        artefacts::read(&Bench::of(self, arm)?, metric)
    }

    /// Runs a metric once, and reads the file in which this run tells of each instance.
    ///
    /// # Errors
    /// An interruption, or a child or file of the harness that could not be used.
    pub async fn measure_instances(
        &self,
        arm: &ArmRef<'_>,
        metric: &Metric,
        file: &Utf8Path,
    ) -> Result<instanced::InstanceRun, process::Error> {
        instanced::run(&Bench::of(self, arm)?, metric, file).await
    }

    /// Runs the holdout's command on an arm that holds the hidden files, with a build folder that is gone
    /// afterwards: what the evaluated code writes there reaches no other run.
    ///
    /// # Errors
    /// An interruption, or a child or file of the harness that could not be used.
    pub async fn measure_hidden(
        &self,
        arm: &ArmRef<'_>,
        metric: &Metric,
        file: &Utf8Path,
    ) -> Result<instanced::InstanceRun, process::Error> {
        let name = format!("{}-holdout", arm.name);
        let build = self.builds.join(&name);
        let remove = || scratch::remove_tree(&build).map_err(|it| bench::io_error(&build, it));
        remove()?;
        scratch::warm(&self.builds.join(arm.name), &build)
            .map_err(|it| bench::io_error(&build, it))?;
        let bench = Bench::at(self, arm.dir.to_owned(), &name)?;
        let run = instanced::run(&bench, metric, file).await;
        remove()?;
        run
    }

    /// Returns globs protected from experiments: the adapters', the profile's fixed ones, our own files.
    pub fn protected(&self) -> globset::GlobSet {
        self.policy().fixed
    }

    /// Returns what the gates judge a diff by.
    pub fn policy(&self) -> DiffPolicy {
        policy(&self.profile, &self.adapters)
    }

    /// Runs the suite once, or only the tests of those ids, and measures nothing else.
    ///
    /// # Errors
    /// An interruption, or a child that could not be followed.
    pub async fn suite(
        &self,
        arm: &ArmRef<'_>,
        only: Option<&BTreeSet<String>>,
    ) -> Result<TestRun, process::Error> {
        Ok(suite::run(&Bench::of(self, arm)?, only).await?.run)
    }

    /// Returns the limit of one command: the profile's for the incumbent; for any other arm ten times
    /// the incumbent's own suite, between ten minutes and the profile's limit.
    fn limit(&self, arm: &str) -> Duration {
        let ceiling = Duration::from_secs(self.profile.eval.timeout_seconds.max(1));
        let known = self.memory.incumbent_millis.load(Ordering::Relaxed);
        if arm == "incumbent" || known == 0 {
            return ceiling;
        }
        Duration::from_millis(known.saturating_mul(10))
            .max(Duration::from_mins(10))
            .min(ceiling)
    }
}

impl Memory {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a duration in milliseconds, clamped to be positive"
    )]
    fn note_suite(&self, seconds: f64) {
        let millis = (seconds * 1000.0).max(0.0) as u64;
        self.incumbent_millis.fetch_max(millis, Ordering::Relaxed);
    }

    /// Refuses a run whose benchmarks are not those of the runs before it.
    fn same_benchmarks<'a>(
        &self,
        metric: &str,
        ids: impl Iterator<Item = &'a String>,
    ) -> Result<(), String> {
        let now: BTreeSet<String> = ids.cloned().collect();
        let mut benchmarks = self
            .benchmarks
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let known = benchmarks
            .entry(metric.to_owned())
            .or_insert_with(|| now.clone());
        if let Some(id) = known.difference(&now).next() {
            return Err(format!("benchmark `{id}` gave no time"));
        }
        match now.difference(known).next() {
            Some(id) => Err(format!("benchmark `{id}` was not there before")),
            None => Ok(()),
        }
    }

    fn next_run(&self) -> u64 {
        self.runs.fetch_add(1, Ordering::Relaxed)
    }
}
