//! Commands that print numbers, well and badly.

use super::*;
use crate::eval::testing::{Fixture, arm, tree_sha};
use crate::model::dimension::Direction;
use proptest::prelude::*;

fn metric(run: &str, parser: &str) -> Metric {
    Metric {
        name: "speed".into(),
        build: None,
        run: run.into(),
        parser: parser.into(),
        direction: Direction::Minimize,
        unit: "ms".into(),
        tolerance: None,
        deterministic: false,
        timeout_seconds: Some(20),
        only_claimed: false,
        tail: Vec::new(),
        reads: Vec::new(),
        before: None,
    }
}

/// Reads output the way a metric's parser says.
fn parse(parser: &str, name: &str, output: &str) -> Result<f64, String> {
    match parser.parse::<ParserSpec>().map_err(|it| it.to_string())? {
        ParserSpec::Metric => metric_line(name, output),
        ParserSpec::Json(pointer) => json(&pointer, output),
        ParserSpec::Regex(pattern) => regex(&pattern, output),
        other => panic!("{other:?} is not read from a line"),
    }
}

async fn sample(run: &str, parser: &str) -> Result<f64, String> {
    let fixture = Fixture::new();
    let lab = fixture.lab();
    let (tree, dir) = (tree_sha(), fixture.tree());
    let arm = arm(&dir, &tree, "candidate");
    match lab.measure(&arm, &metric(run, parser)).await.unwrap().0 {
        Sample::Value { value } => Ok(value),
        Sample::Failed { reason } => Err(reason),
    }
}

#[test]
fn a_metric_line_is_the_only_one_of_its_name() {
    assert_eq!(
        parse("metric", "speed", "noise\nMETRIC speed=12.5\n"),
        Ok(12.5)
    );
    assert_eq!(
        parse(
            "metric",
            "speed",
            "METRIC other=1\n  METRIC speed = 2e3 \r\n"
        ),
        Ok(2000.0)
    );
    assert!(parse("metric", "speed", "METRIC speeds=1\n").is_err());
    assert!(parse("metric", "speed", "METRIC speed=1\nMETRIC speed=1\n").is_err());
    assert!(parse("metric", "speed", "").is_err());
}

#[test]
fn a_missing_line_says_what_was_printed_instead() {
    let said = |output| parse("metric", "speed", output).unwrap_err();
    assert_eq!(
        said("METRIC sped=1\nMETRIC size=2\n"),
        "no line `METRIC speed=…`; it printed `size`, `sped`"
    );
    assert_eq!(
        said("done\n"),
        "no line `METRIC speed=…`; it printed no `METRIC` at all (print one, or let `parser` say how the number is found)"
    );
    assert_eq!(said(" \n"), "no line `METRIC speed=…`; it printed nothing");
}

#[test]
fn what_is_no_finite_number_is_refused() {
    for text in ["NaN", "inf", "-inf", "1,5", "", "12ms", "1e999"] {
        let line = format!("METRIC speed={text}\n");
        assert!(parse("metric", "speed", &line).is_err(), "{text}");
    }
}

#[test]
fn json_is_read_by_pointer_by_path_and_by_default() {
    let document = "{\"score\": 0.5, \"a\": {\"b\": [1, 2.5]}, \"t\": \"3\"}";
    assert_eq!(parse("json:", "speed", document), Ok(0.5));
    assert_eq!(parse("json:/a/b/1", "speed", document), Ok(2.5));
    assert_eq!(parse("json:a.b.0", "speed", document), Ok(1.0));
    let after_talk = format!("building\n{document}\n");
    assert_eq!(parse("json:/score", "speed", &after_talk), Ok(0.5));
    assert!(parse("json:/t", "speed", document).is_err());
    assert!(parse("json:/none", "speed", document).is_err());
    assert!(parse("json:", "speed", "no document").is_err());
}

#[test]
fn a_pattern_matches_exactly_once() {
    assert_eq!(
        parse("regex:took ([0-9.]+) s", "speed", "it took 1.5 s"),
        Ok(1.5)
    );
    assert_eq!(parse("regex:[0-9]+", "speed", "n is 42"), Ok(42.0));
    assert!(parse("regex:[0-9]+", "speed", "4 and 2").is_err());
    assert!(parse("regex:x([0-9]+)", "speed", "none").is_err());
    assert!(parse("regex:(", "speed", "1").is_err());
    let lines = "warm up: 9 s\ntime: 4.5 s\ntime of all: 13.5 s\n";
    assert_eq!(parse("regex:^time: ([0-9.]+) s$", "speed", lines), Ok(4.5));
}

#[test]
fn an_unknown_parser_names_the_known_ones() {
    let error = parse("csv", "speed", "1").unwrap_err();
    assert!(error.contains("json:POINTER"), "{error}");
}

#[tokio::test]
async fn a_command_that_fails_is_a_failed_sample_whatever_it_printed() {
    let printed = sample("sh -c 'echo METRIC speed=1; exit 2'", "metric").await;
    assert!(printed.is_err());
    assert!(sample("/no/such/program", "metric").await.is_err());
    assert!(sample("kill -9 $$", "exit").await.is_err());
}

#[tokio::test]
async fn values_exit_codes_and_wall_time_are_samples() {
    assert_eq!(sample("echo METRIC speed=3", "metric").await, Ok(3.0));
    assert_eq!(sample("sh -c 'exit 7'", "exit").await, Ok(7.0));
    assert!(sample("true", "seconds").await.unwrap() > 0.0);
}

#[tokio::test]
async fn the_environment_differs_in_size_from_run_to_run() {
    let fixture = Fixture::new();
    let lab = fixture.lab();
    let (tree, dir) = (tree_sha(), fixture.tree());
    let arm = arm(&dir, &tree, "candidate");
    let metric = metric("sh -c 'echo METRIC speed=${#FACTORY_PADDING}'", "metric");
    let mut sizes = std::collections::BTreeSet::new();
    for _ in 0..4 {
        let (sample, _) = lab.measure(&arm, &metric).await.unwrap();
        let size = sample.value().unwrap();
        assert!((0.0..4096.0).contains(&size));
        sizes.insert(size.to_bits());
    }
    assert!(sizes.len() > 1);
}

#[tokio::test]
async fn a_build_that_fails_says_so_and_no_build_is_fine() {
    let fixture = Fixture::new();
    let lab = fixture.lab();
    let (tree, dir) = (tree_sha(), fixture.tree());
    let arm = arm(&dir, &tree, "candidate");
    let mut metric = metric("true", "exit");
    assert_eq!(lab.build_metric(&arm, &metric).await.unwrap(), Ok(()));
    metric.build = Some("false".into());
    let error = lab.build_metric(&arm, &metric).await.unwrap().unwrap_err();
    assert!(error.starts_with("`false` failed"), "{error}");
}

#[tokio::test]
async fn what_a_run_leaves_is_undone_before_the_next() {
    let fixture = Fixture::new();
    let lab = fixture.lab();
    let (tree, dir) = (tree_sha(), fixture.tree());
    let arm = arm(&dir, &tree, "candidate");
    let mut metric = metric("sh -c 'mkdir left && echo METRIC speed=1'", "metric");
    assert!(
        lab.measure(&arm, &metric)
            .await
            .unwrap()
            .0
            .value()
            .is_some()
    );
    assert!(
        lab.measure(&arm, &metric)
            .await
            .unwrap()
            .0
            .value()
            .is_none()
    );
    metric.before = Some("rm -rf left".into());
    for _ in 0..2 {
        assert!(
            lab.measure(&arm, &metric)
                .await
                .unwrap()
                .0
                .value()
                .is_some()
        );
    }
    metric.before = Some("false".into());
    let Sample::Failed { reason } = lab.measure(&arm, &metric).await.unwrap().0 else {
        panic!("it ran without what comes before it");
    };
    assert!(reason.starts_with("`false` failed"), "{reason}");
}

#[tokio::test]
async fn a_benchmark_missing_on_one_arm_is_a_failed_run() {
    let fixture = Fixture::new();
    let lab = fixture.lab();
    let (tree, dir) = (tree_sha(), fixture.tree());
    let incumbent = arm(&dir, &tree, "incumbent");
    let candidate = arm(&dir, &tree, "candidate");
    let both = "printf 'BenchmarkA 1 4 ns/op\\nBenchmarkB 1 9 ns/op\\n'";
    let sample = lab.measure(&incumbent, &metric(both, "go-bench")).await;
    assert!((sample.unwrap().0.value().unwrap() - 6.0).abs() < 1e-9);
    let one = metric("printf 'BenchmarkA 1 4 ns/op\\n'", "go-bench");
    let Sample::Failed { reason } = lab.measure(&candidate, &one).await.unwrap().0 else {
        panic!("a benchmark that is gone is no speed");
    };
    assert_eq!(reason, "benchmark `.BenchmarkB` gave no time");
}

proptest! {
    #[test]
    fn a_printed_number_is_read_back(value in proptest::num::f64::NORMAL) {
        let line = format!("METRIC speed={value}\n");
        prop_assert_eq!(parse("metric", "speed", &line), Ok(value));
    }

    #[test]
    fn no_output_makes_a_parser_panic(output in ".{0,200}") {
        for parser in ["metric", "json:", "json:/a/0", "regex:(.)"] {
            let _outcome = parse(parser, "speed", &output);
        }
    }
}
