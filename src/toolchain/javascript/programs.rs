//! Where the programs of a project are: installed beside it, else on the PATH.

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;

use super::manifest::Manifest;
use crate::process::Command;
use crate::toolchain::Job;

/// Returns the script that a package's program starts with, in the nearest `node_modules` of a folder.
pub(super) fn installed(
    top: &Utf8Path,
    dir: &Utf8Path,
    package: &str,
    program: &str,
) -> Option<Utf8PathBuf> {
    let home = home(top, dir, package)?;
    let manifest = Manifest::read(&home);
    let script = match manifest.get("bin")? {
        Value::String(path) => path.clone(),
        table => table.get(program)?.as_str()?.to_owned(),
    };
    Some(home.join(script)).filter(|it| it.is_file())
}

/// Returns the version of an installed package.
pub(super) fn version(top: &Utf8Path, dir: &Utf8Path, package: &str) -> Option<String> {
    let manifest = Manifest::read(&home(top, dir, package)?);
    manifest.get("version")?.as_str().map(str::to_owned)
}

/// Returns the folder of an installed package, as code in a folder finds it.
pub(super) fn home(top: &Utf8Path, dir: &Utf8Path, package: &str) -> Option<Utf8PathBuf> {
    let levels = dir.ancestors().take_while(|it| it.starts_with(top));
    levels
        .map(|it| it.join("node_modules").join(package))
        .find(|it| it.join("package.json").is_file())
}

/// Returns the words that start a tool in a folder of the tree, whose links are made.
pub(super) fn words(
    job: &Job<'_>,
    dir: &Utf8Path,
    package: &str,
    program: &str,
) -> Option<Vec<String>> {
    let node = job.tool("node")?;
    match installed(job.tree, &job.tree.join(dir), package, program) {
        Some(script) => Some([node, &[script.into_string()]].concat()),
        None => job.tool(program).map(<[String]>::to_vec),
    }
}

/// Returns a command in a folder of the tree that finds the project's programs on its PATH.
pub(super) fn command(job: &Job<'_>, dir: &Utf8Path, words: &[String]) -> Command {
    let mut command = job.command(words);
    command.cwd = job.tree.join(dir);
    command.output_cap = 256 << 20;
    let programs = dir
        .ancestors()
        .map(|it| job.tree.join(it).join("node_modules/.bin").into_string());
    let node = job.tool("node").and_then(|it| it.first());
    let beside = node
        .and_then(|it| Utf8Path::new(it).parent())
        .map(Utf8Path::to_string);
    let inherited = crate::process::variable("PATH").map(str::to_owned);
    let path: Vec<String> = programs.chain(beside).chain(inherited).collect();
    command
        .env("PATH", path.join(":"))
        .env("CI", "true")
        .env("NO_COLOR", "1")
        .env("FORCE_COLOR", "0")
        .env("NO_UPDATE_NOTIFIER", "1")
        .env("npm_config_update_notifier", "false")
}
