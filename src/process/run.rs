//! The life of one child, from spawn to the last of its descendants.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Child;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::announce::{self, Announcement};
use super::capture::{self, Follower};
use super::reap::{Family, RUN_TOKEN};
use super::{Command, Error, Exit, Finished, environment};

/// How long a group may take to end after SIGTERM.
const TERM_GRACE: Duration = Duration::from_secs(2);
/// How long output may trickle in after the leader ended; a daemon that holds the pipe gets no more.
const OUTPUT_GRACE: Duration = Duration::from_millis(200);

/// Why a child stopped.
enum Ending {
    Exited(ExitStatus),
    TimedOut,
    Cancelled,
}

/// Runs a child to its end, or kills its whole group; on return nothing it started is alive.
///
/// At the time limit and on cancellation the group gets SIGTERM, two seconds later SIGKILL. Processes
/// that left the group are found by a token in their environment and killed too.
pub async fn run(command: &Command, cancel: &CancellationToken) -> Result<Finished, Error> {
    if cancel.is_cancelled() {
        return Err(Error::Cancelled);
    }
    let io_error = |source| Error::Io {
        program: command.program.clone(),
        source,
    };
    let started = Instant::now();
    let since = announce::now();
    let (mut child, family) = spawn(command)?;
    limit(&child, command).map_err(io_error)?;
    let writer = feed(&mut child, command.stdin.clone());
    let mut stdout = follow(child.stdout.take(), command, false).map_err(io_error)?;
    let mut stderr = follow(child.stderr.take(), command, command.launched).map_err(io_error)?;
    let ending = wait(&mut child, &family, command.timeout, cancel)
        .await
        .map_err(io_error)?;
    let mut wall = started.elapsed();
    family.end().await;
    if let Some(writer) = writer {
        writer.abort();
    }
    // All writers are dead unless one hid its token and left the group: do not wait for that one.
    let drained = async { tokio::join!(stdout.ended(), stderr.ended()) };
    let _late = tokio::time::timeout(OUTPUT_GRACE, drained).await;
    let (stdout, stderr) = (stdout.finish(), stderr.finish());
    let announced = stderr.announcement.as_deref().and_then(Announcement::parse);
    match announced {
        Some(Announcement::Refused(refusal)) => return Err(refusal.into_error(command)),
        Some(Announcement::Started(at)) => wall = wall.saturating_sub(at.saturating_sub(since)),
        None => {}
    }
    let exit = match ending {
        Ending::Cancelled => return Err(Error::Cancelled),
        Ending::TimedOut => Exit::TimedOut,
        Ending::Exited(status) => exit_of(status),
    };
    if let Some(source) = stdout.error.or(stderr.error) {
        return Err(io_error(source));
    }
    Ok(Finished {
        exit,
        truncated: stdout.dropped + stderr.dropped > 0,
        stdout: stdout.kept,
        stderr: stderr.kept,
        wall,
    })
}

fn spawn(command: &Command) -> Result<(Child, Family), Error> {
    Family::spawn(|token| {
        tokio::process::Command::new(&command.program)
            .args(&command.args)
            .current_dir(&command.cwd)
            .env_clear()
            .envs(environment::inherited())
            .env("TERM", "dumb")
            .envs(command.env.iter().map(|(name, value)| (name, value)))
            .env(RUN_TOKEN, token)
            .stdin(match command.stdin {
                Some(_) => Stdio::piped(),
                None => Stdio::null(),
            })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
    })
    .map_err(|source| Error::Spawn {
        program: command.program.clone(),
        cwd: command.cwd.clone(),
        source,
    })
}

/// Limits what a child may use; what it starts from now on inherits that.
#[cfg(target_os = "linux")]
fn limit(child: &Child, command: &Command) -> io::Result<()> {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};
    let pid = child.id().and_then(|it| Pid::from_raw(it.cast_signed()));
    let (Some(limits), Some(pid)) = (command.limits, pid) else {
        return Ok(());
    };
    for (resource, most) in [
        (Resource::Data, limits.memory),
        (Resource::Fsize, limits.file),
    ] {
        let limit = Rlimit {
            current: Some(most),
            maximum: Some(most),
        };
        match prlimit(Some(pid), resource, limit) {
            // It ended before: nothing is left to limit.
            Ok(_) | Err(rustix::io::Errno::SRCH) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn limit(_child: &Child, _command: &Command) -> io::Result<()> {
    Ok(())
}

fn feed(child: &mut Child, bytes: Option<Vec<u8>>) -> Option<JoinHandle<()>> {
    let mut stdin = child.stdin.take()?;
    let bytes = bytes?;
    Some(tokio::spawn(async move {
        // A child may close its input without reading it: that is its right.
        let _unread = stdin.write_all(&bytes).await;
    }))
}

fn follow(
    stream: Option<impl tokio::io::AsyncRead + Unpin + Send + 'static>,
    command: &Command,
    announced: bool,
) -> io::Result<Follower> {
    let log = command.log.as_deref().map(capture::open_log).transpose()?;
    let stream = stream.ok_or_else(|| io::Error::other("the child's output is not piped"))?;
    Ok(Follower::start(stream, command.output_cap, log, announced))
}

async fn wait(
    child: &mut Child,
    family: &Family,
    timeout: Duration,
    cancel: &CancellationToken,
) -> io::Result<Ending> {
    let ending = tokio::select! {
        biased;
        status = child.wait() => return status.map(Ending::Exited),
        () = cancel.cancelled() => Ending::Cancelled,
        () = tokio::time::sleep(timeout) => Ending::TimedOut,
    };
    family.signal(Signal::TERM);
    if tokio::time::timeout(TERM_GRACE, child.wait())
        .await
        .is_err()
    {
        family.signal(Signal::KILL);
        child.wait().await?;
    }
    Ok(ending)
}

fn exit_of(status: ExitStatus) -> Exit {
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, Some(signal)) => Exit::Signal(signal),
        (None, None) => Exit::Code(-1),
    }
}
