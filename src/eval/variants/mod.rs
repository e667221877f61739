//! A copy of a tree in which many small changes are tried quickly, one after the other.
//!
//! What is seen here chooses what is worth an experiment and counts for nothing else: the candidate
//! is evaluated and measured afresh, in trees that no variant ever touched.

mod tidy;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use crate::config::Metric;
use crate::eval::bench::{Bench, complaint, io_error};
use crate::eval::edit::Edit;
use crate::eval::sample::is_beside_the_point;
use crate::eval::scratch::{self, Scratch};
use crate::eval::sources::{self, is_generated, is_test_module};
use crate::eval::{Lab, SLOW_SUITE, impact, metric};
use crate::model::finding::{SuiteState, TestOutcome, TestRun};
use crate::model::measurement::Sample;
use crate::process::{Error, Limits};
use crate::syntax::Grammar;
use crate::toolchain::Lints;
use crate::toolchain::hotspots::{Hotspot, Watch};

/// What one process of a variant may use: a loop that lost its guard fills neither memory nor disk.
const LIMITS: Limits = Limits {
    memory: 4 << 30,
    file: 1 << 30,
};

pub use tidy::Untidy;

/// Whole texts of files by path.
pub type Texts = BTreeMap<Utf8PathBuf, String>;

/// A copy of a tree, with a build folder of its own.
pub struct Variants<'a> {
    scratch: Scratch<'a>,
    /// Files that hold a variant's text, in the order in which they were changed.
    changed: Vec<Edit>,
    n_changed: u32,
}

/// One source file that an experiment may touch.
#[derive(Clone, Debug)]
pub struct Source {
    /// Relative to the root of the tree.
    pub path: Utf8PathBuf,
    /// Its language.
    pub grammar: Grammar,
    /// Its text.
    pub text: String,
}

/// How the suites end on the unchanged copy.
#[derive(Clone, Debug, Default)]
pub struct Usual {
    /// By sub-project: what passes, and what fails anyway.
    suites: BTreeMap<usize, (BTreeSet<String>, BTreeSet<String>)>,
    /// Of all suites together.
    pub seconds: f64,
}

impl Usual {
    /// Returns how many tests pass.
    pub fn n_passing(&self) -> usize {
        self.suites.values().map(|it| it.0.len()).sum()
    }

    /// Returns one text for the outcomes of all tests.
    pub fn in_words(&self) -> String {
        format!("{:?}", self.suites)
    }
}

/// What the suites say of a variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// It does not compile.
    DoesNotBuild,
    /// Some test fails that passed before, or the suite did not come to its end.
    Noticed,
    /// Every test that passed still passes.
    Nothing,
}

impl<'a> Variants<'a> {
    /// Copies a tree, without what tools drop into trees, and lets its builds start warm.
    ///
    /// # Errors
    /// A disk that cannot be written.
    pub fn open(lab: &'a Lab, tree: &Utf8Path) -> Result<Self, Error> {
        let bench = Bench::at(lab, tree.to_owned(), "variants")?;
        let mut scratch = Scratch::copy_of(&bench)?;
        scratch.bench = scratch.bench.within(LIMITS);
        let build = &scratch.bench.build;
        scratch::warm(&lab.builds.join("incumbent"), build)
            .map_err(|source| io_error(build, source))?;
        Ok(Self {
            scratch,
            changed: Vec::new(),
            n_changed: 0,
        })
    }

    /// Removes the copy.
    pub fn close(self) {
        drop(self.changed);
        self.scratch.remove();
    }

    /// Returns the source files that an experiment may touch and that are no tests, scripts or
    /// generated files.
    pub fn sources(&self) -> Vec<Source> {
        sources_in(&self.scratch.bench)
    }

    /// Returns a hash of every file of the copy as it is now.
    pub fn contents(&self) -> String {
        let dir = &self.scratch.bench.dir;
        let mut hasher = blake3::Hasher::new();
        for path in sources::paths(dir) {
            let bytes = fs_err::read(dir.join(&path)).unwrap_or_default();
            hasher.update(format!("{path} {} ", bytes.len()).as_bytes());
            hasher.update(&bytes);
        }
        hasher.finalize().to_hex().to_string()
    }

    /// Puts a variant's texts in place, instead of those of the variant before it.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn put(&mut self, texts: &Texts) -> Result<(), Error> {
        self.take_back()?;
        for (path, text) in texts {
            let file = self.scratch.bench.dir.join(path);
            self.n_changed += 1;
            let edit = Edit::make(&file, text, self.n_changed);
            self.changed
                .push(edit.map_err(|source| io_error(&file, source))?);
        }
        Ok(())
    }

    /// Puts the unchanged texts back.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn take_back(&mut self) -> Result<(), Error> {
        while let Some(edit) = self.changed.pop() {
            let dir = &self.scratch.bench.dir;
            edit.restore().map_err(|source| io_error(dir, source))?;
        }
        Ok(())
    }

    /// Runs the suites on the unchanged copy; the inner error says why they cannot judge a variant.
    ///
    /// # Errors
    /// An interruption, or a child that could not be followed.
    pub async fn usual(&mut self) -> Result<Result<Usual, String>, Error> {
        self.take_back()?;
        let limit = self.scratch.bench.limit;
        let mut usual = Usual::default();
        for (idx, run) in self.suites(limit, None, None).await? {
            let ids = |outcome| -> BTreeSet<String> {
                let ids = run.ids(outcome).into_iter();
                ids.map(str::to_owned).collect()
            };
            match &run.state {
                SuiteState::NoRunner => {}
                SuiteState::Completed => {
                    usual.seconds += run.seconds;
                    let outcomes = (ids(TestOutcome::Passed), ids(TestOutcome::Failed));
                    usual.suites.insert(idx, outcomes);
                }
                SuiteState::DoesNotBuild(why)
                | SuiteState::Broken(why)
                | SuiteState::TimedOut(why) => {
                    return Ok(Err(format!(
                        "the suite does not run in a copy of the tree: {why}"
                    )));
                }
            }
        }
        if usual.n_passing() == 0 {
            return Ok(Err(
                "no test passes, so none could notice what an edit breaks".to_owned(),
            ));
        }
        Ok(Ok(usual))
    }

    /// Lets the suites judge the variant that is in place: first the tests near to the changed files,
    /// where the suite is slow.
    ///
    /// # Errors
    /// An interruption, or a child that could not be followed.
    pub async fn judge(
        &self,
        usual: &Usual,
        changed: &[Utf8PathBuf],
        limit: Duration,
    ) -> Result<Said, Error> {
        if usual.seconds >= SLOW_SUITE_SECONDS {
            let near = self.near(usual, changed);
            if near.values().map(BTreeSet::len).sum::<usize>() * 2 < usual.n_passing() {
                let said = self.suites(limit, Some(usual), Some(&near)).await?;
                match said_by(&said, usual, Some(&near)) {
                    Said::Nothing => {}
                    other => return Ok(other),
                }
            }
        }
        let said = self.suites(limit, Some(usual), None).await?;
        Ok(said_by(&said, usual, None))
    }

    /// Builds what a metric measures; the inner error is the project's.
    ///
    /// # Errors
    /// An interruption, or a child that could not be followed.
    pub async fn build(&self, metric: &Metric) -> Result<Result<(), String>, Error> {
        metric::build(&self.scratch.bench, metric).await
    }

    /// Runs a metric once, at most so long; returns its sample and wall seconds.
    ///
    /// # Errors
    /// An interruption, or a child that could not be followed.
    pub async fn measure(
        &self,
        metric: &Metric,
        limit: Option<Duration>,
    ) -> Result<(Sample, f64), Error> {
        let mut metric = metric.clone();
        if let Some(limit) = limit {
            let own = metric.timeout_seconds.unwrap_or(u64::MAX);
            metric.timeout_seconds = Some(own.min(limit.as_secs() + 1));
        }
        let run = metric::run(&self.scratch.bench, &metric).await?;
        Ok((run.sample, run.seconds))
    }

    /// Runs a metric once under the profilers that are here; returns what each of them saw, with paths
    /// relative to the tree.
    ///
    /// # Errors
    /// An interruption, or a child or file that could not be used.
    pub async fn hotspots(
        &self,
        metric: &Metric,
        native: bool,
    ) -> Result<Vec<(&'static str, Vec<Hotspot>)>, Error> {
        let bench = &self.scratch.bench;
        let dir = bench.build.join("profile");
        let watch =
            Watch::new(&dir, &metric.run, native).map_err(|source| io_error(&dir, source))?;
        let environment = watch.environment().to_vec();
        let line = watch.line();
        let run = bench.run_line(&line, bench.limit, environment).await?;
        if let Some(why) = complaint(&run) {
            tracing::debug!(why, "no profile");
        }
        let printed = match watch.report() {
            Some(line) => bench.run_line(&line, bench.limit, Vec::new()).await?,
            None => Err(String::new()),
        };
        let mut seen = watch.hotspots(&printed.map(|it| it.stdout_text()).unwrap_or_default());
        for spot in seen.iter_mut().flat_map(|it| &mut it.1) {
            spot.path = spot.path.take().map(|it| bench.in_tree(&it));
        }
        Ok(seen)
    }

    fn near(&self, usual: &Usual, changed: &[Utf8PathBuf]) -> BTreeMap<usize, BTreeSet<String>> {
        let bench = &self.scratch.bench;
        let projects = bench.lab.detection.languages.iter();
        let roots: Vec<&Utf8Path> = projects.map(|it| it.root.as_path()).collect();
        let read = |path: &Utf8Path| fs_err::read_to_string(bench.dir.join(path)).ok();
        let of = |(idx, (passing, _)): (&usize, &(BTreeSet<String>, _))| {
            (*idx, impact::impacted(changed, passing, &roots, &read))
        };
        usual.suites.iter().map(of).collect()
    }

    /// Runs the suite of every sub-project, or those tests alone; after the first that notices
    /// something the others are left out.
    async fn suites(
        &self,
        limit: Duration,
        usual: Option<&Usual>,
        only: Option<&BTreeMap<usize, BTreeSet<String>>>,
    ) -> Result<Vec<(usize, TestRun)>, Error> {
        let bench = &self.scratch.bench;
        let mut runs = Vec::new();
        for (idx, project) in bench.lab.detection.languages.iter().enumerate() {
            let adapters = &bench.lab.adapters;
            let adapter = adapters.iter().find(|it| it.name() == project.language);
            let known = usual.map(|it| it.suites.get(&idx));
            let (Some(adapter), false) = (adapter, known == Some(None)) else {
                continue;
            };
            let wanted = only.and_then(|it| it.get(&idx));
            let wanted: Option<Vec<String>> = wanted.map(|it| it.iter().cloned().collect());
            if wanted.as_ref().is_some_and(Vec::is_empty) {
                continue;
            }
            let mut job = bench.job(project);
            job.timeout = limit;
            job.lints = Lints::Warn;
            job.until = known.flatten().map(|(_, failing)| failing);
            let run = adapter.test(&job, wanted.as_deref()).await?.run;
            runs.push((idx, run));
            if usual.is_some_and(|it| said_by(&runs, it, only) != Said::Nothing) {
                break;
            }
        }
        Ok(runs)
    }
}

/// A suite that takes at least so long is worth a look at the nearest tests first.
#[expect(clippy::cast_precision_loss, reason = "a few seconds")]
const SLOW_SUITE_SECONDS: f64 = SLOW_SUITE as f64;

/// Reads what runs of suites say, against how they usually end.
fn said_by(
    runs: &[(usize, TestRun)],
    usual: &Usual,
    only: Option<&BTreeMap<usize, BTreeSet<String>>>,
) -> Said {
    for (idx, run) in runs {
        let Some((passing, _)) = usual.suites.get(idx) else {
            continue;
        };
        match run.state {
            SuiteState::Completed => {}
            SuiteState::DoesNotBuild(_) => return Said::DoesNotBuild,
            SuiteState::Broken(_) | SuiteState::TimedOut(_) | SuiteState::NoRunner => {
                return Said::Noticed;
            }
        }
        let now = run.ids(TestOutcome::Passed);
        let wanted = only.map_or(Some(passing), |it| it.get(idx));
        let mut wanted = wanted.into_iter().flatten();
        if wanted.any(|it| !now.contains(it.as_str())) {
            return Said::Noticed;
        }
    }
    Said::Nothing
}

/// Returns the source files on a bench that may be edited.
fn sources_in(bench: &Bench<'_>) -> Vec<Source> {
    let policy = bench.lab.policy();
    let research = bench.lab.profile.research.as_ref();
    // A search for less work would shorten the measure first.
    let measures = |it: &Utf8PathBuf| research.is_some_and(|of| of.is_open_measure(it));
    let may = |it: &Utf8PathBuf| {
        let is_open = policy.mutable.is_match(it) && !policy.fixed.is_match(it);
        is_open && !policy.excluded.is_match(it) && !measures(it)
    };
    let source = |path: Utf8PathBuf| {
        let grammar = Grammar::of(&path)?;
        let text = sources::read(&bench.dir.join(&path))?;
        let is_aside = is_test_module(&path) || is_generated(&text);
        (!is_aside && !is_beside_the_point(&path, grammar, &text)).then_some(Source {
            path,
            grammar,
            text,
        })
    };
    let paths = sources::paths(&bench.dir).into_iter();
    paths.filter(may).filter_map(source).collect()
}

impl Lab {
    /// Returns the source files of a tree that an experiment may edit function by function.
    ///
    /// # Errors
    /// A folder that cannot be made.
    pub fn editable(&self, tree: &Utf8Path) -> Result<Vec<Source>, Error> {
        Ok(sources_in(&Bench::at(self, tree.to_owned(), "variants")?))
    }
}
