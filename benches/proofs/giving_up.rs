//! When an effect is given up: rules beside each other, in calm noise and where now and then a run is disturbed.

use factory::decision::Look;
use factory::model::dimension::Direction;
use factory::model::measurement::{Calibration, GiveUp, Scale, SignPlan};

use super::draw::{self, Noise, Rng, share};
use super::kernels::{bound, measured};
use super::planned;
use super::report::{Figure, Proof, short};
use super::streams::{self, Rule, Setting};

/// The level of every experiment of the first table.
const ALPHA: f64 = 0.002;
/// Effects in standard deviations of a pair difference.
const EFFECTS: [f64; 5] = [-1.0, 0.0, 1.0, 2.0, 4.0];
/// One run takes so many seconds, and so many A/A pairs are made.
const ROWS: [(&str, f64, u32); 4] = [
    ("≤ 5 s", 1.0, 10),
    ("≤ 2 min", 60.0, 3),
    ("≤ 30 min", 600.0, 2),
    ("longer", 7200.0, 2),
];

/// The rule that comes first is that of records that name none.
const RULES: [(&str, GiveUp); 6] = [
    ("1 pair, 3 σ", rule(1, 3.0)),
    ("2 pairs, 3 σ", rule(2, 3.0)),
    ("3 pairs, 3 σ", rule(3, 3.0)),
    ("1 pair, 2 σ", rule(1, 2.0)),
    ("2 pairs, 2 σ", rule(2, 2.0)),
    ("2 pairs, 1.5 σ", rule(2, 1.5)),
];

const fn rule(least_pairs: u32, clip: f64) -> GiveUp {
    GiveUp { least_pairs, clip }
}

/// Plans as the program does, from freshly drawn A/A pairs of standard deviation 1, disturbances aside.
fn planned(rng: &mut Rng, noise: Noise, (_, run_seconds, n): (&str, f64, u32)) -> SignPlan {
    let calibration = Calibration {
        differences: (0..n).map(|_| difference(rng, noise)).collect(),
        run_seconds,
        ..Calibration::default()
    };
    planned::planned(
        Direction::Maximize,
        Scale::Difference,
        ALPHA,
        &calibration,
        &[],
    )
}

fn difference(rng: &mut Rng, noise: Noise) -> f64 {
    noise.pair(rng) / std::f64::consts::SQRT_2
}

/// Returns the share kept and the mean pairs of each effect; `None` is the rule as planned.
fn tried(n: u32, noise: Noise, row: (&str, f64, u32), rule: Option<GiveUp>) -> [(f64, f64); 5] {
    EFFECTS.map(|effect| {
        let mut rng = draw::rng(41);
        let (mut kept, mut pairs) = (0, 0);
        for _ in 0..n {
            let plan = planned(&mut rng, noise, row);
            let plan = SignPlan {
                give_up: rule.unwrap_or(plan.give_up),
                ..plan
            };
            let (look, n_pairs) = measured(&plan, || effect + difference(&mut rng, noise));
            kept += u32::from(look == Look::Keep);
            pairs += n_pairs;
        }
        (share(kept, n), share(pairs, n))
    })
}

/// Every rule in every row of the planning table.
pub(crate) fn prove(n: u32) -> Proof {
    let mut proof = Proof::new(
        "One experiment at level 0.002, planned as the program does by how long a run takes, given up after \
         so many pairs at the earliest, with differences clipped to so many σ. Disturbed: one run of the \
         pair is worse by 10 standard deviations of a run. Effects are in standard deviations of a pair \
         difference. As planned means two pairs and 2 σ in the first two rows, one pair and 3 σ in the others.",
        &[
            "one run",
            "noise",
            "given up after",
            "pairs of −1 σ",
            "pairs of no effect",
            "kept of 1 σ",
            "2 σ",
            "4 σ",
        ],
    );
    for row in ROWS {
        for noise in [Noise::Gauss, Noise::Disturbed, Noise::OftenDisturbed] {
            let mut first = None;
            for (name, rule) in RULES {
                let found = tried(n, noise, row, Some(rule));
                first = first.or(Some(found));
                proof.row(&cells(row.0, noise, name, &found));
            }
            let planned = tried(n, noise, row, None);
            proof
                .figures
                .extend(figures(n, row, noise, &first.unwrap_or(planned), &planned));
        }
    }
    proof
}

fn cells(row: &str, noise: Noise, rule: &str, found: &[(f64, f64); 5]) -> Vec<String> {
    let [harm, null, one, two, four] = found;
    let mut cells = vec![row.to_owned(), noise.name().to_owned(), rule.to_owned()];
    cells.extend([harm.1, null.1, one.0, two.0, four.0].map(short));
    cells
}

/// What is planned costs little more where nothing changed, and finds what the first rule finds, and more.
fn figures(
    n: u32,
    row: (&str, f64, u32),
    noise: Noise,
    first: &[(f64, f64); 5],
    planned: &[(f64, f64); 5],
) -> Vec<Figure> {
    let about = format!("{}, {}", row.0, noise.name().to_lowercase());
    let error = 3.0 * (0.25 / f64::from(n)).sqrt();
    let mut figures = vec![
        Figure::at_most(
            format!("{about}: flukes as planned"),
            planned[1].0,
            bound(ALPHA, n),
        ),
        Figure::at_most(
            format!("{about}: pairs of no effect as planned"),
            planned[1].1,
            first[1].1 + 0.4 + 20.0 * error,
        ),
    ];
    for (idx, size) in [(2, "1 σ"), (3, "2 σ"), (4, "4 σ")] {
        figures.push(Figure::at_least(
            format!("{about}: kept of {size} as planned"),
            planned[idx].0,
            first[idx].0 - error,
        ));
    }
    figures
}

/// The rules in whole streams.
pub(crate) fn prove_streams(n_streams: u32) -> Proof {
    let mut proof = Proof::new(
        "The streams of [streams](#streams), planned, of which 10 % improve and 30 % harm, under each rule of \
         [giving-up](#giving-up).",
        &[
            "noise",
            "given up after",
            "share of flukes",
            "kept of ½ σ",
            "1 σ",
            "2 σ",
            "runs each",
            "gain",
        ],
    );
    for noise in [Noise::Gauss, Noise::Disturbed, Noise::OftenDisturbed] {
        let mut found = Vec::new();
        for (name, rule) in RULES {
            let outcome = streams::run(&Setting {
                noise,
                good: 0.1,
                harm: 0.3,
                rule: Rule::Planned,
                give_up: Some(rule),
                n_streams,
                n_experiments: 200,
                seed: 20_261,
            });
            let [half, one, two] = outcome.power;
            let mut cells = vec![noise.name().to_owned(), name.to_owned()];
            cells.extend([outcome.fdr, half, one, two, outcome.runs, outcome.gain].map(short));
            proof.row(&cells);
            proof.figures.push(Figure::at_most(
                format!("{}, {name}: share of flukes", noise.name().to_lowercase()),
                outcome.fdr,
                0.02 + 3.0 * outcome.fdr_error,
            ));
            found.push(outcome);
        }
        let (first, chosen) = (&found[0], &found[4]);
        let about = noise.name().to_lowercase();
        let spread = 20.0 / f64::from(n_streams).sqrt();
        proof.figures.push(Figure::at_least(
            format!("{about}: gain under the chosen rule"),
            chosen.gain,
            first.gain - spread,
        ));
        proof.figures.push(Figure::at_most(
            format!("{about}: runs under the chosen rule"),
            chosen.runs,
            1.1 * first.runs + spread,
        ));
    }
    proof
}
