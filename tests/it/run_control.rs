//! The heartbeat: in the background, paused, stopped, killed, and never twice on one target.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use serde_json::Value;

use crate::support::{Ran, Repo, TestEnv, assert_untouched};

/// The flags of a run that asks nothing, with a first report that samples one mutant.
const FLAGS: &[&str] = &["--yes", "--seed", "7", "--config", "report.mutants=1"];
const PATIENCE: Duration = Duration::from_mins(5);

fn run_with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let flags = FLAGS.iter().copied();
    std::iter::once("run")
        .chain(flags)
        .chain(more.iter().copied())
        .collect()
}

/// A background run, ended with the test that started it.
struct Background<'a> {
    repo: &'a Repo<'a>,
    pid: i32,
}

impl<'a> Background<'a> {
    #[track_caller]
    fn start(repo: &'a Repo<'a>, more: &[&str]) -> Self {
        let args = run_with(&[&["--detach", "--json"], more].concat());
        let document = repo.factory(&args).exits(0).json();
        let pid = i32::try_from(document["pid"].as_i64().unwrap()).unwrap();
        Self { repo, pid }
    }

    fn signal(&self, signal: Signal) {
        let _gone = rustix::process::kill_process(Pid::from_raw(self.pid).unwrap(), signal);
    }

    fn log(&self) -> String {
        self.repo.read(".factory/logs/run.log")
    }

    #[track_caller]
    fn wait_until(&self, what: &str, done: impl Fn(&Value) -> bool) -> Value {
        let since = Instant::now();
        loop {
            let status = status(self.repo);
            if done(&status) {
                return status;
            }
            assert!(
                since.elapsed() < PATIENCE,
                "not {what}: {status:#}\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(30));
        }
    }
}

impl Drop for Background<'_> {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

fn status(repo: &Repo<'_>) -> Value {
    repo.factory(&["status", "--json"]).exits(0).json()
}

fn is(status: &Value, activity: &str) -> bool {
    status["running"]["activity"] == activity
}

fn is_gone(status: &Value) -> bool {
    status["running"].is_null()
}

/// A project whose one test takes this long, with one finding to fix.
fn slow_suite<'a>(env: &'a TestEnv, seconds: &str) -> Repo<'a> {
    env.repo(
        "slow",
        &[
            (
                "pyproject.toml",
                "[project]\nname = \"slow\"\nversion = \"0.1.0\"\nrequires-python = \">=3.9\"\n\n[tool.ruff]\nline-length = 100\n\n[tool.pytest.ini_options]\ntestpaths = [\"tests\"]\n",
            ),
            ("slow/__init__.py", "from slow.two import two as two\n"),
            ("slow/two.py", "import os\n\n\ndef two():\n    return 2\n"),
            (
                "tests/test_slow.py",
                &format!(
                    "import time\n\nimport slow\n\n\ndef test_two():\n    time.sleep({seconds})\n    assert slow.two() == 2\n"
                ),
            ),
        ],
    )
}

/// Where a guard waits.
#[derive(Clone, Copy)]
enum Held {
    Everywhere,
    OnCandidates,
}

/// Two numbers, and a guard that waits for as long as the file is there.
fn held_guard(env: &TestEnv, held: Held) -> (Repo<'_>, PathBuf) {
    let file = env.work().join("hold");
    fs::write(&file, "").unwrap();
    let unless = match held {
        Held::Everywhere => "",
        Held::OnCandidates => "grep -q 50 a.py || ",
    };
    let waits = format!("while [ -e {} ]; do sleep 0.02; done", file.display());
    let guard = format!("\n[[guard]]\nname = \"waits\"\nrun = \"sh -c '{unless}{waits}'\"\n");
    let repo = env.fixture("two_numbers");
    repo.write("factory.toml", &(repo.read("factory.toml") + &guard));
    repo.commit("a guard that waits");
    (repo, file)
}

#[track_caller]
fn assert_nothing_left(env: &TestEnv) {
    let left = env.settled_processes();
    assert!(left.is_empty(), "still running: {left:#?}");
}

#[test]
fn a_run_in_the_background_waits_for_something_new_and_takes_it_up() {
    let env = TestEnv::new();
    let repo = env.fixture("two_numbers");
    let before = repo.fingerprint();
    let run = Background::start(&repo, &["--loop"]);
    let waiting = run.wait_until("waiting", |it| is(it, "waiting"));
    assert!(waiting["running"]["next_look"].is_string(), "{waiting:#}");
    assert_eq!(waiting["running"]["detached"], true);
    assert!(waiting["experiments"].as_u64().unwrap() > 0, "{waiting:#}");
    assert_untouched(&before, &repo.fingerprint());
    assert!(repo.factory(&["status"]).exits(0).stdout.contains("doing"));
    repo.factory(&run_with(&[])).exits(6).tells("factory stop");
    repo.factory(&run_with(&["--detach"]))
        .exits(6)
        .tells(&run.pid.to_string());
    repo.factory(&["backlog", "add", "ruff F999"]).exits(0);
    run.wait_until("looking again", |it| it["running"]["pass"] == 2);
    run.wait_until("waiting again", |it| is(it, "waiting"));
    repo.write("notes.txt", "meanwhile\n");
    repo.commit("meanwhile");
    run.wait_until("on the new commit", |it| it["running"]["pass"] == 3);
    run.wait_until("waiting again", |it| is(it, "waiting"));
    repo.factory(&["resume"]).exits(0);
    run.wait_until("asked to look", |it| it["running"]["pass"] == 4);
    let stopped = repo.factory(&["stop"]).exits(0);
    assert!(stopped.stdout.contains("stopped"), "{}", stopped.stdout);
    assert!(is_gone(&status(&repo)));
    assert_nothing_left(&env);
}

#[test]
fn a_killed_run_is_taken_over_by_the_next_one() {
    let env = TestEnv::new();
    let (repo, hold) = held_guard(&env, Held::OnCandidates);
    let run = Background::start(&repo, &[]);
    run.wait_until("in an experiment", |it| {
        it["running"]["doing"]
            .as_str()
            .is_some_and(|it| it.starts_with("#1"))
    });
    run.signal(Signal::KILL);
    run.wait_until("gone", is_gone);
    fs::remove_file(hold).unwrap();
    repo.factory(&run_with(&["--json"])).exits(0);
    let history = repo.factory(&["history", "--json"]).exits(0).json();
    for experiment in history["experiments"].as_array().unwrap() {
        assert!(experiment["verdict"].is_string(), "{history:#}");
    }
    assert_eq!(history["by_verdict"]["keep"], 2, "{history:#}");
    assert_nothing_left(&env);
}

#[test]
fn a_paused_run_stays_alive_between_experiments_until_it_is_resumed() {
    let env = TestEnv::new();
    let (repo, hold) = held_guard(&env, Held::Everywhere);
    let run = Background::start(&repo, &["--cycles", "1"]);
    repo.factory(&["pause"]).exits(0);
    fs::remove_file(hold).unwrap();
    let paused = run.wait_until("paused", |it| is(it, "paused"));
    assert_eq!(paused["experiments"], 0, "{paused:#}");
    assert!(
        repo.factory(&["status"])
            .exits(0)
            .stdout
            .contains("factory resume")
    );
    repo.factory(&["resume"]).exits(0);
    let done = run.wait_until("gone", is_gone);
    assert_eq!(done["by_verdict"]["keep"], 1, "{done:#}\n{}", run.log());
    assert_nothing_left(&env);
}

#[test]
fn stopping_during_a_long_suite_abandons_it_when_patience_ends() {
    let env = TestEnv::new();
    let repo = slow_suite(&env, "600");
    let before = repo.fingerprint();
    let run = Background::start(&repo, &[]);
    run.wait_until("in the suite", |it| {
        it["running"]["doing"]
            .as_str()
            .is_some_and(|it| it.starts_with("baseline"))
    });
    let stopped = repo.factory(&["stop", "--within", "200ms"]).exits(0);
    assert!(stopped.stdout.contains("stopped"), "{}", stopped.stdout);
    assert!(is_gone(&status(&repo)));
    assert_untouched(&before, &repo.fingerprint());
    assert_nothing_left(&env);
}

#[test]
fn an_order_to_nobody_is_said_and_does_not_linger() {
    let env = TestEnv::new();
    let repo = env.fixture("two_numbers");
    let stopped = repo.factory(&["stop"]).exits(0);
    assert!(stopped.stdout.contains("nothing runs here"));
    for verb in ["pause", "resume"] {
        repo.factory(&[verb])
            .exits(3)
            .tells("nothing runs here")
            .tells("hint: ");
    }
    let document = repo.factory(&run_with(&["--json"])).exits(0).json();
    assert_eq!(document["kept"], 2, "{document:#}");
}

#[test]
fn a_time_budget_ends_a_run_with_its_state_saved() {
    let env = TestEnv::new();
    let repo = slow_suite(&env, "600");
    repo.factory(&run_with(&["--budget", "1s"]))
        .exits(7)
        .tells("hint: ");
    let repo = env.fixture("two_numbers");
    repo.factory(&run_with(&["--budget", "5usd"]))
        .exits(2)
        .tells("hint: ");
    repo.factory(&run_with(&["--budget", "1h", "--json"]))
        .exits(0);
    assert_nothing_left(&env);
}

#[test]
fn a_time_budget_that_ends_inside_an_experiment_closes_it_and_the_next_run_goes_on() {
    let env = TestEnv::new();
    let repo = env.fixture("two_numbers");
    let whole = repo.read("factory.toml");
    // Only a candidate takes long, so that the time runs out inside its experiment.
    let guard = "\n[[guard]]\nname = \"slow\"\nrun = \"sh -c 'grep -q 50 a.py || sleep 600'\"\n";
    repo.write("factory.toml", &(whole.clone() + guard));
    repo.commit("a guard that is slow on what is new");
    let before = repo.fingerprint();
    // On a busy machine it takes longer until there is an experiment.
    let history = (2..9).find_map(|power| {
        let budget = format!("{}s", 1 << power);
        repo.factory(&run_with(&["--budget", &budget])).exits(7);
        assert_untouched(&before, &repo.fingerprint());
        assert_nothing_left(&env);
        let history = repo.factory(&["history", "--json"]).exits(0).json();
        (history["total"] != 0).then_some(history)
    });
    let history = history.unwrap();
    assert_eq!(history["total"], 1, "{history:#}");
    assert_eq!(
        history["experiments"][0]["verdict"], "spurious",
        "{history:#}"
    );

    repo.write("factory.toml", &whole);
    repo.commit("without it");
    repo.factory(&run_with(&[])).exits(0);
    let history = repo.factory(&["history", "--json"]).exits(0).json();
    assert_eq!(history["by_verdict"]["keep"], 2, "{history:#}");
}

#[test]
fn what_happens_can_be_followed_as_words_and_as_documents() {
    let env = TestEnv::new();
    let (repo, hold) = held_guard(&env, Held::Everywhere);
    let run = Background::start(&repo, &["--cycles", "1"]);
    let mut words = repo.start(&["events", "--follow"]);
    let mut documents = repo.start(&["events", "--follow", "--json"]);
    assert!(
        words.wait_until(|it| it.contains("… baseline")),
        "{}",
        words.printed()
    );
    fs::remove_file(hold).unwrap();
    run.wait_until("gone", is_gone);
    assert_eq!(status(&repo)["experiments"], 1, "{}", run.log());
    assert!(
        words.wait_until(|it| it.contains("#1 sealed")),
        "{}",
        words.printed()
    );
    assert!(
        documents.wait_until(|it| it.contains("\"sealed\"")),
        "{}",
        documents.printed()
    );
    run.wait_until("gone", is_gone);
    for line in documents.printed().lines() {
        let document: Value = serde_json::from_str(line).unwrap();
        let schema = document["schema"].as_str().unwrap();
        assert!(
            ["factory.ledger_event/1", "factory.event/1"].contains(&schema),
            "{line}"
        );
    }
    for mut follower in [words, documents] {
        follower.signal(Signal::INT);
        let _ended: Ran = follower.end();
    }
    assert_nothing_left(&env);
}
