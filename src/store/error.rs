//! What can go wrong with the record, and what to do about it.

use camino::Utf8PathBuf;

use super::lock::Owner;
use crate::format;
use crate::model::experiment::IllegalTransition;
use crate::model::id::ExperimentId;
use crate::repo::records;

/// Errors of the record.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another factory writes to this target.
    #[error("another factory holds this target: {}", describe(owner.as_ref()))]
    Held {
        /// Who, where it could be read.
        owner: Option<Owner>,
    },
    /// Another factory took the record over while this one slept.
    #[error("the record was moved on by another factory; nothing more was written here")]
    Fenced,
    /// Part of the record cannot be read.
    #[error("the record is damaged: {unread} cannot be read; {read}")]
    Damaged {
        /// What could be read.
        read: String,
        /// What could not.
        unread: String,
        /// The cause, in words.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A newer program wrote this record.
    #[error("this record was written by a newer factory")]
    Newer {
        /// Which format and version.
        #[source]
        source: format::Error,
    },
    /// The value could not be read back if it were stored (a number that is not finite).
    #[error("{what} cannot be stored")]
    Unstorable {
        /// What.
        what: String,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An event that cannot follow what the journal holds.
    #[error("the journal refuses an event")]
    Illegal {
        /// Which.
        #[source]
        source: IllegalTransition,
    },
    /// An experiment with another number than the next.
    #[error("experiment {found} cannot be recorded: the next number is {expected}")]
    WrongNumber {
        /// The number it has.
        found: ExperimentId,
        /// The number it should have.
        expected: ExperimentId,
    },
    /// A keep whose landing nobody has settled.
    #[error("experiment {id} was interrupted between its verdict and its landing")]
    Pending {
        /// Which.
        id: ExperimentId,
    },
    /// Only a closed experiment can be sealed.
    #[error("there is no finished experiment to seal")]
    Unfinished,
    /// An earlier write failed, and what reached the disk is not known.
    #[error("an earlier write to the record failed, so that nothing more is written")]
    Stopped,
    /// No wish of that number is open.
    #[error("there is no open backlog item {id}")]
    NoSuchItem {
        /// The number.
        id: u32,
    },
    /// No kept experiment of that number.
    #[error("there is no experiment {id}")]
    NoSuchExperiment {
        /// The number.
        id: ExperimentId,
    },
    /// A note's name that could leave its directory.
    #[error("`{name}` cannot be the name of a note")]
    BadName {
        /// The name.
        name: String,
    },
    /// Git could not read or write the record.
    #[error("the record in git cannot be used")]
    Git {
        /// The cause.
        #[source]
        source: records::Error,
    },
    /// A file of ours.
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
}

impl Error {
    /// Returns what a person can do about it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Held { .. } => "wait for it, or end it with `factory stop`: it saves its state",
            Self::Fenced => "run the command again",
            Self::Damaged { .. } => {
                "run `factory repair`, which rebuilds what it can and says what is lost"
            }
            Self::Newer { .. } => "update factory",
            Self::Pending { .. } => "run `factory ceo` first: it settles that",
            Self::NoSuchItem { .. } => "list them with `factory backlog`",
            Self::NoSuchExperiment { .. } => "list them with `factory history`",
            Self::BadName { .. } => "use letters, digits, `.`, `-` and `_`",
            Self::Stopped | Self::Io { .. } | Self::Git { .. } => {
                "check free space and permissions, then run again: the journal is kept and resumed"
            }
            Self::Unstorable { .. }
            | Self::Illegal { .. }
            | Self::WrongNumber { .. }
            | Self::Unfinished => return None,
        };
        Some(hint.to_owned())
    }
}

impl From<records::Error> for Error {
    fn from(source: records::Error) -> Self {
        match source {
            records::Error::Moved { .. } => Self::Fenced,
            records::Error::Unreadable { ref what, .. } => Self::Damaged {
                read: "nothing else was looked at".to_owned(),
                unread: what.clone(),
                source: Box::new(source),
            },
            source => Self::Git { source },
        }
    }
}

impl Error {
    /// Returns the error of a stored text that is not what it should be.
    pub(super) fn stored(what: &str, read: &str, source: format::Error) -> Self {
        match source {
            source @ format::Error::Newer { .. } => Self::Newer { source },
            source => Self::Damaged {
                read: read.to_owned(),
                unread: what.to_owned(),
                source: Box::new(source),
            },
        }
    }

    pub(super) fn io(
        action: &'static str,
        path: impl Into<Utf8PathBuf>,
        source: std::io::Error,
    ) -> Self {
        Self::Io {
            action,
            path: path.into(),
            source,
        }
    }
}

fn describe(owner: Option<&Owner>) -> String {
    owner.map_or_else(
        || "its owner has not said who it is".to_owned(),
        |owner| {
            let run = owner
                .run
                .as_ref()
                .map_or_else(String::new, |run| format!(", run {run}"));
            format!(
                "process {} on {} since {}{run}",
                owner.pid, owner.host, owner.since
            )
        },
    )
}
