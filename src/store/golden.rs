//! One file per past version of each durable format, which must still mean what it meant.
//!
//! A file here is never edited. A new version adds files and a test; the old ones stay.

use super::layout::{Snapshot, summary_of};
use super::sample::events;
use super::{journal, layout};
use crate::format::{FormatVersion, JOURNAL, RECORD, SNAPSHOT, SUMMARY};
use crate::model::dimension::Direction;
use crate::model::experiment::{Experiment, ExperimentEvent, Summary, fold};
use crate::model::measurement::{Evidence, Scale, TestPlan, WatchPlan};
use crate::model::screening::{Screening, Variant};
use crate::model::tail::{Tail, TailGuard};
use crate::model::turn::{Side, Turn, TurnEnd};
use crate::model::verdict::Verdict;

const JOURNAL_1_0: &str = include_str!("../format/golden/journal-1.0.jsonl");
const JOURNAL_1_1: &str = include_str!("../format/golden/journal-1.1.jsonl");
const JOURNAL_1_2: &str = include_str!("../format/golden/journal-1.2.jsonl");
const JOURNAL_1_3: &str = include_str!("../format/golden/journal-1.3.jsonl");
const JOURNAL_1_4: &str = include_str!("../format/golden/journal-1.4.jsonl");
const RECORD_1_0: &str = include_str!("../format/golden/record-1.0.json");
const RECORD_1_1: &str = include_str!("../format/golden/record-1.1.json");
const RECORD_1_2: &str = include_str!("../format/golden/record-1.2.json");
const RECORD_1_3: &str = include_str!("../format/golden/record-1.3.json");
const RECORD_1_4: &str = include_str!("../format/golden/record-1.4.json");
const SUMMARY_1_0: &str = include_str!("../format/golden/summary-1.0.jsonl");
const SUMMARY_1_1: &str = include_str!("../format/golden/summary-1.1.jsonl");
const SUMMARY_1_2: &str = include_str!("../format/golden/summary-1.2.jsonl");
const SUMMARY_1_3: &str = include_str!("../format/golden/summary-1.3.jsonl");
const SUMMARY_1_4: &str = include_str!("../format/golden/summary-1.4.jsonl");
const SNAPSHOT_1_0: &str = include_str!("../format/golden/snapshot-1.0.json");

fn experiment() -> Experiment {
    fold(&events(7, Verdict::Keep)).unwrap().unwrap()
}

/// The events of one of several variants, in a turn of one of two sides, with a guard beside its test.
fn events_1_3() -> Vec<ExperimentEvent> {
    let mut events = events(7, Verdict::Keep);
    for event in &mut events {
        match event {
            ExperimentEvent::Started { turn, .. } => *turn = Some(second_turn()),
            ExperimentEvent::Measured {
                evidence: Some(evidence),
                ..
            } => {
                if let TestPlan::SignBetting(plan) = &mut evidence.plan {
                    plan.give_up.least_pairs = 2;
                    plan.guards = vec![TailGuard {
                        tail: Tail::P95,
                        epsilon: 0.1,
                        sigma: 0.05,
                    }];
                }
            }
            _ => {}
        }
    }
    let screened = ExperimentEvent::Screened {
        screening: Box::new(screening()),
        hypothesis: None,
    };
    events.insert(1, screened);
    events
}

fn second_turn() -> Turn {
    Turn {
        number: 2,
        side: Side::Opponent,
        began: 12.5,
        against: "a".repeat(64),
        after: Some(TurnEnd::Plateau),
        wide: true,
    }
}

fn screening() -> Screening {
    let variant = |number, out: Option<&str>| Variant {
        number,
        key: "ruff:F7".parse().unwrap(),
        title: "Remove unused imports 7".to_owned(),
        tree: Some("4".repeat(40).parse().unwrap()),
        out: out.map(str::to_owned),
        pairs: Vec::new(),
    };
    Screening {
        metric: "lint".parse().unwrap(),
        unit: "findings".to_owned(),
        direction: Direction::Minimize,
        scale: Scale::Difference,
        most_pairs: 2,
        variants: vec![variant(1, Some("does not build")), variant(2, None)],
        winner: Some(2),
    }
}

fn experiment_1_3() -> Experiment {
    fold(&events_1_3()).unwrap().unwrap()
}

/// The events of a claim that was held to two other metrics: one was shown to stay, one watched.
fn events_1_4() -> Vec<ExperimentEvent> {
    let mut events = events_1_3();
    for event in &mut events {
        if let ExperimentEvent::Measured {
            evidence: Some(evidence),
            others,
            ..
        } = event
        {
            let mut shown = (**evidence).clone();
            if let TestPlan::SignBetting(plan) = &mut shown.plan {
                plan.epsilon = 0.05;
            }
            shown.metric = "speed".parse().unwrap();
            let watched = Evidence {
                metric: "memory".parse().unwrap(),
                unit: "MiB".to_owned(),
                plan: TestPlan::Watch(WatchPlan {
                    direction: Direction::Minimize,
                    scale: Scale::LogRatio,
                    epsilon: 0.05,
                    sigma: 0.04,
                    n_calibration: 10,
                    among: 2,
                    n_pairs: 9,
                }),
                pairs: Vec::new(),
            };
            *others = vec![shown, watched];
        }
    }
    let at = events
        .iter()
        .position(|it| it.name() == "measured")
        .unwrap();
    let testing = testing(&events);
    events.splice(at..at, testing);
    events
}

/// The journal's lines of a test that begins and of its first pair.
fn testing(events: &[ExperimentEvent]) -> Vec<ExperimentEvent> {
    let measured = events.iter().find_map(|it| match it {
        ExperimentEvent::Measured {
            evidence: Some(evidence),
            binding,
            sandbox,
            ..
        } => Some((evidence, binding, sandbox)),
        _ => None,
    });
    let (evidence, binding, sandbox) = measured.expect("a metric was measured");
    let pair = evidence.pairs.first().expect("pairs were run").clone();
    let begun = Evidence {
        pairs: Vec::new(),
        ..(**evidence).clone()
    };
    vec![
        ExperimentEvent::Testing {
            evidence: Box::new(begun),
            binding: binding.clone(),
            sandbox: sandbox.clone(),
        },
        ExperimentEvent::Paired {
            pair: Box::new(pair),
        },
    ]
}

fn experiment_1_4() -> Experiment {
    fold(&events_1_4()).unwrap().unwrap()
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
fn a_journal_of_version_1_3_still_loads() {
    let contents = journal::parse(JOURNAL_1_3.as_bytes()).unwrap();
    assert_eq!(contents.events, events_1_3());
}

#[test]
fn a_journal_of_version_1_4_still_loads() {
    let contents = journal::parse(JOURNAL_1_4.as_bytes()).unwrap();
    assert_eq!(contents.events, events_1_4());
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
fn a_record_of_version_1_3_still_loads() {
    let (record, _) = RECORD.decode::<Experiment>(RECORD_1_3.as_bytes()).unwrap();
    assert_eq!(record, experiment_1_3());
}

#[test]
fn a_record_of_version_1_4_still_loads() {
    let (record, _) = RECORD.decode::<Experiment>(RECORD_1_4.as_bytes()).unwrap();
    assert_eq!(record, experiment_1_4());
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
fn a_summary_segment_of_version_1_3_still_loads() {
    let (summaries, _) = SUMMARY
        .decode_lines::<Summary>(SUMMARY_1_3.as_bytes())
        .unwrap();
    assert_eq!(summaries, [summary_of(&experiment_1_3()).unwrap()]);
}

#[test]
fn a_summary_segment_of_version_1_4_still_loads() {
    let (summaries, _) = SUMMARY
        .decode_lines::<Summary>(SUMMARY_1_4.as_bytes())
        .unwrap();
    assert_eq!(summaries, [summary_of(&experiment_1_4()).unwrap()]);
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
    let journal: String = events_1_4()
        .iter()
        .zip(1..)
        .map(|(event, seq)| journal::encode(seq, event).unwrap())
        .collect();
    let record = RECORD.encode(&experiment_1_4()).unwrap() + "\n";
    let summaries = [summary_of(&experiment_1_4()).unwrap()];
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
