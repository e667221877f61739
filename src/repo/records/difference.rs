//! Which files of a record differ between two of its commits, without reading the others.

use git2::{Delta, ErrorCode};

use super::{Error, RecordRef};
use crate::model::id::CommitSha;

/// A file that differs between two commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Differs {
    /// Its path.
    pub path: String,
    /// Whether the later commit has it.
    pub is_there: bool,
}

impl RecordRef {
    /// Returns the files that differ, in path order; `None` if the earlier commit is no longer there.
    ///
    /// The two need not be related: of a history that was written anew only the trees count.
    pub fn differing(
        &self,
        from: &CommitSha,
        to: &CommitSha,
    ) -> Result<Option<Vec<Differs>>, Error> {
        let from = match super::oid(from).and_then(|it| self.repository.find_commit(it)) {
            Ok(commit) => commit.tree(),
            Err(error) if error.code() == ErrorCode::NotFound => return Ok(None),
            Err(source) => return Err(self.unreadable("an earlier commit", source)),
        };
        // Without its objects an old commit is as good as gone.
        let Ok(from) = from else { return Ok(None) };
        let to = self.tree(to)?;
        let difference = self
            .repository
            .diff_tree_to_tree(Some(&from), Some(&to), None);
        let difference = match difference {
            Ok(difference) => difference,
            Err(error) if error.code() == ErrorCode::NotFound => return Ok(None),
            Err(source) => return Err(self.unreadable("two of its commits", source)),
        };
        let files = difference.deltas().filter_map(|delta| {
            let is_there = delta.status() != Delta::Deleted;
            let side = if is_there {
                delta.new_file()
            } else {
                delta.old_file()
            };
            let path = side.path()?.to_str()?.to_owned();
            Some(Differs { path, is_there })
        });
        Ok(Some(files.collect()))
    }
}
