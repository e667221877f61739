//! What a writer does first: the journal of a killed run becomes a record or nothing.

use jiff::Timestamp;

use super::journal::Contents;
use super::{Error, Recovery, Writer};
use crate::decision;
use crate::model::experiment::{Cost, Experiment, ExperimentEvent, Stage};
use crate::model::verdict::{Decision, Verdict};

/// Folds the journal into the writer and closes what can be closed.
pub(super) fn resume(
    writer: &mut Writer,
    contents: &Contents,
    now: Timestamp,
    recovery: &mut Recovery,
) -> Result<(), Error> {
    let n = adopt(writer, contents);
    if n < contents.events.len() || contents.torn > 0 {
        let aside = writer.journal.set_aside(n, &contents.ends)?;
        recovery.notices.push(format!(
            "the journal had a damaged tail, which was dropped and is kept as `{aside}`"
        ));
    }
    let Some(experiment) = writer.current.clone() else {
        return Ok(());
    };
    let expected = writer.next_unsealed();
    if experiment.id < expected {
        return drop_sealed(writer, contents, &experiment, recovery);
    }
    if experiment.id > expected {
        return drop_foreign(writer, contents, &experiment, recovery);
    }
    close(writer, &experiment, now, recovery)
}

/// Folds the journal's events and returns how many of them make a legal history.
fn adopt(writer: &mut Writer, contents: &Contents) -> usize {
    for (n, event) in contents.events.iter().enumerate() {
        let step = match writer.current.clone() {
            None => Experiment::begin(event),
            Some(experiment) => experiment.step(event),
        };
        match step {
            Ok(experiment) => writer.current = Some(experiment),
            Err(_) => return n,
        }
    }
    contents.events.len()
}

/// Ends an experiment as far as its events allow, and tells.
fn close(
    writer: &mut Writer,
    experiment: &Experiment,
    now: Timestamp,
    recovery: &mut Recovery,
) -> Result<(), Error> {
    let id = experiment.id;
    if writer.pending().is_some() {
        recovery.notices.push(format!(
            "experiment {id} was interrupted between its verdict and its landing"
        ));
        return Ok(());
    }
    let notice = match experiment.stage {
        Stage::Noted => format!("experiment {id} was finished and is now recorded"),
        Stage::Decided | Stage::Landed => {
            let note =
                "The run was interrupted after the verdict; the archivist's note is missing.";
            writer.append(&noted(note.to_owned(), now))?;
            format!("experiment {id} was interrupted after its verdict, which is now recorded")
        }
        stage @ (Stage::Started | Stage::Built | Stage::Gated | Stage::Measured) => {
            let reason = format!("interrupted: the run ended when it was {stage}");
            let cut_off = experiment.cut_off();
            let undecided = cut_off.and_then(|(claim, others)| decision::cut_short(claim, others));
            let (decision, note, what) = match undecided {
                Some(mut undecided) => {
                    undecided.reasons.push(reason);
                    let note = "The run was interrupted; the test may go on from its last pair.";
                    (undecided, note, "inconclusive, with all its pairs")
                }
                None => (
                    Decision::plain(Verdict::Spurious, reason),
                    "The run was interrupted; this says nothing about the candidate.",
                    "spurious",
                ),
            };
            writer.append(&ExperimentEvent::Decided { decision })?;
            writer.append(&noted(note.to_owned(), now))?;
            format!("experiment {id} was interrupted and is recorded as {what}")
        }
    };
    writer.seal()?;
    recovery.notices.push(notice);
    Ok(())
}

/// The run was killed between the seal and the emptying of the journal.
fn drop_sealed(
    writer: &mut Writer,
    contents: &Contents,
    experiment: &Experiment,
    recovery: &mut Recovery,
) -> Result<(), Error> {
    let sealed = writer.reader.experiment(experiment.id)?;
    let same =
        sealed.is_some_and(|it| it.run == experiment.run && it.started == experiment.started);
    if !same {
        return drop_foreign(writer, contents, experiment, recovery);
    }
    writer.current = None;
    writer.journal.clear()
}

/// The journal belongs to another ledger than the one that is here.
fn drop_foreign(
    writer: &mut Writer,
    contents: &Contents,
    experiment: &Experiment,
    recovery: &mut Recovery,
) -> Result<(), Error> {
    writer.current = None;
    let aside = writer.journal.set_aside(0, &contents.ends)?;
    recovery.notices.push(format!(
        "the journal holds experiment {} of another record, while the next one here is {}; it is kept as `{aside}`",
        experiment.id,
        writer.next_id()
    ));
    Ok(())
}

/// Returns the event that closes an interrupted experiment.
pub(super) fn noted(note: String, now: Timestamp) -> ExperimentEvent {
    ExperimentEvent::Noted {
        at: now,
        note,
        cost: Cost::default(),
    }
}

#[cfg(test)]
mod tests {
    use camino::Utf8Path;
    use proptest::prelude::*;

    use crate::model::dimension::Direction;
    use crate::model::experiment::{Experiment, ExperimentEvent};
    use crate::model::id::ExperimentId;
    use crate::model::measurement::{Evidence, Sample, Scale};
    use crate::model::screening::Screening;
    use crate::model::verdict::Verdict;
    use crate::store::Reader;
    use crate::store::sample::{append_all, events, now, open, place, seal, started};

    /// The journal of one experiment that nobody sealed, behind one that is sealed.
    fn journal_of(common_dir: &Utf8Path, verdict: Verdict) -> Vec<u8> {
        let (mut writer, _) = open(common_dir);
        seal(&mut writer, Verdict::Revert);
        append_all(&mut writer, &events(2, verdict));
        drop(writer);
        std::fs::read(common_dir.join("factory/journal.jsonl")).unwrap()
    }

    fn reset(common_dir: &Utf8Path, tip: &str, journal: &[u8]) {
        std::fs::write(common_dir.join("refs/factory/ledger"), format!("{tip}\n")).unwrap();
        std::fs::write(common_dir.join("factory/journal.jsonl"), journal).unwrap();
        for entry in common_dir.join("factory").read_dir_utf8().unwrap() {
            let entry = entry.unwrap();
            if entry.file_name().starts_with("journal.corrupt") {
                std::fs::remove_file(entry.path()).unwrap();
            }
        }
    }

    /// Opens twice, settling what is pending, and returns the second experiment.
    fn recover(common_dir: &Utf8Path) -> Option<Experiment> {
        let (mut writer, _) = open(common_dir);
        if writer.pending().is_some() {
            writer.settle(None, now()).unwrap();
        }
        drop(writer);
        let (writer, notices) = open(common_dir);
        assert!(notices.is_empty(), "the second resume found {notices:?}");
        let reader = writer.reader();
        assert!(reader.experiment(ExperimentId(1)).unwrap().is_some());
        let second = reader.experiment(ExperimentId(2)).unwrap();
        assert_eq!(reader.totals().unwrap().experiments, writer.next_id().0 - 1);
        second
    }

    fn check_cut(verdict: Verdict) {
        let place = place();
        let journal = journal_of(&place.common_dir, verdict);
        let tip = std::fs::read_to_string(place.common_dir.join("refs/factory/ledger")).unwrap();
        let mut seen = std::collections::BTreeSet::new();
        for cut in 0..=journal.len() {
            reset(&place.common_dir, tip.trim(), &journal[..cut]);
            let second = recover(&place.common_dir);
            let outcome = second.map(|it| {
                assert!(it.finished.is_some());
                it.decision.unwrap().verdict
            });
            assert!(
                matches!(outcome, None | Some(Verdict::Spurious)) || outcome == Some(verdict),
                "{outcome:?} after {cut} bytes"
            );
            seen.insert(outcome);
        }
        assert_eq!(seen.len(), 3, "all three ends are reached: {seen:?}");
    }

    #[test]
    fn a_reverted_journal_cut_at_any_byte_gives_nothing_a_spurious_or_the_whole_record() {
        check_cut(Verdict::Revert);
    }

    #[test]
    fn a_kept_journal_cut_at_any_byte_gives_nothing_a_spurious_or_the_whole_record() {
        check_cut(Verdict::Keep);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn a_journal_with_any_byte_changed_never_panics_or_loses_what_is_sealed(
            position in 0usize..3000, value: u8,
        ) {
            let place = place();
            let mut journal = journal_of(&place.common_dir, Verdict::Revert);
            let position = position % journal.len();
            journal[position] = value;
            std::fs::write(place.common_dir.join("factory/journal.jsonl"), &journal).unwrap();
            recover(&place.common_dir);
        }
    }

    /// A test of two pairs that nothing decides yet, cut off behind the second.
    #[test]
    fn a_test_that_was_killed_has_used_up_its_index_and_keeps_its_pairs() {
        let place = place();
        let (mut writer, _) = open(&place.common_dir);
        let all = events(1, Verdict::Revert);
        let ExperimentEvent::Measured {
            evidence: Some(evidence),
            binding,
            sandbox,
            ..
        } = &all[3]
        else {
            unreachable!("it was measured");
        };
        let mut pair = evidence.pairs[0].clone();
        pair.candidate.sample = Sample::Value { value: 100.0 };
        let mut planned = evidence.clone();
        planned.pairs.clear();
        let paired = ExperimentEvent::Paired {
            pair: Box::new(pair.clone()),
        };
        append_all(&mut writer, &all[..3]);
        assert!(writer.append(&paired).is_err(), "no test has begun");
        let testing = ExperimentEvent::Testing {
            evidence: planned,
            binding: binding.clone(),
            sandbox: sandbox.clone(),
        };
        append_all(&mut writer, &[testing, paired.clone(), paired]);
        drop(writer);
        let (writer, notices) = open(&place.common_dir);
        assert!(
            notices[0].ends_with("inconclusive, with all its pairs"),
            "{notices:?}"
        );
        let sealed = writer
            .reader()
            .experiment(ExperimentId(1))
            .unwrap()
            .unwrap();
        assert_eq!(
            sealed.evidence.as_ref().unwrap().pairs,
            [pair.clone(), pair]
        );
        assert_eq!(sealed.binding.as_ref(), Some(binding));
        let decision = sealed.decision.as_ref().unwrap();
        assert_eq!(decision.verdict, Verdict::Inconclusive);
        assert_eq!(
            decision.reasons[0],
            "stopped before a verdict, after 2 pairs"
        );
        let summary = crate::store::summary_of(&sealed).unwrap();
        let mut streams = crate::decision::Streams::new(0.05);
        streams.add_closed(&summary);
        assert_eq!(streams.states()[0].tests, 1);
        assert_eq!(crate::decision::resumable(&[summary]), [ExperimentId(1)]);
    }

    #[test]
    fn a_test_behind_the_claim_is_kept_behind_it() {
        let place = place();
        let (mut writer, _) = open(&place.common_dir);
        let all = events(1, Verdict::Revert);
        let ExperimentEvent::Measured {
            evidence: Some(evidence),
            binding,
            sandbox,
            ..
        } = &all[3]
        else {
            unreachable!("it was measured");
        };
        let testing = |evidence: &Evidence| ExperimentEvent::Testing {
            evidence: Box::new(evidence.clone()),
            binding: binding.clone(),
            sandbox: sandbox.clone(),
        };
        let mut other = (**evidence).clone();
        other.metric = "other".parse().unwrap();
        other.pairs.clear();
        let paired = ExperimentEvent::Paired {
            pair: Box::new(evidence.pairs[0].clone()),
        };
        append_all(&mut writer, &all[..3]);
        append_all(&mut writer, &[testing(evidence), testing(&other), paired]);
        drop(writer);
        let (writer, _) = open(&place.common_dir);
        let sealed = writer
            .reader()
            .experiment(ExperimentId(1))
            .unwrap()
            .unwrap();
        assert_eq!(sealed.evidence.as_ref(), Some(&**evidence));
        assert_eq!(sealed.others.len(), 1);
        assert_eq!(sealed.others[0].pairs, evidence.pairs);
        let summary = crate::store::summary_of(&sealed).unwrap();
        assert!(summary.spent.is_some() && summary.others.len() == 1);
    }

    #[test]
    fn an_experiment_that_was_interrupted_behind_its_screening_keeps_it_and_is_spurious() {
        let place = place();
        let (mut writer, _) = open(&place.common_dir);
        let (first, other) = (started(1), started(2));
        let ExperimentEvent::Started { hypothesis, .. } = other else {
            unreachable!("it is one");
        };
        let screened = ExperimentEvent::Screened {
            screening: Box::new(Screening {
                metric: "parse_ns".parse().unwrap(),
                unit: "ns".to_owned(),
                direction: Direction::Minimize,
                scale: Scale::LogRatio,
                most_pairs: 2,
                variants: Vec::new(),
                winner: None,
            }),
            hypothesis: Some(hypothesis.clone()),
        };
        append_all(&mut writer, &[first, screened.clone()]);
        assert!(writer.append(&screened).is_err(), "one is enough");
        drop(writer);
        let (writer, _) = open(&place.common_dir);
        let sealed = writer.reader().experiment(ExperimentId(1)).unwrap();
        let sealed = sealed.unwrap();
        assert_eq!(sealed.decision.unwrap().verdict, Verdict::Spurious);
        assert_eq!(sealed.hypothesis, *hypothesis);
        assert!(sealed.screening.is_some());
    }

    #[test]
    fn an_interrupted_experiment_is_spurious_and_told() {
        let place = place();
        let (mut writer, _) = open(&place.common_dir);
        append_all(&mut writer, &[started(1)]);
        drop(writer);
        let (_writer, notices) = open(&place.common_dir);
        assert_eq!(
            notices,
            ["experiment 1 was interrupted and is recorded as spurious"]
        );
    }

    #[test]
    fn a_kept_experiment_waits_until_somebody_says_whether_it_landed() {
        let place = place();
        let (mut writer, _) = open(&place.common_dir);
        append_all(&mut writer, &events(1, Verdict::Keep)[..5]);
        drop(writer);
        let (mut writer, notices) = open(&place.common_dir);
        assert_eq!(notices.len(), 1);
        assert_eq!(writer.pending().unwrap().id, ExperimentId(1));
        let tip = "5".repeat(40).parse().unwrap();
        let sealed = writer.settle(Some(tip), now()).unwrap();
        assert!(sealed.landed.is_some());
        assert!(writer.pending().is_none());
    }

    #[test]
    fn a_new_experiment_settles_a_pending_one_as_not_landed() {
        let place = place();
        let (mut writer, _) = open(&place.common_dir);
        append_all(&mut writer, &events(1, Verdict::Keep)[..5]);
        drop(writer);
        let (mut writer, _) = open(&place.common_dir);
        let first = ExperimentId(1);
        assert_eq!(writer.next_id(), ExperimentId(2));
        writer.append(&started(2)).unwrap();
        assert_eq!(
            writer.reader().experiment(first).unwrap().unwrap().landed,
            None
        );
    }

    #[test]
    fn a_journal_that_is_sealed_already_is_emptied() {
        let place = place();
        let journal = journal_of(&place.common_dir, Verdict::Revert);
        drop(open(&place.common_dir));
        std::fs::write(place.common_dir.join("factory/journal.jsonl"), journal).unwrap();
        let (writer, notices) = open(&place.common_dir);
        assert!(notices.is_empty());
        assert_eq!(writer.next_id(), ExperimentId(3));
        assert!(
            Reader::at(&place.common_dir)
                .unwrap()
                .in_flight()
                .unwrap()
                .is_none()
        );
    }

    #[test]
    fn a_journal_of_another_record_is_kept_aside() {
        let place = place();
        journal_of(&place.common_dir, Verdict::Revert);
        std::fs::remove_file(place.common_dir.join("refs/factory/ledger")).unwrap();
        let (writer, notices) = open(&place.common_dir);
        assert_eq!(writer.next_id(), ExperimentId(1));
        assert!(notices[0].contains("journal.corrupt-1"), "{notices:?}");
    }

    #[test]
    fn a_lock_file_left_on_our_ref_is_removed() {
        let place = place();
        drop(journal_of(&place.common_dir, Verdict::Revert));
        let lock = place.common_dir.join("refs/factory/ledger.lock");
        std::fs::write(&lock, "").unwrap();
        let (_writer, notices) = open(&place.common_dir);
        assert!(notices[0].contains("ledger.lock"));
        assert!(!lock.exists());
    }

    #[test]
    fn a_journal_of_a_newer_program_is_left_alone() {
        let place = place();
        let (mut writer, _) = open(&place.common_dir);
        append_all(&mut writer, &[started(1)]);
        drop(writer);
        let path = place.common_dir.join("factory/journal.jsonl");
        let text = std::fs::read_to_string(&path).unwrap();
        let present = format!(r#""v":"{}""#, crate::format::JOURNAL.version);
        let newer = text.replacen(&present, r#""v":"2.0""#, 1);
        assert_ne!(text, newer);
        std::fs::write(&path, &newer).unwrap();
        let opened = crate::store::Writer::at(&place.common_dir, now());
        assert!(matches!(opened, Err(crate::store::Error::Newer { .. })));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), newer);
    }
}
