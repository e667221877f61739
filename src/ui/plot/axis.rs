//! From values to places: the range that an axis shows, and where its ticks are.

use super::canvas;

/// One of the two axes.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// What is shown, with its unit: `gain, %`.
    pub label: String,
    /// How values become places.
    pub scale: Scale,
    /// Values that are always in the picture, as 0 for a gain.
    pub include: Vec<f64>,
}

/// How values become places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Equal differences are equally far.
    Linear,
    /// Equal ratios are equally far; what is not above 0 has no place.
    Log,
}

impl Axis {
    /// Returns a linear axis.
    pub fn linear(label: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            scale: Scale::Linear,
            include: Vec::new(),
        }
    }

    /// Returns a logarithmic axis.
    pub fn log(label: impl Into<String>) -> Self {
        Self {
            scale: Scale::Log,
            ..Self::linear(label)
        }
    }

    /// Returns the axis with a value that is always in the picture.
    #[must_use]
    pub fn with(mut self, value: f64) -> Self {
        self.include.push(value);
        self
    }

    /// Returns whether a value has a place on this axis.
    pub(super) fn can_show(&self, value: f64) -> bool {
        match self.scale {
            Scale::Linear => value.abs() <= LARGEST,
            Scale::Log => (1.0 / LARGEST..=LARGEST).contains(&value),
        }
    }
}

/// Which way an axis runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Its ends are the data's.
    Along,
    /// Its ends are ticks.
    Up,
}

/// An axis that knows its data.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Measure {
    scale: Scale,
    low: f64,
    high: f64,
    /// Values with their labels.
    pub(super) ticks: Vec<(f64, String)>,
}

/// What an axis can show: beyond, its ends would be no numbers.
const LARGEST: f64 = 1e300;
/// About as many ticks as an axis has.
const TICKS: f64 = 6.0;

impl Measure {
    /// Returns the axis for these values; `None` without any.
    pub(super) fn of(axis: &Axis, side: Side, values: Vec<f64>) -> Option<Self> {
        if values.is_empty() {
            return None;
        }
        let is_whole = values.iter().all(|it| it.fract() == 0.0);
        let shown = values.into_iter().chain(axis.include.iter().copied());
        let shown: Vec<f64> = shown.filter(|it| axis.can_show(*it)).collect();
        let low = shown.iter().copied().fold(f64::INFINITY, f64::min);
        let high = shown.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Some(match axis.scale {
            Scale::Linear => linear(low, high, side, is_whole),
            Scale::Log => log(low, high, side),
        })
    }

    /// Returns where a value is between the ends, as a share.
    pub(super) fn share(&self, value: f64) -> f64 {
        let (low, high, value) = match self.scale {
            Scale::Linear => (self.low, self.high, value),
            Scale::Log => (self.low.ln(), self.high.ln(), value.ln()),
        };
        // Halves, because the difference of two large values of opposite sign is no number.
        (value / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0)
    }

    /// Returns the ticks whose labels stay apart in that width.
    pub(super) fn fitting(&self, room: f64) -> Vec<(f64, String)> {
        let mut end = f64::NEG_INFINITY;
        let mut fitting = Vec::new();
        for (value, label) in &self.ticks {
            let half = canvas::width(label, 12.0) / 2.0;
            let middle = self.share(*value) * room;
            if middle - half > end {
                end = middle + half + 10.0;
                fitting.push((*value, label.clone()));
            }
        }
        fitting
    }
}

fn linear(low: f64, high: f64, side: Side, is_whole: bool) -> Measure {
    let (low, high) = spread(low, high);
    let mut step = nice_step((high / TICKS - low / TICKS).abs());
    if is_whole && step.fract() != 0.0 {
        step = if step < 1.0 { 1.0 } else { 5.0 };
    }
    let (first, last) = match side {
        Side::Up => ((low / step).floor(), (high / step).ceil()),
        Side::Along => ((low / step).ceil(), (high / step).floor()),
    };
    let (low, high) = match side {
        Side::Up => (first * step, last * step),
        Side::Along => (low, high),
    };
    let values = std::iter::successors(Some(first), |it| Some(it + 1.0));
    let ticks = values
        .take_while(|it| *it <= last)
        .take(30)
        .map(|it| (it * step, decimal(it * step, step)))
        .collect();
    Measure {
        scale: Scale::Linear,
        low,
        high,
        ticks,
    }
}

/// Makes room around a single value.
fn spread(low: f64, high: f64) -> (f64, f64) {
    let least = low.abs().max(high.abs()) * 1e-9;
    if high - low > least {
        return (low, high);
    }
    let room = if low == 0.0 { 1.0 } else { low.abs() * 0.1 };
    (low - room, high + room)
}

/// Returns 1, 2, 2.5 or 5 times a power of ten, not below the wish.
fn nice_step(wish: f64) -> f64 {
    let power = 10f64.powf(wish.log10().floor());
    let steps = [1.0, 2.0, 2.5, 5.0, 10.0];
    let fitting = steps.iter().find(|it| **it * power >= wish * 0.999_999);
    fitting.unwrap_or(&10.0) * power
}

/// Returns a value with as many decimals as its neighbours need, its thousands apart.
fn decimal(value: f64, step: f64) -> String {
    if value.abs() >= 1e9 || (step < 1e-6 && value != 0.0) {
        return format!("{value:.1e}").replace('-', "−");
    }
    let mut decimals = 0;
    let mut scaled = step;
    while decimals < 7 && (scaled - scaled.round()).abs() > 1e-6 * scaled {
        scaled *= 10.0;
        decimals += 1;
    }
    let text = format!("{:.decimals$}", value.abs());
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let is_zero = text.chars().all(|it| matches!(it, '0' | '.'));
    let sign = if value < 0.0 && !is_zero { "−" } else { "" };
    format!("{sign}{}{rest}", thousands(whole))
}

fn thousands(digits: &str) -> String {
    let mut out = String::new();
    for (idx, digit) in digits.chars().enumerate() {
        if idx > 0 && (digits.len() - idx).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn log(low: f64, high: f64, side: Side) -> Measure {
    let decades = high.log10() - low.log10();
    let digits: &[f64] = if decades > 2.5 {
        &[1.0]
    } else {
        &[1.0, 2.0, 5.0]
    };
    let (first, last) = (exponent(low) - 1, exponent(high) + 1);
    let all: Vec<(i32, f64)> = (first..=last)
        .flat_map(|power| digits.iter().map(move |digit| (power, *digit)))
        .collect();
    let value = |(power, digit): (i32, f64)| digit * 10f64.powi(power);
    let below = all
        .iter()
        .rposition(|it| value(*it) <= low * 1.000_001)
        .unwrap_or(0);
    let above = all
        .iter()
        .position(|it| value(*it) >= high * 0.999_999 && value(*it) > low * 1.01)
        .unwrap_or(all.len() - 1);
    let shown = &all[below..=above.max(below)];
    let every = shown.len().div_ceil(9);
    let is_far = first.abs().max(last.abs()) > 6;
    let ticks = shown
        .iter()
        .filter(|it| digits.len() > 1 || it.0.rem_euclid(i32::try_from(every).unwrap_or(1)) == 0)
        .map(|it| (value(*it), power_label(*it, is_far)))
        .collect::<Vec<_>>();
    let (low, high) = match side {
        Side::Up => (value(all[below]), value(all[above])),
        Side::Along if decades < 1e-6 => (low / 1.1, high * 1.1),
        Side::Along => (low, high),
    };
    let is_shown = |it: f64| it >= low * 0.999_999 && it <= high * 1.000_001;
    Measure {
        scale: Scale::Log,
        low,
        high,
        ticks: ticks.into_iter().filter(|it| is_shown(it.0)).collect(),
    }
}

fn exponent(value: f64) -> i32 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a double's exponent has three digits"
    )]
    let exponent = value.log10().floor() as i32;
    exponent
}

fn power_label((power, digit): (i32, f64), is_far: bool) -> String {
    if is_far && !(0..=1).contains(&power) {
        let raised: String = power.to_string().chars().map(superscript).collect();
        return if digit > 1.0 {
            format!("{digit}·10{raised}")
        } else {
            format!("10{raised}")
        };
    }
    let value = digit * 10f64.powi(power);
    decimal(value, value)
}

fn superscript(digit: char) -> char {
    match digit {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        '0' | '4'..='9' => char::from_u32(u32::from(digit) - 0x30 + 0x2070).unwrap_or(digit),
        other => other,
    }
}
