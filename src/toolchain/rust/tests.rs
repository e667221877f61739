//! The adapter on small real packages, with the real toolchain.

use super::Rust;
use crate::config::Commands;
use crate::model::finding::{SuiteState, TestOutcome};
use crate::model::hypothesis::LintRule;
use crate::model::profile::{LanguageName, Purpose};
use crate::toolchain::testing::{Bench, Tree};
use crate::toolchain::{Adapter as _, Lints, Outcome};

const MANIFEST: &str = "[package]\nname = \"sample\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";

fn bench(files: &[(&str, &str)]) -> Bench {
    let mut files = files.to_vec();
    if !files.iter().any(|it| it.0 == "Cargo.toml") {
        files.push(("Cargo.toml", MANIFEST));
    }
    Bench::new(LanguageName::Rust, &files, Commands::default())
}

fn rule(tool: &str, rule: &str) -> LintRule {
    LintRule {
        tool: tool.into(),
        rule: rule.into(),
    }
}

#[tokio::test]
async fn every_kind_of_test_is_found_with_its_outcome() {
    let bench = bench(&[
        (
            "src/lib.rs",
            "//! ```\n//! assert_eq!(sample::one(), 1);\n//! ```\n\n\
             /// ```should_panic\n/// panic!();\n/// ```\n///\n/// ```\n/// assert_eq!(sample::one(), 2);\n/// ```\n\
             pub fn one() -> u32 {\n    1\n}\n\
             #[cfg(test)]\nmod tests {\n\
             #[test]\nfn holds() {\n println!(\"test fake ... ok\\ntest result: ok. 9 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\");\n }\n\
             #[test]\nfn fails() { assert_eq!(super::one(), 2); }\n\
             #[test]\n#[should_panic(expected = \"x\\ny\")]\nfn wrong_panic() { panic!(\"z\"); }\n\
             #[test]\n#[ignore = \"slow one\"]\nfn ignored() {}\n}\n",
        ),
        ("src/main.rs", "fn main() {}\n#[test]\nfn in_bin() {}\n"),
        (
            "tests/it.rs",
            "#[test]\nfn reads_its_manifest() { assert!(std::path::Path::new(\"Cargo.toml\").exists()); assert!(std::env::var(\"CARGO_MANIFEST_DIR\").is_ok()); }\n",
        ),
    ]);
    let suite = Rust.test(&bench.job(), None).await.unwrap();
    assert_eq!(suite.run.state, SuiteState::Completed);
    let found: Vec<_> = suite
        .run
        .cases
        .iter()
        .map(|it| (it.id.as_str(), it.outcome))
        .collect();
    assert_eq!(
        found,
        [
            ("sample::bin/sample::in_bin", TestOutcome::Passed),
            ("sample::doc::src/lib.rs -", TestOutcome::Passed),
            ("sample::doc::src/lib.rs - one", TestOutcome::Passed),
            ("sample::doc::src/lib.rs - one#2", TestOutcome::Failed),
            ("sample::lib::tests::fails", TestOutcome::Failed),
            ("sample::lib::tests::holds", TestOutcome::Passed),
            ("sample::lib::tests::ignored", TestOutcome::Skipped),
            ("sample::lib::tests::wrong_panic", TestOutcome::Failed),
            ("sample::test/it::reads_its_manifest", TestOutcome::Passed),
        ]
    );
    assert!(!bench.tree.root().join("target").exists());

    let only = [
        "sample::lib::tests::holds".to_owned(),
        "sample::doc::src/lib.rs -".to_owned(),
    ];
    let suite = Rust.test(&bench.job(), Some(&only)).await.unwrap();
    let ids: Vec<_> = suite.run.cases.iter().map(|it| it.id.clone()).collect();
    assert_eq!(
        ids,
        ["sample::doc::src/lib.rs -", "sample::lib::tests::holds"]
    );

    let times = Rust.test_times(&bench.job()).await.unwrap();
    let timed_ids: Vec<_> = times.iter().map(|it| it.0.as_str()).collect();
    assert!(
        timed_ids.contains(&"sample::lib::tests::holds"),
        "{timed_ids:?}"
    );
    assert!(
        timed_ids.contains(&"sample::test/it::reads_its_manifest"),
        "{timed_ids:?}"
    );
}

#[tokio::test]
async fn code_that_does_not_compile_is_told_with_its_first_error() {
    let bench = bench(&[("src/lib.rs", "pub fn f() -> u32 { \"x\" }\n")]);
    let suite = Rust.test(&bench.job(), None).await.unwrap();
    let SuiteState::DoesNotBuild(reason) = suite.run.state else {
        panic!("{:?}", suite.run.state);
    };
    assert!(
        reason.contains("mismatched types") && reason.contains("src/lib.rs:1"),
        "{reason}"
    );
    assert!(matches!(
        Rust.types(&bench.job()).await.unwrap(),
        Outcome::Failed(_)
    ));
    assert!(matches!(
        Rust.lint(&bench.job()).await.unwrap(),
        Outcome::Failed(_)
    ));
}

#[tokio::test]
async fn a_test_that_ends_the_process_breaks_the_suite() {
    let bench = bench(&[(
        "src/lib.rs",
        "#[test]\nfn quits() { std::process::exit(0); }\n#[test]\nfn other() {}\n",
    )]);
    let suite = Rust.test(&bench.job(), None).await.unwrap();
    let SuiteState::Broken(reason) = suite.run.state else {
        panic!("{:?}", suite.run.state);
    };
    assert!(reason.contains("sample::lib"), "{reason}");
}

#[tokio::test]
async fn a_test_that_reads_its_arguments_sees_none_of_ours() {
    let strict = "#[test]\nfn alone() { assert_eq!(std::env::args().count(), 1); }\n\
                  #[test]\nfn fails() { panic!(); }\n";
    let bench = bench(&[("src/lib.rs", ""), ("tests/strict.rs", strict)]);
    let suite = Rust.test(&bench.job(), None).await.unwrap();
    assert_eq!(suite.run.state, SuiteState::Completed);
    let passed = suite.run.ids(TestOutcome::Passed);
    assert_eq!(passed, ["sample::test/strict::alone"].into());
    assert_eq!(suite.run.ids(TestOutcome::Failed).len(), 1);
}

#[tokio::test]
async fn a_denied_lint_is_named_and_does_not_stop_a_mutant() {
    let source = "#![deny(warnings)]\nfn unused() {}\n#[test]\nfn t() {}\n";
    let bench = bench(&[("src/lib.rs", source)]);
    let mut job = bench.job();
    let SuiteState::DoesNotBuild(why) = Rust.test(&job, None).await.unwrap().run.state else {
        panic!("the lint is denied");
    };
    assert!(why.contains("`unused` is never used"), "{why}");
    assert!(why.contains("src/lib.rs:2"), "{why}");
    job.lints = Lints::Warn;
    let run = Rust.test(&job, None).await.unwrap().run;
    assert_eq!(run.ids(TestOutcome::Passed), ["sample::lib::t"].into());
}

#[tokio::test]
async fn a_custom_harness_is_one_test_by_its_exit_status() {
    let manifest = format!(
        "{MANIFEST}[[test]]\nname = \"good\"\nharness = false\n[[test]]\nname = \"bad\"\nharness = false\n"
    );
    let bench = bench(&[
        ("Cargo.toml", &manifest),
        ("src/lib.rs", ""),
        (
            "tests/good.rs",
            "fn main() { assert_eq!(std::env::args().count(), 1); }\n",
        ),
        ("tests/bad.rs", "fn main() { std::process::exit(3); }\n"),
    ]);
    let suite = Rust.test(&bench.job(), None).await.unwrap();
    assert_eq!(suite.run.state, SuiteState::Completed);
    let found = suite.run.by_id();
    assert_eq!(found["sample::test/good"], TestOutcome::Passed);
    assert_eq!(found["sample::test/bad"], TestOutcome::Failed);
    assert_eq!(found.len(), 2);
}

#[tokio::test]
async fn all_members_of_a_workspace_are_tested() {
    let member = |name: &str| {
        format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2021\"\n")
    };
    let bench = bench(&[
        (
            "Cargo.toml",
            "[workspace]\nmembers = [\"a\", \"b\"]\nresolver = \"2\"\n",
        ),
        ("a/Cargo.toml", &member("a")),
        (
            "a/src/lib.rs",
            "/// ```\n/// a::f();\n/// ```\npub fn f() {}\n#[test]\nfn t() {}\n",
        ),
        ("b/Cargo.toml", &member("b")),
        (
            "b/src/lib.rs",
            "/// ```\n/// b::f();\n/// ```\npub fn f() { let x = 1; }\n#[test]\nfn t() {}\n",
        ),
    ]);
    assert_eq!(bench.project.manifests.len(), 3);
    let suite = Rust.test(&bench.job(), None).await.unwrap();
    let ids: Vec<_> = suite.run.cases.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(
        ids,
        [
            "a::doc::a/src/lib.rs - f",
            "a::lib::t",
            "b::doc::b/src/lib.rs - f",
            "b::lib::t"
        ]
    );
    let Outcome::Measured(findings) = Rust.types(&bench.job()).await.unwrap() else {
        panic!("the workspace compiles");
    };
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].path, "b/src/lib.rs");
    assert_eq!(findings[0].rule, "unused_variables");
}

#[tokio::test]
async fn a_suite_that_hangs_is_stopped() {
    let mut bench = bench(&[(
        "src/lib.rs",
        "#[test]\nfn hangs() { loop { std::thread::sleep(std::time::Duration::from_secs(1)); } }\n",
    )]);
    bench.timeout = std::time::Duration::from_secs(5);
    let suite = Rust.test(&bench.job(), None).await.unwrap();
    assert!(
        matches!(suite.run.state, SuiteState::TimedOut(_)),
        "{:?}",
        suite.run.state
    );
}

const LINTY: &str = "pub fn f(x: &String) -> String {\n    let y = x.clone();\n    return y;\n}\n\
                     #[cfg(test)]\nmod tests {\n    #[test]\n    fn t() {\n        let v: Vec<u32> = Vec::new();\n        assert!(v.len() == 0);\n    }\n}\n";

#[tokio::test]
async fn lint_findings_are_counted_once_and_denied_ones_too() {
    let bench = bench(&[(
        "src/lib.rs",
        &format!("#![deny(clippy::needless_return)]\n{LINTY}"),
    )]);
    let Outcome::Measured(findings) = Rust.lint(&bench.job()).await.unwrap() else {
        panic!("clippy answers");
    };
    let rules: Vec<_> = findings
        .iter()
        .map(|it| (it.rule.as_str(), it.line))
        .collect();
    assert!(rules.contains(&("clippy::needless_return", 4)), "{rules:?}");
    assert!(rules.contains(&("clippy::len_zero", 11)), "{rules:?}");
    assert_eq!(
        rules.iter().filter(|it| it.0 == "clippy::ptr_arg").count(),
        1
    );
    assert!(
        findings
            .iter()
            .all(|it| it.tool == "clippy" && it.path == "src/lib.rs")
    );
    let fixable = |name: &str| findings.iter().find(|it| it.rule == name).unwrap().fixable;
    assert!(fixable("clippy::needless_return"));
    assert!(!fixable("clippy::len_zero"), "it lies in a test");
}

#[tokio::test]
async fn only_the_named_rule_is_fixed_and_only_where_allowed() {
    let bench = bench(&[
        ("src/lib.rs", &format!("pub mod other;\n{LINTY}")),
        ("src/other.rs", "pub fn g() -> u32 {\n    return 1;\n}\n"),
    ]);
    let rule = rule("clippy", "clippy::needless_return");
    let allowed = |path: &camino::Utf8Path| path == "src/lib.rs";
    let outcome = Rust.fix(&bench.job(), &rule, &allowed).await.unwrap();
    assert_eq!(outcome, Outcome::Measured(1));
    assert_eq!(
        bench.tree.read("src/lib.rs"),
        format!("pub mod other;\n{LINTY}").replace("    return y;", "    y")
    );
    assert!(bench.tree.read("src/other.rs").contains("return 1;"));
    let Outcome::Measured(left) = Rust.lint(&bench.job()).await.unwrap() else {
        panic!("clippy answers");
    };
    let left: Vec<_> = left.iter().filter(|it| it.rule == rule.rule).collect();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].path, "src/other.rs");
}

#[tokio::test]
async fn no_fix_brings_the_standard_library_to_a_package_that_can_do_without() {
    let body = "use core::mem;\npub fn f(v: &mut String) -> String {\n    mem::replace(v, String::new())\n}\n";
    let optional = format!("#![cfg_attr(not(feature = \"std\"), no_std)]\n{body}");
    let manifest = format!("{MANIFEST}[features]\ndefault = [\"std\"]\nstd = []\n");
    let rule = rule("clippy", "clippy::mem_replace_with_default");
    for (source, n_changed) in [(body.to_owned(), 1), (optional, 0)] {
        let bench = bench(&[("src/lib.rs", &source), ("Cargo.toml", &manifest)]);
        let Outcome::Measured(found) = Rust.lint(&bench.job()).await.unwrap() else {
            panic!("clippy answers");
        };
        let n_offered = found.iter().filter(|it| it.fixable).count();
        assert_eq!(n_offered, n_changed, "what is not fixed is not offered");
        let outcome = Rust.fix(&bench.job(), &rule, &|_| true).await.unwrap();
        assert_eq!(outcome, Outcome::Measured(n_changed));
    }
}

#[tokio::test]
async fn what_a_test_says_is_not_fixed() {
    let bench = bench(&[("src/lib.rs", LINTY)]);
    let rule = rule("clippy", "clippy::len_zero");
    let outcome = Rust.fix(&bench.job(), &rule, &|_| true).await.unwrap();
    assert_eq!(outcome, Outcome::Measured(0));
    assert_eq!(bench.tree.read("src/lib.rs"), LINTY);
}

#[tokio::test]
async fn rules_of_the_compiler_are_fixed_too() {
    let bench = bench(&[(
        "src/lib.rs",
        "use std::fmt;\nuse std::io;\npub fn f() -> io::Result<()> { Ok(()) }\n",
    )]);
    let outcome = Rust
        .fix(&bench.job(), &rule("rustc", "unused_imports"), &|_| true)
        .await
        .unwrap();
    assert_eq!(outcome, Outcome::Measured(1));
    assert!(!bench.tree.read("src/lib.rs").contains("fmt"));
}

#[tokio::test]
async fn the_formatter_touches_only_what_it_may() {
    let bench = bench(&[
        ("rustfmt.toml", ""),
        ("src/lib.rs", "pub mod other;\npub fn f( ) { }\n"),
        ("src/other.rs", "pub fn g( ) { }\n"),
    ]);
    assert_eq!(bench.project.uses[&Purpose::Format], "rustfmt");
    let Outcome::Measured(files) = Rust.unformatted(&bench.job()).await.unwrap() else {
        panic!("rustfmt answers");
    };
    assert_eq!(files, ["src/lib.rs", "src/other.rs"]);
    let allowed = |path: &camino::Utf8Path| path != "src/other.rs";
    let outcome = Rust.format(&bench.job(), &allowed).await.unwrap();
    assert_eq!(outcome, Outcome::Measured(1));
    assert_eq!(
        bench.tree.read("src/lib.rs"),
        "pub mod other;\npub fn f() {}\n"
    );
    assert_eq!(bench.tree.read("src/other.rs"), "pub fn g( ) { }\n");
}

#[tokio::test]
async fn a_file_that_does_not_parse_fails_the_formatter() {
    let bench = bench(&[("rustfmt.toml", ""), ("src/lib.rs", "pub fn f( {\n")]);
    assert!(matches!(
        Rust.unformatted(&bench.job()).await.unwrap(),
        Outcome::Failed(_)
    ));
}

#[tokio::test]
async fn a_formatter_that_cannot_do_as_the_project_wants_says_so() {
    let ugly = ("src/lib.rs", "pub fn  f() {}\n");
    let settings = ("rustfmt.toml", "imports_granularity = \"Module\"\n");
    let example = format!("{MANIFEST}[[example]]\nname = \"gone\"\npath = \"examples/gone.rs\"\n");
    for other in [settings, ("Cargo.toml", &example)] {
        let bench = bench(&[ugly, other]);
        let outcome = Rust.unformatted(&bench.job()).await.unwrap();
        let is_nightly = matches!(outcome, Outcome::Measured(_)) && other == settings;
        assert!(
            matches!(outcome, Outcome::Failed(_)) || is_nightly,
            "{outcome:?}"
        );
    }
}

#[tokio::test]
async fn preparing_writes_the_missing_lock_file() {
    let bench = bench(&[("src/lib.rs", "")]);
    assert_eq!(
        Rust.prepare(&bench.job()).await.unwrap(),
        Outcome::Measured(())
    );
    assert!(bench.tree.read("Cargo.lock").contains("sample"));
}

#[tokio::test]
async fn coverage_is_measured_or_missing_with_how_to_get_it() {
    let bench = bench(&[(
        "src/lib.rs",
        "pub fn f() -> u32 {\n    1\n}\npub fn g() -> u32 {\n    2\n}\n#[test]\nfn t() {\n    assert_eq!(f(), 1);\n}\n",
    )]);
    match Rust.coverage(&bench.job()).await.unwrap() {
        Outcome::Measured(coverage) => {
            assert!(coverage.covered > 0 && coverage.covered < coverage.lines);
            assert!(coverage.reached[camino::Utf8Path::new("src/lib.rs")].contains(&1));
        }
        Outcome::Missing(hint) => assert!(hint.contains("cargo install"), "{hint}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_formatter_is_only_used_where_the_project_does() {
    let uses = |extra: (&str, &str)| {
        let tree = Tree::new(&[("Cargo.toml", MANIFEST), ("src/lib.rs", ""), extra]);
        let (projects, _) = Rust.detect(tree.root(), &tree.files(), &Commands::default());
        projects[0].uses.contains_key(&Purpose::Format)
    };
    assert!(!uses(("README.md", "cargo fmt")));
    assert!(uses((".github/workflows/ci.yml", "run: cargo fmt --check")));
    assert!(uses((".rustfmt.toml", "")));
}

#[test]
fn members_belong_to_their_workspace_and_excluded_packages_do_not() {
    let tree = Tree::new(&[
        (
            "Cargo.toml",
            "[workspace]\nmembers = [\"crates/*\"]\nexclude = [\"tools\"]\n",
        ),
        ("crates/a/Cargo.toml", MANIFEST),
        ("tools/Cargo.toml", MANIFEST),
        ("own/Cargo.toml", "[package]\nname = \"own\"\n[workspace]\n"),
    ]);
    let (projects, _) = Rust.detect(tree.root(), &tree.files(), &Commands::default());
    let roots: Vec<_> = projects.iter().map(|it| it.root.as_str()).collect();
    assert_eq!(roots, ["", "own", "tools"]);
}

#[tokio::test]
async fn a_dependency_that_no_source_names_goes_with_its_line_of_the_lock_file() {
    let manifest = format!(
        "{MANIFEST}\n[features]\nextra = [\"dep:later\"]\n\n[dependencies]\nused-one = {{ path = \"used\" }}\n\
         spare = {{ path = \"spare\" }}\nlater = {{ path = \"later\", optional = true }}\n\n[workspace]\nexclude = [\"used\", \"spare\", \"later\"]\n"
    );
    let package = |name: &str| {
        format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2021\"\n")
    };
    let lock = "version = 4\n\n[[package]]\nname = \"later\"\nversion = \"0.1.0\"\n\n\
                [[package]]\nname = \"sample\"\nversion = \"0.1.0\"\ndependencies = [\n \"later\",\n \"spare\",\n \"used-one\",\n]\n\n\
                [[package]]\nname = \"spare\"\nversion = \"0.1.0\"\n\n\
                [[package]]\nname = \"used-one\"\nversion = \"0.1.0\"\n";
    let bench = bench(&[
        ("Cargo.toml", &manifest),
        ("Cargo.lock", lock),
        ("src/lib.rs", "pub use used_one::one;\n"),
        ("used/Cargo.toml", &package("used-one")),
        ("used/src/lib.rs", "pub fn one() {}\n"),
        ("spare/Cargo.toml", &package("spare")),
        ("spare/src/lib.rs", ""),
        ("later/Cargo.toml", &package("later")),
        ("later/src/lib.rs", ""),
    ]);
    let Outcome::Measured(found) = Rust.lint(&bench.job()).await.unwrap() else {
        panic!("clippy did not run");
    };
    let found: Vec<(&str, u32, &str)> = found
        .iter()
        .map(|it| (it.rule.as_str(), it.line, it.message.as_str()))
        .collect();
    assert_eq!(
        found,
        [(
            "unused-dependency",
            11,
            "no source names the dependency `spare`"
        )]
    );
    let unused = rule("factory", "unused-dependency");
    let nothing = Rust.fix(&bench.job(), &unused, &|_| false).await.unwrap();
    assert_eq!(nothing, Outcome::Measured(0));
    let fixed = Rust.fix(&bench.job(), &unused, &|_| true).await.unwrap();
    assert_eq!(fixed, Outcome::Measured(1));
    let text = |path: &str| std::fs::read_to_string(bench.tree.root().join(path)).unwrap();
    assert!(!text("Cargo.toml").contains("spare = "));
    assert!(!text("Cargo.lock").contains("\"spare\""));
    assert!(text("Cargo.lock").contains("\"used-one\""));
}

#[tokio::test]
async fn clippy_knows_the_oldest_compiler_of_the_projects_checks() {
    let source = "pub fn f(it: Option<u8>) -> bool { it.is_none_or(|it| it > 1) }\n";
    let workflow = "jobs:\n  test:\n    strategy:\n      matrix:\n        rust: [1.60.0, stable]\n";
    let lint = async |files: &[(&str, &str)]| {
        let bench = bench(files);
        let Outcome::Measured(found) = Rust.lint(&bench.job()).await.unwrap() else {
            panic!("clippy did not run");
        };
        found.into_iter().map(|it| it.rule).collect::<Vec<_>>()
    };
    let plain = [("Cargo.toml", MANIFEST), ("src/lib.rs", source)];
    assert!(lint(&plain).await.is_empty());
    let checked = [plain[0], plain[1], (".github/workflows/ci.yml", workflow)];
    assert_eq!(lint(&checked).await, ["clippy::incompatible_msrv"]);
}
