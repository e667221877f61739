//! What a change may touch that a claim seldom mentions, because a person or the claim says so.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::hypothesis::{Change, Hypothesis};

/// Something that stays as it is unless it is asked for.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// New dependencies, and other versions or sources of those there are.
    Deps,
    /// The public surface.
    Api,
    /// The oldest compiler, interpreter or edition that the project promises to work with.
    MinimumVersion,
}

impl Permission {
    /// Returns the words with which people ask for it.
    fn words(self) -> &'static [&'static str] {
        match self {
            Self::Deps => &["dependency", "dependencies"],
            Self::Api => &["api", "remove", "rename", "deprecated", "breaking"],
            Self::MinimumVersion => &["msrv", "rust-version", "requires-python", "edition"],
        }
    }
}

/// What one hypothesis itself says that it changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The keys of manifests that it sets.
    knobs: Vec<(Utf8PathBuf, String)>,
    /// It is what a tool calls safe: the same code to whoever calls it.
    tidies: bool,
    /// The words of the person who asked for it, in lower case.
    words: BTreeSet<String>,
}

impl Asked {
    /// Returns what the hypothesis says.
    pub fn of(hypothesis: &Hypothesis) -> Self {
        match &hypothesis.change {
            Change::Knob { file, key, .. } => Self {
                knobs: vec![(file.clone(), key.clone())],
                ..Self::default()
            },
            Change::Settings { assignments } => Self {
                knobs: assignments
                    .iter()
                    .filter_map(|it| Some((it.place.file.clone(), it.place.key.clone()?)))
                    .collect(),
                ..Self::default()
            },
            Change::Words { text } => Self {
                words: words(text),
                ..Self::default()
            },
            Change::LintFixes { .. } | Change::Format { .. } => Self {
                tidies: true,
                ..Self::default()
            },
            // What an agent says of its own idea permits nothing.
            Change::Constant { .. } | Change::Edits { .. } | Change::Idea { .. } => Self::default(),
        }
    }

    /// Returns whether the words ask for the kind of thing, or name the thing itself.
    pub(super) fn names(&self, permission: Permission, thing: &str) -> bool {
        let mut wanted = permission.words().iter();
        wanted.any(|it| self.words.contains(*it)) || self.words.contains(&thing.to_lowercase())
    }

    /// Returns whether a signature may be written in another way: safe fixes drop needless lifetimes and
    /// modernise annotations, which no caller notices.
    pub(super) fn may_reword(&self) -> bool {
        self.tidies
    }

    /// Returns whether setting this key is the very change.
    pub(super) fn is_knob(&self, path: &Utf8Path, key: &[String]) -> bool {
        let key = key.join(".");
        self.knobs
            .iter()
            .any(|(file, knob)| file == path && *knob == key)
    }
}

/// Splits a text at whatever cannot be part of a name.
fn words(text: &str) -> BTreeSet<String> {
    text.split(|it: char| !(it.is_alphanumeric() || matches!(it, '_' | '-')))
        .filter(|it| !it.is_empty())
        .map(str::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Asked {
        Asked {
            words: words(text),
            ..Asked::default()
        }
    }

    #[test]
    fn words_name_the_kind_or_the_thing() {
        assert!(asked("Remove the old parser").names(Permission::Api, "parse_v1"));
        assert!(asked("make `parse_v1` return an error").names(Permission::Api, "parse_v1"));
        assert!(asked("raise the MSRV to 1.80").names(Permission::MinimumVersion, "edition"));
        assert!(!asked("make it faster").names(Permission::Api, "parse_v1"));
        assert!(!asked("use capital letters").names(Permission::Api, "parse_v1"));
    }

    #[test]
    fn only_the_very_key_is_the_knob() {
        let asked = Asked {
            knobs: vec![("Cargo.toml".into(), "profile.test.opt-level".to_owned())],
            ..Asked::default()
        };
        let key = |it: &str| it.split('.').map(str::to_owned).collect::<Vec<_>>();
        let path = Utf8Path::new("Cargo.toml");
        assert!(asked.is_knob(path, &key("profile.test.opt-level")));
        assert!(!asked.is_knob(path, &key("profile.test.debug-assertions")));
        assert!(!asked.is_knob("a/Cargo.toml".into(), &key("profile.test.opt-level")));
    }
}
