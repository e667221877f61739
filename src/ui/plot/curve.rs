//! Lines, bands and dots.

use std::fmt::Write as _;

use super::axis::Measure;
use super::canvas::{Canvas, Frame};
use super::{Join, Layer, Shape, Stroke};

/// More points than this cannot be told apart: each column of the sheet keeps its extremes.
const FULL: usize = 1_600;
/// From so many lines on, one more makes all of them paler.
const MANY: usize = 12;

/// A point on the sheet; `None` where the line has a gap.
type Place = Option<(f64, f64)>;
/// A line on the sheet.
type Edge = Vec<(f64, f64)>;

/// Draws one layer.
pub(super) fn draw(canvas: &mut Canvas, frame: &Frame, layer: &Layer, x: &Measure, y: &Measure) {
    let place = |(across, up): (f64, f64)| -> Place {
        let shares = (x.share(across), y.share(up));
        let is_shown = |share: f64| (-1e-6..=1.0 + 1e-6).contains(&share);
        (is_shown(shares.0) && is_shown(shares.1)).then(|| (frame.x(shares.0), frame.y(shares.1)))
    };
    let colour = layer.colour.class();
    match &layer.shape {
        Shape::Lines {
            lines,
            join,
            stroke,
        } => {
            let look = match stroke {
                Stroke::Solid => "",
                Stroke::Dashed => " dashed",
                Stroke::Thin => " thin",
            };
            let opacity = paleness(lines.len());
            for line in lines {
                let places: Vec<Place> = line.iter().map(|it| place(*it)).collect();
                draw_line(
                    canvas,
                    &format!("l {colour}{look}"),
                    &places,
                    *join,
                    opacity,
                );
            }
        }
        Shape::Band { points, join } => {
            for part in parts(points, place) {
                canvas.path(&format!("b f {colour}"), &outline(&part, *join), 1.0);
            }
        }
        Shape::Dots { points } => {
            let radius = if points.len() > 300 { 1.8 } else { 3.0 };
            for point in points.iter().filter_map(|it| place(*it)) {
                canvas.dot(&format!("d f {colour}"), point, radius);
            }
        }
    }
}

fn paleness(n_lines: usize) -> f64 {
    if n_lines <= MANY {
        return 1.0;
    }
    let n_lines = f64::from(u32::try_from(n_lines).unwrap_or(u32::MAX));
    (4.0 / n_lines.sqrt()).clamp(0.15, 1.0)
}

fn draw_line(canvas: &mut Canvas, class: &str, places: &[Place], join: Join, opacity: f64) {
    for run in places.split(Option::is_none) {
        let run: Vec<(f64, f64)> = run.iter().copied().flatten().collect();
        match run.as_slice() {
            [] => {}
            [single] => canvas.dot(&class.replacen('l', "d f", 1), *single, 3.0),
            run => canvas.path(class, &path(&joined(&thinned(run), join)), opacity),
        }
    }
}

/// Returns the parts of a band without gaps: upper and lower edge.
fn parts(points: &[(f64, f64, f64)], place: impl Fn((f64, f64)) -> Place) -> Vec<(Edge, Edge)> {
    let both = |(x, low, high): &(f64, f64, f64)| Some((place((*x, *high))?, place((*x, *low))?));
    let edges: Vec<_> = points.iter().map(both).collect();
    edges
        .split(Option::is_none)
        .filter(|run| !run.is_empty())
        .map(|run| run.iter().copied().flatten().unzip())
        .collect()
}

/// Returns the path around a band: along its upper edge and back along the lower one.
fn outline((upper, lower): &(Edge, Edge), join: Join) -> String {
    let mut around = joined(&thinned(upper), join);
    let mut back = joined(&thinned(lower), join);
    back.reverse();
    around.append(&mut back);
    path(&around) + "Z"
}

/// Returns the corners of the line.
fn joined(run: &[(f64, f64)], join: Join) -> Vec<(f64, f64)> {
    if join == Join::Straight {
        return run.to_vec();
    }
    let first = run.first().copied();
    let steps = run.windows(2).flat_map(|it| [(it[1].0, it[0].1), it[1]]);
    first.into_iter().chain(steps).collect()
}

/// Returns the first, lowest, highest and last point of each column, in their order.
fn thinned(run: &[(f64, f64)]) -> Vec<(f64, f64)> {
    if run.len() <= FULL {
        return run.to_vec();
    }
    let column = |point: &(f64, f64)| point.0.floor();
    run.chunk_by(|one, other| column(one).total_cmp(&column(other)).is_eq())
        .flat_map(|chunk| {
            let by_height = |one: &usize, other: &usize| chunk[*one].1.total_cmp(&chunk[*other].1);
            let low = (0..chunk.len()).min_by(by_height).unwrap_or(0);
            let high = (0..chunk.len()).max_by(by_height).unwrap_or(0);
            let mut kept = vec![0, low, high, chunk.len() - 1];
            kept.sort_unstable();
            kept.dedup();
            kept.into_iter().map(|idx| chunk[idx])
        })
        .collect()
}

fn path(points: &[(f64, f64)]) -> String {
    let mut out = String::new();
    for (idx, (x, y)) in points.iter().enumerate() {
        let command = if idx == 0 { 'M' } else { 'L' };
        write!(out, "{command}{x:.1} {y:.1}").expect("a string takes all text");
    }
    out
}
