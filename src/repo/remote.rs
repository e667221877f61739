//! Our refs on a remote: listed, fetched and pushed by the `git` program, which has the credentials.
//!
//! Every ref is named; nothing of the person's is fetched or pushed, and no hook of theirs runs.

use std::collections::BTreeMap;

use super::records::Reachable;
use super::refs::branch_ref;
use super::target::commit_sha;
use super::{Error, Target};
use crate::model::id::CommitSha;

/// Where fetched refs are while they are compared; nothing is below it before and after a sync.
const INCOMING: &str = "refs/factory/incoming/";
/// Neither hooks nor garbage collection of the person's repository belong to a sync.
const QUIETLY: [&str; 6] = [
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "gc.auto=0",
    "-c",
    "maintenance.auto=false",
];

/// One ref to be moved on a remote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    /// Its full name.
    pub name: String,
    /// Where it was seen there; `None` where it was not.
    pub from: Option<CommitSha>,
    /// Where it is to be.
    pub to: CommitSha,
}

impl Target {
    /// Returns the remote that is meant where none is named: `origin`, or the only one.
    pub fn default_remote(&self) -> Result<Option<String>, Error> {
        let remotes = self
            .repo
            .remotes()
            .map_err(Error::git("list the remotes"))?;
        let names: Vec<String> = remotes
            .iter()
            .filter_map(|it| it.ok().flatten().map(str::to_owned))
            .collect();
        let origin = names.iter().find(|it| *it == "origin");
        let only = names.first().filter(|_| names.len() == 1);
        Ok(origin.or(only).cloned())
    }

    /// Returns the full name of a branch.
    pub fn branch_name(name: &str) -> Result<String, Error> {
        branch_ref(name)
    }

    /// Fetches those of the refs that the remote has, and returns where they are there.
    ///
    /// No ref of this repository moves; the objects are kept from garbage collection until
    /// [`Target::clear_incoming`].
    pub fn fetch(
        &self,
        remote: &str,
        names: &[&str],
    ) -> Result<BTreeMap<String, CommitSha>, Error> {
        refuse_option(remote)?;
        self.require_git()?;
        let listing = [&["ls-remote", "--quiet", remote][..], names].concat();
        let listing = self.git_quietly(&listing)?;
        let listed: Vec<String> = String::from_utf8_lossy(&listing)
            .lines()
            .filter_map(|it| it.split_once('\t'))
            .map(|(_, name)| name.to_owned())
            .filter(|it| names.contains(&it.as_str()))
            .collect();
        if listed.is_empty() {
            return Ok(BTreeMap::new());
        }
        let specs = listed.iter().map(|it| format!("+{it}:{INCOMING}{it}"));
        let specs: Vec<String> = specs.collect();
        let fetch = [
            "fetch",
            "--quiet",
            "--no-tags",
            "--refmap=",
            "--no-recurse-submodules",
            // `FETCH_HEAD` is the person's: it says what they fetched last.
            "--no-write-fetch-head",
            remote,
        ];
        let fetch = fetch.into_iter().chain(specs.iter().map(String::as_str));
        self.git_quietly(&fetch.collect::<Vec<_>>())?;
        let mut found = BTreeMap::new();
        for name in listed {
            let incoming = format!("{INCOMING}{name}");
            let id = self.repo.refname_to_id(&incoming);
            let id = id.map_err(Error::git("read what was fetched"))?;
            found.insert(name, commit_sha(id));
        }
        Ok(found)
    }

    /// Forgets what was fetched and not taken over.
    pub fn clear_incoming(&self) -> Result<(), Error> {
        self.delete_refs(&format!("{INCOMING}*")).map(drop)
    }

    /// Moves refs on the remote, each only if it still is where it was seen.
    ///
    /// `Ok(false)` where one of them has been moved since: nothing of that one is lost, and the caller
    /// looks again.
    pub fn push(&self, remote: &str, pushes: &[Push]) -> Result<bool, Error> {
        refuse_option(remote)?;
        let leases = pushes.iter().map(|it| {
            let from = it.from.as_ref().map_or("", CommitSha::as_str);
            format!("--force-with-lease={}:{from}", it.name)
        });
        let specs = pushes.iter().map(|it| format!("{}:{}", it.to, it.name));
        let leases: Vec<String> = leases.collect();
        let specs: Vec<String> = specs.collect();
        let options = [
            "push",
            "--porcelain",
            "--no-verify",
            "--no-recurse-submodules",
        ];
        let arguments: Vec<&str> = options
            .into_iter()
            .chain(leases.iter().map(String::as_str))
            .chain([remote])
            .chain(specs.iter().map(String::as_str))
            .collect();
        match self.git_quietly(&arguments) {
            Ok(_) => Ok(true),
            Err(error) => self.was_overtaken(remote, pushes, error),
        }
    }

    /// Tells a push that came too late from one that failed, by where the refs are now.
    fn was_overtaken(&self, remote: &str, pushes: &[Push], error: Error) -> Result<bool, Error> {
        let names: Vec<&str> = pushes.iter().map(|it| it.name.as_str()).collect();
        let now = self.fetch(remote, &names)?;
        let is_done = |it: &Push| now.get(&it.name) == Some(&it.to);
        let has_moved = |it: &Push| !is_done(it) && now.get(&it.name) != it.from.as_ref();
        if pushes.iter().any(has_moved) {
            return Ok(false);
        }
        Err(error)
    }

    /// Returns every object that a ref, a reflog, an index or a checkout names, directly or not.
    pub fn reachable(&self) -> Result<Reachable, Error> {
        let arguments = [
            "rev-list",
            "--objects",
            "--all",
            "--reflog",
            "--indexed-objects",
        ];
        Ok(Reachable::of_listing(&self.git_quietly(&arguments)?))
    }

    fn git_quietly(&self, arguments: &[&str]) -> Result<Vec<u8>, Error> {
        self.git(&[&QUIETLY[..], arguments].concat())
    }
}

/// A remote that begins with a dash would be taken for an option.
fn refuse_option(remote: &str) -> Result<(), Error> {
    if remote.starts_with('-') || remote.is_empty() {
        return Err(Error::NoRemote {
            name: remote.to_owned(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Fixture, git};
    use super::*;

    const LEDGER: &str = "refs/factory/ledger";

    fn with_remote() -> (Fixture, String) {
        let fixture = Fixture::with(&[("a.txt", "a")]);
        git(&fixture.base, &["init", "--quiet", "--bare", "remote.git"]);
        let remote = fixture.dir("remote.git").to_string();
        (fixture, remote)
    }

    fn push(from: Option<&CommitSha>, to: &CommitSha) -> Push {
        Push {
            name: LEDGER.to_owned(),
            from: from.cloned(),
            to: to.clone(),
        }
    }

    #[test]
    fn a_ref_moves_on_the_remote_only_from_where_it_was_seen() {
        let (fixture, remote) = with_remote();
        let target = fixture.target();
        let first = target.head().unwrap().commit;
        let second = fixture.commit("second");
        assert!(target.fetch(&remote, &[LEDGER]).unwrap().is_empty());
        assert!(target.push(&remote, &[push(None, &first)]).unwrap());
        assert_eq!(target.fetch(&remote, &[LEDGER]).unwrap()[LEDGER], first);
        assert!(!target.push(&remote, &[push(None, &second)]).unwrap());
        assert!(
            target
                .push(&remote, &[push(Some(&first), &second)])
                .unwrap()
        );
        let refs = git(
            &fixture.dir("remote.git"),
            &["for-each-ref", "--format=%(refname)"],
        );
        assert_eq!(refs, LEDGER);
        assert!(!target.root().join(".git/FETCH_HEAD").exists());
        target.clear_incoming().unwrap();
        let refs = fixture.git(&["for-each-ref", "--format=%(refname)", "refs/factory"]);
        assert_eq!(refs, "");
    }

    #[test]
    fn a_remote_that_is_not_there_is_an_error_in_git_s_words() {
        let (fixture, remote) = with_remote();
        let target = fixture.target();
        let error = target
            .fetch(&format!("{remote}-not"), &[LEDGER])
            .unwrap_err();
        assert!(matches!(error, Error::GitFailed { .. }), "{error}");
        assert!(matches!(
            target.fetch("--upload-pack=x", &[LEDGER]),
            Err(Error::NoRemote { .. })
        ));
        let secret = "file://me:s3cret@localhost/nowhere.git";
        let told = target.fetch(secret, &[LEDGER]).unwrap_err().to_string();
        assert!(!told.contains("s3cret"), "{told}");
        assert_eq!(target.default_remote().unwrap(), None);
        fixture.git(&["remote", "add", "elsewhere", &remote]);
        assert_eq!(
            target.default_remote().unwrap().as_deref(),
            Some("elsewhere")
        );
    }
}
