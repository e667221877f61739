//! One value that is searched: what it may be, and how that is written.

use crate::config::{ParameterKind, Range, ResearchParameter};
use crate::mechanic::setting;
use crate::search::{Kind, Value};

/// A value's alternatives or range.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Dial {
    /// A number of a range.
    Number(Kind),
    /// One of so many literals.
    Choice(Vec<String>),
}

impl Dial {
    /// Returns the dial of a range whose numbers are whole where the present one is.
    pub(super) fn of_range(range: Range, current: &str) -> Self {
        let is_whole = !current.contains(['.', 'e', 'E']);
        Self::Number(kind(range, is_whole))
    }

    /// Returns the dial of a declared parameter, or why its present value does not fit it.
    pub(super) fn of(parameter: &ResearchParameter, current: &str) -> Result<Self, String> {
        let range = || Range {
            low: parameter.low.unwrap_or_default(),
            high: parameter.high.unwrap_or_default(),
            log: parameter.log,
        };
        let unfit = |what: &str| Err(format!("its value is {current}, which is no {what}"));
        match parameter.kind {
            ParameterKind::Float | ParameterKind::Int if number(current).is_none() => {
                unfit("number")
            }
            ParameterKind::Float => Ok(Self::Number(kind(range(), false))),
            ParameterKind::Int => Ok(Self::Number(kind(range(), true))),
            ParameterKind::Choice => Ok(Self::Choice(parameter.choices.clone())),
            ParameterKind::Bool => match current.trim() {
                "true" | "false" => Ok(Self::Choice(vec!["false".into(), "true".into()])),
                "True" | "False" => Ok(Self::Choice(vec!["False".into(), "True".into()])),
                _ => unfit("`true` or `false`"),
            },
        }
    }

    /// Returns what the search may propose.
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Number(kind) => kind.clone(),
            Self::Choice(choices) => Kind::Choice { n: choices.len() },
        }
    }

    /// Returns what a literal stands for; `None` for one that is no value of this dial.
    pub(super) fn value(&self, literal: &str) -> Option<Value> {
        match self {
            Self::Number(Kind::Int { .. }) => Some(Value::Int(whole(number(literal)?))),
            Self::Number(_) => Some(Value::Float(number(literal)?)),
            Self::Choice(choices) => {
                let mut choices = choices.iter();
                let idx = choices.position(|it| setting::same(it, literal))?;
                Some(Value::Choice(idx))
            }
        }
    }

    /// Returns how a value is written.
    pub(super) fn literal(&self, value: &Value) -> String {
        match (self, value) {
            (Self::Choice(choices), Value::Choice(idx)) => {
                choices.get(*idx).cloned().unwrap_or_default()
            }
            (Self::Number(Kind::Float { low, high, .. }), Value::Float(value)) => {
                let rounded: f64 = format!("{value:.2e}").parse().unwrap_or(*value);
                real(rounded.clamp(*low, *high))
            }
            (_, Value::Int(value)) => value.to_string(),
            (_, Value::Float(value)) => real(*value),
            (_, Value::Choice(idx)) => idx.to_string(),
        }
    }

    /// Returns how keys of experiments name a literal: the same for every spelling.
    pub(super) fn code(&self, literal: &str) -> String {
        match self.value(literal) {
            Some(Value::Choice(idx)) => idx.to_string(),
            Some(Value::Int(value)) => value.to_string(),
            Some(Value::Float(value)) => real(value),
            None => "?".to_owned(),
        }
    }

    /// Returns the value that a key of an experiment names.
    pub(super) fn decode(&self, code: &str) -> Option<Value> {
        match self {
            Self::Number(_) => self.value(code),
            Self::Choice(choices) => {
                let idx = code.parse().ok().filter(|it| *it < choices.len())?;
                Some(Value::Choice(idx))
            }
        }
    }
}

fn kind(range: Range, is_whole: bool) -> Kind {
    let Range { low, high, log } = range;
    if is_whole {
        let (low, high) = (whole(low.ceil()), whole(high.floor()));
        return Kind::Int { low, high, log };
    }
    Kind::Float { low, high, log }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "literals and bounds of whole numbers"
)]
fn whole(value: f64) -> i64 {
    value.round() as i64
}

/// Writes a number so that every format and language reads a real one: with a point, and where there is
/// an exponent, with its sign (YAML 1.1 takes `1e5` for a text).
fn real(value: f64) -> String {
    let text = format!("{value:?}");
    let Some((mantissa, exponent)) = text.split_once('e') else {
        return text;
    };
    let point = if mantissa.contains('.') { "" } else { ".0" };
    let sign = if exponent.starts_with('-') { "" } else { "+" };
    format!("{mantissa}{point}e{sign}{exponent}")
}

/// Returns the number that a literal is, or the product of several: digit separators and a type's suffix
/// are no part of it.
pub(super) fn number(literal: &str) -> Option<f64> {
    literal.split('*').map(factor).product()
}

fn factor(literal: &str) -> Option<f64> {
    let plain = literal.trim().replace('_', "");
    let end = plain
        .char_indices()
        .find(|(at, it)| {
            let is_part = it.is_ascii_digit() || matches!(it, '.' | 'e' | 'E' | '-' | '+');
            !is_part || (*at > 0 && matches!(it, '-' | '+') && !plain[..*at].ends_with(['e', 'E']))
        })
        .map_or(plain.len(), |(at, _)| at);
    let is_suffix = plain[end..].chars().all(char::is_alphanumeric);
    plain[..end].parse().ok().filter(|_| is_suffix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_numbers_with_separators_and_suffixes() {
        assert_eq!(number("1_024usize"), Some(1024.0));
        assert_eq!(number("-2.5e-3f64"), Some(-0.0025));
        assert_eq!(number("8 * 1024"), Some(8192.0));
        assert_eq!(number("SIZE"), None);
        assert_eq!(number("8 + SIZE"), None);
        assert_eq!(number("\"8\""), None);
    }

    #[test]
    fn numbers_are_written_so_that_every_format_reads_them() {
        let (low, high, log) = (1e-7, 9.999_9e20, true);
        let dial = Dial::Number(Kind::Float { low, high, log });
        for (value, literal) in [
            (0.123_456, "0.123"),
            (2.0, "2.0"),
            (1.234_5e-6, "1.23e-6"),
            (1e-6, "1.0e-6"),
            (5e20, "5.0e+20"),
            (9.999e20, "9.9999e+20"),
        ] {
            assert_eq!(dial.literal(&Value::Float(value)), literal);
        }
        let dial = Dial::of_range(Range { low, high, log }, "16");
        assert_eq!(dial.literal(&Value::Int(512)), "512");
    }

    #[test]
    fn every_spelling_has_one_code() {
        let choice = Dial::Choice(vec!["\"lz4\"".to_owned(), "\"zstd\"".to_owned()]);
        assert_eq!(choice.code("'zstd'"), "1");
        assert_eq!(choice.code("\"gzip\""), "?");
        assert_eq!(choice.decode("1"), Some(Value::Choice(1)));
        assert_eq!(choice.decode("2"), None);
        let range = Range {
            low: 1.0,
            high: 4096.0,
            log: true,
        };
        assert_eq!(Dial::of_range(range, "1_024").code("1_024u32"), "1024");
        assert_eq!(Dial::of_range(range, "0.5").code("0.50"), "0.5");
    }
}
