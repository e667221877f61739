//! `factory discover`.

use camino::Utf8Path;
use clap::Args;

use crate::config::{self, Options};
use crate::model::profile::{Detection, OwnCommand};
use crate::toolchain;
use crate::ui::{document::Discovery, tools};

use super::context::{Context, directory};
use super::record::PathArg;
use super::{CliError, Exit, detect, interrupt};

/// Show the profile that follows from what is here
///
/// Asks the tools for their versions and proposes a commented `factory.toml`. Writes nothing:
/// `init` does.
#[derive(Debug, Args)]
pub(super) struct DiscoverArgs {
    #[command(flatten)]
    target: PathArg,
}

pub(super) fn run(args: &DiscoverArgs, ctx: &Context) -> Result<Exit, CliError> {
    let root = directory(args.target.path.as_deref())?;
    let document = discover(&root, ctx)?;
    ctx.emit(&document, tools::discovery)?;
    Ok(Exit::Done)
}

/// Returns what is here with versions, and the profile that follows from it.
pub(super) fn discover(root: &Utf8Path, ctx: &Context) -> Result<Discovery, CliError> {
    let options = ctx.options(Some(root))?;
    let detection = with_versions(root, &options, ctx)?;
    let proposal = config::propose(&detection, &detect::benchmarks(root, &detection)?);
    Ok(Discovery {
        schema: "factory.discover/1".to_owned(),
        own_commands: own_commands(root, &detection),
        proposal,
        file: options.source.path().map(Utf8Path::to_owned),
        profile: options.profile,
        detection,
    })
}

/// Returns what the files of all sub-projects run, each command once.
fn own_commands(root: &Utf8Path, detection: &Detection) -> Vec<OwnCommand> {
    let mut found: Vec<OwnCommand> = Vec::new();
    for project in &detection.languages {
        for command in toolchain::own_commands(root, &project.root) {
            if !found.contains(&command) {
                found.push(command);
            }
        }
    }
    found
}

/// Returns what is here, with the version of each tool that was found.
pub(super) fn with_versions(
    root: &Utf8Path,
    options: &Options,
    ctx: &Context,
) -> Result<Detection, CliError> {
    let mut detection = detect::detect(root, &options.profile)?;
    let cache = ctx.scratch.join("versions");
    interrupt::run(ctx.output, async |cancel| {
        toolchain::versions(&mut detection, &cache, &cancel).await;
    })?;
    Ok(detection)
}
