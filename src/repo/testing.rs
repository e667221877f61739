//! Hermetic repositories for the tests of this module.

use camino::{Utf8Path, Utf8PathBuf};
use std::process::Command;

use super::Target;
use crate::model::id::{CommitSha, TreeSha};

/// A repository of its own in a temporary directory.
pub(super) struct Fixture {
    _temp: tempfile::TempDir,
    pub(super) base: Utf8PathBuf,
    pub(super) root: Utf8PathBuf,
}

impl Fixture {
    /// An empty repository on `main`.
    pub(super) fn unborn() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let base = Utf8Path::from_path(temp.path()).unwrap();
        let base = base.canonicalize_utf8().unwrap();
        let root = base.join("project");
        std::fs::create_dir(&root).unwrap();
        let fixture = Self {
            _temp: temp,
            base,
            root,
        };
        fixture.git(&["init", "--quiet", "--initial-branch=main", "."]);
        fixture.git(&["config", "user.name", "Tester"]);
        fixture.git(&["config", "user.email", "tester@example.org"]);
        fixture
    }

    /// A repository with these files in one commit.
    pub(super) fn with(files: &[(&str, &str)]) -> Self {
        let fixture = Self::unborn();
        fixture.write_all(files);
        fixture.commit("start");
        fixture
    }

    pub(super) fn write_all(&self, files: &[(&str, &str)]) {
        for (path, contents) in files {
            write(&self.root.join(path), contents);
        }
    }

    pub(super) fn commit(&self, message: &str) -> CommitSha {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]);
        self.git(&["rev-parse", "HEAD"]).parse().unwrap()
    }

    pub(super) fn target(&self) -> Target {
        Target::open(&self.root).unwrap()
    }

    pub(super) fn git(&self, arguments: &[&str]) -> String {
        git(&self.root, arguments)
    }

    pub(super) fn dir(&self, name: &str) -> Utf8PathBuf {
        self.base.join(name)
    }
}

/// Runs git with no configuration but the repository's own.
pub(super) fn git(dir: &Utf8Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .arg("-C")
        .arg(dir)
        .args(["-c", "commit.gpgSign=false", "-c", "gc.auto=0"])
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("HOME", dir)
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?}: {stderr}");
    String::from_utf8(output.stdout)
        .unwrap()
        .trim_end()
        .to_owned()
}

pub(super) fn write(path: &Utf8Path, contents: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, contents).unwrap();
}

impl Target {
    pub(super) fn head_tree(&self) -> TreeSha {
        self.tree_of(&self.head().unwrap().commit).unwrap()
    }

    /// The tree with these files replaced, added or removed.
    pub(super) fn changed(&self, tree: &TreeSha, files: &[(&str, Option<&str>)]) -> TreeSha {
        files.iter().fold(tree.clone(), |tree, (path, contents)| {
            self.with_file(&tree, (*path).into(), contents.map(str::as_bytes))
                .unwrap()
        })
    }

    pub(super) fn text(&self, tree: &TreeSha, path: &str) -> Option<String> {
        let bytes = self.read(tree, path.into()).unwrap()?;
        Some(String::from_utf8(bytes).unwrap())
    }
}
