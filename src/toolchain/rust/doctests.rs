//! Runs documentation tests, which have no program of their own.

use std::collections::{BTreeMap, BTreeSet};

use super::suite::{case, split_args};
use super::{cargo, libtest};
use crate::model::finding::{SuiteState, TestCase, TestOutcome};
use crate::process::{Error, Exit, Finished};
use crate::toolchain::Job;

/// Runs the documentation tests of each package, so that each is known by its package.
pub(super) async fn run(
    job: &Job<'_>,
    packages: &BTreeSet<String>,
    only: Option<&[String]>,
) -> Result<Result<Vec<TestCase>, SuiteState>, Error> {
    let mut cases = Vec::new();
    for package in packages {
        let prefix = format!("{package}::doc::");
        if only.is_some_and(|ids| !ids.iter().any(|it| it.starts_with(&prefix))) {
            continue;
        }
        match run_package(job, package, &prefix).await? {
            Ok(found) => cases.extend(found),
            Err(state) => return Ok(Err(state)),
        }
    }
    Ok(Ok(cases))
}

async fn run_package(
    job: &Job<'_>,
    package: &str,
    prefix: &str,
) -> Result<Result<Vec<TestCase>, SuiteState>, Error> {
    let Some(command) = cargo::command(job) else {
        return Ok(Err(SuiteState::NoRunner));
    };
    let (cargo_args, _) = split_args(job);
    let command = command
        .args(["test", "--doc", "--no-fail-fast", "--package", package])
        .args(cargo_args.iter().cloned());
    let finished = cargo::run(job, &command).await?;
    Ok(read(&finished, prefix))
}

/// Doctests run in separate processes or in one per edition, so there may be several summaries.
fn read(finished: &Finished, prefix: &str) -> Result<Vec<TestCase>, SuiteState> {
    if finished.exit == Exit::TimedOut {
        return Err(SuiteState::TimedOut(format!(
            "documentation tests: {}",
            finished.explain()
        )));
    }
    let held = |it: &Vec<TestCase>| it.iter().all(|it| it.outcome != TestOutcome::Failed);
    told(&finished.stdout_text(), prefix)
        .filter(|it| held(it) == finished.success())
        .ok_or_else(|| SuiteState::Broken(contradiction(prefix, finished)))
}

/// Reads what documentation tests print; `None` where the lines and the summaries do not agree.
pub(super) fn told(text: &str, prefix: &str) -> Option<Vec<TestCase>> {
    let found = libtest::doctests(text);
    let summaries = libtest::summaries(text);
    let count = |wanted| found.iter().filter(|it| it.2 == wanted).count();
    let agrees = summaries.iter().map(|it| it.passed).sum::<usize>() == count(TestOutcome::Passed)
        && summaries.iter().map(|it| it.failed).sum::<usize>() == count(TestOutcome::Failed)
        && summaries.iter().map(|it| it.ignored).sum::<usize>() == count(TestOutcome::Skipped);
    (agrees && !summaries.is_empty()).then(|| cases(found, prefix))
}

/// Returns the words for documentation tests that cannot be believed.
pub(super) fn contradiction(prefix: &str, finished: &Finished) -> String {
    format!(
        "documentation tests of `{prefix}` contradict themselves: {}",
        finished.explain()
    )
}

/// Ids hold no line numbers: the second test of an item is `#2`.
fn cases(mut found: Vec<(String, u32, TestOutcome)>, prefix: &str) -> Vec<TestCase> {
    found.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    found
        .into_iter()
        .map(|(item, _, outcome)| {
            let n = seen
                .entry(item.clone())
                .and_modify(|it| *it += 1)
                .or_insert(1);
            let ordinal = if *n == 1 {
                String::new()
            } else {
                format!("#{n}")
            };
            case(format!("{prefix}{item}{ordinal}"), outcome)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_numbers_give_way_to_ordinals() {
        let found = vec![
            ("src/lib.rs - f".to_owned(), 20, TestOutcome::Failed),
            ("src/lib.rs - f".to_owned(), 3, TestOutcome::Passed),
        ];
        let cases = cases(found, "p::doc::");
        assert_eq!(cases[0].id, "p::doc::src/lib.rs - f");
        assert_eq!(cases[0].outcome, TestOutcome::Passed);
        assert_eq!(cases[1].id, "p::doc::src/lib.rs - f#2");
    }
}
