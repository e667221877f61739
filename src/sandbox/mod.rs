//! Where code that we did not write runs, and how far it is kept apart.

use crate::model::measurement::{SandboxReport, SandboxTier};
use crate::process::{self, Command, Error, Finished};
use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

/// A way to run a command apart from the rest of the machine.
pub trait Sandbox: Send + Sync {
    /// Returns what it keeps apart, from what was observed.
    fn report(&self) -> SandboxReport;

    /// Runs a command to its end; on return nothing it started is alive.
    fn run<'a>(
        &'a self,
        command: &'a Command,
        cancel: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Finished, Error>>;
}

/// T0: a child process with a time limit, and nothing more.
#[derive(Debug, Default)]
pub struct Plain;

impl Sandbox for Plain {
    fn report(&self) -> SandboxReport {
        SandboxReport {
            tier: SandboxTier::T0,
            network: true,
            note:
                "plain child processes: the evaluated code could reach the network and your files"
                    .into(),
        }
    }

    fn run<'a>(
        &'a self,
        command: &'a Command,
        cancel: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Finished, Error>> {
        Box::pin(process::run(command, cancel))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_plain_tier_runs_commands_and_claims_no_isolation() {
        let sandbox: Box<dyn Sandbox> = Box::new(Plain);
        let command = Command::new("echo", "/").arg("hello");
        let finished = sandbox.run(&command, &CancellationToken::new()).await;
        assert_eq!(finished.unwrap().stdout_text(), "hello\n");
        let report = sandbox.report();
        assert_eq!(report.tier, SandboxTier::T0);
        assert!(report.network && report.note.contains("could reach the network"));
    }
}
