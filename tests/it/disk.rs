//! A disk that fills up while experiments run: told for what it is, and nothing more is tried on it.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::support::{CEO, Ran, Repo, TestEnv};

/// Says that a test was skipped where this machine lets nobody mount a small disk.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn with_small_scratch(env: &TestEnv, repo: &Repo<'_>, args: &[&str]) -> Option<Ran> {
    let scratch = env.root().join("scratch");
    fs::create_dir(&scratch).unwrap();
    let inner = env.factory_in(&repo.path, args);
    let script = r#"mount -t tmpfs -o size=24m none "$0" || exit 99; exec "$@""#;
    let mut outer = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        outer.args(["--user", "--map-root-user"]);
    }
    outer
        .args(["--mount", "sh", "-c", script])
        .arg(&scratch)
        .arg(inner.get_program())
        .args(args);
    let set = inner.get_envs();
    outer
        .env_clear()
        .envs(set.filter_map(|(name, value)| Some((name, value?))));
    let ran = Ran::of(&outer.current_dir(&repo.path).output().unwrap());
    if ran.code == 99 {
        eprintln!("SKIPPED: this machine lets nobody mount a small disk: {ran:?}");
        return None;
    }
    Some(ran)
}

#[test]
fn a_disk_that_fills_up_ends_the_run_by_its_name_and_not_an_idea() {
    let env = TestEnv::new();
    let repo = env.fixture("two_numbers");
    // What the lowered number brings is more than fits; it stays behind, as caches of tools do.
    let fill = env.root().join("scratch/fill");
    let script = repo.read("total.sh");
    let filling = format!(
        "grep -q '= 50' a.py || head -c 64M /dev/zero >{} || exit 1\n{script}",
        fill.display()
    );
    repo.write("total.sh", &filling);
    repo.commit("what is smaller takes more room");
    let Some(ran) = with_small_scratch(&env, &repo, CEO) else {
        return;
    };
    let ran = ran
        .exits(1)
        .tells_like(r"the disk at `\S+/scratch` is full: \d+ KiB are free")
        .tells("factory prune");
    let history = repo.factory(&["history", "--json"]).exits(0).json();
    let tried = history["experiments"].as_array().unwrap();
    assert_eq!(tried.len(), 1, "nothing is tried on a full disk: {ran:?}");
    assert_eq!(tried[0]["verdict"], "spurious", "{history:#}");
    let shown = repo.factory(&["show", "1", "--json"]).exits(0).json();
    let reasons: &Value = &shown["experiment"]["decision"]["reasons"];
    assert!(
        reasons[0].as_str().unwrap().contains("scratch"),
        "{shown:#}"
    );
    let again = repo.factory(CEO);
    assert_ne!(
        again.code, 3,
        "with room, the same idea is tried: {again:?}"
    );
}
