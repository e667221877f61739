//! The next value of a `[[parameter]]` with a range: a search of one value.

use super::dial::{self, Dial};
use super::{Outcome, Search, Step, add};
use crate::config::{Parameter, Range};
use crate::mechanic::draft::{self, Constant};
use crate::model::experiment::Summary;
use crate::model::id::StructuralKey;

/// Returns the next literals to try; none when enough were tried or nothing is to be gained.
pub(crate) fn next_values(
    parameter: &Parameter,
    range: Range,
    current: &str,
    history: &[Summary],
    tried: &mut dyn Iterator<Item = &StructuralKey>,
) -> Vec<String> {
    let here = current.trim();
    if dial::number(here).is_none() {
        return Vec::new();
    }
    let dial = Dial::of_range(range, here);
    let search = Search {
        dials: vec![dial.clone()],
        here: vec![here.to_owned()],
        most: parameter.trials as usize,
    };
    let steps = steps(parameter, history, tried);
    let point = |literal: &str| Some(vec![dial.value(literal)?]);
    let points = search.next(&steps, here, &point);
    points.into_iter().flatten().collect()
}

/// Returns every experiment on the parameter, oldest first, those under way last.
fn steps(
    parameter: &Parameter,
    history: &[Summary],
    tried: &mut dyn Iterator<Item = &StructuralKey>,
) -> Vec<Step> {
    let prefix = draft::key_of_parameter(&Constant {
        file: &parameter.file,
        name: &parameter.name,
        value: "",
        current: None,
        why: "",
        metric: &parameter.metric,
    });
    let suffix = format!("@{}", parameter.metric);
    let step = |key: &StructuralKey, outcome: Outcome| {
        let moved = key.as_str().strip_prefix(&prefix)?.strip_suffix(&suffix)?;
        let (from, to) = moved.split_once("->")?;
        Some(Step {
            from: from.to_owned(),
            to: to.to_owned(),
            outcome,
        })
    };
    let mut steps = Vec::new();
    for summary in history {
        if let Some(step) = step(&summary.key, Outcome::of(summary)) {
            add(&mut steps, step);
        }
    }
    for key in tried {
        let is_known = |step: &Step| steps.iter().any(|it| it.to == step.to);
        if let Some(step) = step(key, Outcome::Unknown).filter(|it| !is_known(it)) {
            steps.push(step);
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixtures;
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
            key: format!("constant:src/lib.rs:CHUNK={from}->{to}@parse_ns")
                .parse()
                .unwrap(),
            effect: gain.map(|relative| Effect {
                metric: "parse_ns".to_owned(),
                unit: "ns".to_owned(),
                before: 1.0,
                after: 1.0 - relative,
                relative: Some(relative),
                interval: None,
                shrunken: None,
            }),
            ..fixtures::summary(1, Verdict::Revert)
        }
    }

    /// Searches a parameter whose best value is 300, from 16, without ever keeping one.
    fn searched(n: usize) -> Vec<String> {
        let worse = |it: f64| 0.1 * (it.ln() - 300.0f64.ln()).powi(2);
        let mut history = Vec::new();
        let mut found = Vec::new();
        for _ in 0..n {
            let values = next_values(&parameter(), RANGE, "16", &history, &mut [].iter());
            let Some(value) = values.into_iter().next() else {
                break;
            };
            let gain = worse(16.0) - worse(value.parse().unwrap());
            history.push(tried("16", &value, Some(gain)));
            found.push(value);
        }
        found
    }

    #[test]
    fn values_come_closer_to_the_best_and_none_twice() {
        let values = searched(8);
        let mut distinct = values.clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), 8);
        let near = values.iter().filter(|it| {
            let value: f64 = it.parse().unwrap();
            (150.0..600.0).contains(&value)
        });
        assert!(near.count() >= 3, "{values:?}");
    }

    #[test]
    fn the_search_ends_after_the_declared_number_of_values_or_when_nothing_is_to_be_gained() {
        let n_found = searched(99).len();
        assert!((8..=12).contains(&n_found), "{n_found}");
        let short = Parameter {
            trials: 1,
            ..parameter()
        };
        let history = [tried("16", "64", Some(0.2))];
        let next = |of: &Parameter| next_values(of, RANGE, "64", &history, &mut [].iter());
        assert!(next(&short).is_empty());
        assert!(!next(&parameter()).is_empty());
    }

    #[test]
    fn what_is_under_way_is_waited_for() {
        let history = [tried("16", "64", Some(0.2))];
        let at = |keys: &[StructuralKey]| {
            next_values(&parameter(), RANGE, "64", &history, &mut keys.iter())
        };
        let proposed = at(&[]);
        assert_eq!(proposed.len(), 4);
        let key = tried("64", &proposed[0], None).key;
        let under_way = [tried("16", "64", None).key, key];
        assert_eq!(at(&under_way)[..3], proposed[1..]);
    }

    #[test]
    fn a_constant_that_is_no_number_is_not_searched() {
        assert!(next_values(&parameter(), RANGE, "SIZE", &[], &mut [].iter()).is_empty());
    }
}
