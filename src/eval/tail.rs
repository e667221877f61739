//! The tail of the values that one run of a metric prints, as lines `SAMPLE name=value`.

use crate::config::Metric;
use crate::model::dimension::Direction;
use crate::model::tail::{Tail, Tails};

/// Returns the guarded parts of the tail.
///
/// # Errors
/// A value that is no number, or fewer of them than say anything about so rare ones.
pub(super) fn read(metric: &Metric, output: &str) -> Result<Tails, String> {
    let mut tails = Tails::new();
    for &tail in &metric.tail {
        if let Some(quantile) = tail.quantile() {
            tails.insert(tail, value(metric, output, tail, quantile)?);
        }
    }
    Ok(tails)
}

fn value(metric: &Metric, output: &str, tail: Tail, quantile: f64) -> Result<f64, String> {
    let name = &metric.name;
    let mut values = samples(name, output)?;
    let (n, fewest) = (values.len(), tail.fewest_values());
    if n < fewest {
        return Err(format!(
            "{n} lines `SAMPLE {name}=…`, and `{tail}` needs at least {fewest} (hint: print one for each value that a run measures)"
        ));
    }
    values.sort_by(f64::total_cmp);
    if metric.direction == Direction::Maximize {
        values.reverse();
    }
    Ok(values[rank(n, quantile)])
}

/// Returns the place of a quantile among so many sorted values (the nearest rank).
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share of the lines of one run"
)]
fn rank(n: usize, quantile: f64) -> usize {
    let place = (quantile * n as f64).ceil() as usize;
    place.clamp(1, n) - 1
}

fn samples(name: &str, output: &str) -> Result<Vec<f64>, String> {
    output
        .lines()
        .filter_map(|it| it.trim().strip_prefix("SAMPLE "))
        .filter_map(|it| it.split_once('='))
        .filter(|(it, _)| it.trim() == name)
        .map(|(_, value)| match value.trim().parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(value),
            _ => Err(format!("`{}` is no finite number", value.trim())),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(direction: Direction, tail: &[Tail]) -> Metric {
        Metric {
            name: "latency".to_owned(),
            direction,
            tail: tail.to_vec(),
            ..Metric::suite_seconds()
        }
    }

    fn printed(n: u32) -> String {
        (1..=n)
            .map(|it| format!("SAMPLE latency={it}\nSAMPLE other=7\n"))
            .collect()
    }

    #[test]
    fn one_in_twenty_is_worse_than_the_tail_in_either_direction() {
        let of = |direction, n| read(&metric(direction, &[Tail::P95]), &printed(n)).unwrap();
        assert_eq!(of(Direction::Minimize, 20), [(Tail::P95, 19.0)].into());
        assert_eq!(of(Direction::Minimize, 100), [(Tail::P95, 95.0)].into());
        assert_eq!(of(Direction::Maximize, 20), [(Tail::P95, 2.0)].into());
    }

    #[test]
    fn too_few_values_say_nothing_of_rare_ones() {
        let said = read(&metric(Direction::Minimize, &[Tail::P99]), &printed(20)).unwrap_err();
        assert!(said.starts_with("20 lines `SAMPLE latency=…`, and `p99` needs at least 100"));
        let odd = read(
            &metric(Direction::Minimize, &[Tail::P95]),
            "SAMPLE latency=fast\n",
        );
        assert_eq!(odd.unwrap_err(), "`fast` is no finite number");
    }

    #[test]
    fn failures_need_no_values() {
        let found = read(&metric(Direction::Minimize, &[Tail::Failures]), "");
        assert_eq!(found, Ok(Tails::new()));
    }
}
