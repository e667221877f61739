//! Dependencies that a manifest names and no source does.
//!
//! Only what is certain by syntax is told: what a feature names, what is optional or of one platform,
//! what links a native library, and what other packages need too (where a manifest may ask for a
//! feature or a version of it) is left alone. Names in comments count as uses.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use regex::Regex;
use serde::Deserialize;
use toml_edit::{DocumentMut, Item};

use super::{cargo, features};
use crate::model::finding::Finding;
use crate::process::Error;
use crate::toolchain::detect::read_small;
use crate::toolchain::job::broken;
use crate::toolchain::{Job, Outcome};

/// The linter that says so: this program.
pub(super) const TOOL: &str = "factory";
/// What it calls it.
pub(super) const RULE: &str = "unused-dependency";

/// Tables of a manifest that name dependencies.
pub(super) const TABLES: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

/// What `cargo metadata` tells.
#[derive(Deserialize)]
pub(super) struct Metadata {
    packages: Vec<Package>,
    workspace_members: BTreeSet<String>,
}

#[derive(Deserialize)]
pub(super) struct Package {
    id: String,
    name: String,
    pub(super) manifest_path: Utf8PathBuf,
    links: Option<String>,
    targets: Vec<Target>,
    pub(super) dependencies: Vec<Dependency>,
    pub(super) features: BTreeMap<String, Vec<String>>,
}

impl Metadata {
    /// Returns the packages of the workspace.
    pub(super) fn members(&self) -> impl Iterator<Item = &Package> {
        let packages = self.packages.iter();
        packages.filter(|it| self.workspace_members.contains(&it.id))
    }

    /// Returns the package of a name, if there is one version of it alone.
    pub(super) fn only(&self, name: &str) -> Option<&Package> {
        let mut named = self.packages.iter().filter(|it| it.name == name);
        named.next().filter(|_| named.next().is_none())
    }
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
    name: String,
}

#[derive(Deserialize)]
pub(super) struct Dependency {
    pub(super) name: String,
    rename: Option<String>,
    optional: bool,
    target: Option<String>,
    features: Vec<String>,
    pub(super) uses_default_features: bool,
    kind: Option<String>,
}

impl Dependency {
    /// Returns whether it is the entry of that name in a table of the manifest.
    pub(super) fn is_in(&self, table: &str, key: &str) -> bool {
        let own = match self.kind.as_deref() {
            None => "dependencies",
            Some("dev") => "dev-dependencies",
            Some(_) => "build-dependencies",
        };
        own == table && self.target.is_none() && self.rename.as_ref().unwrap_or(&self.name) == key
    }
}

/// A dependency that nothing uses.
struct Unused {
    manifest: Utf8PathBuf,
    key: String,
}

/// Returns a finding for each unused dependency of the workspace's members, and each redundant feature.
pub(super) async fn findings(job: &Job<'_>) -> Result<Vec<Finding>, Error> {
    let Some(metadata) = metadata(job).await? else {
        return Ok(Vec::new());
    };
    let unused = find(&metadata);
    let mut found: Vec<Finding> = unused.iter().filter_map(|it| finding(job, it)).collect();
    found.extend(features::findings(job, &metadata));
    Ok(found)
}

fn finding(job: &Job<'_>, unused: &Unused) -> Option<Finding> {
    let text = read_small(&unused.manifest)?;
    let line = line_of(&text, &unused.key)?;
    Some(Finding {
        path: job.in_tree(unused.manifest.as_str())?,
        line: u32::try_from(line).ok()?,
        column: 1,
        tool: TOOL.to_owned(),
        rule: RULE.to_owned(),
        message: format!("no source names the dependency `{}`", unused.key),
        fixable: true,
    })
}

/// Returns the line of a key of any table of dependencies, from 1.
pub(super) fn line_of(text: &str, key: &str) -> Option<usize> {
    let document = toml_edit::Document::parse(text).ok()?;
    let spans = TABLES.iter().filter_map(|table| {
        let (key, item) = document.get(table)?.as_table_like()?.get_key_value(key)?;
        key.span().or_else(|| item.span())
    });
    let start = spans.map(|it| it.start).min()?;
    Some(text[..start].matches('\n').count() + 1)
}

/// Removes every unused dependency from the manifests that may be touched; the lock file follows.
pub(super) async fn fix(
    job: &Job<'_>,
    may_touch: &(dyn Fn(&Utf8Path) -> bool + Sync),
) -> Result<Outcome<usize>, Error> {
    let has_lock = job.dir().join("Cargo.lock").exists();
    let mut changed = BTreeSet::new();
    let unused = metadata(job).await?.map(|it| find(&it));
    for unused in unused.unwrap_or_default() {
        let may = job
            .in_tree(unused.manifest.as_str())
            .filter(|it| may_touch(it));
        let Some(text) = may.and_then(|_| read_small(&unused.manifest)) else {
            continue;
        };
        let Some(text) = without(&text, &unused.key) else {
            continue;
        };
        if let Err(error) = std::fs::write(&unused.manifest, text) {
            let manifest = &unused.manifest;
            return Ok(Outcome::Failed(format!(
                "cannot write `{manifest}`: {error}"
            )));
        }
        changed.insert(unused.manifest);
    }
    if changed.is_empty() || !has_lock {
        remove_new_lock(job, has_lock);
        return Ok(Outcome::Measured(changed.len()));
    }
    let Some(command) = cargo::command(job) else {
        return Ok(cargo::missing("cargo"));
    };
    let finished = cargo::run(job, &command.args(["update", "--workspace"])).await?;
    Ok(if finished.success() {
        Outcome::Measured(changed.len())
    } else {
        broken("cargo update", &finished)
    })
}

/// Cargo writes a lock where there is none; a project that tracks none wants none.
pub(super) fn remove_new_lock(job: &Job<'_>, had_lock: bool) {
    if !had_lock {
        // One that is not there is as good as one that is gone.
        let _gone = std::fs::remove_file(job.dir().join("Cargo.lock"));
    }
}

/// Returns a manifest without a dependency, and without the table that it was alone in.
fn without(text: &str, key: &str) -> Option<String> {
    let mut document: DocumentMut = text.parse().ok()?;
    let mut found = false;
    for name in TABLES {
        let Some(table) = document.get_mut(name).and_then(Item::as_table_like_mut) else {
            continue;
        };
        found |= table.remove(key).is_some();
        if table.is_empty() {
            document.remove(name);
        }
    }
    found.then(|| document.to_string())
}

/// Returns what cargo tells of the workspace without the network; nothing where it cannot.
pub(super) async fn metadata(job: &Job<'_>) -> Result<Option<Metadata>, Error> {
    let Some(command) = cargo::command(job) else {
        return Ok(None);
    };
    let had_lock = job.dir().join("Cargo.lock").exists();
    let mut command = command
        .args(["metadata", "--format-version", "1"])
        .env("CARGO_NET_OFFLINE", "true");
    command.output_cap = 256 << 20;
    let finished = job.run(&command).await?;
    remove_new_lock(job, had_lock);
    if !finished.success() || finished.truncated {
        return Ok(None);
    }
    Ok(serde_json::from_slice(&finished.stdout).ok())
}

fn find(metadata: &Metadata) -> Vec<Unused> {
    let crates = Crates::of(metadata);
    let members = metadata.members();
    members.flat_map(|it| crates.unused(it)).collect()
}

/// What is known of every package of the graph.
struct Crates<'a> {
    /// Names that code calls a package by; a package that was not fetched has none.
    names: BTreeMap<&'a str, BTreeSet<String>>,
    /// Packages that stand between the workspace and a native library.
    linking: BTreeSet<&'a str>,
    /// Packages that others than the workspace's members depend on.
    shared: BTreeSet<&'a str>,
    /// Folders of the members.
    folders: BTreeSet<&'a Utf8Path>,
}

impl<'a> Crates<'a> {
    fn of(metadata: &'a Metadata) -> Self {
        let mut crates = Self {
            names: BTreeMap::new(),
            linking: BTreeSet::new(),
            shared: BTreeSet::new(),
            folders: BTreeSet::new(),
        };
        for package in &metadata.packages {
            let libraries = package.targets.iter().filter(|it| {
                let is_library = |it: &String| it.ends_with("lib") || it == "proc-macro";
                it.kind.iter().any(is_library)
            });
            let names = crates.names.entry(&package.name).or_default();
            names.extend(libraries.map(|it| it.name.replace('-', "_")));
            if package.links.is_some() {
                crates.linking.insert(&package.name);
            }
            if metadata.workspace_members.contains(&package.id) {
                crates.folders.extend(package.manifest_path.parent());
            } else {
                let names = package.dependencies.iter().map(|it| it.name.as_str());
                crates.shared.extend(names);
            }
        }
        crates
    }

    fn unused(&self, package: &Package) -> Vec<Unused> {
        let Some(folder) = package.manifest_path.parent() else {
            return Vec::new();
        };
        let Some(manifest) =
            read_small(&package.manifest_path).and_then(|it| it.parse::<DocumentMut>().ok())
        else {
            return Vec::new();
        };
        let named = named_in_manifest(&manifest);
        let candidates = package.dependencies.iter().filter_map(|it| {
            let key = it.rename.as_ref().unwrap_or(&it.name);
            (!named.contains(key.as_str())).then_some(())?;
            Some((key.clone(), self.names_in_code(it)?))
        });
        let mut candidates: BTreeMap<String, BTreeSet<String>> = candidates.collect();
        if !candidates.is_empty() {
            self.strike_out(folder, &mut candidates);
        }
        candidates
            .into_keys()
            .map(|key| Unused {
                manifest: package.manifest_path.clone(),
                key,
            })
            .collect()
    }

    /// Returns what code calls a dependency; `None` where that, or its use, is not certain.
    fn names_in_code(&self, dependency: &Dependency) -> Option<BTreeSet<String>> {
        let name = dependency.name.as_str();
        let is_plain = !dependency.optional
            && dependency.target.is_none()
            && dependency.features.is_empty()
            && !self.linking.contains(name)
            && !self.shared.contains(name);
        let known = self.names.get(name).filter(|it| !it.is_empty())?;
        is_plain.then(|| match &dependency.rename {
            Some(rename) => BTreeSet::from([rename.replace('-', "_")]),
            None => known.clone(),
        })
    }

    /// Removes the candidates that any source below the package's folder names.
    fn strike_out(&self, folder: &Utf8Path, candidates: &mut BTreeMap<String, BTreeSet<String>>) {
        let words = Regex::new(r"[A-Za-z_][A-Za-z0-9_]*").expect("it is valid");
        let is_other = |it: &Utf8Path| {
            it != folder && (self.folders.contains(it) || it.file_name() == Some("target"))
        };
        let mut folders = vec![folder.to_owned()];
        while let Some(dir) = folders.pop() {
            let entries = dir.read_dir_utf8().into_iter().flatten().flatten();
            for entry in entries {
                let path = entry.path();
                let is_folder = entry.file_type().is_ok_and(|it| it.is_dir());
                if is_folder && !is_other(path) {
                    folders.push(path.to_owned());
                }
                if is_folder || !matches!(path.extension(), Some("rs" | "md")) {
                    continue;
                }
                // A file that cannot be read could name anything.
                let Ok(text) = std::fs::read_to_string(path) else {
                    candidates.clear();
                    return;
                };
                let said: BTreeSet<&str> = words.find_iter(&text).map(|it| it.as_str()).collect();
                candidates.retain(|_, names| !names.iter().any(|it| said.contains(it.as_str())));
            }
        }
    }
}

/// Returns the keys that features, targets or another tool's list of exceptions name.
fn named_in_manifest(manifest: &DocumentMut) -> BTreeSet<String> {
    let mut texts = Vec::new();
    if let Some(features) = manifest.get("features").and_then(Item::as_table_like) {
        features.iter().for_each(|(_, it)| strings(it, &mut texts));
    }
    for owner in ["package", "workspace"] {
        let tools = ["cargo-machete", "cargo-udeps", "cargo-shear"];
        for tool in tools {
            let ignored = at(manifest, &[owner, "metadata", tool]);
            if let Some(table) = ignored.and_then(Item::as_table_like) {
                table.iter().for_each(|(_, it)| strings(it, &mut texts));
            }
        }
    }
    let key = |it: String| {
        let it = it.strip_prefix("dep:").unwrap_or(&it);
        it.split(['/', '?']).next().unwrap_or_default().to_owned()
    };
    texts.into_iter().map(key).collect()
}

fn at<'a>(manifest: &'a DocumentMut, path: &[&str]) -> Option<&'a Item> {
    path.iter().try_fold(manifest.as_item(), |item, key| {
        item.as_table_like()?.get(key)
    })
}

fn strings(item: &Item, into: &mut Vec<String>) {
    if let Some(array) = item.as_array() {
        into.extend(array.iter().filter_map(|it| Some(it.as_str()?.to_owned())));
    }
    if let Some(table) = item.as_table_like() {
        table.iter().for_each(|(_, it)| strings(it, into));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "\
[package]
name = \"a\"

[dependencies]
# Numbers.
itoa = \"1\"
log = \"0.4\" # talk

[dev-dependencies]
itoa = \"1\"
";

    #[test]
    fn a_dependency_goes_with_its_comment_and_the_table_it_was_alone_in() {
        assert_eq!(
            without(MANIFEST, "itoa").unwrap(),
            "[package]\nname = \"a\"\n\n[dependencies]\nlog = \"0.4\" # talk\n"
        );
        assert_eq!(without(MANIFEST, "serde"), None);
        assert_eq!(line_of(MANIFEST, "log"), Some(7));
    }

    #[test]
    fn what_the_manifest_itself_names_is_used() {
        let text = "[features]\nx = [\"dep:one\", \"two/std\", \"three?/std\"]\n\
                    [package.metadata.cargo-machete]\nignored = [\"four\"]\n\
                    [workspace.metadata.cargo-udeps.ignore]\nnormal = [\"five\"]\n";
        let named = named_in_manifest(&text.parse().unwrap());
        let named: Vec<&str> = named.iter().map(String::as_str).collect();
        assert_eq!(named, ["five", "four", "one", "three", "two"]);
    }
}
