//! Whole runs of a metric over instances, with a hidden holdout that only an honest gain passes.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{Repo, TestEnv, ceo_with};

/// The honest constant is `SHIFT`; `STEP` helps on visible instances alone.
const MODEL: &str = "\
SHIFT = 3
STEP = 4


def answer(x: int) -> int:
    if x % 3 == 0:
        return (x + SHIFT) % 10
    if x % 3 == 1:
        return (x + STEP) % 10
    return -1
";

const SCORE: &str = "\
import json
import pathlib
import sys

sys.path.insert(0, 'src')
from model import answer

lines = pathlib.Path('eval', sys.argv[1] + '.jsonl').read_text().splitlines()
rows = [json.loads(line) for line in lines]
results = [{'id': row['id'], 'passed': answer(row['x']) == row['y']} for row in rows]
pathlib.Path('out').mkdir(exist_ok=True)
with open('out/results.jsonl', 'w') as out:
    out.writelines(json.dumps(result) + '\\n' for result in results)
print('METRIC accuracy=%.4f' % (sum(it['passed'] for it in results) / len(results)))
";

const PROFILE: &str = r#"
[research]
objective = "Answer more of the questions"
metric = "accuracy"
direction = "maximize"
run = "python3 eval/score.py dev"
mutable = ["src/**"]
fixed = ["eval/score.py", "eval/dev.jsonl"]
instances = "out/results.jsonl"

[research.holdout]
run = "python3 eval/score.py unseen"
files = ["eval/unseen.jsonl"]

[[parameter]]
file = "src/model.py"
name = "SHIFT"
choices = ["0"]
metric = "accuracy"

[[parameter]]
file = "src/model.py"
name = "STEP"
choices = ["5"]
metric = "accuracy"
"#;

/// Questions with answers; where `x % 3 == 1`, `step` is what has to be added.
fn questions(name: &str, n: u32, step: u32) -> String {
    let mut text = String::new();
    for x in 0..n {
        let answer = match x % 3 {
            0 => x % 10,
            1 => (x + step) % 10,
            _ => 77,
        };
        writeln!(text, "{{\"id\": \"{name}-{x:04}\", \"x\": {x}, \"y\": {answer}}}").unwrap();
    }
    text
}

fn project<'e>(env: &'e TestEnv, name: &str) -> Repo<'e> {
    let (dev, unseen) = (questions("dev", 300, 5), questions("unseen", 210, 2));
    env.repo(
        name,
        &[
            ("src/model.py", MODEL),
            ("eval/score.py", SCORE),
            ("eval/dev.jsonl", &dev),
            ("eval/unseen.jsonl", &unseen),
            ("factory.toml", PROFILE),
        ],
    )
}

/// Every file below a folder whose path holds `part`.
fn files_below(root: &Path, part: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            let path = entry.path();
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else if path.to_str().unwrap().contains(part) {
                found.push(path);
            }
        }
    }
    found
}

fn records(repo: &Repo<'_>) -> Vec<Value> {
    (1..=2)
        .map(|id| {
            let shown = repo.factory(&["show", &id.to_string(), "--json"]);
            shown.exits(0).json()["experiment"].clone()
        })
        .collect()
}

#[test]
fn a_keep_must_hold_on_instances_that_no_tree_but_the_holdouts_own_has() {
    let env = TestEnv::new();
    let repo = project(&env, "questions");
    let run = repo.factory(&ceo_with(&["--cycles", "2"])).exits(0);
    let document = run.json();
    assert_eq!(document["kept"], 1, "{document:#}");
    for record in records(&repo) {
        let is_honest = record["hypothesis"]["change"]["name"] == "SHIFT";
        let decision = &record["decision"];
        let reasons = decision["reasons"].to_string();
        assert_eq!(record["evidence"]["plan"]["kernel"], "bounded");
        assert_eq!(record["evidence"]["pairs"].as_array().unwrap().len(), 300);
        assert_eq!(record["holdout"]["incumbent"].as_array().unwrap().len(), 210);
        let (verdict, outcome, said) = if is_honest {
            ("keep", "passed", "holdout: the gain holds")
        } else {
            ("revert", "not_passed", "holdout: the gain does not hold")
        };
        assert_eq!(decision["verdict"], verdict, "{decision:#}");
        assert_eq!(record["holdout"]["outcome"], outcome);
        assert!(reasons.contains(said), "{reasons}");
        let id = record["id"].to_string();
        let replay = repo.factory(&["replay", &id, "--json"]).exits(0);
        assert_eq!(replay.json()["agrees"], true);
    }
    let queries: Vec<u64> = records(&repo)
        .iter()
        .map(|it| it["holdout"]["query"].as_u64().unwrap())
        .collect();
    assert_eq!(queries, [1, 2]);

    let scratch = env.root().join("scratch");
    assert_eq!(files_below(&scratch, "unseen.jsonl"), [""; 0].map(PathBuf::from));
    // The builder's directory is gone, and what was laid out in it is remembered.
    let laid_out = files_below(&scratch, "builder.stamps.json");
    let laid_out = fs::read_to_string(&laid_out[0]).unwrap();
    assert!(laid_out.contains("src/model.py"), "{laid_out}");
    assert!(!laid_out.contains("eval/"), "{laid_out}");
    assert!(!files_below(&scratch, "/tree/eval/dev.jsonl").is_empty());
}
