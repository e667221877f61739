//! Where code that we did not write runs, and how far it is kept apart.
//!
//! A command is told which tree and which build folder it works on. [`Plain`] runs it there;
//! [`Launcher`] shows both at a place of their own, in namespaces that end with the command.

#[cfg(target_os = "linux")]
mod hide;
#[cfg(target_os = "linux")]
mod inside;
mod launcher;
mod limited;
#[cfg(target_os = "linux")]
mod loopback;
mod parents;
mod paths;
mod privacy;
mod probe;
mod stage;

use camino::{Utf8Path, Utf8PathBuf};
use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

pub use launcher::{Launcher, LauncherSpec};
pub use limited::Limited;
pub use parents::leak_above;
pub use privacy::{Places, keeps_private, privacy};
pub use probe::{Allowed, OURSELVES, probe};
pub use stage::{Privacy, launch};

use crate::model::measurement::{SandboxReport, SandboxTier};
use crate::process::{self, Command, Error, Finished};

/// The folders that a command works on.
#[derive(Clone, Copy, Debug)]
pub struct Room<'a> {
    /// The tree.
    pub tree: &'a Utf8Path,
    /// What tools build and remember goes below this.
    pub build: &'a Utf8Path,
}

/// What a command may reach and change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// No network unless the profile declares it; what is written into an arm's tree is thrown away.
    Evaluation,
    /// The same with the network.
    Networked,
    /// The network, and the tree itself: for what the evals need and the tree lacks.
    Preparation,
    /// An agent's own repository: it writes into the tree itself, unless it only reads.
    Agent {
        /// Whether it reaches the network.
        network: bool,
        /// Whether it may only read the tree.
        read_only: bool,
    },
}

/// A way to run a command apart from the rest of the machine.
pub trait Sandbox: Send + Sync {
    /// Returns what it keeps apart, from what was observed.
    fn report(&self) -> SandboxReport;

    /// Returns the same sandbox with other access.
    fn with(&self, access: Access) -> Box<dyn Sandbox>;

    /// Runs a command to its end; on return nothing it started is alive.
    fn run<'a>(
        &'a self,
        command: &'a Command,
        room: Room<'a>,
        cancel: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Finished, Error>>;

    /// Throws away what commands wrote into an arm's tree, which was laid out anew.
    ///
    /// # Errors
    /// A folder that cannot be removed or made.
    fn renew(&self, tree: &Utf8Path) -> std::io::Result<()>;

    /// Returns the folder in which what commands write into a tree ends up.
    fn written_at(&self, tree: &Utf8Path) -> Utf8PathBuf;

    /// Returns whether arms are shown through layers, with a `.git` of their own.
    fn has_layers(&self) -> bool;

    /// Returns where commands see the tree, if that is not where it is.
    fn shown_at(&self) -> Option<&Utf8Path>;
}

/// T0: a child process with a time limit, and nothing more.
#[derive(Clone, Debug, Default)]
pub struct Plain {
    /// Why there is nothing more, where more was asked for.
    refused: Option<String>,
}

impl Plain {
    /// Returns the plain tier where more was asked for and refused.
    pub fn instead_of(refused: impl Into<String>) -> Self {
        Self {
            refused: Some(refused.into()),
        }
    }
}

impl Sandbox for Plain {
    fn report(&self) -> SandboxReport {
        let note =
            "plain child processes: the evaluated code could reach the network and your files";
        SandboxReport {
            tier: SandboxTier::T0,
            network: true,
            note: match &self.refused {
                Some(refused) => format!("{note} ({refused})"),
                None => note.to_owned(),
            },
        }
    }

    fn with(&self, _access: Access) -> Box<dyn Sandbox> {
        Box::new(self.clone())
    }

    fn run<'a>(
        &'a self,
        command: &'a Command,
        _room: Room<'a>,
        cancel: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Finished, Error>> {
        Box::pin(process::run(command, cancel))
    }

    fn renew(&self, _tree: &Utf8Path) -> std::io::Result<()> {
        Ok(())
    }

    fn written_at(&self, tree: &Utf8Path) -> Utf8PathBuf {
        tree.to_owned()
    }

    fn has_layers(&self) -> bool {
        false
    }

    fn shown_at(&self) -> Option<&Utf8Path> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_plain_tier_runs_commands_and_claims_no_isolation() {
        let sandbox: Box<dyn Sandbox> = Box::new(Plain::default());
        let command = Command::new("echo", "/").arg("hello");
        let room = Room {
            tree: Utf8Path::new("/"),
            build: Utf8Path::new("/"),
        };
        let cancel = CancellationToken::new();
        let finished = sandbox.run(&command, room, &cancel).await;
        assert_eq!(finished.unwrap().stdout_text(), "hello\n");
        let report = sandbox.report();
        assert_eq!(report.tier, SandboxTier::T0);
        assert!(report.network && report.note.contains("could reach the network"));
    }
}
