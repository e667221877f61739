//! JavaScript and TypeScript projects of a tree, and the tools for them.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

use super::manifest::{self, Manifest};
use super::plan::{Runner, plan_at};
use super::prepare::LOCKS;
use super::{coverage, lint, programs, types};
use crate::model::profile::{LanguageName, Project, Purpose, Tool};
use crate::process::find_program;
use crate::toolchain::catalogue::{JAVASCRIPT, command};
use crate::toolchain::detect::{project_roots, read_small};

/// Files beside a manifest that say what a project depends on or how it is checked.
const COMPANIONS: &[&str] = &["pnpm-workspace.yaml", "tsconfig.json", "jsconfig.json"];

/// Returns the packages and workspaces, and the tools, found or not.
pub(super) fn detect(root: &Utf8Path, files: &[Utf8PathBuf]) -> (Vec<Project>, Vec<Tool>) {
    let folders = project_roots(files, |it| it == "package.json");
    let mut projects: Vec<Project> = Vec::new();
    let mut taken: Vec<Utf8PathBuf> = Vec::new();
    for dir in &folders {
        let is_taken = taken.iter().any(|it| it == dir);
        let is_inner = projects.iter().any(|it| dir.starts_with(&it.root));
        if is_taken || (is_inner && !stands_alone(root, dir)) {
            continue;
        }
        let members = manifest::members(root, dir, &folders);
        projects.push(project(root, files, dir, &members));
        taken.extend(members);
    }
    if projects.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let tools = tools(root, &projects);
    (projects, tools)
}

/// A manifest below another one is a project only if it has tests of its own: most of them just say
/// how the files beside them are to be read.
fn stands_alone(root: &Utf8Path, dir: &Utf8Path) -> bool {
    Manifest::read(&root.join(dir)).script("test").is_some()
        && !plan_at(root, dir, &[]).runs.is_empty()
}

fn project(
    root: &Utf8Path,
    files: &[Utf8PathBuf],
    dir: &Utf8Path,
    members: &[Utf8PathBuf],
) -> Project {
    let is_named = |it: &&Utf8PathBuf| {
        let name = it.file_name().unwrap_or_default();
        let is_lock = LOCKS.iter().any(|lock| lock.0 == name);
        let of_root = it.parent() == Some(dir) && (COMPANIONS.contains(&name) || is_lock);
        let of_package =
            it.parent() == Some(dir) || members.iter().any(|dir| it.parent() == Some(dir));
        of_root || (name == "package.json" && of_package)
    };
    let manifests: Vec<Utf8PathBuf> = files.iter().filter(is_named).cloned().collect();
    let uses = uses(root, dir, members, &manifests);
    Project {
        language: LanguageName::JavaScript,
        root: dir.to_owned(),
        manifests,
        uses,
    }
}

fn uses(
    root: &Utf8Path,
    dir: &Utf8Path,
    members: &[Utf8PathBuf],
    manifests: &[Utf8PathBuf],
) -> BTreeMap<Purpose, String> {
    let packages = || std::iter::once(dir).chain(members.iter().map(Utf8PathBuf::as_path));
    let manifest = Manifest::read(&root.join(dir));
    let mut uses = BTreeMap::new();
    let mut choose = |purpose, name: Option<&str>| {
        if let Some(name) = name {
            uses.insert(purpose, name.to_owned());
        }
    };
    choose(Purpose::Build, Some("node"));
    let plan = plan_at(root, dir, manifests);
    let runner = plan.runs.first().map(|it| it.runner);
    choose(Purpose::Test, runner.map(Runner::tool));
    choose(
        Purpose::Lint,
        lint::linters(root, packages()).first().map(|it| it.1),
    );
    let is_typed = !types::configurations(root, packages()).is_empty();
    choose(Purpose::Types, is_typed.then_some("tsc"));
    choose(
        Purpose::Coverage,
        match runner {
            Some(Runner::Vitest) => Some("vitest"),
            Some(Runner::Jest) => Some("jest"),
            Some(_) => Some(coverage::declared(&manifest)),
            None => None,
        },
    );
    choose(Purpose::Format, formatter(root, dir, &manifest));
    uses
}

/// Only a formatter that the project itself configures or runs.
fn formatter(root: &Utf8Path, dir: &Utf8Path, manifest: &Manifest) -> Option<&'static str> {
    let at = root.join(dir);
    let has = |start: &str| {
        let entries = at.read_dir_utf8().into_iter().flatten().flatten();
        entries
            .into_iter()
            .any(|it| it.file_name().starts_with(start))
    };
    let configures =
        has(".prettierrc") || has("prettier.config.") || manifest.get("prettier").is_some();
    let runs = !lint::arguments(&at, "prettier").is_empty();
    if configures || runs {
        return Some("prettier");
    }
    let text = ["biome.json", "biome.jsonc", ".biome.json"]
        .iter()
        .find_map(|it| read_small(&at.join(it)))?;
    let plain: String = text.chars().filter(|it| !it.is_whitespace()).collect();
    (!plain.contains("\"formatter\":{\"enabled\":false")).then_some("biome")
}

fn tools(root: &Utf8Path, projects: &[Project]) -> Vec<Tool> {
    let node = find_program("node").map(|it| command(&it, &[]));
    let program = |name: &str| find_program(name).map(|it| command(&it, &[]));
    let installed = |package: &str, name: &str| {
        let scripts = projects
            .iter()
            .filter_map(|it| programs::installed(root, &root.join(&it.root), package, name));
        let script = scripts.into_iter().next()?;
        Some([node.as_ref()?.clone(), vec![script.into_string()]].concat())
    };
    let mut found = vec![JAVASCRIPT.tool("node", node.clone())];
    let managers = projects.iter().map(|it| manager(&root.join(&it.root)));
    let mut managers: Vec<&str> = managers.chain(["npm"]).collect();
    managers.sort_unstable();
    managers.dedup();
    found.extend(
        managers
            .into_iter()
            .map(|it| JAVASCRIPT.tool(it, program(it))),
    );
    found.push(dependencies(root, projects));
    let uses = |name: &str| {
        projects
            .iter()
            .any(|it| it.uses.values().any(|it| it == name))
    };
    for (package, name) in [
        ("vitest", "vitest"),
        ("jest", "jest"),
        ("mocha", "mocha"),
        ("eslint", "eslint"),
        ("@biomejs/biome", "biome"),
        ("prettier", "prettier"),
        ("typescript", "tsc"),
        ("c8", "c8"),
    ] {
        if uses(name) {
            let is_global = matches!(name, "eslint" | "biome" | "prettier" | "tsc");
            let on_path = || program(name).filter(|_| is_global);
            found.push(JAVASCRIPT.tool(name, installed(package, name).or_else(on_path)));
        }
    }
    found
}

/// Returns the package manager that a project says it uses, by name or by its lock file.
pub(super) fn manager(at: &Utf8Path) -> &'static str {
    let manifest = Manifest::read(at);
    let named = manifest
        .get("packageManager")
        .and_then(serde_json::Value::as_str)
        .unwrap_or_default();
    let by_name = ["pnpm", "yarn", "npm"]
        .into_iter()
        .find(|it| named.starts_with(&format!("{it}@")));
    let by_lock = || {
        LOCKS
            .iter()
            .find(|it| at.join(it.0).exists())
            .map(|it| it.1)
    };
    by_name.or_else(by_lock).unwrap_or("npm")
}

/// What is installed counts as a tool: everything runs with it, and it may be missing.
fn dependencies(root: &Utf8Path, projects: &[Project]) -> Tool {
    let folders = projects.iter().flat_map(|it| it.root.ancestors());
    let folder = folders
        .map(|it| root.join(it).join("node_modules"))
        .find(|it| it.is_dir());
    let state = folder.as_ref().and_then(|it| {
        let names = [
            ".package-lock.json",
            ".modules.yaml",
            ".yarn-integrity",
            ".yarn-state.yml",
        ];
        names
            .iter()
            .find_map(|name| std::fs::read(it.join(name)).ok())
    });
    let mut tool = JAVASCRIPT.tool("node_modules", folder.map(|it| command(&it, &[])));
    tool.version = state.map(|it| blake3::hash(&it).to_hex()[..12].to_owned());
    tool
}
