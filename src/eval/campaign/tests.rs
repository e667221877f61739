//! Campaigns on a fixture whose suite is scripted.

use super::*;
use crate::eval::sources::source_files;
use crate::eval::testing::Fixture;
use crate::model::finding::TestCase;

const PLENTY: Budget = Budget {
    seconds: 60,
    mutants: 100,
};

fn failed(ids: &[&str]) -> TestRun {
    TestRun {
        state: SuiteState::Completed,
        cases: ids
            .iter()
            .map(|id| TestCase {
                id: (*id).to_owned(),
                outcome: TestOutcome::Failed,
                seconds: None,
            })
            .collect(),
        seconds: 1.0,
    }
}

fn in_state(state: SuiteState) -> TestRun {
    TestRun {
        state,
        ..TestRun::default()
    }
}

async fn campaign(fixture: &Fixture, budget: Budget) -> Campaign {
    let lab = fixture.lab();
    let bench = Bench::at(&lab, fixture.tree(), "scratch").unwrap();
    let files = source_files(&bench);
    let baseline = super::super::suite::run(&bench, None).await.unwrap().run;
    run(
        &bench,
        &bench.build,
        &files,
        &baseline,
        (Reach::Surface, budget),
    )
    .await
    .unwrap()
}

#[test]
fn only_a_new_failure_kills() {
    let before = BTreeSet::from(["old".to_owned()]);
    let read = |run: &TestRun| fate(LanguageName::Rust, &before, run).unwrap();
    assert_eq!(read(&failed(&[])), Fate::Survived);
    assert_eq!(read(&failed(&["old"])), Fate::Survived);
    assert_eq!(read(&failed(&["old", "new"])), Fate::Killed);
}

#[test]
fn hanging_and_crashing_kill_and_not_compiling_says_nothing() {
    let none = BTreeSet::new();
    let why = || "why".to_owned();
    for language in [LanguageName::Rust, LanguageName::Python] {
        let read = |state| fate(language, &none, &in_state(state));
        assert_eq!(read(SuiteState::TimedOut(why())), Ok(Fate::Killed));
        assert_eq!(read(SuiteState::Broken(why())), Ok(Fate::Killed));
        assert!(read(SuiteState::NoRunner).is_err());
    }
    let build = in_state(SuiteState::DoesNotBuild(why()));
    assert_eq!(fate(LanguageName::Rust, &none, &build), Ok(Fate::Unviable));
    assert_eq!(fate(LanguageName::Python, &none, &build), Ok(Fate::Killed));
}

#[tokio::test]
async fn survivors_are_named_by_place() {
    let fixture = Fixture::with_code();
    let found = campaign(&fixture, PLENTY).await;
    assert_eq!(found.viable(), found.found);
    assert!(found.killed > 0);
    assert!(!found.survivors.is_empty());
    assert!(
        found
            .survivors
            .iter()
            .all(|it| it.item == "grow" && it.line == 6)
    );
    assert!(
        found
            .survivors
            .iter()
            .any(|it| it.description == "replace + with -")
    );
}

#[tokio::test]
async fn the_tree_is_left_as_it_was() {
    let fixture = Fixture::with_code();
    let path = fixture.tree().join("calc.py");
    let before = fs_err::read_to_string(&path).unwrap();
    campaign(&fixture, PLENTY).await;
    assert_eq!(fs_err::read_to_string(&path).unwrap(), before);
}

#[tokio::test]
async fn no_more_mutants_run_than_asked_for() {
    let found = campaign(
        &Fixture::with_code(),
        Budget {
            seconds: 60,
            mutants: 2,
        },
    )
    .await;
    assert_eq!(found.viable(), 2);
    assert!(found.found > 2);
}

#[tokio::test]
async fn no_time_runs_no_mutant_and_says_so() {
    let found = campaign(
        &Fixture::with_code(),
        Budget {
            seconds: 0,
            mutants: 9,
        },
    )
    .await;
    assert_eq!(found.viable(), 0);
    assert_eq!(
        found.notes,
        ["mutants: 0 s were enough to try 0; `factory report --seconds N` gives them longer"]
    );
}

#[tokio::test]
async fn known_fates_cost_no_run() {
    let fixture = Fixture::with_code();
    let first = campaign(&fixture, PLENTY).await;
    let runs = fixture
        .suite_runs
        .load(std::sync::atomic::Ordering::Relaxed);
    let second = campaign(&fixture, PLENTY).await;
    let again = fixture
        .suite_runs
        .load(std::sync::atomic::Ordering::Relaxed);
    assert!(first.unchanged.is_some());
    let first = Campaign {
        unchanged: None,
        ..first
    };
    assert_eq!(first, second);
    assert_eq!(again - runs, 1, "only the baseline");
}

#[tokio::test]
async fn a_suite_without_a_passing_test_runs_no_mutant() {
    let fixture = Fixture::with_code();
    fixture.write("checks.txt", "bad calc.py nothing like it\n");
    let found = campaign(&fixture, PLENTY).await;
    assert_eq!(found.viable(), 0);
    assert_eq!(found.notes.len(), 1);
}

#[tokio::test]
async fn an_interruption_leaves_no_mutant_behind() {
    let fixture = Fixture::with_code();
    let lab = fixture.lab();
    let bench = Bench::at(&lab, fixture.tree(), "scratch").unwrap();
    let files = source_files(&bench);
    let order = in_turn(spots(&files), 1);
    let mut trial = Trial::new(&bench, &bench.build, Duration::from_mins(1));
    trial.warm(0).await.unwrap().ok();
    fixture.write("hang.txt", "");
    let path = fixture.tree().join("calc.py");
    let before = fs_err::read_to_string(&path).unwrap();
    let seen = async {
        while fs_err::read_to_string(&path).unwrap() == before {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        lab.cancel.cancel();
    };
    let (outcome, ()) = tokio::join!(trial.run(&order[0]), seen);
    assert!(matches!(outcome, Err(Error::Cancelled)));
    assert_eq!(fs_err::read_to_string(&path).unwrap(), before);
}
