//! Fast-forwarding the person's checkout, at their request and only when it is safe.
//!
//! This is the one place that runs the `git` program: in the person's own checkout their hooks, filters
//! and large-file storage must work as they expect, and with remotes (`remote`) their credentials.

use camino::Utf8Path;
use std::process::{Command, Output};

use super::tree::Entries;
use super::{Error, InProgress, Target, files};
use crate::model::id::CommitSha;
use crate::process::without_credentials;

/// The oldest `git` that landing is known to work with.
pub const MINIMUM_GIT: &str = "2.20";

/// Does not even refresh the index, so that a refusal changes nothing.
const STATUS: &[&str] = &[
    "--no-optional-locks",
    "status",
    "--porcelain",
    "--untracked-files=no",
];

impl Target {
    /// Fast-forwards the checked-out branch with its work tree and index to `to`.
    ///
    /// Refused, changing nothing: a detached HEAD, anything in progress, uncommitted changes,
    /// untracked or ignored files that would be overwritten, and commits that `to` does not contain.
    pub fn land(&self, to: &CommitSha) -> Result<(), Error> {
        let head = self.head()?;
        let in_progress = self.in_progress();
        if in_progress != InProgress::Nothing {
            let what = in_progress.name();
            return Err(Error::Busy { what });
        }
        let branch = head.branch.ok_or(Error::Detached)?;
        self.find_commit(to)?;
        if head.commit == *to {
            return Ok(());
        }
        if !self.is_ancestor(&head.commit, to)? {
            let to = to.short().to_owned();
            return Err(Error::NotFastForward { branch, to });
        }
        self.require_git()?;
        if !self.git(STATUS)?.is_empty() {
            return Err(Error::Dirty);
        }
        self.refuse_overwriting(&head.commit, to)?;
        self.git(&["merge", "--ff-only", "--quiet", to.as_str()])?;
        Ok(())
    }

    /// Refuses when a file that `to` adds is there already, tracked by nobody.
    fn refuse_overwriting(&self, from: &CommitSha, to: &CommitSha) -> Result<(), Error> {
        let from = self.tree_of(from)?;
        let changes = self.changes(&from, &self.tree_of(to)?)?;
        let tracked = self.entries(&from)?;
        let mut paths = Vec::new();
        for change in changes.iter().filter(|change| change.old.is_none()) {
            self.obstacles(&change.path, &tracked, &mut paths)?;
        }
        paths.sort();
        paths.dedup();
        if paths.is_empty() {
            return Ok(());
        }
        Err(Error::WouldOverwrite { paths })
    }

    /// Lists what nobody tracks where a new file is to be, or where one of its folders is to be.
    fn obstacles(
        &self,
        path: &Utf8Path,
        tracked: &Entries,
        paths: &mut Vec<String>,
    ) -> Result<(), Error> {
        let mut folders: Vec<_> = path.ancestors().skip(1).collect();
        folders.reverse();
        for folder in folders
            .into_iter()
            .filter(|folder| !folder.as_str().is_empty())
        {
            let is_file = self.look(folder)?.is_some_and(|it| !it.is_dir());
            if is_file {
                // Git replaces what it tracks; behind a link is nothing of ours to look at.
                paths.extend((!tracked.contains_key(folder.as_str())).then(|| folder.to_string()));
                return Ok(());
            }
        }
        match self.look(path)? {
            Some(metadata) if metadata.is_dir() => self.untracked_below(path, tracked, paths),
            Some(_) => {
                paths.push(path.to_string());
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn untracked_below(
        &self,
        dir: &Utf8Path,
        tracked: &Entries,
        paths: &mut Vec<String>,
    ) -> Result<(), Error> {
        let full = self.root.join(dir);
        for entry in full.read_dir_utf8().map_err(Error::io("read", &full))? {
            let entry = entry.map_err(Error::io("read", &full))?;
            let path = dir.join(entry.file_name());
            let kind = entry.file_type().map_err(Error::io("read", entry.path()))?;
            if kind.is_dir() {
                self.untracked_below(&path, tracked, paths)?;
            } else if !tracked.contains_key(path.as_str()) {
                paths.push(path.into_string());
            }
        }
        Ok(())
    }

    fn look(&self, path: &Utf8Path) -> Result<Option<std::fs::Metadata>, Error> {
        let full = self.root.join(path);
        files::look(&full).map_err(Error::io("read", full))
    }

    pub(super) fn require_git(&self) -> Result<(), Error> {
        let text = self.git(&["--version"])?;
        let text = String::from_utf8_lossy(&text);
        let found = text.split_whitespace().nth(2).unwrap_or_default();
        if version(found) < version(MINIMUM_GIT) {
            return Err(Error::GitTooOld {
                found: found.to_owned(),
                minimum: MINIMUM_GIT,
            });
        }
        Ok(())
    }

    pub(super) fn git(&self, arguments: &[&str]) -> Result<Vec<u8>, Error> {
        let output = git_in(&self.root, arguments)?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        Err(Error::GitFailed {
            command: without_credentials(&arguments.join(" ")),
            stderr: without_credentials(String::from_utf8_lossy(&output.stderr).trim()),
        })
    }
}

fn git_in(root: &Utf8Path, arguments: &[&str]) -> Result<Output, Error> {
    let mut command = Command::new("git");
    command.arg("-C").arg(root).args(arguments);
    command.stdin(std::process::Stdio::null());
    // What another git command may have set for its own children would redirect this one.
    for name in [
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_COMMON_DIR",
        "GIT_NAMESPACE",
    ] {
        command.env_remove(name);
    }
    command.output().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::GitMissing,
        _ => Error::io("run", "git")(error),
    })
}

/// Returns the first two numbers of a version.
fn version(text: &str) -> (u32, u32) {
    let mut numbers = text.split('.').map(|part| part.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::super::testing::Fixture;
    use super::*;

    /// A checkout, and a commit ahead of it that changes one file and adds another.
    fn ahead() -> (Fixture, CommitSha) {
        let fixture = Fixture::with(&[("a.txt", "a"), ("b.txt", "b")]);
        let target = fixture.target();
        let head = target.head().unwrap().commit;
        let files = [("a.txt", Some("better")), ("new/c.txt", Some("c"))];
        let tree = target.changed(&target.head_tree(), &files);
        let to = target.commit(&tree, &head, "better").unwrap();
        (fixture, to)
    }

    fn state(fixture: &Fixture) -> [String; 3] {
        [
            fixture.git(&["rev-parse", "HEAD"]),
            fixture.git(&["status", "--porcelain", "--ignored"]),
            fixture.git(&["diff", "HEAD"]),
        ]
    }

    fn refused(fixture: &Fixture, to: &CommitSha) -> Error {
        let before = state(fixture);
        let error = fixture.target().land(to).unwrap_err();
        assert_eq!(state(fixture), before);
        assert!(error.hint().is_some(), "{error} has no hint");
        error
    }

    #[test]
    fn a_clean_checkout_is_fast_forwarded_with_its_files() {
        let (fixture, to) = ahead();
        fixture.write_all(&[("untracked.txt", "mine")]);
        fixture.target().land(&to).unwrap();
        assert_eq!(fixture.git(&["rev-parse", "main"]), to.as_str());
        assert_eq!(fixture.git(&["status", "--porcelain"]), "?? untracked.txt");
        let text = std::fs::read_to_string(fixture.root.join("new/c.txt")).unwrap();
        assert_eq!(text, "c");
        fixture.target().land(&to).unwrap();
    }

    #[test]
    fn uncommitted_changes_are_a_reason_to_refuse() {
        let (fixture, to) = ahead();
        fixture.write_all(&[("b.txt", "edited")]);
        assert!(matches!(refused(&fixture, &to), Error::Dirty));
        fixture.git(&["add", "b.txt"]);
        assert!(matches!(refused(&fixture, &to), Error::Dirty));
    }

    #[test]
    fn untracked_and_ignored_files_are_not_overwritten() {
        let (fixture, to) = ahead();
        std::fs::write(fixture.root.join(".git/info/exclude"), "new/\n").unwrap();
        fixture.write_all(&[("new/c.txt", "mine")]);
        match refused(&fixture, &to) {
            Error::WouldOverwrite { paths } => assert_eq!(paths, ["new/c.txt"]),
            other => panic!("{other}"),
        }
        std::fs::remove_dir_all(fixture.root.join("new")).unwrap();
        fixture.write_all(&[("new", "a file")]);
        match refused(&fixture, &to) {
            Error::WouldOverwrite { paths } => assert_eq!(paths, ["new"]),
            other => panic!("{other}"),
        }
        std::fs::remove_file(fixture.root.join("new")).unwrap();
        fixture.write_all(&[("new/c.txt/deep", "mine")]);
        match refused(&fixture, &to) {
            Error::WouldOverwrite { paths } => assert_eq!(paths, ["new/c.txt/deep"]),
            other => panic!("{other}"),
        }
    }

    #[test]
    fn a_detached_head_other_commits_and_a_merge_in_progress_are_reasons_to_refuse() {
        let (fixture, to) = ahead();
        fixture.git(&["checkout", "--quiet", "--detach"]);
        assert!(matches!(refused(&fixture, &to), Error::Detached));
        fixture.git(&["checkout", "--quiet", "main"]);
        let head = fixture.git(&["rev-parse", "HEAD"]);
        let merge = fixture.root.join(".git/MERGE_HEAD");
        std::fs::write(&merge, head).unwrap();
        assert!(matches!(
            refused(&fixture, &to),
            Error::Busy { what: "merge" }
        ));
        std::fs::remove_file(merge).unwrap();
        fixture.commit("elsewhere");
        assert!(matches!(
            refused(&fixture, &to),
            Error::NotFastForward { .. }
        ));
    }

    #[test]
    fn a_tracked_file_may_become_a_folder() {
        let fixture = Fixture::with(&[("a", "a")]);
        let target = fixture.target();
        let head = target.head().unwrap().commit;
        let tree = target.changed(&target.head_tree(), &[("a", None), ("a/b", Some("b"))]);
        let to = target.commit(&tree, &head, "folder").unwrap();
        target.land(&to).unwrap();
        assert!(fixture.root.join("a/b").is_file());
    }

    #[test]
    fn versions_are_compared_by_their_numbers() {
        assert!(version("2.47.3") > version(MINIMUM_GIT));
        assert!(version("2.9.1") < version(MINIMUM_GIT));
        assert!(version("3.0") > version(MINIMUM_GIT));
        assert!(version("") < version(MINIMUM_GIT));
    }
}
