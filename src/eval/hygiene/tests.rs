//! Hygiene dimensions on a fixture, and the attempts to game them.

use proptest::prelude::*;

use super::*;
use crate::config::Guard;
use crate::eval::Depth;
use crate::eval::testing::Fixture;
use crate::model::dimension::{Evaluation, Status};
use crate::model::finding::TestCase;

fn status(evaluation: &Evaluation, name: &str) -> Status {
    evaluation.dimension(name).unwrap().status
}

fn score(evaluation: &Evaluation, name: &str) -> f64 {
    evaluation.dimension(name).unwrap().score.unwrap()
}

fn native(evaluation: &Evaluation, name: &str) -> Option<f64> {
    evaluation
        .dimension(name)
        .unwrap()
        .native
        .as_ref()
        .map(|it| it.value)
}

fn rules(evaluation: &Evaluation) -> Vec<Rule> {
    evaluation.vetoes.iter().map(|it| it.rule).collect()
}

#[tokio::test]
async fn a_suite_that_passes_scores_one_and_every_failure_costs() {
    let fixture = Fixture::new();
    let mut last = f64::INFINITY;
    for n_failing in 0..4 {
        let failing = (0..n_failing).map(|it| format!("bad{it} nothing.py text\n"));
        let checks = failing.collect::<Vec<_>>().concat();
        fixture.write("checks.txt", &format!("good ok\n{checks}"));
        let evaluation = fixture.decisive().await;
        assert!(score(&evaluation, "tests") < last);
        assert_eq!(native(&evaluation, "tests"), Some(f64::from(n_failing)));
        assert!(evaluation.vetoes.is_empty());
        last = score(&evaluation, "tests");
    }
}

#[tokio::test]
async fn a_suite_that_breaks_scores_zero_and_forbids_the_tree() {
    for (state, rule) in [
        ("nobuild", Rule::DoesNotBuild),
        ("broken", Rule::SuiteBroken),
        ("timeout", Rule::TimedOut),
    ] {
        let fixture = Fixture::with_code();
        fixture.write("state.txt", state);
        fixture.write("coverage.txt", "5 10");
        let evaluation = fixture.decisive().await;
        assert_eq!(status(&evaluation, "tests"), Status::Failed);
        assert!(score(&evaluation, "tests").abs() < f64::EPSILON);
        assert_eq!(status(&evaluation, "coverage"), Status::Failed);
        assert_eq!(rules(&evaluation), [rule]);
        assert!(!evaluation.is_sound());
    }
}

#[tokio::test]
async fn a_suite_in_which_nothing_runs_scores_zero_without_a_native_value() {
    let fixture = Fixture::new();
    for checks in ["", "a skip\nb skip\n"] {
        fixture.write("checks.txt", checks);
        let evaluation = fixture.decisive().await;
        assert_eq!(status(&evaluation, "tests"), Status::Measured);
        assert!(score(&evaluation, "tests").abs() < f64::EPSILON);
        assert_eq!(native(&evaluation, "tests"), None);
    }
}

#[tokio::test]
async fn a_missing_tool_is_not_measured_and_says_how_to_get_it() {
    let fixture = Fixture::new();
    fixture.write("state.txt", "norunner");
    let evaluation = fixture.decisive().await;
    assert_eq!(status(&evaluation, "tests"), Status::NotMeasured);
    let detail = &evaluation.dimension("tests").unwrap().detail;
    assert!(detail.contains("pip install checker"), "{detail}");
    for name in ["lint", "types", "coverage"] {
        assert_eq!(status(&evaluation, name), Status::NotMeasured);
        assert_eq!(evaluation.dimension(name).unwrap().score, None);
    }
}

#[tokio::test]
async fn findings_count_once_and_only_where_somebody_may_fix_them() {
    let fixture = Fixture::with_code();
    fixture.write(
        "lint.txt",
        "calc.py F401\ncalc.py E501\ntests/test_a.py F401\nvendor/x.py F401\nfactory.toml X\n",
    );
    let evaluation = fixture.decisive().await;
    assert_eq!(native(&evaluation, "lint"), Some(2.0));
    assert_eq!(evaluation.findings.len(), 2);
    assert!((score(&evaluation, "lint") - 50.0 / 52.0).abs() < 1e-12);
}

#[tokio::test]
async fn a_linter_that_crashes_is_a_failed_dimension() {
    let fixture = Fixture::with_code();
    fixture.write("lint.txt", "!");
    let evaluation = fixture.decisive().await;
    assert_eq!(status(&evaluation, "lint"), Status::Failed);
    assert!(score(&evaluation, "lint").abs() < f64::EPSILON);
    assert!(
        evaluation
            .dimension("lint")
            .unwrap()
            .detail
            .contains("it crashed")
    );
}

#[tokio::test]
async fn covered_junk_does_not_raise_coverage() {
    let fixture = Fixture::with_code();
    fixture.write("coverage.txt", "50 100");
    let before = fixture.decisive().await;
    fixture.write("coverage.txt", "10050 10100");
    let after = fixture.decisive().await;
    assert!((score(&before, "coverage") - score(&after, "coverage")).abs() < f64::EPSILON);
    assert_eq!(native(&after, "coverage"), Some(50.0));
    fixture.write("coverage.txt", "51 100");
    assert!(score(&fixture.decisive().await, "coverage") > score(&before, "coverage"));
}

#[tokio::test]
async fn guards_are_a_share_and_each_broken_one_a_veto() {
    let fixture = Fixture::with_code();
    let guard = |name: &str, run: &str| Guard {
        name: name.into(),
        run: run.into(),
    };
    let guards = vec![
        guard("holds", "true"),
        guard("breaks", "sh -c 'exit 3'"),
        guard("absent", "/no/such/program"),
        guard("in the tree", "test -f calc.py"),
    ];
    let evaluation = fixture
        .evaluate(Depth::Decisive, |it| it.guards = guards)
        .await;
    assert!((score(&evaluation, "guards") - 0.5).abs() < f64::EPSILON);
    assert_eq!(native(&evaluation, "guards"), Some(2.0));
    assert_eq!(rules(&evaluation), [Rule::Guard, Rule::Guard]);
    assert!(evaluation.vetoes[0].detail.starts_with("`breaks` failed"));
}

#[tokio::test]
async fn guards_that_come_last_make_the_same_evaluation() {
    let fixture = Fixture::with_code();
    let mut lab = fixture.lab();
    lab.profile.guards = vec![Guard {
        name: "breaks".into(),
        run: "false".into(),
    }];
    let (dir, tree) = (fixture.tree(), crate::eval::testing::tree_sha());
    let arm = crate::eval::testing::arm(&dir, &tree, "candidate");
    let facts = crate::eval::LedgerFacts::default();
    let whole = lab.evaluate(&arm, Depth::Decisive, &facts).await.unwrap();
    let mut late = lab.evaluate(&arm, Depth::ButGuards, &facts).await.unwrap();
    assert!(late.dimension(GUARDS).is_none() && late.vetoes.is_empty());
    assert_eq!(lab.without_guards(&whole).dimensions, late.dimensions);
    assert_eq!(lab.without_guards(&whole).score, late.score);
    lab.add_guards(&arm, &mut late).await.unwrap();
    assert_eq!(
        (late.dimensions, late.score),
        (whole.dimensions, whole.score)
    );
    assert_eq!(late.vetoes, whole.vetoes);
}

#[tokio::test]
async fn no_guard_is_not_a_guard_that_holds() {
    let evaluation = Fixture::with_code().decisive().await;
    assert_eq!(status(&evaluation, "guards"), Status::NotMeasured);
}

#[tokio::test]
async fn a_smoke_test_that_fails_is_a_veto() {
    let fixture = Fixture::with_code();
    let smoke = |line: &str| {
        let line = line.to_owned();
        fixture.evaluate(Depth::Decisive, move |it| it.eval.smoke = Some(line))
    };
    assert!(smoke("true").await.vetoes.is_empty());
    assert_eq!(rules(&smoke("false").await), [Rule::Guard]);
}

#[tokio::test]
async fn a_broken_manifest_costs_and_a_repaired_one_pays() {
    let fixture = Fixture::with_code();
    assert_eq!(
        status(&fixture.decisive().await, "config"),
        Status::NotMeasured
    );
    fixture.write("pyproject.toml", "[project\n");
    let broken = fixture.decisive().await;
    assert!((score(&broken, "config") - 0.5).abs() < f64::EPSILON);
    assert!(
        broken
            .dimension("config")
            .unwrap()
            .detail
            .starts_with("pyproject.toml: ")
    );
    fixture.write(
        "pyproject.toml",
        "[project]\nname = \"a\"\nversion = \"1\"\n",
    );
    assert!((score(&fixture.decisive().await, "config") - 1.0).abs() < f64::EPSILON);
}

#[tokio::test]
async fn what_is_skipped_is_neither_run_nor_hidden() {
    let fixture = Fixture::with_code();
    let skip = vec!["tests".to_owned(), "observability".to_owned()];
    let evaluation = fixture
        .evaluate(Depth::Decisive, |it| it.eval.skip = skip)
        .await;
    assert_eq!(status(&evaluation, "tests"), Status::NotMeasured);
    assert_eq!(status(&evaluation, "observability"), Status::NotMeasured);
    let runs = fixture
        .suite_runs
        .load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(runs, 0);
}

#[tokio::test]
async fn two_evaluations_of_one_tree_agree() {
    let fixture = Fixture::with_code();
    fixture.write("lint.txt", "calc.py F401\n");
    let (first, second) = (fixture.decisive().await, fixture.decisive().await);
    assert_eq!(first.dimensions, second.dimensions);
    assert_eq!(first.score, second.score);
    assert_eq!(first.binding, second.binding);
}

#[test]
fn one_complaint_of_two_targets_counts_once() {
    let finding = |column: u32, message: &str, fixable: bool| Finding {
        path: "src/lib.rs".into(),
        line: 3,
        column,
        tool: "rustc".into(),
        rule: "unused_imports".into(),
        message: message.into(),
        fixable,
    };
    let (library, tests) = ("unused imports: `A` and `B`", "unused import: `A`");
    let found = distinct(vec![
        finding(5, tests, false),
        finding(5, library, true),
        finding(9, library, false),
    ]);
    assert_eq!(
        found,
        [finding(5, library, true), finding(9, library, false)]
    );
}

#[tokio::test]
async fn what_a_generator_wrote_counts_for_nothing() {
    let fixture = Fixture::with_code();
    fixture.write("lint.txt", "calc.py F401\nmade.py F401\n");
    fixture.write("made.py", "# Code generated by make. DO NOT EDIT.\n");
    let evaluation = fixture.decisive().await;
    assert_eq!(native(&evaluation, "lint"), Some(1.0));
}

proptest! {
    #[test]
    fn covered_junk_moves_nothing_and_every_uncovered_line_costs(
        lines in 1u64..100_000,
        share in 0.0f64..=1.0,
        junk in 0u64..100_000,
    ) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a share of a small number"
        )]
        let covered = (lines as f64 * share) as u64;
        let score = |covered: u64, lines: u64| {
            let mut sum = Sum::default();
            sum.measured.push(Coverage { lines, covered, ..Coverage::default() });
            coverage_dimension(&Kind::hygiene("coverage", 0.2), &sum).score.unwrap()
        };
        let before = score(covered, lines);
        prop_assert!((score(covered + junk, lines + junk) - before).abs() < 1e-12);
        prop_assert!(score(covered, lines + 1) < before);
    }

    #[test]
    fn each_finding_and_each_failing_test_costs_and_nothing_else_moves_the_score(
        findings in 0usize..100_000,
        passing in 0usize..1000,
    ) {
        let lint = |count| {
            let kind = Kind::hygiene("lint", 0.15);
            kind.counted(count, HALF_LINT, "findings", String::new()).score.unwrap()
        };
        prop_assert!(lint(findings + 1) < lint(findings));
        let tests = |passed: usize, failed: usize| {
            let case = |idx: usize| TestCase {
                id: idx.to_string(),
                outcome: if idx < failed { TestOutcome::Failed } else { TestOutcome::Passed },
                seconds: None,
            };
            let run = TestRun {
                state: SuiteState::Completed,
                cases: (0..passed + failed).map(case).collect(),
                seconds: 1.0,
            };
            tests_dimension(&Kind::hygiene("tests", 0.3), &run, "").score.unwrap()
        };
        prop_assert!((tests(passing + 1, 3) - tests(1, 3)).abs() < 1e-12);
        prop_assert!(tests(passing, 4) < tests(passing, 3));
    }
}

#[test]
fn frequent_rules_are_named_first() {
    let finding = |rule: &str, line| Finding {
        path: "a.py".into(),
        line,
        column: 1,
        tool: "t".into(),
        rule: rule.into(),
        message: String::new(),
        fixable: false,
    };
    let findings = [finding("A", 1), finding("B", 2), finding("B", 3)];
    assert_eq!(by_rule(&findings), "2 B, 1 A");
    assert_eq!(by_rule(&[]), "nothing found");
}

#[test]
fn what_a_project_does_not_use_is_not_asked_for() {
    let unused = "not used here: no configuration of eslint".to_owned();
    assert_eq!(absent(std::slice::from_ref(&unused)), unused);
    let both = absent(&["npm install eslint".to_owned(), unused]);
    assert!(both.starts_with("no tool for it here (hint: npm install eslint;"));
}
