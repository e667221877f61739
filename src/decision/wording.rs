//! The sentence fragments of a verdict, for people.

use crate::model::dimension::Direction;
use crate::model::verdict::Effect;

/// Units in which less means faster.
const TIME_UNITS: [&str; 12] = [
    "ns", "us", "µs", "μs", "ms", "s", "sec", "secs", "second", "seconds", "min", "h",
];

/// Returns whether a unit is one of time.
pub fn is_time(unit: &str) -> bool {
    TIME_UNITS.contains(&unit)
}

/// Returns `1 pair`, `9 pairs`.
pub(super) fn pairs(n: u32) -> String {
    format!("{n} pair{}", if n == 1 { "" } else { "s" })
}

/// Returns `exp(ln_value)`, rounded down, so that a number short of its mark never reads as if it reached it.
pub(super) fn floored(ln_value: f64) -> String {
    const NUDGE: f64 = 1e-9;
    let value = (ln_value + NUDGE).exp();
    let down = |digits: f64| (value * digits).floor() / digits;
    match value {
        value if value >= 1e6 => format!("{value:.1e}"),
        value if value >= 10.0 => format!("{:.0}", down(1.0)),
        value if value >= 1.0 => trimmed(format!("{:.1}", down(10.0))),
        value if value >= 0.001 => trimmed(format!("{:.3}", down(1000.0))),
        _ => "under 0.001".to_owned(),
    }
}

/// Returns a level's reciprocal or another round number without needless zeros.
pub(super) fn plain(value: f64) -> String {
    let text = match value.abs() {
        magnitude if magnitude >= 1e6 => format!("{value:.3e}"),
        magnitude if magnitude >= 100.0 => trimmed(format!("{value:.1}")),
        magnitude if magnitude >= 1.0 => trimmed(format!("{value:.2}")),
        magnitude if magnitude >= 1e-3 || magnitude <= 0.0 => trimmed(format!("{value:.4}")),
        _ => format!("{value:.2e}"),
    };
    if text == "-0" { "0".to_owned() } else { text }
}

fn trimmed(text: String) -> String {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// Returns a share as a percentage: `6.1 %`.
pub(super) fn percent(share: f64) -> String {
    let percentage = 100.0 * share.abs();
    if percentage > 0.0 && percentage < 0.005 {
        "less than 0.01 %".to_owned()
    } else if percentage < 0.095 {
        format!("{percentage:.2} %")
    } else {
        format!("{percentage:.1} %")
    }
}

/// Returns `12 → 3 findings`.
pub(super) fn step(effect: &Effect) -> String {
    let unit = if effect.unit.is_empty() {
        String::new()
    } else {
        format!(" {}", effect.unit)
    };
    format!("{} → {}{unit}", plain(effect.before), plain(effect.after))
}

/// Returns what was measured: `6.1 % faster (95 % interval 3.9 % to 8.2 %)`.
pub(super) fn measured(effect: &Effect, direction: Direction) -> String {
    let words = Words::of(&effect.unit, direction);
    let Some(relative) = effect.relative else {
        return step(effect);
    };
    let size = words.size(relative);
    match effect.interval {
        Some((low, high)) if low >= 0.0 => format!(
            "{size} (95 % interval {} to {})",
            percent(low),
            percent(high)
        ),
        Some((low, high)) => format!(
            "{size} (95 % interval {} to {})",
            words.size(low),
            words.size(high)
        ),
        None => size,
    }
}

/// What better and worse are called.
struct Words {
    better: &'static str,
    worse: &'static str,
}

impl Words {
    fn of(unit: &str, direction: Direction) -> Self {
        let (better, worse) = match direction {
            Direction::Minimize if is_time(unit) => ("faster", "slower"),
            Direction::Minimize => ("lower", "higher"),
            Direction::Maximize => ("higher", "lower"),
        };
        Self { better, worse }
    }

    fn size(&self, relative: f64) -> String {
        let word = if relative < 0.0 {
            self.worse
        } else {
            self.better
        };
        if relative.abs() < 10.0 {
            return format!("{} {word}", percent(relative));
        }
        // Nobody reads "278691 % higher".
        let adjective = word.strip_suffix("er").unwrap_or(word);
        format!("{:.0} times as {adjective}", 1.0 + relative.abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effect(unit: &str, relative: f64, interval: Option<(f64, f64)>) -> Effect {
        Effect {
            metric: "parse".to_owned(),
            unit: unit.to_owned(),
            before: 12.0,
            after: 3.0,
            relative: Some(relative),
            interval,
            shrunken: None,
        }
    }

    #[test]
    fn a_gain_reads_like_a_sentence() {
        assert_eq!(
            measured(
                &effect("ms", 0.061, Some((0.039, 0.082))),
                Direction::Minimize
            ),
            "6.1 % faster (95 % interval 3.9 % to 8.2 %)"
        );
    }

    #[test]
    fn what_is_many_times_as_much_is_no_percentage() {
        let words = Words::of("ms", Direction::Minimize);
        assert_eq!(words.size(-2786.9), "2788 times as slow");
        assert_eq!(words.size(-9.0), "900.0 % slower");
        let words = Words::of("", Direction::Maximize);
        assert_eq!(words.size(20.0), "21 times as high");
    }

    #[test]
    fn an_interval_across_zero_names_both_sides() {
        assert_eq!(
            measured(
                &effect("points", -0.02, Some((-0.05, 0.01))),
                Direction::Maximize
            ),
            "2.0 % lower (95 % interval 5.0 % lower to 1.0 % higher)"
        );
    }

    #[test]
    fn without_a_base_the_values_speak() {
        let mut zero = effect("findings", 0.0, None);
        zero.relative = None;
        assert_eq!(measured(&zero, Direction::Minimize), "12 → 3 findings");
    }

    #[test]
    fn an_e_value_short_of_its_mark_is_not_rounded_up_to_it() {
        assert_eq!(floored(99.9f64.ln()), "99");
        assert_eq!(floored(100.0f64.ln()), "100");
        assert_eq!(floored(4.99f64.ln()), "4.9");
        assert_eq!(floored(0.0123f64.ln()), "0.012");
        assert_eq!(floored(-50.0), "under 0.001");
        assert_eq!(floored(40.0), "2.4e17");
    }

    #[test]
    fn numbers_lose_needless_digits() {
        assert_eq!(
            [12.0, 0.5, 12.345, 0.0, 1234.56, -3.0, 1e-9].map(plain),
            ["12", "0.5", "12.35", "0", "1234.6", "-3", "1.00e-9"]
        );
    }
}
