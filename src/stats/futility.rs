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
    /// Differences are clipped to ±max(clip · σ, δ), so that one outlier neither gives up nor rescues.
    pub fn new(delta: f64, sigma: f64, clip: f64) -> Self {
        Self {
            delta,
            sigma,
            clip: (clip * sigma).max(delta),
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

/// The likelihood ratio for differences in [−1, 1] whose noise is not known beforehand, because it depends
/// on how many instances the candidate treats differently.
///
/// The noise is estimated from the differences so far. It is at least the noise of repeated runs, and at
/// least what an effect of δ makes by itself: differences that are no smaller than a step `s` where they
/// are not 0 have a mean square of at least `s δ`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LearningFutility {
    delta: f64,
    least_variance: f64,
    sum: f64,
    squares: f64,
    n: f64,
    step: f64,
}

impl LearningFutility {
    /// Starts a test of 0 against `delta`; runs of the same code differ by `sigma`, which may be 0.
    pub fn new(delta: f64, sigma: f64) -> Self {
        Self {
            delta,
            least_variance: sigma * sigma,
            sum: 0.0,
            squares: 0.0,
            n: 0.0,
            step: 1.0,
        }
    }

    /// Takes one more difference `d`, which counts as `d + margin`.
    pub fn push(&mut self, d: f64, margin: f64) {
        self.n += 1.0;
        self.sum += d + margin;
        self.squares += d * d;
        if d.abs() > 0.0 {
            self.step = self.step.min(d.abs());
        }
    }

    /// Returns the natural logarithm of the ratio; large means that an effect of δ is implausible.
    pub fn ln_ratio(&self) -> f64 {
        -(self.delta * self.sum - self.n * self.delta * self.delta / 2.0) / self.variance()
    }

    /// Returns the standard deviation of one difference, as far as it is known.
    pub fn sigma(&self) -> f64 {
        self.variance().sqrt()
    }

    fn variance(&self) -> f64 {
        let seen = self.squares / self.n.max(1.0);
        seen.max(self.least_variance).max(self.step * self.delta)
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
        let mut futility = Futility::new(delta, case["sigma"].as_f64().unwrap(), 3.0);
        let expected = case["log_lambda"].as_array().unwrap();
        for (x, expected) in numbers(&case["d"]).into_iter().zip(expected) {
            futility.push(x);
            close(futility.ln_ratio(), expected);
        }
    }

    #[test]
    fn an_outlier_counts_as_the_clip_says() {
        let mut wild = Futility::new(1.0, 1.0, 3.0);
        let mut calm = Futility::new(1.0, 1.0, 3.0);
        wild.push(-1e9);
        calm.push(-3.0);
        assert!((wild.ln_ratio() - calm.ln_ratio()).abs() < 1e-12);
    }

    #[test]
    fn a_large_delta_widens_the_clip() {
        let mut futility = Futility::new(10.0, 1.0, 3.0);
        futility.push(10.0);
        assert!((futility.ln_ratio() + 50.0).abs() < 1e-9);
    }

    #[test]
    fn instances_without_any_difference_are_given_up_in_the_end() {
        let mut futility = LearningFutility::new(0.05, 0.0);
        for _ in 0..64 {
            assert!(futility.ln_ratio() < 5f64.ln());
            futility.push(0.0, 0.0);
        }
        futility.push(0.0, 0.0);
        assert!(futility.ln_ratio() >= 5f64.ln());
    }

    #[test]
    fn many_wins_and_losses_make_the_noise_large() {
        let mut futility = LearningFutility::new(0.05, 0.0);
        for d in [1.0, -1.0].repeat(10) {
            futility.push(d, 0.0);
        }
        assert!((futility.sigma() - 1.0).abs() < 1e-12);
        assert!((futility.ln_ratio() - 20.0 * 0.05 * 0.05 / 2.0).abs() < 1e-12);
        let mut quiet = LearningFutility::new(0.05, 0.5);
        quiet.push(0.0, 0.0);
        assert!((quiet.sigma() - 0.5).abs() < 1e-12);
    }
}
