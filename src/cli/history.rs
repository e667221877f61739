//! `factory history`.

use clap::Args;

use crate::model::audit::AuditLine;
use crate::store::Reader;
use crate::ui::{document::History, record};

use super::context::{self, Context};
use super::record::PathArg;
use super::{CliError, Exit};

/// List the last experiments, newest first
#[derive(Debug, Args)]
pub(super) struct HistoryArgs {
    #[command(flatten)]
    target: PathArg,
    /// How many to list.
    #[arg(short = 'n', long, default_value_t = 20)]
    limit: usize,
}

pub(super) fn run(args: &HistoryArgs, ctx: &Context) -> Result<Exit, CliError> {
    let target = context::target(args.target.path.as_deref())?;
    let reader = Reader::open(&target)?;
    let totals = reader.totals()?;
    let document = History {
        schema: "factory.history/1".to_owned(),
        total: totals.experiments,
        by_verdict: totals.by_verdict.into_iter().collect(),
        experiments: reader.recent(args.limit)?,
        unkept: reader
            .audits()?
            .iter()
            .flat_map(AuditLine::unkept)
            .collect(),
    };
    ctx.emit(&document, record::history)?;
    Ok(Exit::Done)
}
