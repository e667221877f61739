//! A metric whose rare runs are guarded, which names all that it reads, and is built.

use crate::runs::{
    Idea, KEEPS, ONLY_DECLARED, assert_replays, backend, experiment, moves, shown, with_backend,
};
use crate::support::TestEnv;

/// Numbers vary by the padding that the harness draws from its seed for each run.
const PROFILE: &str = r#"
[scope]
mutable = ["*.txt"]
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

#[test]
fn a_gain_that_rare_runs_pay_for_is_reverted_and_what_reads_the_same_is_not_measured() {
    let env = TestEnv::new();
    let repo = env.repo(
        "target",
        &[
            ("factory.toml", &format!("{ONLY_DECLARED}{PROFILE}")),
            ("build.sh", BUILD),
            ("run.sh", RUN),
            ("app.txt", "usual=1000\nrare=2000\n"),
        ],
    );
    let faster = "text = read('app.txt').replace('usual=1000', 'usual=900')\n";
    let improve = format!("{faster}write('app.txt', text)");
    let gamble = format!("{faster}write('app.txt', text.replace('rare=2000', 'rare=3000'))");
    let moves = moves("speed");
    let ideas = [
        (
            "Explain it",
            KEEPS,
            "write('app.txt', read('app.txt') + '# how long it takes\\n')",
        ),
        ("Gamble", &moves, &gamble),
        ("Improve", &moves, &improve),
    ];
    let ideas = ideas.map(|(title, claim, build)| Idea {
        title,
        claim,
        build,
    });
    let backend = backend(&env, "", &ideas);
    let run = repo.factory(&with_backend(&backend, &[])).exits(0).json();
    for (title, verdict, why) in [
        ("Explain it", "keep", "no pair of `speed` was run"),
        ("Gamble", "revert", "the tail got worse: p95"),
        ("Improve", "keep", "no loss was seen in the tail: p95"),
    ] {
        let found = experiment(&run, title);
        let shown = shown(&repo, &found["id"]);
        assert_eq!(found["verdict"], verdict, "{shown:#}");
        assert!(shown.to_string().contains(why), "{shown:#}");
        assert_replays(&repo, &found["id"]);
    }
}
