//! What the launcher is told: a stage to set up, and the command that runs on it.

use std::ffi::OsString;
use std::io;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

/// Everything that one command sees instead of the machine's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stage {
    /// The process whose death ends the command.
    pub(super) parent: i32,
    /// An empty folder of ours; the command's own root is put together there.
    pub(super) root: Utf8PathBuf,
    /// The folder at the top of that root which holds `tree` and `build`.
    pub(super) top: String,
    /// What is shown as the tree.
    pub(super) tree: Shown,
    /// What is shown as the build folder.
    pub(super) build: Utf8PathBuf,
    /// The working directory, as the command sees it.
    pub(super) cwd: Utf8PathBuf,
    /// Whether the machine's network is there.
    pub(super) network: bool,
    /// What is kept from it beside, where the code is not trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) privacy: Option<Privacy>,
    /// Whether the tree itself cannot be written.
    #[serde(default)]
    pub(super) read_only: bool,
    /// An agent that works on the tree is at work, and nothing is evaluated.
    #[serde(default)]
    pub(super) agent: bool,
}

/// What of the machine untrusted code does not see; it can change nothing but its own tree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Privacy {
    /// Folders and files that are not there.
    pub hidden: Vec<Utf8PathBuf>,
    /// Of those, what is there after all, and can only be read.
    pub shown: Vec<Utf8PathBuf>,
    /// Of that again, what is not.
    pub secrets: Vec<Utf8PathBuf>,
}

/// How a tree is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Shown {
    /// The folder itself.
    Folder {
        /// The folder.
        path: Utf8PathBuf,
        /// A `.git` for it, if it has none.
        git: Option<Utf8PathBuf>,
    },
    /// Layers, of which only the upper one is written to. All names are relative to `base`, so that
    /// no path of the machine can be misread as an option.
    Layers {
        /// Where the other names start.
        base: Utf8PathBuf,
        /// Read-only, first one first.
        lower: Vec<String>,
        /// What is written.
        upper: String,
        /// The kernel's own.
        work: String,
    },
}

/// Sets the stage and becomes the command. Must be called before any thread exists.
///
/// # Errors
/// Only on failure does this return, after saying on stderr what failed.
pub fn launch(stage: &str, words: &[OsString]) -> io::Error {
    let announced = match serde_json::from_str::<Stage>(stage) {
        Err(error) => Err(("read the stage".to_owned(), io::Error::other(error))),
        Ok(stage) => enter(&stage, words),
    };
    let Err((step, error)) = announced;
    // A closed stderr leaves nobody to tell.
    let _closed = crate::process::announce(&crate::process::Announcement::refused(&step, &error));
    error
}

#[cfg(target_os = "linux")]
fn enter(
    stage: &Stage,
    words: &[OsString],
) -> Result<std::convert::Infallible, (String, io::Error)> {
    super::inside::enter(stage, words)
}

#[cfg(not(target_os = "linux"))]
fn enter(_: &Stage, _: &[OsString]) -> Result<std::convert::Infallible, (String, io::Error)> {
    let unsupported = io::ErrorKind::Unsupported.into();
    Err(("make namespaces".to_owned(), unsupported))
}
