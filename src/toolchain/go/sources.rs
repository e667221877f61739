//! The source files of a module that people write.

use camino::{Utf8Path, Utf8PathBuf};

use crate::toolchain::Job;

/// Folders deeper than this hold no source.
const MAX_DEPTH: usize = 16;
/// Folders that hold nobody's source, or somebody else's.
const FOREIGN: &[&str] = &["vendor", "testdata", "node_modules", "third_party"];

/// Returns the files that go would build on some machine, relative to the tree and sorted: not those
/// of other modules below, nor those that programs write.
pub(super) fn written(job: &Job<'_>) -> Vec<Utf8PathBuf> {
    let mut files = files(job);
    files.retain(|it| it.extension() == Some("go") && !is_generated(&job.tree.join(it)));
    files
}

/// Returns all files of the module, relative to the tree and sorted.
pub(super) fn files(job: &Job<'_>) -> Vec<Utf8PathBuf> {
    let mut found = Vec::new();
    collect(&job.dir(), MAX_DEPTH, &mut found);
    let relative = found.iter().filter_map(|it| it.strip_prefix(job.tree).ok());
    let mut files: Vec<Utf8PathBuf> = relative.map(Utf8Path::to_owned).collect();
    files.sort();
    files
}

fn collect(folder: &Utf8Path, depth: usize, found: &mut Vec<Utf8PathBuf>) {
    for entry in folder.read_dir_utf8().into_iter().flatten().flatten() {
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        let name = entry.file_name();
        if kind.is_file() {
            found.push(entry.into_path());
        } else if kind.is_dir()
            && depth > 0
            && !name.starts_with(['.', '_'])
            && !FOREIGN.contains(&name)
            && !entry.path().join("go.mod").exists()
        {
            collect(entry.path(), depth - 1, found);
        }
    }
}

/// Returns whether a file says, above its package clause, that it was generated: by the words that all
/// generators of Go agreed on.
pub(super) fn is_generated(file: &Utf8Path) -> bool {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines()
        .take_while(|it| !it.starts_with("package "))
        .any(|it| it.starts_with("// Code generated ") && it.trim_end().ends_with(" DO NOT EDIT."))
}
