//! Where a project keeps what it ships: the folders that are on the path, and the names that can be
//! imported from them.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use camino::{Utf8Path, Utf8PathBuf};
use regex::Regex;
use toml::{Table, Value};

use super::declared::pattern;
use crate::toolchain::detect::read_small;

/// Folders at the root of a project that hold no importable package of it.
const NO_PACKAGES: &[&str] = &[
    "tests",
    "test",
    "testing",
    "docs",
    "doc",
    "examples",
    "benchmarks",
    "scripts",
    "build",
    "dist",
];
/// Modules at the root of a project that are tools of it, not what it ships.
const NO_MODULES: &[&str] = &[
    "setup", "conftest", "noxfile", "tasks", "fabfile", "manage", "dodo",
];
/// How deep a package may lie in a namespace.
const DEEPEST: usize = 3;

static SETUP_CFG: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?m)^package_dir\s*=[ \t]*\n?[ \t]*=[ \t]*(\S+)"));
static SETUP_PY: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r#"package_dir\s*=\s*(?:\{\s*["']["']\s*:|dict\(\s*\*\*\{["']["']\s*:)\s*["']([^"']+)"#)
});

/// What a project's folder offers to `import`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// Folders to put on the path, relative to the project's folder, which itself comes last.
    pub(super) roots: Vec<Utf8PathBuf>,
    /// Importable names; one in a namespace has dots.
    pub(super) packages: Vec<String>,
}

impl Layout {
    /// Reads it from the manifests and from what is there.
    pub(super) fn of(dir: &Utf8Path) -> Self {
        let mut roots: Vec<Utf8PathBuf> = Vec::new();
        let usual = (!dir.join("src/__init__.py").exists()).then(|| Utf8PathBuf::from("src"));
        for root in declared_roots(dir).into_iter().chain(usual) {
            let is_inside = root.is_relative() && !root.as_str().contains("..");
            if is_inside && root != "." && dir.join(&root).is_dir() && !roots.contains(&root) {
                roots.push(root);
            }
        }
        roots.retain(|it| !names(&dir.join(it), "").is_empty());
        let mut packages: BTreeSet<String> = roots
            .iter()
            .flat_map(|it| names(&dir.join(it), ""))
            .collect();
        if packages.is_empty() {
            packages.extend(names(dir, ""));
        }
        roots.push(Utf8PathBuf::new());
        Self {
            roots,
            packages: packages.into_iter().collect(),
        }
    }

    /// Returns the files and folders that hold what is shipped, relative to the project's folder.
    pub(super) fn places(&self, dir: &Utf8Path) -> Vec<Utf8PathBuf> {
        match self.roots.as_slice() {
            [root] if root == "" => {}
            // Whatever else lies beside the packages there is shipped too.
            [roots @ .., _] => return roots.to_vec(),
            [] => {}
        }
        let names = self.packages.iter();
        names.filter_map(|it| self.place_of(dir, it)).collect()
    }

    /// Returns the file or folder of a name, relative to the project's folder.
    pub(super) fn place_of(&self, dir: &Utf8Path, name: &str) -> Option<Utf8PathBuf> {
        let path = name.replace('.', "/");
        let candidates = self.roots.iter().flat_map(|root| {
            let folder = root.join(&path);
            let module = root.join(format!("{path}.py"));
            [folder, module]
        });
        candidates.into_iter().find(|it| dir.join(it).exists())
    }
}

/// Returns the folders that the manifests name as the roots of packages.
fn declared_roots(dir: &Utf8Path) -> Vec<Utf8PathBuf> {
    let read = |name: &str| read_small(&dir.join(name)).unwrap_or_default();
    let mut roots = Vec::new();
    if let Ok(table) = read("pyproject.toml").parse::<Table>() {
        roots.extend(roots_of_pyproject(&Value::Table(table)));
    }
    for (pattern, text) in [
        (&SETUP_CFG, read("setup.cfg")),
        (&SETUP_PY, read("setup.py")),
    ] {
        roots.extend(pattern.captures(&text).map(|it| it[1].to_owned()));
    }
    roots.into_iter().map(Utf8PathBuf::from).collect()
}

fn roots_of_pyproject(document: &Value) -> Vec<String> {
    let at = |path: &[&str]| dig(document, path);
    let text = |it: Option<&Value>| it.and_then(Value::as_str).map(str::to_owned);
    let texts = |it: Option<&Value>| -> Vec<String> {
        let list = it.and_then(Value::as_array).into_iter().flatten();
        list.filter_map(|it| Some(it.as_str()?.to_owned()))
            .collect()
    };
    let parent = |it: String| {
        let parent = Utf8Path::new(&it).parent().map(Utf8Path::to_string);
        parent.filter(|it| !it.is_empty())
    };
    let mut roots = Vec::new();
    roots.extend(text(at(&["tool", "setuptools", "package-dir", ""])));
    roots.extend(texts(at(&[
        "tool",
        "setuptools",
        "packages",
        "find",
        "where",
    ])));
    roots.extend(text(at(&["tool", "pdm", "build", "package-dir"])));
    roots.extend(text(at(&["tool", "maturin", "python-source"])));
    roots.extend(text(at(&["tool", "uv", "build-backend", "module-root"])));
    let wheel = ["tool", "hatch", "build", "targets", "wheel"];
    let of_wheel = |key: &str| texts(at(&[&wheel[..], &[key]].concat()));
    roots.extend(of_wheel("packages").into_iter().filter_map(parent));
    roots.extend(of_wheel("sources"));
    let poetry = at(&["tool", "poetry", "packages"]).and_then(Value::as_array);
    let entries = poetry.into_iter().flatten();
    roots.extend(entries.filter_map(|it| text(it.get("from"))));
    roots
}

/// Returns the value at a path of keys.
pub(super) fn dig<'a>(document: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(document, |it, key| it.get(key))
}

/// Returns the names that can be imported from a folder; namespaces are entered.
fn names(folder: &Utf8Path, namespace: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = Vec::new();
    for entry in folder.read_dir_utf8().into_iter().flatten().flatten() {
        if let Some(name) = importable(entry.path()) {
            found.push(format!("{namespace}{name}"));
        } else if may_be_namespace(entry.path()) {
            folders.push(entry.file_name().to_owned());
        }
    }
    // A folder beside packages is no namespace, as far as anybody can tell.
    let may_enter = found.is_empty() && namespace.matches('.').count() < DEEPEST;
    for name in folders.into_iter().filter(|_| may_enter) {
        let inner = names(&folder.join(&name), &format!("{namespace}{name}."));
        found.extend(inner);
    }
    found
}

fn may_be_namespace(path: &Utf8Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    let is_identifier = name.starts_with(|it: char| it.is_ascii_alphabetic())
        && name
            .chars()
            .all(|it| it.is_ascii_alphanumeric() || it == '_');
    is_identifier && path.is_dir() && !NO_PACKAGES.contains(&name)
}

fn importable(path: &Utf8Path) -> Option<String> {
    if path.join("__init__.py").exists() {
        let name = path.file_name()?;
        return (!NO_PACKAGES.contains(&name)).then(|| name.to_owned());
    }
    let name = path
        .file_stem()
        .filter(|_| path.extension() == Some("py"))?;
    let is_test = name.starts_with("test_") || name.ends_with("_test") || name.starts_with('_');
    (!NO_MODULES.contains(&name) && !is_test).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toolchain::testing::Tree;

    fn layout(files: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
        let layout = Layout::of(Tree::new(files).root());
        let roots = layout.roots.iter().map(ToString::to_string).collect();
        (roots, layout.packages)
    }

    #[test]
    fn packages_are_found_where_the_manifests_put_them() {
        let package = ("lib/pkg/__init__.py", "");
        for manifest in [
            ("setup.py", "setup(package_dir={'': 'lib'})"),
            ("setup.cfg", "[options]\npackage_dir =\n    = lib\n"),
            (
                "pyproject.toml",
                "[tool.setuptools]\npackage-dir = {\"\" = \"lib\"}\n",
            ),
            (
                "pyproject.toml",
                "[tool.setuptools.packages.find]\nwhere = [\"lib\"]\n",
            ),
            (
                "pyproject.toml",
                "[[tool.poetry.packages]]\ninclude = \"pkg\"\nfrom = \"lib\"\n",
            ),
            (
                "pyproject.toml",
                "[tool.hatch.build.targets.wheel]\npackages = [\"lib/pkg\"]\n",
            ),
        ] {
            let (roots, packages) = layout(&[manifest, package]);
            assert_eq!(
                (roots, packages),
                (vec!["lib".into(), String::new()], vec!["pkg".to_owned()]),
                "{manifest:?}"
            );
        }
    }

    #[test]
    fn flat_and_namespace_packages_are_found_without_any_manifest() {
        let (roots, packages) = layout(&[
            ("pkg/__init__.py", ""),
            ("tests/test_a.py", ""),
            ("setup.py", ""),
        ]);
        assert_eq!(
            (roots, packages),
            (vec![String::new()], vec!["pkg".to_owned()])
        );
        let (_, packages) = layout(&[
            ("src/ns/inner/pkg/__init__.py", ""),
            ("tests/test_a.py", ""),
        ]);
        assert_eq!(packages, ["ns.inner.pkg"]);
        let (_, packages) = layout(&[("pkg/__init__.py", ""), ("tools/x/__init__.py", "")]);
        assert_eq!(packages, ["pkg"]);
    }
}
