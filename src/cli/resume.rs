//! `factory resume`.

use clap::Args;

use crate::store::{Activity, Reader};
use crate::ui::document::Controlled;

use super::context::{self, Context};
use super::pause::nothing_runs;
use super::record::PathArg;
use super::{CliError, Exit};

/// Let a paused run go on, or a waiting one look again
///
/// Exit code 3 where nothing runs.
#[derive(Debug, Args)]
pub(super) struct ResumeArgs {
    #[command(flatten)]
    target: PathArg,
}

pub(super) fn run(args: &ResumeArgs, ctx: &Context) -> Result<Exit, CliError> {
    let target = context::target(args.target.path.as_deref())?;
    let running = Reader::open(&target)?.order(|orders| {
        orders.paused = false;
        orders.looks += 1;
    })?;
    let Some(running) = running else {
        return Err(nothing_runs());
    };
    let outcome = match running.activity {
        Activity::Paused => "it goes on",
        Activity::Waiting => "it looks again",
        Activity::Working => "it was not paused",
    };
    let document = Controlled {
        schema: "factory.control/1".to_owned(),
        asked: "resume".to_owned(),
        outcome: outcome.to_owned(),
        running: Some(running),
    };
    ctx.emit(&document, |it, _width| format!("{}\n", it.outcome))?;
    Ok(Exit::Done)
}
