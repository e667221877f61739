//! The shipped sample shows every kind of verdict, with nothing installed but cargo and git.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::runs::experiment;
use crate::support::{PACKAGE, Ran, TestEnv};

#[test]
fn the_demo_shows_every_kind_of_verdict() {
    let env = TestEnv::new();
    let document = env
        .run(&[
            "demo",
            "--headless",
            "--json",
            "--seed",
            "1",
            "--config",
            "report.mutants=2",
            // Build settings are left alone: each would cost as much as all that is looked at here.
            "--config",
            "scope.fixed=[\"benches/**\", \"Cargo.toml\"]",
            "--config",
            "decision.preset=\"fast\"",
        ])
        .exits(0)
        .json();

    let lint = experiment(&document, "lint");
    assert_eq!(
        (&lint["verdict"], &lint["e_value"]),
        (&Value::from("keep"), &Value::Null),
        "{lint:#}"
    );

    let buckets = experiment(&document, "BUCKETS");
    assert_eq!(buckets["verdict"], "keep", "{buckets:#}");
    assert!(buckets["e_value"].as_f64().unwrap() >= 100.0, "{buckets:#}");
    assert!(
        buckets["effect"]["relative"].as_f64().unwrap() > 0.05,
        "{buckets:#}"
    );

    let capacity = experiment(&document, "REPORT_CAPACITY");
    let e_value = capacity["e_value"].as_f64().unwrap();
    let is_keep = capacity["verdict"] == "keep";
    assert!(["revert", "inconclusive", "keep"].contains(&capacity["verdict"].as_str().unwrap()));
    assert_eq!(
        is_keep,
        e_value >= 100.0,
        "a change without effect passes one time in a hundred: {capacity:#}"
    );

    let limit = experiment(&document, "WORD_LIMIT");
    assert_eq!(limit["verdict"], "vetoed", "{limit:#}");
    assert!(
        limit["reasons"]
            .to_string()
            .contains("long_words_that_differ_late_stay_apart"),
        "{limit:#}"
    );
    assert!(
        limit["e_value"].is_null(),
        "no pair is run on a vetoed candidate"
    );

    assert_replays(&env, &document);
    assert_second_call_goes_on(&env);
}

/// Every verdict follows again from the stored samples.
#[track_caller]
fn assert_replays(env: &TestEnv, document: &Value) {
    let dir = env.work().join("factory-demo");
    for experiment in document["experiments"].as_array().unwrap() {
        env.run_in(&dir, &["replay", &experiment["id"].to_string()])
            .exits(0);
    }
}

#[track_caller]
fn assert_second_call_goes_on(env: &TestEnv) {
    let again = env
        .run(&[
            "demo",
            "--headless",
            "--json",
            "--dry-run",
            "--config",
            "report.mutants=0",
        ])
        .exits(0);
    assert!(again.stderr.contains("factory-demo"), "{}", again.stderr);
    let document = again.json();
    for constant in ["REPORT_CAPACITY", "WORD_LIMIT"] {
        let untried = document["untried"].as_array().unwrap();
        let entry = untried
            .iter()
            .find(|it| it[0].as_str().unwrap().contains(constant));
        let reason = entry.unwrap_or_else(|| panic!("{document:#}"))[1]
            .as_str()
            .unwrap();
        assert!(
            reason.contains("tried before as experiment"),
            "{constant}: {reason}"
        );
    }
}

#[test]
fn the_demo_never_writes_over_a_folder_of_somebody_else() {
    let env = TestEnv::new();
    fs::create_dir(env.work().join("factory-demo")).unwrap();
    fs::write(env.work().join("factory-demo/mine.txt"), "mine").unwrap();
    env.run(&["demo", "--headless", "--json"])
        .exits(3)
        .tells("factory-demo")
        .tells("hint: ");
    assert_eq!(
        crate::support::list(&env.work().join("factory-demo")).len(),
        1
    );
}

#[test]
fn the_sample_passes_its_tests_and_its_plants_do_what_they_say() {
    let env = TestEnv::new();
    let repo = env.copy_of(&Path::new(PACKAGE).join("experiments/quickstart"), "sample");
    let cargo = |args: &[&str]| {
        let mut command = env.command("cargo", &repo.path);
        let output = command
            .args(args)
            .arg("--offline")
            .env("RUSTFLAGS", "")
            .output()
            .unwrap();
        Ran::of(&output)
    };
    cargo(&["test", "--quiet"]).exits(0);
    let warnings = cargo(&["check", "--all-targets"]).exits(0).stderr;
    for rule in ["unused_imports", "unused_mut", "unused_parens"] {
        assert!(
            warnings.contains(rule),
            "the sample lost its finding of {rule}"
        );
    }
    let words = repo.read("src/words.rs");
    let wrong = words.replace("WORD_LIMIT: usize = 40", "WORD_LIMIT: usize = 6");
    assert_ne!(
        words, wrong,
        "the constant is no longer where the profile says"
    );
    repo.write("src/words.rs", &wrong);
    let failed = cargo(&["test", "--quiet"]);
    assert!(
        failed.code != 0
            && failed
                .stdout
                .contains("long_words_that_differ_late_stay_apart")
    );
}

#[test]
fn the_profile_of_the_sample_names_constants_that_exist() {
    let folder = Path::new(PACKAGE).join("experiments/quickstart");
    let profile: toml::Table = fs::read_to_string(folder.join("factory.toml"))
        .unwrap()
        .parse()
        .unwrap();
    let parameters = profile["parameter"].as_array().unwrap();
    assert_eq!(parameters.len(), 3);
    for parameter in parameters {
        let text = fs::read_to_string(folder.join(parameter["file"].as_str().unwrap())).unwrap();
        let declared = format!(
            "pub const {}: usize = ",
            parameter["name"].as_str().unwrap()
        );
        assert!(text.contains(&declared), "{declared}");
    }
}
