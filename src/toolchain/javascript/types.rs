//! What the type checker complains about, where a project uses it.

use std::sync::LazyLock;

use camino::{Utf8Path, Utf8PathBuf};
use regex::Regex;

use super::{modules, programs};
use crate::model::finding::Finding;
use crate::process::{Error, Exit, Finished};
use crate::toolchain::catalogue::JAVASCRIPT;
use crate::toolchain::detect::read_small;
use crate::toolchain::job::broken;
use crate::toolchain::{Job, Outcome};

/// `path(line,column): error TS2322: message`
static LINE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(.+?)\((\d+),(\d+)\): error (TS\d+): (.*)$").expect("the pattern is valid")
});
/// `error TS5023: message`, which is about the configuration.
static GLOBAL: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?m)^error (TS\d+: .*)$").expect("the pattern is valid"));

/// Runs tsc on each configuration of the project, and makes it write nothing into the tree.
pub(super) async fn types(job: &Job<'_>) -> Result<Outcome<Vec<Finding>>, Error> {
    modules::link(job)?;
    let configurations = configurations(job.tree, modules::packages(job));
    if configurations.is_empty() {
        let reason = "not used here: no `tsconfig.json`, and no `jsconfig.json` that checks";
        return Ok(Outcome::Missing(reason.into()));
    }
    let mut found = Vec::new();
    for (number, path) in configurations.iter().enumerate() {
        let dir = path.parent().unwrap_or(Utf8Path::new(""));
        let Some(words) = programs::words(job, dir, "typescript", "tsc") else {
            return Ok(Outcome::Missing(JAVASCRIPT.install("tsc")));
        };
        let state = job.build.join(format!("tsc-{number}.tsbuildinfo"));
        let command = programs::command(job, dir, &words).args([
            "-p",
            path.file_name().unwrap_or("tsconfig.json"),
            "--noEmit",
            "--pretty",
            "false",
            "--incremental",
            "--tsBuildInfoFile",
            state.as_str(),
        ]);
        match read(job, dir, &job.run(&command).await?) {
            Outcome::Measured(findings) => found.extend(findings),
            other => return Ok(other),
        }
    }
    found.sort();
    found.dedup();
    Ok(Outcome::Measured(found))
}

/// Returns the configurations that name files: a project's own, those that it refers to, and those of
/// the packages in its workspace.
pub(super) fn configurations<'a>(
    tree: &Utf8Path,
    packages: impl Iterator<Item = &'a Utf8Path>,
) -> Vec<Utf8PathBuf> {
    let mut found = Vec::new();
    for dir in packages {
        let typescript = dir.join("tsconfig.json");
        let javascript = dir.join("jsconfig.json");
        match (
            read_small(&tree.join(&typescript)),
            read_small(&tree.join(&javascript)),
        ) {
            (Some(text), _) => {
                let referred = references(tree, dir, &text);
                if referred.is_empty() {
                    found.push(typescript);
                } else {
                    found.extend(referred);
                }
            }
            (None, Some(text)) if CHECKS.is_match(&text) => found.push(javascript),
            _ => {}
        }
    }
    found.sort();
    found.dedup();
    found
}

static CHECKS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#""checkJs"\s*:\s*true"#).expect("the pattern is valid"));
static REFERENCE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#""path"\s*:\s*"([^"]+)""#).expect("the pattern is valid"));

/// A configuration without files of its own refers to others.
fn references(tree: &Utf8Path, dir: &Utf8Path, text: &str) -> Vec<Utf8PathBuf> {
    let plain: String = text.chars().filter(|it| !it.is_whitespace()).collect();
    let Some((_, list)) = text
        .split_once("\"references\"")
        .filter(|_| plain.contains("\"files\":[]"))
    else {
        return Vec::new();
    };
    let list = list.split(']').next().unwrap_or_default();
    let paths = REFERENCE
        .captures_iter(list)
        .map(|it| dir.join(it[1].trim_start_matches("./")));
    let file = |it: Utf8PathBuf| {
        if it.extension() == Some("json") {
            it
        } else {
            it.join("tsconfig.json")
        }
    };
    paths
        .map(file)
        .filter(|it| tree.join(it).is_file())
        .collect()
}

fn read(job: &Job<'_>, dir: &Utf8Path, finished: &Finished) -> Outcome<Vec<Finding>> {
    if !matches!(finished.exit, Exit::Code(0..=2)) {
        return broken("tsc", finished);
    }
    let text = finished.stdout_text();
    if let Some(it) = GLOBAL.captures(&text) {
        return Outcome::Failed(format!("tsc: {}", &it[1]));
    }
    let mut n_lines = 0;
    let mut found = Vec::new();
    for it in text.lines().filter_map(|it| LINE.captures(it)) {
        n_lines += 1;
        if Utf8Path::new(&it[1]).extension() == Some("json") && it[4].starts_with("TS5") {
            return Outcome::Failed(format!("tsc: `{}`: {}", &it[1], &it[5]));
        }
        let number = |idx: usize| it[idx].parse().unwrap_or(1);
        // What is wrong in a dependency is nothing that this tree could change.
        let Some(path) = job.in_tree(job.tree.join(dir).join(&it[1]).as_str()) else {
            continue;
        };
        found.extend(clean(&path).map(|path| Finding {
            path,
            line: number(2),
            column: number(3),
            tool: "tsc".into(),
            rule: it[4].to_owned(),
            message: it[5].to_owned(),
            fixable: false,
        }));
    }
    if finished.success() != (n_lines == 0) {
        return Outcome::Failed(format!(
            "tsc: {n_lines} findings, but {}",
            finished.explain()
        ));
    }
    Outcome::Measured(found)
}

/// Returns a path without `..`, if it is one of the tree's own files.
fn clean(path: &Utf8Path) -> Option<Utf8PathBuf> {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.components() {
        match part.as_str() {
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    (!parts.contains(&"node_modules")).then(|| parts.iter().collect())
}
