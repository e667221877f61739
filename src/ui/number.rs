//! Numbers as people write them: `12.4 ms`, `1,204 lines`, `6.1 % faster`.

use crate::model::verdict::Effect;

/// Units of time, smallest first, with their length in seconds.
const TIME: [(&str, f64); 4] = [("ns", 1e-9), ("µs", 1e-6), ("ms", 1e-3), ("s", 1.0)];

/// Returns a quantity with its unit, scaled to what is easiest to read.
pub fn quantity(value: f64, unit: &str) -> String {
    if !value.is_finite() {
        return format!("{value} {unit}").trim_end().to_owned();
    }
    if let Some(length) = time_unit(unit) {
        return scaled_time(value * length);
    }
    match unit {
        "" => plain(value),
        "%" => format!("{value:.1} %"),
        "bytes" | "B" => bytes(value),
        word => format!("{} {}", plain(value), agree(word, value)),
    }
}

/// Returns `before → after`, naming the unit once where both share it.
pub fn change(before: f64, after: f64, unit: &str) -> String {
    let (left, right) = (quantity(before, unit), quantity(after, unit));
    let is_count = before.fract() == 0.0 && after.fract() == 0.0;
    if left == right && is_count && before.to_bits() != after.to_bits() {
        // What differs in its last digits is told by them.
        return format!("{} → {} {unit}", grouped(before), grouped(after));
    }
    let shared = match (left.rsplit_once(' '), right.rsplit_once(' ')) {
        (Some((number, one)), Some((_, other))) if is_same_word(one, other) => Some(number),
        _ => None,
    };
    format!("{} → {right}", shared.unwrap_or(&left))
}

/// `finding` and `findings` are the same unit.
fn is_same_word(one: &str, other: &str) -> bool {
    one.trim_end_matches('s') == other.trim_end_matches('s')
}

/// Returns both values of an effect: `parse 312 → 293 ms`.
pub fn values(effect: &Effect) -> String {
    let change = change(effect.before, effect.after, &effect.unit);
    format!("{} {change}", effect.metric)
}

/// Returns an effect in words: `312 → 293 ms, 6.1 % faster (95 %: 3.0 to 9.2 %)`.
pub fn effect(effect: &Effect) -> String {
    let mut text = values(effect);
    if let Some(relative) = effect.relative.filter(|it| it.abs() >= 0.0005) {
        text.push_str(&format!(", {}", relation(relative, &effect.unit)));
    }
    if let Some(shrunken) = effect.shrunken {
        text.push_str(&format!(
            ", {} to be believed",
            relation(shrunken, &effect.unit)
        ));
    }
    if let Some((low, high)) = effect.interval {
        let (low, high) = (low * 100.0, high * 100.0);
        let interval = format!(" (95 %: {low:.1} to {high:.1} %)").replace('-', "−");
        text.push_str(&interval);
    }
    text
}

/// Returns a relative improvement in words; positive is better.
pub fn relation(relative: f64, unit: &str) -> String {
    let percent = format!("{:.1} %", relative.abs() * 100.0);
    let word = match (time_unit(unit).is_some(), relative > 0.0) {
        (true, true) => "faster",
        (true, false) => "slower",
        (false, true) => "better",
        (false, false) => "worse",
    };
    format!("{percent} {word}")
}

/// Returns a duration: `0.4 s`, `3 min 05 s`, `1 h 02 min`.
pub fn duration(seconds: f64) -> String {
    if seconds < 99.95 {
        return if seconds < 0.0995 {
            scaled_time(seconds)
        } else {
            format!("{seconds:.1} s")
        };
    }
    // Display only: more than 2^53 seconds do not occur.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive, and far below the limit"
    )]
    let whole = seconds.round() as u64;
    let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60);
    match hours {
        0 => format!("{minutes} min {rest:02} s"),
        _ => format!("{hours} h {minutes:02} min"),
    }
}

/// Returns a count with its noun: `1 test`, `1,204 tests`.
pub fn count(n: usize, plural: &str) -> String {
    #[expect(clippy::cast_precision_loss, reason = "display only")]
    let value = n as f64;
    format!("{} {}", plain(value), agree(plural, value))
}

/// Returns a score in [0, 1] with three decimals.
pub fn score(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |it| format!("{it:.3}"))
}

/// Returns an e-value: exact where it is small, an order of magnitude where it is not.
pub fn e_value(value: f64) -> String {
    match value {
        it if it >= 1e5 => format!("{it:.1e}"),
        it if it >= 100.0 => grouped(it.round()),
        it if it >= 0.01 => significant(it),
        it => format!("{it:.0e}"),
    }
}

/// Returns a number alone: grouped if whole, three significant digits otherwise.
fn plain(value: f64) -> String {
    if (value - value.round()).abs() < 1e-9 || value.abs() >= 1000.0 {
        grouped(value.round())
    } else {
        significant(value)
    }
}

fn significant(value: f64) -> String {
    match value.abs() {
        it if it >= 100.0 => format!("{value:.0}"),
        it if it >= 10.0 => format!("{value:.1}"),
        it if it >= 1.0 => format!("{value:.2}"),
        it if it >= 0.001 || it == 0.0 => format!("{value:.3}"),
        _ => format!("{value:.2e}"),
    }
}

fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    let negative = value < 0.0 && digits != "0";
    format!("{}{out}", if negative { "-" } else { "" })
}

fn time_unit(unit: &str) -> Option<f64> {
    let unit = match unit {
        "us" | "µs" => "µs",
        "seconds" | "sec" => "s",
        other => other,
    };
    let found = TIME.iter().find(|(name, _)| *name == unit);
    found.map(|(_, length)| *length)
}

fn scaled_time(seconds: f64) -> String {
    let size = seconds.abs();
    let (name, length) = TIME
        .iter()
        .rev()
        .find(|(_, length)| size >= *length)
        .unwrap_or(if size == 0.0 { &TIME[3] } else { &TIME[0] });
    let number = significant(seconds / length);
    let number = if number == "0.000" { "0" } else { &number };
    format!("{number} {name}")
}

fn bytes(value: f64) -> String {
    match value.abs() {
        it if it >= 1024.0 * 1024.0 => format!("{} MiB", significant(value / 1024.0 / 1024.0)),
        it if it >= 1024.0 => format!("{} KiB", significant(value / 1024.0)),
        _ => format!("{} B", grouped(value)),
    }
}

/// Returns the unit in the number of the value: `1 finding`, `2 findings`.
fn agree(unit: &str, value: f64) -> &str {
    let is_one = (value - 1.0).abs() < f64::EPSILON;
    match unit.strip_suffix('s') {
        Some(singular) if is_one && singular.len() > 3 && !singular.ends_with('s') => singular,
        _ => unit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_read_naturally() {
        let cases = [
            (12.4, "ms", "12.4 ms"),
            (0.0124, "s", "12.4 ms"),
            (1500.0, "ms", "1.50 s"),
            (0.0, "ms", "0 s"),
            (1204.0, "lines", "1,204 lines"),
            (1.0, "findings", "1 finding"),
            (81.54, "%", "81.5 %"),
            (2048.0, "bytes", "2.00 KiB"),
            (0.5, "", "0.500"),
            (-1_234_567.0, "", "-1,234,567"),
            (3.0, "ns", "3.00 ns"),
        ];
        for (value, unit, text) in cases {
            assert_eq!(quantity(value, unit), text);
        }
    }

    #[test]
    fn changes_name_a_shared_unit_once() {
        assert_eq!(change(12.0, 3.0, "findings"), "12 → 3 findings");
        assert_eq!(change(2.0, 1.0, "findings"), "2 → 1 finding");
        assert_eq!(change(312.0, 293.0, "ms"), "312 → 293 ms");
        assert_eq!(change(1200.0, 900.0, "ms"), "1.20 s → 900 ms");
        assert_eq!(change(80.0, 81.5, "%"), "80.0 → 81.5 %");
        assert_eq!(change(449_914.0, 449_910.0, "B"), "449,914 → 449,910 B");
        assert_eq!(change(2048.0, 2048.0, "B"), "2.00 → 2.00 KiB");
    }

    #[test]
    fn effects_say_faster_only_of_time() {
        let mut it = Effect {
            metric: "parse".into(),
            unit: "ms".into(),
            before: 312.0,
            after: 293.0,
            relative: Some(0.061),
            interval: Some((0.03, 0.092)),
            shrunken: None,
        };
        assert_eq!(
            effect(&it),
            "parse 312 → 293 ms, 6.1 % faster (95 %: 3.0 to 9.2 %)"
        );
        it.unit = "points".into();
        it.relative = Some(-0.02);
        it.interval = None;
        assert_eq!(effect(&it), "parse 312 → 293 points, 2.0 % worse");
    }

    #[test]
    fn durations_grow_units() {
        let cases = [
            (0.0004, "400 µs"),
            (0.42, "0.4 s"),
            (12.34, "12.3 s"),
            (185.0, "3 min 05 s"),
            (3725.0, "1 h 02 min"),
        ];
        for (seconds, text) in cases {
            assert_eq!(duration(seconds), text);
        }
    }

    #[test]
    fn e_values_stay_short() {
        assert_eq!(e_value(0.0), "0e0");
        assert_eq!(e_value(3.456), "3.46");
        assert_eq!(e_value(128.4), "128");
        assert_eq!(e_value(2.5e8), "2.5e8");
    }

    proptest::proptest! {
        #[test]
        fn every_number_has_a_text(value in proptest::num::f64::ANY) {
            for unit in ["", "ms", "s", "%", "bytes", "findings"] {
                proptest::prop_assert!(!quantity(value, unit).is_empty());
            }
            proptest::prop_assert!(!e_value(value.abs()).is_empty());
        }
    }
}
