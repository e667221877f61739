//! `factory guard`.

use clap::Args;

use crate::ui::{document::GuardReport, verbs};
use crate::{eval, gate, toolchain};

use super::context::{self, Context};
use super::record::PathArg;
use super::{CliError, Exit};

/// Judge a difference by the gates that every experiment passes
///
/// Scope, protected files, suppressions, tests removed or weakened, secrets. Compares the work tree
/// with the checked-out commit unless told otherwise. Exit code 9 if something is forbidden.
#[derive(Debug, Args)]
pub(super) struct GuardArgs {
    #[command(flatten)]
    target: PathArg,
    /// The revision to judge by [default: HEAD].
    #[arg(long, value_name = "REV")]
    from: Option<String>,
    /// The revision to judge [default: the work tree].
    #[arg(long, value_name = "REV")]
    to: Option<String>,
}

pub(super) fn run(args: &GuardArgs, ctx: &Context) -> Result<Exit, CliError> {
    let target = context::target(args.target.path.as_deref())?;
    let from = match &args.from {
        Some(rev) => target.resolve(rev)?,
        None => target.head()?.commit,
    };
    let from_tree = target.tree_of(&from)?;
    let (to, to_tree, mut violations) = if let Some(rev) = &args.to {
        let commit = target.resolve(rev)?;
        let tree = target.tree_of(&commit)?;
        (commit.to_string(), tree, Vec::new())
    } else {
        let snapshot = target.snapshot(target.root(), &from_tree)?;
        ("worktree".to_owned(), snapshot.tree, snapshot.refused)
    };
    let files = target.diff_facts(&from_tree, &to_tree)?;
    let profile = ctx.options(Some(target.root()))?.profile;
    let policy = eval::policy(&profile, &toolchain::adapters_of(&profile));
    let policy = policy.with_minimums(&target, &from_tree, &to_tree, &files)?;
    violations.extend(gate::judge_diff(&policy, &files));
    let document = GuardReport {
        schema: "factory.guard/1".to_owned(),
        from,
        to,
        files: files.len(),
        violations,
    };
    ctx.emit(&document, verbs::guard)?;
    Ok(if document.violations.is_empty() {
        Exit::Done
    } else {
        Exit::CheckFailed
    })
}
