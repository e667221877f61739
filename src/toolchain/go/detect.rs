//! Go modules of a tree, and the tools for them.
//!
//! A tree without a `go.mod` is built through somebody's `GOPATH`, which no tree can carry along: it is
//! no project unless its commands are declared.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

use crate::model::profile::{LanguageName, Project, Purpose, Tool};
use crate::process::find_program;
use crate::toolchain::catalogue::{GO, command};
use crate::toolchain::detect::{mentions, project_roots};

/// Returns the modules, members of a workspace included, and the tools, found or not.
pub(super) fn detect(root: &Utf8Path, files: &[Utf8PathBuf]) -> (Vec<Project>, Vec<Tool>) {
    let roots = project_roots(files, |it| it == "go.mod");
    if roots.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let tools = tools();
    let projects = roots
        .iter()
        .map(|it| project(root, files, it, &roots, &tools))
        .collect();
    (projects, tools)
}

fn project(
    root: &Utf8Path,
    files: &[Utf8PathBuf],
    dir: &Utf8Path,
    roots: &[&Utf8Path],
    tools: &[Tool],
) -> Project {
    let manifests = ["go.mod", "go.sum"].map(|it| dir.join(it));
    let workspaces = dir.ancestors().map(|it| it.join("go.work"));
    let mut uses = BTreeMap::from([
        (Purpose::Build, "go".to_owned()),
        (Purpose::Test, "go".to_owned()),
        (Purpose::Types, "go".to_owned()),
        (Purpose::Lint, "vet".to_owned()),
        (Purpose::Coverage, "cover".to_owned()),
    ]);
    let is_found = |name: &str| {
        let mut tools = tools.iter();
        tools.any(|it| it.name == name && it.command.is_some())
    };
    if is_found("staticcheck") {
        uses.insert(Purpose::Lint, "staticcheck".into());
    }
    if is_found("gofmt") {
        uses.insert(Purpose::Format, "gofmt".into());
    }
    let is_own_test =
        |it: &&Utf8PathBuf| it.as_str().ends_with("_test.go") && innermost(it, roots) == Some(dir);
    let tests: Vec<&Utf8PathBuf> = files.iter().filter(is_own_test).collect();
    if mentions(root, &tests, &["\nfunc Benchmark"]) {
        uses.insert(Purpose::Benchmark, "go".into());
    }
    Project {
        language: LanguageName::Go,
        root: dir.to_owned(),
        manifests: manifests
            .into_iter()
            .chain(workspaces)
            .filter(|it| files.contains(it))
            .collect(),
        uses,
    }
}

fn innermost<'a>(file: &Utf8Path, roots: &[&'a Utf8Path]) -> Option<&'a Utf8Path> {
    let around = roots.iter().filter(|it| file.starts_with(it));
    around.max_by_key(|it| it.components().count()).copied()
}

fn tools() -> Vec<Tool> {
    let go = find_program("go");
    let beside = |name: &str| {
        let path = go.as_ref()?.canonicalize_utf8().ok()?.parent()?.join(name);
        path.exists().then_some(path)
    };
    let program = |path: Option<Utf8PathBuf>| path.map(|it| command(&it, &[]));
    let found = [
        ("go", program(go.clone())),
        ("vet", program(go.clone())),
        (
            "staticcheck",
            // The name that Debian gives it.
            program(find_program("staticcheck").or_else(|| find_program("go-staticcheck"))),
        ),
        ("golangci-lint", program(find_program("golangci-lint"))),
        ("cover", program(go.clone())),
        (
            "gofmt",
            program(find_program("gofmt").or_else(|| beside("gofmt"))),
        ),
    ];
    found
        .into_iter()
        .map(|(name, command)| GO.tool(name, command))
        .collect()
}
