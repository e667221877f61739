//! `factory forget`.

use camino::Utf8PathBuf;
use clap::Args;
use fs_err as fs;

use crate::ceo::scratch_of;
use crate::config::HIDDEN_DIR;
use crate::repo::Target;
use crate::repo::records::Removal;
use crate::store::{Heartbeat, Registry, Writer};
use crate::ui::document::Changes;

use super::context::{self, Context};
use super::record::PathArg;
use super::{CliError, Exit};

/// What we put into `.factory/`; whatever else is there belongs to other tools or to the person.
const OURS: [&str; 7] = [
    ".gitignore",
    "archive",
    "cache",
    "experiments",
    "factory.toml",
    "logs",
    "tmp",
];

/// Remove every trace of factory from a target
///
/// The record, all candidates with their packed objects, logs, caches, the profile in `.factory/` and the
/// line in `factory targets`. The landing branch stays: what was kept is yours. A `factory.toml` at the
/// root stays too, and so does what you wrote into `.factory/`. Loose objects go with git's own garbage
/// collection.
#[derive(Debug, Args)]
pub(super) struct ForgetArgs {
    #[command(flatten)]
    target: PathArg,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
    /// Say what would be removed.
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(args: &ForgetArgs, ctx: &Context) -> Result<Exit, CliError> {
    let target = context::target(args.target.path.as_deref())?;
    let traces = traces(&target, ctx);
    let is_agreed = args.yes || args.dry_run || agree(&traces, ctx)?;
    let done = is_agreed && !args.dry_run;
    if done {
        remove(&target, &traces, ctx)?;
    }
    let document = Changes {
        schema: "factory.forget/1".to_owned(),
        done,
        changes: [
            "refs/factory/* and its objects",
            "its line in `factory targets`",
        ]
        .map(str::to_owned)
        .into_iter()
        .chain(traces.iter().map(ToString::to_string))
        .collect(),
    };
    ctx.emit(&document, |it, _width| {
        let verb = if it.done { "removed" } else { "would remove" };
        it.changes
            .iter()
            .map(|line| format!("{verb} {line}\n"))
            .collect()
    })?;
    Ok(Exit::Done)
}

fn agree(traces: &[Utf8PathBuf], ctx: &Context) -> Result<bool, CliError> {
    if !ctx.may_ask() {
        return Err(CliError::new(Exit::Usage, "nobody is there to be asked")
            .hint("use `--yes`, or `--dry-run` to see what would go"));
    }
    let list: String = traces.iter().map(|it| format!("  {it}\n")).collect();
    ctx.output.complain(&format!(
        "this removes the whole record of experiments:\n  refs/factory/*\n{list}"
    ));
    let question = dialoguer::Confirm::new()
        .with_prompt("Remove them")
        .default(false);
    question
        .interact()
        .map_err(|error| CliError::new(Exit::Interrupted, error))
}

/// Returns the files and folders that are ours and there.
fn traces(target: &Target, ctx: &Context) -> Vec<Utf8PathBuf> {
    let hidden = target.root().join(HIDDEN_DIR);
    let ours = OURS.iter().map(|it| hidden.join(it));
    ours.chain([
        target.common_dir().join("factory"),
        scratch_of(&ctx.scratch, target.root()),
    ])
    .filter(|it| it.exists())
    .collect()
}

fn remove(target: &Target, traces: &[Utf8PathBuf], ctx: &Context) -> Result<(), CliError> {
    // Taking both locks first: nobody may be running here or writing what is removed.
    let now = jiff::Timestamp::now();
    let heartbeat = Heartbeat::take(target.common_dir(), now)?;
    let (writer, _recovery) = Writer::open(target, now)?;
    target.forget_refs()?;
    writer.free(&target.reachable()?, Removal::AtOnce)?;
    drop(writer);
    drop(heartbeat);
    Registry::open(&ctx.home)?.forget(target.root(), now)?;
    for path in traces {
        if path.is_dir() {
            fs::remove_dir_all(path)?;
        } else if path.exists() {
            fs::remove_file(path)?;
        }
    }
    let hidden = target.root().join(HIDDEN_DIR);
    if hidden.is_dir() && fs::read_dir(&hidden)?.next().is_none() {
        fs::remove_dir(&hidden)?;
    }
    Ok(())
}
