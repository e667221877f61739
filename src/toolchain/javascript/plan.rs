//! How a project's own scripts run its tests: what is built first, and which runner gets which arguments.

use camino::{Utf8Path, Utf8PathBuf};

use super::manifest::Manifest;
use super::runners::invocation;
use super::script::{self, Step};
use super::targets::{NODE_DEFAULT, expand, uses_node_test};
use crate::toolchain::Job;

/// A test runner that we can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Runner {
    Vitest,
    Jest,
    Mocha,
    /// `node --test`
    Node,
    /// Each test file is a program of its own: tape, tap, uvu, or nothing but assertions.
    Files,
}

/// One run of a runner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Invocation {
    /// Relative to the tree.
    pub(super) dir: Utf8PathBuf,
    pub(super) runner: Runner,
    pub(super) env: Vec<(String, String)>,
    /// Options of node itself.
    pub(super) node: Vec<String>,
    /// Options of the runner, without those that we set.
    pub(super) options: Vec<String>,
    /// Files, folders and patterns.
    pub(super) targets: Vec<String>,
}

/// Everything that the tests of a project take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// Command lines that build what is tested, and the folder that each runs in.
    pub(super) builds: Vec<(Utf8PathBuf, String)>,
    pub(super) runs: Vec<Invocation>,
}

/// Returns the plan of a project as the files of the tree tell it.
pub(super) fn plan(job: &Job<'_>) -> Plan {
    plan_at(job.tree, &job.project.root, &job.project.manifests)
}

/// Plans a project at a folder; the packages of its workspace where its own scripts run nothing.
pub(super) fn plan_at(tree: &Utf8Path, root: &Utf8Path, manifests: &[Utf8PathBuf]) -> Plan {
    let mut plan = package(tree, root);
    let members: Vec<&Utf8Path> = manifests
        .iter()
        .filter(|it| it.file_name() == Some("package.json"))
        .filter_map(|it| it.parent())
        .filter(|it| *it != root)
        .collect();
    if plan.runs.is_empty() {
        for member in members {
            let of_member = package(tree, member);
            // What a member builds before its tests is for nothing where there are none.
            if !of_member.runs.is_empty() {
                plan.builds.extend(of_member.builds);
                plan.runs.extend(of_member.runs);
            }
        }
    }
    plan
}

fn package(tree: &Utf8Path, dir: &Utf8Path) -> Plan {
    let at = tree.join(dir);
    let manifest = Manifest::read(&at);
    let mut plan = Plan::default();
    let mut steps = script::steps(&manifest, "pretest");
    steps.extend(script::steps(&manifest, "test"));
    for step in &steps {
        if let Some(run) = invocation(&at, dir, step) {
            if !plan.runs.contains(&run) {
                plan.runs.push(run);
            }
        } else if plan.runs.is_empty() && builds(step) {
            plan.builds.push((dir.to_owned(), step.line.clone()));
        }
    }
    if plan.runs.is_empty() && !delegates(&steps) {
        plan.runs.extend(by_tools(&at, dir, &manifest));
    }
    if plan.builds.is_empty() && lacks_main(&at, &manifest) {
        let script = ["build", "prepare", "prepack", "prepublishOnly"]
            .into_iter()
            .find(|it| script::steps(&manifest, it).iter().any(builds));
        plan.builds
            .extend(script.map(|it| (dir.to_owned(), format!("npm run {it}"))));
    }
    plan
}

/// Programs that look at code, or tidy up, and build nothing.
const LOOKERS: &[&str] = &[
    "eslint",
    "standard",
    "xo",
    "prettier",
    "biome",
    "tslint",
    "jshint",
    "tsd",
    "publint",
    "attw",
    "cspell",
    "markdownlint",
    "echo",
    "rimraf",
    "rm",
    "oxlint",
    "knip",
    "depcheck",
    "size-limit",
    "dtslint",
    "semistandard",
    "neostandard",
    "jscs",
    "remark",
    "evalmd",
    "aud",
    "ls-engines",
    "npmignore",
    "eclint",
    "codecov",
    "coveralls",
];

/// Returns whether a step makes something that tests may load.
fn builds(step: &Step) -> bool {
    let words = &step.words;
    let has = |word: &str| words.iter().any(|it| it == word);
    match step.program() {
        "tsc" => !has("--noEmit"),
        "node" | "npm" | "pnpm" | "yarn" | "make" => {
            words[1..].iter().chain([&step.script]).any(|it| {
                ["build", "compile", "generate", "bundle"]
                    .iter()
                    .any(|word| it.contains(word))
            })
        }
        program if LOOKERS.contains(&program) => false,
        _ => [
            "rollup",
            "webpack",
            "babel",
            "esbuild",
            "tsup",
            "vite",
            "microbundle",
            "unbuild",
            "swc",
            "parcel",
            "grunt",
            "gulp",
            "bundt",
            "pkgroll",
            "bunchee",
            "tsdown",
            "tshy",
            "preconstruct",
            "wireit",
            "cp",
            "mkdir",
        ]
        .contains(&step.program()),
    }
}

/// Returns whether the tests are run by the packages of a workspace.
fn delegates(steps: &[Step]) -> bool {
    steps.iter().any(|it| {
        matches!(it.program(), "lerna" | "turbo" | "nx" | "wsrun" | "ultra")
            || (matches!(it.program(), "npm" | "pnpm" | "yarn") && it.words.len() > 1)
    })
}

/// Without a script that tells, the runner is the one that is depended on or configured.
fn by_tools(at: &Utf8Path, dir: &Utf8Path, manifest: &Manifest) -> Option<Invocation> {
    let has_file = |start: &str| {
        let entries = at.read_dir_utf8().into_iter().flatten().flatten();
        entries
            .into_iter()
            .any(|it| it.file_name().starts_with(start))
    };
    let program = ["vitest", "jest", "mocha", "tape", "tap", "uvu"]
        .into_iter()
        .find(|it| {
            manifest.depends_on(it)
                || has_file(&format!("{it}.config."))
                || has_file(&format!(".{it}rc"))
        })
        .or_else(|| {
            let files = expand(at, &NODE_DEFAULT.map(str::to_owned));
            files
                .iter()
                .any(|it| uses_node_test(&at.join(it)))
                .then_some("node")
        })?;
    let mut words = vec![program.to_owned()];
    if program == "node" {
        words.push("--test".into());
    }
    invocation(
        at,
        dir,
        &Step {
            words,
            ..Step::default()
        },
    )
}

/// What people import is made by a build that did not run yet.
fn lacks_main(at: &Utf8Path, manifest: &Manifest) -> bool {
    let main = manifest.get("main").and_then(serde_json::Value::as_str);
    main.is_some_and(|it| {
        let path = at.join(it.trim_start_matches("./"));
        let found = [
            path.clone(),
            path.with_extension("js"),
            path.join("index.js"),
        ];
        let with_js = Utf8PathBuf::from(format!("{path}.js"));
        !found.iter().chain([&with_js]).any(|it| it.is_file())
    })
}

#[cfg(test)]
mod tests;
