//! Features that a manifest asks of its dependencies and that nothing needs.
//!
//! Some are certain: what another feature or the defaults turn on anyway, and what turns on nothing and is
//! read nowhere. The others are tried: what compiles without one, all targets of it, may not need it;
//! whether it does is for the suite to say. What other packages may ask of this one is left alone.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use toml_edit::{Array, DocumentMut, Item};

use super::unused::{self, Dependency, Metadata, Package, TABLES, TOOL};
use super::{cargo, diagnostics};
use crate::model::finding::Finding;
use crate::process::Error;
use crate::toolchain::detect::read_small;
use crate::toolchain::{Job, Outcome};

/// A feature that changes nothing of what is built.
pub(super) const REDUNDANT: &str = "redundant-feature";
/// Features that are tried one by one.
pub(super) const TRIED: &str = "unneeded-features";
/// More are not tried: each costs a build of what depends on it.
const MOST_TRIED: usize = 24;

/// One feature that a manifest asks of a dependency.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Asked {
    manifest: Utf8PathBuf,
    table: &'static str,
    key: String,
    feature: String,
}

/// Returns a finding for each feature that changes nothing.
pub(super) fn findings(job: &Job<'_>, metadata: &Metadata) -> Vec<Finding> {
    let mut found = Vec::new();
    for (asked, why) in redundant(metadata) {
        let text = read_small(&asked.manifest).unwrap_or_default();
        let line = unused::line_of(&text, &asked.key).unwrap_or(1);
        let (Some(path), Ok(line)) = (job.in_tree(asked.manifest.as_str()), u32::try_from(line))
        else {
            continue;
        };
        found.push(Finding {
            path,
            line,
            column: 1,
            tool: TOOL.to_owned(),
            rule: REDUNDANT.to_owned(),
            message: format!("the feature `{}` of `{}` {why}", asked.feature, asked.key),
            fixable: true,
        });
    }
    found
}

/// Returns what is asked for and changes nothing, with why. Of two that turn each other on one stays.
fn redundant(metadata: &Metadata) -> Vec<(Asked, String)> {
    let mut found = Vec::new();
    for member in metadata.members() {
        let Some(manifest) = parsed(&member.manifest_path) else {
            continue;
        };
        for table in TABLES {
            for (key, features) in listed(&manifest, table) {
                let told = member
                    .dependencies
                    .iter()
                    .filter(|it| it.is_in(table, &key));
                let [dependency] = told.collect::<Vec<_>>()[..] else {
                    continue;
                };
                let Some(package) = metadata.only(&dependency.name) else {
                    continue;
                };
                let asked = |feature| Asked {
                    manifest: member.manifest_path.clone(),
                    table,
                    key: key.clone(),
                    feature,
                };
                let of_this = superfluous(dependency, package, features).into_iter();
                found.extend(of_this.map(|(feature, why)| (asked(feature), why)));
            }
        }
    }
    found
}

fn superfluous(
    dependency: &Dependency,
    package: &Package,
    mut features: Vec<String>,
) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for feature in features.clone() {
        let others = || features.iter().filter(|it| **it != feature);
        let default = "default".to_owned();
        let by_default = dependency.uses_default_features.then_some(&default);
        let because = by_default
            .into_iter()
            .chain(others())
            .find(|it| turned_on(package, it).contains(&feature));
        let why = match because {
            Some(by) if *by == default => "is among its defaults".to_owned(),
            Some(by) => format!("comes with `{by}`"),
            None if is_without_effect(package, &feature) => {
                "turns on nothing, and its source never asks for it".to_owned()
            }
            None => continue,
        };
        features.retain(|it| *it != feature);
        found.push((feature, why));
    }
    found
}

/// Returns a feature and all of the same package that it turns on.
fn turned_on(package: &Package, feature: &str) -> BTreeSet<String> {
    let mut on = BTreeSet::new();
    let mut ahead = vec![feature.to_owned()];
    while let Some(feature) = ahead.pop() {
        if on.insert(feature.clone()) {
            ahead.extend(
                package
                    .features
                    .get(&feature)
                    .into_iter()
                    .flatten()
                    .cloned(),
            );
        }
    }
    on
}

/// Returns whether a feature turns nothing on, and no source of its package names it.
fn is_without_effect(package: &Package, feature: &str) -> bool {
    let is_empty = package.features.get(feature).is_some_and(Vec::is_empty);
    let folder = package.manifest_path.parent();
    is_empty && feature != "default" && folder.is_some_and(|it| !is_named(it, feature))
}

fn is_named(folder: &Utf8Path, feature: &str) -> bool {
    let quoted = format!("\"{feature}\"");
    let variable = format!("CARGO_FEATURE_{}", feature.to_uppercase().replace('-', "_"));
    let mut folders = vec![folder.to_owned()];
    while let Some(dir) = folders.pop() {
        let Ok(entries) = dir.read_dir_utf8() else {
            return true;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            if entry.file_type().is_ok_and(|it| it.is_dir()) {
                folders.push(path.to_owned());
            } else if path.extension() == Some("rs") {
                // A file that cannot be read could name anything.
                let text = std::fs::read_to_string(path);
                let names = |it: &String| {
                    it.contains(&quoted)
                        || it.contains(&variable)
                        || it.contains("CARGO_FEATURE_\"")
                };
                if text.as_ref().map_or(true, names) {
                    return true;
                }
            }
        }
    }
    false
}

fn parsed(path: &Utf8Path) -> Option<DocumentMut> {
    read_small(path)?.parse().ok()
}

/// Returns the features that a table of a manifest asks of each dependency.
fn listed(manifest: &DocumentMut, table: &str) -> Vec<(String, Vec<String>)> {
    let table = manifest.get(table).and_then(Item::as_table_like);
    let entries = table.into_iter().flat_map(|it| it.iter());
    entries
        .filter_map(|(key, item)| {
            let features = item.as_table_like()?.get("features")?.as_array()?;
            let names = features.iter().filter_map(|it| it.as_str());
            Some((key.to_owned(), names.map(str::to_owned).collect()))
        })
        .collect()
}

/// Returns a manifest that asks for a feature less.
fn without(text: &str, asked: &Asked) -> Option<String> {
    let mut document: DocumentMut = text.parse().ok()?;
    let dependency = document
        .get_mut(asked.table)?
        .as_table_like_mut()?
        .get_mut(&asked.key)?;
    let dependency = dependency.as_table_like_mut()?;
    let features = dependency.get_mut("features")?.as_array_mut()?;
    let place = features
        .iter()
        .position(|it| it.as_str() == Some(&asked.feature))?;
    features.remove(place);
    tidy(features, place);
    if features.is_empty() {
        dependency.remove("features");
    }
    Some(document.to_string())
}

/// What moved to the front of a list on one line brings its space along.
fn tidy(features: &mut Array, place: usize) {
    let is_one_line = features.iter().all(|it| {
        let prefix = it.decor().prefix().and_then(|it| it.as_str());
        !prefix.is_some_and(|it| it.contains('\n'))
    });
    if let (0, true, Some(first)) = (place, is_one_line, features.get_mut(0)) {
        first.decor_mut().set_prefix("");
    }
}

/// Removes what changes nothing, from the manifests that may be touched; returns how many changed.
pub(super) async fn fix_redundant(
    job: &Job<'_>,
    may_touch: &(dyn Fn(&Utf8Path) -> bool + Sync),
) -> Result<Outcome<usize>, Error> {
    let Some(metadata) = unused::metadata(job).await? else {
        return Ok(Outcome::Measured(0));
    };
    let mut changed = BTreeSet::new();
    for (asked, _) in redundant(&metadata) {
        let may = job
            .in_tree(asked.manifest.as_str())
            .filter(|it| may_touch(it));
        if may.is_some() && remove(&asked)? {
            changed.insert(asked.manifest);
        }
    }
    Ok(Outcome::Measured(changed.len()))
}

fn remove(asked: &Asked) -> Result<bool, Error> {
    let text = read_small(&asked.manifest).unwrap_or_default();
    let Some(text) = without(&text, asked) else {
        return Ok(false);
    };
    crate::toolchain::job::write(&asked.manifest, &text)?;
    Ok(true)
}

/// Removes each feature without which all targets still compile; returns how many manifests changed.
pub(super) async fn fix_by_trial(
    job: &Job<'_>,
    may_touch: &(dyn Fn(&Utf8Path) -> bool + Sync),
) -> Result<Outcome<usize>, Error> {
    let Some(metadata) = unused::metadata(job).await? else {
        return Ok(Outcome::Measured(0));
    };
    let manifests = metadata.members().map(|it| it.manifest_path.clone());
    let may = |it: &Utf8PathBuf| job.in_tree(it.as_str()).is_some_and(|it| may_touch(&it));
    let all: Vec<Asked> = manifests.filter(may).flat_map(|it| asked_in(&it)).collect();
    let lock = job.dir().join("Cargo.lock");
    let had_lock = lock.exists();
    let mut before: BTreeMap<Utf8PathBuf, Option<Vec<u8>>> = BTreeMap::new();
    let mut changed = BTreeSet::new();
    for asked in all.into_iter().take(MOST_TRIED) {
        for file in [&asked.manifest, &lock] {
            before.insert(file.clone(), std::fs::read(file).ok());
        }
        if !remove(&asked)? {
            continue;
        }
        let Some(finished) = diagnostics::check(job).await? else {
            return Ok(cargo::missing("cargo"));
        };
        if finished.success() {
            changed.insert(asked.manifest);
            continue;
        }
        for (file, bytes) in &before {
            put_back(file, bytes.as_deref())?;
        }
    }
    unused::remove_new_lock(job, had_lock);
    Ok(Outcome::Measured(changed.len()))
}

fn put_back(file: &Utf8Path, bytes: Option<&[u8]>) -> Result<(), Error> {
    let done = match bytes {
        Some(bytes) => std::fs::write(file, bytes),
        None if file.exists() => std::fs::remove_file(file),
        None => Ok(()),
    };
    done.map_err(|source| Error::Io {
        program: file.to_string(),
        source,
    })
}

fn asked_in(manifest: &Utf8Path) -> Vec<Asked> {
    let Some(document) = parsed(manifest) else {
        return Vec::new();
    };
    let tables = TABLES.into_iter().flat_map(|table| {
        let of_table = listed(&document, table).into_iter();
        of_table.map(move |(key, features)| (table, key, features))
    });
    tables
        .flat_map(|(table, key, features)| {
            let asked = move |feature| Asked {
                manifest: manifest.to_owned(),
                table,
                key: key.clone(),
                feature,
            };
            features.into_iter().map(asked)
        })
        .collect()
}

/// Returns how many features a manifest asks of its dependencies, those aside that are certain.
pub fn n_asked(manifest: &str) -> usize {
    let Ok(document) = manifest.parse::<DocumentMut>() else {
        return 0;
    };
    let lists = TABLES.into_iter().flat_map(|it| listed(&document, it));
    lists.map(|it| it.1.len()).sum()
}

#[cfg(test)]
mod tests;
