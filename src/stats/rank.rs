//! Tests on signs alone.

use super::numeric::log_sum_exp;

/// Returns the exact one-sided p-value of seeing at least `plus` heads among `plus + minus` fair coins.
pub fn sign_test_one_sided(plus: u32, minus: u32) -> f64 {
    let n = plus + minus;
    let tail: Vec<f64> = (plus..=n).map(|heads| ln_choose(n, heads)).collect();
    (log_sum_exp(&tail) - f64::from(n) * std::f64::consts::LN_2)
        .exp()
        .min(1.0)
}

/// Returns the exact two-sided p-value of an imbalance at least that large among fair coins.
pub fn sign_test(plus: u32, minus: u32) -> f64 {
    (2.0 * sign_test_one_sided(plus.max(minus), plus.min(minus))).min(1.0)
}

fn ln_choose(n: u32, k: u32) -> f64 {
    use statrs::function::factorial::ln_binomial;
    ln_binomial(u64::from(n), u64::from(k))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::reference::{close, unit};

    #[test]
    fn the_one_sided_test_agrees_with_the_reference() {
        for case in unit("mcnemar_exact_one_sided").as_array().unwrap() {
            let side = |name: &str| u32::try_from(case[name].as_u64().unwrap()).unwrap();
            close(sign_test_one_sided(side("plus"), side("minus")), &case["p"]);
        }
    }

    #[test]
    fn balance_and_emptiness_are_no_evidence() {
        assert!((sign_test(5, 5) - 1.0).abs() < 1e-12);
        assert!((sign_test(0, 0) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn ten_of_ten_heads_are_strong_evidence() {
        assert!((sign_test(10, 0) - 2.0 / 1024.0).abs() < 1e-12);
        assert!((sign_test(0, 10) - 2.0 / 1024.0).abs() < 1e-12);
    }
}
