//! What a seal writes, after few experiments and after a hundred thousand.

use super::layout::{self, Snapshot, summary_of};
use super::sample::{Place, events, now, open, place, seal};
use crate::format::{SNAPSHOT, SUMMARY};
use crate::model::experiment::{Summary, fold};
use crate::model::id::ExperimentId;
use crate::model::verdict::Verdict;
use crate::repo::records::{FileChange, RecordRef};

fn put(path: String, text: String) -> FileChange {
    (path, Some(text.into_bytes()))
}

fn summary(id: u32) -> Summary {
    summary_of(&fold(&events(id, Verdict::Revert)).unwrap().unwrap()).unwrap()
}

/// A ledger whose next experiment is `next`: every directory on the way to it is as full as it would
/// be, and what a seal does not read is left out.
fn ledger_before(next: u32) -> Place {
    let place = place();
    let last = next - 1;
    let mut files = Vec::new();
    for id in 1..=last {
        if id % 100 == 0 || id / 100 == next / 100 {
            files.push(put(layout::record_path(ExperimentId(id)), format!("{id}")));
        }
    }
    let segment = layout::segment_of(ExperimentId(last));
    for number in 0..segment {
        files.push(put(layout::segment_path(number), format!("{number}")));
    }
    let lines: Vec<_> = (segment * 64 + 1..=last).map(summary).collect();
    files.push(put(
        layout::segment_path(segment),
        SUMMARY.encode_lines(&lines).unwrap(),
    ));
    let snapshot = Snapshot {
        next: ExperimentId(next),
        experiments: last,
        by_verdict: [(Verdict::Revert, last)].into(),
        lost: Vec::new(),
    };
    files.push(put(
        layout::SNAPSHOT.to_owned(),
        SNAPSHOT.encode(&snapshot).unwrap(),
    ));
    let ledger = RecordRef::open(&place.common_dir, layout::LEDGER).unwrap();
    ledger.commit(None, &files, "many", now()).unwrap();
    place
}

/// Returns the bytes of the pack that one seal adds.
fn bytes_of_a_seal(next: u32) -> u64 {
    let place = ledger_before(next);
    let dir = place.common_dir.join("objects/pack");
    let size = || -> u64 {
        let entries = dir.read_dir_utf8().unwrap();
        entries
            .map(|entry| entry.unwrap().metadata().unwrap().len())
            .sum()
    };
    let before = size();
    let (mut writer, _) = open(&place.common_dir);
    seal(&mut writer, Verdict::Revert);
    assert_eq!(writer.next_id(), ExperimentId(next + 1));
    assert_eq!(
        writer.reader().recent(2).unwrap()[1].id,
        ExperimentId(next - 1)
    );
    size() - before
}

#[test]
fn a_seal_writes_no_more_after_a_hundred_thousand_experiments_than_full_directories_need() {
    // The same place in the segment: 33 lines behind 64 × 1561.
    let (few, many) = (bytes_of_a_seal(34), bytes_of_a_seal(34 + 64 * 1561));
    // Three directories of up to a hundred entries, each some thirty bytes that do not compress.
    assert!(
        many < few + 3 * 100 * 30,
        "{few} bytes at first, {many} bytes then"
    );
    assert!(many < 24 * 1024, "{many} bytes for one seal");
}
