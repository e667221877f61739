//! The day after: the base moved, kept work was merged, squashed or picked, or its branch is in use.

use crate::support::{CEO, Repo, TestEnv, assert_untouched, ceo_with};

/// Lowers one of the numbers, and keeps that.
#[track_caller]
fn keep(repo: &Repo<'_>, number: &str) {
    let document = repo
        .factory(&ceo_with(&["--focus", number, "--cycles", "1"]))
        .exits(0)
        .json();
    assert_eq!(document["kept"], 1, "{document:#}");
}

/// Lowers both numbers, and keeps a commit of each.
#[track_caller]
fn keep_two(repo: &Repo<'_>) {
    repo.factory(CEO).exits(0);
    assert_eq!(subjects(repo).len(), 2);
}

fn subjects(repo: &Repo<'_>) -> Vec<String> {
    let log = repo.git(&["log", "--reverse", "--format=%s", "main..factory/best"]);
    log.lines().map(str::to_owned).collect()
}

/// Runs the loop once more.
#[track_caller]
fn next_day(repo: &Repo<'_>) -> crate::support::Ran {
    repo.factory(&[
        "ceo",
        "--headless",
        "--yes",
        "--seed",
        "7",
        "--config",
        "report.mutants=1",
        "--cycles",
        "1",
    ])
    .exits(0)
}

#[test]
fn squashed_work_is_recognised_by_its_content_and_not_made_again() {
    let env = TestEnv::new();
    let repo = env.fixture("two_numbers");
    keep_two(&repo);
    repo.git(&["merge", "--quiet", "--squash", "factory/best"]);
    repo.write("notes.txt", "and more\n");
    repo.commit("everything at once");
    let before = repo.fingerprint();
    next_day(&repo).tells("is in your branch already");
    assert_untouched(&before, &repo.fingerprint());
    assert_eq!(repo.git(&["diff", "main", "factory/best"]), "");
}

#[test]
fn of_a_stack_of_which_one_commit_was_picked_the_rest_is_made_again() {
    let env = TestEnv::new();
    let repo = env.fixture("two_numbers");
    keep_two(&repo);
    let kept = subjects(&repo);
    repo.git(&["cherry-pick", "factory/best~1"]);
    repo.write("notes.txt", "meanwhile\n");
    repo.commit("meanwhile");
    next_day(&repo).tells("is in your branch already");
    assert_eq!(subjects(&repo)[0], kept[1]);
    repo.git(&["merge-base", "--is-ancestor", "main", "factory/best"]);
}

#[test]
fn work_that_conflicts_with_the_new_base_drops_out_by_name() {
    let env = TestEnv::new();
    let repo = env.fixture("two_numbers");
    keep(&repo, "A");
    let kept = subjects(&repo);
    repo.write("a.py", "A = 60\n");
    repo.commit("another number");
    let ran = next_day(&repo).tells("dropped out").tells("a.py");
    let told: Vec<&str> = ran.stderr.split_whitespace().collect();
    assert!(told.join(" ").contains(&kept[0]), "{}", ran.stderr);
}

#[test]
fn work_that_breaks_the_new_base_drops_out_and_the_rest_stays() {
    let env = TestEnv::new();
    let repo = env.fixture("two_numbers");
    keep_two(&repo);
    let kept = subjects(&repo);
    // A guard of the person's that only the second of the two commits breaks.
    let guard = "\n[[guard]]\nname = \"b is large\"\nrun = \"grep -q 'B = 50' b.py\"\n";
    repo.write("factory.toml", &(repo.read("factory.toml") + guard));
    repo.commit("the second number matters");
    next_day(&repo).tells("dropped out");
    assert_eq!(subjects(&repo)[0], kept[0]);
    assert!(!subjects(&repo).contains(&kept[1]), "{:?}", subjects(&repo));
}

#[test]
fn an_amended_base_keeps_the_kept_work_and_not_the_dropped_commit() {
    let env = TestEnv::new();
    let repo = env.fixture("two_numbers");
    repo.write("notes.txt", "first thought\n");
    repo.commit("a note");
    keep(&repo, "A");
    repo.write("notes.txt", "second thought\n");
    repo.git(&["add", "--all"]);
    repo.git(&["commit", "--quiet", "--amend", "--message", "a better note"]);
    repo.factory(CEO).exits(0);
    assert_eq!(
        repo.git(&["show", "factory/best:notes.txt"]),
        "second thought\n"
    );
    assert!(
        !repo
            .git(&["log", "--format=%s", "factory/best"])
            .contains("a note\n")
    );
}

#[test]
fn a_landing_branch_in_another_worktree_is_left_alone_and_the_cure_is_named() {
    let env = TestEnv::new();
    let repo = env.fixture("two_numbers");
    repo.git(&[
        "worktree",
        "add",
        "--quiet",
        "-b",
        "factory/best",
        "../best",
    ]);
    let before = repo.rev("factory/best");
    let best = env.work().join("best");
    repo.factory(CEO)
        .exits(3)
        .tells(best.to_str().unwrap())
        .tells("git worktree prune");
    assert_eq!(repo.rev("factory/best"), before);
}

#[test]
fn a_wish_that_was_granted_before_is_closed_with_the_reason() {
    let env = TestEnv::new();
    let repo = env.fixture("two_numbers");
    repo.factory(&["backlog", "add", "A = 60"]).exits(0);
    repo.factory(&ceo_with(&["--cycles", "1"])).exits(0);
    repo.factory(&["backlog", "add", "A = 60"]).exits(0);
    repo.factory(&ceo_with(&["--cycles", "1"])).exits(0);
    let backlog = repo.factory(&["backlog", "--json"]).exits(0).json();
    let closed = backlog["items"][1]["closed"].as_str().unwrap_or_default();
    assert!(closed.contains("tried before"), "{backlog:#}");
}
