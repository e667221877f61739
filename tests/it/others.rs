//! A claim on one number is held to the other noisy numbers of the project.

use serde_json::Value;

use crate::runs::{
    Idea, ONLY_DECLARED, assert_replays, backend, experiment, moves, shown, with_backend,
};
use crate::support::TestEnv;

/// Two noisy numbers and one that repeats. The noise is what the harness draws from its seed for each run.
const PROFILE: &str = r#"
[scope]
mutable = ["*.txt"]
[[guard]]
name = "there are words"
run = "test -s words.txt"
[[metric]]
name = "words"
run = "echo METRIC words=$(wc -l <words.txt)"
direction = "minimize"
deterministic = true
[[metric]]
name = "time"
run = "sh noisy.sh time slow.txt"
direction = "minimize"
[[metric]]
name = "memory"
run = "sh noisy.sh memory big.txt"
direction = "minimize"
"#;

/// The number is 1,000, 100 more for each line of a file, and up to 16 more.
const NOISY: &str = "echo METRIC $1=$((1000 + $(wc -l <$2) * 100 + ${#FACTORY_PADDING} % 17))\n";

/// What drops the first line of a file, and what adds lines to one.
const LESS: [&str; 2] = [
    "write('words.txt', read('words.txt')[5:])",
    "write('slow.txt', read('slow.txt')[5:])",
];
const MORE: [&str; 2] = [
    "write('slow.txt', read('slow.txt') + 'line\\n')",
    "write('big.txt', read('big.txt') + 'line\\n' * 4)",
];

/// Returns metric and kernel of each test that a claim was held to.
fn held_to(record: &Value) -> Vec<(String, String)> {
    let word = |it: &Value| it.as_str().unwrap().to_owned();
    let others = record["others"].as_array().cloned().unwrap_or_default();
    let of = |it: &Value| (word(&it["metric"]), word(&it["plan"]["kernel"]));
    others.iter().map(of).collect()
}

fn tests(kernel: &str, metrics: &[&str]) -> Vec<(String, String)> {
    let of = |it: &&str| ((*it).to_owned(), kernel.to_owned());
    metrics.iter().map(of).collect()
}

#[test]
fn what_is_gained_in_one_number_is_not_paid_for_with_another() {
    let env = TestEnv::new();
    let lines = |n: usize| "line\n".repeat(n);
    let repo = env.repo(
        "target",
        &[
            ("factory.toml", &format!("{ONLY_DECLARED}{PROFILE}")),
            ("noisy.sh", NOISY),
            ("words.txt", &lines(5)),
            ("slow.txt", &lines(4)),
            ("big.txt", &lines(4)),
        ],
    );
    let (words, time) = (moves("words"), moves("time"));
    let (slowly, dear) = ([LESS[0], MORE[0]].join("; "), [LESS[1], MORE[1]].join("; "));
    let idea = |title, claim, build| Idea {
        title,
        claim,
        build,
    };
    let ideas = [
        idea("Say less", &words, LESS[0]),
        idea("Drop words, and be slow", &words, &slowly),
        idea("Run faster", &time, LESS[1]),
        idea("Trade memory away", &time, &dear),
    ];
    let backend = backend(&env, "", &ideas);
    let run = repo.factory(&with_backend(&backend, &[])).exits(0).json();
    let of = |title: &str| {
        let id = experiment(&run, title)["id"].clone();
        assert_replays(&repo, &id);
        shown(&repo, &id)["experiment"].clone()
    };

    let less = of("Say less");
    assert_eq!(less["decision"]["verdict"], "keep", "{less:#}");
    assert_eq!(held_to(&less), tests("sign_betting", &["time", "memory"]));
    let slow = of("Drop words, and be slow");
    assert_eq!(slow["decision"]["verdict"], "revert", "{slow:#}");
    let reason = slow["decision"]["reasons"][0].as_str().unwrap();
    let expected = "the claim holds, and `time` is not shown to be no worse";
    assert!(reason.starts_with(expected), "{reason}");

    let quick = of("Run faster");
    assert_eq!(quick["decision"]["verdict"], "keep", "{quick:#}");
    assert_eq!(held_to(&quick), tests("watch", &["memory"]));
    let page = repo.factory(&["show", &quick["id"].to_string()]);
    let page = page.exits(0).stdout;
    assert!(page.contains("Held to memory too"), "{page}");
    assert!(page.contains("`memory` is no worse"), "{page}");
    let dear = of("Trade memory away");
    assert_eq!(dear["decision"]["verdict"], "revert", "{dear:#}");
    assert_eq!(held_to(&dear), tests("watch", &["memory"]));
}
