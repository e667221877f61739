//! `factory demo`.

use camino::{Utf8Path, Utf8PathBuf};
use clap::Args;
use fs_err as fs;
use rust_embed::Embed;

use crate::process::{self, Command};

use super::ceo::{RunFlags, run_on};
use super::context::Context;
use super::{CliError, Exit, interrupt};

/// The shipped sample target.
#[derive(Embed)]
#[folder = "experiments/quickstart"]
#[exclude = "target/*"]
struct Quickstart;

/// Make the shipped sample target in `./factory-demo` and run `ceo` on it
///
/// A small inverted index with real findings, a real slow path, real tests and one benchmark. Needs
/// `cargo` and `git`, and no network. A second call goes on where the first one ended.
#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// Where to put the sample.
    #[arg(value_name = "DIR", default_value = "factory-demo")]
    dir: Utf8PathBuf,
    #[command(flatten)]
    flags: RunFlags,
}

pub(super) fn run(args: &DemoArgs, ctx: &Context) -> Result<Exit, CliError> {
    if is_ours(&args.dir) {
        ctx.output.talk(&format!(
            "going on in {}; remove the folder to start afresh\n",
            args.dir
        ));
    } else {
        make(&args.dir, ctx)?;
    }
    run_on(&args.dir.canonicalize_utf8()?, &args.flags.accepted(), ctx)
}

/// Returns whether the folder is a sample that was made before.
fn is_ours(dir: &Utf8Path) -> bool {
    let manifest = fs::read_to_string(dir.join("Cargo.toml")).unwrap_or_default();
    dir.join(".git").exists() && manifest.contains("name = \"quickstart\"")
}

fn make(dir: &Utf8Path, ctx: &Context) -> Result<(), CliError> {
    let is_empty = !dir.exists() || fs::read_dir(dir)?.next().is_none();
    if !is_empty {
        return Err(CliError::new(
            Exit::Input,
            format!("`{dir}` is there already, and is not the sample"),
        )
        .hint("name another folder: `factory demo DIR`"));
    }
    write_files(dir)?;
    let first_commit: [&[&str]; 3] = [
        &["init", "--quiet", "--initial-branch=main"],
        &["add", "--all"],
        &["commit", "--quiet", "--message=Add an inverted index"],
    ];
    interrupt::run(ctx.output, async |cancel| {
        for args in first_commit {
            let command = git(dir, args);
            let finished = process::run(&command, &cancel).await?;
            if !finished.success() {
                return Err(CliError::new(
                    Exit::Missing,
                    format!("git could not make the sample: {}", finished.explain()),
                ));
            }
        }
        Ok(())
    })??;
    ctx.output.talk(&format!("made the sample in {dir}\n"));
    Ok(())
}

fn write_files(dir: &Utf8Path) -> Result<(), CliError> {
    for name in Quickstart::iter() {
        let file = Quickstart::get(&name)
            .ok_or_else(|| CliError::new(Exit::Internal, format!("the sample lacks `{name}`")))?;
        let path = dir.join(name.as_ref());
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&path, &file.data)?;
    }
    Ok(())
}

/// Returns a git command that no hook, signature or identity of the person can change.
fn git(dir: &Utf8Path, args: &[&str]) -> Command {
    let settings = [
        "user.name=factory",
        "user.email=factory@localhost",
        "commit.gpgsign=false",
        "core.hooksPath=/dev/null",
        "core.autocrlf=false",
    ];
    let mut command = Command::new("git", dir.to_owned());
    for setting in settings {
        command = command.arg("-c").arg(setting);
    }
    command.args(args.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_somebody_else_is_not_ours() {
        let dir = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(dir.path()).unwrap();
        fs::create_dir(root.join(".git")).unwrap();
        fs::write(root.join("Cargo.toml"), "[package]\nname = \"other\"\n").unwrap();
        assert!(!is_ours(root));
        fs::write(
            root.join("Cargo.toml"),
            "[package]\nname = \"quickstart\"\n",
        )
        .unwrap();
        assert!(is_ours(root));
    }
}
