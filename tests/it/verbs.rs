//! The contract of the command line: documents, streams, help, and generated files.

use std::fs;
use std::path::Path;

use crate::runs::with_events;
use crate::support::{CEO, PACKAGE, TestEnv};

/// Every verb, for help and completions.
const VERBS: [&str; 21] = [
    "backlog",
    "ceo",
    "checkout",
    "completions",
    "config",
    "demo",
    "detect",
    "diff",
    "discover",
    "doctor",
    "eval",
    "events",
    "guard",
    "history",
    "init",
    "land",
    "man",
    "reject",
    "report",
    "show",
    "status",
];

#[test]
fn the_version_is_told_in_one_line() {
    let env = TestEnv::new();
    let version = env.run(&["--version"]).exits(0).stdout;
    assert_eq!(version, format!("factory {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn help_lists_every_verb_and_each_has_a_page() {
    let env = TestEnv::new();
    let help = env.run(&["--help"]).exits(0).stdout;
    for verb in VERBS {
        assert!(
            help.contains(&format!("  {verb}")),
            "{verb} is not in:\n{help}"
        );
        assert!(
            env.run(&[verb, "--help"])
                .exits(0)
                .stdout
                .contains("Usage:"),
            "{verb}"
        );
    }
}

#[test]
fn without_a_verb_the_help_is_shown_and_the_usage_is_wrong() {
    let ran = TestEnv::new().run(&[]).exits(2).silent();
    assert!(ran.stderr.contains("Usage:"));
}

#[test]
fn every_reading_verb_prints_one_document_that_names_its_schema() {
    let env = TestEnv::new();
    let repo = env.fixture("two_numbers");
    repo.factory(CEO).exits(0);
    let cases: [&[&str]; 15] = [
        &["detect"],
        &["discover"],
        &["doctor"],
        &["report", "--mutants", "1"],
        &["eval"],
        &["guard", "--from", "main", "--to", "factory/best"],
        &["history"],
        &["show", "1"],
        &["diff", "1"],
        &["replay", "1"],
        &["status"],
        &["targets"],
        &["backlog"],
        &["config"],
        &["insights", "--plots", "pictures"],
    ];
    for case in cases {
        let args: Vec<&str> = case.iter().copied().chain(["--json"]).collect();
        let document = repo.factory(&args).exits(0).json();
        let schema = document["schema"]
            .as_str()
            .unwrap_or_else(|| panic!("{case:?}: {document:#}"));
        assert!(schema.starts_with("factory."), "{case:?}: {schema}");
        let text = repo.factory(case).exits(0).stdout;
        assert!(
            !text.is_empty() && serde_json::from_str::<serde_json::Value>(&text).is_err(),
            "{case:?}"
        );
    }
    // The table of all targets is there where the program was built with it, and says so where not.
    if cfg!(feature = "archive") {
        let document = repo.factory(&["insights", "--json"]).exits(0).json();
        assert!(
            document["groups"][0]["experiments"].as_u64() > Some(0),
            "{document:#}"
        );
    } else {
        let ran = repo.factory(&["insights"]).exits(5).silent();
        assert!(
            ran.stderr.contains("built without `archive`"),
            "{}",
            ran.stderr
        );
    }
}

#[test]
fn an_error_is_a_document_too_when_documents_are_asked_for() {
    let env = TestEnv::new();
    let ran = env.run(&["eval", "no-such-folder", "--json"]).exits(3);
    let document = ran.json();
    assert_eq!(document["exit"], 3, "{document:#}");
    assert!(
        document["message"]
            .as_str()
            .unwrap()
            .contains("no-such-folder"),
        "{document:#}"
    );
}

#[test]
fn a_run_needs_consent_where_nobody_can_be_asked() {
    let env = TestEnv::new();
    let repo = env.fixture("rust_with_findings");
    let ran = repo.factory(&["ceo"]);
    assert!([2, 3].contains(&ran.code), "{ran:?}");
    assert!(ran.stderr.contains("--yes"), "{}", ran.stderr);
    assert!(!repo.has_ref("refs/factory/ledger"));
}

#[test]
fn events_come_one_per_line_and_the_document_comes_last() {
    let env = TestEnv::new();
    let repo = env.fixture("two_numbers");
    let ran = repo.factory(&with_events(CEO)).exits(0);
    let lines: Vec<serde_json::Value> = ran
        .stdout
        .lines()
        .map(|it| serde_json::from_str(it).unwrap())
        .collect();
    assert_eq!(
        lines[0]["what"]["run"]["event"], "run_started",
        "{}",
        ran.stdout
    );
    assert_eq!(lines.last().unwrap()["schema"], "factory.run/1");
    let kinds: Vec<&str> = lines
        .iter()
        .filter_map(|it| it["what"]["run"]["event"].as_str())
        .collect();
    for kind in [
        "phase_started",
        "experiment_started",
        "stage_started",
        "experiment_finished",
        "run_finished",
    ] {
        assert!(kinds.contains(&kind), "{kind} is not among {kinds:?}");
    }
}

#[test]
fn the_first_report_names_the_surviving_mutants() {
    let env = TestEnv::new();
    let repo = env.fixture("python_with_findings");
    let document = repo
        .factory(&["report", "--json", "--mutants", "20"])
        .exits(0)
        .json();
    assert_eq!(document["tests_your_source"]["yes"], true, "{document:#}");
    let run = document["mutants_run"].as_u64().unwrap();
    assert!(
        run > 0 && run <= document["mutants_found"].as_u64().unwrap(),
        "{document:#}"
    );
    for survivor in document["survivors"].as_array().unwrap() {
        assert_eq!(survivor["path"], "shapes/area.py", "{document:#}");
    }
    // No test asks for a square without a side, so that moving the border there goes unnoticed.
    assert!(
        document["survivors"]
            .to_string()
            .contains("replace < with <="),
        "{document:#}"
    );
}

#[test]
fn the_profile_that_init_writes_is_accepted_and_commented() {
    let env = TestEnv::new();
    let repo = env.fixture("rust_with_findings");
    repo.factory(&["init"]).exits(0);
    let text = repo.read("factory.toml");
    assert!(text.contains("# "), "{text}");
    repo.factory(&["eval", "--worktree", "--json"]).exits(0);
    repo.factory(&["init"]).exits(3).tells("factory.toml");
    assert_eq!(
        repo.read("factory.toml"),
        text,
        "a profile is never written over"
    );
}

#[test]
fn completions_and_the_manual_name_every_verb() {
    let env = TestEnv::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = env.run(&["completions", shell]).exits(0).stdout;
        assert!(VERBS.iter().all(|verb| script.contains(verb)), "{shell}");
    }
    assert!(env.run(&["man"]).exits(0).stdout.contains(".TH"));
}

#[test]
fn committed_schemas_are_those_the_binary_prints() {
    let env = TestEnv::new();
    let listed = env.run(&["schema", "list"]).exits(0).stdout;
    let names: Vec<&str> = listed
        .lines()
        .map(|it| it.trim_start_matches("factory.").trim_end_matches("/1"))
        .collect();
    assert!(names.len() > 10, "{listed}");
    for name in &names {
        let printed = env.run(&["schema", "print", name]).exits(0).stdout;
        let path = Path::new(PACKAGE).join(format!("docs/schema/{name}.json"));
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(printed, committed, "{} is not in step", path.display());
    }
    assert_eq!(
        crate::support::list(&Path::new(PACKAGE).join("docs/schema")).len(),
        names.len()
    );
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let env = TestEnv::new();
    let program = env!("CARGO_BIN_EXE_factory");
    let script =
        format!("'{program}' completions zsh | head -n 1; echo \"${{PIPESTATUS[0]}}\" >&2");
    let output = env
        .command("bash", &env.work())
        .args(["-c", &script])
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!stderr.contains("panicked"), "{stderr}");
}
