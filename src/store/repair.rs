//! Rebuilding the index and the snapshot from the records, and saying what is lost.

use std::collections::BTreeSet;

use camino::Utf8Path;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::layout::{self, LEDGER, Snapshot};
use super::lock::Lock;
use super::{Error, Reader};
use crate::format::{AUDITS, RECORD, SNAPSHOT, SUMMARY};
use crate::model::audit::AuditLine;
use crate::model::experiment::{Experiment, Summary};
use crate::model::id::{CommitSha, ExperimentId};
use crate::repo::Target;
use crate::repo::records::{FileChange, RecordRef};

/// What a repair found and did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Repaired {
    /// Experiments that are in the record now.
    pub experiments: u32,
    /// What could not be read anywhere, in sentences.
    pub lost: Vec<String>,
    /// What was done, in sentences.
    pub done: Vec<String>,
}

/// Repairs the record of a target.
pub fn repair(target: &Target, now: Timestamp) -> Result<Repaired, Error> {
    repair_at(target.common_dir(), now)
}

/// Repairs the record in the repository with that git common dir.
///
/// A sound record is left alone. Nothing is deleted: the damaged commit stays the parent where it
/// can be read.
pub fn repair_at(common_dir: &Utf8Path, now: Timestamp) -> Result<Repaired, Error> {
    let _lock = Lock::take(&common_dir.join("factory/lock"), now)?;
    let reader = Reader::at(common_dir)?;
    let mut repaired = Repaired::default();
    for path in reader.ledger.clear_stale()? {
        repaired.done.push(format!("removed `{path}`"));
    }
    let Some(tip) = find_tip(&reader, common_dir, &mut repaired)? else {
        return Ok(repaired);
    };
    if let Ok(snapshot) = check(&reader, &tip) {
        repaired.experiments = snapshot.experiments;
        return Ok(repaired);
    }
    rebuild(&reader, &tip, now, &mut repaired)?;
    Ok(repaired)
}

/// Returns the snapshot of a record in which everything can be read.
fn check(reader: &Reader, tip: &CommitSha) -> Result<Snapshot, Error> {
    if reader.ledger.tip()?.as_ref() != Some(tip) {
        return Err(Error::Fenced);
    }
    let snapshot = reader.snapshot(tip)?;
    let mut n = 0;
    for segment in snapshot.segments() {
        for summary in reader.segment(tip, segment)? {
            n += 1;
            let known_lost = snapshot.lost.contains(&summary.id);
            if !known_lost && reader.record(tip, summary.id)?.is_none() {
                return Err(missing(summary.id));
            }
        }
    }
    reader.backlog()?;
    reader.rejections()?;
    reader.audits()?;
    if n == snapshot.experiments {
        Ok(snapshot)
    } else {
        Err(missing(snapshot.next))
    }
}

fn missing(id: ExperimentId) -> Error {
    Error::NoSuchExperiment { id }
}

/// Returns the newest commit of the ledger whose tree of records can be listed.
fn find_tip(
    reader: &Reader,
    common_dir: &Utf8Path,
    repaired: &mut Repaired,
) -> Result<Option<CommitSha>, Error> {
    let tip = if let Ok(tip) = reader.ledger.tip() {
        tip
    } else {
        repaired.lost.push(format!("`{LEDGER}` could not be read"));
        last_known_tip(&reader.ledger, common_dir)?
    };
    let Some(tip) = tip else { return Ok(None) };
    let history = reader.ledger.readable_history(&tip);
    let found = history
        .iter()
        .find(|commit| reader.ledger.list(commit, layout::RECORDS).is_ok());
    if found != Some(&tip) {
        repaired
            .lost
            .push(format!("commit {tip} could not be read"));
    }
    Ok(found.cloned())
}

/// Returns the tip that the last writer noted beside the journal.
fn last_known_tip(ledger: &RecordRef, common_dir: &Utf8Path) -> Result<Option<CommitSha>, Error> {
    let noted = std::fs::read_to_string(common_dir.join("factory/ledger-tip")).ok();
    let Some(commit) = noted.and_then(|text| text.trim().parse::<CommitSha>().ok()) else {
        return Ok(None);
    };
    Ok(ledger.has_commit(&commit)?.then_some(commit))
}

/// Writes the record anew from what can be read of it.
fn rebuild(
    reader: &Reader,
    tip: &CommitSha,
    now: Timestamp,
    repaired: &mut Repaired,
) -> Result<(), Error> {
    let mut files = Vec::new();
    let mut summaries = Vec::new();
    for experiment in readable_records(reader, tip, repaired) {
        if let Some(summary) = layout::summary_of(&experiment) {
            summaries.push(summary);
            files.push(encoded(
                layout::record_path(experiment.id),
                RECORD.encode(&experiment),
            )?);
        }
    }
    summaries.sort_by_key(|summary| summary.id);
    let mut snapshot = Snapshot {
        lost: keep_lost_summaries(reader, tip, &mut summaries),
        ..Snapshot::default()
    };
    for summary in &summaries {
        snapshot.add(summary);
    }
    if let Ok(old) = reader.snapshot(tip) {
        snapshot.next = snapshot.next.max(old.next);
    }
    for lines in
        summaries.chunk_by(|one, other| layout::segment_of(one.id) == layout::segment_of(other.id))
    {
        let path = layout::segment_path(layout::segment_of(lines[0].id));
        files.push(encoded(path, SUMMARY.encode_lines(lines))?);
    }
    files.push(encoded(
        layout::SNAPSHOT.to_owned(),
        SNAPSHOT.encode(&snapshot),
    )?);
    copy_texts(reader, tip, &mut files, repaired);
    reader.ledger.rebuild(&files, "repair", now)?;
    repaired.experiments = snapshot.experiments;
    let n = snapshot.experiments;
    repaired
        .done
        .push(format!("rebuilt the index from {n} experiments"));
    Ok(())
}

/// Returns every record that can be read, and notes those that cannot.
fn readable_records(reader: &Reader, tip: &CommitSha, repaired: &mut Repaired) -> Vec<Experiment> {
    let mut found = Vec::new();
    let list = |dir: &str, lost: &mut Vec<String>| {
        reader.ledger.list(tip, dir).unwrap_or_else(|_| {
            lost.push(format!("`{dir}` could not be read"));
            Vec::new()
        })
    };
    for upper in list(layout::RECORDS, &mut repaired.lost) {
        let dir = format!("{}/{upper}", layout::RECORDS);
        for lower in list(&dir, &mut repaired.lost) {
            for name in list(&format!("{dir}/{lower}"), &mut repaired.lost) {
                let Some(id) = layout::record_id(&name) else {
                    continue;
                };
                match reader.record(tip, id) {
                    Ok(Some(experiment)) => found.push(experiment),
                    _ => repaired
                        .lost
                        .push(format!("the record of experiment {id} could not be read")),
                }
            }
        }
    }
    found
}

/// Adds summaries from the old index whose records are lost, and returns which: less than a record,
/// more than nothing.
fn keep_lost_summaries(
    reader: &Reader,
    tip: &CommitSha,
    summaries: &mut Vec<Summary>,
) -> Vec<ExperimentId> {
    let saved: BTreeSet<_> = summaries.iter().map(|summary| summary.id).collect();
    let newest = saved.last().copied().unwrap_or(ExperimentId(0));
    let segments = reader
        .snapshot(tip)
        .map_or(0..layout::segment_of(newest) + 2, |old| old.segments());
    let mut lost = Vec::new();
    for segment in segments {
        let old = reader.segment(tip, segment).unwrap_or_default();
        for summary in old.into_iter().filter(|it| !saved.contains(&it.id)) {
            lost.push(summary.id);
            summaries.push(summary);
        }
    }
    summaries.sort_by_key(|summary| summary.id);
    lost
}

/// Takes over what is not about experiments.
fn copy_texts(
    reader: &Reader,
    tip: &CommitSha,
    files: &mut Vec<FileChange>,
    repaired: &mut Repaired,
) {
    let notes = reader.ledger.list(tip, layout::NOTES).unwrap_or_default();
    let audits = reader.lines_at::<AuditLine>(tip, layout::AUDITS, &AUDITS);
    let audits: Vec<String> = audits
        .unwrap_or_default()
        .iter()
        .map(|it| layout::audit_path(it.id))
        .collect();
    let paths = [
        layout::BACKLOG,
        layout::REJECTIONS,
        layout::AUDITS,
        layout::LEASE,
    ]
    .map(str::to_owned)
    .into_iter()
    .chain(notes.iter().map(|name| format!("{}/{name}", layout::NOTES)))
    .chain(audits);
    for path in paths {
        match reader.ledger.read(tip, &path) {
            Ok(Some(bytes)) => files.push((path, Some(bytes))),
            Ok(None) => {}
            Err(_) => repaired.lost.push(format!("`{path}` could not be read")),
        }
    }
}

fn encoded(path: String, text: Result<String, crate::format::Error>) -> Result<FileChange, Error> {
    let text = text.map_err(|source| Error::Unstorable {
        what: format!("`{path}`"),
        source: Box::new(source),
    })?;
    Ok((path, Some(text.into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::verdict::Verdict;
    use crate::store::sample::{Place, now, open, place, seal};

    fn with_experiments(n: u32) -> Place {
        let place = place();
        let (mut writer, _) = open(&place.common_dir);
        writer.add_backlog("faster", now()).unwrap();
        for _ in 0..n {
            seal(&mut writer, Verdict::Keep);
        }
        place
    }

    fn overwrite(place: &Place, path: &str, text: Option<&str>) {
        let ledger = RecordRef::open(&place.common_dir, LEDGER).unwrap();
        let tip = ledger.tip().unwrap();
        let change = (path.to_owned(), text.map(|text| text.as_bytes().to_vec()));
        ledger
            .commit(tip.as_ref(), &[change], "damage", now())
            .unwrap();
    }

    #[test]
    fn a_sound_record_is_left_alone() {
        let place = with_experiments(3);
        let before = Reader::at(&place.common_dir).unwrap().ledger.tip().unwrap();
        let repaired = repair_at(&place.common_dir, now()).unwrap();
        assert_eq!(repaired.experiments, 3);
        assert!(repaired.lost.is_empty() && repaired.done.is_empty());
        assert_eq!(
            Reader::at(&place.common_dir).unwrap().ledger.tip().unwrap(),
            before
        );
    }

    #[test]
    fn a_broken_index_and_snapshot_are_errors_until_they_are_rebuilt() {
        let place = with_experiments(66);
        let reader = Reader::at(&place.common_dir).unwrap();
        let before = reader.summaries().unwrap();
        overwrite(&place, &layout::segment_path(0), Some("{\"half"));
        assert!(matches!(reader.summaries(), Err(Error::Damaged { .. })));
        assert_eq!(reader.recent(2).unwrap().len(), 2);
        overwrite(&place, layout::SNAPSHOT, Some("no"));
        assert!(matches!(reader.totals(), Err(Error::Damaged { .. })));
        let repaired = repair_at(&place.common_dir, now()).unwrap();
        assert_eq!(repaired.experiments, 66);
        assert!(repaired.lost.is_empty(), "{:?}", repaired.lost);
        assert_eq!(reader.summaries().unwrap(), before);
        assert_eq!(reader.totals().unwrap().by_verdict[0].1, 66);
        assert_eq!(reader.backlog().unwrap().len(), 1);
        let (mut writer, _) = open(&place.common_dir);
        seal(&mut writer, Verdict::Revert);
    }

    #[test]
    fn a_lost_record_is_named_and_its_line_is_kept() {
        let place = with_experiments(3);
        overwrite(&place, &layout::record_path(ExperimentId(2)), Some("zero"));
        let reader = Reader::at(&place.common_dir).unwrap();
        let id = ExperimentId(2);
        assert!(matches!(reader.experiment(id), Err(Error::Damaged { .. })));
        let repaired = repair_at(&place.common_dir, now()).unwrap();
        assert_eq!(
            repaired.lost,
            ["the record of experiment 2 could not be read"]
        );
        assert_eq!(reader.summaries().unwrap().len(), 3);
        assert_eq!(reader.experiment(id).unwrap(), None);
        let again = repair_at(&place.common_dir, now()).unwrap();
        assert!(again.lost.is_empty() && again.done.is_empty(), "{again:?}");
        let (writer, _) = open(&place.common_dir);
        assert_eq!(writer.next_id(), ExperimentId(4));
    }

    #[test]
    fn a_ref_that_a_power_loss_emptied_is_found_again() {
        let place = with_experiments(2);
        std::fs::write(place.common_dir.join(LEDGER), "").unwrap();
        let reader = Reader::at(&place.common_dir).unwrap();
        assert!(matches!(reader.recent(1), Err(Error::Damaged { .. })));
        let repaired = repair_at(&place.common_dir, now()).unwrap();
        assert_eq!(repaired.experiments, 2);
        assert_eq!(reader.recent(5).unwrap().len(), 2);
    }

    #[test]
    fn nothing_is_repaired_while_a_writer_works() {
        let place = with_experiments(1);
        let (_writer, _) = open(&place.common_dir);
        let held = repair_at(&place.common_dir, now());
        assert!(matches!(held, Err(Error::Held { .. })));
    }
}
