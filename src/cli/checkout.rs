//! `factory checkout`.

use clap::Args;

use crate::ui::document::Checkout;

use super::context::Context;
use super::record::{self, ExperimentArg};
use super::{CliError, Exit};

/// Make a branch of an experiment's candidate
///
/// The branch is `factory/ID` unless `--branch` names another. It is only made, not switched to.
#[derive(Debug, Args)]
pub(super) struct CheckoutArgs {
    #[command(flatten)]
    experiment: ExperimentArg,
    /// Name of the branch.
    #[arg(short, long)]
    branch: Option<String>,
}

pub(super) fn run(args: &CheckoutArgs, ctx: &Context) -> Result<Exit, CliError> {
    let (target, reader, experiment) = args.experiment.open()?;
    let commit = record::candidate(&reader, &experiment)?.commit.clone();
    let default = format!("factory/{}", experiment.id);
    let branch = args.branch.clone().unwrap_or(default);
    if target.branch(&branch)?.as_ref() != Some(&commit) {
        target.checkout_branch(&branch, &commit)?;
    }
    let document = Checkout {
        schema: "factory.checkout/1".to_owned(),
        id: experiment.id,
        next: format!("git switch {branch}"),
        branch,
        commit,
    };
    ctx.emit(&document, |it, _width| {
        format!(
            "branch `{}` is at {}\n{}\n",
            it.branch,
            it.commit.short(),
            it.next
        )
    })?;
    Ok(Exit::Done)
}
