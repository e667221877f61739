//! `factory.toml` and the user's configuration: layers with origins, resolved once into `Options`.
//!
//! Knows nothing of git, tools or terminals; the environment comes in as an argument.

mod backend;
mod keys;
mod language;
mod layers;
mod opponent;
mod parse;
mod profile;
mod research;
mod template;
mod validate;

use camino::Utf8PathBuf;

pub use backend::{BackendSection, CommandBackend, Role, RunSection, SandboxSection};
pub use language::{CoverageParser, Language, LintParser, Parsed, Pattern, TestParser};
pub use layers::{ENVIRONMENT, Inputs, Options, Origin, Setting, resolve};
pub use opponent::{Opponent, Switch};
pub use parse::parse;
pub use profile::{
    Commands, Constraint, DecisionSection, EvalSection, Guard, LandingSection, Metric, Parameter,
    Profile, Range, ReportSection, Scope, WeightsSection,
};
pub use research::{Genetic, Holdout, ParameterKind, Research, ResearchParameter, Surface};
pub use template::{ProposedMetrics, TEMPLATE, propose};
pub use validate::{BenchmarkRunner, ParserError, ParserSpec, by_line};

use camino::Utf8Path;

/// The profile's name at the root of a target.
pub const FILE_NAME: &str = "factory.toml";
/// The folder that holds the profile nobody tracks, and everything else that is disposable.
pub const HIDDEN_DIR: &str = ".factory";

/// Where a profile came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProfileSource {
    /// `factory.toml` at the root, tracked or not.
    Root(Utf8PathBuf),
    /// `.factory/factory.toml`.
    Hidden(Utf8PathBuf),
    /// Nothing written yet: the defaults and what was discovered.
    Proposed,
}

impl ProfileSource {
    /// Returns the file, if there is one.
    pub fn path(&self) -> Option<&Utf8Path> {
        match self {
            Self::Root(path) | Self::Hidden(path) => Some(path),
            Self::Proposed => None,
        }
    }
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A place in a file is wrong.
    #[error("{path}:{line}:{column}: {message}")]
    Invalid {
        /// The file.
        path: Utf8PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What is wrong, with the nearest valid name.
        message: String,
    },
    /// A value from the environment or the command line is wrong.
    #[error("{origin}: {message}")]
    Setting {
        /// Where it was given.
        origin: Origin,
        /// What is wrong.
        message: String,
    },
    /// A file is there but cannot be read.
    #[error("cannot read `{path}`")]
    Unreadable {
        /// The file.
        path: Utf8PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// Reads the target's own profile, without the user's defaults.
///
/// # Errors
/// A file that cannot be read, or a place in it that is wrong.
pub fn load(root: &Utf8Path) -> Result<(Profile, ProfileSource), Error> {
    let options = resolve(&Inputs {
        root: Some(root),
        ..Inputs::default()
    })?;
    Ok((options.profile, options.source))
}

/// Returns where the target's profile is, without reading it.
pub fn find(root: &Utf8Path) -> ProfileSource {
    let visible = root.join(FILE_NAME);
    let hidden = root.join(HIDDEN_DIR).join(FILE_NAME);
    if visible.exists() {
        ProfileSource::Root(visible)
    } else if hidden.exists() {
        ProfileSource::Hidden(hidden)
    } else {
        ProfileSource::Proposed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_profile_wins_over_the_hidden_one() {
        let dir = camino_tempdir();
        let root = Utf8Path::from_path(dir.path()).unwrap();
        fs_err::create_dir(root.join(".factory")).unwrap();
        fs_err::write(
            root.join(".factory/factory.toml"),
            "[decision]\nalpha = 0.02\n",
        )
        .unwrap();
        assert_eq!(
            load(root).unwrap().1,
            ProfileSource::Hidden(root.join(".factory/factory.toml"))
        );
        fs_err::write(root.join("factory.toml"), "[decision]\nalpha = 0.03\n").unwrap();
        let (profile, source) = load(root).unwrap();
        assert_eq!(source, ProfileSource::Root(root.join("factory.toml")));
        assert!((profile.decision.alpha - 0.03).abs() < 1e-12);
    }

    #[test]
    fn without_a_file_the_defaults_are_proposed() {
        let dir = camino_tempdir();
        let root = Utf8Path::from_path(dir.path()).unwrap();
        assert_eq!(
            load(root).unwrap(),
            (Profile::default(), ProfileSource::Proposed)
        );
    }

    fn camino_tempdir() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }
}
