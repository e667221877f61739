//! A change that claims only that nothing gets worse, in a project whose speed is noisy.

use std::fs;

use crate::support::{TestEnv, ceo_with};

/// The number is 1,000 and up to 16 more, by the padding that the harness draws from its seed for each run.
const PROFILE: &str = r#"
[scope]
mutable = ["*.txt"]
[eval]
skip = ["tests", "lint", "types", "coverage", "config", "capability", "observability"]
[[metric]]
name = "speed"
run = "sh speed.sh"
direction = "minimize"
"#;

const SPEED: &str =
    "echo METRIC speed=$((1000 + $(wc -l <words.txt) * 100 + ${#FACTORY_PADDING} % 17))\n";

/// Proposes to shorten `words.txt` and to lengthen it, and does so.
const AGENT: &str = "import json, pathlib, sys
question = json.load(sys.stdin)
answer = {'declines': True}
if question['role'] == 'strategist':
    claim = {'kind': 'keeps'}
    answer = {'hypotheses': [{'title': it, 'why': 'it reads better', 'claim': claim} for it in ('Say it otherwise', 'Say it twice')]}
if question['role'] == 'builder':
    twice = 'twice' in question['input']['hypothesis']['title']
    pathlib.Path('words.txt').write_text('other\\n' * (2 if twice else 1))
    answer = {'message': 'Say it'}
json.dump(answer, sys.stdout)
";

#[test]
fn a_change_that_claims_nothing_is_shown_to_cost_nothing() {
    let env = TestEnv::new();
    let repo = env.repo(
        "target",
        &[
            ("factory.toml", PROFILE),
            ("speed.sh", SPEED),
            ("words.txt", "words\n"),
        ],
    );
    let agent = env.work().join("agent.py");
    fs::write(&agent, AGENT).unwrap();
    let backend = format!("backend.command.run=\"python3 {}\"", agent.display());
    let args = ceo_with(&["--backend", "command", "--config", &backend, "--json"]);
    let run = repo.factory(&args).exits(0).json();
    let of = |title: &str| {
        let all = run["experiments"].as_array().unwrap();
        let found = all.iter().find(|it| it["hypothesis"] == title);
        found.unwrap_or_else(|| panic!("no experiment {title}: {run:#}"))
    };
    let same = of("Say it otherwise");
    assert_eq!(same["verdict"], "keep", "{same:#}");
    assert!(same.to_string().contains("`speed` is no worse"), "{same:#}");
    assert_eq!(of("Say it twice")["verdict"], "revert", "{run:#}");
    let show = repo.factory(&["replay", "1", "--json"]).exits(0).json();
    assert_eq!(show["agrees"], true, "{show:#}");
}
