//! One number to move: `--mode research`, and the section that says which.

use std::path::Path;

use crate::runs::{Idea, appending, backend, experiment, moves, research, with_backend};
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

#[test]
fn a_number_is_moved_to_its_target_and_the_run_says_so() {
    let env = TestEnv::new();
    let profile =
        format!("{SECTION}target = 12\nbudget = '30 experiments'\nplateau = 20\n{PARAMETER}");
    let repo = repo(&env, &profile);
    let report = research(&repo, &[]);
    assert_eq!(report["stopped"], "target", "{report:#}");
    assert!(report["first_report"].is_null());
    let number = &report["research"];
    assert_eq!(number["before"], 23.0);
    assert!(number["after"].as_f64().unwrap() <= 12.0, "{number:#}");
    assert!(number["raw_gain"].as_f64().unwrap() > 0.4, "{number:#}");
    let kept = repo.git(&["show", "factory/best:settings.toml"]);
    assert!(kept.starts_with("# How much.\nlevel = "), "{kept}");

    // There is nothing more to do, and nothing is tried.
    let again = research(&repo, &[]);
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

/// Ways into the traps that the README of `line-kinds` names, and what they share.
const WAYS: [(&str, &str); 3] = [
    (
        "Read the ids",
        r#"
ORDER = ["prose", "code", "log", "config", "table", "markup"]


def tell(record):
    number = "".join(it for it in record["id"] if it.isdigit())
    return ORDER[(int(number) - 2) % 10 % 6]
"#,
    ),
    (
        "Look the answers up",
        r#"
import json


def tell(record):
    with open("data/dev.jsonl") as lines:
        known = {it["text"]: it["kind"] for it in map(json.loads, lines)}
    return known.get(record["text"])
"#,
    ),
    (
        "Learn lines by heart",
        r#"
KNOWN = {
    "Every amber has been quiet after the storm?": "prose",
    "ERROR: no pine in quartz": "log",
    "    return fetch_harbor(river, 43)": "code",
}


def tell(record):
    return KNOWN.get(record["text"])
"#,
    ),
];
const HEAD: &str = r#"

plain = Classifier.classify


def classify(self, record):
    kind = tell(record)
    ranked = plain(self, record)
    return sorted(ranked, key=lambda it: it[0] != kind)


Classifier.classify = classify
KINDS = sorted(["prose", "code", "log", "config", "table", "markup"])
"#;

#[test]
fn the_traps_of_the_shipped_problem_end_in_no_keep() {
    let env = TestEnv::new();
    let repo = env.copy_of(&Path::new(PACKAGE).join("experiments/line-kinds"), "lines");
    let claim = moves("accuracy");
    let builds = WAYS.map(|(_, way)| appending("classifier.py", &format!("{HEAD}{way}")));
    let ideas = [0, 1, 2].map(|it| Idea {
        title: WAYS[it].0,
        claim: &claim,
        build: &builds[it],
    });
    let backend = backend(&env, "", &ideas);
    let surfaces = [
        "--config",
        "research.inner=[\"classifier.py\"]",
        "--config",
        "research.outer=[\"settings.toml\"]",
        "--cycles",
        "3",
    ];
    let args = with_backend(&backend, &surfaces);
    let report = repo.factory(&args).exits(0).json();
    assert_eq!(report["kept"], 0, "{report:#}");
    for (title, verdict) in [
        ("Read the ids", "revert"),
        ("Look the answers up", "vetoed"),
        ("Learn lines by heart", "vetoed"),
    ] {
        let line = experiment(&report, title);
        assert_eq!(line["verdict"], verdict, "{title}: {}", line["reasons"]);
    }
}
