//! Writing a record anew when objects of its old one are lost.

use git2::{ErrorCode, Oid, Repository};

use super::{Deltas, Error, FileChange, RecordRef, oid, sha};
use crate::model::id::CommitSha;

/// How often damaged objects are told apart from new ones; each repair needs one more.
const ATTEMPTS: usize = 8;

impl RecordRef {
    /// Commits exactly these files, taking nothing from the old tree, and moves the ref there.
    ///
    /// The old tip stays the parent where its commit can be read. Only whoever holds the target's
    /// lock may call this: a ref that cannot be read cannot be compared.
    pub fn rebuild(
        &self,
        files: &[FileChange],
        message: &str,
        at: jiff::Timestamp,
    ) -> Result<CommitSha, Error> {
        let mut files = files.to_vec();
        let mut written = self.write_anew(&files, message, at);
        for _ in 0..ATTEMPTS {
            if written.is_ok() {
                break;
            }
            // Git does not write an object that it believes to have, although it cannot be read: with
            // an empty line more, which no reader minds, these are other objects.
            for contents in files.iter_mut().filter_map(|(_, it)| it.as_mut()) {
                contents.push(b'\n');
            }
            written = self.write_anew(&files, message, at);
        }
        let (durable, commit) = written?;
        if self.tip().is_err() {
            self.remove_broken_ref()?;
        }
        durable
            .reference(&self.name, commit, true, "factory repair")
            .map_err(|source| self.git("move the ref", source))?;
        Ok(sha(commit))
    }

    fn write_anew(
        &self,
        files: &[FileChange],
        message: &str,
        at: jiff::Timestamp,
    ) -> Result<(Repository, Oid), Error> {
        let durable = self.durable_repository(Deltas::Skip)?;
        let parent = self.readable_tip(&durable);
        let written = self.write_objects(&durable, None, parent.as_ref(), files, message, at)?;
        self.write_pack(&durable, &written.objects)?;
        Ok((durable, written.commit))
    }

    /// Returns the commits of the record, newest first, as far as they can be read.
    pub fn readable_history(&self, from: &CommitSha) -> Vec<CommitSha> {
        let mut found = Vec::new();
        let mut next = oid(from).ok();
        while let Some(id) = next {
            let Ok(commit) = self.repository.find_commit(id) else {
                break;
            };
            found.push(sha(id));
            next = commit.parent_id(0).ok();
        }
        found
    }

    fn readable_tip(&self, repository: &Repository) -> Option<CommitSha> {
        let tip = self.tip().ok().flatten()?;
        let commit = repository.find_commit(oid(&tip).ok()?).ok()?;
        Some(sha(commit.id()))
    }

    /// Moves a ref file that is not one (empty after a power loss) out of git's way.
    fn remove_broken_ref(&self) -> Result<(), Error> {
        let path = self.common_dir.join(&self.name);
        let aside = self.private_dir()?.join("broken-ref");
        match std::fs::rename(&path, &aside) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(super::io("move", &path, source))
            }
            _ => Ok(()),
        }
    }

    /// Returns whether a commit of that id exists and can be read.
    pub fn has_commit(&self, commit: &CommitSha) -> Result<bool, Error> {
        match oid(commit).and_then(|id| self.repository.find_commit(id)) {
            Ok(_) => Ok(true),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(false),
            Err(source) => Err(self.unreadable(commit.short(), source)),
        }
    }
}
