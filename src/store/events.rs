//! The record as a stream of short lines, for `factory events`.
//!
//! A sequence number is sixteen times the experiment's number plus the step, so that the lines of the
//! journal, and later the one line of the sealed record, follow each other without a counter on disk.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::experiment::{ExperimentEvent, Summary};
use crate::model::id::{ExperimentId, StructuralKey};
use crate::model::verdict::Verdict;

const STEPS: u64 = 16;
const SEALED: u64 = STEPS - 1;

/// One line of the record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RecordEvent {
    /// `factory.ledger_event/1`.
    pub schema: String,
    /// Grows with every event; `factory events --after SEQ` goes on behind it.
    pub seq: u64,
    /// When, where the step has a time.
    pub at: Option<Timestamp>,
    /// `started`, `built`, `gated`, `measured`, `decided`, `landed` or `noted`; `sealed` once it is over.
    pub kind: String,
    /// The experiment.
    pub id: ExperimentId,
    /// Its structural key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<StructuralKey>,
    /// Its title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Returns the first experiment that can have a line with a sequence number above `after`.
pub(super) fn experiment_after(after: u64) -> ExperimentId {
    let number = (after + 1) / STEPS;
    ExperimentId(u32::try_from(number.max(1)).unwrap_or(u32::MAX))
}

/// Returns the lines of sealed experiments and of the one in flight, those above `after`.
pub(super) fn lines(
    sealed: &[Summary],
    flying: &[ExperimentEvent],
    after: u64,
) -> Vec<RecordEvent> {
    let last = sealed.last().map_or(0, |summary| summary.id.0);
    let id = match flying.first() {
        // A sealed record replaces what the journal said of it.
        Some(ExperimentEvent::Started { id, .. }) if id.0 > last => Some(*id),
        _ => None,
    };
    let flying = flying
        .iter()
        .enumerate()
        .filter_map(|(idx, event)| id.map(|id| of_event(id, idx as u64, event)));
    sealed
        .iter()
        .map(of_summary)
        .chain(flying)
        .filter(|line| line.seq > after)
        .collect()
}

fn of_summary(summary: &Summary) -> RecordEvent {
    RecordEvent {
        schema: "factory.ledger_event/1".to_owned(),
        seq: u64::from(summary.id.0) * STEPS + SEALED,
        at: Some(summary.finished),
        kind: "sealed".to_owned(),
        id: summary.id,
        key: Some(summary.key.clone()),
        title: Some(summary.title.clone()),
        verdict: Some(summary.verdict),
        reason: Some(summary.reason.clone()),
    }
}

fn of_event(id: ExperimentId, idx: u64, event: &ExperimentEvent) -> RecordEvent {
    let mut line = RecordEvent {
        schema: "factory.ledger_event/1".to_owned(),
        seq: u64::from(id.0) * STEPS + idx.min(SEALED - 1),
        at: None,
        kind: event.name().to_owned(),
        id,
        key: None,
        title: None,
        verdict: None,
        reason: None,
    };
    match event {
        ExperimentEvent::Started { at, hypothesis, .. } => {
            line.at = Some(*at);
            line.key = Some(hypothesis.key.clone());
            line.title = Some(hypothesis.title.clone());
        }
        ExperimentEvent::Screened { hypothesis, .. } => {
            line.key = hypothesis.as_ref().map(|it| it.key.clone());
            line.title = hypothesis.as_ref().map(|it| it.title.clone());
        }
        ExperimentEvent::Decided { decision } => {
            line.verdict = Some(decision.verdict);
            line.reason = decision.reasons.first().cloned();
        }
        ExperimentEvent::Noted { at, .. } => line.at = Some(*at),
        ExperimentEvent::Built { .. }
        | ExperimentEvent::Gated
        | ExperimentEvent::Testing { .. }
        | ExperimentEvent::Paired { .. }
        | ExperimentEvent::Measured { .. }
        | ExperimentEvent::Checked { .. }
        | ExperimentEvent::Landed { .. } => {}
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Reader;
    use crate::store::sample::{append_all, events, open, place, seal};

    fn pairs(lines: &[RecordEvent]) -> Vec<(u64, String)> {
        let pair = |it: &RecordEvent| (it.seq, it.kind.clone());
        lines.iter().map(pair).collect()
    }

    #[test]
    fn a_follower_sees_each_step_and_then_the_sealed_record() {
        let place = place();
        let (mut writer, _) = open(&place.common_dir);
        seal(&mut writer, Verdict::Keep);
        let events = events(2, Verdict::Revert);
        append_all(&mut writer, &events[..3]);
        let reader = Reader::at(&place.common_dir).unwrap();
        let first = pairs(&reader.events(0).unwrap());
        let expected = [
            (31, "sealed"),
            (32, "started"),
            (33, "built"),
            (34, "gated"),
        ];
        assert_eq!(first, expected.map(|(seq, kind)| (seq, kind.to_owned())));
        assert!(reader.events(34).unwrap().is_empty());
        append_all(&mut writer, &events[3..]);
        writer.seal().unwrap();
        let last = pairs(&reader.events(34).unwrap());
        assert_eq!(last, [(47, "sealed".to_owned())]);
        assert!(reader.events(47).unwrap().is_empty());
    }
}
