//! Child processes: own group, clean environment, limits, logs, and never left behind.
//!
//! Knows nothing of what the children are for.

mod announce;
mod capture;
mod detach;
mod environment;
mod explain;
mod line;
mod reap;
mod run;
#[cfg(test)]
mod tests;

pub use announce::{Announcement, announce};
pub use detach::{Detached, detach, leave_session};
pub use environment::{find_program, network_variables, variable};
pub use explain::without_credentials;
pub use reap::end_orphans;
pub use run::run;

use camino::Utf8PathBuf;
use std::time::Duration;

const DEFAULT_TIMEOUT: Duration = Duration::from_mins(10);
const DEFAULT_OUTPUT_CAP: usize = 16 << 20;

/// One command to run.
#[derive(Clone, Debug)]
pub struct Command {
    /// Absolute, or a name looked up on the allow-listed PATH.
    pub program: String,
    /// Arguments.
    pub args: Vec<String>,
    /// Working directory.
    pub cwd: Utf8PathBuf,
    /// Added to the allow-listed environment.
    pub env: Vec<(String, String)>,
    /// Written to its standard input; `None` is `/dev/null`.
    pub stdin: Option<Vec<u8>>,
    /// After this it gets SIGTERM, then SIGKILL.
    pub timeout: Duration,
    /// Bytes of stdout and of stderr that are kept; the rest is counted and dropped.
    pub output_cap: usize,
    /// Both streams are also appended here.
    pub log: Option<Utf8PathBuf>,
    /// The program is our launcher, whose first line on stderr says when the command began.
    pub launched: bool,
    /// What it and its children may each use, set right after its start; on Linux alone.
    pub limits: Option<Limits>,
}

/// What one process may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of data that it may hold in memory.
    pub memory: u64,
    /// Bytes of one file that it writes.
    pub file: u64,
}

impl Command {
    /// A command with a 10 minute limit and 16 MiB of kept output.
    pub fn new(program: impl Into<String>, cwd: impl Into<Utf8PathBuf>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            cwd: cwd.into(),
            env: Vec::new(),
            stdin: None,
            timeout: DEFAULT_TIMEOUT,
            output_cap: DEFAULT_OUTPUT_CAP,
            log: None,
            launched: false,
            limits: None,
        }
    }

    /// Splits a line like a shell would (no expansion), through `sh -c` only if it has shell syntax.
    pub fn from_line(line: &str, cwd: impl Into<Utf8PathBuf>) -> Result<Self, Error> {
        let mut words = line::split(line)?.into_iter();
        let program = words.next().ok_or_else(|| Error::Syntax {
            line: line.into(),
            reason: "it is empty".into(),
        })?;
        Ok(Self::new(program, cwd).args(words))
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<S: Into<String>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets a variable.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Sets the time limit.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets what it may use.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// Sets the log file.
    #[must_use]
    pub fn log(mut self, path: impl Into<Utf8PathBuf>) -> Self {
        self.log = Some(path.into());
        self
    }
}

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// exit code
    Code(i32),
    /// killed by a signal that we did not send
    Signal(i32),
    /// stopped by us at its time limit
    TimedOut,
}

/// A finished child.
#[derive(Clone, Debug)]
pub struct Finished {
    /// how
    pub exit: Exit,
    /// kept stdout
    pub stdout: Vec<u8>,
    /// kept stderr
    pub stderr: Vec<u8>,
    /// bytes were dropped
    pub truncated: bool,
    /// by the monotonic clock
    pub wall: Duration,
}
impl Finished {
    /// Exit code 0.
    pub fn success(&self) -> bool {
        self.exit == Exit::Code(0)
    }

    /// Lossy stdout.
    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Lossy stderr.
    pub fn stderr_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// One line for people: the exit, and the last telling line of stderr or stdout.
    pub fn explain(&self) -> String {
        explain::explain(self)
    }
}

/// Why a child could not be run to its end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It could not be started.
    #[error("cannot start `{program}` in {cwd}")]
    Spawn {
        /// program
        program: String,
        /// cwd
        cwd: Utf8PathBuf,
        /// cause
        #[source]
        source: std::io::Error,
    },

    /// A command line that no shell would accept.
    #[error("`{line}` is not a command line: {reason}")]
    Syntax {
        /// line
        line: String,
        /// reason
        reason: String,
    },

    /// Our launcher could not keep the command apart; it was not run.
    #[error("cannot keep a command apart: {step}")]
    Isolation {
        /// what was refused
        step: String,
        /// cause
        #[source]
        source: std::io::Error,
    },

    /// The run was cancelled; the child is dead and reaped.
    #[error("interrupted")]
    Cancelled,
    /// Its output could not be read or logged.
    #[error("cannot follow `{program}`")]
    Io {
        /// program
        program: String,
        /// cause
        #[source]
        source: std::io::Error,
    },
}
