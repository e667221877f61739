//! The next value of a declared range, searched from what earlier values did to the metric.
//!
//! Experiments compare two values at a time; their effects are chained to costs on one scale, the
//! logarithm of how much worse a value is than the first. Noise and chaining errors are the search's to
//! bear: whether a value is kept is decided by its own test alone.

use std::collections::BTreeMap;

use super::draft::{self, Constant};
use crate::config::{Parameter, Range};
use crate::model::experiment::Summary;
use crate::search::{Kind, Space, Trial, Value, propose};

/// Other draws to look at when a proposal, once rounded, was tried before.
const DRAWS: u64 = 6;

/// Returns the next literal to try, or `None` when enough were tried or nothing new is proposed.
pub(super) fn next_value(
    parameter: &Parameter,
    range: Range,
    current: &str,
    history: &[Summary],
) -> Option<String> {
    let start = number(current)?;
    let is_whole = !current.contains(['.', 'e', 'E']);
    let costs = costs(parameter, current, history);
    if costs.len() > parameter.trials as usize {
        return None;
    }
    let space = Space {
        kinds: vec![kind(range, is_whole)],
    };
    let trials: Vec<Trial> = costs
        .iter()
        .filter_map(|(literal, cost)| {
            let value = if literal == current {
                start
            } else {
                number(literal)?
            };
            Some(Trial {
                point: vec![as_value(value, is_whole)],
                result: *cost,
            })
        })
        .collect();
    (0..DRAWS).find_map(|seed| {
        let literal = literal(propose(&space, &trials, &[], seed).first()?);
        let is_new = !costs.contains_key(&literal) && number(&literal) != Some(start);
        is_new.then_some(literal)
    })
}

/// Returns the cost of every value that was tried, the present one included; `None` for one that
/// failed or was vetoed.
fn costs(
    parameter: &Parameter,
    current: &str,
    history: &[Summary],
) -> BTreeMap<String, Option<f64>> {
    let all = draft::key_of_parameter(&Constant {
        file: &parameter.file,
        name: &parameter.name,
        value: "",
        current: None,
        why: "",
        metric: &parameter.metric,
    });
    let metric = format!("@{}", parameter.metric);
    let mut costs: BTreeMap<String, Option<f64>> = BTreeMap::new();
    for summary in history {
        let key = summary.key.as_str();
        let moved = key
            .strip_prefix(&all)
            .and_then(|it| it.strip_suffix(&metric));
        let Some((from, to)) = moved.and_then(|it| it.split_once("->")) else {
            continue;
        };
        let base = *costs.entry(from.to_owned()).or_insert(Some(0.0));
        let gain = summary.effect.as_ref().and_then(|it| it.relative);
        let cost = base
            .zip(gain)
            .map(|(base, gain)| base - gain.clamp(-9.0, 0.99));
        costs.insert(to.to_owned(), cost);
    }
    costs.entry(current.trim().to_owned()).or_insert(Some(0.0));
    costs
}

fn kind(range: Range, is_whole: bool) -> Kind {
    let Range { low, high, log } = range;
    if is_whole {
        let (low, high) = (whole(low.ceil()), whole(high.floor()));
        return Kind::Int { low, high, log };
    }
    Kind::Float { low, high, log }
}

fn as_value(value: f64, is_whole: bool) -> Value {
    if is_whole {
        return Value::Int(whole(value));
    }
    Value::Float(value)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "literals and bounds of whole numbers"
)]
fn whole(value: f64) -> i64 {
    value.round() as i64
}

/// Returns the literal of a value, real numbers to three digits.
fn literal(value: &Value) -> String {
    match value {
        Value::Int(value) => value.to_string(),
        Value::Choice(index) => index.to_string(),
        Value::Float(value) => {
            let rounded: f64 = format!("{value:.2e}").parse().unwrap_or(*value);
            format!("{rounded:?}")
        }
    }
}

/// Returns the number that a literal begins with: digit separators and a type's suffix are no part of it.
fn number(literal: &str) -> Option<f64> {
    let plain = literal.trim().replace('_', "");
    let end = plain
        .char_indices()
        .find(|(at, it)| {
            let is_part = it.is_ascii_digit() || matches!(it, '.' | 'e' | 'E' | '-' | '+');
            !is_part || (*at > 0 && matches!(it, '-' | '+') && !plain[..*at].ends_with(['e', 'E']))
        })
        .map_or(plain.len(), |(at, _)| at);
    plain[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::experiment::Cost;
    use crate::model::hypothesis::Category;
    use crate::model::id::ExperimentId;
    use crate::model::verdict::{Effect, Verdict};

    const RANGE: Range = Range {
        low: 1.0,
        high: 4096.0,
        log: true,
    };

    fn parameter() -> Parameter {
        toml::from_str(
            "file = 'src/lib.rs'\nname = 'CHUNK'\nlow = 1\nhigh = 4096\nlog = true\nmetric = 'parse_ns'",
        )
        .unwrap()
    }

    fn tried(from: &str, to: &str, gain: Option<f64>) -> Summary {
        Summary {
            id: ExperimentId(1),
            finished: jiff::Timestamp::UNIX_EPOCH,
            key: format!("constant:src/lib.rs:CHUNK={from}->{to}@parse_ns")
                .parse()
                .unwrap(),
            title: String::new(),
            category: Category::Explore,
            claim: "moves".to_owned(),
            verdict: Verdict::Revert,
            reason: String::new(),
            effect: gain.map(|relative| Effect {
                metric: "parse_ns".to_owned(),
                unit: "ns".to_owned(),
                before: 1.0,
                after: 1.0 - relative,
                relative: Some(relative),
                interval: None,
                shrunken: None,
            }),
            cost: Cost::default(),
            files_hash: String::new(),
            landed: None,
            spent: None,
            resumes: None,
        }
    }

    /// Searches a parameter whose best value is 300, from 16, without ever keeping one.
    fn searched(n: usize) -> Vec<String> {
        let worse = |it: f64| 0.1 * (it.ln() - 300.0f64.ln()).powi(2);
        let mut history = Vec::new();
        let mut values = Vec::new();
        for _ in 0..n {
            let Some(value) = next_value(&parameter(), RANGE, "16", &history) else {
                break;
            };
            let gain = worse(16.0) - worse(value.parse().unwrap());
            history.push(tried("16", &value, Some(gain)));
            values.push(value);
        }
        values
    }

    #[test]
    fn values_come_closer_to_the_best_and_none_twice() {
        let values = searched(10);
        let mut distinct = values.clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), 10);
        let near = values.iter().filter(|it| {
            let value: f64 = it.parse().unwrap();
            (150.0..600.0).contains(&value)
        });
        assert!(near.count() >= 3, "{values:?}");
    }

    #[test]
    fn the_search_ends_after_the_declared_number_of_values() {
        assert_eq!(searched(99).len(), 12);
    }

    #[test]
    fn costs_are_chained_over_what_was_kept() {
        let history = [
            tried("16", "64", Some(0.2)),
            tried("64", "128", Some(0.1)),
            tried("64", "2", None),
        ];
        let costs = costs(&parameter(), "64", &history);
        assert_eq!(costs["16"], Some(0.0));
        assert!((costs["128"].unwrap() + 0.3).abs() < 1e-12);
        assert_eq!(costs["2"], None);
    }

    #[test]
    fn literals_are_numbers_with_separators_and_suffixes() {
        assert_eq!(number("1_024usize"), Some(1024.0));
        assert_eq!(number("-2.5e-3f64"), Some(-0.0025));
        assert_eq!(number("8 * 1024"), Some(8.0));
        assert_eq!(number("SIZE"), None);
        assert_eq!(literal(&Value::Float(0.123_456)), "0.123");
        assert_eq!(literal(&Value::Float(2.0)), "2.0");
        assert_eq!(literal(&Value::Int(512)), "512");
    }
}
