//! Kept work and the person's hands on it: land, checkout, reject, diff, show, replay.

use crate::support::{CEO, Repo, TestEnv, assert_untouched, ceo_with};

/// Runs the loop for one experiment, which must be kept; returns its number.
#[track_caller]
fn keep_one(repo: &Repo<'_>) -> String {
    let document = repo.factory(&ceo_with(&["--cycles", "1"])).exits(0).json();
    let experiment = &document["experiments"][0];
    assert_eq!(experiment["verdict"], "keep", "{document:#}");
    experiment["id"].to_string()
}

/// Runs the loop to its end: both numbers are lowered, and nothing is left to try.
#[track_caller]
fn keep_all(repo: &Repo<'_>) {
    let document = repo.factory(CEO).exits(0).json();
    assert_eq!(document["kept"], 2, "{document:#}");
}

#[test]
fn landing_moves_the_branch_and_the_checkout_to_what_was_evaluated() {
    let env = TestEnv::new();
    let repo = env.fixture("two_numbers");
    let base = repo.rev("main");
    keep_one(&repo);
    let kept = repo.rev("factory/best");
    let dry = repo.factory(&["land", "--dry-run"]).exits(0);
    assert!(dry.stdout.contains("would move main"), "{}", dry.stdout);
    assert_eq!(repo.rev("main"), base);
    let document = repo.factory(&["land", "--json"]).exits(0).json();
    assert_eq!(document["moved"], true, "{document:#}");
    assert_eq!((repo.rev("main"), repo.rev("HEAD")), (kept.clone(), kept));
    assert_eq!(repo.git(&["status", "--porcelain"]), "");
    assert_eq!(repo.read("a.py"), "A = 10\n");
    let again = repo.factory(&["land", "--json"]).exits(0).json();
    assert_eq!(again["moved"], false, "{again:#}");
}

#[test]
fn landing_without_kept_work_says_how_to_get_some() {
    let env = TestEnv::new();
    let repo = env.fixture("two_numbers");
    repo.factory(&["land"])
        .exits(3)
        .tells("factory/best")
        .tells("hint: ");
}

#[test]
fn landing_over_files_that_git_does_not_know_is_refused() {
    let env = TestEnv::new();
    let repo = env.fixture("two_numbers");
    keep_one(&repo);
    repo.git(&["switch", "--quiet", "factory/best"]);
    repo.write("new.txt", "kept\n");
    repo.commit("a new file");
    repo.git(&["switch", "--quiet", "main"]);
    repo.write("new.txt", "mine\n");
    let before = repo.fingerprint();
    repo.factory(&["land"])
        .exits(3)
        .tells("new.txt")
        .tells("hint: ");
    assert_untouched(&before, &repo.fingerprint());
}

#[test]
fn landing_on_a_branch_that_went_on_is_refused() {
    let env = TestEnv::new();
    let repo = env.fixture("two_numbers");
    keep_one(&repo);
    repo.write("notes.txt", "meanwhile\n");
    repo.commit("meanwhile");
    let before = repo.fingerprint();
    repo.factory(&["land"])
        .exits(3)
        .tells("fast-forward")
        .tells("hint: ");
    assert_untouched(&before, &repo.fingerprint());
}

#[test]
fn kept_work_follows_a_base_that_went_on() {
    let env = TestEnv::new();
    let repo = env.fixture("two_numbers");
    keep_all(&repo);
    let kept = repo.rev("factory/best");
    repo.write("notes.txt", "meanwhile\n");
    repo.commit("meanwhile");
    let before = repo.fingerprint();
    repo.factory(CEO).exits(0);
    assert_untouched(&before, &repo.fingerprint());
    assert_ne!(repo.rev("factory/best"), kept);
    repo.git(&["merge-base", "--is-ancestor", "main", "factory/best"]);
    let diff = repo.git(&["diff", "--name-only", "main", "factory/best"]);
    assert_eq!(diff, "a.py\nb.py\n");
}

#[test]
fn a_base_that_was_rewritten_is_not_undone_by_kept_work() {
    let env = TestEnv::new();
    let repo = env.fixture("two_numbers");
    repo.write("notes.txt", "first thought\n");
    repo.commit("a note");
    keep_all(&repo);
    repo.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    repo.factory(CEO).exits(0);
    let diff = repo.git(&["diff", "--name-only", "main", "factory/best"]);
    assert_eq!(diff, "a.py\nb.py\n", "the dropped note must not come back");
}

#[test]
fn a_landing_branch_that_is_checked_out_is_never_moved() {
    let env = TestEnv::new();
    let repo = env.fixture("two_numbers");
    repo.git(&["branch", "factory/best"]);
    repo.git(&["worktree", "add", "--quiet", "../best", "factory/best"]);
    let before = repo.rev("factory/best");
    let best = env.work().join("best");
    let ran = repo.factory(CEO);
    assert_eq!(repo.rev("factory/best"), before, "{ran:?}");
    assert_eq!(env.git(&best, &["status", "--porcelain"]), "");
    assert!([0, 3].contains(&ran.code), "{ran:?}");
    assert!(
        ran.stderr.contains("factory/best") || ran.stdout.contains("checked out"),
        "{ran:?}"
    );
}

#[test]
fn checking_out_makes_a_branch_and_touches_nothing_else() {
    let env = TestEnv::new();
    let repo = env.fixture("two_numbers");
    let id = keep_one(&repo);
    let mut before = repo.fingerprint();
    let document = repo.factory(&["checkout", &id, "--json"]).exits(0).json();
    let branch = format!("ref refs/heads/{}", document["branch"].as_str().unwrap());
    let mut after = repo.fingerprint();
    let made = after.remove(&branch).unwrap();
    assert!(
        made.contains(document["commit"].as_str().unwrap()),
        "{made}"
    );
    for facts in [&mut before, &mut after] {
        facts.retain(|name, _| !name.starts_with("git logs/"));
    }
    assert_untouched(&before, &after);
    assert_eq!(
        repo.git(&["diff", "factory/best", document["branch"].as_str().unwrap()]),
        ""
    );
    repo.factory(&["checkout", &id, "--json"]).exits(0);
}

#[test]
fn a_rejection_is_recorded_in_the_person_s_words_and_outlasts_the_next_run() {
    let env = TestEnv::new();
    let repo = env.fixture("two_numbers");
    keep_all(&repo);
    let id = "2";
    let before = repo.fingerprint();
    let because = "we need twice of it next week";
    let document = repo
        .factory(&["reject", id, "--because", because, "--json"])
        .exits(0)
        .json();
    assert_eq!(document["schema"], "factory.reject/1");
    assert_untouched(&before, &repo.fingerprint());
    let shown = repo.factory(&["show", id, "--json"]).exits(0).json();
    assert_eq!(shown["rejections"][0]["because"], because, "{shown:#}");
    assert!(
        repo.factory(&["show", id])
            .exits(0)
            .stdout
            .contains(because)
    );
    let next = repo.factory(CEO).exits(0).json();
    assert_eq!(next["experiments"], serde_json::json!([]), "{next:#}");
}

#[test]
fn a_rejection_needs_words() {
    let env = TestEnv::new();
    let repo = env.fixture("two_numbers");
    repo.factory(&["reject", "1", "--because", " "]).exits(2);
}

#[test]
fn the_record_can_be_shown_compared_and_recomputed() {
    let env = TestEnv::new();
    let repo = env.fixture("two_numbers");
    let id = keep_one(&repo);
    let shown = repo.factory(&["show", &id, "--json"]).exits(0).json();
    assert_eq!(
        shown["experiment"]["decision"]["verdict"], "keep",
        "{shown:#}"
    );
    assert_eq!(shown["experiment"]["sandbox"]["tier"], "T0", "{shown:#}");
    let reaches_the_network = repo.isolation()["state"] != "fine";
    assert_eq!(
        shown["experiment"]["sandbox"]["network"], reaches_the_network,
        "{shown:#}"
    );
    let patch = repo.factory(&["diff", &id]).exits(0).stdout;
    assert!(patch.contains("-A = 50"), "{patch}");
    assert_eq!(repo.factory(&["diff"]).exits(0).stdout, patch);
    repo.factory(&["replay", &id]).exits(0);
    let history = repo.factory(&["history", "--json"]).exits(0).json();
    assert_eq!(
        history["experiments"].as_array().unwrap().len(),
        1,
        "{history:#}"
    );
    let events = repo.factory(&["events", "--json"]).exits(0);
    assert!(!events.stdout.is_empty());
}

#[test]
fn a_focus_is_one_experiment_on_that_rule_alone() {
    let env = TestEnv::new();
    let repo = env.fixture("python_with_findings");
    let mut args = CEO.to_vec();
    args.extend(["--focus", "ruff F401"]);
    let document = repo.factory(&args).exits(0).json();
    assert_eq!(document["cycles"], 1, "{document:#}");
    assert_eq!(document["kept"], 1, "{document:#}");
    let diff = repo.git(&["diff", "--unified=0", "main", "factory/best"]);
    assert!(
        diff.contains("-import os") && !diff.contains("f\"a radius"),
        "{diff}"
    );
}

#[test]
fn a_wish_from_the_backlog_is_granted() {
    let env = TestEnv::new();
    let repo = env.fixture("python_with_findings");
    let wish = "ruff F541";
    repo.factory(&["backlog", "add", wish]).exits(0);
    repo.factory(CEO).exits(0);
    assert!(repo.read("shapes/area.py").contains("f\"a radius"));
    assert!(
        !repo
            .git(&["show", "factory/best:shapes/area.py"])
            .contains("f\"a radius")
    );
    let backlog = repo.factory(&["backlog", "--json"]).exits(0).json();
    let closed = backlog["items"][0]["closed"].as_str().unwrap();
    assert!(closed.starts_with("experiment 1: keep: "), "{closed}");
}

#[test]
fn kept_lint_fixes_are_a_commit_per_rule_and_leave_files_that_judge_the_code() {
    let env = TestEnv::new();
    let repo = env.fixture("python_with_findings");
    for file in [
        "tests/test_more.py",
        "tests/conftest.py",
        "vendor/other.py",
        "_vendor/more.py",
    ] {
        repo.write(file, "import os\n");
    }
    repo.commit("findings everywhere");
    keep_one(&repo);
    let changed = repo.git(&["diff", "--name-only", "main", "factory/best"]);
    assert_eq!(changed, "shapes/area.py\n");
    let subjects = repo.git(&["log", "--format=%s", "main..factory/best"]);
    assert_eq!(subjects.lines().count(), 2, "{subjects}");
    assert!(
        repo.git(&["diff", "main", "factory/best"])
            .contains("-import os")
    );
}

#[test]
fn forgetting_removes_every_trace_but_what_was_kept() {
    let env = TestEnv::new();
    let repo = env.fixture("two_numbers");
    repo.write(".factory/mine.txt", "another tool's\n");
    let before = repo.fingerprint();
    keep_one(&repo);
    let kept = repo.rev("factory/best");
    repo.factory(&["forget"]).exits(2).tells("--yes");
    repo.factory(&["forget", "--yes"]).exits(0);
    assert_untouched(&before, &repo.fingerprint());
    assert_eq!(repo.rev("factory/best"), kept);
    assert_eq!(repo.git(&["for-each-ref", "refs/factory"]), "");
    assert!(!repo.path.join(".git/factory").exists());
    assert_eq!(repo.read(".factory/mine.txt"), "another tool's\n");
    assert_eq!(crate::support::list(&repo.path.join(".factory")).len(), 1);
    let history = repo.factory(&["history", "--json"]).exits(0).json();
    assert_eq!(history["total"], 0, "{history:#}");
}
