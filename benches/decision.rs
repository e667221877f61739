//! What one more look at a test in progress costs, and what a replay from raw samples does.

use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use factory::decision::{State, replay};
use factory::model::dimension::Direction;
use factory::model::measurement::{
    Arm, Calibration, Evidence, Measurement, Pair, Sample, Scale, SignPlan, TestPlan,
};

/// A plan that lets a test run as long as the benchmark asks.
fn plan(n_max: u32) -> SignPlan {
    SignPlan {
        direction: Direction::Minimize,
        scale: Scale::LogRatio,
        alpha: 1e-9,
        stream: None,
        beta: 1e-9,
        delta: 0.007,
        epsilon: 0.0,
        sigma: 0.01,
        floor: 0.002,
        n_max,
        calibration: Calibration {
            differences: vec![0.01, -0.01, 0.012, -0.008, 0.01],
            level: 100.0,
            run_seconds: 0.1,
            ..Calibration::default()
        },
    }
}

/// Returns pairs that neither win nor lose: a fixed sequence without any drift.
fn pairs(n: u32) -> Vec<Pair> {
    (0..n)
        .map(|idx| {
            let wobble = f64::from((idx * 7919) % 101) / 101.0 - 0.5;
            Pair {
                first: Arm::Incumbent,
                incumbent: run(Arm::Incumbent, 100.0),
                candidate: run(Arm::Candidate, 99.8 + wobble),
                instance: None,
            }
        })
        .collect()
}

fn run(arm: Arm, value: f64) -> Measurement {
    Measurement {
        arm,
        tree: "a"
            .repeat(40)
            .parse()
            .expect("forty hexadecimal digits are a hash"),
        sample: Sample::Value { value },
        seconds: 0.1,
    }
}

fn one_more_look(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("one_more_look");
    for n in [10, 100, 1_000] {
        let plan = plan(2 * n);
        let pairs = pairs(n + 1);
        let (next, folded) = pairs.split_last().expect("there is more than one pair");
        let mut state = State::new(&plan);
        for pair in folded {
            state.fold(pair);
        }
        group.bench_with_input(BenchmarkId::from_parameter(n), &state, |bencher, state| {
            bencher.iter_batched_ref(
                || state.clone(),
                |state| {
                    state.fold(black_box(next));
                    state.look()
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

fn replay_from_samples(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("replay_from_samples");
    for n in [10, 100, 1_000] {
        let evidence = Evidence {
            metric: "parse".parse().expect("a word is a metric name"),
            unit: "ms".to_owned(),
            plan: TestPlan::SignBetting(plan(n)),
            pairs: pairs(n),
        };
        group.bench_with_input(BenchmarkId::from_parameter(n), &evidence, |bencher, it| {
            bencher.iter(|| replay(black_box(it)));
        });
    }
    group.finish();
}

criterion_group!(benches, one_more_look, replay_from_samples);
criterion_main!(benches);
