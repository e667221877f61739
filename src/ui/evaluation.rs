//! An evaluation as a table, native units first.

use crate::model::dimension::{Dimension, Evaluation, Status, Tier};
use crate::model::finding::{SuiteState, TestOutcome};

use super::text::{Cell, Tint};
use super::{number, style, text};

/// Returns the evaluation as text.
pub fn render(evaluation: &Evaluation, width: usize) -> String {
    let mut out = format!(
        "{} {}\n",
        style::heading("Evaluation of"),
        subject(evaluation)
    );
    out.push_str(&text::table(
        &["", "measured", "score", "detail"],
        &rows(evaluation),
        &[0, 1, 2],
        width,
    ));
    out.push_str(&totals(evaluation));
    out.push_str(&suite(evaluation, width));
    if !evaluation.vetoes.is_empty() {
        out.push_str(&format!(
            "{}\n",
            style::bad("Vetoed: whatever its score, this tree cannot be kept")
        ));
        for veto in &evaluation.vetoes {
            out.push_str(&text::bullet(&text::harmless(&veto.to_string()), width));
        }
    }
    let note = format!(
        "isolation {:?}: {}; took {}",
        evaluation.sandbox.tier,
        evaluation.sandbox.note,
        number::duration(evaluation.seconds)
    );
    out.push_str(&format!("{}\n", style::faint(&text::wrap(&note, width, 2))));
    out
}

fn subject(evaluation: &Evaluation) -> String {
    match &evaluation.commit {
        Some(commit) => commit.short().to_owned(),
        None => format!(
            "the work tree ({})",
            evaluation.tree.as_str().get(..10).unwrap_or("")
        ),
    }
}

fn rows(evaluation: &Evaluation) -> Vec<Vec<Cell>> {
    let mut rows = Vec::new();
    for tier in [Tier::Hygiene, Tier::Growth, Tier::Project] {
        let members: Vec<&Dimension> = evaluation
            .dimensions
            .iter()
            .filter(|it| it.tier == tier)
            .collect();
        if members.is_empty() {
            continue;
        }
        let score = number::score(evaluation.tiers.get(&tier).copied());
        rows.push(vec![
            tier_name(tier).into(),
            "".into(),
            score.into(),
            "".into(),
        ]);
        rows.extend(members.into_iter().map(row));
    }
    rows
}

fn row(dimension: &Dimension) -> Vec<Cell> {
    let tint = match dimension.status {
        Status::Measured => Tint::Plain,
        Status::NotMeasured => Tint::Faint,
        Status::Failed => Tint::Bad,
    };
    let native = match (&dimension.native, dimension.status) {
        (_, Status::NotMeasured) => "not measured".to_owned(),
        (_, Status::Failed) => "failed".to_owned(),
        (Some(native), Status::Measured) => number::quantity(native.value, &native.unit),
        (None, Status::Measured) => String::new(),
    };
    let informs = if dimension.weight == 0.0 && dimension.status == Status::Measured {
        " (informs only)"
    } else {
        ""
    };
    vec![
        Cell::tinted(format!("  {}", dimension.name), tint),
        Cell::tinted(native, tint),
        Cell::tinted(number::score(dimension.score), tint),
        Cell::tinted(
            format!("{}{informs}", text::harmless(&dimension.detail)),
            tint,
        ),
    ]
}

fn tier_name(tier: Tier) -> &'static str {
    match tier {
        Tier::Hygiene => "hygiene",
        Tier::Growth => "growth",
        Tier::Project => "project",
    }
}

fn totals(evaluation: &Evaluation) -> String {
    let score = style::heading(&format!("composite {}", number::score(evaluation.score)));
    let floor = match evaluation.score {
        Some(it) if it < evaluation.threshold => {
            style::bad(&format!("below the threshold {:.3}", evaluation.threshold))
        }
        _ if evaluation.threshold > 0.0 => format!("threshold {:.3}", evaluation.threshold),
        _ => "no threshold set".to_owned(),
    };
    format!("{score}, {floor}\n")
}

fn suite(evaluation: &Evaluation, width: usize) -> String {
    let tests = &evaluation.tests;
    let words = match &tests.state {
        SuiteState::Completed => format!(
            "{} passed, {} failed, {} skipped in {}",
            tests.count(TestOutcome::Passed),
            tests.count(TestOutcome::Failed),
            tests.count(TestOutcome::Skipped),
            number::duration(tests.seconds)
        ),
        SuiteState::DoesNotBuild(reason) => format!("does not build: {reason}"),
        SuiteState::Broken(reason) => format!("broken: {reason}"),
        SuiteState::TimedOut(reason) => format!("timed out: {reason}"),
        SuiteState::NoRunner => "no test runner here".to_owned(),
    };
    text::labelled("tests", &text::harmless(&words), width)
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::dimension::{Direction, Native};
    use crate::model::finding::{TestCase, TestRun};
    use crate::model::measurement::{Binding, SandboxReport, SandboxTier};
    use crate::model::violation::{Rule, Violation};

    fn dimension(name: &str, tier: Tier, status: Status, native: Option<(f64, &str)>) -> Dimension {
        Dimension {
            name: name.parse().unwrap(),
            tier,
            weight: 0.2,
            score: (status != Status::NotMeasured).then_some(if status == Status::Failed {
                0.0
            } else {
                0.75
            }),
            native: native.map(|(value, unit)| Native {
                value,
                unit: unit.into(),
                direction: Direction::Minimize,
            }),
            status,
            detail: format!("what was run for {name}, and what it said about the whole tree"),
        }
    }

    pub(in crate::ui) fn sample() -> Evaluation {
        Evaluation {
            schema: "factory.eval/1".into(),
            commit: Some("0123456789abcdef0123456789abcdef01234567".parse().unwrap()),
            tree: "0123456789abcdef0123456789abcdef01234567".parse().unwrap(),
            score: Some(0.75),
            threshold: 0.8,
            tiers: BTreeMap::from([(Tier::Hygiene, 0.75)]),
            dimensions: vec![
                dimension(
                    "lint",
                    Tier::Hygiene,
                    Status::Measured,
                    Some((12.0, "findings")),
                ),
                dimension("types", Tier::Hygiene, Status::NotMeasured, None),
                dimension("parse", Tier::Project, Status::Failed, None),
            ],
            vetoes: vec![
                Violation::at(Rule::Suppression, "src/a.py", "`noqa` was added").on_line(3),
            ],
            tests: TestRun {
                state: SuiteState::Completed,
                cases: vec![TestCase {
                    id: "a".into(),
                    outcome: TestOutcome::Passed,
                    seconds: None,
                }],
                seconds: 1.5,
            },
            findings: vec![],
            binding: Binding {
                harness: "factory 0.1.0".into(),
                eval_hash: "e".into(),
                environment: "m".into(),
                seed: 1,
            },
            sandbox: SandboxReport {
                tier: SandboxTier::T0,
                network: true,
                note: "a plain child process; the evals could reach the network".into(),
            },
            seconds: 12.0,
        }
    }

    #[test]
    fn native_units_come_first_and_what_is_missing_is_named() {
        let text = anstream::adapter::strip_str(&render(&sample(), 80)).to_string();
        assert!(text.lines().all(|it| it.chars().count() <= 80), "{text}");
        insta::assert_snapshot!(text, @r#"
        Evaluation of 0123456789
                 measured      score  detail
        hygiene                0.750
          lint   12 findings   0.750  what was run for lint, and what it said about
                                      the whole tree
          types  not measured  –      what was run for types, and what it said about
                                      the whole tree
        project                –
          parse  failed        0.000  what was run for parse, and what it said about
                                      the whole tree
        composite 0.750, below the threshold 0.800
        tests        1 passed, 0 failed, 0 skipped in 1.5 s
        Vetoed: whatever its score, this tree cannot be kept
          · suppression src/a.py:3: `noqa` was added
        isolation T0: a plain child process; the evals could reach the network; took
          12.0 s
        "#);
    }
}
