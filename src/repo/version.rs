//! What tools that ask git for a version find in an evaluated tree: one commit with the nearest tag.
//!
//! It is the same for every tree of a workbench, so that no difference between arms comes from it.

use camino::{Utf8Path, Utf8PathBuf};
use git2::{DescribeFormatOptions, DescribeOptions, IndexEntry, IndexTime, Oid, Repository};
use git2::{Index, Signature};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use super::builder::{CONFIG, write_pack};
use super::stamps::Stamp;
use super::target::oid;
use super::tree::Entry;
use super::{Error, Target, files};
use crate::model::id::{CommitSha, TreeSha};

/// Git's mark of a file that it need not look at: no tree that is evaluated is called dirty.
const ASSUME_UNCHANGED: u16 = 0x8000;

/// A folder that holds nothing but a `.git`, to be laid over trees.
#[derive(Clone, Debug)]
pub struct VersionRepository {
    layer: Utf8PathBuf,
}

/// What was made, and for what; written beside the folder.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Made {
    base: CommitSha,
    tree: TreeSha,
    tags: BTreeSet<String>,
    files: BTreeMap<String, Stamp>,
}

impl VersionRepository {
    /// Makes the folder for a commit of which evaluations see that tree, unless it is there already and
    /// untouched.
    pub fn make(
        target: &Target,
        base: &CommitSha,
        tree: &TreeSha,
        layer: &Utf8Path,
    ) -> Result<Self, Error> {
        let repository = Self {
            layer: layer.to_owned(),
        };
        let tags = target.nearest_tags(base)?;
        let stamps = stamps_of(layer).unwrap_or_default();
        let made = Made {
            base: base.clone(),
            tree: tree.clone(),
            tags,
            files: stamps,
        };
        if repository.remembered().is_some_and(|known| known == made) {
            return Ok(repository);
        }
        files::remove(layer).map_err(Error::io("remove", layer))?;
        repository.write(target, base, tree, &made.tags)?;
        let made = Made {
            files: stamps_of(layer).map_err(Error::io("read", layer))?,
            ..made
        };
        let text = serde_json::to_string(&made).unwrap_or_default();
        let memory = repository.memory();
        fs_err::write(&memory, text).map_err(Error::io("write", memory))?;
        Ok(repository)
    }

    /// Returns the folder.
    pub fn layer(&self) -> &Utf8Path {
        &self.layer
    }

    /// Copies it into a tree, for where nothing can be laid over; what is there and equal stays.
    pub fn copy_into(&self, tree: &Utf8Path) -> Result<(), Error> {
        let (from, to) = (self.layer.join(".git"), tree.join(".git"));
        let read = |dir: &Utf8Path| facts_of(dir).ok();
        if read(&to).is_some_and(|there| Some(there) == read(&from)) {
            return Ok(());
        }
        files::remove(&to).map_err(Error::io("remove", &to))?;
        copy(&from, &to).map_err(Error::io("write", &to))
    }

    fn memory(&self) -> Utf8PathBuf {
        self.layer.with_extension("json")
    }

    fn remembered(&self) -> Option<Made> {
        let text = fs_err::read_to_string(self.memory()).ok()?;
        serde_json::from_str(&text).ok()
    }

    fn write(
        &self,
        target: &Target,
        base: &CommitSha,
        tree: &TreeSha,
        tags: &BTreeSet<String>,
    ) -> Result<(), Error> {
        let git_dir = self.layer.join(".git");
        for folder in ["objects/pack", "objects/info", "refs/heads", "refs/tags"] {
            let folder = git_dir.join(folder);
            fs_err::create_dir_all(&folder).map_err(Error::io("make", folder))?;
        }
        let when = target.time_of(base)?;
        let author = Signature::new("factory", "factory@localhost", &when)
            .map_err(Error::git("use the author's identity"))?;
        let commit = target.write_commit(&author, "start", oid(tree.as_str())?, &[])?;
        let packs = git_dir.join("objects/pack");
        write_pack(&target.scratch()?.repo, commit, &packs).map_err(Error::git("pack a tree"))?;
        let head = format!("{commit}\n");
        for (name, contents) in [
            ("config", CONFIG),
            ("refs/heads/main", &head),
            ("HEAD", "ref: refs/heads/main\n"),
        ] {
            let file = git_dir.join(name);
            fs_err::write(&file, contents).map_err(Error::io("write", file))?;
        }
        write_index(&git_dir, target.entries(tree)?).map_err(Error::git("write an index"))?;
        let annotated = |name: &str| target.is_annotated(name);
        write_tags(&git_dir, commit, &author, tags, annotated).map_err(Error::git("write a tag"))
    }
}

fn write_index(git_dir: &Utf8Path, entries: BTreeMap<String, Entry>) -> Result<(), git2::Error> {
    let mut index = Index::open(git_dir.join("index").as_std_path())?;
    for (path, entry) in entries {
        let never = IndexTime::new(0, 0);
        index.add(&IndexEntry {
            ctime: never,
            mtime: never,
            dev: 0,
            ino: 0,
            mode: entry.mode.cast_unsigned(),
            uid: 0,
            gid: 0,
            file_size: 0,
            id: entry.id,
            flags: ASSUME_UNCHANGED,
            flags_extended: 0,
            path: path.into_bytes(),
        })?;
    }
    index.write()
}

fn write_tags(
    git_dir: &Utf8Path,
    commit: Oid,
    tagger: &Signature<'_>,
    tags: &BTreeSet<String>,
    is_annotated: impl Fn(&str) -> bool,
) -> Result<(), git2::Error> {
    let repo = Repository::open_bare(git_dir.as_std_path())?;
    let commit = repo.find_object(commit, None)?;
    for name in tags {
        if is_annotated(name) {
            repo.tag(name, &commit, tagger, name, false)?;
        } else {
            repo.tag_lightweight(name, &commit, false)?;
        }
    }
    Ok(())
}

impl Target {
    /// Returns the tag that is nearest to a commit, and the nearest with a digit in it: what people
    /// put on releases, and what tools take for a version.
    fn nearest_tags(&self, commit: &CommitSha) -> Result<BTreeSet<String>, Error> {
        let object = self
            .repo
            .find_object(oid(commit.as_str())?, None)
            .map_err(Error::git("read a commit"))?;
        let mut found = BTreeSet::new();
        for pattern in [None, Some("*[0-9]*")] {
            let mut options = DescribeOptions::new();
            options.describe_tags();
            if let Some(pattern) = pattern {
                options.pattern(pattern);
            }
            let mut format = DescribeFormatOptions::new();
            format.abbreviated_size(0);
            // No tag at all is an error of that call, and no error here.
            let described = object.describe(&options);
            found.extend(described.and_then(|it| it.format(Some(&format))));
        }
        Ok(found)
    }

    fn is_annotated(&self, tag: &str) -> bool {
        let reference = self.repo.find_reference(&format!("refs/tags/{tag}"));
        reference.is_ok_and(|it| it.peel(git2::ObjectType::Tag).is_ok())
    }

    fn time_of(&self, commit: &CommitSha) -> Result<git2::Time, Error> {
        let commit = self.repo.find_commit(oid(commit.as_str())?);
        Ok(commit.map_err(Error::git("read a commit"))?.time())
    }
}

fn stamps_of(dir: &Utf8Path) -> std::io::Result<BTreeMap<String, Stamp>> {
    let mut found = BTreeMap::new();
    walk(dir, &mut |path, metadata| {
        found.insert(path.to_string(), Stamp::of(metadata));
    })?;
    Ok(found)
}

/// Size and time of every file, relative to the folder: what a copy shares with its original.
fn facts_of(dir: &Utf8Path) -> std::io::Result<BTreeMap<Utf8PathBuf, (u64, SystemTime)>> {
    let mut found = BTreeMap::new();
    walk(dir, &mut |path, metadata| {
        let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        let relative = path.strip_prefix(dir).unwrap_or(path);
        found.insert(relative.to_owned(), (metadata.len(), modified));
    })?;
    Ok(found)
}

fn walk(
    dir: &Utf8Path,
    seen: &mut dyn FnMut(&Utf8Path, &std::fs::Metadata),
) -> std::io::Result<()> {
    for entry in dir.read_dir_utf8()? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        if metadata.is_dir() {
            walk(entry.path(), seen)?;
        } else {
            seen(entry.path(), &metadata);
        }
    }
    Ok(())
}

fn copy(from: &Utf8Path, to: &Utf8Path) -> std::io::Result<()> {
    fs_err::create_dir_all(to)?;
    for entry in from.read_dir_utf8()? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(entry.path(), &target)?;
        } else {
            fs_err::copy(entry.path(), &target)?;
            let modified = entry.metadata()?.modified()?;
            let times = std::fs::FileTimes::new().set_modified(modified);
            fs_err::File::open(&target)?.file().set_times(times)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Fixture, git, write};
    use super::*;

    fn made(fixture: &Fixture) -> VersionRepository {
        let target = fixture.target();
        let base = target.head().unwrap().commit;
        let tree = target.head_tree();
        VersionRepository::make(&target, &base, &tree, &fixture.dir("layer")).unwrap()
    }

    fn tree(fixture: &Fixture, name: &str, files: &[(&str, &str)]) -> Utf8PathBuf {
        let dir = fixture.dir(name);
        for (path, text) in files {
            write(&dir.join(path), text);
        }
        made(fixture).copy_into(&dir).unwrap();
        dir
    }

    /// Truth trap 9: version tools ask git, and an evaluated tree has no history.
    #[test]
    fn no_git_the_nearest_tag_is_the_version_in_both_arms() {
        let fixture = Fixture::with(&[("a.txt", "one"), ("b.txt", "two")]);
        fixture.git(&["tag", "--annotate", "v1.2.3", "--message", "release"]);
        fixture.commit("later");
        fixture.git(&["tag", "latest"]);
        let incumbent = tree(&fixture, "x", &[("a.txt", "one"), ("b.txt", "two")]);
        let candidate = tree(&fixture, "y", &[("a.txt", "changed"), ("new.txt", "n")]);
        for dir in [&incumbent, &candidate] {
            let digits = [
                "describe", "--dirty", "--tags", "--long", "--match", "*[0-9]*",
            ];
            let described = git(dir, &digits);
            assert!(described.starts_with("v1.2.3-0-g"), "{described}");
            assert!(!described.contains("dirty"), "{described}");
            assert_eq!(git(dir, &["describe", "--dirty"]), "v1.2.3");
            assert_eq!(git(dir, &["rev-list", "--all", "--count"]), "1");
            assert_eq!(
                git(dir, &["status", "--porcelain", "--untracked-files=no"]),
                ""
            );
        }
        let head = |dir: &Utf8Path| git(dir, &["log", "-1", "--format=%H %cI"]);
        assert_eq!(head(&incumbent), head(&candidate));
    }

    #[test]
    fn it_is_made_once_and_made_again_when_it_was_touched() {
        let fixture = Fixture::with(&[("a.txt", "one")]);
        let layer = made(&fixture).layer().to_owned();
        let before = stamps_of(&layer).unwrap();
        made(&fixture);
        assert_eq!(stamps_of(&layer).unwrap(), before);
        write(&layer.join(".git/HEAD"), "ref: refs/heads/other\n");
        made(&fixture);
        assert_eq!(git(&layer, &["rev-list", "--all", "--count"]), "1");
        fixture.git(&["tag", "v2"]);
        made(&fixture);
        assert_eq!(git(&layer, &["tag", "--list"]), "v2");
    }
}
