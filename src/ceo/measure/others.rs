//! A claim that holds is held to the other noisy metrics of the project too.
//!
//! A claim that is not about noise shows that none of them got worse; where a noisy metric was claimed, the
//! others are watched for a loss, on as many pairs as the claim took.

use super::{differ, parse_name};
use crate::ceo::Error;
use crate::ceo::session::Session;
use crate::config;
use crate::decision::{self, Ask};
use crate::model::hypothesis::{Change, Claim, Hypothesis};
use crate::model::id::{ExperimentId, TreeSha};
use crate::model::measurement::{Evidence, Pair, TestPlan};
use crate::model::verdict::{Decision, Verdict};
use crate::model::violation::{Rule, Violation};

/// A claim that was decided, and what is known of other metrics so far.
pub(in crate::ceo) struct Claimed<'a> {
    pub(in crate::ceo) hypothesis: &'a Hypothesis,
    /// The incumbent's tree and the candidate's, as they were measured.
    pub(in crate::ceo) trees: [&'a TreeSha; 2],
    pub(in crate::ceo) evidence: Option<&'a Evidence>,
    /// What the candidate was held to before.
    pub(in crate::ceo) others: Vec<Evidence>,
    pub(in crate::ceo) decision: Decision,
}

/// How a metric is held to have no loss.
#[derive(Clone, Copy)]
pub(super) enum Hold {
    /// It is shown, where that can be: a test with a margin.
    Shown { among: u32 },
    /// A loss is looked for, on so many pairs.
    Watched { n_pairs: u32, among: u32 },
}

/// What became of one metric.
pub(super) enum NoLoss {
    /// There was nothing to test, and why.
    Skipped(String),
    /// The experiment ends without samples of it.
    Ended(Box<Decision>),
    /// These decide.
    Tested(Box<Evidence>),
}

impl Session<'_> {
    /// Tests every other noisy metric until one is not passed; returns the decision, and all samples.
    pub(super) async fn hold_to_others(
        &mut self,
        id: ExperimentId,
        claimed: Claimed<'_>,
    ) -> Result<(Decision, Vec<Evidence>), Error> {
        let Claimed {
            hypothesis,
            trees,
            evidence,
            mut others,
            mut decision,
        } = claimed;
        let so_far = decision::held_to(decision.clone(), &others);
        // Where a claim of no loss has no samples, there was nothing to test.
        let had_none = evidence.is_none() && hypothesis.claim == Claim::Keeps;
        if so_far.verdict != Verdict::Keep || had_none || changes_nothing_that_runs(hypothesis) {
            return Ok((so_far, others));
        }
        let done: Vec<&str> = evidence.iter().copied().chain(&others).map(name).collect();
        let left = self.noisy_metrics().into_iter();
        let left: Vec<config::Metric> = left
            .filter(|it| !done.contains(&it.name.as_str()))
            .collect();
        if done.len() <= 1 && left.is_empty() && !is_noisy(evidence) && is_a_gain(hypothesis) {
            let reason = "held to no noisy metric: none is part of every evaluation here";
            decision.reasons.push(reason.to_owned());
        }
        let among = u32::try_from(left.len()).unwrap_or(u32::MAX);
        let hold = match evidence.filter(|_| is_noisy(evidence) && is_a_gain(hypothesis)) {
            Some(evidence) => Hold::Watched {
                n_pairs: u32::try_from(evidence.pairs.len()).unwrap_or(u32::MAX),
                among,
            },
            None => Hold::Shown { among },
        };
        if !left.is_empty() && self.in_flight().evidence.is_none() {
            // Whatever ends the run, the samples of the claim stand before those of the others.
            if let Some(claim) = evidence {
                self.journal_test(claim)?;
            }
        }
        for metric in left {
            match self.hold_to(id, &metric, hold, trees).await? {
                NoLoss::Skipped(reason) => decision.reasons.push(reason),
                NoLoss::Ended(ended) => return Ok((*ended, others)),
                NoLoss::Tested(evidence) => {
                    let passes = decision::lets_pass(&evidence);
                    others.push(*evidence);
                    if !passes {
                        break;
                    }
                }
            }
        }
        Ok((decision::held_to(decision, &others), others))
    }

    /// Returns the metrics that are part of every evaluation and may be noisy; where the person declared a
    /// limit, they said what a metric may cost, and it is held to that.
    pub(super) fn noisy_metrics(&self) -> Vec<config::Metric> {
        let profile = &self.bench.lab.profile;
        let repeats =
            |it: &config::Metric| it.deterministic && !self.noisy.contains(it.name.as_str());
        let is_limited = |it: &config::Metric| {
            profile
                .constraints
                .iter()
                .any(|limit| limit.metric == it.name)
        };
        let metrics = profile.metrics.iter();
        metrics
            .filter(|it| !it.only_claimed && !repeats(it) && !is_limited(it))
            .filter(|it| !self.broken.contains_key(&it.name))
            .cloned()
            .collect()
    }

    /// Tests one metric for a loss between two trees.
    pub(super) async fn hold_to(
        &mut self,
        id: ExperimentId,
        metric: &config::Metric,
        hold: Hold,
        trees: [&TreeSha; 2],
    ) -> Result<NoLoss, Error> {
        let found = if self.instances_of(metric).is_some() {
            self.hold_to_instances(id, metric, trees).await
        } else {
            self.hold_to_pairs(id, metric, hold, trees).await
        };
        match found {
            Err(Error::MetricBroken { name, reason }) => {
                let reason = format!("held to no `{name}`, which is broken here: {reason}");
                self.notice(reason.clone());
                Ok(NoLoss::Skipped(reason))
            }
            other => other,
        }
    }

    async fn hold_to_pairs(
        &mut self,
        id: ExperimentId,
        metric: &config::Metric,
        hold: Hold,
        trees: [&TreeSha; 2],
    ) -> Result<NoLoss, Error> {
        loop {
            if let Some(too_dear) = self.calibrate(id, metric).await? {
                return Ok(NoLoss::Ended(Box::new(too_dear)));
            }
            if let Some(reason) = self.build_trees(id, metric, trees).await? {
                let veto = Violation::of(Rule::DoesNotBuild, reason);
                return Ok(NoLoss::Ended(Box::new(Decision::vetoed(vec![veto]))));
            }
            let mut evidence = Evidence {
                metric: parse_name(&metric.name),
                unit: metric.unit.clone(),
                plan: self.plan_no_loss(metric, hold),
                pairs: Vec::new(),
            };
            if let Some(reason) = self.reads_the_same(metric, &evidence.plan)? {
                return Ok(NoLoss::Skipped(reason));
            }
            if let Some(too_dear) = self.tell_no_loss(id, metric, &evidence.plan) {
                return Ok(NoLoss::Ended(Box::new(too_dear)));
            }
            self.run_pairs(id, metric, &mut evidence).await?;
            if contradicts_itself(&evidence.pairs) && repeats(&evidence.plan) {
                self.demote(metric)?;
                continue;
            }
            self.learn(metric, &evidence);
            return Ok(NoLoss::Tested(Box::new(evidence)));
        }
    }

    /// Plans a test with a margin in a stream of its own, or a watch where a margin would break the test.
    fn plan_no_loss(&self, metric: &config::Metric, hold: Hold) -> TestPlan {
        let calibrated = &self.calibrations[&metric.name];
        let family = decision::family(&parse_name(&metric.name), 1.0);
        let (alpha, place) = self.streams.next(&family);
        let ask = Ask {
            direction: metric.direction,
            tolerance: metric.tolerance,
            alpha,
            stream: Some(place),
            epsilon: 0.0,
            n_rep: 1,
            preset: self.request.profile.decision.preset,
            affordable: self.affordable(calibrated.pair_seconds),
        };
        let (scale, calibration) = (calibrated.scale, &calibrated.calibration);
        let (n_pairs, among) = match hold {
            Hold::Shown { among } => {
                if let Some(mut plan) = decision::plan_keeps(&ask, scale, calibration) {
                    decision::guard_tail(&mut plan, &metric.tail);
                    return plan;
                }
                (u32::MAX, among)
            }
            Hold::Watched { n_pairs, among } => (n_pairs, among),
        };
        let ask = Ask {
            affordable: None,
            ..ask
        };
        decision::plan_watch(&ask, scale, calibration, n_pairs, among)
    }

    /// Tells what the test costs; returns the verdict of one that the budget does not pay for.
    fn tell_no_loss(
        &mut self,
        id: ExperimentId,
        metric: &config::Metric,
        plan: &TestPlan,
    ) -> Option<Decision> {
        let pair_seconds = self.calibrations[&metric.name].pair_seconds;
        match plan {
            TestPlan::SignBetting(plan) => self.tell_price(id, metric, plan, pair_seconds),
            TestPlan::Watch(plan) => {
                let too_dear = self.too_dear(metric, 0, plan.n_pairs, pair_seconds);
                if too_dear.is_none() {
                    let what = format!("{}, watched for a loss", metric.name);
                    self.enter(id, "measure", what);
                }
                too_dear
            }
            TestPlan::Deterministic { .. } | TestPlan::Bounded(_) => None,
        }
    }
}

/// A formatter changes layout alone, and tests are no part of what a metric measures.
fn changes_nothing_that_runs(hypothesis: &Hypothesis) -> bool {
    matches!(hypothesis.change, Change::Format { .. }) || hypothesis.claim == Claim::Maintains
}

fn is_a_gain(hypothesis: &Hypothesis) -> bool {
    matches!(hypothesis.claim, Claim::Moves { .. })
}

fn is_noisy(evidence: Option<&Evidence>) -> bool {
    matches!(
        evidence.map(|it| &it.plan),
        Some(TestPlan::SignBetting(_) | TestPlan::Bounded(_))
    )
}

fn repeats(plan: &TestPlan) -> bool {
    matches!(plan, TestPlan::Watch(plan) if plan.sigma <= 0.0)
}

fn contradicts_itself(pairs: &[Pair]) -> bool {
    pairs.windows(2).any(|two| {
        differ(&two[0].incumbent, &two[1].incumbent) || differ(&two[0].candidate, &two[1].candidate)
    })
}

fn name(evidence: &Evidence) -> &str {
    evidence.metric.as_str()
}
