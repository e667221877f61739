//! Where computed objects live: a scratch database first, the target's own when a commit needs them.
//!
//! Trees of candidates that are never committed, of mutants and of compositions would otherwise pile
//! up as loose objects in the person's repository, each with its fsync. The scratch database may be
//! deleted at any time when nothing is in flight.

use camino::{Utf8Path, Utf8PathBuf};
use git2::{ErrorCode, ObjectType, Oid, Repository};
use std::collections::BTreeSet;
use std::fs::File;

use super::target::oid;
use super::{Error, Target};
use crate::model::id::TreeSha;

/// Packs made here are copied once and read by nobody else, so the search for similar files, which
/// takes seconds where the rest takes milliseconds, is turned off by taking every file for a big one.
///
/// The library reads its threshold for big files from `pack.deltaCacheSize`; the other key is the
/// documented one. Without effect they would cost time only.
const SCRATCH_CONFIG: &str = "\
[core]
\trepositoryformatversion = 0
\tbare = true
\tbigFileThreshold = 1
[pack]
\tdeltaCacheSize = 1
";

/// The target's objects as seen from those of the scratch database. Relative, so that a checkout may be
/// moved or copied.
const ALTERNATES: &str = "../../../objects\n";

/// The scratch database; reads fall through to the target's.
pub(super) struct Scratch {
    pub(super) repo: Repository,
    objects: Utf8PathBuf,
}

impl Scratch {
    fn open(common_dir: &Utf8Path) -> Result<Self, Error> {
        let dir = scratch_dir(common_dir);
        if dir.is_dir() {
            fill(&dir).map_err(Error::io("mend", &dir))?;
        } else {
            make_scratch(common_dir, &dir).map_err(Error::io("make", &dir))?;
        }
        let repo = Repository::open_bare(&dir).map_err(Error::git("open scratch space"))?;
        super::open::use_only_own_config(&repo, &dir, None)?;
        let objects = dir.join("objects");
        Ok(Self { repo, objects })
    }

    /// Returns where the object is, if it is only here.
    fn loose(&self, id: Oid) -> Option<Utf8PathBuf> {
        Some(loose_path(&self.objects, id)).filter(|path| path.is_file())
    }
}

/// Makes a bare repository appear at once and whole, whoever else makes it too.
fn make_scratch(common_dir: &Utf8Path, dir: &Utf8Path) -> std::io::Result<()> {
    let parent = common_dir.join("factory");
    fs_err::create_dir_all(&parent)?;
    let temp = tempfile::Builder::new()
        .prefix("scratch-")
        .tempdir_in(&parent)?;
    let made = Utf8Path::from_path(temp.path()).ok_or(std::io::ErrorKind::InvalidFilename)?;
    fill(made)?;
    match std::fs::rename(temp.path(), dir) {
        Ok(()) => drop(temp.keep()),
        Err(_) if dir.is_dir() => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Writes the files that are always the same, where they are not there or torn by a machine that lost power.
fn fill(dir: &Utf8Path) -> std::io::Result<()> {
    for folder in ["objects/info", "objects/pack", "refs"] {
        fs_err::create_dir_all(dir.join(folder))?;
    }
    for (name, contents) in [
        ("HEAD", "ref: refs/heads/none\n"),
        ("config", SCRATCH_CONFIG),
        ("objects/info/alternates", ALTERNATES),
    ] {
        let path = dir.join(name);
        if fs_err::read(&path).ok().as_deref() != Some(contents.as_bytes()) {
            fs_err::write(path, contents)?;
        }
    }
    Ok(())
}

fn scratch_dir(common_dir: &Utf8Path) -> Utf8PathBuf {
    common_dir.join("factory").join("scratch")
}

fn loose_path(objects: &Utf8Path, id: Oid) -> Utf8PathBuf {
    let hex = id.to_string();
    objects.join(&hex[..2]).join(&hex[2..])
}

impl Target {
    /// Returns the scratch database, made at the first use.
    pub(super) fn scratch(&self) -> Result<&Scratch, Error> {
        if self.scratch.get().is_none() {
            let scratch = Scratch::open(&self.common_dir)?;
            if self.scratch.set(scratch).is_err() {
                unreachable!("the cell was empty, and is not shared between threads");
            }
            self.attach_scratch()?;
        }
        Ok(self.scratch.get().expect("it was set above"))
    }

    /// Deletes what was computed and never committed; call only when nothing is in flight.
    pub fn clear_scratch(&mut self) -> Result<(), Error> {
        // The skeleton stays: open handles look for their packs in it.
        self.scratch.take();
        let objects = scratch_dir(&self.common_dir).join("objects");
        let Ok(dirs) = objects.read_dir_utf8() else {
            return Ok(());
        };
        for dir in dirs {
            let dir = dir.map_err(Error::io("read", &objects))?;
            if dir.file_name().len() == 2 {
                fs_err::remove_dir_all(dir.path()).map_err(Error::io("remove", dir.path()))?;
            }
        }
        Ok(())
    }

    /// Lets the reading handle see scratch objects; returns whether that is new.
    fn attach_scratch(&self) -> Result<bool, Error> {
        let objects = scratch_dir(&self.common_dir).join("objects");
        if self.scratch_attached.get() || !objects.is_dir() {
            return Ok(false);
        }
        self.repo
            .odb()
            .and_then(|odb| odb.add_disk_alternate(objects.as_str()))
            .map_err(Error::git("open scratch space"))?;
        self.scratch_attached.set(true);
        Ok(true)
    }

    pub(super) fn find_tree(&self, tree: &TreeSha) -> Result<git2::Tree<'_>, Error> {
        let id = oid(tree.as_str())?;
        match self.repo.find_tree(id) {
            Err(error) if error.code() == ErrorCode::NotFound && self.attach_scratch()? => {
                self.repo.find_tree(id)
            }
            other => other,
        }
        .map_err(Error::git("read a tree"))
    }

    pub(super) fn write_blob(&self, bytes: &[u8]) -> Result<Oid, Error> {
        self.scratch()?
            .repo
            .blob(bytes)
            .map_err(Error::git("write a file's contents"))
    }

    /// Copies a commit and what it needs from scratch to the target's own database, durably.
    ///
    /// Contents go before the trees that name them, and everything is on disk before this returns,
    /// so that a ref may point there.
    pub(super) fn persist(&self, commit: Oid) -> Result<(), Error> {
        let scratch = self.scratch()?;
        let mut missing = Vec::new();
        collect(scratch, commit, &mut BTreeSet::new(), &mut missing)?;
        let objects = self.common_dir.join("objects");
        let mut dirs = BTreeSet::new();
        for (id, from) in missing {
            dirs.extend(copy_durably(&from, &loose_path(&objects, id))?);
        }
        dirs.iter().try_for_each(|dir| sync_dir(dir))
    }
}

/// Lists the objects that are only in scratch, contents before containers.
fn collect(
    scratch: &Scratch,
    id: Oid,
    seen: &mut BTreeSet<Oid>,
    missing: &mut Vec<(Oid, Utf8PathBuf)>,
) -> Result<(), Error> {
    let Some(path) = scratch.loose(id) else {
        return Ok(());
    };
    if !seen.insert(id) {
        return Ok(());
    }
    let read = Error::git("read scratch space");
    let object = scratch.repo.find_object(id, None).map_err(read)?;
    match object.kind() {
        Some(ObjectType::Commit) => {
            let commit = object.as_commit().expect("its kind was just looked at");
            collect(scratch, commit.tree_id(), seen, missing)?;
            for parent in commit.parent_ids() {
                collect(scratch, parent, seen, missing)?;
            }
        }
        Some(ObjectType::Tree) => {
            let tree = object.as_tree().expect("its kind was just looked at");
            for entry in tree {
                collect(scratch, entry.id(), seen, missing)?;
            }
        }
        _ => {}
    }
    missing.push((id, path));
    Ok(())
}

/// Copies one loose object; returns the directories whose entries changed.
fn copy_durably(from: &Utf8Path, to: &Utf8Path) -> Result<Vec<Utf8PathBuf>, Error> {
    if to.is_file() {
        return Ok(Vec::new());
    }
    let dir = to.parent().expect("a loose object is inside a directory");
    let objects = dir.parent().expect("which is inside `objects`");
    fs_err::create_dir_all(dir).map_err(Error::io("make", dir))?;
    // git removes abandoned files of this name by itself.
    let mut temp = tempfile::Builder::new()
        .prefix("tmp_obj_")
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o444))
        .tempfile_in(dir)
        .map_err(Error::io("write", to))?;
    let mut source = fs_err::File::open(from).map_err(Error::io("read", from))?;
    std::io::copy(&mut source, &mut temp).map_err(Error::io("write", to))?;
    temp.as_file().sync_all().map_err(Error::io("sync", to))?;
    temp.persist(to)
        .map_err(|error| Error::io("write", to)(error.error))?;
    Ok(vec![dir.to_owned(), objects.to_owned()])
}

fn sync_dir(dir: &Utf8Path) -> Result<(), Error> {
    File::open(dir)
        .and_then(|file| file.sync_all())
        .map_err(Error::io("sync", dir))
}

#[cfg(test)]
mod tests {
    use super::super::testing::Fixture;
    use super::*;

    #[test]
    fn a_scratch_database_that_was_torn_is_mended() {
        let fixture = Fixture::with(&[("src/a.py", "x = 1\n")]);
        let target = fixture.target();
        target.changed(&target.head_tree(), &[("src/b.py", Some("y = 1\n"))]);
        let dir = scratch_dir(&target.common_dir);
        drop(target);
        for name in ["objects/info/alternates", "config", "HEAD"] {
            fs_err::write(dir.join(name), "").unwrap();
        }
        let target = fixture.target();
        let scratch = target.scratch().unwrap();
        let head = oid(target.head_tree().as_str()).unwrap();
        assert!(scratch.repo.find_tree(head).is_ok());
    }

    #[test]
    fn a_checkout_that_was_moved_still_writes() {
        let fixture = Fixture::with(&[("src/a.py", "x = 1\n")]);
        let target = fixture.target();
        target.changed(&target.head_tree(), &[("src/b.py", Some("y = 1\n"))]);
        drop(target);
        let moved = fixture.dir("moved");
        std::fs::rename(&fixture.root, &moved).unwrap();
        let target = Target::open(&moved).unwrap();
        let scratch = target.scratch().unwrap();
        let head = oid(target.head_tree().as_str()).unwrap();
        assert!(scratch.repo.find_tree(head).is_ok());
    }
}
