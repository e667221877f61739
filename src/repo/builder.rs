//! The builder's repository: one commit with exactly a tree, its own objects, and no way back.

use camino::Utf8Path;
use git2::{Index, IndexEntry, IndexTime, Oid, Repository, Signature, Time};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;

use super::arm::ArmDir;
use super::stamps::Stamps;
use super::target::oid;
use super::tree::Entry;
use super::{Error, Target, files};
use crate::model::id::TreeSha;

/// Read by git in the builder's repository; it names no other place.
pub(super) const CONFIG: &str = "\
[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = false
\tlogallrefupdates = false
[gc]
\tauto = 0
[user]
\tname = factory
\temail = factory@localhost
";

/// Makes a fresh repository at `dir` with one commit that holds exactly `tree`, checked out.
///
/// It has no remote, alternates, reflog, hooks or templates, and its one pack holds nothing but the
/// commit and the tree. The pack is kept beside `dir` for the next call with the same tree. What was
/// written is remembered beside `dir` too, so that a snapshot reads only what the builder changed, and
/// the next call at the same place writes only that: files whose kernel times are untouched stay, all
/// else goes, `.git` first.
pub fn builder_repository(target: &Target, tree: &TreeSha, dir: &Utf8Path) -> Result<(), Error> {
    make_ours(dir)?;
    let git_dir = dir.join(".git");
    for folder in ["objects/pack", "objects/info", "refs/heads", "refs/tags"] {
        let folder = git_dir.join(folder);
        fs_err::create_dir_all(&folder).map_err(Error::io("make", folder))?;
    }
    let commit = write_commit(target, tree)?;
    provide_pack(target, commit, dir, &git_dir.join("objects/pack"))?;
    let commit = format!("{commit}\n");
    for (name, contents) in [
        ("config", CONFIG),
        ("refs/heads/main", &commit),
        ("HEAD", "ref: refs/heads/main\n"),
    ] {
        let file = git_dir.join(name);
        fs_err::write(&file, contents).map_err(Error::io("write", file))?;
    }
    check_out(target, tree, dir)
}

/// Refuses a place that is taken, unless it is a builder's from before, whose `.git` goes.
fn make_ours(dir: &Utf8Path) -> Result<(), Error> {
    let is_ours = Stamps::path_for(dir).is_file();
    let is_plain = || -> Result<bool, Error> {
        let metadata = files::look(dir).map_err(Error::io("read", dir))?;
        Ok(metadata.is_some_and(|metadata| metadata.is_dir()))
    };
    if is_ours && !is_plain()? {
        files::remove(dir).map_err(Error::io("remove", dir))?;
    }
    fs_err::create_dir_all(dir).map_err(Error::io("make", dir))?;
    let is_empty = || files::list(dir).map(|entries| entries.is_empty());
    if !is_plain()? || !(is_ours || is_empty().map_err(Error::io("read", dir))?) {
        return Err(Error::PathOccupied { path: dir.into() });
    }
    let git_dir = dir.join(".git");
    files::remove(&git_dir).map_err(Error::io("remove", git_dir))
}

/// Puts the pack of the commit into `pack_dir`: the one prepared beside `dir` if it is for the same
/// commit, else a new one, which is prepared for the next call.
fn provide_pack(
    target: &Target,
    commit: Oid,
    dir: &Utf8Path,
    pack_dir: &Utf8Path,
) -> Result<(), Error> {
    let cache = dir.with_file_name(".prepared");
    let prepared = cache.join(commit.to_string());
    if prepared.is_dir() && copy_pack(&prepared, pack_dir).is_ok() {
        return Ok(());
    }
    // Half a copy is left when another builder replaces what is prepared.
    files::remove(pack_dir).map_err(Error::io("remove", pack_dir))?;
    fs_err::create_dir_all(pack_dir).map_err(Error::io("make", pack_dir))?;
    write_pack(&target.scratch()?.repo, commit, pack_dir).map_err(Error::git("pack a tree"))?;
    // Preparing only saves time, and must not fail a builder that has its pack.
    keep_pack(&cache, &prepared, pack_dir).ok();
    Ok(())
}

/// Makes `prepared` appear at once and whole, as the only one.
fn keep_pack(cache: &Utf8Path, prepared: &Utf8Path, pack_dir: &Utf8Path) -> std::io::Result<()> {
    files::remove(cache)?;
    fs_err::create_dir_all(cache)?;
    let temp = tempfile::tempdir_in(cache)?;
    let half = Utf8Path::from_path(temp.path()).ok_or(std::io::ErrorKind::InvalidFilename)?;
    copy_pack(pack_dir, half)?;
    fs_err::rename(temp.keep(), prepared)
}

/// Writes the one commit, always the same for a tree; it stays in scratch.
fn write_commit(target: &Target, tree: &TreeSha) -> Result<Oid, Error> {
    let signature = Signature::new("factory", "factory@localhost", &Time::new(0, 0))
        .map_err(Error::git("use the author's identity"))?;
    target.write_commit(&signature, "start", oid(tree.as_str())?, &[])
}

pub(super) fn write_pack(
    repo: &Repository,
    commit: Oid,
    dir: &Utf8Path,
) -> Result<(), git2::Error> {
    let mut builder = repo.packbuilder()?;
    builder.set_threads(1);
    builder.insert_commit(commit)?;
    builder.write(dir.as_std_path(), 0o444)
}

fn copy_pack(from: &Utf8Path, to: &Utf8Path) -> std::io::Result<()> {
    for entry in files::list(from)? {
        fs_err::copy(entry.path(), to.as_std_path().join(entry.file_name()))?;
    }
    Ok(())
}

/// Writes the files, our stamps, and git's index of them.
fn check_out(target: &Target, tree: &TreeSha, dir: &Utf8Path) -> Result<(), Error> {
    ArmDir::open(dir)?.sync(target, tree, &[".git"])?;
    let mut index_entries = Vec::new();
    for (path, entry) in target.entries(tree)? {
        let full = dir.join(&path);
        let metadata = files::look(&full).map_err(Error::io("read", &full))?;
        let Some(metadata) = metadata else { continue };
        index_entries.push(index_entry(path, entry, &metadata));
    }
    write_index(dir, &index_entries).map_err(Error::git("write the builder's index"))
}

/// Spares the builder's git from reading every file; nobody else has been in the repository yet.
fn write_index(dir: &Utf8Path, entries: &[IndexEntry]) -> Result<(), git2::Error> {
    let mut index = Index::open(dir.join(".git/index").as_std_path())?;
    for entry in entries {
        index.add(entry)?;
    }
    index.write()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "git's index keeps the low 32 bits of each of these"
)]
fn index_entry(path: String, entry: Entry, metadata: &Metadata) -> IndexEntry {
    IndexEntry {
        ctime: IndexTime::new(metadata.ctime() as i32, metadata.ctime_nsec() as u32),
        mtime: IndexTime::new(metadata.mtime() as i32, metadata.mtime_nsec() as u32),
        dev: metadata.dev() as u32,
        ino: metadata.ino() as u32,
        mode: entry.mode as u32,
        uid: metadata.uid(),
        gid: metadata.gid(),
        file_size: metadata.size() as u32,
        id: entry.id,
        flags: 0,
        flags_extended: 0,
        path: path.into_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Fixture, git};
    use super::*;
    use camino::Utf8PathBuf;
    use std::collections::BTreeSet;

    fn project() -> Fixture {
        let fixture = Fixture::with(&[("a.txt", "old secret"), ("gone.txt", "history")]);
        fixture.git(&["rm", "--quiet", "gone.txt"]);
        fixture.write_all(&[("a.txt", "a"), ("d/b.txt", "b"), ("d/e/c.txt", "c")]);
        fixture.commit("second");
        fixture
    }

    fn lines(text: &str) -> BTreeSet<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn it_holds_one_commit_and_nothing_beyond_its_tree() {
        let fixture = project();
        let target = fixture.target();
        let tree = target.head_tree();
        let dir = fixture.dir("builder");
        builder_repository(&target, &tree, &dir).unwrap();
        assert_eq!(git(&dir, &["rev-list", "--all", "--count"]), "1");
        assert_eq!(git(&dir, &["rev-parse", "HEAD^{tree}"]), tree.as_str());
        let all = [
            "cat-file",
            "--batch-all-objects",
            "--batch-check=%(objectname)",
        ];
        let reachable = git(
            &dir,
            &["rev-list", "--objects", "--no-object-names", "HEAD"],
        );
        assert_eq!(lines(&git(&dir, &all)), lines(&reachable));
        assert_eq!(git(&dir, &["status", "--porcelain", "--ignored"]), "");
        git(&dir, &["fsck", "--strict"]);
    }

    #[test]
    fn it_has_no_way_back() {
        let fixture = project();
        let target = fixture.target();
        let dir = fixture.dir("builder");
        builder_repository(&target, &target.head_tree(), &dir).unwrap();
        assert_eq!(git(&dir, &["remote"]), "");
        for name in ["logs", "hooks", "objects/info/alternates", "packed-refs"] {
            assert!(!dir.join(".git").join(name).exists(), "{name}");
        }
        let config = std::fs::read_to_string(dir.join(".git/config")).unwrap();
        assert!(!config.contains(fixture.root.as_str()));
        for file in walk_files(&dir.join(".git")) {
            assert_eq!(
                std::os::unix::fs::MetadataExt::nlink(&file.metadata().unwrap()),
                1
            );
        }
    }

    fn walk_files(dir: &Utf8Path) -> Vec<Utf8PathBuf> {
        let mut files = Vec::new();
        for entry in dir.read_dir_utf8().unwrap().flatten() {
            if entry.file_type().unwrap().is_dir() {
                files.extend(walk_files(entry.path()));
            } else {
                files.push(entry.path().to_owned());
            }
        }
        files
    }

    #[test]
    fn a_commit_works_in_it_without_any_configuration() {
        let fixture = project();
        let target = fixture.target();
        let dir = fixture.dir("builder");
        builder_repository(&target, &target.head_tree(), &dir).unwrap();
        std::fs::write(dir.join("a.txt"), "changed").unwrap();
        git(&dir, &["commit", "--quiet", "--all", "--message", "work"]);
        assert_eq!(git(&dir, &["rev-list", "--count", "HEAD"]), "2");
    }

    #[test]
    fn the_prepared_pack_serves_again_and_is_replaced_for_another_tree() {
        let fixture = project();
        let target = fixture.target();
        let tree = target.head_tree();
        let other = target.changed(&tree, &[("a.txt", Some("x"))]);
        for (name, tree) in [("one", &tree), ("two", &tree), ("three", &other)] {
            let dir = fixture.dir(name);
            builder_repository(&target, tree, &dir).unwrap();
            assert_eq!(git(&dir, &["rev-parse", "HEAD^{tree}"]), tree.as_str());
        }
        let prepared: Vec<_> = fixture.dir(".prepared").read_dir_utf8().unwrap().collect();
        assert_eq!(prepared.len(), 1);
    }

    #[test]
    fn nothing_of_the_builder_before_is_left_at_the_same_place() {
        let fixture = project();
        let target = fixture.target();
        let tree = target.head_tree();
        let dir = fixture.dir("builder");
        builder_repository(&target, &tree, &dir).unwrap();
        let untouched = dir.join("d/e/c.txt");
        let time = |path: &Utf8Path| path.metadata().unwrap().modified().unwrap();
        let before = time(&untouched);
        std::fs::write(dir.join("a.txt"), "b").unwrap();
        std::fs::write(dir.join("stray"), "b").unwrap();
        std::fs::create_dir_all(dir.join(".git/hooks")).unwrap();
        std::fs::write(dir.join(".git/hooks/pre-commit"), "exit 1").unwrap();
        std::fs::remove_file(dir.join("d/b.txt")).unwrap();
        std::os::unix::fs::symlink(&fixture.root, dir.join("d/b.txt")).unwrap();
        git(&dir, &["add", "--all"]);
        git(
            &dir,
            &["commit", "--quiet", "--no-verify", "--message", "w"],
        );
        builder_repository(&target, &tree, &dir).unwrap();
        assert_eq!(git(&dir, &["rev-list", "--all", "--count"]), "1");
        assert_eq!(git(&dir, &["rev-parse", "HEAD^{tree}"]), tree.as_str());
        assert_eq!(git(&dir, &["status", "--porcelain", "--ignored"]), "");
        assert!(!dir.join(".git/hooks").exists());
        assert_eq!(time(&untouched), before);
        let snapshot = target.snapshot(&dir, &tree).unwrap();
        assert_eq!((snapshot.tree, snapshot.refused), (tree, Vec::new()));
    }

    #[test]
    fn a_builder_that_made_its_place_a_link_is_not_followed() {
        let fixture = project();
        let target = fixture.target();
        let tree = target.head_tree();
        let dir = fixture.dir("builder");
        builder_repository(&target, &tree, &dir).unwrap();
        let elsewhere = fixture.dir("elsewhere");
        std::fs::rename(&dir, &elsewhere).unwrap();
        std::fs::write(elsewhere.join("a.txt"), "precious").unwrap();
        std::os::unix::fs::symlink(&elsewhere, &dir).unwrap();
        builder_repository(&target, &tree, &dir).unwrap();
        let text = std::fs::read_to_string(elsewhere.join("a.txt")).unwrap();
        assert_eq!(text, "precious");
        assert_eq!(git(&dir, &["status", "--porcelain", "--ignored"]), "");
    }

    #[test]
    fn a_directory_with_anything_in_it_is_refused() {
        let fixture = project();
        let target = fixture.target();
        let error = builder_repository(&target, &target.head_tree(), &fixture.root).unwrap_err();
        assert!(matches!(error, Error::PathOccupied { .. }));
    }

    #[test]
    fn the_targets_own_repository_gains_no_object() {
        let fixture = project();
        let before = fixture.git(&["count-objects", "-v"]);
        let target = fixture.target();
        let changed = target.changed(&target.head_tree(), &[("a.txt", Some("new"))]);
        builder_repository(&target, &changed, &fixture.dir("builder")).unwrap();
        assert_eq!(fixture.git(&["count-objects", "-v"]), before);
        assert_eq!(fixture.git(&["status", "--porcelain", "--ignored"]), "");
    }

    #[test]
    fn no_time_is_spent_on_the_search_for_similar_files() {
        let body = (0..200).fold(String::new(), |text, n| text + &format!("line {n}\n"));
        let fixture = Fixture::with(&[("a.txt", &body), ("b.txt", &(body.clone() + "more\n"))]);
        let target = fixture.target();
        let dir = fixture.dir("builder");
        builder_repository(&target, &target.head_tree(), &dir).unwrap();
        let all = [
            "cat-file",
            "--batch-all-objects",
            "--batch-check=%(deltabase)",
        ];
        let bases = git(&dir, &all);
        assert!(
            bases
                .lines()
                .all(|base| base.bytes().all(|byte| byte == b'0')),
            "{bases}"
        );
    }
}
