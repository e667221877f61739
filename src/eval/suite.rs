//! The suites of all sub-projects as one.

use std::collections::{BTreeMap, BTreeSet};

use super::bench::Bench;
use super::network;
use crate::model::finding::{SuiteState, TestOutcome, TestRun};
use crate::model::profile::Project;
use crate::process::Error;
use crate::toolchain::{Origin, Suite};

/// Runs every sub-project's suite, or only the tests of those ids; those that need the network and
/// have none count as skipped.
pub(super) async fn run(
    bench: &Bench<'_>,
    only: Option<&BTreeSet<String>>,
) -> Result<Suite, Error> {
    let mut suite = run_as_it_is(bench, only).await?;
    network::set_apart(bench, &mut suite.run).await?;
    Ok(suite)
}

/// The same, with every failure told as such.
pub(super) async fn run_as_it_is(
    bench: &Bench<'_>,
    only: Option<&BTreeSet<String>>,
) -> Result<Suite, Error> {
    let mut suites = Vec::new();
    let several = bench.projects().count() > 1;
    for (adapter, project) in bench.projects() {
        let prefix = if several {
            prefix(project)
        } else {
            String::new()
        };
        let ids = only.map(|ids| own_ids(ids, &prefix));
        if ids.as_ref().is_some_and(Vec::is_empty) {
            continue;
        }
        let job = bench.job(project);
        let suite = adapter.test(&job, ids.as_deref()).await?;
        suites.push((prefix, suite));
    }
    Ok(merged(suites))
}

/// Returns the seconds of each test where the runner has to be asked on purpose; a run of its own.
pub(super) async fn times(bench: &Bench<'_>) -> Result<Vec<(String, f64)>, Error> {
    let several = bench.projects().count() > 1;
    let mut times = Vec::new();
    for (adapter, project) in bench.projects() {
        let prefix = if several {
            prefix(project)
        } else {
            String::new()
        };
        let told = adapter.test_times(&bench.job(project)).await?;
        times.extend(
            told.into_iter()
                .map(|(id, seconds)| (format!("{prefix}{id}"), seconds)),
        );
    }
    Ok(times)
}

/// What stands before the ids of a sub-project where there are several: `python:api::`.
fn prefix(project: &Project) -> String {
    let language = project.language.key();
    if project.root.as_str().is_empty() {
        format!("{language}::")
    } else {
        format!("{language}:{}::", project.root)
    }
}

fn own_ids(ids: &BTreeSet<String>, prefix: &str) -> Vec<String> {
    ids.iter()
        .filter_map(|it| it.strip_prefix(prefix))
        .map(str::to_owned)
        .collect()
}

/// Adds suites up; the worst state holds for all.
fn merged(suites: Vec<(String, Suite)>) -> Suite {
    let mut whole = Suite {
        run: TestRun::default(),
        origin: Origin::Tree,
        reasons: BTreeMap::new(),
    };
    for (prefix, suite) in suites {
        let ran = suite.run.state != SuiteState::NoRunner;
        whole.run.seconds += suite.run.seconds;
        let reasons = suite.reasons.into_iter();
        whole
            .reasons
            .extend(reasons.map(|(id, why)| (format!("{prefix}{id}"), why)));
        whole
            .run
            .cases
            .extend(suite.run.cases.into_iter().map(|mut case| {
                case.id = format!("{prefix}{}", case.id);
                case
            }));
        whole.run.state = worse(whole.run.state, suite.run.state);
        if ran {
            whole.origin = doubtful(whole.origin, suite.origin);
        }
    }
    whole.run.cases.sort_by(|a, b| a.id.cmp(&b.id));
    whole
}

fn worse(a: SuiteState, b: SuiteState) -> SuiteState {
    let rank = |state: &SuiteState| match state {
        SuiteState::NoRunner => 0,
        SuiteState::Completed => 1,
        SuiteState::TimedOut(_) => 2,
        SuiteState::Broken(_) => 3,
        SuiteState::DoesNotBuild(_) => 4,
    };
    if rank(&b) > rank(&a) { b } else { a }
}

fn doubtful(a: Origin, b: Origin) -> Origin {
    let rank = |origin: &Origin| match origin {
        Origin::Tree => 0,
        Origin::Unknown(_) => 1,
        Origin::Elsewhere(_) => 2,
    };
    if rank(&b) > rank(&a) { b } else { a }
}

/// Returns the tests that passed in one run and failed in another.
pub(super) fn both_ways(runs: &[TestRun], only: Option<&BTreeSet<String>>) -> BTreeSet<String> {
    let mut seen: BTreeMap<&str, (bool, bool)> = BTreeMap::new();
    for case in runs.iter().flat_map(|it| &it.cases) {
        let (passed, failed) = seen.entry(&case.id).or_default();
        *passed |= case.outcome == TestOutcome::Passed;
        *failed |= case.outcome == TestOutcome::Failed;
    }
    seen.into_iter()
        .filter(|(_, (passed, failed))| *passed && *failed)
        .filter(|(id, _)| only.is_none_or(|ids| ids.contains(*id)))
        .map(|(id, _)| id.to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::finding::TestCase;

    fn suite(state: SuiteState, ids: &[&str]) -> Suite {
        Suite {
            run: TestRun {
                state,
                cases: ids
                    .iter()
                    .map(|id| TestCase {
                        id: (*id).to_owned(),
                        outcome: TestOutcome::Passed,
                        seconds: None,
                    })
                    .collect(),
                seconds: 1.5,
            },
            origin: Origin::Tree,
            reasons: BTreeMap::new(),
        }
    }

    #[test]
    fn suites_add_up_and_ids_stay_apart() {
        let whole = merged(vec![
            ("rust::".into(), suite(SuiteState::Completed, &["b", "a"])),
            ("python:api::".into(), suite(SuiteState::Completed, &["a"])),
        ]);
        let ids: Vec<&str> = whole.run.cases.iter().map(|it| it.id.as_str()).collect();
        assert_eq!(ids, ["python:api::a", "rust::a", "rust::b"]);
        assert!((whole.run.seconds - 3.0).abs() < f64::EPSILON);
        assert_eq!(whole.run.state, SuiteState::Completed);
    }

    #[test]
    fn the_worst_state_holds_for_all() {
        let broken = SuiteState::DoesNotBuild("no".into());
        let whole = merged(vec![
            (String::new(), suite(SuiteState::Completed, &[])),
            (String::new(), suite(broken.clone(), &[])),
            (
                String::new(),
                suite(SuiteState::TimedOut("late".into()), &[]),
            ),
        ]);
        assert_eq!(whole.run.state, broken);
        assert_eq!(merged(Vec::new()).run.state, SuiteState::NoRunner);
    }

    #[test]
    fn a_test_that_passed_and_failed_is_flaky() {
        let mut second = suite(SuiteState::Completed, &["steady", "flaky"]).run;
        let first = second.clone();
        second.cases[1].outcome = TestOutcome::Failed;
        let found = both_ways(&[first.clone(), second.clone()], None);
        assert_eq!(found, BTreeSet::from(["flaky".to_owned()]));
        assert!(both_ways(&[first.clone(), first], None).is_empty());
        assert!(both_ways(&[second], Some(&BTreeSet::new())).is_empty());
    }

    #[test]
    fn ids_find_back_to_their_sub_project() {
        let ids = BTreeSet::from(["rust::a".to_owned(), "python:api::b".to_owned()]);
        assert_eq!(own_ids(&ids, "python:api::"), ["b"]);
        assert_eq!(own_ids(&ids, "").len(), 2);
    }
}
