//! Project metrics on a fixture.

use super::*;
use crate::config::Profile;
use crate::eval::testing::Fixture;
use crate::model::dimension::Evaluation;
use proptest::prelude::*;

fn metric(name: &str, run: &str, deterministic: bool) -> Metric {
    Metric {
        name: name.into(),
        build: None,
        run: run.into(),
        parser: "metric".into(),
        direction: Direction::Minimize,
        unit: "ms".into(),
        tolerance: None,
        deterministic,
        timeout_seconds: None,
        only_claimed: false,
        tail: Vec::new(),
        reads: Vec::new(),
        before: None,
    }
}

fn constraint(metric: &str, min: Option<f64>, max: Option<f64>) -> Constraint {
    Constraint {
        metric: metric.into(),
        min,
        max,
    }
}

async fn evaluate(depth: Depth, change: impl FnOnce(&mut Profile)) -> Evaluation {
    Fixture::with_code().evaluate(depth, change).await
}

fn complaints(evaluation: &Evaluation) -> Vec<&str> {
    evaluation
        .vetoes
        .iter()
        .map(|it| it.detail.as_str())
        .collect()
}

#[tokio::test]
async fn noisy_metrics_are_left_out_where_it_is_decided() {
    let metrics = || {
        vec![
            metric("noisy", "echo METRIC noisy=5", false),
            metric("size", "echo METRIC size=7", true),
        ]
    };
    let decisive = evaluate(Depth::Decisive, |it| it.metrics = metrics()).await;
    assert!(decisive.dimension("noisy").is_none());
    assert_eq!(
        decisive
            .dimension("size")
            .unwrap()
            .native
            .as_ref()
            .unwrap()
            .value
            .to_bits(),
        7.0_f64.to_bits()
    );
    let full = evaluate(Depth::Full, |it| it.metrics = metrics()).await;
    assert!(full.dimension("noisy").is_some());
}

#[tokio::test]
async fn a_command_that_crashes_scores_zero_and_says_why() {
    let evaluation = evaluate(Depth::Full, |it| {
        it.metrics = vec![metric("size", "sh -c 'echo lost >&2; exit 3'", true)];
    })
    .await;
    let found = evaluation.dimension("size").unwrap();
    assert_eq!(found.status, Status::Failed);
    assert_eq!(found.score, Some(0.0));
    assert!(found.detail.contains('3'), "{}", found.detail);
}

#[tokio::test]
async fn hard_constraints_hold_on_native_values_of_anything() {
    let evaluation = evaluate(Depth::Decisive, |it| {
        it.metrics = vec![metric("size", "echo METRIC size=7", true)];
        it.constraints = vec![
            constraint("size", None, Some(10.0)),
            constraint("tests", None, Some(0.0)),
        ];
    })
    .await;
    assert!(complaints(&evaluation).is_empty());
    let broken = evaluate(Depth::Decisive, |it| {
        it.metrics = vec![metric("size", "echo METRIC size=7", true)];
        it.constraints = vec![
            constraint("size", None, Some(6.5)),
            constraint("size", Some(8.0), None),
        ];
    })
    .await;
    assert_eq!(
        complaints(&broken),
        [
            "`size` is 7 ms, more than 6.5",
            "`size` is 7 ms, less than 8"
        ]
    );
    assert!(
        broken
            .vetoes
            .iter()
            .all(|it| it.rule == Rule::HardConstraint)
    );
}

#[tokio::test]
async fn a_constraint_on_a_noisy_metric_holds_where_it_is_decided_too() {
    let evaluation = evaluate(Depth::Decisive, |it| {
        it.metrics = vec![metric("noisy", "echo METRIC noisy=5", false)];
        it.constraints = vec![constraint("noisy", None, Some(1.0))];
    })
    .await;
    assert!(evaluation.dimension("noisy").is_none());
    assert_eq!(evaluation.vetoes.len(), 1);
}

#[tokio::test]
async fn a_constraint_on_nothing_or_on_what_crashed_does_not_hold() {
    let evaluation = evaluate(Depth::Decisive, |it| {
        it.metrics = vec![metric("size", "false", true)];
        it.constraints = vec![
            constraint("typo", None, Some(1.0)),
            constraint("size", None, Some(1.0)),
        ];
    })
    .await;
    assert_eq!(evaluation.vetoes.len(), 2);
}

#[tokio::test]
async fn a_constraint_on_what_has_no_tool_here_is_left_out() {
    let evaluation = evaluate(Depth::Decisive, |it| {
        it.constraints = vec![constraint("coverage", None, Some(1.0))];
    })
    .await;
    assert!(evaluation.vetoes.is_empty());
}

#[test]
fn a_share_is_its_own_score() {
    let mut accuracy = metric("accuracy", "true", true);
    accuracy.unit = "%".into();
    accuracy.direction = Direction::Maximize;
    assert!((score(&accuracy, 80.0) - 0.8).abs() < 1e-12);
    accuracy.direction = Direction::Minimize;
    assert!((score(&accuracy, 80.0) - 0.2).abs() < 1e-12);
}

proptest! {
    #[test]
    fn the_score_moves_with_the_value_and_stays_inside(
        low in -1e9_f64..1e9,
        step in 1.0_f64..1e6,
    ) {
        let mut metric = metric("m", "true", true);
        let (a, b) = (score(&metric, low), score(&metric, low + step));
        prop_assert!(a > b && (0.0..=1.0).contains(&a) && (0.0..=1.0).contains(&b));
        metric.direction = Direction::Maximize;
        prop_assert!(score(&metric, low) < score(&metric, low + step));
    }
}
