//! The project tier, and the hard constraints on any dimension.

use super::bench::Bench;
use super::dimensions::{Draft, Kind};
use super::hygiene::is_skipped;
use super::{Depth, metric, traces};
use crate::config::{Constraint, Metric};
use crate::model::dimension::{Dimension, Direction, Native, Status};
use crate::model::measurement::Sample;
use crate::model::violation::Rule;
use crate::process::Error;

/// Measures every metric once, noisy ones in full evaluations only, and checks the constraints.
pub(super) async fn measure(
    bench: &Bench<'_>,
    depth: Depth,
    draft: &mut Draft,
) -> Result<(), Error> {
    let mut hidden = Vec::new();
    for metric in &bench.lab.profile.metrics {
        let kind = Kind::project(&metric.name);
        let is_shown = (metric.deterministic || depth == Depth::Full) && !metric.only_claimed;
        if is_shown && is_skipped(bench, &kind, draft) {
            continue;
        }
        if is_shown {
            let dimension = dimension(bench, &kind, metric).await?;
            draft.dimensions.push(dimension);
        } else if is_constrained(bench, metric) {
            hidden.push(dimension(bench, &kind, metric).await?);
        }
    }
    for constraint in &bench.lab.profile.constraints {
        check(constraint, &hidden, draft);
    }
    Ok(())
}

/// A noisy metric with a limit is looked at even where it is not compared.
fn is_constrained(bench: &Bench<'_>, metric: &Metric) -> bool {
    bench
        .lab
        .profile
        .constraints
        .iter()
        .any(|it| it.metric == metric.name)
}

async fn dimension(bench: &Bench<'_>, kind: &Kind, metric: &Metric) -> Result<Dimension, Error> {
    if let Err(why) = metric::build(bench, metric).await? {
        return Ok(kind.failed(why));
    }
    let before = if bench.is_incumbent() {
        None
    } else {
        Some(traces::of(bench)?)
    };
    let metric::MetricRun {
        sample, seconds, ..
    } = metric::run(bench, metric).await?;
    // The command of another metric may read what this one left.
    match before {
        Some(before) => traces::erase(bench, &before)?,
        None => traces::expect(bench)?,
    }
    Ok(match sample {
        Sample::Failed { reason } => kind.failed(format!("`{}` failed: {reason}", metric.run)),
        Sample::Value { value } => {
            let native = Native {
                value,
                unit: metric.unit.clone(),
                direction: metric.direction,
            };
            let detail = format!("one run of {seconds:.2} s");
            kind.measured(score(metric, value), Some(native), detail)
        }
    })
}

/// Returns a score that moves strictly with the native value.
///
/// A `share`, `ratio` or `%` is its own score. Any other quantity has no natural best, so it is placed
/// by its magnitude alone: `½ (1 ± s / (1 + |s|))` with `s` the signed logarithm `±ln(1 + |value|)`.
/// Strictly monotone, in (0, 1), and never the ground of a decision: those rest on native values.
fn score(metric: &Metric, value: f64) -> f64 {
    let share = match metric.unit.as_str() {
        "share" | "ratio" => Some(value),
        "%" => Some(value / 100.0),
        _ => None,
    };
    let upward = share.map_or_else(|| placed(value), |it| it.clamp(0.0, 1.0));
    match metric.direction {
        Direction::Maximize => upward,
        Direction::Minimize => 1.0 - upward,
    }
}

fn placed(value: f64) -> f64 {
    let signed_log = value.signum() * value.abs().ln_1p();
    f64::midpoint(1.0, signed_log / (1.0 + signed_log.abs()))
}

/// A constraint holds only on a number: what failed does not hold, what has no tool here is left out
/// and shows as not measured.
fn check(constraint: &Constraint, hidden: &[Dimension], draft: &mut Draft) {
    let name = &constraint.metric;
    let found = draft
        .dimensions
        .iter()
        .chain(hidden)
        .find(|it| it.name.as_str() == name);
    let complaint = match found {
        None => Some(format!("there is no dimension or metric `{name}`")),
        Some(it) => match (it.status, &it.native) {
            (Status::NotMeasured, _) => None,
            (Status::Measured, Some(native)) => breach(constraint, native),
            (Status::Failed, _) | (Status::Measured, None) => {
                Some(format!("`{name}` has no value: {}", it.detail))
            }
        },
    };
    if let Some(complaint) = complaint {
        draft.veto(Rule::HardConstraint, complaint);
    }
}

fn breach(constraint: &Constraint, native: &Native) -> Option<String> {
    let (name, value, unit) = (&constraint.metric, native.value, &native.unit);
    let below = constraint.min.filter(|min| value < *min);
    let above = constraint.max.filter(|max| value > *max);
    let unit = if unit.is_empty() {
        String::new()
    } else {
        format!(" {unit}")
    };
    match (below, above) {
        (Some(min), _) => Some(format!("`{name}` is {value}{unit}, less than {min}")),
        (None, Some(max)) => Some(format!("`{name}` is {value}{unit}, more than {max}")),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests;
