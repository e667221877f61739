//! Identifiers, each its own type, parsed at the border.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The number of an experiment in its target's ledger, counted from 1.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct ExperimentId(pub u32);

impl ExperimentId {
    /// Returns the id that follows this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for ExperimentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl FromStr for ExperimentId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let digits = text.strip_prefix('#').unwrap_or(text);
        match digits.parse::<u32>() {
            Ok(number) if number > 0 => Ok(Self(number)),
            _ => Err(InvalidId {
                kind: "experiment number",
                text: text.to_owned(),
            }),
        }
    }
}

/// A text that is not the identifier it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a valid {kind}")]
pub struct InvalidId {
    /// What was expected.
    pub kind: &'static str,
    /// What was given.
    pub text: String,
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schemars(with = "String")]
        pub struct $name(String);

        impl $name {
            /// Returns the identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(InvalidId { kind: $kind, text: text.to_owned() })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    };
}

fn is_git_hash(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= 200 && !text.chars().any(char::is_control)
}

text_id!(
    /// The hash of a git commit.
    CommitSha, "commit hash", is_git_hash
);

impl CommitSha {
    /// Returns the first ten digits, for people.
    pub fn short(&self) -> &str {
        &self.0[..10]
    }
}

text_id!(
    /// The hash of a git tree: what was evaluated, byte for byte.
    TreeSha, "tree hash", is_git_hash
);
text_id!(
    /// One run of the loop, sortable by the time it began.
    RunId, "run id", is_name
);
text_id!(
    /// The name of a dimension or metric: `lint`, `coverage`, `parse_ns`.
    MetricName, "metric name", is_name
);
text_id!(
    /// What makes two hypotheses the same one: `ruff:F401`, `knob:Cargo.toml:profile.release.lto=fat`.
    StructuralKey, "structural key", is_name
);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn experiment_id_display_is_inverse_to_parse(number in 1u32..) {
            let id = ExperimentId(number);
            prop_assert_eq!(id.to_string().parse::<ExperimentId>().unwrap(), id);
        }

        #[test]
        fn commit_sha_display_is_inverse_to_parse(text in "[0-9a-f]{40}") {
            prop_assert_eq!(text.parse::<CommitSha>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        assert!("0".parse::<ExperimentId>().is_err());
        assert!("x7".parse::<ExperimentId>().is_err());
        assert_eq!("#7".parse::<ExperimentId>().unwrap(), ExperimentId(7));
        assert_eq!(
            "abc".parse::<CommitSha>().unwrap_err().to_string(),
            "`abc` is not a valid commit hash"
        );
    }
}
