//! How a pair of runs becomes one number, oriented so that positive is better for the candidate.

use crate::model::dimension::Direction;
use crate::model::measurement::{Measurement, Pair, Scale};

/// How one metric's pairs are compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Orientation {
    /// Which way is better.
    pub(super) direction: Direction,
    /// Subtract, or compare as ratios.
    pub(super) scale: Scale,
}

/// Two values that this scale cannot compare.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unfit {
    /// A ratio needs two positive numbers.
    #[error(
        "a value is zero or negative, so runs cannot be compared as ratios; \
         declare the metric on a scale that stays above zero"
    )]
    NotPositive,
    /// The difference is not a finite number.
    #[error("the values differ by more than can be represented")]
    TooFar,
}

impl Orientation {
    /// Returns the difference of a pair; a run without a value loses by `penalty`.
    ///
    /// A failure is not dropped, because a change that makes runs fail would otherwise be judged by the
    /// runs it lets live.
    pub(super) fn pair(self, pair: &Pair, penalty: f64) -> Result<f64, Unfit> {
        match (value(&pair.incumbent), value(&pair.candidate)) {
            (Some(incumbent), Some(candidate)) => self.values(incumbent, candidate),
            (Some(alone), None) => self.check(alone).map(|()| -penalty),
            (None, Some(alone)) => self.check(alone).map(|()| penalty),
            (None, None) => Ok(0.0),
        }
    }

    /// Returns the difference of two values.
    pub(super) fn values(self, incumbent: f64, candidate: f64) -> Result<f64, Unfit> {
        self.check(incumbent)?;
        self.check(candidate)?;
        let difference = match self.scale {
            Scale::Difference => self.direction.gain(incumbent, candidate),
            Scale::LogRatio => self.direction.gain(incumbent.ln(), candidate.ln()),
        };
        if difference.is_finite() {
            Ok(difference)
        } else {
            Err(Unfit::TooFar)
        }
    }

    fn check(self, value: f64) -> Result<(), Unfit> {
        if self.scale == Scale::LogRatio && value <= 0.0 {
            return Err(Unfit::NotPositive);
        }
        Ok(())
    }
}

/// Returns the finite number of a run, if it gave one.
pub(super) fn value(measurement: &Measurement) -> Option<f64> {
    measurement.sample.value().filter(|value| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::super::sample::{failed, pair, pair_of};
    use super::*;

    const TIMING: Orientation = Orientation {
        direction: Direction::Minimize,
        scale: Scale::LogRatio,
    };
    const SCORE: Orientation = Orientation {
        direction: Direction::Maximize,
        scale: Scale::Difference,
    };

    #[test]
    fn better_is_positive_in_either_direction() {
        assert!(TIMING.values(100.0, 90.0).unwrap() > 0.0);
        assert!(TIMING.values(90.0, 100.0).unwrap() < 0.0);
        assert!((SCORE.values(0.5, 0.75).unwrap() - 0.25).abs() < 1e-12);
    }

    #[test]
    fn swapping_the_arms_flips_the_sign() {
        let forth = TIMING.values(100.0, 90.0).unwrap();
        let back = TIMING.values(90.0, 100.0).unwrap();
        assert!((forth + back).abs() < 1e-15);
    }

    #[test]
    fn ratios_refuse_zero_and_negative_values() {
        assert_eq!(TIMING.values(0.0, 1.0), Err(Unfit::NotPositive));
        assert_eq!(TIMING.values(1.0, -1.0), Err(Unfit::NotPositive));
        assert!(SCORE.values(0.0, -1.0).is_ok());
    }

    #[test]
    fn a_difference_beyond_representation_is_refused() {
        assert_eq!(SCORE.values(-f64::MAX, f64::MAX), Err(Unfit::TooFar));
    }

    #[test]
    fn a_failed_run_loses_by_the_penalty() {
        let alone = pair(pair_of(1.0, 1.0).incumbent.sample, failed("exit status 1"));
        assert_eq!(SCORE.pair(&alone, 3.0), Ok(-3.0));
        let spared = pair(failed("timed out"), pair_of(1.0, 1.0).candidate.sample);
        assert_eq!(SCORE.pair(&spared, 3.0), Ok(3.0));
        let neither = pair(failed("timed out"), failed("timed out"));
        assert_eq!(SCORE.pair(&neither, 3.0), Ok(0.0));
    }

    #[test]
    fn a_number_that_is_not_finite_counts_as_a_failure() {
        assert_eq!(SCORE.pair(&pair_of(1.0, f64::NAN), 3.0), Ok(-3.0));
        assert_eq!(SCORE.pair(&pair_of(1.0, f64::INFINITY), 3.0), Ok(-3.0));
    }
}
