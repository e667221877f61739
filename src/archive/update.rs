//! Following the ledgers: only what is new is read, and only what must be is written again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};

use camino::{Utf8Path, Utf8PathBuf};
use polars::prelude::DataFrame;

use super::manifest::{self, Manifest, Seen, Segment};
use super::{Error, Row, frame, segment};
use crate::model::id::ExperimentId;
use crate::repo::Target;
use crate::store::{self, Changes, Reader};

const LOCK: &str = "lock";
const README: &str = "README.md";
const ABOUT: &str = "The record of all targets as Parquet, made from their ledgers by `factory insights`.\n\
    Everything here may be deleted; it is made again when it is needed.\n";
/// Rows that are written at once while a long ledger is read for the first time.
const BATCH: usize = 8_192;
/// As many segments of about one size become one.
const FEW: usize = 8;

/// The archive in a folder.
#[derive(Clone, Debug)]
pub struct Archive {
    dir: Utf8PathBuf,
}

/// What following the ledgers changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Updated {
    /// Rows in the archive now.
    pub rows: u64,
    /// Rows that were read from ledgers.
    pub read: u64,
    /// What a person should know, in sentences.
    pub notices: Vec<String>,
}

impl Archive {
    /// Returns the archive in that folder, which need not be there.
    pub fn at(dir: impl Into<Utf8PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// Returns its folder.
    pub fn dir(&self) -> &Utf8Path {
        &self.dir
    }

    /// Makes the archive hold what the ledgers of exactly these targets hold.
    ///
    /// A ledger that cannot be read keeps the rows it had, and is named. Any number of processes may do
    /// this at once: each waits for the one before.
    pub fn follow(&self, targets: &[Utf8PathBuf]) -> Result<Updated, Error> {
        let _lock = self.lock_alone()?;
        let mut notices = Vec::new();
        let before = Manifest::load(&self.dir, &mut notices)?;
        self.carry_on(&before, targets, notices)
    }

    /// Makes the archive again from the ledgers alone.
    pub fn rebuild(&self, targets: &[Utf8PathBuf]) -> Result<Updated, Error> {
        let _lock = self.lock_alone()?;
        let before = Manifest::load(&self.dir, &mut Vec::new())?;
        let empty = Manifest {
            next: before.next,
            ..Manifest::default()
        };
        self.carry_on(&empty, targets, Vec::new())
    }

    /// Adds rows that no ledger holds, to measure the archive at sizes that no ledger has; the next
    /// [`Archive::follow`] forgets them.
    pub fn add(&self, rows: &[Row]) -> Result<(), Error> {
        let _lock = self.lock_alone()?;
        let mut work = Work {
            dir: &self.dir,
            manifest: Manifest::load(&self.dir, &mut Vec::new())?,
            pending: rows.to_vec(),
            updated: Updated::default(),
        };
        for row in rows {
            let target = work.manifest.targets.entry(row.target.clone().into());
            target.or_default();
        }
        work.flush()?;
        work.compact()?;
        work.manifest.save(&self.dir)?;
        self.sweep(&work.manifest, &mut Vec::new())
    }

    /// Returns the manifest and a lock under which its segments stay.
    pub(super) fn open(&self) -> Result<(Manifest, File), Error> {
        let lock = self.lock_file()?;
        lock.lock_shared()
            .map_err(Error::io("lock", &self.dir.join(LOCK)))?;
        Ok((Manifest::load(&self.dir, &mut Vec::new())?, lock))
    }

    fn carry_on(
        &self,
        before: &Manifest,
        targets: &[Utf8PathBuf],
        notices: Vec<String>,
    ) -> Result<Updated, Error> {
        let mut work = Work {
            dir: &self.dir,
            manifest: before.clone(),
            pending: Vec::new(),
            updated: Updated {
                notices,
                ..Updated::default()
            },
        };
        let wanted: BTreeSet<&Utf8PathBuf> = targets.iter().collect();
        let known: Vec<Utf8PathBuf> = work.manifest.targets.keys().cloned().collect();
        for root in known.iter().filter(|it| !wanted.contains(it)) {
            work.drop_target(root)?;
        }
        for root in wanted {
            work.follow(root)?;
        }
        work.flush()?;
        work.compact()?;
        let mut updated = work.updated;
        let manifest = work.manifest;
        updated.rows = manifest.rows();
        if manifest != *before || !self.dir.join(manifest::FILE).exists() {
            manifest.save(&self.dir)?;
        }
        self.sweep(&manifest, &mut updated.notices)?;
        Ok(updated)
    }

    fn lock_alone(&self) -> Result<File, Error> {
        let lock = self.lock_file()?;
        lock.lock()
            .map_err(Error::io("lock", &self.dir.join(LOCK)))?;
        Ok(lock)
    }

    fn lock_file(&self) -> Result<File, Error> {
        fs::create_dir_all(&self.dir).map_err(Error::io("make", &self.dir))?;
        let readme = self.dir.join(README);
        if !readme.exists() {
            fs::write(&readme, ABOUT).map_err(Error::io("write", &readme))?;
        }
        let path = self.dir.join(LOCK);
        File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(Error::io("open", &path))
    }

    /// Removes segments that no longer count and what a crash left, and names files that are not ours.
    fn sweep(&self, manifest: &Manifest, notices: &mut Vec<String>) -> Result<(), Error> {
        let counting: BTreeSet<&str> = manifest
            .segments
            .iter()
            .map(|it| it.file.as_str())
            .collect();
        let entries = self
            .dir
            .read_dir_utf8()
            .map_err(Error::io("list", &self.dir))?;
        for entry in entries {
            let entry = entry.map_err(Error::io("list", &self.dir))?;
            let name = entry.file_name();
            let hidden = name
                .strip_prefix('.')
                .and_then(|it| it.strip_suffix(".new"));
            let is_left_over = hidden
                .is_some_and(|it| it == manifest::FILE || segment::is_ours(it))
                || (segment::is_ours(name) && !counting.contains(name));
            // A folder is none of ours, whatever its name.
            let is_folder = entry.file_type().is_ok_and(|it| it.is_dir());
            if is_left_over && !is_folder {
                fs::remove_file(entry.path()).map_err(Error::io("remove", entry.path()))?;
            } else if !counting.contains(name) && ![manifest::FILE, LOCK, README].contains(&name) {
                notices.push(format!(
                    "`{}` is not part of the archive and was left alone",
                    entry.path()
                ));
            }
        }
        Ok(())
    }
}

/// An update in progress: segments are written at once, and count only with the manifest.
struct Work<'a> {
    dir: &'a Utf8Path,
    manifest: Manifest,
    pending: Vec<Row>,
    updated: Updated,
}

impl Work<'_> {
    /// Follows one ledger; one that cannot be read keeps its rows and is named.
    fn follow(&mut self, root: &Utf8Path) -> Result<(), Error> {
        let seen = self.manifest.targets.get(root).cloned().unwrap_or_default();
        let reader = match open(root) {
            Ok(reader) => reader,
            Err(why) => {
                self.notice(root, &why);
                return Ok(());
            }
        };
        if seen.tip.is_some() && reader.tip().ok().flatten() == seen.tip {
            return Ok(());
        }
        match reader.changes(seen.tip.as_ref()) {
            Ok(changes) => self.take(root, &seen, &reader, changes),
            Err(error) => {
                self.notice(root, &full(&error));
                Ok(())
            }
        }
    }

    /// Takes what changed in one ledger.
    fn take(
        &mut self,
        root: &Utf8Path,
        seen: &Seen,
        reader: &Reader,
        mut changes: Changes,
    ) -> Result<(), Error> {
        let known = |it: &ExperimentId| it.0 <= seen.last;
        if changes.is_all {
            if seen.tip.is_some() {
                self.notice(
                    root,
                    "its ledger was written anew, and was read from the start",
                );
            }
            self.drop_target(root)?;
        } else {
            // A person's word changes a row that is already there.
            let told = seen.unkept.symmetric_difference(&changes.unkept);
            changes.closed.extend(told.filter(|it| known(it)));
            let stale: BTreeSet<ExperimentId> = changes
                .closed
                .union(&changes.gone)
                .copied()
                .filter(known)
                .collect();
            self.drop_rows(root, &stale)?;
        }
        let last = changes.closed.last().map_or(0, |it| it.0);
        let now = Seen {
            last: if changes.is_all {
                last
            } else {
                seen.last.max(last)
            },
            tip: changes.tip.clone(),
            unkept: changes.unkept.clone(),
        };
        if let Err(error) = self.read(root, reader, &changes) {
            self.notice(root, &full(&error));
            return self.drop_target(root);
        }
        self.manifest.targets.insert(root.to_owned(), now);
        Ok(())
    }

    /// Reads the rows of what is new.
    fn read(
        &mut self,
        root: &Utf8Path,
        reader: &Reader,
        changes: &Changes,
    ) -> Result<(), ReadError> {
        let Some(tip) = &changes.tip else {
            return Ok(());
        };
        let ids: Vec<ExperimentId> = changes.closed.iter().copied().collect();
        for chunk in ids.chunks(256) {
            let closed = reader.closed(tip, &chunk.iter().copied().collect())?;
            let row = |it| Row::of(root, it, changes.unkept.contains(&it.summary.id));
            self.pending.extend(closed.iter().map(row));
            self.updated.read += closed.len() as u64;
            if self.pending.len() >= BATCH {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Forgets everything of a target.
    fn drop_target(&mut self, root: &Utf8Path) -> Result<(), Error> {
        self.manifest.targets.remove(root);
        self.pending.retain(|it| it.target != root.as_str());
        self.rewrite(root, |_| true)
    }

    /// Forgets those rows of a target.
    fn drop_rows(&mut self, root: &Utf8Path, ids: &BTreeSet<ExperimentId>) -> Result<(), Error> {
        if ids.is_empty() {
            return Ok(());
        }
        self.rewrite(root, |id| ids.contains(&ExperimentId(id)))
    }

    /// Writes the segments again that hold rows to be dropped; all others stay as they are.
    fn rewrite(&mut self, root: &Utf8Path, is_dropped: impl Fn(u32) -> bool) -> Result<(), Error> {
        for old in std::mem::take(&mut self.manifest.segments) {
            let is_touched = old
                .spans
                .get(root)
                .is_some_and(|(first, last)| (*first..=*last).any(&is_dropped));
            let left = if is_touched {
                segment::without(&segment::read(self.dir, &old, None)?, root, &is_dropped)?
            } else {
                None
            };
            match left {
                None => self.manifest.segments.push(old),
                Some(table) if table.height() > 0 => self.write(table)?,
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Writes the rows that were read as a segment.
    fn flush(&mut self) -> Result<(), Error> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let table =
            frame::of(&self.pending).map_err(Error::table("make a table of experiments"))?;
        self.pending.clear();
        self.write(table)
    }

    fn write(&mut self, mut table: DataFrame) -> Result<(), Error> {
        let segment = segment::write(self.dir, self.manifest.next, &mut table)?;
        self.manifest.next += 1;
        self.manifest.segments.push(segment);
        Ok(())
    }

    /// Makes one of many segments of about the same size, so that there are never many.
    fn compact(&mut self) -> Result<(), Error> {
        while let Some(size) = crowded(&self.manifest.segments) {
            let (merged, kept) = std::mem::take(&mut self.manifest.segments)
                .into_iter()
                .partition(|it| magnitude(it) == size);
            self.manifest.segments = kept;
            let merged: Vec<Segment> = merged;
            let mut whole: Option<DataFrame> = None;
            for segment in &merged {
                let table = segment::read(self.dir, segment, None)?;
                match &mut whole {
                    None => whole = Some(table),
                    Some(whole) => {
                        whole
                            .vstack_mut(&table)
                            .map_err(Error::table("join two segments"))?;
                    }
                }
            }
            if let Some(whole) = whole {
                self.write(whole)?;
            }
        }
        Ok(())
    }

    fn notice(&mut self, root: &Utf8Path, what: &str) {
        self.updated.notices.push(format!("`{root}`: {what}"));
    }
}

/// Why a ledger could not be turned into rows.
#[derive(Debug, thiserror::Error)]
enum ReadError {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Archive(#[from] Error),
}

fn open(root: &Utf8Path) -> Result<Reader, String> {
    let target = Target::open(root).map_err(|error| full(&error))?;
    Reader::open(&target).map_err(|error| full(&error))
}

/// Returns an error with its causes, in one sentence.
fn full(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Returns the power of `FEW` that a segment's rows have.
fn magnitude(segment: &Segment) -> u32 {
    segment.rows.max(1).ilog(FEW as u64)
}

/// Returns the smallest size of which there are too many segments.
fn crowded(segments: &[Segment]) -> Option<u32> {
    let mut sizes: BTreeMap<u32, usize> = BTreeMap::new();
    for segment in segments {
        *sizes.entry(magnitude(segment)).or_default() += 1;
    }
    sizes.into_iter().find(|it| it.1 >= FEW).map(|it| it.0)
}
