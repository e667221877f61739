//! What every verb gets: the global flags, the places, and the streams.

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;

use crate::config::{self, Inputs, Options};
use crate::repo::Target;
use crate::ui::Output;

use super::{CliError, Exit, Globals, JsonKind};

/// Made once from the command line and the environment; nothing else reads either.
pub(super) struct Context {
    /// The global flags.
    pub(super) globals: Globals,
    /// The streams.
    pub(super) output: Output,
    /// `$FACTORY_HOME` or `~/.factory`.
    pub(super) home: Utf8PathBuf,
    /// `$FACTORY_SCRATCH` or `~/.cache/factory`.
    pub(super) scratch: Utf8PathBuf,
    environment: Vec<(String, String)>,
}

impl Context {
    /// Reads the environment.
    pub(super) fn new(globals: Globals) -> Result<Self, CliError> {
        let environment: Vec<(String, String)> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let get = |wanted: &str| {
            let found = environment
                .iter()
                .find(|(name, value)| name == wanted && !value.is_empty());
            found.map(|(_, value)| Utf8PathBuf::from(value))
        };
        let below_home = |folder: &str| {
            get("HOME").map(|home| home.join(folder)).ok_or_else(|| {
                CliError::new(
                    Exit::Input,
                    "neither `HOME` nor `FACTORY_HOME` and `FACTORY_SCRATCH` are set",
                )
            })
        };
        let home = get("FACTORY_HOME").map_or_else(|| below_home(".factory"), Ok)?;
        let scratch = get("FACTORY_SCRATCH").map_or_else(|| below_home(".cache/factory"), Ok)?;
        Ok(Self {
            output: Output {
                quiet: globals.quiet,
            },
            home: absolute(&home)?,
            scratch: absolute(&scratch)?,
            environment,
            globals,
        })
    }

    /// Returns a variable of the person's environment.
    pub(super) fn variable(&self, wanted: &str) -> Option<&str> {
        let mut all = self.environment.iter();
        let (_, value) = all.find(|(name, _)| name == wanted)?;
        Some(value)
    }

    /// Returns whether stdout is for programs.
    pub(super) fn is_json(&self) -> bool {
        self.globals.json.is_some()
    }

    /// Returns whether a question may be asked.
    pub(super) fn may_ask(&self) -> bool {
        !self.is_json() && self.output.can_ask()
    }

    /// Writes a document: as JSON, or as the text that `render` makes of it.
    pub(super) fn emit<T: Serialize>(
        &self,
        document: &T,
        render: impl FnOnce(&T, usize) -> String,
    ) -> Result<(), CliError> {
        let text = match self.globals.json {
            None => render(document, self.output.width()),
            Some(JsonKind::Document) => pretty(document)?,
            Some(JsonKind::Events) => compact(document)?,
        };
        Ok(self.output.data(&text)?)
    }

    /// Resolves every layer of the configuration as it would be with another profile of the target.
    pub(super) fn options_with(&self, path: &Utf8Path, text: &str) -> Result<Options, CliError> {
        Ok(config::resolve(&Inputs {
            home: Some(&self.home),
            root: None,
            unwritten: Some((path, text)),
            environment: &self.environment,
            command_line: &self.globals.config,
        })?)
    }

    /// Resolves every layer of the configuration.
    pub(super) fn options(&self, root: Option<&Utf8Path>) -> Result<Options, CliError> {
        Ok(config::resolve(&Inputs {
            home: Some(&self.home),
            root,
            unwritten: None,
            environment: &self.environment,
            command_line: &self.globals.config,
        })?)
    }
}

/// Returns the target at a path, `.` by default.
pub(super) fn target(path: Option<&Utf8Path>) -> Result<Target, CliError> {
    Ok(Target::open(&directory(path)?)?)
}

/// Returns an existing directory as an absolute path.
pub(super) fn directory(path: Option<&Utf8Path>) -> Result<Utf8PathBuf, CliError> {
    let path = path.unwrap_or(Utf8Path::new("."));
    let metadata = fs_err::metadata(path).map_err(|error| {
        let missing = error.kind() == std::io::ErrorKind::NotFound;
        if missing {
            CliError::new(Exit::Input, format!("`{path}` is not there"))
                .hint("check the spelling of the path")
        } else {
            CliError::from(error)
        }
    })?;
    if !metadata.is_dir() {
        return Err(
            CliError::new(Exit::Input, format!("`{path}` is not a directory"))
                .hint("give the root folder of a git repository"),
        );
    }
    path.canonicalize_utf8().map_err(|error| {
        if error.kind() == std::io::ErrorKind::InvalidData {
            CliError::new(
                Exit::Input,
                format!("the full path of `{path}` is not valid UTF-8"),
            )
            .hint("rename the folder")
        } else {
            CliError::from(error)
        }
    })
}

fn absolute(path: &Utf8Path) -> Result<Utf8PathBuf, CliError> {
    Ok(camino::absolute_utf8(path)?)
}

fn pretty<T: Serialize>(document: &T) -> Result<String, CliError> {
    let text = serde_json::to_string_pretty(document);
    text.map(|it| it + "\n")
        .map_err(|error| CliError::new(Exit::Internal, error))
}

fn compact<T: Serialize>(document: &T) -> Result<String, CliError> {
    let text = serde_json::to_string(document);
    text.map(|it| it + "\n")
        .map_err(|error| CliError::new(Exit::Internal, error))
}
