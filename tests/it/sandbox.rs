//! Evaluated code sees its tree and nothing above it, changes nothing, and never outlives the program.

use std::fs;
use std::process::Output;

use rustix::process::Signal;
use serde_json::Value;

use crate::runs::{ONLY_DECLARED, is_refused};
use crate::support::{Repo, TestEnv, files_below};

fn guards(commands: &[(&str, &str)]) -> String {
    let guard =
        |(name, run): &(&str, &str)| format!("[[guard]]\nname = \"{name}\"\nrun = '''{run}'''\n");
    format!(
        "{ONLY_DECLARED}{}",
        commands.iter().map(guard).collect::<String>()
    )
}

fn dimension(repo: &Repo<'_>, name: &str) -> Value {
    let document = repo.factory(&["eval", "--json"]).json();
    let all = document["dimensions"].as_array().unwrap();
    let found = all.iter().find(|it| it["name"] == name);
    found.unwrap_or_else(|| panic!("{document:#}")).clone()
}

/// Asserts that every guard holds.
#[track_caller]
fn assert_guards_hold(repo: &Repo<'_>) {
    let guards = dimension(repo, "guards");
    assert_eq!(guards["score"], 1.0, "{guards:#}");
}

#[test]
fn an_evaluation_has_its_own_network_path_and_throw_away_tree() {
    let env = TestEnv::new();
    if is_refused(&env) {
        return;
    }
    let profile = guards(&[
        ("alone", "test \"$(grep -c : /proc/self/net/dev)\" = 1"),
        (
            "loopback",
            "python3 -c 'import socket as s; a = s.create_server((\"127.0.0.1\", 0)); s.create_connection(a.getsockname())'",
        ),
        ("place", "test \"$(pwd)\" = /factory/tree"),
        (
            "write",
            "test ! -e stray && echo x > stray && echo y >> a.txt",
        ),
        ("read", "test -e stray"),
    ]);
    let repo = env.repo("target", &[("a.txt", "a\n"), ("factory.toml", &profile)]);
    assert_guards_hold(&repo);
    assert_guards_hold(&repo);
    let scratch = env.root().join("scratch");
    let strays = files_below(&scratch)
        .into_iter()
        .filter(|it| it.ends_with("tree/stray"));
    assert_eq!(strays.count(), 0);
    let open = profile
        .replace("[eval]\n", "[eval]\nnetwork = true\n")
        .replace("= 1'''", "!= 0'''");
    repo.write("factory.toml", &open);
    repo.commit("the network is declared");
    assert_guards_hold(&repo);
    let document = repo.factory(&["eval", "--json"]).json();
    assert_eq!(document["sandbox"]["network"], true);
}

/// Truth trap 2: a build or a compiled file that is older than an edit must not pass for it.
#[test]
fn truth_trap_stale_build_a_same_size_edit_with_an_old_date_is_seen() {
    let env = TestEnv::new();
    // The tests alone: nothing else is looked at here.
    let profile = "[eval]\nskip = [\"lint\", \"types\", \"coverage\", \"capability\", \"config\", \"observability\"]\n";
    let rust = env.repo(
        "stale_build_rust",
        &[
            ("factory.toml", profile),
            (
                "Cargo.toml",
                "[package]\nname = \"stale\"\nversion = \"0.1.0\"\nedition = \"2021\"\n",
            ),
            (
                "src/lib.rs",
                "pub fn one() -> i32 {\n    1\n}\n\n#[test]\nfn is_one() {\n    assert_eq!(one(), 1);\n}\n",
            ),
        ],
    );
    let python = env.repo(
        "stale_build_python",
        &[
            ("factory.toml", profile),
            (
                "pyproject.toml",
                "[project]\nname = \"stale\"\nversion = \"0\"\n",
            ),
            ("stale.py", "def one():\n    return 1\n"),
            (
                "test_stale.py",
                "from stale import one\n\n\ndef test_one():\n    assert one() == 1\n",
            ),
        ],
    );
    for (repo, file, from, to) in [
        (&rust, "src/lib.rs", "    1\n", "    2\n"),
        (&python, "stale.py", "return 1", "return 2"),
    ] {
        let healthy = dimension(repo, "tests");
        assert_eq!(healthy["native"]["value"], 0.0, "{healthy:#}");
        repo.write(file, &repo.read(file).replacen(from, to, 1));
        let old = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        let edited = fs::File::open(repo.path.join(file)).unwrap();
        edited.set_modified(old).unwrap();
        repo.commit("break it");
        let broken = dimension(repo, "tests");
        assert_eq!(broken["native"]["value"], 1.0, "{broken:#}");
        repo.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
        let healed = dimension(repo, "tests");
        assert_eq!(healed["native"]["value"], 0.0, "{healed:#}");
    }
}

/// Truth trap 9: tools that ask git for a version find the nearest tag, changed tree or not.
#[test]
fn truth_trap_no_git_the_nearest_tag_is_there() {
    let env = TestEnv::new();
    let profile = guards(&[
        (
            "version",
            "test \"$(git describe --tags --dirty)\" = v1.2.3",
        ),
        (
            "clean",
            "test -z \"$(git status --porcelain --untracked-files=no)\"",
        ),
        ("alone", "test \"$(git rev-list --all --count)\" = 1"),
    ]);
    let repo = env.repo("no_git", &[("a.txt", "a\n"), ("factory.toml", &profile)]);
    repo.git(&["tag", "v1.2.3"]);
    repo.write("a.txt", "b\n");
    repo.commit("after the release");
    assert_guards_hold(&repo);
    let at = repo.factory(&["eval", "--json", "--at", "HEAD~1"]).json();
    assert_eq!(at["vetoes"].as_array().unwrap().len(), 0, "{at:#}");
}

/// Files that break or change every suite below them.
fn break_everything_above(env: &TestEnv) {
    let above = env.root();
    fs::create_dir_all(above.join(".cargo")).unwrap();
    for (name, text) in [
        ("Cargo.toml", "[workspace]\nmembers = [\"nothing-here\"]\n"),
        (
            ".cargo/config.toml",
            "[build]\nrustflags = [\"--no-such-flag\"]\n",
        ),
        (
            "rust-toolchain.toml",
            "[toolchain]\nchannel = \"no-such-channel\"\n",
        ),
        ("conftest.py", "raise SystemExit('from above')\n"),
        ("pytest.ini", "[pytest]\naddopts = --no-such-option\n"),
        ("ruff.toml", "no-such-key = 1\n"),
        ("package.json", "{ this is no JSON\n"),
        ("go.work", "no such directive\n"),
        (".editorconfig", "root = true\n"),
    ] {
        fs::write(above.join(name), text).unwrap();
    }
}

/// Truth trap 10: what lies above an evaluated tree is not part of the project.
#[test]
fn truth_trap_parents_nothing_above_the_tree_leaks_in() {
    let env = TestEnv::new();
    if is_refused(&env) {
        return;
    }
    break_everything_above(&env);
    for fixture in ["rust_with_findings", "python_with_findings"] {
        let repo = env.fixture(fixture);
        repo.write(
            "factory.toml",
            "[eval]\nskip = [\"types\", \"coverage\", \"capability\"]\n",
        );
        repo.commit("tests and lint");
        let document = repo.factory(&["eval", "--json"]).json();
        let all = document["dimensions"].as_array().unwrap();
        for name in ["tests", "lint"] {
            let found = all.iter().find(|it| it["name"] == name).unwrap();
            assert_eq!(found["status"], "measured", "{fixture}: {document:#}");
        }
    }
}

/// Runs `factory`, from a copy that everybody may read, as a user without any rights.
fn as_nobody(repo: &Repo<'_>, env: &TestEnv, args: &[&str]) -> Output {
    let program = env.root().join("factory");
    fs::copy(env!("CARGO_BIN_EXE_factory"), &program).unwrap();
    crate::support::set_mode(&env.root(), 0o755);
    let owned = env
        .command("chown", &env.root())
        .args(["-R", "65534:65534", "."])
        .status();
    assert!(owned.unwrap().success());
    let mut command = env.command("setpriv", &repo.path);
    command
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
        .arg(&program)
        .args(args);
    command.output().unwrap()
}

#[test]
fn an_ordinary_user_is_isolated_too_and_leaves_nothing_that_cannot_be_removed() {
    let env = TestEnv::new();
    if is_refused(&env) || !rustix::process::getuid().is_root() {
        return;
    }
    let profile = guards(&[
        ("alone", "test \"$(grep -c : /proc/self/net/dev)\" = 1"),
        ("itself", "test \"$(id -u)\" = 65534"),
        (
            "write",
            "test ! -e stray && echo x > stray && echo y >> a.txt",
        ),
        (
            "powers",
            "grep -q 'CapEff:.0000000000000000' /proc/self/status",
        ),
        ("version", "test \"$(git describe --tags --dirty)\" = v1"),
    ]);
    let repo = env.repo("target", &[("a.txt", "a\n"), ("factory.toml", &profile)]);
    repo.git(&["tag", "v1"]);
    for _ in 0..2 {
        let output = as_nobody(&repo, &env, &["eval", "--json"]);
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        let all = document["dimensions"].as_array().unwrap();
        let guards = all.iter().find(|it| it["name"] == "guards").unwrap();
        assert_eq!(guards["score"], 1.0, "{document:#}");
        assert_eq!(document["sandbox"]["network"], false, "{document:#}");
    }
    let mut removed = env.command("setpriv", &env.root());
    removed.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
    let status = removed.args(["rm", "-r", "scratch"]).status().unwrap();
    assert!(status.success());
}

/// Runs `factory` in a user namespace that may make no other.
fn without_namespaces(repo: &Repo<'_>, env: &TestEnv, args: &[&str]) -> Output {
    let forbid = "for it in user mnt; do echo 0 > /proc/sys/user/max_${it}_namespaces || exit 99; done; exec \"$@\"";
    let mut command = env.command("unshare", &repo.path);
    command
        .args(["--user", "--map-root-user", "sh", "-c", forbid, "sh"])
        .arg(env!("CARGO_BIN_EXE_factory"))
        .args(args);
    command.output().unwrap()
}

#[test]
fn without_namespaces_trees_are_copies_it_is_said_and_a_leak_is_refused() {
    let env = TestEnv::new();
    if is_refused(&env) {
        return;
    }
    let profile = guards(&[
        ("version", "test \"$(git describe --tags --dirty)\" = v7"),
        ("write", "test ! -e stray && echo x > stray"),
    ]);
    let repo = env.repo("target", &[("a.txt", "a\n"), ("factory.toml", &profile)]);
    repo.git(&["tag", "v7"]);
    for _ in 0..2 {
        let output = without_namespaces(&repo, &env, &["eval", "--json"]);
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        let all = document["dimensions"].as_array().unwrap();
        let guards = all.iter().find(|it| it["name"] == "guards").unwrap();
        assert_eq!(guards["score"], 1.0, "{document:#}");
        assert_eq!(document["sandbox"]["network"], true);
        let note = document["sandbox"]["note"].as_str().unwrap();
        assert!(note.contains("make namespaces"), "{note}");
    }
    fs::write(env.root().join("go.work"), "go 1.22\n").unwrap();
    let output = without_namespaces(&repo, &env, &["eval"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{told}");
    assert!(
        told.contains("go.work") && told.contains("FACTORY_SCRATCH"),
        "{told}"
    );
}

#[test]
fn killing_the_program_ends_its_commands_and_leaves_no_mount() {
    let env = TestEnv::new();
    let profile = guards(&[("slow", "echo x > stray; exec sleep 1000")]);
    let repo = env.repo("target", &[("a.txt", "a\n"), ("factory.toml", &profile)]);
    let mut running = repo.start(&["eval"]);
    let stray = || {
        let scratch = env.root().join("scratch");
        scratch.exists() && files_below(&scratch).iter().any(|it| it.ends_with("stray"))
    };
    assert!(running.wait_until(|_| stray()), "{}", running.told());
    running.signal(Signal::KILL);
    running.end();
    let left = env.settled_processes();
    assert!(left.is_empty(), "{left:#?}");
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    assert!(!mounts.contains(env.root().to_str().unwrap()), "{mounts}");
    repo.write("factory.toml", &guards(&[("quick", "test ! -e stray")]));
    repo.commit("quick");
    assert_guards_hold(&repo);
}
