//! What to try next, and what is best so far.

use rand::{Rng, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use statrs::function::erf::erfc;

use super::process::{Forecast, Process};
use super::region;
use super::space::{Kind, Point, Space, Value};
use crate::stats::numeric::count;

/// Places that are compared before one is proposed.
const CANDIDATES: usize = 600;
/// Rounds in which the best of them is improved a little.
const ROUNDS: usize = 40;
/// Results beyond these are too many for one process: the best and the latest stay.
const MOST: usize = 240;

/// One point that was tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// What was tried.
    pub point: Point,
    /// The result, of which less is better; `None` for one that failed.
    pub result: Option<f64>,
}

/// A point to try.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// Where.
    pub point: Point,
    /// The gain to expect over the best so far, in units of the results' spread; `None` while too few
    /// results are known to tell.
    pub gain: Option<f64>,
}

/// Returns what to try next; `pending` is being tried already, and its results are not known yet.
///
/// The same arguments give the same point.
pub fn propose(space: &Space, trials: &[Trial], pending: &[Point], seed: u64) -> Proposal {
    let mut proposals = propose_several(space, trials, pending, seed, 1);
    proposals.remove(0)
}

/// Returns so many points to try at the same time, most promising first: each counts as pending for
/// those behind it.
pub fn propose_several(
    space: &Space,
    trials: &[Trial],
    pending: &[Point],
    seed: u64,
    n: usize,
) -> Vec<Proposal> {
    let (places, results) = known(space, trials);
    let is_known = trials.len() + pending.len() + n > n_initial(space) && space.width() > 0;
    let learnt = is_known
        .then(|| Process::fit(&places, &results))
        .flatten()
        .map(|process| Learnt {
            space,
            trials,
            process,
            places,
            results,
        });
    let mut pending = pending.to_vec();
    let mut proposals = Vec::with_capacity(n);
    for _ in 0..n {
        let proposal = next(space, trials.len(), &pending, seed, learnt.as_ref());
        pending.push(proposal.point.clone());
        proposals.push(proposal);
    }
    proposals
}

fn next(
    space: &Space,
    n_trials: usize,
    pending: &[Point],
    seed: u64,
    learnt: Option<&Learnt<'_>>,
) -> Proposal {
    let n = n_trials + pending.len();
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ (n as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let n_initial = n_initial(space);
    let blind = |point| Proposal { point, gain: None };
    if n < n_initial || space.width() == 0 {
        return blind(initial(space, n_initial, n, seed));
    }
    match learnt {
        Some(learnt) => learnt.search(pending).run(&mut rng),
        None => blind(space.draw(&mut rng)),
    }
}

/// What the results say.
struct Learnt<'a> {
    space: &'a Space,
    trials: &'a [Trial],
    process: Process,
    places: Vec<Vec<f64>>,
    results: Vec<f64>,
}

impl Learnt<'_> {
    /// Returns the search for one more point beside those whose results are not known yet.
    fn search<'a>(&'a self, pending: &'a [Point]) -> Search<'a> {
        let awaited: Vec<Vec<f64>> = pending.iter().map(|it| self.space.encode(it)).collect();
        let process = self.process.imagining(&awaited, &self.results);
        let raw = scaled(self.trials);
        let tried = self.trials.iter().map(|it| &it.point);
        Search {
            space: self.space,
            centre: centre(&process, self.space, self.trials),
            best: lowest(&process, &self.places),
            side: region::side(&raw, n_initial(self.space), self.space.width()),
            process,
            tried: tried.chain(pending).collect(),
        }
    }
}

/// Returns the index of the trial that is best once the noise is taken out.
pub fn best(space: &Space, trials: &[Trial]) -> Option<usize> {
    trials.iter().find(|it| it.result.is_some())?;
    let (places, results) = known(space, trials);
    let process = Process::fit(&places, &results);
    let worth = |idx: usize| match &process {
        Some(process) => process.forecast(&space.encode(&trials[idx].point)).mean,
        None => trials[idx].result.unwrap_or(f64::INFINITY),
    };
    (0..trials.len())
        .filter(|idx| trials[*idx].result.is_some())
        .min_by(|a, b| worth(*a).total_cmp(&worth(*b)))
}

fn n_initial(space: &Space) -> usize {
    (space.kinds.len() + 3).clamp(4, 16)
}

/// Returns the `idx`-th of points that together cover each parameter evenly (a Latin hypercube).
fn initial(space: &Space, n: usize, idx: usize, seed: u64) -> Point {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut point = Vec::with_capacity(space.kinds.len());
    for kind in &space.kinds {
        let mut order: Vec<usize> = (0..n).collect();
        for last in (1..n).rev() {
            order.swap(last, rng.random_range(0..=last));
        }
        let within: Vec<f64> = (0..n).map(|_| rng.random()).collect();
        let slot = idx % n;
        let share = (count(order[slot]) + within[slot]) / count(n);
        let value = match kind {
            Kind::Choice { n: alternatives } => Value::Choice(order[slot] % alternatives.max(&1)),
            _ => kind.at(share, &mut rng),
        };
        point.push(value);
    }
    point
}

/// Returns places and results of the trials that a process can hold; a failure counts as the worst.
fn known(space: &Space, trials: &[Trial]) -> (Vec<Vec<f64>>, Vec<f64>) {
    let results = scaled(trials);
    let mut order: Vec<usize> = (0..trials.len()).collect();
    if order.len() > MOST {
        order.sort_by(|a, b| results[*a].total_cmp(&results[*b]));
        let latest = trials.len() - MOST / 2;
        let mut chosen: Vec<usize> = order[..MOST / 2].to_vec();
        chosen.extend(latest..trials.len());
        chosen.sort_unstable();
        chosen.dedup();
        order = chosen;
    }
    order
        .into_iter()
        .map(|idx| (space.encode(&trials[idx].point), results[idx]))
        .unzip()
}

/// Returns results around 0 in units of their spread, with far ones drawn in.
fn scaled(trials: &[Trial]) -> Vec<f64> {
    let finite: Vec<f64> = trials.iter().filter_map(|it| it.result).collect();
    let middle = quantile(&finite, 0.5);
    let spread = (quantile(&finite, 0.75) - quantile(&finite, 0.25)) / 1.349;
    let spread = if spread > 0.0 { spread } else { 1.0 };
    let scale = |value: f64| ((value - middle) / spread).asinh();
    let worst = finite.iter().copied().fold(middle, f64::max);
    trials
        .iter()
        .map(|it| scale(it.result.unwrap_or(worst)))
        .collect()
}

fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else {
        return 0.0;
    };
    let at = share * count(last);
    let below = at.floor();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index between 0 and the last"
    )]
    let idx = below as usize;
    let next = sorted[(idx + 1).min(last)];
    sorted[idx] + (at - below) * (next - sorted[idx])
}

fn lowest(process: &Process, places: &[Vec<f64>]) -> f64 {
    let means = places.iter().map(|it| process.forecast(it).mean);
    means.fold(f64::INFINITY, f64::min)
}

fn centre(process: &Process, space: &Space, trials: &[Trial]) -> Point {
    let mean = |trial: &Trial| process.forecast(&space.encode(&trial.point)).mean;
    trials
        .iter()
        .min_by(|a, b| mean(a).total_cmp(&mean(b)))
        .map(|it| it.point.clone())
        .unwrap_or_default()
}

/// One search for the most promising point.
struct Search<'a> {
    space: &'a Space,
    process: Process,
    centre: Point,
    best: f64,
    side: f64,
    tried: Vec<&'a Point>,
}

impl Search<'_> {
    fn run(&self, rng: &mut impl Rng) -> Proposal {
        let reach = self.reach();
        let mut found: Option<(f64, Point)> = None;
        let mut consider = |point: Point| {
            let worth = self.worth(&point);
            if found.as_ref().is_none_or(|(most, _)| worth > *most) {
                found = Some((worth, point));
            }
        };
        for idx in 0..CANDIDATES {
            consider(if idx % 8 == 0 {
                self.space.draw(rng)
            } else {
                self.near(&self.centre, &reach, rng)
            });
        }
        let (mut most, mut point) = found.expect("candidates were considered");
        for round in 0..ROUNDS {
            let closer = 0.5 * 0.9f64.powf(count(round));
            let close: Vec<f64> = reach.iter().map(|it| it * closer).collect();
            for _ in 0..8 {
                let other = self.near(&point, &close, rng);
                let worth = self.worth(&other);
                if worth > most {
                    (most, point) = (worth, other);
                }
            }
        }
        Proposal {
            point,
            gain: Some(most.max(0.0)),
        }
    }

    /// Returns half the side of the region along each parameter: wide where results vary slowly.
    fn reach(&self) -> Vec<f64> {
        let lengths = self.process.lengths();
        let mean = lengths.iter().map(|it| it.ln()).sum::<f64>() / count(lengths.len());
        let mut lengths = lengths.iter();
        self.space
            .kinds
            .iter()
            .map(|kind| {
                let n = match kind {
                    Kind::Choice { n } => *n,
                    _ => 1,
                };
                let own = lengths.by_ref().take(n).next().copied().unwrap_or(1.0);
                (0.5 * self.side * own / mean.exp()).min(1.0)
            })
            .collect()
    }

    /// Returns a point in the region; in wide spaces only some parameters move at a time.
    fn near(&self, from: &Point, reach: &[f64], rng: &mut impl Rng) -> Point {
        let n = self.space.kinds.len();
        let chance = (8.0 / count(n)).clamp(0.3, 1.0);
        let certain = rng.random_range(0..n);
        let mut point = from.clone();
        for (idx, kind) in self.space.kinds.iter().enumerate() {
            if idx != certain && rng.random::<f64>() > chance {
                continue;
            }
            let step = (2.0 * rng.random::<f64>() - 1.0) * reach[idx];
            point[idx] = match kind {
                Kind::Choice { .. } => kind.at(0.0, rng),
                _ => kind.at(kind.share(from[idx]) + step, rng),
            };
        }
        point
    }

    /// Returns the gain to expect at a point over the best so far; a point that was tried has none.
    fn worth(&self, point: &Point) -> f64 {
        if self.tried.contains(&point) {
            return -1.0;
        }
        let Forecast { mean, deviation } = self.process.forecast(&self.space.encode(point));
        expected_gain(self.best - mean, deviation)
    }
}

/// Returns the mean of the positive part of a normal variable.
fn expected_gain(mean: f64, deviation: f64) -> f64 {
    if deviation <= 0.0 {
        return mean.max(0.0);
    }
    let z = mean / deviation;
    let density = (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let below = 0.5 * erfc(-z / std::f64::consts::SQRT_2);
    mean * below + deviation * density
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space() -> Space {
        Space {
            kinds: vec![
                Kind::Float {
                    low: 1e-3,
                    high: 10.0,
                    log: true,
                },
                Kind::Int {
                    low: 1,
                    high: 64,
                    log: false,
                },
                Kind::Choice { n: 3 },
            ],
        }
    }

    /// Best, and 0, at 0.1, 20 and the second alternative.
    fn cost(point: &[Value]) -> f64 {
        let [Value::Float(rate), Value::Int(size), Value::Choice(way)] = point else {
            panic!("{point:?}");
        };
        let size = f64::from(i32::try_from(*size).unwrap());
        (rate.ln() - 0.1f64.ln()).powi(2)
            + ((size - 20.0) / 10.0).powi(2)
            + if *way == 1 { 0.0 } else { 2.0 }
    }

    fn searched(n: usize, seed: u64) -> Vec<Trial> {
        let mut trials = Vec::new();
        let mut noise = ChaCha8Rng::seed_from_u64(seed);
        for _ in 0..n {
            let point = propose(&space(), &trials, &[], seed).point;
            let result = Some(cost(&point) + 0.1 * (noise.random::<f64>() - 0.5));
            trials.push(Trial { point, result });
        }
        trials
    }

    #[test]
    fn a_noisy_bowl_of_three_kinds_is_searched_to_its_bottom() {
        let trials = searched(32, 0);
        let found = best(&space(), &trials).unwrap();
        assert!(cost(&trials[found].point) < 0.15, "{:?}", trials[found]);
    }

    #[test]
    fn the_same_record_gives_the_same_proposal() {
        let trials = searched(12, 5);
        let once = propose(&space(), &trials, &[], 5);
        assert_eq!(propose(&space(), &trials, &[], 5), once);
        assert_eq!(searched(13, 5)[12].point, once.point);
    }

    #[test]
    fn what_is_being_tried_is_not_proposed_again() {
        let trials = searched(12, 5);
        let mut pending = Vec::new();
        for _ in 0..4 {
            let point = propose(&space(), &trials, &pending, 5).point;
            assert!(!pending.contains(&point));
            pending.push(point);
        }
    }

    #[test]
    fn several_at_once_are_those_that_one_after_the_other_would_be() {
        let trials = searched(12, 5);
        let several = propose_several(&space(), &trials, &[], 5, 3);
        let mut pending = Vec::new();
        for proposal in &several {
            assert_eq!(*proposal, propose(&space(), &trials, &pending, 5));
            pending.push(proposal.point.clone());
        }
        // The first results of an empty record are awaited while the next are proposed.
        let first = propose_several(&space(), &[], &[], 5, 8);
        assert!(first.iter().all(|it| it.gain.is_none()));
    }

    #[test]
    fn nothing_is_to_be_gained_where_everything_was_tried() {
        let space = Space {
            kinds: vec![Kind::Int {
                low: 1,
                high: 6,
                log: false,
            }],
        };
        let trials: Vec<Trial> = (1..=6)
            .map(|it| Trial {
                point: vec![Value::Int(it)],
                result: Some(f64::from(i32::try_from(it).unwrap())),
            })
            .collect();
        assert_eq!(propose(&space, &trials, &[], 0).gain, Some(0.0));
        assert!(propose(&space, &trials[2..], &[], 0).gain.unwrap() > 0.0);
    }

    #[test]
    fn every_alternative_is_tried_before_one_is_repeated() {
        let space = Space {
            kinds: vec![Kind::Choice { n: 7 }],
        };
        let mut trials = Vec::new();
        for round in 0..7 {
            let point = propose(&space, &trials, &[], 1).point;
            assert!(trials.iter().all(|it: &Trial| it.point != point), "{round}");
            let result = Some(f64::from(round));
            trials.push(Trial { point, result });
        }
    }

    #[test]
    fn failures_and_constant_results_do_not_stop_it() {
        let mut trials = Vec::new();
        for idx in 0..12 {
            let point = propose(&space(), &trials, &[], 2).point;
            let result = (idx % 3 != 0).then_some(1.0);
            trials.push(Trial { point, result });
        }
        assert!(trials[best(&space(), &trials).unwrap()].result.is_some());
        assert_eq!(best(&space(), &[]), None);
        let failed: Vec<Trial> = trials
            .iter()
            .map(|it| Trial {
                result: None,
                ..it.clone()
            })
            .collect();
        let _point = propose(&space(), &failed, &[], 2);
        assert_eq!(best(&space(), &failed), None);
    }
}
