//! What a noisy test saw, for everything that looks back on many of them.

use super::difference::Orientation;
use super::effect::relative;
use crate::model::dimension::Direction;
use crate::model::experiment::Seen;
use crate::model::measurement::{Evidence, Scale, SignPlan, TestPlan};
use crate::model::verdict::{Effect, Statistics};
use crate::stats::estimate::{mean, median};
use crate::stats::shrinkage::{self, Observed};

/// Returns what a test saw; `None` where there was nothing to see.
pub fn seen(evidence: &Evidence, statistics: &Statistics) -> Option<Seen> {
    if statistics.n_pairs == 0 {
        return None;
    }
    let n = f64::from(statistics.n_pairs);
    let (mean, sigma, delta) = match &evidence.plan {
        TestPlan::SignBetting(plan) => {
            (clipped(evidence, plan, statistics)?, plan.sigma, plan.delta)
        }
        // A score is bounded, so that no instance needs to be clipped.
        TestPlan::Bounded(plan) => (statistics.mean, statistics.sigma, plan.delta),
        TestPlan::Deterministic { .. } | TestPlan::Watch(_) => return None,
    };
    Some(Seen {
        ln_e: statistics.ln_e,
        mean,
        variance: sigma * sigma / n,
        delta,
        scale: orientation(&evidence.plan)?.scale,
        shrunken: statistics.shrunken,
    })
}

/// Returns how the pairs of a noisy test are compared.
fn orientation(plan: &TestPlan) -> Option<Orientation> {
    let (direction, scale) = match plan {
        TestPlan::SignBetting(plan) => (plan.direction, plan.scale),
        TestPlan::Bounded(plan) => (plan.direction, Scale::Difference),
        TestPlan::Deterministic { .. } | TestPlan::Watch(_) => return None,
    };
    Some(Orientation { direction, scale })
}

/// Returns the clipped mean of the differences that a verdict rests on.
fn clipped(evidence: &Evidence, plan: &SignPlan, statistics: &Statistics) -> Option<f64> {
    let orientation = orientation(&evidence.plan)?;
    let n = usize::try_from(statistics.n_pairs).unwrap_or(usize::MAX);
    let used = evidence.pairs.iter().take(n);
    let differences = used.map(|it| orientation.pair(it, 3.0 * plan.sigma.max(plan.delta)));
    let differences: Vec<f64> = differences.collect::<Result<_, _>>().ok()?;
    clipped_mean(&differences, (3.0 * plan.sigma).max(plan.delta))
}

/// Returns the mean of differences, none of which counts for more than `reach` beyond their median: clipped
/// around 0 instead, a large effect would be taken for noise.
fn clipped_mean(differences: &[f64], reach: f64) -> Option<f64> {
    let middle = median(differences)?;
    let clip = |it: &f64| it.clamp(middle - reach, middle + reach);
    mean(&differences.iter().map(clip).collect::<Vec<_>>())
}

/// Returns the effect that is to be believed of a new test, given what the earlier ones of its metric saw,
/// oldest first.
///
/// Only those on the same scale are looked back on.
pub fn shrunken(earlier: &[Seen], new: &Seen) -> f64 {
    let observe = |it: &Seen| Observed {
        x: it.mean,
        v: it.variance,
    };
    let earlier = earlier.iter().filter(|it| it.scale == new.scale);
    let all: Vec<Observed> = earlier.chain([new]).map(observe).collect();
    shrinkage::fit(&all, new.delta).shrunken(new.mean, new.variance)
}

/// Writes the effect that is to be believed beside the measured one.
pub fn add_shrunken(
    effect: &mut Option<Effect>,
    statistics: &mut Statistics,
    evidence: &Evidence,
    value: f64,
) {
    statistics.shrunken = Some(value);
    if let (Some(effect), Some(it)) = (effect, orientation(&evidence.plan)) {
        effect.shrunken = relative(it.scale, it.direction, effect.before, value);
    }
}

/// Returns a sum of differences for people: a percentage on the scale of ratios, else the sum itself.
pub fn total(scale: Scale, direction: Direction, sum: f64) -> f64 {
    match (scale, direction) {
        (Scale::LogRatio, Direction::Minimize) => -100.0 * (-sum).exp_m1(),
        (Scale::LogRatio, Direction::Maximize) => 100.0 * sum.exp_m1(),
        (Scale::Difference, _) => sum,
    }
}

#[cfg(test)]
mod tests {
    use super::super::replay;
    use super::super::sample::{evidence, pairs_of, sign_plan};
    use super::*;

    fn of(values: &[(f64, f64)]) -> Seen {
        let evidence = evidence(TestPlan::SignBetting(sign_plan()), pairs_of(values));
        let statistics = replay(&evidence).statistics.unwrap();
        seen(&evidence, &statistics).unwrap()
    }

    #[test]
    fn the_mean_is_that_of_the_clipped_differences() {
        let calm = of(&[(100.0, 99.0); 4]);
        assert!((calm.mean - (100.0f64 / 99.0).ln()).abs() < 1e-12);
        assert!((calm.variance - 0.000_025).abs() < 1e-12);
        let mut values = [(100.0, 99.0); 4];
        values[0].1 = 1.0;
        let wild = of(&values);
        let expected = calm.mean + 0.03 / 4.0;
        assert!(
            (wild.mean - expected).abs() < 1e-12,
            "three sigma, not more: {wild:?}"
        );
    }

    #[test]
    fn what_instances_showed_is_believed_in_part_too() {
        use super::super::sample::bounded_plan;
        let pairs =
            pairs_of(&[(0.0, 1.0), (1.0, 1.0), (0.0, 0.0), (1.0, 1.0), (1.0, 1.0)].repeat(80));
        let evidence = evidence(TestPlan::Bounded(bounded_plan()), pairs);
        let decision = replay(&evidence);
        let (mut effect, mut statistics) = (decision.effect, decision.statistics.unwrap());
        let new = seen(&evidence, &statistics).unwrap();
        assert!((new.mean - 0.2).abs() < 1e-12 && new.scale == Scale::Difference);
        assert!((new.variance - statistics.sigma.powi(2) / 40.0).abs() < 1e-12);
        let believed = shrunken(&[], &new);
        assert!(believed > 0.0 && believed < 0.2, "{believed}");
        add_shrunken(&mut effect, &mut statistics, &evidence, believed);
        assert!((effect.unwrap().shrunken.unwrap() - believed / 0.6).abs() < 1e-9);
        assert_eq!(
            seen(&evidence, &statistics).unwrap().shrunken,
            Some(believed)
        );
    }

    #[test]
    fn a_large_effect_is_believed_almost_whole() {
        let new = of(&[(100.0, 50.0); 12]);
        assert!((new.mean - 2.0f64.ln()).abs() < 1e-9);
        let believed = shrunken(&[], &new);
        assert!(
            believed > 0.75 * new.mean && believed < new.mean,
            "{believed}"
        );
    }

    #[test]
    fn a_single_success_is_believed_in_part() {
        let new = of(&[(100.0, 99.0); 8]);
        let believed = shrunken(&[], &new);
        assert!(believed > 0.0 && believed < new.mean, "{believed}");
    }

    #[test]
    fn many_failures_make_a_success_less_believable() {
        let new = of(&[(100.0, 99.3); 8]);
        let failures: Vec<Seen> = (0..40)
            .map(|n| Seen {
                mean: if n % 2 == 0 { 0.002 } else { -0.002 },
                ..new
            })
            .collect();
        assert!(shrunken(&failures, &new) < shrunken(&[], &new));
    }
}
