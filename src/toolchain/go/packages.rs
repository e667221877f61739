//! The packages of a module: which tests their sources declare, and where what they import lives.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};

use super::command::{build_args, first_error, go};
use super::declared;
use crate::process::Error;
use crate::toolchain::detect::read_small;
use crate::toolchain::{Job, Origin};

/// What `go list` prints of each package, tests and dependencies included.
const TEMPLATE: &str = "{{.ImportPath}}\t{{.Dir}}\t{{.DepOnly}}\t{{.Standard}}\t{{.ForTest}}\t\
    {{with .Module}}{{.Path}}{{end}}\t\
    {{range .TestGoFiles}}{{.}} {{end}}{{range .XTestGoFiles}}{{.}} {{end}}";
/// Modules further down than this are no part of the tree's own.
const MAX_DEPTH: usize = 6;

/// One package of the module.
#[derive(Debug)]
pub(super) struct Package {
    /// `example.com/m/sub`.
    pub(super) import_path: String,
    /// `sub`; empty for the package at the root of the module.
    pub(super) name: String,
    /// Tests and fuzz tests that its sources declare.
    pub(super) declared: BTreeSet<String>,
    /// Where its files are.
    dir: Utf8PathBuf,
}

/// The packages of the module.
pub(super) struct Packages {
    pub(super) all: Vec<Package>,
    pub(super) origin: Origin,
}

impl Packages {
    /// Returns the folder of each package by its import path.
    pub(super) fn folders(&self) -> BTreeMap<String, Utf8PathBuf> {
        let folders = self.all.iter();
        folders
            .map(|it| (it.import_path.clone(), it.dir.clone()))
            .collect()
    }
}

/// Asks go for the packages; the inner error is the project's.
pub(super) async fn list(job: &Job<'_>) -> Result<Result<Packages, String>, Error> {
    let Some(command) = go(job, "list") else {
        return Ok(Err("there is no go".into()));
    };
    let command = command
        .args(["-e", "-deps", "-test", "-f", TEMPLATE])
        .args(build_args(job))
        .arg("./...");
    let finished = job.run(&command).await?;
    if !finished.success() {
        let reason = first_error(&finished.stderr_text());
        return Ok(Err(reason.unwrap_or_else(|| finished.explain())));
    }
    let text = finished.stdout_text();
    let lines: Vec<Line<'_>> = text.lines().filter_map(Line::parse).collect();
    Ok(Ok(Packages {
        all: lines.iter().filter_map(Line::package).collect(),
        origin: origin(job, &lines),
    }))
}

struct Line<'a> {
    import_path: &'a str,
    dir: &'a Utf8Path,
    is_dependency: bool,
    is_standard: bool,
    for_test: &'a str,
    module: &'a str,
    test_files: &'a str,
}

impl<'a> Line<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let mut fields = line.split('\t');
        let mut next = || fields.next();
        Some(Self {
            import_path: next()?,
            dir: Utf8Path::new(next()?),
            is_dependency: next()? == "true",
            is_standard: next()? == "true",
            for_test: next()?,
            module: next()?,
            test_files: next()?,
        })
    }

    fn package(&self) -> Option<Package> {
        // Go lists the test program `m.test` and the package built for it, `m [m.test]`, beside `m`.
        let is_made_up =
            self.import_path.strip_suffix(".test").is_some() && self.test_files.is_empty();
        if self.is_dependency || !self.for_test.is_empty() || is_made_up {
            return None;
        }
        let name = self.import_path.strip_prefix(self.module)?;
        let files = self.test_files.split(' ').filter(|it| !it.is_empty());
        let declared = files
            .filter_map(|it| std::fs::read_to_string(self.dir.join(it)).ok())
            .flat_map(|it| declared::tests(&it))
            .collect();
        Some(Package {
            import_path: self.import_path.to_owned(),
            name: name.trim_start_matches('/').to_owned(),
            declared,
            dir: self.dir.to_owned(),
        })
    }
}

/// A module's own packages are in the tree by construction. Another module of the same tree may still
/// be taken from the module cache, where no `replace` or workspace says otherwise.
fn origin(job: &Job<'_>, lines: &[Line<'_>]) -> Origin {
    let real = job
        .tree
        .canonicalize_utf8()
        .unwrap_or_else(|_| job.tree.to_owned());
    let is_outside = |it: &&Line<'_>| {
        !it.is_standard
            && !it.dir.as_str().is_empty()
            && !it.dir.starts_with(&real)
            && !it.dir.starts_with(job.tree)
    };
    let mut outside = lines.iter().filter(is_outside).peekable();
    if outside.peek().is_none() {
        return Origin::Tree;
    }
    let own = modules(job.tree, MAX_DEPTH);
    match outside.find(|it| own.contains(it.module)) {
        Some(line) => Origin::Elsewhere(line.dir.to_string()),
        None => Origin::Tree,
    }
}

/// Returns the names of the modules below a folder.
fn modules(folder: &Utf8Path, depth: usize) -> BTreeSet<String> {
    let text = read_small(&folder.join("go.mod")).unwrap_or_default();
    let mut found: BTreeSet<String> = module_name(&text).into_iter().collect();
    let entries = folder.read_dir_utf8().into_iter().flatten().flatten();
    let folders: Vec<Utf8PathBuf> = entries
        .filter(|it| it.file_type().is_ok_and(|it| it.is_dir()))
        .filter(|it| !matches!(it.file_name(), "vendor" | "testdata" | "node_modules"))
        .filter(|it| !it.file_name().starts_with(['.', '_']))
        .map(camino::Utf8DirEntry::into_path)
        .collect();
    if depth > 0 {
        found.extend(folders.iter().flat_map(|it| modules(it, depth - 1)));
    }
    found
}

fn module_name(text: &str) -> Option<String> {
    let line = text
        .lines()
        .find_map(|it| it.trim().strip_prefix("module"))?;
    let name = line.split("//").next()?.trim().trim_matches('"');
    (!name.is_empty()).then(|| name.to_owned())
}
