//! A change that claims only that nothing gets worse, in a project whose speed is noisy.

use crate::runs::{Idea, KEEPS, ONLY_DECLARED, assert_replays, backend, experiment, with_backend};
use crate::support::TestEnv;

/// The number is 1,000 and up to 16 more, by the padding that the harness draws from its seed for each run.
const PROFILE: &str = r#"
[scope]
mutable = ["*.txt"]
[[metric]]
name = "speed"
run = "sh speed.sh"
direction = "minimize"
[[guard]]
name = "there are words"
run = "test -s words.txt"
"#;

const SPEED: &str =
    "echo METRIC speed=$((1000 + $(wc -l <words.txt) * 100 + ${#FACTORY_PADDING} % 17))\n";

#[test]
fn a_change_that_claims_nothing_is_shown_to_cost_nothing() {
    let env = TestEnv::new();
    let repo = env.repo(
        "target",
        &[
            ("factory.toml", &format!("{ONLY_DECLARED}{PROFILE}")),
            ("speed.sh", SPEED),
            ("words.txt", "words\n"),
        ],
    );
    let ideas = [
        ("Say it otherwise", "write('words.txt', 'other\\n')"),
        ("Say it twice", "write('words.txt', 'other\\nother\\n')"),
    ];
    let ideas = ideas.map(|(title, build)| Idea {
        title,
        claim: KEEPS,
        build,
    });
    let backend = backend(&env, "", &ideas);
    let run = repo.factory(&with_backend(&backend, &[])).exits(0).json();
    let same = experiment(&run, "Say it otherwise");
    assert_eq!(same["verdict"], "keep", "{same:#}");
    assert!(same.to_string().contains("`speed` is no worse"), "{same:#}");
    let twice = experiment(&run, "Say it twice");
    assert_eq!(twice["verdict"], "revert", "{run:#}");
    assert_replays(&repo, 1);
}
