//! The kernel lock that makes one process the writer, with its owner's name inside for others to read.
//!
//! The file is never deleted: a deleted lock file can be locked twice. The kernel frees the lock when
//! its holder dies, whatever the file says.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use jiff::Timestamp;

use super::Error;
use crate::model::id::RunId;

/// A reader that asks who owns the lock holds it shared for an instant; a writer outwaits that.
const ATTEMPTS: u32 = 10;
const PAUSE: Duration = Duration::from_millis(20);

/// Who holds the lock.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Owner {
    /// The process.
    pub pid: u32,
    /// The machine it runs on.
    pub host: String,
    /// When it took the lock.
    pub since: Timestamp,
    /// The run it serves, once that has begun.
    pub run: Option<RunId>,
}

/// The lock, held until dropped.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
    path: Utf8PathBuf,
    owner: Owner,
}

impl Lock {
    /// Takes the lock, or says who has it.
    pub(super) fn take(path: &Utf8Path, now: Timestamp) -> Result<Self, Error> {
        let file = open(path)?;
        for attempt in 0..ATTEMPTS {
            match file.try_lock() {
                Ok(()) => {
                    let owner = Owner {
                        pid: std::process::id(),
                        host: host(),
                        since: now,
                        run: None,
                    };
                    let mut lock = Self {
                        file,
                        path: path.to_owned(),
                        owner,
                    };
                    lock.write_owner()?;
                    return Ok(lock);
                }
                Err(TryLockError::WouldBlock) if attempt + 1 < ATTEMPTS => {
                    std::thread::sleep(PAUSE);
                }
                Err(TryLockError::WouldBlock) => break,
                Err(TryLockError::Error(source)) => return Err(Error::io("lock", path, source)),
            }
        }
        Err(Error::Held {
            owner: read_owner(path),
        })
    }

    /// Takes the lock, waiting as long as it takes.
    pub(super) fn wait(path: &Utf8Path) -> Result<File, Error> {
        let file = open(path)?;
        file.lock()
            .map_err(|source| Error::io("lock", path, source))?;
        Ok(file)
    }

    /// Returns who holds it: this process.
    pub(super) fn owner(&self) -> &Owner {
        &self.owner
    }

    /// Says which run the lock serves.
    pub(super) fn set_run(&mut self, run: RunId) -> Result<(), Error> {
        self.owner.run = Some(run);
        self.write_owner()
    }

    fn write_owner(&mut self) -> Result<(), Error> {
        let text = serde_json::to_string(&self.owner).expect("an owner is plain data");
        let write = |file: &mut File| {
            file.set_len(0)?;
            file.rewind()?;
            file.write_all(text.as_bytes())
        };
        write(&mut self.file).map_err(|source| Error::io("write", &self.path, source))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Best effort: the kernel frees the lock in any case, and readers ask the kernel first.
        drop(self.file.set_len(0));
        drop(self.file.unlock());
    }
}

/// Returns who holds the lock, if anybody does.
pub(super) fn owner(path: &Utf8Path) -> Option<Owner> {
    let file = File::open(path).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => read_owner(path),
        Ok(()) | Err(TryLockError::Error(_)) => None,
    }
}

/// Reads the owner, giving one that is just being written a moment.
fn read_owner(path: &Utf8Path) -> Option<Owner> {
    for _ in 0..3 {
        let mut text = String::new();
        let read = File::open(path).and_then(|mut file| file.read_to_string(&mut text));
        if let (Ok(_), Ok(owner)) = (read, serde_json::from_str(&text)) {
            return Some(owner);
        }
        std::thread::sleep(PAUSE);
    }
    None
}

fn open(path: &Utf8Path) -> Result<File, Error> {
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir).map_err(|source| Error::io("make", dir, source))?;
    }
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(|source| Error::io("open", path, source))
}

/// Returns the machine's name, as far as it can be read without asking another program.
fn host() -> String {
    ["/proc/sys/kernel/hostname", "/etc/hostname"]
        .iter()
        .find_map(|path| std::fs::read_to_string(path).ok())
        .map(|text| text.trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "localhost".to_owned())
}
