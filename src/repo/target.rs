//! An opened target: where it is, what is checked out, and what its commits hold.

use camino::{Utf8Path, Utf8PathBuf};
use git2::{Oid, Repository, RepositoryState, StatusOptions, StatusShow};
use std::cell::{Cell, OnceCell};

use super::Error;
use super::objects::Scratch;
use super::refs::RefWriter;
use crate::model::id::{CommitSha, TreeSha};

/// An opened target.
///
/// Reading leaves no trace. What is computed goes to a scratch object database in the git common
/// directory, and reaches the target's own only as part of a commit, fsynced.
pub struct Target {
    pub(super) repo: Repository,
    pub(super) root: Utf8PathBuf,
    pub(super) common_dir: Utf8PathBuf,
    pub(super) scratch: OnceCell<Scratch>,
    pub(super) scratch_attached: Cell<bool>,
    pub(super) ref_writer: OnceCell<RefWriter>,
}

/// Where HEAD is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The commit.
    pub commit: CommitSha,
    /// The checked-out branch; `None` when detached.
    pub branch: Option<String>,
}

/// Something is under way in the checkout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InProgress {
    /// Nothing is.
    Nothing,
    /// A rebase, or patches being applied.
    Rebase,
    /// A merge.
    Merge,
    /// A cherry-pick or a revert.
    CherryPick,
    /// A bisection.
    Bisect,
}

impl InProgress {
    /// Returns what people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Rebase => "rebase",
            Self::Merge => "merge",
            Self::CherryPick => "cherry-pick or revert",
            Self::Bisect => "bisect",
        }
    }
}

impl Target {
    pub(super) fn new(repo: Repository, root: Utf8PathBuf, common_dir: Utf8PathBuf) -> Self {
        Self {
            repo,
            root,
            common_dir,
            scratch: OnceCell::new(),
            scratch_attached: Cell::new(false),
            ref_writer: OnceCell::new(),
        }
    }

    /// Returns the root of the work tree, canonical.
    pub fn root(&self) -> &Utf8Path {
        &self.root
    }

    /// Returns the git directory that all linked worktrees share.
    pub fn common_dir(&self) -> &Utf8Path {
        &self.common_dir
    }

    /// Returns where HEAD is.
    pub fn head(&self) -> Result<Head, Error> {
        let head = self.repo.head().map_err(Error::git("read HEAD"))?;
        let commit = head
            .peel_to_commit()
            .map_err(Error::git("read the commit at HEAD"))?;
        let branch = if head.is_branch() {
            Some(branch_name(&head)?)
        } else {
            None
        };
        Ok(Head {
            commit: commit_sha(commit.id()),
            branch,
        })
    }

    /// Returns the commit that a person's revision names.
    pub fn resolve(&self, rev: &str) -> Result<CommitSha, Error> {
        self.repo
            .revparse_single(rev)
            .and_then(|object| object.peel_to_commit())
            .map(|commit| commit_sha(commit.id()))
            .map_err(|_| Error::UnknownRevision {
                rev: rev.to_owned(),
            })
    }

    /// Returns what is under way in the checkout.
    pub fn in_progress(&self) -> InProgress {
        match self.repo.state() {
            RepositoryState::Clean => InProgress::Nothing,
            RepositoryState::Merge => InProgress::Merge,
            RepositoryState::Revert
            | RepositoryState::RevertSequence
            | RepositoryState::CherryPick
            | RepositoryState::CherryPickSequence => InProgress::CherryPick,
            RepositoryState::Bisect => InProgress::Bisect,
            RepositoryState::Rebase
            | RepositoryState::RebaseInteractive
            | RepositoryState::RebaseMerge
            | RepositoryState::ApplyMailbox
            | RepositoryState::ApplyMailboxOrRebase => InProgress::Rebase,
        }
    }

    /// Returns whether tracked files or the index differ from HEAD; never writes the index.
    pub fn is_dirty(&self) -> Result<bool, Error> {
        let mut options = StatusOptions::new();
        options
            .show(StatusShow::IndexAndWorkdir)
            .include_untracked(false)
            .exclude_submodules(true)
            .update_index(false);
        let statuses = self
            .repo
            .statuses(Some(&mut options))
            .map_err(Error::git("compare the checkout with HEAD"))?;
        Ok(!statuses.is_empty())
    }

    /// Returns the tree of a commit.
    pub fn tree_of(&self, commit: &CommitSha) -> Result<TreeSha, Error> {
        Ok(tree_sha(self.find_commit(commit)?.tree_id()))
    }

    /// Returns whether `ancestor` is `commit` or reachable from it.
    pub fn is_ancestor(&self, ancestor: &CommitSha, commit: &CommitSha) -> Result<bool, Error> {
        let (ancestor, commit) = (oid(ancestor.as_str())?, oid(commit.as_str())?);
        if ancestor == commit {
            return Ok(true);
        }
        self.repo
            .graph_descendant_of(commit, ancestor)
            .map_err(Error::git("compare two commits"))
    }

    /// Returns how many commits `tip` has that `base` has not.
    pub fn ahead(&self, base: &CommitSha, tip: &CommitSha) -> Result<u32, Error> {
        let (ahead, _) = self
            .repo
            .graph_ahead_behind(oid(tip.as_str())?, oid(base.as_str())?)
            .map_err(Error::git("count commits"))?;
        Ok(u32::try_from(ahead).unwrap_or(u32::MAX))
    }

    /// Returns the subjects of the commits that `tip` has and `base` has not, oldest first.
    pub fn subjects(&self, base: &CommitSha, tip: &CommitSha) -> Result<Vec<String>, Error> {
        self.walk(base, tip)
            .map_err(Error::git("list commits"))
            .map(|commits| commits.iter().map(subject).collect())
    }

    /// Returns the subject of a commit.
    pub fn subject(&self, commit: &CommitSha) -> Result<String, Error> {
        Ok(subject(&self.find_commit(commit)?))
    }

    pub(super) fn walk(
        &self,
        base: &CommitSha,
        tip: &CommitSha,
    ) -> Result<Vec<git2::Commit<'_>>, git2::Error> {
        let mut walk = self.repo.revwalk()?;
        walk.set_sorting(git2::Sort::TOPOLOGICAL | git2::Sort::REVERSE)?;
        walk.push(Oid::from_str(tip.as_str())?)?;
        walk.hide(Oid::from_str(base.as_str())?)?;
        walk.map(|id| self.repo.find_commit(id?)).collect()
    }

    pub(super) fn find_commit(&self, commit: &CommitSha) -> Result<git2::Commit<'_>, Error> {
        self.repo
            .find_commit(oid(commit.as_str())?)
            .map_err(|_| Error::UnknownRevision {
                rev: commit.to_string(),
            })
    }
}

fn subject(commit: &git2::Commit<'_>) -> String {
    String::from_utf8_lossy(commit.summary_bytes().unwrap_or_default()).into_owned()
}

fn branch_name(head: &git2::Reference<'_>) -> Result<String, Error> {
    let bytes = head.shorthand_bytes();
    let name = std::str::from_utf8(bytes).map_err(|_| Error::NonUtf8Path {
        path: String::from_utf8_lossy(bytes).into_owned(),
    })?;
    Ok(name.to_owned())
}

pub(super) fn oid(text: &str) -> Result<Oid, Error> {
    Oid::from_str(text).map_err(Error::git("read an object's hash"))
}

pub(super) fn commit_sha(id: Oid) -> CommitSha {
    id.to_string()
        .parse()
        .expect("an object id prints as forty hexadecimal digits")
}

pub(super) fn tree_sha(id: Oid) -> TreeSha {
    id.to_string()
        .parse()
        .expect("an object id prints as forty hexadecimal digits")
}

#[cfg(test)]
mod tests {
    use super::super::testing::Fixture;
    use super::*;

    #[test]
    fn uncommitted_changes_are_seen_and_untracked_files_are_not() {
        let fixture = Fixture::with(&[("a.txt", "a")]);
        fixture.write_all(&[("new.txt", "n")]);
        assert!(!fixture.target().is_dirty().unwrap());
        fixture.write_all(&[("a.txt", "b")]);
        assert!(fixture.target().is_dirty().unwrap());
        fixture.git(&["add", "a.txt"]);
        assert!(fixture.target().is_dirty().unwrap());
    }

    #[test]
    fn commits_between_two_are_counted_and_listed_oldest_first() {
        let fixture = Fixture::with(&[("a.txt", "a")]);
        let target = fixture.target();
        let base = target.head().unwrap().commit;
        fixture.commit("first");
        let tip = fixture.commit("second");
        assert_eq!(target.ahead(&base, &tip).unwrap(), 2);
        assert_eq!(target.ahead(&tip, &base).unwrap(), 0);
        assert_eq!(target.subjects(&base, &tip).unwrap(), ["first", "second"]);
        assert!(target.is_ancestor(&base, &tip).unwrap());
        assert!(target.is_ancestor(&tip, &tip).unwrap());
        assert!(!target.is_ancestor(&tip, &base).unwrap());
    }

    #[test]
    fn a_revision_is_resolved_or_refused_by_name() {
        let fixture = Fixture::with(&[("a.txt", "a")]);
        let target = fixture.target();
        assert_eq!(
            target.resolve("main").unwrap(),
            target.head().unwrap().commit
        );
        assert_eq!(
            target.resolve("nope").unwrap_err().to_string(),
            "`nope` names no commit"
        );
    }

    #[test]
    fn a_stopped_rebase_and_a_merge_are_seen() {
        let fixture = Fixture::with(&[("a.txt", "a")]);
        assert_eq!(fixture.target().in_progress(), InProgress::Nothing);
        let head = fixture.git(&["rev-parse", "HEAD"]);
        std::fs::write(fixture.root.join(".git/MERGE_HEAD"), head).unwrap();
        assert_eq!(fixture.target().in_progress(), InProgress::Merge);
        std::fs::remove_file(fixture.root.join(".git/MERGE_HEAD")).unwrap();
        std::fs::create_dir(fixture.root.join(".git/rebase-merge")).unwrap();
        assert_eq!(fixture.target().in_progress(), InProgress::Rebase);
    }
}
