//! One record in several clones, through a bare repository on disk.

use serde_json::Value;

use crate::support::{CEO, Repo, TestEnv, assert_untouched, ceo_with};

fn history(repo: &Repo<'_>) -> Value {
    repo.factory(&["history", "--json"]).exits(0).json()
}

/// A repository with a remote that has its branch, and a second clone of that.
fn two_clones(env: &TestEnv) -> (Repo<'_>, Repo<'_>) {
    let one = env.fixture("two_numbers");
    env.git(
        &env.work(),
        &[
            "init",
            "--quiet",
            "--bare",
            "--initial-branch=main",
            "remote.git",
        ],
    );
    one.git(&["remote", "add", "origin", "../remote.git"]);
    one.git(&["push", "--quiet", "origin", "main"]);
    let other = env.unborn("other");
    other.git(&["remote", "add", "origin", "../remote.git"]);
    other.git(&["pull", "--quiet", "origin", "main"]);
    (one, other)
}

#[test]
fn a_record_goes_to_a_remote_and_on_in_another_clone() {
    let env = TestEnv::new();
    let (one, other) = two_clones(&env);
    one.factory(&ceo_with(&["--focus", "A", "--cycles", "1"]))
        .exits(0);
    let before = one.fingerprint();
    let sent = one.factory(&["sync", "--json"]).exits(0).json();
    assert_eq!(
        (&sent["sent"], &sent["received"]),
        (&1.into(), &0.into()),
        "{sent:#}"
    );
    assert_untouched(&before, &one.fingerprint());
    one.factory(&["sync", "--landing"]).exits(0);
    let before = other.fingerprint();
    let dry = other
        .factory(&["sync", "--dry-run", "--json"])
        .exits(0)
        .json();
    assert_eq!(dry["received"], 1, "{dry:#}");
    assert_untouched(&before, &other.fingerprint());
    assert_eq!(history(&other)["total"], 0);
    other.factory(&["sync", "--landing"]).exits(0);
    assert_eq!(history(&other), history(&one));
    assert_eq!(other.rev("factory/best"), one.rev("factory/best"));
    let diff = other.factory(&["diff", "1"]).exits(0).stdout;
    assert!(diff.contains("-A = 50"), "{diff}");
    let document = other.factory(CEO).exits(0).json();
    assert_eq!(document["experiments"][0]["id"], 2, "{document:#}");
    other.factory(&["sync", "--landing"]).exits(0);
    let received = one
        .factory(&["sync", "--landing", "--json"])
        .exits(0)
        .json();
    assert_eq!(received["received"], document["cycles"], "{received:#}");
    assert_eq!(history(&other), history(&one));
    assert_eq!(other.rev("factory/best"), one.rev("factory/best"));
    for repo in [&one, &other] {
        repo.git(&["fsck", "--strict", "--no-dangling"]);
        let refs = repo.git(&["for-each-ref", "--format=%(refname)", "refs/factory"]);
        assert_eq!(refs, "refs/factory/candidates\nrefs/factory/ledger\n");
    }
}

#[test]
fn where_both_clones_went_on_the_later_one_takes_new_numbers() {
    let env = TestEnv::new();
    let (one, other) = two_clones(&env);
    one.factory(&ceo_with(&["--focus", "A", "--cycles", "1"]))
        .exits(0);
    other
        .factory(&ceo_with(&["--focus", "B", "--cycles", "1"]))
        .exits(0);
    one.factory(&["sync"]).exits(0);
    let joined = other.factory(&["sync", "--json"]).exits(0).json();
    assert_eq!(
        joined["renumbered"],
        serde_json::json!([[1, 2]]),
        "{joined:#}"
    );
    one.factory(&["sync"]).exits(0);
    assert_eq!(history(&other), history(&one));
    assert_eq!(history(&one)["total"], 2);
    let shown = one.factory(&["show", "2"]).exits(0).stdout;
    assert!(shown.contains("This was experiment 1"), "{shown}");
    for id in ["1", "2"] {
        assert!(!one.factory(&["diff", id]).exits(0).stdout.is_empty());
        other.factory(&["replay", id]).exits(0);
    }
    one.factory(&["sync", "--landing"]).exits(0);
    other
        .factory(&["sync", "--landing"])
        .exits(3)
        .tells("neither contains the other")
        .tells("hint: ");
    let again = one.factory(&["sync", "--json"]).exits(0).json();
    assert_eq!(
        (&again["sent"], &again["received"]),
        (&0.into(), &0.into()),
        "{again:#}"
    );
}

#[test]
fn a_remote_that_is_missing_is_named_with_the_cure() {
    let env = TestEnv::new();
    let repo = env.fixture("two_numbers");
    repo.factory(&["sync"]).exits(3).tells("hint: ");
    repo.factory(&["sync", "../nowhere.git"])
        .tells("nowhere.git");
    assert!(!repo.has_ref("refs/factory/ledger"));
}
