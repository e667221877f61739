//! `factory backlog`.

use camino::{Utf8Path, Utf8PathBuf};
use clap::{Args, Subcommand};

use crate::store::{Reader, Writer};
use crate::ui::{document::Backlog, verbs};

use super::context::{self, Context};
use super::{CliError, Exit};

/// Keep a list of wishes that the next run looks at
///
/// The mechanic understands rules (`ruff F401`, `clippy::needless_clone`), knobs and parameters;
/// other words wait for a backend that can act on them.
#[derive(Debug, Args)]
pub(super) struct BacklogArgs {
    #[command(subcommand)]
    verb: Option<BacklogVerb>,
}

#[derive(Debug, Subcommand)]
enum BacklogVerb {
    /// Add a wish
    Add {
        /// What you want, in a line.
        text: String,
        /// Root of the target [default: .].
        path: Option<Utf8PathBuf>,
    },
    /// List the wishes
    List {
        /// Root of the target [default: .].
        path: Option<Utf8PathBuf>,
    },
    /// Close a wish
    Close {
        /// Its number.
        id: u32,
        /// Root of the target [default: .].
        path: Option<Utf8PathBuf>,
        /// Why it is closed.
        #[arg(long, value_name = "WHY", default_value = "dropped")]
        because: String,
    },
}

pub(super) fn run(args: &BacklogArgs, ctx: &Context) -> Result<Exit, CliError> {
    let now = jiff::Timestamp::now();
    match &args.verb {
        None => list(None, ctx),
        Some(BacklogVerb::List { path }) => list(path.as_deref(), ctx),
        Some(BacklogVerb::Add { text, path }) => {
            if text.trim().is_empty() {
                return Err(CliError::new(Exit::Usage, "an empty wish"));
            }
            change(path.as_deref(), ctx, |writer| {
                writer.add_backlog(text, now).map(drop)
            })
        }
        Some(BacklogVerb::Close { id, path, because }) => change(path.as_deref(), ctx, |writer| {
            writer.close_backlog(*id, because, now)
        }),
    }
}

fn change(
    path: Option<&Utf8Path>,
    ctx: &Context,
    act: impl FnOnce(&mut Writer) -> Result<(), crate::store::Error>,
) -> Result<Exit, CliError> {
    let target = context::target(path)?;
    let (mut writer, recovery) = Writer::open(&target, jiff::Timestamp::now())?;
    for notice in recovery.notices {
        ctx.output.talk(&format!("note: {notice}\n"));
    }
    act(&mut writer)?;
    drop(writer);
    list(path, ctx)
}

fn list(path: Option<&Utf8Path>, ctx: &Context) -> Result<Exit, CliError> {
    let document = Backlog {
        schema: "factory.backlog/1".to_owned(),
        items: Reader::open(&context::target(path)?)?.backlog()?,
    };
    ctx.emit(&document, verbs::backlog)?;
    Ok(Exit::Done)
}
