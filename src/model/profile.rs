//! What was found in a codebase: languages, tools, and which tools are missing.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use camino::Utf8PathBuf;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The answer of `detect` (paths only) and of `discover` (versions too).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Detection {
    /// `factory.detect/1`.
    pub schema: String,
    /// The root that was looked at.
    #[schemars(with = "String")]
    pub root: Utf8PathBuf,
    /// What the directory is.
    pub state: DirectoryState,
    /// Sub-projects by language, in path order.
    pub languages: Vec<Project>,
    /// Tools that were found, and those that would help.
    pub tools: Vec<Tool>,
    /// Tracked files by extension, for languages without an adapter.
    pub extensions: BTreeMap<String, usize>,
}

/// What the directory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DirectoryState {
    /// A git repository with at least one commit and a known language.
    Codebase,
    /// A git repository in which no known language was found.
    UnknownLanguage,
    /// A directory that is no git repository.
    NoGit,
    /// A repository without a commit.
    Unborn,
}

/// The languages that have an adapter, and those that are declared by their commands.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum LanguageName {
    /// Cargo packages and workspaces.
    Rust,
    /// Packages with a `pyproject.toml`, `setup.py`, `setup.cfg`, or plain modules with tests.
    Python,
    /// Packages with a `package.json`, in JavaScript or TypeScript.
    #[serde(rename = "javascript")]
    JavaScript,
    /// Modules with a `go.mod`.
    Go,
    /// A `[[language]]` of `factory.toml`, by its name.
    #[serde(untagged)]
    Declared(Interned),
}

/// A short text that is kept once for as long as the program runs, such as the name of a language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interned(&'static str);

impl Interned {
    /// Returns the kept text that equals this one.
    pub fn new(text: &str) -> Self {
        static KEPT: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
        let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept.get(text) {
            return Self(known);
        }
        let new: &'static str = Box::leak(text.into());
        kept.insert(new);
        Self(new)
    }

    /// Returns the text.
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

impl Serialize for Interned {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

impl<'de> Deserialize<'de> for Interned {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|it| Self::new(&it))
    }
}

impl JsonSchema for Interned {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Interned".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        String::json_schema(generator)
    }
}

impl LanguageName {
    /// Returns the name as people write it.
    pub fn display(self) -> &'static str {
        match self {
            Self::Rust => "Rust",
            Self::Python => "Python",
            Self::JavaScript => "JavaScript",
            Self::Go => "Go",
            Self::Declared(name) => name.as_str(),
        }
    }

    /// Returns the name as it is written in `factory.toml` and in test ids.
    pub fn key(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Python => "python",
            Self::JavaScript => "javascript",
            Self::Go => "go",
            Self::Declared(name) => name.as_str(),
        }
    }
}

/// One sub-project: a language at a directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Project {
    /// The language.
    pub language: LanguageName,
    /// Relative to the root of the tree; empty for the root itself.
    #[schemars(with = "String")]
    pub root: Utf8PathBuf,
    /// Manifest and lock files, relative to the root of the tree.
    #[schemars(with = "Vec<String>")]
    pub manifests: Vec<Utf8PathBuf>,
    /// Names of the tools that serve each purpose here, chosen from `Detection::tools`.
    pub uses: BTreeMap<Purpose, String>,
}

/// What a tool is for.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Compiles or interprets.
    Build,
    /// Runs tests.
    Test,
    /// Finds suspicious code.
    Lint,
    /// Checks types.
    Types,
    /// Measures which lines tests reach.
    Coverage,
    /// Formats; only named where the project itself uses it.
    Format,
    /// Runs benchmarks.
    Benchmark,
}

/// One program, found or missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tool {
    /// Its name: `cargo`, `ruff`, `pytest`.
    pub name: String,
    /// The language it serves.
    pub language: LanguageName,
    /// What it is for.
    pub purpose: Purpose,
    /// How it is started: an absolute program and fixed arguments (`python -m pytest`).
    pub command: Option<Vec<String>>,
    /// Its version, where it was asked for.
    pub version: Option<String>,
    /// How to get it.
    pub install: String,
}

/// A command that a project's own files run to check it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OwnCommand {
    /// The file that says so, relative to the root.
    #[schemars(with = "String")]
    pub source: Utf8PathBuf,
    /// The command line, or the name of a hook.
    pub line: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_written_as_its_key() {
        let declared = LanguageName::Declared(Interned::new("c"));
        for language in [LanguageName::Rust, LanguageName::JavaScript, declared] {
            let text = serde_json::to_string(&language).unwrap();
            assert_eq!(text, format!("\"{}\"", language.key()));
            assert_eq!(
                serde_json::from_str::<LanguageName>(&text).unwrap(),
                language
            );
        }
    }
}
