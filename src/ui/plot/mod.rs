//! Pictures as SVG: data in, a text out. Must not know what the numbers mean, nor where the text goes.
//!
//! A picture is 800 × 450, carries its own colours for light and for dark surroundings, and needs no
//! font of its own. What cannot be drawn (no number, no logarithm) leaves a gap and is never moved.

mod axis;
mod bars;
mod canvas;
mod curve;

pub use axis::{Axis, Scale};
pub use bars::{Bar, Bars};

use axis::{Measure, Side};
use canvas::{Anchor, Canvas, FRAME, Frame, Swatch};

/// Lines, bands and dots over two axes.
#[derive(Clone, Debug, PartialEq)]
pub struct Plot {
    /// What is seen, in a few words.
    pub title: String,
    /// What the reader must know beside it; may be empty.
    pub subtitle: String,
    /// From left to right.
    pub x: Axis,
    /// From below to above.
    pub y: Axis,
    /// Drawn in this order, later ones above.
    pub layers: Vec<Layer>,
    /// Heights that matter.
    pub marks: Vec<Mark>,
    /// What is said in place of a picture when there is nothing to draw.
    pub empty: String,
}

/// Something that is drawn in one colour and has one line in the legend.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Its name in the legend; nothing there if it is empty.
    pub name: String,
    /// Its colour.
    pub colour: Colour,
    /// What is drawn.
    pub shape: Shape,
}

/// What a layer consists of.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// Any number of lines through (x, y).
    Lines {
        /// Each on its own.
        lines: Vec<Vec<(f64, f64)>>,
        /// How points are connected.
        join: Join,
        /// How the line looks.
        stroke: Stroke,
    },
    /// An area between (x, low, high).
    Band {
        /// From left to right.
        points: Vec<(f64, f64, f64)>,
        /// How points are connected.
        join: Join,
    },
    /// A dot at each (x, y).
    Dots {
        /// Their centres.
        points: Vec<(f64, f64)>,
    },
}

/// How two points are connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Join {
    /// By a straight line.
    Straight,
    /// A value holds until the next one.
    Stepped,
}

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stroke {
    /// Unbroken.
    Solid,
    /// Broken.
    Dashed,
    /// Unbroken and thin, for one of many.
    Thin,
}

/// Colours that differ for everybody, on white and on black.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "a colour says it all")]
pub enum Colour {
    Blue,
    Orange,
    Green,
    Red,
    Purple,
    Grey,
}

impl Colour {
    /// Every colour, in the order in which series take them.
    pub const ALL: [Self; 6] = [
        Self::Blue,
        Self::Orange,
        Self::Green,
        Self::Red,
        Self::Purple,
        Self::Grey,
    ];

    fn class(self) -> &'static str {
        match self {
            Self::Blue => "blue",
            Self::Orange => "orange",
            Self::Green => "green",
            Self::Red => "red",
            Self::Purple => "purple",
            Self::Grey => "grey",
        }
    }
}

/// A height that matters, drawn as a broken line across the picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// The height.
    pub y: f64,
    /// What it is.
    pub label: String,
}

/// The least distance between the labels of two marks.
const LABEL_GAP: f64 = 14.0;
/// A line of the picture's text is at most this high.
const LINE: f64 = 18.0;

impl Plot {
    /// Returns the picture.
    pub fn svg(&self) -> String {
        let mut canvas = Canvas::new(&self.title, &self.subtitle);
        let x = Measure::of(&self.x, Side::Along, self.values(|it| it.0));
        let heights = self.values(|it| it.1);
        let marks = heights.iter().copied().chain(self.drawable_marks());
        let (Some(x), false) = (x, heights.is_empty()) else {
            canvas.say(&self.empty);
            return canvas.finish();
        };
        let Some(y) = Measure::of(&self.y, Side::Up, marks.collect()) else {
            canvas.say(&self.empty);
            return canvas.finish();
        };
        canvas.legend(&self.legend());
        let frame = frame(&canvas, &y);
        draw_axes(&mut canvas, &frame, (&self.x, &x), (&self.y, &y));
        for layer in &self.layers {
            curve::draw(&mut canvas, &frame, layer, &x, &y);
        }
        self.draw_marks(&mut canvas, &frame, &y);
        canvas.finish()
    }

    /// Returns one coordinate of everything that can be drawn.
    fn values(&self, of: impl Fn((f64, f64)) -> f64) -> Vec<f64> {
        let points = self.layers.iter().flat_map(|layer| corners(&layer.shape));
        points
            .filter(|(x, y)| self.x.can_show(*x) && self.y.can_show(*y))
            .map(of)
            .collect()
    }

    fn drawable_marks(&self) -> impl Iterator<Item = f64> {
        let marks = self.marks.iter().map(|it| it.y);
        marks.filter(|it| self.y.can_show(*it))
    }

    fn legend(&self) -> Vec<(&str, Colour, Swatch)> {
        let named = self.layers.iter().filter(|it| !it.name.is_empty());
        named
            .map(|it| {
                let swatch = match it.shape {
                    Shape::Lines { .. } => Swatch::Line,
                    Shape::Band { .. } => Swatch::Band,
                    Shape::Dots { .. } => Swatch::Dot,
                };
                (it.name.as_str(), it.colour, swatch)
            })
            .collect()
    }

    /// Draws the marks, their labels apart from one another.
    fn draw_marks(&self, canvas: &mut Canvas, frame: &Frame, y: &Measure) {
        let mut marks: Vec<(f64, &str)> = self
            .marks
            .iter()
            .filter(|it| self.y.can_show(it.y))
            .map(|it| (frame.y(y.share(it.y)), it.label.as_str()))
            .collect();
        marks.sort_by(|one, other| other.0.total_cmp(&one.0));
        let mut last = f64::INFINITY;
        for (height, label) in marks {
            canvas.line("mark", (frame.left, height), (frame.right, height));
            let baseline = (height - 4.0).min(last - LABEL_GAP).max(frame.top - 2.0);
            if baseline < last {
                canvas.text("label", (frame.left + 6.0, baseline), Anchor::Start, label);
                last = baseline;
            }
        }
    }
}

/// Returns all points that a shape needs room for.
fn corners(shape: &Shape) -> Vec<(f64, f64)> {
    match shape {
        Shape::Lines { lines, .. } => lines.iter().flatten().copied().collect(),
        Shape::Dots { points } => points.clone(),
        Shape::Band { points, .. } => points
            .iter()
            .flat_map(|(x, low, high)| [(*x, *low), (*x, *high)])
            .collect(),
    }
}

/// Returns the area that is left for the data beside the labels of the axes.
fn frame(canvas: &Canvas, y: &Measure) -> Frame {
    let widest = y.ticks.iter().map(|it| canvas::width(&it.1, 12.0));
    Frame {
        left: FRAME.left + widest.fold(16.0, f64::max) + 8.0,
        right: FRAME.right,
        top: canvas.below() + LINE + 12.0,
        bottom: FRAME.bottom - 2.0 * LINE - 4.0,
    }
}

fn draw_axes(
    canvas: &mut Canvas,
    frame: &Frame,
    (x_axis, x): (&Axis, &Measure),
    (y_axis, y): (&Axis, &Measure),
) {
    for (value, label) in &y.ticks {
        let height = frame.y(y.share(*value));
        canvas.line("grid", (frame.left, height), (frame.right, height));
        let at = (frame.left - 6.0, height + 4.0);
        canvas.text("tick", at, Anchor::End, label);
    }
    for (value, label) in x.fitting(frame.right - frame.left) {
        let across = frame.x(x.share(value));
        let foot = frame.bottom + 5.0;
        canvas.line("axis", (across, frame.bottom), (across, foot));
        canvas.text("tick", (across, foot + 13.0), Anchor::Middle, &label);
    }
    let corner = (frame.left, frame.bottom);
    canvas.line("axis", corner, (frame.right, frame.bottom));
    canvas.line("axis", corner, (frame.left, frame.top));
    let above = (FRAME.left, frame.top - 15.0);
    canvas.text("name", above, Anchor::Start, &y_axis.label);
    let below = (frame.right, FRAME.bottom - 4.0);
    canvas.text("name", below, Anchor::End, &x_axis.label);
}

#[cfg(test)]
mod tests;
