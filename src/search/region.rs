//! How far from the best place to look, learnt from how the search went.
//!
//! D. Eriksson, M. Pearce, J. Gardner, R. Turner, M. Poloczek, "Scalable Global Optimization via Local
//! Bayesian Optimization" (2019): the region grows after successes and shrinks after failures.

/// The side of the region at the start, at most, and at least, as a share of the unit cube's.
const SIDE: f64 = 0.8;
const WIDEST: f64 = 1.6;
const NARROWEST: f64 = 0.007_812_5;
/// Successes in a row that double the side.
const SUCCESSES: u32 = 3;
/// A gain below this share of the best result is none.
const GAIN: f64 = 1e-3;

/// Returns the side of the region after these results, oldest first; lower results are better.
pub(super) fn side(results: &[f64], n_initial: usize, width: usize) -> f64 {
    let patience = u32::try_from(width.max(4)).unwrap_or(u32::MAX);
    let (initial, later) = results.split_at(n_initial.min(results.len()));
    let mut best = initial.iter().copied().fold(f64::INFINITY, f64::min);
    let (mut side, mut successes, mut failures) = (SIDE, 0, 0);
    for result in later {
        if *result < best - GAIN * best.abs() {
            (successes, failures) = (successes + 1, 0);
        } else {
            (successes, failures) = (0, failures + 1);
        }
        best = best.min(*result);
        if successes == SUCCESSES {
            side = (2.0 * side).min(WIDEST);
            successes = 0;
        }
        if failures == patience {
            side /= 2.0;
            failures = 0;
        }
        if side < NARROWEST {
            side = SIDE;
        }
    }
    side
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_by_success_shrinks_by_failure_and_starts_again_when_it_has_vanished() {
        assert!((side(&[5.0, 4.0], 2, 3) - SIDE).abs() < 1e-12);
        assert!(side(&[5.0, 4.0, 3.0, 2.0], 1, 3) > SIDE);
        let mut results = vec![1.0];
        results.extend([2.0; 4]);
        assert!((side(&results, 1, 3) - SIDE / 2.0).abs() < 1e-12);
        results.extend([2.0; 24]);
        assert!((side(&results, 1, 3) - SIDE).abs() < 1e-12);
    }
}
