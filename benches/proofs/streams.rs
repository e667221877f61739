//! Endless streams of experiments, planned and decided as the loop does it: what is kept, what that is
//! worth, and what it costs.
//!
//! Everything is in units of the standard deviation of one run.

use factory::decision::{Look, State, pool};
use factory::model::dimension::Direction;
use factory::model::measurement::{Calibration, Evidence, GiveUp, Pair, Scale, SignPlan, TestPlan};
use factory::stats::lord::Lord;

use super::draw::{self, Noise, Rng, share, uniform};
use super::planned;
use super::report::{Figure, Proof, short};

/// The bound on the flukes among what a stream keeps.
const ALPHA: f64 = 0.05;
/// After so many experiments the most promising undecided one goes on.
const RESUME_EVERY: usize = 5;
/// What improving and harmful changes do.
const SIZES: [f64; 3] = [0.5, 1.0, 2.0];

/// How experiments are planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// δ of one standard deviation of a run, ten calibration pairs, at most 40 pairs.
    Fixed,
    /// As the program plans runs of a second.
    Planned,
    /// The same, and undecided experiments go on.
    Resumed,
}

/// One kind of stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub(crate) noise: Noise,
    /// Shares of changes that improve and that harm.
    pub(crate) good: f64,
    pub(crate) harm: f64,
    pub(crate) rule: Rule,
    /// When an effect is given up, if not as planned.
    pub(crate) give_up: Option<GiveUp>,
    pub(crate) n_streams: u32,
    pub(crate) n_experiments: u32,
    pub(crate) seed: u64,
}

/// What many such streams came to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outcome {
    /// The mean share of flukes among keeps, and its standard error.
    pub(crate) fdr: f64,
    pub(crate) fdr_error: f64,
    /// Keeps of changes that do not improve, per stream, and the most in any stream.
    pub(crate) false_keeps: f64,
    pub(crate) most_false_keeps: u32,
    /// The share kept of changes by half a, one and two standard deviations.
    pub(crate) power: [f64; 3],
    pub(crate) runs: f64,
    pub(crate) gain: f64,
}

/// One experiment of a stream.
struct Tried {
    effect: f64,
    plan: SignPlan,
    pairs: Vec<Pair>,
    look: Look,
    ln_e: f64,
    resumed: bool,
}

impl Tried {
    fn kept(&self) -> bool {
        self.look == Look::Keep
    }

    /// Measures until a look stops, from the pairs that there are.
    fn go_on(&mut self, rng: &mut Rng, noise: Noise) {
        let mut state = State::new(&self.plan);
        for pair in &self.pairs {
            state.fold(pair);
        }
        let mut next = draw::pair(0.0, 0.0);
        while state.look() == Look::Undecided {
            draw::set(&mut next, 0.0, self.effect + noise.pair(rng));
            state.fold(&next);
            self.pairs.push(next.clone());
        }
        self.look = state.look();
        self.ln_e = state.ln_e();
    }
}

/// Runs the streams of a setting.
pub(crate) fn run(setting: &Setting) -> Outcome {
    let mut rng = draw::rng(setting.seed);
    let (mut shares, mut outcome) = (Vec::new(), Outcome::default());
    let (mut found, mut there) = ([0u32; 3], [0u32; 3]);
    let n = f64::from(setting.n_streams);
    for _ in 0..setting.n_streams {
        let (tried, runs) = stream(&mut rng, setting);
        let kept: Vec<&Tried> = tried.iter().filter(|it| it.kept()).collect();
        let flukes = count(kept.iter().filter(|it| it.effect <= 0.0).count());
        shares.push(share(flukes, count(kept.len())));
        outcome.false_keeps += f64::from(flukes) / n;
        outcome.most_false_keeps = outcome.most_false_keeps.max(flukes);
        outcome.runs += f64::from(runs) / f64::from(setting.n_experiments) / n;
        outcome.gain += kept.iter().map(|it| it.effect).sum::<f64>() / n;
        for it in &tried {
            if let Some(size) = SIZES
                .iter()
                .position(|size| (size - it.effect).abs() < 1e-9)
            {
                there[size] += 1;
                found[size] += u32::from(it.kept());
            }
        }
    }
    outcome.fdr = shares.iter().sum::<f64>() / n;
    let spread: f64 = shares.iter().map(|it| (it - outcome.fdr).powi(2)).sum();
    outcome.fdr_error = (spread / n).sqrt() / n.sqrt();
    for size in 0..SIZES.len() {
        outcome.power[size] = share(found[size], there[size]);
    }
    outcome
}

/// Runs one stream; returns its experiments, and how many runs they took, calibration included.
fn stream(rng: &mut Rng, setting: &Setting) -> (Vec<Tried>, u32) {
    let differences: Vec<f64> = (0..10).map(|_| setting.noise.pair(rng)).collect();
    let mut calibration = Calibration {
        differences,
        run_seconds: 1.0,
        ..Calibration::default()
    };
    let mut lord = Lord::new(ALPHA);
    let mut tried: Vec<Tried> = Vec::new();
    for number in 1..=setting.n_experiments as usize {
        let level = lord.next_level();
        lord.start(level);
        let mut experiment = Tried {
            effect: effect(rng, setting),
            plan: planned(setting, level, &calibration),
            pairs: Vec::new(),
            look: Look::Undecided,
            ln_e: 0.0,
            resumed: false,
        };
        experiment.go_on(rng, setting.noise);
        if experiment.kept() {
            lord.keep();
        }
        if setting.rule != Rule::Fixed {
            learn(&mut calibration, &experiment);
        }
        tried.push(experiment);
        if setting.rule == Rule::Resumed && number % RESUME_EVERY == 0 {
            resume(rng, setting.noise, &mut tried, &mut lord);
        }
    }
    let pairs: usize = tried.iter().map(|it| it.pairs.len()).sum();
    (tried, 2 * count(pairs + 10))
}

fn effect(rng: &mut Rng, setting: &Setting) -> f64 {
    let (kind, size) = (uniform(rng), uniform(rng));
    let size = SIZES[usize::from(size > 1.0 / 3.0) + usize::from(size > 2.0 / 3.0)];
    if kind < setting.good {
        size
    } else if kind < setting.good + setting.harm {
        -size
    } else {
        0.0
    }
}

fn planned(setting: &Setting, alpha: f64, calibration: &Calibration) -> SignPlan {
    let plan = planned::planned(
        Direction::Maximize,
        Scale::Difference,
        alpha,
        calibration,
        &[],
    );
    let plan = SignPlan {
        give_up: setting.give_up.unwrap_or(plan.give_up),
        ..plan
    };
    match setting.rule {
        Rule::Fixed => SignPlan {
            delta: 1.0,
            n_max: 40,
            ..plan
        },
        Rule::Planned | Rule::Resumed => plan,
    }
}

fn learn(calibration: &mut Calibration, experiment: &Tried) {
    let evidence = Evidence {
        metric: "speed".parse().expect("a word is a metric name"),
        unit: String::new(),
        plan: TestPlan::SignBetting(experiment.plan.clone()),
        pairs: experiment.pairs.clone(),
    };
    pool(calibration, &evidence);
}

/// Lets the undecided experiment with the largest e-value go on, for as many pairs again, once.
fn resume(rng: &mut Rng, noise: Noise, tried: &mut [Tried], lord: &mut Lord) {
    let undecided = tried
        .iter_mut()
        .filter(|it| matches!(it.look, Look::OutOfPairs | Look::OutOfReach) && !it.resumed);
    if let Some(best) = undecided.max_by(|a, b| a.ln_e.total_cmp(&b.ln_e)) {
        best.resumed = true;
        best.plan.n_max += best.plan.n_max;
        best.go_on(rng, noise);
        if best.kept() {
            lord.keep();
        }
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).expect("few enough to count")
}

/// The table of streams, and the figures that the documentation states.
pub(crate) fn prove(n_streams: u32) -> Proof {
    let mut proof = Proof::new(
        "Streams of 200 experiments, of which 10 % improve and 30 % harm by ½, 1 or 2 standard \
         deviations of one run, or none does either. *Fixed*: δ of one such deviation, at most 40 \
         pairs; *planned*: as the program plans runs of a second; *resumed*: the most promising \
         undecided experiment goes on after every five.",
        &[
            "noise",
            "improve/harm",
            "plan",
            "share of flukes",
            "flukes",
            "kept of ½ σ",
            "1 σ",
            "2 σ",
            "runs each",
            "gain",
        ],
    );
    for noise in [Noise::Gauss, Noise::Heavy, Noise::Lognormal, Noise::Drift] {
        for (good, harm) in [(0.0, 0.0), (0.1, 0.3), (0.3, 0.3)] {
            for rule in [Rule::Fixed, Rule::Planned, Rule::Resumed] {
                if noise != Noise::Gauss && rule == Rule::Planned {
                    continue;
                }
                let setting = Setting {
                    noise,
                    good,
                    harm,
                    rule,
                    give_up: None,
                    n_streams,
                    n_experiments: 200,
                    seed: 20_261,
                };
                let outcome = run(&setting);
                proof.row(&row(&setting, &outcome));
                proof.figures.extend(figures(&setting, &outcome));
            }
        }
    }
    proof
}

fn row(setting: &Setting, it: &Outcome) -> Vec<String> {
    let mut row = vec![
        setting.noise.name().to_owned(),
        format!("{:.0}/{:.0} %", setting.good * 100.0, setting.harm * 100.0),
        format!("{:?}", setting.rule).to_lowercase(),
        short(it.fdr),
        short(it.false_keeps),
    ];
    let power = it.power.map(|power| {
        if setting.good > 0.0 {
            short(power)
        } else {
            "–".to_owned()
        }
    });
    row.extend(power);
    row.extend([short(it.runs), short(it.gain)]);
    row
}

/// Returns what must hold of a stream: flukes everywhere, power and cost where they are stated.
fn figures(setting: &Setting, it: &Outcome) -> Vec<Figure> {
    let n = f64::from(setting.n_streams);
    let about = format!(
        "{}, {:.0} % improve, {:?}",
        setting.noise.name(),
        setting.good * 100.0,
        setting.rule
    )
    .to_lowercase();
    // Of the changes that improve, a third has each size: 200 · good / 3 per stream.
    let error =
        |power: f64| 3.0 * (power * (1.0 - power) / (200.0 * setting.good / 3.0 * n)).sqrt();
    if setting.good <= 0.0 {
        // All keeps are flukes, so the share is the chance of any.
        return vec![Figure::at_most(
            format!("{about}: flukes"),
            it.fdr,
            0.05 + 3.0 * (0.05 * 0.95 / n).sqrt(),
        )];
    }
    let mut figures = vec![Figure::at_most(
        format!("{about}: share of flukes"),
        it.fdr,
        0.02 + 3.0 * it.fdr_error,
    )];
    if setting.noise == Noise::Gauss && (setting.good - 0.1).abs() < 1e-9 {
        let (least, most) = match setting.rule {
            Rule::Fixed => (0.51, 0.56),
            Rule::Planned => (0.60, 1.0),
            Rule::Resumed => (0.80, 1.0),
        };
        figures.push(Figure::between(
            format!("{about}: kept of 1 σ"),
            it.power[1],
            least - error(least),
            most + error(most),
        ));
        figures.push(Figure::at_least(
            format!("{about}: kept of 2 σ"),
            it.power[2],
            0.98 - error(0.98),
        ));
        if setting.rule == Rule::Fixed {
            figures.push(Figure::at_most(
                format!("{about}: runs"),
                it.runs,
                16.3 + 3.0 / n.sqrt(),
            ));
            let spread = 20.0 / n.sqrt();
            figures.push(Figure::between(
                format!("{about}: gain"),
                it.gain,
                16.0 - spread,
                18.0 + spread,
            ));
        }
    }
    figures
}

/// Streams in which nothing ever improves.
pub(crate) fn prove_null(n_streams: u32) -> Proof {
    let mut proof = Proof::new(
        "Streams of 1,000 experiments, none of which changes anything, resumed like real ones.",
        &["noise", "streams", "with a keep", "most keeps in one"],
    );
    for noise in [Noise::Gauss, Noise::Heavy, Noise::Drift] {
        let setting = Setting {
            noise,
            good: 0.0,
            harm: 0.0,
            rule: Rule::Resumed,
            give_up: None,
            n_streams,
            n_experiments: 1_000,
            seed: 31,
        };
        let outcome = run(&setting);
        proof.row(&[
            noise.name().to_owned(),
            n_streams.to_string(),
            short(outcome.fdr * f64::from(n_streams)),
            outcome.most_false_keeps.to_string(),
        ]);
        proof.figures.push(Figure::at_most(
            format!("{}: keeps in any stream of 1,000", noise.name()),
            f64::from(outcome.most_false_keeps),
            1.0,
        ));
    }
    proof
}
