//! What runs of a metric leave behind, and that a candidate finds nothing there which only it left.
//!
//! A program that writes its answer into a file, and reads it in its next run, looks fast in every run but
//! the first. So what a candidate's command leaves, and no run of the unchanged code does, is removed
//! after each run; both arms then work as often as they are run. Files that the unchanged code leaves too,
//! such as what a build tool remembers, stay: without them every run would build anew.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::bench::{Bench, io_error};
use super::{ArmRef, Lab};
use crate::process::Error;

/// So many names are told.
const TOLD: usize = 3;

/// What lies in the folders that an arm's commands may write into.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traces(BTreeSet<Trace>);

/// One file or folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Trace {
    place: Place,
    /// Below that folder; nobody promises that it is UTF-8.
    path: PathBuf,
}

/// A folder that commands may write into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// What is written into the tree.
    Tree,
    Build,
}

/// What is known of traces so far.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Left by runs of the unchanged code.
    usual: Mutex<Traces>,
    /// Removed after runs of a candidate.
    removed: Mutex<Removed>,
}

#[derive(Debug, Default)]
struct Removed {
    names: BTreeSet<String>,
    is_told: bool,
}

/// Returns what lies where the commands of a bench may write.
pub(super) fn of(bench: &Bench<'_>) -> Result<Traces, Error> {
    let mut found = Traces::default();
    for place in [Place::Tree, Place::Build] {
        collect(bench, place, &mut found)?;
    }
    Ok(found)
}

/// Remembers what a bench that holds the unchanged code has left.
pub(super) fn expect(bench: &Bench<'_>) -> Result<(), Error> {
    let mut found = of(bench)?;
    let mut usual = lock(&bench.lab.memory.traces.usual);
    usual.0.append(&mut found.0);
    Ok(())
}

/// Removes what was left since a moment, and no run of the unchanged code leaves.
pub(super) fn erase(bench: &Bench<'_>, since: &Traces) -> Result<(), Error> {
    let now = of(bench)?;
    let new = Traces(now.0.difference(&since.0).cloned().collect());
    let mut names = remove_unusual(bench, &new)?;
    lock(&bench.lab.memory.traces.removed)
        .names
        .append(&mut names);
    Ok(())
}

impl Lab {
    /// Returns what lies where an arm's commands may write.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn traces(&self, arm: &ArmRef<'_>) -> Result<Traces, Error> {
        of(&Bench::of(self, arm)?)
    }

    /// Remembers what an arm that holds the unchanged code has left.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn expect_traces(&self, arm: &ArmRef<'_>) -> Result<(), Error> {
        expect(&Bench::of(self, arm)?)
    }

    /// Removes what an arm has left since a moment, and no run of the unchanged code leaves.
    ///
    /// # Errors
    /// A folder that cannot be read, or a file that cannot be removed.
    pub fn erase_traces(&self, arm: &ArmRef<'_>, since: &Traces) -> Result<(), Error> {
        erase(&Bench::of(self, arm)?, since)
    }

    /// Begins with another candidate: removes from its build folder what the unchanged code has not left in
    /// its own, because tests and earlier candidates ran in it too.
    ///
    /// # Errors
    /// A folder that cannot be read, or a file that cannot be removed.
    pub fn erase_strangers(&self, arm: &ArmRef<'_>) -> Result<(), Error> {
        *lock(&self.memory.traces.removed) = Removed::default();
        let bench = Bench::of(self, arm)?;
        let mut found = Traces::default();
        collect(&bench, Place::Build, &mut found)?;
        remove_unusual(&bench, &found).map(drop)
    }

    /// Returns, once for each candidate, a sentence about what was removed.
    pub fn told_traces(&self) -> Option<String> {
        let mut removed = lock(&self.memory.traces.removed);
        if removed.names.is_empty() || std::mem::replace(&mut removed.is_told, true) {
            return None;
        }
        let named = removed.names.iter().take(TOLD).map(|it| format!("`{it}`"));
        let named = named.collect::<Vec<_>>().join(", ");
        let more = match removed.names.len().saturating_sub(TOLD) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        Some(format!(
            "runs of the candidate leave {named}{more} behind, and those of the unchanged code do not: removed after each run, so that none finds what an earlier one worked out"
        ))
    }
}

/// Removes those that are not usual, and returns their names, folders without what is in them.
fn remove_unusual(bench: &Bench<'_>, traces: &Traces) -> Result<BTreeSet<String>, Error> {
    let usual = lock(&bench.lab.memory.traces.usual);
    let mut names = BTreeSet::new();
    for trace in traces.0.difference(&usual.0) {
        let path = folder(bench, trace.place).join(&trace.path);
        let is_gone = remove(&path).map_err(|source| Error::Io {
            program: path.display().to_string(),
            source,
        })?;
        if !is_gone {
            names.insert(trace.path.display().to_string());
        }
    }
    Ok(names)
}

fn folder(bench: &Bench<'_>, place: Place) -> PathBuf {
    match place {
        Place::Tree => bench.written_at().into_std_path_buf(),
        Place::Build => bench.build.clone().into_std_path_buf(),
    }
}

fn collect(bench: &Bench<'_>, place: Place, into: &mut Traces) -> Result<(), Error> {
    let root = folder(bench, place);
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let there = root.join(&folder);
        let entries = match fs_err::read_dir(&there) {
            Ok(entries) => entries,
            Err(error) if is_unreachable(&error) => continue,
            Err(error) => return Err(io_error(&bench.dir, error)),
        };
        for entry in entries {
            let entry = entry.map_err(|error| io_error(&bench.dir, error))?;
            let path = folder.join(entry.file_name());
            let kind = entry.file_type();
            if kind.map_err(|error| io_error(&bench.dir, error))?.is_dir() {
                folders.push(path.clone());
            }
            into.0.insert(Trace { place, path });
        }
    }
    Ok(())
}

/// A folder that is gone, or to which a program took its own rights away.
fn is_unreachable(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::NotFound | ErrorKind::PermissionDenied | ErrorKind::NotADirectory
    )
}

/// Removes a file, or a folder with all that is in it; returns whether it was gone already.
fn remove(path: &Path) -> std::io::Result<bool> {
    let is_folder = match fs_err::symlink_metadata(path) {
        Ok(metadata) => metadata.is_dir(),
        Err(error) if is_unreachable(&error) => return Ok(true),
        Err(error) => return Err(error),
    };
    if is_folder {
        fs_err::remove_dir_all(path)?;
    } else {
        fs_err::remove_file(path)?;
    }
    Ok(false)
}

fn lock<T>(it: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    it.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::testing::Fixture;
    use crate::model::id::TreeSha;

    fn files(lab: &Lab, arm: &ArmRef<'_>) -> Vec<String> {
        let traces = lab.traces(arm).unwrap().0;
        traces
            .into_iter()
            .map(|it| format!("{:?} {}", it.place, it.path.display()))
            .collect()
    }

    #[test]
    fn what_only_the_candidate_leaves_is_gone_before_its_next_run() {
        let fixture = Fixture::new();
        fixture.write("work.py", "");
        let lab = fixture.lab();
        let dir = fixture.tree();
        let tree: TreeSha = "1".repeat(40).parse().unwrap();
        let arm = |name| ArmRef {
            dir: &dir,
            tree: &tree,
            name,
        };
        let (incumbent, candidate) = (arm("incumbent"), arm("candidate"));
        let write = |name: &str| {
            let path = lab.builds.join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, "x").unwrap();
        };
        write("incumbent/cargo/a.rlib");
        lab.expect_traces(&incumbent).unwrap();
        write("candidate/cargo/memo-of-tests");
        lab.erase_strangers(&candidate).unwrap();
        assert_eq!(files(&lab, &candidate), ["Tree work.py", "Build cargo"]);
        write("candidate/of-its-build");
        let before = lab.traces(&candidate).unwrap();
        write("candidate/cargo/a.rlib");
        write("candidate/memo/1/answer");
        fixture.write("memo.txt", "42");
        std::os::unix::fs::symlink("work.py", dir.join("link")).unwrap();
        lab.erase_traces(&candidate, &before).unwrap();
        assert_eq!(
            files(&lab, &candidate),
            [
                "Tree work.py",
                "Build cargo",
                "Build cargo/a.rlib",
                "Build of-its-build"
            ]
        );
        assert!(dir.join("work.py").exists(), "a link is not followed");
        let told = lab.told_traces().unwrap();
        assert!(
            told.contains("leave `link`, `memo`, `memo.txt` behind"),
            "{told}"
        );
        assert_eq!(lab.told_traces(), None, "told once");
    }
}
