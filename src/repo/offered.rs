//! Which of the public items of a change others can use at all.
//!
//! A program promises nothing, and neither does what a library or a package keeps to itself. Where that
//! cannot be told, an item counts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use camino::{Utf8Path, Utf8PathBuf};
use regex::Regex;

use super::crates::{Library, Read};
use super::{Error, Target};
use crate::gate::FileFacts;
use crate::model::id::TreeSha;
use crate::syntax::{self, Grammar, words};

/// `from ._module import *`, with the last part of what it is from.
static STAR: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"from\s+[.\w]*?(\w+)\s+import\s*\(?\s*\*").expect("a constant pattern")
});

impl Target {
    /// Leaves of the surfaces of changed files what others can use.
    ///
    /// Crates are read only where something public is no longer there as it was.
    pub(super) fn keep_what_is_offered(
        &self,
        from: &TreeSha,
        to: &TreeSha,
        facts: &mut [FileFacts],
    ) -> Result<(), Error> {
        if !facts.iter().any(lost_something) {
            return Ok(());
        }
        for is_after in [false, true] {
            let tree = if is_after { to } else { from };
            let paths = self.entries(tree)?.into_keys().collect();
            let read = |path: &Utf8Path| {
                let bytes = self.read(tree, path).ok().flatten()?;
                Some(String::from_utf8_lossy(&bytes).into_owned())
            };
            let mut side = Tree {
                paths,
                read: &read,
                libraries: BTreeMap::new(),
                packages: BTreeMap::new(),
            };
            for file in facts.iter_mut() {
                let old = file.renamed_from.as_ref().filter(|_| !is_after);
                let path = old.unwrap_or(&file.path).clone();
                let surface = if is_after {
                    &mut file.surface_after
                } else {
                    &mut file.surface_before
                };
                if !surface.is_empty() {
                    surface.retain(|name, _| side.offers(&path, name));
                }
            }
        }
        Ok(())
    }
}

fn lost_something(file: &FileFacts) -> bool {
    let mut before = file.surface_before.iter();
    before.any(|(name, signature)| file.surface_after.get(name) != Some(signature))
}

/// One side of a difference.
struct Tree<'a> {
    paths: BTreeSet<String>,
    read: Read<'a>,
    /// By the folder of the package; nothing where that has no library.
    libraries: BTreeMap<Utf8PathBuf, Option<Library>>,
    /// What modules of a Python package hand out, by the folder of the package.
    packages: BTreeMap<Utf8PathBuf, BTreeSet<String>>,
}

impl Tree<'_> {
    fn has(&self, path: &Utf8Path) -> bool {
        self.paths.contains(path.as_str())
    }

    fn offers(&mut self, path: &Utf8Path, name: &str) -> bool {
        match path.extension() {
            Some("rs") => self.crate_offers(path, name),
            Some("py") => self.package_offers(path, name),
            Some("go") => self.module_offers(path),
            _ => true,
        }
    }

    fn crate_offers(&mut self, path: &Utf8Path, name: &str) -> bool {
        let folders = path.ancestors().skip(1);
        let package = folders
            .map(|it| it.join("Cargo.toml"))
            .find(|it| self.has(it));
        let Some(folder) = package.as_deref().and_then(Utf8Path::parent) else {
            return false;
        };
        let inside = path.strip_prefix(folder).unwrap_or(path);
        let is_beside = inside == "src/main.rs"
            || ["src/bin", "examples", "benches", "tests", "build.rs"]
                .iter()
                .any(|it| inside.starts_with(it));
        if is_beside {
            return false;
        }
        if !self.libraries.contains_key(folder) {
            let library = self.library(folder);
            self.libraries.insert(folder.to_owned(), library);
        }
        let library = self.libraries.get(folder).and_then(Option::as_ref);
        library.is_some_and(|it| it.is_open(path, name))
    }

    fn library(&self, folder: &Utf8Path) -> Option<Library> {
        let manifest = (self.read)(&folder.join("Cargo.toml")).unwrap_or_default();
        let manifest: toml::Table = manifest.parse().unwrap_or_default();
        let path_of = |table: &toml::Value| Some(folder.join(table.get("path")?.as_str()?));
        let declared = manifest.get("lib").and_then(path_of);
        let root = declared.unwrap_or_else(|| folder.join("src/lib.rs"));
        if !self.has(&root) {
            return None;
        }
        let of_manifest = manifest.get("bin").and_then(toml::Value::as_array);
        let mut programs: BTreeSet<Utf8PathBuf> = of_manifest
            .into_iter()
            .flatten()
            .filter_map(path_of)
            .collect();
        programs.insert(folder.join("src/main.rs"));
        let in_bin = folder.join("src/bin/");
        let listed = self.paths.range(in_bin.to_string()..);
        let listed = listed.take_while(|it| it.starts_with(in_bin.as_str()));
        programs.extend(
            listed
                .filter(|it| it.ends_with(".rs"))
                .map(Utf8PathBuf::from),
        );
        let programs: Vec<Utf8PathBuf> = programs.into_iter().filter(|it| self.has(it)).collect();
        Some(Library::of(&root, &programs, self.read))
    }

    /// A module of Python whose name, or whose package's, begins with `_` promises what open modules of
    /// the package speak of, and what that speaks of in turn.
    fn package_offers(&mut self, path: &Utf8Path, name: &str) -> bool {
        let Some(package) = self.package_of(path) else {
            return true;
        };
        if !is_private(path, &package) {
            return true;
        }
        if !self.packages.contains_key(&package) {
            let handed_out = self.handed_out(&package);
            self.packages.insert(package.clone(), handed_out);
        }
        let first = name.split(['.', '#']).next().unwrap_or(name);
        self.packages[&package].contains(first)
    }

    /// Returns the outermost folder around a file that is a package.
    fn package_of(&self, path: &Utf8Path) -> Option<Utf8PathBuf> {
        let folders = path.ancestors().skip(1);
        let packages = folders.take_while(|it| self.has(&it.join("__init__.py")));
        packages.last().map(Utf8Path::to_owned)
    }

    /// Returns the words of a package's open modules, and of the items that those speak of.
    fn handed_out(&self, package: &Utf8Path) -> BTreeSet<String> {
        let below = format!("{package}/");
        let files = self.paths.range(below.clone()..);
        let files = files.take_while(|it| it.starts_with(&below));
        let texts: Vec<(&Utf8Path, String)> = files
            .map(|it| Utf8Path::new(it.as_str()))
            .filter(|it| matches!(it.extension(), Some("py" | "pyi")))
            .filter_map(|it| Some((it, (self.read)(it)?)))
            .collect();
        let whole: BTreeSet<String> = texts
            .iter()
            .flat_map(|it| STAR.captures_iter(&it.1))
            .map(|it| it[1].to_owned())
            .collect();
        let is_open = |path: &Utf8Path| {
            !is_private(path, package) || path.file_stem().is_some_and(|it| whole.contains(it))
        };
        let mut known = BTreeSet::new();
        let mut ahead: Vec<(String, Vec<String>)> = Vec::new();
        for (path, text) in &texts {
            if is_open(path) {
                known.extend(words(text).map(str::to_owned));
            } else {
                ahead.extend(spoken(text));
            }
        }
        loop {
            let (reached, rest): (Vec<_>, Vec<_>) =
                ahead.into_iter().partition(|it| known.contains(&it.0));
            if reached.is_empty() {
                return known;
            }
            known.extend(reached.into_iter().flat_map(|it| it.1));
            ahead = rest;
        }
    }

    /// What is below `internal` can be imported by the module itself alone, and a program by nobody.
    fn module_offers(&self, path: &Utf8Path) -> bool {
        let folder = path.parent().unwrap_or(Utf8Path::new(""));
        let is_internal = folder.components().any(|it| it.as_str() == "internal");
        let is_program = || {
            let text = (self.read)(path).unwrap_or_default();
            let mut lines = text.lines().map(str::trim);
            lines.any(|it| it.split_whitespace().take(2).eq(["package", "main"]))
        };
        !is_internal && !is_program()
    }
}

/// Returns the words of each function and class of a file, by the outermost name around it.
fn spoken(source: &str) -> Vec<(String, Vec<String>)> {
    let owned = |name: &str, text: &str| {
        let first = name.split(['.', '#']).next().unwrap_or(name).to_owned();
        (first, words(text).map(str::to_owned).collect())
    };
    let functions = syntax::items(Grammar::Python, source).into_iter();
    let functions = functions.map(|it| owned(&it.name, &source[it.span]));
    let heads = syntax::surface(Grammar::Python, source).into_iter();
    functions
        .chain(heads.map(|(name, signature)| owned(&name, &signature)))
        .collect()
}

/// Returns whether a name below a package says that it is the package's own.
fn is_private(path: &Utf8Path, package: &Utf8Path) -> bool {
    let inside = path.strip_prefix(package).unwrap_or(path);
    inside
        .components()
        .map(|it| it.as_str().trim_end_matches(".py"))
        .any(|it| it.starts_with('_') && !it.starts_with("__"))
}

#[cfg(test)]
mod tests;
