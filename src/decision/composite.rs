//! Claims on a noisy metric by a change that moves deterministic dimensions too.

use crate::model::dimension::{Dimension, Status, Tier};
use crate::model::measurement::{Scale, TestPlan};
use crate::score::{Weights, composite};

/// Sampled within a time budget, so two evaluations of one tree may differ.
const SAMPLED: &str = "capability";

/// Returns what a change does to the deterministic dimensions that both arms have, as a relative change of
/// the project's metrics that weighs as much in the composite score.
pub fn deterministic_gain(
    incumbent: &[Dimension],
    candidate: &[Dimension],
    weights: Weights,
) -> f64 {
    let counted = |dimensions: &[Dimension], others: &[Dimension]| -> Vec<Dimension> {
        let is_there = |it: &&Dimension| {
            let mut others = others.iter().filter(|other| counts(other));
            counts(it) && others.any(|other| other.name == it.name)
        };
        dimensions.iter().filter(is_there).cloned().collect()
    };
    let score =
        |side: &[Dimension], other: &[Dimension]| composite(&counted(side, other), weights).0;
    let gain = score(candidate, incumbent).zip(score(incumbent, candidate));
    let share = (weights.hygiene + weights.growth) / weights.project;
    match gain {
        Some((after, before)) if share.is_finite() => (after - before) * share,
        _ => 0.0,
    }
}

fn counts(dimension: &Dimension) -> bool {
    dimension.tier != Tier::Project
        && dimension.name.as_str() != SAMPLED
        && dimension.status == Status::Measured
        && dimension.score.is_some()
}

/// A mean of scores cannot be moved by more.
const MOST_OF_SCORES: f64 = 0.99;

/// Adds to a test of a noisy metric what the change does besides: a loss is to be paid for; a gain buys
/// nothing, unless the person said that one may be traded for the other.
pub fn weigh(plan: &mut TestPlan, gain: f64, trade: bool) {
    if let TestPlan::SignBetting(plan) = plan {
        let size = match plan.scale {
            Scale::LogRatio => 1.0,
            Scale::Difference => plan.calibration.level.abs(),
        };
        plan.shift = size * counted(gain, trade);
    }
}

/// The same for a test over instances, whose mean score is `level` on the unchanged code.
pub fn weigh_scores(plan: &mut TestPlan, level: f64, gain: f64, trade: bool) {
    if let TestPlan::Bounded(plan) = plan {
        let most = MOST_OF_SCORES - plan.epsilon;
        plan.shift = (level.abs() * counted(gain, trade)).clamp(-MOST_OF_SCORES, most);
    }
}

fn counted(gain: f64, trade: bool) -> f64 {
    if trade { gain } else { gain.min(0.0) }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{bounded_plan, sign_plan};
    use super::*;
    use crate::model::dimension::Direction;
    use crate::model::measurement::SignPlan;

    fn shift(scale: Scale, gain: f64, trade: bool) -> f64 {
        let mut plan = TestPlan::SignBetting(SignPlan {
            scale,
            ..sign_plan()
        });
        weigh(&mut plan, gain, trade);
        match plan {
            TestPlan::SignBetting(plan) => plan.shift,
            other => panic!("{other:?}"),
        }
    }

    fn dimension(name: &str, tier: Tier, score: Option<f64>) -> Dimension {
        Dimension {
            name: name.parse().unwrap(),
            tier,
            weight: 1.0,
            score,
            native: None,
            status: if score.is_some() {
                Status::Measured
            } else {
                Status::NotMeasured
            },
            detail: String::new(),
        }
    }

    #[test]
    fn a_loss_weighs_as_it_does_in_the_composite_score() {
        let side = |lint: f64, guards: Option<f64>| {
            vec![
                dimension("lint", Tier::Hygiene, Some(lint)),
                dimension("guards", Tier::Hygiene, guards),
                dimension("observability", Tier::Growth, Some(0.5)),
                dimension("capability", Tier::Growth, Some(lint)),
                dimension("parse", Tier::Project, Some(lint)),
            ]
        };
        let gain = |before: &[Dimension], after: &[Dimension]| {
            deterministic_gain(before, after, Weights::WITH_PROJECT)
        };
        let found = gain(&side(0.8, Some(1.0)), &side(0.6, None));
        assert!((found + 0.2 * 0.3 / 0.5).abs() < 1e-12, "{found}");
        assert!(gain(&side(0.8, None), &side(0.8, Some(1.0))).abs() < 1e-12);
        assert!(gain(&[], &[]).abs() < 1e-12);
    }

    #[test]
    fn a_loss_counts_and_a_gain_buys_nothing() {
        assert!((shift(Scale::LogRatio, -0.02, false) + 0.02).abs() < 1e-12);
        assert!(shift(Scale::LogRatio, 0.02, false).abs() < 1e-12);
        assert!((shift(Scale::Difference, -0.02, false) + 2.0).abs() < 1e-12);
    }

    #[test]
    fn a_person_may_let_one_be_traded_for_the_other() {
        assert!((shift(Scale::LogRatio, 0.02, true) - 0.02).abs() < 1e-12);
        assert!((shift(Scale::LogRatio, -0.02, true) + 0.02).abs() < 1e-12);
    }

    #[test]
    fn scores_pay_in_proportion_to_their_mean() {
        let shift = |gain, trade| {
            let mut plan = TestPlan::Bounded(bounded_plan());
            weigh_scores(&mut plan, 0.5, gain, trade);
            match plan {
                TestPlan::Bounded(plan) => plan.shift,
                other => panic!("{other:?}"),
            }
        };
        assert!((shift(-0.02, false) + 0.01).abs() < 1e-12);
        assert!(shift(0.02, false).abs() < 1e-12);
        assert!((shift(0.02, true) - 0.01).abs() < 1e-12);
        assert!((shift(-9.0, true) + 0.99).abs() < 1e-12);
    }

    #[test]
    fn what_repeats_has_no_scale_to_weigh_on() {
        let mut plan = TestPlan::Deterministic {
            direction: Direction::Minimize,
            delta: 0.0,
            n_rep: 1,
        };
        let before = plan.clone();
        weigh(&mut plan, -1.0, false);
        assert_eq!(plan, before);
    }
}
