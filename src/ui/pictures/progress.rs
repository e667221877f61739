//! The gain in one metric over experiments: as measured, and as it most likely is.

use std::collections::BTreeMap;

use super::{Picture, Pictures, Tried};
use crate::model::verdict::{Effect, Verdict};
use crate::ui::plot::{Axis, Colour, Join, Layer, Plot, Shape, Stroke};

/// Metrics with a picture of their own.
const MOST: usize = 6;

/// Returns a picture for each metric that moved, those with most keeps first.
pub(super) fn draw(pictures: &Pictures) -> Vec<Picture> {
    let mut metrics: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (tried, effect) in pictures.tried.iter().filter_map(measured) {
        let counts = metrics.entry(&effect.metric).or_default();
        counts.0 += usize::from(tried.verdict == Verdict::Keep);
        counts.1 += 1;
    }
    let mut metrics: Vec<(&str, (usize, usize))> = metrics.into_iter().collect();
    metrics.sort_by_key(|it| std::cmp::Reverse(it.1));
    if metrics.is_empty() {
        return vec![Picture {
            name: "progress.svg".to_owned(),
            svg: plot(pictures, "the record", Progress::default()).svg(),
        }];
    }
    let draw = |metric: &str| Picture {
        name: format!("progress-{}.svg", file_name(metric)),
        svg: plot(pictures, metric, Progress::of(pictures, metric)).svg(),
    };
    metrics.iter().take(MOST).map(|it| draw(it.0)).collect()
}

/// Returns the experiment with its effect, where that is a share of something.
fn measured(tried: &Tried) -> Option<(&Tried, &Effect)> {
    let effect = tried.effect.as_ref()?;
    effect.relative.is_some().then_some((tried, effect))
}

/// Series over the number of the experiment, in percent.
#[derive(Default)]
struct Progress {
    kept: Vec<(f64, f64)>,
    not_kept: Vec<(f64, f64)>,
    raw: Vec<(f64, f64)>,
    shrunken: Vec<(f64, f64)>,
    band: Vec<(f64, f64, f64)>,
    audited: Vec<(f64, f64)>,
    /// Whether any of the keeps is an estimate that was shrunken.
    is_shrunken: bool,
}

/// What was worse by less than this, in percent, is always drawn where it is.
const NEAR: f64 = 10.0;

/// What one keep adds.
struct Part {
    raw: f64,
    shrunken: f64,
    /// Half of its interval, squared, on the logarithmic scale; nothing where the interval has an end
    /// that no factor has.
    variance: Option<f64>,
}

/// Returns half of an interval between two factors, squared, on the logarithmic scale.
fn variance_of(one: f64, other: f64) -> Option<f64> {
    let half = (one.ln() - other.ln()) / 2.0;
    half.is_finite().then_some(half * half)
}

impl Progress {
    fn of(pictures: &Pictures, metric: &str) -> Self {
        let effect_of = |it| measured(it).map(|it| it.1).filter(|it| it.metric == metric);
        let is_minimised = pictures
            .tried
            .iter()
            .filter_map(effect_of)
            .any(is_minimised);
        let sign = if is_minimised { -1.0 } else { 1.0 };
        let gain = |level: f64| sign * 100.0 * (level - 1.0);
        let factor = |relative: f64| 1.0 + sign * relative;
        let mut progress = Self::default();
        if let Some(first) = pictures.tried.first() {
            let before = f64::from(first.id) - 1.0;
            progress.raw.push((before, 0.0));
            progress.shrunken.push((before, 0.0));
        }
        let mut standing: Vec<(u32, Part)> = Vec::new();
        for tried in &pictures.tried {
            let x = f64::from(tried.id);
            if let Some(effect) = effect_of(tried) {
                let relative = effect.relative.unwrap_or(0.0);
                let is_kept = tried.verdict == Verdict::Keep && tried.landed;
                let dots = if is_kept {
                    &mut progress.kept
                } else {
                    &mut progress.not_kept
                };
                dots.push((x, 100.0 * relative));
                if is_kept {
                    progress.is_shrunken |= tried.shrunken.is_some();
                    let variance = effect
                        .interval
                        .map_or(Some(0.0), |it| variance_of(factor(it.0), factor(it.1)));
                    let part = Part {
                        raw: factor(relative),
                        shrunken: factor(tried.shrunken.unwrap_or(relative)),
                        variance,
                    };
                    standing.push((tried.id, part));
                }
            }
            let is_out = |id: u32| {
                let mut out = pictures.taken_out.iter();
                out.any(|(it, after)| *it == id && *after <= tried.id)
            };
            standing.retain(|it| !is_out(it.0));
            let product =
                |of: fn(&Part) -> f64| -> f64 { standing.iter().map(|it| of(&it.1)).product() };
            let level = product(|it| it.raw);
            progress.raw.push((x, gain(level)));
            progress.shrunken.push((x, gain(product(|it| it.shrunken))));
            // Gains multiply, so their errors add on the logarithmic scale: none makes a time negative.
            let variance: Option<f64> = standing.iter().map(|it| it.1.variance).sum();
            let spread = variance.map_or(1.0, |it| it.sqrt().exp());
            let (one, other) = (gain(level * spread), gain(level / spread));
            progress.band.push((x, one.min(other), one.max(other)));
        }
        let mut level = 1.0;
        for audited in pictures.audits.iter().filter(|it| it.metric == metric) {
            level *= (sign * audited.ln_gain).exp();
            progress
                .audited
                .push((f64::from(audited.last), gain(level)));
        }
        progress
    }

    /// Moves what was far worse to the lower edge, and returns whether there was any: a candidate that is
    /// ten times worse would leave no room for the gains.
    fn raise_the_worst(&mut self) -> bool {
        let lines = [&self.kept, &self.raw, &self.shrunken, &self.audited];
        let drawn = lines.into_iter().flatten().map(|it| it.1);
        let drawn = drawn.chain(self.band.iter().flat_map(|it| [it.1, it.2]));
        let (least, most) = drawn.fold((0.0, NEAR), |(least, most): (f64, f64), it| {
            (least.min(it), most.max(it))
        });
        let edge = least.min(-most);
        let worst = self.not_kept.iter_mut().filter(|it| it.1 < edge);
        worst.map(|it| it.1 = edge).count() > 0
    }

    fn layers(mut self) -> Vec<Layer> {
        let not_kept = if self.raise_the_worst() {
            "measured, not kept (at the lower edge: worse still)"
        } else {
            "measured, not kept"
        };
        let has_band = self.band.iter().any(|it| it.2 > it.1);
        let band = Layer {
            name: if has_band { "95 % interval" } else { "" }.to_owned(),
            colour: Colour::Orange,
            shape: Shape::Band {
                points: if has_band { self.band } else { Vec::new() },
                join: Join::Stepped,
            },
        };
        let shrunken = if self.is_shrunken {
            self.shrunken
        } else {
            Vec::new()
        };
        vec![
            band,
            dots(not_kept, Colour::Grey, self.not_kept),
            dots("measured, kept", Colour::Green, self.kept),
            steps("gain of what was kept", Colour::Orange, self.raw),
            steps("the same, shrunken", Colour::Blue, shrunken),
            dots("the same, by audits", Colour::Purple, self.audited),
        ]
    }
}

/// Returns the gain of what was kept, as measured, after each experiment.
#[cfg(test)]
pub(super) fn gains(pictures: &Pictures, metric: &str) -> Vec<(f64, f64)> {
    Progress::of(pictures, metric).raw
}

/// Returns the interval around it after each experiment.
#[cfg(test)]
pub(super) fn bands(pictures: &Pictures, metric: &str) -> Vec<(f64, f64, f64)> {
    Progress::of(pictures, metric).band
}

/// Returns whether the better value is the smaller one.
fn is_minimised(effect: &Effect) -> bool {
    (effect.after - effect.before) * effect.relative.unwrap_or(0.0) < 0.0
}

fn dots(name: &str, colour: Colour, points: Vec<(f64, f64)>) -> Layer {
    let name = if points.is_empty() { "" } else { name };
    Layer {
        name: name.to_owned(),
        colour,
        shape: Shape::Dots { points },
    }
}

fn steps(name: &str, colour: Colour, line: Vec<(f64, f64)>) -> Layer {
    let name = if line.is_empty() { "" } else { name };
    Layer {
        name: name.to_owned(),
        colour,
        shape: Shape::Lines {
            lines: vec![line],
            join: Join::Stepped,
            stroke: Stroke::Solid,
        },
    }
}

fn plot(pictures: &Pictures, what: &str, progress: Progress) -> Plot {
    let n_kept = progress.kept.len();
    let kept = match n_kept {
        0 => "nothing was kept".to_owned(),
        n => format!("{n} kept and landed"),
    };
    Plot {
        title: format!("Gain in {what} over experiments"),
        subtitle: format!("{}; {kept}; positive is better", pictures.scope()),
        x: Axis::linear("number of the experiment"),
        y: Axis::linear("gain, %").with(0.0),
        layers: progress.layers(),
        marks: Vec::new(),
        empty: "no experiment has measured an effect yet".to_owned(),
    }
}

/// Returns a name that is safe in a path.
fn file_name(metric: &str) -> String {
    let letter = |it: char| if it.is_ascii_alphanumeric() { it } else { '-' };
    metric.chars().take(60).map(letter).collect()
}
