//! What the command line of each runner means: options that are kept, options that are ours, files.

use camino::Utf8Path;

use super::plan::{Invocation, Runner};
use super::script::{Step, split_options, without};
use super::targets::{expand, uses_node_test};

/// Returns the run of a step, if it is one of a runner that we know.
pub(super) fn invocation(at: &Utf8Path, dir: &Utf8Path, step: &Step) -> Option<Invocation> {
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
