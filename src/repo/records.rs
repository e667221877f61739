//! Files on a ref: read at a commit, written by compare-and-swap with fsync; packing of our own objects.
//!
//! Knows nothing of experiments: callers bring paths, bytes and messages.

mod difference;
mod packs;
mod rebuild;
mod unreachable;
#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::collections::BTreeSet;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use git2::build::TreeUpdateBuilder;
use git2::{ErrorCode, FileMode, ObjectType, Oid, Repository, Signature, Time, Tree};

use crate::model::id::CommitSha;

pub use unreachable::{Reachable, Removal};

/// The identity that every commit of a record carries.
const IDENTITY: (&str, &str) = ("factory", "factory@localhost");
/// Milliseconds before each further look at an object that was not found, about 0.1 s in all.
const LOOK_AGAIN: [u64; 6] = [2, 4, 8, 16, 32, 64];

/// Why a record in git could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Somebody else moved the ref since it was read.
    #[error("`{name}` was moved by somebody else while it was being written")]
    Moved {
        /// The ref.
        name: String,
    },
    /// An object or a ref is there and cannot be read.
    #[error("cannot read {what} of `{name}`")]
    Unreadable {
        /// The ref.
        name: String,
        /// Which part.
        what: String,
        /// The cause.
        #[source]
        source: git2::Error,
    },
    /// Git refused to do something.
    #[error("cannot {action} for `{name}`")]
    Git {
        /// The ref.
        name: String,
        /// Verb and object.
        action: String,
        /// The cause.
        #[source]
        source: git2::Error,
    },
    /// A file of ours.
    #[error("cannot {action} `{path}`")]
    Io {
        /// The verb.
        action: &'static str,
        /// The file.
        path: Utf8PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
}

impl Error {
    fn is_missing_object(&self) -> bool {
        matches!(self, Self::Unreadable { source, .. } if source.code() == ErrorCode::NotFound)
    }
}

/// A ref whose commits hold small files.
pub struct RecordRef {
    repository: Repository,
    common_dir: Utf8PathBuf,
    name: String,
    /// Loose objects that a sweep left alone, so that they do not cause the next one.
    not_ours: Cell<usize>,
}

/// Whether a pack is made small, which takes long, or fast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deltas {
    Search,
    Skip,
}

/// One file to write or, without contents, to remove.
pub type FileChange = (String, Option<Vec<u8>>);

impl RecordRef {
    /// Opens the ref of that name in the repository with that git common dir.
    pub fn open(common_dir: &Utf8Path, name: &str) -> Result<Self, Error> {
        let repository = Repository::open_bare(common_dir).map_err(|source| Error::Git {
            name: name.to_owned(),
            action: format!("open the repository at `{common_dir}`"),
            source,
        })?;
        Ok(Self {
            repository,
            common_dir: common_dir.to_owned(),
            name: name.to_owned(),
            not_ours: Cell::new(0),
        })
    }

    /// Returns the commit that the ref points at, if it exists.
    pub fn tip(&self) -> Result<Option<CommitSha>, Error> {
        match self.repository.refname_to_id(&self.name) {
            Ok(oid) => Ok(Some(sha(oid))),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(source) => Err(self.unreadable("the ref", source)),
        }
    }

    /// Returns the contents of a file at a commit, if it is there.
    pub fn read(&self, at: &CommitSha, path: &str) -> Result<Option<Vec<u8>>, Error> {
        self.settled(|| self.read_once(at, path))
    }

    fn read_once(&self, at: &CommitSha, path: &str) -> Result<Option<Vec<u8>>, Error> {
        let tree = self.tree(at)?;
        let entry = match tree.get_path(path.as_ref()) {
            Ok(entry) => entry,
            Err(error) if error.code() == ErrorCode::NotFound => {
                return self.absent_or_damaged(&tree, path, error);
            }
            Err(source) => return Err(self.unreadable(path, source)),
        };
        let blob = self
            .repository
            .find_blob(entry.id())
            .map_err(|source| self.unreadable(path, source))?;
        Ok(Some(blob.content().to_vec()))
    }

    /// Returns the names in a directory at a commit, in git's order; none if it is not there.
    pub fn list(&self, at: &CommitSha, dir: &str) -> Result<Vec<String>, Error> {
        self.settled(|| self.list_once(at, dir))
    }

    fn list_once(&self, at: &CommitSha, dir: &str) -> Result<Vec<String>, Error> {
        let root = self.tree(at)?;
        let tree = if dir.is_empty() {
            root
        } else {
            match root.get_path(dir.as_ref()) {
                Ok(entry) => self
                    .repository
                    .find_tree(entry.id())
                    .map_err(|source| self.unreadable(dir, source))?,
                Err(error) if error.code() == ErrorCode::NotFound => {
                    self.absent_or_damaged(&root, dir, error)?;
                    return Ok(Vec::new());
                }
                Err(source) => return Err(self.unreadable(dir, source)),
            }
        };
        Ok(tree
            .iter()
            .filter_map(|entry| entry.name().ok().map(str::to_owned))
            .collect())
    }

    /// Commits changed files on top of `expected`, fsynced, and moves the ref only if it still is there.
    ///
    /// All new objects go into one pack of their own, which is on disk before the ref moves: after
    /// a crash at any point the ref names either the old commit or the new one, both complete.
    pub fn commit(
        &self,
        expected: Option<&CommitSha>,
        changes: &[FileChange],
        message: &str,
        at: jiff::Timestamp,
    ) -> Result<CommitSha, Error> {
        let durable = self.durable_repository(Deltas::Skip)?;
        let baseline = match expected {
            Some(sha) => Some(self.tree_in(&durable, sha)?),
            None => None,
        };
        let written =
            self.write_objects(&durable, baseline.as_ref(), expected, changes, message, at)?;
        self.write_pack(&durable, &written.objects)?;
        self.swap(&durable, expected, written.commit)?;
        Ok(sha(written.commit))
    }

    /// Moves the ref, without a new commit, only if it still is where it was seen.
    pub fn move_to(&self, expected: Option<&CommitSha>, to: &CommitSha) -> Result<(), Error> {
        let durable = self.durable_repository(Deltas::Skip)?;
        let to = oid(to).map_err(|source| self.git("move the ref", source))?;
        self.swap(&durable, expected, to)
    }

    /// Deletes the ref, if it is there.
    pub fn delete(&self) -> Result<(), Error> {
        match self.repository.find_reference(&self.name) {
            Ok(mut reference) => reference
                .delete()
                .map_err(|source| self.git("delete the ref", source)),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(()),
            Err(source) => Err(self.unreadable("the ref", source)),
        }
    }

    /// Returns the last commit that two histories have in common.
    pub fn common(&self, one: &CommitSha, other: &CommitSha) -> Result<Option<CommitSha>, Error> {
        let base = oid(one).and_then(|one| self.repository.merge_base(one, oid(other)?));
        match base {
            Ok(base) => Ok(Some(sha(base))),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(source) => Err(self.git("compare two histories", source)),
        }
    }

    /// Returns the same repository opened so that packs and refs reach the disk before a call returns.
    ///
    /// Git does not fsync by default and libgit2 reads only `core.fsyncObjectFiles`. The keys are laid
    /// over the configuration of this one handle, from a file of ours: the person's is not touched.
    fn durable_repository(&self, deltas: Deltas) -> Result<Repository, Error> {
        let repository = Repository::open_bare(&self.common_dir)
            .map_err(|source| self.git("open the repository", source))?;
        let (name, rest) = match deltas {
            Deltas::Search => ("git-config-deltas", ""),
            // Objects above the threshold get no delta. libgit2 1.9 reads it from the wrong key.
            Deltas::Skip => (
                "git-config",
                "\tbigFileThreshold = 1\n[pack]\n\tdeltaCacheSize = 1\n",
            ),
        };
        let wanted = format!("[core]\n\tfsyncObjectFiles = true\n{rest}");
        let overlay = self.private_dir()?.join(name);
        if std::fs::read_to_string(&overlay).ok().as_ref() != Some(&wanted) {
            std::fs::write(&overlay, &wanted).map_err(|source| io("write", &overlay, source))?;
        }
        repository
            .config()
            .and_then(|mut config| {
                config.add_file(overlay.as_std_path(), git2::ConfigLevel::App, true)
            })
            .map_err(|source| self.git("ask for durable writes", source))?;
        Ok(repository)
    }

    /// Returns `<common dir>/factory`, made if needed.
    fn private_dir(&self) -> Result<Utf8PathBuf, Error> {
        let dir = self.common_dir.join("factory");
        std::fs::create_dir_all(&dir).map_err(|source| io("make", &dir, source))?;
        Ok(dir)
    }

    /// Builds blobs, trees and the commit in memory.
    fn write_objects(
        &self,
        repository: &Repository,
        baseline: Option<&Tree<'_>>,
        parent: Option<&CommitSha>,
        changes: &[FileChange],
        message: &str,
        at: jiff::Timestamp,
    ) -> Result<Written, Error> {
        let build = || -> Result<Written, git2::Error> {
            let odb = repository.odb()?;
            // The mempack takes every write of this handle; it is freed together with it.
            let _mempack = odb.add_new_mempack_backend(1000)?;
            let mut objects = BTreeSet::new();
            let mut update = TreeUpdateBuilder::new();
            for (path, contents) in changes {
                if let Some(contents) = contents {
                    let blob = odb.write(ObjectType::Blob, contents)?;
                    objects.insert(blob);
                    update.upsert(path.as_str(), blob, FileMode::Blob);
                } else if baseline.is_some_and(|tree| tree.get_path(path.as_ref()).is_ok()) {
                    update.remove(path.as_str());
                }
            }
            let tree = if let Some(tree) = baseline {
                update.create_updated(repository, tree)?
            } else {
                let empty = repository.find_tree(odb.write(ObjectType::Tree, b"")?)?;
                update.create_updated(repository, &empty)?
            };
            let tree = repository.find_tree(tree)?;
            objects.insert(tree.id());
            collect_changed_trees(&tree, changes, &mut objects)?;
            let parents = match parent {
                Some(sha) => vec![repository.find_commit(oid(sha)?)?],
                None => Vec::new(),
            };
            let signature = Signature::new(IDENTITY.0, IDENTITY.1, &Time::new(at.as_second(), 0))?;
            let parents: Vec<_> = parents.iter().collect();
            let commit =
                repository.commit(None, &signature, &signature, message, &tree, &parents)?;
            objects.insert(commit);
            Ok(Written { commit, objects })
        };
        build().map_err(|source| self.git("write objects", source))
    }

    /// Moves the ref from `expected` to `to`, or says that somebody else did.
    fn swap(
        &self,
        repository: &Repository,
        expected: Option<&CommitSha>,
        to: Oid,
    ) -> Result<(), Error> {
        let moved = match expected {
            Some(sha) => oid(sha).and_then(|from| {
                repository.reference_matching(&self.name, to, true, from, "factory")
            }),
            None => repository.reference(&self.name, to, false, "factory"),
        };
        match moved {
            // The first ref of ours may have made its directory, whose name must reach the disk too.
            Ok(_) if expected.is_none() => sync_dir(&self.common_dir.join("refs")),
            Ok(_) => Ok(()),
            Err(error) if matches!(error.code(), ErrorCode::Modified | ErrorCode::Exists) => {
                Err(Error::Moved {
                    name: self.name.clone(),
                })
            }
            // The ref vanished under a writer that expected it: somebody else's doing as well.
            Err(error) if error.code() == ErrorCode::NotFound && expected.is_some() => {
                Err(Error::Moved {
                    name: self.name.clone(),
                })
            }
            Err(source) => Err(self.git("move the ref", source)),
        }
    }

    /// Removes what a killed writer left: half-written packs, and locks on refs below `refs/factory`.
    ///
    /// Returns the locks. Only whoever holds the target's lock may call this. A live `git pack-refs` of the person
    /// holds such a lock for milliseconds, so that one that stays for a second is nobody's.
    pub fn clear_stale(&self) -> Result<Vec<Utf8PathBuf>, Error> {
        self.clear_staging();
        let dir = self.common_dir.join("refs/factory");
        let mut stale = lock_files(&dir);
        for _ in 0..20 {
            if stale.is_empty() {
                return Ok(stale);
            }
            std::thread::sleep(Duration::from_millis(50));
            stale.retain(|path| path.exists());
        }
        for path in &stale {
            std::fs::remove_file(path).map_err(|source| io("remove", path, source))?;
        }
        Ok(stale)
    }

    /// Asks again, with the packs looked up anew, while an object is not found.
    ///
    /// A writer merges packs under its readers: one that listed the packs and was held up before it opened an
    /// index finds neither the old pack nor the new one. What is still missing after the last pause is lost.
    fn settled<T>(&self, ask: impl Fn() -> Result<T, Error>) -> Result<T, Error> {
        for pause in LOOK_AGAIN {
            match ask() {
                Err(error) if error.is_missing_object() => {
                    std::thread::sleep(Duration::from_millis(pause));
                    let odb = self.repository.odb();
                    odb.and_then(|odb| odb.refresh())
                        .map_err(|source| self.git("look up the packs anew", source))?;
                }
                answer => return answer,
            }
        }
        ask()
    }

    fn tree(&self, at: &CommitSha) -> Result<Tree<'_>, Error> {
        self.tree_in(&self.repository, at)
    }

    fn tree_in<'r>(&self, repository: &'r Repository, at: &CommitSha) -> Result<Tree<'r>, Error> {
        oid(at)
            .and_then(|oid| repository.find_commit(oid)?.tree())
            .map_err(|source| self.unreadable(&format!("commit {}", at.short()), source))
    }

    /// Tells a path that is not in the tree from one whose directory is named but lost.
    ///
    /// libgit2 answers `NotFound` to both.
    fn absent_or_damaged(
        &self,
        root: &Tree<'_>,
        path: &str,
        source: git2::Error,
    ) -> Result<Option<Vec<u8>>, Error> {
        let mut id = root.id();
        for part in path.split('/') {
            let Ok(tree) = self.repository.find_tree(id) else {
                return Err(self.unreadable(path, source));
            };
            match tree.get_name(part) {
                Some(entry) => id = entry.id(),
                None => return Ok(None),
            }
        }
        Err(self.unreadable(path, source))
    }

    fn unreadable(&self, what: &str, source: git2::Error) -> Error {
        Error::Unreadable {
            name: self.name.clone(),
            what: what.to_owned(),
            source,
        }
    }

    fn git(&self, action: &str, source: git2::Error) -> Error {
        Error::Git {
            name: self.name.clone(),
            action: action.to_owned(),
            source,
        }
    }
}

/// What one commit is made of, as far as it is new.
struct Written {
    commit: Oid,
    objects: BTreeSet<Oid>,
}

/// Adds the trees on the way to every changed path.
fn collect_changed_trees(
    root: &Tree<'_>,
    changes: &[FileChange],
    objects: &mut BTreeSet<Oid>,
) -> Result<(), git2::Error> {
    for (path, _) in changes {
        for dir in Utf8Path::new(path).ancestors().skip(1) {
            if dir.as_str().is_empty() {
                continue;
            }
            match root.get_path(dir.as_std_path()) {
                Ok(entry) => objects.insert(entry.id()),
                Err(error) if error.code() == ErrorCode::NotFound => continue,
                Err(error) => return Err(error),
            };
        }
    }
    Ok(())
}

/// Lists `*.lock` at and below a directory of refs.
fn lock_files(dir: &Utf8Path) -> Vec<Utf8PathBuf> {
    let Ok(entries) = dir.read_dir_utf8() else {
        return Vec::new();
    };
    entries
        .filter_map(Result::ok)
        .flat_map(|entry| {
            let path = entry.path().to_owned();
            if path.is_dir() {
                lock_files(&path)
            } else if path.extension() == Some("lock") {
                vec![path]
            } else {
                Vec::new()
            }
        })
        .collect()
}

/// Brings the names in a directory to the disk.
fn sync_dir(dir: &Utf8Path) -> Result<(), Error> {
    std::fs::File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(|source| io("sync", dir, source))
}

fn oid(sha: &CommitSha) -> Result<Oid, git2::Error> {
    Oid::from_str(sha.as_str())
}

fn sha(oid: Oid) -> CommitSha {
    oid.to_string()
        .parse()
        .expect("an object id prints as a git hash")
}

fn io(action: &'static str, path: &Utf8Path, source: std::io::Error) -> Error {
    Error::Io {
        action,
        path: path.to_owned(),
        source,
    }
}

/// Makes a repository with a work tree at `dir`, unless there is one.
pub fn init(dir: &Utf8Path) -> Result<(), Error> {
    if dir.join(".git/HEAD").exists() {
        return Ok(());
    }
    let mut options = git2::RepositoryInitOptions::new();
    options.initial_head("main").external_template(false);
    Repository::init_opts(dir, &options)
        .map(drop)
        .map_err(|source| Error::Git {
            name: dir.to_string(),
            action: "make a repository".to_owned(),
            source,
        })
}

/// Makes the index of the repository at `dir` agree with HEAD, so that `git status` is clean there.
pub fn refresh_index(dir: &Utf8Path) -> Result<(), Error> {
    let refresh = || -> Result<(), git2::Error> {
        let repository = Repository::open(dir)?;
        let tree = repository.head()?.peel_to_tree()?;
        let mut index = repository.index()?;
        index.read_tree(&tree)?;
        index.write()
    };
    refresh().map_err(|source| Error::Git {
        name: dir.to_string(),
        action: "refresh the index".to_owned(),
        source,
    })
}
