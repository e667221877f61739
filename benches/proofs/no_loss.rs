//! Claims that are held to no loss: a test with a margin, and metrics that are only watched.

use factory::decision::{Ask, Look, Next, Preset, decide, plan_keeps, plan_watch};
use factory::model::dimension::Direction;
use factory::model::measurement::{Calibration, Evidence, Scale, SignPlan, TestPlan};
use factory::model::verdict::Verdict;

use super::draw::{self, Noise, Rng, share};
use super::kernels::{bound, measured};
use super::report::{Figure, Proof, short};

/// The level of every test.
const ALPHA: f64 = 0.002;
/// Losses in standard deviations of a pair difference.
const LOSSES: [f64; 5] = [0.0, 0.5, 1.0, 2.0, 4.0];
/// The first is what claims of a gain are given up by, the third what is planned for no loss.
const BETAS: [f64; 4] = [0.2, 0.1, 0.05, 0.02];
/// One run takes so many seconds, and so many A/A pairs are made.
const ROWS: [(&str, f64, u32); 2] = [("≤ 5 s", 1.0, 10), ("≤ 2 min", 60.0, 3)];
/// The claim took so many pairs.
const N_WATCHED: u32 = 12;

fn ask() -> Ask {
    Ask {
        direction: Direction::Maximize,
        tolerance: None,
        alpha: ALPHA,
        stream: None,
        epsilon: 0.0,
        n_rep: 1,
        preset: Preset::Balanced,
        affordable: None,
    }
}

fn calibrated(rng: &mut Rng, noise: Noise, run_seconds: f64, n: u32) -> Calibration {
    Calibration {
        differences: (0..n).map(|_| difference(rng, noise)).collect(),
        run_seconds,
        ..Calibration::default()
    }
}

fn difference(rng: &mut Rng, noise: Noise) -> f64 {
    noise.pair(rng) / std::f64::consts::SQRT_2
}

/// Returns the share kept and the mean pairs for each loss.
fn tried(n: u32, noise: Noise, row: (&str, f64, u32), beta: Option<f64>) -> [(f64, f64); 5] {
    LOSSES.map(|loss| {
        let mut rng = draw::rng(47);
        let (mut kept, mut pairs) = (0, 0);
        for _ in 0..n {
            let calibration = calibrated(&mut rng, noise, row.1, row.2);
            let plan = plan_keeps(&ask(), Scale::Difference, &calibration);
            let Some(TestPlan::SignBetting(plan)) = plan else {
                unreachable!("noise is tested by signs");
            };
            let plan = SignPlan {
                beta: beta.unwrap_or(plan.beta),
                ..plan
            };
            let (look, n_pairs) = measured(&plan, || difference(&mut rng, noise) - loss);
            kept += u32::from(look == Look::Keep);
            pairs += n_pairs;
        }
        (share(kept, n), share(pairs, n))
    })
}

/// The test with a margin, given up at one ratio or another.
pub(crate) fn prove_margin(n: u32) -> Proof {
    let mut proof = Proof::new(
        "A claim of no loss at level 0.002, with the margin that the program plans (at least one σ of a pair \
         difference), given up when a loss of that size is 1/β times likelier than none: share kept / mean \
         pairs, by the true loss. What is planned is β = 0.05.",
        &[
            "one run", "noise", "β", "no loss", "½ σ", "1 σ", "2 σ", "4 σ",
        ],
    );
    for row in ROWS {
        for noise in [Noise::Gauss, Noise::Disturbed, Noise::Heavy] {
            let about = format!("{}, {}", row.0, noise.name().to_lowercase());
            let mut first = None;
            for beta in BETAS {
                let found = tried(n, noise, row, Some(beta));
                first = first.or(Some(found));
                let mut cells = vec![row.0.to_owned(), noise.name().to_owned(), short(beta)];
                cells.extend(
                    found.map(|(kept, pairs)| format!("{} / {}", short(kept), short(pairs))),
                );
                proof.row(&cells);
            }
            let planned = tried(n, noise, row, None);
            let first = first.unwrap_or(planned);
            let error = 3.0 * (0.25 / f64::from(n)).sqrt();
            proof.figures.extend([
                Figure::at_least(
                    format!("{about}: kept of no loss, against β = 0.2"),
                    planned[0].0,
                    first[0].0 + 0.02 - error,
                ),
                lost(&about, noise, &planned, n),
                Figure::at_most(
                    format!("{about}: pairs of no loss, against β = 0.2"),
                    planned[0].1,
                    first[0].1 + 6.0,
                ),
            ]);
        }
    }
    proof
}

/// A margin follows the noise that was seen: where runs are disturbed it is wider than the undisturbed σ that
/// losses are counted in here.
fn lost(about: &str, noise: Noise, planned: &[(f64, f64); 5], n: u32) -> Figure {
    match noise {
        Noise::Gauss => Figure::at_most(
            format!("{about}: kept of 2 σ"),
            planned[3].0,
            bound(ALPHA, n),
        ),
        _ => Figure::at_most(format!("{about}: kept of 4 σ"), planned[4].0, 0.02),
    }
}

/// Metrics that are watched beside a claim on another one.
pub(crate) fn prove_watch(n: u32) -> Proof {
    let mut proof = Proof::new(
        "Metrics that are watched for a loss beside a claim that took 12 pairs: the share of candidates that \
         are turned away, where one of so many metrics loses and the others stay.",
        &["watched", "noise", "no loss", "½ σ", "1 σ", "2 σ", "4 σ"],
    );
    for among in [1, 3] {
        for noise in [Noise::Gauss, Noise::Disturbed, Noise::Heavy] {
            let found = LOSSES.map(|loss| turned_away(n, noise, among, loss));
            let mut cells = vec![among.to_string(), noise.name().to_owned()];
            cells.extend(found.map(short));
            proof.row(&cells);
            let about = format!("{among} watched, {}", noise.name().to_lowercase());
            proof.figures.extend([
                Figure::at_most(format!("{about}: turned away"), found[0], bound(0.05, n)),
                match noise {
                    Noise::Gauss => {
                        Figure::at_least(format!("{about}: found of 2 σ"), found[3], 0.9)
                    }
                    _ => Figure::at_least(format!("{about}: found of 4 σ"), found[4], 0.99),
                },
            ]);
        }
    }
    proof
}

fn turned_away(n: u32, noise: Noise, among: u32, loss: f64) -> f64 {
    let mut rng = draw::rng(53);
    let away = (0..n).filter(|_| {
        let losses = (0..among).map(|idx| if idx == 0 { loss } else { 0.0 });
        let mut fell = losses.map(|loss| falls(&mut rng, noise, among, loss));
        fell.any(|it| it)
    });
    share(u32::try_from(away.count()).unwrap_or(u32::MAX), n)
}

fn falls(rng: &mut Rng, noise: Noise, among: u32, loss: f64) -> bool {
    let calibration = calibrated(rng, noise, 1.0, 10);
    let plan = plan_watch(&ask(), Scale::Difference, &calibration, N_WATCHED, among);
    let mut evidence = Evidence {
        metric: "memory".parse().expect("a name"),
        unit: String::new(),
        plan,
        pairs: Vec::new(),
    };
    loop {
        match decide(&evidence) {
            Next::Stop(decision) => return decision.verdict == Verdict::Revert,
            Next::Continue => evidence
                .pairs
                .push(draw::pair(0.0, difference(rng, noise) - loss)),
        }
    }
}
