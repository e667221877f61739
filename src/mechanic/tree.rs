//! Files of a tree on disk, never followed out of it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};

use crate::agent::Error;

/// Returns the text of a file, relative to the root.
pub(crate) fn read(root: &Utf8Path, path: &Utf8Path) -> Result<String, Error> {
    let file = inside(root, path)?;
    fs_err::read_to_string(&file).map_err(|source| io(path, source))
}

/// Replaces the text of a file that is there.
pub(crate) fn write(root: &Utf8Path, path: &Utf8Path, text: &str) -> Result<(), Error> {
    let file = inside(root, path)?;
    fs_err::write(&file, text).map_err(|source| io(path, source))
}

/// Returns each path with the hash of its contents, `absent` where there is no such file.
pub(crate) fn hashes<'a>(
    root: &Utf8Path,
    paths: impl IntoIterator<Item = &'a Utf8Path>,
) -> BTreeMap<Utf8PathBuf, String> {
    let hash = |path: &Utf8Path| -> Option<String> {
        let bytes = fs_err::read(inside(root, path).ok()?).ok()?;
        Some(blake3::hash(&bytes).to_hex().to_string())
    };
    paths
        .into_iter()
        .map(|it| {
            (
                it.to_owned(),
                hash(it).unwrap_or_else(|| "absent".to_owned()),
            )
        })
        .collect()
}

/// Files as they were before a tool was let at them, to be put back if it breaks half-way.
pub(crate) struct Undo<'a> {
    root: &'a Utf8Path,
    before: Mutex<BTreeMap<Utf8PathBuf, Vec<u8>>>,
}

impl<'a> Undo<'a> {
    /// Returns a memory of nothing yet.
    pub(crate) fn new(root: &'a Utf8Path) -> Self {
        Self {
            root,
            before: Mutex::default(),
        }
    }

    /// Remembers a file as it is, unless it is known already.
    pub(crate) fn remember(&self, path: &Utf8Path) {
        let mut before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        if before.contains_key(path) {
            return;
        }
        let file = inside(self.root, path).ok();
        if let Some(bytes) = file.and_then(|it| fs_err::read(it).ok()) {
            before.insert(path.to_owned(), bytes);
        }
    }

    /// Puts every remembered file back.
    pub(crate) fn restore(self) -> Result<(), Error> {
        let before = self
            .before
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        for (path, bytes) in before {
            let file = self.root.join(&path);
            if fs_err::read(&file).ok().as_ref() != Some(&bytes) {
                fs_err::write(&file, bytes).map_err(|source| io(&path, source))?;
            }
        }
        Ok(())
    }
}

/// Returns where the file really is, refusing what lies outside: a profile may name any path, and a
/// tree may hold links.
fn inside(root: &Utf8Path, path: &Utf8Path) -> Result<Utf8PathBuf, Error> {
    let resolve = |it: &Utf8Path| it.canonicalize_utf8().map_err(|source| io(path, source));
    let (root, file) = (resolve(root)?, resolve(&root.join(path))?);
    if file.starts_with(&root) {
        Ok(file)
    } else {
        let source = std::io::Error::new(std::io::ErrorKind::PermissionDenied, "outside the tree");
        Err(io(path, source))
    }
}

fn io(path: &Utf8Path, source: std::io::Error) -> Error {
    Error::Io {
        path: path.to_string(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> (tempfile::TempDir, Utf8PathBuf) {
        let temp = tempfile::tempdir().unwrap();
        let root = Utf8PathBuf::try_from(temp.path().to_owned()).unwrap();
        fs_err::create_dir(root.join("tree")).unwrap();
        fs_err::write(root.join("outside"), "secret").unwrap();
        (temp, root.join("tree"))
    }

    #[test]
    fn a_file_is_read_written_and_hashed() {
        let (_temp, root) = root();
        fs_err::write(root.join("a"), "one").unwrap();
        let before = hashes(&root, [Utf8Path::new("a")]);
        write(&root, "a".into(), "two").unwrap();
        assert_eq!(read(&root, "a".into()).unwrap(), "two");
        assert_ne!(hashes(&root, [Utf8Path::new("a")]), before);
        assert_eq!(
            hashes(&root, [Utf8Path::new("b")])[Utf8Path::new("b")],
            "absent"
        );
    }

    #[cfg(unix)]
    #[test]
    fn nothing_outside_is_read_or_written() {
        let (_temp, root) = root();
        std::os::unix::fs::symlink("../outside", root.join("link")).unwrap();
        for path in ["../outside", "link"] {
            assert!(read(&root, path.into()).is_err(), "{path}");
            assert!(write(&root, path.into(), "x").is_err(), "{path}");
        }
        assert_eq!(
            fs_err::read_to_string(root.with_file_name("outside")).unwrap(),
            "secret"
        );
    }
}
