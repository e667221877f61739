//! Growth dimensions on a fixture, and the attempts to game them.

use super::*;
use crate::eval::testing::{Fixture, arm, tree_sha};
use crate::model::dimension::{Evaluation, Status};

fn score(evaluation: &Evaluation, name: &str) -> f64 {
    evaluation.dimension(name).unwrap().score.unwrap()
}

fn growth(evaluation: &Evaluation) -> Vec<(String, Option<f64>)> {
    ["capability", "observability"]
        .iter()
        .filter_map(|it| evaluation.dimension(it))
        .map(|it| (it.name.to_string(), it.score))
        .collect()
}

const SWALLOWS: &str =
    "def load(p):\n    try:\n        return read(p)\n    except OSError:\n        return None\n";

#[tokio::test]
async fn ninety_six_empty_functions_raise_nothing() {
    let fixture = Fixture::with_code();
    fixture.write("load.py", SWALLOWS);
    let before = fixture.evaluate(Depth::Full, |_| {}).await;
    for idx in 0..96 {
        fixture.write(
            &format!("junk/junk_{idx}.py"),
            &format!("def junk_{idx}():\n    pass\n"),
        );
    }
    let after = fixture.evaluate(Depth::Full, |_| {}).await;
    assert_eq!(growth(&before), growth(&after));
    assert_eq!(before.score, after.score);
}

#[tokio::test]
async fn a_log_line_in_each_of_them_raises_nothing() {
    let fixture = Fixture::with_code();
    fixture.write("load.py", SWALLOWS);
    let before = fixture.decisive().await;
    for idx in 0..96 {
        let text = format!("def junk_{idx}():\n    logger.error('{idx}')\n");
        fixture.write(&format!("junk/junk_{idx}.py"), &text);
    }
    let after = fixture.decisive().await;
    assert_eq!(growth(&before), growth(&after));
    assert_eq!(before.score, after.score);
}

#[tokio::test]
async fn files_under_our_own_folder_raise_nothing() {
    let fixture = Fixture::with_code();
    fixture.write("load.py", SWALLOWS);
    let before = fixture.evaluate(Depth::Full, |_| {}).await;
    fixture.write(".factory/good.py", "def f(a, b):\n    return a == b\n");
    fixture.write(
        ".factory/tests/test_good.py",
        "def test_f():\n    assert f(1, 1)\n",
    );
    fixture.write(
        ".factory/pyproject.toml",
        "[project]\nname = \"x\"\nversion = \"1\"\n",
    );
    let after = fixture.evaluate(Depth::Full, |_| {}).await;
    assert_eq!(before.dimensions, after.dimensions);
    assert_eq!(before.score, after.score);
}

#[tokio::test]
async fn failure_paths_that_already_report_add_nothing_by_number() {
    let fixture = Fixture::with_code();
    fixture.write("load.py", SWALLOWS);
    let before = score(&fixture.decisive().await, "observability");
    let telling = (0..96)
        .map(|it| format!("def f_{it}():\n    raise ValueError('{it}')\n"))
        .collect::<Vec<_>>()
        .concat();
    fixture.write("telling.py", &telling);
    let after = score(&fixture.decisive().await, "observability");
    assert!((before - after).abs() < f64::EPSILON);
}

#[tokio::test]
async fn every_silent_failure_path_costs_and_its_repair_pays() {
    let fixture = Fixture::with_code();
    assert!((score(&fixture.decisive().await, "observability") - 1.0).abs() < f64::EPSILON);
    fixture.write("load.py", SWALLOWS);
    let silent = fixture.decisive().await;
    assert!(score(&silent, "observability") < 1.0);
    let detail = &silent.dimension("observability").unwrap().detail;
    assert!(detail.contains("load.py:4"), "{detail}");
    fixture.write("load.py", &SWALLOWS.replace("return None", "raise"));
    assert!((score(&fixture.decisive().await, "observability") - 1.0).abs() < f64::EPSILON);
}

#[tokio::test]
async fn silence_in_tests_and_vendored_code_does_not_count() {
    let fixture = Fixture::with_code();
    fixture.write("tests/helper.py", SWALLOWS);
    fixture.write("vendor/load.py", SWALLOWS);
    assert!((score(&fixture.decisive().await, "observability") - 1.0).abs() < f64::EPSILON);
}

#[tokio::test]
async fn capability_is_the_share_of_mutants_that_a_test_kills() {
    let fixture = Fixture::with_code();
    let weak = fixture
        .evaluate(Depth::Full, |it| it.report.mutants = 100)
        .await;
    fixture.write(
        "checks.txt",
        "test_same calc.py return a == b\ntest_grow calc.py return a + 1\n",
    );
    let strong = fixture
        .evaluate(Depth::Full, |it| it.report.mutants = 100)
        .await;
    assert!((score(&strong, "capability") - 1.0).abs() < f64::EPSILON);
    assert!(score(&weak, "capability") < 1.0);
    assert!(score(&weak, "capability") > 0.0);
}

#[tokio::test]
async fn a_test_that_checks_nothing_kills_nothing() {
    let fixture = Fixture::with_code();
    let before = fixture
        .evaluate(Depth::Full, |it| it.report.mutants = 100)
        .await;
    fixture.write(
        "checks.txt",
        "test_same calc.py return a == b\ntest_nothing ok\n",
    );
    let after = fixture
        .evaluate(Depth::Full, |it| it.report.mutants = 100)
        .await;
    assert_eq!(growth(&before), growth(&after));
}

#[tokio::test]
async fn what_decides_runs_no_mutants() {
    let fixture = Fixture::with_code();
    let evaluation = fixture.decisive().await;
    let capability = evaluation.dimension("capability").unwrap();
    assert_eq!(capability.status, Status::NotMeasured);
    assert_eq!(
        fixture
            .suite_runs
            .load(std::sync::atomic::Ordering::Relaxed),
        1
    );
}

#[tokio::test]
async fn an_evaluation_leaves_the_tree_as_it_was() {
    let fixture = Fixture::with_code();
    let read = || {
        sources::paths(&fixture.tree())
            .into_iter()
            .map(|it| {
                let path = fixture.tree().join(&it);
                let modified = fs_err::metadata(&path).unwrap().modified().unwrap();
                (it, fs_err::read(&path).unwrap(), modified)
            })
            .collect::<Vec<_>>()
    };
    let before = read();
    fixture.evaluate(Depth::Full, |_| {}).await;
    assert_eq!(before, read());
    let left: Vec<_> = fs_err::read_dir(fixture.root().join("builds"))
        .unwrap()
        .map(|it| it.unwrap().file_name())
        .filter(|it| it.to_string_lossy().ends_with(".tree"))
        .collect();
    assert!(left.is_empty());
}

#[tokio::test]
async fn the_ledger_informs_and_weighs_nothing() {
    let fixture = Fixture::with_code();
    let lab = fixture.lab();
    let (tree, dir) = (tree_sha(), fixture.tree());
    let arm = arm(&dir, &tree, "incumbent");
    let facts = LedgerFacts {
        categories: 2,
        experiments: 4,
        kept: 1,
        cited: 3,
    };
    let with = lab.evaluate(&arm, Depth::Decisive, &facts).await.unwrap();
    let without = fixture.decisive().await;
    assert!((score(&with, "diversity") - 0.5).abs() < f64::EPSILON);
    assert!((score(&with, "research") - 0.75).abs() < f64::EPSILON);
    assert!((score(&with, "effectiveness") - 0.25).abs() < f64::EPSILON);
    assert_eq!(
        without.dimension("research").unwrap().status,
        Status::NotMeasured
    );
    assert_eq!(with.score, without.score);
}
