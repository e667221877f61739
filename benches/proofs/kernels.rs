//! Single experiments at fixed levels: how often nothing is kept, and what an effect costs to find.

use factory::decision::{
    Audit, BoundedState, Claimed, Look, State, judge_audit, plan_audit, replay,
};
use factory::model::dimension::Direction;
use factory::model::id::ExperimentId;
use factory::model::measurement::{
    BoundedPlan, Calibration, Evidence, GiveUp, Pair, Scale, SignPlan, TestPlan,
};
use factory::model::verdict::Verdict;
use factory::stats::lord::Lord;

use super::draw::{self, Noise, Rng, gauss, share, uniform};
use super::report::{Figure, Proof, short};

/// Draws one number.
pub(crate) type Shape = fn(&mut Rng) -> f64;

/// When the program gives up an effect of so many standard deviations of a pair difference.
fn give_up(delta: f64) -> GiveUp {
    if delta > 1.0 {
        return GiveUp::default();
    }
    GiveUp {
        least_pairs: 2,
        clip: 2.0,
    }
}

/// A plan on differences of standard deviation 1, from that many freshly drawn A/A pairs.
pub(crate) fn planned(
    rng: &mut Rng,
    noise: Shape,
    n_calibration: u32,
    alpha: f64,
    delta: f64,
) -> SignPlan {
    let differences: Vec<f64> = (0..n_calibration).map(|_| noise(rng)).collect();
    let squares: f64 = differences.iter().map(|it| it * it).sum();
    let sigma = (squares / f64::from(n_calibration)).sqrt().max(delta / 4.0);
    SignPlan {
        direction: Direction::Maximize,
        scale: Scale::Difference,
        alpha,
        stream: None,
        beta: 0.2,
        delta,
        epsilon: 0.0,
        shift: 0.0,
        sigma,
        floor: delta / 4.0,
        n_max: 40,
        give_up: give_up(delta),
        guards: Vec::new(),
        calibration: Calibration {
            differences,
            run_seconds: 1.0,
            ..Calibration::default()
        },
    }
}

/// Measures an effect until a look stops; returns the look and how many pairs it took.
pub(crate) fn measured(plan: &SignPlan, mut draw_one: impl FnMut() -> f64) -> (Look, u32) {
    let mut state = State::new(plan);
    let mut pair = draw::pair(0.0, 0.0);
    while state.look() == Look::Undecided {
        draw::set(&mut pair, 0.0, draw_one());
        state.fold(&pair);
    }
    (state.look(), state.n())
}

fn normal(rng: &mut Rng) -> f64 {
    gauss(rng)
}

fn heavy(rng: &mut Rng) -> f64 {
    Noise::Heavy.pair(rng) / std::f64::consts::SQRT_2
}

fn lognormal(rng: &mut Rng) -> f64 {
    Noise::Lognormal.pair(rng) / std::f64::consts::SQRT_2
}

/// What a level may be exceeded by, in that many experiments.
pub(crate) fn bound(alpha: f64, n: u32) -> f64 {
    alpha + 3.0 * (alpha * (1.0 - alpha) / f64::from(n)).sqrt()
}

/// Identical arms, never given up: the level itself.
pub(crate) fn prove_levels(n: u32) -> Proof {
    let mut proof = Proof::new(
        "Both arms run the same code, 40 looks, never given up, the scale learnt from three calibration \
         pairs and the experiment: the share kept.",
        &["noise", "α = .05", ".01", ".001"],
    );
    let mut rng = draw::rng(5);
    let shapes: [(&str, Shape); 3] = [
        ("Gaussian", normal),
        ("Student t, 3 df", heavy),
        ("log-normal", lognormal),
    ];
    for (name, noise) in shapes {
        let mut row = vec![name.to_owned()];
        for alpha in [0.05, 0.01, 0.001] {
            let mut kept = 0;
            for _ in 0..n {
                let mut plan = planned(&mut rng, noise, 3, alpha, 0.7);
                plan.beta = f64::MIN_POSITIVE;
                kept += u32::from(measured(&plan, || noise(&mut rng)).0 == Look::Keep);
            }
            let rate = share(kept, n);
            row.push(short(rate));
            proof.figures.push(Figure::at_most(
                format!("{name}, α = {alpha}"),
                rate,
                bound(alpha, n),
            ));
        }
        proof.row(&row);
    }
    proof
}

/// Scores at the edge of the null: kernel B, and kernel S shifted by the same margin for comparison.
pub(crate) fn prove_edge(n: u32) -> Proof {
    let mut proof = Proof::new(
        "Instances whose mean difference is exactly minus the margin ε = 0.1, up to 200 of them, a look \
         after each, never given up: the share kept. Kernel S, shifted by the margin, assumes a symmetry \
         that ties break; kernel B does not.",
        &["equal scores", "kernel", "α = .05", ".01", ".002"],
    );
    let mut rng = draw::rng(11);
    for ties in [0.8, 0.5] {
        let lost = f64::midpoint(1.0 - ties, 0.1);
        let mut score = || {
            let it = uniform(&mut rng);
            if it < lost {
                -1.0
            } else if it < 1.0 - ties {
                1.0
            } else {
                0.0
            }
        };
        let mut rows = [
            vec![short(ties), "B".to_owned()],
            vec![short(ties), "S".to_owned()],
        ];
        for alpha in [0.05, 0.01, 0.002] {
            let (mut by_b, mut by_s) = (0, 0);
            for _ in 0..n {
                let scores: Vec<f64> = (0..200).map(|_| score()).collect();
                by_b += u32::from(bounded(&edge_plan(alpha), &scores).0 == Look::Keep);
                by_s += u32::from(shifted(alpha, &scores) == Look::Keep);
            }
            rows[0].push(short(share(by_b, n)));
            rows[1].push(short(share(by_s, n)));
            proof.figures.push(Figure::at_most(
                format!("kernel B, {ties} equal, α = {alpha}"),
                share(by_b, n),
                bound(alpha, n),
            ));
        }
        for row in rows {
            proof.row(&row);
        }
    }
    proof
}

fn edge_plan(alpha: f64) -> BoundedPlan {
    BoundedPlan {
        direction: Direction::Maximize,
        alpha,
        stream: None,
        beta: f64::MIN_POSITIVE,
        delta: 0.1,
        epsilon: 0.1,
        shift: 0.0,
        sigma: 0.0,
        n_max: 200,
        look_every: 1,
    }
}

/// Tests differences of scores in order; returns the last look and how many it took.
fn bounded(plan: &BoundedPlan, differences: &[f64]) -> (Look, u32) {
    let mut state = BoundedState::new(plan);
    let mut pair = draw::pair(0.0, 0.0);
    for d in differences {
        if state.look() != Look::Undecided {
            break;
        }
        draw::set(&mut pair, f64::from(*d < 0.0), f64::from(*d > 0.0));
        state.fold(&pair);
    }
    (state.look(), state.n())
}

fn shifted(alpha: f64, differences: &[f64]) -> Look {
    let plan = SignPlan {
        direction: Direction::Maximize,
        scale: Scale::Difference,
        alpha,
        stream: None,
        beta: f64::MIN_POSITIVE,
        delta: 0.1,
        epsilon: 0.1,
        shift: 0.0,
        sigma: 0.4,
        floor: 0.1,
        n_max: 200,
        give_up: GiveUp::default(),
        guards: Vec::new(),
        calibration: Calibration {
            differences: vec![0.4, -0.4],
            ..Calibration::default()
        },
    };
    let mut rest = differences.iter();
    measured(&plan, || *rest.next().expect("as many as the plan allows")).0
}

/// Deterministic metrics of which one run in twenty is off.
pub(crate) fn prove_flakes(n: u32) -> Proof {
    let mut proof = Proof::new(
        "A metric that is taken for deterministic, of which 5 % of all runs are worse by chance, in both \
         arms alike: the share kept by kernel D.",
        &["experiments", "kept"],
    );
    let mut rng = draw::rng(8);
    let plan = TestPlan::Deterministic {
        direction: Direction::Maximize,
        delta: 0.0,
        n_rep: 1,
    };
    let mut run = || if uniform(&mut rng) < 0.05 { 1.0 } else { 2.0 };
    let mut kept = 0;
    for _ in 0..n {
        let pairs = vec![draw::pair(run(), run()), draw::pair(run(), run())];
        kept += u32::from(replay(&evidence(&plan, pairs)).verdict == Verdict::Keep);
    }
    proof.row(&[n.to_string(), short(share(kept, n))]);
    proof
        .figures
        .push(Figure::at_most("kept", share(kept, n), 0.005));
    proof
}

fn evidence(plan: &TestPlan, pairs: Vec<Pair>) -> Evidence {
    Evidence {
        metric: "speed".parse().expect("a word is a metric name"),
        unit: String::new(),
        plan: plan.clone(),
        pairs,
    }
}

/// δ in standard deviations of a pair difference, the level, and what was computed independently: the
/// share kept and the mean pairs at −δ, 0, δ/2, δ and 2 δ.
type Row = (f64, f64, [(f64, f64); 5]);
const TABLE: [Row; 12] = [
    (
        0.5,
        0.01,
        [
            (0.000, 5.4),
            (0.005, 13.8),
            (0.066, 24.0),
            (0.417, 27.9),
            (0.981, 15.4),
        ],
    ),
    (
        0.5,
        0.002,
        [
            (0.000, 5.3),
            (0.000, 14.3),
            (0.026, 24.8),
            (0.240, 31.8),
            (0.964, 20.2),
        ],
    ),
    (
        0.71,
        0.01,
        [
            (0.000, 3.0),
            (0.006, 8.1),
            (0.153, 18.6),
            (0.747, 20.2),
            (0.988, 10.3),
        ],
    ),
    (
        0.71,
        0.002,
        [
            (0.000, 3.0),
            (0.001, 8.0),
            (0.065, 19.7),
            (0.609, 25.6),
            (0.991, 13.6),
        ],
    ),
    (
        1.0,
        0.01,
        [
            (0.000, 1.8),
            (0.004, 4.6),
            (0.264, 12.5),
            (0.859, 13.1),
            (0.995, 8.4),
        ],
    ),
    (
        1.0,
        0.002,
        [
            (0.000, 1.8),
            (0.001, 4.7),
            (0.166, 14.9),
            (0.850, 17.4),
            (0.995, 10.9),
        ],
    ),
    (
        1.41,
        0.01,
        [
            (0.000, 1.2),
            (0.002, 2.7),
            (0.304, 8.1),
            (0.894, 9.3),
            (0.998, 7.7),
        ],
    ),
    (
        1.41,
        0.002,
        [
            (0.000, 1.2),
            (0.001, 2.7),
            (0.241, 9.7),
            (0.895, 12.3),
            (0.999, 10.1),
        ],
    ),
    (
        2.0,
        0.01,
        [
            (0.000, 1.0),
            (0.000, 1.7),
            (0.310, 5.7),
            (0.927, 7.9),
            (1.000, 7.1),
        ],
    ),
    (
        2.0,
        0.002,
        [
            (0.000, 1.0),
            (0.000, 1.7),
            (0.254, 6.8),
            (0.925, 10.2),
            (1.000, 10.0),
        ],
    ),
    (
        3.0,
        0.01,
        [
            (0.000, 1.0),
            (0.000, 1.2),
            (0.293, 4.3),
            (0.971, 7.4),
            (1.000, 7.0),
        ],
    ),
    (
        3.0,
        0.002,
        [
            (0.000, 1.0),
            (0.000, 1.2),
            (0.262, 5.2),
            (0.970, 9.8),
            (1.000, 9.9),
        ],
    ),
];

/// Runs experiments on an effect; returns the share kept and the mean pairs.
pub(crate) fn found(rng: &mut Rng, n: u32, alpha: f64, delta: f64, effect: f64) -> (f64, f64) {
    let (mut kept, mut pairs) = (0, 0);
    for _ in 0..n {
        let plan = planned(rng, normal, 10, alpha, delta);
        let (look, n_pairs) = measured(&plan, || effect + gauss(rng));
        kept += u32::from(look == Look::Keep);
        pairs += n_pairs;
    }
    (share(kept, n), share(pairs, n))
}

/// What effects cost and how often they are found, beside the same table computed independently.
pub(crate) fn prove_planning(n: u32) -> Proof {
    let mut proof = Proof::new(
        "One experiment at a fixed level, Gaussian noise, at most 40 pairs: share kept / mean pairs, and in \
         brackets the same computed independently (numpy, a scale that does not learn, given up after one pair \
         where that is enough).",
        &["δ/σ", "α", "−δ", "0", "δ/2", "δ", "2 δ"],
    );
    let mut rng = draw::rng(7);
    for (delta, alpha, expected) in TABLE {
        let mut row = vec![short(delta), short(alpha)];
        let effects = [-delta, 0.0, delta / 2.0, delta, 2.0 * delta];
        for (effect, (power, pairs)) in effects.into_iter().zip(expected) {
            let (kept, mean) = found(&mut rng, n, alpha, delta, effect);
            row.push(format!(
                "{} / {} ({} / {})",
                short(kept),
                short(mean),
                short(power),
                short(pairs)
            ));
            let error = 4.0
                * (power.clamp(0.002, 0.998) * (1.0 - power.clamp(0.002, 0.998)) / f64::from(n))
                    .sqrt();
            let name = format!("δ = {delta} σ, α = {alpha}, effect {}", short(effect));
            if effect > 0.0 {
                proof.figures.push(Figure::at_least(
                    format!("{name}: kept"),
                    kept,
                    power - error - 0.03,
                ));
            } else {
                proof.figures.push(Figure::at_most(
                    format!("{name}: kept"),
                    kept,
                    bound(alpha, n),
                ));
            }
        }
        proof.row(&row);
    }
    proof
}

/// Audits: what was claimed against what is there.
pub(crate) fn prove_audits(n: u32) -> Proof {
    let mut proof = Proof::new(
        "An audit pairs the branch with the code before its keeps, in units of σ of one run. An alarm needs \
         odds of twenty against half the claimed gain.",
        &[
            "truly",
            "claimed",
            "confirmed",
            "alarm",
            "neither",
            "mean pairs",
        ],
    );
    let mut rng = draw::rng(5);
    for (truly, claimed, least_confirmed, least_alarm) in [
        (0.0, 2.5, 0.0, 0.85),
        (4.0, 8.0, 0.9, 0.0),
        (11.0, 11.0, 0.99, 0.0),
        (-1.0, 8.0, 0.0, 0.99),
    ] {
        let (mut confirmed, mut alarm, mut pairs) = (0, 0, 0);
        for _ in 0..n {
            let metric = planned(&mut rng, |rng| Noise::Gauss.pair(rng), 10, 0.01, 1.0);
            let keeps = [Claimed {
                id: ExperimentId(1),
                ln_e: 7.0,
                gain: claimed,
            }];
            let Some(TestPlan::SignBetting(plan)) = plan_audit(&metric, &keeps) else {
                unreachable!("something is claimed");
            };
            let mut made = Vec::new();
            let (_, n_pairs) = measured(&plan, || {
                let d = truly + Noise::Gauss.pair(&mut rng);
                made.push(draw::pair(0.0, d));
                d
            });
            pairs += n_pairs;
            match judge_audit(
                &replay(&evidence(&TestPlan::SignBetting(plan), made)),
                &keeps,
            ) {
                Audit::Confirmed => confirmed += 1,
                Audit::Alarm(_) => alarm += 1,
                Audit::Unconfirmed => {}
            }
        }
        let (confirmed, alarm) = (share(confirmed, n), share(alarm, n));
        proof.row(
            &[
                truly,
                claimed,
                confirmed,
                alarm,
                1.0 - confirmed - alarm,
                share(pairs, n),
            ]
            .map(short),
        );
        let name = format!("{} of {} claimed", short(truly), short(claimed));
        proof.figures.push(Figure::between(
            format!("{name}: confirmed"),
            confirmed,
            least_confirmed,
            if truly > 0.0 { 1.0 } else { bound(0.05, n) },
        ));
        proof.figures.push(Figure::at_least(
            format!("{name}: alarm"),
            alarm,
            least_alarm,
        ));
    }
    proof
}

/// Streams of experiments on accuracies: 0/1 scores of which a fifth differ.
pub(crate) fn prove_scores(n_streams: u32) -> Proof {
    let mut proof = Proof::new(
        "Streams of 200 experiments on 0/1 scores of fresh instances, a fifth of which differ between the \
         arms, up to 600 instances in looks of 20, δ of 6 points; changes of 3, 6 and 12 points. Single: \
         200 instances, kept if better. In brackets what was computed independently for a known noise.",
        &[
            "improve/harm",
            "rule",
            "share of flukes",
            "kept of 3 points",
            "6",
            "12",
            "instance runs each",
        ],
    );
    let mut rng = draw::rng(31);
    let known = [
        ("0/0", ["", "", "", "410"]),
        ("10/30", [".013", ".275", ".995", "368"]),
        ("30/30", [".033", ".401", ".996", "414"]),
    ];
    for ((good, harm), (_, known)) in [(0.0, 0.0), (0.1, 0.3), (0.3, 0.3)].into_iter().zip(known) {
        for single in [true, false] {
            let mut tally = Scores::default();
            for _ in 0..n_streams {
                tally.stream(&mut rng, good, harm, single);
            }
            let power = tally.power();
            let cell = |value: f64, known: &str| match (single, known) {
                (false, known) if !known.is_empty() => format!("{} ({known})", short(value)),
                _ => short(value),
            };
            proof.row(&[
                format!("{:.0}/{:.0} %", good * 100.0, harm * 100.0),
                if single { "single" } else { "ours" }.to_owned(),
                short(tally.flukes / f64::from(n_streams)),
                cell(power[0], known[0]),
                cell(power[1], known[1]),
                cell(power[2], known[2]),
                cell(tally.runs / f64::from(200 * n_streams), known[3]),
            ]);
            if !single {
                let name = format!("{:.0} % improve", good * 100.0);
                proof.figures.push(Figure::at_most(
                    format!("{name}: share of flukes"),
                    tally.flukes / f64::from(n_streams),
                    0.05,
                ));
                if good > 0.0 {
                    proof.figures.push(Figure::at_least(
                        format!("{name}: kept of 12 points"),
                        power[2],
                        0.95,
                    ));
                }
            }
        }
    }
    proof
}

#[derive(Default)]
struct Scores {
    flukes: f64,
    runs: f64,
    found: [u32; 3],
    there: [u32; 3],
}

impl Scores {
    fn power(&self) -> [f64; 3] {
        [0, 1, 2].map(|size| share(self.found[size], self.there[size]))
    }

    fn stream(&mut self, rng: &mut Rng, good: f64, harm: f64, single: bool) {
        let mut lord = Lord::new(0.05);
        let (mut flukes, mut keeps) = (0, 0);
        for _ in 0..200 {
            let (kind, size) = (uniform(rng), uniform(rng));
            let size = usize::from(size > 1.0 / 3.0) + usize::from(size > 2.0 / 3.0);
            let points = [0.03, 0.06, 0.12][size];
            let effect = if kind < good {
                self.there[size] += 1;
                points
            } else if kind < good + harm {
                -points
            } else {
                0.0
            };
            let level = lord.next_level();
            lord.start(level);
            let (kept, n) = experiment(rng, effect, single, level);
            self.runs += 2.0 * f64::from(n);
            if kept {
                lord.keep();
                keeps += 1;
                flukes += u32::from(effect <= 0.0);
                self.found[size] += u32::from(effect > 0.0);
            }
        }
        self.flukes += share(flukes, keeps);
    }
}

/// Tries one change; returns whether it is kept, and after how many instances.
fn experiment(rng: &mut Rng, effect: f64, single: bool, alpha: f64) -> (bool, u32) {
    let n = if single { 200 } else { 600 };
    let scores: Vec<f64> = (0..n)
        .map(|_| {
            let it = uniform(rng);
            if it < f64::midpoint(0.2, effect) {
                1.0
            } else if it < 0.2 {
                -1.0
            } else {
                0.0
            }
        })
        .collect();
    if single {
        return (scores.iter().sum::<f64>() > 0.0, 200);
    }
    let plan = BoundedPlan {
        delta: 0.06,
        epsilon: 0.0,
        beta: 0.2,
        n_max: 600,
        look_every: 20,
        ..edge_plan(alpha)
    };
    let (look, n) = bounded(&plan, &scores);
    (look == Look::Keep, n)
}
