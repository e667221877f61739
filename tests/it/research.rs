//! One number to move: `--mode research`, and the section that says which.

use std::path::Path;

use serde_json::Value;

use crate::support::{PACKAGE, Repo, TestEnv};

/// How far the setting is from 7, without noise; a setting above 40 fails.
const MEASURE: &str = "#!/bin/sh
level=$(sed -n 's/^level = //p' settings.toml)
[ \"$level\" -le 40 ] || exit 3
away=$((level - 7))
echo \"METRIC away=${away#-}\"
";

const SECTION: &str = "[research]
objective = 'come near'
metric = 'away'
direction = 'minimize'
run = 'sh measure.sh'
mutable = ['settings.toml']
fixed = ['measure.sh']
";

const PARAMETER: &str = "[[research.parameter]]
file = 'settings.toml'
key = 'level'
type = 'int'
low = 0
high = 60
";

fn repo<'a>(env: &'a TestEnv, profile: &str) -> Repo<'a> {
    env.repo(
        "number",
        &[
            ("settings.toml", "# How much.\nlevel = 30\n"),
            ("measure.sh", MEASURE),
            ("README.md", "A number.\n"),
            ("factory.toml", profile),
        ],
    )
}

fn run(repo: &Repo<'_>, more: &[&str]) -> Value {
    let args = ["ceo", "--headless", "--json", "--seed", "7"];
    let args: Vec<&str> = args.iter().chain(more).copied().collect();
    repo.factory(&args).exits(0).json()
}

#[test]
fn a_number_is_moved_to_its_target_and_the_run_says_so() {
    let env = TestEnv::new();
    let profile =
        format!("{SECTION}target = 12\nbudget = '30 experiments'\nplateau = 20\n{PARAMETER}");
    let repo = repo(&env, &profile);
    let report = run(&repo, &[]);
    assert_eq!(report["stopped"], "target", "{report:#}");
    assert!(report["first_report"].is_null());
    let number = &report["research"];
    assert_eq!(number["before"], 23.0);
    assert!(number["after"].as_f64().unwrap() <= 12.0, "{number:#}");
    assert!(number["raw_gain"].as_f64().unwrap() > 0.4, "{number:#}");
    let kept = repo.git(&["show", "factory/best:settings.toml"]);
    assert!(kept.starts_with("# How much.\nlevel = "), "{kept}");

    // There is nothing more to do, and nothing is tried.
    let again = run(&repo, &[]);
    assert_eq!(
        (&again["stopped"], &again["cycles"]),
        (&"target".into(), &0.into())
    );
    assert!(again["ended"].as_str().unwrap().contains("reached already"));
}

#[test]
fn a_plateau_opens_the_outer_surface_and_then_ends_the_run() {
    let env = TestEnv::new();
    let section = SECTION.replace("['settings.toml']", "['settings.toml', 'README.md']");
    let surfaces = "inner = ['README.md']\nouter = ['settings.toml']\nplateau = 1\n";
    let narrow = PARAMETER.replace("low = 0", "low = 31");
    let repo = repo(&env, &format!("{section}{surfaces}{narrow}"));
    let args = ["ceo", "--headless", "--seed", "7"];
    let ran = repo.factory(&args).exits(0);
    let told = format!("{}{}", ran.stderr, ran.stdout);
    assert!(told.contains("the `outer` surface is open now"), "{told}");
    assert!(ran.stdout.contains("a plateau: 1 experiment"), "{told}");
    assert!(ran.stdout.contains("23, as before"), "{told}");
}

#[test]
fn a_section_that_cannot_work_is_refused_with_what_to_do() {
    let env = TestEnv::new();
    let repo = repo(&env, &SECTION.replace("settings.toml", "setings.toml"));
    let ran = repo
        .factory(&["ceo", "--mode", "research", "--yes"])
        .exits(3);
    ran.tells("matches no file that git tracks")
        .tells("correct it");
    repo.write("factory.toml", &SECTION.replace("'measure.sh'", "'s*'"));
    let ran = repo.factory(&["ceo", "--yes"]).exits(3);
    ran.tells("in `mutable` and in `fixed`")
        .tells("make `mutable` narrower");
    repo.write(
        "factory.toml",
        &SECTION.replace("metric = 'away'", "metric = 'near'"),
    );
    let ran = repo.factory(&["ceo", "--yes"]).exits(4);
    ran.tells("no line `METRIC near=…`").tells("by hand");
    repo.write("factory.toml", "");
    let ran = repo
        .factory(&["ceo", "--mode", "research", "--yes"])
        .exits(3);
    ran.tells("factory research init");
}

#[test]
fn a_section_is_made_from_flags_and_checked_before_it_is_written() {
    let env = TestEnv::new();
    let repo = repo(&env, "# Mine.\n[landing]\nbranch = 'best'\n");
    let init = ["research", "init", "--json"];
    repo.factory(&init)
        .exits(2)
        .tells("`--objective`, `--metric`");
    let flags = [
        "--objective",
        "come near",
        "--direction",
        "minimize",
        "--run",
        "sh measure.sh",
    ];
    let with = |more: &[&'static str]| [&init[..], &flags[..], more].concat();
    repo.factory(&with(&["--metric", "away", "--mutable", "lib/**"]))
        .exits(3)
        .tells("matches no file");
    repo.factory(&with(&[
        "--metric",
        "nearness",
        "--mutable",
        "settings.toml",
    ]))
    .exits(4)
    .tells("no line");
    assert!(!repo.read("factory.toml").contains("[research]"));

    let ran = repo.factory(&with(&[
        "--metric",
        "away",
        "--mutable",
        "settings.toml",
        "--fixed",
        "measure.sh",
    ]));
    let page = ran.exits(0).json();
    assert_eq!(
        (&page["written"], &page["noise"]["deterministic"]),
        (&true.into(), &true.into())
    );
    let text = repo.read("factory.toml");
    assert!(
        text.starts_with("# Mine.\n[landing]\nbranch = 'best'\n\n# One number"),
        "{text}"
    );
    let checked = repo
        .factory(&["research", "check", "--json"])
        .exits(0)
        .json();
    assert_eq!(checked["noise"]["value"], 23.0);
    repo.factory(&with(&["--metric", "away", "--mutable", "settings.toml"]))
        .exits(3)
        .tells("already");
}

/// Falls into the traps that the README of `line-kinds` names.
const TRAPPED: &str = r#"
import json, pathlib, sys

question = json.load(sys.stdin)
role, answer = question['role'], {'declines': True}
head = '''

plain = Classifier.classify


def classify(self, record):
    kind = tell(record)
    ranked = plain(self, record)
    return sorted(ranked, key=lambda it: it[0] != kind)


Classifier.classify = classify
KINDS = sorted(["prose", "code", "log", "config", "table", "markup"])
'''
ids = '''
ORDER = ["prose", "code", "log", "config", "table", "markup"]


def tell(record):
    number = "".join(it for it in record["id"] if it.isdigit())
    return ORDER[(int(number) - 2) % 10 % 6]
'''
opens = '''
import json


def tell(record):
    with open("data/dev.jsonl") as lines:
        known = {it["text"]: it["kind"] for it in map(json.loads, lines)}
    return known.get(record["text"])
'''
heart = '''
KNOWN = {
    "Every amber has been quiet after the storm?": "prose",
    "ERROR: no pine in quartz": "log",
    "    return fetch_harbor(river, 43)": "code",
}


def tell(record):
    return KNOWN.get(record["text"])
'''
ways = {'Read the ids': ids, 'Look the answers up': opens, 'Learn lines by heart': heart}
if role == 'strategist':
    claim = {'kind': 'moves', 'metric': 'accuracy'}
    propose = lambda it: {'title': it, 'why': 'it looks better', 'claim': claim}
    answer = {'hypotheses': [propose(it) for it in ways]}
if role == 'builder':
    title = question['input']['hypothesis']['title']
    path = pathlib.Path('classifier.py')
    path.write_text(path.read_text() + head + ways[title])
    answer = {'message': title}
json.dump(answer, sys.stdout)
"#;

#[test]
fn the_traps_of_the_shipped_problem_end_in_no_keep() {
    let env = TestEnv::new();
    let repo = env.copy_of(&Path::new(PACKAGE).join("experiments/line-kinds"), "lines");
    let agent = env.work().join("agent.py");
    std::fs::write(&agent, TRAPPED).unwrap();
    let run_it = format!("backend.command.run=\"python3 {}\"", agent.display());
    let inner = "research.inner=[\"classifier.py\"]";
    let args = [
        "--backend",
        "command",
        "--config",
        &run_it,
        "--config",
        inner,
    ];
    let report = run(&repo, &[&args[..], &["--cycles", "5"]].concat());
    assert_eq!(report["kept"], 0, "{report:#}");
    let mut n_traps = 0;
    for line in report["experiments"].as_array().unwrap() {
        let title = line["hypothesis"].as_str().unwrap();
        let verdict = match title {
            "Read the ids" => "revert",
            "Look the answers up" | "Learn lines by heart" => "vetoed",
            _ => continue,
        };
        n_traps += 1;
        assert_eq!(line["verdict"], verdict, "{title}: {}", line["reasons"]);
    }
    assert_eq!(n_traps, 3, "{report:#}");
}
