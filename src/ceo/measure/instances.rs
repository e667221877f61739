//! A claim about a metric over instances: both arms run once, and every instance is a pair.

use std::collections::BTreeSet;

use camino::Utf8PathBuf;
use rand::RngExt as _;
use rand::seq::SliceRandom as _;

use super::others::NoLoss;
use super::parse_name;
use crate::ceo::Error;
use crate::ceo::session::Session;
use crate::config;
use crate::decision::{self, InstanceAsk};
use crate::eval::instanced::{InstanceRun, Written, mean};
use crate::eval::instances::Instances;
use crate::model::dimension::Direction;
use crate::model::event::RunEvent;
use crate::model::id::{ExperimentId, MetricName, TreeSha};
use crate::model::measurement::{Arm, BoundedPlan, Evidence, Measurement, Pair, Sample, TestPlan};
use crate::model::tail::Tails;
use crate::model::verdict::{Decision, Verdict};
use crate::model::violation::{Rule, Violation};
use crate::stats::estimate::{self, root_mean_square};

/// What two runs of the unchanged code showed of a metric over instances.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::ceo) struct InstanceBase {
    /// Which instances there are.
    ids: BTreeSet<String>,
    /// The standard deviation of one instance's difference between two runs of the same code.
    sigma: f64,
    /// The mean score, in the metric's own direction.
    level: f64,
    /// How far the two runs were apart on average, where their instances do not explain it.
    shared: Option<f64>,
    /// What both runs took.
    pair_seconds: f64,
}

impl Session<'_> {
    /// Returns the file that runs of this metric write about their instances, if they do.
    pub(in crate::ceo) fn instances_of(&self, metric: &config::Metric) -> Option<Utf8PathBuf> {
        let research = self.bench.lab.profile.research.as_ref()?;
        let is_over_instances = research.metric == metric.name;
        research.instances.clone().filter(|_| is_over_instances)
    }

    /// Returns how many instances the metric is known to have.
    pub(super) fn n_instances(&self, metric: &config::Metric) -> usize {
        let base = self.instance_bases.get(&metric.name);
        base.map_or(0, |it| it.ids.len())
    }

    /// Runs the unchanged code twice, once a session: which instances there are, and how far their
    /// scores repeat.
    pub(super) async fn calibrate_instances(
        &mut self,
        id: ExperimentId,
        metric: &config::Metric,
    ) -> Result<(), Error> {
        if self.instance_bases.contains_key(&metric.name) {
            return Ok(());
        }
        let incumbent = self.incumbent.tree.clone();
        if let Some(reason) = self.build_arms(id, metric, &incumbent).await? {
            return Err(self.broken(metric, reason));
        }
        let detail = format!("the instances of {}, twice", metric.name);
        self.enter(id, "calibrate", detail);
        let (_, first, second) = self.run_both(metric).await?;
        let base = match base_of(&first, &second, metric.direction) {
            Ok(base) => base,
            Err(reason) => return Err(self.broken(metric, reason)),
        };
        if let Some(apart) = base.shared {
            self.notice(format!(
                "two runs of the same code differ by {apart:.3} in the mean of `{}`, more than their instances explain: what all instances of a run share counts as a gain (hint: fix its seed, or draw one for each instance)",
                metric.name
            ));
        }
        self.withheld.note_instances(base.ids.iter());
        self.instance_bases.insert(metric.name.clone(), base);
        Ok(())
    }

    /// Kernel B: one run of each arm is a pair for every instance.
    ///
    /// The same instances again would say nothing new about others, so a test that is undecided stays so.
    pub(super) async fn test_instances(
        &mut self,
        id: ExperimentId,
        metric: &config::Metric,
        delta: Option<f64>,
        candidate: &TreeSha,
    ) -> Result<(Decision, Option<Evidence>), Error> {
        self.calibrate_instances(id, metric).await?;
        let base = self.instance_bases[&metric.name].clone();
        let mut plan = self.plan_instances(metric, delta, &base);
        self.weigh_scores(&mut plan, base.level);
        let incumbent = self.incumbent.tree.clone();
        self.score_instances(id, metric, plan, [&incumbent, candidate])
            .await
    }

    /// Shows that the scores of instances are no worse: kernel B with a margin, in a stream of its own.
    pub(super) async fn hold_to_instances(
        &mut self,
        id: ExperimentId,
        metric: &config::Metric,
        trees: [&TreeSha; 2],
    ) -> Result<NoLoss, Error> {
        self.calibrate_instances(id, metric).await?;
        let base = self.instance_bases[&metric.name].clone();
        let family = decision::family(&parse_name(&metric.name), 1.0);
        let plan = match self.plan_scores(metric, metric.tolerance, &family, &base) {
            TestPlan::Bounded(plan) => TestPlan::Bounded(BoundedPlan {
                epsilon: plan.delta,
                ..plan
            }),
            other => other,
        };
        let (decision, evidence) = self.score_instances(id, metric, plan, trees).await?;
        Ok(match evidence {
            Some(evidence) => NoLoss::Tested(Box::new(evidence)),
            None if decision.verdict == Verdict::Revert => {
                let lost = decision.reasons.into_iter();
                let lost = lost.map(|it| Violation::of(Rule::DimensionLost, it));
                NoLoss::Ended(Box::new(Decision::vetoed(lost.collect())))
            }
            None => NoLoss::Ended(Box::new(decision)),
        })
    }

    async fn score_instances(
        &mut self,
        id: ExperimentId,
        metric: &config::Metric,
        plan: TestPlan,
        trees: [&TreeSha; 2],
    ) -> Result<(Decision, Option<Evidence>), Error> {
        let base = self.instance_bases[&metric.name].clone();
        if let Some(reason) = self.build_trees(id, metric, trees).await? {
            return Ok((Decision::plain(Verdict::Revert, reason), None));
        }
        if let Some(too_dear) = self.tell_price_of_instances(id, metric, &plan, &base) {
            return Ok((too_dear, None));
        }
        let (first, incumbent, run) = self.run_both(metric).await?;
        let before = match scores(&incumbent, &base.ids) {
            Ok(scores) => scores,
            Err(Fault::Run(why) | Fault::Unusable(why) | Fault::Tampered(why, _)) => {
                return Err(self.broken(metric, why));
            }
        };
        let after = match scores(&run, &base.ids) {
            Ok(scores) => scores,
            Err(fault) => return Ok((self.held_against(fault), None)),
        };
        let mut ids: Vec<&String> = base.ids.iter().collect();
        ids.shuffle(&mut self.rng);
        let side = |arm, tree: &TreeSha, run: &InstanceRun, scores: &Instances, id: &str| {
            measurement(metric, arm, tree, run, scores, id)
        };
        let [tree, candidate] = trees;
        let pairs = ids.into_iter().map(|id| Pair {
            first,
            incumbent: side(Arm::Incumbent, tree, &incumbent, before, id),
            candidate: side(Arm::Candidate, candidate, &run, after, id),
            instance: Some(id.clone()),
        });
        let evidence = Evidence {
            metric: parse_name(&metric.name),
            unit: metric.unit.clone(),
            plan,
            pairs: pairs.collect(),
        };
        self.tell_instances(id, metric, &evidence);
        let mut decision = decision::replay(&evidence);
        self.believe(&evidence, &mut decision);
        Ok((decision, Some(evidence)))
    }

    /// Says how both arms did over all instances: the last of them alone would say nothing.
    fn tell_instances(&self, id: ExperimentId, metric: &config::Metric, evidence: &Evidence) {
        let (n, ln_e, _) = decision::progress(evidence);
        let (n_max, needed) = match &evidence.plan {
            TestPlan::SignBetting(plan) => (plan.n_max, 1.0 / plan.alpha),
            TestPlan::Bounded(plan) => (plan.n_max, 1.0 / plan.alpha),
            TestPlan::Deterministic { .. } | TestPlan::Watch(_) => (n, 1.0),
        };
        self.tell(&RunEvent::PairMeasured {
            id,
            metric: metric.name.clone(),
            unit: metric.unit.clone(),
            n,
            n_max,
            incumbent: level(evidence, |it| &it.incumbent),
            candidate: level(evidence, |it| &it.candidate),
            e_value: ln_e.exp(),
            needed,
            watched: false,
        });
    }

    /// Tells what the test will cost, and writes it into the record; returns the verdict of one that the budget
    /// does not pay for.
    fn tell_price_of_instances(
        &mut self,
        id: ExperimentId,
        metric: &config::Metric,
        plan: &TestPlan,
        base: &InstanceBase,
    ) -> Option<Decision> {
        let TestPlan::Bounded(plan) = plan else {
            return None;
        };
        let seconds = base.pair_seconds;
        let too_dear = self.too_dear(metric, 0, 1, seconds);
        if too_dear.is_some() {
            return too_dear;
        }
        self.tell(&RunEvent::TestPlanned {
            id,
            metric: metric.name.clone(),
            unit: metric.unit.clone(),
            n_max: plan.n_max,
            shortened: false,
            delta: plan.delta,
            delta_share: Some(plan.delta / base.level).filter(|it| it.is_finite()),
            seconds_null: seconds,
            seconds_keep: seconds,
            seconds_most: seconds,
            notes: Vec::new(),
        });
        self.remarks.push(format!(
            "The price as it was told before: one run of each arm over {} instances, in {seconds:.0} s.",
            plan.n_max
        ));
        None
    }

    fn plan_instances(
        &self,
        metric: &config::Metric,
        delta: Option<f64>,
        base: &InstanceBase,
    ) -> TestPlan {
        let tolerance = super::larger(metric.tolerance, delta);
        self.plan_scores(metric, tolerance, &parse_name(&metric.name), base)
    }

    fn plan_scores(
        &self,
        metric: &config::Metric,
        tolerance: Option<f64>,
        family: &MetricName,
        base: &InstanceBase,
    ) -> TestPlan {
        let (alpha, place) = self.streams.next(family);
        let ask = InstanceAsk {
            direction: metric.direction,
            tolerance,
            alpha,
            stream: Some(place),
            epsilon: 0.0,
            n_instances: u32::try_from(base.ids.len()).unwrap_or(u32::MAX),
            sigma: base.sigma,
        };
        match decision::plan_instances(&ask) {
            // One run gives all of them at once: giving up half way would save nothing.
            TestPlan::Bounded(plan) => TestPlan::Bounded(BoundedPlan {
                look_every: plan.n_max,
                ..plan
            }),
            other => other,
        }
    }

    /// Runs both arms once, in an order that a fair coin chooses.
    async fn run_both(
        &mut self,
        metric: &config::Metric,
    ) -> Result<(Arm, InstanceRun, InstanceRun), Error> {
        let file = self.instances_of(metric).unwrap_or_default();
        let first = if self.rng.random::<bool>() {
            Arm::Incumbent
        } else {
            Arm::Candidate
        };
        let mut runs = Vec::new();
        for arm in [first, first.other()] {
            let place = self.bench.arm(arm);
            let run = self.bench.lab.measure_instances(&place, metric, &file);
            runs.push(run.await?);
            self.cost.metric_runs += 1;
        }
        let (two, one) = (runs.pop(), runs.pop());
        let (Some(one), Some(two)) = (one, two) else {
            unreachable!("two arms were run");
        };
        Ok(match first {
            Arm::Incumbent => (first, one, two),
            Arm::Candidate => (first, two, one),
        })
    }

    /// Returns what a fault of the candidate's run makes of it; never a keep.
    fn held_against(&self, fault: Fault) -> Decision {
        match fault {
            Fault::Run(why) => Decision::plain(
                Verdict::Revert,
                format!("the candidate gave no value: {why}"),
            ),
            Fault::Unusable(why) => Decision::plain(
                Verdict::Revert,
                format!("the candidate's instances cannot be used: {why}"),
            ),
            Fault::Tampered(why, which) => {
                let mut violation = Violation::of(Rule::Tampered, why);
                if let Some(which) = which {
                    self.notice(format!("{violation}: {which}"));
                    violation.for_person = Some(which);
                }
                Decision::vetoed(vec![violation])
            }
        }
    }
}

/// What is wrong with a run over instances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ceo) enum Fault {
    /// It gave no number.
    Run(String),
    /// What it wrote cannot be read.
    Unusable(String),
    /// What it wrote contradicts its number, or is about other instances; which, for a person.
    Tampered(String, Option<String>),
}

/// Returns the scores of a run, of exactly the known instances.
pub(in crate::ceo) fn scores<'a>(
    run: &'a InstanceRun,
    known: &BTreeSet<String>,
) -> Result<&'a Instances, Fault> {
    match &run.written {
        Written::Failed(why) => Err(Fault::Run(why.clone())),
        Written::Unusable(why) => Err(Fault::Unusable(why.clone())),
        Written::Contradiction(why) => Err(Fault::Tampered(why.clone(), None)),
        Written::Scores(instances) => other_than(known, instances).map_or(Ok(instances), Err),
    }
}

/// Returns how the instances differ from those that are known.
fn other_than(known: &BTreeSet<String>, instances: &Instances) -> Option<Fault> {
    let missing: Vec<&String> = known
        .iter()
        .filter(|it| !instances.contains_key(*it))
        .collect();
    let new: Vec<&String> = instances.keys().filter(|it| !known.contains(*it)).collect();
    let named = |ids: &[&String]| {
        let shown: Vec<String> = ids.iter().take(3).map(|it| format!("`{it}`")).collect();
        shown.join(", ")
    };
    let what = match (missing.is_empty(), new.is_empty()) {
        (true, true) => return None,
        (false, _) => format!(
            "{} of {} instances are missing, and what is left out would not count against it",
            missing.len(),
            known.len()
        ),
        (true, false) => format!("{} instances were not there before", new.len()),
    };
    let which = if missing.is_empty() {
        format!("new: {}", named(&new))
    } else {
        format!("missing: {}", named(&missing))
    };
    Some(Fault::Tampered(what, Some(which)))
}

/// Returns what two runs of the unchanged code showed.
fn base_of(
    first: &InstanceRun,
    second: &InstanceRun,
    direction: Direction,
) -> Result<InstanceBase, String> {
    let pair_seconds = first.seconds + second.seconds;
    let of = |run: &InstanceRun| match &run.written {
        Written::Scores(instances) => Ok(instances.clone()),
        Written::Failed(why) | Written::Unusable(why) | Written::Contradiction(why) => {
            Err(why.clone())
        }
    };
    let (first, second) = (of(first)?, of(second)?);
    let ids: BTreeSet<String> = first.keys().cloned().collect();
    if let Some(Fault::Tampered(what, which)) = other_than(&ids, &second) {
        return Err(format!(
            "its instances come and go: {what} in a second run of the same code ({}; hint: run the same \
             instances every time)",
            which.unwrap_or_default()
        ));
    }
    let differences: Vec<f64> = first
        .iter()
        .map(|(id, it)| it.score - second[id].score)
        .collect();
    let mean = mean(&first);
    Ok(InstanceBase {
        level: match direction {
            Direction::Maximize => mean,
            Direction::Minimize => 1.0 - mean,
        },
        sigma: root_mean_square(&differences).unwrap_or(0.0),
        shared: decision::shared_noise(&differences),
        pair_seconds,
        ids,
    })
}

/// Returns one instance's run, with its score in the metric's own direction.
fn measurement(
    metric: &config::Metric,
    arm: Arm,
    tree: &TreeSha,
    run: &InstanceRun,
    scores: &Instances,
    id: &str,
) -> Measurement {
    let score = scores[id].score;
    let value = match metric.direction {
        Direction::Maximize => score,
        Direction::Minimize => 1.0 - score,
    };
    let n = f64::from(u32::try_from(scores.len()).unwrap_or(u32::MAX));
    Measurement {
        arm,
        tree: tree.clone(),
        sample: Sample::Value { value },
        seconds: run.seconds / n,
        tail: Tails::new(),
    }
}

/// Returns an arm's mean over all instances.
fn level(evidence: &Evidence, arm: impl Fn(&Pair) -> &Measurement) -> Option<f64> {
    let values = evidence.pairs.iter().map(|it| arm(it).sample.value());
    estimate::mean(&values.collect::<Option<Vec<f64>>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::instances::parse;

    fn wrote(lines: &[(&str, f64)]) -> InstanceRun {
        let line = |(id, score): &(&str, f64)| format!("{{\"id\":\"{id}\",\"score\":{score}}}\n");
        let text = lines.iter().map(line).collect::<Vec<_>>().concat();
        run(Written::Scores(parse(&text).unwrap()))
    }

    fn run(written: Written) -> InstanceRun {
        InstanceRun {
            sample: Sample::Value { value: 0.5 },
            seconds: 1.0,
            written,
        }
    }

    fn known() -> BTreeSet<String> {
        ["a", "b", "c"].map(str::to_owned).into()
    }

    #[test]
    fn the_same_instances_are_compared_whatever_their_order() {
        let honest = wrote(&[("c", 1.0), ("a", 0.0), ("b", 0.5)]);
        assert_eq!(scores(&honest, &known()).unwrap().len(), 3);
    }

    #[test]
    fn leaving_out_hard_instances_is_no_gain() {
        let fault = scores(&wrote(&[("a", 1.0), ("c", 1.0)]), &known()).unwrap_err();
        let what = "1 of 3 instances are missing, and what is left out would not count against it";
        let expected = Fault::Tampered(what.to_owned(), Some("missing: `b`".to_owned()));
        assert_eq!(fault, expected);
    }

    #[test]
    fn easy_instances_cannot_be_added() {
        let more = wrote(&[("a", 1.0), ("b", 1.0), ("c", 1.0), ("d", 1.0)]);
        let expected = Fault::Tampered(
            "1 instances were not there before".to_owned(),
            Some("new: `d`".to_owned()),
        );
        assert_eq!(scores(&more, &known()).unwrap_err(), expected);
    }

    #[test]
    fn what_a_run_did_not_say_is_held_against_it_for_what_it_is() {
        let why = || "exit status 3".to_owned();
        for (written, expected) in [
            (Written::Failed(why()), Fault::Run(why())),
            (Written::Unusable(why()), Fault::Unusable(why())),
            (Written::Contradiction(why()), Fault::Tampered(why(), None)),
        ] {
            assert_eq!(scores(&run(written), &known()).unwrap_err(), expected);
        }
    }

    #[test]
    fn instances_that_come_and_go_on_the_unchanged_code_break_the_metric() {
        let first = wrote(&[("a", 1.0), ("b", 0.0)]);
        let base = base_of(&first, &first, Direction::Maximize).unwrap();
        assert_eq!((base.ids.len(), base.sigma, base.level), (2, 0.0, 0.5));
        let noisy = base_of(
            &first,
            &wrote(&[("a", 0.0), ("b", 0.0)]),
            Direction::Maximize,
        )
        .unwrap();
        assert!((noisy.sigma - 0.5_f64.sqrt()).abs() < 1e-12);
        let reason = base_of(&first, &wrote(&[("a", 1.0)]), Direction::Maximize).unwrap_err();
        assert!(
            reason.starts_with("its instances come and go: 1 of 2"),
            "{reason}"
        );
    }
}
