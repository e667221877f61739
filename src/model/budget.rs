//! What a run may use up, as people write it: `2h`, `40 experiments`, `5usd,2h,1Mtok`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::SignedDuration;

/// What a run may use up; what is absent is not limited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// Wall time.
    pub time: Option<Duration>,
    /// Experiments.
    pub experiments: Option<u32>,
    /// Tokens of a model.
    pub tokens: Option<u64>,
    /// Money, in US cents.
    pub usd_cents: Option<u64>,
}

/// A text that is no budget, or no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBudget {
    /// Not an amount of anything that can be limited.
    #[error("`{0}` is no amount; write `2h`, `40 experiments`, `5usd` or `1Mtok`")]
    Amount(String),
    /// Not a duration.
    #[error("`{0}` is no duration; write `90s`, `30m`, `2h` or `7d`")]
    Duration(String),
    /// One thing is limited twice.
    #[error("`{0}` limits what was limited before it; give each amount once")]
    Twice(String),
}

impl Budget {
    /// Returns whether one of its amounts is nothing at all, so that nothing can be tried.
    pub fn is_zero(&self) -> bool {
        self.time == Some(Duration::ZERO)
            || self.experiments == Some(0)
            || self.tokens == Some(0)
            || self.usd_cents == Some(0)
    }

    fn add(&mut self, part: &str) -> Result<(), InvalidBudget> {
        let amount = |suffix| part.strip_suffix(suffix).map(str::trim_end);
        if let Some(money) = amount("usd") {
            put(&mut self.usd_cents, count(money, 100.0, part)?, part)
        } else if let Some(tokens) = amount("tok") {
            let (digits, unit) = match tokens.chars().last() {
                Some('k') => (&tokens[..tokens.len() - 1], 1e3),
                Some('M') => (&tokens[..tokens.len() - 1], 1e6),
                _ => (tokens, 1.0),
            };
            put(&mut self.tokens, count(digits, unit, part)?, part)
        } else if let Some(number) = amount("experiments").or_else(|| amount("experiment")) {
            let number = number.parse().map_err(|_| wrong(part))?;
            put(&mut self.experiments, number, part)
        } else {
            let time = duration(part).map_err(|_| wrong(part))?;
            put(&mut self.time, time, part)
        }
    }
}

impl FromStr for Budget {
    type Err = InvalidBudget;

    fn from_str(text: &str) -> Result<Self, InvalidBudget> {
        let mut budget = Self::default();
        for part in text.split(',').map(str::trim) {
            budget.add(part)?;
        }
        Ok(budget)
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = self.time.map(words);
        let experiments = self.experiments.map(|it| match it {
            1 => "1 experiment".to_owned(),
            n => format!("{n} experiments"),
        });
        let money = self.usd_cents.map(|it| match it % 100 {
            0 => format!("{}usd", it / 100),
            cents => format!("{}.{cents:02}usd", it / 100),
        });
        let tokens = self.tokens.map(|it| format!("{it}tok"));
        let parts: Vec<String> = [time, experiments, money, tokens]
            .into_iter()
            .flatten()
            .collect();
        f.write_str(&parts.join(", "))
    }
}

fn put<T>(place: &mut Option<T>, amount: T, part: &str) -> Result<(), InvalidBudget> {
    match place.replace(amount) {
        None => Ok(()),
        Some(_) => Err(InvalidBudget::Twice(part.to_owned())),
    }
}

fn wrong(part: &str) -> InvalidBudget {
    InvalidBudget::Amount(part.to_owned())
}

/// Returns an amount in its smallest unit.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "finite and at least 0; more than the type holds saturates, which limits nothing real"
)]
fn count(amount: &str, unit: f64, part: &str) -> Result<u64, InvalidBudget> {
    let number = amount.trim().parse::<f64>().ok();
    let number = number.filter(|it| it.is_finite() && *it >= 0.0);
    let number = number.ok_or_else(|| wrong(part))?;
    Ok((number * unit).round() as u64)
}

/// Reads a duration: `90s`, `2h`, `1h30m`, `7d`.
///
/// # Errors
/// Anything else, and what is negative.
pub fn duration(text: &str) -> Result<Duration, InvalidBudget> {
    let wrong = || InvalidBudget::Duration(text.to_owned());
    let days = text.strip_suffix('d').and_then(|it| it.parse::<u32>().ok());
    let parsed = match days {
        Some(days) => SignedDuration::from_hours(24 * i64::from(days)),
        None => text.parse::<SignedDuration>().map_err(|_| wrong())?,
    };
    Duration::try_from(parsed).map_err(|_| wrong())
}

/// Writes a duration as people write it: `2h`, `1h 30m`.
pub fn words(duration: Duration) -> String {
    SignedDuration::try_from(duration)
        .map_or_else(|_| "a long time".to_owned(), |it| format!("{it:#}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
        let budget: Budget = "5usd, 2h, 1.5Mtok, 40 experiments".parse().unwrap();
        let expected = Budget {
            time: Some(Duration::from_hours(2)),
            experiments: Some(40),
            tokens: Some(1_500_000),
            usd_cents: Some(500),
        };
        assert_eq!(budget, expected);
        assert_eq!(budget.to_string(), "2h, 40 experiments, 5usd, 1500000tok");
        assert_eq!("20ktok".parse::<Budget>().unwrap().tokens, Some(20_000));
        assert_eq!(
            "1 experiment".parse::<Budget>().unwrap().experiments,
            Some(1)
        );
        for text in [
            "usd",
            "-1usd",
            "2h,",
            "xtok",
            "",
            "2.5 experiments",
            "nanusd",
            "2 hours ago",
        ] {
            assert!(text.parse::<Budget>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_limited_twice_is_refused_by_name() {
        let error = "2h,30m".parse::<Budget>().unwrap_err();
        assert!(error.to_string().starts_with("`30m` limits"), "{error}");
    }

    #[test]
    fn nothing_is_a_budget_of_zero_and_no_budget_is_not() {
        for text in ["0s", "0 experiments", "0usd,2h", "0tok"] {
            assert!(text.parse::<Budget>().unwrap().is_zero(), "{text}");
        }
        assert!(!Budget::default().is_zero());
        assert!(!"1s".parse::<Budget>().unwrap().is_zero());
    }

    proptest! {
        #[test]
        fn display_is_inverse_to_parse(
            seconds in 0u64..10_000_000, experiments in any::<u32>(), cents in 0u64..1_000_000,
        ) {
            let budget = Budget {
                time: Some(Duration::from_secs(seconds)),
                experiments: Some(experiments),
                tokens: None,
                usd_cents: Some(cents),
            };
            prop_assert_eq!(budget.to_string().parse::<Budget>().unwrap(), budget);
        }
    }
}
