//! Why the archive could not be written or asked.

use camino::{Utf8Path, Utf8PathBuf};

/// Why the archive could not be written or asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder of the archive.
    #[error("cannot {action} `{path}`")]
    Io {
        /// The verb.
        action: &'static str,
        /// The file.
        path: Utf8PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// A segment that is there and cannot be understood.
    #[error("`{path}` of the archive cannot be read")]
    Damaged {
        /// The file.
        path: Utf8PathBuf,
        /// The cause.
        #[source]
        source: Cause,
    },
    /// A table that could not be made.
    #[error("cannot {action}")]
    Table {
        /// Verb and object.
        action: &'static str,
        /// The cause.
        #[source]
        source: Cause,
    },
}

/// An error of the library behind this module.
type Cause = Box<dyn std::error::Error + Send + Sync>;

impl Error {
    pub(super) fn io(action: &'static str, path: &Utf8Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    pub(super) fn table(action: &'static str) -> impl FnOnce(polars::error::PolarsError) -> Self {
        move |source| Self::Table {
            action,
            source: Box::new(source),
        }
    }

    pub(super) fn damaged(path: &Utf8Path) -> impl FnOnce(polars::error::PolarsError) -> Self {
        let path = path.to_owned();
        move |source| Self::Damaged {
            path,
            source: Box::new(source),
        }
    }

    /// Returns what helps.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Damaged { .. } => Some("`factory insights --rebuild` makes it again"),
            Self::Io { .. } => Some(
                "see to room and permissions there; the folder may be deleted, and is made again",
            ),
            Self::Table { .. } => None,
        }
    }
}
