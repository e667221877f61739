//! The test files that paths, folders and patterns of a script name.

use camino::{Utf8Path, Utf8PathBuf};

use super::manifest::glob_set;
use crate::toolchain::detect::read_small;

/// Returns the files that paths, folders and patterns of a script name, relative to the folder.
pub(super) fn expand(at: &Utf8Path, targets: &[String]) -> Vec<Utf8PathBuf> {
    let clean = |it: &String| it.trim_start_matches("./").trim_end_matches('/').to_owned();
    let (patterns, plain): (Vec<String>, Vec<String>) = targets
        .iter()
        .map(clean)
        .partition(|it| it.contains(['*', '{', '?', '[']));
    let mut found: Vec<Utf8PathBuf> = plain
        .iter()
        .filter(|it| at.join(it).is_file())
        .map(Utf8PathBuf::from)
        .collect();
    let folders: Vec<&String> = plain.iter().filter(|it| at.join(it).is_dir()).collect();
    if patterns.is_empty() && folders.is_empty() {
        return found;
    }
    let globs = glob_set(patterns.iter().map(String::as_str));
    let wanted = |it: &Utf8Path| {
        let in_folder = folders.iter().any(|dir| it.starts_with(dir));
        let is_source = it.extension().is_some_and(|it| SOURCES.contains(&it));
        let is_aid = it.components().any(|part| AIDS.contains(&part.as_str()));
        globs.is_match(it) || (in_folder && is_source && !is_aid)
    };
    found.extend(files_below(at).into_iter().filter(|it| wanted(it)));
    found.sort();
    found.dedup();
    found
}

const SOURCES: [&str; 6] = ["js", "cjs", "mjs", "ts", "cts", "mts"];
/// Folders among tests whose files are none.
const AIDS: [&str; 5] = [
    "fixtures",
    "fixture",
    "helpers",
    "snapshots",
    "__snapshots__",
];

fn files_below(at: &Utf8Path) -> Vec<Utf8PathBuf> {
    let walk = ignore::WalkBuilder::new(at)
        .standard_filters(false)
        .filter_entry(|it| {
            let name = it.file_name().to_str().unwrap_or_default();
            !matches!(name, "node_modules" | ".git" | "tap-snapshots")
        })
        .build();
    walk.filter_map(Result::ok)
        .filter(|it| it.file_type().is_some_and(|it| it.is_file()))
        .filter_map(|it| Utf8PathBuf::from_path_buf(it.into_path()).ok())
        .filter_map(|it| it.strip_prefix(at).map(Utf8Path::to_owned).ok())
        .collect()
}

/// What `node --test` runs when it is told nothing.
pub(super) const NODE_DEFAULT: [&str; 4] = [
    "**/*.{test,-test,_test}.{js,cjs,mjs}",
    "**/*[-_.]test.{js,cjs,mjs}",
    "**/test.{js,cjs,mjs}",
    "**/test/**/*.{js,cjs,mjs}",
];

/// Returns whether a file is written for node's own runner.
pub(super) fn uses_node_test(file: &Utf8Path) -> bool {
    read_small(file).is_some_and(|it| it.contains("'node:test'") || it.contains("\"node:test\""))
}
