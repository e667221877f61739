//! `factory show`.

use clap::Args;

use crate::model::audit::Standing;
use crate::model::id::ExperimentId;
use crate::store::Reader;
use crate::ui::{document::Shown, record};

use super::context::Context;
use super::record::ExperimentArg;
use super::{CliError, Exit};

/// Show everything known about one experiment
///
/// What was tried and why, what was built, both arms in native units, the evidence with the path of
/// its e-value, and the verdict with its reasons.
#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    #[command(flatten)]
    experiment: ExperimentArg,
}

pub(super) fn run(args: &ShowArgs, ctx: &Context) -> Result<Exit, CliError> {
    let (_target, reader, experiment) = args.experiment.open()?;
    let mut rejections = reader.rejections()?;
    rejections.retain(|it| it.experiment == experiment.id);
    let document = Shown {
        schema: "factory.show/1".to_owned(),
        audits: audits(&reader, experiment.id)?,
        experiment,
        rejections,
    };
    ctx.emit(&document, record::show)?;
    Ok(Exit::Done)
}

/// Returns the audits that looked back on an experiment, and what became of it in each.
fn audits(reader: &Reader, id: ExperimentId) -> Result<Vec<(u32, Standing)>, CliError> {
    let lines = reader.audits()?.into_iter();
    let found = lines.filter_map(|line| {
        let standing = line.keeps.iter().find(|(keep, _)| *keep == id)?;
        Some((line.id, standing.1))
    });
    Ok(found.collect())
}
