//! Durations and budgets as people write them: `90s`, `2h`, `1h30m`, `5usd,2h,1Mtok`.

use std::str::FromStr;
use std::time::Duration;

use jiff::SignedDuration;

/// What a run may use up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Limits {
    /// Wall time.
    pub(super) time: Option<Duration>,
    /// Whether money was limited too.
    pub(super) money: bool,
    /// Whether tokens were limited too.
    pub(super) tokens: bool,
}

impl FromStr for Limits {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut limits = Self::default();
        for part in text.split(',').map(str::trim) {
            if let Some(amount) = part.strip_suffix("usd") {
                number(amount, part)?;
                limits.money = true;
            } else if let Some(amount) = part.strip_suffix("tok") {
                number(amount.trim_end_matches(['k', 'M']), part)?;
                limits.tokens = true;
            } else {
                limits.time = Some(duration(part)?);
            }
        }
        Ok(limits)
    }
}

fn number(amount: &str, part: &str) -> Result<f64, String> {
    let number = amount.trim().parse::<f64>().ok();
    let number = number.filter(|it| it.is_finite() && *it > 0.0);
    number.ok_or_else(|| format!("`{part}` is no amount; write `5usd`, `2h` or `1Mtok`"))
}

/// Reads a duration.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let days = text.strip_suffix('d').and_then(|it| it.parse::<u32>().ok());
    let parsed = match days {
        Some(days) => SignedDuration::from_hours(24 * i64::from(days)),
        None => text.parse::<SignedDuration>().map_err(|_| wrong(text))?,
    };
    Duration::try_from(parsed).map_err(|_| wrong(text))
}

fn wrong(text: &str) -> String {
    format!("`{text}` is no duration; write `90s`, `30m`, `2h` or `7d`")
}

/// Writes a duration as people write it: `2h`, `1h 30m`.
pub(super) fn words(duration: Duration) -> String {
    SignedDuration::try_from(duration)
        .map_or_else(|_| "a long time".to_owned(), |it| format!("{it:#}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, seconds) in [
            ("90s", 90),
            ("2h", 7200),
            ("1h30m", 5400),
            ("7d", 604_800),
            ("0s", 0),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "2", "soon", "-1h", "d"] {
            assert!(duration(text).is_err(), "{text}");
        }
        assert_eq!(words(Duration::from_mins(90)), "1h 30m");
    }

    #[test]
    fn a_budget_is_a_list_of_amounts() {
        let limits: Limits = "5usd,2h,1Mtok".parse().unwrap();
        assert_eq!(limits.time, Some(Duration::from_hours(2)));
        assert!(limits.money && limits.tokens);
        for text in ["usd", "-1usd", "2h,", "xtok", ""] {
            assert!(text.parse::<Limits>().is_err(), "{text}");
        }
    }
}
