//! One ref below which every candidate hangs, kept or not.

use std::collections::BTreeSet;

use git2::{ErrorCode, Oid, Signature};

use super::target::commit_sha;
use super::{Error, Target};
use crate::model::experiment::Candidate;
use crate::model::id::CommitSha;

/// The ref of the candidates.
pub const CANDIDATES: &str = "refs/factory/candidates";
const ATTEMPTS: usize = 20;
const IDENTITY: &str = "factory";
const EMPTY_TREE: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
/// Candidates below one anchor of a chain that is written at once.
const PER_ANCHOR: usize = 64;

impl Target {
    /// Hangs a candidate's commit below `refs/factory/candidates`; doing it twice does it once.
    ///
    /// Each anchor has the previous one and the candidate as parents, so that the cost does not
    /// depend on how many there are.
    pub fn anchor(&self, candidate: &Candidate) -> Result<(), Error> {
        let commit = self.find_commit(&candidate.commit)?.id();
        for _ in 0..ATTEMPTS {
            let tip = self.candidates_tip()?;
            if tip.is_some_and(|tip| self.hangs_at(tip, commit)) {
                return Ok(());
            }
            let subject = candidate.subjects.last().map_or("", String::as_str);
            let anchor = self.write_anchor(tip, commit, subject)?;
            self.persist(anchor)?;
            if self.swap_ref(CANDIDATES, tip, anchor, "factory: candidate")? {
                return Ok(());
            }
        }
        Err(Error::RefContended {
            name: CANDIDATES.to_owned(),
        })
    }

    /// Returns where the candidates are anchored, if there are any.
    pub fn candidates(&self) -> Result<Option<CommitSha>, Error> {
        Ok(self.candidates_tip()?.map(commit_sha))
    }

    /// Hangs everything below another clone's anchor, whose objects are here, below ours as well.
    pub fn join_candidates(&self, theirs: &CommitSha) -> Result<CommitSha, Error> {
        let other = self.find_commit(theirs)?.id();
        for _ in 0..ATTEMPTS {
            let tip = self.candidates_tip()?;
            let to = match tip {
                None => other,
                Some(tip) if self.contains(tip, other)? => tip,
                Some(tip) if self.contains(other, tip)? => other,
                Some(tip) => self.write_anchor(Some(tip), other, "of another clone")?,
            };
            if Some(to) == tip {
                return Ok(commit_sha(to));
            }
            self.persist(to)?;
            if self.swap_ref(CANDIDATES, tip, to, "factory: candidates of another clone")? {
                return Ok(commit_sha(to));
            }
        }
        Err(Error::RefContended {
            name: CANDIDATES.to_owned(),
        })
    }

    /// Writes a new anchor below which these commits no longer hang; returns how many hung there.
    pub fn let_go(&self, commits: &BTreeSet<CommitSha>) -> Result<usize, Error> {
        for _ in 0..ATTEMPTS {
            let Some(tip) = self.candidates_tip()? else {
                return Ok(0);
            };
            let hung = self.hung(tip).map_err(Error::git("list the candidates"))?;
            let (gone, kept): (Vec<Oid>, Vec<Oid>) = hung
                .into_iter()
                .partition(|it| commits.contains(&commit_sha(*it)));
            if gone.is_empty() {
                return Ok(0);
            }
            let to = self.write_anchors(&kept)?;
            self.persist(to)?;
            if self.swap_ref(CANDIDATES, Some(tip), to, "factory: prune")? {
                return Ok(gone.len());
            }
        }
        Err(Error::RefContended {
            name: CANDIDATES.to_owned(),
        })
    }

    /// Returns what hangs below an anchor, newest first, each once.
    fn hung(&self, tip: Oid) -> Result<Vec<Oid>, git2::Error> {
        let (mut found, mut seen, mut stack) = (Vec::new(), BTreeSet::new(), vec![tip]);
        while let Some(id) = stack.pop() {
            if !seen.insert(id) {
                continue;
            }
            let commit = self.repo.find_commit(id)?;
            if is_anchor(&commit) {
                stack.extend(commit.parent_ids());
            } else {
                found.push(id);
            }
        }
        Ok(found)
    }

    /// Writes a chain of anchors of its own, each with a few dozen candidates.
    fn write_anchors(&self, commits: &[Oid]) -> Result<Oid, Error> {
        let mut tip = None;
        for some in commits.rchunks(PER_ANCHOR) {
            let parents: Vec<Oid> = tip.into_iter().chain(some.iter().copied()).collect();
            tip = Some(self.write_anchor_of(&parents, "candidates\n")?);
        }
        tip.map_or_else(|| self.write_anchor_of(&[], "candidates\n"), Ok)
    }

    fn contains(&self, anchor: Oid, other: Oid) -> Result<bool, Error> {
        self.is_ancestor(&commit_sha(other), &commit_sha(anchor))
    }

    fn candidates_tip(&self) -> Result<Option<Oid>, Error> {
        match self.repo.refname_to_id(CANDIDATES) {
            Ok(id) => Ok(Some(id)),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(Error::git("read the candidates")(error)),
        }
    }

    fn hangs_at(&self, anchor: Oid, commit: Oid) -> bool {
        let anchor = self.repo.find_commit(anchor);
        anchor.is_ok_and(|anchor| anchor.parent_ids().any(|parent| parent == commit))
    }

    fn write_anchor(&self, tip: Option<Oid>, commit: Oid, subject: &str) -> Result<Oid, Error> {
        let parents: Vec<Oid> = tip.into_iter().chain([commit]).collect();
        let message = format!("candidate {commit}\n\n{subject}");
        self.write_anchor_of(&parents, &message)
    }

    fn write_anchor_of(&self, parents: &[Oid], message: &str) -> Result<Oid, Error> {
        let signature =
            Signature::now(IDENTITY, "factory@localhost").map_err(Error::git("sign an anchor"))?;
        let empty = self.scratch()?.repo.treebuilder(None);
        let empty = empty.and_then(|builder| builder.write());
        let empty = empty.map_err(Error::git("write a tree"))?;
        self.write_commit(&signature, message, empty, parents)
    }
}

/// Returns whether a commit is one of ours that only holds others: no candidate has an empty tree, our
/// name and such a message.
fn is_anchor(commit: &git2::Commit<'_>) -> bool {
    commit.tree_id().to_string() == EMPTY_TREE
        && commit.committer().name_bytes() == IDENTITY.as_bytes()
        && commit.message_bytes().starts_with(b"candidate")
}

#[cfg(test)]
mod tests {
    use super::super::testing::Fixture;
    use super::*;
    use crate::model::experiment::DiffSize;

    fn candidate(target: &Target, contents: &str) -> Candidate {
        let head = target.head().unwrap().commit;
        let tree = target.changed(&target.head_tree(), &[("a.txt", Some(contents))]);
        let commit = target.commit(&tree, &head, contents).unwrap();
        Candidate {
            commit,
            tree,
            subjects: vec![contents.to_owned()],
            size: DiffSize::default(),
            neutralised: Vec::new(),
        }
    }

    #[test]
    fn candidates_stay_reachable_from_one_ref() {
        let fixture = Fixture::with(&[("a.txt", "a")]);
        let mut target = fixture.target();
        let all: Vec<_> = ["b", "c", "d"].map(|text| candidate(&target, text)).into();
        for candidate in &all {
            target.anchor(candidate).unwrap();
            target.anchor(candidate).unwrap();
        }
        target.clear_scratch().unwrap();
        fixture.git(&["gc", "--quiet", "--prune=now"]);
        let listed = fixture.git(&["rev-list", CANDIDATES]);
        for Candidate { commit, .. } in &all {
            assert!(listed.contains(commit.as_str()));
        }
        let anchors = fixture.git(&["rev-list", "--first-parent", "--count", CANDIDATES]);
        // Three anchors, then the first candidate and its incumbent.
        assert_eq!(anchors, "5");
        fixture.git(&["fsck", "--strict"]);
        assert_eq!(
            fixture.git(&["for-each-ref", "--format=%(refname)", "refs/factory"]),
            CANDIDATES
        );
    }

    #[test]
    fn what_is_let_go_can_be_collected_and_the_rest_stays() {
        let fixture = Fixture::with(&[("a.txt", "a")]);
        let mut target = fixture.target();
        let first = candidate(&target, "0");
        let head = target.head().unwrap().commit;
        let another = |n: usize| Candidate {
            commit: target.commit(&first.tree, &head, &n.to_string()).unwrap(),
            ..first.clone()
        };
        // More than fit below one anchor.
        let all: Vec<_> = (0..PER_ANCHOR + 6).map(another).collect();
        let commits: Vec<_> = all
            .iter()
            .map(|it| it.commit.as_str().parse().unwrap())
            .collect();
        let tip = target.write_anchors(&commits).unwrap();
        target.persist(tip).unwrap();
        assert!(target.swap_ref(CANDIDATES, None, tip, "all").unwrap());
        let gone = BTreeSet::from([0, all.len() - 1].map(|it| all[it].commit.clone()));
        assert_eq!(target.let_go(&gone).unwrap(), 2);
        assert_eq!(target.let_go(&gone).unwrap(), 0);
        target.clear_scratch().unwrap();
        let listed = fixture.git(&["rev-list", CANDIDATES]);
        for candidate in &all {
            let is_there = listed.contains(candidate.commit.as_str());
            assert_eq!(is_there, !gone.contains(&candidate.commit));
        }
        target.anchor(&all[0]).unwrap();
        assert_eq!(target.let_go(&gone).unwrap(), 1);
    }

    #[test]
    fn anchors_made_at_once_are_all_there() {
        let fixture = Fixture::with(&[("a.txt", "a")]);
        let root = &fixture.root;
        std::thread::scope(|scope| {
            for worker in 0..4 {
                scope.spawn(move || {
                    let target = Target::open(root).unwrap();
                    for n in 0..3 {
                        let candidate = candidate(&target, &format!("{worker}.{n}"));
                        target.anchor(&candidate).unwrap();
                    }
                });
            }
        });
        let subjects = fixture.git(&["log", "--first-parent", "--format=%s", CANDIDATES]);
        assert_eq!(subjects.matches("candidate ").count(), 12);
    }

    #[test]
    fn a_commit_that_is_not_there_is_refused() {
        let fixture = Fixture::with(&[("a.txt", "a")]);
        let target = fixture.target();
        let mut candidate = candidate(&target, "b");
        candidate.commit = "0123456789012345678901234567890123456789"
            .parse::<CommitSha>()
            .unwrap();
        assert!(matches!(
            target.anchor(&candidate),
            Err(Error::UnknownRevision { .. })
        ));
    }
}
