//! The traps that real projects set for a measurement, each on a fixture named after it.

use serde_json::Value;

use crate::support::{TestEnv, ceo_with};

/// Returns the line of the experiment whose hypothesis holds those words.
fn experiment<'a>(document: &'a Value, words: &str) -> &'a Value {
    let all = document["experiments"].as_array().unwrap();
    all.iter()
        .find(|it| it["hypothesis"].as_str().unwrap().contains(words))
        .unwrap_or_else(|| panic!("no experiment on `{words}` in {document:#}"))
}

/// Returns a text as if its lines had not been broken to fit a terminal.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_flaky_test_is_quarantined_in_both_arms_and_remembered() {
    let env = TestEnv::new();
    let repo = env.fixture("flaky_test");
    let ran = repo.factory(&ceo_with(&["--cycles", "1"])).exits(0);
    let fixes = experiment(&ran.json(), "Fix").clone();
    assert_eq!(fixes["verdict"], "keep", "{fixes:#}");
    let told = "passes and fails on the unchanged code: quarantined in both arms";
    assert!(flat(&ran.stderr).contains(told), "{ran:?}");
    let note = repo.factory(&["show", "1"]).exits(0);
    assert!(flat(&note.stdout).contains(told), "{note:?}");

    let again = repo.factory(&ceo_with(&["--cycles", "1"])).exits(0);
    let recalled = "quarantined, since earlier runs saw them pass and fail";
    assert!(flat(&again.stderr).contains(recalled), "{again:?}");
}
