//! Giving up early: Wald's likelihood ratio of "no effect" against "an effect of δ".
//!
//! It never creates a keep, so a wrong σ costs power, not error rate.

/// The likelihood ratio after some differences.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Futility {
    delta: f64,
    sigma: f64,
    clip: f64,
    ln_ratio: f64,
}

impl Futility {
    /// Starts a test of 0 against `delta`, with Gaussian noise of standard deviation `sigma`.
    ///
    /// Differences are clipped to ±max(3σ, δ), so that one outlier neither gives up nor rescues.
    pub fn new(delta: f64, sigma: f64) -> Self {
        Self {
            delta,
            sigma,
            clip: (3.0 * sigma).max(delta),
            ln_ratio: 0.0,
        }
    }

    /// Takes one more difference.
    pub fn push(&mut self, x: f64) {
        let clipped = x.clamp(-self.clip, self.clip);
        let delta = self.delta;
        self.ln_ratio -= (delta * clipped - delta * delta / 2.0) / (self.sigma * self.sigma);
    }

    /// Returns the natural logarithm of the ratio; large means that an effect of δ is implausible.
    pub fn ln_ratio(&self) -> f64 {
        self.ln_ratio
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::reference::{close, numbers, unit};

    #[test]
    fn the_path_agrees_with_the_reference() {
        let case = unit("sprt_futility");
        let delta = case["delta"].as_f64().unwrap();
        let mut futility = Futility::new(delta, case["sigma"].as_f64().unwrap());
        let expected = case["log_lambda"].as_array().unwrap();
        for (x, expected) in numbers(&case["d"]).into_iter().zip(expected) {
            futility.push(x);
            close(futility.ln_ratio(), expected);
        }
    }

    #[test]
    fn an_outlier_counts_as_three_sigma() {
        let mut wild = Futility::new(1.0, 1.0);
        let mut calm = Futility::new(1.0, 1.0);
        wild.push(-1e9);
        calm.push(-3.0);
        assert!((wild.ln_ratio() - calm.ln_ratio()).abs() < 1e-12);
    }

    #[test]
    fn a_large_delta_widens_the_clip() {
        let mut futility = Futility::new(10.0, 1.0);
        futility.push(10.0);
        assert!((futility.ln_ratio() + 50.0).abs() < 1e-9);
    }
}
