//! Candidates that are built beside each other, and wait for their turn to be measured.
//!
//! Builders that are slow work at the same time, and nothing is measured while they do. Each candidate is
//! then tested alone, against the incumbent as it is when its turn comes: after a keep the others are
//! made again on top of it, so that what is kept second was measured together with what was kept first.

use std::time::Instant;

use camino::Utf8Path;
use futures_util::future::join_all;

use crate::agent;
use crate::ceo::Error;
use crate::ceo::experiment::{Stage, Step, no_candidate};
use crate::ceo::session::Session;
use crate::model::experiment::{Candidate, Cost, Experiment, ExperimentEvent};
use crate::model::hypothesis::Hypothesis;
use crate::model::verdict::Verdict;
use crate::process;
use crate::repo::Replayed;
use crate::store::Waiting;

/// A candidate as it was made again, or the paths on which it conflicts.
type Rebased = Result<Candidate, Vec<String>>;

impl Session<'_> {
    /// Has a hypothesis and some that follow it built, and tries it; `None` where it was put back to be
    /// built again.
    pub(in crate::ceo) async fn take_turn(
        &mut self,
        hypothesis: Hypothesis,
        ranked: &[Hypothesis],
        left: Option<usize>,
    ) -> Result<Option<(Experiment, Option<Error>)>, Error> {
        self.build_ahead(ranked, left).await?;
        if !self.is_ready(&hypothesis)? {
            return Ok(None);
        }
        self.waiting = ranked.len() - 1;
        let variants = self.variants_of(&hypothesis, ranked);
        self.experiment(hypothesis, &variants).await.map(Some)
    }

    /// Has the first of the ranked hypotheses built together with some that follow it, where a person
    /// allows it and their builder does; at most `left` of them.
    async fn build_ahead(
        &mut self,
        ranked: &[Hypothesis],
        left: Option<usize>,
    ) -> Result<(), Error> {
        let most = (self.request.parallel as usize).min(left.unwrap_or(usize::MAX));
        let may_build = |it: &&Hypothesis| {
            let is_built = self.place_in_queue(it).is_some();
            self.backend.builds_beside_others(it) && !is_built && !self.is_screened(it)
        };
        if most < 2 || !ranked.first().is_some_and(|it| may_build(&it)) {
            return Ok(());
        }
        let batch: Vec<Hypothesis> = ranked
            .iter()
            .filter(may_build)
            .take(most)
            .cloned()
            .collect();
        let dirs = self.bench.builders(batch.len());
        for dir in &dirs {
            self.bench
                .lay_out_repository(&self.target, &self.incumbent.tree, dir)?;
        }
        let since = self.begin_phase("build", format!("{} candidates at a time", batch.len()));
        let jobs = batch.iter().zip(&dirs);
        let played = join_all(jobs.map(|(hypothesis, dir)| async {
            let started = Instant::now();
            let steps = self.play_builder(hypothesis, None, dir, &|_| {}).await;
            (steps, started.elapsed().as_secs_f64())
        }));
        let played = played.await;
        let n_built = played.iter().filter(|it| it.0.is_ok()).count();
        for ((hypothesis, dir), (steps, seconds)) in batch.into_iter().zip(dirs).zip(played) {
            self.queue(hypothesis, &dir, steps, seconds)?;
        }
        self.keep_queue()?;
        self.end_phase("build", since, format!("{n_built} delivered"));
        Ok(())
    }

    /// Puts what one builder delivered into the queue. A failure of the infrastructure is left to its
    /// turn, where it has a record.
    fn queue(
        &mut self,
        hypothesis: Hypothesis,
        dir: &Utf8Path,
        steps: Result<Vec<Step>, agent::Error>,
        seconds: f64,
    ) -> Result<(), Error> {
        let reported = self.report_of(dir);
        let built = match steps {
            Ok(steps) => self.candidate_of(&hypothesis, &steps)?,
            Err(agent::Error::NothingDelivered(reason)) => Err(reason),
            Err(agent::Error::Process(process::Error::Cancelled)) => {
                return Err(process::Error::Cancelled.into());
            }
            Err(_) => return Ok(()),
        };
        let (candidate, reason) = match built {
            Ok(candidate) => (Some(candidate), None),
            Err(reason) => (None, Some(reason)),
        };
        self.ahead.push(Waiting {
            hypothesis,
            incumbent: self.incumbent.commit.clone(),
            candidate,
            reason,
            cost: Cost {
                seconds,
                ..reported
            },
        });
        Ok(())
    }

    /// Makes a candidate that waits fit the present incumbent; returns whether its turn has come. One
    /// that conflicts is put back, to be built again.
    fn is_ready(&mut self, hypothesis: &Hypothesis) -> Result<bool, Error> {
        let Some(place) = self.place_in_queue(hypothesis) else {
            return Ok(true);
        };
        let waiting = self.ahead[place].clone();
        let (Some(candidate), false) = (
            &waiting.candidate,
            waiting.incumbent == self.incumbent.commit,
        ) else {
            return Ok(true);
        };
        match self.rebase(&waiting, candidate)? {
            Ok(candidate) => {
                let moves = candidate.tree != self.incumbent.tree;
                let waiting = &mut self.ahead[place];
                waiting.incumbent = self.incumbent.commit.clone();
                waiting.reason =
                    (!moves).then(|| "what it changes is in the incumbent by now".to_owned());
                waiting.candidate = moves.then_some(candidate);
                self.keep_queue()?;
                Ok(true)
            }
            Err(paths) => {
                let paths = paths.join(", ");
                self.notice(format!(
                    "deferred, since it conflicts in {paths} with what was kept meanwhile, and is built again on top of that: {}",
                    hypothesis.title
                ));
                self.ahead.remove(place);
                self.deferred.push(hypothesis.clone());
                self.keep_queue()?;
                Ok(false)
            }
        }
    }

    fn rebase(&self, waiting: &Waiting, candidate: &Candidate) -> Result<Rebased, Error> {
        let stack = self.target.stack(&waiting.incumbent, &candidate.commit)?;
        let mut tip = self.incumbent.commit.clone();
        for (commit, _) in stack.unwrap_or_default() {
            match self.target.replay_commit(&commit, &tip)? {
                Replayed::As(again) => tip = again,
                Replayed::AlreadyThere => {}
                Replayed::Conflict(paths) => return Ok(Err(paths)),
            }
        }
        let tree = self.target.tree_of(&tip)?;
        let candidate = Candidate {
            size: self.target.diff_size(&self.incumbent.tree, &tree)?,
            commit: tip,
            tree,
            ..candidate.clone()
        };
        if candidate.tree != self.incumbent.tree {
            self.target.anchor(&candidate)?;
        }
        Ok(Ok(candidate))
    }

    /// Returns what was built before for a hypothesis whose turn it is, with its record begun.
    pub(in crate::ceo) fn built_before(
        &mut self,
        hypothesis: &Hypothesis,
    ) -> Result<Option<Stage<Candidate>>, Error> {
        let Some(place) = self.place_in_queue(hypothesis) else {
            return Ok(None);
        };
        let waiting = self.ahead.remove(place);
        self.cost.tokens = self.cost.tokens.saturating_add(waiting.cost.tokens);
        self.cost.usd_cents = self.cost.usd_cents.saturating_add(waiting.cost.usd_cents);
        let Some(candidate) = waiting.candidate else {
            let reason = waiting.reason.unwrap_or_default();
            return Ok(Some(Stage::stop(no_candidate(reason))));
        };
        self.journal(&ExperimentEvent::Built {
            candidate: candidate.clone(),
        })?;
        Ok(Some(Stage::Proceed(candidate)))
    }

    /// Returns the hypotheses that are built and wait, and those that wait to be built again.
    pub(in crate::ceo) fn waiting_hypotheses(&self) -> impl Iterator<Item = &Hypothesis> {
        let built = self.ahead.iter().map(|it| &it.hypothesis);
        built.chain(&self.deferred)
    }

    /// Writes down what waits, so that a run that is killed loses no built work.
    pub(in crate::ceo) fn keep_queue(&mut self) -> Result<(), Error> {
        Ok(self.writer.keep_waiting(&self.ahead)?)
    }

    /// Takes up what an earlier run built and did not come to measure.
    pub(in crate::ceo) fn recall_queue(&mut self) {
        let alone = self.request.focus.is_some() || self.request.dry_run;
        if alone || !self.backend.is_foreign() {
            return;
        }
        let mut waiting = self.writer.reader().waiting();
        waiting.retain(|it| {
            let is_tried = self
                .history
                .all()
                .iter()
                .any(|old| old.key == it.hypothesis.key && old.verdict != Verdict::Spurious);
            let commit = it.candidate.as_ref().map_or(&it.incumbent, |it| &it.commit);
            !is_tried && self.target.tree_of(commit).is_ok()
        });
        if !waiting.is_empty() {
            self.notice(format!(
                "{} that an earlier run had built wait to be measured",
                match waiting.len() {
                    1 => "one candidate".to_owned(),
                    n_waiting => format!("{n_waiting} candidates"),
                }
            ));
        }
        self.ahead = waiting;
    }

    /// Returns how long it took to build what waits for a hypothesis.
    pub(in crate::ceo) fn seconds_to_build(&self, hypothesis: &Hypothesis) -> f64 {
        let place = self.place_in_queue(hypothesis);
        place.map_or(0.0, |it| self.ahead[it].cost.seconds)
    }

    pub(super) fn place_in_queue(&self, hypothesis: &Hypothesis) -> Option<usize> {
        let mut queue = self.ahead.iter();
        queue.position(|it| it.hypothesis.key == hypothesis.key)
    }
}
