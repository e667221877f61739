//! The e-value of every noisy test after each of its pairs, with the marks that make a keep.

use super::{Picture, Pictures, colour};
use crate::model::verdict::{Statistics, Verdict};
use crate::ui::plot::{Axis, Colour, Join, Layer, Mark, Plot, Shape, Stroke};
use crate::ui::{number, style};

/// More paths than these cannot be told apart; the last ones are drawn.
const MOST: usize = 300;
/// As many marks have a label each; of more only the outer ones.
const MARKS: usize = 4;
/// What is drawn of an e-value: beyond this it says nothing more.
const SHOWN: (f64, f64) = (1e-6, 1e9);

/// Returns the picture.
pub(super) fn draw(pictures: &Pictures) -> Picture {
    let mut tests: Vec<(Verdict, &Statistics)> = Vec::new();
    for tried in &pictures.tried {
        let statistics = tried.statistics.as_ref();
        if let Some(statistics) = statistics.filter(|it| !it.path.is_empty()) {
            tests.push((tried.verdict, statistics));
        }
    }
    let n_tests = tests.len();
    let tests = &tests[n_tests.saturating_sub(MOST)..];
    let layers = Verdict::ALL
        .into_iter()
        .rev()
        .flat_map(|it| layers(tests, it));
    let last = match n_tests {
        n if n > MOST => format!("; the last {MOST} of them are drawn"),
        _ => String::new(),
    };
    let plot = Plot {
        title: "Evidence after each pair of runs".to_owned(),
        subtitle: format!(
            "{}, {} of noisy metrics{last}; a test keeps when it reaches its mark, 1/α",
            pictures.scope(),
            number::count(n_tests, "tests")
        ),
        x: Axis::linear("pairs of runs"),
        y: Axis::log("e-value against “no better than the incumbent”").with(1.0),
        layers: layers.collect(),
        marks: marks(tests),
        empty: "no noisy metric was tested yet".to_owned(),
    };
    Picture {
        name: "e-values.svg".to_owned(),
        svg: plot.svg(),
    }
}

/// Returns the paths of one verdict, and the dots where they end.
fn layers(tests: &[(Verdict, &Statistics)], verdict: Verdict) -> Vec<Layer> {
    let lines: Vec<Vec<(f64, f64)>> = tests
        .iter()
        .filter(|it| it.0 == verdict)
        .map(|it| path(it.1))
        .collect();
    if lines.is_empty() {
        return Vec::new();
    }
    let ends = lines.iter().filter_map(|it| it.last().copied()).collect();
    let layer = |name: &str, colour: Colour, shape| Layer {
        name: name.to_owned(),
        colour,
        shape,
    };
    let stroke = if tests.len() > 12 {
        Stroke::Thin
    } else {
        Stroke::Solid
    };
    let paths = Shape::Lines {
        lines,
        join: Join::Straight,
        stroke,
    };
    vec![
        layer(style::verdict_word(verdict), colour(verdict), paths),
        layer("", colour(verdict), Shape::Dots { points: ends }),
    ]
}

/// Returns the e-value after 0, 1, 2, ... pairs.
fn path(statistics: &Statistics) -> Vec<(f64, f64)> {
    let values = std::iter::once(0.0).chain(statistics.path.iter().copied());
    let value = |ln_e: f64| ln_e.exp().clamp(SHOWN.0, SHOWN.1);
    (0u32..)
        .zip(values)
        .map(|(pairs, ln_e)| (f64::from(pairs), value(ln_e)))
        .collect()
}

/// Returns what the tests had to reach: each mark, or the lowest and the highest of many.
fn marks(tests: &[(Verdict, &Statistics)]) -> Vec<Mark> {
    let alphas = tests.iter().map(|it| it.1.alpha);
    let mut needed: Vec<f64> = alphas.filter(|it| *it > 0.0).map(|it| 1.0 / it).collect();
    needed.sort_by(f64::total_cmp);
    needed.dedup_by(|one, other| (*one / *other - 1.0).abs() < 0.02);
    let text = |it: f64| number::e_value(it);
    let mark = |y: f64, label: String| Mark { y, label };
    match needed.as_slice() {
        [] => Vec::new(),
        few if few.len() <= MARKS => few
            .iter()
            .map(|it| mark(*it, format!("1/α = {}", text(*it))))
            .collect(),
        [low, .., high] => vec![
            mark(*low, format!("lowest 1/α = {}", text(*low))),
            mark(*high, format!("highest 1/α = {}", text(*high))),
        ],
        [only] => vec![mark(*only, format!("1/α = {}", text(*only)))],
    }
}
