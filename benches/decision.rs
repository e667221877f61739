//! What one more look at a test in progress costs, and what a replay from raw samples does, of one
//! experiment and of a whole record.

use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use factory::decision::{Next, State, decide, replay};
use factory::model::dimension::Direction;
use factory::model::measurement::{
    Arm, Calibration, Evidence, Measurement, Pair, Sample, Scale, SignPlan, TestPlan,
};
use factory::model::verdict::Verdict;

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
        shift: 0.0,
        sigma: 0.01,
        floor: 0.002,
        n_max,
        give_up: Default::default(),
        guards: Vec::new(),
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
        tail: Default::default(),
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

/// A record of this many experiments, of which every one is decided anew.
const RECORD: u32 = 100_000;

fn replay_of_a_record(criterion: &mut Criterion) {
    let record: Vec<Evidence> = (0..1_000).map(recorded).collect();
    let n_pairs: u32 = record
        .iter()
        .map(|it| u32::try_from(it.pairs.len()).expect("few pairs"))
        .sum();
    let mut group = criterion.benchmark_group("replay_of_a_record");
    group.sample_size(10);
    let name = format!(
        "{RECORD} experiments, {:.1} pairs each",
        f64::from(n_pairs) / 1_000.0
    );
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            let kept = (0..RECORD)
                .map(|idx| &record[(idx % 1_000) as usize])
                .filter(|it| replay(black_box(it)).verdict == Verdict::Keep);
            kept.count()
        });
    });
    group.finish();
}

/// Returns an experiment as the loop records it: measured until a look stops. One in ten is a gain.
fn recorded(number: u32) -> Evidence {
    let gain = if number.is_multiple_of(10) { 1.0 } else { 0.0 };
    let mut evidence = Evidence {
        metric: "parse".parse().expect("a word is a metric name"),
        unit: "ms".to_owned(),
        plan: TestPlan::SignBetting(SignPlan {
            alpha: 0.001,
            beta: 0.2,
            ..plan(63)
        }),
        pairs: Vec::new(),
    };
    let mut state = number;
    while decide(&evidence) == Next::Continue {
        let mut noise = -6.0;
        for _ in 0..12 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            noise += f64::from(state >> 8) / f64::from(1u32 << 24);
        }
        evidence.pairs.push(Pair {
            first: Arm::Incumbent,
            incumbent: run(Arm::Incumbent, 100.0),
            candidate: run(Arm::Candidate, 100.0 - gain + noise),
            instance: None,
        });
    }
    evidence
}

criterion_group!(
    benches,
    one_more_look,
    replay_from_samples,
    replay_of_a_record
);
criterion_main!(benches);
