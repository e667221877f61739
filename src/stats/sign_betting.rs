//! Kernel S: the sign-betting e-process, exact at any stopping time for differences whose sign is a
//! fair coin given their magnitude.

use super::numeric::{count, ln_sign_factor, log_sum_exp};

/// The bets that the mixture spreads over, in units of 1/σ, with equal weights.
///
/// From "bet on the direction only" (4) down to "bet on a small shift" (0.25): no single bet is right for
/// every effect, and the mixture costs at most ln 5 against the best of them.
pub const BETS: [f64; 5] = [0.25, 0.5, 1.0, 2.0, 4.0];

/// The e-process after some differences; one more costs the same however many came before.
///
/// For each bet λ it holds `Σ [λ zᵢ − ln cosh(λ zᵢ)]` with `zᵢ = xᵢ/σᵢ`. Given the magnitudes, each factor
/// `exp(λz)/cosh(λz)` averages to 1 over the two signs, so the mixture is a martingale of mean 1 under the
/// null and exceeds 1/α with probability at most α, whenever one looks.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SignBetting {
    ln_wealth: [f64; BETS.len()],
}

impl SignBetting {
    /// Bets on one more difference, on the scale `sigma` (positive) of that step.
    pub fn push(&mut self, x: f64, sigma: f64) {
        let z = x / sigma;
        for (ln_wealth, bet) in self.ln_wealth.iter_mut().zip(BETS) {
            *ln_wealth += ln_sign_factor(bet * z);
        }
    }

    /// Returns the natural logarithm of the e-value.
    pub fn ln_e(&self) -> f64 {
        log_sum_exp(&self.ln_wealth) - count(BETS.len()).ln()
    }
}

/// The scale of one difference, learning from magnitudes only, so that it never breaks the e-process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RunningScale {
    sum_of_squares: f64,
    n: f64,
    floor: f64,
}

impl RunningScale {
    /// Starts from the calibration's squares; the scale never falls below `floor` (positive).
    pub fn new(sum_of_squares: f64, n_calibration: usize, floor: f64) -> Self {
        Self {
            sum_of_squares,
            n: count(n_calibration),
            floor,
        }
    }

    /// Takes one more difference and returns the scale of its step.
    pub fn push(&mut self, x: f64) -> f64 {
        self.sum_of_squares += x * x;
        self.n += 1.0;
        (self.sum_of_squares / self.n).sqrt().max(self.floor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::reference::{close, numbers, unit};
    use proptest::prelude::*;

    fn path(differences: &[f64], sigma: f64) -> Vec<f64> {
        let mut betting = SignBetting::default();
        differences
            .iter()
            .map(|x| {
                betting.push(*x, sigma);
                betting.ln_e()
            })
            .collect()
    }

    fn running(differences: &[f64], calibration: &[f64], floor: f64) -> f64 {
        let squares = calibration.iter().map(|a| a * a).sum();
        let mut scale = RunningScale::new(squares, calibration.len(), floor);
        let mut betting = SignBetting::default();
        for x in differences {
            betting.push(*x, scale.push(*x));
        }
        betting.ln_e()
    }

    #[test]
    fn the_path_agrees_with_the_reference() {
        for name in ["kernel_S", "kernel_S_ternary"] {
            let case = unit(name);
            let found = path(&numbers(&case["d"]), case["scale"].as_f64().unwrap());
            let expected = case["log_e"].as_array().unwrap();
            assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(expected) {
                close(*found, expected);
            }
        }
    }

    #[test]
    fn a_difference_of_nothing_bets_nothing() {
        assert!(path(&[0.0, 0.0, 0.0], 1.0)[2].abs() < 1e-12);
    }

    #[test]
    fn the_scale_never_falls_below_its_floor() {
        let mut scale = RunningScale::new(0.0, 10, 0.5);
        assert!((scale.push(0.0) - 0.5).abs() < 1e-12);
        assert!(scale.push(100.0) > 0.5);
    }

    /// Returns the mean of the e-value over every assignment of signs to these magnitudes.
    fn mean_over_signs(magnitudes: &[f64], e_value: impl Fn(&[f64]) -> f64) -> f64 {
        let patterns = 1usize << magnitudes.len();
        let total: f64 = (0..patterns)
            .map(|pattern| {
                let signed: Vec<f64> = magnitudes
                    .iter()
                    .enumerate()
                    .map(|(idx, x)| if pattern >> idx & 1 == 1 { -x } else { *x })
                    .collect();
                e_value(&signed)
            })
            .sum();
        total / count(patterns)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn the_e_value_averages_to_one_over_all_signs(
            magnitudes in prop::collection::vec(0.0f64..10.0, 1..=12),
            calibration in prop::collection::vec(-3.0f64..3.0, 1..=10),
        ) {
            let fixed = mean_over_signs(&magnitudes, |signed| {
                path(signed, 1.3).last().unwrap().exp()
            });
            prop_assert!((fixed - 1.0).abs() < 1e-9);
            let learning = mean_over_signs(&magnitudes, |signed| {
                running(signed, &calibration, 0.1).exp()
            });
            prop_assert!((learning - 1.0).abs() < 1e-9);
        }

        #[test]
        fn each_pair_at_most_doubles_the_e_value(
            differences in prop::collection::vec(-1e6f64..1e6, 1..60),
            sigma in 1e-6f64..1e6,
        ) {
            for (idx, ln_e) in path(&differences, sigma).into_iter().enumerate() {
                prop_assert!(ln_e <= count(idx + 1) * std::f64::consts::LN_2 + 1e-9);
            }
        }

        #[test]
        fn units_do_not_matter(
            differences in prop::collection::vec(-5.0f64..5.0, 1..40),
            calibration in prop::collection::vec(-3.0f64..3.0, 1..10),
            unit in 1e-6f64..1e6,
        ) {
            let rescale = |values: &[f64]| values.iter().map(|it| it * unit).collect::<Vec<_>>();
            let plain = running(&differences, &calibration, 0.1);
            let other = running(&rescale(&differences), &rescale(&calibration), 0.1 * unit);
            prop_assert!((plain - other).abs() < 1e-6);
        }

        #[test]
        fn order_does_not_matter_on_a_fixed_scale(
            differences in prop::collection::vec(-5.0f64..5.0, 1..40),
        ) {
            let mut reversed = differences.clone();
            reversed.reverse();
            let forth = *path(&differences, 1.0).last().unwrap();
            let back = *path(&reversed, 1.0).last().unwrap();
            prop_assert!((forth - back).abs() < 1e-9);
        }
    }
}
