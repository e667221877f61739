//! After a run the target is as it was, but for the landing branch and the record.

use std::collections::BTreeSet;

use crate::support::{CEO, Repo, TestEnv, assert_untouched, list};

/// Gives the repository everything that a careless run would disturb.
fn furnish(repo: &Repo<'_>) {
    repo.write("notes.txt", "stashed\n");
    repo.git(&["stash", "push", "--quiet", "--include-untracked"]);
    repo.git(&["branch", "topic"]);
    repo.git(&["tag", "v1"]);
    repo.git(&["config", "gc.auto", "1"]);
    repo.git(&["config", "core.autocrlf", "input"]);
    for hook in [
        "pre-commit",
        "post-commit",
        "post-checkout",
        "reference-transaction",
        "pre-push",
    ] {
        let path = format!(".git/hooks/{hook}");
        repo.write(
            &path,
            "#!/bin/sh\ntouch \"$(git rev-parse --git-dir)/hook-ran\"\nexit 1\n",
        );
        crate::support::set_mode(&repo.path.join(path), 0o755);
    }
    repo.write("staged.txt", "staged\n");
    repo.git(&["add", "staged.txt"]);
    repo.write("untracked.txt", "untracked\n");
}

/// The factory's own refs, and no others, were added.
#[track_caller]
fn assert_refs(before: &BTreeSet<String>, repo: &Repo<'_>) {
    let added: Vec<String> = refs(repo).difference(before).cloned().collect();
    assert_eq!(
        added,
        [
            "refs/factory/candidates",
            "refs/factory/ledger",
            "refs/heads/factory/best"
        ]
    );
}

fn refs(repo: &Repo<'_>) -> BTreeSet<String> {
    repo.git(&["for-each-ref", "--format=%(refname)"])
        .lines()
        .map(str::to_string)
        .collect()
}

#[track_caller]
fn assert_kept_and_clean(env: &TestEnv, repo: &Repo<'_>) {
    furnish(repo);
    let (before, refs_before) = (repo.fingerprint(), refs(repo));
    let document = repo.factory(CEO).exits(0).json();
    assert!(document["kept"].as_u64().unwrap() > 0, "{document:#}");
    assert_untouched(&before, &repo.fingerprint());
    assert_refs(&refs_before, repo);
    assert!(
        !repo.path.join(".git/hook-ran").exists(),
        "a hook of the target ran"
    );
    assert!(env.settled_processes().is_empty(), "{:#?}", env.processes());
    assert!(
        env.temporary_files().is_empty(),
        "{:?}",
        env.temporary_files()
    );
    assert!(
        list(&env.root().join("home")).is_empty(),
        "{:?}",
        list(&env.root().join("home"))
    );
    repo.git(&["fsck", "--strict", "--no-dangling"]);
    assert_no_trace_in_kept_commits(repo);
}

/// Kept commits are what a maintainer would have written: about the change, by the person.
#[track_caller]
fn assert_no_trace_in_kept_commits(repo: &Repo<'_>) {
    let log = repo.git(&["log", "--format=%an <%ae>%n%B", "main..factory/best"]);
    assert!(log.contains("A Person <person@example.org>"), "{log}");
    for word in [
        "factory",
        "experiment",
        "hypothesis",
        "Co-authored-by",
        "Signed-off-by",
        "e-value",
    ] {
        assert!(
            !log.to_lowercase().contains(&word.to_lowercase()),
            "`{word}` in:\n{log}"
        );
    }
    let changed = repo.git(&["diff", "--name-only", "main", "factory/best"]);
    let elsewhere: Vec<&str> = changed
        .lines()
        .filter(|it| !it.starts_with("src/") && !it.starts_with("shapes/"))
        .collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
}

#[test]
fn a_rust_target_is_as_it_was() {
    let env = TestEnv::new();
    assert_kept_and_clean(&env, &env.fixture("rust_with_findings"));
}

#[test]
fn a_python_target_is_as_it_was() {
    let env = TestEnv::new();
    assert_kept_and_clean(&env, &env.fixture("python_with_findings"));
}

#[test]
fn a_dry_run_makes_no_ref_and_no_experiment() {
    let env = TestEnv::new();
    let repo = env.fixture("two_numbers");
    let before = (repo.fingerprint(), refs(&repo));
    let document = repo
        .factory(&crate::support::ceo_with(&["--dry-run"]))
        .exits(0)
        .json();
    assert!(
        !document["untried"].as_array().unwrap().is_empty(),
        "{document:#}"
    );
    assert_eq!(document["cycles"], 0);
    assert_untouched(&before.0, &repo.fingerprint());
    assert!(!repo.has_ref("refs/heads/factory/best"));
}

#[test]
fn reading_verbs_leave_no_trace_at_all() {
    let env = TestEnv::new();
    let repo = env.fixture("rust_with_findings");
    let before = (repo.fingerprint(), refs(&repo));
    for verb in [
        "detect", "discover", "doctor", "eval", "report", "status", "history",
    ] {
        repo.factory(&[verb, "--json"]).exits(0);
    }
    assert_untouched(&before.0, &repo.fingerprint());
    assert_eq!(before.1, refs(&repo));
}

#[test]
fn what_the_run_writes_into_the_checkout_hides_itself() {
    let env = TestEnv::new();
    let repo = env.fixture("two_numbers");
    repo.factory(CEO).exits(0);
    assert_eq!(
        repo.git(&["status", "--porcelain", "--ignored"]),
        "!! .factory/\n"
    );
    repo.git(&["clean", "--quiet", "-ffdx"]);
    let history = repo.factory(&["history", "--json"]).exits(0).json();
    assert!(
        !history["experiments"].as_array().unwrap().is_empty(),
        "the record is in git, not in a folder"
    );
}

#[test]
fn a_linked_worktree_is_a_target_like_any_other() {
    let env = TestEnv::new();
    let repo = env.fixture("two_numbers");
    repo.git(&["worktree", "add", "--quiet", "-b", "topic", "../linked"]);
    let before = repo.fingerprint();
    let linked = env.work().join("linked");
    let document = env.run_in(&linked, CEO).exits(0).json();
    assert_eq!(document["kept"], 2, "{document:#}");
    assert_untouched(&before, &repo.fingerprint());
    assert_eq!(env.git(&linked, &["status", "--porcelain"]), "");
}

#[test]
fn a_second_run_tries_nothing_twice() {
    let env = TestEnv::new();
    let repo = env.fixture("two_numbers");
    let first = repo.factory(CEO).exits(0).json();
    let second = repo.factory(CEO).exits(0).json();
    assert_eq!(first["kept"], 2, "{first:#}");
    assert_eq!(second["experiments"], serde_json::json!([]), "{second:#}");
    assert_eq!(second["score_before"], first["score_after"]);
}
