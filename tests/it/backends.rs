//! A program of somebody's as a backend: heard, held to the gates, and kept from what is private.

use std::fs;

use crate::runs::{
    Idea, ONLY_DECLARED, assert_replays, backend, cut_short, experiment, is_refused, moves, shown,
    with_backend,
};
use crate::support::{PACKAGE, Repo, TestEnv, assert_untouched, ceo_with};
use rustix::process::Signal;

/// A target without a language: a number in each of two files, and their sum as the metric.
const PROFILE: &str = r#"
[scope]
mutable = ["*.txt"]
[[metric]]
name = "total"
run = "sh total.sh"
direction = "minimize"
deterministic = true
[[guard]]
name = "numbers are numbers"
run = "sh -c 'test $(cat a.txt) -gt 0 && test $(cat b.txt) -gt 0'"
"#;

const TOTAL: &str = "echo METRIC total=$(($(cat a.txt) + $(cat b.txt)))\n";

/// Makes a target, and a program that proposes these titles and builds each by its Python lines.
fn target<'a>(env: &'a TestEnv, builds: &[(&str, &str)]) -> (Repo<'a>, String) {
    let files = [
        ("factory.toml", &*format!("{ONLY_DECLARED}{PROFILE}")),
        ("total.sh", TOTAL),
        ("a.txt", "50\n"),
        ("b.txt", "50\n"),
    ];
    let repo = env.repo("target", &files);
    let claim = moves("total");
    let ideas: Vec<Idea<'_>> = builds
        .iter()
        .map(|&(title, build)| Idea {
            title,
            claim: &claim,
            build,
        })
        .collect();
    (repo, backend(env, "", &ideas))
}

/// How often the builder answered, in all runs so far.
fn answers_of_the_builder(repo: &Repo<'_>) -> usize {
    let logs = fs::read_dir(repo.path.join(".factory/logs")).unwrap();
    let logs = logs.map(|it| it.unwrap().path().join("agent-builder.log"));
    let texts = logs.filter_map(|it| fs::read_to_string(it).ok());
    texts.map(|it| it.matches("\"message\"").count()).sum()
}

#[test]
fn the_shipped_examples_in_two_languages_find_the_formula() {
    let env = TestEnv::new();
    if is_refused(&env) {
        return;
    }
    let source = std::path::Path::new(PACKAGE).join("experiments/agents");
    for (name, run) in [
        ("python", "python3 agents/agent.py"),
        ("shell", "sh agents/agent.sh"),
    ] {
        let repo = env.copy_of(&source, name);
        let before = repo.fingerprint();
        let run = format!("backend.command.run=\"{run}\"");
        let document = repo.factory(&with_backend(&run, &[])).exits(0).json();
        assert_eq!(document["kept"], 1, "{document:#}");
        assert_eq!(document["sandbox"]["tier"], "T2");
        let effect = &document["experiments"][0]["effect"];
        assert_eq!(
            (&effect["before"], &effect["after"]),
            (&100.0.into(), &1.0.into())
        );
        let shown = shown(&repo, 1);
        assert_eq!(shown["experiment"]["backend"], "command", "{shown:#}");
        assert_untouched(&before, &repo.fingerprint());
    }
}

#[test]
fn two_wins_that_were_built_at_once_are_stacked() {
    let env = TestEnv::new();
    if is_refused(&env) {
        return;
    }
    let (repo, run) = target(
        &env,
        &[
            ("Lower a", "write('a.txt', '10\\n')"),
            ("Lower b", "write('b.txt', '20\\n')"),
        ],
    );
    let document = repo
        .factory(&with_backend(&run, &["--parallel", "2"]))
        .exits(0)
        .json();
    assert_eq!(document["kept"], 2, "{document:#}");
    let (one, other) = (
        experiment(&document, "Lower a"),
        experiment(&document, "Lower b"),
    );
    assert_eq!(one["effect"]["after"], 60.0);
    // The second was measured on top of the first: the sum of both is what was tested.
    assert_eq!(
        (&other["effect"]["before"], &other["effect"]["after"]),
        (&60.0.into(), &30.0.into())
    );
    assert_eq!(one["cost"]["tokens"], 10);
    assert_eq!(one["cost"]["usd_cents"], 1);
    assert_eq!(
        repo.git(&["show", "factory/best:a.txt", "factory/best:b.txt"]),
        "10\n20\n"
    );
    assert_eq!(answers_of_the_builder(&repo), 2);
}

#[test]
fn a_program_that_builds_three_variants_has_the_best_of_them_tested() {
    let env = TestEnv::new();
    if is_refused(&env) {
        return;
    }
    let build = "number = question['input']['variant']['number']\n\
                 write('a.txt', f'{[40, 20, 30][number - 1]}\\n')\n\
                 answer['message'] = f'Lower a, way {number}'";
    let (repo, run) = target(&env, &[("Lower a", build)]);
    let document = repo
        .factory(&with_backend(&run, &["--variants", "3", "--parallel", "2"]))
        .exits(0)
        .json();
    assert_eq!(document["kept"], 1, "{document:#}");
    let one = experiment(&document, "Lower a");
    assert_eq!(
        (&one["effect"]["after"], &one["cost"]["tokens"]),
        (&70.0.into(), &30.into())
    );
    let shown = shown(&repo, 1);
    let screening = &shown["experiment"]["screening"];
    assert_eq!(screening["winner"], 2, "{screening:#}");
    assert_eq!(screening["variants"][2]["title"], "Lower a, way 3");
    assert_replays(&repo, 1);
}

#[test]
fn a_candidate_that_conflicts_with_a_keep_is_deferred_and_built_again() {
    let env = TestEnv::new();
    if is_refused(&env) {
        return;
    }
    let (repo, run) = target(
        &env,
        &[
            ("1: set a to 40", "write('a.txt', '40\\n')"),
            ("2: set a to 20", "write('a.txt', '20\\n')"),
        ],
    );
    let ran = repo
        .factory(&with_backend(&run, &["--parallel", "2"]))
        .exits(0)
        .tells("deferred, since it conflicts in a.txt");
    let document = ran.json();
    assert_eq!(document["kept"], 2, "{document:#}");
    assert_eq!(
        experiment(&document, "2: set a to 20")["effect"]["before"],
        90.0
    );
    assert_eq!(answers_of_the_builder(&repo), 3);
}

#[test]
fn a_killed_run_loses_no_candidate_that_was_built() {
    let env = TestEnv::new();
    if is_refused(&env) {
        return;
    }
    let (repo, run) = target(
        &env,
        &[
            ("Lower a", "write('a.txt', '10\\n')"),
            ("Lower b", "write('b.txt', '20\\n')"),
        ],
    );
    let args = with_backend(&run, &["--parallel", "2"]);
    cut_short(&repo, &args, "experiment_started", Signal::KILL);
    repo.factory(&args).exits(0);
    assert_eq!(
        repo.git(&["show", "factory/best:a.txt", "factory/best:b.txt"]),
        "10\n20\n"
    );
    assert_eq!(answers_of_the_builder(&repo), 2);
}

#[test]
fn what_a_builder_must_not_do_is_put_back_refused_or_vetoed() {
    let env = TestEnv::new();
    if is_refused(&env) {
        return;
    }
    let secret = env.root().join("home/.netrc");
    fs::write(&secret, "password s3cr3t\n").unwrap();
    let repo_path = env.work().join("target");
    let peek = format!(
        "for path in ['{}', '{}/.git/HEAD', '{}/factory-home']:\n    sys.stderr.write(f'{{path}} {{os.path.exists(path)}}\\n')\nwrite('a.txt', '50\\n')",
        secret.display(),
        repo_path.display(),
        env.root().display()
    );
    let (repo, run) = target(
        &env,
        &[
            ("1: cheat", "write('total.sh', 'echo METRIC total=1\\n')"),
            ("2: claim", "pass"),
            ("3: verdict", "answer['verdict'] = 'keep'"),
            (
                "4: link",
                "os.remove('a.txt'); os.symlink('/etc/hostname', 'a.txt')",
            ),
            (
                "5: remove",
                "for name in ['a.txt', 'b.txt', 'total.sh', 'factory.toml', '.git/HEAD']:\n    os.remove(name)",
            ),
            ("6: peek", &peek),
            ("7: nonsense", "answer = 'done!'"),
        ],
    );
    let before = repo.fingerprint();
    let document = repo
        .factory(&with_backend(&run, &[]))
        .exits(0)
        .tells("put back, since experiments may not change what judges them")
        .json();
    assert_eq!(document["kept"], 0, "{document:#}");
    for (title, reason) in [
        (
            "1: cheat",
            "scope total.sh: is outside of what experiments may touch",
        ),
        (
            "2: claim",
            "the builder changed nothing that an experiment may change",
        ),
        ("3: verdict", "unknown field `verdict`"),
        ("4: link", "a.txt"),
        (
            "6: peek",
            "the builder changed nothing that an experiment may change",
        ),
        ("7: nonsense", "the builder gave no usable answer"),
    ] {
        let experiment = experiment(&document, title);
        assert_eq!(experiment["verdict"], "vetoed", "{experiment:#}");
        let found = experiment["reasons"][0].as_str().unwrap();
        assert!(found.contains(reason), "{title}: {found}");
    }
    assert_ne!(experiment(&document, "5: remove")["verdict"], "keep");
    let logs = env.git(
        &repo.path,
        &[
            "grep",
            "--no-index",
            "--no-exclude-standard",
            "-h",
            "home",
            "--",
            ".factory/logs",
        ],
    );
    assert!(
        logs.contains(".netrc False") && !logs.contains("True"),
        "{logs}"
    );
    assert_untouched(&before, &repo.fingerprint());
    let left = env.settled_processes();
    assert!(left.is_empty(), "still running: {left:#?}");
}

#[test]
fn a_candidate_that_remembers_its_answer_is_no_better() {
    let env = TestEnv::new();
    if is_refused(&env) {
        return;
    }
    let lines = "for place in ['$FACTORY_BUILD_DIR', '.']:\n    \
                 memo = place + '/memo'\n    \
                 code = f'if [ -e \"{memo}\" ]; then total=1; else total=100; echo >\"{memo}\"; fi\\n'\n    \
                 if place[0] == title[0]:\n        write('count.sh', code + 'echo METRIC total=$total')";
    let (repo, run) = target(&env, &[("$ build folder", lines), (". tree", lines)]);
    repo.write("total.sh", ". ./count.sh\n");
    repo.write("count.sh", "echo METRIC total=100\n");
    let profile = PROFILE.replace("[\"*.txt\"]", "[\"count.sh\"]");
    repo.write("factory.toml", &format!("{ONLY_DECLARED}{profile}"));
    repo.commit("a program that counts");
    let document = repo.factory(&with_backend(&run, &[])).exits(0);
    let document = document.tells("leave `memo` behind").json();
    for title in ["$ build folder", ". tree"] {
        let experiment = experiment(&document, title);
        assert_eq!(experiment["verdict"], "revert", "{experiment:#}");
    }
}

#[test]
fn a_program_is_refused_where_it_would_be_kept_apart_too_little() {
    let env = TestEnv::new();
    let (repo, run) = target(&env, &[("Lower a", "pass")]);
    repo.factory(&with_backend(
        &run,
        &["--config", "sandbox.min_tier=\"T3\""],
    ))
    .exits(5)
    .tells("needs sandbox tier T3")
    .tells("min_tier");
    repo.factory(&ceo_with(&["--backend", "command"]))
        .exits(3)
        .tells("[backend.command]");
    let key = "backend.command={ run = 'true', env = ['NO_SUCH_KEY'] }";
    repo.factory(&ceo_with(&["--backend", "command", "--config", key]))
        .exits(3)
        .tells("`NO_SUCH_KEY`");
    let agents = repo
        .factory(&["agents", "--json", "--config", &run])
        .exits(0)
        .json();
    assert_eq!(agents["agents"][0]["name"], "mechanic");
    assert_eq!(
        agents["agents"][1]["detail"],
        run.split('"').nth(1).unwrap()
    );
}

#[test]
fn another_record_is_taken_over_once_and_as_ideas_alone() {
    let env = TestEnv::new();
    let (repo, _) = target(&env, &[("Lower a", "pass")]);
    let folder = env.work().join("autoresearch");
    fs::create_dir(&folder).unwrap();
    let record = "commit\tval_bpb\tmemory_gb\tstatus\tdescription\n\
                  a1b2c3d\t0.9979\t44.0\tkeep\tbaseline\nb2c3d4e\t0.9932\t44.2\tkeep\traise LR\n\
                  c3d4e5f\tx\t44.0\tdiscard\tGeLU\n";
    fs::write(folder.join("results.tsv"), record).unwrap();
    fs::write(folder.join("program.md"), "Get the lowest val_bpb.\n").unwrap();
    let path = folder.to_str().unwrap();
    let import = |n_new: u64| {
        let document = repo
            .factory(&["import", "autoresearch", path, "--json"])
            .exits(0)
            .json();
        assert_eq!(
            (&document["found"], &document["new"]),
            (&2.into(), &n_new.into())
        );
        assert_eq!(
            document["left_out"][0],
            "line 4: `x` is no number for `val_bpb`"
        );
        assert!(
            document["proposal"]
                .as_str()
                .unwrap()
                .contains("lowest val_bpb")
        );
    };
    import(2);
    let ledger = repo.rev("refs/factory/ledger");
    import(0);
    assert_eq!(repo.rev("refs/factory/ledger"), ledger);
    let history = repo.factory(&["history", "--json"]).exits(0).json();
    assert_eq!(history["total"], 0);
    fs::write(folder.join("results.tsv"), "commit,val\n").unwrap();
    repo.factory(&["import", "autoresearch", path])
        .exits(3)
        .tells("lacks the columns");
    repo.factory(&["import", "autoresearch", "/dev/zero"])
        .exits(3)
        .tells("no plain file");
}
