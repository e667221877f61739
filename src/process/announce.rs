//! The one line by which our launcher tells when a command began, or why it did not.
//!
//! It is written before the code that we did not write exists, on a pipe that only we read: nothing
//! that runs later can change it.

use std::io::{self, Write as _};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use super::{Command, Error};

const STARTED: &str = "factory-launch started";
const REFUSED: &str = "factory-launch refused";

/// What the launcher says first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Announcement {
    /// The command begins now, by the clock that every process of this machine shares.
    Started(Duration),
    /// It does not.
    Refused(Refusal),
}

/// What could not be done before a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What was tried; empty for the start of the command itself.
    pub step: String,
    /// The system's error number.
    pub errno: i32,
}

impl Announcement {
    /// Returns the announcement of a command that begins now.
    pub fn started() -> Self {
        Self::Started(now())
    }

    /// Returns the announcement of a step that failed; the command's own start is no step.
    pub fn refused(step: &str, error: &io::Error) -> Self {
        Self::Refused(Refusal {
            step: step.to_owned(),
            errno: error.raw_os_error().unwrap_or(0),
        })
    }

    /// Reads a line; `None` if it is no announcement.
    pub(super) fn parse(line: &str) -> Option<Self> {
        if let Some(nanos) = line.strip_prefix(STARTED) {
            return Some(Self::Started(Duration::from_nanos(
                nanos.trim().parse().ok()?,
            )));
        }
        let (errno, step) = line.strip_prefix(REFUSED)?.trim_start().split_once(' ')?;
        Some(Self::Refused(Refusal {
            step: step.to_owned(),
            errno: errno.parse().ok()?,
        }))
    }

    fn line(&self) -> String {
        match self {
            Self::Started(at) => format!("{STARTED} {}\n", at.as_nanos()),
            Self::Refused(it) => format!("{REFUSED} {} {}\n", it.errno, it.step),
        }
    }
}

impl Refusal {
    pub(super) fn into_error(self, command: &Command) -> Error {
        let source = io::Error::from_raw_os_error(self.errno);
        if self.step.is_empty() {
            return Error::Spawn {
                program: command.program.clone(),
                cwd: command.cwd.clone(),
                source,
            };
        }
        Error::Isolation {
            step: self.step,
            source,
        }
    }
}

/// Writes an announcement to stderr.
///
/// # Errors
/// A closed stderr.
pub fn announce(announcement: &Announcement) -> io::Result<()> {
    io::stderr().write_all(announcement.line().as_bytes())
}

/// Returns the time of a clock that is the same for all processes of this machine.
pub(super) fn now() -> Duration {
    let now = clock_gettime(ClockId::Monotonic);
    let (seconds, nanos) = (u64::try_from(now.tv_sec), u32::try_from(now.tv_nsec));
    Duration::new(seconds.unwrap_or(0), nanos.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_announcement_is_read_as_it_was_written() {
        let refused = io::Error::from_raw_os_error(1);
        for announcement in [
            Announcement::started(),
            Announcement::refused("mount the tree", &refused),
            Announcement::refused("", &refused),
        ] {
            let line = announcement.line();
            let read = Announcement::parse(line.trim_end_matches('\n'));
            assert_eq!(read, Some(announcement));
        }
        assert_eq!(Announcement::parse("error: no such thing"), None);
    }
}
