//! Numbers that are no measurement of a gain, whatever a test would make of them: another unit, or an
//! incumbent that gives none any more.

use super::difference::value;
use super::wording;
use crate::model::measurement::{Evidence, Pair, Scale, TestPlan};
use crate::model::verdict::{Decision, Verdict};
use crate::stats::estimate::median;

/// So many pairs are enough to see it.
const N_PAIRS: usize = 3;
/// A level that is further away than this factor from that of the calibration is another one.
const ANOTHER_LEVEL: f64 = 8.0;
/// Factors between units that programs print.
const UNITS: [f64; 8] = [60.0, 100.0, 1e3, 1024.0, 3600.0, 1e6, 1_048_576.0, 1e9];
/// How near to such a factor a ratio is, as a difference of logarithms, beside the noise.
const NEAR: f64 = 0.02;

/// Returns what is wrong with the numbers of a noisy test, if anything is: reason enough to stop, and to
/// keep nothing.
pub fn oddity(evidence: &Evidence) -> Option<String> {
    let TestPlan::SignBetting(plan) = &evidence.plan else {
        return None;
    };
    let pairs = &evidence.pairs;
    if pairs.len() < N_PAIRS {
        return None;
    }
    let metric = &evidence.metric;
    if let Some(n) = incumbent_is_gone(pairs) {
        return Some(format!(
            "the unchanged code gave no value of `{metric}` in {n} of {}, although it did when the metric was calibrated: there is nothing to compare with",
            wording::pairs(u32::try_from(pairs.len()).unwrap_or(u32::MAX))
        ));
    }
    let level = plan.calibration.level;
    let before = median(&values(pairs, |it| &it.incumbent))?;
    if plan.scale == Scale::LogRatio && level > 0.0 && factor(before, level) > ANOTHER_LEVEL {
        return Some(format!(
            "`{metric}` changed its scale: the same tree gave {} when it was calibrated and gives {} now",
            wording::plain(level),
            wording::plain(before)
        ));
    }
    let after = median(&values(pairs, |it| &it.candidate))?;
    let noise = if plan.scale == Scale::LogRatio {
        2.0 * plan.sigma
    } else {
        0.0
    };
    let unit = other_unit(before, after, NEAR.max(noise).min(0.1))?;
    Some(format!(
        "the candidate's values of `{metric}` are the incumbent's in another unit, as near as can be measured (a factor of {}): that is no gain",
        wording::plain(unit)
    ))
}

/// Returns a decision as it is once the numbers that it rests on are no measurement: never a keep.
pub fn despite_oddity(mut decision: Decision, reason: String) -> Decision {
    decision.reasons.insert(0, reason);
    if decision.verdict == Verdict::Keep {
        decision.verdict = Verdict::Inconclusive;
    }
    decision
}

/// Returns in how many pairs the incumbent alone gave no value, where that is most of them.
fn incumbent_is_gone(pairs: &[Pair]) -> Option<usize> {
    let alone = |it: &&Pair| value(&it.incumbent).is_none() && value(&it.candidate).is_some();
    let n = pairs.iter().filter(alone).count();
    (n >= N_PAIRS && 2 * n > pairs.len()).then_some(n)
}

fn values(pairs: &[Pair], of: fn(&Pair) -> &crate::model::measurement::Measurement) -> Vec<f64> {
    pairs.iter().filter_map(|it| value(of(it))).collect()
}

/// Returns how many times the larger of two values the smaller is; 1 where a sign forbids the question.
fn factor(one: f64, other: f64) -> f64 {
    let factor = (one / other).max(other / one);
    if factor.is_finite() && factor >= 1.0 {
        factor
    } else {
        1.0
    }
}

/// Returns the factor between two units that the values differ by.
fn other_unit(before: f64, after: f64, near: f64) -> Option<f64> {
    let factor = factor(before, after);
    UNITS
        .into_iter()
        .find(|unit| (factor.ln() - unit.ln()).abs() <= near)
}

#[cfg(test)]
mod tests {
    use super::super::sample::{evidence, failed, pair, pair_of, pairs_of, sign_plan};
    use super::*;
    use crate::model::measurement::Sample;

    fn of(pairs: Vec<Pair>) -> Option<String> {
        oddity(&evidence(TestPlan::SignBetting(sign_plan()), pairs))
    }

    #[test]
    fn another_unit_is_no_gain() {
        let reason = of(pairs_of(&[(100.0, 0.1), (101.0, 0.1), (99.5, 0.1)])).unwrap();
        assert!(
            reason.contains("another unit") && reason.contains("1000"),
            "{reason}"
        );
    }

    #[test]
    fn a_large_gain_is_a_gain() {
        assert_eq!(of(pairs_of(&[(100.0, 1.3); 5])), None);
        assert_eq!(of(pairs_of(&[(100.0, 94.0); 5])), None);
        assert_eq!(of(pairs_of(&[(100.0, 0.1); 2])), None, "too early to say");
    }

    #[test]
    fn a_level_that_moved_in_both_arms_is_told() {
        let reason = of(pairs_of(&[(0.1, 0.09); 3])).unwrap();
        assert!(reason.contains("changed its scale"), "{reason}");
        assert_eq!(of(pairs_of(&[(300.0, 290.0); 3])), None, "a busy machine");
    }

    #[test]
    fn an_incumbent_that_times_out_leaves_nothing_to_compare_with() {
        let timed_out = || pair(failed("timed out"), Sample::Value { value: 90.0 });
        let reason = of(vec![timed_out(), timed_out(), timed_out()]).unwrap();
        assert!(reason.contains("nothing to compare with"), "{reason}");
        let mostly_fine = vec![timed_out(), pair_of(100.0, 90.0), pair_of(100.0, 90.0)];
        assert_eq!(of(mostly_fine), None);
    }

    #[test]
    fn a_candidate_that_times_out_is_reverted_by_the_test_itself() {
        use super::super::{Next, decide};
        let timed_out = pair(
            Sample::Value { value: 100.0 },
            failed("timed out after 2 s"),
        );
        let evidence = evidence(TestPlan::SignBetting(sign_plan()), vec![timed_out]);
        let Next::Stop(decision) = decide(&evidence) else {
            panic!("one pair is enough");
        };
        assert_eq!(decision.verdict, Verdict::Revert);
        assert!(
            decision
                .reasons
                .iter()
                .any(|it| it.contains("timed out after 2 s")),
            "{decision:?}"
        );
    }
}
