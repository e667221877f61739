//! A candidate that passed, held to the incumbent as it is now: put on top of it where it moved on, and
//! through every gate again.

use crate::ceo::Error;
use crate::ceo::measure::dimension_pair;
use crate::ceo::session::Session;
use crate::config;
use crate::decision::{self, Landing};
use crate::eval::Depth;
use crate::model::dimension::Evaluation;
use crate::model::experiment::Candidate;
use crate::model::hypothesis::Hypothesis;
use crate::model::id::{CommitSha, ExperimentId};
use crate::model::landing::LandingCheck;
use crate::model::measurement::{Arm, Evidence};
use crate::model::verdict::Decision;
use crate::repo::Replayed;

/// A candidate that passed its test.
pub(in crate::ceo) struct Passed<'a> {
    /// The commit that it was measured against.
    pub(in crate::ceo) incumbent: &'a CommitSha,
    pub(in crate::ceo) candidate: &'a Candidate,
    /// The samples that it passed on, where a metric decided.
    pub(in crate::ceo) evidence: Option<&'a Evidence>,
    /// The keep.
    pub(in crate::ceo) decision: Decision,
}

/// What became of it on the present incumbent.
pub(in crate::ceo) struct Held {
    pub(in crate::ceo) decision: Decision,
    /// Its evaluation there, unless it could not be put there.
    pub(in crate::ceo) evaluation: Option<Evaluation>,
    /// None where the incumbent is still the one that it was measured against.
    pub(in crate::ceo) landing: Option<LandingCheck>,
}

impl Session<'_> {
    /// Holds a keep to the present incumbent: all gates again and, where that moved on, a few pairs against
    /// it.
    pub(in crate::ceo) async fn hold_to_head(
        &mut self,
        id: ExperimentId,
        hypothesis: &Hypothesis,
        passed: Passed<'_>,
    ) -> Result<Held, Error> {
        let mut landing = None;
        if *passed.incumbent != self.incumbent.commit {
            self.enter(id, "landing check", "put on top of what was kept meanwhile");
            landing = Some(self.put_on_head(passed.incumbent, passed.candidate)?);
        }
        let candidate = match &landing {
            None => passed.candidate.clone(),
            Some(LandingCheck {
                rebased: Some(rebased),
                ..
            }) => rebased.clone(),
            Some(check) => {
                let decision = decision::after_landing(passed.decision, check);
                return Ok(Held {
                    decision,
                    evaluation: None,
                    landing,
                });
            }
        };
        let (evaluation, veto) = self.gates_again(id, hypothesis, &candidate).await?;
        let decision = match (veto, &mut landing) {
            (Some(veto), _) => veto,
            (None, None) => passed.decision,
            (None, Some(check)) => {
                if let Some(mut evidence) = passed.evidence.and_then(decision::landing_evidence) {
                    check.obstacle = self.measure_there(id, &mut evidence, &evaluation).await?;
                    check.evidence = Some(evidence);
                }
                decision::after_landing(passed.decision, check)
            }
        };
        Ok(Held {
            decision,
            evaluation: Some(evaluation),
            landing,
        })
    }

    /// Makes the candidate's commits again on the present incumbent; moves no branch.
    fn put_on_head(
        &self,
        measured_on: &CommitSha,
        candidate: &Candidate,
    ) -> Result<LandingCheck, Error> {
        let onto = &self.incumbent;
        let mut check = LandingCheck {
            onto: onto.commit.clone(),
            onto_tree: onto.tree.clone(),
            rebased: None,
            obstacle: None,
            evidence: None,
        };
        let commits = self.target.stack(measured_on, &candidate.commit)?;
        let mut tip = onto.commit.clone();
        for (commit, _) in commits.unwrap_or_default() {
            match self.target.replay_commit(&commit, &tip)? {
                Replayed::As(again) => tip = again,
                Replayed::AlreadyThere => {}
                Replayed::Conflict(paths) => {
                    check.obstacle = Some(format!("it conflicts in {}", paths.join(", ")));
                    return Ok(check);
                }
            }
        }
        if tip == onto.commit {
            check.obstacle = Some("what it changes is there already".to_owned());
            return Ok(check);
        }
        let tree = self.target.tree_of(&tip)?;
        let rebased = Candidate {
            size: self.target.diff_size(&onto.tree, &tree)?,
            commit: tip,
            tree,
            ..candidate.clone()
        };
        self.target.anchor(&rebased)?;
        check.rebased = Some(rebased);
        Ok(check)
    }

    /// Evaluates the candidate against the present incumbent; returns the veto that this makes, if any.
    async fn gates_again(
        &mut self,
        id: ExperimentId,
        hypothesis: &Hypothesis,
        candidate: &Candidate,
    ) -> Result<(Evaluation, Option<Decision>), Error> {
        self.enter(id, "measure", "every gate again");
        let evaluation = self
            .evaluate(Arm::Candidate, &candidate.tree, Depth::Decisive)
            .await?;
        let metric = self.claimed_metric(&hypothesis.claim);
        self.note_side_effects(metric.as_ref(), &evaluation);
        let violations = self.violations_of(hypothesis, candidate)?;
        if !violations.is_empty() {
            return Ok((evaluation, Some(Decision::vetoed(violations))));
        }
        let veto = match self.veto(&evaluation).await? {
            None => self.veto_metrics(id, hypothesis, &evaluation).await?,
            veto => veto,
        };
        Ok((evaluation, veto))
    }

    /// Runs the pairs of the candidate and the present incumbent; returns what kept them from being run.
    async fn measure_there(
        &mut self,
        id: ExperimentId,
        evidence: &mut Evidence,
        evaluation: &Evaluation,
    ) -> Result<Option<String>, Error> {
        let declared = self.metric_named(evidence.metric.as_str());
        self.enter(
            id,
            "landing check",
            "a few pairs against what was kept meanwhile",
        );
        if let Some(metric) = &declared
            && let Some(reason) = self.build_arms(id, metric, &evaluation.tree).await?
        {
            return Ok(Some(reason));
        }
        while decision::look_at_landing(evidence) == Landing::Undecided {
            let pair = match &declared {
                Some(metric) => self.run_pair(metric).await?,
                None if evidence.pairs.is_empty() => {
                    dimension_pair(&evidence.metric, self.baseline(), evaluation)
                }
                None => {
                    let tree = self.incumbent.tree.clone();
                    let depth = Depth::again(evidence.metric.as_str());
                    let before = self.evaluate(Arm::Incumbent, &tree, depth).await?;
                    let after = self.evaluate(Arm::Candidate, &evaluation.tree, depth);
                    dimension_pair(&evidence.metric, &before, &after.await?)
                }
            };
            evidence.pairs.push(pair);
            if let Some(metric) = &declared {
                self.tell_pair(id, metric, evidence);
            }
        }
        Ok(None)
    }

    /// Returns the project's metric of that name.
    pub(in crate::ceo) fn metric_named(&self, name: &str) -> Option<config::Metric> {
        let mut metrics = self.bench.lab.profile.metrics.iter();
        metrics.find(|it| it.name == name).cloned()
    }
}
