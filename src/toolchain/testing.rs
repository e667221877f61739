//! Throw-away trees, jobs on them, and the real tools that tests need.

use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use tokio_util::sync::CancellationToken;

use super::{Adapter, Job, Lints, adapters};
use crate::config::Commands;
use crate::model::profile::{LanguageName, Project, Tool};
use crate::sandbox::Plain;

/// A tree in a temporary directory, with room beside it.
pub(super) struct Tree {
    dir: tempfile::TempDir,
    root: Utf8PathBuf,
}

impl Tree {
    pub(super) fn new(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let base = Utf8PathBuf::from_path_buf(dir.path().canonicalize().unwrap()).unwrap();
        let tree = Self {
            dir,
            root: base.join("tree"),
        };
        std::fs::create_dir_all(&tree.root).unwrap();
        for (path, text) in files {
            tree.write(path, text);
        }
        tree
    }

    /// A copy of a folder of `tests/fixtures`.
    pub(super) fn of_fixture(name: &str) -> Self {
        let tree = Self::new(&[]);
        let folder = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
        let source = Self {
            dir: tempfile::tempdir().unwrap(),
            root: folder.join(name),
        };
        for path in source.files() {
            tree.write(path.as_str(), &source.read(path.as_str()));
        }
        tree
    }

    pub(super) fn root(&self) -> &Utf8Path {
        &self.root
    }

    pub(super) fn write(&self, path: &str, text: &str) {
        let path = self.root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(super) fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.root.join(path)).unwrap()
    }

    /// A path beside the tree.
    pub(super) fn outside(&self, name: &str) -> Utf8PathBuf {
        Utf8PathBuf::from_path_buf(self.dir.path().join(name)).unwrap()
    }

    /// All files, as a tracked-files list would have them.
    pub(super) fn files(&self) -> Vec<Utf8PathBuf> {
        let mut files = Vec::new();
        let mut folders = vec![self.root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in folder.read_dir_utf8().unwrap() {
                let entry = entry.unwrap();
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path().to_owned());
                } else {
                    files.push(entry.path().strip_prefix(&self.root).unwrap().to_owned());
                }
            }
        }
        files.sort();
        files
    }
}

/// A detected tree, ready to make jobs.
pub(super) struct Bench {
    pub(super) tree: Tree,
    pub(super) project: Project,
    pub(super) tools: Vec<Tool>,
    pub(super) commands: Commands,
    pub(super) timeout: Duration,
    sandbox: Plain,
    pub(super) cancel: CancellationToken,
    build: Utf8PathBuf,
    log: Utf8PathBuf,
}

impl Bench {
    pub(super) fn new(language: LanguageName, files: &[(&str, &str)], commands: Commands) -> Self {
        Self::on(language, Tree::new(files), commands)
    }

    pub(super) fn on(language: LanguageName, tree: Tree, commands: Commands) -> Self {
        let adapter = adapters()
            .into_iter()
            .find(|it| it.name() == language)
            .unwrap();
        Self::with(&*adapter, tree, commands)
    }

    pub(super) fn with(adapter: &dyn Adapter, tree: Tree, commands: Commands) -> Self {
        let (projects, tools) = adapter.detect(tree.root(), &tree.files(), &commands);
        let build = tree.outside("build");
        std::fs::create_dir_all(&build).unwrap();
        Self {
            project: projects
                .into_iter()
                .next()
                .expect("the fixture is a project"),
            tools,
            commands,
            timeout: Duration::from_mins(2),
            sandbox: Plain::default(),
            cancel: CancellationToken::new(),
            build,
            log: tree.outside("log"),
            tree,
        }
    }

    pub(super) fn job(&self) -> Job<'_> {
        Job {
            tree: self.tree.root(),
            project: &self.project,
            tools: &self.tools,
            build: &self.build,
            commands: &self.commands,
            lints: Lints::AsDeclared,
            timeout: self.timeout,
            log: &self.log,
            sandbox: &self.sandbox,
            cancel: &self.cancel,
            until: None,
        }
    }
}

/// Returns the interpreter beside which pytest, ruff, mypy and coverage are; `None` skips the test.
pub(super) fn python_tools() -> Option<Commands> {
    let dir = test_tools()?;
    Some(Commands {
        python: Some(format!("{dir}/bin/python")),
        ..Commands::default()
    })
}

/// Returns the `node_modules` with the runners and linters of JavaScript; `None` skips the test.
pub(super) fn node_tools() -> Option<Utf8PathBuf> {
    let dir = Utf8PathBuf::from(test_tools()?).join("node/node_modules");
    assert!(dir.is_dir(), "`{dir}` is not there: run scripts/test");
    Some(dir)
}

/// Reads `FACTORY_TEST_TOOLS`, the folder of a virtual environment. Without it a test says that it
/// was skipped, and fails where everything must be there.
fn test_tools() -> Option<String> {
    let dir = std::env::var("FACTORY_TEST_TOOLS").ok();
    let dir = dir.filter(|it| !it.is_empty());
    if dir.is_none() {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "FACTORY_TEST_TOOLS is not set: run scripts/test"
        );
        announce_skip();
    }
    dir
}

#[expect(
    clippy::print_stderr,
    reason = "a skipped test must be seen to be skipped"
)]
fn announce_skip() {
    eprintln!("SKIPPED: FACTORY_TEST_TOOLS names no folder with the tools of the languages");
}

/// Returns whether go is there; a test without it says that it was skipped, and fails where everything
/// must be there.
#[expect(
    clippy::print_stderr,
    reason = "a skipped test must be seen to be skipped"
)]
pub(super) fn has_go() -> bool {
    let found = crate::process::find_program("go").is_some();
    if !found {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "there is no `go`: run scripts/test"
        );
        eprintln!("SKIPPED: there is no `go`");
    }
    found
}
