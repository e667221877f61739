//! Commits: writing one, and taking kept work back.

use git2::{Oid, Signature};

use super::target::{commit_sha, oid};
use super::{Error, Target};
use crate::model::id::{CommitSha, TreeSha};

/// Who a commit is by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The name.
    pub name: String,
    /// The address.
    pub email: String,
    /// Git knows it; `false` for the stand-in `factory`.
    pub configured: bool,
}

impl Identity {
    /// Returns the first complete identity of these configurations, else the stand-in.
    fn first_of(configs: impl IntoIterator<Item = git2::Config>) -> Self {
        let mut identities = configs.into_iter().filter_map(|config| {
            let get = |key| {
                config
                    .get_string(key)
                    .ok()
                    .filter(|text| is_printable(text))
            };
            Some((get("user.name")?, get("user.email")?))
        });
        let found = identities.next();
        let configured = found.is_some();
        let (name, email) =
            found.unwrap_or_else(|| ("factory".to_owned(), "factory@localhost".to_owned()));
        Self {
            name,
            email,
            configured,
        }
    }

    fn signature(&self) -> Result<Signature<'static>, Error> {
        Signature::now(&self.name, &self.email).map_err(Error::git("use the author's identity"))
    }
}

/// Returns whether git accepts the text in a signature.
fn is_printable(text: &str) -> bool {
    !text.trim().is_empty() && !text.contains(['<', '>', '\n', '\0'])
}

/// What became of a commit that was made again elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replayed {
    /// It is this commit now.
    As(CommitSha),
    /// What it changes is there already.
    AlreadyThere,
    /// These paths were changed on both sides.
    Conflict(Vec<String>),
}

impl Target {
    /// Returns who commits are by: the repository's configured identity, else the user's, else
    /// `factory`.
    pub fn identity(&self) -> Identity {
        let configs = [self.repo.config(), git2::Config::open_default()];
        Identity::first_of(configs.into_iter().flatten())
    }

    /// Writes one commit, durably: no hooks, no signing.
    pub fn commit(
        &self,
        tree: &TreeSha,
        parent: &CommitSha,
        message: &str,
    ) -> Result<CommitSha, Error> {
        let signature = self.identity().signature()?;
        let (tree, parent) = (oid(tree.as_str())?, oid(parent.as_str())?);
        let id = self.write_commit(&signature, message, tree, &[parent])?;
        self.persist(id)?;
        Ok(commit_sha(id))
    }

    pub(super) fn write_commit(
        &self,
        signature: &Signature<'_>,
        message: &str,
        tree: Oid,
        parents: &[Oid],
    ) -> Result<Oid, Error> {
        let repo = &self.scratch()?.repo;
        let message = format!("{}\n", message.trim_end());
        let write = || {
            let tree = repo.find_tree(tree)?;
            let find = |parent: &Oid| repo.find_commit(*parent);
            let parents = parents.iter().map(find).collect::<Result<Vec<_>, _>>()?;
            let parents: Vec<_> = parents.iter().collect();
            repo.commit(None, signature, signature, &message, &tree, &parents)
        };
        write().map_err(Error::git("write a commit"))
    }

    /// Writes a commit on top of `onto` that takes back what happened from `base` to `tip`.
    ///
    /// Moves no branch. Later work that touches the same lines is a
    /// [conflict](Error::RevertConflict).
    pub fn revert_commit(
        &self,
        base: &CommitSha,
        tip: &CommitSha,
        onto: &CommitSha,
        message: &str,
    ) -> Result<CommitSha, Error> {
        let repo = &self.scratch()?.repo;
        let tree = |commit: &CommitSha| -> Result<git2::Tree<'_>, Error> {
            let id = oid(self.tree_of(commit)?.as_str())?;
            repo.find_tree(id).map_err(Error::git("read a tree"))
        };
        let (undone, kept, now) = (tree(base)?, tree(tip)?, tree(onto)?);
        let mut index = repo
            .merge_trees(&kept, &now, &undone, None)
            .map_err(Error::git("take the work back"))?;
        if index.has_conflicts() {
            let paths = conflicts(&index).map_err(Error::git("list the conflicts"))?;
            return Err(Error::RevertConflict { paths });
        }
        let merged = index.write_tree_to(repo);
        let merged = merged.map_err(Error::git("write a tree"))?;
        if merged == now.id() {
            let onto = onto.short().to_owned();
            return Err(Error::NothingToRevert { onto });
        }
        self.commit(&super::target::tree_sha(merged), onto, message)
    }
}

impl Target {
    /// Returns the commits that `tip` has and `base` has not, oldest first, each with its parent;
    /// `None` where one of them is a merge or a root.
    pub fn stack(
        &self,
        base: &CommitSha,
        tip: &CommitSha,
    ) -> Result<Option<Vec<(CommitSha, CommitSha)>>, Error> {
        let commits = self.walk(base, tip).map_err(Error::git("list commits"))?;
        let with_parent = commits.iter().map(|commit| {
            let mut parents = commit.parent_ids();
            match (parents.next(), parents.next()) {
                (Some(parent), None) => Some((commit_sha(commit.id()), commit_sha(parent))),
                _ => None,
            }
        });
        Ok(with_parent.collect())
    }

    /// Returns whether a commit holds already what happened from the parent of `first` to `last`.
    pub fn holds(
        &self,
        commit: &CommitSha,
        first: &CommitSha,
        last: &CommitSha,
    ) -> Result<bool, Error> {
        let read = || -> Result<_, git2::Error> {
            let before = self.repo.find_commit(Oid::from_str(first.as_str())?)?;
            let after = self.repo.find_commit(Oid::from_str(last.as_str())?)?;
            Ok((before.parent(0)?.tree_id(), after.tree_id()))
        };
        let (before, after) = read().map_err(Error::git("read a commit"))?;
        let repo = &self.scratch()?.repo;
        let tree = |id| repo.find_tree(id).map_err(Error::git("read a tree"));
        let now = tree(oid(self.tree_of(commit)?.as_str())?)?;
        let mut index = repo
            .merge_trees(&tree(before)?, &now, &tree(after)?, None)
            .map_err(Error::git("look for the work"))?;
        if index.has_conflicts() {
            return Ok(false);
        }
        let merged = index.write_tree_to(repo);
        Ok(merged.map_err(Error::git("write a tree"))? == now.id())
    }

    /// Makes a commit again on top of `onto`, by the same author and with the same words.
    ///
    /// Moves no branch.
    pub fn replay_commit(&self, commit: &CommitSha, onto: &CommitSha) -> Result<Replayed, Error> {
        let original = self.find_commit(commit)?;
        let read = || -> Result<_, git2::Error> {
            let parent = original.parent(0)?.tree_id();
            Ok((parent, original.tree_id()))
        };
        let (before, after) = read().map_err(Error::git("read a commit"))?;
        let repo = &self.scratch()?.repo;
        let tree = |id| repo.find_tree(id).map_err(Error::git("read a tree"));
        let now = tree(oid(self.tree_of(onto)?.as_str())?)?;
        let mut index = repo
            .merge_trees(&tree(before)?, &now, &tree(after)?, None)
            .map_err(Error::git("make the work again"))?;
        if index.has_conflicts() {
            let paths = conflicts(&index).map_err(Error::git("list the conflicts"))?;
            return Ok(Replayed::Conflict(paths));
        }
        let merged = index.write_tree_to(repo);
        let merged = merged.map_err(Error::git("write a tree"))?;
        if merged == now.id() {
            return Ok(Replayed::AlreadyThere);
        }
        let message = String::from_utf8_lossy(original.message_bytes()).into_owned();
        let parent = oid(onto.as_str())?;
        let id = self.write_commit(&original.author(), &message, merged, &[parent])?;
        self.persist(id)?;
        Ok(Replayed::As(commit_sha(id)))
    }
}

fn conflicts(index: &git2::Index) -> Result<Vec<String>, git2::Error> {
    let mut paths = Vec::new();
    for conflict in index.conflicts()? {
        let conflict = conflict?;
        let entry = conflict.our.or(conflict.their).or(conflict.ancestor);
        paths.extend(entry.map(|entry| String::from_utf8_lossy(&entry.path).into_owned()));
    }
    paths.dedup();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::super::testing::Fixture;
    use super::*;

    #[test]
    fn a_commit_is_by_the_repositorys_identity_and_whole() {
        let fixture = Fixture::with(&[("a.txt", "a"), ("d/b.txt", "b")]);
        let target = fixture.target();
        let head = target.head().unwrap().commit;
        let tree = target.changed(&target.head_tree(), &[("d/b.txt", Some("c"))]);
        let commit = target
            .commit(&tree, &head, "remove the copy\n\nIt was unused.")
            .unwrap();
        let shown = fixture.git(&[
            "show",
            "--no-patch",
            "--format=%an %ce|%P|%B",
            commit.as_str(),
        ]);
        assert_eq!(
            shown.trim_end(),
            format!("Tester tester@example.org|{head}|remove the copy\n\nIt was unused.")
        );
        assert_eq!(
            fixture.git(&["diff", "--name-only", "HEAD", commit.as_str()]),
            "d/b.txt"
        );
        fixture.git(&["fsck", "--strict", commit.as_str()]);
    }

    #[test]
    fn objects_reach_the_repository_only_with_a_commit() {
        let fixture = Fixture::with(&[("a.txt", "a")]);
        let before = fixture.git(&["count-objects"]);
        let mut target = fixture.target();
        let head = target.head().unwrap().commit;
        let tree = target.changed(&target.head_tree(), &[("a.txt", Some("b"))]);
        assert_eq!(fixture.git(&["count-objects"]), before);
        assert_eq!(fixture.target().text(&tree, "a.txt").as_deref(), Some("b"));
        let commit = target.commit(&tree, &head, "b").unwrap();
        target.clear_scratch().unwrap();
        assert_eq!(target.text(&tree, "a.txt").as_deref(), Some("b"));
        assert_eq!(fixture.git(&["show", &format!("{commit}:a.txt")]), "b");
        let again = target.changed(&tree, &[("a.txt", Some("c"))]);
        assert_eq!(target.text(&again, "a.txt").as_deref(), Some("c"));
    }

    #[test]
    fn another_handle_opened_earlier_sees_what_was_computed() {
        let fixture = Fixture::with(&[("a.txt", "a")]);
        let (early, late) = (fixture.target(), fixture.target());
        let base = early.head_tree();
        let tree = late.changed(&base, &[("a.txt", Some("b"))]);
        assert_eq!(early.changes(&base, &tree).unwrap().len(), 1);
    }

    #[test]
    fn without_an_identity_the_stand_in_is_used() {
        let empty = git2::Config::new().unwrap();
        let identity = Identity::first_of([empty]);
        assert_eq!(
            (identity.name.as_str(), identity.configured),
            ("factory", false)
        );
        assert!(identity.signature().is_ok());
    }

    #[test]
    fn taken_back_work_goes_and_later_work_stays() {
        let lines = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
        let fixture = Fixture::with(&[("a.txt", lines), ("b.txt", "b\n")]);
        let base = fixture.target().head().unwrap().commit;
        fixture.write_all(&[("a.txt", &lines.replace('2', "two"))]);
        let kept = fixture.commit("kept");
        fixture.write_all(&[("a.txt", &lines.replace('2', "two").replace('8', "eight"))]);
        let tip = fixture.commit("later");
        let target = fixture.target();
        let reverted = target
            .revert_commit(&base, &kept, &tip, "take it back")
            .unwrap();
        let text = fixture.git(&["show", &format!("{reverted}:a.txt")]);
        assert_eq!(text, lines.replace('8', "eight").trim_end());
        let again = target.revert_commit(&base, &kept, &reverted, "again");
        assert!(matches!(again, Err(Error::NothingToRevert { .. })));
    }

    #[test]
    fn taking_back_under_later_work_is_a_conflict_that_names_the_file() {
        let fixture = Fixture::with(&[("a.txt", "one\n")]);
        let base = fixture.target().head().unwrap().commit;
        fixture.write_all(&[("a.txt", "two\n")]);
        let kept = fixture.commit("kept");
        fixture.write_all(&[("a.txt", "three\n")]);
        let tip = fixture.commit("later");
        match fixture.target().revert_commit(&base, &kept, &tip, "back") {
            Err(Error::RevertConflict { paths }) => assert_eq!(paths, ["a.txt"]),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn work_that_was_squashed_is_recognised_by_what_it_did() {
        let fixture = Fixture::with(&[("a.txt", "1\n"), ("b.txt", "b\n")]);
        let base = fixture.target().head().unwrap().commit;
        fixture.write_all(&[("a.txt", "2\n")]);
        let first = fixture.commit("first");
        fixture.write_all(&[("a.txt", "3\n")]);
        let second = fixture.commit("second");
        fixture.git(&["checkout", "--quiet", "-B", "other", base.as_str()]);
        fixture.write_all(&[("a.txt", "3\n"), ("b.txt", "mine\n")]);
        let squashed = fixture.commit("both, and more");
        let target = fixture.target();
        assert!(target.holds(&squashed, &first, &second).unwrap());
        assert!(!target.holds(&squashed, &first, &first).unwrap());
        assert!(!target.holds(&base, &first, &second).unwrap());
    }

    #[test]
    fn work_is_made_again_on_another_base_by_its_author() {
        let fixture = Fixture::with(&[("a.txt", "a\n"), ("b.txt", "b\n")]);
        let target = fixture.target();
        let base = target.head().unwrap().commit;
        let tree = target.changed(&target.head_tree(), &[("a.txt", Some("better\n"))]);
        let work = target.commit(&tree, &base, "Better").unwrap();
        let replay = |files: &[(&str, &str)]| {
            fixture.git(&["checkout", "--quiet", "-B", "other", base.as_str()]);
            fixture.write_all(files);
            let onto: CommitSha = fixture.commit("meanwhile");
            (onto.clone(), target.replay_commit(&work, &onto).unwrap())
        };
        let (onto, replayed) = replay(&[("b.txt", "c\n")]);
        let Replayed::As(again) = replayed else {
            panic!("{replayed:?}");
        };
        assert_eq!(
            target.stack(&base, &again).unwrap().unwrap(),
            [(onto.clone(), base.clone()), (again.clone(), onto)]
        );
        assert_eq!(target.subjects(&base, &again).unwrap()[1], "Better");
        assert_eq!(replay(&[("a.txt", "better\n")]).1, Replayed::AlreadyThere);
        let paths = vec!["a.txt".to_owned()];
        assert_eq!(
            replay(&[("a.txt", "theirs\n")]).1,
            Replayed::Conflict(paths)
        );
    }
}
