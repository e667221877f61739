//! Day two: the landing branch is the checked-out commit with kept work on top. Where it is not, kept
//! work is made again there, and measured once as a whole.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::session::{Incumbent, Session};
use super::{Error, evaluation_line};
use crate::eval::Depth;
use crate::gate;
use crate::model::experiment::{Candidate, DiffSize};
use crate::model::id::CommitSha;
use crate::model::measurement::Arm;
use crate::repo::{Replayed, Target};
use crate::store::Reader;

/// The note that says on which base the kept work was last made again.
pub const LANDING_BASE: &str = "landing-base";

/// The kept work on top of the new base.
struct Stack {
    tip: CommitSha,
    n_again: usize,
    /// Subjects of what the base has already.
    there: Vec<String>,
    /// Subjects of what no longer fits, with the paths.
    dropped: Vec<String>,
}

impl Session<'_> {
    /// Makes kept work again on the base, where the landing branch does not contain it, and makes that
    /// the incumbent.
    ///
    /// What conflicts drops out and is named; what the base has already is recognised by its content.
    /// Nothing is lost: the old tip stays below `refs/factory/candidates`.
    pub(super) async fn restack(&mut self) -> Result<(), Error> {
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
        let stack = self.replay(&old, &branch)?;
        if stack.n_again > 0 {
            self.measure_stack(&stack.tip, &branch).await?;
        }
        self.move_branch(&old, &stack.tip, &branch)?;
        for subject in &stack.dropped {
            self.notice(format!(
                "kept work no longer fits and dropped out: {subject}"
            ));
        }
        for subject in &stack.there {
            self.notice(format!("kept work is in your branch already: {subject}"));
        }
        let n_again = stack.n_again;
        let s = if n_again == 1 { "" } else { "s" };
        self.end_phase(
            "restack",
            since,
            format!("{n_again} commit{s} of kept work"),
        );
        Ok(())
    }

    fn replay(&self, old: &CommitSha, branch: &str) -> Result<Stack, Error> {
        let diverged = || Error::Diverged {
            branch: branch.to_owned(),
            tip: old.short().to_owned(),
        };
        let commits = kept_work(&self.target, self.writer.reader(), &self.base, old)?;
        let commits = commits.map(|it| it.commits);
        let mut stack = Stack {
            tip: self.base.clone(),
            n_again: 0,
            there: Vec::new(),
            dropped: Vec::new(),
        };
        for commit in commits.ok_or_else(diverged)? {
            let subject = self.target.subject(&commit)?;
            match self.target.replay_commit(&commit, &stack.tip)? {
                Replayed::As(again) => {
                    stack.tip = again;
                    stack.n_again += 1;
                }
                Replayed::AlreadyThere => stack.there.push(subject),
                Replayed::Conflict(paths) => {
                    stack
                        .dropped
                        .push(format!("{subject} ({})", paths.join(", ")));
                }
            }
        }
        Ok(stack)
    }

    /// Holds the whole stack to what every candidate is held to.
    async fn measure_stack(&mut self, tip: &CommitSha, branch: &str) -> Result<(), Error> {
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
        if !violations.is_empty() {
            let reasons: Vec<String> = violations.iter().map(ToString::to_string).collect();
            return Err(Error::Outgrown {
                branch: branch.to_owned(),
                reason: reasons.join("; "),
            });
        }
        let since = self.begin_phase("baseline", "the kept work on the new base");
        self.end_phase("baseline", since, evaluation_line(&evaluation));
        self.baseline = Some(evaluation);
        Ok(())
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
pub(super) fn stands_on_dropped_work(
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
            starts.insert(experiment.incumbent);
        }
    }
    Ok(starts)
}
