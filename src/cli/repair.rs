//! `factory repair`.

use clap::Args;

use crate::store::{self, Writer};
use crate::ui::document::Repair;

use super::context::{self, Context};
use super::record::PathArg;
use super::{CliError, Exit};

/// Put the record in order after a crash or damage
///
/// Drops a torn tail, closes what a killed run left, and rebuilds the index from the records. Says
/// what it did and what is lost; nothing that can be read is deleted. Exit code 8 if something is
/// lost.
#[derive(Debug, Args)]
pub(super) struct RepairArgs {
    #[command(flatten)]
    target: PathArg,
}

pub(super) fn run(args: &RepairArgs, ctx: &Context) -> Result<Exit, CliError> {
    let target = context::target(args.target.path.as_deref())?;
    let now = jiff::Timestamp::now();
    let repaired = store::repair(&target, now)?;
    let (_writer, recovery) = Writer::open(&target, now)?;
    let done: Vec<String> = repaired.done.into_iter().chain(recovery.notices).collect();
    let document = Repair {
        schema: "factory.repair/1".to_owned(),
        experiments: repaired.experiments,
        done,
        lost: repaired.lost,
    };
    ctx.emit(&document, |it, _width| text(it))?;
    Ok(if document.lost.is_empty() {
        Exit::Done
    } else {
        Exit::Damaged
    })
}

fn text(it: &Repair) -> String {
    let mut out = String::new();
    for line in &it.done {
        out.push_str(&format!("{line}\n"));
    }
    for line in &it.lost {
        out.push_str(&format!("lost: {line}\n"));
    }
    if out.is_empty() {
        out.push_str("the record is in order\n");
    }
    out
}
