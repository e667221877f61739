//! A metric whose rare runs are guarded, which names all that it reads, and is built.

use std::fs;

use crate::support::{TestEnv, ceo_with};

/// Numbers vary by the padding that the harness draws from its seed for each run.
const PROFILE: &str = r#"
[scope]
mutable = ["*.txt"]
[eval]
skip = ["tests", "lint", "types", "coverage", "config", "capability", "observability"]
[[metric]]
name = "speed"
build = "sh build.sh"
run = "sh run.sh"
direction = "minimize"
unit = "ms"
tail = ["p95", "failures"]
reads = ["out/app"]
[[guard]]
name = "there are settings"
run = "test -s app.txt"
"#;

/// What is built holds no comments.
const BUILD: &str = "mkdir -p out && grep -v '^#' app.txt > out/app\n";

const RUN: &str = ". ./out/app
noise=$((${#FACTORY_PADDING} % 17))
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18; do echo SAMPLE speed=$((usual + noise)); done
for i in 1 2; do echo SAMPLE speed=$((rare + noise)); done
echo METRIC speed=$((usual + noise))
";

/// Proposes to explain a setting, to gain in usual runs at the cost of rare ones, and to gain in all.
const AGENT: &str = "import json, pathlib, sys
question = json.load(sys.stdin)
answer = {'declines': True}
if question['role'] == 'strategist':
    keeps, moves = {'kind': 'keeps'}, {'kind': 'moves', 'metric': 'speed'}
    said = [('Explain it', keeps), ('Gamble', moves), ('Improve', moves)]
    answer = {'hypotheses': [{'title': title, 'why': 'it may help', 'claim': claim} for title, claim in said]}
if question['role'] == 'builder':
    title = question['input']['hypothesis']['title']
    file = pathlib.Path('app.txt')
    text = file.read_text()
    if 'Explain' in title:
        text += '# how long it takes\\n'
    else:
        text = text.replace('usual=1000', 'usual=900')
    if 'Gamble' in title:
        text = text.replace('rare=2000', 'rare=3000')
    file.write_text(text)
    answer = {'message': title}
json.dump(answer, sys.stdout)
";

#[test]
fn a_gain_that_rare_runs_pay_for_is_reverted_and_what_reads_the_same_is_not_measured() {
    let env = TestEnv::new();
    let repo = env.repo(
        "target",
        &[
            ("factory.toml", PROFILE),
            ("build.sh", BUILD),
            ("run.sh", RUN),
            ("app.txt", "usual=1000\nrare=2000\n"),
        ],
    );
    let agent = env.work().join("agent.py");
    fs::write(&agent, AGENT).unwrap();
    let backend = format!("backend.command.run=\"python3 {}\"", agent.display());
    let args = ceo_with(&["--backend", "command", "--config", &backend]);
    let run = repo.factory(&args).exits(0).json();
    for (title, verdict, why) in [
        ("Explain it", "keep", "no pair of `speed` was run"),
        ("Gamble", "revert", "the tail got worse: p95"),
        ("Improve", "keep", "no loss was seen in the tail: p95"),
    ] {
        let all = run["experiments"].as_array().unwrap();
        let found = all.iter().find(|it| it["hypothesis"] == title);
        let found = found.unwrap_or_else(|| panic!("no experiment {title}: {run:#}"));
        let id = found["id"].to_string();
        let shown = repo.factory(&["show", &id, "--json"]).exits(0).json();
        assert_eq!(found["verdict"], verdict, "{shown:#}");
        assert!(shown.to_string().contains(why), "{shown:#}");
        let replayed = repo.factory(&["replay", &id, "--json"]).exits(0).json();
        assert_eq!(replayed["agrees"], true, "{replayed:#}");
    }
}
