//! What happens around verdicts: tests that go on, landing checks, measuring again.

use camino::Utf8Path;
use factory::decision;
use factory::model::experiment::{Experiment, ExperimentEvent};
use factory::model::id::ExperimentId;
use factory::model::verdict::Verdict;
use factory::repo::Target;
use factory::store::Writer;
use rustix::process::Signal;

use crate::runs::{
    Idea, ONLY_DECLARED, assert_replays, backend, cut_short, moves, noisy_constant, shown,
    with_backend,
};
use crate::support::{CEO, Ran, Repo, TestEnv, ceo_with};

/// Runs the one experiment there is, and keeps it.
fn with_a_keep(env: &TestEnv) -> Repo<'_> {
    let repo = noisy_constant(env, "minimize", &["50"]);
    let kept = repo.factory(CEO).exits(0).json();
    assert_eq!(kept["experiments"][0]["verdict"], "keep", "{kept:#}");
    repo
}

/// Records the first experiment once more, changed.
fn record_again(repo: &Repo<'_>, change: impl Fn(&mut Experiment)) {
    let now = jiff::Timestamp::now();
    let target = Target::open(Utf8Path::new(repo.str())).unwrap();
    let (mut writer, _) = Writer::open(&target, now).unwrap();
    let first = writer.reader().experiment(ExperimentId(1));
    let mut again = first.unwrap().unwrap();
    change(&mut again);
    let mut events = vec![
        ExperimentEvent::Started {
            id: writer.next_id(),
            run: again.run,
            at: now,
            hypothesis: Box::new(again.hypothesis),
            incumbent: again.incumbent,
            incumbent_tree: again.incumbent_tree,
            backend: again.backend,
            resumes: None,
            turn: None,
        },
        ExperimentEvent::Built {
            candidate: again.candidate.unwrap(),
        },
        ExperimentEvent::Gated,
        ExperimentEvent::Measured {
            dimensions: again.dimensions,
            evidence: again.evidence.map(Box::new),
            others: again.others,
            binding: again.binding.unwrap(),
            sandbox: again.sandbox.unwrap(),
            landing: None,
        },
        ExperimentEvent::Decided {
            decision: again.decision.unwrap(),
        },
    ];
    events.extend(
        again
            .landed
            .map(|commit| ExperimentEvent::Landed { commit }),
    );
    events.push(ExperimentEvent::Noted {
        at: now,
        note: String::new(),
        cost: again.cost,
    });
    for event in events {
        writer.append(&event).unwrap();
    }
    writer.seal().unwrap();
}

/// Records a copy of the keep that ended undecided after four pairs, as if nothing had been kept.
fn with_an_undecided_experiment(env: &TestEnv) -> Repo<'_> {
    let repo = with_a_keep(env);
    record_again(&repo, |it| {
        let evidence = it.evidence.as_mut().unwrap();
        evidence.pairs.truncate(4);
        let decision = decision::replay(evidence);
        assert_eq!(decision.verdict, Verdict::Inconclusive);
        it.decision = Some(decision);
        it.landed = None;
    });
    repo.git(&["update-ref", "-d", "refs/heads/factory/best"]);
    repo
}

const GO_ON: [&str; 2] = ["--resume", "2"];

fn go_on(repo: &Repo<'_>) -> Ran {
    repo.factory(&ceo_with(&GO_ON))
}

#[test]
fn an_undecided_test_goes_on_after_a_kill_and_lands_on_what_came_meanwhile() {
    let env = TestEnv::new();
    let repo = with_an_undecided_experiment(&env);
    repo.write("notes.txt", "mine\n");
    let head = repo.commit("meanwhile");
    cut_short(&repo, &ceo_with(&GO_ON), "pair_measured", Signal::KILL);
    assert!(env.settled_processes().is_empty());

    let report = go_on(&repo).exits(0).json();
    assert_eq!(report["experiments"][0]["verdict"], "keep", "{report:#}");
    assert_eq!(
        shown(&repo, 3)["experiment"]["decision"]["verdict"],
        "spurious"
    );
    let kept = &shown(&repo, 4)["experiment"];
    assert_eq!(kept["resumes"], 2);
    assert_eq!(kept["landing"]["onto"].as_str().unwrap(), head);
    let pairs = |it: &serde_json::Value| it["evidence"]["pairs"].as_array().unwrap().clone();
    assert_eq!(pairs(kept)[..4], pairs(&shown(&repo, 2)["experiment"])[..]);
    let cut_off = pairs(&shown(&repo, 3)["experiment"]);
    assert!(cut_off.len() > 4);
    assert_eq!(pairs(kept)[..cut_off.len()], cut_off[..]);
    assert_eq!(pairs(&kept["landing"]).len(), 5);
    assert_replays(&repo, 4);

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
    assert_replays(&repo, 3);
}

#[test]
fn an_audit_confirms_what_is_there() {
    let env = TestEnv::new();
    let repo = with_a_keep(&env);
    for _ in 0..9 {
        record_again(&repo, |_| {});
    }
    let before = repo.rev("factory/best");
    let report = repo.factory(CEO).exits(0).json();
    let gain = &report["streams"][0]["gain"];
    assert!(gain["audited"].as_f64().unwrap() > 40.0, "{gain:#}");
    assert_eq!(repo.rev("factory/best"), before);
    assert_eq!(
        shown(&repo, 1)["audits"],
        serde_json::json!([[1, "confirmed"]])
    );
    repo.factory(&["replay", "1", "--audit"]).exits(0);
}

#[test]
fn an_audit_takes_out_what_its_own_test_rules_out_also_after_a_kill() {
    let env = TestEnv::new();
    let repo = with_a_keep(&env);
    for _ in 0..9 {
        record_again(&repo, |it| {
            let decision = it.decision.as_mut().unwrap();
            let statistics = decision.statistics.as_mut().unwrap();
            statistics.shrunken = statistics.shrunken.map(|it| 20.0 * it);
        });
    }
    let before = repo.rev("factory/best");
    cut_short(&repo, CEO, "audit", Signal::KILL);
    assert!(env.settled_processes().is_empty());

    let report = repo.factory(CEO).exits(0).json();
    assert_eq!(report["streams"][0]["unkept"], 1, "{report:#}");
    assert_eq!(repo.rev("factory/best^"), before, "reverted, not rewritten");
    assert!(
        repo.git(&["show", "factory/best:conf.py"])
            .contains("N = 100")
    );
    let standing = |id| {
        shown(&repo, id)["audits"][0][1]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let standings = [1, 2, 3].map(standing);
    assert_eq!(standings, ["confirmed", "unkept", "unconfirmed"]);
    repo.factory(&["replay", "1", "--audit"]).exits(0);
    assert_replays(&repo, 2);
    let history = repo.factory(&["history", "--json"]).exits(0).json();
    assert_eq!(history["unkept"], serde_json::json!([2]));

    // A run that was killed after it had written the audit and before it had moved the branch.
    let after = repo.rev("factory/best");
    repo.git(&["update-ref", "refs/heads/factory/best", &before]);
    repo.factory(CEO).exits(0).tells("taken out");
    assert_eq!(repo.rev("factory/best"), after);
    repo.git(&["fsck", "--strict", "--no-dangling"]);
}

#[test]
fn a_number_that_varies_though_it_is_declared_not_to_is_noisy_in_later_runs_too() {
    let env = TestEnv::new();
    let profile = "[scope]\nmutable = [\"*.txt\"]\n[[guard]]\nname = \"words\"\nrun = \"test -s words.txt\"\n\
                   [[metric]]\nname = \"words\"\nrun = \"sh count.sh\"\ndirection = \"minimize\"\ndeterministic = true\n";
    let count = "echo METRIC words=$((100 * $(wc -l <words.txt) + ${#FACTORY_PADDING} % 17))\n";
    let repo = env.repo(
        "target",
        &[
            ("factory.toml", &format!("{ONLY_DECLARED}{profile}")),
            ("count.sh", count),
            ("words.txt", "one\ntwo\nthree\nfour\n"),
        ],
    );
    let claim = moves("words");
    let ideas = ["Say one thing less", "Say another thing less"].map(|title| Idea {
        title,
        claim: &claim,
        build: "write('words.txt', read('words.txt').split('\\n', 1)[1])",
    });
    let backend = backend(&env, "", &ideas);
    let args = with_backend(&backend, &["--cycles", "1"]);
    let varies = "declared deterministic, but runs of the same commit differ";
    repo.factory(&args).exits(0).tells(varies);
    let known = "`words` is declared deterministic and tested as noisy, since an earlier run";
    let again = repo.factory(&args).exits(0).tells(known);
    assert!(!again.stderr.contains(varies), "{}", again.stderr);
}
