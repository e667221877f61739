//! Both arms, measured: deterministic dimensions first, then the claimed metric in pairs.

pub(super) mod bargain;
mod builds;
mod holdout;
pub(super) mod instances;
mod keeps;
mod memory;
pub mod noise;
mod others;
mod pair;
mod pairs;
mod price;
pub(super) mod remeasure;
pub(super) mod resume;
mod veto;

use std::time::Instant;

use self::builds::Calibrating;
use self::others::Claimed;
use crate::ceo::Error;
use crate::ceo::experiment::claim_line;
use crate::ceo::session::Session;
use crate::config;
use crate::decision::{self, Next, Positions};
use crate::eval::Depth;
use crate::gate;
use crate::model::dimension::{Dimension, Direction, Evaluation};
use crate::model::event::RunEvent;
use crate::model::experiment::{Candidate, DimensionPair, ExperimentEvent};
use crate::model::hypothesis::{Claim, Hypothesis};
use crate::model::id::{ExperimentId, MetricName, TreeSha};
use crate::model::measurement::{
    Arm, Calibration, Evidence, Measurement, Pair, Sample, Scale, TestPlan,
};
use crate::model::tail::Tails;
use crate::model::verdict::{Decision, Verdict};

impl Session<'_> {
    /// Evaluates the candidate, vetoes what must not pass, and tests the claim.
    pub(super) async fn measure(
        &mut self,
        id: ExperimentId,
        hypothesis: &Hypothesis,
        candidate: &Candidate,
    ) -> Result<Decision, Error> {
        let metric = self.claimed_metric(&hypothesis.claim);
        let too_dear = match &metric {
            Some(metric) if self.instances_of(metric).is_some() => {
                self.calibrate_instances(id, metric).await?;
                None
            }
            Some(metric) => self.calibrate(id, metric).await?,
            None => None,
        };
        if let Some(too_dear) = too_dear {
            return Ok(too_dear);
        }
        if let Some(veto) = self.first_look(id, candidate).await? {
            return Ok(veto);
        }
        self.enter(id, "measure", "the candidate's tests and dimensions");
        let depth = self.depth_before(metric.as_ref());
        let mut evaluation = self
            .evaluate(Arm::Candidate, &candidate.tree, depth)
            .await?;
        self.note_side_effects(metric.as_ref(), &evaluation);
        let veto = match self.veto(&evaluation).await? {
            None => self.veto_metrics(id, hypothesis, &evaluation).await?,
            veto => veto,
        };
        if let Some(veto) = veto {
            self.journal_measured(&evaluation, None, Vec::new())?;
            return Ok(veto);
        }
        let (decision, evidence) = match (&hypothesis.claim, metric.as_ref()) {
            (Claim::Moves { delta, .. }, Some(metric)) if self.instances_of(metric).is_some() => {
                self.test_instances(id, metric, *delta, &candidate.tree)
                    .await?
            }
            (Claim::Moves { delta, .. }, Some(metric)) => {
                self.test_metric(id, metric, *delta, &candidate.tree)
                    .await?
            }
            (Claim::Moves { metric, delta }, None) => {
                self.test_dimension(id, metric, *delta, candidate, &evaluation)
                    .await?
            }
            (Claim::Keeps, _) => self.test_keeps(id, hypothesis, &candidate.tree).await?,
            (Claim::Maintains, _) => (self.test_tests(id, &evaluation).await?, None),
            (Claim::Meets { .. }, _) => (
                Decision::plain(
                    Verdict::Spurious,
                    "acceptance checks cannot be run yet by this backend",
                ),
                None,
            ),
        };
        let decision = self.guard_last(id, decision, &mut evaluation).await?;
        let incumbent = self.incumbent.tree.clone();
        let claimed = Claimed {
            hypothesis,
            trees: [&incumbent, &candidate.tree],
            evidence: evidence.as_ref(),
            others: Vec::new(),
            decision,
        };
        let (held, others) = self.hold_to_others(id, claimed).await?;
        self.journal_measured(&evaluation, evidence, others)?;
        let checked = self
            .check_holdout(id, metric.as_ref(), held, &candidate.tree)
            .await?;
        self.enter(id, "decide", claim_line(&hypothesis.claim));
        self.candidate_evaluation = Some(evaluation);
        Ok(checked)
    }

    pub(super) async fn evaluate(
        &mut self,
        arm: Arm,
        tree: &TreeSha,
        depth: Depth,
    ) -> Result<Evaluation, Error> {
        let facts = self.history.facts();
        self.cost.evals += 1;
        self.bench
            .evaluate(&self.target, arm, tree, depth, &facts)
            .await
    }

    /// Treats a metric as noisy from now on, in later runs too.
    pub(super) fn demote(&mut self, metric: &config::Metric) -> Result<(), Error> {
        self.notice(format!(
            "`{}` is not deterministic after all: one tree gave two numbers; from now on it is calibrated and tested as noisy",
            metric.name
        ));
        self.noisy.insert(metric.name.clone());
        self.calibrations.remove(&metric.name);
        self.remember_noisy(metric)
    }

    /// Returns the project's metric that the claim names; a dimension is not one.
    pub(super) fn claimed_metric(&self, claim: &Claim) -> Option<config::Metric> {
        let Claim::Moves { metric, .. } = claim else {
            return None;
        };
        self.metric_named(metric.as_str())
    }

    /// Tries the same sampled mutants under the old tests and under the new ones.
    async fn test_tests(
        &mut self,
        id: ExperimentId,
        candidate: &Evaluation,
    ) -> Result<Decision, Error> {
        self.enter(
            id,
            "measure",
            "mutants under the old tests and the new ones",
        );
        let incumbent = self.incumbent.tree.clone();
        self.lay_out_both(&incumbent, &candidate.tree)?;
        let lab = &self.bench.lab;
        let old = lab
            .noticed(&self.bench.arm(Arm::Incumbent), &self.baseline().tests)
            .await?;
        let new = lab
            .noticed(&self.bench.arm(Arm::Candidate), &candidate.tests)
            .await?;
        Ok(gate::decide_maintenance(&old, &new))
    }

    /// Kernel D: the gain is confirmed by measuring both arms once more.
    async fn test_dimension(
        &mut self,
        id: ExperimentId,
        metric: &MetricName,
        delta: Option<f64>,
        candidate: &Candidate,
        first: &Evaluation,
    ) -> Result<(Decision, Option<Evidence>), Error> {
        let Some(shape) = dimension_shape(self.baseline(), metric) else {
            return Ok((
                Decision::plain(
                    Verdict::Revert,
                    format!("`{metric}` is not measured here, so the claim cannot be tested"),
                ),
                None,
            ));
        };
        let incumbent = self.baseline().clone();
        let mut evidence = Evidence {
            metric: metric.clone(),
            unit: shape.unit.clone(),
            plan: TestPlan::Deterministic {
                direction: shape.direction,
                delta: delta.unwrap_or(0.0),
                n_rep: self.n_replicates(metric.as_str()),
            },
            pairs: vec![dimension_pair(metric, &incumbent, first)],
        };
        while let Next::Continue = decision::decide(&evidence) {
            self.enter(id, "measure", "both arms once more, to confirm");
            let tree = self.incumbent.tree.clone();
            let depth = Depth::again(metric.as_str());
            let again = self.evaluate(Arm::Incumbent, &tree, depth).await?;
            let other = self
                .evaluate(Arm::Candidate, &candidate.tree, depth)
                .await?;
            evidence.pairs.push(dimension_pair(metric, &again, &other));
        }
        let decision = decision::replay(&evidence);
        self.canary(id, &evidence).await?;
        Ok((decision, Some(evidence)))
    }

    /// Kernel S, or kernel D for a metric that calibration found deterministic: randomised pairs.
    ///
    /// A metric that contradicts kernel D is calibrated as noisy and tested anew, on fresh pairs alone.
    async fn test_metric(
        &mut self,
        id: ExperimentId,
        metric: &config::Metric,
        delta: Option<f64>,
        candidate: &TreeSha,
    ) -> Result<(Decision, Option<Evidence>), Error> {
        let tested = self.test_once(id, metric, delta, candidate).await?;
        match &tested.1 {
            Some(evidence) if contradicts_itself(evidence) || self.canary(id, evidence).await? => {
                self.demote(metric)?;
                if let Some(too_dear) = self.calibrate(id, metric).await? {
                    return Ok((too_dear, None));
                }
                self.test_once(id, metric, delta, candidate).await
            }
            _ => Ok(tested),
        }
    }

    async fn test_once(
        &mut self,
        id: ExperimentId,
        metric: &config::Metric,
        delta: Option<f64>,
        candidate: &TreeSha,
    ) -> Result<(Decision, Option<Evidence>), Error> {
        let mut evidence = Evidence {
            metric: parse_name(&metric.name),
            unit: metric.unit.clone(),
            plan: self.freeze_plan(metric, delta),
            pairs: Vec::new(),
        };
        self.weigh_side_effects(&mut evidence.plan);
        if let Some(reason) = self.build_arms(id, metric, candidate).await? {
            return Ok((Decision::plain(Verdict::Revert, reason), None));
        }
        if let Some(reason) = self.reads_the_same(metric, &evidence.plan)? {
            return Ok((Decision::plain(Verdict::Revert, reason), None));
        }
        let pair_seconds = self.calibrations[&metric.name].pair_seconds;
        if let TestPlan::SignBetting(plan) = &evidence.plan
            && let Some(too_dear) = self.tell_price(id, metric, plan, pair_seconds)
        {
            return Ok((too_dear, None));
        }
        let mut decision = self.run_pairs(id, metric, &mut evidence).await?;
        self.believe(&evidence, &mut decision);
        self.learn(metric, &evidence);
        Ok((decision, Some(evidence)))
    }

    /// Adds the effect that is to be believed, given all that was ever measured of the metric.
    pub(super) fn believe(&self, evidence: &Evidence, decision: &mut Decision) {
        if let Some(statistics) = &mut decision.statistics
            && let Some(new) = decision::seen(evidence, statistics)
        {
            let earlier = self.history.seen(&evidence.metric);
            let value = decision::shrunken(&earlier, &new);
            decision::add_shrunken(&mut decision.effect, statistics, evidence, value);
        }
    }

    /// Builds what the metric measures in both arms; returns why the candidate's does not build.
    pub(super) async fn build_arms(
        &mut self,
        id: ExperimentId,
        metric: &config::Metric,
        candidate: &TreeSha,
    ) -> Result<Option<String>, Error> {
        let incumbent = self.incumbent.tree.clone();
        self.build_trees(id, metric, [&incumbent, candidate]).await
    }

    /// Builds what the metric measures in two trees, the incumbent's first; returns why the candidate's
    /// does not build.
    pub(super) async fn build_trees(
        &mut self,
        id: ExperimentId,
        metric: &config::Metric,
        [incumbent, candidate]: [&TreeSha; 2],
    ) -> Result<Option<String>, Error> {
        self.enter(id, "measure", format!("build {} in both arms", metric.name));
        self.lay_out_both(incumbent, candidate)?;
        self.clear_traces(incumbent != candidate)?;
        for arm in [Arm::Incumbent, Arm::Candidate] {
            let place = self.bench.arm(arm);
            match (self.bench.lab.build_metric(&place, metric).await?, arm) {
                (Ok(()), _) => {}
                (Err(reason), Arm::Incumbent) => return Err(self.broken(metric, reason)),
                (Err(reason), Arm::Candidate) => {
                    return Ok(Some(format!("`{}` does not build: {reason}", metric.name)));
                }
            }
        }
        Ok(None)
    }

    /// Remembers that a metric gives no number on the unchanged code, so that it is not tried again.
    pub(super) fn broken(&mut self, metric: &config::Metric, reason: String) -> Error {
        self.broken.insert(metric.name.clone(), reason.clone());
        Error::MetricBroken {
            name: metric.name.clone(),
            reason,
        }
    }

    /// Measures the noise of a metric on two separately built trees of the incumbent, once a run; returns
    /// the verdict of a test that the budget does not pay for.
    pub(super) async fn calibrate(
        &mut self,
        id: ExperimentId,
        metric: &config::Metric,
    ) -> Result<Option<Decision>, Error> {
        if self.calibrations.contains_key(&metric.name) {
            return Ok(None);
        }
        let incumbent = self.incumbent.tree.clone();
        if let Some(reason) = self.build_arms(id, metric, &incumbent).await? {
            return Err(self.broken(metric, reason));
        }
        self.enter(id, "calibrate", format!("the noise of {}", metric.name));
        let since = Instant::now();
        let warm_up = self.run_pair(metric).await?;
        let seconds = warm_up.incumbent.seconds.max(warm_up.candidate.seconds);
        let n_pairs = decision::calibration_pairs(seconds, self.request.profile.decision.preset);
        let pair_seconds = since.elapsed().as_secs_f64();
        let alpha = self.streams.next(&parse_name(&metric.name)).0;
        let n_fewest = decision::fewest_pairs(alpha);
        if let Some(too_dear) = self.too_dear(metric, n_pairs, n_fewest, pair_seconds) {
            return Ok(Some(too_dear));
        }
        let Calibrating {
            pairs,
            builds,
            pair_seconds,
        } = self.calibration_pairs(metric, n_pairs).await?;
        let scale = scale_of(metric.direction, &pairs);
        let is_noisy = self.noisy.contains(&metric.name);
        let declared = metric.deterministic && !is_noisy;
        let mut calibration = decision::calibrate(metric.direction, scale, declared, &pairs);
        calibration.builds = builds;
        // What was once seen to differ is noisy, however often it agrees with itself now.
        calibration.deterministic &= !is_noisy;
        for warning in &calibration.warnings {
            self.notice(format!("{}: {warning}", metric.name));
        }
        if let Some(reason) = first_failure(&pairs) {
            return Err(self.broken(metric, reason));
        }
        if declared && !calibration.deterministic {
            self.noisy.insert(metric.name.clone());
            self.remember_noisy(metric)?;
        }
        let calibrated = Calibrated {
            calibration,
            scale,
            pair_seconds,
            positions: Positions::default(),
            told: false,
            told_noisy: false,
        };
        self.calibrations.insert(metric.name.clone(), calibrated);
        Ok(None)
    }

    /// Adds what an experiment showed about a metric's noise, for the next one; tells of a position that
    /// wins too often.
    pub(super) fn learn(&mut self, metric: &config::Metric, evidence: &Evidence) {
        let Some(calibrated) = self.calibrations.get_mut(&metric.name) else {
            return;
        };
        if let Some(warning) = calibrated.learn(metric.direction, evidence) {
            self.notice(format!("{}: {warning}", metric.name));
        }
    }

    /// Runs both arms once, and counts what that costs.
    pub(super) async fn run_pair(&mut self, metric: &config::Metric) -> Result<Pair, Error> {
        let pair = pair::run_pair(&self.bench, metric, &mut self.rng).await?;
        self.cost.metric_runs += 2;
        self.tell_traces();
        Ok(pair)
    }

    /// Runs one arm once, and counts it.
    pub(super) async fn run_arm(
        &mut self,
        metric: &config::Metric,
        arm: Arm,
    ) -> Result<Measurement, Error> {
        let run = pair::run_arm(&self.bench, metric, arm).await?;
        self.cost.metric_runs += 1;
        Ok(run)
    }

    pub(super) fn tell_pair(&self, id: ExperimentId, metric: &config::Metric, evidence: &Evidence) {
        let (n, ln_e, ln_ratio) = decision::progress(evidence);
        let last = evidence.pairs.last();
        let (n_max, needed) = match &evidence.plan {
            TestPlan::SignBetting(plan) => (plan.n_max, 1.0 / plan.alpha),
            TestPlan::Bounded(plan) => (plan.n_max, 1.0 / plan.alpha),
            TestPlan::Deterministic { .. } => (2, 1.0),
            TestPlan::Watch(plan) => (plan.n_pairs, decision::found_at(plan)),
        };
        let watched = matches!(evidence.plan, TestPlan::Watch(_));
        self.tell(&RunEvent::PairMeasured {
            id,
            metric: metric.name.clone(),
            unit: metric.unit.clone(),
            n,
            n_max,
            incumbent: last.and_then(|it| it.incumbent.sample.value()),
            candidate: last.and_then(|it| it.candidate.sample.value()),
            e_value: if watched { ln_ratio } else { ln_e }.exp(),
            needed,
            watched,
        });
    }

    fn journal_measured(
        &mut self,
        candidate: &Evaluation,
        evidence: Option<Evidence>,
        others: Vec<Evidence>,
    ) -> Result<(), Error> {
        let dimensions = self.beside_baseline(candidate);
        self.journal(&ExperimentEvent::Measured {
            dimensions,
            evidence: evidence.map(Box::new),
            others,
            binding: candidate.binding.clone(),
            sandbox: candidate.sandbox.clone(),
            landing: None,
        })
    }

    /// Returns every dimension of the incumbent beside that of a candidate.
    pub(super) fn beside_baseline(&self, candidate: &Evaluation) -> Vec<DimensionPair> {
        pair_dimensions(self.baseline(), candidate)
    }
}

/// A metric's calibration with the scale it was made on.
pub(super) struct Calibrated {
    pub(super) calibration: Calibration,
    pub(super) scale: Scale,
    /// Wall time of a pair with all that belongs to it.
    pub(super) pair_seconds: f64,
    /// Which run of a pair won, over all experiments.
    positions: Positions,
    told: bool,
    /// Whether a person knows by now that the noise hides most.
    pub(super) told_noisy: bool,
}

impl Calibrated {
    /// Takes in one more experiment; returns a warning the first time that there is one.
    fn learn(&mut self, direction: Direction, evidence: &Evidence) -> Option<String> {
        decision::pool(&mut self.calibration, evidence);
        self.positions.add(direction, self.scale, &evidence.pairs);
        let warning = self.positions.warning().filter(|_| !self.told);
        self.told |= warning.is_some();
        warning
    }
}

/// Returns whether kernel D saw one tree give two numbers.
fn contradicts_itself(evidence: &Evidence) -> bool {
    match (&evidence.plan, evidence.pairs.as_slice()) {
        (TestPlan::Deterministic { .. }, [first, second, ..]) => {
            differ(&first.incumbent, &second.incumbent)
                || differ(&first.candidate, &second.candidate)
        }
        _ => false,
    }
}

/// Returns whether two runs of one tree gave two different numbers.
pub(super) fn differ(one: &Measurement, other: &Measurement) -> bool {
    match (one.sample.value(), other.sample.value()) {
        (Some(one), Some(other)) => one.to_bits() != other.to_bits(),
        _ => false,
    }
}

/// Returns the larger of two declared differences, where any was declared.
pub(super) fn larger(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.max(other)),
        (one, other) => one.or(other),
    }
}

/// Returns the log scale for what is minimised and always positive, plain differences otherwise.
pub(super) fn scale_of(direction: Direction, pairs: &[Pair]) -> Scale {
    let values = values(pairs);
    let positive = !values.is_empty() && values.iter().all(|value| *value > 0.0);
    match direction {
        Direction::Minimize if positive => Scale::LogRatio,
        Direction::Minimize | Direction::Maximize => Scale::Difference,
    }
}

fn values(pairs: &[Pair]) -> Vec<f64> {
    pairs
        .iter()
        .flat_map(|pair| [&pair.incumbent, &pair.candidate])
        .filter_map(|measurement| measurement.sample.value())
        .collect()
}

/// Returns why a run of the unchanged code gave no number, if one did not.
pub(super) fn first_failure(pairs: &[Pair]) -> Option<String> {
    pairs
        .iter()
        .flat_map(|pair| [&pair.incumbent, &pair.candidate])
        .find_map(|measurement| match &measurement.sample {
            Sample::Failed { reason } => Some(reason.clone()),
            Sample::Value { .. } => None,
        })
}

/// The unit and direction of a dimension, as the incumbent has it.
struct Shape {
    unit: String,
    direction: Direction,
}

fn dimension_shape(evaluation: &Evaluation, name: &MetricName) -> Option<Shape> {
    let native = evaluation.dimension(name.as_str())?.native.as_ref()?;
    Some(Shape {
        unit: native.unit.clone(),
        direction: native.direction,
    })
}

pub(super) fn dimension_pair(
    name: &MetricName,
    incumbent: &Evaluation,
    candidate: &Evaluation,
) -> Pair {
    Pair {
        first: Arm::Incumbent,
        incumbent: dimension_measurement(name, Arm::Incumbent, incumbent),
        candidate: dimension_measurement(name, Arm::Candidate, candidate),
        instance: None,
    }
}

fn dimension_measurement(name: &MetricName, arm: Arm, evaluation: &Evaluation) -> Measurement {
    let dimension = evaluation.dimension(name.as_str());
    let sample = match dimension.and_then(|it| it.native.as_ref()) {
        Some(native) => Sample::Value {
            value: native.value,
        },
        None => Sample::Failed {
            reason: dimension.map_or_else(
                || format!("`{name}` is not measured"),
                |it| it.detail.clone(),
            ),
        },
    };
    Measurement {
        arm,
        tree: evaluation.tree.clone(),
        sample,
        seconds: evaluation.seconds,
        tail: Tails::new(),
    }
}

/// Returns every dimension that either arm has, side by side.
fn pair_dimensions(incumbent: &Evaluation, candidate: &Evaluation) -> Vec<DimensionPair> {
    let names = incumbent.dimensions.iter().chain(&candidate.dimensions);
    let names: std::collections::BTreeSet<&str> = names.map(|it| it.name.as_str()).collect();
    names
        .into_iter()
        .map(|name| pair_dimension(name, incumbent.dimension(name), candidate.dimension(name)))
        .collect()
}

fn pair_dimension(
    name: &str,
    before: Option<&Dimension>,
    after: Option<&Dimension>,
) -> DimensionPair {
    let native = |side: Option<&Dimension>| side.and_then(|it| it.native.clone());
    DimensionPair {
        name: name.to_owned(),
        unit: native(before)
            .or_else(|| native(after))
            .map(|it| it.unit)
            .unwrap_or_default(),
        before: native(before).map(|it| it.value),
        after: native(after).map(|it| it.value),
        score_before: before.and_then(|it| it.score),
        score_after: after.and_then(|it| it.score),
    }
}

pub(super) fn parse_name(name: &str) -> MetricName {
    name.parse()
        .expect("metric names are validated when the profile is loaded")
}
