//! Guards on the tail: Wald's likelihood ratio of "a loss of ε" against "no loss".
//!
//! It never creates a keep, so a wrong σ costs candidates that are no worse, not the error rate of keeps.

use super::estimate::RunningMean;

/// A difference counts for at most so many standard deviations.
const CLIP: f64 = 3.0;

/// The likelihood ratio after some differences, whose scale learns from them, around their own mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LossRatio {
    epsilon: f64,
    sigma: f64,
    n_calibration: f64,
    clip: f64,
    clipped: RunningMean,
}

impl LossRatio {
    /// Starts a test of a loss of `epsilon` against 0; `n_calibration` differences of the same code had the
    /// standard deviation `sigma`.
    pub fn new(epsilon: f64, sigma: f64, n_calibration: u32) -> Self {
        Self {
            epsilon,
            sigma,
            n_calibration: f64::from(n_calibration.max(1)),
            clip: (CLIP * sigma).max(epsilon),
            clipped: RunningMean::default(),
        }
    }

    /// Takes one more difference, positive where the candidate is better.
    pub fn push(&mut self, difference: f64) {
        self.clipped.push(difference.clamp(-self.clip, self.clip));
    }

    /// Returns the natural logarithm of the ratio; large means that a loss of ε is likelier than none.
    pub fn ln_ratio(&self) -> f64 {
        let n = f64::from(self.clipped.n());
        let known = self.sigma * self.sigma;
        let learnt = (known * self.n_calibration + self.clipped.residual())
            / (self.n_calibration + (n - 1.0).max(0.0));
        let epsilon = self.epsilon;
        -n * (epsilon * self.clipped.mean() + epsilon * epsilon / 2.0) / learnt.max(known)
    }
}

/// The likelihood ratio of failing in so many more runs than usual, where the incumbent's failures speak
/// for the candidate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FailureRatio {
    /// What a further failure adds to the logarithm of the ratio.
    failed: f64,
    /// What a run that does not fail adds.
    ran: f64,
    ln_ratio: f64,
}

impl FailureRatio {
    /// Starts a test of a share of `usual + more` failing runs against the share `usual`.
    pub fn new(more: f64, usual: f64) -> Self {
        Self {
            failed: ((usual + more) / usual).ln(),
            ran: ((1.0 - usual - more) / (1.0 - usual)).ln(),
            ln_ratio: 0.0,
        }
    }

    /// Takes one more pair of runs.
    pub fn push(&mut self, incumbent_failed: bool, candidate_failed: bool) {
        self.ln_ratio += match (incumbent_failed, candidate_failed) {
            (false, true) => self.failed,
            (true, false) => -self.failed,
            (false, false) => self.ran,
            (true, true) => 0.0,
        };
    }

    /// Returns the natural logarithm of the ratio; large means that the candidate fails too often.
    pub fn ln_ratio(&self) -> f64 {
        self.ln_ratio
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_raises_the_ratio_and_a_gain_lowers_it() {
        let after = |d: f64, n: usize| {
            let mut ratio = LossRatio::new(1.0, 1.0, 10);
            for _ in 0..n {
                ratio.push(d);
            }
            ratio.ln_ratio()
        };
        assert!((after(-1.0, 1) - 0.5).abs() < 1e-12);
        assert!((after(0.0, 4) + 2.0).abs() < 1e-12);
        assert!(after(2.0, 1) < after(1.0, 1));
        assert!(
            (after(-1e9, 1) - 2.5).abs() < 1e-12,
            "an outlier is clipped"
        );
    }

    #[test]
    fn noise_that_turns_out_larger_makes_it_careful() {
        let of = |differences: &[f64]| {
            let mut ratio = LossRatio::new(1.0, 1.0, 2);
            for it in differences {
                ratio.push(*it);
            }
            ratio.ln_ratio()
        };
        assert!(of(&[-3.0, 1.0, -3.0, 1.0]) < of(&[-1.0, -1.0, -1.0, -1.0]));
    }

    #[test]
    fn two_failures_in_few_runs_are_too_many_and_shared_ones_are_not() {
        let after = |pairs: &[(bool, bool)]| {
            let mut ratio = FailureRatio::new(0.1, 0.01);
            for it in pairs {
                ratio.push(it.0, it.1);
            }
            ratio.ln_ratio()
        };
        let fine = [(false, false); 10];
        assert!(after(&fine) < 0.0);
        assert!(after(&[&fine[..], &[(false, true); 2]].concat()) > 20f64.ln());
        assert!(after(&[&fine[..], &[(false, true), (true, false)]].concat()) < 0.0);
        assert!(after(&[(true, true); 9]).abs() < 1e-12);
    }
}
