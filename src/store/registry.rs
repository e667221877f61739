//! `~/.factory` or `$FACTORY_HOME`: a small git repository that knows every target.

use camino::{Utf8Path, Utf8PathBuf};
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Error;
use super::lock::Lock;
use crate::format::TARGETS;
use crate::repo::records::{self, RecordRef};

const FILE: &str = "targets.json";
const BRANCH: &str = "refs/heads/main";
/// A target seen again within this time is not written again.
const STALE: SignedDuration = SignedDuration::from_hours(1);

/// The registry of targets.
pub struct Registry {
    home: Utf8PathBuf,
}

/// One registered target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Registered {
    /// Its root.
    #[schemars(with = "String")]
    pub path: Utf8PathBuf,
    /// When it was first seen.
    pub first: Timestamp,
    /// When it was last seen, within an hour.
    pub last: Timestamp,
}

impl Registry {
    /// Opens (or makes) the registry in that home.
    pub fn open(home: &Utf8Path) -> Result<Self, Error> {
        std::fs::create_dir_all(home).map_err(|source| Error::io("make", home, source))?;
        let _guard = Lock::wait(&home.join(".git/factory/lock"))?;
        records::init(home)?;
        Ok(Self {
            home: home.to_owned(),
        })
    }

    /// Registers a target, or notes that it was seen again.
    pub fn register(&self, path: &Utf8Path, now: Timestamp) -> Result<(), Error> {
        if is_fresh(&self.targets()?, path, now) {
            return Ok(());
        }
        let _guard = Lock::wait(&self.git_dir().join("factory/lock"))?;
        let mut targets = self.targets()?;
        if is_fresh(&targets, path, now) {
            return Ok(());
        }
        let message = if let Some(known) = targets.iter_mut().find(|it| it.path == path) {
            known.last = now;
            format!("seen {path}")
        } else {
            targets.push(Registered {
                path: path.to_owned(),
                first: now,
                last: now,
            });
            format!("register {path}")
        };
        targets.sort_by(|one, other| one.path.cmp(&other.path));
        self.write(&targets, &message, now)
    }

    /// Forgets a target; returns whether it was known.
    pub fn forget(&self, path: &Utf8Path, now: Timestamp) -> Result<bool, Error> {
        let _guard = Lock::wait(&self.git_dir().join("factory/lock"))?;
        let mut targets = self.targets()?;
        let n_targets = targets.len();
        targets.retain(|it| it.path != path);
        let was_known = targets.len() < n_targets;
        if was_known {
            self.write(&targets, &format!("forget {path}"), now)?;
        }
        Ok(was_known)
    }

    /// Returns all targets, in path order.
    pub fn targets(&self) -> Result<Vec<Registered>, Error> {
        let main = self.main()?;
        let Some(tip) = main.tip()? else {
            return Ok(Vec::new());
        };
        let Some(bytes) = main.read(&tip, FILE)? else {
            return Ok(Vec::new());
        };
        let (targets, _) = TARGETS.decode(&bytes).map_err(|source| {
            Error::stored(&format!("`{FILE}`"), "its repository was found", source)
        })?;
        Ok(targets)
    }

    /// Commits the list, and lets the work tree follow.
    fn write(&self, targets: &[Registered], message: &str, now: Timestamp) -> Result<(), Error> {
        let mut text = TARGETS
            .encode(&targets)
            .map_err(|source| Error::Unstorable {
                what: format!("`{FILE}`"),
                source: Box::new(source),
            })?;
        text.push('\n');
        let main = self.main()?;
        let tip = main.tip()?;
        if let Some(tip) = &tip
            && let Some(bytes) = main.read(tip, FILE)?
        {
            check_writable(&bytes)?;
        }
        let change = (FILE.to_owned(), Some(text.clone().into_bytes()));
        main.commit(tip.as_ref(), &[change], message, now)?;
        let path = self.home.join(FILE);
        std::fs::write(&path, text).map_err(|source| Error::io("write", &path, source))?;
        records::refresh_index(&self.home)?;
        main.pack()?;
        Ok(())
    }

    fn main(&self) -> Result<RecordRef, Error> {
        Ok(RecordRef::open(&self.git_dir(), BRANCH)?)
    }

    fn git_dir(&self) -> Utf8PathBuf {
        self.home.join(".git")
    }
}

fn is_fresh(targets: &[Registered], path: &Utf8Path, now: Timestamp) -> bool {
    targets
        .iter()
        .any(|it| it.path == path && now.duration_since(it.last) < STALE)
}

/// Refuses a list that a newer program wrote.
fn check_writable(bytes: &[u8]) -> Result<(), Error> {
    let newer = |source| Error::stored(&format!("`{FILE}`"), "its repository was found", source);
    let (_, version) = TARGETS.decode::<Vec<Registered>>(bytes).map_err(newer)?;
    TARGETS.check_writable(version).map_err(newer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sample::now;

    fn home() -> (tempfile::TempDir, Utf8PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let home = Utf8PathBuf::from_path_buf(dir.path().join("home")).unwrap();
        (dir, home)
    }

    fn n_commits(registry: &Registry) -> usize {
        let main = registry.main().unwrap();
        main.readable_history(&main.tip().unwrap().unwrap()).len()
    }

    #[test]
    fn targets_are_remembered_and_committed_once_an_hour() {
        let (_dir, home) = home();
        let registry = Registry::open(&home).unwrap();
        assert!(registry.targets().unwrap().is_empty());
        let minutes = |n| now() + SignedDuration::from_mins(n);
        registry.register("/b".into(), now()).unwrap();
        registry.register("/a".into(), minutes(1)).unwrap();
        registry.register("/b".into(), minutes(59)).unwrap();
        assert_eq!(n_commits(&registry), 2);
        registry.register("/b".into(), minutes(61)).unwrap();
        assert_eq!(n_commits(&registry), 3);
        let targets = Registry::open(&home).unwrap().targets().unwrap();
        assert_eq!(targets[0].path, "/a");
        assert_eq!((targets[1].first, targets[1].last), (now(), minutes(61)));
        assert!(registry.forget("/a".into(), minutes(62)).unwrap());
        assert!(!registry.forget("/a".into(), minutes(63)).unwrap());
        assert_eq!(registry.targets().unwrap().len(), 1);
        let text = std::fs::read(home.join(FILE)).unwrap();
        assert!(TARGETS.decode::<Vec<Registered>>(&text).is_ok());
    }

    #[test]
    fn its_work_tree_is_clean_for_git() {
        let (_dir, home) = home();
        let registry = Registry::open(&home).unwrap();
        registry.register("/b".into(), now()).unwrap();
        let output = std::process::Command::new("git")
            .args(["-C", home.as_str(), "status", "--porcelain"])
            .env("HOME", &home)
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "");
        assert!(output.status.success());
    }

    #[test]
    fn registrations_at_the_same_time_are_all_kept() {
        let (_dir, home) = home();
        std::thread::scope(|scope| {
            for n in 0..8 {
                let home = &home;
                scope.spawn(move || {
                    let registry = Registry::open(home).unwrap();
                    let path = Utf8PathBuf::from(format!("/t{n}"));
                    registry.register(&path, now()).unwrap();
                });
            }
        });
        assert_eq!(Registry::open(&home).unwrap().targets().unwrap().len(), 8);
    }
}
