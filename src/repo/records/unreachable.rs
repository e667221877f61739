//! Freeing what nothing names any more in packs of ours; packs of the person's are git's business.

use std::collections::{BTreeSet, HashSet};

use camino::{Utf8Path, Utf8PathBuf};
use git2::Oid;

use super::packs::{PREFIX, read_index, remove, retire_pack};
use super::{Deltas, Error, RecordRef, io};

/// Every object that some ref, reflog, index or checkout names, directly or not.
pub struct Reachable(HashSet<Oid>);

impl Reachable {
    /// Reads what `git rev-list --objects` lists.
    pub(in crate::repo) fn of_listing(listing: &[u8]) -> Self {
        let ids = listing.split(|it| *it == b'\n').filter_map(|line| {
            let id = std::str::from_utf8(line.get(..40)?).ok()?;
            Oid::from_str(id).ok()
        });
        Self(ids.collect())
    }
}

/// When a pack that is replaced goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// A day later: somebody may be reading it.
    Later,
    /// Now.
    AtOnce,
}

impl RecordRef {
    /// Packs anew what of our packs is reachable, without the rest; returns the bytes that are freed.
    pub fn free(&self, reachable: &Reachable, removal: Removal) -> Result<u64, Error> {
        let mut freed = 0;
        for index in self.pack_indexes()? {
            let all = read_index(&index)?;
            let kept: BTreeSet<Oid> = all
                .iter()
                .copied()
                .filter(|it| reachable.0.contains(it))
                .collect();
            if kept.len() == all.len() || index.with_extension("keep").exists() {
                continue;
            }
            let before = size(&index.with_extension("pack"));
            let mut after = 0;
            if !kept.is_empty() {
                let durable = self.durable_repository(Deltas::Skip)?;
                let written = self.write_pack(&durable, &kept)?;
                after = size(&written.with_extension("pack"));
            }
            retire_pack(&index)?;
            if removal == Removal::AtOnce {
                remove(&index.with_extension("pack"))?;
            }
            freed += before.saturating_sub(after);
        }
        Ok(freed)
    }

    fn pack_indexes(&self) -> Result<Vec<Utf8PathBuf>, Error> {
        let dir = self.common_dir.join("objects/pack");
        let entries = dir
            .read_dir_utf8()
            .map_err(|source| io("list", &dir, source))?;
        let paths = entries.filter_map(|it| Some(it.ok()?.into_path()));
        let is_ours = |it: &Utf8PathBuf| {
            it.extension() == Some("idx") && it.file_name().is_some_and(|it| it.starts_with(PREFIX))
        };
        Ok(paths.filter(is_ours).collect())
    }
}

fn size(path: &Utf8Path) -> u64 {
    path.metadata().map_or(0, |it| it.len())
}
