//! The Ladder: how a hidden set of instances may be asked again and again without wearing out at once.
//!
//! A. Blum, M. Hardt, "The Ladder: a reliable leaderboard for machine learning competitions" (2015), the
//! form without parameters. An answer is "better" only when it is so by more than the noise of the
//! comparison, so that a stream of candidates learns little about the instances from the answers.

use super::numeric::count;

/// A set is retired when it was asked once for every so many of its instances.
const INSTANCES_PER_QUERY: usize = 10;
/// A visible gain that exceeds the hidden one by more standard errors than this was fitted to the instances.
const FITTED: f64 = 2.0;

/// One question to the hidden set and its answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Whether the candidate takes the incumbent's place.
    pub accepted: bool,
    /// How much smaller the candidate's mean loss is.
    pub gain: f64,
    /// What the gain had to exceed: one standard error of it.
    pub needed: f64,
}

/// Compares losses of the same instances, in the same order; fewer than two say nothing, and accept
/// nothing.
pub fn step(incumbent: &[f64], candidate: &[f64]) -> Step {
    let gains: Vec<f64> = incumbent
        .iter()
        .zip(candidate)
        .map(|(before, after)| before - after)
        .collect();
    let (gain, needed) = mean_and_error(&gains);
    Step {
        accepted: gain > needed,
        gain,
        needed,
    }
}

/// Returns whether a set of `n` instances was asked so often that its answers no longer count.
pub fn is_worn_out(n_queries: usize, n: usize) -> bool {
    n_queries >= (n / INSTANCES_PER_QUERY).max(1)
}

/// Returns whether the gains on visible instances exceed those on hidden ones by more than chance: the
/// changes were fitted to what could be seen, and the hidden set is to be replaced.
pub fn is_fitted(visible: &[f64], hidden: &[f64]) -> bool {
    let (seen, seen_error) = mean_and_error(visible);
    let (true_gain, error) = mean_and_error(hidden);
    seen - true_gain > FITTED * seen_error.hypot(error)
}

/// Returns the mean and its standard error, which is infinite for fewer than two values.
fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let n = count(values.len());
    if values.len() < 2 {
        return (values.first().copied().unwrap_or(0.0), f64::INFINITY);
    }
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|it| (it - mean).powi(2)).sum();
    (mean, (squares / (n - 1.0) / n).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::reference::{close, numbers, unit};

    #[test]
    fn the_steps_agree_with_the_reference() {
        let case = unit("ladder_free");
        let losses: Vec<Vec<f64>> = case["losses"]
            .as_array()
            .unwrap()
            .iter()
            .map(numbers)
            .collect();
        let mut best = losses[0].clone();
        let expected = case["out"].as_array().unwrap();
        for (candidate, expected) in losses.iter().zip(expected).skip(1) {
            let step = step(&best, candidate);
            assert_eq!(step.accepted, expected[1].as_bool().unwrap());
            if step.accepted {
                best.clone_from(candidate);
            }
            close(best.iter().sum::<f64>() / count(best.len()), &expected[0]);
        }
    }

    #[test]
    fn the_same_losses_and_too_few_are_no_gain() {
        assert!(!step(&[1.0, 0.0, 1.0], &[1.0, 0.0, 1.0]).accepted);
        assert!(!step(&[1.0], &[0.0]).accepted);
        assert!(!step(&[], &[]).accepted);
        assert!(!step(&[1.0, f64::NAN], &[0.0, 0.0]).accepted);
    }

    #[test]
    fn a_set_wears_out_with_its_queries() {
        assert!(!is_worn_out(19, 200));
        assert!(is_worn_out(20, 200));
        assert!(is_worn_out(1, 5));
    }

    #[test]
    fn a_gain_that_only_visible_instances_show_was_fitted() {
        let solved = |n: usize, of: usize| -> Vec<f64> {
            (0..of).map(|it| if it < n { 1.0 } else { 0.0 }).collect()
        };
        assert!(is_fitted(&solved(30, 200), &solved(0, 200)));
        assert!(!is_fitted(&solved(30, 200), &solved(26, 200)));
        assert!(!is_fitted(&solved(30, 200), &[]));
    }
}
