//! Read access to the record, without the lock and while a writer is at work.
//!
//! Each question reads one commit of the ledger: what it answers was true at one instant.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use serde::de::DeserializeOwned;

use super::layout::{self, Snapshot};
use super::{BacklogItem, Error, Owner, RecordEvent, Rejection, Totals, events, journal, lock};
use crate::format::{BACKLOG, Format, RECORD, REJECTION, SNAPSHOT, SUMMARY};
use crate::model::experiment::{Experiment, Summary};
use crate::model::id::{CommitSha, ExperimentId};
use crate::repo::Target;
use crate::repo::records::RecordRef;

/// Read access; any number at once.
pub struct Reader {
    pub(super) ledger: RecordRef,
    pub(super) dir: Utf8PathBuf,
}

impl Reader {
    /// Opens the record of a target.
    pub fn open(target: &Target) -> Result<Self, Error> {
        Self::at(target.common_dir())
    }

    /// Opens the record in the repository with that git common dir.
    pub fn at(common_dir: &Utf8Path) -> Result<Self, Error> {
        Ok(Self {
            ledger: RecordRef::open(common_dir, layout::LEDGER)?,
            dir: common_dir.join("factory"),
        })
    }

    /// Returns the folder of what is not in git: lock, journal, orders.
    pub(super) fn dir(&self) -> &Utf8Path {
        &self.dir
    }

    /// Returns the commit that holds the record; it moves with every change of it.
    pub fn tip(&self) -> Result<Option<CommitSha>, Error> {
        Ok(self.ledger.tip()?)
    }

    /// Returns the last `n` experiments, newest first.
    pub fn recent(&self, n: usize) -> Result<Vec<Summary>, Error> {
        let Some(tip) = self.ledger.tip()? else {
            return Ok(Vec::new());
        };
        let mut found = Vec::new();
        for segment in self.snapshot(&tip)?.segments().rev() {
            if found.len() >= n {
                break;
            }
            found.extend(self.segment(&tip, segment)?.into_iter().rev());
        }
        found.truncate(n);
        Ok(found)
    }

    /// Returns every summary, oldest first, from the index and not from the records.
    pub fn summaries(&self) -> Result<Vec<Summary>, Error> {
        self.summaries_from(ExperimentId(1))
    }

    /// Returns the summaries from that experiment on, oldest first.
    pub fn summaries_from(&self, first: ExperimentId) -> Result<Vec<Summary>, Error> {
        let Some(tip) = self.ledger.tip()? else {
            return Ok(Vec::new());
        };
        let segments = self.snapshot(&tip)?.segments();
        let mut found = Vec::new();
        for segment in segments.skip_while(|it| *it < layout::segment_of(first)) {
            found.extend(self.segment(&tip, segment)?);
        }
        found.retain(|summary: &Summary| summary.id >= first);
        Ok(found)
    }

    /// Returns one whole record.
    pub fn experiment(&self, id: ExperimentId) -> Result<Option<Experiment>, Error> {
        let Some(tip) = self.ledger.tip()? else {
            return Ok(None);
        };
        self.record(&tip, id)
    }

    /// Returns the counts of the whole record.
    pub fn totals(&self) -> Result<Totals, Error> {
        let snapshot = match self.ledger.tip()? {
            Some(tip) => self.snapshot(&tip)?,
            None => Snapshot::default(),
        };
        Ok(layout::totals(&snapshot))
    }

    /// Returns the wishes, oldest first, closed ones included.
    pub fn backlog(&self) -> Result<Vec<BacklogItem>, Error> {
        self.lines(layout::BACKLOG, &BACKLOG)
    }

    /// Returns a person's words about experiments, oldest first.
    pub fn rejections(&self) -> Result<Vec<Rejection>, Error> {
        self.lines(layout::REJECTIONS, &REJECTION)
    }

    /// Returns a text that a person wrote and a writer sealed.
    pub fn note(&self, name: &str) -> Result<Option<String>, Error> {
        let Some(tip) = self.ledger.tip()? else {
            return Ok(None);
        };
        let text = self
            .ledger
            .read(&tip, &format!("{}/{name}", layout::NOTES))?;
        Ok(text.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Returns the experiments whose candidates were pruned.
    pub fn pruned(&self) -> Result<BTreeSet<ExperimentId>, Error> {
        let note = self.note(layout::PRUNED)?.unwrap_or_default();
        Ok(layout::pruned_in(&note))
    }

    /// Returns who holds the lock now, if anybody.
    pub fn owner(&self) -> Option<Owner> {
        lock::owner(&self.dir.join("lock"))
    }

    /// Returns the experiment in flight as its journal tells it, if there is one.
    pub fn in_flight(&self) -> Result<Option<Experiment>, Error> {
        let contents = journal::read(&self.dir.join("journal.jsonl"))?;
        let next = self.next_id()?;
        let mut state: Option<Experiment> = None;
        for event in &contents.events {
            let step = match state.clone() {
                None => Experiment::begin(event),
                Some(experiment) => experiment.step(event),
            };
            match step {
                Ok(experiment) => state = Some(experiment),
                Err(_) => break,
            }
        }
        // One that is sealed already stays in the journal for the instant until it is emptied.
        Ok(state.filter(|experiment| experiment.id >= next))
    }

    /// Returns the events of the record, those with a sequence number above `after`.
    pub fn events(&self, after: u64) -> Result<Vec<RecordEvent>, Error> {
        let sealed = self.summaries_from(events::experiment_after(after))?;
        let flying = journal::read(&self.dir.join("journal.jsonl"))?.events;
        Ok(events::lines(&sealed, &flying, after))
    }

    pub(super) fn next_id(&self) -> Result<ExperimentId, Error> {
        Ok(match self.ledger.tip()? {
            Some(tip) => self.snapshot(&tip)?.next,
            None => ExperimentId(1),
        })
    }

    pub(super) fn snapshot(&self, tip: &CommitSha) -> Result<Snapshot, Error> {
        match self.ledger.read(tip, layout::SNAPSHOT)? {
            Some(bytes) => self.decode(&SNAPSHOT, layout::SNAPSHOT, &bytes),
            None => Ok(Snapshot::default()),
        }
    }

    pub(super) fn segment(&self, tip: &CommitSha, segment: u32) -> Result<Vec<Summary>, Error> {
        let path = layout::segment_path(segment);
        let Some(bytes) = self.ledger.read(tip, &path)? else {
            return Ok(Vec::new());
        };
        let (summaries, _) = SUMMARY
            .decode_lines(&bytes)
            .map_err(|source| self.damaged(&path, source))?;
        Ok(summaries)
    }

    pub(super) fn record(
        &self,
        tip: &CommitSha,
        id: ExperimentId,
    ) -> Result<Option<Experiment>, Error> {
        let path = layout::record_path(id);
        let Some(bytes) = self.ledger.read(tip, &path)? else {
            return Ok(None);
        };
        self.decode(&RECORD, &path, &bytes).map(Some)
    }

    pub(super) fn lines<T: DeserializeOwned>(
        &self,
        path: &str,
        format: &Format,
    ) -> Result<Vec<T>, Error> {
        match self.ledger.tip()? {
            Some(tip) => self.lines_at(&tip, path, format),
            None => Ok(Vec::new()),
        }
    }

    pub(super) fn lines_at<T: DeserializeOwned>(
        &self,
        tip: &CommitSha,
        path: &str,
        format: &Format,
    ) -> Result<Vec<T>, Error> {
        let Some(bytes) = self.ledger.read(tip, path)? else {
            return Ok(Vec::new());
        };
        let (items, _) = format
            .decode_lines(&bytes)
            .map_err(|source| self.damaged(path, source))?;
        Ok(items)
    }

    pub(super) fn decode<T: DeserializeOwned>(
        &self,
        format: &Format,
        path: &str,
        bytes: &[u8],
    ) -> Result<T, Error> {
        let (value, _) = format
            .decode(bytes)
            .map_err(|source| self.damaged(path, source))?;
        Ok(value)
    }

    #[expect(
        clippy::unused_self,
        reason = "reads like the other readers of this type"
    )]
    fn damaged(&self, path: &str, source: crate::format::Error) -> Error {
        Error::stored(
            &format!("`{path}` of the ledger"),
            "the commit and its other files were found",
            source,
        )
    }
}
