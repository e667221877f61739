//! `factory eval`.

use clap::Args;
use tokio_util::sync::CancellationToken;

use crate::ceo;
use crate::eval::Depth;
use crate::model::dimension::Evaluation;
use crate::model::id::{CommitSha, TreeSha};
use crate::model::measurement::Arm;
use crate::repo::Target;
use crate::store::Reader;
use crate::toolchain;
use crate::ui::evaluation;

use super::context::{self, Context};
use super::record::PathArg;
use super::{CliError, Exit, interrupt, lab};

/// Measure a tree: every dimension, the composite, and what forbids it
///
/// Measures the checked-out commit unless told otherwise. Exit code 4 if nothing builds, 9 if it is
/// vetoed or below the threshold; the document is printed in every case.
#[derive(Debug, Args)]
pub(super) struct EvalArgs {
    #[command(flatten)]
    target: PathArg,
    /// Measure this revision.
    #[arg(long, value_name = "REV", conflicts_with = "worktree")]
    at: Option<String>,
    /// Measure the files as they are, changes that are not committed included.
    #[arg(long)]
    worktree: bool,
}

pub(super) fn run(args: &EvalArgs, ctx: &Context) -> Result<Exit, CliError> {
    let target = context::target(args.target.path.as_deref())?;
    let (commit, tree) = subject(args, &target)?;
    ctx.output
        .talk("evaluating; this builds and runs the tests\n");
    let (mut found, missing) = interrupt::run(ctx.output, async |cancel| {
        evaluate(target, &tree, ctx, cancel).await
    })??;
    found.commit = commit;
    ctx.emit(&found, evaluation::render)?;
    if let Some(missing) = missing {
        ctx.output.complain(&missing.text());
        return Ok(missing.kind);
    }
    Ok(exit(&found))
}

/// Returns the tree that is asked for, and its commit if it has one.
fn subject(args: &EvalArgs, target: &Target) -> Result<(Option<CommitSha>, TreeSha), CliError> {
    let commit = match &args.at {
        Some(rev) => target.resolve(rev)?,
        None => target.head()?.commit,
    };
    let tree = target.tree_of(&commit)?;
    if args.worktree {
        return Ok((None, target.snapshot(target.root(), &tree)?.tree));
    }
    Ok((Some(commit), tree))
}

async fn evaluate(
    target: Target,
    tree: &TreeSha,
    ctx: &Context,
    cancel: CancellationToken,
) -> Result<(Evaluation, Option<CliError>), CliError> {
    let mut bench = lab::open(&target, ctx, &cancel).await?;
    let missing = toolchain::missing_builder(&bench.lab.detection).map(|it| {
        CliError::from(ceo::Error::ToolMissing {
            name: it.name.clone(),
            install: it.install.clone(),
        })
    });
    for notice in bench.prepare(&target, tree).await? {
        ctx.output.talk(&format!("note: {notice}\n"));
    }
    let facts = ceo::History::of(Reader::open(&target)?.summaries()?).facts();
    let found = bench.evaluate(&target, Arm::Incumbent, tree, Depth::Full, &facts);
    Ok((found.await?, missing))
}

fn exit(found: &Evaluation) -> Exit {
    let is_below = found.score.is_some_and(|it| it < found.threshold);
    if !found.is_sound() || found.score.is_none() {
        Exit::NothingBuilds
    } else if is_below || !found.vetoes.is_empty() {
        Exit::CheckFailed
    } else {
        Exit::Done
    }
}
