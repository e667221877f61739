//! How close the search comes to the optimum of known functions, and of a real program, in 100 noisy
//! evaluations.
//!
//! `cargo bench --bench search -- [--trials N] [--seeds N]` prints a line of JSON per problem: the true
//! cost at the point that the search recommends, by seed. `evals/peers/search.py` sets the same
//! problems, noise and budget before other optimisers; for the program it asks this one, started with
//! `--serve`: five whole numbers on a line of standard input, their cost on a line of standard output.

mod compressor;

use std::f64::consts::{E, PI};
use std::io::BufRead as _;

use compressor::Settings;
use factory::search::{Kind, Space, Trial, Value, best, propose};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// What a point costs.
type Cost = Box<dyn Fn(&[f64]) -> f64>;

/// Something to minimise, seen through normal noise.
struct Problem {
    name: &'static str,
    cost: Cost,
    kinds: Vec<Kind>,
    noise: f64,
}

impl Problem {
    fn on_a_box(
        name: &'static str,
        function: fn(&[f64]) -> f64,
        bounds: &[(f64, f64)],
        noise: f64,
    ) -> Self {
        let kind = |&(low, high): &(f64, f64)| Kind::Float {
            low,
            high,
            log: false,
        };
        Self {
            name,
            cost: Box::new(function),
            kinds: bounds.iter().map(kind).collect(),
            noise,
        }
    }
}

fn problems() -> Vec<Problem> {
    vec![
        Problem::on_a_box("branin", branin, &[(-5.0, 10.0), (0.0, 15.0)], 1.0),
        Problem::on_a_box("hartmann6", hartmann, &[(0.0, 1.0); 6], 0.05),
        Problem::on_a_box("rosenbrock10", rosenbrock, &[(-2.0, 2.0); 10], 10.0),
        Problem::on_a_box("ackley10", ackley, &[(-32.768, 32.768); 10], 0.2),
        program(),
    ]
}

/// The compressor: `window`, `table`, `depth`, `enough`, `shortest`.
fn program() -> Problem {
    let kind = |low, high, log| Kind::Int { low, high, log };
    let text = compressor::sample();
    Problem {
        name: "compressor",
        cost: Box::new(move |x| compressor::cost(settings(x), &text)),
        kinds: vec![
            kind(6, 16, false),
            kind(6, 16, false),
            kind(1, 256, true),
            kind(3, 256, true),
            kind(2, 12, false),
        ],
        noise: 0.02,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "whole numbers up to 256"
)]
fn settings(x: &[f64]) -> Settings {
    Settings {
        window: x[0] as u32,
        table: x[1] as u32,
        depth: x[2] as usize,
        enough: x[3] as usize,
        shortest: x[4] as usize,
    }
}

fn branin(x: &[f64]) -> f64 {
    let (a, b) = (x[0], x[1]);
    let valley = b - 5.1 / (4.0 * PI * PI) * a * a + 5.0 / PI * a - 6.0;
    valley.powi(2) + 10.0 * (1.0 - 1.0 / (8.0 * PI)) * a.cos() + 10.0
}

fn hartmann(x: &[f64]) -> f64 {
    const HEIGHTS: [f64; 4] = [1.0, 1.2, 3.0, 3.2];
    const WIDTHS: [[f64; 6]; 4] = [
        [10.0, 3.0, 17.0, 3.5, 1.7, 8.0],
        [0.05, 10.0, 17.0, 0.1, 8.0, 14.0],
        [3.0, 3.5, 1.7, 10.0, 17.0, 8.0],
        [17.0, 8.0, 0.05, 10.0, 0.1, 14.0],
    ];
    const CENTRES: [[f64; 6]; 4] = [
        [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
        [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
        [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650],
        [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
    ];
    let hill = |idx: usize| {
        let squared = x.iter().zip(WIDTHS[idx]).zip(CENTRES[idx]);
        let exponent: f64 = squared.map(|((x, a), c)| a * (x - c).powi(2)).sum();
        HEIGHTS[idx] * (-exponent).exp()
    };
    -(0..4).map(hill).sum::<f64>()
}

fn rosenbrock(x: &[f64]) -> f64 {
    x.windows(2)
        .map(|it| 100.0 * (it[1] - it[0] * it[0]).powi(2) + (1.0 - it[0]).powi(2))
        .sum()
}

#[expect(clippy::cast_precision_loss, reason = "ten coordinates")]
fn ackley(x: &[f64]) -> f64 {
    let n = x.len() as f64;
    let squares: f64 = x.iter().map(|it| it * it).sum();
    let waves: f64 = x.iter().map(|it| (2.0 * PI * it).cos()).sum();
    -20.0 * (-0.2 * (squares / n).sqrt()).exp() - (waves / n).exp() + 20.0 + E
}

fn gauss(rng: &mut ChaCha8Rng) -> f64 {
    let (u, v) = (1.0 - rng.random::<f64>(), rng.random::<f64>());
    (-2.0 * u.ln()).sqrt() * (2.0 * PI * v).cos()
}

#[expect(clippy::cast_precision_loss, reason = "whole numbers up to 256")]
fn numbers(point: &[Value]) -> Vec<f64> {
    point
        .iter()
        .map(|it| match it {
            Value::Float(value) => *value,
            Value::Int(value) => *value as f64,
            Value::Choice(_) => unreachable!("no parameter is a choice"),
        })
        .collect()
}

/// Returns the true cost at the point that the search recommends.
fn searched(problem: &Problem, trials: usize, seed: u64) -> f64 {
    let space = Space {
        kinds: problem.kinds.clone(),
    };
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut record = Vec::new();
    for _ in 0..trials {
        let point = propose(&space, &record, &[], seed).point;
        let result = (problem.cost)(&numbers(&point)) + problem.noise * gauss(&mut rng);
        record.push(Trial {
            point,
            result: Some(result),
        });
    }
    let found = best(&space, &record).expect("no trial fails");
    (problem.cost)(&numbers(&record[found].point))
}

/// Answers points of the program with their costs until standard input ends.
#[expect(clippy::print_stdout, reason = "the answers are what it is asked for")]
fn serve() {
    let program = program();
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let point: Vec<f64> = line
            .split_whitespace()
            .filter_map(|it| it.parse().ok())
            .collect();
        println!("{}", (program.cost)(&point));
    }
}

fn option(args: &[String], name: &str, default: u64) -> u64 {
    let at = args.iter().position(|it| it == name);
    at.and_then(|at| args.get(at + 1)?.parse().ok())
        .unwrap_or(default)
}

#[expect(clippy::print_stdout, reason = "the table is what a benchmark is for")]
fn main() {
    let args: Vec<String> = std::env::args().collect();
    if args.iter().any(|it| it == "--serve") {
        return serve();
    }
    let trials = usize::try_from(option(&args, "--trials", 100)).unwrap_or(100);
    for problem in problems() {
        let seeds = 0..option(&args, "--seeds", 20);
        let values: Vec<f64> = seeds.map(|it| searched(&problem, trials, it)).collect();
        let line = serde_json::json!({ "function": problem.name, "values": values });
        println!("{line}");
    }
}
