//! `factory events`.

use std::time::Duration;

use clap::Args;

use crate::store::Reader;

use super::context::{self, Context};
use super::record::PathArg;
use super::{CliError, Exit, interrupt};

/// Print the record as JSON lines
///
/// One event of the ledger per line, oldest first, each with its sequence number.
#[derive(Debug, Args)]
pub(super) struct EventsArgs {
    #[command(flatten)]
    target: PathArg,
    /// Only events after this sequence number.
    #[arg(long, value_name = "SEQ", default_value_t = 0)]
    after: u64,
    /// Go on with what happens from now, until Ctrl-C.
    #[arg(short, long)]
    follow: bool,
}

pub(super) fn run(args: &EventsArgs, ctx: &Context) -> Result<Exit, CliError> {
    let target = context::target(args.target.path.as_deref())?;
    let mut after = args.after;
    after = print_from(&Reader::open(&target)?, after, ctx)?;
    if !args.follow {
        return Ok(Exit::Done);
    }
    interrupt::run(ctx.output, async |cancel| {
        loop {
            tokio::select! {
                () = cancel.cancelled() => return Ok(Exit::Interrupted),
                () = tokio::time::sleep(Duration::from_millis(500)) => {}
            }
            after = print_from(&Reader::open(&target)?, after, ctx)?;
        }
    })?
}

/// Prints what follows a sequence number, and returns the last one printed.
fn print_from(reader: &Reader, after: u64, ctx: &Context) -> Result<u64, CliError> {
    let mut last = after;
    for line in reader.events(after)? {
        last = sequence(&line).unwrap_or(last + 1);
        ctx.output.data(&format!("{line}\n"))?;
    }
    Ok(last)
}

fn sequence(line: &str) -> Option<u64> {
    serde_json::from_str::<serde_json::Value>(line)
        .ok()?
        .get("seq")?
        .as_u64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_carry_their_sequence_number() {
        assert_eq!(sequence(r#"{"seq":7,"event":"started"}"#), Some(7));
        assert_eq!(sequence("not json"), None);
    }
}
