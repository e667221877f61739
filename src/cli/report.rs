//! `factory report`.

use clap::Args;
use tokio_util::sync::CancellationToken;

use crate::eval::report::{Budget, FirstReport, first_report};
use crate::model::measurement::Arm;
use crate::repo::Target;
use crate::ui::first_report;

use super::context::{self, Context};
use super::record::PathArg;
use super::{CliError, Exit, interrupt, lab};

/// Tell what is known of the suite, read-only
///
/// Does the suite test your source? Which tests fail, are flaky, are slow? What is suppressed? And
/// which small changes of the code does no test notice, with file and line. Nothing of the target is
/// changed.
#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    #[command(flatten)]
    target: PathArg,
    /// The most mutants to run [default: 20].
    #[arg(long, value_name = "N")]
    mutants: Option<u32>,
    /// Seconds that mutants may take [default: 60].
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<u64>,
}

pub(super) fn run(args: &ReportArgs, ctx: &Context) -> Result<Exit, CliError> {
    let target = context::target(args.target.path.as_deref())?;
    let section = ctx.options(Some(target.root()))?.profile.report;
    let budget = Budget {
        seconds: args.seconds.unwrap_or(section.seconds),
        mutants: args.mutants.unwrap_or(section.mutants),
    };
    ctx.output
        .talk("looking; this builds and runs the tests, then a few mutants\n");
    let report = interrupt::run(ctx.output, async |cancel| {
        make(target, budget, ctx, cancel).await
    })??;
    ctx.emit(&report, first_report::render)?;
    Ok(Exit::Done)
}

async fn make(
    target: Target,
    budget: Budget,
    ctx: &Context,
    cancel: CancellationToken,
) -> Result<FirstReport, CliError> {
    let tree = target.tree_of(&target.head()?.commit)?;
    let mut bench = lab::open(&target, ctx, &cancel).await?;
    for notice in bench.prepare(&target, &tree).await? {
        ctx.output.talk(&format!("note: {notice}\n"));
    }
    bench.lay_out(&target, Arm::Candidate, &tree)?;
    let (arm, scratch) = (bench.arm(Arm::Incumbent), bench.arm(Arm::Candidate));
    Ok(first_report(&bench.lab, &arm, &scratch, budget).await?)
}
