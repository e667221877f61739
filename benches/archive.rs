//! The archive at 1,000,000 experiments: grouped by category and target from Parquet, and followed after
//! one more experiment.
//!
//! With `ARCHIVE_DIR` set, the million stays in that folder, for `evals/peers/archive.py` to read.

use std::hint::black_box;

use camino::{Utf8Path, Utf8PathBuf};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use factory::archive::{Archive, By, Query, Row, groups};
use factory::repo::records::{self, RecordRef};
use jiff::Timestamp;

mod support;

const N: u32 = 1_000_000;
const BATCH: u32 = 125_000;
const VERDICTS: [&str; 5] = ["keep", "revert", "inconclusive", "spurious", "vetoed"];
const CATEGORIES: [&str; 4] = ["fix", "exploit", "explore", "combine"];
const CLAIMS: [&str; 4] = ["moves", "meets", "keeps", "maintains"];
const METRICS: [&str; 3] = ["lint", "parse", "coverage"];

/// Returns a row that differs from its neighbours in everything that is grouped or summed.
fn row(idx: u32) -> Row {
    let mixed = |salt: u32| {
        let it = (idx ^ salt.wrapping_mul(0x85eb_ca6b)).wrapping_mul(0x9e37_79b1);
        (it ^ (it >> 15)).wrapping_mul(0x2c1b_3c6d) >> 8
    };
    let pick = |texts: &[&str], salt: u32| texts[mixed(salt) as usize % texts.len()].to_owned();
    let share = f64::from(mixed(1) % 1_000) / 1_000.0;
    let verdict = pick(&VERDICTS, 2);
    let effect = (verdict != "vetoed").then_some(share / 10.0 - 0.04);
    Row {
        target: format!("/srv/somebody/projects/target-{:02}", mixed(3) % 80),
        run: Some(format!("2026-11-21-{:05x}", idx / 40)),
        id: idx / 80 + 1,
        time: 1_750_000_000_000 + i64::from(idx) * 30_000,
        week: format!("2026-W{:02}", 1 + idx / 20_000),
        key: format!("ruff:F{}", mixed(4)),
        category: pick(&CATEGORIES, 5),
        claim: pick(&CLAIMS, 6),
        metric: Some(pick(&METRICS, 7)),
        reason: "no worthwhile effect".to_owned(),
        backend: Some("mechanic".to_owned()),
        effect,
        effect_low: effect.map(|it| it - 0.02),
        effect_high: effect.map(|it| it + 0.02),
        shrunken: effect.map(|it| it * 0.6),
        ln_e: effect.map(|it| it * 40.0),
        pairs: effect.map(|_| mixed(8) % 60),
        evals: 2,
        metric_runs: u64::from(mixed(9) % 120),
        seconds: share * 600.0,
        tokens: u64::from(mixed(10) % 90_000),
        usd: share,
        tier: Some("T2".to_owned()),
        kept: verdict == "keep",
        landed: verdict == "keep",
        unkept: false,
        verdict,
    }
}

/// Returns an archive with the million, made once and kept in the build folder.
fn million() -> Archive {
    let dir = std::env::var("ARCHIVE_DIR").map_or_else(
        |_| Utf8Path::new(env!("CARGO_TARGET_TMPDIR")).join("archive-1000000"),
        Utf8PathBuf::from,
    );
    let archive = Archive::at(&dir);
    if !dir.join("manifest.json").exists() {
        for first in (0..N).step_by(BATCH as usize) {
            let rows: Vec<Row> = (first..first + BATCH).map(row).collect();
            archive.add(&rows).expect("the build folder can be written");
        }
    }
    archive
}

fn group(c: &mut Criterion) {
    let archive = million();
    let query = Query {
        by: vec![By::Category, By::Target],
        ..Query::default()
    };
    let answer = groups(&archive, &query).expect("the archive can be read");
    assert_eq!(answer.len(), 320);
    let mut bench = c.benchmark_group("archive");
    bench.sample_size(30);
    bench.bench_function("1,000,000 by category and target", |bencher| {
        bencher.iter(|| black_box(groups(&archive, &query).expect("readable")));
    });
    bench.finish();
}

fn follow(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let root = Utf8PathBuf::from_path_buf(dir.path().to_owned()).expect("its path is UTF-8");
    let target = target(&root.join("target"));
    support::fill(&target.join(".git"), 1_000);
    let mut writer = support::writer(&target.join(".git"));
    let archive = Archive::at(root.join("archive"));
    let targets = [target];
    archive.follow(&targets).expect("the ledger can be read");
    let mut bench = c.benchmark_group("archive");
    bench.sample_size(30);
    bench.bench_function("followed after one experiment", |bencher| {
        bencher.iter_batched(
            || support::seal(&mut writer),
            |()| black_box(archive.follow(&targets).expect("readable")),
            BatchSize::PerIteration,
        );
    });
    bench.finish();
}

/// Makes a repository with one commit.
fn target(root: &Utf8Path) -> Utf8PathBuf {
    std::fs::create_dir_all(root).expect("a folder can be made");
    records::init(root).expect("a repository can be made");
    let main = RecordRef::open(&root.join(".git"), "refs/heads/main").expect("it can be opened");
    let file = ("a.py".to_owned(), Some(b"x = 1\n".to_vec()));
    main.commit(None, &[file], "begin", Timestamp::UNIX_EPOCH)
        .expect("it can be committed to");
    root.to_owned()
}

criterion_group!(benches, group, follow);
criterion_main!(benches);
