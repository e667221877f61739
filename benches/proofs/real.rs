//! Proofs on a real program on this machine: it counts the words of a text, and its run time is noisy.
//!
//! The program is this one, started anew for every run (`--worker LINES`), from a fresh copy for every
//! candidate, so that a copy's place in memory and in the cache is part of the noise.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use factory::decision::{Look, State, calibrate, pool};
use factory::model::dimension::Direction;
use factory::model::measurement::{Arm, Calibration, Evidence, Pair, Scale, SignPlan, TestPlan};
use factory::stats::estimate::{mad_sigma, mean, median, root_mean_square};
use factory::stats::lord::Lord;
use factory::ui::plot::{Axis, Colour, Join, Layer, Mark, Plot, Shape, Stroke};
use rand::RngExt as _;

use super::draw::{self, Rng, gauss, share};
use super::planned;
use super::report::{Figure, Proof, short};

/// The lines whose words are counted.
const LINES: u32 = 12_000;
/// The level of experiments that are no part of a stream.
const LEVEL: f64 = 0.002;

/// What a run is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Clock {
    /// From its start to its end.
    Wall,
    /// What it spent on a processor, by the kernel's own count; less noisy where other work goes on.
    Processor,
}

/// The child's whole life: counts words, and prints the nanoseconds that it spent on a processor.
pub(crate) fn work(lines: u32) {
    assert!(count_words(lines) > 0, "every line has words");
    // Not `/proc/self/schedstat`: while a process runs, that is only as fresh as the last tick.
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    println!("{}", 1_000_000_000 * spent.tv_sec + spent.tv_nsec);
}

/// Returns how often the most frequent word is there.
fn count_words(lines: u32) -> usize {
    let mut counts: HashMap<String, usize> = HashMap::new();
    let mut state = 20_240_229u64;
    for _ in 0..lines {
        let mut line = String::new();
        for _ in 0..8 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let number = (state >> 33) % 4_000;
            let _ = write!(line, "word{} ", number * number / 4_000);
        }
        for word in line.split_whitespace() {
            *counts.entry(word.to_owned()).or_default() += 1;
        }
    }
    let mut ranked: Vec<(usize, String)> = counts.into_iter().map(|(word, n)| (n, word)).collect();
    ranked.sort();
    ranked.last().map_or(0, |it| it.0)
}

/// Two places with a copy of the program each, and how much work each copy does.
struct Bench {
    dir: tempfile::TempDir,
    rng: Rng,
    lines: [u32; 2],
    clock: Clock,
}

impl Bench {
    fn new(seed: u64, clock: Clock) -> Self {
        let bench = Self {
            dir: tempfile::tempdir().expect("a temporary folder can be made"),
            rng: draw::rng(seed),
            lines: [LINES; 2],
            clock,
        };
        bench.lay_out(Arm::Incumbent);
        bench.lay_out(Arm::Candidate);
        bench
    }

    fn place(&self, arm: Arm) -> PathBuf {
        // Equally long paths, because their length moves the stack.
        self.dir.path().join(match arm {
            Arm::Incumbent => "one",
            Arm::Candidate => "two",
        })
    }

    /// Puts a fresh copy of the program where an arm runs it.
    fn lay_out(&self, arm: Arm) {
        let own = std::env::current_exe().expect("this program has a path");
        let fresh = self.dir.path().join("new");
        std::fs::copy(&own, &fresh).expect("the program can be copied");
        std::fs::rename(&fresh, self.place(arm)).expect("a file can be moved");
    }

    /// Returns the seconds of one run.
    fn run(&mut self, arm: Arm) -> f64 {
        let lines = match arm {
            Arm::Incumbent => self.lines[0],
            Arm::Candidate => self.lines[1],
        };
        let padding = "x".repeat(self.rng.random_range(0..4096));
        let mut command = Command::new(self.place(arm));
        command
            .args(["--worker", &lines.to_string()])
            .env_clear()
            .env("PADDING", padding)
            .stdin(Stdio::null());
        let began = Instant::now();
        let output = command.output().expect("the copy can be started");
        let wall = began.elapsed().as_secs_f64();
        assert!(output.status.success(), "the copy ends well");
        let printed = String::from_utf8_lossy(&output.stdout);
        match (self.clock, printed.trim().parse::<f64>()) {
            (Clock::Processor, Ok(nanoseconds)) if nanoseconds > 0.0 => nanoseconds * 1e-9,
            _ => wall,
        }
    }

    /// Runs both arms, in an order that a fair coin chooses.
    fn pair(&mut self) -> Pair {
        let first = if self.rng.random::<bool>() {
            Arm::Incumbent
        } else {
            Arm::Candidate
        };
        let (one, two) = (self.run(first), self.run(first.other()));
        let mut pair = match first {
            Arm::Incumbent => draw::pair(one, two),
            Arm::Candidate => draw::pair(two, one),
        };
        pair.first = first;
        pair
    }

    /// Calibrates on fresh copies that do the same.
    fn calibrated(&mut self) -> (Calibration, Vec<Pair>) {
        let lines = std::mem::replace(&mut self.lines, [LINES; 2]);
        self.lay_out(Arm::Candidate);
        self.pair();
        let pairs: Vec<Pair> = (0..10).map(|_| self.pair()).collect();
        self.lines = lines;
        let calibration = calibrate(Direction::Minimize, Scale::LogRatio, false, &pairs);
        (calibration, pairs)
    }
}

fn planned(alpha: f64, calibration: &Calibration, scale: Scale) -> SignPlan {
    let direction = match scale {
        Scale::LogRatio => Direction::Minimize,
        Scale::Difference => Direction::Maximize,
    };
    planned::planned(direction, scale, alpha, calibration, &[])
}

fn seconds(pair: &Pair) -> (f64, f64) {
    let value = |sample: &factory::model::measurement::Sample| sample.value().unwrap_or(f64::NAN);
    (value(&pair.incumbent.sample), value(&pair.candidate.sample))
}

/// Who kept which of the candidates, cumulated.
#[derive(Default)]
struct Race {
    single: Vec<bool>,
    stored_best: Vec<bool>,
    mean_of_three: Vec<bool>,
    ours: Vec<bool>,
}

/// Candidates that change nothing, judged by four rules on the same samples.
pub(crate) fn prove_no_ops(n: u32, picture: &Path) -> Proof {
    let mut bench = Bench::new(1, Clock::Wall);
    let (mut calibration, first) = bench.calibrated();
    let mut lord = Lord::new(0.05);
    let mut best = seconds(&first[0]).0;
    let (mut race, mut n_pairs, mut levels) = (Race::default(), 0, Vec::new());
    for _ in 0..n {
        bench.lay_out(Arm::Candidate);
        let level = lord.next_level();
        lord.start(level);
        let plan = planned(level, &calibration, Scale::LogRatio);
        let mut state = State::new(&plan);
        let mut pairs = Vec::new();
        while state.look() == Look::Undecided {
            let pair = bench.pair();
            state.fold(&pair);
            pairs.push(pair);
        }
        n_pairs += state.n();
        let kept = state.look() == Look::Keep;
        if kept {
            lord.keep();
        }
        race.ours.push(kept);
        pool(&mut calibration, &evidence(plan, &pairs));
        // The rules of others may look at pairs behind our stop: they need three.
        while pairs.len() < 3 {
            pairs.push(bench.pair());
        }
        let times: Vec<(f64, f64)> = pairs.iter().map(seconds).collect();
        race.single.push(times[0].1 < times[0].0);
        let is_best = times[0].1 <= best;
        if is_best {
            best = times[0].1;
        }
        race.stored_best.push(is_best);
        let three = |arm: fn(&(f64, f64)) -> f64| times[..3].iter().map(arm).sum::<f64>();
        race.mean_of_three.push(three(|it| it.1) < three(|it| it.0));
        levels.extend(times.iter().map(|it| it.0));
    }
    std::fs::write(picture, race.picture(n)).expect("the picture can be written");
    race.proof(n, n_pairs, &levels, &calibration)
}

fn evidence(plan: SignPlan, pairs: &[Pair]) -> Evidence {
    Evidence {
        metric: "seconds".parse().expect("a word is a metric name"),
        unit: "s".to_owned(),
        plan: TestPlan::SignBetting(plan),
        pairs: pairs.to_vec(),
    }
}

impl Race {
    fn rules(&self) -> [(&'static str, &[bool], Colour); 4] {
        [
            (
                "one run against a fresh baseline",
                &self.single,
                Colour::Orange,
            ),
            (
                "mean of three against a fresh baseline",
                &self.mean_of_three,
                Colour::Green,
            ),
            (
                "not worse than the stored best",
                &self.stored_best,
                Colour::Purple,
            ),
            ("factory", &self.ours, Colour::Blue),
        ]
    }

    fn proof(&self, n: u32, n_pairs: u32, levels: &[f64], calibration: &Calibration) -> Proof {
        let noise = root_mean_square(&calibration.differences).unwrap_or(0.0);
        let mut proof = Proof::new(
            &format!(
                "{n} candidates that are copies of the incumbent: a program that counts the words of {LINES} \
                 lines, {:.1} ms a run, in which two runs differ by {:.1} % (one standard deviation). All \
                 rules judge the same runs of the same candidates. Every keep is a fluke.",
                1e3 * median(levels).unwrap_or(0.0),
                100.0 * noise,
            ),
            &["rule", "keeps", "share", "runs per candidate"],
        );
        let runs = [2.0, 6.0, 1.0, 2.0 * share(n_pairs, n)];
        for ((name, kept, _), runs) in self.rules().into_iter().zip(runs) {
            let kept = count(kept);
            proof.row(&[
                name.to_owned(),
                kept.to_string(),
                format!("{:.1} %", 100.0 * share(kept, n)),
                short(runs),
            ]);
        }
        proof.figures.push(Figure::at_most(
            "keeps by factory",
            f64::from(count(&self.ours)),
            1.0,
        ));
        proof
    }

    /// Keeps so far, by candidate.
    fn picture(&self, n: u32) -> String {
        let layers = self.rules().into_iter().map(|(name, kept, colour)| {
            let mut so_far = 0;
            let line =
                std::iter::once((0.0, 0.0)).chain((1u32..).zip(kept).map(|(number, kept)| {
                    so_far += u32::from(*kept);
                    (f64::from(number), f64::from(so_far))
                }));
            Layer {
                name: name.to_owned(),
                colour,
                shape: Shape::Lines {
                    lines: vec![line.collect()],
                    join: Join::Stepped,
                    stroke: Stroke::Solid,
                },
            }
        });
        Plot {
            title: "Candidates kept that change nothing".to_owned(),
            subtitle: format!(
                "{n} copies of one program, judged by its run time; every keep is a fluke"
            ),
            x: Axis::linear("candidates tried"),
            y: Axis::linear("kept so far"),
            layers: layers.collect(),
            marks: Vec::<Mark>::new(),
            empty: String::new(),
        }
        .svg()
    }
}

fn count(kept: &[bool]) -> u32 {
    u32::try_from(kept.iter().filter(|it| **it).count()).expect("few enough to count")
}

/// Candidates that do 1, 3 and 10 % less work.
pub(crate) fn prove_effects(n: u32) -> Proof {
    let mut proof = Proof::new(
        &format!(
            "The same program by the time that it spends on a processor, and candidates that count 1, 3 and \
             10 % fewer lines: {n} experiments each, at level {LEVEL}, with a calibration of their own. \
             *Truly*: what 300 further pairs show. *Predicted*: the same experiments with Gaussian noise of the size that the calibrations \
             found, in brackets of the size that fits all but outliers."
        ),
        &[
            "less work",
            "truly faster",
            "truly / σ",
            "kept",
            "predicted",
            "mean runs",
            "predicted",
        ],
    );
    for (idx, less) in [0.01, 0.03, 0.10].into_iter().enumerate() {
        let mut bench = Bench::new(100 + u64::try_from(idx).expect("three"), Clock::Processor);
        bench.lines[1] = fewer(less);
        let truth: Vec<f64> = (0..300).map(|_| difference(&bench.pair())).collect();
        let (mut kept, mut n_pairs, mut noise) = (0, 0, Vec::new());
        for _ in 0..n {
            let (calibration, _) = bench.calibrated();
            noise.extend_from_slice(&calibration.differences);
            let mut state = State::new(&planned(LEVEL, &calibration, Scale::LogRatio));
            while state.look() == Look::Undecided {
                let pair = bench.pair();
                state.fold(&pair);
            }
            kept += u32::from(state.look() == Look::Keep);
            n_pairs += state.n();
        }
        let sigma = root_mean_square(&noise).unwrap_or(f64::NAN);
        let robust = mad_sigma(&noise).unwrap_or(f64::NAN);
        let truly = median(&truth).unwrap_or(f64::NAN);
        let (expected, calm) = (predicted(truly / sigma), predicted(truly / robust));
        proof.row(&[
            format!("{:.0} %", 100.0 * less),
            format!(
                "{:.1} % (mean {:.1} %)",
                100.0 * truly,
                100.0 * mean(&truth).unwrap_or(f64::NAN)
            ),
            short(truly / sigma),
            format!("{:.0} %", 100.0 * share(kept, n)),
            format!("{:.0} % ({:.0} %)", 100.0 * expected.0, 100.0 * calm.0),
            short(2.0 * share(n_pairs, n)),
            format!("{} ({})", short(2.0 * expected.1), short(2.0 * calm.1)),
        ]);
        let error = 3.0 * (0.25 / f64::from(n)).sqrt();
        let least = expected.0.min(calm.0) - error;
        proof.figures.push(Figure::at_least(
            format!("{:.0} % less work: share kept", 100.0 * less),
            share(kept, n),
            least.max(0.0),
        ));
    }
    proof
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "less than the lines that there are"
)]
fn fewer(less: f64) -> u32 {
    (f64::from(LINES) * (1.0 - less)) as u32
}

fn difference(pair: &Pair) -> f64 {
    let (incumbent, candidate) = seconds(pair);
    incumbent.ln() - candidate.ln()
}

/// Simulates experiments on an effect of so many standard deviations; returns the share kept and the mean
/// pairs.
fn predicted(effect: f64) -> (f64, f64) {
    const N: u32 = 4_000;
    let mut rng = draw::rng(17);
    let (mut kept, mut n_pairs) = (0, 0);
    let mut pair = draw::pair(0.0, 0.0);
    for _ in 0..N {
        let calibration = Calibration {
            differences: (0..10).map(|_| gauss(&mut rng)).collect(),
            run_seconds: 0.01,
            ..Calibration::default()
        };
        let mut state = State::new(&planned(LEVEL, &calibration, Scale::Difference));
        while state.look() == Look::Undecided {
            draw::set(&mut pair, 0.0, effect + gauss(&mut rng));
            state.fold(&pair);
        }
        kept += u32::from(state.look() == Look::Keep);
        n_pairs += state.n();
    }
    (share(kept, N), share(n_pairs, N))
}
