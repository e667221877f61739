//! The oldest versions of languages that two trees promise, for the gates.

use camino::{Utf8Path, Utf8PathBuf};

use crate::gate::{DiffPolicy, FileFacts, Minimum};
use crate::model::id::TreeSha;
use crate::repo::{Error, Target};
use crate::toolchain;

/// Returns what the files of a tree promise.
pub fn minimums(target: &Target, tree: &TreeSha) -> Result<Vec<Minimum>, Error> {
    let mut texts = std::collections::BTreeMap::new();
    for path in target.list(tree)?.into_keys() {
        if toolchain::says_versions(&path) {
            let bytes = target.read(tree, &path)?.unwrap_or_default();
            texts.insert(path, String::from_utf8_lossy(&bytes).into_owned());
        }
    }
    let paths: Vec<Utf8PathBuf> = texts.keys().cloned().collect();
    let read = |path: &Utf8Path| texts.get(path).cloned();
    Ok(toolchain::minimums(&paths, &read))
}

impl DiffPolicy {
    /// Adds what both sides of a change promise.
    pub fn with_minimums(
        self,
        target: &Target,
        from: &TreeSha,
        to: &TreeSha,
        files: &[FileFacts],
    ) -> Result<Self, Error> {
        let before = minimums(target, from)?;
        let mut changed = files
            .iter()
            .flat_map(|it| [Some(&it.path), it.renamed_from.as_ref()]);
        let is_said_anew = changed.any(|it| it.is_some_and(|it| toolchain::says_versions(it)));
        let after = if is_said_anew {
            minimums(target, to)?
        } else {
            before.clone()
        };
        Ok(Self {
            minimums: before,
            minimums_after: after,
            ..self
        })
    }
}
