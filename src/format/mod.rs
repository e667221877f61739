//! Versioned envelopes of what is stored: who may read which version, and the golden proof of it.
//!
//! Knows versions and JSON; what is inside an envelope belongs to its owner.

use std::fmt;
use std::str::FromStr;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The version of one durable format.
///
/// A minor version only adds fields that an older reader may ignore and that have a default. Anything
/// else is a new major version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FormatVersion {
    /// Changes when an older reader would misunderstand.
    pub major: u16,
    /// Changes when an older reader would miss something.
    pub minor: u16,
}

impl fmt::Display for FormatVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for FormatVersion {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        text.split_once('.')
            .and_then(|(major, minor)| {
                Some(Self {
                    major: major.parse().ok()?,
                    minor: minor.parse().ok()?,
                })
            })
            .ok_or_else(|| Error::NoVersion {
                text: text.to_owned(),
            })
    }
}

impl TryFrom<String> for FormatVersion {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<FormatVersion> for String {
    fn from(version: FormatVersion) -> Self {
        version.to_string()
    }
}

/// What a reader does with a minor version newer than its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewerMinor {
    /// Reads it, ignoring what it does not know.
    Read,
    /// Refuses it.
    Refuse,
}

/// One durable format: its name, the version written today, and the rule for newer minor versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// The `schema` that files carry.
    pub schema: &'static str,
    /// The version that this program writes.
    pub version: FormatVersion,
    /// What to do with a newer minor version.
    pub newer_minor: NewerMinor,
}

const fn format(schema: &'static str, major: u16, minor: u16) -> Format {
    Format {
        schema,
        version: FormatVersion { major, minor },
        newer_minor: NewerMinor::Read,
    }
}

/// A line of the journal. 1.0: the first; 1.1: a test's place in its stream; 1.2: what was resumed, landed on
/// a base that had moved, or checked on hidden instances; 1.3: a choice among variants, the turn of two
/// sides, when a test gives up and what it guards; 1.4: other metrics that a claim was held to,
/// and pairs as they come. Recovery writes, so it never guesses at a newer minor.
pub const JOURNAL: Format = Format {
    newer_minor: NewerMinor::Refuse,
    ..format("factory.journal", 1, 4)
};
/// The record of one experiment. 1.0: the first; 1.1: a test's place in its stream; 1.2: what was resumed,
/// landed on a base that had moved, or checked on hidden instances; 1.3: as the journal's; 1.4: other metrics.
pub const RECORD: Format = format("factory.record", 1, 4);
/// A segment of the index: a header line, then a summary a line. 1.0: the first; 1.1: what a test took
/// from the budget of its stream; 1.2: what that test saw; 1.3: the turn of two sides; 1.4: what tests of
/// other metrics took.
pub const SUMMARY: Format = format("factory.summary", 1, 4);
/// The fold of the whole ledger. 1.0: the first.
pub const SNAPSHOT: Format = format("factory.snapshot", 1, 0);
/// Wishes: a header line, then one a line. 1.0: the first.
pub const BACKLOG: Format = format("factory.backlog", 1, 0);
/// Rejections: a header line, then one a line. 1.0: the first.
pub const REJECTION: Format = format("factory.rejection", 1, 0);
/// One audit. 1.0: the first.
pub const AUDIT: Format = format("factory.audit", 1, 0);
/// The list of audits: a header line, then one a line. 1.0: the first.
pub const AUDITS: Format = format("factory.audits", 1, 0);
/// The registry of targets. 1.0: the first.
pub const TARGETS: Format = format("factory.targets", 1, 0);

/// Why stored text could not be understood.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Written by a newer program.
    #[error("`{schema}` has version {found}, and this program knows {known}")]
    Newer {
        /// The format.
        schema: &'static str,
        /// What the file says.
        found: FormatVersion,
        /// What this program writes.
        known: FormatVersion,
    },
    /// Some other file.
    #[error("expected `{expected}`, found `{found}`")]
    WrongSchema {
        /// The format that was expected.
        expected: &'static str,
        /// What the file says.
        found: String,
    },
    /// Not a version at all.
    #[error("`{text}` is not a version")]
    NoVersion {
        /// What was there instead.
        text: String,
    },
    /// The JSON is broken, or is not what the version promises.
    #[error("line {line} of `{schema}` is not valid")]
    Invalid {
        /// The format.
        schema: &'static str,
        /// The line, counted from 1.
        line: usize,
        /// The cause.
        #[source]
        source: serde_json::Error,
    },
    /// A file of lines without its first.
    #[error("`{schema}` has no header line")]
    NoHeader {
        /// The format.
        schema: &'static str,
    },
}

impl Format {
    /// Returns whether this program can read that version.
    ///
    /// # Errors
    /// A newer major version, or a newer minor one where the format's rule refuses it.
    pub fn check_readable(&self, found: FormatVersion) -> Result<(), Error> {
        let readable = match self.newer_minor {
            NewerMinor::Read => found.major <= self.version.major,
            NewerMinor::Refuse => found <= self.version,
        };
        readable.then_some(()).ok_or_else(|| self.newer(found))
    }

    /// Returns whether this program may add to a file of that version.
    ///
    /// # Errors
    /// Any newer version: writing it again would lose what this program does not know.
    pub fn check_writable(&self, found: FormatVersion) -> Result<(), Error> {
        (found <= self.version)
            .then_some(())
            .ok_or_else(|| self.newer(found))
    }

    fn newer(&self, found: FormatVersion) -> Error {
        Error::Newer {
            schema: self.schema,
            found,
            known: self.version,
        }
    }

    /// Returns one JSON document in its envelope, on one line.
    ///
    /// # Errors
    /// A value that JSON cannot hold.
    pub fn encode<T: Serialize>(&self, record: &T) -> Result<String, Error> {
        let envelope = EnvelopeOut {
            schema: self.schema,
            version: self.version,
            record,
        };
        serde_json::to_string(&envelope).map_err(|source| self.invalid(1, source))
    }

    /// Returns what is in an envelope and the version it has.
    ///
    /// # Errors
    /// Another schema, a version that cannot be read, or broken JSON.
    pub fn decode<T: DeserializeOwned>(&self, text: &[u8]) -> Result<(T, FormatVersion), Error> {
        let header: Header =
            serde_json::from_slice(text).map_err(|source| self.invalid(1, source))?;
        self.check(&header)?;
        let envelope: EnvelopeIn<T> =
            serde_json::from_slice(text).map_err(|source| self.invalid(1, source))?;
        Ok((envelope.record, header.version))
    }

    /// Returns a header line and a line for each item.
    ///
    /// # Errors
    /// A value that JSON cannot hold.
    pub fn encode_lines<T: Serialize>(&self, items: &[T]) -> Result<String, Error> {
        let mut text =
            serde_json::to_string(&self.header()).map_err(|source| self.invalid(1, source))?;
        text.push('\n');
        for (idx, item) in items.iter().enumerate() {
            let line =
                serde_json::to_string(item).map_err(|source| self.invalid(idx + 2, source))?;
            text.push_str(&line);
            text.push('\n');
        }
        Ok(text)
    }

    /// Returns the items below a header line and the version it names.
    ///
    /// # Errors
    /// Another schema, a version that cannot be read, or a broken line.
    pub fn decode_lines<T: DeserializeOwned>(
        &self,
        text: &[u8],
    ) -> Result<(Vec<T>, FormatVersion), Error> {
        let mut lines = text.split(|byte| *byte == b'\n').enumerate();
        let (_, first) =
            lines
                .next()
                .filter(|(_, line)| !line.is_empty())
                .ok_or(Error::NoHeader {
                    schema: self.schema,
                })?;
        let header: Header =
            serde_json::from_slice(first).map_err(|source| self.invalid(1, source))?;
        self.check(&header)?;
        let items = lines
            .filter(|(_, line)| !line.is_empty())
            .map(|(idx, line)| {
                serde_json::from_slice(line).map_err(|source| self.invalid(idx + 1, source))
            })
            .collect::<Result<_, _>>()?;
        Ok((items, header.version))
    }

    fn header(&self) -> Header {
        Header {
            schema: self.schema.to_owned(),
            version: self.version,
        }
    }

    fn check(&self, header: &Header) -> Result<(), Error> {
        if header.schema != self.schema {
            return Err(Error::WrongSchema {
                expected: self.schema,
                found: header.schema.clone(),
            });
        }
        self.check_readable(header.version)
    }

    fn invalid(&self, line: usize, source: serde_json::Error) -> Error {
        Error::Invalid {
            schema: self.schema,
            line,
            source,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Header {
    schema: String,
    version: FormatVersion,
}

#[derive(Serialize)]
struct EnvelopeOut<'a, T> {
    schema: &'static str,
    version: FormatVersion,
    record: &'a T,
}

#[derive(Deserialize)]
struct EnvelopeIn<T> {
    record: T,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn version(major: u16, minor: u16) -> FormatVersion {
        FormatVersion { major, minor }
    }

    proptest! {
        #[test]
        fn version_display_is_inverse_to_parse(major: u16, minor: u16) {
            let version = version(major, minor);
            prop_assert_eq!(version.to_string().parse::<FormatVersion>().unwrap(), version);
        }

        #[test]
        fn lines_survive_the_envelope(items in proptest::collection::vec(".*", 0..9)) {
            let text = SUMMARY.encode_lines(&items).unwrap();
            let (back, found) = SUMMARY.decode_lines::<String>(text.as_bytes()).unwrap();
            prop_assert_eq!(back, items);
            prop_assert_eq!(found, SUMMARY.version);
        }

        #[test]
        fn decoding_any_bytes_never_panics(bytes: Vec<u8>) {
            drop(SUMMARY.decode_lines::<String>(&bytes));
            drop(RECORD.decode::<String>(&bytes));
        }
    }

    #[test]
    fn a_newer_minor_is_read_where_the_rule_says_so_and_never_written() {
        let newer = version(1, RECORD.version.minor.max(JOURNAL.version.minor) + 1);
        assert!(RECORD.check_readable(newer).is_ok());
        assert!(JOURNAL.check_readable(newer).is_err());
        assert!(RECORD.check_writable(newer).is_err());
        assert!(RECORD.check_writable(version(1, 0)).is_ok());
        assert!(RECORD.check_writable(version(0, 9)).is_ok());
    }

    #[test]
    fn a_newer_major_is_refused_before_its_contents_are_looked_at() {
        let text = br#"{"schema":"factory.record","version":"2.0","something":"else"}"#;
        let error = RECORD.decode::<String>(text).unwrap_err();
        assert!(matches!(error, Error::Newer { .. }), "{error}");
        let text = b"{\"schema\":\"factory.summary\",\"version\":\"2.0\"}\nbinary";
        let error = SUMMARY.decode_lines::<String>(text).unwrap_err();
        assert!(matches!(error, Error::Newer { .. }), "{error}");
    }

    #[test]
    fn another_schema_a_broken_line_and_an_empty_file_are_told_apart() {
        let text = SNAPSHOT.encode(&"x").unwrap();
        assert!(matches!(
            RECORD.decode::<String>(text.as_bytes()),
            Err(Error::WrongSchema { .. })
        ));
        let mut text = SUMMARY.encode_lines(&["a", "b"]).unwrap();
        text.truncate(text.len() - 2);
        assert!(matches!(
            SUMMARY.decode_lines::<String>(text.as_bytes()),
            Err(Error::Invalid { line: 3, .. })
        ));
        assert!(matches!(
            SUMMARY.decode_lines::<String>(b""),
            Err(Error::NoHeader { .. })
        ));
    }
}
