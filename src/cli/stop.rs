//! `factory stop`.

use std::time::{Duration, Instant};

use clap::Args;

use crate::model::budget::duration;
use crate::model::verdict::Verdict;
use crate::store::{Reader, Running, Stop};
use crate::ui::document::Controlled;

use super::context::{self, Context};
use super::record::PathArg;
use super::{CliError, Exit};

/// How long a run may take to end its commands and save its state.
const GRACE: Duration = Duration::from_mins(2);
const PAUSE: Duration = Duration::from_millis(50);

/// Stop the run of a target; its state is saved
///
/// The experiment that is under way may end first, within a limit; after that, or with `--now`, it is
/// abandoned, and the next run tries it again. Returns when the run is over. Where nothing runs, this
/// says so and succeeds.
#[derive(Debug, Args)]
pub(super) struct StopArgs {
    #[command(flatten)]
    target: PathArg,
    /// Abandon what is under way at once.
    #[arg(long)]
    now: bool,
    /// How long the experiment under way may take to end.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration, conflicts_with = "now")]
    within: Duration,
}

pub(super) fn run(args: &StopArgs, ctx: &Context) -> Result<Exit, CliError> {
    let target = context::target(args.target.path.as_deref())?;
    let reader = Reader::open(&target)?;
    let flying = reader.in_flight()?.map(|it| it.id);
    let how = if args.now {
        Stop::Now
    } else {
        Stop::AfterExperiment
    };
    let running = reader.order(|orders| orders.stop = orders.stop.max(Some(how)))?;
    let outcome = match &running {
        None => "nothing runs here".to_owned(),
        Some(running) => {
            wait(&reader, running, args)?;
            let sealed = flying
                .map(|id| reader.experiment(id))
                .transpose()?
                .flatten();
            match sealed.and_then(|it| Some((it.id, it.decision?.verdict))) {
                None => "stopped; no experiment was under way".to_owned(),
                Some((id, Verdict::Spurious)) => {
                    format!(
                        "stopped; experiment {id} was abandoned, and the next run tries it again"
                    )
                }
                Some((id, verdict)) => {
                    format!("stopped after experiment {id}, which ended as {verdict}")
                }
            }
        }
    };
    let document = Controlled {
        schema: "factory.control/1".to_owned(),
        asked: "stop".to_owned(),
        running,
        outcome,
    };
    ctx.emit(&document, |it, _width| format!("{}\n", it.outcome))?;
    Ok(Exit::Done)
}

/// Waits until the run is over, and loses patience where that was asked for.
fn wait(reader: &Reader, run: &Running, args: &StopArgs) -> Result<(), CliError> {
    let since = Instant::now();
    let mut patience = if args.now {
        Duration::ZERO
    } else {
        args.within
    };
    let mut is_told = args.now;
    while is_there(reader, run) {
        if !is_told && since.elapsed() >= patience {
            reader.order(|orders| orders.stop = Some(Stop::Now))?;
            is_told = true;
            patience = since.elapsed();
        }
        if is_told && since.elapsed() >= patience + GRACE {
            let message = format!("process {} does not stop", run.pid);
            let hint = format!(
                "`kill -9 {}`: the next run takes over what it left",
                run.pid
            );
            return Err(CliError::new(Exit::Held, message).hint(hint));
        }
        std::thread::sleep(PAUSE);
    }
    Ok(())
}

fn is_there(reader: &Reader, run: &Running) -> bool {
    let running = reader.running();
    running.is_some_and(|it| it.pid == run.pid && it.since == run.since)
}
