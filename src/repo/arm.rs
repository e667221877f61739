//! One arm's directory: contents follow a tree, times follow content.

use camino::{Utf8Path, Utf8PathBuf};
use git2::{ObjectType, Oid};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::Metadata;

use super::stamps::{Stamped, Stamps};
use super::tree::{Entries, Entry, MODE_LINK, MODE_SUBMODULE};
use super::{Error, Target, files};
use crate::model::id::TreeSha;

/// One arm's directory, at a fixed path, so that builds in it stay warm.
///
/// What was written is remembered in a file beside it. Losing that file, or dying half way, costs
/// reading every file at the next [`sync`](Self::sync), and nothing else.
pub struct ArmDir {
    path: Utf8PathBuf,
    stamps: Stamps,
}

impl ArmDir {
    /// Opens (or makes) an arm at a fixed path.
    pub fn open(path: &Utf8Path) -> Result<Self, Error> {
        fs_err::create_dir_all(path).map_err(Error::io("make", path))?;
        let metadata = files::look(path).map_err(Error::io("read", path))?;
        if !metadata.is_some_and(|metadata| metadata.is_dir()) {
            return Err(Error::PathOccupied { path: path.into() });
        }
        Ok(Self {
            path: path.to_owned(),
            stamps: Stamps::load(path),
        })
    }

    /// Returns its path.
    pub fn path(&self) -> &Utf8Path {
        &self.path
    }

    /// Makes the directory hold exactly `tree`, and below the paths in `keep` whatever is there.
    ///
    /// Files that already have the right contents are not touched, so that their times stay; files
    /// that an evaluation changed, added or removed are put right. Links are never followed.
    pub fn sync(&mut self, target: &Target, tree: &TreeSha, keep: &[&str]) -> Result<(), Error> {
        let wanted = target.entries(tree)?;
        let mut sweep = Sweep::new(&self.path, &wanted, keep);
        sweep
            .directory(Utf8Path::new(""), false)
            .map_err(Error::io("clean", &self.path))?;
        let present = sweep.present;
        let mut files = BTreeMap::new();
        let mut n_read = 0_usize;
        for (path, entry) in &wanted {
            let metadata = present.get(path);
            if let Some(stamped) = metadata.and_then(|it| self.remembered(path, entry, it)) {
                files.insert(path.clone(), stamped);
                continue;
            }
            n_read += 1;
            if let Some(stamped) = self.put(target, path.as_str().into(), entry, metadata)? {
                files.insert(path.clone(), stamped);
            }
        }
        let unchanged = n_read == 0 && files.len() == self.stamps.files.len();
        self.stamps = Stamps::new(files);
        if unchanged {
            return Ok(());
        }
        self.stamps = std::mem::take(&mut self.stamps).store(&self.path)?;
        Ok(())
    }

    /// Returns what is known of a file that did not change since we wrote these contents.
    fn remembered(&self, path: &str, entry: &Entry, now: &Metadata) -> Option<Stamped> {
        let known = self.stamps.files.get(path)?;
        known.is(entry, now).then(|| known.clone())
    }

    /// Makes one file right; reads it first, to leave its time alone if it already is.
    fn put(
        &self,
        target: &Target,
        path: &Utf8Path,
        entry: &Entry,
        now: Option<&Metadata>,
    ) -> Result<Option<Stamped>, Error> {
        let full = self.path.join(path);
        if !holds(&full, entry, now) {
            let bytes = if entry.mode == MODE_SUBMODULE {
                Vec::new()
            } else {
                target.contents(entry.id)?
            };
            files::write(&self.path, path, entry.mode, &bytes)
                .map_err(Error::io("write", &full))?;
        } else if entry.mode != MODE_SUBMODULE && now.and_then(files::git_mode) != Some(entry.mode)
        {
            files::set_executable(&full, entry.mode).map_err(Error::io("write", &full))?;
        }
        let metadata = files::look(&full).map_err(Error::io("read", &full))?;
        let metadata = metadata.filter(|metadata| !metadata.is_dir());
        Ok(metadata.map(|metadata| Stamped::new(entry, &metadata)))
    }
}

/// Returns whether what is at a path has the wanted contents, whatever its executable bit.
fn holds(full: &Utf8Path, entry: &Entry, now: Option<&Metadata>) -> bool {
    let Some(metadata) = now else {
        return false;
    };
    if entry.mode == MODE_SUBMODULE {
        return metadata.is_dir() && files::list(full).is_ok_and(|entries| entries.is_empty());
    }
    let is_link = metadata.file_type().is_symlink();
    let same_kind = (entry.mode == MODE_LINK) == is_link && (is_link || metadata.is_file());
    let mode = if is_link { MODE_LINK } else { entry.mode };
    // A second name elsewhere would let its owner change the contents without a trace here.
    let is_shared = !is_link && std::os::unix::fs::MetadataExt::nlink(metadata) > 1;
    same_kind
        && !is_shared
        && files::read(full, mode, metadata.len())
            .and_then(|bytes| {
                Oid::hash_object(ObjectType::Blob, &bytes).map_err(std::io::Error::other)
            })
            .is_ok_and(|id| id == entry.id)
}

/// One pass over the directory: strays go, what is wanted is looked at.
struct Sweep<'a> {
    root: &'a Utf8Path,
    wanted: &'a Entries,
    /// Folders that hold something wanted or kept.
    folders: BTreeSet<String>,
    keep: BTreeSet<String>,
    present: BTreeMap<String, Metadata>,
}

impl<'a> Sweep<'a> {
    fn new(root: &'a Utf8Path, wanted: &'a Entries, keep: &[&str]) -> Self {
        let keep = keep.iter().map(|path| path.trim_matches('/'));
        let keep: BTreeSet<String> = keep
            .filter(|path| !path.is_empty())
            .map(str::to_owned)
            .collect();
        let mut folders = BTreeSet::new();
        for path in wanted.keys().chain(&keep) {
            let mut folder = path.as_str();
            while let Some((parent, _)) = folder.rsplit_once('/') {
                // Its own folders are in already.
                if !folders.insert(parent.to_owned()) {
                    break;
                }
                folder = parent;
            }
        }
        Self {
            root,
            wanted,
            folders,
            keep,
            present: BTreeMap::new(),
        }
    }

    fn directory(&mut self, dir: &Utf8Path, kept: bool) -> std::io::Result<()> {
        for entry in files::list(&self.root.join(dir))? {
            let Ok(name) = entry.file_name().into_string() else {
                if !kept {
                    remove_nameless(&entry)?;
                }
                continue;
            };
            let path = dir.join(name);
            // Entries of a listing carry no size or times; links are not followed.
            let metadata = entry.metadata()?;
            self.entry(path, metadata, kept)?;
        }
        Ok(())
    }

    fn entry(&mut self, path: Utf8PathBuf, metadata: Metadata, kept: bool) -> std::io::Result<()> {
        let is_dir = metadata.is_dir();
        let kept =
            kept || (!metadata.file_type().is_symlink() && self.keep.contains(path.as_str()));
        if self.wanted.contains_key(path.as_str()) {
            self.present.insert(path.into_string(), metadata);
        } else if is_dir && self.folders.contains(path.as_str()) {
            self.directory(&path, kept)?;
        } else if !kept {
            files::remove(&self.root.join(path))?;
        }
        Ok(())
    }
}

fn remove_nameless(entry: &std::fs::DirEntry) -> std::io::Result<()> {
    if entry.file_type()?.is_dir() {
        std::fs::remove_dir_all(entry.path())
    } else {
        std::fs::remove_file(entry.path())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Fixture, git, write};
    use super::*;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
    use std::time::{Duration, SystemTime};

    /// What a directory holds, read by the git program in a repository of its own.
    fn tree_on_disk(fixture: &Fixture, dir: &Utf8Path) -> String {
        let git_dir = fixture.dir("check.git");
        files::remove(&git_dir).unwrap();
        git(
            &fixture.base,
            &["init", "--quiet", "--bare", git_dir.as_str()],
        );
        let at = format!("--git-dir={git_dir}");
        let work = format!("--work-tree={dir}");
        git(dir, &[&at, &work, "add", "--all", "--force", "."]);
        git(dir, &[&at, &work, "write-tree"])
    }

    fn age(path: &Utf8Path) -> SystemTime {
        let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let file = std::fs::File::options().write(true).open(path).unwrap();
        file.set_modified(old).unwrap();
        old
    }

    fn fixture() -> Fixture {
        let fixture = Fixture::with(&[("a.txt", "one"), ("dir/b.txt", "two"), ("run.sh", "#!\n")]);
        let script = fixture.root.join("run.sh");
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
        symlink("dir/b.txt", fixture.root.join("link")).unwrap();
        fixture.commit("modes");
        fixture
    }

    #[test]
    fn the_directory_holds_exactly_the_tree_and_what_is_kept() {
        let fixture = fixture();
        let target = fixture.target();
        let tree = target.head_tree();
        let mut arm = ArmDir::open(&fixture.dir("arm")).unwrap();
        arm.sync(&target, &tree, &["target"]).unwrap();
        assert_eq!(tree_on_disk(&fixture, arm.path()), tree.as_str());
        write(&arm.path().join("stray/deep.txt"), "s");
        write(&arm.path().join("dir/target/kept-nowhere"), "s");
        write(&arm.path().join("target/debug/lib.o"), "warm");
        arm.sync(&target, &tree, &["target"]).unwrap();
        assert!(arm.path().join("target/debug/lib.o").is_file());
        assert!(!arm.path().join("stray").exists());
        arm.sync(&target, &tree, &[]).unwrap();
        assert_eq!(tree_on_disk(&fixture, arm.path()), tree.as_str());
        assert!(!arm.path().join("target").exists());
    }

    #[test]
    fn only_what_differs_gets_a_new_time() {
        let fixture = fixture();
        let target = fixture.target();
        let tree = target.head_tree();
        let mut arm = ArmDir::open(&fixture.dir("arm")).unwrap();
        arm.sync(&target, &tree, &[]).unwrap();
        let (a, b) = (arm.path().join("a.txt"), arm.path().join("dir/b.txt"));
        let old = age(&a);
        age(&b);
        let changed = target.changed(&tree, &[("dir/b.txt", Some("six"))]);
        arm.sync(&target, &changed, &[]).unwrap();
        assert_eq!(a.metadata().unwrap().modified().unwrap(), old);
        assert!(b.metadata().unwrap().modified().unwrap() > old);
        assert_eq!(std::fs::read_to_string(&b).unwrap(), "six");
    }

    #[test]
    fn an_edit_of_the_same_size_with_the_old_time_is_seen() {
        let fixture = fixture();
        let target = fixture.target();
        let tree = target.head_tree();
        let mut arm = ArmDir::open(&fixture.dir("arm")).unwrap();
        arm.sync(&target, &tree, &[]).unwrap();
        let file = arm.path().join("a.txt");
        let time = file.metadata().unwrap().modified().unwrap();
        std::fs::write(&file, "ONE").unwrap();
        let handle = std::fs::File::options().write(true).open(&file).unwrap();
        handle.set_modified(time).unwrap();
        arm.sync(&target, &tree, &[]).unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "one");
    }

    #[test]
    fn nothing_is_written_or_removed_through_a_link() {
        let fixture = fixture();
        let target = fixture.target();
        let tree = target.head_tree();
        let mut arm = ArmDir::open(&fixture.dir("arm")).unwrap();
        arm.sync(&target, &tree, &["target"]).unwrap();
        let outside = fixture.dir("outside");
        write(&outside.join("b.txt"), "precious");
        write(&outside.join("a.txt"), "precious");
        std::fs::remove_dir_all(arm.path().join("dir")).unwrap();
        symlink(&outside, arm.path().join("dir")).unwrap();
        std::fs::remove_file(arm.path().join("a.txt")).unwrap();
        symlink(outside.join("a.txt"), arm.path().join("a.txt")).unwrap();
        symlink(&outside, arm.path().join("target")).unwrap();
        arm.sync(&target, &tree, &["target"]).unwrap();
        for name in ["a.txt", "b.txt"] {
            let text = std::fs::read_to_string(outside.join(name)).unwrap();
            assert_eq!(text, "precious");
        }
        assert_eq!(tree_on_disk(&fixture, arm.path()), tree.as_str());
    }

    #[test]
    fn files_and_folders_change_places() {
        let fixture = fixture();
        let target = fixture.target();
        let tree = target.head_tree();
        let swapped = target.changed(
            &tree,
            &[
                ("a.txt", None),
                ("dir/b.txt", None),
                ("a.txt/inner", Some("x")),
                ("dir", Some("a file")),
            ],
        );
        let mut arm = ArmDir::open(&fixture.dir("arm")).unwrap();
        for tree in [&tree, &swapped, &tree] {
            arm.sync(&target, tree, &[]).unwrap();
            assert_eq!(tree_on_disk(&fixture, arm.path()), tree.as_str());
        }
    }

    #[test]
    fn a_hard_link_is_replaced_by_a_file_of_our_own() {
        let fixture = fixture();
        let target = fixture.target();
        let tree = target.head_tree();
        let mut arm = ArmDir::open(&fixture.dir("arm")).unwrap();
        arm.sync(&target, &tree, &[]).unwrap();
        let file = arm.path().join("a.txt");
        std::fs::hard_link(&file, fixture.dir("second-name")).unwrap();
        arm.sync(&target, &tree, &[]).unwrap();
        assert_eq!(file.metadata().unwrap().nlink(), 1);
    }

    #[test]
    fn losing_the_memory_or_dying_half_way_is_healed() {
        let fixture = fixture();
        let target = fixture.target();
        let tree = target.head_tree();
        let path = fixture.dir("arm");
        let mut arm = ArmDir::open(&path).unwrap();
        arm.sync(&target, &tree, &[]).unwrap();
        let old = age(&path.join("a.txt"));
        std::fs::remove_file(Stamps::path_for(&path)).unwrap();
        std::fs::write(path.join("dir/b.txt"), "tw").unwrap();
        let mut arm = ArmDir::open(&path).unwrap();
        arm.sync(&target, &tree, &[]).unwrap();
        assert_eq!(tree_on_disk(&fixture, &path), tree.as_str());
        let modified = path.join("a.txt").metadata().unwrap().modified().unwrap();
        assert_eq!(modified, old);
        std::fs::write(Stamps::path_for(&path), "{\"version\":1,\"fil").unwrap();
        let mut arm = ArmDir::open(&path).unwrap();
        arm.sync(&target, &tree, &[]).unwrap();
        assert_eq!(tree_on_disk(&fixture, &path), tree.as_str());
    }

    #[test]
    fn executable_bits_follow_the_tree() {
        let fixture = fixture();
        let target = fixture.target();
        let tree = target.head_tree();
        let mut arm = ArmDir::open(&fixture.dir("arm")).unwrap();
        arm.sync(&target, &tree, &[]).unwrap();
        let script = arm.path().join("run.sh");
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o600)).unwrap();
        arm.sync(&target, &tree, &[]).unwrap();
        assert_eq!(tree_on_disk(&fixture, arm.path()), tree.as_str());
    }
}
