//! Safe fixes of one lint rule, and the project's formatter.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use camino::{Utf8Path, Utf8PathBuf};
use rustfix::{CodeFix, Filter, Suggestion};

use super::{cargo, diagnostics, features, unused};
use crate::model::hypothesis::LintRule;
use crate::process::{Error, Exit, Finished};
use crate::syntax::{self, Grammar};
use crate::toolchain::catalogue::RUST;
use crate::toolchain::job::broken;
use crate::toolchain::{Job, Outcome};

/// One fix may reveal another of the same rule; more rounds than this would be a loop.
const MAX_PASSES: usize = 3;

/// Applies what the compiler or clippy calls machine-applicable, of one rule, and nothing else.
pub(super) async fn fix(
    job: &Job<'_>,
    rule: &LintRule,
    may_touch: &(dyn Fn(&Utf8Path) -> bool + Sync),
) -> Result<Outcome<usize>, Error> {
    if rule.tool == unused::TOOL {
        return match rule.rule.as_str() {
            features::REDUNDANT => features::fix_redundant(job, may_touch).await,
            features::TRIED => features::fix_by_trial(job, may_touch).await,
            _ => unused::fix(job, may_touch).await,
        };
    }
    let mut changed = HashSet::new();
    for _ in 0..MAX_PASSES {
        let finished = if rule.tool == "clippy" {
            diagnostics::clippy(job).await?
        } else {
            diagnostics::check(job).await?
        };
        let Some(finished) = finished else {
            return Ok(cargo::missing(&rule.tool));
        };
        if !finished.success() {
            return Ok(broken(&rule.tool, &finished));
        }
        let touched = match apply(job, &suggestions(job, &finished, rule, may_touch)) {
            Ok(touched) => touched,
            Err(reason) => return Ok(Outcome::Failed(reason)),
        };
        if touched.is_empty() {
            break;
        }
        changed.extend(touched);
    }
    Ok(Outcome::Measured(changed.len()))
}

/// Returns the fixes of a rule by file of the tree.
fn suggestions(
    job: &Job<'_>,
    finished: &Finished,
    rule: &LintRule,
    may_touch: &(dyn Fn(&Utf8Path) -> bool + Sync),
) -> BTreeMap<Utf8PathBuf, Vec<Suggestion>> {
    let only = HashSet::from([rule.rule.clone()]);
    let mut by_file: BTreeMap<Utf8PathBuf, Vec<Suggestion>> = BTreeMap::new();
    for diagnostic in compiler_messages(finished) {
        let filter = Filter::MachineApplicableOnly;
        let Some(suggestion) = rustfix::collect_suggestions(&diagnostic, &only, filter) else {
            continue;
        };
        // A fix over several files cannot be applied file by file.
        let files: HashSet<&str> = suggestion
            .solutions
            .iter()
            .flat_map(|it| &it.replacements)
            .map(|it| it.snippet.file_name.as_str())
            .collect();
        let mut files = files.into_iter();
        let (Some(file), None) = (files.next(), files.next()) else {
            continue;
        };
        if let Some(path) = job.in_tree(file).filter(|it| may_touch(it)) {
            // The same file is compiled for several targets, each with the same complaint.
            let of_file = by_file.entry(path).or_default();
            if !of_file.contains(&suggestion) {
                of_file.push(suggestion);
            }
        }
    }
    by_file
}

fn compiler_messages(
    finished: &Finished,
) -> impl Iterator<Item = rustfix::diagnostics::Diagnostic> {
    #[derive(serde::Deserialize)]
    struct Line {
        message: Option<rustfix::diagnostics::Diagnostic>,
    }
    finished
        .stdout
        .split(|it| *it == b'\n')
        .filter(|it| it.starts_with(b"{"))
        .filter_map(|it| serde_json::from_slice::<Line>(it).ok()?.message)
}

/// Writes the files; returns those that changed.
fn apply(
    job: &Job<'_>,
    suggestions: &BTreeMap<Utf8PathBuf, Vec<Suggestion>>,
) -> Result<Vec<Utf8PathBuf>, String> {
    let mut touched = Vec::new();
    for (path, of_file) in suggestions {
        let file = job.tree.join(path);
        let source = std::fs::read_to_string(&file)
            .map_err(|error| format!("cannot read `{path}`: {error}"))?;
        let tests = syntax::test_spans(Grammar::Rust, &source);
        let without_std = may_lack_std(job, path);
        let mut edited = CodeFix::new(&source);
        // What a test says is its author's word, even where it could be said better.
        let is_unfit = |it: &Suggestion| is_within(it, &tests) || (without_std && needs_std(it));
        for suggestion in of_file.iter().filter(|it| !is_unfit(it)) {
            // What overlaps another fix is left for the next pass.
            let _overlap = edited.apply(suggestion);
        }
        let fixed = edited
            .finish()
            .map_err(|error| format!("cannot fix `{path}`: {error}"))?;
        if fixed != source {
            std::fs::write(&file, fixed)
                .map_err(|error| format!("cannot write `{path}`: {error}"))?;
            touched.push(path.clone());
        }
    }
    Ok(touched)
}

/// A fix may write `std::` where the code says `core::`, because clippy sees only the features that are
/// switched on; the other builds of such a package would break.
fn needs_std(suggestion: &Suggestion) -> bool {
    let mut replacements = suggestion.solutions.iter().flat_map(|it| &it.replacements);
    replacements.any(|it| it.replacement.contains("std::"))
}

/// Returns whether the package of a file can be built without the standard library.
pub(super) fn may_lack_std(job: &Job<'_>, path: &Utf8Path) -> bool {
    let roots = path.ancestors().skip(1).map(|it| job.tree.join(it));
    roots
        .filter(|it| it.starts_with(job.tree))
        .map(|it| it.join("lib.rs"))
        .filter_map(|it| std::fs::read_to_string(it).ok())
        .any(|it| it.contains("no_std"))
}

/// Returns whether a fix changes any of those places.
fn is_within(suggestion: &Suggestion, places: &[Range<usize>]) -> bool {
    let replacements = suggestion.solutions.iter().flat_map(|it| &it.replacements);
    replacements
        .map(|it| &it.snippet.range)
        .any(|it| syntax::touches(places, it))
}

/// Returns the files that rustfmt would change.
pub(super) async fn unformatted(job: &Job<'_>) -> Result<Outcome<Vec<Utf8PathBuf>>, Error> {
    let Some(finished) = cargo_fmt(job, &["--", "--check", "-l"]).await? else {
        return Ok(Outcome::Missing(RUST.install("rustfmt")));
    };
    if needs_nightly(&finished) {
        let reason =
            "cargo fmt: the project's settings need a nightly rustfmt, this one ignores them";
        return Ok(Outcome::Failed(reason.to_owned()));
    }
    let text = finished.stdout_text();
    let files: Vec<Utf8PathBuf> = text
        .lines()
        .filter_map(|it| job.in_tree(it.trim()))
        .collect();
    // 1 is a file that differs; anything else, and 1 without a file, is a file that does not parse.
    match finished.exit {
        Exit::Code(0) if files.is_empty() => Ok(Outcome::Measured(files)),
        Exit::Code(1) if !files.is_empty() && !is_incomplete(&finished) => {
            Ok(Outcome::Measured(dedup(files)))
        }
        _ => Ok(broken("cargo fmt --check", &finished)),
    }
}

/// With settings left out, rustfmt would write what the project's own would change back.
fn needs_nightly(finished: &Finished) -> bool {
    finished
        .stderr_text()
        .contains("unstable features are only available in nightly")
}

/// A target whose file is not there stops `cargo fmt`, after some files were looked at.
fn is_incomplete(finished: &Finished) -> bool {
    finished
        .stderr_text()
        .lines()
        .any(|it| it.starts_with("Error: file "))
}

/// A file that two targets include is listed twice.
fn dedup(mut files: Vec<Utf8PathBuf>) -> Vec<Utf8PathBuf> {
    files.sort();
    files.dedup();
    files
}

/// Runs `cargo fmt`, and puts back what may not be touched: rustfmt follows modules on its own.
pub(super) async fn format(
    job: &Job<'_>,
    may_touch: &(dyn Fn(&Utf8Path) -> bool + Sync),
) -> Result<Outcome<usize>, Error> {
    let files = match unformatted(job).await? {
        Outcome::Measured(files) => files,
        Outcome::Missing(hint) => return Ok(Outcome::Missing(hint)),
        Outcome::Failed(reason) => return Ok(Outcome::Failed(reason)),
        Outcome::TimedOut(reason) => return Ok(Outcome::TimedOut(reason)),
    };
    let (accepted, refused): (Vec<_>, Vec<_>) = files.iter().partition(|it| may_touch(it));
    let read = |it: &&Utf8PathBuf| Ok(((*it).clone(), std::fs::read(job.tree.join(it))?));
    let saved: std::io::Result<Vec<(Utf8PathBuf, Vec<u8>)>> = refused.iter().map(read).collect();
    let saved = match saved {
        Ok(saved) => saved,
        Err(error) => {
            return Ok(Outcome::Failed(format!(
                "cannot read a source file: {error}"
            )));
        }
    };
    let Some(finished) = cargo_fmt(job, &[]).await? else {
        return Ok(Outcome::Missing(RUST.install("rustfmt")));
    };
    for (path, contents) in saved {
        if let Err(error) = std::fs::write(job.tree.join(&path), contents) {
            return Ok(Outcome::Failed(format!(
                "cannot put `{path}` back: {error}"
            )));
        }
    }
    if !finished.success() {
        return Ok(broken("cargo fmt", &finished));
    }
    Ok(Outcome::Measured(accepted.len()))
}

async fn cargo_fmt(job: &Job<'_>, args: &[&str]) -> Result<Option<Finished>, Error> {
    let (Some(_), Some(command)) = (job.tool("rustfmt"), cargo::command(job)) else {
        return Ok(None);
    };
    let command = command.args(["fmt", "--all"]).args(args.iter().copied());
    cargo::run(job, &command).await.map(Some)
}
