//! `factory launch`: what the harness runs evaluated commands through; not for people.

use std::ffi::OsString;

use clap::Args;

use crate::sandbox;

use super::Exit;

/// Sets the stage of an evaluated command and becomes it
#[derive(Debug, Args)]
pub(super) struct LaunchArgs {
    /// What the command is to see, as JSON.
    stage: String,
    /// The command.
    #[arg(last = true, required = true)]
    words: Vec<OsString>,
}

/// Only returns if the command could not be started; why was said on stderr.
pub(super) fn run(args: &LaunchArgs) -> Exit {
    let _told = sandbox::launch(&args.stage, &args.words);
    Exit::Internal
}
