//! `factory init`.

use clap::Args;
use fs_err as fs;

use crate::config::{self, FILE_NAME};
use crate::ui::{document::Init, tools};

use super::context::{Context, directory};
use super::record::PathArg;
use super::{CliError, Exit, detect};

/// Write a commented `factory.toml` at the root
///
/// It holds what was found, as comments, and every default. Commit it if you want others to have
/// it; it is never committed for you.
#[derive(Debug, Args)]
pub(super) struct InitArgs {
    #[command(flatten)]
    target: PathArg,
    /// Show what would be written.
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(args: &InitArgs, ctx: &Context) -> Result<Exit, CliError> {
    let root = directory(args.target.path.as_deref())?;
    let path = root.join(FILE_NAME);
    if path.exists() {
        return Err(
            CliError::new(Exit::Input, format!("`{path}` is there already"))
                .hint("edit it, or move it away first"),
        );
    }
    let profile = ctx.options(Some(&root))?.profile;
    let text = if let Some(hidden) = config::find(&root).path() {
        fs::read_to_string(hidden)?
    } else {
        let detection = detect::detect(&root, &profile)?;
        config::propose(&detection, &detect::benchmarks(&root, &detection)?)
    };
    if !args.dry_run {
        fs::write(&path, &text)?;
    }
    let document = Init {
        schema: "factory.init/1".to_owned(),
        path,
        written: !args.dry_run,
        text,
    };
    ctx.emit(&document, |it, _width| {
        let verb = if it.written { "wrote" } else { "would write" };
        format!("{verb} {}\n{}", it.path, tools::profile(&it.text))
    })?;
    Ok(Exit::Done)
}
