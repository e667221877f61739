//! A keep is provisional until instances that nobody could see agree.

use std::collections::BTreeSet;

use super::instances::{Fault, scores};
use crate::ceo::Error;
use crate::ceo::branch::audit::Window;
use crate::ceo::session::{Session, count};
use crate::config;
use crate::decision::{self, Asked, Gains};
use crate::eval::instanced::{InstanceRun, Written};
use crate::eval::instances::Instances;
use crate::model::experiment::ExperimentEvent;
use crate::model::holdout::{HoldoutCheck, HoldoutOutcome};
use crate::model::id::{ExperimentId, TreeSha};
use crate::model::measurement::Arm;
use crate::model::verdict::{Decision, Verdict};
use crate::stats::ladder;

impl Session<'_> {
    /// Asks the holdout about a keep of the number of `[research]`, and writes down what it said.
    ///
    /// Both arms run once. Agents learn whether the gain holds, and nothing else.
    pub(super) async fn check_holdout(
        &mut self,
        id: ExperimentId,
        metric: Option<&config::Metric>,
        decision: Decision,
        candidate: &TreeSha,
    ) -> Result<Decision, Error> {
        let Some(hidden) = metric.and_then(|it| self.hidden_metric(it)) else {
            return Ok(decision);
        };
        if decision.verdict != Verdict::Keep {
            return Ok(decision);
        }
        let set = self.set_of(&hidden)?;
        let asked = self.asked(&set)?;
        let check = if decision::is_retired(asked.times, asked.n) {
            self.notice(format!(
                "the holdout of {} instances is retired, having been asked {} times: keeps are no longer \
                 checked on it (hint: hide other instances)",
                asked.n, asked.times
            ));
            HoldoutCheck {
                set,
                query: asked.times,
                outcome: HoldoutOutcome::Retired,
                incumbent: Vec::new(),
                candidate: Vec::new(),
                failure: None,
            }
        } else {
            self.enter(id, "measure", "both arms on the holdout");
            self.ask(&hidden, set, asked.times + 1, candidate).await?
        };
        self.tell_holdout(&hidden, &check);
        let decision = decision::after_holdout(decision, &check);
        self.journal(&ExperimentEvent::Checked {
            holdout: Box::new(check),
        })?;
        Ok(decision)
    }

    /// Returns the metric as its holdout measures it.
    fn hidden_metric(&self, metric: &config::Metric) -> Option<config::Metric> {
        let research = self.bench.lab.profile.research.as_ref()?;
        let holdout = research.holdout.as_ref()?;
        self.instances_of(metric)?;
        Some(config::Metric {
            run: holdout.run.clone(),
            ..metric.clone()
        })
    }

    /// Returns what tells this set of hidden instances from any other.
    fn set_of(&self, hidden: &config::Metric) -> Result<String, Error> {
        let mut hasher = blake3::Hasher::new();
        hasher.update(hidden.run.as_bytes());
        let secrets = crate::eval::hidden::Hidden::of(&self.bench.lab.profile);
        for (path, blob) in self.target.list(&self.incumbent.tree)? {
            if secrets.is_holdout(&path) {
                hasher.update(path.as_str().as_bytes());
                hasher.update(blob.as_bytes());
            }
        }
        Ok(hasher.finalize().to_hex()[..16].to_owned())
    }

    /// Folds the record: how often the set was asked, whoever asked.
    fn asked(&self, set: &str) -> Result<Asked, Error> {
        let mut asked = Asked::default();
        for summary in self.history.all() {
            // Only claims about a number are asked about, and only after it was measured.
            if summary.spent.is_none() && summary.cost.metric_runs == 0 {
                continue;
            }
            let experiment = self.writer.reader().experiment(summary.id)?;
            if let Some(check) = experiment.and_then(|it| it.holdout) {
                asked.count(set, &check);
            }
        }
        Ok(asked)
    }

    /// Runs both arms once on the hidden instances, which are gone again afterwards.
    async fn ask(
        &mut self,
        hidden: &config::Metric,
        set: String,
        query: u32,
        candidate: &TreeSha,
    ) -> Result<HoldoutCheck, Error> {
        let incumbent = self.incumbent.tree.clone();
        let ran = self.run_hidden(hidden, &incumbent, candidate).await;
        // Whatever happened, no later command finds the hidden files.
        self.lay_out_both(&incumbent, candidate)?;
        let (before, after) = ran?;
        let mut check = HoldoutCheck {
            set,
            query,
            outcome: HoldoutOutcome::NoBase,
            incumbent: Vec::new(),
            candidate: Vec::new(),
            failure: None,
        };
        let base = match &before.written {
            Written::Scores(instances) => instances,
            Written::Failed(why) | Written::Unusable(why) | Written::Contradiction(why) => {
                check.failure = Some(why.clone());
                return Ok(check);
            }
        };
        check.incumbent = losses(base);
        let ids: BTreeSet<String> = base.keys().cloned().collect();
        match scores(&after, &ids) {
            Ok(instances) => {
                check.candidate = losses(instances);
                check.outcome = decision::holdout_outcome(&check.incumbent, &check.candidate);
            }
            Err(Fault::Run(why) | Fault::Unusable(why)) => {
                check.outcome = HoldoutOutcome::NoResult;
                check.failure = Some(why);
            }
            Err(Fault::Tampered(why, which)) => {
                check.outcome = HoldoutOutcome::NoResult;
                check.failure = Some(format!("{why} {}", which.unwrap_or_default()));
            }
        }
        Ok(check)
    }

    async fn run_hidden(
        &mut self,
        hidden: &config::Metric,
        incumbent: &TreeSha,
        candidate: &TreeSha,
    ) -> Result<(InstanceRun, InstanceRun), Error> {
        let file = self.instances_of(hidden).unwrap_or_default();
        let mut runs = Vec::new();
        for (arm, tree) in [(Arm::Incumbent, incumbent), (Arm::Candidate, candidate)] {
            self.bench.lay_out_with_holdout(&self.target, arm, tree)?;
            let place = self.bench.arm(arm);
            runs.push(self.bench.lab.measure_hidden(&place, hidden, &file).await?);
            self.cost.metric_runs += 1;
        }
        let (after, before) = (runs.pop(), runs.pop());
        let (Some(before), Some(after)) = (before, after) else {
            unreachable!("two arms were run");
        };
        Ok((before, after))
    }

    /// Compares what keeps together gained on visible instances with what they gained on hidden ones, by the
    /// record alone; tells where the visible ones are worn out.
    pub(in crate::ceo) fn compare_with_hidden(
        &self,
        metric: &config::Metric,
        window: &Window,
    ) -> Result<(), Error> {
        let Some(hidden) = self.hidden_metric(metric) else {
            return Ok(());
        };
        let set = self.set_of(&hidden)?;
        let mut gains = Gains::default();
        for kept in &window.keeps {
            let check = kept.experiment.holdout.as_ref();
            let check = check.filter(|it| it.set == set);
            if let (Some(evidence), Some(check)) = (&kept.experiment.evidence, check) {
                gains.add(evidence, check);
            }
        }
        if let Some((visible, hidden)) = gains.fitted() {
            self.notice(format!(
                "the last {} keeps of `{}` gained {visible:.3} on visible instances and {hidden:.3} on hidden ones, further apart than two standard errors: the visible ones are worn out, and every keep rests on the hidden ones alone (hint: show other instances, and hide others)",
                window.keeps.len(),
                metric.name
            ));
        }
        Ok(())
    }

    /// Tells the person, who may see what agents may not.
    fn tell_holdout(&self, hidden: &config::Metric, check: &HoldoutCheck) {
        if let Some(failure) = &check.failure {
            self.notice(format!("the holdout gave no result: {failure}"));
        }
        let n = check.incumbent.len();
        if check.candidate.len() != n || n == 0 {
            return;
        }
        let step = ladder::step(&check.incumbent, &check.candidate);
        self.notice(format!(
            "holdout: a gain of {:.4} where more than {:.4} was needed, over {n} instances; asked {} times",
            step.gain, step.needed, check.query
        ));
        if check.query == 1
            && let Some(warning) =
                decision::holdout_warning(n, self.n_instances(hidden), step.needed)
        {
            self.notice(warning);
        }
        let mut gains = Gains::default();
        if let Some(evidence) = &self.in_flight().evidence {
            gains.add(evidence, check);
        }
        if gains.fitted().is_some() {
            self.notice(
                "the gain on visible instances exceeds that on hidden ones by more than two standard \
                 errors: the change is fitted to what it could see"
                    .to_owned(),
            );
        }
        if decision::is_retired(check.query, n) {
            self.notice(format!(
                "the holdout has now been asked {} times, and with {n} instances is retired: later keeps \
                 are marked (hint: hide other instances)",
                count(usize::try_from(check.query).unwrap_or(usize::MAX))
            ));
        }
    }
}

/// Returns losses in the order of the instances' ids.
fn losses(instances: &Instances) -> Vec<f64> {
    instances.values().map(|it| 1.0 - it.score).collect()
}
