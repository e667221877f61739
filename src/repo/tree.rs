//! Trees as data: listing, reading, and the same tree with a few paths changed.

use camino::{Utf8Path, Utf8PathBuf};
use git2::{ErrorCode, ObjectType, Oid, Repository, Tree};
use std::collections::BTreeMap;

use super::target::tree_sha;
use super::{Error, Target};
use crate::model::id::TreeSha;

pub(super) const MODE_FILE: i32 = 0o100_644;
pub(super) const MODE_EXECUTABLE: i32 = 0o100_755;
pub(super) const MODE_LINK: i32 = 0o120_000;
pub(super) const MODE_SUBMODULE: i32 = 0o160_000;
const MODE_TREE: i32 = 0o040_000;

/// What a path in a tree is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) id: Oid,
    pub(super) mode: i32,
}

/// The files of a tree by path; texts, since paths are compared part by part, which is slow.
pub(super) type Entries = BTreeMap<String, Entry>;

/// What is to become of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edit {
    Put(Entry),
    Remove,
}

impl Target {
    /// Returns every file of a tree with its blob's hash; links and submodules are entries too.
    ///
    /// Refuses a tree that holds a path that is not UTF-8.
    pub fn list(&self, tree: &TreeSha) -> Result<BTreeMap<Utf8PathBuf, String>, Error> {
        let entries = self.entries(tree)?.into_iter();
        Ok(entries
            .map(|(path, entry)| (path.into(), entry.id.to_string()))
            .collect())
    }

    /// Returns the paths that HEAD tracks, in order.
    pub fn tracked_files(&self) -> Result<Vec<Utf8PathBuf>, Error> {
        let tree = self.tree_of(&self.head()?.commit)?;
        let paths = self.entries(&tree)?.into_keys();
        Ok(paths.map(Utf8PathBuf::from).collect())
    }

    pub(super) fn entries(&self, tree: &TreeSha) -> Result<Entries, Error> {
        let mut entries = Vec::new();
        let root = self.find_tree(tree)?;
        list_into(&self.repo, &root, Utf8Path::new(""), &mut entries)?;
        Ok(entries.into_iter().collect())
    }

    /// Returns the contents of a file in a tree, or where a link in it points.
    pub fn read(&self, tree: &TreeSha, path: &Utf8Path) -> Result<Option<Vec<u8>>, Error> {
        let entry = match self.find_tree(tree)?.get_path(path.as_std_path()) {
            Ok(entry) => entry,
            Err(error) if error.code() == ErrorCode::NotFound => return Ok(None),
            Err(error) => return Err(Error::git("read a tree")(error)),
        };
        match entry.kind() {
            Some(ObjectType::Blob) => self.contents(entry.id()).map(Some),
            _ => Ok(None),
        }
    }

    pub(super) fn contents(&self, id: Oid) -> Result<Vec<u8>, Error> {
        let blob = self.repo.find_blob(id);
        let blob = blob.map_err(Error::git("read a file's contents"))?;
        Ok(blob.content().to_vec())
    }

    /// Returns the same tree with one file replaced, added, or (`None`) removed.
    ///
    /// A file keeps its mode; a new one is plain.
    pub fn with_file(
        &self,
        tree: &TreeSha,
        path: &Utf8Path,
        contents: Option<&[u8]>,
    ) -> Result<TreeSha, Error> {
        let edit = match contents {
            None => Edit::Remove,
            Some(bytes) => Edit::Put(Entry {
                id: self.write_blob(bytes)?,
                mode: self.file_mode(tree, path)?,
            }),
        };
        self.edited(tree, &BTreeMap::from([(path.to_owned(), edit)]))
    }

    fn file_mode(&self, tree: &TreeSha, path: &Utf8Path) -> Result<i32, Error> {
        let entry = self.find_tree(tree)?.get_path(path.as_std_path());
        Ok(match entry.map(|entry| entry.filemode()) {
            Ok(MODE_EXECUTABLE) => MODE_EXECUTABLE,
            _ => MODE_FILE,
        })
    }

    /// Returns the tree after `edits`; costs as much as the folders they are in.
    pub(super) fn edited(
        &self,
        tree: &TreeSha,
        edits: &BTreeMap<Utf8PathBuf, Edit>,
    ) -> Result<TreeSha, Error> {
        if edits.is_empty() {
            return Ok(tree.clone());
        }
        let repo = &self.scratch()?.repo;
        let mut root = Node::default();
        for (path, edit) in edits {
            root.add(path, *edit);
        }
        let write = || -> Result<Oid, git2::Error> {
            let base = repo.find_tree(Oid::from_str(tree.as_str())?)?;
            match root.write(repo, Some(&base))? {
                Some(id) => Ok(id),
                None => repo.treebuilder(None)?.write(),
            }
        };
        write().map(tree_sha).map_err(Error::git("write a tree"))
    }
}

fn list_into(
    repo: &Repository,
    tree: &Tree<'_>,
    prefix: &Utf8Path,
    entries: &mut Vec<(String, Entry)>,
) -> Result<(), Error> {
    for entry in tree {
        let path = prefix.join(utf8_name(prefix, entry.name_bytes())?);
        if entry.kind() == Some(ObjectType::Tree) {
            let subtree = repo.find_tree(entry.id());
            let subtree = subtree.map_err(Error::git("read a tree"))?;
            list_into(repo, &subtree, &path, entries)?;
        } else {
            let (id, mode) = (entry.id(), entry.filemode());
            entries.push((path.into_string(), Entry { id, mode }));
        }
    }
    Ok(())
}

fn utf8_name<'a>(prefix: &Utf8Path, name: &'a [u8]) -> Result<&'a str, Error> {
    std::str::from_utf8(name).map_err(|_| Error::NonUtf8Path {
        path: prefix.join(String::from_utf8_lossy(name).as_ref()).into(),
    })
}

/// Edits by folder; what is put wins over what stood in its way.
#[derive(Default)]
struct Node {
    edit: Option<Edit>,
    children: BTreeMap<String, Node>,
}

impl Node {
    fn add(&mut self, path: &Utf8Path, edit: Edit) {
        let mut node = self;
        for component in path.components() {
            node = node
                .children
                .entry(component.as_str().to_owned())
                .or_default();
        }
        node.edit = Some(edit);
    }

    fn puts(&self) -> bool {
        let put = matches!(self.edit, Some(Edit::Put(_)));
        put || self.children.values().any(Self::puts)
    }

    fn puts_below(&self) -> bool {
        self.children.values().any(Self::puts)
    }

    /// Writes the folder; `None` when nothing is left in it.
    fn write(
        &self,
        repo: &Repository,
        base: Option<&Tree<'_>>,
    ) -> Result<Option<Oid>, git2::Error> {
        let mut builder = repo.treebuilder(base)?;
        for (name, child) in &self.children {
            match child.outcome(repo, base, name)? {
                Some(Entry { id, mode }) => {
                    builder.insert(name.as_str(), id, mode)?;
                }
                None if builder.get(name.as_str())?.is_some() => builder.remove(name.as_str())?,
                None => {}
            }
        }
        if builder.is_empty() {
            return Ok(None);
        }
        builder.write().map(Some)
    }

    /// Returns what stands at `name` afterwards.
    fn outcome(
        &self,
        repo: &Repository,
        base: Option<&Tree<'_>>,
        name: &str,
    ) -> Result<Option<Entry>, git2::Error> {
        if let (Some(Edit::Put(entry)), false) = (self.edit, self.puts_below()) {
            return Ok(Some(entry));
        }
        let existing = base.and_then(|base| base.get_name(name));
        let subtree = match &existing {
            Some(entry) if entry.kind() == Some(ObjectType::Tree) => {
                Some(repo.find_tree(entry.id())?)
            }
            _ => None,
        };
        if subtree.is_none() && !self.puts_below() {
            let kept = existing.filter(|_| self.edit.is_none());
            return Ok(kept.map(|entry| Entry {
                id: entry.id(),
                mode: entry.filemode(),
            }));
        }
        let written = self.write(repo, subtree.as_ref())?;
        Ok(written.map(|id| Entry {
            id,
            mode: MODE_TREE,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Fixture;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_replaced_file_keeps_its_mode_and_the_others_stay() {
        use std::os::unix::fs::PermissionsExt as _;
        let fixture = Fixture::with(&[("run.sh", "x"), ("d/e/f.txt", "f")]);
        let script = fixture.root.join("run.sh");
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
        fixture.commit("executable");
        let target = fixture.target();
        let changed = target.changed(&target.head_tree(), &[("run.sh", Some("y"))]);
        let entries = target.entries(&changed).unwrap();
        assert_eq!(entries["run.sh"].mode, MODE_EXECUTABLE);
        assert_eq!(target.text(&changed, "d/e/f.txt").as_deref(), Some("f"));
        assert_eq!(target.text(&changed, "d/e"), None);
        assert_eq!(target.text(&changed, "nope/x"), None);
    }

    #[test]
    fn the_last_file_of_a_folder_takes_the_folder_with_it() {
        let fixture = Fixture::with(&[("d/e/f.txt", "f")]);
        let target = fixture.target();
        let empty = target.changed(&target.head_tree(), &[("d/e/f.txt", None)]);
        assert_eq!(empty.as_str(), "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
        assert!(target.list(&empty).unwrap().is_empty());
        assert_eq!(target.tracked_files().unwrap(), ["d/e/f.txt"]);
    }

    /// Editing a tree is editing the map that it lists.
    #[test]
    fn edits_do_to_the_tree_what_they_do_to_its_listing() {
        let fixture = Fixture::with(&[("a/f", "1"), ("a/b/f", "2"), ("g", "3")]);
        let target = fixture.target();
        let base = target.head_tree();
        let edit = ("[ab](/[ab]){0,2}/[fg]", proptest::option::of("[xy]"));
        // Every case writes objects to the disk.
        let config = ProptestConfig::with_cases(64);
        proptest!(config, |(edits in proptest::collection::vec(edit, 1..8))| {
            let mut tree = base.clone();
            let mut model = target.list(&tree).unwrap();
            for (path, contents) in &edits {
                tree = target.changed(&tree, &[(path, contents.as_deref())]);
                match contents {
                    Some(text) => {
                        let id = Oid::hash_object(ObjectType::Blob, text.as_bytes()).unwrap();
                        model.insert(path.into(), id.to_string());
                    }
                    None => drop(model.remove(Utf8Path::new(path))),
                }
                prop_assert_eq!(&target.list(&tree).unwrap(), &model);
            }
        });
    }
}
