//! Whole runs of a metric over instances, with a hidden holdout that only an honest gain passes.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::runs::{Idea, appending, assert_replays, backend, moves, shown, with_backend};
use crate::support::{Repo, TestEnv, ceo_with, files_below};

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
"#;

const PARAMETERS: &str = r#"
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
        writeln!(
            text,
            "{{\"id\": \"{name}-{x:04}\", \"x\": {x}, \"y\": {answer}}}"
        )
        .unwrap();
    }
    text
}

fn project<'e>(env: &'e TestEnv, name: &str, more: &str) -> Repo<'e> {
    let profile = format!("{PROFILE}{more}");
    let (dev, unseen) = (questions("dev", 300, 5), questions("unseen", 210, 2));
    env.repo(
        name,
        &[
            ("src/model.py", MODEL),
            ("eval/score.py", SCORE),
            ("eval/dev.jsonl", &dev),
            ("eval/unseen.jsonl", &unseen),
            ("factory.toml", &profile),
        ],
    )
}

/// Every file below a folder whose path holds `part`.
fn files_named(root: &Path, part: &str) -> Vec<PathBuf> {
    let mut files = files_below(root);
    files.retain(|it| it.to_str().unwrap().contains(part));
    files
}

/// The records of experiments with this text in their hypothesis.
fn records(repo: &Repo<'_>, run: &Value, text: &str) -> Vec<Value> {
    let all = run["experiments"].as_array().unwrap().len();
    (1..=all)
        .map(|id| shown(repo, id)["experiment"].clone())
        .filter(|it| it["hypothesis"].to_string().contains(text))
        .collect()
}

#[test]
fn a_keep_must_hold_on_instances_that_no_tree_but_the_holdouts_own_has() {
    let env = TestEnv::new();
    let repo = project(&env, "questions", PARAMETERS);
    let run = repo.factory(&ceo_with(&["--cycles", "6"])).exits(0);
    let document = run.json();
    assert_eq!(document["kept"], 1, "{document:#}");
    let tried = records(&repo, &document, "Set S");
    assert_eq!(tried.len(), 2, "{document:#}");
    for record in &tried {
        let is_honest = record["hypothesis"]["change"]["name"] == "SHIFT";
        let decision = &record["decision"];
        let reasons = decision["reasons"].to_string();
        assert_eq!(record["evidence"]["plan"]["kernel"], "bounded");
        assert_eq!(record["evidence"]["pairs"].as_array().unwrap().len(), 300);
        assert_eq!(
            record["holdout"]["incumbent"].as_array().unwrap().len(),
            210
        );
        let note = record["note"].as_str().unwrap();
        assert!(
            note.contains("one run of each arm over 300 instances"),
            "{note}"
        );
        let shrunken = decision["statistics"]["shrunken"].as_f64();
        let mean = decision["statistics"]["mean"].as_f64().unwrap();
        assert!(
            shrunken.is_some_and(|it| it > 0.0 && it < mean),
            "{decision:#}"
        );
        let (verdict, outcome, said) = if is_honest {
            ("keep", "passed", "holdout: the gain holds")
        } else {
            ("revert", "not_passed", "holdout: the gain does not hold")
        };
        assert_eq!(decision["verdict"], verdict, "{decision:#}");
        assert_eq!(record["holdout"]["outcome"], outcome);
        assert!(reasons.contains(said), "{reasons}");
        assert_replays(&repo, &record["id"]);
    }
    let queries: Vec<u64> = tried
        .iter()
        .map(|it| it["holdout"]["query"].as_u64().unwrap())
        .collect();
    assert_eq!(queries, [1, 2]);
    let gain = &document["streams"][0]["gain"];
    let figure = |key: &str| gain[key].as_f64().unwrap();
    assert!(
        figure("raw") > figure("shrunken") && figure("shrunken") > 0.0,
        "{gain:#}"
    );
    assert!(
        figure("audited") > 0.0 && gain["unaudited"] == 0,
        "{gain:#}"
    );

    let scratch = env.root().join("scratch");
    assert_eq!(
        files_named(&scratch, "unseen.jsonl"),
        [""; 0].map(PathBuf::from)
    );
    // The builder's directory is gone, and what was laid out in it is remembered.
    let laid_out = files_named(&scratch, "builder.stamps.json");
    let laid_out = fs::read_to_string(&laid_out[0]).unwrap();
    assert!(laid_out.contains("src/model.py"), "{laid_out}");
    assert!(!laid_out.contains("eval/"), "{laid_out}");
    assert!(!files_named(&scratch, "/tree/eval/dev.jsonl").is_empty());
}

/// Ways to look better than it is.
const WAYS: [(&str, &str); 4] = [
    (
        "Remember the questions",
        "TABLE = {'dev-0001': 6, 'dev-0004': 9}\n",
    ),
    (
        "Open the other questions",
        "MORE = open('eval/unseen.jsonl').read()\n",
    ),
    (
        "Write the results",
        r#"
import atexit
import sys


def forge():
    lines = ['{"id": "%s-%04d", "passed": true}' % (sys.argv[1], x) for x in range(300)]
    open('out/' + 'res' + 'ults.jsonl', 'w').write('\n'.join(lines))
    print('METRIC accuracy=1')


atexit.register(forge)
"#,
    ),
    (
        "Leave out what is hard",
        r"
import pathlib

whole = pathlib.Path.read_text
STEP = 5


def easy(path):
    return '\n'.join(line for line in whole(path).splitlines() if int(line[12:16]) % 3 == 1)


pathlib.Path.read_text = easy
",
    ),
];

/// The backend sees nothing of what judges it.
const SEES_NOTHING: &str = "
assert 'dev-0' not in json.dumps(question), 'an instance is named'
if role == 'builder':
    objects = ['git', 'cat-file', '--batch-all-objects', '--batch-check=%(objectsize)']
    sizes = subprocess.run(objects, capture_output=True, text=True, check=True).stdout.split()
    assert not os.path.exists('eval') and max(map(int, sizes)) < 2000, sizes
";

#[test]
fn whoever_looks_better_than_it_is_is_told_from_who_is() {
    let env = TestEnv::new();
    let repo = project(&env, "cheated", "");
    let claim = moves("accuracy");
    let builds = WAYS.map(|(_, way)| appending("src/model.py", &format!("\n\n{way}")));
    let ideas = [0, 1, 2, 3].map(|it| Idea {
        title: WAYS[it].0,
        claim: &claim,
        build: &builds[it],
    });
    let backend = backend(&env, SEES_NOTHING, &ideas);
    let args = with_backend(&backend, &["--cycles", "8"]);
    let document = repo.factory(&args).exits(0).json();
    assert_eq!(document["kept"], 0, "{document:#}");
    let tried = records(&repo, &document, "it looks better");
    assert_eq!(tried.len(), 4, "{document:#}");
    for record in tried {
        let title = record["hypothesis"]["title"].as_str().unwrap();
        let (verdict, said) = match title {
            "Remember the questions" => ("vetoed", "names an instance of what it is measured on"),
            "Open the other questions" => ("vetoed", "names a file that experiments may not read"),
            "Write the results" => ("revert", "2 lines `METRIC accuracy=…`"),
            _ => ("vetoed", "200 of 300 instances are missing"),
        };
        let decision = &record["decision"];
        assert_eq!(decision["verdict"], verdict, "{title}: {decision:#}");
        let reasons = decision["reasons"].to_string();
        assert!(reasons.contains(said), "{title}: {reasons}");
        assert!(!reasons.contains("dev-0"), "{title}: {reasons}");
        assert!(record.get("holdout").is_none(), "{title}");
        if title == "Remember the questions" {
            let id = record["id"].to_string();
            let told = repo.factory(&["show", &id]).exits(0).stdout;
            assert!(told.contains("`dev-0001`"), "{told}");
        }
    }
}
