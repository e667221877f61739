//! Branches and our own refs: moved by compare-and-swap, fsynced, never under a checkout.

use std::io::Write as _;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use git2::{ErrorCode, Oid, Reference, Repository};

use super::open::use_only_own_config;
use super::target::{commit_sha, oid};
use super::{Error, Target, files};
use crate::model::id::CommitSha;

const LOCK_ATTEMPTS: usize = 200;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// A handle whose ref writes reach the disk before they count.
pub(super) struct RefWriter {
    pub(super) repo: Repository,
}

impl RefWriter {
    fn open(target: &Target) -> Result<Self, Error> {
        let read = Error::git("open the repository");
        let repo = Repository::open(target.repo.path()).map_err(read)?;
        let config = durable_config(&target.common_dir)?;
        use_only_own_config(&repo, &target.common_dir, Some(config.as_std_path()))?;
        Ok(Self { repo })
    }
}

/// Returns a configuration that asks for fsync, in our own folder: a temporary file would outlive a
/// run that is killed.
///
/// The library has no `core.fsync`, and reads this key before its first write only.
fn durable_config(common_dir: &Utf8Path) -> Result<Utf8PathBuf, Error> {
    const TEXT: &str = "[core]\n\tfsyncObjectFiles = true\n";
    let folder = common_dir.join("factory");
    let path = folder.join("gitconfig");
    if fs_err::read_to_string(&path).is_ok_and(|it| it == TEXT) {
        return Ok(path);
    }
    fs_err::create_dir_all(&folder).map_err(Error::io("make", &folder))?;
    let mut temp = tempfile::NamedTempFile::new_in(&folder).map_err(Error::io("write", &path))?;
    temp.write_all(TEXT.as_bytes())
        .map_err(Error::io("write", &path))?;
    temp.persist(&path)
        .map_err(|error| Error::io("write", &path)(error.error))?;
    Ok(path)
}

impl Target {
    pub(super) fn ref_writer(&self) -> Result<&RefWriter, Error> {
        if self.ref_writer.get().is_none() {
            let writer = RefWriter::open(self)?;
            if self.ref_writer.set(writer).is_err() {
                unreachable!("the cell was empty, and is not shared between threads");
            }
        }
        Ok(self.ref_writer.get().expect("it was set above"))
    }

    /// Sets a ref only if it still is where it was seen; `Ok(false)` if it is not.
    ///
    /// Waits a moment for others who hold its lock.
    pub(super) fn swap_ref(
        &self,
        name: &str,
        expected: Option<Oid>,
        to: Oid,
        log: &str,
    ) -> Result<bool, Error> {
        let repo = &self.ref_writer()?.repo;
        let expected = expected.unwrap_or(Oid::ZERO_SHA1);
        for _ in 0..LOCK_ATTEMPTS {
            match repo.reference_matching(name, to, true, expected, log) {
                Ok(_) => return Ok(true),
                Err(error) => match error.code() {
                    ErrorCode::Modified | ErrorCode::NotFound => return Ok(false),
                    ErrorCode::Locked => std::thread::sleep(LOCK_PAUSE),
                    _ => return Err(Error::git("move a ref")(error)),
                },
            }
        }
        Err(Error::RefLocked {
            name: name.to_owned(),
            lock: self.common_dir.join(format!("{name}.lock")),
        })
    }

    /// Removes locks that a killed process left on our own refs; returns how many.
    ///
    /// Call only while holding the target's writer lock: then nobody else writes these refs. Locks on
    /// branches, HEAD and the index are the person's, and are only ever reported.
    pub fn remove_stale_locks(&self) -> Result<usize, Error> {
        remove_locks(&self.common_dir.join("refs/factory"))
    }

    /// Returns the tip of a branch.
    pub fn branch(&self, name: &str) -> Result<Option<CommitSha>, Error> {
        match self.repo.find_reference(&branch_ref(name)?) {
            Ok(reference) => reference
                .peel_to_commit()
                .map(|commit| Some(commit_sha(commit.id())))
                .map_err(Error::git("read a branch")),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(Error::git("read a branch")(error)),
        }
    }

    /// Moves or makes a branch, only if it still is at `expected`; refuses a checked-out one.
    pub fn advance(
        &self,
        branch: &str,
        expected: Option<&CommitSha>,
        to: &CommitSha,
    ) -> Result<(), Error> {
        let name = branch_ref(branch)?;
        if expected.is_none() && self.branch(branch)?.is_none() {
            self.can_create_branch(branch)?;
        }
        if let Some(worktree) = self.worktree_of(branch)? {
            return Err(Error::BranchCheckedOut {
                name: branch.to_owned(),
                worktree,
            });
        }
        let expected = expected.map(|commit| oid(commit.as_str())).transpose()?;
        let to = self.find_commit(to)?.id();
        if self.swap_ref(&name, expected, to, "factory: kept")? {
            return Ok(());
        }
        Err(Error::BranchMoved {
            name: branch.to_owned(),
        })
    }

    /// Makes a branch at a commit, on a person's request; refuses a name that is taken.
    pub fn checkout_branch(&self, name: &str, commit: &CommitSha) -> Result<(), Error> {
        let taken = || Error::BranchExists {
            name: name.to_owned(),
        };
        let full = branch_ref(name)?;
        if self.branch(name)?.is_some() {
            return Err(taken());
        }
        self.can_create_branch(name)?;
        let to = self.find_commit(commit)?.id();
        if self.swap_ref(&full, None, to, "factory: checkout")? {
            return Ok(());
        }
        Err(taken())
    }

    /// Refuses a branch name that git would: `factory/best` cannot be beside `factory`.
    pub fn can_create_branch(&self, name: &str) -> Result<(), Error> {
        let wanted = branch_ref(name)?;
        let list = Error::git("list the branches");
        let all = self.repo.references_glob("refs/heads/*").map_err(list)?;
        for reference in all.flatten() {
            let Ok(existing) = reference.name() else {
                continue;
            };
            if is_inside(&wanted, existing) || is_inside(existing, &wanted) {
                return Err(Error::BranchBlocked {
                    name: name.to_owned(),
                    by: existing.trim_start_matches("refs/heads/").to_owned(),
                });
            }
        }
        Ok(())
    }

    /// Deletes every ref of ours but branches; returns how many there were.
    pub fn forget_refs(&self) -> Result<usize, Error> {
        let n_references = self.delete_refs("refs/factory/*")?;
        let folder = self.common_dir.join("refs/factory");
        if folder.is_dir() && files::list(&folder).is_ok_and(|entries| entries.is_empty()) {
            fs_err::remove_dir(&folder).map_err(Error::io("remove", folder))?;
        }
        Ok(n_references)
    }

    /// Deletes the refs that match; returns how many there were.
    pub(super) fn delete_refs(&self, glob: &str) -> Result<usize, Error> {
        let repo = &self.ref_writer()?.repo;
        let delete = || -> Result<usize, git2::Error> {
            let references = repo.references_glob(glob)?;
            let references: Vec<Reference<'_>> = references.collect::<Result<_, _>>()?;
            let n_references = references.len();
            for mut reference in references {
                reference.delete()?;
            }
            Ok(n_references)
        };
        delete().map_err(Error::git("delete our refs"))
    }

    /// Returns the root of a worktree in which the branch is checked out, or being rebased or bisected.
    pub fn worktree_of(&self, name: &str) -> Result<Option<Utf8PathBuf>, Error> {
        let wanted = branch_ref(name)?;
        let mut all = self.worktrees().into_iter();
        let user = all.find(|(git_dir, _)| uses(git_dir, &wanted));
        Ok(user.map(|(_, root)| root))
    }

    /// Returns where else files of this repository lie: every worktree that is there, this one among them.
    pub fn checkouts(&self) -> Vec<Utf8PathBuf> {
        let all = self.worktrees().into_iter();
        // A git directory of its own, as of a submodule, lies beside things that are not the repository's.
        let is_usual = |(git_dir, _): &(Utf8PathBuf, _)| {
            *git_dir != self.common_dir || git_dir.ends_with(".git")
        };
        let roots = all.filter(is_usual).map(|(_, root)| root);
        roots.filter_map(|it| it.canonicalize_utf8().ok()).collect()
    }

    /// Returns the git directory and the root of the main worktree and of those that are linked.
    fn worktrees(&self) -> Vec<(Utf8PathBuf, Utf8PathBuf)> {
        let main = &self.common_dir;
        let is_bare = self.repo.config().and_then(|it| it.get_bool("core.bare"));
        let root = main.parent().unwrap_or(main).to_owned();
        let first = (!is_bare.unwrap_or(false)).then(|| (main.clone(), root));
        let linked = main.join("worktrees").read_dir_utf8();
        let linked = linked.into_iter().flatten().flatten();
        let linked = linked.map(|it| (it.path().to_owned(), linked_root(it.path())));
        first.into_iter().chain(linked).collect()
    }
}

fn remove_locks(dir: &Utf8Path) -> Result<usize, Error> {
    let Ok(entries) = dir.read_dir_utf8() else {
        return Ok(0);
    };
    let mut n_removed = 0;
    for entry in entries {
        let entry = entry.map_err(Error::io("read", dir))?;
        let kind = entry.file_type().map_err(Error::io("read", entry.path()))?;
        if kind.is_dir() {
            n_removed += remove_locks(entry.path())?;
        } else if entry.path().extension() == Some("lock") {
            fs_err::remove_file(entry.path()).map_err(Error::io("remove", entry.path()))?;
            n_removed += 1;
        }
    }
    Ok(n_removed)
}

fn is_inside(name: &str, folder: &str) -> bool {
    name.strip_prefix(folder)
        .is_some_and(|rest| rest.starts_with('/'))
}

/// Returns whether a worktree's git directory says that it is working on the branch.
fn uses(git_dir: &Utf8Path, branch: &str) -> bool {
    const PLACES: [&str; 4] = [
        "HEAD",
        "rebase-merge/head-name",
        "rebase-apply/head-name",
        "BISECT_START",
    ];
    let short = branch.trim_start_matches("refs/heads/");
    PLACES.iter().any(|place| {
        let text = std::fs::read_to_string(git_dir.join(place)).unwrap_or_default();
        let name = text.trim_start_matches("ref:").trim();
        name == branch || (*place == "BISECT_START" && name == short)
    })
}

fn linked_root(git_dir: &Utf8Path) -> Utf8PathBuf {
    let dot_git = std::fs::read_to_string(git_dir.join("gitdir")).unwrap_or_default();
    let dot_git = git_dir.join(dot_git.trim());
    dot_git.parent().unwrap_or(git_dir).to_owned()
}

pub(super) fn branch_ref(name: &str) -> Result<String, Error> {
    let full = format!("refs/heads/{name}");
    let is_plain = !name.starts_with('-') && name != "HEAD";
    if is_plain && Reference::is_valid_name(&full) {
        return Ok(full);
    }
    Err(Error::InvalidBranchName {
        name: name.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::Fixture;
    use super::*;

    const BEST: &str = "factory/best";

    fn two_commits() -> (Fixture, CommitSha, CommitSha) {
        let fixture = Fixture::with(&[("a.txt", "a")]);
        let first = fixture.target().head().unwrap().commit;
        let second = fixture.commit("second");
        (fixture, first, second)
    }

    #[test]
    fn a_branch_moves_only_from_where_it_was_seen() {
        let (fixture, first, second) = two_commits();
        let target = fixture.target();
        target.advance(BEST, None, &first).unwrap();
        assert_eq!(target.branch(BEST).unwrap(), Some(first.clone()));
        let stale = target.advance(BEST, None, &second);
        assert!(matches!(stale, Err(Error::BranchMoved { .. })));
        let wrong = target.advance(BEST, Some(&second), &second);
        assert!(matches!(wrong, Err(Error::BranchMoved { .. })));
        target.advance(BEST, Some(&first), &second).unwrap();
        assert_eq!(fixture.git(&["rev-parse", BEST]), second.as_str());
        fixture.git(&["pack-refs", "--all"]);
        fixture
            .target()
            .advance(BEST, Some(&second), &first)
            .unwrap();
        assert_eq!(fixture.git(&["rev-parse", BEST]), first.as_str());
    }

    #[test]
    fn a_branch_that_vanished_is_not_made_again() {
        let (fixture, first, second) = two_commits();
        let moved = fixture.target().advance(BEST, Some(&first), &second);
        assert!(matches!(moved, Err(Error::BranchMoved { .. })));
    }

    #[test]
    fn every_worktree_is_known_to_every_other_and_one_that_is_gone_is_not() {
        let (fixture, _, _) = two_commits();
        let (linked, gone) = (fixture.dir("linked"), fixture.dir("gone"));
        for path in [&linked, &gone] {
            fixture.git(&["worktree", "add", "--quiet", "--detach", path.as_str()]);
        }
        std::fs::remove_dir_all(&gone).unwrap();
        let main = fixture.target().root().canonicalize_utf8().unwrap();
        let expected = [main, linked.canonicalize_utf8().unwrap()];
        assert_eq!(fixture.target().checkouts(), expected);
        assert_eq!(Target::open(&linked).unwrap().checkouts(), expected);
    }

    #[test]
    fn a_branch_in_use_anywhere_is_not_moved() {
        let (fixture, first, second) = two_commits();
        let linked = fixture.dir("linked");
        fixture.git(&[
            "worktree",
            "add",
            "--quiet",
            "-b",
            BEST,
            linked.as_str(),
            first.as_str(),
        ]);
        let target = fixture.target();
        assert!(target.worktree_of("main").unwrap().is_some());
        match target.advance(BEST, Some(&first), &second) {
            Err(Error::BranchCheckedOut { worktree, .. }) => assert_eq!(worktree, linked),
            other => panic!("{other:?}"),
        }
        assert!(
            Target::open(&linked)
                .unwrap()
                .worktree_of("main")
                .unwrap()
                .is_some()
        );
        fixture.git(&["worktree", "remove", linked.as_str()]);
        assert!(fixture.target().worktree_of(BEST).unwrap().is_none());
        let rebase = fixture.root.join(".git/rebase-merge");
        std::fs::create_dir(&rebase).unwrap();
        std::fs::write(rebase.join("head-name"), "refs/heads/factory/best\n").unwrap();
        assert!(fixture.target().worktree_of(BEST).unwrap().is_some());
    }

    #[test]
    fn a_branch_called_factory_is_named_as_what_is_in_the_way() {
        let (fixture, first, _) = two_commits();
        let target = fixture.target();
        target.can_create_branch(BEST).unwrap();
        for blocker in ["factory", "factory/best/old"] {
            fixture.git(&["branch", blocker]);
            let error = target.can_create_branch(BEST).unwrap_err();
            assert!(
                error
                    .to_string()
                    .contains(&format!("the branch `{blocker}`"))
            );
            assert!(error.hint().unwrap().contains("[landing]"));
            let error = target.advance(BEST, None, &first).unwrap_err();
            assert!(matches!(error, Error::BranchBlocked { .. }));
            fixture.git(&["branch", "-D", blocker]);
        }
    }

    #[test]
    fn a_branch_for_a_person_takes_no_name_that_is_taken_or_invalid() {
        let (fixture, first, second) = two_commits();
        let target = fixture.target();
        target.checkout_branch("try-7", &first).unwrap();
        assert_eq!(fixture.git(&["rev-parse", "try-7"]), first.as_str());
        let taken = target.checkout_branch("try-7", &second);
        assert!(matches!(taken, Err(Error::BranchExists { .. })));
        for name in ["", "a..b", "-x", "a b", "x.lock", "HEAD"] {
            let refused = target.checkout_branch(name, &first);
            assert!(
                matches!(refused, Err(Error::InvalidBranchName { .. })),
                "{name}"
            );
        }
    }

    #[test]
    fn a_lock_that_was_left_is_named_and_only_ours_are_removed() {
        let (fixture, first, _) = two_commits();
        let target = fixture.target();
        let ours = fixture.root.join(".git/refs/factory/candidates.lock");
        let theirs = fixture.root.join(".git/refs/heads/main.lock");
        for lock in [&ours, &theirs] {
            std::fs::create_dir_all(lock.parent().unwrap()).unwrap();
            std::fs::write(lock, "").unwrap();
        }
        let to = oid(first.as_str()).unwrap();
        match target.swap_ref("refs/factory/candidates", None, to, "x") {
            Err(Error::RefLocked { lock, .. }) => assert_eq!(lock, ours),
            other => panic!("{other:?}"),
        }
        assert_eq!(target.remove_stale_locks().unwrap(), 1);
        assert!(theirs.is_file());
        assert!(
            target
                .swap_ref("refs/factory/candidates", None, to, "x")
                .unwrap()
        );
    }

    #[test]
    fn forgetting_leaves_the_persons_refs() {
        let (fixture, _, _) = two_commits();
        fixture.git(&["update-ref", "refs/factory/ledger", "HEAD"]);
        fixture.git(&["update-ref", "refs/factory/candidates", "HEAD"]);
        fixture.git(&["branch", BEST]);
        assert_eq!(fixture.target().forget_refs().unwrap(), 2);
        let left = fixture.git(&["for-each-ref", "--format=%(refname)"]);
        assert_eq!(left, "refs/heads/factory/best\nrefs/heads/main");
        assert!(!fixture.root.join(".git/refs/factory").exists());
    }
}
