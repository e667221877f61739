//! A walk over a directory that somebody else wrote: no link is followed, nothing is executed.

use camino::{Utf8Path, Utf8PathBuf};
use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::Metadata;

use super::files;
use crate::model::violation::{Rule, Violation};

/// Deeper folders than this are refused.
const MAX_DEPTH: usize = 100;
/// A longer file of ignore rules is not read.
const MAX_RULES: u64 = 1 << 20;
const MAX_ENTRIES: usize = 1_000_000;

/// What was found, and what was refused.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Files and links, without ignored ones.
    pub(super) files: BTreeMap<String, Metadata>,
    /// What is not allowed, whatever it holds.
    pub(super) refused: Vec<Violation>,
}

/// Walks `root`, skipping its `.git`, what its `.gitignore` files name, and `opaque` folders.
pub(super) fn walk(root: &Utf8Path, opaque: &BTreeSet<&str>) -> std::io::Result<Found> {
    let mut walk = Walk {
        root,
        opaque,
        rules: Vec::new(),
        n_entries: 0,
        found: Found::default(),
    };
    walk.directory(Utf8Path::new(""), 0)?;
    Ok(walk.found)
}

struct Walk<'a> {
    root: &'a Utf8Path,
    opaque: &'a BTreeSet<&'a str>,
    /// From the root down to the folder that is being read.
    rules: Vec<Gitignore>,
    n_entries: usize,
    found: Found,
}

impl Walk<'_> {
    fn directory(&mut self, dir: &Utf8Path, depth: usize) -> std::io::Result<()> {
        if depth > MAX_DEPTH {
            self.refuse(dir, "is nested too deeply");
            return Ok(());
        }
        let entries = files::list(&self.root.join(dir))?;
        self.rules.push(read_rules(&self.root.join(dir)));
        for entry in entries {
            self.n_entries += 1;
            if self.n_entries > MAX_ENTRIES {
                self.refuse(dir, "holds more files than can be looked at");
                break;
            }
            let Ok(name) = entry.file_name().into_string() else {
                let name = entry.file_name().to_string_lossy().into_owned();
                self.refuse(&dir.join(name), "has a name that is not UTF-8");
                continue;
            };
            let path = dir.join(&name);
            let metadata = entry.metadata()?;
            if is_git_name(&name) {
                self.git_entry(dir, &path);
            } else {
                self.entry(path, metadata, depth)?;
            }
        }
        self.rules.pop();
        Ok(())
    }

    /// The root's own `.git` is skipped; any other makes a repository within the tree.
    fn git_entry(&mut self, dir: &Utf8Path, path: &Utf8Path) {
        if path != ".git" {
            self.refuse(path, format!("makes `{dir}` a repository of its own"));
        }
    }

    fn entry(
        &mut self,
        path: Utf8PathBuf,
        metadata: Metadata,
        depth: usize,
    ) -> std::io::Result<()> {
        let is_dir = metadata.is_dir();
        if is_dir && self.opaque.contains(path.as_str()) {
            if !files::list(&self.root.join(&path))?.is_empty() {
                self.refuse(&path, "is a submodule, and was filled");
            }
            return Ok(());
        }
        if self.is_ignored(&path, is_dir) {
            return Ok(());
        }
        if is_dir {
            return self.directory(&path, depth + 1);
        }
        if files::git_mode(&metadata).is_none() {
            self.refuse(&path, "is neither a file, a link nor a folder");
            return Ok(());
        }
        self.found.files.insert(path.into_string(), metadata);
        Ok(())
    }

    /// Asks the nearest rules first, as git does.
    fn is_ignored(&self, path: &Utf8Path, is_dir: bool) -> bool {
        let full = self.root.join(path);
        for rules in self.rules.iter().rev().filter(|rules| !rules.is_empty()) {
            match rules.matched(&full, is_dir) {
                Match::Ignore(_) => return true,
                Match::Whitelist(_) => return false,
                Match::None => {}
            }
        }
        false
    }

    fn refuse(&mut self, path: &Utf8Path, why: impl Into<String>) {
        let violation = Violation::at(Rule::File, path, why);
        self.found.refused.push(violation);
    }
}

/// Returns whether a file system that ignores case, or NTFS, would take the name for `.git`.
fn is_git_name(name: &str) -> bool {
    name.eq_ignore_ascii_case(".git") || name.eq_ignore_ascii_case("git~1")
}

fn read_rules(dir: &Utf8Path) -> Gitignore {
    let file = dir.join(".gitignore");
    let is_plain = |metadata: &Metadata| metadata.is_file() && metadata.len() <= MAX_RULES;
    let metadata = files::look(&file).ok().flatten().filter(is_plain);
    let Some(bytes) =
        metadata.and_then(|it| files::read(&file, super::tree::MODE_FILE, it.len()).ok())
    else {
        return Gitignore::empty();
    };
    let mut builder = GitignoreBuilder::new(dir);
    for line in String::from_utf8_lossy(&bytes).lines() {
        // A line that cannot be read is no rule, as in git.
        builder.add_line(None, line).ok();
    }
    builder.build().unwrap_or_else(|_| Gitignore::empty())
}
