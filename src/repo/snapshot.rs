//! A directory that a builder wrote, taken as data: a tree, and what was refused.

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use git2::{ObjectType, Oid};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::Metadata;

use super::stamps::Stamps;
use super::tree::{Edit, Entries, Entry, MODE_LINK, MODE_SUBMODULE};
use super::walk::{Found, walk};
use super::{Error, Target, files};
use crate::model::id::TreeSha;
use crate::model::violation::{Rule, Violation};

/// The largest new or changed file.
const MAX_FILE_BYTES: u64 = 10 << 20;
/// The most bytes in new or changed files.
const MAX_TOTAL_BYTES: u64 = 100 << 20;
/// The most new or changed files.
const MAX_FILES: usize = 10_000;

/// A directory as a tree.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The tree; what was refused is in it as it was in the base.
    pub tree: TreeSha,
    /// What was refused: links out of the tree, submodules, huge files.
    pub refused: Vec<Violation>,
}

impl Target {
    /// Returns a directory's files as a tree: those that `base` tracks, and new ones that no
    /// `.gitignore` in the directory names.
    ///
    /// Walks the directory itself: no git is run there, no link is followed, its `.git` is skipped.
    pub fn snapshot(&self, dir: &Utf8Path, base: &TreeSha) -> Result<Snapshot, Error> {
        let base_entries = self.entries(base)?;
        let submodules = base_entries
            .iter()
            .filter(|(_, entry)| entry.mode == MODE_SUBMODULE)
            .map(|(path, _)| path.as_str())
            .collect();
        let mut found = walk(dir, &submodules).map_err(Error::io("read", dir))?;
        add_tracked(dir, &base_entries, &mut found)?;
        let mut taker = Taker {
            target: self,
            dir,
            base: &base_entries,
            stamps: Stamps::load(dir),
            refused: std::mem::take(&mut found.refused),
            edits: BTreeMap::new(),
            n_bytes: 0,
        };
        taker.take(&found.files)?;
        let Taker {
            edits, mut refused, ..
        } = taker;
        refused.sort();
        refused.dedup();
        let tree = self.edited(base, &edits)?;
        Ok(Snapshot { tree, refused })
    }
}

/// Adds tracked files that an ignore rule hid from the walk.
fn add_tracked(dir: &Utf8Path, base: &Entries, found: &mut Found) -> Result<(), Error> {
    for path in base.keys() {
        if found.files.contains_key(path) || !has_plain_parents(dir, path.as_str().into())? {
            continue;
        }
        let full = dir.join(path);
        let metadata = files::look(&full).map_err(Error::io("read", &full))?;
        if let Some(metadata) = metadata.filter(|it| files::git_mode(it).is_some()) {
            found.files.insert(path.clone(), metadata);
        }
    }
    Ok(())
}

fn has_plain_parents(dir: &Utf8Path, path: &Utf8Path) -> Result<bool, Error> {
    let mut full = dir.to_owned();
    for component in path.parent().into_iter().flat_map(Utf8Path::components) {
        full.push(component);
        let metadata = files::look(&full).map_err(Error::io("read", &full))?;
        if !metadata.is_some_and(|metadata| metadata.is_dir()) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// One snapshot being taken.
struct Taker<'a> {
    target: &'a Target,
    dir: &'a Utf8Path,
    base: &'a Entries,
    stamps: Stamps,
    refused: Vec<Violation>,
    edits: BTreeMap<Utf8PathBuf, Edit>,
    n_bytes: u64,
}

impl Taker<'_> {
    fn take(&mut self, files: &BTreeMap<String, Metadata>) -> Result<(), Error> {
        for (path, metadata) in files {
            if self.edits.len() >= MAX_FILES || self.n_bytes > MAX_TOTAL_BYTES {
                self.refuse_all("changes more than an experiment may");
                return Ok(());
            }
            self.file(path.as_str().into(), metadata)?;
        }
        for (path, entry) in self.base {
            let is_gone = !files.contains_key(path) && entry.mode != MODE_SUBMODULE;
            if is_gone && !self.is_refused(path.as_str().into()) {
                self.edits.insert(path.into(), Edit::Remove);
            }
        }
        self.refuse_look_alikes(files);
        Ok(())
    }

    fn file(&mut self, path: &Utf8Path, metadata: &Metadata) -> Result<(), Error> {
        let before = self.base.get(path.as_str()).copied();
        if before.is_some_and(|entry| entry.mode == MODE_SUBMODULE) {
            self.refuse(path, "replaces a submodule");
            return Ok(());
        }
        let Some(mode) = files::git_mode(metadata) else {
            return Ok(());
        };
        if self.is_unchanged(path, metadata, before) {
            return Ok(());
        }
        let full = self.dir.join(path);
        if self.is_huge_and_new(mode, metadata, before) {
            self.refuse(path, huge());
            return Ok(());
        }
        let bytes = files::read(&full, mode, metadata.len().max(MAX_FILE_BYTES));
        let bytes = bytes.map_err(Error::io("read", &full))?;
        let id = Oid::hash_object(ObjectType::Blob, &bytes);
        let id = id.map_err(Error::git("hash a file"))?;
        if before == Some(Entry { id, mode }) {
            return Ok(());
        }
        if let Some(why) = objection(path, mode, &bytes) {
            self.refuse(path, why);
            return Ok(());
        }
        if before.is_none_or(|entry| entry.id != id) {
            self.n_bytes += bytes.len() as u64;
            self.target.write_blob(&bytes)?;
        }
        self.edits
            .insert(path.to_owned(), Edit::Put(Entry { id, mode }));
        Ok(())
    }

    /// Returns whether a file is too large to be read, and cannot be what the base has.
    fn is_huge_and_new(&self, mode: i32, metadata: &Metadata, before: Option<Entry>) -> bool {
        let size = |entry: Entry| {
            let odb = self.target.repo.odb().ok()?;
            odb.read_header(entry.id).ok()
        };
        mode != MODE_LINK
            && metadata.len() > MAX_FILE_BYTES
            && before
                .and_then(size)
                .is_none_or(|(size, _)| size as u64 != metadata.len())
    }

    /// Returns whether a file is as the base has it, without reading it.
    fn is_unchanged(&self, path: &Utf8Path, metadata: &Metadata, before: Option<Entry>) -> bool {
        let (Some(entry), Some(known)) = (before, self.stamps.files.get(path.as_str())) else {
            return false;
        };
        known.is(&entry, metadata)
    }

    /// Refuses new paths that a file system which ignores case would confuse with others.
    fn refuse_look_alikes(&mut self, files: &BTreeMap<String, Metadata>) {
        let is_new = |path: &String| !self.base.contains_key(path);
        if !files.keys().any(is_new) {
            return;
        }
        let mut seen: BTreeMap<String, &String> = BTreeMap::new();
        let mut confused = BTreeSet::new();
        for path in files.keys() {
            let Some(other) = seen.insert(path.to_lowercase(), path) else {
                continue;
            };
            let new = if is_new(path) { path } else { other };
            if is_new(new) {
                confused.insert(Utf8PathBuf::from(new));
            }
        }
        for path in confused {
            self.edits.remove(&path);
            self.refuse(
                &path,
                "differs from another path in upper and lower case only",
            );
        }
    }

    fn is_refused(&self, path: &Utf8Path) -> bool {
        let refused = self.refused.iter().filter_map(|it| it.path.as_deref());
        { refused }.any(|refused| path.starts_with(refused))
    }

    fn refuse(&mut self, path: &Utf8Path, why: impl Into<String>) {
        self.refused.push(Violation::at(Rule::File, path, why));
    }

    fn refuse_all(&mut self, why: &str) {
        let limit = format!(
            "{why}: at most {MAX_FILES} files and {} MiB",
            MAX_TOTAL_BYTES >> 20
        );
        self.refused.push(Violation::of(Rule::File, limit));
    }
}

/// Returns why a new or changed entry does not belong in a tree.
fn objection(path: &Utf8Path, mode: i32, bytes: &[u8]) -> Option<String> {
    if mode != MODE_LINK {
        let is_huge = bytes.len() as u64 > MAX_FILE_BYTES;
        return is_huge.then(huge);
    }
    let Ok(target) = std::str::from_utf8(bytes) else {
        return Some("is a link to a path that is not UTF-8".to_owned());
    };
    (!stays_inside(path, Utf8Path::new(target)))
        .then(|| format!("is a link that leaves the tree: `{target}`"))
}

fn huge() -> String {
    format!("is larger than {} MiB", MAX_FILE_BYTES >> 20)
}

/// Returns whether a link stays in the tree.
///
/// `..` may only come first, where it starts from the link's own folder, which is a plain one: after
/// a component that is itself a link, it would start from somewhere else.
fn stays_inside(path: &Utf8Path, target: &Utf8Path) -> bool {
    let mut depth = path.components().count() - 1;
    let mut descends = false;
    for component in target.components() {
        match component {
            Utf8Component::Normal(name) if !name.eq_ignore_ascii_case(".git") => descends = true,
            Utf8Component::CurDir => {}
            Utf8Component::ParentDir if !descends && depth > 0 => depth -= 1,
            _ => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::super::builder_repository;
    use super::super::testing::{Fixture, write};
    use super::*;
    use proptest::prelude::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    /// A project and a builder's copy of it.
    fn built(files: &[(&str, &str)]) -> (Fixture, Target, TreeSha, Utf8PathBuf) {
        let fixture = Fixture::with(files);
        let target = fixture.target();
        let tree = target.head_tree();
        let dir = fixture.dir("builder");
        builder_repository(&target, &tree, &dir).unwrap();
        (fixture, target, tree, dir)
    }

    fn refused_paths(snapshot: &Snapshot) -> Vec<&str> {
        let refused = snapshot.refused.iter();
        refused
            .filter_map(|violation| violation.path.as_deref().map(Utf8Path::as_str))
            .collect()
    }

    #[test]
    fn an_untouched_directory_is_its_base() {
        let (_fixture, target, tree, dir) = built(&[("a.txt", "a"), ("d/b.txt", "b")]);
        let snapshot = target.snapshot(&dir, &tree).unwrap();
        assert_eq!((snapshot.tree, snapshot.refused), (tree, Vec::new()));
    }

    #[test]
    fn edits_additions_deletions_and_modes_are_taken() {
        let (_fixture, target, tree, dir) =
            built(&[("a.txt", "a"), ("d/b.txt", "b"), ("run.sh", "#!")]);
        write(&dir.join("a.txt"), "changed");
        write(&dir.join("new/c.txt"), "c");
        std::fs::remove_dir_all(dir.join("d")).unwrap();
        let script = dir.join("run.sh");
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
        symlink("new/c.txt", dir.join("link")).unwrap();
        let snapshot = target.snapshot(&dir, &tree).unwrap();
        assert_eq!(snapshot.refused, Vec::new());
        let entries = target.entries(&snapshot.tree).unwrap();
        let modes: Vec<_> = entries
            .iter()
            .map(|(path, it)| (path.as_str(), it.mode))
            .collect();
        assert_eq!(
            modes,
            [
                ("a.txt", 0o100_644),
                ("link", 0o120_000),
                ("new/c.txt", 0o100_644),
                ("run.sh", 0o100_755)
            ]
        );
        assert_eq!(
            target.text(&snapshot.tree, "a.txt").as_deref(),
            Some("changed")
        );
        assert_eq!(
            target.text(&snapshot.tree, "link").as_deref(),
            Some("new/c.txt")
        );
    }

    #[test]
    fn an_edit_of_the_same_size_with_the_old_time_is_seen() {
        let (_fixture, target, tree, dir) = built(&[("a.txt", "one")]);
        let file = dir.join("a.txt");
        let time = file.metadata().unwrap().modified().unwrap();
        std::fs::write(&file, "two").unwrap();
        let handle = std::fs::File::options().write(true).open(&file).unwrap();
        handle.set_modified(time).unwrap();
        let snapshot = target.snapshot(&dir, &tree).unwrap();
        assert_eq!(target.text(&snapshot.tree, "a.txt").as_deref(), Some("two"));
    }

    #[test]
    fn ignored_files_stay_out_unless_the_base_tracks_them() {
        let (_fixture, target, tree, dir) = built(&[("a.txt", "a")]);
        write(&dir.join(".gitignore"), "*.log\n/target/\n!keep.log\n");
        write(&dir.join("sub/.gitignore"), "secret\n");
        write(&dir.join("debug.log"), "x");
        write(&dir.join("keep.log"), "x");
        write(&dir.join("target/debug/x"), "x");
        write(&dir.join("sub/secret"), "x");
        write(&dir.join("sub/target/y"), "x");
        let first = target.snapshot(&dir, &tree).unwrap().tree;
        let paths: Vec<_> = target.list(&first).unwrap().into_keys().collect();
        assert_eq!(
            paths,
            [
                ".gitignore",
                "a.txt",
                "keep.log",
                "sub/.gitignore",
                "sub/target/y"
            ]
        );
        let tracked = target.changed(
            &first,
            &[("debug.log", Some("old")), ("target/t", Some("t"))],
        );
        let second = target.snapshot(&dir, &tracked).unwrap().tree;
        assert_eq!(target.text(&second, "debug.log").as_deref(), Some("x"));
        assert_eq!(target.text(&second, "target/t"), None);
    }

    #[test]
    fn links_out_of_the_tree_are_refused_and_left_as_they_were() {
        let (fixture, target, tree, dir) = built(&[("a.txt", "a"), ("d/e/b.txt", "b")]);
        std::fs::remove_file(dir.join("a.txt")).unwrap();
        symlink("/etc/passwd", dir.join("a.txt")).unwrap();
        symlink("../../../outside", dir.join("d/e/up")).unwrap();
        symlink("../../a.txt", dir.join("d/e/fine")).unwrap();
        symlink("x/../../../outside", dir.join("d/e/sly")).unwrap();
        symlink(".git/config", dir.join("peek")).unwrap();
        symlink(fixture.root.as_str(), dir.join("whole")).unwrap();
        let snapshot = target.snapshot(&dir, &tree).unwrap();
        assert_eq!(
            refused_paths(&snapshot),
            ["a.txt", "d/e/sly", "d/e/up", "peek", "whole"]
        );
        let paths: Vec<_> = target.list(&snapshot.tree).unwrap().into_keys().collect();
        assert_eq!(paths, ["a.txt", "d/e/b.txt", "d/e/fine"]);
        assert_eq!(target.text(&snapshot.tree, "a.txt").as_deref(), Some("a"));
    }

    #[test]
    fn a_folder_replaced_by_a_link_is_not_read_through() {
        let (fixture, target, tree, dir) = built(&[("d/b.txt", "b")]);
        let outside = fixture.dir("outside");
        write(&outside.join("b.txt"), "secret");
        std::fs::remove_dir_all(dir.join("d")).unwrap();
        symlink(&outside, dir.join("d")).unwrap();
        let snapshot = target.snapshot(&dir, &tree).unwrap();
        assert_eq!(refused_paths(&snapshot), ["d"]);
        let files = target.list(&snapshot.tree).unwrap();
        let secret = Oid::hash_object(ObjectType::Blob, b"secret").unwrap();
        assert!(!files.values().any(|id| *id == secret.to_string()));
    }

    #[test]
    fn repositories_sockets_pipes_and_look_alikes_are_refused() {
        let (_fixture, target, tree, dir) = built(&[("a.txt", "a")]);
        write(&dir.join("vendor/.git/HEAD"), "ref: refs/heads/main");
        write(&dir.join(".GIT/config"), "[core]");
        write(&dir.join("A.txt"), "look-alike");
        let _socket = std::os::unix::net::UnixListener::bind(dir.join("sock")).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            dir.join("pipe").as_std_path(),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RWXU,
            0,
        )
        .unwrap();
        std::fs::remove_file(dir.join("a.txt")).unwrap();
        write(&dir.join("a.txt"), "a");
        let snapshot = target.snapshot(&dir, &tree).unwrap();
        assert_eq!(
            refused_paths(&snapshot),
            [".GIT", "A.txt", "pipe", "sock", "vendor/.git"]
        );
        assert_eq!(snapshot.tree, tree);
    }

    #[test]
    fn the_builders_git_directory_is_never_read() {
        let (_fixture, target, tree, dir) = built(&[("a.txt", "a")]);
        std::fs::remove_dir_all(dir.join(".git")).unwrap();
        std::fs::write(dir.join(".git"), "gitdir: /nowhere").unwrap();
        assert_eq!(target.snapshot(&dir, &tree).unwrap().tree, tree);
    }

    #[test]
    fn a_huge_file_is_refused_without_being_read() {
        let (_fixture, target, tree, dir) = built(&[("a.txt", "a")]);
        for name in ["a.txt", "huge"] {
            let file = std::fs::File::create(dir.join(name)).unwrap();
            file.set_len(1 << 40).unwrap();
        }
        let snapshot = target.snapshot(&dir, &tree).unwrap();
        assert_eq!(refused_paths(&snapshot), ["a.txt", "huge"]);
        assert_eq!(snapshot.tree, tree);
    }

    #[test]
    fn a_submodule_stays_and_must_not_be_filled() {
        let fixture = Fixture::with(&[("a.txt", "a")]);
        let commit = fixture.git(&["rev-parse", "HEAD"]);
        let cache = format!("160000,{commit},sub");
        fixture.git(&["update-index", "--add", "--cacheinfo", &cache]);
        fixture.git(&["commit", "--quiet", "--message", "submodule"]);
        let target = fixture.target();
        let tree = target.head_tree();
        let dir = fixture.dir("builder");
        builder_repository(&target, &tree, &dir).unwrap();
        assert_eq!(target.snapshot(&dir, &tree).unwrap().tree, tree);
        write(&dir.join("sub/x"), "x");
        let filled = target.snapshot(&dir, &tree).unwrap();
        assert_eq!(refused_paths(&filled), ["sub"]);
        std::fs::remove_dir_all(dir.join("sub")).unwrap();
        write(&dir.join("sub"), "a file");
        let replaced = target.snapshot(&dir, &tree).unwrap();
        assert_eq!(refused_paths(&replaced), ["sub"]);
        assert_eq!(replaced.tree, tree);
    }

    proptest! {
        /// Whatever a relative link says, following it from any depth stays inside.
        #[test]
        fn links_that_are_let_through_never_climb_above_the_root(
            parts in proptest::collection::vec(prop_oneof![Just(".."), Just("."), Just("a")], 0..8),
            depth in 0_usize..4,
        ) {
            let path = Utf8PathBuf::from(format!("{}link", "d/".repeat(depth)));
            let target = parts.join("/");
            if stays_inside(&path, Utf8Path::new(&target)) {
                let mut level = i64::try_from(depth).unwrap();
                for part in &parts {
                    level += match *part { ".." => -1, "a" => 1, _ => 0 };
                    prop_assert!(level >= 0);
                }
            }
        }
    }
}
