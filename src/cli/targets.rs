//! `factory targets`.

use clap::Args;

use crate::model::verdict::Verdict;
use crate::repo::Target;
use crate::store::{Reader, Registered, Registry};
use crate::ui::document::{TargetLine, Targets};
use crate::ui::verbs;

use super::context::Context;
use super::{CliError, Exit};

/// List the targets that were used before, and what runs on them
///
/// `factory prune` forgets those that are gone.
#[derive(Debug, Args)]
pub(super) struct TargetsArgs {}

pub(super) fn run(_args: &TargetsArgs, ctx: &Context) -> Result<Exit, CliError> {
    let targets = Registry::open(&ctx.home)?.targets()?;
    let document = Targets {
        schema: "factory.targets/1".to_owned(),
        targets: targets.into_iter().map(line).collect(),
    };
    ctx.emit(&document, verbs::targets)?;
    Ok(Exit::Done)
}

/// Looks at a target; one whose record is damaged is listed all the same.
fn line(registered: Registered) -> TargetLine {
    let target = Target::open(&registered.path);
    let reader = target.as_ref().ok().and_then(|it| Reader::open(it).ok());
    let totals = reader.as_ref().and_then(|it| it.totals().ok());
    let kept = totals.as_ref().map(|it| {
        let kept = it.by_verdict.iter().find(|it| it.0 == Verdict::Keep);
        kept.map_or(0, |it| it.1)
    });
    TargetLine {
        gone: target.is_err(),
        running: reader.as_ref().and_then(Reader::running),
        experiments: totals.map(|it| it.experiments),
        kept,
        path: registered.path,
        first: registered.first,
        last: registered.last,
    }
}
