//! The journal of work in flight: one checksummed line for each event, on disk before the act it announces.
//!
//! Knows lines and checksums; which events may follow each other is the model's business.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write as _};

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use super::Error;
use crate::format::{FormatVersion, JOURNAL};
use crate::model::experiment::ExperimentEvent;

const RECORD_KEY: &str = ",\"record\":";

/// The open journal.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    path: Utf8PathBuf,
    len: u64,
    seq: u64,
    stopped: bool,
}

/// What a journal file holds.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// The events of its sound lines.
    pub(super) events: Vec<ExperimentEvent>,
    /// Where each sound line ends.
    pub(super) ends: Vec<u64>,
    /// Bytes behind the last sound line.
    pub(super) torn: u64,
}

/// The part of a line in front of its record.
#[derive(Serialize, Deserialize)]
struct LineHeader {
    v: FormatVersion,
    seq: u64,
    crc32: u32,
}

impl Journal {
    /// Opens the journal for appending and returns what it holds.
    pub(super) fn open(path: &Utf8Path) -> Result<(Self, Contents), Error> {
        let contents = read(path)?;
        let file = open_durably(path)?;
        let len = file
            .metadata()
            .map_err(|source| Error::io("read", path, source))?
            .len();
        let journal = Self {
            file,
            path: path.to_owned(),
            len,
            seq: contents.events.len() as u64,
            stopped: false,
        };
        Ok((journal, contents))
    }

    /// Appends one event and returns when it is on disk.
    pub(super) fn append(&mut self, event: &ExperimentEvent) -> Result<(), Error> {
        self.check()?;
        let line = encode(self.seq + 1, event)?;
        if let Err(source) = self.file.write_all(line.as_bytes()) {
            // A half-written line is taken back, so that the journal stays sound for what is next.
            self.stopped = self.file.set_len(self.len).is_err();
            return Err(Error::io("append to", &self.path, source));
        }
        if let Err(source) = self.file.sync_data() {
            // After a failed fsync nobody knows what is on disk.
            self.stopped = true;
            return Err(Error::io("sync", &self.path, source));
        }
        self.len += line.len() as u64;
        self.seq += 1;
        Ok(())
    }

    /// Empties the journal, durably.
    pub(super) fn clear(&mut self) -> Result<(), Error> {
        self.check()?;
        self.cut(0)?;
        self.seq = 0;
        Ok(())
    }

    /// Keeps the first lines and moves the rest aside; returns where it went.
    pub(super) fn set_aside(&mut self, keep: usize, ends: &[u64]) -> Result<Utf8PathBuf, Error> {
        let end = keep.checked_sub(1).map_or(0, |last| ends[last]);
        let bytes =
            std::fs::read(&self.path).map_err(|source| Error::io("read", &self.path, source))?;
        let start = usize::try_from(end).unwrap_or(usize::MAX).min(bytes.len());
        let aside = free_name(&self.path);
        std::fs::write(&aside, &bytes[start..])
            .map_err(|source| Error::io("write", &aside, source))?;
        self.cut(end)?;
        self.seq = keep as u64;
        Ok(aside)
    }

    fn cut(&mut self, len: u64) -> Result<(), Error> {
        self.file
            .set_len(len)
            .and_then(|()| self.file.sync_data())
            .map_err(|source| {
                self.stopped = true;
                Error::io("truncate", &self.path, source)
            })?;
        self.len = len;
        Ok(())
    }

    fn check(&self) -> Result<(), Error> {
        if self.stopped {
            Err(Error::Stopped)
        } else {
            Ok(())
        }
    }
}

/// Reads the sound lines of a journal, whoever may be appending to it.
pub(super) fn read(path: &Utf8Path) -> Result<Contents, Error> {
    match std::fs::read(path) {
        Ok(bytes) => parse(&bytes),
        Err(source) if source.kind() == ErrorKind::NotFound => Ok(Contents::default()),
        Err(source) => Err(Error::io("read", path, source)),
    }
}

/// Returns the sound lines at the start of these bytes.
pub(super) fn parse(bytes: &[u8]) -> Result<Contents, Error> {
    let mut contents = Contents::default();
    let mut start = 0;
    while let Some(n) = bytes[start..].iter().position(|byte| *byte == b'\n') {
        let line = &bytes[start..start + n];
        let Some(event) = decode(contents.events.len() as u64 + 1, line)? else {
            break;
        };
        start += n + 1;
        contents.events.push(event);
        contents.ends.push(start as u64);
    }
    contents.torn = (bytes.len() - start) as u64;
    Ok(contents)
}

/// Returns the line of an event, after checking that it can be read back.
pub(super) fn encode(seq: u64, event: &ExperimentEvent) -> Result<String, Error> {
    let unstorable = |source| Error::Unstorable {
        what: format!("the event `{}`", event.name()),
        source: Box::new(source),
    };
    let record = serde_json::to_string(event).map_err(unstorable)?;
    serde_json::from_str::<ExperimentEvent>(&record).map_err(unstorable)?;
    let header = serde_json::to_string(&LineHeader {
        v: JOURNAL.version,
        seq,
        crc32: checksum(seq, &record),
    })
    .map_err(unstorable)?;
    let header = header.trim_end_matches('}');
    Ok(format!("{header}{RECORD_KEY}{record}}}\n"))
}

/// Returns the event of a line; `None` if the line is not sound.
fn decode(seq: u64, line: &[u8]) -> Result<Option<ExperimentEvent>, Error> {
    let Some((header, record)) = split(line) else {
        return Ok(None);
    };
    let Ok(header) = serde_json::from_str::<LineHeader>(&format!("{header}}}")) else {
        return Ok(None);
    };
    // The version is believed only where the checksum vouches for the line.
    if header.crc32 != checksum(header.seq, record) {
        return Ok(None);
    }
    JOURNAL
        .check_readable(header.v)
        .map_err(|source| Error::Newer { source })?;
    if header.seq != seq {
        return Ok(None);
    }
    Ok(serde_json::from_str(record).ok())
}

fn split(line: &[u8]) -> Option<(&str, &str)> {
    let line = std::str::from_utf8(line).ok()?;
    let (header, rest) = line.split_once(RECORD_KEY)?;
    Some((header, rest.strip_suffix('}')?))
}

fn checksum(seq: u64, record: &str) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&seq.to_le_bytes());
    hasher.update(record.as_bytes());
    hasher.finalize()
}

/// Opens for appending; a new file's directory entry is on disk before this returns.
fn open_durably(path: &Utf8Path) -> Result<File, Error> {
    let dir = path.parent().unwrap_or(Utf8Path::new("."));
    std::fs::create_dir_all(dir).map_err(|source| Error::io("make", dir, source))?;
    let is_new = !path.exists();
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .map_err(|source| Error::io("open", path, source))?;
    if is_new {
        // The directory itself may be new as well.
        for dir in path.ancestors().skip(1).take(2) {
            File::open(dir)
                .and_then(|dir| dir.sync_all())
                .map_err(|source| Error::io("sync", dir, source))?;
        }
    }
    Ok(file)
}

fn free_name(path: &Utf8Path) -> Utf8PathBuf {
    let mut n = 1u32;
    loop {
        let aside = path.with_file_name(format!("journal.corrupt-{n}"));
        if !aside.exists() {
            return aside;
        }
        n += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::verdict::Verdict;
    use crate::store::sample::{events, started};

    fn path(dir: &tempfile::TempDir) -> Utf8PathBuf {
        Utf8PathBuf::from_path_buf(dir.path().join("factory/journal.jsonl")).unwrap()
    }

    #[test]
    fn events_are_read_back_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let (mut journal, empty) = Journal::open(&path(&dir)).unwrap();
        assert!(empty.events.is_empty());
        let events = events(1, Verdict::Keep);
        for event in &events {
            journal.append(event).unwrap();
        }
        let contents = read(&path(&dir)).unwrap();
        assert_eq!(contents.events, events);
        assert_eq!(contents.torn, 0);
        journal.clear().unwrap();
        assert!(read(&path(&dir)).unwrap().events.is_empty());
    }

    #[test]
    fn a_torn_tail_is_moved_aside_and_appending_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let (mut journal, _) = Journal::open(&path(&dir)).unwrap();
        let events = events(1, Verdict::Revert);
        journal.append(&events[0]).unwrap();
        let whole = std::fs::read(path(&dir)).unwrap();
        let torn = [whole.clone(), whole[..40].to_vec()].concat();
        std::fs::write(path(&dir), torn).unwrap();
        let (mut journal, contents) = Journal::open(&path(&dir)).unwrap();
        assert_eq!((contents.events.len(), contents.torn), (1, 40));
        let aside = journal.set_aside(1, &contents.ends).unwrap();
        assert_eq!(std::fs::read(aside).unwrap(), whole[..40]);
        journal.append(&events[1]).unwrap();
        assert_eq!(read(&path(&dir)).unwrap().events, events[..2]);
    }

    #[test]
    fn a_line_that_was_moved_or_changed_is_not_believed() {
        let line = encode(1, &started(1)).unwrap();
        let line = line.trim_end().as_bytes();
        assert!(decode(1, line).unwrap().is_some());
        assert!(decode(2, line).unwrap().is_none());
        for idx in 0..line.len() {
            let mut changed = line.to_vec();
            changed[idx] ^= 1;
            let decoded = decode(1, &changed).unwrap_or(None);
            // The version is outside the checksum: a changed digit there is another known version.
            assert!(
                decoded.is_none() || changed[..12] != line[..12],
                "byte {idx} was changed unnoticed"
            );
        }
    }

    #[test]
    #[expect(clippy::print_stderr, reason = "a skipped test says so")]
    fn a_full_disk_is_an_error_and_leaves_the_journal_sound() {
        let dir = tempfile::tempdir().unwrap();
        let Some(disk) = SmallDisk::mount(dir.path()) else {
            eprintln!("SKIPPED: only root can mount a small file system to fill");
            return;
        };
        let path = Utf8PathBuf::from_path_buf(disk.0.join("factory/journal.jsonl")).unwrap();
        let (mut journal, _) = Journal::open(&path).unwrap();
        let events = events(1, Verdict::Revert);
        journal.append(&events[0]).unwrap();
        let ballast = disk.0.join("ballast");
        // Room for less than a page: the next line cannot be written whole.
        drop(std::fs::write(&ballast, vec![0u8; 1 << 20]));
        let mut n = 1;
        let failed = loop {
            match journal.append(&events[1]) {
                Ok(()) => n += 1,
                Err(error) => break error,
            }
        };
        assert!(matches!(failed, Error::Io { .. }), "{failed:?}");
        assert_eq!(read(&path).unwrap().events.len(), n);
        assert_eq!(read(&path).unwrap().torn, 0);
        std::fs::remove_file(ballast).unwrap();
        journal.append(&events[1]).unwrap();
        assert_eq!(read(&path).unwrap().events.len(), n + 1);
    }

    /// A file system of 256 KiB, unmounted when dropped.
    struct SmallDisk(std::path::PathBuf);

    impl SmallDisk {
        fn mount(dir: &std::path::Path) -> Option<Self> {
            let status = std::process::Command::new("mount")
                .args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"])
                .arg(dir)
                .stderr(std::process::Stdio::null())
                .status()
                .ok()?;
            status.success().then(|| Self(dir.to_owned()))
        }
    }

    impl Drop for SmallDisk {
        fn drop(&mut self) {
            drop(std::process::Command::new("umount").arg(&self.0).status());
        }
    }
}
