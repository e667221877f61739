//! What pairs of the same commit, built twice, show about a metric's noise.

use super::difference::{Orientation, value};
use crate::model::dimension::Direction;
use crate::model::measurement::{Arm, Calibration, Pair, Scale};
use crate::stats::estimate::{mad_sigma, median, root_mean_square};
use crate::stats::rank::sign_test;

/// Fewer differences than these cannot tell a heavy tail from luck.
const N_FOR_TAILS: usize = 5;
/// A standard deviation that exceeds the robust one by this factor has heavy tails.
const HEAVY_TAIL_RATIO: f64 = 2.0;
/// A position effect is reported below this p-value.
const POSITION_LEVEL: f64 = 0.01;

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
    warnings.extend(position_effect(orientation, pairs));
    Calibration {
        differences,
        deterministic: unanimous || (declared_deterministic && identical),
        level: median(&values).unwrap_or(0.0),
        run_seconds: run_seconds(pairs),
        warnings,
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

/// Tests whether the arm that runs first wins or loses more often than a fair coin would.
fn position_effect(orientation: Orientation, pairs: &[Pair]) -> Option<String> {
    let mut second_wins = 0;
    let mut first_wins = 0;
    for pair in pairs {
        let (incumbent, candidate) = (value(&pair.incumbent)?, value(&pair.candidate)?);
        let difference = orientation.values(incumbent, candidate).ok()?;
        let second_better = match pair.first {
            Arm::Incumbent => difference,
            Arm::Candidate => -difference,
        };
        second_wins += u32::from(second_better > 0.0);
        first_wins += u32::from(second_better < 0.0);
    }
    let p = sign_test(second_wins, first_wins);
    (p < POSITION_LEVEL).then(|| {
        let favoured = if second_wins > first_wins {
            "second"
        } else {
            "first"
        };
        format!("position effect: the {favoured} run of a pair is better too often (p = {p:.4})")
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
    use super::super::sample::{failed, pair, pair_of, pairs_of};
    use super::*;
    use crate::model::measurement::Sample;

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
}
