//! The record at 10 and at 10,000 experiments: what `status` and `history` read, and what a seal costs.

use std::hint::black_box;

use camino::Utf8PathBuf;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use factory::model::id::ExperimentId;
use factory::store::{Reader, Writer};

mod support;

/// A ledger in a repository of its own.
struct Ledger {
    _dir: tempfile::TempDir,
    common_dir: Utf8PathBuf,
}

impl Ledger {
    /// Makes one with that many experiments, in memory where that is possible.
    fn with(n: u32) -> Self {
        let dir = tempfile::tempdir_in("/dev/shm")
            .or_else(|_| tempfile::tempdir())
            .expect("a temporary directory can be made");
        let root = Utf8PathBuf::from_path_buf(dir.path().to_owned()).expect("its path is UTF-8");
        factory::repo::records::init(&root).expect("a repository can be made");
        let ledger = Self {
            common_dir: root.join(".git"),
            _dir: dir,
        };
        support::fill(&ledger.common_dir, n);
        ledger
    }

    /// Returns a copy on the disk, where a sync costs what it costs.
    fn on_disk(&self) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory can be made");
        let root = Utf8PathBuf::from_path_buf(dir.path().to_owned()).expect("its path is UTF-8");
        support::copy(&self.common_dir, &root.join(".git"));
        Self {
            common_dir: root.join(".git"),
            _dir: dir,
        }
    }

    fn writer(&self) -> Writer {
        support::writer(&self.common_dir)
    }

    fn reader(&self) -> Reader {
        Reader::at(&self.common_dir).expect("the record can be read")
    }
}

fn read(c: &mut Criterion) {
    let mut group = c.benchmark_group("read");
    for n in [10, 10_000] {
        let ledger = Ledger::with(n);
        group.bench_with_input(BenchmarkId::new("totals", n), &ledger, |bencher, ledger| {
            bencher.iter(|| black_box(ledger.reader().totals().expect("readable")));
        });
        group.bench_with_input(
            BenchmarkId::new("recent 20", n),
            &ledger,
            |bencher, ledger| {
                bencher.iter(|| black_box(ledger.reader().recent(20).expect("readable")));
            },
        );
        group.bench_with_input(
            BenchmarkId::new("summaries", n),
            &ledger,
            |bencher, ledger| {
                bencher.iter(|| black_box(ledger.reader().summaries().expect("readable")));
            },
        );
        group.bench_with_input(BenchmarkId::new("record", n), &ledger, |bencher, ledger| {
            let id = ExperimentId(n / 2);
            bencher.iter(|| black_box(ledger.reader().experiment(id).expect("readable")));
        });
        let ledger = ledger.on_disk();
        let mut writer = ledger.writer();
        group.bench_function(
            BenchmarkId::new("seal, with fsync and packing", n),
            |bencher| {
                bencher.iter(|| support::seal(&mut writer));
            },
        );
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = read
}
criterion_main!(benches);
