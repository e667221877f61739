//! What a number of experiments shows together: a share or a mean, with the interval that holds it.
//!
//! These intervals are for one look at a closed record, not for a test that goes on.

use statrs::distribution::{Beta, ContinuousCDF as _, StudentsT};

/// Returns the interval of a share that was `k` of `n` (Jeffreys' prior), at that error; everything
/// between 0 and 1 without any trial.
///
/// L. D. Brown and others, "Interval estimation for a binomial proportion" (2001): the ends are 0 where
/// nothing happened, and 1 where everything did.
pub fn share_interval(k: u64, n: u64, error: f64) -> (f64, f64) {
    let (hits, misses) = (number(k.min(n)), number(n.saturating_sub(k)));
    let Some(beta) = Beta::new(hits + 0.5, misses + 0.5).ok().filter(|_| n > 0) else {
        return (0.0, 1.0);
    };
    let low = if k == 0 {
        0.0
    } else {
        beta.inverse_cdf(error / 2.0)
    };
    let high = if k >= n {
        1.0
    } else {
        beta.inverse_cdf(1.0 - error / 2.0)
    };
    (low, high)
}

/// Returns half the width of the interval of a mean of `n` values with that standard deviation (Student's
/// t), at that error; `None` for fewer than two.
pub fn mean_half_width(n: u64, deviation: f64, error: f64) -> Option<f64> {
    if n < 2 || !deviation.is_finite() {
        return None;
    }
    let n = number(n);
    let student = StudentsT::new(0.0, 1.0, n - 1.0).ok()?;
    Some(student.inverse_cdf(1.0 - error / 2.0) * deviation / n.sqrt())
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of experiments are far below 2^52"
)]
fn number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::reference::{numbers, unit};

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
    }

    #[test]
    fn quantiles_of_beta_agree_with_the_reference() {
        for case in unit("beta_quantiles").as_array().unwrap() {
            let of = |name: &str| case[name].as_f64().unwrap();
            let beta = Beta::new(of("a"), of("b")).unwrap();
            for (share, expected) in [0.05, 0.5, 0.95].iter().zip(numbers(&case["q"])) {
                close(beta.inverse_cdf(*share), expected);
            }
        }
    }

    #[test]
    fn shares_agree_with_the_integral_of_the_density() {
        // Quantiles of Beta(3.5, 17.5), by Simpson's rule and bisection.
        let (low, high) = share_interval(3, 20, 0.05);
        close(low, 0.044_131_342);
        close(high, 0.348_577_711);
        assert_eq!(share_interval(0, 0, 0.05), (0.0, 1.0));
        assert_eq!(share_interval(0, 9, 0.05).0.to_bits(), 0.0f64.to_bits());
        assert_eq!(share_interval(9, 9, 0.05).1.to_bits(), 1.0f64.to_bits());
    }

    #[test]
    fn means_have_students_interval() {
        // `qt(.975, 9) / sqrt(10)` in R.
        close(mean_half_width(10, 1.0, 0.05).unwrap(), 0.715_356_9);
        assert_eq!(mean_half_width(1, 1.0, 0.05), None);
    }
}
