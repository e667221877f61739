//! What a writer promises: whole records, one writer, one number after another.

use super::*;
use crate::store::sample::{self, append_all, events, now, open, place, seal, started};

#[test]
fn sealed_experiments_are_read_back_whole() {
    let place = place();
    let (mut writer, notices) = open(&place.common_dir);
    assert!(notices.is_empty());
    append_all(&mut writer, &events(1, Verdict::Keep));
    let sealed = writer.seal().unwrap();
    let reader = Reader::at(&place.common_dir).unwrap();
    assert_eq!(reader.experiment(ExperimentId(1)).unwrap(), Some(sealed));
    assert_eq!(reader.experiment(ExperimentId(2)).unwrap(), None);
    assert_eq!(writer.next_id(), ExperimentId(2));
    let totals = reader.totals().unwrap();
    assert_eq!(totals.experiments, 1);
    assert_eq!(totals.by_verdict[0], (Verdict::Keep, 1));
}

#[test]
fn recent_is_newest_first_across_segments() {
    let place = place();
    let (mut writer, _) = open(&place.common_dir);
    for n in 0..70 {
        let verdict = if n % 7 == 0 {
            Verdict::Keep
        } else {
            Verdict::Revert
        };
        seal(&mut writer, verdict);
    }
    let reader = writer.reader();
    let recent: Vec<_> = reader
        .recent(10)
        .unwrap()
        .iter()
        .map(|it| it.id.0)
        .collect();
    assert_eq!(recent, (61..=70).rev().collect::<Vec<_>>());
    let all: Vec<_> = reader
        .summaries()
        .unwrap()
        .iter()
        .map(|it| it.id.0)
        .collect();
    assert_eq!(all, (1..=70).collect::<Vec<_>>());
    assert_eq!(reader.recent(1000).unwrap().len(), 70);
}

#[test]
fn an_empty_record_answers_with_nothing() {
    let place = place();
    let reader = Reader::at(&place.common_dir).unwrap();
    assert!(reader.recent(5).unwrap().is_empty());
    assert!(reader.summaries().unwrap().is_empty());
    assert_eq!(reader.totals().unwrap().experiments, 0);
    assert!(reader.owner().is_none());
    assert!(reader.events(0).unwrap().is_empty());
    assert!(reader.in_flight().unwrap().is_none());
}

#[test]
fn opening_and_closing_a_writer_commits_nothing() {
    let place = place();
    drop(open(&place.common_dir));
    assert_eq!(
        Reader::at(&place.common_dir).unwrap().ledger.tip().unwrap(),
        None
    );
}

#[test]
fn each_writer_that_writes_raises_the_epoch_once() {
    let place = place();
    for _ in 0..2 {
        let (mut writer, _) = open(&place.common_dir);
        seal(&mut writer, Verdict::Revert);
        seal(&mut writer, Verdict::Revert);
    }
    let reader = Reader::at(&place.common_dir).unwrap();
    let tip = reader.ledger.tip().unwrap().unwrap();
    let bytes = reader.ledger.read(&tip, layout::LEASE).unwrap().unwrap();
    assert_eq!(serde_json::from_slice::<Lease>(&bytes).unwrap().epoch, 2);
}

#[test]
fn a_second_writer_is_told_who_holds_the_target() {
    let place = place();
    let (mut writer, _) = open(&place.common_dir);
    writer.set_run("r7".parse().unwrap()).unwrap();
    let Err(Error::Held { owner: Some(owner) }) = Writer::at(&place.common_dir, now()) else {
        panic!("a second writer was let in");
    };
    assert_eq!(owner.pid, std::process::id());
    assert_eq!(owner.run, Some("r7".parse().unwrap()));
    assert_eq!(writer.reader().owner(), Some(owner));
    drop(writer);
    assert_eq!(Reader::at(&place.common_dir).unwrap().owner(), None);
    open(&place.common_dir);
}

#[test]
fn a_writer_that_was_overtaken_is_fenced_and_stops() {
    let place = place();
    let (mut old, _) = open(&place.common_dir);
    seal(&mut old, Verdict::Revert);
    append_all(&mut old, &events(2, Verdict::Revert));
    // Another process moves the record on, as one on another machine could.
    let other = Reader::at(&place.common_dir).unwrap();
    let tip = other.ledger.tip().unwrap();
    let change = ("notes/x".to_owned(), Some(b"x".to_vec()));
    other
        .ledger
        .commit(tip.as_ref(), &[change], "note x", now())
        .unwrap();
    assert!(matches!(old.seal(), Err(Error::Fenced)));
    assert!(matches!(old.append(&started(3)), Err(Error::Stopped)));
    drop(old);
    let (writer, notices) = open(&place.common_dir);
    assert_eq!(notices, ["experiment 2 was finished and is now recorded"]);
    assert_eq!(writer.next_id(), ExperimentId(3));
}

#[test]
fn events_out_of_order_are_refused_before_they_reach_the_disk() {
    let place = place();
    let (mut writer, _) = open(&place.common_dir);
    assert!(matches!(
        writer.append(&ExperimentEvent::Gated),
        Err(Error::Illegal { .. })
    ));
    assert!(matches!(
        writer.append(&started(2)),
        Err(Error::WrongNumber { .. })
    ));
    assert!(matches!(writer.seal(), Err(Error::Unfinished)));
    writer.append(&started(1)).unwrap();
    assert!(matches!(writer.seal(), Err(Error::Unfinished)));
}

#[test]
fn a_number_that_json_cannot_hold_is_refused() {
    let place = place();
    let (mut writer, _) = open(&place.common_dir);
    append_all(&mut writer, &events(1, Verdict::Revert)[..5]);
    let noted = ExperimentEvent::Noted {
        at: now(),
        note: String::new(),
        cost: crate::model::experiment::Cost {
            seconds: f64::NAN,
            ..Default::default()
        },
    };
    assert!(matches!(
        writer.append(&noted),
        Err(Error::Unstorable { .. })
    ));
    writer
        .append(&sample::events(1, Verdict::Revert)[5])
        .unwrap();
    writer.seal().unwrap();
}

#[test]
fn wishes_rejections_and_notes_are_sealed() {
    let place = place();
    let (mut writer, _) = open(&place.common_dir);
    assert_eq!(writer.add_backlog("faster", now()).unwrap(), 1);
    assert_eq!(writer.add_backlog("smaller", now()).unwrap(), 2);
    writer.close_backlog(1, "done", now()).unwrap();
    assert!(matches!(
        writer.close_backlog(1, "again", now()),
        Err(Error::NoSuchItem { id: 1 })
    ));
    seal(&mut writer, Verdict::Keep);
    let rejection = Rejection {
        experiment: ExperimentId(1),
        because: "unreadable".to_owned(),
        at: now(),
    };
    writer.reject(rejection.clone()).unwrap();
    let unknown = Rejection {
        experiment: ExperimentId(9),
        ..rejection.clone()
    };
    assert!(matches!(
        writer.reject(unknown),
        Err(Error::NoSuchExperiment { .. })
    ));
    writer.note("factory.toml", "a = 1\n", now()).unwrap();
    let tip = writer.tip.clone();
    writer.note("factory.toml", "a = 1\n", now()).unwrap();
    assert_eq!(writer.tip, tip);
    assert!(matches!(
        writer.note("../x", "", now()),
        Err(Error::BadName { .. })
    ));
    let reader = Reader::at(&place.common_dir).unwrap();
    let closed: Vec<_> = reader
        .backlog()
        .unwrap()
        .into_iter()
        .map(|it| it.closed)
        .collect();
    assert_eq!(closed, [Some("done".to_owned()), None]);
    assert_eq!(reader.rejections().unwrap(), [rejection]);
    assert_eq!(
        reader.note("factory.toml").unwrap().as_deref(),
        Some("a = 1\n")
    );
}

#[test]
fn a_record_of_a_newer_program_can_be_read_but_not_written() {
    let place = place();
    let (mut writer, _) = open(&place.common_dir);
    seal(&mut writer, Verdict::Keep);
    drop(writer);
    let reader = Reader::at(&place.common_dir).unwrap();
    let rewrite = |version: &str| {
        let tip = reader.ledger.tip().unwrap().unwrap();
        let text = format!(
            r#"{{"schema":"factory.snapshot","version":"{version}","record":{{"next":2,"experiments":1,"new":[]}}}}"#
        );
        let change = (layout::SNAPSHOT.to_owned(), Some(text.into_bytes()));
        reader
            .ledger
            .commit(Some(&tip), &[change], "newer", now())
            .unwrap();
    };
    rewrite("1.7");
    assert_eq!(reader.recent(3).unwrap().len(), 1);
    assert!(matches!(
        Writer::at(&place.common_dir, now()),
        Err(Error::Newer { .. })
    ));
    rewrite("2.0");
    assert!(matches!(reader.recent(3), Err(Error::Newer { .. })));
}

#[test]
fn readers_read_whole_records_while_a_writer_seals_and_packs() {
    let place = place();
    let (mut writer, _) = open(&place.common_dir);
    seal(&mut writer, Verdict::Keep);
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let kept_open = Reader::at(&place.common_dir).unwrap();
            let mut n_reads = 0;
            while !done.load(std::sync::atomic::Ordering::Acquire) {
                for reader in [&kept_open, &Reader::at(&place.common_dir).unwrap()] {
                    let all = reader.summaries().unwrap();
                    assert_eq!(all.last().unwrap().id.0 as usize, all.len());
                    let last = reader.experiment(all.last().unwrap().id).unwrap();
                    assert!(last.is_some());
                    reader.events(0).unwrap();
                    n_reads += 1;
                }
            }
            n_reads
        });
        for _ in 0..60 {
            seal(&mut writer, Verdict::Revert);
        }
        done.store(true, std::sync::atomic::Ordering::Release);
        assert!(reading.join().unwrap() > 0);
    });
}
