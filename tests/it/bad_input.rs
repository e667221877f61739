//! What people point the program at by mistake: the right exit code, and a message that helps.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::Command;

use crate::support::{CEO, Ran, Repo, TestEnv, assert_untouched, ceo_with, set_mode};

/// Verbs that look at a target without changing anything.
const READING: [&str; 4] = ["eval", "report", "status", "history"];

const MANIFEST: &str = "[package]\nname = \"sample\"\nversion = \"0.1.0\"\n\n[workspace]\n";

/// Asserts that the run of the loop tried something and left everything as it was.
#[track_caller]
fn assert_works_untouched(repo: &Repo<'_>) -> serde_json::Value {
    let before = repo.fingerprint();
    let document = repo.factory(&ceo_with(&["--cycles", "1"])).exits(0).json();
    assert_untouched(&before, &repo.fingerprint());
    assert_eq!(document["cycles"], 1, "{document:#}");
    document
}

/// Runs `ceo` and every reading verb on a path; asserts that all of them refuse it with 3.
#[track_caller]
fn all_refuse(env: &TestEnv, path: &str, words: &str) {
    env.run(&ceo_with(&[path]))
        .exits(3)
        .tells(words)
        .tells("hint: ");
    for verb in READING {
        env.run(&[verb, path])
            .exits(3)
            .silent()
            .tells(words)
            .tells("hint: ");
    }
}

#[test]
fn a_mistyped_path_is_named_and_never_taken_for_an_idea() {
    let env = TestEnv::new();
    all_refuse(&env, "my-projcet", "`my-projcet` is not there");
    all_refuse(&env, "./my projcet", "`./my projcet` is not there");
}

#[test]
fn a_file_is_not_a_target() {
    let env = TestEnv::new();
    fs::write(env.work().join("notes.txt"), "buy milk").unwrap();
    for verb in READING {
        env.run(&[verb, "notes.txt"])
            .exits(3)
            .silent()
            .tells("`notes.txt` is not a directory");
    }
}

#[test]
fn building_from_an_idea_is_not_offered_yet_and_says_what_is() {
    let env = TestEnv::new();
    fs::write(env.work().join("idea.md"), "a weather service").unwrap();
    for idea in ["idea.md", "a weather service", "https://example.org/idea"] {
        env.run(&ceo_with(&[idea])).exits(2).tells("improve");
    }
    for mode in ["build", "interactive", "meta", "nonsense"] {
        env.run(&ceo_with(&["--mode", mode, "."]))
            .exits(2)
            .tells("improve");
    }
}

#[test]
fn a_folder_without_git_says_how_to_begin() {
    let env = TestEnv::new();
    fs::create_dir(env.work().join("plain")).unwrap();
    fs::write(env.work().join("plain/main.py"), "print(1)\n").unwrap();
    all_refuse(&env, "plain", "is not a git repository");
    env.run(&["eval", "plain"]).exits(3).tells("git init");
    assert!(!env.work().join("plain/.git").exists());
    assert!(!env.work().join("plain/.factory").exists());
}

#[test]
fn a_repository_without_a_commit_is_refused() {
    let env = TestEnv::new();
    let repo = env.unborn("unborn");
    repo.write("src/lib.rs", "pub fn one() -> i32 { 1 }\n");
    let before = repo.fingerprint();
    all_refuse(&env, "unborn", "has no commit yet");
    assert_untouched(&before, &repo.fingerprint());
}

#[test]
fn an_empty_commit_has_nothing_to_measure() {
    let env = TestEnv::new();
    let repo = env.repo("empty", &[]);
    repo.factory(CEO).exits(4).tells("hint: ");
    assert_eq!(
        repo.factory(&["eval", "--json"]).exits(4).json()["schema"],
        "factory.eval/1"
    );
}

#[test]
fn a_bare_repository_is_refused() {
    let env = TestEnv::new();
    env.git(&env.work(), &["init", "--quiet", "--bare", "bare.git"]);
    all_refuse(&env, "bare.git", "bare repository");
}

#[test]
fn a_folder_inside_a_repository_is_refused_naming_its_root() {
    let env = TestEnv::new();
    let repo = env.fixture("rust_with_findings");
    let root = repo.str().to_string();
    all_refuse(&env, "rust_with_findings/src", &root);
    env.run_in(&repo.path.join("src"), &["status"])
        .exits(3)
        .tells(&root);
}

#[test]
fn a_repository_inside_another_is_a_target_of_its_own() {
    let env = TestEnv::new();
    let outer = env.repo(
        "outer",
        &[("README.md", "outer\n"), (".gitignore", "inner\n")],
    );
    let inner = env.unborn("outer/inner");
    crate::support::copy_tree(
        &Path::new(crate::support::PACKAGE).join("tests/fixtures/two_numbers"),
        &inner.path,
    );
    inner.commit("first");
    let before = outer.fingerprint();
    assert_works_untouched(&inner);
    let git_of = |facts: &std::collections::BTreeMap<String, String>| -> Vec<(String, String)> {
        let own = facts
            .iter()
            .filter(|it| !it.0.starts_with("checkout inner"));
        own.map(|(name, fact)| (name.clone(), fact.clone()))
            .collect()
    };
    assert_eq!(git_of(&before), git_of(&outer.fingerprint()));
}

#[test]
fn a_detached_head_works() {
    let env = TestEnv::new();
    let repo = env.fixture("two_numbers");
    repo.git(&["checkout", "--quiet", "--detach"]);
    assert_works_untouched(&repo);
    repo.factory(&["land"])
        .exits(3)
        .tells("detached")
        .tells("hint: ");
}

#[test]
fn a_dirty_tree_works_and_is_not_looked_at() {
    let env = TestEnv::new();
    let repo = env.fixture("two_numbers");
    repo.write("a.py", "this is in the middle of being written {{{\n");
    repo.write("staged.txt", "staged\n");
    repo.git(&["add", "staged.txt"]);
    repo.write("staged.txt", "staged, then changed\n");
    repo.write("untracked.txt", "nobody knows\n");
    repo.git(&["stash", "push", "--quiet", "--include-untracked"]);
    repo.git(&["stash", "apply", "--quiet", "--index"]);
    let document = assert_works_untouched(&repo);
    assert_eq!(
        document["experiments"][0]["verdict"], "keep",
        "{document:#}"
    );
    let before = repo.fingerprint();
    repo.factory(&["land"])
        .exits(3)
        .tells("uncommitted changes")
        .tells("hint: ");
    assert_untouched(&before, &repo.fingerprint());
}

#[test]
fn in_the_middle_of_a_rebase_experiments_run_and_landing_waits() {
    let env = TestEnv::new();
    let repo = env.fixture("two_numbers");
    repo.git(&["checkout", "--quiet", "-b", "topic"]);
    repo.write("notes.txt", "topic\n");
    repo.commit("topic");
    repo.git(&["checkout", "--quiet", "main"]);
    repo.write("notes.txt", "main\n");
    repo.commit("main");
    repo.git(&["checkout", "--quiet", "topic"]);
    let rebase = env
        .command("git", &repo.path)
        .args(["rebase", "main"])
        .output()
        .unwrap();
    assert!(
        !rebase.status.success(),
        "the rebase should stop at a conflict"
    );
    assert_works_untouched(&repo);
    let before = repo.fingerprint();
    repo.factory(&["land"])
        .exits(3)
        .tells("rebase")
        .tells("hint: ");
    assert_untouched(&before, &repo.fingerprint());
}

#[test]
fn a_path_that_is_not_utf8_is_refused() {
    let env = TestEnv::new();
    let name = OsStr::from_bytes(b"caf\xe9");
    fs::create_dir(env.work().join(name)).unwrap();
    let output = env
        .factory_in(&env.work(), &["eval"])
        .arg(name)
        .output()
        .unwrap();
    let code = output.status.code().unwrap();
    assert!([2, 3].contains(&code), "exit code {code}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("UTF-8"));
    let output = env
        .factory_in(&env.work().join(name), &["eval"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("UTF-8"));
}

#[test]
fn a_tracked_file_whose_name_is_not_utf8_is_named_and_harms_nothing() {
    let env = TestEnv::new();
    let repo = env.fixture("rust_with_findings");
    fs::write(repo.path.join(OsStr::from_bytes(b"caf\xe9.txt")), "milk\n").unwrap();
    repo.commit("a name in another encoding");
    let before = repo.fingerprint();
    repo.factory(CEO)
        .exits(3)
        .tells("caf")
        .tells("UTF-8")
        .tells("hint: ");
    assert_untouched(&before, &repo.fingerprint());
}

/// Makes a folder read-only for the command, also for root, who is not held back by mode bits.
fn read_only(env: &TestEnv, folder: &Path, args: &[&str]) -> Ran {
    if rustix::process::geteuid().is_root() {
        let script =
            r#"mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && cd "$0" && exec "$@""#;
        let inner = env.factory_in(folder, args);
        let mut outer = Command::new("unshare");
        outer
            .args(["--mount", "sh", "-c", script])
            .arg(folder)
            .arg(inner.get_program())
            .args(args);
        outer.env_clear().envs(
            inner
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        return Ran::of(&outer.current_dir(folder).output().unwrap());
    }
    set_mode(folder, 0o555);
    set_mode(&folder.join(".git"), 0o555);
    let ran = env.run_in(folder, args);
    set_mode(&folder.join(".git"), 0o755);
    set_mode(folder, 0o755);
    ran
}

#[test]
fn a_read_only_directory_is_refused_before_any_work() {
    let env = TestEnv::new();
    let repo = env.fixture("rust_with_findings");
    let before = repo.fingerprint();
    read_only(&env, &repo.path, CEO)
        .exits(3)
        .tells("hint: ")
        .tells_like("(?i)read-only|permission|writ");
    assert_untouched(&before, &repo.fingerprint());
    read_only(&env, &repo.path, &["status"]).exits(0);
    read_only(&env, &repo.path, &["detect", "--json"]).exits(0);
}

#[test]
fn a_branch_called_factory_is_in_the_way_and_said_so_before_any_work() {
    let env = TestEnv::new();
    let repo = env.fixture("two_numbers");
    repo.git(&["branch", "factory"]);
    let before = repo.fingerprint();
    repo.factory(CEO)
        .exits(3)
        .tells("`factory/best`")
        .tells("`factory`")
        .tells_like(r"hint: .*landing");
    assert_untouched(&before, &repo.fingerprint());
    let landing = "\n[landing]\nbranch = \"kept\"\n";
    repo.write("factory.toml", &(repo.read("factory.toml") + landing));
    repo.commit("choose another landing branch");
    repo.factory(&ceo_with(&["--cycles", "1"])).exits(0);
    assert!(repo.has_ref("refs/heads/kept"));
}

#[test]
fn a_broken_profile_is_refused_with_line_column_and_the_nearest_name() {
    let env = TestEnv::new();
    let repo = env.repo(
        "broken",
        &[("Cargo.toml", MANIFEST), ("src/lib.rs", "//! Nothing.\n")],
    );
    let cases = [
        (
            "# mine\n[eval]\ntreshold = 0.5\n",
            "factory.toml:3:1",
            "`threshold`",
        ),
        (
            "[lading]\nbranch = \"x\"\n",
            "factory.toml:1:2",
            "`landing`",
        ),
        (
            "[[guard]]\nname = \"x\"\nrnu = \"true\"\n",
            "factory.toml:3:1",
            "`run`",
        ),
        ("[eval]\nthreshold = \"high\"\n", "factory.toml:2:13", ""),
        ("[eval\n", "factory.toml:1:", ""),
        (
            "[[metric]]\nname = \"x\"\nrun = \"true\"\n",
            "factory.toml:1:",
            "direction",
        ),
    ];
    for (text, place, name) in cases {
        repo.write("factory.toml", text);
        repo.commit("change the profile");
        for args in [CEO, &["eval"], &["report"]] {
            repo.factory(args).exits(3).tells(place).tells(name);
        }
    }
}

#[test]
fn a_profile_that_contradicts_itself_is_refused() {
    let env = TestEnv::new();
    let repo = env.repo(
        "broken",
        &[("Cargo.toml", MANIFEST), ("src/lib.rs", "//! Nothing.\n")],
    );
    let metric = "[[metric]]\nname = \"x\"\nrun = \"true\"\ndirection = \"minimize\"\n";
    let cases = [
        ("[decision]\nalpha = 1.5\n".to_string(), "alpha"),
        ("[eval]\nthreshold = 2.0\n".to_string(), "threshold"),
        (format!("{metric}{metric}"), "x"),
        (
            "[[parameter]]\nfile = \"src/lib.rs\"\nname = \"N\"\nchoices = [\"1\"]\nmetric = \"y\"\n"
                .to_string(),
            "`y`",
        ),
        ("[scope]\nmutable = [\"[\"]\n".to_string(), "["),
    ];
    for (text, words) in cases {
        repo.write("factory.toml", &text);
        repo.commit("change the profile");
        repo.factory(&["eval"]).exits(3).tells(words);
    }
}

#[test]
fn nothing_that_builds_means_nothing_is_tried() {
    let env = TestEnv::new();
    let repo = env.fixture("does_not_build");
    let before = repo.fingerprint();
    repo.factory(CEO)
        .exits(4)
        .tells("src/lib.rs")
        .tells("hint: ");
    let document = repo.factory(&["eval", "--json"]).exits(4).json();
    assert_eq!(
        document["vetoes"][0]["rule"], "does_not_build",
        "{document:#}"
    );
    assert_untouched(&before, &repo.fingerprint());
    assert_eq!(
        repo.factory(&["history", "--json"]).exits(0).json()["experiments"],
        serde_json::json!([])
    );
}

#[test]
fn a_suite_that_cannot_be_collected_means_nothing_is_tried() {
    let env = TestEnv::new();
    let repo = env.fixture("cannot_be_collected");
    repo.factory(CEO).exits(4).tells("cannot be collected");
    let document = repo.factory(&["eval", "--json"]).exits(4).json();
    assert_eq!(
        document["vetoes"][0]["rule"], "suite_broken",
        "{document:#}"
    );
}

#[test]
fn failing_tests_are_named_and_do_not_stop_the_loop() {
    let env = TestEnv::new();
    let repo = env.fixture("one_test_fails");
    let document = assert_works_untouched(&repo);
    assert_eq!(
        document["experiments"][0]["verdict"], "keep",
        "{document:#}"
    );
    let failing = document["first_report"]["failing"].to_string();
    assert!(
        failing.contains("half_of_three_is_one_and_a_half"),
        "{failing}"
    );
}

#[test]
fn without_tools_the_missing_one_is_named() {
    let env = TestEnv::with_only(&["git"]);
    let rust = env.fixture("rust_with_findings");
    let python = env.fixture("python_with_findings");
    rust.factory(CEO).exits(5).tells("cargo").tells("hint: ");
    python.factory(CEO).exits(5).tells("python").tells("hint: ");
    rust.factory(&["doctor"]).exits(5);
    rust.factory(&["detect", "--json"]).exits(0);
    assert_eq!(
        rust.factory(&["eval", "--json"]).exits(5).json()["schema"],
        "factory.eval/1"
    );
}

#[test]
fn without_git_the_missing_program_is_named() {
    let env = TestEnv::new();
    let repo = env.fixture("two_numbers");
    repo.factory(&ceo_with(&["--cycles", "1"])).exits(0);
    let bare = TestEnv::with_only(&[]);
    bare.run_in(&repo.path, &["land"])
        .exits(5)
        .tells("`git`")
        .tells("hint: ");
    bare.run(&["demo", "--headless"])
        .exits(5)
        .tells("git")
        .tells("hint: ");
}

#[test]
fn the_command_line_is_checked_before_anything_else() {
    let env = TestEnv::new();
    for args in [
        &["ceo", "--cycles", "many"][..],
        &["no-such-verb"],
        &["show"],
        &["show", "not-a-number"],
        &["checkout"],
        &["reject", "1"],
        &["eval", "--no-such-flag"],
        &["ceo", "--seed", "-1"],
    ] {
        env.run(args).exits(2).silent();
    }
}

#[test]
fn an_experiment_that_never_was_is_not_found() {
    let env = TestEnv::new();
    let repo = env.fixture("rust_with_findings");
    for verb in ["show", "diff", "checkout", "replay"] {
        repo.factory(&[verb, "7"]).exits(3).silent().tells("7");
    }
    repo.factory(&["reject", "7", "--because", "it does not exist"])
        .exits(3)
        .tells("7");
}
