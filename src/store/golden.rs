//! One file per past version of each durable format, which must still mean what it meant.
//!
//! A file here is never edited. A new version adds files and a test; the old ones stay.

use super::layout::{Snapshot, summary_of};
use super::sample::events;
use super::{journal, layout};
use crate::format::{FormatVersion, JOURNAL, RECORD, SNAPSHOT, SUMMARY};
use crate::model::experiment::{Experiment, ExperimentEvent, Summary, fold};
use crate::model::measurement::TestPlan;
use crate::model::verdict::Verdict;

const JOURNAL_1_0: &str = include_str!("../format/golden/journal-1.0.jsonl");
const JOURNAL_1_1: &str = include_str!("../format/golden/journal-1.1.jsonl");
const JOURNAL_1_2: &str = include_str!("../format/golden/journal-1.2.jsonl");
const RECORD_1_0: &str = include_str!("../format/golden/record-1.0.json");
const RECORD_1_1: &str = include_str!("../format/golden/record-1.1.json");
const RECORD_1_2: &str = include_str!("../format/golden/record-1.2.json");
const SUMMARY_1_0: &str = include_str!("../format/golden/summary-1.0.jsonl");
const SUMMARY_1_1: &str = include_str!("../format/golden/summary-1.1.jsonl");
const SUMMARY_1_2: &str = include_str!("../format/golden/summary-1.2.jsonl");
const SNAPSHOT_1_0: &str = include_str!("../format/golden/snapshot-1.0.json");

fn experiment() -> Experiment {
    fold(&events(7, Verdict::Keep)).unwrap().unwrap()
}

/// The events as a program wrote them that knew no streams.
fn events_1_0() -> Vec<ExperimentEvent> {
    let mut events = events(7, Verdict::Keep);
    for event in &mut events {
        if let ExperimentEvent::Measured {
            evidence: Some(evidence),
            ..
        } = event
            && let TestPlan::SignBetting(plan) = &mut evidence.plan
        {
            plan.stream = None;
        }
    }
    events
}

fn experiment_1_0() -> Experiment {
    fold(&events_1_0()).unwrap().unwrap()
}

/// The summary as a program wrote it that did not look back on what tests saw.
fn summary_1_1() -> Summary {
    let mut summary = summary_of(&experiment()).unwrap();
    let spent = summary.spent.as_mut().expect("the claim is noisy");
    spent.seen = None;
    summary
}

fn snapshot() -> Snapshot {
    let mut snapshot = Snapshot::default();
    snapshot.add(&summary_of(&experiment()).unwrap());
    snapshot
}

#[test]
fn a_journal_of_version_1_0_still_loads() {
    let contents = journal::parse(JOURNAL_1_0.as_bytes()).unwrap();
    assert_eq!(contents.events, events_1_0());
    assert_eq!(contents.torn, 0);
}

#[test]
fn a_journal_of_version_1_1_still_loads() {
    let contents = journal::parse(JOURNAL_1_1.as_bytes()).unwrap();
    assert_eq!(contents.events, events(7, Verdict::Keep));
}

#[test]
fn a_journal_of_version_1_2_still_loads() {
    let contents = journal::parse(JOURNAL_1_2.as_bytes()).unwrap();
    assert_eq!(contents.events, events(7, Verdict::Keep));
}

#[test]
fn a_record_of_version_1_0_still_loads() {
    let (record, _) = RECORD.decode::<Experiment>(RECORD_1_0.as_bytes()).unwrap();
    assert_eq!(record, experiment_1_0());
}

#[test]
fn a_record_of_version_1_1_still_loads() {
    let (record, _) = RECORD.decode::<Experiment>(RECORD_1_1.as_bytes()).unwrap();
    assert_eq!(record, experiment());
}

#[test]
fn a_record_of_version_1_2_still_loads() {
    let (record, _) = RECORD.decode::<Experiment>(RECORD_1_2.as_bytes()).unwrap();
    assert_eq!(record, experiment());
}

#[test]
fn a_summary_segment_of_version_1_0_still_loads() {
    let (summaries, _) = SUMMARY
        .decode_lines::<Summary>(SUMMARY_1_0.as_bytes())
        .unwrap();
    assert_eq!(summaries, [summary_of(&experiment_1_0()).unwrap()]);
}

#[test]
fn a_summary_segment_of_version_1_1_still_loads() {
    let (summaries, _) = SUMMARY
        .decode_lines::<Summary>(SUMMARY_1_1.as_bytes())
        .unwrap();
    assert_eq!(summaries, [summary_1_1()]);
}

#[test]
fn a_summary_segment_of_version_1_2_still_loads() {
    let (summaries, _) = SUMMARY
        .decode_lines::<Summary>(SUMMARY_1_2.as_bytes())
        .unwrap();
    let summary = summary_of(&experiment()).unwrap();
    assert!(summary.spent.as_ref().is_some_and(|it| it.seen.is_some()));
    assert_eq!(summaries, [summary]);
}

#[test]
fn a_snapshot_of_version_1_0_still_loads() {
    let (read, _) = SNAPSHOT
        .decode::<Snapshot>(SNAPSHOT_1_0.as_bytes())
        .unwrap();
    assert_eq!(read, snapshot());
}

/// Returns name, version and text of every format as it is written today.
fn written_today() -> [(&'static str, FormatVersion, String); 4] {
    let journal: String = events(7, Verdict::Keep)
        .iter()
        .zip(1..)
        .map(|(event, seq)| journal::encode(seq, event).unwrap())
        .collect();
    let record = RECORD.encode(&experiment()).unwrap() + "\n";
    let summaries = [summary_of(&experiment()).unwrap()];
    let summary = SUMMARY.encode_lines(&summaries).unwrap();
    let snapshot = SNAPSHOT.encode(&snapshot()).unwrap() + "\n";
    [
        ("journal", JOURNAL.version, journal),
        ("record", RECORD.version, record),
        ("summary", SUMMARY.version, summary),
        ("snapshot", SNAPSHOT.version, snapshot),
    ]
}

fn golden_path(name: &str, version: FormatVersion) -> String {
    let extension = if matches!(name, "journal" | "summary") {
        "jsonl"
    } else {
        "json"
    };
    format!("src/format/golden/{name}-{version}.{extension}")
}

#[test]
fn a_change_of_shape_has_a_new_version_and_its_golden_file() {
    for (name, version, today) in written_today() {
        let path = golden_path(name, version);
        let golden = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(golden, today, "`{path}`");
    }
}

#[test]
#[ignore = "writes the golden files of the present versions; run by hand after raising one"]
fn write_the_golden_files_of_the_present_versions() {
    for (name, version, today) in written_today() {
        std::fs::write(golden_path(name, version), today).unwrap();
    }
}

#[test]
fn paths_in_the_ledger_do_not_move() {
    let id = crate::model::id::ExperimentId;
    assert_eq!(layout::record_path(id(123)), "records/00/01/000123.json");
    assert_eq!(
        layout::record_path(id(100_000)),
        "records/10/00/100000.json"
    );
    assert_eq!(layout::record_id("000123.json"), Some(id(123)));
    assert_eq!(layout::segment_of(id(64)), 0);
    assert_eq!(layout::segment_of(id(65)), 1);
    assert_eq!(layout::segment_path(156), "index/001/000156.jsonl");
}
