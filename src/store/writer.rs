//! Write access to the record: one process at a time, journal first, one commit for each experiment.

mod join;

pub use join::Joined;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use jiff::Timestamp;

use super::journal::Journal;
use super::layout::{self, Lease, Snapshot};
use super::lock::Lock;
use super::{BacklogItem, Error, Reader, Recovery, Rejection, recovery};
use crate::format::{BACKLOG, RECORD, REJECTION, SNAPSHOT, SUMMARY};
use crate::model::experiment::{Experiment, ExperimentEvent, Stage};
use crate::model::id::{CommitSha, ExperimentId, RunId};
use crate::model::verdict::Verdict;
use crate::repo::Target;
use crate::repo::records::{FileChange, Reachable, Removal};

/// The one writer: holds the kernel lock.
pub struct Writer {
    pub(super) reader: Reader,
    pub(super) journal: Journal,
    pub(super) current: Option<Experiment>,
    lock: Lock,
    snapshot: Snapshot,
    /// The ledger's commit that this writer last saw; every write is a compare-and-swap on it.
    tip: Option<CommitSha>,
    has_lease: bool,
    stopped: bool,
    opened: Timestamp,
    tip_file: Utf8PathBuf,
    notices: Vec<String>,
}

impl Writer {
    /// Takes the lock, repairs the journal, seals what a killed run left.
    pub fn open(target: &Target, now: Timestamp) -> Result<(Self, Recovery), Error> {
        Self::at(target.common_dir(), now)
    }

    /// Opens the record in the repository with that git common dir for writing.
    pub fn at(common_dir: &Utf8Path, now: Timestamp) -> Result<(Self, Recovery), Error> {
        let dir = common_dir.join("factory");
        let lock = Lock::take(&dir.join("lock"), now)?;
        let reader = Reader::at(common_dir)?;
        let mut recovery = Recovery::default();
        for path in reader.ledger.clear_stale()? {
            let notice = format!("removed `{path}`, which a killed process left");
            recovery.notices.push(notice);
        }
        let tip = reader.ledger.tip()?;
        let snapshot = match &tip {
            Some(tip) => writable_snapshot(&reader, tip)?,
            None => Snapshot::default(),
        };
        let (journal, contents) = Journal::open(&dir.join("journal.jsonl"))?;
        let mut writer = Self {
            reader,
            journal,
            current: None,
            lock,
            snapshot,
            tip,
            has_lease: false,
            stopped: false,
            opened: now,
            tip_file: dir.join("ledger-tip"),
            notices: Vec::new(),
        };
        recovery::resume(&mut writer, &contents, now, &mut recovery)?;
        Ok((writer, recovery))
    }

    /// Opens git's objects anew: a handle must not outlive the packs that were merged under it.
    pub fn renew(&mut self) -> Result<(), Error> {
        let common_dir = self.reader.dir().parent().map(Utf8Path::to_owned);
        if let Some(common_dir) = common_dir {
            self.reader = Reader::at(&common_dir)?;
        }
        Ok(())
    }

    /// Returns the reader's view.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Returns the number that the next experiment gets.
    ///
    /// One that is in flight or pending has its number already.
    pub fn next_id(&self) -> ExperimentId {
        self.current
            .as_ref()
            .map_or(self.snapshot.next, |experiment| experiment.id.next())
    }

    /// Returns the number that the next sealed experiment must have.
    pub(super) fn next_unsealed(&self) -> ExperimentId {
        self.snapshot.next
    }

    /// Says in the lock file which run this is.
    pub fn set_run(&mut self, run: RunId) -> Result<(), Error> {
        self.lock.set_run(run)
    }

    /// Returns what went wrong without harm since the last call, in sentences.
    pub fn take_notices(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notices)
    }

    /// Returns the experiment that is being written, as far as its events go.
    pub fn current(&self) -> Option<&Experiment> {
        self.current.as_ref()
    }

    /// Returns the kept experiment whose landing a killed run may or may not have done.
    ///
    /// Whoever owns the landing branch looks where it stands and answers with [`Writer::settle`].
    pub fn pending(&self) -> Option<&Experiment> {
        self.current
            .as_ref()
            .filter(|experiment| experiment.stage == Stage::Decided && is_keep(experiment))
    }

    /// Closes and seals the pending experiment, which landed at that commit or did not land.
    pub fn settle(
        &mut self,
        landed: Option<CommitSha>,
        now: Timestamp,
    ) -> Result<Experiment, Error> {
        if self.pending().is_none() {
            return Err(Error::Unfinished);
        }
        let note = match &landed {
            Some(commit) => format!(
                "The run was interrupted after the landing branch had moved to {}.",
                commit.short()
            ),
            None => "The run was interrupted before it was landed.".to_owned(),
        };
        if let Some(commit) = landed {
            self.append(&ExperimentEvent::Landed { commit })?;
        }
        self.append(&recovery::noted(note, now))?;
        self.seal()
    }

    /// Appends to the journal, fsynced, before the act it announces.
    ///
    /// The event of a new experiment settles a pending one as not landed.
    pub fn append(&mut self, event: &ExperimentEvent) -> Result<(), Error> {
        self.check()?;
        if let ExperimentEvent::Started { at, .. } = event
            && self.pending().is_some()
        {
            self.settle(None, *at)?;
        }
        let next = match self.current.clone() {
            None => Experiment::begin(event),
            Some(experiment) => experiment.step(event),
        }
        .map_err(|source| Error::Illegal { source })?;
        if next.id != self.snapshot.next {
            return Err(Error::WrongNumber {
                found: next.id,
                expected: self.snapshot.next,
            });
        }
        self.journal.append(event)?;
        self.current = Some(next);
        Ok(())
    }

    /// Seals the finished experiment into one ledger commit and empties the journal.
    pub fn seal(&mut self) -> Result<Experiment, Error> {
        self.check()?;
        let experiment = self.current.clone().ok_or(Error::Unfinished)?;
        let sealed = sealed(&self.reader, self.tip.as_ref(), &self.snapshot, &experiment)?;
        self.write(sealed.changes, &sealed.message, sealed.at)?;
        self.snapshot = sealed.snapshot;
        self.journal.clear()?;
        self.current = None;
        if let Err(error) = self.reader.ledger.pack() {
            // The experiment is sealed: that its objects lie in more files than they should is no
            // reason to stop, but the person should know.
            let notice = format!("the record could not be packed: {}", chain(&error));
            self.notices.push(notice);
        }
        Ok(experiment)
    }

    /// Adds a wish and returns its number.
    pub fn add_backlog(&mut self, text: &str, now: Timestamp) -> Result<u32, Error> {
        let mut items = self.reader.backlog()?;
        let id = items.iter().map(|item| item.id).max().unwrap_or(0) + 1;
        items.push(BacklogItem {
            id,
            text: text.to_owned(),
            added: now,
            closed: None,
        });
        self.write_backlog(&items, &format!("backlog {id}: {}", first_line(text)), now)?;
        Ok(id)
    }

    /// Closes a wish.
    pub fn close_backlog(&mut self, id: u32, how: &str, now: Timestamp) -> Result<(), Error> {
        let mut items = self.reader.backlog()?;
        let item = items
            .iter_mut()
            .find(|item| item.id == id && item.closed.is_none())
            .ok_or(Error::NoSuchItem { id })?;
        item.closed = Some(how.to_owned());
        self.write_backlog(
            &items,
            &format!("backlog {id} closed: {}", first_line(how)),
            now,
        )
    }

    /// Records a rejection.
    pub fn reject(&mut self, rejection: Rejection) -> Result<(), Error> {
        let id = rejection.experiment;
        if self.reader.experiment(id)?.is_none() {
            return Err(Error::NoSuchExperiment { id });
        }
        let message = format!("reject {id}: {}", first_line(&rejection.because));
        let at = rejection.at;
        let mut rejections = self.reader.rejections()?;
        rejections.push(rejection);
        let text = REJECTION.encode_lines(&rejections);
        self.write(
            vec![file(layout::REJECTIONS.to_owned(), text)?],
            &message,
            at,
        )
    }

    /// Seals a text a person wrote (profile, backlog file) as `notes/NAME`, unless it is there already.
    pub fn note(&mut self, name: &str, text: &str, now: Timestamp) -> Result<(), Error> {
        if !is_file_name(name) {
            return Err(Error::BadName {
                name: name.to_owned(),
            });
        }
        if self.reader.note(name)?.as_deref() == Some(text) {
            return Ok(());
        }
        let change = (format!("{}/{name}", layout::NOTES), Some(text.into()));
        self.write(vec![change], &format!("note {name}"), now)
    }

    /// Records that the candidates of these experiments were pruned.
    pub fn prune(&mut self, ids: &BTreeSet<ExperimentId>, now: Timestamp) -> Result<(), Error> {
        let mut pruned = self.reader.pruned()?;
        pruned.extend(ids);
        self.note(layout::PRUNED, &layout::pruned_note(&pruned), now)
    }

    /// Frees what nothing names any more in our packs; returns how many bytes.
    pub fn free(&self, reachable: &Reachable, removal: Removal) -> Result<u64, Error> {
        Ok(self.reader.ledger.free(reachable, removal)?)
    }

    fn write_backlog(
        &mut self,
        items: &[BacklogItem],
        message: &str,
        now: Timestamp,
    ) -> Result<(), Error> {
        let text = BACKLOG.encode_lines(items);
        self.write(vec![file(layout::BACKLOG.to_owned(), text)?], message, now)
    }

    /// Commits files by compare-and-swap on the tip that this writer saw last.
    ///
    /// The first commit of a writer raises the epoch of the lease, so that opening and closing one
    /// writes nothing, and an older writer that wakes up finds a tip it does not know.
    pub(super) fn write(
        &mut self,
        mut changes: Vec<FileChange>,
        message: &str,
        at: Timestamp,
    ) -> Result<(), Error> {
        self.check()?;
        if !self.has_lease {
            changes.push(self.next_lease()?);
        }
        match self
            .reader
            .ledger
            .commit(self.tip.as_ref(), &changes, message, at)
        {
            Ok(tip) => {
                // Only a repair reads it, and only when the ref itself is lost: it may fail.
                drop(std::fs::write(&self.tip_file, tip.as_str()));
                self.tip = Some(tip);
                self.has_lease = true;
                Ok(())
            }
            Err(source) => {
                self.stopped = true;
                Err(source.into())
            }
        }
    }

    fn next_lease(&self) -> Result<FileChange, Error> {
        let epoch = match &self.tip {
            Some(tip) => epoch_at(&self.reader, tip)?,
            None => 0,
        };
        Ok(self.lease_after(epoch))
    }

    fn lease_after(&self, epoch: u64) -> FileChange {
        let lease = Lease {
            epoch: epoch + 1,
            pid: std::process::id(),
            since: self.opened,
        };
        let text = serde_json::to_vec(&lease).expect("a lease is plain data");
        (layout::LEASE.to_owned(), Some(text))
    }

    fn check(&self) -> Result<(), Error> {
        if self.stopped {
            Err(Error::Stopped)
        } else {
            Ok(())
        }
    }
}

/// Returns the epoch of the writer that wrote last; one that cannot be read fences nobody: the
/// compare-and-swap does.
fn epoch_at(reader: &Reader, tip: &CommitSha) -> Result<u64, Error> {
    let bytes = reader.ledger.read(tip, layout::LEASE)?;
    let lease = bytes.and_then(|bytes| serde_json::from_slice::<Lease>(&bytes).ok());
    Ok(lease.map_or(0, |lease| lease.epoch))
}

/// What sealing one experiment writes.
struct Sealed {
    changes: Vec<FileChange>,
    snapshot: Snapshot,
    message: String,
    at: Timestamp,
}

/// Returns what puts a closed experiment behind the others of a record.
fn sealed(
    reader: &Reader,
    tip: Option<&CommitSha>,
    snapshot: &Snapshot,
    experiment: &Experiment,
) -> Result<Sealed, Error> {
    let summary = layout::summary_of(experiment).ok_or(Error::Unfinished)?;
    let mut snapshot = snapshot.clone();
    snapshot.add(&summary);
    let message = format!(
        "experiment {}: {}: {}",
        summary.id, summary.verdict, summary.title
    );
    let at = summary.finished;
    let segment = layout::segment_of(summary.id);
    let mut summaries = match tip {
        Some(tip) => reader.segment(tip, segment)?,
        None => Vec::new(),
    };
    summaries.push(summary);
    let changes = vec![
        file(
            layout::record_path(experiment.id),
            RECORD.encode(experiment),
        )?,
        file(
            layout::segment_path(segment),
            SUMMARY.encode_lines(&summaries),
        )?,
        file(layout::SNAPSHOT.to_owned(), SNAPSHOT.encode(&snapshot))?,
    ];
    Ok(Sealed {
        changes,
        snapshot,
        message,
        at,
    })
}

/// Reads the snapshot and refuses one that a newer program wrote.
fn writable_snapshot(reader: &Reader, tip: &CommitSha) -> Result<Snapshot, Error> {
    let Some(bytes) = reader.ledger.read(tip, layout::SNAPSHOT)? else {
        return Ok(Snapshot::default());
    };
    let damaged = |source| {
        Error::stored(
            "`snapshot.json` of the ledger",
            "its commit was found",
            source,
        )
    };
    let (snapshot, version) = SNAPSHOT.decode(&bytes).map_err(damaged)?;
    SNAPSHOT.check_writable(version).map_err(damaged)?;
    Ok(snapshot)
}

pub(super) fn file(
    path: String,
    text: Result<String, crate::format::Error>,
) -> Result<FileChange, Error> {
    let text = text.map_err(|source| Error::Unstorable {
        what: format!("`{path}`"),
        source: Box::new(source),
    })?;
    Ok((path, Some(text.into_bytes())))
}

/// Returns an error with its causes on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

fn is_keep(experiment: &Experiment) -> bool {
    experiment
        .decision
        .as_ref()
        .is_some_and(|decision| decision.verdict == Verdict::Keep)
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

fn is_file_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('.')
        && name.len() <= 100
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
}
