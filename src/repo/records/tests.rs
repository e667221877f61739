//! Durability, packing and compare-and-swap, checked with git itself and with strace.

use std::process::Command;

use super::*;

struct Place {
    _dir: tempfile::TempDir,
    root: Utf8PathBuf,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = Utf8PathBuf::from_path_buf(dir.path().to_owned()).unwrap();
        init(&root).unwrap();
        Self { _dir: dir, root }
    }

    fn common_dir(&self) -> Utf8PathBuf {
        self.root.join(".git")
    }

    fn open(&self) -> RecordRef {
        RecordRef::open(&self.common_dir(), "refs/factory/ledger").unwrap()
    }

    fn git(&self, args: &[&str]) -> String {
        let output = Command::new("git")
            .args(args)
            .current_dir(&self.root)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &self.root)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {args:?}: {text}{errors}");
        format!("{text}{errors}")
    }

    fn packs(&self) -> Vec<String> {
        let dir = self.common_dir().join("objects/pack");
        dir.read_dir_utf8()
            .unwrap()
            .map(|entry| entry.unwrap().into_path())
            .filter(|path| path.extension() == Some("idx"))
            .map(Utf8PathBuf::into_string)
            .collect()
    }

    fn loose(&self) -> usize {
        let text = self.git(&["count-objects"]);
        text.split(' ').next().unwrap().parse().unwrap()
    }
}

fn at() -> jiff::Timestamp {
    "2026-03-01T10:00:00Z".parse().unwrap()
}

fn put(path: &str, text: &str) -> FileChange {
    (path.to_owned(), Some(text.as_bytes().to_vec()))
}

fn commit_n(ledger: &RecordRef, n: u32) {
    let tip = ledger.tip().unwrap();
    let changes = [put(&format!("a/{:02}/{n}", n / 100), &format!("file {n}"))];
    ledger
        .commit(tip.as_ref(), &changes, &format!("n {n}"), at())
        .unwrap();
}

#[test]
fn files_are_written_replaced_listed_and_removed() {
    let place = Place::new();
    let ledger = place.open();
    assert_eq!(ledger.tip().unwrap(), None);
    let changes = [put("a/b/c", "one"), put("d", "two")];
    let first = ledger.commit(None, &changes, "first", at()).unwrap();
    let changes = [
        put("a/b/e", "three"),
        ("d".to_owned(), None),
        ("no".to_owned(), None),
    ];
    let second = ledger
        .commit(Some(&first), &changes, "second", at())
        .unwrap();
    assert_eq!(
        ledger.read(&second, "a/b/c").unwrap().as_deref(),
        Some(&b"one"[..])
    );
    assert_eq!(ledger.read(&second, "d").unwrap(), None);
    assert_eq!(ledger.read(&second, "a/x/c").unwrap(), None);
    assert_eq!(
        ledger.read(&first, "d").unwrap().as_deref(),
        Some(&b"two"[..])
    );
    assert_eq!(ledger.list(&second, "a/b").unwrap(), ["c", "e"]);
    assert_eq!(ledger.list(&second, "").unwrap(), ["a"]);
    assert!(ledger.list(&second, "x").unwrap().is_empty());
    let log = place.git(&["log", "--format=%an <%ae> %s", "refs/factory/ledger"]);
    assert!(
        log.starts_with("factory <factory@localhost> second\n"),
        "{log}"
    );
    place.git(&["fsck", "--strict"]);
}

#[test]
fn only_one_of_two_writers_that_saw_the_same_tip_wins() {
    let place = Place::new();
    let (one, two) = (place.open(), place.open());
    let first = one.commit(None, &[put("a", "1")], "1", at()).unwrap();
    let again = two.commit(None, &[put("a", "2")], "2", at());
    assert!(matches!(again, Err(Error::Moved { .. })));
    one.commit(Some(&first), &[put("a", "3")], "3", at())
        .unwrap();
    let stale = two.commit(Some(&first), &[put("a", "4")], "4", at());
    assert!(matches!(stale, Err(Error::Moved { .. })));
}

#[test]
fn commits_leave_few_packs_and_no_loose_objects() {
    let place = Place::new();
    let ledger = place.open();
    for n in 0..120 {
        commit_n(&ledger, n);
        ledger.pack().unwrap();
        assert!(place.packs().len() <= 9, "{:?}", place.packs());
    }
    assert_eq!(place.loose(), 0);
    remove_data_of_retired_packs(&place, &ledger);
    place.git(&["fsck", "--strict"]);
    let tip = ledger.tip().unwrap().unwrap();
    for n in 0..120 {
        let path = format!("a/{:02}/{n}", n / 100);
        assert!(ledger.read(&tip, &path).unwrap().is_some());
    }
    place.git(&["gc", "--quiet", "--prune=now"]);
    assert!(ledger.read(&tip, "a/01/119").unwrap().is_some());
    commit_n(&ledger, 120);
    place.git(&["repack", "-q", "-d", "--geometric=2"]);
    place.git(&["fsck", "--strict"]);
}

/// Lets the grace of retired packs pass, and checks that nothing but them goes.
fn remove_data_of_retired_packs(place: &Place, ledger: &RecordRef) {
    let dir = place.common_dir().join("objects/pack");
    let data = || -> Vec<Utf8PathBuf> {
        let entries = dir.read_dir_utf8().unwrap();
        entries
            .map(|entry| entry.unwrap().into_path())
            .filter(|path| path.extension() == Some("pack"))
            .collect()
    };
    assert!(data().len() > place.packs().len());
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_hours(48);
    for path in data() {
        std::fs::File::open(path)
            .unwrap()
            .set_modified(long_ago)
            .unwrap();
    }
    ledger.pack().unwrap();
    assert_eq!(data().len(), place.packs().len());
}

#[test]
fn loose_objects_of_candidates_are_packed_and_the_persons_are_left_alone() {
    let place = Place::new();
    let ledger = place.open();
    let repository = Repository::open(&place.root).unwrap();
    let odb = repository.odb().unwrap();
    let make = |prefix: &str, count: u32| {
        let mut tree = repository.treebuilder(None).unwrap();
        for n in 0..count {
            let blob = odb
                .write(ObjectType::Blob, format!("{prefix}{n}").as_bytes())
                .unwrap();
            tree.insert(format!("{n}"), blob, 0o100_644).unwrap();
        }
        let tree = repository.find_tree(tree.write().unwrap()).unwrap();
        let signature = Signature::new("p", "p@localhost", &Time::new(0, 0)).unwrap();
        repository
            .commit(None, &signature, &signature, prefix, &tree, &[])
            .unwrap()
    };
    let person = make("person", 400);
    repository
        .reference("refs/heads/main", person, true, "")
        .unwrap();
    let candidates = make("candidate", 400);
    repository
        .reference("refs/factory/candidates", candidates, true, "")
        .unwrap();
    let before = place.loose();
    commit_n(&ledger, 1);
    ledger.pack().unwrap();
    assert_eq!(before - place.loose(), 402);
    assert_eq!(place.loose(), 402);
    place.git(&["fsck", "--strict"]);
}

#[test]
fn merging_is_logarithmic() {
    assert_eq!(packs::merge_width(&[1, 1, 1, 1, 1, 1, 1, 1, 256]), 8);
    assert_eq!(packs::merge_width(&[1, 1, 2, 4, 8, 16, 32, 64, 128]), 9);
    assert_eq!(
        packs::merge_width(&[10, 20, 40, 80, 160, 320, 640, 1280, 2560]),
        2
    );
}

#[test]
fn what_the_tree_names_and_the_database_lacks_is_unreadable_not_absent() {
    let place = Place::new();
    let ledger = place.open();
    let tip = ledger.commit(None, &[put("a/b", "1")], "1", at()).unwrap();
    let blob = Oid::hash_object(ObjectType::Blob, b"1").unwrap();
    let keep: Vec<_> = {
        let tree = ledger.tree(&tip).unwrap();
        let sub = tree.get_name("a").unwrap().id();
        vec![tree.id(), sub, oid(&tip).unwrap()]
    };
    // Leave a repository in which everything but the blob is there.
    let source = Repository::open_bare(place.common_dir()).unwrap();
    let other = Place::new();
    let target = Repository::open_bare(other.common_dir()).unwrap();
    for id in keep {
        let object = source.odb().unwrap().read(id).unwrap().data().to_vec();
        let kind = source.odb().unwrap().read(id).unwrap().kind();
        assert_eq!(target.odb().unwrap().write(kind, &object).unwrap(), id);
    }
    assert!(!target.odb().unwrap().exists(blob));
    let damaged = other.open();
    assert!(matches!(
        damaged.read(&tip, "a/b"),
        Err(Error::Unreadable { .. })
    ));
    assert_eq!(damaged.read(&tip, "a/c").unwrap(), None);
}

const CHILD_DIR: &str = "FACTORY_TEST_COMMIT_DIR";

#[test]
#[ignore = "started by `a_commit_is_on_disk_before_it_is_reported` under strace"]
fn child_that_commits_once() {
    let dir = Utf8PathBuf::from(std::env::var(CHILD_DIR).unwrap());
    let ledger = RecordRef::open(&dir, "refs/factory/ledger").unwrap();
    commit_n(&ledger, 1);
}

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn a_commit_is_on_disk_before_it_is_reported() {
    let place = Place::new();
    commit_n(&place.open(), 0);
    let trace = place.root.join("trace");
    let started = Command::new("strace")
        .args([
            "-f",
            "-y",
            "-e",
            "trace=fsync,fdatasync,rename,renameat,renameat2,link,linkat",
        ])
        .args(["-o", trace.as_str()])
        .arg(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "--ignored",
            "repo::records::tests::child_that_commits_once",
        ])
        .env(CHILD_DIR, place.common_dir())
        .output();
    let Ok(output) = started else {
        eprintln!("SKIPPED: strace is not installed, so that fsyncs were not counted");
        return;
    };
    assert!(output.status.success(), "{output:?}");
    let text = std::fs::read_to_string(&trace).unwrap();
    let synced = |what: &str| {
        text.lines()
            .position(|line| line.contains("sync(") && line.contains(what))
            .unwrap_or_else(|| panic!("no fsync of {what} in\n{text}"))
    };
    let renamed = |what: &str| {
        text.lines()
            .position(|line| line.contains("rename") && line.contains(what))
            .unwrap_or_else(|| panic!("no rename to {what} in\n{text}"))
    };
    let published = renamed("objects/pack/pack-factory-");
    assert!(synced("factory/pack/pack_git2_") < published, "{text}");
    assert!(synced("idx.lock>") < published, "{text}");
    let listed = synced("objects/pack>");
    assert!(published < listed, "{text}");
    let moved = renamed("refs/factory/ledger.lock");
    assert!(listed < moved, "{text}");
    assert!(synced("refs/factory/ledger.lock") < moved, "{text}");
    assert!(moved < synced("refs/factory>"), "{text}");
    let n = text.lines().filter(|line| line.contains("sync(")).count();
    assert!(n <= 12, "{n} fsyncs for one commit:\n{text}");
}
