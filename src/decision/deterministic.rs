//! Kernel D: one value per arm, confirmed once on both.
//!
//! Confirming only the candidate would let a flaky incumbent pass for a gain.

use super::calibration::all_identical;
use super::difference::value;
use super::{Next, effect, unit, wording};
use crate::model::dimension::Direction;
use crate::model::measurement::{Evidence, Measurement, Pair, Sample};
use crate::model::verdict::{Decision, Verdict};
use crate::stats::estimate::flake_bound;

/// The first pair measures, the second confirms; no other is looked at.
const N_PAIRS: usize = 2;

/// Returns how many pairs this kernel looks at.
pub(super) fn n_pairs(evidence: &Evidence) -> u32 {
    match evidence.pairs.len() {
        0 => 0,
        1 => 1,
        _ => 2,
    }
}

/// Looks at up to two pairs.
pub(super) fn decide(evidence: &Evidence, direction: Direction, delta: f64, n_rep: u32) -> Next {
    let Some(first) = evidence.pairs.first() else {
        return Next::Continue;
    };
    let (before, after) = match values(first) {
        Ok(values) => values,
        Err((verdict, reason)) => return Next::Stop(Decision::plain(verdict, reason)),
    };
    if !is_gain(direction.gain(before, after), delta) {
        return Next::Stop(no_gain(evidence, direction, delta, before, after));
    }
    match evidence.pairs.get(N_PAIRS - 1) {
        None => Next::Continue,
        Some(second) => Next::Stop(confirm(evidence, direction, n_rep, first, second)),
    }
}

/// Returns whether a gain counts: at least δ, or any at all where δ is 0.
fn is_gain(gain: f64, delta: f64) -> bool {
    gain > 0.0 && gain >= delta
}

/// Returns both arms' values, or the verdict that a missing one makes and why.
fn values(pair: &Pair) -> Result<(f64, f64), (Verdict, String)> {
    match (value(&pair.incumbent), value(&pair.candidate)) {
        (Some(before), Some(after)) => Ok((before, after)),
        (None, _) => Err((
            Verdict::Inconclusive,
            format!(
                "the incumbent gave no value to compare with: {}",
                why_none(&pair.incumbent)
            ),
        )),
        (Some(_), None) => Err((
            Verdict::Revert,
            format!("the candidate gave no value: {}", why_none(&pair.candidate)),
        )),
    }
}

pub(super) fn why_none(measurement: &Measurement) -> String {
    match &measurement.sample {
        Sample::Failed { reason } => reason.clone(),
        Sample::Value { value } => format!("`{value}` is not a finite number"),
    }
}

fn no_gain(
    evidence: &Evidence,
    direction: Direction,
    delta: f64,
    before: f64,
    after: f64,
) -> Decision {
    let effect = effect::of_values(evidence, direction, before, after);
    let gain = direction.gain(before, after);
    let why = if gain > 0.0 {
        format!("less than the {} that count", wording::plain(delta))
    } else if gain < 0.0 {
        "worse".to_owned()
    } else {
        "unchanged".to_owned()
    };
    let reason = format!("`{}` {}: {why}", evidence.metric, wording::step(&effect));
    Decision {
        effect: Some(effect),
        ..Decision::plain(Verdict::Revert, reason)
    }
}

fn confirm(
    evidence: &Evidence,
    direction: Direction,
    n_rep: u32,
    first: &Pair,
    second: &Pair,
) -> Decision {
    let arms = [
        [&first.incumbent, &second.incumbent],
        [&first.candidate, &second.candidate],
    ];
    if let Some(runs) = arms.into_iter().find(|runs| !agree(runs)) {
        return not_deterministic(evidence, runs);
    }
    match values(first) {
        Ok((before, after)) => match unit::change_of_exact(before, after) {
            Some(reason) => Decision {
                effect: Some(effect::of_values(evidence, direction, before, after)),
                ..Decision::plain(Verdict::Inconclusive, reason)
            },
            None => keep(evidence, direction, n_rep, before, after),
        },
        Err((verdict, reason)) => Decision::plain(verdict, reason),
    }
}

fn agree(runs: &[&Measurement; 2]) -> bool {
    let values: Vec<f64> = runs.iter().filter_map(|run| value(run)).collect();
    values.len() == runs.len() && all_identical(&values)
}

fn not_deterministic(evidence: &Evidence, runs: [&Measurement; 2]) -> Decision {
    let shown = runs.map(|run| value(run).map_or_else(|| why_none(run), wording::plain));
    Decision::plain(
        Verdict::Inconclusive,
        format!(
            "`{}` is not deterministic after all: the same tree gave {} and then {}; \
             it is to be calibrated and tested as noisy",
            evidence.metric, shown[0], shown[1]
        ),
    )
}

fn keep(
    evidence: &Evidence,
    direction: Direction,
    n_rep: u32,
    before: f64,
    after: f64,
) -> Decision {
    let effect = effect::of_values(evidence, direction, before, after);
    let both_flaked = flake_bound(n_rep).powi(2);
    let share = effect
        .relative
        .map(|_| format!(" ({})", wording::measured(&effect, direction)))
        .unwrap_or_default();
    let reasons = vec![
        format!(
            "`{}` {}{share}, confirmed by a second run of both arms",
            evidence.metric,
            wording::step(&effect)
        ),
        format!(
            "flake bound {:.2} after {n_rep} replicate{} of this metric",
            both_flaked,
            if n_rep == 1 { "" } else { "s" }
        ),
    ];
    Decision {
        verdict: Verdict::Keep,
        reasons,
        violations: Vec::new(),
        effect: Some(effect),
        statistics: None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{evidence, failed, pair, pairs_of};
    use super::super::{decide, replay};
    use super::*;
    use crate::model::measurement::TestPlan;

    fn counted(delta: f64, pairs: Vec<Pair>) -> Evidence {
        let mut evidence = evidence(
            TestPlan::Deterministic {
                direction: Direction::Minimize,
                delta,
                n_rep: 3,
            },
            pairs,
        );
        evidence.unit = "findings".to_owned();
        evidence
    }

    #[test]
    fn a_gain_asks_for_its_confirmation() {
        assert_eq!(decide(&counted(0.0, vec![])), Next::Continue);
        assert_eq!(
            decide(&counted(0.0, pairs_of(&[(12.0, 3.0)]))),
            Next::Continue
        );
    }

    #[test]
    fn a_confirmed_gain_is_kept_with_its_flake_bound() {
        let decision = replay(&counted(0.0, pairs_of(&[(12.0, 3.0), (12.0, 3.0)])));
        assert_eq!(decision.verdict, Verdict::Keep);
        assert_eq!(
            decision.reasons,
            [
                "`parse` 12 → 3 findings (75.0 % lower), confirmed by a second run of both arms",
                "flake bound 0.40 after 3 replicates of this metric",
            ]
        );
        assert_eq!(decision.effect.unwrap().relative, Some(0.75));
    }

    #[test]
    fn no_gain_is_reverted_without_a_second_run() {
        let verdict = |before, after| {
            let decision = replay(&counted(2.0, pairs_of(&[(before, after)])));
            (decision.verdict, decision.reasons[0].clone())
        };
        assert_eq!(
            verdict(12.0, 12.0),
            (
                Verdict::Revert,
                "`parse` 12 → 12 findings: unchanged".to_owned()
            )
        );
        assert_eq!(verdict(12.0, 13.0).1, "`parse` 12 → 13 findings: worse");
        assert_eq!(
            verdict(12.0, 11.0).1,
            "`parse` 12 → 11 findings: less than the 2 that count"
        );
    }

    #[test]
    fn either_arm_that_disagrees_with_itself_demotes_the_metric() {
        for second in [(11.0, 3.0), (12.0, 4.0)] {
            let decision = replay(&counted(0.0, pairs_of(&[(12.0, 3.0), second])));
            assert_eq!(decision.verdict, Verdict::Inconclusive);
            assert!(decision.reasons[0].contains("not deterministic after all"));
        }
    }

    #[test]
    fn a_confirmation_that_fails_keeps_nothing() {
        let mut pairs = pairs_of(&[(12.0, 3.0)]);
        pairs.push(pair(Sample::Value { value: 12.0 }, failed("exit status 2")));
        let decision = replay(&counted(0.0, pairs));
        assert_eq!(decision.verdict, Verdict::Inconclusive);
        assert!(decision.reasons[0].contains("exit status 2"));
    }

    #[test]
    fn a_missing_value_never_keeps() {
        let value = |value| Sample::Value { value };
        let verdict =
            |incumbent, candidate| replay(&counted(0.0, vec![pair(incumbent, candidate)])).verdict;
        assert_eq!(verdict(value(1.0), failed("crashed")), Verdict::Revert);
        assert_eq!(
            verdict(failed("crashed"), value(1.0)),
            Verdict::Inconclusive
        );
        assert_eq!(verdict(value(1.0), value(f64::NAN)), Verdict::Revert);
        assert_eq!(
            verdict(value(1.0), value(f64::NEG_INFINITY)),
            Verdict::Revert
        );
    }

    #[test]
    fn the_same_number_in_another_unit_is_no_gain() {
        let decision = replay(&counted(0.0, pairs_of(&[(12.5, 0.0125), (12.5, 0.0125)])));
        assert_eq!(decision.verdict, Verdict::Inconclusive);
        assert!(decision.reasons[0].contains("another unit"));
    }

    #[test]
    fn pairs_after_the_confirmation_change_nothing() {
        let two = pairs_of(&[(12.0, 3.0), (12.0, 3.0)]);
        let mut three = two.clone();
        three.extend(pairs_of(&[(1.0, 99.0)]));
        assert_eq!(replay(&counted(0.0, two)), replay(&counted(0.0, three)));
    }
}
