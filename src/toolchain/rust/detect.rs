//! Cargo projects of a tree, and the tools for them.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

use super::toolchains;
use crate::model::profile::{LanguageName, Project, Purpose, Tool};
use crate::process::find_program;
use crate::toolchain::catalogue::{RUST, command};
use crate::toolchain::detect::{drives_checks, mentions, project_roots, read_small};

/// Returns the workspaces and independent packages, and the tools, found or not.
pub(super) fn detect(root: &Utf8Path, files: &[Utf8PathBuf]) -> (Vec<Project>, Vec<Tool>) {
    let roots = independent_roots(root, files);
    if roots.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let tools = tools(root);
    let projects = roots
        .into_iter()
        .map(|it| project(root, files, it, &tools))
        .collect();
    (projects, tools)
}

/// A workspace root, and what lies below it.
struct Workspace<'a> {
    root: &'a Utf8Path,
    exclude: Vec<String>,
}

fn independent_roots<'a>(root: &Utf8Path, files: &'a [Utf8PathBuf]) -> Vec<&'a Utf8Path> {
    let mut workspaces: Vec<Workspace<'a>> = Vec::new();
    let mut roots = Vec::new();
    for dir in project_roots(files, |it| it == "Cargo.toml") {
        let manifest = manifest(&root.join(dir));
        let own = manifest.as_ref().and_then(|it| it.get("workspace"));
        if own.is_none() && workspaces.iter().any(|it| it.has_member(dir)) {
            continue;
        }
        if let Some(table) = own {
            workspaces.push(Workspace {
                root: dir,
                exclude: strings(table.get("exclude")),
            });
        }
        roots.push(dir);
    }
    roots
}

impl Workspace<'_> {
    /// Cargo refuses a package below a workspace that is neither member nor excluded.
    fn has_member(&self, dir: &Utf8Path) -> bool {
        dir.strip_prefix(self.root)
            .is_ok_and(|inner| !self.exclude.iter().any(|it| inner.starts_with(it)))
    }
}

fn manifest(dir: &Utf8Path) -> Option<toml::Table> {
    read_small(&dir.join("Cargo.toml"))?.parse().ok()
}

fn strings(value: Option<&toml::Value>) -> Vec<String> {
    let items = value.and_then(toml::Value::as_array).into_iter().flatten();
    items
        .filter_map(|it| Some(it.as_str()?.to_owned()))
        .collect()
}

fn project(root: &Utf8Path, files: &[Utf8PathBuf], dir: &Utf8Path, tools: &[Tool]) -> Project {
    let inside = || files.iter().filter(|it| it.starts_with(dir));
    let manifests = inside()
        .filter(|it| matches!(it.file_name(), Some("Cargo.toml")) || **it == dir.join("Cargo.lock"))
        .cloned()
        .collect();
    let mut uses = BTreeMap::from([
        (Purpose::Build, "cargo".to_owned()),
        (Purpose::Test, "cargo".to_owned()),
        (Purpose::Types, "rustc".to_owned()),
    ]);
    let is_found = |name: &str| {
        tools
            .iter()
            .any(|it| it.name == name && it.command.is_some())
    };
    if is_found("clippy") {
        uses.insert(Purpose::Lint, "clippy".into());
    }
    if let Some(name) = ["cargo-llvm-cov", "cargo-tarpaulin"]
        .into_iter()
        .find(|it| is_found(it))
    {
        uses.insert(Purpose::Coverage, name.into());
    }
    if is_found("rustfmt") && uses_rustfmt(root, files, dir) {
        uses.insert(Purpose::Format, "rustfmt".into());
    }
    let is_benchmark = |it: &&Utf8PathBuf| {
        it.extension() == Some("rs") && it.parent().is_some_and(|it| it.ends_with("benches"))
    };
    if inside().any(|it| is_benchmark(&it)) {
        uses.insert(Purpose::Benchmark, "cargo".into());
    }
    Project {
        language: LanguageName::Rust,
        root: dir.to_owned(),
        manifests,
        uses,
    }
}

/// A project uses rustfmt if it configures it, or its own checks run it.
fn uses_rustfmt(root: &Utf8Path, files: &[Utf8PathBuf], dir: &Utf8Path) -> bool {
    let configured = files.iter().any(|it| {
        matches!(it.file_name(), Some("rustfmt.toml" | ".rustfmt.toml"))
            && it.parent().is_some_and(|it| dir.starts_with(it))
    });
    let checks: Vec<&Utf8PathBuf> = files.iter().filter(|it| drives_checks(it)).collect();
    configured
        || mentions(
            root,
            &checks,
            &["cargo fmt", "rustfmt", "fmt --check", "fmt --all"],
        )
}

fn tools(root: &Utf8Path) -> Vec<Tool> {
    let sysroot = toolchains::sysroot(root);
    // A proxy of rustup is there even where the component is not.
    let component = |program: &str| {
        let path = find_program(program)?;
        let real = sysroot.as_ref().map(|it| it.join("bin").join(program));
        real.is_none_or(|it| it.exists()).then_some(path)
    };
    let cargo = component("cargo");
    let subcommand = |program: Option<Utf8PathBuf>, name: &str| {
        program.and(cargo.as_ref()).map(|it| command(it, &[name]))
    };
    let llvm_cov = find_program("cargo-llvm-cov")
        .filter(|_| sysroot.as_deref().is_some_and(toolchains::has_llvm_tools));
    let found = [
        ("cargo", cargo.as_ref().map(|it| command(it, &[]))),
        ("rustc", component("rustc").map(|it| command(&it, &[]))),
        ("clippy", subcommand(component("cargo-clippy"), "clippy")),
        ("rustfmt", component("rustfmt").map(|it| command(&it, &[]))),
        ("cargo-llvm-cov", subcommand(llvm_cov, "llvm-cov")),
        (
            "cargo-tarpaulin",
            subcommand(find_program("cargo-tarpaulin"), "tarpaulin"),
        ),
    ];
    found
        .into_iter()
        .map(|(name, command)| RUST.tool(name, command))
        .collect()
}
