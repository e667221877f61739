//! Two sides that improve in turns: `[research.opponent]`.

use crate::runs::research;
use crate::support::{Repo, TestEnv};

/// More `level` reaches further, and more `limit` stops more of it: both are best at 3.
const MEASURE: &str = "#!/bin/sh
level=$(sed -n 's/^level = //p' attack.toml)
limit=$(sed -n 's/^limit = //p' guard.toml)
echo \"METRIC reach=$((10 * level - 3 * limit))\"
echo \"METRIC harm=$((10 * level - 3 * limit + 40))\"
";

const PROFILE: &str = "[research]
objective = 'reach far'
metric = 'reach'
direction = 'maximize'
run = 'sh measure.sh'
mutable = ['attack.toml']
fixed = ['measure.sh']
plateau = 2

[[research.parameter]]
file = 'attack.toml'
key = 'level'
type = 'choice'
choices = ['1', '2', '3']

[research.opponent]
objective = 'keep harm low'
metric = 'harm'
direction = 'minimize'
run = 'sh measure.sh'
mutable = ['guard.toml']
plateau = 2

[[research.opponent.parameter]]
file = 'guard.toml'
key = 'limit'
type = 'choice'
choices = ['1', '2', '3']
";

fn repo<'a>(env: &'a TestEnv, profile: &str) -> Repo<'a> {
    env.repo(
        "sides",
        &[
            ("attack.toml", "level = 1\n"),
            ("guard.toml", "limit = 1\n"),
            ("measure.sh", MEASURE),
            ("factory.toml", profile),
        ],
    )
}

#[test]
fn sides_improve_in_turns_until_neither_gains_however_often_the_run_is_cut() {
    let env = TestEnv::new();
    let repo = repo(&env, PROFILE);
    let mut n_tried = 0;
    let report = loop {
        let report = research(&repo, &["--cycles", "3"]);
        n_tried += report["cycles"].as_u64().unwrap();
        if report["stopped"] != "limit" {
            break report;
        }
    };
    assert_eq!(report["stopped"], "converged", "{report:#}");
    assert_eq!(
        repo.git(&["show", "factory/best:attack.toml"]),
        "level = 3\n"
    );
    assert_eq!(
        repo.git(&["show", "factory/best:guard.toml"]),
        "limit = 3\n"
    );

    let turns = report["research"]["turns"].as_array().unwrap();
    let told: Vec<(&str, f64, f64)> = turns
        .iter()
        .map(|it| {
            let number = |key: &str| it[key].as_f64().unwrap();
            (
                it["metric"].as_str().unwrap(),
                number("before"),
                number("after"),
            )
        })
        .collect();
    let expected = [
        ("reach", 7.0, 27.0),
        ("harm", 67.0, 61.0),
        ("reach", 21.0, 21.0),
    ];
    assert_eq!(told, expected, "{report:#}");
    let in_turns: u64 = turns
        .iter()
        .map(|it| it["experiments"].as_u64().unwrap())
        .sum();
    assert_eq!(in_turns, n_tried);

    // Every experiment says in which turn it was, and touched the files of that side alone.
    let history = repo
        .factory(&["history", "--json", "--limit", "50"])
        .exits(0)
        .json();
    for it in history["experiments"].as_array().unwrap() {
        let (side, key) = (&it["turn"]["side"], it["key"].as_str().unwrap());
        let metric = if side == "first" { "@reach" } else { "@harm" };
        assert!(key.ends_with(metric), "{it:#}");
    }

    // There is nothing more to do, and nothing is tried; a longer plateau goes on.
    let again = research(&repo, &[]);
    assert_eq!(
        (&again["stopped"], &again["cycles"]),
        (&"converged".into(), &0.into())
    );
    assert!(
        again["ended"]
            .as_str()
            .unwrap()
            .contains("could gain nothing more"),
        "{again:#}"
    );
}

#[test]
fn what_a_side_kept_is_audited_before_the_other_begins() {
    let env = TestEnv::new();
    let noisy = MEASURE.replace(
        "echo \"METRIC reach=$((10 * level - 3 * limit))\"",
        "echo \"METRIC reach=$((10 * level - 3 * limit)).$(od -An -N1 -tu1 /dev/urandom | tr -d ' ')\"",
    );
    let repo = env.repo(
        "sides",
        &[
            ("attack.toml", "level = 1\n"),
            ("guard.toml", "limit = 1\n"),
            ("measure.sh", noisy.as_str()),
            (
                "factory.toml",
                &PROFILE.replace("plateau = 2", "plateau = 1"),
            ),
        ],
    );
    let report = research(&repo, &["--cycles", "4"]);
    let turns = report["research"]["turns"].as_array().unwrap();
    assert!(turns.len() > 1 && turns[0]["kept"] != 0, "{report:#}");
    let audits = repo.factory(&["show", "1", "--json"]).exits(0).json()["audits"].clone();
    assert_eq!(audits, serde_json::json!([[1, "confirmed"]]), "{report:#}");
    repo.factory(&["replay", "1", "--audit"]).exits(0);
}

#[test]
fn sides_that_cannot_take_turns_are_refused_with_what_to_do() {
    let env = TestEnv::new();
    let repo = repo(&env, PROFILE);
    let checked = repo
        .factory(&["research", "check", "--json"])
        .exits(0)
        .json();
    assert_eq!(checked["noise"]["value"], 7.0);
    assert_eq!(checked["opponent"]["value"], 47.0);
    for (from, to, exit, words) in [
        (
            "mutable = ['guard.toml']",
            "mutable = ['*.toml']",
            3,
            "in `opponent.mutable` and in `mutable`",
        ),
        (
            "mutable = ['guard.toml']",
            "mutable = []",
            3,
            "nothing of it may be touched",
        ),
        (
            "metric = 'harm'",
            "metric = 'reach'",
            3,
            "each side has a number of its own",
        ),
        (
            "metric = 'harm'",
            "metric = 'hurt'",
            4,
            "no line `METRIC hurt=…`",
        ),
        (
            "plateau = 2\n\n[[research.p",
            "switch = { enough = 1, again = 2 }\n\n[[research.p",
            3,
            "must lie below",
        ),
    ] {
        let profile = PROFILE.replace(from, to);
        assert_ne!(profile, PROFILE, "{from}");
        repo.write("factory.toml", &profile);
        let ran = repo
            .factory(&["ceo", "--mode", "research", "--yes"])
            .exits(exit);
        ran.tells(words);
        repo.factory(&["research", "check"])
            .exits(exit)
            .tells(words);
    }
}
