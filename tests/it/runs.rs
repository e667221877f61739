//! Runs of the loop: how they are asked for and cut short, programs as backends, and what is read from
//! what they leave.

use std::fmt::{Display, Write as _};
use std::fs;

use rustix::process::Signal;
use serde_json::Value;

use crate::support::{Ran, Repo, TestEnv, ceo_with};

/// A profile in which nothing is looked at but what it declares below.
pub(crate) const ONLY_DECLARED: &str = "[eval]\nskip = [\"tests\", \"lint\", \"types\", \"coverage\", \"config\", \"capability\", \"observability\"]\n";

/// A claim, in a program's words, that nothing gets worse.
pub(crate) const KEEPS: &str = "{'kind': 'keeps'}";

/// A claim, in a program's words, that a metric gets better.
pub(crate) fn moves(metric: &str) -> String {
    format!("{{'kind': 'moves', 'metric': '{metric}'}}")
}

/// What a program proposes, and the Python lines that build it.
pub(crate) struct Idea<'a> {
    pub(crate) title: &'a str,
    pub(crate) claim: &'a str,
    pub(crate) build: &'a str,
}

/// Returns the Python line that writes more at the end of a file.
pub(crate) fn appending(file: &str, text: &str) -> String {
    format!("write({file:?}, read({file:?}) + {text:?})")
}

/// Writes a program that proposes these ideas, each for the reason that it looks better, and builds them;
/// returns what names it as the backend. Lines of `first` run whatever it is asked.
pub(crate) fn backend(env: &TestEnv, first: &str, ideas: &[Idea<'_>]) -> String {
    let mut listed = String::new();
    for it in ideas {
        writeln!(
            listed,
            "    ({:?}, {}, {:?}),",
            it.title, it.claim, it.build
        )
        .unwrap();
    }
    let program = format!(
        "import json, os, pathlib, subprocess, sys
ideas = [
{listed}]
question = json.load(sys.stdin)
role, answer = question['role'], {{'declines': True}}


def read(name):
    return pathlib.Path(name).read_text()


def write(name, text):
    pathlib.Path(name).write_text(text)


{first}
if role == 'strategist':
    propose = lambda title, claim, _: {{'title': title, 'why': 'it looks better', 'claim': claim}}
    answer = {{'hypotheses': [propose(*it) for it in ideas]}}
if role == 'builder':
    title = question['input']['hypothesis']['title']
    answer = {{'message': title, 'cost': {{'tokens': 10, 'usd': 0.01}}}}
    exec(next(it[2] for it in ideas if it[0] == title))
json.dump(answer, sys.stdout)
"
    );
    let path = env.work().join("agent.py");
    fs::write(&path, program).unwrap();
    format!("backend.command.run=\"python3 {}\"", path.display())
}

/// Returns the arguments of a run with a program as its backend.
pub(crate) fn with_backend<'a>(backend: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let args = ["--backend", "command", "--config", backend];
    ceo_with(&[&args[..], more].concat())
}

/// A number that the constant `N` of `conf.py` moves, with noise that is small beside it, and values to
/// try for it.
pub(crate) fn noisy_constant<'a>(env: &'a TestEnv, direction: &str, choices: &[&str]) -> Repo<'a> {
    let bench = "N=$(sed -n 's/^N = //p' conf.py)
r=$(od -An -N2 -tu2 /dev/urandom)
echo \"METRIC level=$((N * 1000 + r % 500))\"
";
    let profile = format!(
        r#"{ONLY_DECLARED}
[scope]
fixed = ["bench.sh"]

[[guard]]
name = "ok"
run = "true"

[[metric]]
name = "level"
run = "sh bench.sh"
direction = "{direction}"
unit = "ms"
only_claimed = true

[[parameter]]
file = "conf.py"
name = "N"
choices = {choices:?}
metric = "level"
"#
    );
    let files = [
        ("conf.py", "\"\"\"Settings.\"\"\"\n\nN = 100\n"),
        ("bench.sh", bench),
        ("factory.toml", &profile),
    ];
    env.repo("target", &files)
}

/// Runs in research mode, as the project's own `[research]` says, to the end.
#[track_caller]
pub(crate) fn research(repo: &Repo<'_>, more: &[&str]) -> Value {
    let args = ["ceo", "--headless", "--json", "--seed", "7"];
    repo.factory(&[&args[..], more].concat()).exits(0).json()
}

/// Returns the arguments with a line on stdout for each event.
pub(crate) fn with_events<'a>(args: &[&'a str]) -> Vec<&'a str> {
    let events = |it: &&'a str| if *it == "--json" { "--json=events" } else { it };
    args.iter().map(events).collect()
}

/// Starts a run, and sends it a signal when it tells of an event or a phase; returns how it ended.
#[track_caller]
pub(crate) fn cut_short(repo: &Repo<'_>, args: &[&str], moment: &str, signal: Signal) -> Ran {
    let mut running = repo.start(&with_events(args));
    let moment = format!("\"{moment}\"");
    assert!(
        running.wait_until(|it| it.contains(&moment)),
        "never said {moment}: {}",
        running.told()
    );
    running.signal(signal);
    running.end()
}

/// Returns the line of the experiment whose hypothesis holds those words.
#[track_caller]
pub(crate) fn experiment<'a>(document: &'a Value, words: &str) -> &'a Value {
    let all = document["experiments"].as_array().unwrap();
    all.iter()
        .find(|it| it["hypothesis"].as_str().unwrap().contains(words))
        .unwrap_or_else(|| panic!("no experiment on `{words}` in {document:#}"))
}

/// Returns the record of an experiment.
#[track_caller]
pub(crate) fn shown(repo: &Repo<'_>, id: impl Display) -> Value {
    let shown = repo.factory(&["show", &id.to_string(), "--json"]);
    shown.exits(0).json()
}

/// Asserts that a verdict follows from the samples that are on record.
#[track_caller]
pub(crate) fn assert_replays(repo: &Repo<'_>, id: impl Display) {
    let replayed = repo.factory(&["replay", &id.to_string(), "--json"]);
    let replayed = replayed.exits(0).json();
    assert_eq!(replayed["agrees"], true, "{replayed:#}");
}

/// Says whether this machine refuses namespaces, and that a test is skipped for it.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
pub(crate) fn is_refused(env: &TestEnv) -> bool {
    let isolation = env.repo("probe", &[("a.txt", "a\n")]).isolation();
    let refused = isolation["state"] != "fine";
    if refused {
        eprintln!("SKIPPED: this machine refuses overlays in namespaces: {isolation}");
    }
    refused
}
