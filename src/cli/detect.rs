//! `factory detect`.

use camino::{Utf8Path, Utf8PathBuf};
use clap::Args;

use crate::config::{Profile, ProposedMetrics};
use crate::model::profile::{Detection, DirectoryState};
use crate::repo::{self, Target};
use crate::toolchain;
use crate::ui::tools;

use super::context::{Context, directory};
use super::record::PathArg;
use super::{CliError, Exit};

/// Tell which languages and tools are here
///
/// Looks at names and paths only: nothing is run. `discover` asks the tools for their versions too.
#[derive(Debug, Args)]
pub(super) struct DetectArgs {
    #[command(flatten)]
    target: PathArg,
}

pub(super) fn run(args: &DetectArgs, ctx: &Context) -> Result<Exit, CliError> {
    let root = directory(args.target.path.as_deref())?;
    let profile = ctx.options(Some(&root))?.profile;
    let found = detect(&root, &profile)?;
    ctx.emit(&found, tools::detection)?;
    Ok(Exit::Done)
}

/// Returns what is in a directory, be it a repository or not.
pub(super) fn detect(root: &Utf8Path, profile: &Profile) -> Result<Detection, CliError> {
    let (files, state) = files(root)?;
    let mut detection = toolchain::detect(root, &files, profile);
    detection.state = match state {
        DirectoryState::Codebase if detection.languages.is_empty() => {
            DirectoryState::UnknownLanguage
        }
        state => state,
    };
    Ok(detection)
}

/// Returns the metrics that follow from the benchmarks in a directory.
pub(super) fn benchmarks(
    root: &Utf8Path,
    detection: &Detection,
) -> Result<ProposedMetrics, CliError> {
    Ok(toolchain::benchmarks(root, &files(root)?.0, detection))
}

/// Returns the files of the commit that is checked out; of the directory where there is none.
fn files(root: &Utf8Path) -> Result<(Vec<Utf8PathBuf>, DirectoryState), CliError> {
    match Target::open(root) {
        Ok(target) => Ok((target.tracked_files()?, DirectoryState::Codebase)),
        Err(repo::Error::NotARepository { .. }) => Ok((walk(root), DirectoryState::NoGit)),
        Err(repo::Error::Unborn { .. }) => Ok((walk(root), DirectoryState::Unborn)),
        Err(error) => Err(error.into()),
    }
}

/// Returns the files of a directory that nothing ignores, relative to it.
fn walk(root: &Utf8Path) -> Vec<Utf8PathBuf> {
    let entries = ignore::WalkBuilder::new(root).require_git(false).build();
    let mut files: Vec<Utf8PathBuf> = entries
        .filter_map(Result::ok)
        .filter(|it| it.file_type().is_some_and(|kind| kind.is_file()))
        .filter_map(|it| Utf8PathBuf::from_path_buf(it.into_path()).ok())
        .filter_map(|it| it.strip_prefix(root).ok().map(Utf8Path::to_owned))
        .collect();
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_without_git_is_walked_and_what_is_ignored_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(dir.path()).unwrap();
        fs_err::create_dir(root.join("src")).unwrap();
        for name in ["src/a.py", "b.py", "c.log"] {
            fs_err::write(root.join(name), "").unwrap();
        }
        fs_err::write(root.join(".gitignore"), "*.log\n").unwrap();
        assert_eq!(walk(root), [Utf8PathBuf::from("b.py"), "src/a.py".into()]);
    }
}
