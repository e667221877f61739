//! Events and repositories for the tests of this module.

use camino::{Utf8Path, Utf8PathBuf};
use jiff::Timestamp;

use super::Writer;
use crate::model::dimension::Direction;
use crate::model::experiment::{Candidate, Cost, DiffSize, DimensionPair, ExperimentEvent};
use crate::model::hypothesis::{Category, Change, Claim, Hypothesis, LintRule};
use crate::model::id::{ExperimentId, TreeSha};
use crate::model::measurement::{
    Arm, Binding, Calibration, Evidence, Measurement, Pair, Pooled, Sample, SandboxReport,
    SandboxTier, Scale, SignPlan, StreamPlace, TestPlan,
};
use crate::model::verdict::{Decision, Effect, Statistics, Verdict};
use crate::model::violation::{Rule, Violation};

/// A repository in a directory of its own, in memory where that is possible: these tests sync a lot.
pub(crate) struct Place {
    _dir: tempfile::TempDir,
    pub(crate) common_dir: Utf8PathBuf,
}

pub(crate) fn place() -> Place {
    let dir = tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap();
    let root = Utf8PathBuf::from_path_buf(dir.path().to_owned()).unwrap();
    crate::repo::records::init(&root).unwrap();
    Place {
        common_dir: root.join(".git"),
        _dir: dir,
    }
}

pub(crate) fn now() -> Timestamp {
    "2026-03-01T10:00:00Z".parse().unwrap()
}

pub(crate) fn open(common_dir: &Utf8Path) -> (Writer, Vec<String>) {
    let (writer, recovery) = Writer::at(common_dir, now()).unwrap();
    (writer, recovery.notices)
}

pub(super) fn started(id: u32) -> ExperimentEvent {
    ExperimentEvent::Started {
        id: ExperimentId(id),
        run: "r1".parse().unwrap(),
        at: now(),
        hypothesis: Box::new(Hypothesis {
            key: format!("ruff:F{id}").parse().unwrap(),
            title: format!("Remove unused imports {id}"),
            why: "ruff reports F401 in nine places".to_owned(),
            category: Category::Fix,
            claim: Claim::Moves {
                metric: "lint".parse().unwrap(),
                delta: None,
            },
            success: vec!["no F401 is left".to_owned()],
            change: Change::LintFixes {
                rules: vec![LintRule {
                    tool: "ruff".to_owned(),
                    rule: "F401".to_owned(),
                }],
            },
            files: [("src/a.py".into(), "aa".to_owned())].into(),
            expected_gain: 0.01,
        }),
        incumbent: "1".repeat(40).parse().unwrap(),
        incumbent_tree: tree("2"),
        backend: "mechanic".to_owned(),
        resumes: None,
        turn: None,
    }
}

fn evidence() -> Evidence {
    let run = |arm, digit, value| Measurement {
        arm,
        tree: tree(digit),
        sample: Sample::Value { value },
        seconds: 0.25,
        tail: crate::model::tail::Tails::new(),
    };
    Evidence {
        metric: "parse_ns".parse().unwrap(),
        unit: "ns".to_owned(),
        plan: TestPlan::SignBetting(SignPlan {
            floor: 0.001,
            direction: Direction::Minimize,
            scale: Scale::LogRatio,
            alpha: 0.01,
            stream: Some(StreamPlace {
                index: 2,
                alpha: 0.05,
            }),
            beta: 0.1,
            delta: 0.02,
            epsilon: 0.0,
            shift: 0.0,
            sigma: 0.0125,
            n_max: 40,
            give_up: crate::model::measurement::GiveUp::default(),
            guards: Vec::new(),
            calibration: Calibration {
                level: 12.0,
                differences: vec![0.5, -0.25],
                deterministic: false,
                run_seconds: 0.25,
                warnings: Vec::new(),
                pooled: Pooled::default(),
                builds: Vec::new(),
                tails: Vec::new(),
            },
        }),
        pairs: vec![Pair {
            first: Arm::Candidate,
            incumbent: run(Arm::Incumbent, "2", 100.5),
            candidate: Measurement {
                sample: Sample::Failed {
                    reason: "exit status 137".to_owned(),
                },
                ..run(Arm::Candidate, "4", 0.0)
            },
            instance: None,
        }],
    }
}

fn tree(digit: &str) -> TreeSha {
    digit.repeat(40).parse().unwrap()
}

pub(super) fn decided(verdict: Verdict) -> ExperimentEvent {
    ExperimentEvent::Decided {
        decision: Decision {
            violations: vec![Violation::at(Rule::Scope, "src/b.py", "touched").on_line(3)],
            effect: Some(Effect {
                metric: "lint".to_owned(),
                unit: "findings".to_owned(),
                before: 12.0,
                after: 3.0,
                relative: Some(0.75),
                interval: Some((0.5, 1.0)),
                shrunken: None,
            }),
            statistics: Some(Statistics {
                kernel: "S".to_owned(),
                n_pairs: 1,
                ln_e: 4.75,
                ln_futility: -2.5,
                alpha: 0.01,
                delta: 0.02,
                sigma: 0.0125,
                mean: 0.0625,
                excluded_loss_rate: 1.0,
                shrunken: None,
                path: vec![4.75],
            }),
            ..Decision::plain(verdict, "lint: 9 findings fewer")
        },
    }
}

/// A whole experiment, with a landing if it was kept.
pub(crate) fn events(id: u32, verdict: Verdict) -> Vec<ExperimentEvent> {
    let mut events = vec![
        started(id),
        ExperimentEvent::Built {
            candidate: Candidate {
                commit: "3".repeat(40).parse().unwrap(),
                tree: tree("4"),
                subjects: vec!["Remove unused imports".to_owned()],
                size: DiffSize {
                    files: 1,
                    added: 0,
                    removed: 9,
                },
                neutralised: Vec::new(),
            },
        },
        ExperimentEvent::Gated,
        ExperimentEvent::Measured {
            dimensions: vec![DimensionPair {
                name: "lint".to_owned(),
                unit: "findings".to_owned(),
                before: Some(12.0),
                after: Some(3.0),
                score_before: Some(0.5),
                score_after: Some(0.75),
            }],
            evidence: Some(Box::new(evidence())),
            others: Vec::new(),
            binding: Binding {
                harness: "factory 0.1.0".to_owned(),
                eval_hash: "e".to_owned(),
                environment: "v".to_owned(),
                seed: u64::MAX,
            },
            sandbox: SandboxReport {
                tier: SandboxTier::T0,
                network: true,
                note: "evals could reach the network".to_owned(),
            },
            landing: None,
        },
        decided(verdict),
    ];
    if verdict == Verdict::Keep {
        events.push(ExperimentEvent::Landed {
            commit: "5".repeat(40).parse().unwrap(),
        });
    }
    events.push(ExperimentEvent::Noted {
        at: now(),
        note: "Nine imports nobody used.".to_owned(),
        cost: Cost {
            seconds: 1.5,
            evals: 2,
            ..Cost::default()
        },
    });
    events
}

pub(super) fn append_all(writer: &mut Writer, events: &[ExperimentEvent]) {
    for event in events {
        writer.append(event).unwrap();
    }
}

/// Runs and seals one experiment.
pub(crate) fn seal(writer: &mut Writer, verdict: Verdict) {
    let id = writer.next_id();
    append_all(writer, &events(id.0, verdict));
    writer.seal().unwrap();
}
