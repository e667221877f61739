//! `factory land`.

use clap::Args;

use crate::ui::document::Landed;

use super::context::{self, Context};
use super::diff::nothing_kept;
use super::record::PathArg;
use super::{CliError, Exit};

/// Fast-forward the checked-out branch to the kept work
///
/// Only when that is safe: nothing uncommitted, nothing in progress, and the landing branch contains
/// the checked-out commit. Otherwise it says what to do.
#[derive(Debug, Args)]
pub(super) struct LandArgs {
    #[command(flatten)]
    target: PathArg,
    /// Say what would be landed.
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(args: &LandArgs, ctx: &Context) -> Result<Exit, CliError> {
    let target = context::target(args.target.path.as_deref())?;
    let landing = ctx.options(Some(target.root()))?.profile.landing.branch;
    let Some(to) = target.branch(&landing)? else {
        return Err(nothing_kept(&landing));
    };
    let head = target.head()?;
    let from = head.commit;
    let moved = !args.dry_run && !target.is_ancestor(&to, &from)?;
    if moved {
        target.land(&to)?;
    }
    let document = Landed {
        schema: "factory.land/1".to_owned(),
        branch: head.branch.unwrap_or_else(|| "HEAD".to_owned()),
        undo: format!("git reset --keep {from}"),
        from,
        to,
        moved,
    };
    ctx.emit(&document, |it, _width| text(it, args.dry_run))?;
    Ok(Exit::Done)
}

fn text(it: &Landed, dry_run: bool) -> String {
    let (from, to) = (it.from.short(), it.to.short());
    match (it.moved, dry_run) {
        (true, _) => format!(
            "{} moved from {from} to {to}\nundo: {}\n",
            it.branch, it.undo
        ),
        (false, true) => format!("would move {} from {from} to {to}\n", it.branch),
        (false, false) => format!("everything kept is in {} already\n", it.branch),
    }
}
