//! The one error at the top: a class for the exit code, a cause, and what to do.

use std::fmt::Display;

use camino::Utf8PathBuf;

use crate::ui::document::Failure;
use crate::{agent, ceo, config, process, repo, store};

use super::Exit;

/// Why a verb failed.
#[derive(Debug)]
pub struct CliError {
    /// The class, which is the exit code.
    pub kind: Exit,
    /// What went wrong.
    pub source: anyhow::Error,
    /// What to do, one line each.
    pub hints: Vec<String>,
}

impl CliError {
    /// Returns an error of a class with a message.
    pub fn new(kind: Exit, message: impl Display) -> Self {
        Self {
            kind,
            source: anyhow::anyhow!("{message}"),
            hints: Vec::new(),
        }
    }

    /// Returns the same error with one more thing to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Returns what stderr shows.
    pub fn text(&self) -> String {
        let mut text = format!("error: {}\n", crate::ui::text::harmless(&self.message()));
        for hint in &self.hints {
            text.push_str(&format!("hint: {}\n", crate::ui::text::harmless(hint)));
        }
        text
    }

    /// Returns the document that `--json` prints.
    pub fn document(&self) -> Failure {
        Failure {
            schema: "factory.error/1".to_owned(),
            kind: self.kind.name().to_owned(),
            exit: self.kind.code(),
            message: self.message(),
            hints: self.hints.clone(),
        }
    }

    /// Returns the error with its causes, each said once.
    pub(super) fn message(&self) -> String {
        let mut parts: Vec<String> = Vec::new();
        for cause in self.source.chain() {
            let text = cause.to_string();
            if !parts.last().is_some_and(|it| it.ends_with(&text)) {
                parts.push(text);
            }
        }
        parts.join(": ")
    }

    pub(super) fn from_source(
        kind: Exit,
        source: impl Into<anyhow::Error>,
        hint: Option<String>,
    ) -> Self {
        Self {
            kind,
            source: source.into(),
            hints: hint.into_iter().collect(),
        }
    }

    /// Names the disk where one that is full is the cause, and says what to do about it.
    pub(super) fn on_disk(mut self, cause: Option<(Utf8PathBuf, std::io::ErrorKind)>) -> Self {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        if let Some((path, StorageFull | QuotaExceeded)) = cause {
            let disk = ceo::disk_of(&path).unwrap_or(path);
            let hint = format!("the disk at `{disk}` is full: {ROOM}");
            self.hints = vec![hint];
        }
        self
    }
}

/// What to do about a full disk.
const ROOM: &str = "free some space there (`factory prune` helps), then run the same command again; what was recorded is kept";

impl From<repo::Error> for CliError {
    fn from(error: repo::Error) -> Self {
        let kind = match &error {
            repo::Error::GitMissing | repo::Error::GitTooOld { .. } => Exit::Missing,
            repo::Error::Git { .. } | repo::Error::GitFailed { .. } => Exit::Internal,
            repo::Error::Io { source, .. } => io_kind(source),
            _ => Exit::Input,
        };
        let hint = error.hint();
        let full = match &error {
            repo::Error::Io { path, source, .. } => Some((path.clone(), source.kind())),
            _ => None,
        };
        Self::from_source(kind, error, hint).on_disk(full)
    }
}

impl From<store::Error> for CliError {
    fn from(error: store::Error) -> Self {
        let kind = match &error {
            store::Error::Held { .. } | store::Error::Fenced => Exit::Held,
            store::Error::Damaged { .. } | store::Error::Newer { .. } => Exit::Damaged,
            store::Error::NoSuchItem { .. }
            | store::Error::NoSuchExperiment { .. }
            | store::Error::Pending { .. }
            | store::Error::BadName { .. } => Exit::Input,
            store::Error::Io { source, .. } => io_kind(source),
            store::Error::Unstorable { .. }
            | store::Error::Illegal { .. }
            | store::Error::WrongNumber { .. }
            | store::Error::Unfinished
            | store::Error::Stopped
            | store::Error::Git { .. } => Exit::Internal,
        };
        let hint = error.hint();
        let full = match &error {
            store::Error::Io { path, source, .. } => Some((path.clone(), source.kind())),
            _ => None,
        };
        Self::from_source(kind, error, hint).on_disk(full)
    }
}

impl From<config::Error> for CliError {
    fn from(error: config::Error) -> Self {
        Self::from_source(Exit::Input, error, None)
    }
}

impl From<process::Error> for CliError {
    fn from(error: process::Error) -> Self {
        match &error {
            process::Error::Cancelled => interrupted(),
            process::Error::Spawn { program, .. } => {
                let hint = format!("`factory doctor` says how to get `{program}`");
                Self::from_source(Exit::Missing, error, Some(hint))
            }
            process::Error::Syntax { .. } => Self::from_source(Exit::Input, error, None),
            process::Error::Io { source, .. } => {
                use std::io::ErrorKind::{QuotaExceeded, StorageFull};
                let is_full = matches!(source.kind(), StorageFull | QuotaExceeded);
                let hint = is_full.then(|| ROOM.to_owned());
                Self::from_source(Exit::Internal, error, hint)
            }
            process::Error::Isolation { .. } => {
                let hint = "`factory doctor` says what this machine allows".to_owned();
                Self::from_source(Exit::Internal, error, Some(hint))
            }
        }
    }
}

impl From<agent::Error> for CliError {
    fn from(error: agent::Error) -> Self {
        match error {
            agent::Error::Process(error) => error.into(),
            agent::Error::Checkpoint(error) => error.into(),
            other => Self::from_source(Exit::Internal, other, None),
        }
    }
}

impl From<ceo::Error> for CliError {
    fn from(error: ceo::Error) -> Self {
        match error {
            ceo::Error::Repo(error) => error.into(),
            ceo::Error::Store(error) => error.into(),
            ceo::Error::Process(error) => error.into(),
            ceo::Error::Agent(error) => error.into(),
            ceo::Error::ToolMissing { ref install, .. } => {
                let hint = install.clone();
                Self::from_source(Exit::Missing, error, Some(hint))
            }
            ceo::Error::NothingBuilds(_) => {
                let hint = "`factory eval` shows what was run; `factory doctor` what is missing";
                Self::from_source(Exit::NothingBuilds, error, Some(hint.to_owned()))
            }
            ceo::Error::NoSuchBackend { ref name } => {
                let hint = format!("add `[backend.{name}]` to factory.toml (docs/backends.md)");
                Self::from_source(Exit::Input, error, Some(hint))
            }
            ceo::Error::TierTooLow { .. } => {
                let hint = "`factory doctor` says how to get namespaces; `[sandbox] min_tier = \"T0\"` lets the program, and what it builds, do all that you can do here";
                Self::from_source(Exit::Missing, error, Some(hint.to_owned()))
            }
            ceo::Error::Diverged { ref branch, .. } => {
                let hint = format!(
                    "merge `{branch}` into your branch or the other way round, or set it aside with `git branch -m {branch} kept-before`"
                );
                Self::from_source(Exit::Input, error, Some(hint))
            }
            ceo::Error::LandingCheckedOut {
                ref branch,
                ref worktree,
            } => {
                let switch = format!(
                    "check out another branch there: `git -C {worktree} switch -`; if that folder is gone, `git worktree prune`"
                );
                let other = format!(
                    "or let kept work land elsewhere: `[landing] branch` in factory.toml, now `{branch}`"
                );
                Self::from_source(Exit::Input, error, Some(switch)).hint(other)
            }
            ceo::Error::Leak { .. } => {
                let hint = "set `FACTORY_SCRATCH` to a folder with no project above it; `factory doctor` says why the file cannot be hidden";
                Self::from_source(Exit::Input, error, Some(hint.to_owned()))
            }
            ceo::Error::NotResumable { id, .. } | ceo::Error::NotRemeasurable { id, .. } => {
                let hint = format!("`factory show {id}` shows what was measured");
                Self::from_source(Exit::Input, error, Some(hint))
            }
            ceo::Error::MetricBroken { ref name, .. } => {
                let hint = format!(
                    "run the command of the metric `{name}` by hand, in a fresh clone of what is committed and without a network; where it only needs longer, raise its time limit"
                );
                Self::from_source(Exit::NothingBuilds, error, Some(hint))
            }
            ceo::Error::DiskFull { .. } => {
                Self::from_source(Exit::Internal, error, Some(ROOM.to_owned()))
            }
            ceo::Error::Io {
                ref path,
                ref source,
            } => {
                let (kind, full) = (io_kind(source), (path.into(), source.kind()));
                Self::from_source(kind, error, None).on_disk(Some(full))
            }
        }
    }
}

impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        Self::from_source(io_kind(&error), error, None)
    }
}

/// Returns whose fault a file operation is: the place that was given, or ours.
fn io_kind(error: &std::io::Error) -> Exit {
    match error.kind() {
        std::io::ErrorKind::PermissionDenied
        | std::io::ErrorKind::NotFound
        | std::io::ErrorKind::ReadOnlyFilesystem => Exit::Input,
        _ => Exit::Internal,
    }
}

/// Returns the error of a run that was stopped by the person.
fn interrupted() -> CliError {
    CliError::new(
        Exit::Interrupted,
        "interrupted; the state is saved, and nothing of yours was touched",
    )
    .hint("run the same command again to go on")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_said_once_and_hints_follow() {
        let error = CliError::from(std::io::Error::new(
            std::io::ErrorKind::NotFound,
            "`x` is not there",
        ))
        .hint("look again");
        assert_eq!(error.text(), "error: `x` is not there\nhint: look again\n");
        assert_eq!(error.document().exit, 3);
    }

    #[test]
    fn a_full_disk_is_named_with_what_to_do() {
        let error = CliError::from(ceo::Error::Io {
            path: "/proc/self/no-such-file".to_owned(),
            source: std::io::Error::from(std::io::ErrorKind::StorageFull),
        });
        assert!(
            error.text().contains("the disk at `/proc` is full"),
            "{}",
            error.text()
        );
    }

    #[test]
    fn an_interruption_has_its_own_code() {
        assert_eq!(
            CliError::from(ceo::Error::Process(process::Error::Cancelled)).kind,
            Exit::Interrupted
        );
    }
}
