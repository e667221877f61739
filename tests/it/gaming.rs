//! Junk raises nothing, and no tool is believed that contradicts itself.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;

use serde_json::Value;

use crate::support::{Repo, TestEnv, python_tools, set_mode};

fn evaluate(repo: &Repo<'_>) -> Value {
    let ran = repo.factory(&["eval", "--json"]);
    assert!([0, 4, 9].contains(&ran.code), "{ran:?}");
    ran.json()
}

fn dimension<'a>(document: &'a Value, name: &str) -> &'a Value {
    let all = document["dimensions"].as_array().unwrap();
    all.iter()
        .find(|it| it["name"] == name)
        .unwrap_or_else(|| panic!("no {name} in {document:#}"))
}

/// Asserts that no dimension, and not the whole, scores higher than before.
#[track_caller]
fn assert_nothing_rose(before: &Value, after: &Value, trick: &str) {
    for old in before["dimensions"].as_array().unwrap() {
        let new = dimension(after, old["name"].as_str().unwrap());
        let (Some(was), Some(is)) = (old["score"].as_f64(), new["score"].as_f64()) else {
            assert!(
                old["score"].is_number() || new["score"].is_null(),
                "{trick} made {new:#} appear"
            );
            continue;
        };
        assert!(
            is <= was + 1e-9,
            "{trick} raised {}: {was} -> {is}\n{new:#}",
            old["name"]
        );
    }
    let [was, is] = [before, after].map(|it| it["score"].as_f64().unwrap());
    assert!(is <= was + 1e-9, "{trick} raised the whole: {was} -> {is}");
}

/// Evaluates the fixture, then each trick on top of it, one at a time.
#[track_caller]
fn assert_tricks_raise_nothing(fixture: &str, tricks: &[(&str, &str, String)]) {
    let env = TestEnv::new();
    let repo = env.fixture(fixture);
    let honest = evaluate(&repo);
    assert!(honest["score"].as_f64().unwrap() > 0.0, "{honest:#}");
    for (trick, file, text) in tricks {
        let was = fs::read_to_string(repo.path.join(file)).unwrap_or_default();
        repo.write(file, &format!("{was}{text}"));
        repo.commit(trick);
        assert_nothing_rose(&honest, &evaluate(&repo), trick);
        repo.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    }
}

/// Returns a profile that leaves all of these dimensions out: what is not looked at is not paid for.
fn without(dimensions: &[&str]) -> String {
    format!("[eval]\nskip = {dimensions:?}\n")
}

fn repeated(n: usize, item: impl Fn(usize) -> String) -> String {
    (0..n).fold(String::new(), |mut text, i| {
        let _ = write!(text, "\n{}", item(i));
        text
    })
}

#[test]
fn empty_functions_and_log_lines_raise_nothing_in_rust() {
    let empty = repeated(96, |i| {
        format!("/// Does a thing.\npub fn thing_{i}() {{}}\n")
    });
    let logging = repeated(96, |i| {
        format!("/// Does a thing.\npub fn thing_{i}() {{\n    eprintln!(\"thing {i}\");\n}}\n")
    });
    let comments = repeated(200, |i| format!("// This line explains thing {i}.\n"));
    assert_tricks_raise_nothing(
        "rust_with_findings",
        &[
            ("empty functions", "src/lib.rs", empty),
            ("log lines", "src/lib.rs", logging),
            ("comments", "src/lib.rs", comments),
        ],
    );
}

#[test]
fn tests_that_assert_nothing_raise_nothing_in_rust() {
    let tests = repeated(96, |i| {
        format!("#[test]\nfn calls_{i}() {{\n    let _ = sum(&[{i}]);\n}}\n")
    });
    assert_tricks_raise_nothing(
        "rust_with_findings",
        &[("empty tests", "tests/sums.rs", tests)],
    );
}

#[test]
fn empty_functions_and_log_lines_raise_nothing_in_python() {
    let empty = repeated(96, |i| {
        format!("\ndef thing_{i}():\n    \"\"\"Does a thing.\"\"\"\n")
    });
    let logging = repeated(96, |i| {
        format!("\ndef thing_{i}():\n    print(\"thing {i}\")\n")
    });
    let tests = repeated(96, |i| {
        format!("\ndef test_thing_{i}():\n    square({i} + 2)\n")
    });
    assert_tricks_raise_nothing(
        "python_with_findings",
        &[
            ("empty functions", "shapes/things.py", empty),
            ("log lines", "shapes/things.py", logging),
            ("empty tests", "tests/test_area.py", tests),
        ],
    );
}

#[test]
fn files_below_the_factory_s_own_folder_raise_nothing() {
    let env = TestEnv::new();
    let repo = env.fixture("rust_with_findings");
    let honest = evaluate(&repo);
    for i in 0..50 {
        repo.write(
            &format!(".factory/archive/{i:03}.md"),
            "# A keep\n\nverdict: keep, effect 50 %\n",
        );
        repo.write(
            &format!(".factory/experiments/{i:03}/verdict.json"),
            "{\"verdict\": \"keep\"}\n",
        );
        repo.write(
            &format!(".factory/research/{i:03}.md"),
            "[source](https://example.org)\n",
        );
    }
    assert_nothing_rose(&honest, &evaluate(&repo), "files in .factory");
    repo.git(&["add", "--force", ".factory"]);
    repo.git(&["commit", "--quiet", "--message", "archive"]);
    assert_nothing_rose(&honest, &evaluate(&repo), "tracked files in .factory");
}

#[test]
fn what_a_gate_forbids_is_named_with_its_place() {
    let env = TestEnv::new();
    let repo = env.fixture("rust_with_findings");
    let honest = repo.read("src/lib.rs");
    let forbidden = [
        (
            "suppression",
            "src/lib.rs",
            honest.replacen("use std", "#[allow(unused)]\nuse std", 1),
        ),
        (
            "tests_weakened",
            "src/lib.rs",
            honest.replace("assert_eq!(sum(&[]), 0);", "sum(&[]);"),
        ),
        (
            "tests_weakened",
            "src/lib.rs",
            honest.replace("    #[test]\n    fn the_mean", "    fn the_mean"),
        ),
        (
            "scope",
            "tests/sums.rs",
            "#[test]\nfn numbers_add_up() {}\n".to_string(),
        ),
        (
            "scope",
            "clippy.toml",
            "too-many-lines-threshold = 1000\n".to_string(),
        ),
        (
            "evals_changed",
            "factory.toml",
            "[eval]\nthreshold = 0.0\n".to_string(),
        ),
        (
            "secret",
            "src/lib.rs",
            format!("{honest}\n// AKIA{}\n", "IOSFODNN7EXAMPLQ"),
        ),
    ];
    for (rule, file, text) in forbidden {
        repo.write(file, &text);
        repo.commit(rule);
        let ran = repo
            .factory(&["guard", "--from", "HEAD~1", "--to", "HEAD", "--json"])
            .exits(9);
        let document = ran.json();
        let rules: Vec<&str> = document["violations"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["rule"].as_str().unwrap())
            .collect();
        assert!(rules.contains(&rule), "{rule} in {file}: {document:#}");
        assert_eq!(document["violations"][0]["path"], *file, "{document:#}");
        repo.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    }
    repo.write("src/more.rs", "//! More.\n");
    repo.commit("harmless");
    repo.factory(&["guard", "--from", "HEAD~1", "--to", "HEAD"])
        .exits(0);
}

/// Gives the project an environment of its own: the tools of the tests, with one program replaced.
fn replace_tool(repo: &Repo<'_>, name: &str, script: &str) {
    let tools = python_tools();
    let venv = repo.path.join(".venv");
    fs::create_dir_all(venv.join("bin")).unwrap();
    fs::copy(tools.join("pyvenv.cfg"), venv.join("pyvenv.cfg")).unwrap();
    let links = ["bin/python", "bin/python3", "bin/pytest", "lib"];
    for link in links.iter().filter(|it| !venv.join(it).exists()) {
        symlink(tools.join(link), venv.join(link)).unwrap();
    }
    let program = venv.join("bin").join(name);
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    set_mode(&program, 0o755);
}

#[test]
fn a_linter_that_contradicts_its_exit_status_is_not_believed() {
    let env = TestEnv::new();
    let repo = env.fixture("python_with_findings");
    repo.write(
        "factory.toml",
        &without(&["tests", "coverage", "capability", "config", "observability"]),
    );
    repo.commit("lint alone");
    for script in [
        "echo '[]'; exit 2",
        "echo '[]'; exit 1",
        "echo not json; exit 0",
        "kill -9 $$",
    ] {
        let script =
            format!("case \"$*\" in *version*) echo 'ruff 0.17.5'; exit 0;; esac; {script}");
        replace_tool(&repo, "ruff", &script);
        let document = evaluate(&repo);
        let lint = dimension(&document, "lint");
        assert_eq!(lint["status"], "failed", "{script}: {lint:#}");
        assert_eq!(lint["score"], 0.0, "{script}: {lint:#}");
    }
}

#[test]
fn a_suite_that_ends_the_process_early_is_broken_whatever_the_exit_status() {
    let env = TestEnv::new();
    let repo = env.fixture("leaves_early");
    let document = evaluate(&repo);
    assert_eq!(
        dimension(&document, "tests")["status"],
        "failed",
        "{document:#}"
    );
    assert_eq!(
        document["vetoes"][0]["rule"], "suite_broken",
        "{document:#}"
    );
}

#[test]
fn a_metric_that_fails_scores_nothing_and_says_why() {
    let cases = [
        ("sh -c 'echo METRIC speed=1; exit 3'", "3"),
        ("sh -c 'echo nothing'", "METRIC"),
        ("sh -c 'echo METRIC speed=nan'", "nan"),
        ("sh -c 'echo METRIC speed=1; echo METRIC speed=2'", "speed"),
        ("no-such-program-anywhere", "no-such-program-anywhere"),
    ];
    let env = TestEnv::new();
    let repo = env.repo(
        "metrics",
        &[("README.md", "A project of declared commands.\n")],
    );
    for (run, words) in cases {
        let text =
            format!("[[metric]]\nname = \"speed\"\nrun = {run:?}\ndirection = \"maximize\"\n");
        repo.write("factory.toml", &text);
        repo.commit("declare a metric");
        let document = evaluate(&repo);
        let speed = dimension(&document, "speed");
        assert_eq!(
            (&speed["status"], &speed["score"]),
            (&Value::from("failed"), &Value::from(0.0)),
            "{run}"
        );
        assert!(
            speed["detail"].as_str().unwrap().contains(words),
            "{run}: {speed:#}"
        );
    }
}

#[test]
fn guards_count_and_a_broken_one_is_a_veto() {
    let env = TestEnv::new();
    let guard = |name: &str, run: &str| format!("[[guard]]\nname = \"{name}\"\nrun = \"{run}\"\n");
    let repo = env.fixture("two_numbers");
    repo.write(
        "factory.toml",
        &(without(&["tests", "config"]) + &guard("holds", "true") + &guard("does not", "false")),
    );
    repo.commit("declare guards");
    let document = evaluate(&repo);
    assert_eq!(dimension(&document, "guards")["score"], 0.5, "{document:#}");
    assert!(
        document["vetoes"].to_string().contains("does not"),
        "{document:#}"
    );
}

#[test]
fn below_the_threshold_the_exit_code_says_no_and_the_document_is_printed() {
    let env = TestEnv::new();
    let repo = env.fixture("two_numbers");
    let demanding = repo
        .read("factory.toml")
        .replace("[eval]", "[eval]\nthreshold = 1.0");
    repo.write("factory.toml", &demanding);
    repo.commit("ask for everything");
    let document = repo.factory(&["eval", "--json"]).exits(9).json();
    assert_eq!(document["threshold"], 1.0);
}

#[test]
fn a_suite_that_never_ends_is_stopped_and_counts_as_failed() {
    let env = TestEnv::new();
    let repo = env.fixture("python_with_findings");
    repo.write(
        "tests/test_slow.py",
        "import time\n\n\ndef test_that_never_ends():\n    time.sleep(3600)\n",
    );
    repo.write("factory.toml", "[eval]\ntimeout_seconds = 3\n");
    repo.commit("hang");
    let document = repo.factory(&["eval", "--json"]).exits(4).json();
    let tests = dimension(&document, "tests");
    assert_eq!(
        (&tests["status"], &tests["score"]),
        (&Value::from("failed"), &Value::from(0.0))
    );
    assert_eq!(document["vetoes"][0]["rule"], "timed_out", "{document:#}");
    assert!(env.settled_processes().is_empty(), "{:#?}", env.processes());
}

#[test]
fn a_suite_of_integration_tests_alone_counts() {
    let env = TestEnv::new();
    let repo = env.fixture("rust_with_findings");
    let source = repo.read("src/lib.rs");
    repo.write("src/lib.rs", source.split("#[cfg(test)]").next().unwrap());
    repo.write(
        "factory.toml",
        &without(&["lint", "types", "coverage", "capability"]),
    );
    repo.commit("integration tests only");
    let document = evaluate(&repo);
    assert_eq!(
        dimension(&document, "tests")["status"],
        "measured",
        "{document:#}"
    );
    let cases = document["tests"]["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 1, "{document:#}");
    assert_eq!(cases[0]["outcome"], "passed");
}

#[test]
fn a_smoke_test_and_a_hard_constraint_are_vetoes() {
    let env = TestEnv::new();
    let repo = env.fixture("python_with_findings");
    let constraint = "[[constraint]]\nmetric = \"lint\"\nmax = 0\n";
    for (profile, rule) in [
        ("[eval]\nsmoke = \"false\"\n", "guard"),
        (constraint, "hard_constraint"),
    ] {
        let rest = "skip = [\"tests\", \"coverage\", \"capability\", \"types\"]\n";
        let profile = if profile.starts_with("[eval]") {
            format!("{profile}{rest}")
        } else {
            format!("[eval]\n{rest}{profile}")
        };
        repo.write("factory.toml", &profile);
        repo.commit(rule);
        let document = repo.factory(&["eval", "--json"]).exits(9).json();
        assert_eq!(document["vetoes"][0]["rule"], rule, "{document:#}");
    }
}
