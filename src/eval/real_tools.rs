//! The whole of an evaluation with the real adapters, on a tree small enough for a unit test.

use camino::{Utf8Path, Utf8PathBuf};
use tokio_util::sync::CancellationToken;

use super::report::{Budget, first_report};
use super::testing::{arm, tree_sha};
use super::{Depth, Lab, LedgerFacts, Memory, sources};
use crate::config::Profile;
use crate::model::dimension::Status;
use crate::sandbox::Plain;
use crate::toolchain;

const MANIFEST: &str = "[package]\nname = \"tiny\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";
const LOCK: &str = "version = 3\n\n[[package]]\nname = \"tiny\"\nversion = \"0.1.0\"\n";
const LIBRARY: &str = "pub fn same(a: u32, b: u32) -> bool {\n    a == b\n}\n\npub fn untested(a: u32) -> u32 {\n    a + 1\n}\n";
const TESTS: &str = "#[test]\nfn same_is_same() {\n    assert!(tiny::same(2, 2));\n    assert!(!tiny::same(2, 3));\n}\n";

struct Tree {
    dir: tempfile::TempDir,
}

impl Tree {
    fn new(files: &[(&str, &str)]) -> Self {
        let tree = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        for folder in ["tree", "scratch"] {
            for (path, text) in files {
                let path = tree.at(folder).join(path);
                fs_err::create_dir_all(path.parent().unwrap()).unwrap();
                fs_err::write(path, text).unwrap();
            }
        }
        tree
    }

    fn at(&self, name: &str) -> Utf8PathBuf {
        Utf8Path::from_path(self.dir.path()).unwrap().join(name)
    }

    fn lab(&self) -> Lab {
        let root = self.at("tree");
        let files = sources::paths(&root);
        Lab {
            profile: Profile::default(),
            detection: toolchain::detect(&root, &files, &Profile::default()),
            adapters: toolchain::adapters(),
            sandbox: Box::new(Plain::default()),
            builds: self.at("builds"),
            cache: self.at("cache"),
            logs: self.at("logs"),
            cancel: CancellationToken::new(),
            seed: 1,
            memory: Memory::default(),
        }
    }
}

#[tokio::test]
async fn a_cargo_package_is_evaluated_and_its_weak_spot_named() {
    let tree = Tree::new(&[
        ("Cargo.toml", MANIFEST),
        ("Cargo.lock", LOCK),
        ("src/lib.rs", LIBRARY),
        ("tests/same.rs", TESTS),
    ]);
    let lab = tree.lab();
    let (sha, dir, copy) = (tree_sha(), tree.at("tree"), tree.at("scratch"));
    let incumbent = arm(&dir, &sha, "incumbent");
    let evaluation = lab
        .evaluate(&incumbent, Depth::Decisive, &LedgerFacts::default())
        .await
        .unwrap();
    assert!(evaluation.is_sound(), "{:?}", evaluation.vetoes);
    let config = evaluation.dimension("config").unwrap();
    assert_eq!(config.score, Some(1.0), "{}", config.detail);
    assert_eq!(
        evaluation.dimension("tests").unwrap().status,
        Status::Measured
    );
    let budget = Budget {
        seconds: 120,
        mutants: 30,
    };
    let scratch = arm(&copy, &sha, "scratch");
    let report = first_report(&lab, &incumbent, &scratch, budget)
        .await
        .unwrap();
    assert_eq!(report.tests_your_source.yes, Some(true));
    assert_eq!(
        report.mutants_run + report.mutants_unviable,
        report.mutants_found
    );
    assert!(!report.survivors.is_empty());
    assert!(report.survivors.iter().all(|it| it.item == "untested"));
}

#[tokio::test]
async fn a_suite_that_does_not_notice_a_broken_tree_tests_something_else() {
    let test = "import unittest\n\nclass T(unittest.TestCase):\n    def test_one(self):\n        self.assertEqual(1, 1)\n";
    let tree = Tree::new(&[
        (
            "setup.py",
            "from setuptools import setup\nsetup(name='tiny')\n",
        ),
        ("tiny.py", "def one():\n    return 1\n"),
        ("tests/test_one.py", test),
    ]);
    let lab = tree.lab();
    let (sha, dir) = (tree_sha(), tree.at("tree"));
    let incumbent = arm(&dir, &sha, "incumbent");
    let evaluate = async || {
        let facts = LedgerFacts::default();
        lab.evaluate(&incumbent, Depth::Decisive, &facts)
            .await
            .unwrap()
    };
    let evaluation = evaluate().await;
    let tests = evaluation.dimension("tests").unwrap();
    assert_eq!(tests.status, Status::Failed);
    assert!(
        tests.detail.contains("does not run this tree"),
        "{}",
        tests.detail
    );
    assert!(!evaluation.is_sound());
    let imports = test.replace("import unittest", "import unittest, tiny");
    fs_err::write(dir.join("tests/test_one.py"), imports).unwrap();
    let evaluation = evaluate().await;
    assert!(evaluation.is_sound(), "{:?}", evaluation.vetoes);
}
