//! What moved, in native units, from the pairs that a verdict rests on.

use super::difference::value;
use crate::model::dimension::Direction;
use crate::model::measurement::{Evidence, Pair, Scale, SignPlan};
use crate::model::verdict::Effect;
use crate::stats::bounded_betting::interval;
use crate::stats::estimate::{RunningMean, mean, median, sum_of_squares};
use crate::stats::interval::half_width;

/// The reported interval covers the truth with this error, at every look together.
const INTERVAL_ERROR: f64 = 0.05;

/// Returns the effect that kernel S saw; `None` when an arm gave no value at all.
pub(super) fn of_pairs(
    evidence: &Evidence,
    plan: &SignPlan,
    pairs: &[Pair],
    differences: &RunningMean,
) -> Option<Effect> {
    let (before, after) = medians(pairs)?;
    let share = |difference| relative(plan.scale, plan.direction, before, difference);
    let half = half_width(
        differences.n(),
        differences.residual(),
        sum_of_squares(&plan.calibration.differences),
        plan.calibration.differences.len(),
        INTERVAL_ERROR,
    );
    let bounds = half
        .is_finite()
        .then(|| {
            let mean = differences.mean();
            Some((share(mean - half)?, share(mean + half)?))
        })
        .flatten();
    Some(Effect {
        metric: evidence.metric.to_string(),
        unit: evidence.unit.clone(),
        before,
        after,
        relative: share(differences.mean()),
        interval: bounds,
        shrunken: None,
    })
}

/// Returns the effect that kernel B saw: mean scores, and an interval that assumes no shape.
pub(super) fn of_scores(
    evidence: &Evidence,
    scores: &[(f64, f64)],
    differences: &[f64],
) -> Option<Effect> {
    let before = mean(&scores.iter().map(|it| it.0).collect::<Vec<_>>())?;
    let after = mean(&scores.iter().map(|it| it.1).collect::<Vec<_>>())?;
    let share = |difference: f64| Some(difference / before).filter(|it| it.is_finite());
    let (low, high) = interval(differences, INTERVAL_ERROR);
    Some(Effect {
        metric: evidence.metric.to_string(),
        unit: evidence.unit.clone(),
        before,
        after,
        relative: share(mean(differences)?),
        interval: share(low).zip(share(high)),
        shrunken: None,
    })
}

/// Returns the effect of one value per arm.
pub(super) fn of_values(
    evidence: &Evidence,
    direction: Direction,
    before: f64,
    after: f64,
) -> Effect {
    let gain = direction.gain(before, after) / before.abs();
    Effect {
        metric: evidence.metric.to_string(),
        unit: evidence.unit.clone(),
        before,
        after,
        relative: gain.is_finite().then_some(gain),
        interval: None,
        shrunken: None,
    }
}

/// Returns the median value of each arm.
pub(super) fn medians(pairs: &[Pair]) -> Option<(f64, f64)> {
    let incumbent: Vec<f64> = pairs.iter().filter_map(|it| value(&it.incumbent)).collect();
    let candidate: Vec<f64> = pairs.iter().filter_map(|it| value(&it.candidate)).collect();
    Some((median(&incumbent)?, median(&candidate)?))
}

/// Returns a difference as an improvement relative to the incumbent; `None` from a base of 0.
pub(super) fn relative(
    scale: Scale,
    direction: Direction,
    before: f64,
    difference: f64,
) -> Option<f64> {
    let share = match (scale, direction) {
        (Scale::LogRatio, Direction::Minimize) => -(-difference).exp_m1(),
        (Scale::LogRatio, Direction::Maximize) => difference.exp_m1(),
        (Scale::Difference, _) => difference / before.abs(),
    };
    share.is_finite().then_some(share)
}

#[cfg(test)]
mod tests {
    use super::super::sample::{evidence, pairs_of, sign_plan};
    use super::*;
    use crate::model::measurement::TestPlan;

    fn seen(plan: &SignPlan, values: &[(f64, f64)], differences: &[f64]) -> Option<Effect> {
        let evidence = evidence(TestPlan::SignBetting(plan.clone()), pairs_of(values));
        let mut running = RunningMean::default();
        for difference in differences {
            running.push(*difference);
        }
        of_pairs(&evidence, plan, &evidence.pairs, &running)
    }

    #[test]
    fn a_log_ratio_turns_back_into_a_share_of_the_incumbent() {
        let difference = (100.0f64 / 94.0).ln();
        let effect = seen(&sign_plan(), &[(100.0, 94.0); 8], &[difference; 8]).unwrap();
        assert!((effect.relative.unwrap() - 0.06).abs() < 1e-12);
        let (low, high) = effect.interval.unwrap();
        assert!(low < 0.06 && 0.06 < high);
    }

    #[test]
    fn a_zero_base_has_no_relative_effect() {
        let plan = SignPlan {
            scale: Scale::Difference,
            direction: Direction::Maximize,
            ..sign_plan()
        };
        let effect = seen(&plan, &[(0.0, 1.0); 4], &[1.0; 4]).unwrap();
        assert_eq!(effect.relative, None);
        assert_eq!(effect.interval, None);
        assert!((effect.after - 1.0).abs() < 1e-12);
    }

    #[test]
    fn too_few_pairs_have_no_interval() {
        let plan = SignPlan {
            calibration: super::super::sample::calibration(&[0.01, -0.01]),
            ..sign_plan()
        };
        assert_eq!(
            seen(&plan, &[(100.0, 94.0)], &[0.06]).unwrap().interval,
            None
        );
    }
}
