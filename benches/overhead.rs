//! What the harness itself costs: wall time per experiment beside its evals, and peak memory.
//!
//! `cargo bench --bench overhead [-- --files 1000 --experiments 40 --history 0]` makes a repository of
//! that many files with a record of that many earlier experiments, runs the real binary on parameters
//! whose metric costs nothing, and prints medians. Every experiment lays out all trees, takes a snapshot, passes the gates, spawns two no-op evals a pair,
//! writes its ledger commit with fsync, and cleans up.

#![expect(clippy::print_stdout, reason = "a bench prints its table")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use camino::Utf8PathBuf;
use serde_json::Value;

mod support;

fn main() {
    let files = argument("--files", 1_000);
    let experiments = argument("--experiments", 40);
    let history = argument("--history", 0);
    let dir = tempfile::tempdir().expect("a temporary folder can be made");
    let repository = dir.path().join("repository");
    make_repository(&repository, files, experiments);
    let common_dir = Utf8PathBuf::from_path_buf(repository.join(".git")).expect("UTF-8");
    support::fill(
        &common_dir,
        u32::try_from(history).expect("a sensible number"),
    );

    let began = Instant::now();
    let (document, peak_kib) = run_loop(dir.path(), &repository);
    let wall = began.elapsed();
    let mut overheads = overheads(&document);
    assert_eq!(
        overheads.len(),
        experiments,
        "every parameter value is one experiment"
    );
    let (first, last) = (
        mean(&overheads[1..11]),
        mean(&overheads[experiments - 10..]),
    );
    overheads.sort_by(f64::total_cmp);
    let median = overheads[experiments / 2];

    println!("files                        {files}");
    println!("experiments                  {experiments}");
    println!("earlier experiments          {history}");
    println!("median per experiment        {:.0} ms", median * 1e3);
    println!("experiments 2 to 11, mean    {:.0} ms", first * 1e3);
    println!("last ten, mean               {:.0} ms", last * 1e3);
    println!("peak memory of the loop      {:.1} MiB", peak_kib / 1024.0);
    println!("whole run                    {:.1} s", wall.as_secs_f64());
}

/// Returns the number behind a flag, or its default.
fn argument(flag: &str, default: usize) -> usize {
    let mut words = std::env::args().skip_while(|it| it != flag).skip(1);
    words
        .next()
        .and_then(|it| it.parse().ok())
        .unwrap_or(default)
}

/// Makes a repository whose evals do nothing, so that what is left is the harness.
fn make_repository(root: &Path, files: usize, experiments: usize) {
    for number in 0..files {
        let folder = root.join(format!("data/{:03}", number / 50));
        fs::create_dir_all(&folder).expect("a folder can be made");
        let text = format!("file {number}\n").repeat(100);
        fs::write(folder.join(format!("{number:05}.txt")), text).expect("a file can be written");
    }
    fs::write(root.join("settings.py"), "LEVEL = 0\n").expect("a file can be written");
    fs::write(root.join("factory.toml"), profile(experiments)).expect("a file can be written");
    for arguments in [
        &["init", "--quiet", "--initial-branch=main"][..],
        &["add", "--all"],
        &[
            "-c",
            "user.name=bench",
            "-c",
            "user.email=bench@localhost",
            "commit",
            "--quiet",
            "-m",
            "Import",
        ],
    ] {
        let status = Command::new("git")
            .args(arguments)
            .current_dir(root)
            .status();
        assert!(status.expect("git is there").success());
    }
}

fn profile(experiments: usize) -> String {
    let mut choices = String::new();
    for number in 1..=experiments {
        let _ = write!(choices, "\"{number}\", ");
    }
    format!(
        r#"
[eval]
skip = ["tests", "lint", "types", "coverage", "config", "capability", "observability"]

[report]
mutants = 0

[[guard]]
name = "nothing"
run = "true"

[[metric]]
name = "level"
run = "echo METRIC level=1"
direction = "maximize"
deterministic = true

[[parameter]]
file = "settings.py"
name = "LEVEL"
choices = [{choices}]
metric = "level"
"#
    )
}

/// Runs the loop to its end; returns its document and its peak memory in KiB.
fn run_loop(home: &Path, repository: &Path) -> (Value, f64) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_factory"))
        .args(["ceo", "--headless", "--yes", "--seed", "1", "--json"])
        .arg(repository)
        .env("HOME", home)
        .env("FACTORY_HOME", home.join("factory-home"))
        .env("FACTORY_SCRATCH", home.join("scratch"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary can be started");
    let mut stdout = child.stdout.take().expect("stdout is a pipe");
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        std::io::Read::read_to_string(&mut stdout, &mut text).expect("the document is text");
        text
    });
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0.0_f64;
    let code = loop {
        peak = peak.max(peak_of(&status));
        match child.try_wait().expect("the child can be waited for") {
            Some(code) => break code,
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    let text = reader.join().expect("the reader ends with the child");
    assert!(code.success(), "the run failed with {code}: {text}");
    (
        serde_json::from_str(&text).expect("stdout is one JSON document"),
        peak,
    )
}

/// Returns the peak resident memory in KiB that the kernel tells; 0 once the process is gone.
fn peak_of(status: &str) -> f64 {
    let text = fs::read_to_string(status).unwrap_or_default();
    let line = text.lines().find_map(|it| it.strip_prefix("VmHWM:"));
    line.and_then(|it| it.trim().trim_end_matches(" kB").parse().ok())
        .unwrap_or(0.0)
}

fn overheads(document: &Value) -> Vec<f64> {
    let experiments = document["experiments"].as_array();
    experiments
        .expect("the document lists its experiments")
        .iter()
        .map(|it| {
            it["cost"]["seconds"]
                .as_f64()
                .expect("every experiment has a cost")
        })
        .collect()
}

fn mean(values: &[f64]) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a handful of values")]
    let n = values.len() as f64;
    values.iter().sum::<f64>() / n
}
