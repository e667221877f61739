//! The next values of declared ranges, searched together from what earlier ones did to a metric.
//!
//! Experiments compare two points at a time; their relative effects are chained to costs on one scale,
//! how much worse a point is than the first. Noise and chaining errors are the search's to bear:
//! whether a point is kept is decided by its own test alone.

mod dial;
pub(super) mod parameter;
pub(super) mod settings;

use std::collections::{BTreeMap, BTreeSet};

use self::dial::Dial;
use crate::model::experiment::Summary;
use crate::model::verdict::Verdict;
use crate::search::{Point, Space, Trial, propose_several};

/// Points that are proposed at a time, as several may be built at once.
const AT_ONCE: usize = 4;
/// Other draws to look at when every proposal, once rounded, was tried before: while points are drawn
/// to cover the space, and once there is a model of it.
const DRAWS: u64 = 24;
const DRAWS_OF_MODEL: u64 = 4;
/// An expected gain of less than this share of the spread of the results is none.
const NO_GAIN: f64 = 1e-3;

/// One search: what is turned, from where, and how often.
struct Search {
    /// The values that are searched.
    dials: Vec<Dial>,
    /// The values now, as they are written.
    here: Vec<String>,
    /// The most points that are tried.
    most: usize,
}

/// One experiment of a search: from one point to another, both as the key of the experiment says it.
#[derive(Clone, Debug, PartialEq)]
struct Step {
    from: String,
    to: String,
    /// What is known of it.
    outcome: Outcome,
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcome {
    /// The relative gain, as far as it was measured.
    Gained(f64),
    /// The point cannot be used.
    Failed,
    /// It is being tried, or its end says nothing of the point.
    Unknown,
}

impl Outcome {
    fn of(summary: &Summary) -> Self {
        let gain = summary.effect.as_ref().and_then(|it| it.relative);
        match (summary.verdict, gain) {
            (Verdict::Vetoed, _) | (Verdict::Revert, None) => Self::Failed,
            (Verdict::Spurious | Verdict::Keep | Verdict::Inconclusive, None) => Self::Unknown,
            (_, Some(gain)) => Self::Gained(gain.clamp(-9.0, 0.99)),
        }
    }
}

impl Search {
    /// Returns the next points as literals, each with the gain to expect where it is known; none when
    /// enough were tried or nothing is to be gained.
    ///
    /// `here` is this point and `point` reads any, both as the steps write them.
    fn next(
        &self,
        steps: &[Step],
        here: &str,
        point: &dyn Fn(&str) -> Option<Point>,
    ) -> Vec<Vec<String>> {
        let left = self.most.saturating_sub(steps.len());
        let n = left.min(AT_ONCE);
        if n == 0 || self.dials.is_empty() {
            return Vec::new();
        }
        let costs = costs(steps, here);
        let read = |(name, cost): (&String, &Option<f64>)| {
            let result = *cost;
            point(name).map(|point| Trial { point, result })
        };
        let trials: Vec<Trial> = costs.iter().filter_map(read).collect();
        let awaited = steps.iter().filter(|it| it.outcome == Outcome::Unknown);
        let pending: Vec<Point> = awaited.filter_map(|it| point(&it.to)).collect();
        let space = Space {
            kinds: self.dials.iter().map(Dial::kind).collect(),
        };
        let known = trials.iter().map(|it| &it.point).chain(&pending);
        let mut known: BTreeSet<Vec<String>> = known.map(|it| self.literals(it)).collect();
        known.insert(self.here.clone());
        for seed in 0..DRAWS {
            let proposals = propose_several(&space, &trials, &pending, seed, n);
            let has_model = proposals.iter().all(|it| it.gain.is_some());
            let promising = proposals
                .iter()
                .take_while(|it| it.gain.is_none_or(|it| it >= NO_GAIN));
            let points: Vec<Vec<String>> = promising
                .map(|it| self.literals(&it.point))
                .filter(|it| known.insert(it.clone()))
                .collect();
            if !points.is_empty() {
                return points;
            }
            if has_model && seed >= DRAWS_OF_MODEL {
                break;
            }
        }
        Vec::new()
    }

    /// Returns a point as it is written: what is the value now keeps its spelling.
    fn literals(&self, point: &Point) -> Vec<String> {
        let dials = self.dials.iter().zip(point).zip(&self.here);
        dials
            .map(|((dial, value), here)| {
                let literal = dial.literal(value);
                if dial.value(here) == dial.value(&literal) {
                    return here.clone();
                }
                literal
            })
            .collect()
    }
}

/// Returns the cost of every point with a known end, the present one included; `None` for one that
/// cannot be used.
fn costs(steps: &[Step], here: &str) -> BTreeMap<String, Option<f64>> {
    let mut costs: BTreeMap<String, Option<f64>> = BTreeMap::new();
    for step in steps {
        let base = *costs.entry(step.from.clone()).or_insert(Some(0.0));
        let cost = match step.outcome {
            Outcome::Unknown => continue,
            Outcome::Failed => None,
            Outcome::Gained(gain) => base.map(|base| base - gain),
        };
        costs.insert(step.to.clone(), cost);
    }
    costs.entry(here.to_owned()).or_insert(Some(0.0));
    costs
}

/// Adds a step; one that was taken up again counts once, as it ended last.
fn add(steps: &mut Vec<Step>, step: Step) {
    let known = steps
        .iter_mut()
        .find(|it| it.from == step.from && it.to == step.to);
    match known {
        Some(known) => *known = step,
        None => steps.push(step),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(from: &str, to: &str, outcome: Outcome) -> Step {
        Step {
            from: from.to_owned(),
            to: to.to_owned(),
            outcome,
        }
    }

    #[test]
    fn costs_are_chained_over_what_was_kept() {
        let steps = [
            step("16", "64", Outcome::Gained(0.2)),
            step("64", "128", Outcome::Gained(0.1)),
            step("64", "2", Outcome::Failed),
            step("64", "4", Outcome::Unknown),
        ];
        let costs = costs(&steps, "64");
        assert_eq!(costs["16"], Some(0.0));
        assert!((costs["128"].unwrap() + 0.3).abs() < 1e-12);
        assert_eq!(costs["2"], None);
        assert!(!costs.contains_key("4"));
    }

    #[test]
    fn a_step_that_was_taken_up_again_counts_once() {
        let mut steps = Vec::new();
        add(&mut steps, step("1", "2", Outcome::Unknown));
        add(&mut steps, step("1", "2", Outcome::Gained(0.1)));
        assert_eq!(steps, [step("1", "2", Outcome::Gained(0.1))]);
    }
}
