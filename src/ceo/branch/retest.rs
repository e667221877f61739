//! Keeps tested again, one by one, after an audit's alarm; what is ruled out is taken out of the branch.

use super::audit::{Kept, Question, Window};
use crate::ceo::Error;
use crate::ceo::session::{Incumbent, Session};
use crate::decision::{self, Retest};
use crate::eval::Depth;
use crate::gate;
use crate::model::audit::{Retested, Standing};
use crate::model::experiment::{Candidate, DiffSize};
use crate::model::id::ExperimentId;
use crate::model::measurement::Arm;
use crate::repo;

impl Session<'_> {
    /// Tests each keep by itself, the least certain first: the branch against the branch without it.
    pub(in crate::ceo) async fn retest(
        &mut self,
        question: &Question<'_>,
        window: &Window,
        suspects: &[ExperimentId],
    ) -> Result<Vec<Retested>, Error> {
        let mut retested = Vec::new();
        for id in suspects {
            let kept = window.keeps.iter().find(|it| it.claimed.id == *id);
            if let Some(kept) = kept {
                retested.push(self.retest_one(question, kept).await?);
            }
        }
        Ok(retested)
    }

    async fn retest_one(
        &mut self,
        question: &Question<'_>,
        kept: &Kept,
    ) -> Result<Retested, Error> {
        let id = kept.claimed.id;
        let mut retested = Retested {
            experiment: id,
            claimed: kept.claimed.gain,
            standing: Standing::Unconfirmed,
            detail: String::new(),
            evidence: None,
        };
        let Some(test) = (question.retest)(question.plan, &kept.claimed) else {
            "it had claimed no gain".clone_into(&mut retested.detail);
            return Ok(retested);
        };
        let without = match self.without(kept, &self.incumbent)? {
            Ok(without) => without,
            Err(reason) => {
                retested.detail = reason;
                return Ok(retested);
            }
        };
        let trees = [without.tree.clone(), self.incumbent.tree.clone()];
        let (evidence, decision) = self.paired(id, question.metric, test, &trees).await?;
        retested.detail = decision.reasons.first().cloned().unwrap_or_default();
        retested.evidence = Some(evidence);
        retested.standing = match decision::judge_retest(&decision) {
            Retest::Confirmed => Standing::Confirmed,
            Retest::Stays => Standing::Unconfirmed,
            Retest::Unkeep => match self.take_out(&without).await? {
                None => Standing::Unkept,
                Some(reason) => {
                    retested.detail = format!("{}; it stays, because {reason}", retested.detail);
                    Standing::InPlace
                }
            },
        };
        Ok(retested)
    }

    /// Returns the branch without any of these keeps, where that can be made; moves nothing.
    pub(super) fn without_all(&self, keeps: &[Kept]) -> Result<Option<Incumbent>, Error> {
        let mut head = self.incumbent.clone();
        for kept in keeps.iter().rev() {
            match self.without(kept, &head)? {
                Ok(without) => head = without,
                Err(_) => return Ok(None),
            }
        }
        Ok(Some(head))
    }

    /// Returns a commit without a keep, or why that cannot be made; moves nothing.
    fn without(&self, kept: &Kept, head: &Incumbent) -> Result<Result<Incumbent, String>, Error> {
        let message = format!(
            "Revert \"{}\"\n\nIt was kept as experiment {}, and an audit rules its effect out.",
            kept.experiment.hypothesis.title, kept.claimed.id
        );
        let (from, on) = (kept.experiment.lands_on(), &head.commit);
        let commit = match self.target.revert_commit(from, &kept.landed, on, &message) {
            Ok(commit) => commit,
            Err(repo::Error::RevertConflict { paths }) => {
                let paths = paths.join(", ");
                return Ok(Err(format!("later work changed the same lines: {paths}")));
            }
            Err(repo::Error::NothingToRevert { .. }) => {
                return Ok(Err("nothing of it is left".to_owned()));
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Ok(Incumbent {
            tree: self.target.tree_of(&commit)?,
            commit,
            branch_tip: head.branch_tip.clone(),
        }))
    }

    /// Goes on without a keep, unless a gate forbids that; returns which. The branch is moved once the audit
    /// is on record.
    async fn take_out(&mut self, without: &Incumbent) -> Result<Option<String>, Error> {
        let evaluation = self
            .evaluate(Arm::Candidate, &without.tree, Depth::Decisive)
            .await?;
        let violations = gate::judge_evaluations(
            &self.required_tests(),
            &self.quarantined,
            self.baseline(),
            &evaluation,
        );
        if !violations.is_empty() {
            let reasons: Vec<String> = violations.iter().map(ToString::to_string).collect();
            return Ok(Some(format!("without it: {}", reasons.join("; "))));
        }
        self.target.anchor(&Candidate {
            commit: without.commit.clone(),
            tree: without.tree.clone(),
            subjects: vec![self.target.subject(&without.commit)?],
            size: DiffSize::default(),
            neutralised: Vec::new(),
        })?;
        self.incumbent = without.clone();
        self.baseline = Some(evaluation);
        self.observations = None;
        Ok(None)
    }
}
