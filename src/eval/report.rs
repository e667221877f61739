//! The first report: what is known of a suite before anything is changed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use camino::Utf8PathBuf;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bench::Bench;
use super::campaign::{self, Campaign, Reach};
use super::dimensions::as_number;
use super::sources::{SourceFile, source_files};
use super::{ArmRef, Lab, network, origin, suite};
use crate::model::finding::{SuiteState, TestOutcome, TestRun};
use crate::process::Error;
use crate::syntax;
use crate::toolchain::{Origin, Suite};

/// How often the suite is run to find flaky tests.
const SUITE_RUNS: u32 = 3;

/// How many of the slowest tests are named.
const SLOWEST: usize = 10;

/// Read-only facts about a codebase, within a budget.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FirstReport {
    /// `factory.report/1`.
    pub schema: String,
    /// Does the suite test the source in this tree? A sentence, and whether it is yes, no, or unknown.
    pub tests_your_source: Answer,
    /// Runs of the suite behind the flaky list.
    pub suite_runs: u32,
    /// Tests that both passed and failed on the same tree.
    pub flaky: Vec<String>,
    /// Tests in the suite, those that it skips included.
    pub tests: usize,
    /// Of those, how many the suite skips.
    pub skipped: usize,
    /// Tests that fail without the network and pass with it: they are left out, and decide nothing.
    #[serde(default)]
    pub network_bound: Vec<String>,
    /// Tests that fail.
    pub failing: Vec<String>,
    /// Why they fail, in the runner's words, and how many for that; most frequent first.
    pub failing_because: Vec<(String, usize)>,
    /// The slowest tests (id, seconds), slowest first, up to ten.
    pub slowest: Vec<(String, f64)>,
    /// Suppressions by kind.
    pub suppressions: Vec<(String, usize)>,
    /// Mutants that could have been sampled.
    pub mutants_found: usize,
    /// Mutants that were run.
    pub mutants_run: usize,
    /// Of those, how many no test noticed.
    pub survivors: Vec<Survivor>,
    /// Mutants that did not compile, counted neither way.
    pub mutants_unviable: usize,
    /// What was not looked at, and why.
    pub not_measured: Vec<String>,
    /// Seconds it took.
    pub seconds: f64,
}

/// A yes, a no, or an honest don't-know, with its sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Answer {
    /// `None` when it could not be told.
    pub yes: Option<bool>,
    /// Why.
    pub detail: String,
}

/// A change that no test noticed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Survivor {
    /// The file, relative to the root.
    #[schemars(with = "String")]
    pub path: Utf8PathBuf,
    /// The line, from 1.
    pub line: u32,
    /// The function it is in.
    pub item: String,
    /// `replace < with <=`.
    pub description: String,
}

/// Limits of a first report.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Seconds that mutants may take.
    pub seconds: u64,
    /// The most mutants.
    pub mutants: u32,
}

/// Makes the first report on an arm. Nothing of the target is changed: mutants run on `scratch`, a second
/// arm directory that holds the same tree.
///
/// # Errors
/// An interruption, or a child or file of the harness that could not be used.
pub async fn first_report(
    lab: &Lab,
    arm: &ArmRef<'_>,
    scratch: &ArmRef<'_>,
    budget: Budget,
) -> Result<FirstReport, Error> {
    let started = Instant::now();
    let bench = Bench::of(lab, arm)?;
    let files = source_files(&bench);
    let mut not_measured = Vec::new();
    let first = suite::run(&bench, None).await?;
    let mut runs = repeated(&bench, &first, budget, &mut not_measured).await?;
    let slowest = slowest(times(&bench, &runs, &mut not_measured).await?);
    let campaign = if let Some(reason) = no_suite(&first.run.state) {
        not_measured.push(format!("mutants: {reason}"));
        Campaign::default()
    } else {
        let scratch = Bench::of(lab, scratch)?;
        let reach = (Reach::Everything, budget);
        campaign::run(&scratch, &bench.build, &files, &first.run, reach).await?
    };
    if let Some(last) = last_run(&bench, &runs, &campaign).await? {
        runs.push(last);
    }
    let doubt = match campaign.killed {
        0 => origin::doubt(&bench, &first).await?,
        _ => None,
    };
    not_measured.extend(campaign.notes.iter().cloned());
    let flaky = suite::both_ways(&runs, None);
    let failing = failing(&first.run, &flaky);
    let bound = network::bound(&bench);
    let skipped = first.run.ids(TestOutcome::Skipped).into_iter();
    let network_bound: Vec<String> = skipped
        .filter(|it| bound.contains(*it))
        .map(str::to_owned)
        .collect();
    Ok(FirstReport {
        schema: "factory.report/1".to_owned(),
        tests_your_source: match doubt {
            Some(detail) => Answer {
                yes: Some(false),
                detail,
            },
            None => answer(&first, &campaign),
        },
        suite_runs: u32::try_from(runs.len()).unwrap_or(u32::MAX),
        tests: first.run.cases.len(),
        skipped: first.run.count(TestOutcome::Skipped) - network_bound.len(),
        network_bound,
        failing_because: most_frequent(failing.iter().filter_map(|it| first.reasons.get(it))),
        failing,
        slowest,
        flaky: flaky.into_iter().collect(),
        suppressions: suppressions(&files),
        mutants_found: campaign.found,
        mutants_run: campaign.viable(),
        mutants_unviable: campaign.unviable,
        survivors: campaign.survivors,
        not_measured,
        seconds: started.elapsed().as_secs_f64(),
    })
}

/// Runs the suite again, as long as one run fits the budget, but for the last time.
async fn repeated(
    bench: &Bench<'_>,
    first: &Suite,
    budget: Budget,
    not_measured: &mut Vec<String>,
) -> Result<Vec<TestRun>, Error> {
    let mut runs = vec![first.run.clone()];
    if let Some(reason) = no_suite(&first.run.state) {
        not_measured.push(format!("flaky tests: {reason}"));
        return Ok(runs);
    }
    let seconds = running_seconds(&first.run);
    if seconds > as_number(usize::try_from(budget.seconds).unwrap_or(usize::MAX)) {
        not_measured.push(format!(
            "flaky tests: one run takes {seconds:.0} s, more than the budget of {} s",
            budget.seconds
        ));
        return Ok(runs);
    }
    for _ in 2..SUITE_RUNS {
        runs.push(suite::run(bench, None).await?.run);
    }
    Ok(runs)
}

/// Returns the last of the runs that look for flaky tests: mutants need the unchanged suite in their copy
/// of the tree anyway, and what ran there counts.
async fn last_run(
    bench: &Bench<'_>,
    runs: &[TestRun],
    campaign: &Campaign,
) -> Result<Option<TestRun>, Error> {
    match &campaign.unchanged {
        _ if runs.len() < 2 => Ok(None),
        Some(run) => Ok(Some(run.clone())),
        None => Ok(Some(suite::run(bench, None).await?.run)),
    }
}

/// What the tests themselves took, where the runner tells; the first run also builds.
fn running_seconds(run: &TestRun) -> f64 {
    let told: f64 = run.cases.iter().filter_map(|it| it.seconds).sum();
    if told > 0.0 {
        told.min(run.seconds)
    } else {
        run.seconds
    }
}

fn no_suite(state: &SuiteState) -> Option<String> {
    match state {
        SuiteState::Completed => None,
        SuiteState::DoesNotBuild(why) => Some(format!("does not build: {why}")),
        SuiteState::Broken(why) => Some(format!("the suite is broken: {why}")),
        SuiteState::TimedOut(why) => Some(format!("the suite timed out: {why}")),
        SuiteState::NoRunner => Some("there is no test runner here".to_owned()),
    }
}

/// A killed mutant is proof that the tests run the source in this tree; where the code was imported
/// from is a strong sign. Survivors alone prove nothing.
fn answer(suite: &Suite, campaign: &Campaign) -> Answer {
    let say = |yes, detail: String| Answer { yes, detail };
    if let Some(reason) = no_suite(&suite.run.state) {
        return say(None, reason);
    }
    if suite.run.cases.is_empty() {
        return say(Some(false), "the suite has no tests".to_owned());
    }
    let (killed, viable) = (campaign.killed, campaign.viable());
    match &suite.origin {
        _ if killed > 0 => say(
            Some(true),
            format!("{killed} of {viable} changes to the source made a test fail"),
        ),
        Origin::Elsewhere(place) => say(
            Some(false),
            format!("the tests import an installed copy in {place}, not this tree"),
        ),
        Origin::Tree if viable == 0 => say(
            Some(true),
            "the tests import the source from this tree".to_owned(),
        ),
        Origin::Tree => say(
            None,
            format!(
                "the source is imported from this tree, but none of {viable} changes to it was noticed"
            ),
        ),
        Origin::Unknown(why) => say(
            None,
            format!("{why}; {killed} of {viable} changes to the source were noticed"),
        ),
    }
}

fn failing(run: &TestRun, flaky: &BTreeSet<String>) -> Vec<String> {
    run.ids(TestOutcome::Failed)
        .into_iter()
        .filter(|it| !flaky.contains(*it))
        .map(str::to_owned)
        .collect()
}

/// Returns the seconds of each test, as told by the runs; where none told, in a run made for it, if the
/// suite was worth repeating at all.
async fn times(
    bench: &Bench<'_>,
    runs: &[TestRun],
    not_measured: &mut Vec<String>,
) -> Result<Vec<(String, f64)>, Error> {
    let told: Vec<(String, f64)> = runs
        .first()
        .into_iter()
        .flat_map(|it| &it.cases)
        .filter_map(|it| Some((it.id.clone(), it.seconds?)))
        .collect();
    if !told.is_empty() || runs.len() < 2 {
        return Ok(told);
    }
    let times = suite::times(bench).await?;
    if times.is_empty() {
        not_measured.push("slowest tests: this runner does not tell times".to_owned());
    }
    Ok(times)
}

fn slowest(mut timed: Vec<(String, f64)>) -> Vec<(String, f64)> {
    timed.retain(|it| it.1 > 0.0);
    timed.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    timed.truncate(SLOWEST);
    timed
}

/// Counts suppressions by kind over all source, tests included; most frequent first.
fn suppressions(files: &[SourceFile]) -> Vec<(String, usize)> {
    let found = files
        .iter()
        .flat_map(|it| syntax::suppressions(it.grammar, &it.text));
    let kinds: Vec<String> = found.map(|(kind, _)| kind).collect();
    most_frequent(&kinds)
}

fn most_frequent<'a>(words: impl IntoIterator<Item = &'a String>) -> Vec<(String, usize)> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for word in words {
        *counts.entry(word.clone()).or_default() += 1;
    }
    let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    counts
}

#[cfg(test)]
mod tests;
