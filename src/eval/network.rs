//! Tests that need the network, which evaluated code has not: told from tests that fail.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::bench::Bench;
use super::suite;
use crate::model::finding::{TestOutcome, TestRun};
use crate::process::Error;

/// What a lab knows of tests and the network.
#[derive(Debug, Default)]
pub(super) struct Knowledge {
    /// Tests that failed and were run again with the network.
    asked: BTreeSet<String>,
    /// Of those, the ones that passed then.
    bound: BTreeSet<String>,
}

/// Counts failing tests that need the network as skipped; on the incumbent, those that nothing is
/// known of are run alone, without it and then with it.
pub(super) async fn set_apart(bench: &Bench<'_>, run: &mut TestRun) -> Result<(), Error> {
    if bench.has_network() {
        return Ok(());
    }
    let failed: BTreeSet<String> = failed(run).map(str::to_owned).collect();
    let unknown: BTreeSet<String> = &failed - &knowledge(bench).asked;
    if bench.is_incumbent() && !unknown.is_empty() {
        let found = need_it(bench, &unknown).await?;
        let mut known = knowledge(bench);
        known.bound.extend(found);
        known.asked.extend(unknown);
    }
    let known = knowledge(bench);
    for case in &mut run.cases {
        if case.outcome == TestOutcome::Failed && known.bound.contains(&case.id) {
            case.outcome = TestOutcome::Skipped;
        }
    }
    Ok(())
}

/// Returns those of the tests that fail again without the network and pass with it: one that passes
/// without it is flaky, and to leave it out would hide what a candidate breaks.
async fn need_it(bench: &Bench<'_>, ids: &BTreeSet<String>) -> Result<BTreeSet<String>, Error> {
    let without = suite::run_as_it_is(bench, Some(ids)).await?.run;
    let fails: BTreeSet<String> = failed(&without)
        .filter(|it| ids.contains(*it))
        .map(str::to_owned)
        .collect();
    if fails.is_empty() {
        return Ok(fails);
    }
    let with = suite::run_as_it_is(&bench.networked(), Some(&fails))
        .await?
        .run;
    let passes = with.ids(TestOutcome::Passed).into_iter();
    Ok(passes
        .filter(|it| fails.contains(*it))
        .map(str::to_owned)
        .collect())
}

/// Returns the tests that need the network, as far as they were met.
pub(super) fn bound(bench: &Bench<'_>) -> BTreeSet<String> {
    knowledge(bench).bound.clone()
}

fn failed(run: &TestRun) -> impl Iterator<Item = &str> {
    run.ids(TestOutcome::Failed).into_iter()
}

fn knowledge<'a>(bench: &Bench<'a>) -> MutexGuard<'a, Knowledge> {
    let known: &'a Mutex<Knowledge> = &bench.lab.memory.network;
    known.lock().unwrap_or_else(PoisonError::into_inner)
}
