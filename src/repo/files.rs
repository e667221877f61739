//! Files on disk, never through a link: reading one, writing one, clearing a place for one.

use camino::Utf8Path;
use rustix::fs::{Mode, OFlags};
use std::fs::{File, Metadata, Permissions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};

use super::tree::{MODE_EXECUTABLE, MODE_FILE, MODE_LINK, MODE_SUBMODULE};

/// Returns a file's metadata, without following a link; `None` when nothing is there.
pub(super) fn look(path: &Utf8Path) -> io::Result<Option<Metadata>> {
    match std::fs::symlink_metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Returns the mode that git would record; `None` for what is neither file nor link.
pub(super) fn git_mode(metadata: &Metadata) -> Option<i32> {
    let kind = metadata.file_type();
    if kind.is_symlink() {
        Some(MODE_LINK)
    } else if !kind.is_file() {
        None
    } else if metadata.permissions().mode() & 0o100 == 0 {
        Some(MODE_FILE)
    } else {
        Some(MODE_EXECUTABLE)
    }
}

/// Reads what git would record: a file's contents, or where a link points.
///
/// At most `limit` bytes and one more are read, so that a growing file is noticed.
pub(super) fn read(path: &Utf8Path, mode: i32, limit: u64) -> io::Result<Vec<u8>> {
    if mode == MODE_LINK {
        let target = std::fs::read_link(path)?;
        return Ok(std::os::unix::ffi::OsStringExt::into_vec(
            target.into_os_string(),
        ));
    }
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path.as_std_path(), flags, Mode::empty())?);
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Writes one entry of a tree below `root`; whatever stands in its way goes, and no link is
/// followed.
pub(super) fn write(root: &Utf8Path, path: &Utf8Path, mode: i32, bytes: &[u8]) -> io::Result<()> {
    make_parents(root, path)?;
    let full = root.join(path);
    remove(&full)?;
    if mode == MODE_SUBMODULE {
        return std::fs::create_dir(&full);
    }
    if mode == MODE_LINK {
        let target = std::ffi::OsStr::new(std::str::from_utf8(bytes).map_err(io::Error::other)?);
        return std::os::unix::fs::symlink(target, &full);
    }
    let permissions = if mode == MODE_EXECUTABLE {
        0o755
    } else {
        0o644
    };
    let mut file = File::options()
        .write(true)
        .create_new(true)
        .mode(permissions)
        .open(&full)?;
    file.write_all(bytes)
}

fn make_parents(root: &Utf8Path, path: &Utf8Path) -> io::Result<()> {
    let Some(parent) = path.parent() else {
        return Ok(());
    };
    let mut dir = root.to_owned();
    for component in parent.components() {
        dir.push(component);
        make_directory(&dir)?;
    }
    Ok(())
}

/// Makes a plain directory where there is none, in place of anything else.
fn make_directory(dir: &Utf8Path) -> io::Result<()> {
    match look(dir)? {
        Some(metadata) if metadata.is_dir() => {
            if metadata.permissions().mode() & 0o300 != 0o300 {
                std::fs::set_permissions(dir, Permissions::from_mode(0o755))?;
            }
            return Ok(());
        }
        Some(_) => remove_file(dir)?,
        None => {}
    }
    std::fs::create_dir(dir)
}

/// Sets or clears the executable bit of a plain file, leaving its modification time.
pub(super) fn set_executable(path: &Utf8Path, mode: i32) -> io::Result<()> {
    let permissions = if mode == MODE_EXECUTABLE {
        0o755
    } else {
        0o644
    };
    std::fs::set_permissions(path, Permissions::from_mode(permissions))
}

/// Removes whatever is at a path, even from folders that forbid it.
pub(super) fn remove(path: &Utf8Path) -> io::Result<()> {
    match look(path)? {
        None => Ok(()),
        Some(metadata) if metadata.is_dir() => remove_tree(path),
        Some(_) => remove_file(path),
    }
}

fn remove_file(path: &Utf8Path) -> io::Result<()> {
    match (std::fs::remove_file(path), path.parent()) {
        (Err(error), Some(dir)) if error.kind() == ErrorKind::PermissionDenied => {
            std::fs::set_permissions(dir, Permissions::from_mode(0o755))?;
            std::fs::remove_file(path)
        }
        (other, _) => other,
    }
}

fn remove_tree(dir: &Utf8Path) -> io::Result<()> {
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            unlock(dir.as_std_path())?;
            std::fs::remove_dir_all(dir)
        }
        other => other,
    }
}

/// Makes every folder below writable: an evaluation may have left read-only ones.
fn unlock(dir: &std::path::Path) -> io::Result<()> {
    std::fs::set_permissions(dir, Permissions::from_mode(0o700))?;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            unlock(&entry.path())?;
        }
    }
    Ok(())
}

/// Lists a directory by name, made readable first if it is not.
pub(super) fn list(dir: &Utf8Path) -> io::Result<Vec<std::fs::DirEntry>> {
    let entries = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            std::fs::set_permissions(dir, Permissions::from_mode(0o700))?;
            std::fs::read_dir(dir)?
        }
        other => other?,
    };
    let mut entries = entries.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    Ok(entries)
}
