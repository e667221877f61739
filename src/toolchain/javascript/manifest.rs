//! What a `package.json` says, and which packages of a tree belong together.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use serde_json::Value;

use crate::toolchain::detect::read_small;

/// The parts of a manifest that the adapter needs.
#[derive(Clone, Debug, Default)]
pub(super) struct Manifest {
    value: Value,
}

impl Manifest {
    /// Reads the one in a folder; what cannot be read says nothing.
    pub(super) fn read(dir: &Utf8Path) -> Self {
        let text = read_small(&dir.join("package.json")).unwrap_or_default();
        let value = serde_json::from_str(&text).unwrap_or_default();
        Self { value }
    }

    pub(super) fn name(&self) -> Option<&str> {
        self.value.get("name")?.as_str()
    }

    pub(super) fn script(&self, name: &str) -> Option<&str> {
        self.value.get("scripts")?.get(name)?.as_str()
    }

    /// Returns all scripts by name.
    pub(super) fn scripts(&self) -> BTreeMap<&str, &str> {
        let table = self.value.get("scripts").and_then(Value::as_object);
        table
            .into_iter()
            .flatten()
            .filter_map(|(name, it)| Some((name.as_str(), it.as_str()?)))
            .collect()
    }

    /// Returns a top-level value.
    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.value.get(key)
    }

    /// Returns whether a package is needed by this one, for whatever purpose.
    pub(super) fn depends_on(&self, package: &str) -> bool {
        self.dependencies().contains(package)
    }

    /// Returns the names of all packages that must be there to work on this one.
    pub(super) fn dependencies(&self) -> BTreeSet<&str> {
        ["dependencies", "devDependencies"]
            .iter()
            .filter_map(|it| self.value.get(it)?.as_object())
            .flat_map(|it| it.keys())
            .map(String::as_str)
            .collect()
    }

    /// Returns the globs of the packages in a workspace.
    fn workspaces(&self, dir: &Utf8Path) -> Vec<String> {
        let strings = |value: &Value| -> Vec<String> {
            let list = value.as_array().into_iter().flatten();
            list.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let declared = match self.value.get("workspaces") {
            Some(Value::Object(table)) => table.get("packages").map(strings).unwrap_or_default(),
            Some(list) => strings(list),
            None => Vec::new(),
        };
        if declared.is_empty() {
            return pnpm_packages(
                &read_small(&dir.join("pnpm-workspace.yaml")).unwrap_or_default(),
            );
        }
        declared
    }
}

/// Returns the list under `packages:` of a `pnpm-workspace.yaml`.
fn pnpm_packages(text: &str) -> Vec<String> {
    text.lines()
        .skip_while(|it| it.trim_end() != "packages:")
        .skip(1)
        .map(str::trim)
        .take_while(|it| it.is_empty() || it.starts_with(['-', '#']))
        .filter_map(|it| it.strip_prefix('-'))
        .map(|it| it.split(" #").next().unwrap_or_default())
        .map(|it| it.trim().trim_matches(['"', '\'']).to_owned())
        .collect()
}

/// Returns the folders among `candidates` that are packages of the workspace at `dir`.
pub(super) fn members(
    root: &Utf8Path,
    dir: &Utf8Path,
    candidates: &[&Utf8Path],
) -> Vec<Utf8PathBuf> {
    let globs = Manifest::read(&root.join(dir)).workspaces(&root.join(dir));
    let (left_out, wanted): (Vec<_>, Vec<_>) = globs.iter().partition(|it| it.starts_with('!'));
    let wanted = glob_set(wanted.iter().map(|it| it.as_str()));
    let left_out = glob_set(left_out.iter().map(|it| &it[1..]));
    let is_member = |it: &&&Utf8Path| {
        let Ok(relative) = it.strip_prefix(dir) else {
            return false;
        };
        !relative.as_str().is_empty() && wanted.is_match(relative) && !left_out.is_match(relative)
    };
    let members = candidates.iter().filter(is_member);
    members.map(|it| (*it).to_owned()).collect()
}

/// Builds a set of globs in which `*` stays within a folder, and a leading `./` means nothing.
pub(super) fn glob_set<'a>(globs: impl Iterator<Item = &'a str>) -> GlobSet {
    let mut builder = GlobSetBuilder::new();
    for glob in globs {
        let glob = glob.trim_start_matches("./").trim_end_matches('/');
        if let Ok(glob) = GlobBuilder::new(glob).literal_separator(true).build() {
            builder.add(glob);
        }
    }
    builder.build().unwrap_or_else(|_| GlobSet::empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toolchain::testing::Tree;

    #[test]
    fn packages_of_a_workspace_are_found_by_its_globs() {
        let folders = ["", "packages/a", "packages/b", "packages/b/deep", "website"];
        let candidates: Vec<&Utf8Path> = folders.iter().map(Utf8Path::new).collect();
        for (path, text) in [
            (
                "package.json",
                "{\"workspaces\": [\"./packages/*\", \"!packages/b\"]}",
            ),
            (
                "package.json",
                "{\"workspaces\": {\"packages\": [\"packages/a\"]}}",
            ),
            (
                "pnpm-workspace.yaml",
                "packages:\n  # all\n  - 'packages/*' # here\n  - '!packages/b'\ncatalog:\n  - x\n",
            ),
        ] {
            let tree = Tree::new(&[(path, text)]);
            let found = members(tree.root(), Utf8Path::new(""), &candidates);
            assert_eq!(found, ["packages/a"], "{path}");
        }
    }
}
