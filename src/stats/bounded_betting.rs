//! Kernel B: an e-process for differences in [−1, 1], exact whatever their distribution.
//!
//! I. Waudby-Smith, A. Ramdas, "Estimating means of bounded random variables by betting" (2024).

use super::numeric::{count, log_sum_exp};
use super::sign_betting::BETS;

/// The e-process after some differences, against "the mean is at most −ε".
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BoundedBetting {
    /// The share of the wealth that each bet risks.
    bets: [f64; BETS.len()],
    ln_wealth: [f64; BETS.len()],
}

impl BoundedBetting {
    /// Starts with the margin `epsilon` in [0, 1).
    pub fn new(epsilon: f64) -> Self {
        // A difference is at least −1, so `x = d + ε` is at least −(1 − ε), and no factor reaches 0.
        Self {
            bets: BETS.map(|bet| bet.tanh() / (1.0 - epsilon)),
            ln_wealth: [0.0; BETS.len()],
        }
    }

    /// Bets on one more difference with the margin added: `x = d + ε` for d in [−1, 1].
    pub fn push(&mut self, x: f64) {
        for (ln_wealth, bet) in self.ln_wealth.iter_mut().zip(self.bets) {
            *ln_wealth += (bet * x).ln_1p();
        }
    }

    /// Returns the natural logarithm of the e-value.
    pub fn ln_e(&self) -> f64 {
        log_sum_exp(&self.ln_wealth) - count(BETS.len()).ln()
    }

    /// Returns the most that the logarithm of the e-value can grow by one difference.
    pub fn ln_growth(epsilon: f64) -> f64 {
        let strongest = BETS[BETS.len() - 1];
        (strongest.tanh() * (1.0 + epsilon) / (1.0 - epsilon)).ln_1p()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::reference::{close, numbers, unit};
    use proptest::prelude::*;

    fn ln_e(differences: &[f64], epsilon: f64) -> f64 {
        let mut betting = BoundedBetting::new(epsilon);
        for d in differences {
            betting.push(d + epsilon);
        }
        betting.ln_e()
    }

    #[test]
    fn on_wins_ties_and_losses_it_is_kernel_s_on_the_unit_scale() {
        let case = unit("kernel_S_ternary");
        assert_eq!(case["scale"], 1.0);
        let differences = numbers(&case["d"]);
        for (n, expected) in (1..).zip(case["log_e"].as_array().unwrap()) {
            close(ln_e(&differences[..n], 0.0), expected);
        }
    }

    proptest! {
        #[test]
        fn the_e_value_averages_to_one_at_the_edge_of_the_null(
            n in 1usize..10,
            epsilon in 0.0f64..0.5,
        ) {
            // A fair game: +1 with probability p, −1 otherwise, of mean −ε.
            let p = (1.0 - epsilon) / 2.0;
            let mean: f64 = (0..1usize << n)
                .map(|pattern| {
                    let wins = pattern.count_ones();
                    let signs: Vec<f64> = (0..n)
                        .map(|idx| if pattern >> idx & 1 == 1 { 1.0 } else { -1.0 })
                        .collect();
                    let losses = u32::try_from(n).unwrap() - wins;
                    p.powi(wins.cast_signed()) * (1.0 - p).powi(losses.cast_signed())
                        * ln_e(&signs, epsilon).exp()
                })
                .sum();
            prop_assert!((mean - 1.0).abs() < 1e-9, "{mean}");
        }

        #[test]
        fn no_difference_ruins_it_or_grows_it_faster_than_promised(
            differences in prop::collection::vec(-1.0f64..=1.0, 1..60),
            epsilon in 0.0f64..0.9,
        ) {
            let found = ln_e(&differences, epsilon);
            prop_assert!(found.is_finite());
            prop_assert!(found <= BoundedBetting::ln_growth(epsilon) * count(differences.len()) + 1e-9);
        }
    }
}
