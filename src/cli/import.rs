//! `factory import`.

use std::io::Read as _;

use camino::{Utf8Path, Utf8PathBuf};
use clap::{Args, Subcommand};

use crate::agent::autoresearch;
use crate::store::Writer;
use crate::ui::document::Imported;
use crate::ui::verbs;

use super::context::{self, Context};
use super::{CliError, Exit};

/// Take over ideas from the record of another program
///
/// What was tried elsewhere is no measurement of ours: it is kept as ideas that a backend is shown, never
/// as history, and nothing is left untried because of it.
#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    #[command(subcommand)]
    from: From,
}

#[derive(Debug, Subcommand)]
enum From {
    /// An autoresearch project: `results.tsv`, and `program.md` as the objective
    Autoresearch {
        /// Its folder, or its `results.tsv`.
        path: Utf8PathBuf,
        /// Root of the target that gets the ideas [default: .].
        target: Option<Utf8PathBuf>,
        /// Show what would be taken over.
        #[arg(long)]
        dry_run: bool,
    },
}

pub(super) fn run(args: &ImportArgs, ctx: &Context) -> Result<Exit, CliError> {
    let From::Autoresearch {
        path,
        target,
        dry_run,
    } = &args.from;
    let file = if path.is_dir() {
        path.join("results.tsv")
    } else {
        path.clone()
    };
    if !file.exists() {
        return Err(
            CliError::new(Exit::Input, format!("`{file}` is not there")).hint(
                "name the folder of an autoresearch project, or the `results.tsv` that it keeps untracked",
            ),
        );
    }
    let bytes = read(&file)?;
    let results = autoresearch::results(&bytes).map_err(|reason| {
        CliError::new(
            Exit::Input,
            format!("`{file}` is no record of autoresearch: {reason}"),
        )
        .hint(
            "its first line names the columns: commit, the metric, memory_gb, status, description",
        )
    })?;
    let program = file.with_file_name("program.md");
    let program = if program.is_file() {
        autoresearch::program(&String::from_utf8_lossy(&read(&program)?))
    } else {
        autoresearch::Program::default()
    };
    let target = context::target(target.as_deref())?;
    let n_new = if *dry_run {
        0
    } else {
        let now = jiff::Timestamp::now();
        let (mut writer, recovery) = Writer::open(&target, now)?;
        for notice in recovery.notices {
            ctx.output.talk(&format!("note: {notice}\n"));
        }
        writer.add_ideas(&results.ideas, now)?
    };
    let document = Imported {
        schema: "factory.import/1".to_owned(),
        source: file,
        done: !dry_run,
        found: results.ideas.len(),
        new: n_new,
        proposal: autoresearch::proposal(&results, &program),
        left_out: results.left_out,
    };
    ctx.emit(&document, verbs::imported)?;
    Ok(Exit::Done)
}

/// Reads a file that is not too large to be one of a person's. A pipe or a device has no end, or none that
/// comes by itself.
fn read(path: &Utf8Path) -> Result<Vec<u8>, CliError> {
    if !fs_err::metadata(path)?.is_file() {
        return Err(
            CliError::new(Exit::Input, format!("`{path}` is no plain file"))
                .hint("name the folder of the project, or its `results.tsv`"),
        );
    }
    let mut bytes = Vec::new();
    let file = fs_err::File::open(path)?;
    file.take(autoresearch::MAX_BYTES + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > autoresearch::MAX_BYTES {
        let limit = autoresearch::MAX_BYTES >> 20;
        return Err(
            CliError::new(Exit::Input, format!("`{path}` is larger than {limit} MiB"))
                .hint("such a record holds one line for each experiment"),
        );
    }
    Ok(bytes)
}
