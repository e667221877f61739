//! `factory reject`.

use clap::Args;

use crate::ceo::restack::LANDING_BASE;
use crate::model::experiment::Experiment;
use crate::model::id::CommitSha;
use crate::repo::{self, Target};
use crate::store::{Rejection, Writer};
use crate::ui::document::Rejected;

use super::context::Context;
use super::record::ExperimentArg;
use super::{CliError, Exit};

/// Say that a kept change should not have been kept
///
/// The words are recorded and count more than any measurement, and the change is taken off the
/// landing branch. Your own branches are left alone: if you landed it, the command that takes it out
/// is printed.
#[derive(Debug, Args)]
pub(super) struct RejectArgs {
    #[command(flatten)]
    experiment: ExperimentArg,
    /// Why, in your words.
    #[arg(long, value_name = "WHY")]
    because: String,
}

pub(super) fn run(args: &RejectArgs, ctx: &Context) -> Result<Exit, CliError> {
    if args.because.trim().is_empty() {
        return Err(CliError::new(Exit::Usage, "`--because` is empty")
            .hint("say why: that is what is learnt from"));
    }
    let (target, reader, experiment) = args.experiment.open()?;
    let was_made_again = reader.note(LANDING_BASE)?.is_some();
    let now = jiff::Timestamp::now();
    let (mut writer, recovery) = Writer::open(&target, now)?;
    for notice in recovery.notices {
        ctx.output.talk(&format!("note: {notice}\n"));
    }
    let rejection = Rejection {
        experiment: experiment.id,
        because: args.because.clone(),
        at: now,
    };
    writer.reject(rejection.clone())?;
    let head = target.head()?.commit;
    let landed = experiment.landed.as_ref();
    let undo = match landed {
        Some(commit) if target.is_ancestor(commit, &head)? => {
            let n_commits = target.ahead(experiment.lands_on(), commit)?;
            Some(revert(experiment.lands_on(), commit, n_commits))
        }
        _ => None,
    };
    let document = Rejected {
        schema: "factory.reject/1".to_owned(),
        taken_back: take_back(&target, &experiment, was_made_again, args, ctx)?,
        rejection,
        undo,
    };
    ctx.emit(&document, |it, _width| text(it))?;
    Ok(Exit::Done)
}

/// Returns the command that takes all commits of a change out of a branch.
fn revert(incumbent: &CommitSha, landed: &CommitSha, n_commits: u32) -> String {
    match n_commits {
        1 => format!("git revert {landed}"),
        _ => format!("git revert {incumbent}..{landed}"),
    }
}

/// Takes a kept change off the landing branch; returns the new tip if it was on it.
///
/// The tip is moved back where nothing else came after it and nobody has it; else the change is
/// reverted by a commit on top.
fn take_back(
    target: &Target,
    experiment: &Experiment,
    was_made_again: bool,
    args: &RejectArgs,
    ctx: &Context,
) -> Result<Option<CommitSha>, CliError> {
    let branch = ctx.options(Some(target.root()))?.profile.landing.branch;
    let (Some(landed), Some(tip)) = (&experiment.landed, target.branch(&branch)?) else {
        return Ok(None);
    };
    let is_there = target.is_ancestor(landed, &tip)?;
    if !is_there && !was_made_again {
        return Ok(None);
    }
    let is_last = *landed == tip && !target.is_ancestor(landed, &target.head()?.commit)?;
    let to = if is_last {
        experiment.lands_on().clone()
    } else {
        let message = format!(
            "Revert \"{}\"\n\n{}",
            experiment.hypothesis.title, args.because
        );
        // Work that was made again on another base is found by its content.
        match target.revert_commit(experiment.lands_on(), landed, &tip, &message) {
            Ok(commit) => commit,
            Err(repo::Error::NothingToRevert { .. }) if !is_there => return Ok(None),
            Err(error) => {
                let error = CliError::from(error);
                return Err(error.hint("your words are recorded all the same, and count"));
            }
        }
    };
    target.advance(&branch, Some(&tip), &to)?;
    Ok(Some(to))
}

fn text(document: &Rejected) -> String {
    let id = document.rejection.experiment;
    let mut out = format!(
        "recorded: #{id} was rejected because {}\n",
        document.rejection.because
    );
    if let Some(tip) = &document.taken_back {
        out.push_str(&format!(
            "taken off the landing branch, which is at {} now\n",
            tip.short()
        ));
    }
    if let Some(undo) = &document.undo {
        out.push_str(&format!(
            "your own branch has it too; take it out with\n  {undo}\n"
        ));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_several_commits_is_reverted_as_a_whole() {
        let sha = |digit: &str| digit.repeat(40).parse::<CommitSha>().unwrap();
        let (from, to) = (sha("1"), sha("2"));
        assert_eq!(revert(&from, &to, 1), format!("git revert {to}"));
        assert_eq!(revert(&from, &to, 2), format!("git revert {from}..{to}"));
    }
}
