//! Which paths differ between two trees, by comparing only the folders that differ.

use camino::{Utf8Path, Utf8PathBuf};
use git2::{ObjectType, Repository, Tree, TreeEntry};
use std::collections::BTreeSet;

use super::tree::Entry;
use super::{Error, Target};
use crate::model::id::TreeSha;

/// A path that differs between two trees; at least one side is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) path: Utf8PathBuf,
    pub(super) old: Option<Entry>,
    pub(super) new: Option<Entry>,
}

impl Target {
    /// Returns the paths that differ between two trees, in order.
    pub fn changed_paths(&self, from: &TreeSha, to: &TreeSha) -> Result<Vec<Utf8PathBuf>, Error> {
        let changes = self.changes(from, to)?.into_iter();
        Ok(changes.map(|it| it.path).collect())
    }

    /// Returns the files, links and submodules that differ, by path.
    pub(super) fn changes(&self, from: &TreeSha, to: &TreeSha) -> Result<Vec<Change>, Error> {
        let (from, to) = (self.find_tree(from)?, self.find_tree(to)?);
        let mut changes = Vec::new();
        compare(
            &self.repo,
            Utf8Path::new(""),
            Some(&from),
            Some(&to),
            &mut changes,
        )?;
        changes.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(changes)
    }
}

fn compare(
    repo: &Repository,
    prefix: &Utf8Path,
    old: Option<&Tree<'_>>,
    new: Option<&Tree<'_>>,
    changes: &mut Vec<Change>,
) -> Result<(), Error> {
    if old.map(Tree::id) == new.map(Tree::id) {
        return Ok(());
    }
    for name in names(old, new) {
        let before = old.and_then(|tree| tree.get_name_bytes(&name));
        let after = new.and_then(|tree| tree.get_name_bytes(&name));
        if same(before.as_ref(), after.as_ref()) {
            continue;
        }
        let name = std::str::from_utf8(&name).map_err(|_| Error::NonUtf8Path {
            path: prefix.join(String::from_utf8_lossy(&name).as_ref()).into(),
        })?;
        let path = prefix.join(name);
        let (old_tree, new_tree) = (
            subtree(repo, before.as_ref())?,
            subtree(repo, after.as_ref())?,
        );
        if old_tree.is_some() || new_tree.is_some() {
            compare(repo, &path, old_tree.as_ref(), new_tree.as_ref(), changes)?;
        }
        let (old, new) = (leaf(before.as_ref()), leaf(after.as_ref()));
        if old.is_some() || new.is_some() {
            changes.push(Change { path, old, new });
        }
    }
    Ok(())
}

fn names(old: Option<&Tree<'_>>, new: Option<&Tree<'_>>) -> BTreeSet<Vec<u8>> {
    let trees = old.into_iter().chain(new);
    trees
        .flat_map(|tree| {
            tree.iter()
                .map(|entry| entry.name_bytes().to_vec())
                .collect::<Vec<_>>()
        })
        .collect()
}

fn same(before: Option<&TreeEntry<'_>>, after: Option<&TreeEntry<'_>>) -> bool {
    let key = |entry: &TreeEntry<'_>| (entry.id(), entry.filemode());
    before.map(key) == after.map(key)
}

fn leaf(entry: Option<&TreeEntry<'_>>) -> Option<Entry> {
    let entry = entry.filter(|entry| entry.kind() != Some(ObjectType::Tree))?;
    Some(Entry {
        id: entry.id(),
        mode: entry.filemode(),
    })
}

fn subtree<'repo>(
    repo: &'repo Repository,
    entry: Option<&TreeEntry<'_>>,
) -> Result<Option<Tree<'repo>>, Error> {
    entry
        .filter(|entry| entry.kind() == Some(ObjectType::Tree))
        .map(|entry| repo.find_tree(entry.id()))
        .transpose()
        .map_err(Error::git("read a tree"))
}
