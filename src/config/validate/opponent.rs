//! What the types of `[research.opponent]` cannot say.

use super::{ParserSpec, Problem, check_globs, command_line, report};
use crate::config::{Opponent, Research, Switch};
use crate::model::dimension::Direction;

/// Reports what makes two sides useless, or one of them.
pub(super) fn opponent(research: &Research, found: &mut Vec<Problem>) {
    if let Some(switch) = research.switch {
        check_switch(switch, research.direction, "research.switch", found);
    }
    match &research.opponent {
        Some(it) => sides(it, research, found),
        None if research.switch.is_some() => {
            let message = "there is nobody to hand over to; describe the other side in [research.opponent], or leave this out";
            report(found, "research.switch", message);
        }
        None => {}
    }
}

fn sides(opponent: &Opponent, research: &Research, found: &mut Vec<Problem>) {
    let mut wrong = |key: &str, message: String| {
        report(found, format!("research.opponent.{key}"), message);
    };
    if opponent.objective.trim().is_empty() {
        let message = "say in a sentence what is wanted of it; it is what a backend reads first";
        wrong("objective", message.to_owned());
    }
    if let Err(error) = opponent.metric.parse::<crate::model::id::MetricName>() {
        wrong("metric", error.to_string());
    }
    if opponent.metric == research.metric {
        let message = format!(
            "`{}` is the number of [research] too; each side has a number of its own",
            opponent.metric
        );
        wrong("metric", message);
    }
    if let Err(error) = opponent.parser.parse::<ParserSpec>() {
        wrong("parser", error.to_string());
    }
    if opponent.mutable.is_empty() {
        let message = "nothing of it may be touched, so it has no turns; name its files, or leave the section out";
        wrong("mutable", message.to_owned());
    }
    for (key, is_zero, message) in [
        (
            "timeout",
            opponent.timeout == Some(0),
            "a time limit of 0 lets nothing run; use at least 1",
        ),
        (
            "plateau",
            opponent.plateau == 0,
            "0 experiments without a keep are there before the first; use at least 1",
        ),
        (
            "rounds",
            opponent.rounds == 0,
            "0 measurements show nothing; use at least 1",
        ),
    ] {
        if is_zero {
            wrong(key, message.to_owned());
        }
    }
    command_line(&opponent.run, "research.opponent.run", found);
    check_globs(&opponent.mutable, "research.opponent.mutable", found);
    if let Some(switch) = opponent.switch {
        check_switch(
            switch,
            opponent.direction,
            "research.opponent.switch",
            found,
        );
    }
}

/// Between the two thresholds there must be room, or noise alone would change sides.
fn check_switch(switch: Switch, direction: Direction, key: &str, found: &mut Vec<Problem>) {
    let Switch { enough, again } = switch;
    if !enough.is_finite() || !again.is_finite() {
        report(found, key, "both are finite numbers");
        return;
    }
    let (is_right, than) = match direction {
        Direction::Maximize => (again < enough, "below"),
        Direction::Minimize => (again > enough, "above"),
    };
    if !is_right {
        let message = format!(
            "`again` ({again}) must lie {than} `enough` ({enough}), since {} is better; between them nothing changes",
            match direction {
                Direction::Maximize => "more",
                Direction::Minimize => "less",
            }
        );
        report(found, key, message);
    }
}

#[cfg(test)]
mod tests {
    use super::super::problems;
    use crate::config::Profile;

    const HEAD: &str = "[research]\nobjective = 'o'\nmetric = 'm'\ndirection = 'minimize'\nrun = 'x'\nmutable = ['a']\n";

    fn said(first: &str, second: &str) -> Vec<String> {
        let text = format!(
            "{HEAD}{first}\n[research.opponent]\nobjective = 'p'\ndirection = 'maximize'\nrun = 'y'\n{second}"
        );
        let profile: Profile = toml::from_str(&text).unwrap();
        let problems = problems(&profile).into_iter();
        problems
            .map(|it| format!("{}: {}", it.key, it.message))
            .collect()
    }

    #[test]
    fn five_keys_are_enough_for_the_other_side_too() {
        assert_eq!(said("", "metric = 'n'\nmutable = ['b']"), [""; 0]);
    }

    #[test]
    fn thresholds_have_room_between_them_on_the_right_side() {
        let both = |first: &str, second: &str| {
            said(
                &format!("switch = {first}"),
                &format!("metric = 'n'\nmutable = ['b']\nswitch = {second}"),
            )
        };
        let (less, more) = (
            "{ enough = 1.0, again = 2.0 }",
            "{ enough = 2.0, again = 1.0 }",
        );
        assert_eq!(both(less, more), [""; 0]);
        assert_eq!(
            both(more, more),
            [
                "research.switch: `again` (1) must lie above `enough` (2), since less is better; between them nothing changes"
            ]
        );
        assert_eq!(
            both(less, less),
            [
                "research.opponent.switch: `again` (2) must lie below `enough` (1), since more is better; between them nothing changes"
            ]
        );
        assert_eq!(both(less, "{ enough = 1.0, again = 1.0 }").len(), 1);
        assert_eq!(
            both("{ enough = nan, again = 1.0 }", more),
            ["research.switch: both are finite numbers"]
        );
    }

    #[test]
    fn what_makes_two_sides_useless_is_named_by_its_key() {
        for (keys, begins) in [
            (
                "metric = 'm'\nmutable = ['b']",
                "research.opponent.metric: `m` is the number of [research] too",
            ),
            (
                "metric = 'n'\nmutable = []",
                "research.opponent.mutable: nothing of it may be touched",
            ),
            (
                "metric = 'n'\nmutable = ['b[']",
                "research.opponent.mutable",
            ),
            (
                "metric = 'n'\nmutable = ['b']\nplateau = 0",
                "research.opponent.plateau",
            ),
            (
                "metric = 'n'\nmutable = ['b']\nrounds = 0",
                "research.opponent.rounds",
            ),
            (
                "metric = 'n'\nmutable = ['b']\nparser = 'jsn:a'",
                "research.opponent.parser",
            ),
        ] {
            let all = said("", keys);
            assert!(
                all.first().is_some_and(|it| it.starts_with(begins)),
                "{keys}: {all:?}"
            );
        }
        let alone: Profile =
            toml::from_str(&format!("{HEAD}switch = {{ enough = 1.0, again = 2.0 }}")).unwrap();
        assert!(
            problems(&alone)[0]
                .message
                .starts_with("there is nobody to hand over to")
        );
    }
}
