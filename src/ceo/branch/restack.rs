//! Day two: the landing branch is the checked-out commit with kept work on top. Where it is not, kept
//! work is made again there, and measured once as a whole.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use jiff::Timestamp;

use crate::ceo::session::{Incumbent, Session};
use crate::ceo::{Error, evaluation_line};
use crate::eval::Depth;
use crate::gate;
use crate::model::dimension::Evaluation;
use crate::model::experiment::{Candidate, DiffSize};
use crate::model::id::CommitSha;
use crate::model::measurement::Arm;
use crate::repo::{Replayed, Target};
use crate::store::Reader;

/// The note that says on which base the kept work was last made again.
pub const LANDING_BASE: &str = "landing-base";

/// The note that lists what dropped out of the landing branch, and why.
const DROPPED_OUT: &str = "dropped-out";

/// The kept work on top of the new base.
#[derive(Default)]
struct Stack {
    /// The commits, oldest first, each with its subject.
    again: Vec<(CommitSha, String)>,
    /// Subjects of what the base has already.
    there: Vec<String>,
    /// What dropped out, with the reason.
    dropped: Vec<String>,
}

impl Session<'_> {
    /// Makes kept work again on the base, where the landing branch does not contain it, and makes that
    /// the incumbent.
    ///
    /// What conflicts drops out and is named, and so does what no longer passes; what the base has
    /// already is recognised by its content. Nothing is lost: the old tip stays below
    /// `refs/factory/candidates`.
    pub(in crate::ceo) async fn restack(&mut self) -> Result<(), Error> {
        let Some(old) = self.outgrown.take() else {
            return Ok(());
        };
        let branch = self.request.profile.landing.branch.clone();
        if self.request.dry_run {
            self.notice(format!(
                "`{branch}` lacks commits that are checked out here; a real run makes its work again on top of them"
            ));
            return Ok(());
        }
        let since = self.begin_phase("restack", format!("{branch} on the checked-out commit"));
        let mut stack = self.replay(&old, &branch)?;
        self.hold_to_the_gates(&mut stack).await?;
        let tip = stack.again.last().map_or(&self.base, |(commit, _)| commit);
        let tip = tip.clone();
        self.move_branch(&old, &tip, &branch)?;
        for subject in &stack.there {
            self.notice(format!("kept work is in your branch already: {subject}"));
        }
        self.tell_of_dropped(&stack.dropped)?;
        let n_again = stack.again.len();
        let s = if n_again == 1 { "" } else { "s" };
        self.end_phase(
            "restack",
            since,
            format!("{n_again} commit{s} of kept work"),
        );
        Ok(())
    }

    /// Names what dropped out, to the person and in the record.
    fn tell_of_dropped(&mut self, dropped: &[String]) -> Result<(), Error> {
        if dropped.is_empty() {
            return Ok(());
        }
        for subject in dropped {
            self.notice(format!(
                "kept work no longer fits and dropped out: {subject}"
            ));
        }
        let mut note = self.writer.reader().note(DROPPED_OUT)?.unwrap_or_default();
        for subject in dropped {
            let _ = writeln!(note, "on {}: {subject}", self.base.short());
        }
        Ok(self.writer.note(DROPPED_OUT, &note, Timestamp::now())?)
    }

    fn replay(&self, old: &CommitSha, branch: &str) -> Result<Stack, Error> {
        let diverged = || Error::Diverged {
            branch: branch.to_owned(),
            tip: old.short().to_owned(),
        };
        let commits = kept_work(&self.target, self.writer.reader(), &self.base, old)?;
        let commits = commits.map(|it| it.commits);
        let mut stack = Stack::default();
        let mut commits = commits.ok_or_else(diverged)?;
        for commit in commits.drain(..self.n_merged(&commits)?) {
            stack.there.push(self.target.subject(&commit)?);
        }
        for commit in commits {
            let subject = self.target.subject(&commit)?;
            let tip = stack.again.last().map_or(&self.base, |(commit, _)| commit);
            match self.target.replay_commit(&commit, tip)? {
                Replayed::As(again) => stack.again.push((again, subject)),
                Replayed::AlreadyThere => stack.there.push(subject),
                Replayed::Conflict(paths) => {
                    let paths = paths.join(", ");
                    stack
                        .dropped
                        .push(format!("{subject} (it conflicts in {paths})"));
                }
            }
        }
        Ok(stack)
    }

    /// Returns how many of the oldest commits, taken together, are in the base already: a person who
    /// squashed them into one leaves no commit that is equal to one of them.
    fn n_merged(&self, commits: &[CommitSha]) -> Result<usize, Error> {
        let Some(first) = commits.first() else {
            return Ok(0);
        };
        for (index, last) in commits.iter().enumerate().rev() {
            if self.target.holds(&self.base, first, last)? {
                return Ok(index + 1);
            }
        }
        Ok(0)
    }

    /// Holds the whole stack to what every candidate is held to; where it fails, the newest commits drop
    /// out until the rest holds, found by halving.
    async fn hold_to_the_gates(&mut self, stack: &mut Stack) -> Result<(), Error> {
        let (mut holds, mut fails) = (0, stack.again.len() + 1);
        let mut reason = String::new();
        let mut evaluation = None;
        while fails - holds > 1 {
            let n = if fails > stack.again.len() {
                stack.again.len()
            } else {
                usize::midpoint(holds, fails)
            };
            match self.measure_stack(&stack.again[n - 1].0).await? {
                Ok(found) => {
                    holds = n;
                    evaluation = Some(found);
                }
                Err(violations) => {
                    fails = n;
                    reason = violations;
                }
            }
        }
        for (_, subject) in stack.again.drain(holds..) {
            stack.dropped.push(format!("{subject} ({reason})"));
        }
        if let Some(evaluation) = evaluation {
            let since = self.begin_phase("baseline", "the kept work on the new base");
            self.end_phase("baseline", since, evaluation_line(&evaluation));
            self.baseline = Some(evaluation);
        }
        Ok(())
    }

    /// Measures the stack up to a commit; what the gates forbid is the inner error.
    async fn measure_stack(
        &mut self,
        tip: &CommitSha,
    ) -> Result<Result<Evaluation, String>, Error> {
        let tree = self.target.tree_of(tip)?;
        let facts = self.history.facts();
        let evaluation = self
            .bench
            .evaluate(&self.target, Arm::Candidate, &tree, Depth::Decisive, &facts)
            .await?;
        self.cost.evals += 1;
        let violations = gate::judge_evaluations(
            &self.required_tests(),
            &self.quarantined,
            self.baseline(),
            &evaluation,
        );
        if violations.is_empty() {
            return Ok(Ok(evaluation));
        }
        let reasons: Vec<String> = violations.iter().map(ToString::to_string).collect();
        Ok(Err(reasons.join("; ")))
    }

    fn move_branch(&mut self, old: &CommitSha, tip: &CommitSha, branch: &str) -> Result<(), Error> {
        self.target.anchor(&Candidate {
            commit: old.clone(),
            tree: self.target.tree_of(old)?,
            subjects: vec![format!("{branch} before it was made again")],
            size: DiffSize::default(),
            neutralised: Vec::new(),
        })?;
        self.writer
            .note(LANDING_BASE, self.base.as_str(), Timestamp::now())?;
        self.target.advance(branch, Some(old), tip)?;
        self.incumbent = Incumbent {
            commit: tip.clone(),
            tree: self.target.tree_of(tip)?,
            branch_tip: Some(tip.clone()),
        };
        Ok(())
    }
}

/// The commits on a landing branch that the base lacks.
struct KeptWork {
    /// Kept work and what people put on top of it, oldest first.
    commits: Vec<CommitSha>,
    /// How many lie below: the person's own, on another branch or dropped from this one.
    n_below: usize,
}

/// Returns whether the branch holds commits below the kept work that are not on the base.
pub(in crate::ceo) fn stands_on_dropped_work(
    target: &Target,
    reader: &Reader,
    base: &CommitSha,
    tip: &CommitSha,
) -> Result<bool, Error> {
    if base == tip {
        return Ok(false);
    }
    let work = kept_work(target, reader, base, tip)?;
    Ok(work.is_some_and(|it| it.n_below > 0))
}

/// Returns the commits to make again, oldest first: what stands on the base that kept work was last made
/// again on, else on the first commit where an experiment began. `None` where neither is there, or where
/// there are merges.
///
/// Commits below that one are the person's own, which a rewritten base has dropped.
fn kept_work(
    target: &Target,
    reader: &Reader,
    base: &CommitSha,
    tip: &CommitSha,
) -> Result<Option<KeptWork>, Error> {
    let Some(stack) = target.stack(base, tip)? else {
        return Ok(None);
    };
    let noted = reader.note(LANDING_BASE)?;
    let noted = noted.and_then(|it| it.trim().parse::<CommitSha>().ok());
    let on = |starts: &dyn Fn(&CommitSha) -> bool| stack.iter().position(|(_, it)| starts(it));
    let mut first = on(&|it| Some(it) == noted.as_ref());
    if first.is_none() {
        let starts = starts(reader, &stack.iter().map(|(commit, _)| commit).collect())?;
        first = on(&|it| starts.contains(it));
    }
    Ok(first.map(|n_below| {
        let commits = stack.into_iter().skip(n_below).map(|(commit, _)| commit);
        KeptWork {
            commits: commits.collect(),
            n_below,
        }
    }))
}

/// Returns the commits on which the kept work in a stack was begun.
fn starts(reader: &Reader, stack: &BTreeSet<&CommitSha>) -> Result<BTreeSet<CommitSha>, Error> {
    let mut starts = BTreeSet::new();
    for summary in reader.summaries()? {
        if summary.landed.is_some_and(|it| stack.contains(&it))
            && let Some(experiment) = reader.experiment(summary.id)?
        {
            starts.insert(experiment.lands_on().clone());
        }
    }
    Ok(starts)
}
