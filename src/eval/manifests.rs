//! Whether manifests, lock files and `factory.toml` are valid and in step.

mod packages;

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use toml::{Table, Value};

use super::bench::{Bench, complaint};
use crate::model::profile::LanguageName;
use crate::process::Error;
use crate::syntax::{Grammar, parses};
use crate::toolchain::go;

/// What was looked at, and what is wrong with it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Files that were read.
    pub(super) checked: usize,
    /// One fragment per problem, in path order.
    pub(super) problems: Vec<String>,
}

/// Checks the files of a tree; cargo itself is asked about each cargo project, where it is there.
pub(super) async fn check(bench: &Bench<'_>) -> Result<Found, Error> {
    let mut found = check_files(&bench.dir, &wanted(bench));
    for problem in cargo_problems(bench).await? {
        found.problems.push(problem);
    }
    found.problems.extend(go_problems(bench).await?);
    Ok(found)
}

/// The names that are looked for in the root of every sub-project.
const NAMES: [&str; 17] = [
    "Cargo.toml",
    "Cargo.lock",
    "pyproject.toml",
    "setup.cfg",
    "setup.py",
    "tox.ini",
    "poetry.lock",
    "uv.lock",
    "pdm.lock",
    "package.json",
    "package-lock.json",
    "tsconfig.json",
    "jsconfig.json",
    "go.mod",
    "go.sum",
    "go.work",
    "factory.toml",
];

/// The manifests that detection saw, which must be there, and what else lies in the roots of the tree
/// and its sub-projects. Not those further down: a suite may keep broken ones on purpose.
fn wanted(bench: &Bench<'_>) -> BTreeSet<Utf8PathBuf> {
    let projects = &bench.lab.detection.languages;
    let detected = projects.iter().flat_map(|it| it.manifests.iter().cloned());
    let present = projects
        .iter()
        .map(|it| it.root.as_path())
        .chain([Utf8Path::new("")])
        .flat_map(|root| NAMES.iter().map(|name| root.join(name)))
        .filter(|it| bench.dir.join(it).is_file());
    detected.chain(present).collect()
}

fn check_files(root: &Utf8Path, wanted: &BTreeSet<Utf8PathBuf>) -> Found {
    let mut found = Found::default();
    let mut tables = BTreeMap::new();
    for path in wanted {
        found.checked += 1;
        match fs_err::read_to_string(root.join(path)) {
            Ok(text) => match check_text(path, &text) {
                Ok(table) => {
                    tables.insert(path.clone(), table);
                }
                Err(problem) => found.problems.push(format!("{path}: {problem}")),
            },
            Err(_) => found.problems.push(format!("{path}: cannot be read")),
        }
    }
    found.problems.extend(out_of_step(&tables));
    let packages = packages::out_of_step(root, wanted);
    found.problems.extend(packages);
    found
}

/// Parses a file by its name; files that are no TOML give an empty table.
fn check_text(path: &Utf8Path, text: &str) -> Result<Table, String> {
    let name = path.file_name().unwrap_or_default();
    if path == "factory.toml" {
        return crate::config::parse(path, text)
            .map(|_| Table::new())
            .map_err(|it| it.to_string());
    }
    match path.extension() {
        // Yarn's looks like YAML, without being it; the install tells whether it is in step.
        _ if name == "yarn.lock" => Ok(Table::new()),
        Some("toml" | "lock") => {
            let table: Table = text
                .parse()
                .map_err(|it: toml::de::Error| it.message().to_owned())?;
            check_table(name, &table).map(|()| table)
        }
        Some("json") => packages::check(name, text).map(|()| Table::new()),
        _ if name == "go.mod" && !text.lines().any(|it| it.starts_with("module ")) => {
            Err("no `module` directive".to_owned())
        }
        Some("cfg" | "ini") => check_ini(text).map(|()| Table::new()),
        Some("py") if !parses(Grammar::Python, text) => Err("not valid Python".to_owned()),
        _ => Ok(Table::new()),
    }
}

fn check_table(name: &str, table: &Table) -> Result<(), String> {
    match name {
        "Cargo.toml" if !table.contains_key("package") && !table.contains_key("workspace") => {
            Err("neither [package] nor [workspace]".to_owned())
        }
        "pyproject.toml" => check_project(table),
        _ => Ok(()),
    }
}

/// PEP 621: a `[project]` has a name, and a version or says that it is dynamic.
fn check_project(table: &Table) -> Result<(), String> {
    let Some(project) = table.get("project") else {
        return Ok(());
    };
    let project = project.as_table().ok_or("`project` is no table")?;
    if project.get("name").and_then(Value::as_str).is_none() {
        return Err("[project] has no `name`".to_owned());
    }
    let is_dynamic = project
        .get("dynamic")
        .and_then(Value::as_array)
        .is_some_and(|it| it.iter().any(|it| it.as_str() == Some("version")));
    if project.contains_key("version") == is_dynamic {
        return Err("[project] needs either `version` or a dynamic one".to_owned());
    }
    Ok(())
}

/// Sections, keys, continuation lines and comments; nothing before the first section.
fn check_ini(text: &str) -> Result<(), String> {
    let mut in_section = false;
    for (idx, line) in text.lines().enumerate() {
        let content = line.trim();
        if content.is_empty() || content.starts_with(['#', ';']) {
            continue;
        }
        let is_header = content.starts_with('[') && !line.starts_with([' ', '\t']);
        if is_header && !content.contains(']') {
            return Err(format!("line {}: a section without `]`", idx + 1));
        }
        let is_entry = line.starts_with([' ', '\t']) || content.contains(['=', ':']);
        let is_expected = is_header || (in_section && is_entry);
        if !is_expected {
            return Err(format!("line {}: neither a section nor a key", idx + 1));
        }
        in_section = true;
    }
    Ok(())
}

/// Returns what cargo manifests and the lock file beside or above them disagree about.
fn out_of_step(tables: &BTreeMap<Utf8PathBuf, Table>) -> Vec<String> {
    let mut problems = Vec::new();
    for (path, manifest) in tables {
        if path.file_name() != Some("Cargo.toml") {
            continue;
        }
        let Some(lock) = lock_of(path, tables) else {
            continue;
        };
        let locked = locked_packages(lock);
        if !is_member(manifest, &locked) {
            continue;
        }
        for (package, version) in wanted_packages(manifest) {
            if !is_locked(&locked, &package, version.as_deref()) {
                problems.push(format!("{path}: Cargo.lock has no `{package}` to match"));
            }
        }
    }
    problems
}

fn lock_of<'a>(manifest: &Utf8Path, tables: &'a BTreeMap<Utf8PathBuf, Table>) -> Option<&'a Table> {
    manifest
        .ancestors()
        .skip(1)
        .find_map(|it| tables.get(&it.join("Cargo.lock")))
}

/// Names with all their locked versions.
fn locked_packages(lock: &Table) -> BTreeMap<String, BTreeSet<String>> {
    let mut locked: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in array(lock, "package") {
        if let (Some(name), Some(version)) = (text(package, "name"), text(package, "version")) {
            locked.entry(name).or_default().insert(version);
        }
    }
    locked
}

/// A package elsewhere in the tree (a fixture, an example of its own) is not of this workspace.
fn is_member(manifest: &Table, locked: &BTreeMap<String, BTreeSet<String>>) -> bool {
    manifest
        .get("package")
        .and_then(|it| text(it, "name"))
        .is_none_or(|name| locked.contains_key(&name))
}

fn is_locked(
    locked: &BTreeMap<String, BTreeSet<String>>,
    package: &str,
    version: Option<&str>,
) -> bool {
    locked
        .get(package)
        .is_some_and(|versions| version.is_none_or(|it| versions.contains(it)))
}

/// The package itself with its version, and the name of every dependency.
fn wanted_packages(manifest: &Table) -> Vec<(String, Option<String>)> {
    let mut wanted = Vec::new();
    if let Some(package) = manifest.get("package")
        && let Some(name) = text(package, "name")
    {
        wanted.push((name, text(package, "version")));
    }
    let targets = manifest
        .get("target")
        .and_then(Value::as_table)
        .into_iter()
        .flat_map(|it| it.values().filter_map(Value::as_table));
    for table in std::iter::once(manifest).chain(targets) {
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            if let Some(dependencies) = table.get(section).and_then(Value::as_table) {
                wanted.extend(dependencies.iter().filter_map(dependency));
            }
        }
    }
    wanted
}

/// A dependency inherited from the workspace may be renamed there: its name is not known here.
fn dependency((key, value): (&String, &Value)) -> Option<(String, Option<String>)> {
    let is_inherited = value.get("workspace").is_some();
    let name = text(value, "package").unwrap_or_else(|| key.clone());
    (!is_inherited).then_some((name, None))
}

fn array<'a>(table: &'a Table, key: &str) -> impl Iterator<Item = &'a Value> {
    table
        .get(key)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn text(value: &Value, key: &str) -> Option<String> {
    value.get(key).and_then(Value::as_str).map(str::to_owned)
}

/// Asks cargo to read each cargo project, without resolving or fetching anything.
async fn cargo_problems(bench: &Bench<'_>) -> Result<Vec<String>, Error> {
    let mut problems = Vec::new();
    let cargo = bench
        .lab
        .detection
        .tools
        .iter()
        .find(|it| it.name == "cargo")
        .and_then(|it| it.command.as_ref())
        .and_then(|it| it.first());
    let Some(cargo) = cargo else {
        return Ok(problems);
    };
    for project in &bench.lab.detection.languages {
        if project.language != LanguageName::Rust {
            continue;
        }
        let manifest = project.root.join("Cargo.toml");
        let words = [
            cargo.as_str(),
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
            "--manifest-path",
            manifest.as_str(),
        ];
        let line = shell_words::join(words);
        let finished = bench.run_line(&line, bench.limit, Vec::new()).await?;
        if let Some(reason) = complaint(&finished) {
            problems.push(format!("{manifest}: {reason}"));
        }
    }
    Ok(problems)
}

/// Asks go to resolve each module's imports, without fetching or changing anything.
async fn go_problems(bench: &Bench<'_>) -> Result<Vec<String>, Error> {
    let mut problems = Vec::new();
    for (_, project) in bench.projects() {
        if project.language == LanguageName::Go {
            problems.extend(go::manifest_problems(&bench.job(project)).await?);
        }
    }
    Ok(problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(path: &str, text: &str) -> Option<String> {
        check_text(path.into(), text).err()
    }

    #[test]
    fn broken_files_are_named_by_their_kind_of_breakage() {
        assert!(problem("Cargo.toml", "[package\n").is_some());
        assert!(problem("Cargo.toml", "[dependencies]\n").is_some());
        assert_eq!(problem("Cargo.toml", "[package]\nname = \"a\"\n"), None);
        assert!(problem("pyproject.toml", "[project]\nversion = \"1\"\n").is_some());
        assert!(problem("pyproject.toml", "[project]\nname = \"a\"\n").is_some());
        let dynamic = "[project]\nname = \"a\"\ndynamic = [\"version\"]\n";
        assert_eq!(problem("pyproject.toml", dynamic), None);
        assert_eq!(problem("pyproject.toml", "[tool.ruff]\nx = 1\n"), None);
        assert!(problem("setup.py", "def f(:\n").is_some());
        assert!(problem("uv.lock", "version = \n").is_some());
        let classic = "# yarn lockfile v1\n\nms@2.1.3:\n  version \"2.1.3\"\n";
        assert_eq!(problem("yarn.lock", classic), None);
    }

    #[test]
    fn ini_files_are_sections_of_keys() {
        assert_eq!(
            problem(
                "setup.cfg",
                "# c\n[metadata]\nname = a\nlong =\n    b\n    c\n"
            ),
            None
        );
        assert!(problem("setup.cfg", "name = a\n").is_some());
        assert!(problem("tox.ini", "[tox\n").is_some());
        assert!(problem("tox.ini", "[tox]\nnonsense\n").is_some());
    }

    fn step(manifest: &str, lock: &str) -> Vec<String> {
        let tables = [("Cargo.toml", manifest), ("Cargo.lock", lock)]
            .map(|(path, text)| (Utf8PathBuf::from(path), text.parse::<Table>().unwrap()));
        out_of_step(&tables.into())
    }

    const LOCK: &str = "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n[[package]]\nname = \"serde\"\nversion = \"1.2.3\"\n";

    #[test]
    fn a_lock_file_in_step_has_the_package_and_its_dependencies() {
        let manifest = "[package]\nname = \"a\"\nversion = \"1.0.0\"\n[dependencies]\nserde = \"1\"\n[dev-dependencies]\nx = { package = \"serde\", version = \"1\" }\n";
        assert!(step(manifest, LOCK).is_empty());
        let bumped = manifest.replace("1.0.0", "1.0.1");
        assert_eq!(step(&bumped, LOCK).len(), 1);
        let added = format!("{manifest}[target.'cfg(unix)'.dependencies]\nlibc = \"1\"\n");
        assert_eq!(
            step(&added, LOCK),
            ["Cargo.toml: Cargo.lock has no `libc` to match"]
        );
    }

    #[test]
    fn inherited_dependencies_and_foreign_packages_are_not_judged() {
        let inherited = "[package]\nname = \"a\"\nversion.workspace = true\n[dependencies]\nfoo.workspace = true\n";
        assert!(step(inherited, LOCK).is_empty());
        let foreign = "[package]\nname = \"other\"\nversion = \"9.0.0\"\n";
        assert!(step(foreign, LOCK).is_empty());
    }

    #[test]
    fn a_manifest_that_is_gone_is_a_problem() {
        let dir = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(dir.path()).unwrap();
        let found = check_files(root, &BTreeSet::from(["Cargo.toml".into()]));
        assert_eq!(found.problems, ["Cargo.toml: cannot be read"]);
    }
}
