//! Logarithms that neither overflow nor cancel.

use std::f64::consts::LN_2;

/// Returns `ln cosh u`, for any finite `u`.
///
/// Written as `|u| + ln(1 + e^{−2|u|}) − ln 2`, because `cosh` itself overflows beyond 710.
pub fn ln_cosh(u: f64) -> f64 {
    let magnitude = u.abs();
    magnitude + (-2.0 * magnitude).exp().ln_1p() - LN_2
}

/// Returns `u − ln cosh u`, which is at most ln 2, without cancelling two large numbers.
pub fn ln_sign_factor(u: f64) -> f64 {
    let lost = 2.0 * u.min(0.0);
    LN_2 + lost - (-2.0 * u.abs()).exp().ln_1p()
}

/// Returns `ln Σ exp(terms)`; minus infinity of nothing.
pub fn log_sum_exp(terms: &[f64]) -> f64 {
    let largest = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if largest == f64::NEG_INFINITY {
        return largest;
    }
    let sum: f64 = terms.iter().map(|term| (term - largest).exp()).sum();
    largest + sum.ln()
}

/// Returns a count as a number; exact for every count that fits in memory.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of samples are far below 2^53"
)]
pub fn count(n: usize) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ln_cosh_survives_arguments_whose_cosh_overflows() {
        assert!((ln_cosh(1e6) - (1e6 - LN_2)).abs() < 1e-9);
        assert!(ln_cosh(0.0).abs() < 1e-15);
    }

    #[test]
    fn the_sum_of_nothing_is_nothing() {
        assert!(log_sum_exp(&[]).exp() <= 0.0);
        assert!(log_sum_exp(&[f64::NEG_INFINITY]).exp() <= 0.0);
    }

    #[test]
    fn a_sure_sign_doubles_and_no_more() {
        assert!((ln_sign_factor(1e15) - LN_2).abs() < 1e-15);
        assert!((ln_sign_factor(-1e15) + 2e15).abs() < 1.0);
    }

    proptest! {
        #[test]
        fn the_sign_factor_agrees_with_the_definition(u in -300.0f64..300.0) {
            prop_assert!((ln_sign_factor(u) - (u - ln_cosh(u))).abs() < 1e-9);
        }

        #[test]
        fn ln_cosh_agrees_with_the_definition(u in -300.0f64..300.0) {
            prop_assert!((ln_cosh(u) - u.cosh().ln()).abs() < 1e-9);
        }

        #[test]
        fn log_sum_exp_agrees_with_the_definition(
            terms in prop::collection::vec(-20.0f64..20.0, 1..8),
        ) {
            let plain: f64 = terms.iter().map(|term| term.exp()).sum();
            prop_assert!((log_sum_exp(&terms) - plain.ln()).abs() < 1e-9);
        }
    }
}
