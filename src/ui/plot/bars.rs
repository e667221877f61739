//! Horizontal bars, each the sum of its parts.

use super::Colour;
use super::axis::{Axis, Measure, Side};
use super::canvas::{self, Anchor, Canvas, FRAME, Frame, Swatch};

/// Bars below one another, each the sum of its parts.
#[derive(Clone, Debug, PartialEq)]
pub struct Bars {
    /// What is seen, in a few words.
    pub title: String,
    /// What the reader must know beside it; may be empty.
    pub subtitle: String,
    /// What the length is, with its unit.
    pub label: String,
    /// What the parts of every bar are, in order.
    pub parts: Vec<(String, Colour)>,
    /// From above to below.
    pub rows: Vec<Bar>,
    /// What is said in place of a picture when there is nothing to draw.
    pub empty: String,
}

/// One bar; one without parts is a gap.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// What stands beside it.
    pub name: String,
    /// The length of each part; what is not above 0 has none.
    pub parts: Vec<f64>,
    /// The sum, as people write it.
    pub total: String,
}

/// More bars than this are not drawn one by one.
const MOST: usize = 14;
/// A bar with the space around it is at most this high.
const THICKEST: f64 = 54.0;

impl Bars {
    /// Returns the picture.
    pub fn svg(&self) -> String {
        let mut canvas = Canvas::new(&self.title, &self.subtitle);
        let rows = self.rows();
        let totals: Vec<f64> = rows.iter().map(|it| lengths(it).sum()).collect();
        let axis = Axis::linear(&self.label).with(0.0);
        let measure = Measure::of(&axis, Side::Along, totals.clone());
        let (Some(measure), true) = (measure, totals.iter().any(|it| *it > 0.0)) else {
            canvas.say(&self.empty);
            return canvas.finish();
        };
        let is_seen = |idx: usize| rows.iter().any(|it| it.parts.get(idx) > Some(&0.0));
        let legend: Vec<(&str, Colour, Swatch)> = self
            .parts
            .iter()
            .enumerate()
            .filter(|(idx, _)| is_seen(*idx))
            .map(|(_, (name, colour))| (name.as_str(), *colour, Swatch::Area))
            .collect();
        canvas.legend(&legend);
        let mut frame = frame(&canvas, &rows);
        let n_rows = f64::from(u32::try_from(rows.len()).unwrap_or(u32::MAX));
        let step = ((frame.bottom - frame.top) / n_rows).min(THICKEST);
        frame.bottom = frame.top + step * n_rows;
        draw_axis(&mut canvas, &frame, &measure, &self.label);
        for (idx, row) in (0u32..).zip(&rows) {
            let top = frame.top + step * f64::from(idx);
            self.draw(&mut canvas, &frame, &measure, row, (top, step));
        }
        canvas.finish()
    }

    /// Returns the bars, the last ones as one where there are too many.
    fn rows(&self) -> Vec<Bar> {
        let mut rows = self.rows.clone();
        if rows.len() > MOST {
            let rest = rows.split_off(MOST - 1);
            let part = |idx: usize| rest.iter().filter_map(move |it| it.parts.get(idx)).sum();
            rows.push(Bar {
                name: format!("{} more", rest.len()),
                parts: (0..self.parts.len()).map(part).collect(),
                total: String::new(),
            });
        }
        rows
    }

    fn draw(
        &self,
        canvas: &mut Canvas,
        frame: &Frame,
        measure: &Measure,
        row: &Bar,
        (top, step): (f64, f64),
    ) {
        let baseline = top + step / 2.0 + 4.0;
        let name = shorten(&row.name);
        canvas.text("", (frame.left - 8.0, baseline), Anchor::End, &name);
        let mut sum = 0.0;
        for (length, (_, colour)) in lengths(row).zip(&self.parts) {
            let from = frame.x(measure.share(sum));
            sum += length;
            let wide = frame.x(measure.share(sum)) - from;
            if wide > 0.0 {
                let class = format!("p f {}", colour.class());
                canvas.rect(&class, (from, top + step * 0.14), (wide, step * 0.72));
            }
        }
        let end = (frame.x(measure.share(sum)) + 6.0, baseline);
        canvas.text("tick", end, Anchor::Start, &row.total);
    }
}

fn lengths(row: &Bar) -> impl Iterator<Item = f64> {
    let parts = row.parts.iter();
    parts.map(|it| if it.is_finite() { it.max(0.0) } else { 0.0 })
}

/// Returns the area of the bars beside their names and their sums.
fn frame(canvas: &Canvas, rows: &[Bar]) -> Frame {
    let widest = |texts: Vec<String>| {
        let widths = texts.iter().map(|it| canvas::width(it, 12.0));
        widths.fold(0.0, f64::max)
    };
    let names = widest(rows.iter().map(|it| shorten(&it.name)).collect());
    let sums = widest(rows.iter().map(|it| it.total.clone()).collect());
    Frame {
        left: FRAME.left + names + 8.0,
        right: FRAME.right - sums - 10.0,
        top: canvas.below() + 8.0,
        bottom: FRAME.bottom - 38.0,
    }
}

fn draw_axis(canvas: &mut Canvas, frame: &Frame, measure: &Measure, label: &str) {
    for (value, text) in measure.fitting(frame.right - frame.left) {
        let across = frame.x(measure.share(value));
        canvas.line("grid", (across, frame.top), (across, frame.bottom));
        let at = (across, frame.bottom + 16.0);
        canvas.text("tick", at, Anchor::Middle, &text);
    }
    let feet = ((frame.left, frame.top), (frame.left, frame.bottom));
    canvas.line("axis", feet.0, feet.1);
    let below = (frame.right, frame.bottom + 36.0);
    canvas.text("name", below, Anchor::End, label);
}

/// Returns a name that leaves most of the sheet to its bar.
fn shorten(name: &str) -> String {
    const LONGEST: usize = 28;
    if name.chars().count() <= LONGEST {
        return name.to_owned();
    }
    let kept: String = name.chars().take(LONGEST - 1).collect();
    format!("{}…", kept.trim_end())
}
