//! The error rate and the power that the documentation states, simulated with fixed seeds.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::planning::{Ask, plan};
use super::sample::{calibration, evidence, pair_of, pairs_of, screening_of};
use super::{Look, Screen, State, replay, screen};
use crate::model::dimension::Direction;
use crate::model::measurement::{Calibration, Scale, SignPlan, TestPlan};
use crate::model::screening::Screening;
use crate::model::verdict::Verdict;

/// Standard deviation of one run; a pair difference has √2 of it.
const SIGMA: f64 = 1.0;

/// Draws from the standard normal distribution (Box and Muller 1958).
fn gauss(rng: &mut ChaCha8Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()
}

/// Draws from Student's t with 3 degrees of freedom, scaled to variance 1.
fn heavy(rng: &mut ChaCha8Rng) -> f64 {
    let chi: f64 = (0..3).map(|_| gauss(rng).powi(2)).sum();
    gauss(rng) / chi.sqrt()
}

/// Plans as the loop would, from freshly drawn A/A pairs.
fn planned(rng: &mut ChaCha8Rng, noise: fn(&mut ChaCha8Rng) -> f64, run_seconds: f64) -> SignPlan {
    let n = super::calibration_pairs(run_seconds, super::Preset::Balanced);
    let differences: Vec<f64> = (0..n).map(|_| SIGMA * (noise(rng) - noise(rng))).collect();
    let ask = Ask {
        direction: Direction::Maximize,
        tolerance: None,
        alpha: 0.01,
        stream: None,
        epsilon: 0.0,
        n_rep: 0,
        preset: super::Preset::Balanced,
        affordable: None,
    };
    let calibration = Calibration {
        run_seconds,
        ..calibration(&differences)
    };
    match plan(&ask, Scale::Difference, &calibration) {
        TestPlan::SignBetting(plan) => plan,
        other => unreachable!("noise is tested by signs, not by {other:?}"),
    }
}

/// Runs experiments on an effect of that many standard deviations; returns the share kept and the mean
/// number of pairs.
fn kept(
    seed: u64,
    n_experiments: u32,
    noise: fn(&mut ChaCha8Rng) -> f64,
    run_seconds: f64,
    effect: f64,
) -> (f64, f64) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (mut n_kept, mut n_pairs) = (0, 0);
    for _ in 0..n_experiments {
        let plan = planned(&mut rng, noise, run_seconds);
        let mut state = State::new(&plan);
        while state.look() == Look::Undecided {
            let difference = effect + noise(&mut rng) - noise(&mut rng);
            state.push(SIGMA * difference);
        }
        n_kept += u32::from(state.look() == Look::Keep);
        n_pairs += state.n();
    }
    let n = f64::from(n_experiments);
    (f64::from(n_kept) / n, f64::from(n_pairs) / n)
}

#[test]
fn the_same_code_is_kept_no_more_often_than_the_level_says() {
    const N: u32 = 6_000;
    let bound = 0.01 + 3.0 * (0.01f64 * 0.99 / f64::from(N)).sqrt();
    for (seed, noise) in [(1, gauss as fn(&mut ChaCha8Rng) -> f64), (2, heavy)] {
        for run_seconds in [1.0, 60.0, 600.0] {
            let (rate, _) = kept(seed, N, noise, run_seconds, 0.0);
            assert!(rate <= bound, "{rate} kept at {run_seconds} s");
        }
    }
}

#[test]
fn an_effect_of_two_standard_deviations_is_found() {
    let (fast, _) = kept(3, 1_000, gauss, 1.0, 2.0);
    assert!(fast >= 0.95, "{fast}");
    let (slow, _) = kept(4, 1_000, gauss, 60.0, 2.0);
    assert!(slow >= 0.95, "{slow}");
}

#[test]
fn giving_up_spares_most_of_the_pairs() {
    let (_, n_pairs) = kept(5, 1_000, gauss, 1.0, 0.0);
    assert!(n_pairs < 15.0, "{n_pairs}");
    let (rate, n_pairs) = kept(6, 1_000, gauss, 1.0, -1.0);
    assert!(rate <= 0.001, "{rate}");
    assert!(n_pairs < 6.0, "{n_pairs}");
}

/// Chooses the best of `k` variants that all behave like the incumbent and tests it; returns the share kept,
/// on pairs of its own or with those of the choice counted in.
fn best_of(seed: u64, k: usize, n_experiments: u32, counts_screening: bool) -> f64 {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut n_kept = 0;
    for _ in 0..n_experiments {
        let plan = planned(&mut rng, gauss, 60.0);
        let mut difference = || SIGMA * (gauss(&mut rng) - gauss(&mut rng));
        let mut screening = Screening {
            direction: plan.direction,
            scale: plan.scale,
            ..screening_of(k)
        };
        let winner = loop {
            match screen(&screening) {
                Screen::Test(idx) => break idx,
                Screen::Nobody => unreachable!("every variant is in"),
                Screen::Run(who) => {
                    for idx in who {
                        let pair = pair_of(0.0, difference());
                        screening.variants[idx].pairs.push(pair);
                    }
                }
            }
        };
        let mut state = State::new(&plan);
        if counts_screening {
            for pair in &screening.variants[winner].pairs {
                state.fold(pair);
            }
        }
        while state.look() == Look::Undecided {
            state.push(difference());
        }
        n_kept += u32::from(state.look() == Look::Keep);
    }
    f64::from(n_kept) / f64::from(n_experiments)
}

#[test]
fn the_best_of_variants_that_change_nothing_is_kept_no_more_often_than_the_level_says() {
    const N: u32 = 6_000;
    let bound = 0.01 + 3.0 * (0.01f64 * 0.99 / f64::from(N)).sqrt();
    let rates = [(11, 2), (12, 4), (13, 8)].map(|(seed, k)| best_of(seed, k, N, false));
    assert!(rates.iter().all(|it| *it <= bound), "{rates:?}");
    // Pairs that were chosen for being large would make flukes of them if they counted.
    let counted = best_of(13, 8, N, true);
    assert!(counted > 2.0 * rates[2], "{counted} {rates:?}");
}

/// Draws a left-skewed candidate of mean 0: most runs gain a little, few lose much.
fn skewed(rng: &mut ChaCha8Rng) -> f64 {
    1.0 + (1.0 - rng.random::<f64>()).ln()
}

#[test]
fn a_skewed_candidate_without_any_effect_exceeds_the_level_by_little() {
    const N: u32 = 10_000;
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let mut n_kept = 0;
    for _ in 0..N {
        let plan = planned(&mut rng, gauss, 1.0);
        let mut state = State::new(&plan);
        while state.look() == Look::Undecided {
            let difference = skewed(&mut rng) - gauss(&mut rng);
            state.push(SIGMA * difference);
        }
        n_kept += u32::from(state.look() == Look::Keep);
    }
    let rate = f64::from(n_kept) / f64::from(N);
    assert!(rate <= 0.015, "{rate}");
}

#[test]
fn a_flaky_deterministic_metric_rarely_makes_a_false_keep() {
    const N: u32 = 20_000;
    let mut rng = ChaCha8Rng::seed_from_u64(8);
    let mut run = || if rng.random::<f64>() < 0.05 { 1.0 } else { 2.0 };
    let plan = TestPlan::Deterministic {
        direction: Direction::Maximize,
        delta: 0.0,
        n_rep: 1,
    };
    let n_kept: u32 = (0..N)
        .map(|_| pairs_of(&[(run(), run()), (run(), run())]))
        .map(|pairs| replay(&evidence(plan.clone(), pairs)).verdict)
        .map(|verdict| u32::from(verdict == Verdict::Keep))
        .sum();
    let rate = f64::from(n_kept) / f64::from(N);
    assert!(rate <= 0.005, "{rate}");
}
