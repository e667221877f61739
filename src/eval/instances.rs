//! Instances: what a command says of each single case it was run on, one JSON line each.
//!
//! `{"id": "a17", "score": 0.5}` or `{"id": "a17", "passed": false, "status": "error", "stage": "parse",
//! "cause": "unexpected end of line 12"}`. Other keys are the project's own and are not read. A file that
//! could mislead is refused whole: half of the instances would be another metric.

use std::collections::BTreeMap;
use std::io::Read as _;

use camino::Utf8Path;
use serde::Deserialize;
use serde_json::Value;

/// The most that a file of instances may hold, in bytes.
const LARGEST: u64 = 64 << 20;
/// The longest id, in bytes.
const LONGEST_ID: usize = 200;
/// Texts about a failure are cut after so many characters.
const LONGEST_TEXT: usize = 400;

/// One case that the command was run on.
#[derive(Clone, Debug, PartialEq)]
pub struct Instance {
    /// How well it went, in [0, 1]: 1 for `passed: true`, 0 for `passed: false`.
    pub score: f64,
    /// How it ended, as in `wrong`, `error`, `timeout`.
    pub status: Option<String>,
    /// Where it went wrong, as in `parse`.
    pub stage: Option<String>,
    /// Why, in the command's words.
    pub cause: Option<String>,
}

impl Instance {
    /// Returns whether anything is left to gain.
    pub fn falls_short(&self) -> bool {
        self.score < 1.0
    }
}

/// Instances by their id.
pub type Instances = BTreeMap<String, Instance>;

/// A file of instances that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InstancesError {
    /// The command wrote none.
    #[error("`{0}` was not written by the command")]
    Missing(String),
    /// It is a link, a folder or a device, or cannot be read.
    #[error("`{path}` cannot be read: {reason}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// It is larger than instances can be.
    #[error("`{path}` holds more than {} MiB; write one short line for each instance", LARGEST >> 20)]
    TooLarge {
        /// The file.
        path: String,
    },
    /// It has no line.
    #[error("there are no instances in it")]
    Empty,
    /// A line is wrong.
    #[error("line {line}: {reason}")]
    Line {
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
}

/// Reads the file that a command has just written below a directory.
///
/// # Errors
/// A file that is not there, is no plain file, is too large, or has a line that is wrong.
pub fn load(dir: &Utf8Path, file: &Utf8Path) -> Result<Instances, InstancesError> {
    let path = dir.join(file);
    let name = file.to_string();
    let unreadable = |error: std::io::Error| InstancesError::Unreadable {
        path: name.clone(),
        reason: error.to_string(),
    };
    let metadata = match fs_err::symlink_metadata(&path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(InstancesError::Missing(name));
        }
        Err(error) => return Err(unreadable(error)),
    };
    if !metadata.is_file() {
        return Err(InstancesError::Unreadable {
            path: name,
            reason: "it is no plain file".to_owned(),
        });
    }
    let mut text = Vec::new();
    let file = fs_err::File::open(&path).map_err(unreadable)?;
    file.take(LARGEST + 1)
        .read_to_end(&mut text)
        .map_err(unreadable)?;
    if text.len() as u64 > LARGEST {
        return Err(InstancesError::TooLarge { path: name });
    }
    parse(&String::from_utf8_lossy(&text))
}

/// Reads JSON lines; blank ones do not count.
///
/// # Errors
/// The first line that is wrong, or no line at all.
pub fn parse(text: &str) -> Result<Instances, InstancesError> {
    let mut instances = Instances::new();
    let lines = text
        .lines()
        .zip(1..)
        .filter(|(it, _)| !it.trim().is_empty());
    for (text, line) in lines {
        let refuse = |reason: String| InstancesError::Line { line, reason };
        let (id, instance) = one(text).map_err(refuse)?;
        if instances.contains_key(&id) {
            return Err(refuse(format!(
                "`{id}` was there before; every instance has an id of its own"
            )));
        }
        instances.insert(id, instance);
    }
    if instances.is_empty() {
        return Err(InstancesError::Empty);
    }
    Ok(instances)
}

/// A line as it is written.
#[derive(Deserialize)]
struct Wire {
    id: Option<Value>,
    score: Option<Value>,
    passed: Option<Value>,
    status: Option<Value>,
    stage: Option<Value>,
    cause: Option<Value>,
}

fn one(line: &str) -> Result<(String, Instance), String> {
    let wire: Wire = serde_json::from_str(line).map_err(|error| not_json(line, &error))?;
    let instance = Instance {
        score: score(wire.score, wire.passed)?,
        status: words("status", wire.status)?,
        stage: words("stage", wire.stage)?,
        cause: words("cause", wire.cause)?,
    };
    Ok((id(wire.id)?, instance))
}

/// JSON has no word for what is no number; a program that prints one means a failure of its own.
fn not_json(line: &str, error: &serde_json::Error) -> String {
    let strange = ["NaN", "Infinity"].into_iter().find(|it| line.contains(it));
    match strange {
        Some(word) => format!("`{word}` is no finite number, and no JSON"),
        None => format!("no JSON object with an `id`: {error}"),
    }
}

fn id(value: Option<Value>) -> Result<String, String> {
    let id = match value {
        Some(Value::String(text)) => text,
        Some(Value::Number(number)) if !number.is_f64() => number.to_string(),
        Some(other) => return Err(format!("`id` is {other}, not a text or a whole number")),
        None => return Err("`id` is missing".to_owned()),
    };
    if id.trim().is_empty() || id.len() > LONGEST_ID || id.chars().any(char::is_control) {
        return Err(format!(
            "`id` is not one line of 1 to {LONGEST_ID} characters"
        ));
    }
    Ok(id)
}

fn score(score: Option<Value>, passed: Option<Value>) -> Result<f64, String> {
    match (score, passed) {
        (None, None) => Err("neither `score` nor `passed` is there".to_owned()),
        (Some(_), Some(_)) => Err("both `score` and `passed` are there; write one".to_owned()),
        (None, Some(Value::Bool(passed))) => Ok(f64::from(u8::from(passed))),
        (None, Some(other)) => Err(format!("`passed` is {other}, neither true nor false")),
        (Some(score), None) => match score.as_f64() {
            Some(number) if (0.0..=1.0).contains(&number) => Ok(number),
            Some(number) => Err(format!("`score` is {number}, not between 0 and 1")),
            None => Err(format!("`score` is {score}, no number")),
        },
    }
}

fn words(key: &str, value: Option<Value>) -> Result<Option<String>, String> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.trim().is_empty() => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.chars().take(LONGEST_TEXT).collect())),
        Some(other) => Err(format!("`{key}` is {other}, not a text")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    #[test]
    fn scores_and_passes_are_read_and_other_keys_are_the_projects_own() {
        let text = concat!(
            "{\"id\": \"a\", \"score\": 0.25, \"answer\": [1, 2]}\n\n",
            "{\"id\": 7, \"passed\": false, \"status\": \"error\", \"stage\": \"parse\", \"cause\": \"x\"}\n",
            "{\"id\": \"c\", \"passed\": true, \"cause\": null, \"stage\": \" \"}\r\n",
        );
        let read = parse(text).unwrap();
        let scores: Vec<(&str, f64)> = read
            .iter()
            .map(|(id, it)| (id.as_str(), it.score))
            .collect();
        assert_eq!(scores, [("7", 0.0), ("a", 0.25), ("c", 1.0)]);
        assert_eq!(read["7"].cause.as_deref(), Some("x"));
        assert_eq!(read["c"].stage, None);
        assert!(read["a"].falls_short() && !read["c"].falls_short());
    }

    #[test]
    fn whatever_could_mislead_is_refused_with_its_line() {
        let refused = [
            (
                "{\"id\":\"a\"}",
                "line 1: neither `score` nor `passed` is there",
            ),
            (
                "{\"id\":\"a\",\"score\":1,\"passed\":true}",
                "line 1: both `score` and `passed` are there; write one",
            ),
            (
                "{\"id\":\"a\",\"score\":1}\n{\"id\":\"a\",\"score\":0}",
                "line 2: `a` was there before; every instance has an id of its own",
            ),
            (
                "{\"id\":1,\"score\":1}\n\n{\"id\":\"1\",\"score\":0}",
                "line 3: `1` was there before; every instance has an id of its own",
            ),
            (
                "{\"id\":\"a\",\"score\":NaN}",
                "line 1: `NaN` is no finite number, and no JSON",
            ),
            (
                "{\"id\":\"a\",\"score\":1.5}",
                "line 1: `score` is 1.5, not between 0 and 1",
            ),
            ("{\"score\":1}", "line 1: `id` is missing"),
            (
                "{\"id\":\"a\",\"passed\":\"yes\"}",
                "line 1: `passed` is \"yes\", neither true nor false",
            ),
            ("\n \n", "there are no instances in it"),
        ];
        for (text, said) in refused {
            assert_eq!(complaint(text), said, "{text}");
        }
        for text in [
            "[]",
            "7",
            "{\"id\":\"a\",\"score\":\"1\"}",
            "{\"id\":\"a\",\"score\":1e999}",
            "{\"id\":\"a\",\"score\":1,\"score\":0}",
            "{\"id\":\"\",\"score\":1}",
            "{\"id\":\"a\\nb\",\"score\":1}",
            "{\"id\":\"a\",\"score\":1,\"status\":3}",
            "METRIC a=1",
        ] {
            assert!(complaint(text).starts_with("line 1: "), "{text}");
        }
    }

    #[test]
    fn a_file_that_is_missing_a_link_or_too_large_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let dir = Utf8Path::from_path(dir.path()).unwrap();
        let said = |name: &str| load(dir, Utf8Path::new(name)).unwrap_err().to_string();
        assert_eq!(said("none"), "`none` was not written by the command");
        fs_err::write(dir.join("real"), "{\"id\":1,\"passed\":true}\n").unwrap();
        assert_eq!(load(dir, Utf8Path::new("real")).unwrap().len(), 1);
        std::os::unix::fs::symlink("real", dir.join("link")).unwrap();
        assert_eq!(said("link"), "`link` cannot be read: it is no plain file");
        assert_eq!(said("."), "`.` cannot be read: it is no plain file");
        let large = fs_err::File::create(dir.join("large")).unwrap();
        large.set_len(LARGEST + 1).unwrap();
        assert!(said("large").contains("more than 64 MiB"));
    }
}
