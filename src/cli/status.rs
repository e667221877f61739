//! `factory status`.

use clap::Args;

use crate::model::id::CommitSha;
use crate::repo::{Head, Target};
use crate::store::{Activity, Owner, Reader, Running};
use crate::ui::document::{OwnerLine, StatusReport};
use crate::ui::verbs;

use super::context::{self, Context};
use super::record::PathArg;
use super::{CliError, Exit};

/// Tell what runs here, what was kept, and what to do next
#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    #[command(flatten)]
    target: PathArg,
}

pub(super) fn run(args: &StatusArgs, ctx: &Context) -> Result<Exit, CliError> {
    let target = context::target(args.target.path.as_deref())?;
    let landing = ctx.options(Some(target.root()))?.profile.landing.branch;
    let document = status(&target, landing)?;
    ctx.emit(&document, verbs::status)?;
    Ok(Exit::Done)
}

fn status(target: &Target, landing: String) -> Result<StatusReport, CliError> {
    let reader = Reader::open(target)?;
    let Head { commit, branch } = target.head()?;
    let tip = target.branch(&landing)?;
    let landed = match &tip {
        Some(tip) => target.is_ancestor(tip, &commit)?,
        None => false,
    };
    let owner = reader.owner().map(owner_line);
    let totals = reader.totals()?;
    let backlog = reader
        .backlog()?
        .iter()
        .filter(|it| it.closed.is_none())
        .count();
    let running = reader.running();
    let next = next(running.as_ref(), owner.as_ref(), tip.as_ref(), landed);
    Ok(StatusReport {
        schema: "factory.status/1".to_owned(),
        root: target.root().to_owned(),
        branch,
        head: commit,
        landing,
        tip,
        landed,
        owner,
        running,
        experiments: totals.experiments,
        by_verdict: totals.by_verdict.into_iter().collect(),
        last: reader.recent(1)?.into_iter().next(),
        backlog,
        next,
    })
}

fn owner_line(owner: Owner) -> OwnerLine {
    OwnerLine {
        pid: owner.pid,
        host: owner.host,
        since: owner.since,
        run: owner.run.map(|it| it.to_string()),
    }
}

fn next(
    running: Option<&Running>,
    owner: Option<&OwnerLine>,
    tip: Option<&CommitSha>,
    landed: bool,
) -> String {
    match (running.map(|it| it.activity), owner, tip, landed) {
        (Some(Activity::Paused), ..) => "`factory resume` lets the paused run go on",
        (Some(Activity::Waiting), _, Some(_), false) | (None, None, Some(_), false) => {
            "see what was kept with `factory diff`, take it with `factory land`"
        }
        (Some(Activity::Waiting), ..) => {
            "the run looks again by itself; `factory resume` makes it look now"
        }
        (Some(Activity::Working), ..) | (None, Some(_), ..) => {
            "a run is under way: `factory events --follow` shows it"
        }
        (None, None, ..) => "`factory ceo` tries what is worth trying",
    }
    .to_owned()
}
