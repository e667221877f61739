//! The workbench of the verbs that only look, apart from any run.

use tokio_util::sync::CancellationToken;

use crate::ceo::{Workbench, WorkbenchSpec};
use crate::config::Profile;
use crate::repo::Target;

use super::CliError;
use super::context::Context;

/// Opens a workbench of its own on a target; the loop's is never disturbed.
pub(super) async fn open(
    target: &Target,
    ctx: &Context,
    cancel: &CancellationToken,
) -> Result<Workbench, CliError> {
    let profile = ctx.options(Some(target.root()))?.profile;
    open_with(target, profile, ctx, cancel).await
}

/// Opens it with another profile than the target has.
pub(super) async fn open_with(
    target: &Target,
    profile: Profile,
    ctx: &Context,
    cancel: &CancellationToken,
) -> Result<Workbench, CliError> {
    let spec = WorkbenchSpec {
        profile,
        scratch: ctx.scratch.clone(),
        logs: None,
        slot: "look",
        seed: 0,
        foreign: None,
    };
    Ok(Workbench::open(target, spec, cancel).await?)
}
