//! What happens around verdicts: tests that go on, landing checks, measuring again.

use camino::Utf8Path;
use factory::decision;
use factory::model::experiment::ExperimentEvent;
use factory::model::id::ExperimentId;
use factory::model::verdict::Verdict;
use factory::repo::Target;
use factory::store::Writer;
use rustix::process::Signal;

use crate::support::{CEO, Ran, Repo, TestEnv, ceo_with};

/// A number that a constant moves, with noise that is small beside it.
const BENCH: &str = "N=$(sed -n 's/^N = //p' conf.py)
r=$(od -An -N2 -tu2 /dev/urandom)
echo \"METRIC t=$((N * 1000 + r % 500))\"
";

const PROFILE: &str = r#"
[scope]
fixed = ["bench.sh"]

[eval]
skip = ["lint", "types", "coverage", "capability", "observability", "tests", "config"]

[[guard]]
name = "ok"
run = "true"

[[metric]]
name = "t"
run = "sh bench.sh"
direction = "minimize"
unit = "ms"
only_claimed = true

[[parameter]]
file = "conf.py"
name = "N"
choices = ["50"]
metric = "t"
"#;

fn noisy(env: &TestEnv) -> Repo<'_> {
    let files = [
        ("conf.py", "\"\"\"Settings.\"\"\"\n\nN = 100\n"),
        ("bench.sh", BENCH),
        ("factory.toml", PROFILE),
    ];
    env.repo("target", &files)
}

/// Runs the one experiment there is, and then records a copy of it that ended undecided after four pairs, as
/// if nothing had been kept.
fn with_an_undecided_experiment(env: &TestEnv) -> Repo<'_> {
    let repo = noisy(env);
    let kept = repo.factory(CEO).exits(0).json();
    assert_eq!(kept["experiments"][0]["verdict"], "keep", "{kept:#}");
    let now = jiff::Timestamp::now();
    let target = Target::open(Utf8Path::new(repo.str())).unwrap();
    let (mut writer, _) = Writer::open(&target, now).unwrap();
    let one = writer
        .reader()
        .experiment(ExperimentId(1))
        .unwrap()
        .unwrap();
    let mut evidence = one.evidence.clone().unwrap();
    evidence.pairs.truncate(4);
    let decision = decision::replay(&evidence);
    assert_eq!(decision.verdict, Verdict::Inconclusive);
    for event in [
        ExperimentEvent::Started {
            id: writer.next_id(),
            run: one.run.clone(),
            at: now,
            hypothesis: Box::new(one.hypothesis.clone()),
            incumbent: one.incumbent.clone(),
            incumbent_tree: one.incumbent_tree.clone(),
            backend: one.backend.clone(),
            resumes: None,
        },
        ExperimentEvent::Built {
            candidate: one.candidate.clone().unwrap(),
        },
        ExperimentEvent::Gated,
        ExperimentEvent::Measured {
            dimensions: one.dimensions.clone(),
            evidence: Some(Box::new(evidence)),
            binding: one.binding.clone().unwrap(),
            sandbox: one.sandbox.clone().unwrap(),
            landing: None,
        },
        ExperimentEvent::Decided { decision },
        ExperimentEvent::Noted {
            at: now,
            note: String::new(),
            cost: one.cost,
        },
    ] {
        writer.append(&event).unwrap();
    }
    writer.seal().unwrap();
    drop(writer);
    repo.git(&["update-ref", "-d", "refs/heads/factory/best"]);
    repo
}

fn go_on(repo: &Repo<'_>) -> Ran {
    repo.factory(&ceo_with(&["--resume", "2"]))
}

#[test]
fn an_undecided_test_goes_on_after_a_kill_and_lands_on_what_came_meanwhile() {
    let env = TestEnv::new();
    let repo = with_an_undecided_experiment(&env);
    repo.write("notes.txt", "mine\n");
    let head = repo.commit("meanwhile");
    let events: Vec<&str> = ceo_with(&["--resume", "2"])
        .into_iter()
        .map(|it| if it == "--json" { "--json=events" } else { it })
        .collect();
    let mut running = repo.start(&events);
    let is_measuring = |it: &str| it.contains("\"pair_measured\"");
    assert!(running.wait_until(is_measuring), "{}", running.told());
    running.signal(Signal::KILL);
    running.end();
    assert!(env.settled_processes().is_empty());

    let report = go_on(&repo).exits(0).json();
    assert_eq!(report["experiments"][0]["verdict"], "keep", "{report:#}");
    let record = |id: &str| repo.factory(&["show", id, "--json"]).exits(0).json();
    assert_eq!(record("3")["experiment"]["decision"]["verdict"], "spurious");
    let kept = &record("4")["experiment"];
    assert_eq!(kept["resumes"], 2);
    assert_eq!(kept["landing"]["onto"].as_str().unwrap(), head);
    let pairs = |it: &serde_json::Value| it["evidence"]["pairs"].as_array().unwrap().clone();
    assert_eq!(pairs(kept)[..4], pairs(&record("2")["experiment"])[..]);
    assert_eq!(pairs(&kept["landing"]).len(), 5);
    repo.factory(&["replay", "4"]).exits(0);

    assert_eq!(repo.rev("factory/best^"), head);
    assert!(
        repo.git(&["show", "factory/best:conf.py"])
            .contains("N = 50")
    );
    assert_eq!(repo.git(&["show", "factory/best:notes.txt"]), "mine\n");
    go_on(&repo)
        .exits(3)
        .tells("as experiment 4")
        .tells("hint: ");
    let again = repo.factory(&["replay", "4", "--remeasure", "--json"]);
    assert_eq!(again.exits(0).json()["remeasured"]["verdict"], "keep");
    repo.git(&["fsck", "--strict", "--no-dangling"]);
}

#[test]
fn what_conflicts_with_what_came_meanwhile_stays_undecided_and_says_so() {
    let env = TestEnv::new();
    let repo = with_an_undecided_experiment(&env);
    repo.write("conf.py", "\"\"\"Settings.\"\"\"\n\nN = 70\n");
    repo.commit("meanwhile");
    let report = go_on(&repo).exits(0).json();
    let line = &report["experiments"][0];
    assert_eq!(line["verdict"], "inconclusive", "{report:#}");
    let reason = line["reasons"][0].as_str().unwrap();
    assert!(
        reason.starts_with("landing: ") && reason.contains("conf.py"),
        "{reason}"
    );
    assert!(!repo.has_ref("refs/heads/factory/best"));
    repo.factory(&["replay", "3"]).exits(0);
}
