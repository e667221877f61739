//! `factory events`.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use clap::Args;

use crate::store::Reader;
use crate::ui::document::EventLine;
use crate::ui::progress;

use super::context::{self, Context};
use super::record::PathArg;
use super::{CliError, Exit, interrupt};

const LOOK: Duration = Duration::from_millis(250);

/// Show what happened and what happens, a line each
///
/// First the record, oldest first: a line for each experiment, and one for each step of the one under
/// way. With `--follow`, then what the run that is under way tells, as it happens, until Ctrl-C. With
/// `--json` each line is a document: `factory.ledger_event/1` of the record, with a sequence number, and
/// `factory.event/1` of the run.
#[derive(Debug, Args)]
pub(super) struct EventsArgs {
    #[command(flatten)]
    target: PathArg,
    /// Only events of the record after this sequence number.
    #[arg(long, value_name = "SEQ", default_value_t = 0)]
    after: u64,
    /// Go on with what happens from now, until Ctrl-C.
    #[arg(short, long)]
    follow: bool,
}

pub(super) fn run(args: &EventsArgs, ctx: &Context) -> Result<Exit, CliError> {
    let target = context::target(args.target.path.as_deref())?;
    let mut after = print_record(&Reader::open(&target)?, args.after, ctx)?;
    if !args.follow {
        return Ok(Exit::Done);
    }
    let mut live = Live::default();
    live.skip(Reader::open(&target)?.running().and_then(|it| it.events))?;
    interrupt::run(ctx.output, async |cancel| {
        loop {
            tokio::select! {
                () = cancel.cancelled() => return Ok(Exit::Interrupted),
                () = tokio::time::sleep(LOOK) => {}
            }
            let reader = Reader::open(&target)?;
            // What a run told last is still in its file when the run is over.
            let events = reader.running().and_then(|it| it.events);
            live.print(ctx)?;
            live.follow(events);
            live.print(ctx)?;
            after = print_record(&reader, after, ctx)?;
        }
    })?
}

/// Prints what of the record follows a sequence number, and returns the last one printed.
fn print_record(reader: &Reader, after: u64, ctx: &Context) -> Result<u64, CliError> {
    let mut last = after;
    for event in reader.events(after)? {
        last = event.seq;
        let line = if ctx.is_json() {
            serde_json::to_string(&event).map_err(|error| CliError::new(Exit::Internal, error))?
        } else {
            progress::recorded(&event)
        };
        ctx.output.data(&format!("{line}\n"))?;
    }
    Ok(last)
}

/// The events of the present pass, read as they are written.
#[derive(Default)]
struct Live {
    path: Option<Utf8PathBuf>,
    position: u64,
}

impl Live {
    /// Goes to the end of a file, so that only what is new is printed.
    fn skip(&mut self, path: Option<Utf8PathBuf>) -> Result<(), CliError> {
        self.position = match &path {
            Some(path) if path.exists() => fs_err::metadata(path)?.len(),
            _ => 0,
        };
        self.path = path;
        Ok(())
    }

    /// Turns to the file of the next pass, if there is one.
    fn follow(&mut self, path: Option<Utf8PathBuf>) {
        if path.is_some() && path != self.path {
            self.path = path;
            self.position = 0;
        }
    }

    fn print(&mut self, ctx: &Context) -> Result<(), CliError> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        let text = whole_lines(path, self.position)?;
        self.position += text.len() as u64;
        for line in text.lines() {
            if ctx.is_json() {
                ctx.output.data(&format!("{line}\n"))?;
            } else if let Some(words) = words(line, ctx) {
                ctx.output.data(&format!("{words}\n"))?;
            }
        }
        Ok(())
    }
}

fn words(line: &str, ctx: &Context) -> Option<String> {
    let event: EventLine = serde_json::from_str(line).ok()?;
    progress::told(&event, ctx.output.width())
}

/// Returns the finished lines behind a position; none where the file is gone.
fn whole_lines(path: &Utf8Path, position: u64) -> Result<String, CliError> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(String::new()),
        Err(error) => return Err(error.into()),
    };
    file.seek(SeekFrom::Start(position))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let end = bytes
        .iter()
        .rposition(|it| *it == b'\n')
        .map_or(0, |it| it + 1);
    bytes.truncate(end);
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_line_waits_for_its_other_half() {
        let dir = tempfile::tempdir().unwrap();
        let path = Utf8PathBuf::from_path_buf(dir.path().join("events.jsonl")).unwrap();
        assert_eq!(whole_lines(&path, 0).unwrap(), "");
        std::fs::write(&path, "one\ntw").unwrap();
        assert_eq!(whole_lines(&path, 0).unwrap(), "one\n");
        assert_eq!(whole_lines(&path, 4).unwrap(), "");
        std::fs::write(&path, "one\ntwo\n").unwrap();
        assert_eq!(whole_lines(&path, 4).unwrap(), "two\n");
    }
}
