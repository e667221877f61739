//! Kernel B: the betting e-process for differences in [−1, 1], exact for the mean whatever their shape.

use super::numeric::{count, log_sum_exp};
use super::sign_betting::BETS;

/// Halvings of [−1, 1] until an interval's end is found to 1e-9.
const N_HALVINGS: u32 = 31;

/// The e-process of "the mean is at most `m0`" after some differences; one more costs the same however
/// many came before.
///
/// For each bet λ it holds `Π (1 + b (dᵢ − m0))` with `b = tanh λ / (1 + m0)`. No factor is negative,
/// because `d ≥ −1`, and each averages to at most 1 when the mean given the past is at most `m0`; so the
/// mixture exceeds 1/α with probability at most α, whenever one looks. At `m0 = 0` on {−1, 0, 1} it is
/// kernel S on the scale 1. (I. Waudby-Smith, A. Ramdas, "Estimating means of bounded random variables by
/// betting", 2024.)
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BoundedBetting {
    m0: f64,
    /// Each b.
    stakes: [f64; BETS.len()],
    ln_wealth: [f64; BETS.len()],
}

impl BoundedBetting {
    /// Starts a test of "the mean is at most `m0`", which lies in (−1, 1).
    pub fn new(m0: f64) -> Self {
        Self {
            m0,
            stakes: BETS.map(|bet| bet.tanh() / (1.0 + m0)),
            ln_wealth: [0.0; BETS.len()],
        }
    }

    /// Bets on one more difference in [−1, 1].
    pub fn push(&mut self, d: f64) {
        self.push_all(d, 1.0);
    }

    /// Bets on so many equal differences.
    fn push_all(&mut self, d: f64, times: f64) {
        let x = d - self.m0;
        for (ln_wealth, stake) in self.ln_wealth.iter_mut().zip(self.stakes) {
            *ln_wealth += times * (stake * x).ln_1p();
        }
    }

    /// Returns the natural logarithm of the e-value.
    pub fn ln_e(&self) -> f64 {
        log_sum_exp(&self.ln_wealth) - count(BETS.len()).ln()
    }

    /// Returns the most that one difference can add to the e-value's logarithm.
    pub fn most_per_step(&self) -> f64 {
        let largest = self.stakes[BETS.len() - 1];
        (largest * (1.0 - self.m0)).ln_1p()
    }
}

/// Returns the 1 − `alpha` interval for the mean, which holds at all looks together: the values that
/// neither a bet on more nor a bet on less has ruled out.
pub fn interval(differences: &[f64], alpha: f64) -> (f64, f64) {
    let counted = counted(differences);
    let mirrored: Vec<(f64, f64)> = counted.iter().map(|(d, times)| (-d, *times)).collect();
    (
        lower_limit(&counted, alpha / 2.0),
        -lower_limit(&mirrored, alpha / 2.0),
    )
}

/// Returns each value once, with how often it is there: scores have few different ones.
fn counted(differences: &[f64]) -> Vec<(f64, f64)> {
    let mut sorted = differences.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
        .chunk_by(|a, b| a.total_cmp(b).is_eq())
        .map(|equal| (equal[0], count(equal.len())))
        .collect()
}

/// Returns the largest `m` for which "the mean is at most m" is ruled out. The e-value falls as `m` grows.
fn lower_limit(counted: &[(f64, f64)], alpha: f64) -> f64 {
    let (mut low, mut high) = (-1.0, 1.0);
    for _ in 0..N_HALVINGS {
        let m0 = f64::midpoint(low, high);
        let mut betting = BoundedBetting::new(m0);
        for (d, times) in counted {
            betting.push_all(*d, *times);
        }
        if betting.ln_e() >= -alpha.ln() {
            low = m0;
        } else {
            high = m0;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::reference::{close, numbers, unit};
    use crate::stats::sign_betting::SignBetting;
    use proptest::prelude::*;

    fn ln_e(differences: &[f64], m0: f64) -> f64 {
        let mut betting = BoundedBetting::new(m0);
        for d in differences {
            betting.push(*d);
        }
        betting.ln_e()
    }

    /// Returns the mean e-value over all sequences of `n` draws from equally likely values.
    fn mean_over_sequences(values: &[f64], n: u32, m0: f64) -> f64 {
        let total: f64 = (0..values.len().pow(n))
            .map(|mut code| {
                let mut sequence = Vec::new();
                for _ in 0..n {
                    sequence.push(values[code % values.len()]);
                    code /= values.len();
                }
                ln_e(&sequence, m0).exp()
            })
            .sum();
        total / count(values.len().pow(n))
    }

    #[test]
    fn without_a_margin_wins_and_losses_agree_with_the_reference() {
        let case = unit("kernel_S_ternary");
        let mut betting = BoundedBetting::new(0.0);
        let expected = case["log_e"].as_array().unwrap();
        for (d, expected) in numbers(&case["d"]).into_iter().zip(expected) {
            betting.push(d);
            close(betting.ln_e(), expected);
        }
    }

    #[test]
    fn a_shape_at_the_edge_of_the_null_averages_to_one() {
        let at_edge = mean_over_sequences(&[-1.0, 0.0, 0.0, 0.6], 6, -0.1);
        assert!((at_edge - 1.0).abs() < 1e-9, "{at_edge}");
        let below = mean_over_sequences(&[-1.0, -0.2, 0.0, 0.6], 6, -0.1);
        assert!(below < 1.0, "{below}");
    }

    #[test]
    fn the_interval_holds_the_mean_and_shrinks() {
        let few = interval(&[1.0, 0.0, 0.0, -1.0, 0.0, 1.0], 0.05);
        assert!(few.0 < 0.1 && few.1 > 0.4, "{few:?}");
        let many: Vec<f64> = [1.0, 0.0, 0.0, 0.0].repeat(50);
        let (low, high) = interval(&many, 0.05);
        assert!(low > 0.1 && low < 0.25 && high > 0.25 && high < 0.45);
        assert_eq!(
            interval(&[], 0.05).0.total_cmp(&-1.0),
            std::cmp::Ordering::Equal
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn without_a_margin_wins_and_losses_are_kernel_s(
            differences in prop::collection::vec(prop_oneof![Just(-1.0), Just(0.0), Just(1.0)], 0..60),
        ) {
            let mut signs = SignBetting::default();
            for d in &differences {
                signs.push(*d, 1.0);
            }
            prop_assert!((ln_e(&differences, 0.0) - signs.ln_e()).abs() < 1e-9);
        }

        #[test]
        fn the_e_value_averages_to_one_over_all_signs(
            magnitudes in prop::collection::vec(0.0f64..=1.0, 1..=12),
        ) {
            let patterns = 1usize << magnitudes.len();
            let total: f64 = (0..patterns)
                .map(|pattern| {
                    let signed: Vec<f64> = magnitudes
                        .iter()
                        .enumerate()
                        .map(|(idx, d)| if pattern >> idx & 1 == 1 { -d } else { *d })
                        .collect();
                    ln_e(&signed, 0.0).exp()
                })
                .sum();
            prop_assert!((total / count(patterns) - 1.0).abs() < 1e-9);
        }

        #[test]
        fn no_step_adds_more_than_it_can(
            differences in prop::collection::vec(-1.0f64..=1.0, 1..60),
            epsilon in 0.0f64..0.5,
        ) {
            let mut betting = BoundedBetting::new(-epsilon);
            for (idx, d) in differences.iter().enumerate() {
                betting.push(*d);
                let most = betting.most_per_step() * count(idx + 1);
                prop_assert!(betting.ln_e() <= most + 1e-9);
            }
            if epsilon <= 0.0 {
                prop_assert!(betting.most_per_step() <= std::f64::consts::LN_2);
            }
        }
    }
}
