//! `factory man`.

use camino::Utf8PathBuf;
use clap::Args;
use fs_err as fs;

use super::context::Context;
use super::{CliError, Exit, command};

/// Print the manual page, or write one page per verb
#[derive(Debug, Args)]
pub(super) struct ManArgs {
    /// Write `factory.1` and a page per verb into this folder.
    #[arg(long, value_name = "DIR")]
    out: Option<Utf8PathBuf>,
}

pub(super) fn run(args: &ManArgs, ctx: &Context) -> Result<Exit, CliError> {
    if let Some(dir) = &args.out {
        fs::create_dir_all(dir)?;
        clap_mangen::generate_to(command(), dir)?;
    } else {
        let mut page = Vec::new();
        clap_mangen::Man::new(command()).render(&mut page)?;
        ctx.output.raw(&page)?;
    }
    Ok(Exit::Done)
}
