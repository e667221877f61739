//! What a test costs and can see, frozen before the candidate's first run.

use super::rows::{Preset, Row};
use crate::model::dimension::Direction;
use crate::model::measurement::{Calibration, Scale, SignPlan, StreamPlace, TestPlan};
use crate::stats::estimate::{between_groups, smallest_step, sum_of_squares};
use crate::stats::numeric::count;

/// The chance of giving up a true effect of size δ.
const BETA: f64 = 0.2;
/// The e-value at which the table's longest runs are enough.
const TABLE_LEVEL: f64 = 500.0;
/// An effect is at least so many standard deviations of what building again changes.
const BUILDS: f64 = 2.0;
/// A scale below this share of δ would let single pairs speak for many.
const LEAST_SCALE: f64 = 0.25;
/// The scale of a metric whose A/A differences were all 0 although its runs differ, as a share of its level.
const SCALE_WITHOUT_NOISE: f64 = 1e-3;

/// What the person declared about a metric, and the level of this experiment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ask {
    /// Which way is better.
    pub direction: Direction,
    /// The smallest native difference that counts: the metric's tolerance, or the claim's own if larger.
    pub tolerance: Option<f64>,
    /// The level of this experiment.
    pub alpha: f64,
    /// Its place in the stream of tests of the metric.
    pub stream: Option<StreamPlace>,
    /// The non-inferiority margin; 0 for *moves* claims.
    pub epsilon: f64,
    /// Replicate comparisons ever made of a deterministic metric, this one included.
    pub n_rep: u32,
    /// How small an effect is worth how many runs.
    pub preset: Preset,
    /// The pairs that what is left of the budget pays for, where it is limited.
    pub affordable: Option<u32>,
}

/// Returns the smallest effect that is looked for by default in noise of that size.
pub(super) fn least_effect(sigma: f64, run_seconds: f64) -> f64 {
    Row::of(run_seconds, Preset::Balanced).rho * sigma
}

/// Freezes the test before the candidate's first run.
pub fn plan(ask: &Ask, scale: Scale, calibration: &Calibration) -> TestPlan {
    if calibration.deterministic {
        return TestPlan::Deterministic {
            direction: ask.direction,
            delta: ask.tolerance.unwrap_or(0.0),
            n_rep: ask.n_rep.max(1),
        };
    }
    TestPlan::SignBetting(sign_plan(ask, scale, calibration))
}

fn sign_plan(ask: &Ask, scale: Scale, calibration: &Calibration) -> SignPlan {
    let row = Row::of(calibration.run_seconds, ask.preset);
    let tolerance = on_scale(ask.tolerance.unwrap_or(0.0), scale, calibration.level);
    let step = smallest_step(&calibration.differences).unwrap_or(0.0);
    let observed = noise(calibration);
    let coarse = match step.max(tolerance) {
        coarse if coarse > 0.0 => coarse,
        _ => scale_without_noise(scale, calibration.level),
    };
    let sigma = observed.max(coarse);
    let rebuilt = BUILDS * between_builds(calibration).unwrap_or(0.0);
    let delta = tolerance.max(row.rho * sigma).max(rebuilt);
    let floor = coarse.max(LEAST_SCALE * delta);
    SignPlan {
        direction: ask.direction,
        scale,
        alpha: ask.alpha,
        stream: ask.stream,
        beta: BETA,
        delta,
        epsilon: ask.epsilon,
        shift: 0.0,
        sigma: sigma.max(floor),
        floor,
        n_max: longest(row.n_max, ask.alpha).min(ask.affordable.unwrap_or(u32::MAX)),
        give_up: row.give_up,
        guards: Vec::new(),
        calibration: calibration.clone(),
    }
}

/// Returns the standard deviation that building the same code again adds to a pair difference; `None` where
/// only one pair of trees was built, or too few pairs were run on each to tell.
pub fn between_builds(calibration: &Calibration) -> Option<f64> {
    between_groups(&calibration.differences, &calibration.builds)
}

/// Returns the standard deviation of one pair difference, by the calibration and all experiments since.
fn noise(calibration: &Calibration) -> f64 {
    let pooled = calibration.pooled;
    let squares = sum_of_squares(&calibration.differences) + pooled.sum_of_squares;
    let degrees = count(calibration.differences.len()) + pooled.degrees;
    if degrees > 0.0 {
        (squares / degrees).sqrt()
    } else {
        0.0
    }
}

/// Returns the most pairs at that level: a stricter one needs more of them to reach its mark, up to
/// three times as many as the table has.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between the table's 16 and three times its 60"
)]
fn longest(n_max: u32, alpha: f64) -> u32 {
    let longer = (-alpha.ln() / TABLE_LEVEL.ln()).clamp(1.0, 3.0);
    (f64::from(n_max) * longer).ceil() as u32
}

/// Returns a native difference in units of the pair difference.
fn on_scale(native: f64, scale: Scale, level: f64) -> f64 {
    match scale {
        Scale::Difference => native.abs(),
        Scale::LogRatio if level > 0.0 => (native.abs() / level).ln_1p(),
        Scale::LogRatio => 0.0,
    }
}

fn scale_without_noise(scale: Scale, level: f64) -> f64 {
    match scale {
        Scale::LogRatio => SCALE_WITHOUT_NOISE,
        Scale::Difference if level.abs() > 0.0 => SCALE_WITHOUT_NOISE * level.abs(),
        Scale::Difference => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::calibration;
    use super::*;
    use crate::model::measurement::Pooled;
    use proptest::prelude::*;

    fn ask(tolerance: Option<f64>) -> Ask {
        Ask {
            direction: Direction::Minimize,
            tolerance,
            alpha: 0.01,
            stream: None,
            epsilon: 0.0,
            n_rep: 0,
            preset: Preset::Balanced,
            affordable: None,
        }
    }

    fn signs(tolerance: Option<f64>, scale: Scale, calibration: &Calibration) -> SignPlan {
        match plan(&ask(tolerance), scale, calibration) {
            TestPlan::SignBetting(plan) => plan,
            other => panic!("planned as {other:?}"),
        }
    }

    #[test]
    fn slower_runs_buy_fewer_pairs() {
        let longest = |run_seconds| {
            let calibration = Calibration {
                run_seconds,
                ..calibration(&[0.1, -0.1])
            };
            signs(None, Scale::LogRatio, &calibration).n_max
        };
        assert_eq!([1.0, 60.0, 1000.0, 1e4].map(longest), [60, 40, 24, 16]);
    }

    #[test]
    fn what_the_budget_does_not_pay_for_is_not_planned() {
        let ask = Ask {
            affordable: Some(17),
            ..ask(None)
        };
        let TestPlan::SignBetting(plan) = plan(&ask, Scale::LogRatio, &calibration(&[0.1])) else {
            panic!("planned as deterministic");
        };
        assert_eq!(plan.n_max, 17);
    }

    #[test]
    fn a_stricter_level_may_take_more_pairs_and_never_more_than_thrice() {
        let found = [0.05, 0.002, 0.000_2, 1e-9, 1e-30].map(|alpha| longest(40, alpha));
        assert_eq!(found, [40, 40, 55, 120, 120]);
    }

    #[test]
    fn the_default_effect_follows_the_noise() {
        let plan = signs(None, Scale::LogRatio, &calibration(&[0.01, -0.01, 0.01]));
        assert!((plan.sigma - 0.01).abs() < 1e-12);
        assert!((plan.delta - 0.007).abs() < 1e-12);
        assert!((plan.floor - 0.01).abs() < 1e-12);
    }

    #[test]
    fn a_declared_tolerance_is_the_least_effect() {
        let plan = signs(Some(10.0), Scale::LogRatio, &calibration(&[0.001, -0.001]));
        assert!((plan.delta - 0.1f64.ln_1p()).abs() < 1e-12);
        assert!((plan.sigma - plan.delta).abs() < 1e-12);
        let native = signs(Some(10.0), Scale::Difference, &calibration(&[1.0, -20.0]));
        assert!((native.delta - 10.0).abs() < 1e-9);
    }

    #[test]
    fn what_building_again_changes_does_not_count_as_an_effect() {
        let apart = Calibration {
            builds: vec![4, 4],
            ..calibration(&[0.05, 0.051, 0.049, 0.05, -0.05, -0.049, -0.051, -0.05])
        };
        let between = between_builds(&apart).unwrap();
        assert!((between - 0.1 / 2f64.sqrt()).abs() < 1e-3, "{between}");
        let plan = signs(None, Scale::LogRatio, &apart);
        assert!((plan.delta - 2.0 * between).abs() < 1e-12);
        let one = Calibration {
            builds: Vec::new(),
            ..apart
        };
        assert_eq!(between_builds(&one), None);
        assert!(signs(None, Scale::LogRatio, &one).delta < 0.05);
    }

    #[test]
    fn cheap_pairs_are_not_given_up_after_one() {
        let least = |run_seconds| {
            let calibration = Calibration {
                run_seconds,
                ..calibration(&[0.1, -0.1])
            };
            signs(None, Scale::LogRatio, &calibration)
                .give_up
                .least_pairs
        };
        assert_eq!([1.0, 60.0, 1000.0, 1e4].map(least), [2, 2, 1, 1]);
    }

    #[test]
    fn a_deterministic_metric_needs_no_pairs() {
        let calibration = Calibration {
            deterministic: true,
            ..calibration(&[0.0])
        };
        assert_eq!(
            plan(&ask(Some(2.0)), Scale::Difference, &calibration),
            TestPlan::Deterministic {
                direction: Direction::Minimize,
                delta: 2.0,
                n_rep: 1,
            }
        );
    }

    #[test]
    fn what_experiments_showed_about_the_noise_counts() {
        let mut calibration = calibration(&[0.01, -0.01]);
        calibration.pooled = Pooled {
            sum_of_squares: 18.0 * 4e-4,
            degrees: 18.0,
        };
        let plan = signs(None, Scale::LogRatio, &calibration);
        assert!((plan.sigma - (0.0074f64 / 20.0).sqrt()).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn the_scale_is_never_zero(
            differences in prop::collection::vec(prop_oneof![Just(0.0), -5.0f64..5.0], 0..10),
            tolerance in prop::option::of(0.0f64..5.0),
            level in prop_oneof![Just(0.0), 0.1f64..1e6],
            ratio in any::<bool>(),
        ) {
            let scale = if ratio { Scale::LogRatio } else { Scale::Difference };
            let calibration = Calibration { level, ..calibration(&differences) };
            let plan = signs(tolerance, scale, &calibration);
            prop_assert!(plan.sigma > 0.0 && plan.floor > 0.0 && plan.delta > 0.0);
            prop_assert!(plan.sigma >= plan.delta / 4.0 - 1e-12);
            prop_assert!(plan.sigma >= plan.floor);
        }
    }
}
