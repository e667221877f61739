//! Sampled mutants, one after the other, within a budget.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use camino::Utf8Path;

use super::bench::{Bench, io_error};
use super::edit::Edit;
use super::outcomes::{Fate, Outcomes, context};
use super::report::{Budget, Survivor};
use super::sample::{Spot, by_surface, in_turn, spots};
use super::scratch;
use super::sources::SourceFile;
use crate::model::finding::{SuiteState, TestOutcome, TestRun};
use crate::model::profile::LanguageName;
use crate::process::Error;
use crate::syntax;
use crate::toolchain::Lints;

/// What sampled mutants showed.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Campaign {
    /// Mutants that could have been sampled.
    pub(super) found: usize,
    /// Mutants that a test noticed.
    pub(super) killed: usize,
    /// Mutants that none noticed.
    pub(super) survivors: Vec<Survivor>,
    /// Mutants that did not compile, counted neither way.
    pub(super) unviable: usize,
    /// Why fewer were run than asked for.
    pub(super) notes: Vec<String>,
    /// The suite on the unchanged copy, where one sub-project's is the whole.
    pub(super) unchanged: Option<TestRun>,
}

impl Campaign {
    /// Returns how many mutants said something about the suite.
    pub(super) fn viable(&self) -> usize {
        self.killed + self.survivors.len()
    }

    fn count(&mut self, spot: &Spot<'_>, fate: Fate) {
        match fate {
            Fate::Killed => self.killed += 1,
            Fate::Unviable => self.unviable += 1,
            Fate::Survived => self.survivors.push(Survivor {
                path: spot.file.path.clone(),
                line: spot.mutant.line,
                item: spot.mutant.item.clone(),
                description: spot.mutant.description.clone(),
            }),
        }
    }
}

/// Which mutants are sampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Those of public items.
    Surface,
    /// Those of public items, and when they are used up those of the others.
    Everything,
}

/// Runs sampled mutants of `files` on a scratch bench that holds the same tree; `built` is the build
/// folder of the arm that `baseline` was run on.
pub(super) async fn run(
    bench: &Bench<'_>,
    built: &Utf8Path,
    files: &[SourceFile],
    baseline: &TestRun,
    (reach, budget): (Reach, Budget),
) -> Result<Campaign, Error> {
    let order = order(files, reach, bench.lab.seed);
    let mut campaign = Campaign {
        found: order.len(),
        ..Campaign::default()
    };
    if baseline.count(TestOutcome::Passed) == 0 {
        campaign
            .notes
            .push("no test passes, so none could notice a mutant".to_owned());
        return Ok(campaign);
    }
    let lab = bench.lab;
    let known = Outcomes::open(lab.cache.join("mutants"), context(bench, files, baseline));
    let mut trial = Trial::new(bench, built, Duration::from_secs(budget.seconds));
    let wanted = usize::try_from(budget.mutants).unwrap_or(usize::MAX);
    for spot in order {
        if campaign.viable() >= wanted {
            break;
        }
        let fate = match known.get(&spot) {
            Some(fate) => fate,
            None => match trial.run(&spot).await? {
                Ok(fate) => {
                    known.put(&spot, fate);
                    fate
                }
                Err(Stop::Skip) => continue,
                Err(Stop::End(note)) => {
                    campaign.notes.push(note);
                    break;
                }
            },
        };
        campaign.count(&spot, fate);
    }
    campaign.unchanged = trial.unchanged;
    Ok(campaign)
}

fn order(files: &[SourceFile], reach: Reach, seed: u64) -> Vec<Spot<'_>> {
    let (surface, rest) = by_surface(spots(files));
    let mut order = in_turn(surface, seed);
    if reach == Reach::Everything {
        order.extend(in_turn(rest, seed));
    }
    order
}

/// Why a mutant has no fate.
enum Stop {
    /// This one cannot be tried.
    Skip,
    /// Nothing more can.
    End(String),
}

/// The runner of one campaign: its clock, and what it learnt of each sub-project's suite.
struct Trial<'a> {
    bench: &'a Bench<'a>,
    built: &'a Utf8Path,
    budget: Duration,
    spent: Duration,
    tried: u32,
    suites: BTreeMap<usize, Warm>,
    unchanged: Option<TestRun>,
}

/// A sub-project's suite on the unchanged scratch tree.
#[derive(Clone)]
struct Warm {
    failing: BTreeSet<String>,
    limit: Duration,
}

impl<'a> Trial<'a> {
    fn new(bench: &'a Bench<'a>, built: &'a Utf8Path, budget: Duration) -> Self {
        Self {
            bench,
            built,
            budget,
            spent: Duration::ZERO,
            tried: 0,
            suites: BTreeMap::new(),
            unchanged: None,
        }
    }

    /// Runs one mutant, unless the time left would not be enough for another like those before.
    async fn run(&mut self, spot: &Spot<'_>) -> Result<Result<Fate, Stop>, Error> {
        let left = self.budget.saturating_sub(self.spent);
        if left.is_zero() || self.mean() > left {
            return Ok(Err(Stop::End(self.out_of_time())));
        }
        let warm = match self.warm(spot.file.project).await? {
            Ok(warm) => warm,
            Err(note) => return Ok(Err(Stop::End(note))),
        };
        let mutated = spot.mutant.apply(&spot.file.text);
        let path = self.bench.dir.join(&spot.file.path);
        let is_as_read = fs_err::read_to_string(&path).is_ok_and(|it| it == spot.file.text);
        if !is_as_read || !syntax::parses(spot.file.grammar, &mutated) {
            return Ok(Err(Stop::Skip));
        }
        let started = Instant::now();
        let edit =
            Edit::make(&path, &mutated, self.tried).map_err(|source| io_error(&path, source))?;
        let limit = warm.limit.min(left);
        let run = self
            .suite(spot.file.project, limit, Some(&warm.failing))
            .await;
        edit.restore().map_err(|source| io_error(&path, source))?;
        self.tried += 1;
        self.spent += started.elapsed();
        let (language, run) = run?;
        let is_cut_short = limit < warm.limit && matches!(run.state, SuiteState::TimedOut(_));
        if is_cut_short {
            return Ok(Err(Stop::End(self.out_of_time())));
        }
        Ok(fate(language, &warm.failing, &run).map_err(Stop::End))
    }

    fn mean(&self) -> Duration {
        self.spent.checked_div(self.tried).unwrap_or_default()
    }

    fn out_of_time(&self) -> String {
        format!(
            "mutants: {} s were enough to try {}; `factory report --seconds N` gives them longer",
            self.budget.as_secs(),
            self.tried
        )
    }

    /// Runs the suite on the unchanged scratch tree once, outside the budget: it builds, and tells
    /// which tests fail there anyway and how long a mutant may take.
    async fn warm(&mut self, project: usize) -> Result<Result<Warm, String>, Error> {
        if let Some(warm) = self.suites.get(&project) {
            return Ok(Ok(warm.clone()));
        }
        scratch::warm(self.built, &self.bench.build)
            .map_err(|source| io_error(&self.bench.build, source))?;
        let (_, run) = self.suite(project, self.bench.limit, None).await?;
        if run.state != SuiteState::Completed {
            return Ok(Err(
                "mutants: the suite does not run in a copy of the tree".to_owned()
            ));
        }
        let warm = Warm {
            failing: failing(&run),
            limit: Duration::from_secs_f64(run.seconds.max(0.0) * 3.0) + Duration::from_secs(10),
        };
        self.suites.insert(project, warm.clone());
        if self.bench.projects().count() == 1 {
            self.unchanged = Some(run);
        }
        Ok(Ok(warm))
    }

    async fn suite(
        &self,
        project: usize,
        limit: Duration,
        until: Option<&BTreeSet<String>>,
    ) -> Result<(LanguageName, TestRun), Error> {
        let project = &self.bench.lab.detection.languages[project];
        let adapter = self
            .bench
            .projects()
            .find(|(_, it)| *it == project)
            .map(|(adapter, _)| adapter);
        let Some(adapter) = adapter else {
            return Ok((project.language, TestRun::default()));
        };
        let mut job = self.bench.job(project);
        job.timeout = limit;
        job.until = until;
        job.lints = Lints::Warn;
        let suite = adapter.test(&job, None).await?;
        Ok((project.language, suite.run))
    }
}

fn failing(run: &TestRun) -> BTreeSet<String> {
    run.ids(TestOutcome::Failed)
        .into_iter()
        .map(str::to_owned)
        .collect()
}

/// Reads a mutant's fate from a run of the suite. A suite that hangs or crashes has noticed; a mutant
/// that a compiler refuses says nothing, while one that cannot be imported was noticed by importing.
fn fate(
    language: LanguageName,
    failing_anyway: &BTreeSet<String>,
    run: &TestRun,
) -> Result<Fate, String> {
    match (&run.state, language) {
        (SuiteState::Completed, _) if failing(run).is_subset(failing_anyway) => Ok(Fate::Survived),
        (
            SuiteState::DoesNotBuild(_),
            LanguageName::Rust | LanguageName::Go | LanguageName::Declared(_),
        ) => Ok(Fate::Unviable),
        (
            SuiteState::Completed
            | SuiteState::TimedOut(_)
            | SuiteState::Broken(_)
            | SuiteState::DoesNotBuild(_),
            _,
        ) => Ok(Fate::Killed),
        (SuiteState::NoRunner, _) => Err("mutants: the test runner is gone".to_owned()),
    }
}

#[cfg(test)]
mod tests;
