//! Which projects and tools a tree has, and what is installed for it.

use super::{JavaScript, LIBRARY, bench, manifest};
use crate::config::Commands;
use crate::model::profile::Purpose;
use crate::toolchain::testing::Tree;
use crate::toolchain::{Adapter as _, Outcome};

fn roots(files: &[(&str, &str)]) -> Vec<String> {
    let tree = Tree::new(files);
    let (projects, _) = JavaScript.detect(tree.root(), &tree.files(), &Commands::default());
    projects
        .into_iter()
        .map(|it| it.root.into_string())
        .collect()
}

#[test]
fn a_workspace_is_one_project_and_markers_are_none() {
    let root = "{\"workspaces\": [\"packages/*\"]}";
    let found = roots(&[
        ("package.json", root),
        (
            "packages/a/package.json",
            "{\"scripts\": {\"test\": \"mocha\"}}",
        ),
        ("esm/package.json", "{\"type\": \"module\"}"),
        (
            "website/package.json",
            "{\"scripts\": {\"build\": \"vite build\"}}",
        ),
        (
            "tools/x/package.json",
            "{\"scripts\": {\"test\": \"node --test\"}}",
        ),
        (
            "test/fixtures/package.json",
            "{\"scripts\": {\"test\": \"mocha\"}}",
        ),
    ]);
    assert_eq!(found, ["", "tools/x"]);
    let apart = [("a/package.json", "{}"), ("b/package.json", "{}")];
    assert_eq!(roots(&apart), ["a", "b"]);
}

#[test]
fn tools_are_named_as_the_project_uses_them_installed_or_not() {
    let tree = Tree::new(&[
        (
            "package.json",
            "{\"packageManager\": \"pnpm@9.0.0\", \"scripts\": {\"test\": \"vitest\", \"format\": \"prettier --check .\"}}",
        ),
        (".eslintrc.json", "{}"),
        ("tsconfig.json", "{}"),
    ]);
    let (projects, tools) = JavaScript.detect(tree.root(), &tree.files(), &Commands::default());
    let uses: Vec<(Purpose, &str)> = projects[0]
        .uses
        .iter()
        .map(|(purpose, name)| (*purpose, name.as_str()))
        .collect();
    assert_eq!(
        uses,
        [
            (Purpose::Build, "node"),
            (Purpose::Test, "vitest"),
            (Purpose::Lint, "eslint"),
            (Purpose::Types, "tsc"),
            (Purpose::Coverage, "vitest"),
            (Purpose::Format, "prettier"),
        ]
    );
    let names: Vec<&str> = tools.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "node",
            "npm",
            "pnpm",
            "node_modules",
            "vitest",
            "eslint",
            "prettier",
            "tsc"
        ]
    );
    let vitest = tools.iter().find(|it| it.name == "vitest").unwrap();
    assert!(vitest.command.is_none() && vitest.install.contains("vitest"));
}

#[tokio::test]
async fn nothing_is_installed_where_all_is_there_or_nothing_is_needed() {
    let needs = manifest("mocha").replace(
        "{\"name",
        "{\"devDependencies\": {\"mocha\": \"*\"}, \"name",
    );
    let Some(has_all) = bench(&[("package.json", &needs), LIBRARY]) else {
        return;
    };
    assert_eq!(
        JavaScript.prepare(&has_all.job()).await.unwrap(),
        Outcome::Measured(())
    );
    let Some(needs_none) = bench(&[("package.json", &manifest("node --test")), LIBRARY]) else {
        return;
    };
    assert_eq!(
        JavaScript.prepare(&needs_none.job()).await.unwrap(),
        Outcome::Measured(())
    );
    let builds = needs_none.tree.outside("javascript");
    assert!(!builds.exists());
}

#[tokio::test]
async fn an_install_that_cannot_be_done_is_told() {
    let manifest =
        "{\"name\": \"sample\", \"dependencies\": {\"nowhere\": \"file:./nowhere.tgz\"}}";
    let Some(bench) = bench(&[("package.json", manifest), LIBRARY]) else {
        return;
    };
    let outcome = JavaScript.prepare(&bench.job()).await.unwrap();
    assert!(
        matches!(outcome, Outcome::Failed(ref it) if it.contains("npm install")),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn commands_of_the_project_find_its_packages_in_a_new_tree() {
    let package = "{\"dependencies\": {\"ms\": \"2\"}}";
    let files = [("package.json", package)];
    let mut bench = crate::toolchain::testing::Bench::new(
        crate::model::profile::LanguageName::JavaScript,
        &files,
        Commands::default(),
    );
    let checkout = bench.tree.outside("checkout");
    std::fs::create_dir_all(checkout.join("node_modules/ms")).unwrap();
    for tool in bench
        .tools
        .iter_mut()
        .filter(|it| it.name == "node_modules")
    {
        tool.command = Some(vec![checkout.join("node_modules").into_string()]);
    }
    JavaScript.build(&bench.job()).await.unwrap().unwrap();
    assert!(bench.tree.root().join("node_modules/ms").is_dir());
}
