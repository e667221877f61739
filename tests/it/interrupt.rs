//! Stopped at any moment, politely or not: nothing lost, nothing left, and the next run goes on.

use std::path::{Path, PathBuf};

use rustix::process::Signal;

use crate::runs::{cut_short, with_events};
use crate::support::{CEO, PACKAGE, Ran, Repo, TestEnv, assert_untouched};

/// What a run says, on its stream of events, when it reaches each moment.
const MOMENTS: [&str; 6] = [
    "run_started",
    "phase_started",
    "experiment_started",
    "build",
    "measure",
    "experiment_finished",
];

/// Asserts that nothing of a stopped run is left but what the record and the caches are for.
#[track_caller]
fn assert_nothing_left(env: &TestEnv) {
    let left = env.settled_processes();
    assert!(left.is_empty(), "still running: {left:#?}");
    let files = env.temporary_files();
    assert!(
        files.is_empty(),
        "left in the temporary directory: {files:?}"
    );
}

/// Asserts that a later run works, and that every experiment in the record has an end.
#[track_caller]
fn assert_goes_on(repo: &Repo<'_>) -> Ran {
    let ran = repo.factory(CEO).exits(0);
    let history = repo.factory(&["history", "--json"]).exits(0).json();
    for experiment in history["experiments"].as_array().unwrap() {
        assert!(experiment["verdict"].is_string(), "{history:#}");
    }
    repo.git(&["fsck", "--strict", "--no-dangling"]);
    ran
}

#[test]
fn ctrl_c_at_each_moment_saves_the_state_and_leaves_nothing() {
    let env = TestEnv::new();
    for (number, moment) in MOMENTS.iter().enumerate() {
        let repo = env.copy_of(&numbers(), &format!("moment-{number}"));
        let before = repo.fingerprint();
        let ran = cut_short(&repo, CEO, moment, Signal::INT);
        // The last event may come so late that the run is over before the signal arrives.
        assert!(
            ran.code == 130 || (number == MOMENTS.len() - 1 && ran.code == 0),
            "{moment}: {ran:?}"
        );
        assert_untouched(&before, &repo.fingerprint());
        assert_nothing_left(&env);
        assert_goes_on(&repo);
        assert_untouched(&before, &repo.fingerprint());
    }
}

#[test]
fn ctrl_c_says_what_happens_and_how_to_go_on() {
    let env = TestEnv::new();
    let repo = env.copy_of(&fixture(), "target");
    cut_short(&repo, CEO, "phase_started", Signal::INT)
        .exits(130)
        .tells("interrupted")
        .tells("hint: ");
}

#[test]
fn a_second_ctrl_c_orphans_nothing() {
    let env = TestEnv::new();
    let repo = env.copy_of(&fixture(), "target");
    let mut running = repo.start(&with_events(CEO));
    assert!(running.wait_until(|it| it.contains("phase_started")));
    running.signal(Signal::INT);
    running.signal(Signal::INT);
    running.end().exits(130);
    assert_nothing_left(&env);
}

#[test]
fn being_asked_to_terminate_is_like_ctrl_c() {
    let env = TestEnv::new();
    let repo = env.copy_of(&fixture(), "target");
    let before = repo.fingerprint();
    cut_short(&repo, CEO, "phase_started", Signal::TERM).exits(130);
    assert_untouched(&before, &repo.fingerprint());
    assert_nothing_left(&env);
}

#[test]
fn every_reading_verb_can_be_interrupted() {
    let env = TestEnv::new();
    let repo = env.copy_of(&fixture(), "target");
    let before = repo.fingerprint();
    for verb in ["eval", "report"] {
        let mut running = repo.start(&[verb]);
        let children = |env: &TestEnv| env.processes().len() > 1;
        while !children(&env) && !running.has_ended() {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        running.signal(Signal::INT);
        running.end().exits(130);
        assert_nothing_left(&env);
        assert_untouched(&before, &repo.fingerprint());
    }
}

#[test]
fn killed_at_each_moment_the_next_run_takes_over() {
    let env = TestEnv::new();
    for (number, moment) in MOMENTS.iter().enumerate() {
        let repo = env.copy_of(&numbers(), &format!("moment-{number}"));
        let before = repo.fingerprint();
        cut_short(&repo, CEO, moment, Signal::KILL);
        assert_untouched(&before, &repo.fingerprint());
        repo.factory(&["status"]).exits(0);
        assert_goes_on(&repo);
        assert_untouched(&before, &repo.fingerprint());
        assert_nothing_left(&env);
    }
}

#[test]
fn an_experiment_that_was_cut_short_is_recorded_as_such() {
    let env = TestEnv::new();
    let repo = env.copy_of(&fixture(), "target");
    cut_short(&repo, CEO, "measure", Signal::KILL);
    assert_goes_on(&repo);
    let history = repo.factory(&["history", "--json"]).exits(0).json();
    let verdicts: Vec<&str> = history["experiments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["verdict"].as_str().unwrap())
        .collect();
    assert!(verdicts.contains(&"spurious"), "{verdicts:?}");
    assert!(
        verdicts.contains(&"keep"),
        "the same idea must be tried again: {verdicts:?}"
    );
}

#[test]
fn two_at_once_is_one_too_many() {
    let env = TestEnv::new();
    let repo = env.copy_of(&numbers(), "target");
    let mut first = repo.start(&with_events(CEO));
    assert!(
        first.wait_until(|it| it.contains("run_started")),
        "{}",
        first.told()
    );
    let holder = first.id().as_raw_nonzero().to_string();
    repo.factory(CEO).exits(6).tells(&holder).tells("hint: ");
    repo.factory(&["status", "--json"]).exits(0);
    repo.factory(&["history"]).exits(0);
    first.end().exits(0);
    repo.factory(CEO).exits(0);
}

/// A package, so that what is interrupted is a tree of compilers and tests.
fn fixture() -> PathBuf {
    Path::new(PACKAGE).join("tests/fixtures/rust_with_findings")
}

/// A target that is quick to measure, for what is tried at every moment.
fn numbers() -> PathBuf {
    Path::new(PACKAGE).join("tests/fixtures/two_numbers")
}
