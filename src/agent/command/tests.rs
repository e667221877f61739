//! Programs that hang, lie, flood, or take their tree apart.

use camino::{Utf8Path, Utf8PathBuf};

use super::*;
use crate::agent::wire::Hypotheses;
use crate::sandbox::Plain;

struct Dir {
    _guard: tempfile::TempDir,
    tree: Utf8PathBuf,
    base: Utf8PathBuf,
}

impl Dir {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let base = Utf8Path::from_path(dir.path()).unwrap().to_owned();
        let tree = base.join("tree");
        fs_err::create_dir(&tree).unwrap();
        fs_err::write(tree.join("a.txt"), "a\n").unwrap();
        Self {
            _guard: dir,
            tree,
            base,
        }
    }

    /// Returns a program that is this script.
    fn program(&self, script: &str) -> Program {
        self.with(script, |_| {})
    }

    fn with(&self, script: &str, change: impl FnOnce(&mut CommandBackend)) -> Program {
        let path = self.base.join("agent.sh");
        fs_err::write(&path, script).unwrap();
        let mut config = CommandBackend {
            run: format!("sh {path}"),
            timeout: 60,
            roles: Vec::new(),
            network: true,
            env: Vec::new(),
            read: Vec::new(),
        };
        change(&mut config);
        Program::new(ProgramSpec {
            config,
            secrets: Secrets::new(vec![("KEY".to_owned(), "sk-1234567".to_owned())]),
            sandbox: Box::new(Plain::default()),
            place: self.base.join("agents"),
            logs: self.base.join("logs"),
            cancel: CancellationToken::new(),
        })
        .unwrap()
    }

    async fn build(&self, program: &Program) -> Result<Option<String>, String> {
        let built = program.build("do it", &self.tree).await;
        built.map_err(|error| match error {
            Error::NothingDelivered(reason) => reason,
            other => panic!("{other:?}"),
        })
    }
}

#[tokio::test]
async fn a_wrong_answer_is_explained_and_asked_for_again_twice() {
    let dir = Dir::new();
    let log = dir.base.join("asked");
    let script = format!("cat >>{log}; echo >>{log}; echo nonsense");
    let reason = dir.build(&dir.program(&script)).await.unwrap_err();
    assert!(
        reason.starts_with("the builder gave no usable answer: line 1, column"),
        "{reason}"
    );
    let asked = fs_err::read_to_string(&log).unwrap();
    let asked: Vec<serde_json::Value> = asked
        .lines()
        .map(|it| serde_json::from_str(it).unwrap())
        .collect();
    assert_eq!(asked.len(), 3);
    assert!(asked[0]["again"].is_null());
    assert_eq!(asked[0]["role"], "builder");
    assert_eq!(asked[0]["input"], "do it");
    assert_eq!(asked[2]["again"]["attempt"], 3);
    assert_eq!(asked[2]["again"]["printed"], "nonsense\n");
    let wrong = asked[2]["again"]["wrong"].as_str().unwrap();
    assert!(wrong.starts_with("line 1, column"), "{wrong}");
}

#[tokio::test]
async fn a_program_that_learns_from_the_explanation_is_heard() {
    let dir = Dir::new();
    let script = "case $(cat) in *'\"again\":null'*) echo '{}';; *) echo '{\"message\":\"Do it\",\"cost\":{\"tokens\":7,\"usd\":0.5}}';; esac";
    let program = dir.program(script);
    let message = dir.build(&program).await.unwrap();
    assert_eq!(message.as_deref(), Some("Do it"));
    let played = program.take_played(None);
    assert_eq!(played.tokens, 7);
    assert_eq!(program.take_played(None), Played::default());
}

#[tokio::test]
async fn a_program_that_hangs_is_stopped_and_not_asked_again() {
    let dir = Dir::new();
    let script = format!("echo x >>{}; sleep 600", dir.base.join("asked"));
    let program = dir.with(&script, |it| it.timeout = 1);
    let reason = dir.build(&program).await.unwrap_err();
    assert!(reason.contains("ran past its limit of 1 s"), "{reason}");
    assert_eq!(
        fs_err::read_to_string(dir.base.join("asked")).unwrap(),
        "x\n"
    );
}

#[tokio::test]
async fn a_daemon_ends_with_the_answer() {
    let dir = Dir::new();
    let alive = dir.base.join("alive");
    let script = format!(
        "(setsid sh -c 'echo $$ >{alive}; sleep 600' >/dev/null 2>&1 &)\n\
         while [ ! -s {alive} ]; do sleep 0.01; done\necho '{{\"message\":\"Do it\"}}'"
    );
    dir.build(&dir.program(&script)).await.unwrap();
    let id = fs_err::read_to_string(&alive).unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", id.trim()));
    assert!(stat.is_err() || stat.unwrap().contains(") Z"));
}

#[tokio::test]
async fn floods_and_failures_are_no_answers() {
    let dir = Dir::new();
    for (script, told) in [
        (
            "head -c 5000000 /dev/zero | tr '\\0' '{'",
            "more than 4 MiB",
        ),
        ("echo '{\"message\":\"Do it\"}'; exit 3", "exit status 3"),
        ("true", "nothing was printed"),
        ("kill -9 $$", "killed by signal 9"),
    ] {
        let reason = dir.build(&dir.program(script)).await.unwrap_err();
        assert!(reason.contains(told), "{reason}");
    }
}

#[tokio::test]
async fn a_builder_that_says_so_delivers_nothing_at_once() {
    let dir = Dir::new();
    let script = format!(
        "echo x >>{}; echo '{{\"nothing\":\"no idea how\"}}'",
        dir.base.join("asked")
    );
    let reason = dir.build(&dir.program(&script)).await.unwrap_err();
    assert!(reason.ends_with("no idea how"), "{reason}");
    assert_eq!(
        fs_err::read_to_string(dir.base.join("asked")).unwrap(),
        "x\n"
    );
}

#[tokio::test]
async fn a_builder_that_puts_a_link_in_place_of_its_tree_is_not_started_again_behind_it() {
    let dir = Dir::new();
    let (base, tree) = (&dir.base, &dir.tree);
    fs_err::create_dir(base.join("elsewhere")).unwrap();
    let script = format!(
        "echo x >>{base}/asked; mv {tree} {base}/gone; ln -s {base}/elsewhere {tree}; \
         echo '{{\"message\":\"Do it\"}}'"
    );
    let reason = dir.build(&dir.program(&script)).await.unwrap_err();
    assert!(
        reason.contains("the folder of the tree is gone"),
        "{reason}"
    );
    let asked = fs_err::read_to_string(base.join("asked")).unwrap();
    assert_eq!(asked, "x\n");
}

#[tokio::test]
async fn it_has_a_home_of_its_own_and_of_the_environment_what_was_promised() {
    let dir = Dir::new();
    let seen = dir.base.join("seen");
    let script =
        format!("echo \"$HOME $KEY\" >{seen}; pwd >>{seen}; echo '{{\"message\":\"Do it\"}}'");
    dir.build(&dir.program(&script)).await.unwrap();
    let expected = format!(
        "{} sk-1234567\n{}\n",
        dir.base.join("agents/tree/home"),
        dir.tree
    );
    assert_eq!(fs_err::read_to_string(seen).unwrap(), expected);
}

#[tokio::test]
async fn a_key_that_a_program_prints_is_in_no_reason() {
    let dir = Dir::new();
    let reason = dir
        .build(&dir.program("echo \"error: bad key $KEY\" >&2; exit 1"))
        .await
        .unwrap_err();
    assert!(reason.contains("bad key …"), "{reason}");
    assert!(!format!("{:?}", Secrets::new(vec![("A".into(), "sk-1".into())])).contains("sk-1"));
}

#[tokio::test]
async fn a_role_that_was_declined_is_not_asked_for_again() {
    let dir = Dir::new();
    let program = dir.program("echo '{\"declines\":true}'");
    let nothing_wrong = |_: &Hypotheses| Vec::new();
    let asked = program.ask(Role::Strategist, (), &dir.tree, &nothing_wrong);
    assert_eq!(asked.await.unwrap(), None);
    assert!(!program.plays(Role::Strategist));
    assert!(program.plays(Role::Builder));
    let only = dir.with("", |it| it.roles = vec![Role::Reviewer]);
    assert!(only.plays(Role::Reviewer) && !only.plays(Role::Builder));
    let built = only.build((), &dir.tree).await.unwrap();
    assert_eq!(built, None::<String>);
}
