//! Pair after pair, until the test stops or the numbers turn out to be no measurement; and the canary that
//! looks whether what is taken for deterministic still is.

use super::{differ, dimension_pair, parse_name};
use crate::ceo::Error;
use crate::ceo::ideas::history::n_confirmed;
use crate::ceo::session::Session;
use crate::config;
use crate::decision::{self, Next};
use crate::eval::Depth;
use crate::model::experiment::ExperimentEvent;
use crate::model::id::ExperimentId;
use crate::model::measurement::{Arm, Evidence, TestPlan};
use crate::model::verdict::Decision;

/// The incumbent runs once more after so many decisions on what is taken for deterministic.
const CANARY_EVERY: u32 = 10;

impl Session<'_> {
    /// Sees to it that a candidate finds no more in its build folder than the unchanged code does.
    pub(super) fn clear_traces(&self, is_other: bool) -> Result<(), Error> {
        let lab = &self.bench.lab;
        lab.expect_traces(&self.bench.arm(Arm::Incumbent))?;
        if is_other {
            lab.erase_strangers(&self.bench.arm(Arm::Candidate))?;
        }
        Ok(())
    }

    /// Says what a candidate's runs left for its next ones.
    pub(super) fn tell_traces(&mut self) {
        if let Some(told) = self.bench.lab.told_traces() {
            self.notice(told.clone());
            self.remarks.push(told);
        }
    }

    /// Runs pairs of what is laid out until a look stops; returns the decision.
    ///
    /// Numbers that are no measurement end it undecided, with the reason first. A test that has a place in a
    /// stream is in the journal from its first pair on: whatever ends the run, its index is used up, and its
    /// pairs count.
    pub(in crate::ceo) async fn run_pairs(
        &mut self,
        id: ExperimentId,
        metric: &config::Metric,
        evidence: &mut Evidence,
    ) -> Result<Decision, Error> {
        let is_counted = matches!(&evidence.plan, TestPlan::SignBetting(it) if it.stream.is_some());
        if is_counted {
            self.journal_test(evidence)?;
        }
        let mut odd = decision::oddity(evidence);
        while odd.is_none() && decision::decide(evidence) == Next::Continue {
            let pair = self.run_pair(metric).await?;
            if is_counted {
                self.journal(&ExperimentEvent::Paired {
                    pair: Box::new(pair.clone()),
                })?;
            }
            evidence.pairs.push(pair);
            self.tell_pair(id, metric, evidence);
            odd = decision::oddity(evidence);
        }
        let decision = decision::replay(evidence);
        Ok(match odd {
            None => decision,
            Some(reason) => {
                // Whatever was calibrated before does not fit what is measured now.
                self.calibrations.remove(&metric.name);
                decision::despite_oddity(decision, reason)
            }
        })
    }

    /// Writes a test into the journal as far as it has come.
    pub(super) fn journal_test(&mut self, evidence: &Evidence) -> Result<(), Error> {
        self.journal(&ExperimentEvent::Testing {
            evidence: Box::new(evidence.clone()),
            binding: self.bench.lab.binding(),
            sandbox: self.bench.lab.sandbox.report(),
        })
    }

    /// Returns how many comparisons of both arms with themselves a keep of a metric would rest on: all that
    /// ever agreed, and its own.
    pub(super) fn n_replicates(&self, metric: &str) -> u32 {
        n_confirmed(self.history.all(), metric).saturating_add(1)
    }

    /// Runs the incumbent once more now and then; returns whether a metric that is taken for deterministic
    /// gave another number.
    ///
    /// The arms hold the trees of the test that was just decided.
    pub(super) async fn canary(
        &mut self,
        id: ExperimentId,
        evidence: &Evidence,
    ) -> Result<bool, Error> {
        let (TestPlan::Deterministic { .. }, Some(first)) =
            (&evidence.plan, evidence.pairs.first())
        else {
            return Ok(false);
        };
        self.d_decisions += 1;
        if !self.d_decisions.is_multiple_of(CANARY_EVERY) {
            return Ok(false);
        }
        let name = &evidence.metric;
        let detail = format!("the unchanged code once more: is `{name}` still deterministic");
        self.enter(id, "measure", detail);
        let again = if let Some(metric) = self.metric_named(name.as_str()) {
            self.run_arm(&metric, Arm::Incumbent).await?
        } else {
            let tree = self.incumbent.tree.clone();
            let again = self
                .evaluate(Arm::Incumbent, &tree, Depth::again(name.as_str()))
                .await?;
            dimension_pair(&parse_name(name.as_str()), &again, &again).incumbent
        };
        let has_moved = differ(&first.incumbent, &again);
        if has_moved {
            let notice = format!(
                "`{name}` is not deterministic: the unchanged code gave another number when it was run again; what it decided before may be a fluke"
            );
            self.notice(notice.clone());
            self.remarks.push(notice);
        }
        Ok(has_moved)
    }
}
