//! Children that misbehave.

use super::*;
use camino::Utf8Path;
use tokio_util::sync::CancellationToken;

fn directory() -> (tempfile::TempDir, Utf8PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = Utf8PathBuf::from_path_buf(dir.path().to_owned()).unwrap();
    (dir, path)
}

fn shell(script: &str) -> Command {
    Command::new("sh", "/").arg("-c").arg(script)
}

async fn run_now(command: &Command) -> Finished {
    run(command, &CancellationToken::new()).await.unwrap()
}

/// Runs a script in the folder of a file that it writes when it is ready, with a limit that grows until it
/// comes so far: a busy machine takes its time.
async fn stopped_once_ready(script: &str, ready: &Utf8Path) -> Finished {
    let mut limit = Duration::from_millis(100);
    loop {
        let mut command = shell(script).timeout(limit);
        command.cwd = ready.parent().unwrap().to_owned();
        let finished = run_now(&command).await;
        if ready.exists() {
            return finished;
        }
        limit *= 2;
    }
}

fn is_alive(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    stat.rsplit_once(')')
        .is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

#[tokio::test]
async fn output_and_exit_status_come_back() {
    let finished = run_now(&shell("echo out; echo err >&2; exit 3")).await;
    assert_eq!(finished.exit, Exit::Code(3));
    assert_eq!(finished.stdout_text(), "out\n");
    assert_eq!(finished.stderr_text(), "err\n");
    assert!(!finished.success() && !finished.truncated);
}

#[tokio::test]
async fn stdin_is_what_we_wrote_or_nothing() {
    let mut command = Command::new("cat", "/");
    assert_eq!(run_now(&command).await.stdout_text(), "");
    command.stdin = Some(vec![b'x'; 1 << 20]);
    assert_eq!(run_now(&command).await.stdout.len(), 1 << 20);
}

#[tokio::test]
async fn a_child_that_ignores_its_input_does_not_hang() {
    let mut command = shell("exit 0");
    command.stdin = Some(vec![b'x'; 1 << 20]);
    assert!(run_now(&command).await.success());
}

#[tokio::test]
async fn only_listed_variables_are_inherited() {
    let command = shell("env").env("EXTRA", "yes");
    let text = run_now(&command).await.stdout_text();
    assert!(text.lines().any(|it| it == "EXTRA=yes"), "{text}");
    assert!(text.lines().any(|it| it.starts_with("PATH=")), "{text}");
    assert!(!text.contains("CARGO_PKG_NAME"), "{text}");
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named() {
    let command = Command::new("no-such-program-at-all", "/");
    let error = run(&command, &CancellationToken::new()).await.unwrap_err();
    assert!(matches!(error, Error::Spawn { .. }));
    assert!(error.to_string().contains("no-such-program-at-all"));
}

#[tokio::test]
async fn a_signal_is_told_from_an_exit_code() {
    assert_eq!(
        run_now(&shell("kill -SEGV $$")).await.exit,
        Exit::Signal(11)
    );
}

#[tokio::test]
async fn a_deaf_child_is_killed_at_its_limit() {
    let (_guard, dir) = directory();
    let script = "trap '' TERM; echo $$ > pid; while :; do sleep 0.1; done";
    let finished = stopped_once_ready(script, &dir.join("pid")).await;
    assert_eq!(finished.exit, Exit::TimedOut);
    let pid = std::fs::read_to_string(dir.join("pid")).unwrap();
    assert!(!is_alive(&pid));
}

#[tokio::test]
async fn a_child_may_tidy_up_after_sigterm() {
    let (_guard, dir) = directory();
    let script = "trap 'echo tidied; exit 0' TERM; : > ready; while :; do sleep 0.05; done";
    let finished = stopped_once_ready(script, &dir.join("ready")).await;
    assert_eq!(finished.exit, Exit::TimedOut);
    assert_eq!(finished.stdout_text(), "tidied\n");
}

#[tokio::test]
async fn a_grandchild_that_left_the_group_is_killed() {
    let (_guard, dir) = directory();
    let script = format!(
        "setsid sh -c 'echo $$ > {dir}/pid; exec sleep 600' >/dev/null 2>&1 & \
                          while [ ! -s {dir}/pid ]; do sleep 0.01; done"
    );
    assert!(run_now(&shell(&script)).await.success());
    let pid = std::fs::read_to_string(dir.join("pid")).unwrap();
    assert!(!is_alive(&pid), "{pid}");
}

#[tokio::test]
async fn a_grandchild_that_hides_its_token_is_killed_too() {
    let (_guard, dir) = directory();
    let script = format!(
        "setsid env -i sh -c 'echo $$ > {dir}/pid; exec /bin/sleep 600' & \
                          while [ ! -s {dir}/pid ]; do sleep 0.01; done"
    );
    assert!(run_now(&shell(&script)).await.success());
    let pid = std::fs::read_to_string(dir.join("pid")).unwrap();
    assert!(!is_alive(&pid), "{pid}");
}

#[tokio::test]
async fn a_daemon_that_holds_stdout_does_not_hang_the_run() {
    let command = shell("setsid sleep 600 & echo done").timeout(Duration::from_mins(1));
    let finished = run_now(&command).await;
    assert!(finished.success());
    assert_eq!(finished.stdout_text(), "done\n");
}

#[tokio::test]
async fn runs_side_by_side_do_not_end_each_other() {
    let (_guard, dir) = directory();
    let slow = shell(&format!(
        "until [ -e {dir}/go ]; do sleep 0.01; done; echo slow"
    ));
    let (slow, quick) = tokio::join!(run_now(&slow), async {
        for _ in 0..5 {
            run_now(&shell("setsid sleep 600 & :")).await;
        }
        std::fs::write(dir.join("go"), "").unwrap();
    });
    assert_eq!(quick, ());
    assert_eq!(slow.stdout_text(), "slow\n");
}

#[tokio::test]
async fn a_flood_of_output_is_capped_and_never_blocks() {
    let (_guard, dir) = directory();
    let mut command = shell("head -c 100000000 /dev/zero; echo end >&2").log(dir.join("a/log"));
    command.output_cap = 1 << 20;
    let finished = run_now(&command).await;
    assert!(finished.success() && finished.truncated);
    assert_eq!(finished.stdout.len(), 1 << 20);
    assert_eq!(finished.stderr_text(), "end\n");
    assert!(std::fs::metadata(dir.join("a/log")).unwrap().len() < 2 << 20);
}

#[tokio::test]
async fn both_streams_are_appended_to_the_log() {
    let (_guard, dir) = directory();
    let command = shell("echo out; echo err >&2").log(dir.join("log"));
    run_now(&command).await;
    run_now(&command).await;
    let log = std::fs::read_to_string(dir.join("log")).unwrap();
    assert_eq!(log.matches("out\n").count(), 2);
    assert_eq!(log.matches("err\n").count(), 2);
}

#[tokio::test]
async fn a_log_that_cannot_be_written_is_an_error() {
    let command = shell("echo out").log("/proc/no/such/log");
    let error = run(&command, &CancellationToken::new()).await.unwrap_err();
    assert!(matches!(error, Error::Io { .. }));
}

#[tokio::test]
async fn cancelling_ends_the_whole_group() {
    let (_guard, dir) = directory();
    let script = format!("sleep 600 & echo $! > {dir}/pid; wait");
    let cancel = CancellationToken::new();
    let canceller = cancel.clone();
    let pid_file = dir.join("pid");
    let watcher = tokio::spawn(async move {
        while std::fs::read_to_string(&pid_file)
            .unwrap_or_default()
            .is_empty()
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        canceller.cancel();
    });
    let error = run(&shell(&script), &cancel).await.unwrap_err();
    watcher.await.unwrap();
    assert!(matches!(error, Error::Cancelled));
    assert!(!is_alive(
        &std::fs::read_to_string(dir.join("pid")).unwrap()
    ));
}

#[tokio::test]
async fn an_abandoned_run_leaves_nothing() {
    let (_guard, dir) = directory();
    let pid_file = dir.join("pid");
    let command = shell(&format!(
        "setsid sleep 600 & echo $! > {pid_file}; sleep 600"
    ));
    let cancel = CancellationToken::new();
    let mut abandoned = Box::pin(run(&command, &cancel));
    while std::fs::read_to_string(&pid_file)
        .unwrap_or_default()
        .is_empty()
    {
        let pause = Duration::from_millis(10);
        let _running = tokio::time::timeout(pause, &mut abandoned).await;
    }
    drop(abandoned);
    let pid = std::fs::read_to_string(&pid_file).unwrap();
    while is_alive(&pid) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[test]
fn a_line_becomes_program_and_arguments() {
    let command = Command::from_line("make -j2 check", "/tmp").unwrap();
    assert_eq!(command.program, "make");
    assert_eq!(command.args, ["-j2", "check"]);
    assert!(matches!(
        Command::from_line("  ", "/"),
        Err(Error::Syntax { .. })
    ));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_child_that_takes_more_than_its_share_is_stopped() {
    let (_dir, path) = directory();
    let limits = Limits {
        memory: 64 << 20,
        file: 1 << 20,
    };
    // What is started later inherits the limits: the shell waits until the last of them is there.
    let limited = "while [ $(ulimit -f) = unlimited ]; do sleep 0.01; done";
    let hungry = format!("{limited}; head -c 200000000 /dev/zero | tail -n 1 >/dev/null");
    let finished = run_now(&shell(&hungry).limits(limits)).await;
    assert!(!finished.success(), "{finished:?}");
    let long = format!("{limited}; head -c 5000000 /dev/zero >{path}/long");
    run_now(&shell(&long).limits(limits)).await;
    assert_eq!(std::fs::metadata(path.join("long")).unwrap().len(), 1 << 20);
    assert!(run_now(&shell("echo fine").limits(limits)).await.success());
}
