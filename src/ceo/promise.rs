//! What a project promises and a run could not check: said in the record of whatever is kept.

use camino::Utf8Path;

use super::Error;
use super::session::Session;
use crate::model::hypothesis::{Change, Hypothesis};
use crate::toolchain;
use crate::{eval, gate};

impl Session<'_> {
    /// Notes which promised minimum versions a kept change of code was not tried with: only the
    /// toolchain that is here was run.
    pub(super) fn note_unchecked(&mut self, hypothesis: &Hypothesis) -> Result<(), Error> {
        if matches!(hypothesis.change, Change::Knob { .. }) {
            return Ok(());
        }
        let declared = self.declared_minimums()?;
        if !declared.is_empty() {
            self.remarks.push(format!(
                "Not checked: whether the code still works with the oldest version that is promised ({}); it was run with the toolchain that is here alone.",
                declared.join(", ")
            ));
        }
        Ok(())
    }

    fn declared_minimums(&self) -> Result<Vec<String>, Error> {
        let rules = toolchain::manifest_rules();
        let tree = &self.incumbent.tree;
        let is_manifest = |path: &Utf8Path| rules.iter().any(|it| it.files.is_match(path));
        let mut declared = Vec::new();
        for path in self.target.list(tree)?.into_keys() {
            if !is_manifest(&path) {
                continue;
            }
            let bytes = self.target.read(tree, &path)?.unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes);
            let found = gate::declared_minimums(&rules, &path, &text).into_iter();
            // An edition is no version of a toolchain: every compiler that knows it builds it.
            let found = found.filter(|(key, _)| !key.ends_with("edition"));
            declared.extend(found.map(|(key, value)| format!("`{key}` {value} in {path}")));
        }
        let checked = eval::minimums(&self.target, tree)?.into_iter();
        declared.extend(checked.filter(|it| !it.declared).map(|it| {
            let (major, minor) = it.version;
            format!("{} {major}.{minor} in {}", it.language.display(), it.file)
        }));
        declared.sort();
        declared.dedup();
        Ok(declared)
    }
}
