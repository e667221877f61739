//! What is known of a language's tools and files, from the data compiled in.

use std::sync::LazyLock;

use camino::Utf8PathBuf;
use globset::{Glob, GlobSetBuilder};
use serde::Deserialize;

use crate::gate::ManifestRules;
use crate::model::profile::{LanguageName, Purpose, Tool};

/// One `evals/languages/NAME.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    protected: Vec<String>,
    excluded: Vec<String>,
    #[serde(default)]
    manifests: Vec<String>,
    #[serde(default)]
    judging: Vec<String>,
    #[serde(default)]
    minimum: Vec<String>,
    #[serde(default)]
    dependencies: Vec<String>,
    tool: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    purpose: Purpose,
    version_args: Vec<String>,
    install: String,
}

/// The tools and globs of one language.
pub(super) struct Catalogue {
    language: LanguageName,
    pub(super) protected: Vec<&'static str>,
    pub(super) excluded: Vec<&'static str>,
    /// Globs of the manifests whose keys follow.
    manifests: Vec<&'static str>,
    /// Keys that configure test runners, linters and checks.
    judging: Vec<&'static str>,
    /// Keys that promise a minimum version.
    minimum: Vec<&'static str>,
    /// Tables and lists of dependencies.
    dependencies: Vec<&'static str>,
    entries: Vec<Entry>,
}

/// Rust's.
pub(super) static RUST: LazyLock<Catalogue> = LazyLock::new(|| {
    Catalogue::parse(
        LanguageName::Rust,
        include_str!("../../evals/languages/rust.toml"),
    )
});

/// Python's.
pub(super) static PYTHON: LazyLock<Catalogue> = LazyLock::new(|| {
    Catalogue::parse(
        LanguageName::Python,
        include_str!("../../evals/languages/python.toml"),
    )
});

/// JavaScript's and TypeScript's.
pub(super) static JAVASCRIPT: LazyLock<Catalogue> = LazyLock::new(|| {
    Catalogue::parse(
        LanguageName::JavaScript,
        include_str!("../../evals/languages/javascript.toml"),
    )
});

/// Go's.
pub(super) static GO: LazyLock<Catalogue> = LazyLock::new(|| {
    Catalogue::parse(
        LanguageName::Go,
        include_str!("../../evals/languages/go.toml"),
    )
});

/// Returns which keys of manifests judge, promise, or bring in other people's code, by language.
pub fn manifest_rules() -> Vec<ManifestRules> {
    let all = [&*RUST, &*PYTHON, &*JAVASCRIPT, &*GO];
    all.into_iter().map(Catalogue::manifest_rules).collect()
}

impl Catalogue {
    fn parse(language: LanguageName, text: &str) -> Self {
        let document: Document =
            toml::from_str(text).expect("the files compiled in are parsed by a test");
        let leak = |globs: Vec<String>| globs.into_iter().map(|it| &*it.leak()).collect();
        Self {
            language,
            protected: leak(document.protected),
            excluded: leak(document.excluded),
            manifests: leak(document.manifests),
            judging: leak(document.judging),
            minimum: leak(document.minimum),
            dependencies: leak(document.dependencies),
            entries: document.tool,
        }
    }

    fn manifest_rules(&'static self) -> ManifestRules {
        let mut files = GlobSetBuilder::new();
        for glob in &self.manifests {
            files.add(Glob::new(glob).expect("the globs compiled in are tried by a test"));
        }
        ManifestRules {
            files: files.build().expect("a few globs make a set"),
            judging: &self.judging,
            minimum: &self.minimum,
            dependencies: &self.dependencies,
        }
    }

    /// Returns the tool of that name as found (or not) by `command`.
    pub(super) fn tool(&self, name: &str, command: Option<Vec<String>>) -> Tool {
        let entry = self
            .entry(name)
            .expect("adapters name tools of their own catalogue");
        Tool {
            name: name.to_owned(),
            language: self.language,
            purpose: entry.purpose,
            command,
            version: None,
            install: entry.install.clone(),
        }
    }

    /// Returns how to get a tool.
    pub(super) fn install(&self, name: &str) -> String {
        self.entry(name)
            .map_or_else(String::new, |it| it.install.clone())
    }

    /// Returns the arguments that make a tool print its version.
    pub(super) fn version_args(&self, name: &str) -> Vec<String> {
        self.entry(name)
            .map_or_else(Vec::new, |it| it.version_args.clone())
    }

    fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|it| it.name == name)
    }
}

/// Returns a command of one absolute program and fixed arguments.
pub(super) fn command(program: &Utf8PathBuf, args: &[&str]) -> Vec<String> {
    let args = args.iter().map(|it| (*it).to_owned());
    std::iter::once(program.to_string()).chain(args).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_compiled_in_is_well_formed() {
        for catalogue in [&*RUST, &*PYTHON, &*JAVASCRIPT, &*GO] {
            let globs = catalogue.protected.iter().chain(&catalogue.excluded);
            for glob in globs.chain(&catalogue.manifests) {
                globset::Glob::new(glob).unwrap();
            }
            for entry in &catalogue.entries {
                assert!(!entry.install.is_empty());
                assert!(catalogue.tool(&entry.name, None).command.is_none());
            }
        }
    }

    #[test]
    fn tests_and_runner_configuration_are_protected_manifests_are_not() {
        let mut set = globset::GlobSetBuilder::new();
        for glob in RUST.protected.iter().chain(&PYTHON.protected) {
            set.add(globset::Glob::new(glob).unwrap());
        }
        let set = set.build().unwrap();
        for path in [
            "tests/it.rs",
            "a/tests/b/c.rs",
            "conftest.py",
            "src/pkg/test_x.py",
            "clippy.toml",
        ] {
            assert!(set.is_match(path), "{path}");
        }
        for path in [
            "Cargo.toml",
            "pyproject.toml",
            "src/lib.rs",
            "pkg/contest.py",
        ] {
            assert!(!set.is_match(path), "{path}");
        }
    }
}
