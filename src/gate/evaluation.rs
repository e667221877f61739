//! Judges what both arms' evaluations found: nothing that can be counted may get worse.

use std::collections::BTreeSet;

use super::minimum::judge_findings;
use crate::model::dimension::{Dimension, Direction, Evaluation, Status, Tier};
use crate::model::finding::TestOutcome;
use crate::model::violation::{Rule, Violation};
use crate::score::is_below;

/// Sampled within a time budget, so two evaluations of one tree may differ.
const SAMPLED: [&str; 1] = ["capability"];
/// Judged test by test instead.
const TESTS: &str = "tests";
/// Required tests that are named in one violation each; further ones are counted.
const N_NAMED: usize = 20;

/// A metric of the project's own that gives the same number for the same tree.
#[derive(Clone, Debug, PartialEq)]
pub struct DeterministicMetric {
    /// Its name.
    pub name: String,
    /// How much worse it may get, in native units.
    pub tolerance: f64,
}

/// Judges the deterministic evaluation of both arms: required tests, deterministic dimensions, the
/// threshold, and what the candidate's own evaluation forbids.
///
/// Both must have been evaluated to the same depth.
pub fn judge_evaluations(
    required: &BTreeSet<String>,
    quarantined: &BTreeSet<String>,
    incumbent: &Evaluation,
    candidate: &Evaluation,
) -> Vec<Violation> {
    let mut violations = new_vetoes(incumbent, candidate);
    violations.extend(judge_findings(&incumbent.findings, &candidate.findings));
    if candidate.is_sound() {
        violations.extend(judge_tests(required, quarantined, incumbent, candidate));
        for before in incumbent.dimensions.iter().filter(|it| decides(it)) {
            violations.extend(judge_dimension(before, candidate));
        }
    }
    violations.extend(judge_threshold(incumbent, candidate));
    violations.sort();
    violations.dedup();
    violations
}

/// Judges the project's own deterministic metrics, each against its tolerance.
pub fn judge_metrics(
    metrics: &[DeterministicMetric],
    incumbent: &Evaluation,
    candidate: &Evaluation,
) -> Vec<Violation> {
    metrics
        .iter()
        .filter_map(|metric| {
            let before = incumbent.dimension(&metric.name)?;
            let after = candidate.dimension(&metric.name)?;
            fell(before, after, metric.tolerance)
        })
        .collect()
}

/// Returns the candidate's vetoes that the incumbent does not have as well.
///
/// Whatever makes a tree unsound counts always; of the rest, what was broken before is no news.
fn new_vetoes(incumbent: &Evaluation, candidate: &Evaluation) -> Vec<Violation> {
    let known: BTreeSet<_> = incumbent.vetoes.iter().map(subject).collect();
    candidate
        .vetoes
        .iter()
        .filter(|it| it.rule.means_unsound() || !known.contains(&subject(it)))
        .filter(|it| it.rule != Rule::Threshold)
        .cloned()
        .collect()
}

/// Returns what a violation is about: its rule, its path, and the first thing its detail names.
fn subject(violation: &Violation) -> (Rule, Option<&str>, String) {
    let named = violation.detail.split('`').nth(1).map(str::to_owned);
    let words = || {
        let is_word = |letter: &char| !letter.is_ascii_digit() && *letter != '.';
        violation.detail.chars().filter(is_word).collect()
    };
    (
        violation.rule,
        violation.path.as_ref().map(|path| path.as_str()),
        named.unwrap_or_else(words),
    )
}

fn judge_tests(
    required: &BTreeSet<String>,
    quarantined: &BTreeSet<String>,
    incumbent: &Evaluation,
    candidate: &Evaluation,
) -> Vec<Violation> {
    let outcomes = candidate.tests.by_id();
    let mut details: Vec<String> = required
        .difference(quarantined)
        .filter_map(|id| {
            let how = match outcomes.get(id.as_str()) {
                Some(TestOutcome::Passed) => return None,
                Some(TestOutcome::Failed) => "fails",
                Some(TestOutcome::Skipped) => "is skipped",
                None => "does not run",
            };
            Some(format!("required test `{id}` {how}"))
        })
        .collect();
    let failed_before = incumbent.tests.ids(TestOutcome::Failed);
    details.extend(
        candidate
            .tests
            .ids(TestOutcome::Failed)
            .into_iter()
            .filter(|id| !required.contains(*id) && !quarantined.contains(*id))
            .filter(|id| !failed_before.contains(id))
            .map(|id| format!("test `{id}` fails, and did not on the incumbent")),
    );
    named(details)
}

/// Names the first of many broken tests, and counts the rest.
fn named(details: Vec<String>) -> Vec<Violation> {
    let n_more = details.len().saturating_sub(N_NAMED);
    let mut violations: Vec<Violation> = details
        .into_iter()
        .take(N_NAMED)
        .map(|detail| Violation::of(Rule::RequiredTest, detail))
        .collect();
    if n_more > 0 {
        violations.push(Violation::of(
            Rule::RequiredTest,
            format!("and {n_more} more tests"),
        ));
    }
    violations
}

/// Returns whether a dimension can forbid: measured, not sampled, and not merely informing.
fn decides(dimension: &Dimension) -> bool {
    dimension.status == Status::Measured
        && dimension.weight > 0.0
        && !SAMPLED.contains(&dimension.name.as_str())
}

fn judge_dimension(before: &Dimension, candidate: &Evaluation) -> Option<Violation> {
    let name = before.name.as_str();
    let after = match candidate.dimension(name) {
        Some(after) if after.status == Status::Measured => after,
        Some(after) => return Some(lost(name, &after.detail)),
        None => return Some(lost(name, "missing from the evaluation")),
    };
    // The project's own metrics may be noisy: a paired test judges them, not two single runs.
    if name == TESTS || before.tier == Tier::Project {
        return None;
    }
    fell(before, after, tolerance(before))
}

fn lost(name: &str, why: &str) -> Violation {
    Violation::of(
        Rule::DimensionLost,
        format!("`{name}` was measured on the incumbent and not on the candidate: {why}"),
    )
}

/// Returns how far a dimension may fall without being worse, in native units.
///
/// Only what moves with mere layout has any: a formatter that breaks one untested statement into three
/// lines has untested nothing.
fn tolerance(dimension: &Dimension) -> f64 {
    let moves_with_layout = ["coverage", "observability"].contains(&dimension.name.as_str());
    match &dimension.native {
        Some(native) if moves_with_layout && native.direction == Direction::Minimize => {
            (native.value / 100.0).max(2.0)
        }
        _ => 0.0,
    }
}

/// Returns the violation of a dimension that got worse by more than `tolerance` native units.
fn fell(before: &Dimension, after: &Dimension, tolerance: f64) -> Option<Violation> {
    let detail = match (&before.native, &after.native) {
        (Some(old), Some(new)) if old.unit == new.unit => {
            let gain = old.direction.gain(old.value, new.value);
            (gain.is_nan() || gain < -tolerance)
                .then(|| format!("{} → {} {}", old.value, new.value, new.unit))?
        }
        _ => {
            let (old, new) = (before.score?, after.score?);
            (new < old).then(|| format!("score {old:.4} → {new:.4}"))?
        }
    };
    Some(Violation::of(
        Rule::DimensionFell,
        format!("`{}` got worse: {detail}", before.name),
    ))
}

/// Holds the candidate to the floor that the incumbent met.
fn judge_threshold(incumbent: &Evaluation, candidate: &Evaluation) -> Option<Violation> {
    let floor = incumbent.threshold;
    let fell = is_below(candidate.score, floor) && !is_below(incumbent.score, floor);
    fell.then(|| {
        let score = candidate
            .score
            .map_or_else(|| "nothing".to_owned(), |score| format!("{score:.4}"));
        Violation::of(
            Rule::Threshold,
            format!(
                "the composite is {score}, below the floor of {floor:.4} that the incumbent meets"
            ),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::dimension::Native;
    use crate::model::finding::{SuiteState, TestCase, TestRun};
    use crate::model::measurement::{Binding, SandboxReport, SandboxTier};

    fn dimension(
        name: &str,
        value: f64,
        unit: &str,
        direction: Direction,
        score: f64,
    ) -> Dimension {
        Dimension {
            name: name.parse().unwrap(),
            tier: Tier::Hygiene,
            weight: 1.0,
            score: Some(score),
            native: Some(Native {
                value,
                unit: unit.to_owned(),
                direction,
            }),
            status: Status::Measured,
            detail: String::new(),
        }
    }

    fn lint(findings: f64) -> Dimension {
        let score = crate::score::falling(findings, 10.0);
        dimension("lint", findings, "findings", Direction::Minimize, score)
    }

    fn uncovered(lines: f64) -> Dimension {
        let score = crate::score::falling(lines, 500.0);
        dimension(
            "coverage",
            lines,
            "uncovered lines",
            Direction::Minimize,
            score,
        )
    }

    fn with_status(name: &str, status: Status, detail: &str) -> Dimension {
        Dimension {
            score: (status == Status::Failed).then_some(0.0),
            native: None,
            status,
            detail: detail.to_owned(),
            ..dimension(name, 0.0, "", Direction::Minimize, 0.0)
        }
    }

    fn evaluation(dimensions: Vec<Dimension>) -> Evaluation {
        Evaluation {
            schema: "factory.eval/1".to_owned(),
            commit: None,
            tree: "a".repeat(40).parse().unwrap(),
            score: Some(0.8),
            threshold: 0.5,
            tiers: std::collections::BTreeMap::new(),
            dimensions,
            vetoes: Vec::new(),
            tests: suite(&[("t::a", TestOutcome::Passed), ("t::b", TestOutcome::Passed)]),
            findings: Vec::new(),
            binding: Binding {
                harness: "0.1.0".to_owned(),
                eval_hash: "e".to_owned(),
                environment: "m".to_owned(),
                seed: 1,
            },
            sandbox: SandboxReport {
                tier: SandboxTier::T0,
                network: true,
                note: String::new(),
            },
            seconds: 1.0,
        }
    }

    fn suite(cases: &[(&str, TestOutcome)]) -> TestRun {
        TestRun {
            state: SuiteState::Completed,
            cases: cases
                .iter()
                .map(|(id, outcome)| TestCase {
                    id: (*id).to_owned(),
                    outcome: *outcome,
                    seconds: None,
                })
                .collect(),
            seconds: 0.1,
        }
    }

    fn ids(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|it| (*it).to_owned()).collect()
    }

    fn judged(incumbent: &Evaluation, candidate: &Evaluation) -> Vec<String> {
        judge_evaluations(&ids(&["t::a", "t::b"]), &ids(&[]), incumbent, candidate)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    fn of_dimensions(before: Vec<Dimension>, after: Vec<Dimension>) -> Vec<String> {
        judged(&evaluation(before), &evaluation(after))
    }

    const NOTHING: [&str; 0] = [];

    #[test]
    fn the_same_and_the_better_pass() {
        assert_eq!(of_dimensions(vec![lint(3.0)], vec![lint(3.0)]), NOTHING);
        assert_eq!(of_dimensions(vec![lint(3.0)], vec![lint(0.0)]), NOTHING);
        assert_eq!(
            of_dimensions(vec![], vec![lint(9.0)]),
            NOTHING,
            "a dimension that only the candidate has is no loss"
        );
    }

    #[test]
    fn one_more_finding_forbids() {
        assert_eq!(
            of_dimensions(vec![lint(3.0)], vec![lint(4.0)]),
            ["dimension_fell: `lint` got worse: 3 → 4 findings"]
        );
    }

    #[test]
    fn what_only_informs_is_sampled_or_is_the_projects_never_forbids() {
        let pair = |name: &str, change: fn(&mut Dimension)| {
            let mut before = dimension(name, 9.0, "", Direction::Maximize, 0.9);
            let mut after = dimension(name, 1.0, "", Direction::Maximize, 0.1);
            change(&mut before);
            change(&mut after);
            of_dimensions(vec![before], vec![after])
        };
        assert_eq!(pair("diversity", |it| it.weight = 0.0), NOTHING);
        assert_eq!(pair("capability", |it| it.tier = Tier::Growth), NOTHING);
        assert_eq!(pair("parse_ns", |it| it.tier = Tier::Project), NOTHING);
        assert_eq!(pair("config", |_| ()).len(), 1);
    }

    #[test]
    fn a_dimension_that_is_gone_or_broken_forbids() {
        assert_eq!(
            of_dimensions(vec![lint(3.0)], vec![]),
            [
                "dimension_lost: `lint` was measured on the incumbent and not on the candidate: \
                 missing from the evaluation"
            ]
        );
        for status in [Status::NotMeasured, Status::Failed] {
            let after = with_status("lint", status, "ruff crashed");
            let violations = of_dimensions(vec![lint(3.0)], vec![after]);
            assert!(
                violations[0].starts_with("dimension_lost"),
                "{violations:?}"
            );
            assert!(violations[0].ends_with("ruff crashed"));
        }
        let broken = || with_status("lint", Status::Failed, "ruff crashed");
        assert_eq!(of_dimensions(vec![broken()], vec![broken()]), NOTHING);
    }

    #[test]
    fn untested_lines_may_move_by_layout_but_not_grow() {
        let n_violations = |before: f64, after: f64| {
            of_dimensions(vec![uncovered(before)], vec![uncovered(after)]).len()
        };
        assert_eq!(n_violations(10.0, 12.0), 0);
        assert_eq!(n_violations(10.0, 13.0), 1);
        assert_eq!(n_violations(1000.0, 1010.0), 0);
        assert_eq!(n_violations(1000.0, 1011.0), 1);
        assert_eq!(n_violations(10.0, 0.0), 0);
    }

    #[test]
    fn required_tests_must_pass_whatever_became_of_them() {
        let before = evaluation(vec![]);
        let outcome = |cases: &[(&str, TestOutcome)]| {
            let mut after = evaluation(vec![]);
            after.tests = suite(cases);
            judged(&before, &after)
        };
        let a = ("t::a", TestOutcome::Passed);
        assert_eq!(
            outcome(&[a, ("t::b", TestOutcome::Failed)]),
            ["required_test: required test `t::b` fails"]
        );
        assert_eq!(
            outcome(&[a, ("t::b", TestOutcome::Skipped)]),
            ["required_test: required test `t::b` is skipped"]
        );
        assert_eq!(
            outcome(&[a]),
            ["required_test: required test `t::b` does not run"]
        );
    }

    #[test]
    fn quarantined_tests_and_old_failures_are_not_held_against_a_candidate() {
        let mut before = evaluation(vec![]);
        before.tests = suite(&[
            ("t::a", TestOutcome::Passed),
            ("t::old", TestOutcome::Failed),
        ]);
        let mut after = evaluation(vec![]);
        after.tests = suite(&[
            ("t::a", TestOutcome::Failed),
            ("t::old", TestOutcome::Failed),
            ("t::new", TestOutcome::Failed),
        ]);
        let violations = judge_evaluations(&ids(&["t::a"]), &ids(&["t::a"]), &before, &after);
        assert_eq!(violations.len(), 1);
        assert_eq!(
            violations[0].detail,
            "test `t::new` fails, and did not on the incumbent"
        );
    }

    #[test]
    fn a_broken_suite_is_told_once_and_not_test_by_test() {
        let before = evaluation(vec![lint(1.0)]);
        let mut after = evaluation(vec![]);
        after.tests = TestRun::default();
        after.vetoes = vec![Violation::of(Rule::DoesNotBuild, "error[E0308]")];
        assert_eq!(judged(&before, &after), ["does_not_build: error[E0308]"]);
    }

    #[test]
    fn hundreds_of_broken_tests_are_counted() {
        let names: BTreeSet<String> = (0..100).map(|idx| format!("t::{idx:03}")).collect();
        let both = evaluation(vec![]);
        let violations = judge_evaluations(&names, &ids(&[]), &both, &both);
        assert_eq!(violations.len(), N_NAMED + 1);
        assert!(violations.iter().any(|it| it.detail == "and 80 more tests"));
    }

    #[test]
    fn what_the_incumbent_breaks_as_well_is_no_news() {
        let veto = |detail: &str| Violation::of(Rule::HardConstraint, detail);
        let guard = |detail: &str| Violation::of(Rule::Guard, detail);
        let mut before = evaluation(vec![]);
        before.vetoes = vec![veto("coverage is 78.1, below 80"), guard("`docs` failed")];
        let mut after = evaluation(vec![]);
        after.vetoes = vec![veto("coverage is 79.4, below 80"), guard("`docs` failed")];
        assert_eq!(judged(&before, &after), NOTHING);
        after.vetoes.push(guard("`links` failed"));
        assert_eq!(judged(&before, &after), ["guard: `links` failed"]);
    }

    #[test]
    fn only_a_fall_through_the_floor_forbids() {
        let scored = |score: Option<f64>| Evaluation {
            score,
            ..evaluation(vec![])
        };
        assert_eq!(judged(&scored(Some(0.4)), &scored(Some(0.3))), NOTHING);
        assert_eq!(judged(&scored(Some(0.9)), &scored(Some(0.5))), NOTHING);
        assert_eq!(
            judged(&scored(Some(0.9)), &scored(Some(0.49))),
            [
                "threshold: the composite is 0.4900, below the floor of 0.5000 that the incumbent meets"
            ]
        );
    }

    #[test]
    fn a_deterministic_metric_is_held_to_its_tolerance() {
        let size = |value: f64| Dimension {
            tier: Tier::Project,
            ..dimension("size", value, "KiB", Direction::Minimize, 0.5)
        };
        let metrics = [DeterministicMetric {
            name: "size".to_owned(),
            tolerance: 5.0,
        }];
        let judged = |before: f64, after: f64| {
            let evaluation = |value| evaluation(vec![size(value)]);
            judge_metrics(&metrics, &evaluation(before), &evaluation(after)).len()
        };
        assert_eq!(judged(100.0, 105.0), 0);
        assert_eq!(judged(100.0, 106.0), 1);
        assert_eq!(judged(100.0, 50.0), 0);
    }
}
