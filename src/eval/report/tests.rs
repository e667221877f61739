//! First reports on a fixture.

use std::collections::BTreeMap;

use super::*;
use crate::eval::testing::{Fixture, arm, tree_sha};
use crate::model::finding::TestCase;

const BUDGET: Budget = Budget {
    seconds: 60,
    mutants: 20,
};

async fn report(fixture: &Fixture, budget: Budget) -> FirstReport {
    let lab = fixture.lab();
    let tree = tree_sha();
    let (dir, copy) = (fixture.tree(), fixture.root().join("scratch"));
    for path in super::super::sources::paths(&dir) {
        let target = copy.join(&path);
        fs_err::create_dir_all(target.parent().unwrap()).unwrap();
        fs_err::copy(dir.join(&path), target).unwrap();
    }
    let (incumbent, scratch) = (arm(&dir, &tree, "incumbent"), arm(&copy, &tree, "scratch"));
    first_report(&lab, &incumbent, &scratch, budget)
        .await
        .unwrap()
}

fn suite(origin: Origin, n_tests: usize) -> Suite {
    Suite {
        run: TestRun {
            state: SuiteState::Completed,
            cases: (0..n_tests)
                .map(|it| TestCase {
                    id: it.to_string(),
                    outcome: TestOutcome::Passed,
                    seconds: None,
                })
                .collect(),
            seconds: 1.0,
        },
        origin,
        reasons: BTreeMap::new(),
    }
}

fn campaign(killed: usize, survived: usize) -> Campaign {
    Campaign {
        killed,
        survivors: vec![
            Survivor {
                path: "a.py".into(),
                line: 1,
                item: "f".into(),
                description: "replace + with -".into(),
            };
            survived
        ],
        ..Campaign::default()
    }
}

#[tokio::test]
async fn a_report_names_survivors_failures_and_suppressions() {
    let fixture = Fixture::with_code();
    fixture.write(
        "tests/test_calc.py",
        "import calc  # noqa\n\n\n@pytest.mark.skip\ndef test_a(): pass\n",
    );
    fixture.write("extra.py", "x = 1  # noqa: E501\n");
    fixture.write(
        "checks.txt",
        "test_same calc.py return a == b\nbad calc.py nothing like it\nslow ok\n",
    );
    let found = report(&fixture, BUDGET).await;
    assert_eq!(found.tests_your_source.yes, Some(true));
    assert_eq!(found.failing, ["bad"]);
    assert_eq!(found.slowest[0].0, "slow");
    assert_eq!(
        found.suppressions,
        [("noqa".to_owned(), 2), ("skip".to_owned(), 1)]
    );
    assert_eq!(found.mutants_run, found.mutants_found);
    assert!(!found.survivors.is_empty());
    assert_eq!(found.suite_runs, 3);
    assert!(found.flaky.is_empty());
    assert!(found.not_measured.is_empty(), "{:?}", found.not_measured);
}

#[tokio::test]
async fn a_test_that_goes_both_ways_is_flaky_and_not_failing() {
    let fixture = Fixture::with_code();
    fixture.write("checks.txt", "steady ok\nsometimes flaky\n");
    let found = report(&fixture, BUDGET).await;
    assert_eq!(found.flaky, ["sometimes"]);
    assert!(found.failing.is_empty());
}

#[tokio::test]
async fn a_slow_suite_is_not_repeated_and_the_report_says_so() {
    let fixture = Fixture::with_code();
    fixture.write("checks.txt", &"a ok\n".repeat(40));
    let found = report(
        &fixture,
        Budget {
            seconds: 0,
            mutants: 20,
        },
    )
    .await;
    assert_eq!(found.suite_runs, 1);
    assert!(found.not_measured[0].starts_with("flaky tests: one run takes"));
    assert_eq!(found.mutants_run, 0);
}

#[tokio::test]
async fn a_tree_without_a_working_suite_still_gives_what_can_be_seen() {
    let fixture = Fixture::with_code();
    fixture.write("state.txt", "broken");
    fixture.write("extra.py", "x = 1  # noqa\n");
    let found = report(&fixture, BUDGET).await;
    assert_eq!(found.tests_your_source.yes, None);
    assert_eq!(found.suppressions.len(), 1);
    assert_eq!(found.not_measured.len(), 2);
}

#[tokio::test]
async fn a_report_changes_nothing() {
    let fixture = Fixture::with_code();
    let before = fs_err::read_to_string(fixture.tree().join("calc.py")).unwrap();
    report(&fixture, BUDGET).await;
    for dir in ["tree", "scratch"] {
        let path = fixture.root().join(dir).join("calc.py");
        assert_eq!(fs_err::read_to_string(path).unwrap(), before);
    }
}

#[test]
fn a_killed_mutant_proves_and_an_installed_copy_disproves() {
    let elsewhere = || Origin::Elsewhere("site-packages".into());
    assert_eq!(
        answer(&suite(Origin::Tree, 3), &campaign(2, 1)).yes,
        Some(true)
    );
    assert_eq!(
        answer(&suite(elsewhere(), 3), &campaign(0, 5)).yes,
        Some(false)
    );
    assert_eq!(
        answer(&suite(elsewhere(), 3), &campaign(1, 5)).yes,
        Some(true)
    );
    assert_eq!(
        answer(&suite(Origin::Tree, 3), &campaign(0, 0)).yes,
        Some(true)
    );
    assert_eq!(answer(&suite(Origin::Tree, 3), &campaign(0, 5)).yes, None);
    assert_eq!(
        answer(&suite(Origin::Unknown("?".into()), 3), &campaign(0, 5)).yes,
        None
    );
    assert_eq!(
        answer(&suite(Origin::Tree, 0), &campaign(0, 0)).yes,
        Some(false)
    );
}

#[tokio::test]
async fn a_runner_that_tells_no_times_is_asked_on_purpose() {
    let fixture = Fixture::with_code();
    fixture.write("checks.txt", "a untimed\n");
    let found = report(&fixture, BUDGET).await;
    assert_eq!(found.slowest, [("timed alone".to_owned(), 0.5)]);
}

#[test]
fn slowest_tests_come_first_and_only_ten_are_named() {
    let timed = (1_u32..15)
        .map(|it| (it.to_string(), f64::from(it)))
        .collect();
    let found = slowest(timed);
    assert_eq!(found.len(), 10);
    assert_eq!(found[0], ("14".to_owned(), 14.0));
}
