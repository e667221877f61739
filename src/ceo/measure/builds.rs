//! What building has to do with noise: a calibration on more than one separately built pair of trees, and
//! no pair at all where both arms came out byte for byte the same.

use std::time::{Duration, Instant};

use super::differ;
use super::pair::run_pair_of;
use crate::ceo::session::{Session, count};
use crate::ceo::{Error, Workbench};
use crate::config::{self, ParserSpec};
use crate::eval::ArmRef;
use crate::model::dimension::Direction;
use crate::model::measurement::{Arm, Measurement, Pair, TestPlan};

/// Build folders of the second pair of trees; as long as `incumbent` and `candidate`, because the length of
/// a path can move the layout of a program.
const AFRESH: [&str; 2] = ["rebuilt-1", "rebuilt-2"];
/// With fewer pairs than these on each build, their noise cannot be told from that of building.
const LEAST_PAIRS: u32 = 2;
/// A second build may take as long as the pairs, and at least so long.
const LEAST_LIMIT: Duration = Duration::from_secs(10);

/// The pairs of a calibration.
pub(super) struct Calibrating {
    pub(in crate::ceo) pairs: Vec<Pair>,
    /// How many were made on each separately built pair of trees, if that was more than one.
    pub(in crate::ceo) builds: Vec<u32>,
    /// Wall time of one, with all that belongs to it.
    pub(in crate::ceo) pair_seconds: f64,
}

impl Session<'_> {
    /// Runs A/A pairs on what is laid out and built; of a timing, half of them on trees that are built once
    /// more from nothing, where that takes no longer than the pairs. One is enough for what is declared
    /// deterministic and does not contradict it.
    pub(super) async fn calibration_pairs(
        &mut self,
        metric: &config::Metric,
        n_pairs: u32,
    ) -> Result<Calibrating, Error> {
        let again = if is_built_timing(metric) && n_pairs >= 2 * LEAST_PAIRS {
            n_pairs / 2
        } else {
            0
        };
        let since = Instant::now();
        let mut pairs = Vec::new();
        if metric.deterministic && !self.noisy.contains(&metric.name) {
            let pair = self.run_pair(metric).await?;
            let is_enough = repeats(&pair);
            pairs.push(pair);
            if is_enough {
                return Ok(Calibrating {
                    pairs,
                    builds: Vec::new(),
                    pair_seconds: since.elapsed().as_secs_f64(),
                });
            }
        }
        for _ in again + count(pairs.len())..n_pairs {
            pairs.push(self.run_pair(metric).await?);
        }
        let mut seconds = since.elapsed();
        let limit = (seconds * 2).max(LEAST_LIMIT);
        let is_afresh = again > 0 && self.build_afresh(metric, limit).await?;
        if again > 0 && !is_afresh {
            // The attempt laid the trees out anew, and what was built in them is gone.
            let incumbent = self.incumbent.tree.clone();
            self.lay_out_both(&incumbent, &incumbent)?;
            for arm in [Arm::Incumbent, Arm::Candidate] {
                let place = self.bench.arm(arm);
                if let Err(reason) = self.bench.lab.build_metric(&place, metric).await? {
                    return Err(self.broken(metric, reason));
                }
            }
        }
        if again > 0 {
            // The first run of what was built anew warms caches, as before the first half.
            drop(self.run_built(metric, is_afresh).await?);
        }
        let since = Instant::now();
        for _ in 0..again {
            pairs.push(self.run_built(metric, is_afresh).await?);
        }
        seconds += since.elapsed();
        self.forget_afresh()?;
        Ok(Calibrating {
            pairs,
            builds: if is_afresh {
                vec![n_pairs - again, again]
            } else {
                Vec::new()
            },
            pair_seconds: seconds.as_secs_f64() / f64::from(n_pairs.max(1)),
        })
    }

    async fn run_built(&mut self, metric: &config::Metric, is_afresh: bool) -> Result<Pair, Error> {
        if !is_afresh {
            return self.run_pair(metric).await;
        }
        let places = afresh(&self.bench);
        let pair = run_pair_of(places, &self.bench, metric, &mut self.rng).await?;
        self.cost.metric_runs += 2;
        Ok(pair)
    }

    /// Builds the incumbent twice more, from nothing, in folders of their own; returns whether that was
    /// possible within the limit.
    async fn build_afresh(
        &mut self,
        metric: &config::Metric,
        limit: Duration,
    ) -> Result<bool, Error> {
        let incumbent = self.incumbent.tree.clone();
        self.lay_out_both(&incumbent, &incumbent)?;
        for place in afresh(&self.bench) {
            let built = self.bench.lab.build_afresh(&place, metric, limit).await?;
            if let Err(reason) = built {
                tracing::info!(metric = %metric.name, %reason, "not built a second time: the calibration rests on one pair of builds");
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn forget_afresh(&self) -> Result<(), Error> {
        for name in AFRESH {
            self.bench.lab.forget_build(name)?;
        }
        Ok(())
    }

    /// Returns why no pair is to be run: whatever the metric's command reads or executes, as its `reads`
    /// declares it, has the same bytes in both arms.
    pub(super) fn reads_the_same(
        &self,
        metric: &config::Metric,
        plan: &TestPlan,
    ) -> Result<Option<String>, Error> {
        if metric.reads.is_empty() || matches!(plan, TestPlan::Deterministic { .. }) {
            return Ok(None);
        }
        let lab = &self.bench.lab;
        let of = |arm| lab.artefacts(&self.bench.arm(arm), metric);
        let both = of(Arm::Incumbent)?.zip(of(Arm::Candidate)?);
        Ok(both.filter(|(before, after)| before == after).map(|(it, _)| {
            let files = if it.len() == 1 { "file" } else { "files" };
            format!(
                "no pair of `{}` was run: everything that it reads, as `reads` declares it, is byte for byte the same in both arms ({} {files})",
                metric.name,
                it.len()
            )
        }))
    }
}

/// Returns whether both arms gave the same number.
fn repeats(pair: &Pair) -> bool {
    let has_value = |it: &Measurement| it.sample.value().is_some();
    has_value(&pair.incumbent)
        && has_value(&pair.candidate)
        && !differ(&pair.incumbent, &pair.candidate)
}

/// Returns both arms with build folders of their own.
fn afresh(bench: &Workbench) -> [ArmRef<'_>; 2] {
    let of = |arm, name| ArmRef {
        name,
        ..bench.arm(arm)
    };
    [of(Arm::Incumbent, AFRESH[0]), of(Arm::Candidate, AFRESH[1])]
}

/// Returns whether a metric is a time of something that is built.
fn is_built_timing(metric: &config::Metric) -> bool {
    let by_clock = matches!(
        metric.parser.parse(),
        Ok(ParserSpec::Seconds | ParserSpec::Benchmarks(_))
    );
    metric.build.is_some()
        && metric.direction == Direction::Minimize
        && (by_clock || crate::decision::is_time(&metric.unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_times_of_what_is_built_are_built_twice() {
        let metric = |build: Option<&str>, unit: &str, parser: &str| config::Metric {
            build: build.map(str::to_owned),
            unit: unit.to_owned(),
            parser: parser.to_owned(),
            ..config::Metric::suite_seconds()
        };
        assert!(is_built_timing(&metric(Some("make"), "ms", "metric")));
        assert!(is_built_timing(&metric(Some("make"), "", "seconds")));
        assert!(!is_built_timing(&metric(Some("make"), "MiB", "metric")));
        assert!(!is_built_timing(&metric(None, "ms", "metric")));
    }

    #[test]
    fn a_pair_repeats_where_both_arms_give_one_number() {
        let pair = |one: Option<f64>, other: Option<f64>| -> Pair {
            let run = |arm: &str, value: Option<f64>| {
                let sample = match value {
                    Some(value) => serde_json::json!({"outcome": "value", "value": value}),
                    None => serde_json::json!({"outcome": "failed", "reason": "timed out"}),
                };
                serde_json::json!({"arm": arm, "tree": "a".repeat(40), "sample": sample, "seconds": 1.0})
            };
            let (incumbent, candidate) = (run("incumbent", one), run("candidate", other));
            let both = serde_json::json!({"first": "incumbent", "incumbent": incumbent, "candidate": candidate});
            serde_json::from_value(both).unwrap()
        };
        assert!(repeats(&pair(Some(3.0), Some(3.0))));
        assert!(!repeats(&pair(Some(3.0), Some(4.0))));
        assert!(!repeats(&pair(Some(3.0), None)));
        assert!(!repeats(&pair(None, None)));
    }

    #[test]
    fn paths_of_a_second_build_are_as_long_as_those_of_the_first() {
        assert!(AFRESH.iter().all(|it| it.len() == "incumbent".len()));
    }
}
