//! Text to profile: every complaint has a file, a line and a column.

use std::ops::Range;

use camino::Utf8Path;
use toml::de::{DeTable, DeValue};

use super::validate::Problem;
use super::{Error, Profile, keys, validate};

/// Parses and validates a profile on its own; the path is for messages.
///
/// # Errors
/// The first place that is wrong.
pub fn parse(path: &Utf8Path, text: &str) -> Result<Profile, Error> {
    let profile = shape(path, text)?;
    match validate::problems(&profile).into_iter().next() {
        None => Ok(profile),
        Some(problem) => Err(at_key(path, text, &problem)),
    }
}

/// Parses a profile without looking at what the values mean together.
pub(super) fn shape(path: &Utf8Path, text: &str) -> Result<Profile, Error> {
    names(path, text)?;
    toml::from_str(text).map_err(|error| from_toml(path, text, &error))
}

/// Parses a text whose keys are known into values. These hold no number above that of a signed integer,
/// although a key may.
pub(super) fn table(path: &Utf8Path, text: &str) -> Result<toml::Table, Error> {
    toml::from_str(text).map_err(|error| from_toml(path, text, &error))
}

/// Looks only whether every key is one that there is.
pub(super) fn names(path: &Utf8Path, text: &str) -> Result<(), Error> {
    let table = DeTable::parse(text).map_err(|error| from_toml(path, text, &error))?;
    match keys::first_unknown(table.get_ref()) {
        Some(unknown) => Err(at(path, text, &unknown.span, unknown.message)),
        None => Ok(()),
    }
}

/// Returns the error that points at a problem's dotted key, such as `metric[1].parser`, or at its nearest parent.
pub(super) fn at_key(path: &Utf8Path, text: &str, problem: &Problem) -> Error {
    let span = DeTable::parse(text)
        .ok()
        .and_then(|table| locate(table.get_ref(), &problem.key))
        .unwrap_or(0..0);
    at(
        path,
        text,
        &span,
        format!("{}: {}", problem.key, problem.message),
    )
}

fn at(path: &Utf8Path, text: &str, span: &Range<usize>, message: String) -> Error {
    let (line, column) = position(text, span.start);
    Error::Invalid {
        path: path.to_owned(),
        line,
        column,
        message,
    }
}

fn from_toml(path: &Utf8Path, text: &str, error: &toml::de::Error) -> Error {
    let span = error.span().unwrap_or(0..0);
    at(path, text, &span, error.message().replace('\n', ", "))
}

/// Returns line and column, both from 1, columns in characters.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    (line, column)
}

/// Returns the span of the deepest existing part of a dotted key.
fn locate(table: &DeTable<'_>, key: &str) -> Option<Range<usize>> {
    let (head, rest) = key.split_once('.').unwrap_or((key, ""));
    let (name, index) = split_index(head);
    let (key, value) = table.iter().find(|(it, _)| it.get_ref() == name)?;
    let (value, span) = match (index, value.get_ref()) {
        (Some(index), DeValue::Array(items)) => {
            let item = items.get(index)?;
            (item.get_ref(), item.span())
        }
        (_, inner) => (inner, key.span()),
    };
    match value {
        DeValue::Table(inner) if !rest.is_empty() => locate(inner, rest).or(Some(span)),
        _ => Some(span),
    }
}

/// Splits `metric[1]` into its name and its index.
fn split_index(part: &str) -> (&str, Option<usize>) {
    let Some((name, rest)) = part.split_once('[') else {
        return (part, None);
    };
    (name, rest.trim_end_matches(']').parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(text: &str) -> String {
        parse(Utf8Path::new("factory.toml"), text)
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn complaints_point_at_the_place() {
        assert_eq!(
            complaint("[decision]\n\n  alpa = 0.01\n"),
            "factory.toml:3:3: unknown key `alpa` in `decision`; did you mean `alpha`?"
        );
        assert!(complaint("[decision]\nalpha = \n").starts_with("factory.toml:2:"));
        let wrong_type = complaint("[report]\nmutants = \"many\"\n");
        assert!(
            wrong_type.starts_with("factory.toml:2:11: invalid type"),
            "{wrong_type}"
        );
    }

    #[test]
    fn complaints_about_meaning_point_at_the_value_too() {
        let text = "[[metric]]\nname = 'a'\nrun = 'x'\ndirection = 'minimize'\n\n[[metric]]\nname = 'b'\nrun = 'x'\nparser = 'yaml'\ndirection = 'minimize'\n";
        assert!(
            complaint(text).starts_with("factory.toml:9:1: metric[1].parser: `yaml` is no parser"),
            "{}",
            complaint(text)
        );
    }

    #[test]
    fn a_missing_key_is_named() {
        let text = complaint("[[guard]]\nname = 'no todo'\n");
        assert!(text.contains("missing field `run`"), "{text}");
    }

    #[test]
    fn columns_count_characters() {
        assert_eq!(position("ä = 1\nöö x", "ä = 1\nöö ".len()), (2, 4));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[ -~\n\\[\\]=]{0,80}") {
            let _unused: Result<Profile, Error> = parse(Utf8Path::new("f"), &text);
        }
    }
}
