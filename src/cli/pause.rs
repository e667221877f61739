//! `factory pause`.

use std::time::{Duration, Instant};

use clap::Args;

use crate::store::{Activity, Reader, Running};
use crate::ui::document::Controlled;

use super::context::{self, Context};
use super::record::PathArg;
use super::{CliError, Exit};

/// How long a run that waits or is between two experiments may take to answer.
const ANSWER: Duration = Duration::from_secs(2);

/// Let the run of a target wait before its next experiment
///
/// The experiment that is under way ends first. The run stays alive and keeps the target until
/// `factory resume` or `factory stop`. Exit code 3 where nothing runs.
#[derive(Debug, Args)]
pub(super) struct PauseArgs {
    #[command(flatten)]
    target: PathArg,
}

pub(super) fn run(args: &PauseArgs, ctx: &Context) -> Result<Exit, CliError> {
    let target = context::target(args.target.path.as_deref())?;
    let reader = Reader::open(&target)?;
    let asked = reader.order(|orders| orders.paused = true)?;
    if asked.is_none() {
        return Err(nothing_runs());
    }
    let running = answer(&reader);
    let outcome = match &running {
        Some(it) if it.activity == Activity::Paused => "paused".to_owned(),
        Some(it) => format!("it pauses before its next experiment; now: {}", it.doing),
        None => "the run ended meanwhile".to_owned(),
    };
    let document = Controlled {
        schema: "factory.control/1".to_owned(),
        asked: "pause".to_owned(),
        running,
        outcome,
    };
    ctx.emit(&document, |it, _width| format!("{}\n", it.outcome))?;
    Ok(Exit::Done)
}

/// Returns the run as it is after it had time to obey.
fn answer(reader: &Reader) -> Option<Running> {
    let since = Instant::now();
    loop {
        let running = reader.running()?;
        if running.activity == Activity::Paused || since.elapsed() >= ANSWER {
            return Some(running);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Returns the error of an order that nobody is there to take.
pub(super) fn nothing_runs() -> CliError {
    CliError::new(Exit::Input, "nothing runs here")
        .hint("`factory run --loop --detach` starts a run in the background")
}
