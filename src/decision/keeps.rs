//! A claim that nothing gets worse, on a noisy metric: the loss is smaller than what counts.

use super::planning::{Ask, plan};
use crate::model::measurement::{Calibration, Scale, SignPlan, TestPlan};
use crate::stats::numeric::count;

/// With more equal pairs than this the metric has steps, and shifting it breaks the test's symmetry.
const MOST_TIES: f64 = 0.1;

/// The chance of giving up a candidate that is no worse: most of these are, and trying them again costs more
/// than the pairs that are saved.
const BETA: f64 = 0.05;

/// Plans the test of a candidate that is to be no worse: kernel S with a margin that is as large as the
/// smallest effect that counts, and at least one standard deviation, so that a candidate which behaves
/// like the incumbent usually passes. `None` where the metric repeats its numbers, or is one of steps.
pub fn plan_keeps(ask: &Ask, scale: Scale, calibration: &Calibration) -> Option<TestPlan> {
    let differences = &calibration.differences;
    let ties = differences.iter().filter(|it| it.abs() <= 0.0).count();
    if count(ties) > MOST_TIES * count(differences.len()) {
        return None;
    }
    match plan(ask, scale, calibration) {
        TestPlan::SignBetting(plan) => {
            let margin = plan.delta.max(plan.sigma);
            Some(TestPlan::SignBetting(SignPlan {
                delta: margin,
                epsilon: margin,
                beta: BETA,
                ..plan
            }))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::replay;
    use super::super::sample::{calibration, evidence, pair_of};
    use super::*;
    use crate::model::dimension::Direction;
    use crate::model::verdict::Verdict;

    fn ask() -> Ask {
        Ask {
            direction: Direction::Minimize,
            tolerance: None,
            alpha: 0.001,
            stream: None,
            epsilon: 0.0,
            n_rep: 1,
            preset: super::super::Preset::Balanced,
            affordable: None,
        }
    }

    fn verdict(after: f64) -> Verdict {
        let noise = calibration(&[0.01, -0.01, 0.012, -0.008]);
        let plan = plan_keeps(&ask(), Scale::LogRatio, &noise).unwrap();
        replay(&evidence(plan, vec![pair_of(100.0, after); 60])).verdict
    }

    #[test]
    fn the_same_passes_and_a_loss_that_counts_does_not() {
        assert_eq!(verdict(100.0), Verdict::Keep);
        assert_eq!(verdict(101.5), Verdict::Revert);
    }

    #[test]
    fn numbers_that_repeat_or_come_in_steps_are_not_tested_with_a_margin() {
        let steps = calibration(&[0.0, 1.0, 0.0, -1.0]);
        assert_eq!(plan_keeps(&ask(), Scale::Difference, &steps), None);
        let same = Calibration {
            deterministic: true,
            ..calibration(&[1.0])
        };
        assert_eq!(plan_keeps(&ask(), Scale::Difference, &same), None);
    }
}
