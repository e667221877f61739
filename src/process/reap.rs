//! Finds, ends and reaps every process that a run started, also those that left its group.
//!
//! Each run marks its processes with a token in their environment, which descendants inherit. This
//! process is made the reaper of orphans, so that a daemon becomes its child and leaves no zombie.

use std::collections::BTreeSet;
use std::io::{self, Read as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions};
use tokio::process::Child;

use super::environment;

/// The variable that marks the processes of one run.
pub(super) const RUN_TOKEN: &str = "FACTORY_RUN_TOKEN";

/// A process that was killed is gone within a few of these; a fork bomb may take more.
const MAX_ROUNDS: u32 = 200;
const ROUND: Duration = Duration::from_millis(5);

/// Leaders of runs in flight: tokio waits for them, nobody else may.
static LEADERS: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

fn leaders() -> MutexGuard<'static, BTreeSet<i32>> {
    LEADERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Everything that one run started.
pub(super) struct Family {
    leader: Pid,
    marker: Vec<u8>,
    /// When the leader started, in the kernel's clock ticks: nothing older belongs to the family.
    since: u64,
    ended: bool,
}

impl Family {
    /// Starts a leader through `start`, which is given the token to put into its environment.
    pub(super) fn spawn(
        start: impl FnOnce(&str) -> io::Result<Child>,
    ) -> io::Result<(Child, Self)> {
        adopt_orphans();
        let token = next_token();
        // Held while spawning: a leader that ends at once must not be reaped as somebody's orphan.
        let mut leaders = leaders();
        let child = start(&token)?;
        let leader = child
            .id()
            .and_then(|id| Pid::from_raw(id.cast_signed()))
            .ok_or_else(|| io::Error::other("the child has no process id"))?;
        leaders.insert(leader.as_raw_pid());
        let family = Self {
            leader,
            marker: format!("{RUN_TOKEN}={token}").into_bytes(),
            since: Process::read(leader.as_raw_pid()).map_or(0, |it| it.started),
            ended: false,
        };
        Ok((child, family))
    }

    /// Sends a signal to the leader's group; it may be gone already.
    pub(super) fn signal(&self, signal: Signal) {
        let _gone = rustix::process::kill_process_group(self.leader, signal);
    }

    /// Kills and reaps what is left, after the leader was waited for.
    pub(super) async fn end(mut self) {
        for _ in 0..MAX_ROUNDS {
            if self.sweep() == 0 {
                break;
            }
            tokio::time::sleep(ROUND).await;
        }
        self.ended = true;
    }

    /// Kills what lives, reaps what is dead; returns how many lived.
    fn sweep(&self) -> usize {
        if cfg!(not(target_os = "linux")) {
            self.signal(Signal::KILL);
            return 0;
        }
        let leaders = leaders();
        let alone = leaders.iter().all(|it| *it == self.leader.as_raw_pid());
        let ourselves = rustix::process::getpid().as_raw_pid();
        let own_group = rustix::process::getpgrp().as_raw_pid();
        let mut alive = 0;
        for process in processes(self.since) {
            let orphan = process.parent == ourselves
                && process.group != own_group
                && !leaders.contains(&process.id);
            if process.dead && orphan {
                reap(process.id);
            } else if !process.dead && (self.includes(&process) || (alone && orphan)) {
                kill(process.id);
                alive += 1;
            }
        }
        alive
    }

    fn includes(&self, process: &Process) -> bool {
        process.group == self.leader.as_raw_pid()
            || std::fs::read(format!("/proc/{}/environ", process.id))
                .is_ok_and(|environ| carries(&environ, &self.marker))
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        if !self.ended {
            // The run was abandoned: there is no time to wait, and the leader dies with its `Child`.
            self.signal(Signal::KILL);
            self.sweep();
        }
        leaders().remove(&self.leader.as_raw_pid());
    }
}

/// What `/proc/PID/stat` says.
struct Process {
    id: i32,
    parent: i32,
    group: i32,
    dead: bool,
    started: u64,
}

impl Process {
    fn read(id: i32) -> Option<Self> {
        // One read gives the whole line, which is never longer than this; a text of no known length
        // would take six, for each process of the machine, after each command.
        let mut line = [0; 2048];
        let mut file = std::fs::File::open(format!("/proc/{id}/stat")).ok()?;
        let n_read = file.read(&mut line).ok()?;
        // The name, in parentheses, may hold anything: the fields start after the last one.
        let end = line[..n_read].iter().rposition(|it| *it == b')')?;
        let fields = std::str::from_utf8(&line[end + 1..n_read]).ok()?;
        let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
        Some(Self {
            id,
            dead: matches!(*fields.first()?, "Z" | "X"),
            parent: fields.get(1)?.parse().ok()?,
            group: fields.get(2)?.parse().ok()?,
            started: fields.get(19)?.parse().ok()?,
        })
    }
}

/// Processes that started at `since` or later, but this one.
fn processes(since: u64) -> impl Iterator<Item = Process> {
    let ourselves = rustix::process::getpid().as_raw_pid();
    std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(move |id| *id != ourselves)
        .filter_map(Process::read)
        .filter(move |it| it.started >= since)
}

fn kill(id: i32) {
    if let Some(pid) = Pid::from_raw(id) {
        let _gone = rustix::process::kill_process(pid, Signal::KILL);
    }
}

fn reap(id: i32) {
    if let Some(pid) = Pid::from_raw(id) {
        let _status = rustix::process::waitpid(Some(pid), WaitOptions::NOHANG);
    }
}

/// The variable is the whole marker, or goes on with the token of a run within the run.
fn carries(environ: &[u8], marker: &[u8]) -> bool {
    environ
        .split(|it| *it == 0)
        .filter_map(|it| it.strip_prefix(marker))
        .any(|it| it.is_empty() || it.starts_with(b"/"))
}

/// Kills what runs of killed programs left behind; returns how many processes that were.
///
/// A process is left behind when it carries a token of ours whose maker is gone. Other namespaces are
/// not looked into: the numbers in their tokens mean other processes.
pub fn end_orphans() -> usize {
    if cfg!(not(target_os = "linux")) {
        return 0;
    }
    let Some(ours) = namespace("self") else {
        return 0;
    };
    let mut n_killed = 0;
    for process in processes(0).filter(|it| !it.dead) {
        let is_orphan = namespace(&process.id.to_string()).as_ref() == Some(&ours)
            && token_of(process.id).is_some_and(|it| is_orphaned(&it));
        if is_orphan {
            kill(process.id);
            n_killed += 1;
        }
    }
    n_killed
}

fn namespace(id: &str) -> Option<std::path::PathBuf> {
    std::fs::read_link(format!("/proc/{id}/ns/pid")).ok()
}

fn token_of(id: i32) -> Option<String> {
    let environ = std::fs::read(format!("/proc/{id}/environ")).ok()?;
    let mut variables = environ.split(|it| *it == 0);
    let token = variables.find_map(|it| {
        it.strip_prefix(RUN_TOKEN.as_bytes())?
            .strip_prefix(b"=")
            .map(<[u8]>::to_vec)
    });
    String::from_utf8(token?).ok()
}

/// Returns whether the program that made the innermost token is gone.
fn is_orphaned(token: &str) -> bool {
    let innermost = token.rsplit('/').next().unwrap_or_default();
    let mut numbers = innermost.split('-');
    let maker = numbers.next().and_then(|it| it.parse::<i32>().ok());
    let started = numbers.next().and_then(|it| it.parse::<u64>().ok());
    match (maker, started) {
        (Some(maker), Some(started)) => {
            Process::read(maker).is_none_or(|it| it.dead || it.started != started)
        }
        _ => false,
    }
}

fn next_token() -> String {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    let run = RUNS.fetch_add(1, Ordering::Relaxed);
    // The pid and its start make the token differ from that of any other process of this machine.
    let ourselves = rustix::process::getpid().as_raw_pid();
    let started = Process::read(ourselves).map_or(0, |it| it.started);
    let token = format!("{ourselves}-{started}-{run}");
    match environment::enclosing_token() {
        Some(enclosing) => format!("{enclosing}/{token}"),
        None => token,
    }
}

/// Orphaned descendants become our children instead of init's.
fn adopt_orphans() {
    static ADOPT: Once = Once::new();
    ADOPT.call_once(|| {
        #[cfg(target_os = "linux")]
        {
            // Refused by no kernel since 3.4; without it the token still finds the orphans.
            let _refused = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_outlives_its_maker_only_in_orphans() {
        let alive = next_token();
        assert!(!is_orphaned(&alive));
        let ourselves = rustix::process::getpid().as_raw_pid();
        assert!(is_orphaned(&format!("{ourselves}-1-0")), "another's number");
        assert!(is_orphaned(&format!("{alive}/{ourselves}-1-0")));
        for odd in ["", "x", "1", "1-x-0"] {
            assert!(!is_orphaned(odd), "{odd:?}");
        }
    }

    #[test]
    fn a_token_marks_its_run_and_the_runs_within_it() {
        let environ = |it: &str| format!("A=1\0{it}\0B=2\0").into_bytes();
        assert!(carries(&environ("T=1-2"), b"T=1-2"));
        assert!(carries(&environ("T=1-2/3-4"), b"T=1-2"));
        assert!(!carries(&environ("T=1-22"), b"T=1-2"));
        assert!(!carries(&environ("XT=1-2"), b"T=1-2"));
    }
}
