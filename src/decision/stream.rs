//! The error budget of each noisy metric, over all experiments that ever tested it.
//!
//! A stream is a fold over the record: levels come out the same after a restart. Deterministic keeps
//! neither use nor earn a budget.

use std::collections::BTreeMap;

use crate::model::experiment::{Spent, Summary};
use crate::model::id::{ExperimentId, MetricName};
use crate::model::measurement::StreamPlace;
use crate::model::verdict::Verdict;
use crate::stats::lord::Lord;

/// Returns the stream that a test of a metric belongs to: tests with a margin, which show that nothing got
/// worse, have one of their own.
pub fn family(metric: &MetricName, epsilon: f64) -> MetricName {
    if epsilon > 0.0 {
        format!("{KEEPS}{metric}")
            .parse()
            .unwrap_or_else(|_| metric.clone())
    } else {
        metric.clone()
    }
}

/// What the name of a stream of claims that nothing gets worse begins with.
pub const KEEPS: &str = "keeps:";

/// The streams of a target, one for each noisy metric and family of claims.
#[derive(Clone, Debug, PartialEq)]
pub struct Streams {
    alpha: f64,
    by_metric: BTreeMap<MetricName, Lord>,
    /// The streams that an undecided experiment took an index of: who goes on with it takes no other.
    open: BTreeMap<ExperimentId, Vec<MetricName>>,
}

/// How a stream stands.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamState {
    /// The metric.
    pub metric: MetricName,
    /// Tests that have started.
    pub tests: u64,
    /// Of those, kept.
    pub kept: usize,
    /// At most this share of the keeps is expected to be flukes.
    pub bound: f64,
}

/// Whether a test takes an index of its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Index {
    /// It is a test of its own.
    New,
    /// It goes on with a test that took one when it began.
    Taken,
}

impl Streams {
    /// Returns unused streams, each of which keeps at most the share `alpha` of flukes.
    pub fn new(alpha: f64) -> Self {
        Self {
            alpha,
            by_metric: BTreeMap::new(),
            open: BTreeMap::new(),
        }
    }

    /// Adds a closed experiment, as it is on record, in the order of their verdicts; what used up no
    /// index changes nothing.
    pub fn add_closed(&mut self, summary: &Summary) {
        let begun = summary.resumes.unwrap_or(summary.id);
        let mut taken = self.open.remove(&begun).unwrap_or_else(|| {
            let continued = summary.spent.iter().filter(|_| summary.resumes.is_some());
            continued.map(|it| it.metric.clone()).collect()
        });
        for spent in summary.spent.iter().chain(&summary.others) {
            let index = if taken.contains(&spent.metric) {
                Index::Taken
            } else {
                taken.push(spent.metric.clone());
                Index::New
            };
            self.add(spent, index, summary.verdict == Verdict::Keep);
        }
        // A continuation that the infrastructure spoiled may be begun again.
        if matches!(summary.verdict, Verdict::Inconclusive | Verdict::Spurious) && !taken.is_empty()
        {
            self.open.insert(begun, taken);
        }
    }

    fn add(&mut self, spent: &Spent, index: Index, kept: bool) {
        let stream = self
            .by_metric
            .entry(spent.metric.clone())
            .or_insert_with(|| Lord::new(self.alpha));
        if index == Index::New {
            stream.start(spent.level);
        }
        if kept {
            stream.keep();
        }
    }

    /// Returns the level of the next test of a metric, and its place in the stream.
    pub fn next(&self, metric: &MetricName) -> (f64, StreamPlace) {
        let unused = Lord::new(self.alpha);
        let stream = self.by_metric.get(metric).unwrap_or(&unused);
        let place = StreamPlace {
            index: stream.started() + 1,
            alpha: self.alpha,
        };
        (stream.next_level(), place)
    }

    /// Returns how each stream stands, by metric.
    pub fn states(&self) -> Vec<StreamState> {
        let streams = self.by_metric.iter();
        streams
            .map(|(metric, stream)| StreamState {
                metric: metric.clone(),
                tests: stream.started(),
                kept: stream.kept(),
                bound: stream.bound(),
            })
            .collect()
    }
}

/// Returns the share of what still stands that is expected to be flukes at most, once audits took some
/// out: all flukes may be among it.
pub fn survivors_bound(alpha: f64, kept: u64, unkept: u64) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "nobody keeps 2^52 changes")]
    let share = alpha * (kept + unkept) as f64 / kept as f64;
    (kept > 0).then(|| share.min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(name: &str) -> MetricName {
        name.parse().unwrap()
    }

    fn spend(streams: &mut Streams, name: &str, kept: bool) {
        let (level, _) = streams.next(&metric(name));
        let spent = Spent {
            metric: metric(name),
            level,
            seen: None,
        };
        streams.add(&spent, Index::New, kept);
    }

    #[test]
    fn every_metric_has_a_budget_of_its_own() {
        let mut streams = Streams::new(0.05);
        let fresh = streams.next(&metric("parse"));
        for _ in 0..5 {
            spend(&mut streams, "parse", false);
        }
        assert_eq!(streams.next(&metric("render")), fresh);
        let (level, place) = streams.next(&metric("parse"));
        assert!(level < fresh.0);
        assert_eq!((place.index, fresh.1.index), (6, 1));
    }

    #[test]
    fn a_test_that_goes_on_takes_no_other_index_and_its_keep_is_credited_when_it_is_decided() {
        let mut streams = Streams::new(0.05);
        let (level, _) = streams.next(&metric("parse"));
        for _ in 0..4 {
            spend(&mut streams, "parse", false);
        }
        let before = streams.next(&metric("parse"));
        let spent = Spent {
            metric: metric("parse"),
            level,
            seen: None,
        };
        streams.add(&spent, Index::Taken, false);
        assert_eq!(streams.next(&metric("parse")), before);
        streams.add(&spent, Index::Taken, true);
        let after = streams.next(&metric("parse"));
        assert_eq!(after.1, before.1);
        assert!(after.0 > before.0);
    }

    #[test]
    fn tests_with_a_margin_have_a_stream_of_their_own() {
        assert_eq!(family(&metric("parse"), 0.0), metric("parse"));
        assert_eq!(family(&metric("parse"), 0.01), metric("keeps:parse"));
    }

    #[test]
    fn what_was_taken_out_makes_the_bound_of_the_rest_wider() {
        let close = |found: Option<f64>, expected: f64| (found.unwrap() - expected).abs() < 1e-12;
        assert!(close(survivors_bound(0.05, 10, 2), 0.06));
        assert!(close(survivors_bound(0.05, 10, 0), 0.05));
        assert!(close(survivors_bound(0.05, 1, 99), 1.0));
        assert_eq!(survivors_bound(0.05, 0, 3), None);
    }

    #[test]
    fn a_keep_earns_and_the_bound_is_told() {
        let mut streams = Streams::new(0.05);
        spend(&mut streams, "parse", false);
        let (poor, _) = streams.next(&metric("parse"));
        spend(&mut streams, "parse", true);
        let (rich, _) = streams.next(&metric("parse"));
        assert!(rich > poor);
        let states = streams.states();
        assert_eq!((states[0].tests, states[0].kept), (2, 1));
        assert!(states[0].bound > 0.0 && states[0].bound < 0.05);
    }
}
