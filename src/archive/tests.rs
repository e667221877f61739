//! The archive of real ledgers, with everything that may happen to either.

use std::fs;

use camino::Utf8PathBuf;
use polars_io::SerReader as _;

use super::*;
use crate::model::id::ExperimentId;
use crate::model::verdict::Verdict;
use crate::repo::records::RecordRef;
use crate::store::sample::{Place, now, open, place, seal};
use crate::store::{LEDGER, Rejection};

/// A folder for an archive, and targets with ledgers.
struct Bench {
    _dir: tempfile::TempDir,
    archive: Archive,
    places: Vec<Place>,
}

impl Bench {
    fn with(n_targets: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = Utf8PathBuf::from_path_buf(dir.path().to_owned()).unwrap();
        Self {
            _dir: dir,
            archive: Archive::at(root.join("archive")),
            places: (0..n_targets).map(|_| target()).collect(),
        }
    }

    fn root(&self, idx: usize) -> Utf8PathBuf {
        self.places[idx].common_dir.parent().unwrap().to_owned()
    }

    fn roots(&self) -> Vec<Utf8PathBuf> {
        (0..self.places.len()).map(|it| self.root(it)).collect()
    }

    fn seal(&self, idx: usize, verdicts: &[Verdict]) {
        let (mut writer, _) = open(&self.places[idx].common_dir);
        for verdict in verdicts {
            seal(&mut writer, *verdict);
        }
    }

    fn follow(&self) -> Updated {
        self.archive.follow(&self.roots()).unwrap()
    }

    /// Returns (first key, experiments, kept, unkept) of each group.
    fn groups(&self, by: &[By]) -> Vec<(String, u64, u64, u64)> {
        let query = Query {
            by: by.to_vec(),
            ..Query::default()
        };
        let groups = groups(&self.archive, &query).unwrap();
        groups
            .into_iter()
            .map(|it| (it.key.join(" "), it.experiments, it.kept, it.unkept))
            .collect()
    }

    fn segments(&self) -> Vec<Utf8PathBuf> {
        let entries = self.archive.dir().read_dir_utf8().unwrap();
        let mut paths: Vec<Utf8PathBuf> = entries.map(|it| it.unwrap().into_path()).collect();
        paths.retain(|it| it.extension() == Some("parquet"));
        paths.sort();
        paths
    }
}

/// Returns a repository with a commit, as every target has.
fn target() -> Place {
    let place = place();
    let main = RecordRef::open(&place.common_dir, "refs/heads/main").unwrap();
    let file = ("a.py".to_owned(), Some(b"x = 1\n".to_vec()));
    main.commit(None, &[file], "begin", now()).unwrap();
    place
}

#[test]
fn an_archive_of_nothing_has_no_groups() {
    let bench = Bench::with(1);
    assert_eq!(bench.follow(), Updated::default());
    assert!(bench.groups(&[By::Category]).is_empty());
    assert!(bench.groups(&[]).is_empty());
}

#[test]
fn only_what_is_new_is_read() {
    let bench = Bench::with(2);
    bench.seal(0, &[Verdict::Keep, Verdict::Revert]);
    bench.seal(1, &[Verdict::Spurious]);
    let updated = bench.follow();
    assert_eq!((updated.rows, updated.read), (3, 3));
    assert_eq!(bench.follow().read, 0);
    bench.seal(1, &[Verdict::Keep]);
    let updated = bench.follow();
    assert_eq!(
        (updated.rows, updated.read, updated.notices.len()),
        (4, 1, 0)
    );
    let mut expected: Vec<_> = bench
        .roots()
        .iter()
        .map(|it| (it.to_string(), 2, 1, 0))
        .collect();
    expected.sort();
    assert_eq!(bench.groups(&[By::Target]), expected);
    assert_eq!(bench.groups(&[]), [(String::new(), 4, 2, 0)]);
    assert_eq!(bench.groups(&[By::Category, By::Week])[0].0, "fix 2026-W09");
}

#[test]
fn a_group_has_rates_effects_and_costs() {
    let bench = Bench::with(1);
    bench.seal(0, &[Verdict::Keep, Verdict::Revert, Verdict::Spurious]);
    bench.follow();
    let query = Query {
        by: vec![By::Metric, By::Backend, By::Claim],
        ..Query::default()
    };
    let groups = groups(&bench.archive, &query).unwrap();
    assert_eq!(groups.len(), 1);
    let group = &groups[0];
    assert_eq!(group.key, ["lint", "mechanic", "moves"]);
    assert_eq!(
        (group.experiments, group.spurious, group.measured),
        (3, 1, 3)
    );
    assert_eq!(group.keep_rate, Estimate::share(1, 2));
    assert_eq!(group.effect_raw, Some(0.75));
    assert_eq!((group.evals, group.metric_runs, group.tokens), (6, 0, 0));
    assert!((group.seconds - 4.5).abs() < 1e-9);
}

#[test]
fn a_question_may_be_about_some_targets_and_some_time() {
    let bench = Bench::with(2);
    bench.seal(0, &[Verdict::Keep]);
    bench.seal(1, &[Verdict::Keep, Verdict::Keep]);
    bench.follow();
    let ask = |targets: Vec<Utf8PathBuf>, since| {
        let query = Query {
            by: Vec::new(),
            targets,
            since,
        };
        let groups = groups(&bench.archive, &query).unwrap();
        groups.first().map_or(0, |it| it.experiments)
    };
    assert_eq!(ask(vec![bench.root(1)], None), 2);
    assert_eq!(ask(bench.roots(), Some(now())), 3);
    assert_eq!(
        ask(vec![], Some(now() + jiff::SignedDuration::from_secs(1))),
        0
    );
}

#[test]
fn a_rejection_changes_the_row_that_is_there() {
    let bench = Bench::with(1);
    bench.seal(0, &[Verdict::Keep, Verdict::Keep]);
    bench.follow();
    let (mut writer, _) = open(&bench.places[0].common_dir);
    let rejection = Rejection {
        experiment: ExperimentId(1),
        because: "slower for us".to_owned(),
        at: now(),
    };
    writer.reject(rejection).unwrap();
    let updated = bench.follow();
    assert_eq!((updated.rows, updated.read), (2, 1));
    assert_eq!(bench.groups(&[]), [(String::new(), 2, 2, 1)]);
}

#[test]
fn a_ledger_that_was_written_anew_is_read_anew() {
    let bench = Bench::with(2);
    bench.seal(0, &[Verdict::Keep, Verdict::Keep, Verdict::Keep]);
    bench.seal(1, &[Verdict::Vetoed]);
    bench.follow();
    let ledger = RecordRef::open(&bench.places[0].common_dir, LEDGER).unwrap();
    ledger.delete().unwrap();
    let updated = bench.follow();
    assert_eq!((updated.rows, updated.read), (1, 0));
    assert!(
        updated.notices[0].contains("written anew"),
        "{:?}",
        updated.notices
    );
    bench.seal(0, &[Verdict::Revert]);
    assert_eq!(bench.follow().rows, 2);
    let verdicts = bench.groups(&[By::Verdict]);
    let names: Vec<&str> = verdicts.iter().map(|it| it.0.as_str()).collect();
    assert_eq!(names, ["revert", "vetoed"]);
}

#[test]
fn a_target_that_is_no_longer_asked_for_leaves_no_rows() {
    let bench = Bench::with(2);
    bench.seal(0, &[Verdict::Keep]);
    bench.seal(1, &[Verdict::Keep]);
    bench.follow();
    let updated = bench.archive.follow(&[bench.root(1)]).unwrap();
    assert_eq!(updated.rows, 1);
    assert_eq!(bench.groups(&[By::Target])[0].0, bench.root(1).as_str());
}

#[test]
fn a_target_that_is_gone_keeps_its_rows_and_is_named() {
    let bench = Bench::with(1);
    bench.seal(0, &[Verdict::Keep]);
    bench.follow();
    fs::remove_dir_all(&bench.places[0].common_dir).unwrap();
    let updated = bench.follow();
    assert_eq!(updated.rows, 1);
    assert!(
        updated.notices[0].contains(bench.root(0).as_str()),
        "{:?}",
        updated.notices
    );
}

#[test]
fn a_torn_segment_or_manifest_is_named_and_made_again() {
    let bench = Bench::with(1);
    bench.seal(0, &[Verdict::Keep, Verdict::Revert]);
    bench.follow();
    let segment = bench.segments().remove(0);
    let bytes = fs::read(&segment).unwrap();
    fs::write(&segment, &bytes[..bytes.len() / 2]).unwrap();
    let updated = bench.follow();
    assert_eq!((updated.rows, updated.read), (2, 2));
    assert!(
        updated.notices[0].contains(segment.as_str()),
        "{:?}",
        updated.notices
    );
    fs::write(bench.archive.dir().join("manifest.json"), "{").unwrap();
    let updated = bench.follow();
    assert_eq!((updated.rows, updated.read), (2, 2));
    assert!(
        updated.notices[0].contains("manifest.json"),
        "{:?}",
        updated.notices
    );
    assert_eq!(bench.groups(&[]), [(String::new(), 2, 1, 0)]);
    assert_eq!(bench.follow().notices.len(), 0);
}

#[test]
fn a_segment_that_is_damaged_inside_is_an_error_that_names_it() {
    let bench = Bench::with(1);
    bench.seal(0, &[Verdict::Keep]);
    bench.follow();
    let segment = bench.segments().remove(0);
    let mut bytes = fs::read(&segment).unwrap();
    let n_bytes = bytes.len();
    bytes[n_bytes - 60..n_bytes - 8].fill(0xff);
    fs::write(&segment, bytes).unwrap();
    let error = groups(&bench.archive, &Query::default()).unwrap_err();
    assert!(error.to_string().contains(segment.as_str()), "{error}");
    assert_eq!(bench.archive.rebuild(&bench.roots()).unwrap().read, 1);
    assert_eq!(bench.groups(&[])[0].1, 1);
}

#[test]
fn what_a_crash_left_is_removed_and_what_is_not_ours_is_left_alone() {
    let bench = Bench::with(1);
    bench.seal(0, &[Verdict::Keep]);
    bench.follow();
    let file = |name: &str| bench.archive.dir().join(name);
    for name in [
        "00000099.parquet",
        ".00000098.parquet.new",
        ".manifest.json.new",
        "mine.parquet",
    ] {
        fs::write(file(name), "x").unwrap();
    }
    let updated = bench.follow();
    assert!(!file("00000099.parquet").exists() && !file(".00000098.parquet.new").exists());
    assert!(file("mine.parquet").exists());
    assert_eq!(updated.notices.len(), 1);
    assert!(updated.notices[0].contains("mine.parquet"));
}

#[test]
fn segments_stay_few() {
    let bench = Bench::with(1);
    for round in 1..=30 {
        bench.seal(0, &[Verdict::Keep]);
        assert_eq!(bench.follow().rows, round);
        assert!(bench.segments().len() <= 14, "{}", bench.segments().len());
    }
    assert_eq!(bench.groups(&[]), [(String::new(), 30, 30, 0)]);
}

#[test]
fn archives_that_are_followed_at_the_same_time_hold_every_row_once() {
    let bench = Bench::with(2);
    bench.seal(0, &[Verdict::Keep, Verdict::Keep]);
    bench.seal(1, &[Verdict::Revert]);
    let roots = bench.roots();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| bench.archive.follow(&roots).unwrap());
        }
    });
    assert_eq!(bench.groups(&[]), [(String::new(), 3, 2, 0)]);
}

#[test]
fn groups_are_the_same_in_every_format() {
    let bench = Bench::with(1);
    bench.seal(0, &[Verdict::Keep, Verdict::Revert]);
    bench.follow();
    let by = [By::Category, By::Claim];
    let query = Query {
        by: by.to_vec(),
        ..Query::default()
    };
    let groups = groups(&bench.archive, &query).unwrap();
    let text = String::from_utf8(csv(&groups, &by).unwrap()).unwrap();
    let mut lines = text.lines();
    assert!(
        lines
            .next()
            .unwrap()
            .starts_with("category,claim,experiments,")
    );
    assert!(
        lines.next().unwrap().starts_with("fix,moves,2,0,1,0,0.5,"),
        "{text}"
    );
    let bytes = std::io::Cursor::new(parquet(&groups, &by).unwrap());
    let table = polars_io::parquet::read::ParquetReader::new(bytes)
        .finish()
        .unwrap();
    assert_eq!(table.column("kept").unwrap().u64().unwrap().get(0), Some(1));
}

#[test]
fn a_veto_is_filed_under_its_rule_and_a_reason_without_its_numbers() {
    let bench = Bench::with(1);
    bench.seal(0, &[Verdict::Vetoed, Verdict::Revert]);
    bench.follow();
    let (manifest, _lock) = bench.archive.open().unwrap();
    let table = segment::read(bench.archive.dir(), &manifest.segments[0], None).unwrap();
    let reasons = table.column("reason").unwrap().str().unwrap().clone();
    let reasons: Vec<Option<&str>> = reasons.iter().collect();
    assert_eq!(reasons, [Some("scope"), Some("lint")]);
}
