//! The workbench of the verbs that only look, apart from any run.

use tokio_util::sync::CancellationToken;

use crate::ceo::{Workbench, WorkbenchSpec};
use crate::repo::Target;

use super::CliError;
use super::context::Context;

/// Opens a workbench of its own on a target; the loop's is never disturbed.
pub(super) async fn open(
    target: &Target,
    ctx: &Context,
    cancel: &CancellationToken,
) -> Result<Workbench, CliError> {
    let spec = WorkbenchSpec {
        profile: ctx.options(Some(target.root()))?.profile,
        scratch: ctx.scratch.clone(),
        logs: None,
        slot: "look",
        seed: 0,
        foreign: None,
    };
    Ok(Workbench::open(target, spec, cancel).await?)
}
