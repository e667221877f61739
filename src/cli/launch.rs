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

/// Becomes the command where these are the words of the harness itself, `launch STAGE -- COMMAND`; else
/// they are left to the parser, which takes longer than setting a stage.
pub(super) fn at_once(args: &[OsString]) -> Option<Exit> {
    let [_, verb, stage, dashes, words @ ..] = args else {
        return None;
    };
    let is_ours = verb == "launch" && dashes == "--" && !words.is_empty();
    let stage = stage.to_str().filter(|_| is_ours)?;
    let _told = sandbox::launch(stage, words);
    Some(Exit::Internal)
}

/// Only returns if the command could not be started; why was said on stderr.
pub(super) fn run(args: &LaunchArgs) -> Exit {
    let _told = sandbox::launch(&args.stage, &args.words);
    Exit::Internal
}
