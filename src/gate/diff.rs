//! Judges the facts of a diff before anything is run.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};

use super::clock::replaced_clock;
use super::grant::Grant;
use super::manifest::{ManifestRules, judge_manifests};
use super::minimum::{Minimum, Version, judge_minimums};
use super::permission::{Asked, Permission};
use super::secret::kind_of_secret;
use super::surface::judge_surface;
use crate::model::violation::{Rule, Violation};

/// The largest file that an experiment may add.
const LARGEST_FILE: u64 = 1024 * 1024;

/// One changed file, with the facts that gates judge.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FileFacts {
    /// Relative to the root.
    pub path: Utf8PathBuf,
    /// Where it was before, if renamed.
    pub renamed_from: Option<Utf8PathBuf>,
    /// It did not exist on the incumbent.
    pub added: bool,
    /// It does not exist on the candidate.
    pub deleted: bool,
    /// Size in bytes on the candidate.
    pub size: u64,
    /// It is not text.
    pub binary: bool,
    /// It is a symbolic link; where it points.
    pub link: Option<String>,
    /// Added lines with their numbers on the candidate.
    pub added_lines: Vec<(u32, String)>,
    /// Suppressions by kind (`noqa`, `allow`, ...) on the incumbent.
    pub suppressions_before: BTreeMap<String, usize>,
    /// Suppressions by kind on the candidate.
    pub suppressions_after: BTreeMap<String, usize>,
    /// Test items (inline ones included) on the incumbent: name to a hash of its token stream.
    pub tests_before: BTreeMap<String, String>,
    /// Test items on the candidate.
    pub tests_after: BTreeMap<String, String>,
    /// Public items with their signatures on the incumbent, where the file belongs to a library.
    pub surface_before: BTreeMap<String, String>,
    /// Public items on the candidate.
    pub surface_after: BTreeMap<String, String>,
    /// What the file needs of its language on the incumbent, by how people call it.
    pub needs_before: BTreeMap<String, Need>,
    /// What it needs on the candidate.
    pub needs_after: BTreeMap<String, Need>,
    /// The text on the incumbent, if the file could be a manifest.
    pub manifest_before: String,
    /// The text on the candidate, if the file could be a manifest.
    pub manifest_after: String,
}

/// Something that older versions of a language do not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// The oldest version that has it.
    pub version: Version,
    /// The first line with it.
    pub line: u32,
}

impl FileFacts {
    /// Returns every path that the change touches.
    pub(super) fn paths(&self) -> impl Iterator<Item = &Utf8Path> {
        std::iter::once(self.path.as_path()).chain(self.renamed_from.as_deref())
    }
}

/// What the gates judge the diff by.
#[derive(Clone, Debug)]
pub struct DiffPolicy {
    /// Paths an experiment may touch.
    pub mutable: globset::GlobSet,
    /// Paths it may not: tests, evals, configuration of runners and linters.
    pub fixed: globset::GlobSet,
    /// Paths that nobody writes by hand; what is public there is no promise.
    pub excluded: globset::GlobSet,
    /// Which keys of manifests judge, promise, or bring in other people's code.
    pub manifests: Vec<ManifestRules>,
    /// The oldest versions of languages that the incumbent promises.
    pub minimums: Vec<Minimum>,
    /// Those that the candidate promises.
    pub minimums_after: Vec<Minimum>,
    /// What the profile lets every experiment change.
    pub may_change: BTreeSet<Permission>,
    /// What the hypothesis at hand says that it changes.
    pub asked: Asked,
    /// The setting of the shipped catalogue that it is, where it is one.
    pub granted: Option<Grant>,
}

impl DiffPolicy {
    fn is_manifest(&self, file: &FileFacts) -> bool {
        let is_one = |path: &Utf8Path| self.manifests.iter().any(|it| it.files.is_match(path));
        file.paths().any(is_one)
    }
}

/// Judges a diff before anything is run.
pub fn judge_diff(policy: &DiffPolicy, files: &[FileFacts]) -> Vec<Violation> {
    let has_manifest = files.iter().any(|it| policy.is_manifest(it));
    let mut violations: Vec<Violation> = files
        .iter()
        .flat_map(|file| judge_paths(policy, file, has_manifest))
        .collect();
    let granted = policy.granted.iter();
    violations.extend(granted.flat_map(|it| files.iter().filter_map(|file| it.judge(file))));
    violations.extend(judge_contents(files));
    violations.extend(judge_clocks(files));
    violations.extend(judge_tests(policy, files));
    violations.extend(judge_surface(policy, files));
    violations.extend(judge_manifests(policy, files));
    violations.extend(judge_minimums(policy, files));
    violations.sort();
    violations.dedup();
    violations
}

/// Judges what files hold, wherever they are: what kind they are of, secrets, suppressions.
pub(super) fn judge_contents(files: &[FileFacts]) -> Vec<Violation> {
    let in_each = |file| judge_kind(file).into_iter().chain(judge_lines(file));
    files
        .iter()
        .flat_map(in_each)
        .chain(judge_suppressions(files))
        .collect()
}

fn judge_paths(policy: &DiffPolicy, file: &FileFacts, has_manifest: bool) -> Vec<Violation> {
    let is_granted = policy.granted.as_ref().is_some_and(|it| it.covers(file));
    file.paths()
        .filter_map(|path| {
            if is_ours(path) {
                Some(Violation::at(
                    Rule::EvalsChanged,
                    path,
                    "belongs to the harness, and no experiment may change what judges it",
                ))
            } else if policy.fixed.is_match(path) && !is_granted {
                Some(Violation::at(
                    Rule::Scope,
                    path,
                    "is protected from experiments",
                ))
            } else if !policy.mutable.is_match(path) {
                Some(Violation::at(
                    Rule::Scope,
                    path,
                    "is outside of what experiments may touch",
                ))
            } else if policy.excluded.is_match(path) && !(has_manifest && is_lock(path)) {
                Some(Violation::at(
                    Rule::Scope,
                    path,
                    "is vendored, generated, a migration, a snapshot or a lock file, which nobody edits by the way",
                ))
            } else {
                None
            }
        })
        .collect()
}

/// Returns whether a path is the profile or anything below `.factory`.
fn is_ours(path: &Utf8Path) -> bool {
    path == "factory.toml" || path.starts_with(".factory")
}

/// Returns whether a tool writes the file to go with a manifest: the two change together.
fn is_lock(path: &Utf8Path) -> bool {
    path.extension() == Some("lock")
        || path.file_name().is_some_and(|it| {
            matches!(
                it,
                "go.sum"
                    | "go.work.sum"
                    | "package-lock.json"
                    | "npm-shrinkwrap.json"
                    | "pnpm-lock.yaml"
                    | "bun.lockb"
            )
        })
}

/// Judges what kind of file it is, whatever it says.
fn judge_kind(file: &FileFacts) -> Option<Violation> {
    if file.deleted {
        return None;
    }
    let detail = if let Some(target) = &file.link {
        leaves_tree(&file.path, target)
            .then(|| format!("is a link to `{target}`, out of the tree"))?
    } else if file.added && file.binary {
        "is a binary, which nobody can review".to_owned()
    } else if grows_by(file) > LARGEST_FILE {
        format!("adds {} bytes, more than {LARGEST_FILE}", grows_by(file))
    } else {
        return None;
    };
    Some(Violation::at(Rule::File, &file.path, detail))
}

/// Returns how many bytes the change brings; a large file that was there before is no fault of it.
fn grows_by(file: &FileFacts) -> u64 {
    if file.added {
        return file.size;
    }
    let bytes: usize = file
        .added_lines
        .iter()
        .map(|(_, line)| line.len() + 1)
        .sum();
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// Follows a link by its components alone, as it would resolve inside the tree.
fn leaves_tree(link: &Utf8Path, target: &str) -> bool {
    let base = link.parent().unwrap_or(Utf8Path::new(""));
    let mut depth = base.components().count();
    for component in Utf8Path::new(target).components() {
        match component {
            Utf8Component::Prefix(_) | Utf8Component::RootDir => return true,
            Utf8Component::ParentDir | Utf8Component::Normal(".git") if depth == 0 => return true,
            Utf8Component::CurDir => {}
            Utf8Component::ParentDir => depth -= 1,
            Utf8Component::Normal(_) => depth += 1,
        }
    }
    false
}

fn judge_lines(file: &FileFacts) -> impl Iterator<Item = Violation> {
    file.added_lines.iter().filter_map(|(number, line)| {
        let kind = kind_of_secret(line)?;
        let detail = format!("looks like {kind}");
        Some(Violation::at(Rule::Secret, &file.path, detail).on_line(*number))
    })
}

/// No code is faster for another clock. Tests that set one are not touched by what is judged here.
fn judge_clocks(files: &[FileFacts]) -> impl Iterator<Item = Violation> {
    let lines = files
        .iter()
        .flat_map(|file| file.added_lines.iter().map(move |line| (file, line)));
    lines.filter_map(|(file, (number, line))| {
        let clock = replaced_clock(line)?;
        let detail = format!("replaces the clock `{clock}`, by which programs are timed");
        Some(Violation::at(Rule::Tampered, &file.path, detail).on_line(*number))
    })
}

/// Counts suppressions per kind over the whole diff, so that moving one is free and adding one is not.
fn judge_suppressions(files: &[FileFacts]) -> Vec<Violation> {
    let kinds: BTreeSet<&str> = files
        .iter()
        .flat_map(|file| file.suppressions_after.keys())
        .map(String::as_str)
        .collect();
    kinds
        .into_iter()
        .filter_map(|kind| judge_kind_of_suppression(kind, files))
        .collect()
}

fn judge_kind_of_suppression(kind: &str, files: &[FileFacts]) -> Option<Violation> {
    let of = |counts: &BTreeMap<String, usize>| counts.get(kind).copied().unwrap_or(0);
    let before: usize = files.iter().map(|it| of(&it.suppressions_before)).sum();
    let after: usize = files.iter().map(|it| of(&it.suppressions_after)).sum();
    if after <= before {
        return None;
    }
    let risen = files
        .iter()
        .find(|it| of(&it.suppressions_after) > of(&it.suppressions_before))?;
    let violation = Violation::at(
        Rule::Suppression,
        &risen.path,
        format!(
            "`{kind}` suppressions rise by {} over the whole change",
            after - before
        ),
    );
    Some(match line_that_names(risen, kind) {
        Some(line) => violation.on_line(line),
        None => violation,
    })
}

fn line_that_names(file: &FileFacts, kind: &str) -> Option<u32> {
    let kind = kind.to_lowercase();
    file.added_lines
        .iter()
        .find(|(_, line)| line.to_lowercase().contains(&kind))
        .map(|(number, _)| *number)
}

/// Compares test items by their tokens. One that vanished here and appeared there, unchanged, has moved.
///
/// Protected files are not looked at: what is evaluated has the incumbent's.
fn judge_tests(policy: &DiffPolicy, files: &[FileFacts]) -> Vec<Violation> {
    let judged: Vec<&FileFacts> = files
        .iter()
        .filter(|file| !file.paths().any(|path| policy.fixed.is_match(path)))
        .collect();
    let mut moved = appeared(&judged);
    let mut violations = Vec::new();
    for file in judged {
        for (name, hash) in vanished(file) {
            if take(&mut moved, hash) {
                continue;
            }
            let how = if file.tests_after.contains_key(name) {
                "was changed"
            } else {
                "was removed"
            };
            violations.push(Violation::at(
                Rule::TestsWeakened,
                &file.path,
                format!("test `{name}` {how}"),
            ));
        }
    }
    violations
}

/// Returns the tests of a file that are no longer there word by word.
fn vanished(file: &FileFacts) -> impl Iterator<Item = (&str, &str)> {
    file.tests_before
        .iter()
        .filter(|(name, hash)| file.tests_after.get(*name) != Some(*hash))
        .map(|(name, hash)| (name.as_str(), hash.as_str()))
}

/// Counts the tests that are new where they are, by their tokens.
fn appeared<'a>(files: &[&'a FileFacts]) -> BTreeMap<&'a str, usize> {
    let mut counts = BTreeMap::new();
    for file in files {
        for (name, hash) in &file.tests_after {
            if file.tests_before.get(name) != Some(hash) {
                *counts.entry(hash.as_str()).or_default() += 1;
            }
        }
    }
    counts
}

/// Uses up one of the tests that appeared, so that one new test cannot stand for two lost ones.
fn take(moved: &mut BTreeMap<&str, usize>, hash: &str) -> bool {
    match moved.get_mut(hash) {
        Some(count) if *count > 0 => {
            *count -= 1;
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
