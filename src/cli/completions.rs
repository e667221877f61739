//! `factory completions`.

use clap::Args;
use clap_complete::Shell;

use super::context::Context;
use super::{CliError, Exit, command};

/// Print completions for a shell
///
/// For bash: `factory completions bash > ~/.local/share/bash-completion/completions/factory`.
#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// The shell.
    shell: Shell,
}

pub(super) fn run(args: &CompletionsArgs, ctx: &Context) -> Result<Exit, CliError> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut command(), "factory", &mut text);
    ctx.output.raw(&text)?;
    Ok(Exit::Done)
}
