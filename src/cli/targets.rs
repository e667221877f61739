//! `factory targets`.

use clap::Args;

use crate::store::Registry;
use crate::ui::{document::Targets, verbs};

use super::context::Context;
use super::{CliError, Exit};

/// List the targets that were used before
#[derive(Debug, Args)]
pub(super) struct TargetsArgs {}

pub(super) fn run(_args: &TargetsArgs, ctx: &Context) -> Result<Exit, CliError> {
    let document = Targets {
        schema: "factory.targets/1".to_owned(),
        targets: Registry::open(&ctx.home)?.targets()?,
    };
    ctx.emit(&document, verbs::targets)?;
    Ok(Exit::Done)
}
