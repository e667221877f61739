//! One value of a file, read and set while everything else stays as it is, byte for byte.
//!
//! The value is named by a dotted key of a TOML, JSON or YAML file, by the name of a constant of a
//! source file, or by a pattern. What was written is read again: it must differ from what was there
//! in that one value, or it is refused.

mod json;
mod source;
mod toml;
mod yaml;

use camino::Utf8Path;

use crate::model::hypothesis::Place;
use crate::syntax::Grammar;

pub(crate) use self::toml::{display, same, value_of_words};

/// Why a value could not be read or set.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The file, the key or the value is not TOML.
    #[error("`{what}` is not valid TOML")]
    Syntax {
        /// The file, the key or the value.
        what: String,
        /// The cause.
        #[source]
        source: Box<toml_edit::TomlError>,
    },
    /// Something on the way to the key, or the key itself, is of another kind.
    #[error("`{key}` cannot be set: what is at or above `{at}` is of type {kind}")]
    Shape {
        /// The whole key.
        key: String,
        /// The segment that it is in the way of.
        at: String,
        /// What it is.
        kind: &'static str,
    },
    /// The value cannot be found or replaced with certainty.
    #[error("`{what}` {reason}")]
    Refused {
        /// The file, key, pattern or value.
        what: String,
        /// What is wrong with it, and what to do.
        reason: String,
    },
}

/// Where in a file a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At<'a> {
    /// At a dotted key, or in the constant of that name.
    Key(&'a str),
    /// In the first group of a regular expression.
    Pattern(&'a str),
}

impl<'a> At<'a> {
    /// Returns where a place of a profile is.
    pub(crate) fn of(place: &'a Place) -> Self {
        match (&place.key, &place.pattern) {
            (Some(key), _) => Self::Key(key),
            (None, pattern) => Self::Pattern(pattern.as_deref().unwrap_or_default()),
        }
    }
}

/// A value that holds no others: its path and what it says.
type Leaf = (Vec<String>, String);

/// What a file is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Toml,
    Json,
    Yaml,
    Source(Grammar),
}

impl Format {
    fn of(file: &Utf8Path) -> Option<Self> {
        match file.extension() {
            Some("toml") => Some(Self::Toml),
            Some("json" | "jsonc") => Some(Self::Json),
            Some("yaml" | "yml") => Some(Self::Yaml),
            _ if file.file_name() == Some(".swcrc") => Some(Self::Json),
            _ => Grammar::of(file).map(Self::Source),
        }
    }

    fn leaves(self, text: &str) -> Result<Vec<Leaf>, Error> {
        match self {
            Self::Toml => toml::leaves(text),
            Self::Json => json::leaves(text),
            Self::Yaml => yaml::leaves(text),
            Self::Source(_) => Ok(Vec::new()),
        }
    }
}

/// Returns the value as it is written, or `None` where there is none.
pub(crate) fn get(file: &Utf8Path, text: &str, at: At<'_>) -> Result<Option<String>, Error> {
    let key = match at {
        At::Key(key) => key,
        At::Pattern(pattern) => return source::get_by_pattern(text, pattern).map(Some),
    };
    match format_of(file)? {
        Format::Toml => toml::get(text, key),
        Format::Json => json::get(text, key),
        Format::Yaml => yaml::get(text, key),
        Format::Source(grammar) => Ok(source::get(grammar, text, key)),
    }
}

/// Returns the text with another value; a key that is not there is made in TOML alone.
pub(crate) fn set(file: &Utf8Path, text: &str, at: At<'_>, value: &str) -> Result<String, Error> {
    write(file, text, at, value, false)
}

/// Returns the text with another value; a key that is not there is made, with what it stands in.
pub(crate) fn make(file: &Utf8Path, text: &str, at: At<'_>, value: &str) -> Result<String, Error> {
    write(file, text, at, value, true)
}

fn write(
    file: &Utf8Path,
    text: &str,
    at: At<'_>,
    value: &str,
    may_make: bool,
) -> Result<String, Error> {
    let key = match at {
        At::Key(key) => key,
        At::Pattern(pattern) => {
            let after = source::set_by_pattern(text, pattern, value)?;
            return still_parses(file, text, after);
        }
    };
    let format = format_of(file)?;
    let after = match format {
        Format::Toml => toml::set(text, key, value)?,
        Format::Json if may_make && json::get(text, key)?.is_none() => json::add(text, key, value)?,
        Format::Yaml if may_make && yaml::get(text, key)?.is_none() => yaml::add(text, key, value)?,
        Format::Json => json::set(text, key, value)?,
        Format::Yaml => yaml::set(text, key, value)?,
        Format::Source(grammar) => {
            let after = source::set(grammar, text, key, value)?;
            return still_parses(file, text, after);
        }
    };
    let path = toml::segments(key)?;
    let rest = |text: &str| -> Result<Vec<Leaf>, Error> {
        let mut leaves = format.leaves(text)?;
        leaves.retain(|(of, _)| !of.starts_with(&path));
        Ok(leaves)
    };
    let is_set = get(file, &after, at)?.is_some_and(|it| same(&it, value));
    if !is_set || rest(text)? != rest(&after)? {
        return Err(refused(
            key,
            "cannot be set without changing something else",
        ));
    }
    Ok(after)
}

/// A file that was whole before stays whole; one in no known language has only its pattern.
fn still_parses(file: &Utf8Path, before: &str, after: String) -> Result<String, Error> {
    let is_whole = |text: &str| match Format::of(file) {
        Some(Format::Source(grammar)) => crate::syntax::parses(grammar, text),
        Some(format) => format.leaves(text).is_ok(),
        None => true,
    };
    if is_whole(before) && !is_whole(&after) {
        return Err(refused(file.as_str(), "would no longer parse"));
    }
    Ok(after)
}

fn format_of(file: &Utf8Path) -> Result<Format, Error> {
    Format::of(file).ok_or_else(|| {
        refused(
            file.as_str(),
            "is neither TOML, JSON or YAML nor in a language with a grammar here (hint: name the \
             place by `pattern`)",
        )
    })
}

fn refused(what: &str, reason: impl Into<String>) -> Error {
    Error::Refused {
        what: what.to_owned(),
        reason: reason.into(),
    }
}

fn missing(key: &str) -> Error {
    refused(
        key,
        "is not in the file (hint: write it there once, so that its place is known)",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(file: &str, text: &str, at: At<'_>, value: &str) -> String {
        set(file.into(), text, at, value).unwrap()
    }

    fn reason(file: &str, text: &str, at: At<'_>, value: &str) -> String {
        set(file.into(), text, at, value).unwrap_err().to_string()
    }

    #[test]
    fn the_format_is_known_by_the_files_name() {
        for (file, text) in [
            ("a.toml", "[s]\nn = 1 # one\n"),
            ("a.json", "{\"s\": {\"n\": 1}}\n"),
            ("a.jsonc", "{\"s\": {\"n\": 1 /* one */}}\n"),
            ("a.yml", "s:\n  n: 1 # one\n"),
            ("a.yaml", "s: {n: 1}\n"),
        ] {
            let key = At::Key("s.n");
            assert_eq!(get(file.into(), text, key).unwrap().as_deref(), Some("1"));
            assert_eq!(after(file, text, key, "23"), text.replacen('1', "23", 1));
        }
        let error = get("a.ini".into(), "n = 1", At::Key("n")).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("hint: name the place by `pattern`")
        );
    }

    #[test]
    fn a_missing_key_is_made_where_that_is_asked_for() {
        for (file, before, key, wanted) in [
            (
                "a.json",
                "{\n  \"b\": 1\n}\n",
                "c",
                "{\n  \"b\": 1,\n  \"c\": 2\n}\n",
            ),
            ("a.toml", "b = 1\n", "c", "b = 1\nc = 2\n"),
            ("a.yml", "b: 1\n", "c", "b: 1\nc: 2\n"),
            (
                ".swcrc",
                "{\"b\": {\"d\": 1}}",
                "b.c",
                "{\"b\": {\"d\": 1,\"c\": 2}}",
            ),
        ] {
            let made = make(file.into(), before, At::Key(key), "2").unwrap();
            assert_eq!(made, wanted, "{file}");
            let again = make(file.into(), &made, At::Key(key), "2").unwrap();
            assert_eq!(again, wanted, "{file}");
        }
        assert!(set("a.json".into(), "{}", At::Key("c"), "2").is_err());
        assert!(make("a.json".into(), "{\"b\": 1}", At::Key("b.c"), "2").is_err());
    }

    #[test]
    fn a_constant_is_set_by_its_name() {
        let text = "const SIZE: usize = 1_6; // guessed\n";
        let key = At::Key("SIZE");
        assert_eq!(
            get("a.rs".into(), text, key).unwrap().as_deref(),
            Some("1_6")
        );
        assert_eq!(after("a.rs", text, key, "64"), text.replace("1_6", "64"));
        assert!(reason("a.rs", text, At::Key("WIDTH"), "1").contains("no constant"));
        assert!(reason("a.rs", text, key, "; }").contains("no longer"));
    }

    #[test]
    fn a_pattern_finds_one_place_and_its_file_still_parses() {
        let at = At::Pattern(r"-O(\d)");
        assert_eq!(after("Makefile", "cc -O2 -g\n", at, "3"), "cc -O3 -g\n");
        assert!(reason("Makefile", "cc -O2\ncc -O1\n", at, "3").contains("2 places"));
        assert!(reason("Makefile", "cc\n", at, "3").contains("matches nothing"));
        assert!(reason("Makefile", "cc -O2\n", at, "fast").contains("no longer"));
        let json = At::Pattern(r#""n": (\w+)"#);
        assert!(reason("a.json", "{\"n\": 1}", json, "one").contains("no longer parse"));
    }
}
