//! Why a target cannot be used, or a git operation was refused, and what to do about it.

use camino::Utf8PathBuf;

/// Why a target cannot be used, or git failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing is at the path.
    #[error("`{path}` is not there")]
    Missing {
        /// As it was given.
        path: Utf8PathBuf,
    },
    /// The path is a file.
    #[error("`{path}` is not a directory")]
    NotADirectory {
        /// As it was given.
        path: Utf8PathBuf,
    },
    /// The directory is in no repository.
    #[error("`{path}` is not a git repository")]
    NotARepository {
        /// As it was given.
        path: Utf8PathBuf,
    },
    /// The directory is inside a repository, but not its root.
    #[error("`{path}` is a folder inside the repository `{root}`")]
    Subdirectory {
        /// As it was given.
        path: Utf8PathBuf,
        /// The repository's root.
        root: Utf8PathBuf,
    },
    /// The repository has no work tree.
    #[error("`{path}` is a bare repository: it has no work tree")]
    Bare {
        /// As it was given.
        path: Utf8PathBuf,
    },
    /// The repository has no commit yet.
    #[error("`{path}` has no commit yet")]
    Unborn {
        /// As it was given.
        path: Utf8PathBuf,
    },
    /// The repository uses a format that cannot be read.
    #[error("`{path}` uses `{feature}`, which is not supported")]
    Unsupported {
        /// As it was given.
        path: Utf8PathBuf,
        /// The extension: `objectformat=sha256`, `refstorage=reftable`.
        feature: String,
    },
    /// The repository belongs to somebody else.
    #[error("`{path}` belongs to another user")]
    NotTrusted {
        /// As it was given.
        path: Utf8PathBuf,
    },
    /// A path is not UTF-8.
    #[error("the path `{path}` is not valid UTF-8")]
    NonUtf8Path {
        /// The path, with what could not be read replaced.
        path: String,
    },
    /// A revision names no commit.
    #[error("`{rev}` names no commit")]
    UnknownRevision {
        /// As it was given.
        rev: String,
    },
    /// A name cannot be a branch.
    #[error("`{name}` is not a valid branch name")]
    InvalidBranchName {
        /// As it was given.
        name: String,
    },
    /// Another branch's name makes this one impossible.
    #[error("a branch `{name}` cannot be made while the branch `{by}` exists")]
    BranchBlocked {
        /// The branch that is wanted.
        name: String,
        /// The branch in the way.
        by: String,
    },
    /// The branch is there already.
    #[error("the branch `{name}` exists already")]
    BranchExists {
        /// The branch.
        name: String,
    },
    /// The branch is not where it was expected.
    #[error("the branch `{name}` was moved by somebody else")]
    BranchMoved {
        /// The branch.
        name: String,
    },
    /// A work tree has the branch checked out.
    #[error("the branch `{name}` is checked out in `{worktree}`")]
    BranchCheckedOut {
        /// The branch.
        name: String,
        /// Where.
        worktree: Utf8PathBuf,
    },
    /// A ref kept being moved by others.
    #[error("`{name}` is being changed by another process")]
    RefContended {
        /// The ref.
        name: String,
    },
    /// A ref's lock is not given back.
    #[error("`{name}` is locked")]
    RefLocked {
        /// The ref.
        name: String,
        /// The lock's file.
        lock: Utf8PathBuf,
    },
    /// Nothing is checked out that could be moved.
    #[error("HEAD is detached: there is no branch to land on")]
    Detached,
    /// Something is under way in the checkout.
    #[error("a {what} is in progress")]
    Busy {
        /// `rebase`, `merge`, `cherry-pick or revert`, `bisect`.
        what: &'static str,
    },
    /// Tracked files or the index differ from HEAD.
    #[error("the checkout has uncommitted changes")]
    Dirty,
    /// Files that git does not track are in the way.
    #[error("untracked files would be overwritten: {}", .paths.join(", "))]
    WouldOverwrite {
        /// Relative to the root.
        paths: Vec<String>,
    },
    /// The checked-out branch has commits that the kept work does not contain.
    #[error("`{branch}` cannot be fast-forwarded to `{to}`")]
    NotFastForward {
        /// The checked-out branch.
        branch: String,
        /// The commit that was to be landed.
        to: String,
    },
    /// There is no `git` program.
    #[error("the program `git` was not found")]
    GitMissing,
    /// The `git` program is too old.
    #[error("`git` {found} is older than {minimum}")]
    GitTooOld {
        /// Its version.
        found: String,
        /// The oldest that is known to work.
        minimum: &'static str,
    },
    /// The `git` program refused.
    #[error("`git {command}` failed: {stderr}")]
    GitFailed {
        /// The sub-command.
        command: String,
        /// What it said.
        stderr: String,
    },
    /// A remote that cannot be meant.
    #[error("`{name}` is no remote")]
    NoRemote {
        /// As it was given.
        name: String,
    },
    /// Work cannot be taken back because later work touches the same lines.
    #[error("the work cannot be taken back: later changes conflict in {}", .paths.join(", "))]
    RevertConflict {
        /// The files in conflict.
        paths: Vec<String>,
    },
    /// Work that is to be taken back is not there any more.
    #[error("there is nothing to take back: the work is no longer in `{onto}`")]
    NothingToRevert {
        /// The commit that was to be changed.
        onto: String,
    },
    /// Something that is not ours is where a directory is needed.
    #[error("`{path}` is in the way: it is not a plain directory")]
    PathOccupied {
        /// Where.
        path: Utf8PathBuf,
    },
    /// A file operation failed.
    #[error("cannot {action} `{path}`")]
    Io {
        /// The verb: `read`, `write`.
        action: &'static str,
        /// On what.
        path: Utf8PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A git operation failed.
    #[error("cannot {action}")]
    Git {
        /// Verb and object: `read the tree`.
        action: &'static str,
        /// Why.
        #[source]
        source: git2::Error,
    },
}

impl Error {
    /// Returns what to do next, for the person.
    pub fn hint(&self) -> Option<String> {
        self.setup_hint().or_else(|| self.refusal_hint())
    }

    fn setup_hint(&self) -> Option<String> {
        Some(match self {
            Self::Missing { .. } => "check the spelling of the path".to_owned(),
            Self::NotADirectory { .. } => "give the root folder of a git repository".to_owned(),
            Self::NotARepository { path } | Self::Unborn { path } => format!(
                "make a first commit: `cd {path} && git init && git add -A && git commit -m \"first commit\"`"
            ),
            Self::Subdirectory { root, .. } => format!(
                "use `{root}`, or run `git init` in the folder to make it a repository of its own"
            ),
            Self::Bare { .. } => "clone it, and use the clone".to_owned(),
            Self::Unsupported { feature, .. } => unsupported_hint(feature),
            Self::NotTrusted { path } => {
                format!("if you trust it: `git config --global --add safe.directory {path}`")
            }
            Self::NonUtf8Path { .. } => {
                "rename the file (`git mv`) and commit; nothing was changed".to_owned()
            }
            Self::Io { source, .. } => io_hint(source.kind())?,
            Self::GitMissing => "install git".to_owned(),
            Self::GitTooOld { minimum, .. } => format!("install git {minimum} or newer"),
            _ => return None,
        })
    }

    fn refusal_hint(&self) -> Option<String> {
        Some(match self {
            Self::UnknownRevision { .. } => {
                "`git log --oneline --all` lists what there is".to_owned()
            }
            Self::NoRemote { .. } => "`git remote -v` lists those there are".to_owned(),
            Self::BranchBlocked { by, .. } => format!(
                "configure another landing branch (`[landing] branch = \"…\"`), or rename `{by}`"
            ),
            Self::InvalidBranchName { .. } => {
                "`git help check-ref-format` has the rules".to_owned()
            }
            Self::BranchExists { name } => {
                format!("choose another name, or delete it: `git branch -D {name}`")
            }
            Self::BranchMoved { .. } | Self::RefContended { .. } => "try again".to_owned(),
            Self::BranchCheckedOut { worktree, .. } => format!(
                "switch `{worktree}` to another branch; if that folder is gone, `git worktree prune`"
            ),
            Self::RefLocked { lock, .. } => {
                format!("if no other git is running, remove `{lock}`")
            }
            Self::Detached => "check out the branch first: `git switch BRANCH`".to_owned(),
            Self::Busy { what } => format!("finish or abort the {what} first"),
            Self::Dirty => "commit or stash them first".to_owned(),
            Self::WouldOverwrite { .. } => "move them away first".to_owned(),
            Self::NotFastForward { to, .. } => {
                format!("merge it yourself: `git merge {to}`, or rebase your branch onto it")
            }
            Self::RevertConflict { .. } => {
                "take the later work back first, or edit the files by hand".to_owned()
            }
            Self::PathOccupied { .. } => "move it away".to_owned(),
            _ => return None,
        })
    }

    pub(super) fn io(
        action: &'static str,
        path: impl Into<Utf8PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    pub(super) fn git(action: &'static str) -> impl FnOnce(git2::Error) -> Self {
        move |source| Self::Git { action, source }
    }
}

fn io_hint(kind: std::io::ErrorKind) -> Option<String> {
    use std::io::ErrorKind as Kind;
    let hint = match kind {
        Kind::PermissionDenied => "check the owner and the permissions of that path",
        Kind::ReadOnlyFilesystem => "the file system is read-only: use a copy that can be written",
        Kind::StorageFull | Kind::QuotaExceeded => "free some space",
        _ => return None,
    };
    Some(hint.to_owned())
}

fn unsupported_hint(feature: &str) -> String {
    match feature.split('=').next().unwrap_or_default() {
        "refstorage" => "convert it: `git refs migrate --ref-format=files`".to_owned(),
        "partialclone" => {
            "use a full clone: `git clone` without `--filter`, since missing objects cannot be fetched"
                .to_owned()
        }
        "objectformat" => {
            "use a repository with SHA-1 objects: `git init --object-format=sha1`".to_owned()
        }
        _ => "use a plain clone of it".to_owned(),
    }
}
