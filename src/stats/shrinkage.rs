//! How large effects really are: estimates drawn towards 0 by what a whole record of them shows.
//!
//! Of many measured effects those that are kept were selected for being large, and overstate. The model:
//! each true effect is 0, or with probability π normal with variance τ²; its estimate adds known noise. π
//! and τ² are fitted to all decided experiments, reverted ones included (empirical Bayes by EM).

use super::numeric::count;

/// With fewer experiments than these the prior is not fitted.
const N_TO_FIT: usize = 20;
/// Older experiments than these are forgotten.
const N_REMEMBERED: usize = 200;
const N_ITERATIONS: usize = 200;
const START_PI: f64 = 0.2;
const PI_LIMITS: (f64, f64) = (0.01, 0.99);
const LEAST_TAU2: f64 = 1e-12;
/// Beyond this difference of logarithms a probability is 0 or 1.
const LN_LIMIT: f64 = 700.0;

/// A measured effect and the variance of its estimate, which is positive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observed {
    /// The estimate.
    pub x: f64,
    /// Its variance: σ² / n.
    pub v: f64,
}

/// What true effects are like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prior {
    /// The share of experiments that have an effect at all.
    pub pi: f64,
    /// The variance of those effects.
    pub tau2: f64,
}

/// Fits the prior to the last experiments, oldest first. Too few of them leave it at one effect in five,
/// of size `delta`.
pub fn fit(observed: &[Observed], delta: f64) -> Prior {
    if observed.len() < N_TO_FIT {
        return Prior {
            pi: START_PI,
            tau2: delta * delta,
        };
    }
    maximise(&observed[observed.len().saturating_sub(N_REMEMBERED)..])
}

/// Expectation and maximisation, from a start that takes all spread beyond the noise for effects.
fn maximise(observed: &[Observed]) -> Prior {
    let n = count(observed.len());
    let mean = |of: fn(&Observed) -> f64| observed.iter().map(of).sum::<f64>() / n;
    let mut prior = Prior {
        pi: START_PI,
        tau2: mean(|it| it.x * it.x - it.v).max(mean(|it| it.v)),
    };
    for _ in 0..N_ITERATIONS {
        let (mut shares, mut squares) = (0.0, 0.0);
        for it in observed {
            let r = prior.responsibility(*it);
            let s = prior.tau2 / (prior.tau2 + it.v);
            shares += r;
            squares += r * ((s * it.x).powi(2) + s * it.v);
        }
        prior = Prior {
            pi: (shares / n).clamp(PI_LIMITS.0, PI_LIMITS.1),
            tau2: (squares / shares.max(LEAST_TAU2)).max(LEAST_TAU2),
        };
    }
    prior
}

impl Prior {
    /// Returns the expected true effect behind an estimate `x` of variance `v`.
    pub fn shrunken(&self, x: f64, v: f64) -> f64 {
        self.responsibility(Observed { x, v }) * self.tau2 / (self.tau2 + v) * x
    }

    /// Returns the probability that there is an effect behind an estimate.
    fn responsibility(&self, it: Observed) -> f64 {
        let ln_density = |variance: f64| -0.5 * variance.ln() - 0.5 * it.x * it.x / variance;
        let ln_odds = ln_density(it.v) - ln_density(self.tau2 + it.v);
        1.0 / (1.0 + (1.0 - self.pi) / self.pi * ln_odds.clamp(-LN_LIMIT, LN_LIMIT).exp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::reference::{numbers, unit};
    use proptest::prelude::*;

    fn close(found: f64, expected: &serde_json::Value) {
        let expected = expected.as_f64().unwrap();
        assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
    }

    #[test]
    fn the_fit_agrees_with_the_reference() {
        let case = unit("eb_shrink");
        let observed: Vec<Observed> = numbers(&case["x"])
            .into_iter()
            .zip(numbers(&case["v"]))
            .map(|(x, v)| Observed { x, v })
            .collect();
        let prior = maximise(&observed);
        close(prior.pi, &case["pi"]);
        close(prior.tau2, &case["tau2"]);
        let expected = case["shrunk"].as_array().unwrap();
        for (it, expected) in observed.iter().zip(expected) {
            close(prior.shrunken(it.x, it.v), expected);
        }
    }

    #[test]
    fn few_experiments_leave_the_prior_as_it_was_declared() {
        let few = [Observed { x: 1.0, v: 0.1 }; 19];
        let prior = fit(&few, 0.5);
        assert!((prior.pi - 0.2).abs() + (prior.tau2 - 0.25).abs() < 1e-12);
        assert!(fit(&[Observed { x: 1.0, v: 0.1 }; 20], 0.5).pi > 0.9);
    }

    #[test]
    fn a_record_of_nothing_but_noise_shrinks_to_almost_nothing() {
        let noise: Vec<Observed> = (0..100u32)
            .map(|it| Observed {
                x: f64::from((it * 7919) % 101) / 50.0 - 1.0,
                v: 0.34,
            })
            .collect();
        let prior = fit(&noise, 1.0);
        assert!(prior.shrunken(1.0, 0.34) < 0.35, "{prior:?}");
    }

    #[test]
    fn what_is_long_past_is_forgotten() {
        let mut record = vec![Observed { x: 9.0, v: 0.1 }; 100];
        let recent = vec![Observed { x: 0.1, v: 0.1 }; 200];
        record.extend(&recent);
        assert_eq!(fit(&record, 1.0), fit(&recent, 1.0));
    }

    proptest! {
        #[test]
        fn an_effect_shrinks_and_keeps_its_sign(
            x in -100.0f64..100.0,
            v in 1e-3f64..10.0,
            pi in 0.01f64..0.99,
            tau2 in 1e-3f64..100.0,
        ) {
            let shrunken = Prior { pi, tau2 }.shrunken(x, v);
            prop_assert!(shrunken.abs() <= x.abs());
            prop_assert!(shrunken * x >= 0.0);
        }
    }
}
