//! What a record holds that it did not hold at an earlier commit: for whoever derives something from it.

use std::collections::BTreeSet;

use super::layout;
use super::{Error, Reader, Rejection};
use crate::format::{AUDITS, REJECTION};
use crate::model::audit::AuditLine;
use crate::model::experiment::{Experiment, Summary};
use crate::model::id::{CommitSha, ExperimentId};

/// What differs from an earlier commit of the record, or everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// The commit that was read; `None` while there is no record.
    pub tip: Option<CommitSha>,
    /// Whether the earlier commit is unknown, so that what is derived from it must be forgotten.
    pub is_all: bool,
    /// Experiments that are new or differ.
    pub closed: BTreeSet<ExperimentId>,
    /// Experiments that are no longer there.
    pub gone: BTreeSet<ExperimentId>,
    /// Every experiment that was un-kept, old or new: a person rejected it, or an audit took it out.
    pub unkept: BTreeSet<ExperimentId>,
}

/// One closed experiment.
#[derive(Clone, Debug, PartialEq)]
pub struct Closed {
    /// Its line of the index.
    pub summary: Summary,
    /// Its record, unless that was lost.
    pub record: Option<Experiment>,
}

impl Reader {
    /// Returns what differs from the commit that was seen last.
    pub fn changes(&self, seen: Option<&CommitSha>) -> Result<Changes, Error> {
        let Some(tip) = self.tip()? else {
            return Ok(Changes {
                is_all: true,
                ..Changes::default()
            });
        };
        let mut changes = Changes {
            unkept: self.unkept(&tip)?,
            ..Changes::default()
        };
        let files = match seen {
            Some(seen) => self.ledger.differing(seen, &tip)?,
            None => None,
        };
        // A repair may have left a summary without its record: that shows in no file of its own.
        let lost = |at: &CommitSha| self.snapshot(at).map(|it| it.lost);
        let files = match (files, seen) {
            (Some(files), Some(seen)) if lost(seen).ok() == Some(lost(&tip)?) => Some(files),
            _ => None,
        };
        if let Some(files) = files {
            for file in files {
                let name = file.path.rsplit('/').next().unwrap_or_default();
                let is_record = file.path.starts_with(layout::RECORDS);
                match layout::record_id(name).filter(|_| is_record) {
                    Some(id) if file.is_there => changes.closed.insert(id),
                    Some(id) => changes.gone.insert(id),
                    None => false,
                };
            }
        } else {
            changes.is_all = true;
            changes.closed = self.summaries()?.iter().map(|it| it.id).collect();
        }
        changes.tip = Some(tip);
        Ok(changes)
    }

    /// Returns closed experiments as they are at a commit of the record, in order; those that are not
    /// there are left out.
    pub fn closed(
        &self,
        at: &CommitSha,
        ids: &BTreeSet<ExperimentId>,
    ) -> Result<Vec<Closed>, Error> {
        let mut found = Vec::new();
        let mut segment: Option<(u32, Vec<Summary>)> = None;
        for id in ids {
            let record = self.record(at, *id)?;
            if let Some(summary) = record.as_ref().and_then(layout::summary_of) {
                found.push(Closed { summary, record });
                continue;
            }
            let number = layout::segment_of(*id);
            let known = segment.take().filter(|it| it.0 == number);
            let (_, summaries) = segment.insert(match known {
                Some(known) => known,
                None => (number, self.segment(at, number)?),
            });
            let summary = summaries.iter().find(|it| it.id == *id);
            found.extend(summary.map(|summary| Closed {
                summary: summary.clone(),
                record: None,
            }));
        }
        Ok(found)
    }

    /// Returns what was kept and then rejected by a person, or taken out after an audit.
    fn unkept(&self, tip: &CommitSha) -> Result<BTreeSet<ExperimentId>, Error> {
        let rejections = self.lines_at::<Rejection>(tip, layout::REJECTIONS, &REJECTION)?;
        let audits = self.lines_at::<AuditLine>(tip, layout::AUDITS, &AUDITS)?;
        let taken_out = audits.iter().flat_map(AuditLine::unkept);
        let rejected = rejections.iter().map(|it| it.experiment);
        Ok(rejected.chain(taken_out).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::verdict::Verdict;
    use crate::store::sample::{now, open, place, seal};

    fn ids(numbers: impl IntoIterator<Item = u32>) -> BTreeSet<ExperimentId> {
        numbers.into_iter().map(ExperimentId).collect()
    }

    #[test]
    fn only_what_is_new_since_a_commit_is_named() {
        let place = place();
        let reader = Reader::at(&place.common_dir).unwrap();
        assert_eq!(reader.changes(None).unwrap().tip, None);
        let (mut writer, _) = open(&place.common_dir);
        seal(&mut writer, Verdict::Keep);
        seal(&mut writer, Verdict::Revert);
        let first = reader.changes(None).unwrap();
        assert_eq!((first.is_all, first.closed), (true, ids([1, 2])));
        let tip = first.tip.unwrap();
        let same = reader.changes(Some(&tip)).unwrap();
        assert_eq!((same.is_all, same.closed), (false, ids([])));
        seal(&mut writer, Verdict::Vetoed);
        let rejection = crate::store::Rejection {
            experiment: ExperimentId(1),
            because: "slower for us".to_owned(),
            at: now(),
        };
        writer.reject(rejection).unwrap();
        let next = reader.changes(Some(&tip)).unwrap();
        assert_eq!((next.is_all, next.closed), (false, ids([3])));
        assert_eq!(next.unkept, ids([1]));
        let closed = reader.closed(&tip, &ids([2, 3, 9])).unwrap();
        assert_eq!(closed.len(), 1, "the third was not there yet");
        assert_eq!(
            closed[0].record,
            reader.experiment(ExperimentId(2)).unwrap()
        );
    }

    #[test]
    fn a_commit_that_is_gone_means_everything() {
        let place = place();
        let (mut writer, _) = open(&place.common_dir);
        seal(&mut writer, Verdict::Keep);
        let reader = Reader::at(&place.common_dir).unwrap();
        let unknown: CommitSha = "9".repeat(40).parse().unwrap();
        let changes = reader.changes(Some(&unknown)).unwrap();
        assert_eq!((changes.is_all, changes.closed), (true, ids([1])));
    }
}
