//! What a noisy test saw, for everything that looks back on many of them.

use super::effect::relative;
use crate::model::experiment::Seen;
use crate::model::measurement::{Evidence, SignPlan, TestPlan};
use crate::model::verdict::{Effect, Statistics};
use crate::stats::shrinkage::{self, Observed};

/// Returns what a test saw; `None` where there was nothing to see.
pub fn seen(evidence: &Evidence, statistics: &Statistics) -> Option<Seen> {
    let TestPlan::SignBetting(plan) = &evidence.plan else {
        return None;
    };
    if statistics.n_pairs == 0 {
        return None;
    }
    let n = f64::from(statistics.n_pairs);
    let variance = plan.sigma * plan.sigma / n;
    // The likelihood ratio is a function of the sum of the clipped differences: solved for their mean.
    let mean = plan.delta / 2.0 - statistics.ln_futility * variance / plan.delta - plan.epsilon;
    Some(Seen {
        ln_e: statistics.ln_e,
        mean,
        variance,
        delta: plan.delta,
        scale: plan.scale,
        shrunken: statistics.shrunken,
    })
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
    plan: &SignPlan,
    value: f64,
) {
    statistics.shrunken = Some(value);
    if let Some(effect) = effect {
        effect.shrunken = relative(plan, effect.before, value);
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
        let wild = of(&[(100.0, 10.0)]);
        assert!(
            (wild.mean - 0.03).abs() < 1e-12,
            "three sigma, not more: {wild:?}"
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
