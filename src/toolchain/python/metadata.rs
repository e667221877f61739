//! What an installed project tells about itself (its version, its entry points), made for a tree that
//! is run without being installed.

use std::fmt::Write as _;
use std::sync::LazyLock;

use camino::{Utf8Path, Utf8PathBuf};
use regex::Regex;
use toml::{Table, Value};

use super::declared::pattern;
use super::layout::{Layout, dig};
use crate::toolchain::detect::read_small;

static NAME: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"(?m)^\s*name\s*=\s*["']?([A-Za-z0-9][\w.-]*)["']?,?\s*$"#));
static VERSION: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"(?m)^\s*version\s*=\s*["']?(\d[\w.+!-]*)["']?,?\s*$"#));
static DUNDER: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"(?m)^__version__\s*(?::\s*\w+\s*)?=\s*["'](\d[\w.+!-]*)["']"#));
static SCRIPT: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"["']\s*([\w.-]+)\s*=\s*([\w.]+:[\w.]+)\s*["']"#));

static INFORMATION: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?m)^Version: (\S+)\s*$"));
/// Where tools that take the version from git are told to write it.
const VERSION_FILES: &[&[&str]] = &[
    &["tool", "hatch", "build", "hooks", "vcs", "version-file"],
    &["tool", "setuptools_scm", "version_file"],
    &["tool", "setuptools_scm", "write_to"],
    &["tool", "setuptools-scm", "version_file"],
    &["tool", "pdm", "version", "write_to"],
    &["tool", "versioningit", "write", "file"],
];

/// The name, version and entry points of a project.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Metadata {
    name: String,
    version: String,
    /// A module that a build would write, relative to the project's folder.
    version_file: Option<Utf8PathBuf>,
    /// The whole `METADATA` file.
    text: String,
    /// Groups of `(name, object)`.
    entries: Vec<(String, Vec<(String, String)>)>,
}

impl Metadata {
    /// Reads it from the manifests; `None` without a name. `packages` are folders where a copy may be
    /// installed, whose version is better than none.
    pub(super) fn of(dir: &Utf8Path, layout: &Layout, packages: &[Utf8PathBuf]) -> Option<Self> {
        let read = |name: &str| read_small(&dir.join(name)).unwrap_or_default();
        let (cfg, setup) = (read("setup.cfg"), read("setup.py"));
        let document = Value::Table(read("pyproject.toml").parse::<Table>().unwrap_or_default());
        let word = |path: &[&str]| dig(&document, path)?.as_str().map(str::to_owned);
        let found = |pattern: &Regex, text: &str| Some(pattern.captures(text)?[1].to_owned());
        let name = word(&["project", "name"])
            .or_else(|| word(&["tool", "poetry", "name"]))
            .or_else(|| found(&NAME, section(&cfg, "metadata")))
            .or_else(|| found(&NAME, &setup))?;
        let information = read("PKG-INFO");
        let is_information = information.contains("\nName: ");
        let version = Some(&information)
            .filter(|_| is_information)
            .and_then(|it| found(&INFORMATION, it))
            .or_else(|| word(&["project", "version"]))
            .or_else(|| word(&["tool", "poetry", "version"]))
            .or_else(|| found(&VERSION, section(&cfg, "metadata")))
            .or_else(|| found(&VERSION, &setup))
            .or_else(|| dunder(dir, layout))
            .or_else(|| installed(&name, packages))
            .unwrap_or_else(|| "0".to_owned());
        let text = if is_information {
            information
        } else {
            written(&document, &name, &version)
        };
        let version_file = VERSION_FILES.iter().find_map(|it| word(it));
        let mut entries = entries_of_pyproject(&document);
        entries.extend(entries_of_cfg(section(&cfg, "options.entry_points")));
        entries.extend(scripts_of_setup(&setup));
        Some(Self {
            name,
            version,
            version_file: version_file.map(Utf8PathBuf::from),
            text,
            entries,
        })
    }

    /// Writes the module that a build would write with the version in it, where the tree lacks it.
    pub(super) fn complete(&self, dir: &Utf8Path) -> std::io::Result<()> {
        let Some(path) = self.version_file.as_ref().map(|it| dir.join(it)) else {
            return Ok(());
        };
        let is_inside = !path.as_str().contains("..") && path.starts_with(dir);
        let has_folder = path.parent().is_some_and(Utf8Path::is_dir);
        if !is_inside || !has_folder || path.exists() || path.extension() != Some("py") {
            return Ok(());
        }
        let version = &self.version;
        let numbers: Vec<&str> = version
            .split('.')
            .filter(|it| it.chars().all(|it| it.is_ascii_digit()))
            .collect();
        let tuple = format!("({},)", numbers.join(", "));
        let text = format!(
            "__version__ = version = \"{version}\"\n__version_tuple__ = version_tuple = {tuple}\n__commit_id__ = commit_id = None\n"
        );
        std::fs::write(path, text)
    }

    /// Writes the files that an installation would leave, and a program for each console script.
    pub(super) fn write(&self, into: &Utf8Path, python: &str) -> std::io::Result<()> {
        let plain = self.name.replace(['-', '.'], "_");
        let folder = into.join(format!("{plain}-0.dist-info"));
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("METADATA"), &self.text)?;
        let mut text = String::new();
        for (group, entries) in &self.entries {
            let _ = writeln!(text, "[{group}]");
            for (name, object) in entries {
                let _ = writeln!(text, "{name} = {object}");
            }
        }
        std::fs::write(folder.join("entry_points.txt"), text)?;
        let bin = into.join("bin");
        std::fs::create_dir_all(&bin)?;
        let groups = self.entries.iter();
        let console = groups.filter(|it| it.0.ends_with("_scripts"));
        for (name, object) in console.flat_map(|it| &it.1) {
            if !name.contains('/') {
                write_script(&bin.join(name), python, object)?;
            }
        }
        Ok(())
    }
}

/// A shell starts the interpreter, whose path may be too long for a first line, on the same file.
fn write_script(path: &Utf8Path, python: &str, object: &str) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let object = object.split(['[', ' ']).next().unwrap_or_default();
    let (module, function) = object.split_once(':').unwrap_or((object, "main"));
    let first = function.split('.').next().unwrap_or(function);
    let text = format!(
        "#!/bin/sh\n'''exec' \"{python}\" \"$0\" \"$@\"\n' '''\nimport sys\nfrom {module} import {first}\nsys.exit({function}())\n"
    );
    std::fs::write(path, text)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))
}

fn written(document: &Value, name: &str, version: &str) -> String {
    let mut text = format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n");
    let project = document.get("project");
    let mut line = |key: &str, value: &str| {
        let _ = writeln!(text, "{key}: {}", value.replace('\n', " "));
    };
    let get = |key: &str| project.and_then(|it| it.get(key));
    if let Some(summary) = get("description").and_then(Value::as_str) {
        line("Summary", summary);
    }
    if let Some(requires) = get("requires-python").and_then(Value::as_str) {
        line("Requires-Python", requires);
    }
    for author in get("authors")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let part = |key: &str| author.get(key).and_then(Value::as_str);
        match (part("name"), part("email")) {
            (Some(name), Some(email)) => line("Author-email", &format!("{name} <{email}>")),
            (Some(name), None) => line("Author", name),
            (None, Some(email)) => line("Author-email", email),
            (None, None) => {}
        }
    }
    for (label, address) in get("urls").and_then(Value::as_table).into_iter().flatten() {
        if let Some(address) = address.as_str() {
            line("Project-URL", &format!("{label}, {address}"));
        }
    }
    let requires = get("dependencies").and_then(Value::as_array);
    for requirement in requires.into_iter().flatten().filter_map(Value::as_str) {
        line("Requires-Dist", requirement);
    }
    text
}

fn dunder(dir: &Utf8Path, layout: &Layout) -> Option<String> {
    layout.packages.iter().find_map(|name| {
        let place = dir.join(layout.place_of(dir, name)?);
        let file = if place.is_dir() {
            place.join("__init__.py")
        } else {
            place
        };
        Some(DUNDER.captures(&read_small(&file)?)?[1].to_owned())
    })
}

/// Returns the version of an installed copy.
fn installed(name: &str, packages: &[Utf8PathBuf]) -> Option<String> {
    let plain = |it: &str| it.to_ascii_lowercase().replace(['-', '.'], "_");
    let wanted = plain(name);
    let entries = packages.iter().filter_map(|it| it.read_dir_utf8().ok());
    entries.flatten().flatten().find_map(|it| {
        let stem = it.file_name().strip_suffix(".dist-info")?;
        let (found, version) = stem.rsplit_once('-')?;
        (plain(found) == wanted).then(|| version.to_owned())
    })
}

/// Returns the lines of a section of an ini file.
pub(super) fn section<'a>(text: &'a str, name: &str) -> &'a str {
    let head = format!("[{name}]");
    let Some(at) = text.find(&head) else {
        return "";
    };
    let body = &text[at + head.len()..];
    body.find("\n[").map_or(body, |end| &body[..=end])
}

fn entries_of_pyproject(document: &Value) -> Vec<(String, Vec<(String, String)>)> {
    let table = |path: &[&str]| dig(document, path).and_then(Value::as_table);
    let pairs = |it: &Table| -> Vec<(String, String)> {
        let pair = |(name, object): (&String, &Value)| {
            let named = object.as_str().or_else(|| object.get("callable")?.as_str());
            Some((name.clone(), named?.to_owned()))
        };
        it.iter().filter_map(pair).collect()
    };
    let mut entries = Vec::new();
    for (path, group) in [
        (&["project", "scripts"][..], "console_scripts"),
        (&["project", "gui-scripts"][..], "gui_scripts"),
        (&["tool", "poetry", "scripts"][..], "console_scripts"),
    ] {
        entries.extend(table(path).map(|it| (group.to_owned(), pairs(it))));
    }
    for path in [
        ["project", "entry-points"].as_slice(),
        &["tool", "poetry", "plugins"],
    ] {
        for (group, named) in table(path).into_iter().flatten() {
            entries.extend(named.as_table().map(|it| (group.clone(), pairs(it))));
        }
    }
    entries
}

fn entries_of_cfg(text: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut entries: Vec<(String, Vec<(String, String)>)> = Vec::new();
    for line in text.lines().filter(|it| !it.trim().is_empty()) {
        let Some((name, object)) = line.split_once('=') else {
            continue;
        };
        let (name, object) = (name.trim().to_owned(), object.trim().to_owned());
        if !line.starts_with(char::is_whitespace) {
            entries.push((name, Vec::new()));
        } else if let Some((_, group)) = entries.last_mut() {
            group.push((name, object));
        }
    }
    entries
}

/// Only console scripts: other groups of a `setup.py` cannot be told apart without running it.
fn scripts_of_setup(text: &str) -> Option<(String, Vec<(String, String)>)> {
    let (_, rest) = text.split_once("console_scripts")?;
    let list = rest.split(']').next()?;
    let pairs = SCRIPT
        .captures_iter(list)
        .map(|it| (it[1].to_owned(), it[2].to_owned()));
    Some(("console_scripts".to_owned(), pairs.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toolchain::testing::Tree;

    fn metadata(files: &[(&str, &str)]) -> Metadata {
        let tree = Tree::new(files);
        Metadata::of(tree.root(), &Layout::of(tree.root()), &[]).unwrap()
    }

    #[test]
    fn a_version_is_found_wherever_it_stands() {
        let version = |files: &[(&str, &str)]| {
            let text = metadata(files).text;
            let line = text.lines().find_map(|it| it.strip_prefix("Version: "));
            line.unwrap_or_default().to_owned()
        };
        assert_eq!(
            version(&[(
                "pyproject.toml",
                "[project]\nname = \"a\"\nversion = \"1.2\"\n"
            )]),
            "1.2"
        );
        assert_eq!(
            version(&[("setup.cfg", "[metadata]\nname = a\nversion = 2.0\n")]),
            "2.0"
        );
        assert_eq!(
            version(&[("setup.py", "setup(\n    name='a',\n    version='3.1',\n)")]),
            "3.1"
        );
        let dynamic = "[project]\nname = \"a\"\ndynamic = [\"version\"]\n";
        assert_eq!(
            version(&[
                ("pyproject.toml", dynamic),
                ("src/a/__init__.py", "__version__ = \"4\"\n")
            ]),
            "4"
        );
        assert_eq!(version(&[("pyproject.toml", dynamic)]), "0");
    }

    #[test]
    fn a_version_module_that_a_build_would_write_is_written_and_never_replaced() {
        let manifest = "[project]\nname = \"a\"\ndynamic = [\"version\"]\n[tool.hatch.build.hooks.vcs]\nversion-file = \"src/a/_version.py\"\n";
        let information = "Metadata-Version: 2.4\nName: a\nVersion: 1.5.dev2\n";
        let tree = Tree::new(&[
            ("pyproject.toml", manifest),
            ("PKG-INFO", information),
            ("src/a/__init__.py", ""),
        ]);
        let found = Metadata::of(tree.root(), &Layout::of(tree.root()), &[]).unwrap();
        found.complete(tree.root()).unwrap();
        let text = tree.read("src/a/_version.py");
        assert!(
            text.contains("\"1.5.dev2\"") && text.contains("(1, 5,)"),
            "{text}"
        );
        tree.write("src/a/_version.py", "mine");
        found.complete(tree.root()).unwrap();
        assert_eq!(tree.read("src/a/_version.py"), "mine");
    }

    #[test]
    fn entry_points_are_read_from_every_kind_of_manifest() {
        let pyproject = "[project]\nname = \"a\"\n[project.scripts]\nrun = \"a.cli:main\"\n[project.entry-points.pytest11]\na = \"a.plugin\"\n";
        let found = metadata(&[("pyproject.toml", pyproject)]).entries;
        let pair = |name: &str, object: &str| vec![(name.to_owned(), object.to_owned())];
        assert_eq!(
            found,
            [
                ("console_scripts".to_owned(), pair("run", "a.cli:main")),
                ("pytest11".to_owned(), pair("a", "a.plugin")),
            ]
        );
        let cfg = "[metadata]\nname = a\n[options.entry_points]\nconsole_scripts =\n    run = a.cli:main\n";
        assert_eq!(
            metadata(&[("setup.cfg", cfg)]).entries[0].1,
            pair("run", "a.cli:main")
        );
        let setup =
            "setup(\n    name='a',\n    entry_points={'console_scripts': ['run = a.cli:main']},\n)";
        assert_eq!(
            metadata(&[("setup.py", setup)]).entries[0].1,
            pair("run", "a.cli:main")
        );
    }
}
