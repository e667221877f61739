//! How cargo is called: build folder, network, and what its failures mean.

use camino::Utf8PathBuf;

use super::prepared::Prepared;
use crate::process::{Command, Error, Finished, network_variables};
use crate::toolchain::catalogue::RUST;
use crate::toolchain::job::{broken, write};
use crate::toolchain::{Job, Lints, Outcome};

/// Returns a cargo command with the arm's build folder.
pub(super) fn command(job: &Job<'_>) -> Option<Command> {
    let words = job.tool("cargo")?;
    Some(with_settings(job, job.command(words)))
}

/// Adds what every command that builds needs.
pub(super) fn with_settings(job: &Job<'_>, mut command: Command) -> Command {
    if job.lints == Lints::Warn {
        command = command.env("RUSTC_WORKSPACE_WRAPPER", wrapper(job));
    }
    command
        .env("CARGO_TARGET_DIR", job.build.join("cargo"))
        .env("CARGO_TERM_COLOR", "never")
        .env("CARGO_TERM_PROGRESS_WHEN", "never")
        .env("CARGO_TERM_QUIET", "false")
}

fn wrapper(job: &Job<'_>) -> Utf8PathBuf {
    job.build.join("capped-rustc.sh")
}

/// Writes the compiler that denies no lint. Cargo starts it for the packages of the workspace only,
/// so that dependencies are not built again.
pub(super) fn write_wrapper(job: &Job<'_>) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt as _;
    let path = wrapper(job);
    if path.exists() {
        return Ok(());
    }
    write(&path, "#!/bin/sh\nexec \"$@\" --cap-lints warn\n")?;
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&path, executable).map_err(|source| Error::Io {
        program: path.into_string(),
        source,
    })
}

/// Returns the outcome where there is no cargo.
pub(super) fn missing<T>(tool: &str) -> Outcome<T> {
    Outcome::Missing(RUST.install(tool))
}

/// Runs a command without the network first; with it only if cargo says that it needs it.
pub(super) async fn run(job: &Job<'_>, command: &Command) -> Result<Finished, Error> {
    let offline = command.clone().env("CARGO_NET_OFFLINE", "true");
    let finished = job.run(&offline).await?;
    if finished.success() || !wants_network(&finished) {
        return Ok(finished);
    }
    job.run(&online(command.clone())).await
}

fn online(mut command: Command) -> Command {
    command.env.extend(network_variables().iter().cloned());
    command
}

/// Cargo has one exit status for everything: only its text tells that the network was missing.
fn wants_network(finished: &Finished) -> bool {
    let stderr = finished.stderr_text();
    [
        "--offline",
        "net.offline",
        "you may wish to remove offline",
        "offline mode",
    ]
    .iter()
    .any(|it| stderr.contains(it))
}

/// Writes a lock file where there is none, and downloads what it names, once for a state of the manifests.
pub(super) async fn prepare(job: &Job<'_>) -> Result<Outcome<()>, Error> {
    let Some(cargo) = command(job) else {
        return Ok(missing("cargo"));
    };
    let prepared = Prepared::of(job);
    if prepared.restore()? {
        return Ok(Outcome::Measured(()));
    }
    if !job.dir().join("Cargo.lock").exists() {
        let finished = run(job, &cargo.clone().arg("generate-lockfile")).await?;
        if !finished.success() {
            return Ok(broken("cargo generate-lockfile", &finished));
        }
    }
    let finished = run(job, &cargo.arg("fetch")).await?;
    if !finished.success() {
        return Ok(broken("cargo fetch", &finished));
    }
    prepared.keep()?;
    Ok(Outcome::Measured(()))
}
