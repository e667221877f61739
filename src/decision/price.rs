//! What a test will cost and can see, before it is paid for.

use std::f64::consts::LN_2;

use super::calibration::N_FOR_TAILS;
use super::effect::relative;
use super::planning::between_builds;
use super::wording;
use crate::model::measurement::{Scale, SignPlan};
use crate::stats::estimate::mad_sigma;
use crate::stats::sign_betting::BETS;

/// The overshoot of a random walk over its mark, in standard deviations of a step (Siegmund 1985).
const OVERSHOOT: f64 = 0.583;
/// Half the width, in standard deviations, and the number of steps of the sums that stand for integrals.
const REACH: f64 = 4.0;
const STEPS: i32 = 32;

/// How many pairs a test takes, and what it can see.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Price {
    /// The most pairs.
    pub n_max: u32,
    /// Pairs until a candidate without any effect is given up, on average.
    pub null_pairs: u32,
    /// Pairs until a keep, where the effect is twice the smallest that counts.
    pub keep_pairs: u32,
    /// The smallest effect that counts, in the metric's own unit.
    pub delta: f64,
    /// The same as a share of the metric's level.
    pub delta_share: Option<f64>,
}

/// Returns the price of a test as it is planned.
pub fn price(plan: &SignPlan) -> Price {
    let level = plan.calibration.level;
    Price {
        n_max: plan.n_max,
        null_pairs: null_pairs(plan).min(plan.n_max),
        keep_pairs: keep_pairs(plan),
        delta: match plan.scale {
            Scale::Difference => plan.delta,
            Scale::LogRatio => level.abs() * -(-plan.delta).exp_m1(),
        },
        delta_share: relative(plan.scale, plan.direction, level, plan.delta),
    }
}

/// Returns what a person should know of a plan beside its price: how noisy the metric is, guards on the
/// tail, and what building the same code again changes.
pub fn plan_notes(plan: &SignPlan) -> Vec<String> {
    let share = |size: f64| match plan.scale {
        Scale::LogRatio => wording::percent(size.exp_m1()),
        Scale::Difference => wording::plain(size),
    };
    let differences = &plan.calibration.differences;
    let robust = mad_sigma(differences).filter(|it| *it > 0.0 && differences.len() >= N_FOR_TAILS);
    let mut notes = vec![match robust {
        Some(robust) => format!(
            "one standard deviation of a pair is {}, or {} but for outliers",
            share(plan.sigma),
            share(robust)
        ),
        None => format!("one standard deviation of a pair is {}", share(plan.sigma)),
    }];
    if let Some(between) = between_builds(&plan.calibration) {
        notes.push(format!(
            "two builds of the same code differ by {} (one standard deviation)",
            share(between)
        ));
    }
    if !plan.guards.is_empty() {
        let names: Vec<String> = plan.guards.iter().map(|it| it.tail.to_string()).collect();
        notes.push(format!(
            "guarded on the same pairs, and reverted if worse: {}",
            names.join(", ")
        ));
    }
    notes
}

/// Returns the fewest pairs after which a test at that level can keep anything: each of them can at most
/// double the evidence.
pub fn fewest_pairs(alpha: f64) -> u32 {
    whole((1.0 / alpha).log2().ceil())
}

fn null_pairs(plan: &SignPlan) -> u32 {
    let step = plan.delta / plan.sigma;
    whole(((-plan.beta.ln() + OVERSHOOT * step) / (step * step / 2.0)).ceil())
        .max(plan.give_up.least_pairs)
}

/// Follows the expected evidence of an effect of 2δ, with a scale that learns from it.
fn keep_pairs(plan: &SignPlan) -> u32 {
    let n_calibration = f64::from(whole_of(plan.calibration.differences.len()).max(1));
    let effect = 2.0 * plan.delta / plan.sigma;
    let mut ln = [0.0; BETS.len()];
    for n in 1..plan.n_max {
        let i = f64::from(n);
        let sigma = (1.0 + i * effect * effect / (n_calibration + i)).sqrt();
        for (ln, bet) in ln.iter_mut().zip(BETS) {
            *ln += growth(bet, effect / sigma, 1.0 / sigma);
        }
        let mean: f64 = ln.iter().map(|it| it.exp()).sum::<f64>() / f64::from(whole_of(BETS.len()));
        if mean * plan.alpha >= 1.0 {
            return n.max(fewest_pairs(plan.alpha));
        }
    }
    plan.n_max
}

/// Returns the expected growth of one bet's logarithm, for normal differences.
fn growth(bet: f64, mean: f64, sd: f64) -> f64 {
    let (mut sum, mut weights) = (0.0, 0.0);
    for step in -STEPS..=STEPS {
        let at = REACH * f64::from(step) / f64::from(STEPS);
        let weight = (-at * at / 2.0).exp();
        let u = bet * (mean + sd * at);
        sum += weight * (u - (u.abs() + (-2.0 * u.abs()).exp().ln_1p() - LN_2));
        weights += weight;
    }
    sum / weights
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast saturates, and so many pairs are never run"
)]
fn whole(pairs: f64) -> u32 {
    pairs.max(1.0) as u32
}

fn whole_of(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::guard_tail;
    use super::super::sample::{calibration, sign_plan};
    use super::*;
    use crate::model::measurement::TestPlan;
    use crate::model::tail::Tail;

    fn planned(rho: f64, n_max: u32, m: usize) -> Price {
        price(&SignPlan {
            delta: rho * 0.01,
            alpha: 0.0013,
            n_max,
            calibration: calibration(&vec![0.01; m]),
            ..sign_plan()
        })
    }

    #[test]
    fn the_price_is_near_to_what_was_simulated() {
        // The simulated runs of an experiment, most of which have no effect: 16.7, 9.4, 5.9 and 4.4.
        let rows = [
            planned(0.7, 60, 10),
            planned(1.0, 40, 3),
            planned(1.5, 24, 2),
            planned(2.0, 16, 2),
        ];
        assert_eq!(rows.map(|it| it.null_pairs), [9, 5, 3, 2]);
        for row in rows {
            assert!((10..=30).contains(&row.keep_pairs), "{row:?}");
            assert!(row.keep_pairs <= row.n_max);
        }
    }

    #[test]
    fn the_smallest_effect_is_told_in_the_metrics_own_unit() {
        let row = planned(0.7, 60, 10);
        assert!((row.delta - 0.6976).abs() < 1e-3, "of 100 ms: {row:?}");
        assert!((row.delta_share.unwrap() - 0.006_976).abs() < 1e-5);
    }

    #[test]
    fn guards_and_builds_are_part_of_what_is_told() {
        let mut plan = sign_plan();
        assert_eq!(
            plan_notes(&plan),
            ["one standard deviation of a pair is 1.0 %, or 1.5 % but for outliers"]
        );
        plan.calibration = calibration(&[0.05, 0.051, -0.05, -0.051]);
        plan.calibration.builds = vec![2, 2];
        let mut guarded = TestPlan::SignBetting(plan);
        guard_tail(&mut guarded, &[Tail::Failures]);
        let TestPlan::SignBetting(plan) = guarded else {
            panic!("the kernel stays");
        };
        assert_eq!(
            plan_notes(&plan),
            [
                "one standard deviation of a pair is 1.0 %",
                "two builds of the same code differ by 7.4 % (one standard deviation)",
                "guarded on the same pairs, and reverted if worse: failures"
            ]
        );
    }

    #[test]
    fn no_keep_comes_before_evidence_could_double_so_often() {
        assert_eq!([0.5, 0.05, 0.001].map(fewest_pairs), [1, 5, 10]);
    }
}
