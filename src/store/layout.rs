//! Where things are in the ledger's tree, and the fold that is kept of it.
//!
//! Every directory has at most a hundred entries and every segment at most 64 lines, so that a seal
//! writes the same amount after the first experiment and after the hundred-thousandth.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::decision;
use crate::gate;
use crate::model::experiment::{Experiment, Spent, Summary};
use crate::model::id::ExperimentId;
use crate::model::measurement::{Evidence, TestPlan};
use crate::model::verdict::{Statistics, Verdict};

/// The ledger's ref.
pub const LEDGER: &str = "refs/factory/ledger";
/// The fold of the whole ledger.
pub(super) const SNAPSHOT: &str = "snapshot.json";
/// Who writes, with the epoch that grows with every writer.
pub(super) const LEASE: &str = "lease.json";
/// Wishes.
pub(super) const BACKLOG: &str = "backlog.jsonl";
/// A person's words about experiments.
pub(super) const REJECTIONS: &str = "rejections.jsonl";
/// Texts that a person wrote.
pub(super) const NOTES: &str = "notes";
/// The note that lists experiments whose candidates were pruned, one number a line.
pub(super) const PRUNED: &str = "pruned";
/// The list of audits.
pub(super) const AUDITS: &str = "audits.jsonl";
/// Whole records, one file each.
pub(super) const RECORDS: &str = "records";

/// Experiments whose summaries share one file.
const SEGMENT: u32 = 64;
const FANOUT: u32 = 100;

/// Reads the note of pruned experiments.
pub(super) fn pruned_in(note: &str) -> BTreeSet<ExperimentId> {
    note.lines().filter_map(|it| it.parse().ok()).collect()
}

/// Writes the note of pruned experiments.
pub(super) fn pruned_note(pruned: &BTreeSet<ExperimentId>) -> String {
    let lines: Vec<String> = pruned.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

/// Returns the path of an experiment's record: `records/00/01/000123.json`.
pub(super) fn record_path(id: ExperimentId) -> String {
    let number = id.0;
    let (upper, lower) = (number / (FANOUT * FANOUT), number / FANOUT % FANOUT);
    format!("{RECORDS}/{upper:02}/{lower:02}/{number:06}.json")
}

/// Returns the path of an audit: `audits/000/000012.json`.
pub(super) fn audit_path(id: u32) -> String {
    format!("audits/{:03}/{id:06}.json", id / FANOUT)
}

/// Returns the number in a record's file name.
pub(super) fn record_id(name: &str) -> Option<ExperimentId> {
    name.strip_suffix(".json")?.parse().ok()
}

/// Returns the number of the segment that holds an experiment's summary.
pub(super) fn segment_of(id: ExperimentId) -> u32 {
    id.0.saturating_sub(1) / SEGMENT
}

/// Returns the path of a segment of the index: `index/000/000001.jsonl`.
pub(super) fn segment_path(segment: u32) -> String {
    format!("index/{:03}/{segment:06}.jsonl", segment / FANOUT)
}

/// Counts and the next number: all that a writer needs to go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Snapshot {
    /// The number that the next experiment gets.
    pub(super) next: ExperimentId,
    /// Experiments that are in the index.
    pub(super) experiments: u32,
    /// The same by verdict; a verdict that never happened is absent.
    #[serde(default)]
    pub(super) by_verdict: BTreeMap<Verdict, u32>,
    /// Experiments whose records a repair could not save; only their summaries are left.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) lost: Vec<ExperimentId>,
}

impl Default for Snapshot {
    fn default() -> Self {
        Self {
            next: ExperimentId(1),
            experiments: 0,
            by_verdict: BTreeMap::new(),
            lost: Vec::new(),
        }
    }
}

impl Snapshot {
    /// Counts one more experiment.
    pub(super) fn add(&mut self, summary: &Summary) {
        self.next = self.next.max(summary.id.next());
        self.experiments += 1;
        *self.by_verdict.entry(summary.verdict).or_default() += 1;
    }

    /// Returns the segments that there are, as a range.
    pub(super) fn segments(&self) -> std::ops::Range<u32> {
        if self.next.0 <= 1 {
            return 0..0;
        }
        0..segment_of(ExperimentId(self.next.0 - 1)) + 1
    }
}

/// Who writes the ledger; the epoch is the fencing token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lease {
    /// Grows with every writer that wrote something.
    pub(super) epoch: u64,
    /// The process.
    pub(super) pid: u32,
    /// When it first wrote.
    pub(super) since: Timestamp,
}

/// Returns the index's line of a closed experiment; `None` while it is open.
pub fn summary_of(experiment: &Experiment) -> Option<Summary> {
    let decision = experiment.decision.as_ref()?;
    Some(Summary {
        id: experiment.id,
        finished: experiment.finished?,
        key: experiment.hypothesis.key.clone(),
        title: experiment.hypothesis.title.clone(),
        category: experiment.hypothesis.category,
        claim: experiment.hypothesis.claim.kind().to_owned(),
        verdict: decision.verdict,
        reason: decision.reasons.first().cloned().unwrap_or_default(),
        effect: decision.effect.clone(),
        cost: experiment.cost,
        files_hash: gate::files_hash(&experiment.hypothesis),
        landed: experiment.landed.clone(),
        spent: spent(experiment),
        others: spent_on_others(experiment),
        resumes: experiment.resumes,
        turn: experiment.turn.clone(),
    })
}

/// Returns what the test of the claim took from its stream.
fn spent(experiment: &Experiment) -> Option<Spent> {
    let evidence = experiment.evidence.as_ref()?;
    let statistics = experiment.decision.as_ref()?.statistics.as_ref();
    spent_on(evidence, statistics)
}

/// Returns what the tests of other noisy metrics took from theirs.
fn spent_on_others(experiment: &Experiment) -> Vec<Spent> {
    let of = |evidence: &Evidence| {
        let statistics = decision::replay(evidence).statistics;
        spent_on(evidence, statistics.as_ref())
    };
    experiment.others.iter().filter_map(of).collect()
}

/// Returns what a test took from its stream: an index is used up by the first pair.
fn spent_on(evidence: &Evidence, statistics: Option<&Statistics>) -> Option<Spent> {
    let (stream, level, epsilon) = match &evidence.plan {
        TestPlan::SignBetting(plan) => (plan.stream, plan.alpha, plan.epsilon),
        TestPlan::Bounded(plan) => (plan.stream, plan.alpha, plan.epsilon),
        TestPlan::Deterministic { .. } | TestPlan::Watch(_) => return None,
    };
    (stream.is_some() && !evidence.pairs.is_empty()).then(|| Spent {
        metric: decision::family(&evidence.metric, epsilon),
        level,
        seen: statistics.and_then(|it| decision::seen(evidence, it)),
    })
}

/// Returns the totals of a snapshot in the order reports list verdicts.
pub(super) fn totals(snapshot: &Snapshot) -> super::Totals {
    super::Totals {
        experiments: snapshot.experiments,
        by_verdict: Verdict::ALL
            .iter()
            .map(|verdict| {
                let n = snapshot.by_verdict.get(verdict).copied().unwrap_or(0);
                (*verdict, n)
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::experiment::fold;
    use crate::store::sample::events;

    #[test]
    fn what_is_sealed_makes_the_same_hypothesis_a_duplicate() {
        let sealed = fold(&events(1, Verdict::Revert)).unwrap().unwrap();
        let summary = summary_of(&sealed).unwrap();
        let earlier = gate::duplicate_of(&sealed.hypothesis, std::slice::from_ref(&summary));
        assert_eq!(earlier, Some(&summary));
    }
}
