//! The interpreter of a project and what is installed beside it, told from files alone.

use camino::{Utf8Path, Utf8PathBuf};

use crate::config::Commands;
use crate::model::profile::Tool;
use crate::process::{find_program, variable};
use crate::toolchain::detect::read_small;
use crate::toolchain::versions::stamp;

/// An interpreter, and the folders it imports installed packages from.
#[derive(Clone, Debug)]
pub(super) struct Interpreter {
    pub(super) path: Utf8PathBuf,
    /// Where installed packages are.
    pub(super) packages: Vec<Utf8PathBuf>,
}

impl Interpreter {
    /// Finds it: named in the profile, an environment in the checkout, the active one, the PATH.
    pub(super) fn find(root: &Utf8Path, commands: &Commands) -> Option<Self> {
        let in_environment = |dir: Utf8PathBuf| {
            let path = dir.join("bin/python");
            path.exists().then_some(path)
        };
        let named = commands.python.as_deref().and_then(|it| named(root, it));
        named
            .or_else(|| in_environment(root.join(".venv")))
            .or_else(|| in_environment(root.join("venv")))
            .or_else(|| in_environment(variable("VIRTUAL_ENV")?.into()))
            .or_else(|| find_program("python3"))
            .or_else(|| find_program("python"))
            .map(|it| Self::at(behind_shim(root, it)))
    }

    /// Returns what is known of an interpreter.
    pub(super) fn at(path: Utf8PathBuf) -> Self {
        let packages = package_folders(&path);
        Self { path, packages }
    }

    /// Returns whether a module or package is installed for this interpreter.
    pub(super) fn has(&self, module: &str) -> bool {
        self.packages
            .iter()
            .any(|it| it.join(module).is_dir() || it.join(format!("{module}.py")).exists())
    }

    /// Returns a program that was installed beside the interpreter.
    pub(super) fn beside(&self, program: &str) -> Option<Utf8PathBuf> {
        let path = self.path.parent()?.join(program);
        path.exists().then_some(path)
    }
}

/// Returns whether the interpreter of a command has a module.
pub(super) fn has_module(command: &[String], module: &str) -> bool {
    command
        .first()
        .is_some_and(|it| Interpreter::at(it.into()).has(module))
}

/// Returns what changes when a package is installed or removed.
pub(super) fn identity(tool: &Tool) -> String {
    let program = tool.command.as_ref().and_then(|it| it.first());
    let folders = program
        .map(|it| package_folders(Utf8Path::new(it)))
        .unwrap_or_default();
    folders
        .iter()
        .filter_map(|it| stamp(it))
        .collect::<Vec<_>>()
        .join("+")
}

fn named(root: &Utf8Path, name: &str) -> Option<Utf8PathBuf> {
    if name.contains('/') {
        let path = root.join(name);
        path.exists().then_some(path)
    } else {
        find_program(name)
    }
}

/// A shim of pyenv is a slow shell script: the interpreter behind it is used instead.
fn behind_shim(root: &Utf8Path, path: Utf8PathBuf) -> Utf8PathBuf {
    if !path.as_str().contains("/shims/") {
        return path;
    }
    let resolve = || {
        let home = match variable("PYENV_ROOT") {
            Some(root) => Utf8PathBuf::from(root),
            None => path.parent()?.parent()?.to_owned(),
        };
        let chosen = variable("PYENV_VERSION").map(str::to_owned);
        let version = chosen
            .or_else(|| {
                root.ancestors()
                    .find_map(|it| read_small(&it.join(".python-version")))
            })
            .or_else(|| read_small(&home.join("version")))?;
        let version = version.split([':', '\n']).next()?.trim().to_owned();
        let real = home.join("versions").join(version).join("bin/python3");
        real.exists().then_some(real)
    };
    resolve().unwrap_or(path)
}

/// Returns the `site-packages` and `dist-packages` folders of an interpreter.
fn package_folders(interpreter: &Utf8Path) -> Vec<Utf8PathBuf> {
    let mut prefixes: Vec<Utf8PathBuf> = Vec::new();
    let mut add = |path: Option<&Utf8Path>| {
        if let Some(prefix) = path.and_then(Utf8Path::parent).and_then(Utf8Path::parent) {
            prefixes.push(prefix.to_owned());
        }
    };
    add(Some(interpreter));
    if environment_of(interpreter).is_none() {
        add(interpreter.canonicalize_utf8().ok().as_deref());
        if let Some(home) = variable("HOME") {
            prefixes.push(Utf8Path::new(home).join(".local"));
        }
    }
    let mut folders: Vec<Utf8PathBuf> = prefixes.iter().flat_map(|it| folders_below(it)).collect();
    let linked: Vec<Utf8PathBuf> = folders.iter().flat_map(|it| linked_from(it)).collect();
    folders.extend(linked);
    folders.sort();
    folders.dedup();
    folders
}

/// Returns the folder of the virtual environment that an interpreter is part of.
pub(super) fn environment_of(interpreter: &Utf8Path) -> Option<&Utf8Path> {
    prefix_of(interpreter).filter(|it| it.join("pyvenv.cfg").exists())
}

fn prefix_of(interpreter: &Utf8Path) -> Option<&Utf8Path> {
    interpreter.parent()?.parent()
}

/// Returns the folders that the `.pth` files of a folder put on the path.
fn linked_from(folder: &Utf8Path) -> Vec<Utf8PathBuf> {
    let entries = folder.read_dir_utf8().into_iter().flatten().flatten();
    entries
        .filter(|it| it.path().extension() == Some("pth"))
        .filter_map(|it| read_small(it.path()))
        .flat_map(|it| it.lines().map(Utf8PathBuf::from).collect::<Vec<_>>())
        .filter(|it| it.is_absolute() && it.is_dir())
        .collect()
}

fn folders_below(prefix: &Utf8Path) -> Vec<Utf8PathBuf> {
    ["lib", "lib64", "local/lib"]
        .iter()
        .filter_map(|it| prefix.join(it).read_dir_utf8().ok())
        .flatten()
        .flatten()
        .filter(|it| it.file_name().starts_with("python3"))
        .flat_map(|it| {
            [
                it.path().join("site-packages"),
                it.path().join("dist-packages"),
            ]
        })
        .filter(|it| it.is_dir())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toolchain::testing::Tree;

    #[test]
    fn an_environment_in_the_checkout_is_preferred_and_its_packages_are_known() {
        let tree = Tree::new(&[
            (".venv/bin/python", ""),
            (".venv/bin/ruff", ""),
            (".venv/pyvenv.cfg", ""),
            (".venv/lib/python3.11/site-packages/pytest/__init__.py", ""),
            (".venv/lib/python3.11/site-packages/six.py", ""),
        ]);
        let interpreter = Interpreter::find(tree.root(), &Commands::default()).unwrap();
        assert_eq!(interpreter.path, tree.root().join(".venv/bin/python"));
        assert!(interpreter.has("pytest") && interpreter.has("six"));
        assert!(!interpreter.has("mypy"));
        assert!(interpreter.beside("ruff").is_some());
    }

    #[test]
    fn the_profile_has_the_last_word() {
        let tree = Tree::new(&[(".venv/bin/python", ""), ("other/bin/python", "")]);
        let commands = Commands {
            python: Some("other/bin/python".into()),
            ..Commands::default()
        };
        let interpreter = Interpreter::find(tree.root(), &commands).unwrap();
        assert_eq!(interpreter.path, tree.root().join("other/bin/python"));
    }
}
