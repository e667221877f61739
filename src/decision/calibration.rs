//! What pairs of the same commit, built twice, show about a metric's noise.

use std::f64::consts::LN_2;

use super::difference::{Orientation, value};
use super::guard;
use super::planning::least_effect;
use super::position::Positions;
use super::sequential;
use crate::model::dimension::Direction;
use crate::model::measurement::{Calibration, Evidence, Pair, Pooled, Scale, TestPlan};
use crate::stats::estimate::{mad_sigma, median, root_mean_square};

/// Fewer differences than these cannot tell a heavy tail from luck.
pub(super) const N_FOR_TAILS: usize = 5;
/// A standard deviation that exceeds the robust one by this factor has heavy tails.
const HEAVY_TAIL_RATIO: f64 = 2.0;
/// What is longer past than so many pairs counts for less.
const MOST_DEGREES: f64 = 200.0;

/// Judges finished A/A pairs: both arms hold separately built trees of one commit.
///
/// A metric is deterministic when every run gave the same number, or when it is declared so and nothing
/// contradicts that.
pub fn calibrate(
    direction: Direction,
    scale: Scale,
    declared_deterministic: bool,
    pairs: &[Pair],
) -> Calibration {
    let orientation = Orientation { direction, scale };
    let values = all_values(pairs);
    let n_failed = 2 * pairs.len() - values.len();
    let identical = all_identical(&values);
    let unanimous = identical && n_failed == 0 && !values.is_empty();
    let mut warnings = Vec::new();
    let differences = differences(orientation, pairs, &mut warnings);
    if n_failed > 0 {
        warnings.push(format!(
            "{n_failed} of {} calibration runs gave no value",
            2 * pairs.len()
        ));
    }
    if declared_deterministic && !identical {
        warnings.push(
            "declared deterministic, but runs of the same commit differ: tested as noisy"
                .to_owned(),
        );
    }
    warnings.extend(heavy_tails(&differences));
    let mut positions = Positions::default();
    positions.add(direction, scale, pairs);
    warnings.extend(positions.warning());
    let level = median(&values).unwrap_or(0.0);
    let run_seconds = run_seconds(pairs);
    warnings.extend(too_noisy(&differences, scale, level, run_seconds));
    Calibration {
        differences,
        deterministic: unanimous || (declared_deterministic && identical),
        level,
        run_seconds,
        warnings,
        pooled: Pooled::default(),
        builds: Vec::new(),
        tails: guard::tails(direction, pairs),
    }
}

/// Adds what one more experiment showed about the noise, around its own mean.
pub fn pool(calibration: &mut Calibration, evidence: &Evidence) {
    let TestPlan::SignBetting(plan) = &evidence.plan else {
        return;
    };
    let (residual, n) = sequential::run(plan, &evidence.pairs).0.residual();
    let pooled = &mut calibration.pooled;
    pooled.sum_of_squares += residual;
    pooled.degrees += f64::from(n.saturating_sub(1));
    if pooled.degrees > MOST_DEGREES {
        pooled.sum_of_squares *= MOST_DEGREES / pooled.degrees;
        pooled.degrees = MOST_DEGREES;
    }
}

fn all_values(pairs: &[Pair]) -> Vec<f64> {
    pairs
        .iter()
        .flat_map(|pair| [value(&pair.incumbent), value(&pair.candidate)])
        .flatten()
        .collect()
}

/// Returns whether no two values differ in any bit.
pub(super) fn all_identical(values: &[f64]) -> bool {
    values
        .windows(2)
        .all(|two| two[0].to_bits() == two[1].to_bits())
}

/// Returns the differences of the complete pairs; none at all when the scale does not fit the values.
fn differences(orientation: Orientation, pairs: &[Pair], warnings: &mut Vec<String>) -> Vec<f64> {
    let found: Result<Vec<f64>, _> = pairs
        .iter()
        .filter_map(|pair| Some((value(&pair.incumbent)?, value(&pair.candidate)?)))
        .map(|(incumbent, candidate)| orientation.values(incumbent, candidate))
        .collect();
    found.unwrap_or_else(|unfit| {
        warnings.push(unfit.to_string());
        Vec::new()
    })
}

fn heavy_tails(differences: &[f64]) -> Option<String> {
    if differences.len() < N_FOR_TAILS {
        return None;
    }
    let sigma = root_mean_square(differences)?;
    let robust = mad_sigma(differences)?;
    (sigma > HEAVY_TAIL_RATIO * robust).then(|| {
        format!("heavy tails: standard deviation {sigma:.3e}, robust estimate {robust:.3e}")
    })
}

/// Tells when the noise hides all but enormous effects.
fn too_noisy(differences: &[f64], scale: Scale, level: f64, run_seconds: f64) -> Option<String> {
    let least = least_effect(root_mean_square(differences)?, run_seconds);
    let hidden = match scale {
        Scale::LogRatio => least >= LN_2,
        Scale::Difference => least >= level.abs() && level.abs() > 0.0,
    };
    hidden.then(|| {
        let size = match scale {
            Scale::LogRatio => format!("a factor of {:.1}", least.exp()),
            Scale::Difference => format!("{least:.3e} around {level:.3e}"),
        };
        format!("so noisy that effects below {size} cannot be seen; let one run do more work")
    })
}

fn run_seconds(pairs: &[Pair]) -> f64 {
    let seconds: Vec<f64> = pairs
        .iter()
        .flat_map(|pair| [pair.incumbent.seconds, pair.candidate.seconds])
        .collect();
    median(&seconds).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::super::sample::{evidence, failed, pair, pair_of, pairs_of, sign_plan};
    use super::*;
    use crate::model::measurement::{Arm, Sample};

    fn timing(pairs: &[Pair]) -> Calibration {
        calibrate(Direction::Minimize, Scale::LogRatio, false, pairs)
    }

    #[test]
    fn identical_runs_make_a_metric_deterministic() {
        let calibration = timing(&pairs_of(&[(42.0, 42.0), (42.0, 42.0)]));
        assert!(calibration.deterministic);
        assert!(calibration.warnings.is_empty());
        assert!((calibration.level - 42.0).abs() < 1e-12);
    }

    #[test]
    fn equal_arms_on_different_levels_are_not_deterministic() {
        assert!(!timing(&pairs_of(&[(42.0, 42.0), (43.0, 43.0)])).deterministic);
    }

    #[test]
    fn a_declaration_is_believed_until_a_run_contradicts_it() {
        let declared =
            |pairs: &[Pair]| calibrate(Direction::Maximize, Scale::Difference, true, pairs);
        assert!(declared(&[]).deterministic);
        assert!(declared(&pairs_of(&[(3.0, 3.0)])).deterministic);
        let demoted = declared(&pairs_of(&[(3.0, 4.0)]));
        assert!(!demoted.deterministic);
        assert!(demoted.warnings[0].starts_with("declared deterministic, but"));
    }

    #[test]
    fn a_failed_run_is_told_and_is_not_deterministic() {
        let broken = pair(Sample::Value { value: 1.0 }, failed("exit status 1"));
        let calibration = timing(&[pair_of(1.0, 1.0), broken]);
        assert!(!calibration.deterministic);
        assert_eq!(calibration.differences.len(), 1);
        assert_eq!(
            calibration.warnings,
            ["1 of 4 calibration runs gave no value"]
        );
    }

    #[test]
    fn zero_refuses_ratios_and_says_so() {
        let calibration = timing(&pairs_of(&[(0.0, 1.0), (2.0, 1.0)]));
        assert!(calibration.differences.is_empty());
        assert!(calibration.warnings[0].contains("zero or negative"));
    }

    #[test]
    fn a_rare_large_difference_warns_of_heavy_tails() {
        let mut values: Vec<(f64, f64)> = (0..9)
            .map(|idx| (100.0, 100.0 + f64::from(idx % 3) * 0.1))
            .collect();
        assert!(timing(&pairs_of(&values)).warnings.is_empty());
        values.push((100.0, 170.0));
        assert!(timing(&pairs_of(&values)).warnings[0].starts_with("heavy tails"));
    }

    #[test]
    fn two_differences_are_too_few_to_speak_of_tails() {
        let calibration = timing(&pairs_of(&[(100.0, 101.0), (100.0, 101.001)]));
        assert!(calibration.warnings.is_empty());
    }

    #[test]
    fn an_advantage_of_the_second_run_is_noticed_whichever_arm_it_is() {
        let pairs: Vec<Pair> = (0..10)
            .map(|idx| {
                let incumbent_first = idx % 2 == 0;
                let step = 1.0 + f64::from(idx) * 0.1;
                let mut pair = if incumbent_first {
                    pair_of(100.0 + step, 100.0)
                } else {
                    pair_of(100.0, 100.0 + step)
                };
                if !incumbent_first {
                    pair.first = Arm::Candidate;
                }
                pair
            })
            .collect();
        let warnings = timing(&pairs).warnings;
        assert!(
            warnings.iter().any(|it| it.contains("the second run")),
            "{warnings:?}"
        );
    }

    #[test]
    fn noise_that_hides_everything_is_told() {
        let wild = timing(&pairs_of(&[(1.0, 9.0), (20.0, 2.0), (3.0, 40.0)]));
        let told = |warnings: &[String]| warnings.iter().any(|it| it.starts_with("so noisy that"));
        assert!(told(&wild.warnings), "{:?}", wild.warnings);
        assert!(!told(
            &timing(&pairs_of(&[(1.0, 1.3), (1.4, 1.1)])).warnings
        ));
    }

    #[test]
    fn experiments_add_to_what_is_known_about_the_noise() {
        let mut calibration = timing(&pairs_of(&[(100.0, 101.0), (100.0, 99.0)]));
        let plan = TestPlan::SignBetting(sign_plan());
        let pairs = pairs_of(&[(100.0, 99.0), (100.0, 97.0), (100.0, 99.0), (100.0, 97.0)]);
        let seen = evidence(plan, pairs);
        pool(&mut calibration, &seen);
        let once = calibration.pooled;
        assert!((once.degrees - 3.0).abs() < 1e-12);
        let around_the_mean = (once.sum_of_squares / once.degrees).sqrt();
        assert!((around_the_mean - 0.0119).abs() < 1e-3, "{around_the_mean}");
        for _ in 0..200 {
            pool(&mut calibration, &seen);
        }
        let many = calibration.pooled;
        assert!((many.degrees - 200.0).abs() < 1e-9);
        assert!((many.sum_of_squares / many.degrees / around_the_mean.powi(2) - 1.0).abs() < 1e-9);
    }
}
