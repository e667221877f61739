//! What a directory's files looked like when we wrote them, so that unchanged ones need no reading.

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;

use super::Error;
use super::tree::Entry;

/// Changes with the meaning of any field; another version is as good as no file.
const VERSION: u32 = 1;

/// The facts that the kernel changes whenever a file's contents change.
///
/// The change time cannot be set by a program, so an edit of the same size with an old modification
/// time is seen too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    size: u64,
    modified: i64,
    changed: i64,
    inode: u64,
    mode: u32,
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            size: metadata.size(),
            modified: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            changed: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
            inode: metadata.ino(),
            mode: metadata.mode(),
        }
    }
}

fn nanoseconds(seconds: i64, rest: i64) -> i64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(rest)
}

/// One file as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamped {
    pub(super) blob: String,
    pub(super) mode: i32,
    pub(super) stamp: Stamp,
}

impl Stamped {
    pub(super) fn new(entry: &Entry, metadata: &Metadata) -> Self {
        Self {
            blob: entry.id.to_string(),
            mode: entry.mode,
            stamp: Stamp::of(metadata),
        }
    }

    /// Returns whether the file still is what it was, and that is `entry`.
    pub(super) fn is(&self, entry: &Entry, metadata: &Metadata) -> bool {
        self.stamp == Stamp::of(metadata)
            && self.mode == entry.mode
            && is_hex_of(&self.blob, entry.id.as_bytes())
    }
}

fn is_hex_of(text: &str, bytes: &[u8]) -> bool {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15].map(|digit| DIGITS[usize::from(digit)]));
    text.bytes().eq(digits)
}

/// The stamps of a directory, stored beside it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Stamps {
    version: u32,
    pub(super) files: BTreeMap<String, Stamped>,
}

impl Stamps {
    pub(super) fn new(files: BTreeMap<String, Stamped>) -> Self {
        Self {
            version: VERSION,
            files,
        }
    }

    /// Returns where the stamps of a directory are.
    pub(super) fn path_for(dir: &Utf8Path) -> Utf8PathBuf {
        let name = dir.file_name().unwrap_or("root");
        dir.with_file_name(format!("{name}.stamps.json"))
    }

    /// Reads them; missing or unreadable ones mean that every file must be read.
    pub(super) fn load(dir: &Utf8Path) -> Self {
        let bytes = std::fs::read(Self::path_for(dir)).unwrap_or_default();
        serde_json::from_slice(&bytes)
            .ok()
            .filter(|stamps: &Self| stamps.version == VERSION)
            .unwrap_or_default()
    }

    /// Writes them, without files that changed in the same clock tick as now: a later edit of those
    /// would not show.
    pub(super) fn store(mut self, dir: &Utf8Path) -> Result<Self, Error> {
        let path = Self::path_for(dir);
        let parent = path.parent().unwrap_or(Utf8Path::new("/"));
        let temp = tempfile::NamedTempFile::new_in(parent).map_err(Error::io("write", &path))?;
        let now = temp
            .as_file()
            .metadata()
            .map_err(Error::io("read", &path))?;
        let now = Stamp::of(&now).changed;
        self.files.retain(|_, file| file.stamp.changed < now);
        let bytes = serde_json::to_vec(&self)
            .map_err(std::io::Error::from)
            .map_err(Error::io("write", &path))?;
        std::fs::write(temp.path(), bytes).map_err(Error::io("write", &path))?;
        temp.persist(&path)
            .map_err(|error| Error::io("write", &path)(error.error))?;
        Ok(self)
    }
}
