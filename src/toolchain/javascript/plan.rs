//! How a project's own scripts run its tests: what is built first, and which runner gets which arguments.

use camino::{Utf8Path, Utf8PathBuf};

use super::manifest::{Manifest, glob_set};
use super::script::{self, Step, split_options, without};
use crate::toolchain::Job;
use crate::toolchain::detect::read_small;

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
        match invocation(&at, dir, step) {
            Some(run) if !plan.runs.contains(&run) => plan.runs.push(run),
            Some(_) => {}
            None if plan.runs.is_empty() && builds(step) => {
                plan.builds.push((dir.to_owned(), step.line.clone()));
            }
            None => {}
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

/// Returns the run of a step, if it is one of a runner that we know.
fn invocation(at: &Utf8Path, dir: &Utf8Path, step: &Step) -> Option<Invocation> {
    let args = &step.words[1..];
    let mut run = Invocation {
        dir: dir.to_owned(),
        runner: Runner::Files,
        env: step.env.clone(),
        node: Vec::new(),
        options: Vec::new(),
        targets: Vec::new(),
    };
    match step.program() {
        "vitest" => vitest(&mut run, args)?,
        "jest" => jest(&mut run, args),
        "mocha" | "_mocha" => mocha(&mut run, args),
        "node" | "tsx" | "ts-node" | "borp" => node(&mut run, at, step)?,
        "tape" | "tap" | "uvu" | "brittle" | "zora" | "pta" => files(&mut run, at, step),
        _ => return None,
    }
    Some(run)
}

fn vitest(run: &mut Invocation, args: &[String]) -> Option<()> {
    let ours = [
        "--coverage*",
        "--reporter*",
        "--watch",
        "-w",
        "--ui",
        "--outputFile*",
        "--run",
        "--bail",
        "--silent",
        "--update",
        "-u",
        "--color",
        "--open",
    ];
    let args = without(
        args,
        &ours,
        &[
            "--reporter",
            "--outputFile",
            "--coverage.provider",
            "--bail",
        ],
    );
    let (options, mut targets) = split_options(&args, VITEST_VALUES);
    match targets.first().map(String::as_str) {
        Some("bench" | "list" | "init") => return None,
        Some("run" | "watch" | "dev" | "related") => drop(targets.remove(0)),
        _ => {}
    }
    run.runner = Runner::Vitest;
    (run.options, run.targets) = (options, targets);
    Some(())
}

fn jest(run: &mut Invocation, args: &[String]) {
    let ours = [
        "--coverage*",
        "--collectCoverage*",
        "--reporters",
        "--ci",
        "--json",
        "--outputFile",
        "--bail",
        "-b",
        "--watch*",
        "--verbose",
        "--silent",
        "--updateSnapshot",
        "-u",
        "--cacheDirectory",
        "--colors",
        "-o",
        "--onlyChanged",
        "--notify",
    ];
    let args = without(
        args,
        &ours,
        &[
            "--reporters",
            "--outputFile",
            "--cacheDirectory",
            "--coverageReporters",
            "--coverageDirectory",
        ],
    );
    run.runner = Runner::Jest;
    (run.options, run.targets) = split_options(&args, JEST_VALUES);
}

fn mocha(run: &mut Invocation, args: &[String]) {
    let ours = [
        "--reporter*",
        "-R",
        "-O",
        "--watch*",
        "-w",
        "--bail",
        "-b",
        "--color*",
        "-c",
        "--growl",
        "-G",
        "--colors",
    ];
    let args = without(
        args,
        &ours,
        &[
            "--reporter",
            "-R",
            "--reporter-option",
            "--reporter-options",
            "-O",
        ],
    );
    run.runner = Runner::Mocha;
    (run.options, run.targets) = split_options(&args, MOCHA_VALUES);
}

/// `node --test`, or a program that is a test; any other script of node is none.
fn node(run: &mut Invocation, at: &Utf8Path, step: &Step) -> Option<()> {
    let args = &step.words[1..];
    let (mut options, targets) = split_options(args, NODE_VALUES);
    match step.program() {
        "tsx" => options.extend(["--import".into(), "tsx".into()]),
        "ts-node" => options.extend(["-r".into(), "ts-node/register".into()]),
        "borp" => options = vec!["--test".into()],
        _ => {}
    }
    let first = targets.first().map(String::as_str).unwrap_or_default();
    if let Some(runner) = started_by_path(first) {
        let mut words = vec![runner.to_owned()];
        words.extend(
            args[args.iter().position(|it| it == first)? + 1..]
                .iter()
                .cloned(),
        );
        let started = invocation(
            at,
            &run.dir,
            &Step {
                words,
                ..step.clone()
            },
        )?;
        *run = Invocation {
            node: options,
            ..started
        };
        return Some(());
    }
    let is_suite = options.iter().any(|it| it == "--test");
    let args = without(
        &options,
        &[
            "--test",
            "--test-reporter*",
            "--watch*",
            "--experimental-test-coverage",
            "--test-coverage*",
            "--test-only",
        ],
        &[
            "--test-reporter",
            "--test-reporter-destination",
            "--watch-path",
        ],
    );
    if is_suite {
        run.runner = Runner::Node;
        (run.node, run.targets) = (args, targets);
        return Some(());
    }
    let is_test = targets.len() == 1 && (first.contains("test") || first.contains("spec"));
    if !is_test {
        return None;
    }
    (run.node, run.targets) = (args, vec![main_file(at, first)]);
    let files = expand(at, &run.targets);
    if files.iter().any(|it| uses_node_test(&at.join(it))) {
        run.runner = Runner::Node;
    }
    Some(())
}

/// `node node_modules/mocha/bin/mocha.js` is mocha.
fn started_by_path(path: &str) -> Option<&'static str> {
    let name = path
        .rsplit('/')
        .next()?
        .trim_end_matches(".js")
        .trim_end_matches(".mjs");
    let known = ["vitest", "jest", "mocha", "tape", "tap", "uvu"];
    let found = known
        .into_iter()
        .find(|it| name.trim_start_matches('_') == *it)?;
    path.contains("node_modules").then_some(found)
}

/// `node test` runs `test/index.js`, or `test.js`.
fn main_file(at: &Utf8Path, target: &str) -> String {
    let candidates = [
        target.to_owned(),
        format!("{target}.js"),
        format!("{}/index.js", target.trim_end_matches('/')),
    ];
    let found = candidates.iter().find(|it| at.join(it).is_file());
    found.cloned().unwrap_or_else(|| target.to_owned())
}

/// Runners whose test files can be started by node itself.
fn files(run: &mut Invocation, at: &Utf8Path, step: &Step) {
    let (options, targets) = split_options(&step.words[1..], FILES_VALUES);
    let mut loads = options.iter().peekable();
    while let Some(option) = loads.next() {
        if matches!(
            option.as_str(),
            "-r" | "--require" | "--import" | "--loader" | "-l"
        ) {
            run.node.push(if option == "-l" {
                "--loader".into()
            } else {
                option.clone()
            });
            run.node.extend(loads.next().cloned());
        } else if let Some(argument) = option.strip_prefix("--node-arg=") {
            run.node.push(argument.to_owned());
        }
    }
    run.targets = match step.program() {
        // A folder, and a pattern of names in it.
        "uvu" => uvu_targets(&targets),
        _ if targets.is_empty() => TAP_DEFAULT.iter().map(|it| (*it).to_owned()).collect(),
        _ => targets,
    };
    let files = expand(at, &run.targets);
    let is_typescript = files
        .iter()
        .any(|it| it.extension().is_some_and(|it| it.ends_with("ts")));
    if is_typescript && run.node.is_empty() {
        run.node = ["--import", "tsx"].map(str::to_owned).to_vec();
    }
}

fn uvu_targets(targets: &[String]) -> Vec<String> {
    let dir = targets.first().map_or("", String::as_str);
    vec![if dir.is_empty() {
        "tests".to_owned()
    } else {
        dir.to_owned()
    }]
}

const TAP_DEFAULT: &[&str] = &[
    "{test,tests,__tests__}/**/*.{js,cjs,mjs,ts,cts,mts}",
    "**/*.{test,tests,spec}.{js,cjs,mjs,ts,cts,mts}",
    "{test,tests}.{js,cjs,mjs}",
];
const NODE_VALUES: &[&str] = &[
    "-r",
    "--require",
    "--import",
    "--loader",
    "--experimental-loader",
    "-C",
    "--conditions",
    "--test-reporter",
    "--test-reporter-destination",
    "--test-name-pattern",
    "--env-file",
    "--watch-path",
    "--test-concurrency",
    "--test-timeout",
];
const FILES_VALUES: &[&str] = &[
    "-r",
    "--require",
    "--import",
    "--loader",
    "-l",
    "-i",
    "--ignore",
    "-R",
    "--reporter",
    "-j",
    "--jobs",
    "-t",
    "--timeout",
    "--coverage-report",
    "--coverage-map",
];
const MOCHA_VALUES: &[&str] = &[
    "-r",
    "--require",
    "--import",
    "--loader",
    "-t",
    "--timeout",
    "-s",
    "--slow",
    "-u",
    "--ui",
    "-g",
    "--grep",
    "-f",
    "--fgrep",
    "--config",
    "--package",
    "--opts",
    "--extension",
    "--file",
    "--ignore",
    "--exclude",
    "-j",
    "--jobs",
    "--retries",
    "-n",
    "--node-option",
];
const JEST_VALUES: &[&str] = &[
    "-c",
    "--config",
    "-t",
    "--testNamePattern",
    "-w",
    "--maxWorkers",
    "--env",
    "--rootDir",
    "--roots",
    "--testTimeout",
    "--selectProjects",
    "--ignoreProjects",
    "--testPathIgnorePatterns",
    "--projects",
    "--setupFilesAfterEnv",
    "--testRegex",
    "--testMatch",
];
const VITEST_VALUES: &[&str] = &[
    "-c",
    "--config",
    "-r",
    "--root",
    "--dir",
    "--environment",
    "--pool",
    "--project",
    "--workspace",
    "-t",
    "--testNamePattern",
    "--testTimeout",
    "--mode",
    "--retry",
    "--maxWorkers",
    "--minWorkers",
    "--exclude",
];

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

/// What `node --test` runs when it is told nothing.
pub(super) const NODE_DEFAULT: [&str; 4] = [
    "**/*.{test,-test,_test}.{js,cjs,mjs}",
    "**/*[-_.]test.{js,cjs,mjs}",
    "**/test.{js,cjs,mjs}",
    "**/test/**/*.{js,cjs,mjs}",
];

fn uses_node_test(file: &Utf8Path) -> bool {
    read_small(file).is_some_and(|it| it.contains("'node:test'") || it.contains("\"node:test\""))
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

/// Returns the files that paths, folders and patterns of a script name, relative to the folder.
pub(super) fn expand(at: &Utf8Path, targets: &[String]) -> Vec<Utf8PathBuf> {
    let clean = |it: &String| it.trim_start_matches("./").trim_end_matches('/').to_owned();
    let (patterns, plain): (Vec<String>, Vec<String>) = targets
        .iter()
        .map(clean)
        .partition(|it| it.contains(['*', '{', '?', '[']));
    let mut found: Vec<Utf8PathBuf> = plain
        .iter()
        .filter(|it| at.join(it).is_file())
        .map(Utf8PathBuf::from)
        .collect();
    let folders: Vec<&String> = plain.iter().filter(|it| at.join(it).is_dir()).collect();
    if patterns.is_empty() && folders.is_empty() {
        return found;
    }
    let globs = glob_set(patterns.iter().map(String::as_str));
    let wanted = |it: &Utf8Path| {
        let in_folder = folders.iter().any(|dir| it.starts_with(dir));
        let is_source = it.extension().is_some_and(|it| SOURCES.contains(&it));
        let is_aid = it.components().any(|part| AIDS.contains(&part.as_str()));
        globs.is_match(it) || (in_folder && is_source && !is_aid)
    };
    found.extend(files_below(at).into_iter().filter(|it| wanted(it)));
    found.sort();
    found.dedup();
    found
}

const SOURCES: [&str; 6] = ["js", "cjs", "mjs", "ts", "cts", "mts"];
/// Folders among tests whose files are none.
const AIDS: [&str; 5] = [
    "fixtures",
    "fixture",
    "helpers",
    "snapshots",
    "__snapshots__",
];

fn files_below(at: &Utf8Path) -> Vec<Utf8PathBuf> {
    let walk = ignore::WalkBuilder::new(at)
        .standard_filters(false)
        .filter_entry(|it| {
            let name = it.file_name().to_str().unwrap_or_default();
            !matches!(name, "node_modules" | ".git")
        })
        .build();
    walk.filter_map(Result::ok)
        .filter(|it| it.file_type().is_some_and(|it| it.is_file()))
        .filter_map(|it| Utf8PathBuf::from_path_buf(it.into_path()).ok())
        .filter_map(|it| it.strip_prefix(at).map(Utf8Path::to_owned).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toolchain::testing::Tree;

    fn plan_of(files: &[(&str, &str)]) -> Plan {
        let tree = Tree::new(files);
        let manifests: Vec<Utf8PathBuf> = tree
            .files()
            .into_iter()
            .filter(|it| it.file_name() == Some("package.json"))
            .collect();
        plan_at(tree.root(), Utf8Path::new(""), &manifests)
    }

    fn scripts(text: &str) -> String {
        format!("{{\"scripts\": {text}}}")
    }

    #[test]
    fn runners_keep_their_own_options_and_lose_those_that_report() {
        for (script, runner, options, targets) in [
            (
                "mocha -R dot -r ./x --bail test/a.js",
                Runner::Mocha,
                "-r ./x",
                "test/a.js",
            ),
            (
                "jest --coverage --config j.json unit",
                Runner::Jest,
                "--config j.json",
                "unit",
            ),
            (
                "vitest run --coverage --project a",
                Runner::Vitest,
                "--project a",
                "",
            ),
            (
                "nyc --reporter=lcov node node_modules/.bin/_mocha -t 5",
                Runner::Mocha,
                "-t 5",
                "",
            ),
        ] {
            let plan = plan_of(&[(
                "package.json",
                &scripts(&format!("{{\"test\": \"{script}\"}}")),
            )]);
            let run = &plan.runs[0];
            assert_eq!(
                (run.runner, run.options.join(" ").as_str()),
                (runner, options),
                "{script}"
            );
            assert_eq!(run.targets.join(" "), targets, "{script}");
        }
    }

    #[test]
    fn what_tests_load_is_built_before_them_and_nothing_else_is_run() {
        let text = r#"{"pretest": "npm run build", "build": "tsc -p .", "test": "eslint . && tsc --noEmit && tape test/*.js | tap-spec"}"#;
        let plan = plan_of(&[("package.json", &scripts(text)), ("test/a.js", "")]);
        assert_eq!(plan.builds, [(Utf8PathBuf::new(), "tsc -p .".to_owned())]);
        assert_eq!(
            (plan.runs[0].runner, plan.runs[0].targets.join(" ").as_str()),
            (Runner::Files, "test/*.js")
        );
        assert_eq!(plan.runs.len(), 1);
    }

    #[test]
    fn a_main_file_that_is_not_there_is_built() {
        let text = r#"{"main": "./dist/a", "scripts": {"build": "rollup -c", "test": "mocha"}}"#;
        let plan = plan_of(&[("package.json", text)]);
        assert_eq!(
            plan.builds,
            [(Utf8PathBuf::new(), "npm run build".to_owned())]
        );
        assert!(
            plan_of(&[("package.json", text), ("dist/a.js", "")])
                .builds
                .is_empty()
        );
    }

    #[test]
    fn members_run_their_own_tests_where_the_root_has_none() {
        let root =
            r#"{"workspaces": ["packages/*"], "scripts": {"test": "npm test --workspaces"}}"#;
        let plan = plan_of(&[
            ("package.json", root),
            ("packages/a/package.json", &scripts("{\"test\": \"mocha\"}")),
            (
                "packages/b/package.json",
                &scripts("{\"test\": \"node --test\"}"),
            ),
            ("packages/c/package.json", "{}"),
        ]);
        let runs: Vec<_> = plan
            .runs
            .iter()
            .map(|it| (it.dir.as_str(), it.runner))
            .collect();
        assert_eq!(
            runs,
            [("packages/a", Runner::Mocha), ("packages/b", Runner::Node)]
        );
    }

    #[test]
    fn without_a_script_the_runner_is_the_one_that_is_there() {
        let plan = plan_of(&[("package.json", "{\"devDependencies\": {\"jest\": \"1\"}}")]);
        assert_eq!(plan.runs[0].runner, Runner::Jest);
        let plan = plan_of(&[
            ("package.json", "{}"),
            ("test/a.js", "import test from 'node:test'"),
        ]);
        assert_eq!(plan.runs[0].runner, Runner::Node);
        assert_eq!(plan_of(&[("package.json", "{}")]), Plan::default());
    }

    #[test]
    fn a_program_that_tests_is_run_as_one() {
        let plan = plan_of(&[
            ("package.json", &scripts("{\"test\": \"node test\"}")),
            ("test/index.js", ""),
        ]);
        assert_eq!(
            (plan.runs[0].runner, plan.runs[0].targets.join(" ").as_str()),
            (Runner::Files, "test/index.js")
        );
    }
}
