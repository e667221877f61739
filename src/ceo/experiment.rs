//! One experiment, from a hypothesis to its record. Reads top to bottom.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use camino::Utf8Path;
use jiff::Timestamp;

use super::session::{Incumbent, Session};
use super::workbench::disk::is_full;
use super::{Error, io_error};
use crate::agent::wire::VariantOf;
use crate::agent::{self, BuildInput, ReviewInput};
use crate::decision;
use crate::gate;
use crate::mechanic;
use crate::model::event::RunEvent;
use crate::model::experiment::{Candidate, Cost, Experiment, ExperimentEvent};
use crate::model::hypothesis::{Claim, Hypothesis};
use crate::model::id::{ExperimentId, TreeSha};
use crate::model::measurement::Arm;
use crate::model::verdict::{Decision, Verdict};
use crate::model::violation::{Rule, Violation};
use crate::repo::Protection;

/// A stage that either goes on with something or ends the experiment.
pub(super) enum Stage<T> {
    Proceed(T),
    Stop(Box<Decision>),
}

impl<T> Stage<T> {
    pub(super) fn stop(decision: Decision) -> Self {
        Self::Stop(Box::new(decision))
    }
}

/// One step of a builder: its tree, and the message of its commit.
pub(super) type Step = (TreeSha, String);

/// Unwraps a stage, or returns its decision.
macro_rules! proceed {
    ($stage:expr) => {
        match $stage {
            Stage::Proceed(value) => value,
            Stage::Stop(decision) => return Ok(*decision),
        }
    };
}

impl Session<'_> {
    /// Tries one hypothesis and closes its record, whatever happens to it.
    ///
    /// An error that ends the run is returned beside the record that was closed because of it.
    /// Where variants of it compete, the record goes on with the one that is tested.
    pub(super) async fn experiment(
        &mut self,
        mut hypothesis: Hypothesis,
        variants: &[Hypothesis],
    ) -> Result<(Experiment, Option<Error>), Error> {
        let since = started_before(self.seconds_to_build(&hypothesis));
        let on = self.incumbent.clone();
        let id = self.begin(&hypothesis, &on, None)?;
        self.since_resume += 1;
        let before = self.cost;
        let attempt = self.attempt(id, &mut hypothesis, variants).await;
        self.settle(id, &hypothesis, attempt, before, since)
    }

    /// Closes the record of an experiment that was carried out or could not be.
    pub(super) fn settle(
        &mut self,
        id: ExperimentId,
        hypothesis: &Hypothesis,
        attempt: Result<Decision, Error>,
        before: Cost,
        since: Instant,
    ) -> Result<(Experiment, Option<Error>), Error> {
        let attempt = match attempt {
            Ok(decision) if decision.verdict == Verdict::Keep => Ok(decision),
            Ok(decision) => self.full_disk(None).map_or(Ok(decision), Err),
            Err(error) => Err(self.full_disk(Some(&error)).unwrap_or(error)),
        };
        let (decision, failure) = match attempt {
            Ok(decision) => (decision, None),
            Err(error) => (self.cut_short(&error), Some(error)),
        };
        let cost = self.spent(before, since);
        let experiment = self.close(id, hypothesis, decision, cost)?;
        self.keep_queue()?;
        Ok((experiment, failure.filter(|error| !is_survivable(error))))
    }

    /// Returns the verdict of an experiment that an error ended: a test that was under way is undecided and
    /// may go on, and of anything else nothing is known.
    fn cut_short(&self, error: &Error) -> Decision {
        let spurious = self.out_of_time(error).unwrap_or_else(|| spurious(error));
        let cut_off = self.in_flight().cut_off();
        match cut_off.and_then(|(claim, others)| decision::cut_short(claim, others)) {
            Some(mut undecided) => {
                undecided.reasons.extend(spurious.reasons);
                undecided
            }
            None => spurious,
        }
    }

    /// Build, gate, measure, decide; each stage may end it.
    async fn attempt(
        &mut self,
        id: ExperimentId,
        hypothesis: &mut Hypothesis,
        variants: &[Hypothesis],
    ) -> Result<Decision, Error> {
        proceed!(self.guard_hypothesis(hypothesis)?);
        let candidate = if variants.is_empty() {
            proceed!(self.build(id, hypothesis).await?)
        } else {
            proceed!(self.best_variant(id, hypothesis, variants).await?)
        };
        proceed!(self.gate(id, hypothesis, &candidate).await?);
        self.measure(id, hypothesis, &candidate).await
    }

    /// Opens the record of an experiment on that incumbent.
    pub(super) fn begin(
        &mut self,
        hypothesis: &Hypothesis,
        on: &Incumbent,
        resumes: Option<ExperimentId>,
    ) -> Result<ExperimentId, Error> {
        let id = self.writer.next_id();
        self.tried.insert(hypothesis.key.clone());
        self.halves.retain(|half| half.key != hypothesis.key);
        self.deferred.retain(|it| it.key != hypothesis.key);
        self.journal(&ExperimentEvent::Started {
            id,
            run: self.run.clone(),
            at: Timestamp::now(),
            hypothesis: Box::new(hypothesis.clone()),
            incumbent: on.commit.clone(),
            incumbent_tree: on.tree.clone(),
            backend: self.backend.builder_of(hypothesis).to_owned(),
            resumes,
            turn: self.turn_now(),
        })?;
        let title = &hypothesis.title;
        self.tell(&RunEvent::ExperimentStarted {
            id,
            title: match resumes {
                None => title.clone(),
                Some(original) => format!("{title}: more pairs for #{original}"),
            },
            key: hypothesis.key.to_string(),
            claim: claim_line(&hypothesis.claim),
            waiting: self.waiting,
        });
        Ok(id)
    }

    pub(super) fn enter(&self, id: ExperimentId, stage: &str, detail: impl Into<String>) {
        self.tell(&RunEvent::StageStarted {
            id,
            stage: stage.to_owned(),
            detail: detail.into(),
        });
    }

    /// Has the change made in a repository of its own, and takes it over as data.
    async fn build(
        &mut self,
        id: ExperimentId,
        hypothesis: &Hypothesis,
    ) -> Result<Stage<Candidate>, Error> {
        let who = self.backend.builder_of(hypothesis);
        self.enter(id, "build", format!("by the {who}"));
        if let Some(stage) = self.built_before(hypothesis)? {
            return Ok(stage);
        }
        let dir = self.bench.builder.clone();
        self.bench
            .lay_out_builder(&self.target, &self.incumbent.tree)?;
        self.bench
            .lay_out(&self.target, Arm::Incumbent, &self.incumbent.tree)?;
        let progress = |detail| self.enter(id, "build", detail);
        let played = self.play_builder(hypothesis, None, &dir, &progress).await;
        self.settle_with_backend();
        let steps = match played {
            Ok(steps) => steps,
            Err(agent::Error::NothingDelivered(reason)) => {
                return Ok(Stage::stop(no_candidate(reason)));
            }
            Err(agent::Error::OutOfTime(reason)) => {
                self.unaffordable = self.is_nearly_over();
                return Ok(Stage::stop(Decision::plain(Verdict::Spurious, reason)));
            }
            Err(error) => return Err(error.into()),
        };
        self.take_over(id, hypothesis, &steps)
    }

    /// Returns the tree and the message of every step that the builder delivered.
    pub(super) async fn play_builder(
        &self,
        hypothesis: &Hypothesis,
        variant: Option<VariantOf>,
        dir: &Utf8Path,
        progress: &dyn Fn(String),
    ) -> Result<Vec<Step>, agent::Error> {
        let input = BuildInput {
            hypothesis,
            variant,
            dir,
            incumbent: self.bench.arm(Arm::Incumbent).dir,
            lab: &self.bench.lab,
            cancel: self.cancel,
            time_left: self.request.limits.time_left(),
            progress,
        };
        let mut steps: Vec<Step> = Vec::new();
        let mut last = self.incumbent.tree.clone();
        let mut checkpoint = |message: &str| -> Result<(), agent::Error> {
            let snapshot = self
                .bench
                .snapshot(&self.target, dir, &self.incumbent.tree)?;
            if let Some(refused) = snapshot.refused.first() {
                return Err(agent::Error::NothingDelivered(refused.to_string()));
            }
            if snapshot.tree != last {
                last = snapshot.tree.clone();
                steps.push((snapshot.tree, message.to_owned()));
            }
            Ok(())
        };
        self.backend.build(&input, &mut checkpoint).await?;
        Ok(steps)
    }

    fn take_over(
        &mut self,
        id: ExperimentId,
        hypothesis: &Hypothesis,
        steps: &[Step],
    ) -> Result<Stage<Candidate>, Error> {
        let candidate = match self.candidate_of(hypothesis, steps)? {
            Ok(candidate) => candidate,
            Err(reason) => return Ok(Stage::stop(no_candidate(reason))),
        };
        self.journal(&ExperimentEvent::Built {
            candidate: candidate.clone(),
        })?;
        tracing::debug!(experiment = %id, tree = %candidate.tree, "candidate taken over");
        Ok(Stage::Proceed(candidate))
    }

    /// Makes the candidate of a builder's steps and anchors it; the inner error says why there is none.
    pub(super) fn candidate_of(
        &self,
        hypothesis: &Hypothesis,
        steps: &[Step],
    ) -> Result<Result<Candidate, String>, Error> {
        let composed = self.compose(hypothesis, steps)?;
        if let Ok(candidate) = &composed {
            self.target.anchor(candidate)?;
        }
        Ok(composed)
    }

    /// Puts protected paths back and commits each step on the incumbent; the inner error says why there is
    /// no candidate.
    pub(super) fn compose(
        &self,
        hypothesis: &Hypothesis,
        steps: &[Step],
    ) -> Result<Result<Candidate, String>, Error> {
        let (globs, tests) = (self.bench.lab.protected(), self.bench.lab.test_paths());
        let maintains = hypothesis.claim == Claim::Maintains;
        let is_maintained = |it: &Utf8Path| maintains && tests.is_match(it);
        let grant = self.grant_of(hypothesis)?;
        // Whether it became the granted text and nothing else is for the gate to judge.
        let is_granted = |it: &Utf8Path| grant.as_ref().is_some_and(|grant| grant.path == it);
        let protection = Protection {
            paths: &|it| globs.is_match(it) && !is_maintained(it) && !is_granted(it),
            inline_tests: &|it| !is_maintained(it),
        };
        let mut tree = self.incumbent.tree.clone();
        let mut commit = self.incumbent.commit.clone();
        let mut subjects = Vec::new();
        let mut neutralised = std::collections::BTreeSet::new();
        for (step, message) in steps {
            let (composed, put_back) =
                self.target
                    .compose(step, &self.incumbent.tree, &protection)?;
            neutralised.extend(put_back);
            if composed != tree {
                commit = self.target.commit(&composed, &commit, message)?;
                tree = composed;
                subjects.push(message.lines().next().unwrap_or_default().to_owned());
            }
        }
        if tree == self.incumbent.tree {
            let reason = "the builder changed nothing that an experiment may change";
            return Ok(Err(reason.to_owned()));
        }
        if !neutralised.is_empty() {
            let list: Vec<&str> = neutralised.iter().map(String::as_str).collect();
            self.notice(format!(
                "put back, since experiments may not change what judges them: {}",
                list.join(", ")
            ));
        }
        Ok(Ok(Candidate {
            size: self.target.diff_size(&self.incumbent.tree, &tree)?,
            commit,
            tree,
            subjects,
            neutralised: neutralised.into_iter().collect(),
        }))
    }

    /// Lets the gates judge the diff, before anything of it is run.
    async fn gate(
        &mut self,
        id: ExperimentId,
        hypothesis: &Hypothesis,
        candidate: &Candidate,
    ) -> Result<Stage<()>, Error> {
        let size = &candidate.size;
        let files = if size.files == 1 { "file" } else { "files" };
        let words = format!(
            "{} {files}, +{} −{} lines",
            size.files, size.added, size.removed
        );
        self.enter(id, "gate", words);
        let violations = self.violations_of(hypothesis, candidate)?;
        if !violations.is_empty() {
            return Ok(Stage::stop(Decision::vetoed(violations)));
        }
        let diff = self
            .target
            .diff_text(&self.incumbent.tree, &candidate.tree)?;
        let copy = self.copy_for_agents()?;
        let input = ReviewInput {
            hypothesis,
            candidate,
            diff: &diff,
            copy: &copy,
        };
        let objections = self.backend.review(&input).await?;
        self.settle_with_backend();
        if !objections.is_empty() {
            let objections = objections.into_iter();
            return Ok(Stage::stop(Decision::vetoed(
                objections
                    .map(|it| Violation::of(Rule::Intent, format!("the reviewer objects: {it}")))
                    .collect(),
            )));
        }
        self.journal(&ExperimentEvent::Gated)?;
        Ok(Stage::Proceed(()))
    }

    /// Returns the rules that a tree breaks as a change of the present incumbent.
    pub(super) fn violations_of(
        &mut self,
        hypothesis: &Hypothesis,
        candidate: &Candidate,
    ) -> Result<Vec<Violation>, Error> {
        let facts = self
            .target
            .diff_facts(&self.incumbent.tree, &candidate.tree)?;
        let policy = gate::DiffPolicy {
            asked: gate::Asked::of(hypothesis),
            granted: self.grant_of(hypothesis)?,
            ..self.bench.lab.policy()
        };
        let policy =
            policy.with_minimums(&self.target, &self.incumbent.tree, &candidate.tree, &facts)?;
        let mut violations = if hypothesis.claim == Claim::Maintains {
            let tests = self.bench.lab.test_paths();
            gate::judge_maintenance(&policy, &facts, &|it| tests.is_match(it))
        } else {
            gate::judge_diff(&policy, &facts)
        };
        violations.extend(self.leaks(&facts, &candidate.subjects)?);
        Ok(violations)
    }

    /// Writes the verdict, lands a keep, adds the archivist's note, and seals the record.
    fn close(
        &mut self,
        id: ExperimentId,
        hypothesis: &Hypothesis,
        decision: Decision,
        cost: Cost,
    ) -> Result<Experiment, Error> {
        self.journal(&ExperimentEvent::Decided {
            decision: decision.clone(),
        })?;
        if decision.verdict == Verdict::Keep {
            self.land(id)?;
            self.note_unchecked(hypothesis)?;
        }
        // Halves of what delivered nothing would deliver nothing.
        if decision.verdict == Verdict::Vetoed && !delivered_nothing(&decision) {
            self.halves.extend(
                mechanic::bisect(hypothesis)
                    .into_iter()
                    .flat_map(<[Hypothesis; 2]>::from),
            );
        }
        let mut note = self.backend.archive(&self.for_agents(self.in_flight()));
        let remarks = std::mem::take(&mut self.remarks);
        for remark in remarks.iter().chain(&self.stop) {
            note.push_str("\n\n");
            note.push_str(remark);
        }
        self.journal(&ExperimentEvent::Noted {
            at: Timestamp::now(),
            note,
            cost,
        })?;
        let experiment = self.writer.seal()?;
        let summary = crate::store::summary_of(&experiment);
        if let Some(it) = &summary {
            self.streams.add_closed(it);
            self.count_unaudited(it);
        }
        self.history.extend(summary);
        for notice in self.writer.take_notices() {
            self.notice(notice);
        }
        self.close_wishes(&experiment)?;
        self.write_view(&experiment)?;
        self.tell(&RunEvent::ExperimentFinished {
            id,
            title: hypothesis.title.clone(),
            decision,
            seconds: cost.seconds,
        });
        Ok(experiment)
    }

    /// Moves the landing branch to exactly what was evaluated, unless a person has moved it since: then
    /// the run ends, and the work waits below `refs/factory/candidates`.
    fn land(&mut self, id: ExperimentId) -> Result<(), Error> {
        let candidate = self.in_flight().to_land().cloned();
        let candidate = candidate.expect("only a candidate that was measured is kept");
        let branch = self.request.profile.landing.branch.clone();
        self.enter(id, "land", format!("on {branch}"));
        let expected = self.incumbent.branch_tip.as_ref();
        match self.target.advance(&branch, expected, &candidate.commit) {
            Ok(()) => {}
            Err(error) if is_theirs(&error) => {
                self.stop = Some(format!(
                    "experiment {id} passed but could not be landed: {error}; \
                     `factory checkout {id}` makes a branch of it, and the next run tries it again"
                ));
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        }
        self.journal(&ExperimentEvent::Landed {
            commit: candidate.commit.clone(),
        })?;
        self.incumbent = Incumbent {
            branch_tip: Some(candidate.commit.clone()),
            commit: candidate.commit,
            tree: candidate.tree,
        };
        if let Some(evaluation) = self.candidate_evaluation.take() {
            self.baseline = Some(evaluation);
        }
        // Halves that wait are still worth trying: their other half, not they, was kept.
        self.observations = None;
        Ok(())
    }

    /// Writes the readable view; it is disposable, so a failure is only told.
    fn write_view(&self, experiment: &Experiment) -> Result<(), Error> {
        let dir = match crate::store::write_view(self.target.root(), experiment) {
            Ok(dir) => dir,
            Err(error) => {
                self.notice(format!("the readable view was not written: {error}"));
                return Ok(());
            }
        };
        if let Some(candidate) = &experiment.candidate {
            let diff = self
                .target
                .diff_text(&experiment.incumbent_tree, &candidate.tree)?;
            let path = dir.join("candidate.diff");
            fs_err::write(&path, diff).map_err(|source| io_error(&path, source))?;
        }
        Ok(())
    }

    /// Returns the experiment that is being written.
    pub(super) fn in_flight(&self) -> &Experiment {
        self.writer
            .current()
            .expect("an experiment is in flight from its start to its seal")
    }

    fn spent(&self, before: Cost, since: Instant) -> Cost {
        Cost {
            seconds: since.elapsed().as_secs_f64(),
            evals: self.cost.evals - before.evals,
            metric_runs: self.cost.metric_runs - before.metric_runs,
            tokens: self.cost.tokens - before.tokens,
            usd_cents: self.cost.usd_cents - before.usd_cents,
        }
    }
}

/// Returns when an experiment began whose candidate took so many seconds to build beforehand.
fn started_before(seconds: f64) -> Instant {
    let now = Instant::now();
    let built_in = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    now.checked_sub(built_in).unwrap_or(now)
}

/// Returns what a claim says, for one line: `moves lint`, `keeps`.
pub(super) fn claim_line(claim: &Claim) -> String {
    match claim {
        Claim::Moves { metric, .. } => format!("moves {metric}"),
        Claim::Meets { checks } => format!("meets {} checks", checks.len()),
        Claim::Keeps => "keeps".to_owned(),
        Claim::Maintains => "maintains tests".to_owned(),
    }
}

/// Returns whether a person's own work with branches is why one of them cannot be moved.
pub(super) fn is_theirs(error: &crate::repo::Error) -> bool {
    use crate::repo::Error as Repo;
    matches!(
        error,
        Repo::BranchMoved { .. } | Repo::BranchCheckedOut { .. } | Repo::BranchBlocked { .. }
    )
}

fn delivered_nothing(decision: &Decision) -> bool {
    decision
        .violations
        .iter()
        .all(|it| it.rule == Rule::NoCandidate)
}

pub(super) fn no_candidate(reason: String) -> Decision {
    Decision::vetoed(vec![Violation::of(Rule::NoCandidate, reason)])
}

/// An error of the infrastructure says nothing about the candidate.
fn spurious(error: &Error) -> Decision {
    let mut reason = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let text = error.to_string();
        if !reason.ends_with(&text) {
            let _ = write!(reason, ": {text}");
        }
        cause = error.source();
    }
    Decision::plain(Verdict::Spurious, reason)
}

/// Returns whether the loop may go on after this error closed one experiment.
pub(super) fn is_survivable(error: &Error) -> bool {
    use crate::process::Error as Process;
    if is_full(error) {
        return false;
    }
    matches!(
        error,
        Error::MetricBroken { .. }
            | Error::Process(Process::Spawn { .. } | Process::Io { .. })
            | Error::Agent(agent::Error::Process(
                Process::Spawn { .. } | Process::Io { .. }
            ))
    )
}
