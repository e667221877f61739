//! The traps that real projects set for a measurement, each on a fixture named after it.

use crate::runs::experiment;
use crate::support::{TestEnv, ceo_with};

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

#[test]
fn tests_are_tidied_only_if_they_judge_as_before() {
    let env = TestEnv::new();
    let repo = env.fixture("unformatted_tests");
    let document = repo.factory(&ceo_with(&[])).exits(0).json();
    let tidied = experiment(&document, "Format the tests with ruff");
    assert_eq!(tidied["verdict"], "keep", "{tidied:#}");
    let reasons = tidied["reasons"].to_string();
    assert!(reasons.contains("of 1 sampled mutants"), "{tidied:#}");
    let diff = repo.git(&["diff", "--stat", "main", "factory/best"]);
    assert!(
        diff.contains("tests/test_area.py") && !diff.contains("shapes/"),
        "{diff}"
    );
}

/// Changes one file of a fixture, and returns the rules that `guard` finds broken.
fn rules_broken_by(fixture: &str, file: &str, change: impl Fn(&str) -> String) -> Vec<String> {
    let env = TestEnv::new();
    let repo = env.fixture(fixture);
    repo.write(file, &change(&repo.read(file)));
    let document = repo.factory(&["guard", "--json"]).json();
    let violations = document["violations"].as_array().unwrap();
    let rules = violations.iter().map(|it| it["rule"].as_str().unwrap());
    rules.map(str::to_string).collect()
}

#[test]
fn configuration_inside_a_manifest_is_judged() {
    let broken = |from: &'static str, to: &'static str| {
        rules_broken_by("promises", "Cargo.toml", |it| it.replace(from, to))
    };
    assert_eq!(broken("\"deny\"", "\"allow\""), ["evals_changed"]);
    assert_eq!(
        broken("[lints.rust]", "[lib]\ndoctest = false\n[lints.rust]"),
        ["evals_changed"]
    );
    assert_eq!(broken("0.1.0", "0.2.0"), [""; 0]);
}

#[test]
fn minimum_versions_and_dependencies_stay_as_they_are() {
    let broken = |from: &'static str, to: &'static str| {
        rules_broken_by("promises", "Cargo.toml", |it| it.replace(from, to))
    };
    assert_eq!(broken("1.70", "1.88"), ["minimum_version"]);
    assert_eq!(
        broken("edition = \"2021\"", "edition = \"2024\""),
        ["minimum_version"]
    );
    assert_eq!(
        broken("[dependencies]", "[dependencies]\nserde = \"1\""),
        ["dependency"]
    );
}

#[test]
fn files_that_nobody_writes_by_hand_are_out_of_scope() {
    let lock = rules_broken_by("promises", "Cargo.lock", |it| format!("{it}\n"));
    assert_eq!(lock, ["scope"]);
}

#[test]
fn a_public_item_stays_unless_it_is_asked_for() {
    let gone = rules_broken_by("promises", "src/lib.rs", |it| it.replace("double", "twice"));
    assert!(gone.contains(&"api".to_string()), "{gone:?}");
    let allowed = rules_broken_by("promises", "src/lib.rs", |it| {
        it.replace("pub fn double(number: i64)", "pub fn double(number: i32)")
    });
    assert_eq!(allowed, ["api"]);
    let more = rules_broken_by("promises", "src/lib.rs", |it| {
        format!(
            "{it}\n/// Halves a number.\npub fn half(number: i64) -> i64 {{\n    number / 2\n}}\n"
        )
    });
    assert_eq!(more, [""; 0]);
}

/// The oldest version that checks run with stands in where nothing is declared, and what a private module
/// holds is nobody's but the crate's.
#[test]
fn the_oldest_version_of_the_checks_is_promised_and_a_private_module_is_not() {
    let env = TestEnv::new();
    let repo = env.fixture("promises");
    let manifest = repo.read("Cargo.toml");
    repo.write(
        "Cargo.toml",
        &manifest.replace("rust-version = \"1.70\"\n", ""),
    );
    repo.write(
        "src/lib.rs",
        &format!("mod inner;\n\n{}", repo.read("src/lib.rs")),
    );
    repo.write(
        "src/inner.rs",
        "pub fn old(it: Option<u8>) -> u8 {\n    it.unwrap_or(1)\n}\n",
    );
    let matrix = "jobs:\n  test:\n    strategy:\n      matrix:\n        rust: [stable, 1.60.0]\n";
    repo.write(".github/workflows/ci.yml", matrix);
    repo.git(&["add", "--all"]);
    repo.git(&["commit", "--quiet", "--message", "checks"]);
    let broken = |file: &str, text: &str| {
        let before = repo.read(file);
        repo.write(file, text);
        let document = repo.factory(&["guard", "--json"]).json();
        repo.write(file, &before);
        let violations = document["violations"].as_array().unwrap().clone();
        let told = violations
            .iter()
            .map(|it| it["rule"].as_str().unwrap().to_owned());
        told.collect::<Vec<_>>()
    };
    let renamed = "pub fn new(it: Option<u8>) -> u8 {\n    it.unwrap_or(1)\n}\n";
    assert_eq!(broken("src/inner.rs", renamed), [""; 0]);
    let newer =
        "pub fn old(it: Option<u8>) -> u8 {\n    let Some(it) = it else { return 1 };\n    it\n}\n";
    assert_eq!(broken("src/inner.rs", newer), ["minimum_version"]);
    let declared = repo
        .read("Cargo.toml")
        .replace("[lints", "rust-version = \"1.80\"\n\n[lints");
    assert_eq!(broken("Cargo.toml", &declared), ["minimum_version"]);
    let raised = broken(
        ".github/workflows/ci.yml",
        &matrix.replace("1.60.0", "1.80.0"),
    );
    assert_eq!(raised, ["scope", "minimum_version"]);
}
