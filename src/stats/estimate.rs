//! Location, spread and the noise floor of a handful of numbers.

use super::numeric::count;

/// Scales the median absolute deviation to the standard deviation of Gaussian noise.
const GAUSSIAN_MAD: f64 = 1.4826;

/// Returns the median; `None` of nothing.
pub fn median(values: &[f64]) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    Some(if sorted.len() % 2 == 1 {
        sorted[middle]
    } else {
        f64::midpoint(sorted[middle - 1], sorted[middle])
    })
}

/// Returns 1.4826 times the median absolute deviation, a spread that outliers do not move.
pub fn mad_sigma(values: &[f64]) -> Option<f64> {
    let center = median(values)?;
    let deviations: Vec<f64> = values.iter().map(|value| (value - center).abs()).collect();
    median(&deviations).map(|mad| GAUSSIAN_MAD * mad)
}

/// Returns the arithmetic mean; `None` of nothing.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / count(values.len()))
}

/// Returns `Σ values²`.
pub fn sum_of_squares(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum()
}

/// Returns the root mean square: the standard deviation of differences whose mean is known to be 0.
pub fn root_mean_square(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| (sum_of_squares(values) / count(values.len())).sqrt())
}

/// Returns the smallest magnitude that is not 0: how coarse the numbers are.
pub fn smallest_step(values: &[f64]) -> Option<f64> {
    values
        .iter()
        .map(|value| value.abs())
        .filter(|magnitude| *magnitude > 0.0)
        .min_by(f64::total_cmp)
}

/// Returns the standard deviation of the means of consecutive groups beyond what the spread within them
/// explains, 0 at least; `None` of fewer than two groups, or where no group has a spread.
pub fn between_groups(values: &[f64], sizes: &[u32]) -> Option<f64> {
    let mut rest = values;
    let (mut means, mut within) = (RunningMean::default(), RunningMean::default());
    let (mut residual, mut degrees) = (0.0, 0.0);
    for &size in sizes {
        let (group, others) = rest.split_at_checked(usize::try_from(size).ok()?)?;
        rest = others;
        let mut inside = RunningMean::default();
        for it in group {
            inside.push(*it);
        }
        means.push(inside.mean());
        within.push(1.0 / f64::from(size.max(1)));
        residual += inside.residual();
        degrees += f64::from(inside.n().saturating_sub(1));
    }
    if means.n() < 2 || degrees <= 0.0 {
        return None;
    }
    let found = means.residual() / f64::from(means.n() - 1);
    let expected = residual / degrees * within.mean();
    Some((found - expected).max(0.0).sqrt())
}

/// Returns the rate of flaky runs that `n_rep` agreeing replicates exclude at 95 %.
pub fn flake_bound(n_rep: u32) -> f64 {
    1.0 - 0.05f64.powf(1.0 / f64::from(n_rep.max(1)))
}

/// The mean and the squared deviations of a growing sample (Welford's recurrence).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RunningMean {
    n: u32,
    mean: f64,
    residual: f64,
}

impl RunningMean {
    /// Takes one more value.
    pub fn push(&mut self, value: f64) {
        self.n += 1;
        let before = value - self.mean;
        self.mean += before / f64::from(self.n);
        self.residual += before * (value - self.mean);
    }

    /// Returns how many values were taken.
    pub fn n(&self) -> u32 {
        self.n
    }

    /// Returns their mean; 0 of none.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// Returns `Σ (value − mean)²`.
    pub fn residual(&self) -> f64 {
        self.residual
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::reference::{close, numbers, unit};
    use proptest::prelude::*;

    #[test]
    fn groups_that_differ_by_more_than_their_spread_say_so() {
        let apart = between_groups(&[1.0, 1.2, 3.0, 3.2], &[2, 2]).unwrap();
        assert!((apart - (2.0f64 - 0.01).sqrt()).abs() < 1e-12, "{apart}");
        let alike = between_groups(&[1.0, 3.0, 1.1, 3.1], &[2, 2]);
        assert_eq!(alike, Some(0.0));
        assert_eq!(between_groups(&[1.0, 3.0], &[1, 1]), None);
        assert_eq!(between_groups(&[1.0, 3.0, 2.0], &[3]), None);
        assert_eq!(between_groups(&[1.0, 3.0], &[2, 2]), None);
    }

    #[test]
    fn the_noise_floor_agrees_with_the_reference() {
        let case = unit("noise_floor");
        let differences = numbers(&case["aa"]);
        close(root_mean_square(&differences).unwrap(), &case["rms"]);
        close(mad_sigma(&differences).unwrap(), &case["mad_sigma"]);
        close(sum_of_squares(&differences), &case["ss"]);
    }

    #[test]
    fn the_median_of_an_even_count_lies_between() {
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), Some(2.5));
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn one_outlier_does_not_move_the_robust_spread() {
        let calm = mad_sigma(&[1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
        let wild = mad_sigma(&[1.0, 2.0, 3.0, 4.0, 5000.0]).unwrap();
        assert!((calm - wild).abs() < 1e-12);
    }

    #[test]
    fn zeros_have_no_step() {
        assert_eq!(smallest_step(&[0.0, -0.5, 2.0]), Some(0.5));
        assert_eq!(smallest_step(&[0.0, 0.0]), None);
    }

    #[test]
    fn agreeing_replicates_tighten_the_flake_bound() {
        assert!((flake_bound(1) - 0.95).abs() < 1e-12);
        assert!((flake_bound(59) - 0.0495).abs() < 1e-3);
        assert!(flake_bound(0) <= 0.95 + 1e-12);
    }

    proptest! {
        #[test]
        fn the_running_mean_agrees_with_the_whole(
            values in prop::collection::vec(-1e3f64..1e3, 1..40),
        ) {
            let mut running = RunningMean::default();
            for value in &values {
                running.push(*value);
            }
            let center = mean(&values).unwrap();
            let residual: f64 = values.iter().map(|it| (it - center).powi(2)).sum();
            prop_assert!((running.mean() - center).abs() < 1e-9);
            prop_assert!((running.residual() - residual).abs() < 1e-6 * (1.0 + residual));
        }
    }
}
