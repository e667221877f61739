//! A claim on one number is held to the other noisy numbers of the project.

use std::fs;

use serde_json::Value;

use crate::support::{TestEnv, ceo_with};

/// Two noisy numbers and one that repeats. The noise is what the harness draws from its seed for each run.
const PROFILE: &str = r#"
[scope]
mutable = ["*.txt"]
[eval]
skip = ["tests", "lint", "types", "coverage", "config", "capability", "observability"]
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

/// Does what its hypotheses say: so many lines more in words.txt, slow.txt and big.txt.
const AGENT: &str = "import json, pathlib, sys
question = json.load(sys.stdin)
answer = {'declines': True}
plans = {
    'Say less': ('words', -1, 0, 0),
    'Say less, slowly': ('words', -1, 1, 0),
    'Be quick, at a price': ('time', 0, -1, 4),
    'Be quick': ('time', 0, -1, 0),
}
if question['role'] == 'strategist':
    claims = [(title, {'kind': 'moves', 'metric': plan[0]}) for title, plan in plans.items()]
    answer = {'hypotheses': [{'title': title, 'why': 'it is better', 'claim': claim} for title, claim in claims]}
if question['role'] == 'builder':
    plan = plans[question['input']['hypothesis']['title']]
    for name, more in zip(('words', 'slow', 'big'), plan[1:]):
        path = pathlib.Path(name + '.txt')
        path.write_text('line\\n' * (path.read_text().count('line') + more))
    answer = {'message': 'Say it'}
json.dump(answer, sys.stdout)
";

#[test]
fn what_is_gained_in_one_number_is_not_paid_for_with_another() {
    let env = TestEnv::new();
    let files = [
        ("factory.toml", PROFILE),
        ("noisy.sh", NOISY),
        ("words.txt", &"line\n".repeat(5)),
        ("slow.txt", &"line\n".repeat(4)),
        ("big.txt", &"line\n".repeat(4)),
    ];
    let repo = env.repo("target", &files);
    let agent = env.work().join("agent.py");
    fs::write(&agent, AGENT).unwrap();
    let backend = format!("backend.command.run=\"python3 {}\"", agent.display());
    let args = ceo_with(&["--backend", "command", "--config", &backend]);
    let run = repo.factory(&args).exits(0).json();
    let of = |title: &str| {
        let all = run["experiments"].as_array().unwrap();
        let found = all.iter().find(|it| it["hypothesis"] == title);
        let id =
            found.unwrap_or_else(|| panic!("no experiment {title}: {run:#}"))["id"].to_string();
        let shown = repo.factory(&["show", &id, "--json"]).exits(0).json();
        let replayed = repo.factory(&["replay", &id, "--json"]).exits(0).json();
        assert_eq!(replayed["agrees"], true, "{replayed:#}");
        shown["experiment"].clone()
    };
    let tests = |it: &Value| -> Vec<(String, String)> {
        let others = it["others"].as_array().cloned().unwrap_or_default();
        let word = |it: &Value| it.as_str().unwrap().to_owned();
        let of = |it: &Value| (word(&it["metric"]), word(&it["plan"]["kernel"]));
        others.iter().map(of).collect()
    };
    let named = |kernel: &str, names: &[&str]| -> Vec<(String, String)> {
        let of = |it: &&str| ((*it).to_owned(), kernel.to_owned());
        names.iter().map(of).collect()
    };

    let less = of("Say less");
    assert_eq!(less["decision"]["verdict"], "keep", "{less:#}");
    assert_eq!(tests(&less), named("sign_betting", &["time", "memory"]));
    let slowly = of("Say less, slowly");
    assert_eq!(slowly["decision"]["verdict"], "revert", "{slowly:#}");
    let reason = slowly["decision"]["reasons"][0].as_str().unwrap();
    assert!(
        reason.starts_with("the claim holds, and `time` is not shown to be no worse"),
        "{reason}"
    );

    let dear = of("Be quick, at a price");
    assert_eq!(dear["decision"]["verdict"], "revert", "{dear:#}");
    assert_eq!(tests(&dear), named("watch", &["memory"]));
    let quick = of("Be quick");
    assert_eq!(quick["decision"]["verdict"], "keep", "{quick:#}");
    assert_eq!(tests(&quick), named("watch", &["memory"]));
    let page = repo
        .factory(&["show", &quick["id"].to_string()])
        .exits(0)
        .stdout;
    assert!(page.contains("Held to memory too"), "{page}");
    assert!(page.contains("`memory` is no worse"), "{page}");
}
