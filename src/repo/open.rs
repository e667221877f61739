//! Opening a target, and everything for which it is refused.

use camino::{Utf8Path, Utf8PathBuf};
use git2::{ConfigLevel, ErrorCode, Repository, RepositoryOpenFlags};
use std::ffi::OsStr;
use std::io::ErrorKind;

use super::{Error, Target};

impl Target {
    /// Opens the repository whose root is `path`.
    ///
    /// Linked worktrees and a detached HEAD are fine. Refused, each with its own variant: a missing
    /// path, a file, no repository, a folder inside one, a bare or unborn repository, a foreign
    /// owner, and formats that cannot be read. Writes nothing.
    pub fn open(path: &Utf8Path) -> Result<Self, Error> {
        let root = canonical_directory(path)?;
        let repo = open_repository(path, &root)?;
        let Some(work_dir) = repo.workdir() else {
            return Err(Error::Bare { path: path.into() });
        };
        let work_dir = utf8(work_dir)?.canonicalize_utf8();
        let work_dir = work_dir.map_err(Error::io("read", path))?;
        if work_dir != root {
            return Err(Error::Subdirectory {
                path: path.into(),
                root: work_dir,
            });
        }
        refuse_unborn(&repo, path)?;
        let common_dir = utf8(repo.commondir())?.canonicalize_utf8();
        let common_dir = common_dir.map_err(Error::io("read", path))?;
        use_only_own_config(&repo, &common_dir, None)?;
        Ok(Self::new(repo, root, common_dir))
    }
}

fn canonical_directory(path: &Utf8Path) -> Result<Utf8PathBuf, Error> {
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Err(Error::Missing { path: path.into() });
        }
        Err(error) => return Err(Error::io("read", path)(error)),
    };
    if !metadata.is_dir() {
        return Err(Error::NotADirectory { path: path.into() });
    }
    let root = path.canonicalize().map_err(Error::io("read", path))?;
    utf8(&root)
}

pub(super) fn utf8(path: &std::path::Path) -> Result<Utf8PathBuf, Error> {
    Utf8PathBuf::from_path_buf(path.to_owned()).map_err(|path| Error::NonUtf8Path {
        path: path.to_string_lossy().into_owned(),
    })
}

fn open_repository(path: &Utf8Path, root: &Utf8Path) -> Result<Repository, Error> {
    let nowhere: [&OsStr; 0] = [];
    let error = match Repository::open_ext(root, RepositoryOpenFlags::NO_SEARCH, nowhere) {
        Ok(repo) => return Ok(repo),
        Err(error) => error,
    };
    if error.code() == ErrorCode::Owner {
        return Err(Error::NotTrusted { path: path.into() });
    }
    if let Some(feature) = unreadable_extension(root) {
        return Err(Error::Unsupported {
            path: path.into(),
            feature,
        });
    }
    if error.code() == ErrorCode::NotFound {
        return Err(not_a_root(path, root));
    }
    Err(Error::git("open the repository")(error))
}

/// Returns why a directory without a repository of its own is refused.
fn not_a_root(path: &Utf8Path, root: &Utf8Path) -> Error {
    let outer = Repository::discover_path(root, std::iter::empty::<&OsStr>())
        .ok()
        .and_then(|git_dir| Repository::open(git_dir).ok())
        .and_then(|repo| repo.workdir().map(std::path::Path::to_owned))
        .and_then(|work_dir| utf8(&work_dir).ok());
    match outer {
        Some(outer) => Error::Subdirectory {
            path: path.into(),
            root: outer.canonicalize_utf8().unwrap_or(outer),
        },
        None => Error::NotARepository { path: path.into() },
    }
}

/// Returns the first repository extension that the library refuses, as `name=value`.
fn unreadable_extension(root: &Utf8Path) -> Option<String> {
    const READABLE: [&str; 4] = [
        "noop",
        "worktreeconfig",
        "preciousobjects",
        "relativeworktrees",
    ];
    let config = git2::Config::open(config_file(root)?.as_std_path()).ok()?;
    let mut entries = config.entries(Some("^extensions\\.")).ok()?;
    while let Some(Ok(entry)) = entries.next() {
        let (Ok(name), Ok(value)) = (entry.name(), entry.value()) else {
            continue;
        };
        let name = name.trim_start_matches("extensions.").to_lowercase();
        let readable = READABLE.contains(&name.as_str())
            || (name == "objectformat" && value == "sha1")
            || (name == "refstorage" && value == "files");
        if !readable {
            return Some(format!("{name}={value}"));
        }
    }
    None
}

/// Returns the shared configuration file of a repository that the library could not open.
fn config_file(root: &Utf8Path) -> Option<Utf8PathBuf> {
    let dot_git = root.join(".git");
    let git_dir = if dot_git.is_dir() {
        dot_git
    } else if dot_git.is_file() {
        let text = std::fs::read_to_string(&dot_git).ok()?;
        root.join(text.strip_prefix("gitdir:")?.trim())
    } else {
        root.to_owned()
    };
    let common = match std::fs::read_to_string(git_dir.join("commondir")) {
        Ok(text) => git_dir.join(text.trim()),
        Err(_) => git_dir,
    };
    Some(common.join("config")).filter(|file| file.is_file())
}

fn refuse_unborn(repo: &Repository, path: &Utf8Path) -> Result<(), Error> {
    match repo.head() {
        Ok(head) => match head.peel_to_commit() {
            Ok(_) => Ok(()),
            Err(error) => Err(Error::git("read the commit at HEAD")(error)),
        },
        Err(error) if error.code() == ErrorCode::UnbornBranch => {
            Err(Error::Unborn { path: path.into() })
        }
        Err(error) => Err(Error::git("read HEAD")(error)),
    }
}

/// Makes a handle read the repository's own configuration and nothing of the user or the system.
///
/// `extra` is a file whose values win.
pub(super) fn use_only_own_config(
    repo: &Repository,
    common_dir: &Utf8Path,
    extra: Option<&std::path::Path>,
) -> Result<(), Error> {
    let files = [
        (
            Some(common_dir.join("config").into_std_path_buf()),
            ConfigLevel::Local,
        ),
        (
            Some(repo.path().join("config.worktree")),
            ConfigLevel::Worktree,
        ),
        (extra.map(std::path::Path::to_owned), ConfigLevel::App),
    ];
    let mut config = git2::Config::new().map_err(Error::git("read the configuration"))?;
    for (file, level) in files {
        if let Some(file) = file.filter(|file| file.is_file()) {
            config
                .add_file(&file, level, true)
                .map_err(Error::git("read the configuration"))?;
        }
    }
    repo.set_config(&config)
        .map_err(Error::git("read the configuration"))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Fixture, git, write};
    use super::*;

    fn refusal(path: &Utf8Path) -> Error {
        let error = Target::open(path).err().expect("it should be refused");
        assert!(error.hint().is_some(), "{error} has no hint");
        error
    }

    #[test]
    fn a_mistyped_path_a_file_and_a_plain_folder_are_told_apart() {
        let temp = tempfile::tempdir().unwrap();
        let dir = Utf8Path::from_path(temp.path()).unwrap();
        write(&dir.join("file"), "");
        assert!(matches!(refusal(&dir.join("nope")), Error::Missing { .. }));
        assert!(matches!(
            refusal(&dir.join("file/x")),
            Error::Missing { .. }
        ));
        assert!(matches!(
            refusal(&dir.join("file")),
            Error::NotADirectory { .. }
        ));
        assert!(matches!(refusal(dir), Error::NotARepository { .. }));
    }

    #[test]
    fn a_folder_inside_a_repository_is_refused_by_naming_the_root() {
        let fixture = Fixture::with(&[("src/a.txt", "a")]);
        for inner in ["src", ".git"] {
            match refusal(&fixture.root.join(inner)) {
                Error::Subdirectory { root, .. } => assert_eq!(root, fixture.root),
                other => panic!("{other}"),
            }
        }
    }

    #[test]
    fn a_nested_repository_of_its_own_is_fine() {
        let fixture = Fixture::with(&[("a.txt", "a")]);
        let inner = fixture.root.join("inner");
        std::fs::create_dir(&inner).unwrap();
        git(&inner, &["init", "--quiet"]);
        git(
            &inner,
            &[
                "-c",
                "user.name=t",
                "-c",
                "user.email=t@e",
                "commit",
                "--allow-empty",
                "-qm",
                "x",
            ],
        );
        assert_eq!(Target::open(&inner).unwrap().root(), inner);
    }

    #[test]
    fn bare_and_unborn_repositories_are_refused() {
        let fixture = Fixture::with(&[("a.txt", "a")]);
        git(
            &fixture.base,
            &["clone", "--quiet", "--bare", "project", "bare.git"],
        );
        assert!(matches!(
            refusal(&fixture.dir("bare.git")),
            Error::Bare { .. }
        ));
        assert!(matches!(
            refusal(&Fixture::unborn().root),
            Error::Unborn { .. }
        ));
    }

    #[test]
    fn formats_that_cannot_be_read_are_refused_by_name() {
        let temp = tempfile::tempdir().unwrap();
        let dir = Utf8Path::from_path(temp.path()).unwrap();
        let cases = [
            ("--object-format=sha256", "objectformat=sha256"),
            ("--ref-format=reftable", "refstorage=reftable"),
        ];
        for (option, expected) in cases {
            let root = dir.join(expected);
            git(dir, &["init", "--quiet", option, root.as_str()]);
            match refusal(&root) {
                Error::Unsupported { feature, .. } => assert_eq!(feature, expected),
                other => panic!("{other}"),
            }
        }
    }

    #[test]
    fn a_detached_head_and_a_linked_worktree_are_fine() {
        let fixture = Fixture::with(&[("a.txt", "a")]);
        let linked = fixture.dir("linked");
        fixture.git(&["worktree", "add", "--quiet", "--detach", linked.as_str()]);
        let target = Target::open(&linked).unwrap();
        assert_eq!(target.root(), linked);
        assert_eq!(target.common_dir(), fixture.root.join(".git"));
        assert_eq!(target.head().unwrap().branch, None);
        assert_eq!(
            fixture.target().head().unwrap().branch.as_deref(),
            Some("main")
        );
    }

    #[test]
    fn opening_and_reading_leave_no_trace() {
        let fixture = Fixture::with(&[("a.txt", "a")]);
        let before = fixture.git(&["count-objects", "-v"]);
        let target = fixture.target();
        target.list(&target.head_tree()).unwrap();
        assert!(!target.is_dirty().unwrap());
        assert!(!fixture.root.join(".git/factory").exists());
        assert_eq!(fixture.git(&["count-objects", "-v"]), before);
    }

    #[test]
    fn a_tracked_path_that_is_not_utf8_is_named_and_nothing_else_breaks() {
        use std::os::unix::ffi::OsStrExt as _;
        let fixture = Fixture::with(&[("a.txt", "a")]);
        let name = OsStr::from_bytes(b"caf\xe9.txt");
        std::fs::write(fixture.root.as_std_path().join(name), "x").unwrap();
        fixture.commit("latin");
        let target = fixture.target();
        let error = target.list(&target.head_tree()).unwrap_err();
        assert!(matches!(error, Error::NonUtf8Path { .. }), "{error}");
        assert!(error.hint().is_some());
        assert_eq!(
            target.text(&target.head_tree(), "a.txt").as_deref(),
            Some("a")
        );
    }

    #[test]
    fn a_target_may_move_to_another_thread() {
        fn assert_send<T: Send>() {}
        assert_send::<Target>();
    }

    #[test]
    fn a_clone_that_shares_objects_can_be_read_and_committed_to() {
        let fixture = Fixture::with(&[("a.txt", "a")]);
        git(
            &fixture.base,
            &["clone", "--quiet", "--shared", "project", "shared"],
        );
        let target = Target::open(&fixture.dir("shared")).unwrap();
        let tree = target.changed(&target.head_tree(), &[("a.txt", Some("b"))]);
        let commit = target
            .commit(&tree, &target.head().unwrap().commit, "b")
            .unwrap();
        let shown = git(
            &fixture.dir("shared"),
            &["show", &format!("{commit}:a.txt")],
        );
        assert_eq!(shown, "b");
    }
}
