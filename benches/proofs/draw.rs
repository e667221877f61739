//! Noise of several shapes, of standard deviation 1, and pairs of runs made of it.

use factory::model::measurement::{Arm, Measurement, Pair, Sample};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

pub(crate) type Rng = ChaCha8Rng;

/// Returns a generator that draws the same numbers everywhere.
pub(crate) fn rng(seed: u64) -> Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// The shape of the noise of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Noise {
    Gauss,
    /// Student's t with 3 degrees of freedom.
    Heavy,
    Lognormal,
    /// Gaussian, on a level that wanders from run to run.
    Drift,
    /// Gaussian, but in one of twenty pairs a run is disturbed.
    Disturbed,
    /// Gaussian, but in one of ten pairs a run is disturbed.
    OftenDisturbed,
}

impl Noise {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Gauss => "Gaussian",
            Self::Heavy => "Student t, 3 df",
            Self::Lognormal => "log-normal",
            Self::Drift => "drifting",
            Self::Disturbed => "5 % of pairs disturbed",
            Self::OftenDisturbed => "10 % of pairs disturbed",
        }
    }

    /// Draws the noise of one run.
    pub(crate) fn draw(self, rng: &mut Rng) -> f64 {
        match self {
            Self::Gauss | Self::Drift => gauss(rng),
            Self::Disturbed => disturbed(rng, 0.025),
            Self::OftenDisturbed => disturbed(rng, 0.05),
            Self::Heavy => {
                let chi: f64 = (0..3).map(|_| gauss(rng).powi(2)).sum();
                gauss(rng) / chi.sqrt()
            }
            Self::Lognormal => {
                let e = std::f64::consts::E;
                (gauss(rng).exp() - e.sqrt()) / ((e - 1.0) * e).sqrt()
            }
        }
    }

    /// Draws the noise of a pair difference: two runs, and how far the level wandered between them.
    pub(crate) fn pair(self, rng: &mut Rng) -> f64 {
        let difference = self.draw(rng) - self.draw(rng);
        match self {
            Self::Drift => difference + WANDER * (2.0f64 * (1.0 - STAYS)).sqrt() * gauss(rng),
            _ => difference,
        }
    }
}

/// How far a disturbed run is off.
const DISTURBED_BY: f64 = 10.0;

/// Draws the noise of a run that is disturbed in that share of runs.
fn disturbed(rng: &mut Rng, share: f64) -> f64 {
    let calm = gauss(rng);
    if uniform(rng) < share {
        calm - DISTURBED_BY
    } else {
        calm
    }
}

/// The standard deviation of the level, and how much of it is left at the next run.
const WANDER: f64 = 1.5;
const STAYS: f64 = 0.95;

/// Draws from the standard normal distribution (Box and Muller 1958).
pub(crate) fn gauss(rng: &mut Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()
}

/// Draws a number from 0 to 1.
pub(crate) fn uniform(rng: &mut Rng) -> f64 {
    rng.random::<f64>()
}

/// Returns a pair of runs with those values.
pub(crate) fn pair(incumbent: f64, candidate: f64) -> Pair {
    Pair {
        first: Arm::Incumbent,
        incumbent: run(Arm::Incumbent, incumbent),
        candidate: run(Arm::Candidate, candidate),
        instance: None,
    }
}

/// Gives a pair other values.
pub(crate) fn set(pair: &mut Pair, incumbent: f64, candidate: f64) {
    pair.incumbent.sample = Sample::Value { value: incumbent };
    pair.candidate.sample = Sample::Value { value: candidate };
}

fn run(arm: Arm, value: f64) -> Measurement {
    Measurement {
        arm,
        tree: "a"
            .repeat(40)
            .parse()
            .expect("forty hexadecimal digits are a hash"),
        sample: Sample::Value { value },
        seconds: 1.0,
        tail: factory::model::tail::Tails::new(),
    }
}

/// Returns a share of a count.
pub(crate) fn share(n: u32, of: u32) -> f64 {
    f64::from(n) / f64::from(of.max(1))
}
