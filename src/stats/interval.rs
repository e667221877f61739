//! An interval for a mean that stays valid however often one looks (Lai 1976; Wang & Ramdas 2023).

/// The weight of the prior on the effect, in units of the noise's variance.
const G: f64 = 1.0;

/// Returns half the width of the 1 − `alpha` interval around the mean of `n` differences.
///
/// `sum_of_squares` is the calibration's, of `n_calibration` differences whose mean is 0; `residual` is the
/// `n` differences' own `Σ (d − d̄)²`. Infinite while there are too few pairs to say anything.
pub fn half_width(
    n: u32,
    residual: f64,
    sum_of_squares: f64,
    n_calibration: usize,
    alpha: f64,
) -> f64 {
    let n = f64::from(n);
    let degrees = super::numeric::count(n_calibration) + n;
    let growth = 1.0 + G * n;
    let c = (growth / (alpha * alpha)).powf(1.0 / degrees);
    let bracket = n * (1.0 - c / growth);
    if bracket > 0.0 {
        ((sum_of_squares + residual) * (c - 1.0) / bracket).sqrt()
    } else {
        f64::INFINITY
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::estimate::RunningMean;
    use crate::stats::reference::{close, numbers, unit};

    #[test]
    fn the_interval_agrees_with_the_reference() {
        let case = unit("t_cs");
        let mut running = RunningMean::default();
        for (idx, d) in numbers(&case["d"]).into_iter().enumerate() {
            running.push(d);
            close(running.mean(), &case["mean"][idx]);
            let half = half_width(running.n(), running.residual(), 18.0, 10, 0.05);
            close(half, &case["half_width"][idx]);
        }
    }

    #[test]
    fn too_few_pairs_say_nothing() {
        assert!(half_width(0, 0.0, 1.0, 2, 0.05).is_infinite());
        assert!(half_width(1, 0.0, 1.0, 2, 0.05).is_infinite());
    }
}
