//! How long a person waits for the verbs that only look: the whole process, started anew each time.
//!
//! `cargo bench --bench startup [-- --runs 41]` prints the median, the least and the limit of each.

#![expect(clippy::print_stdout, reason = "a bench prints its table")]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use camino::Utf8PathBuf;

mod support;

const FILES: usize = 1_000;
const EXPERIMENTS: u32 = 10_000;

fn main() {
    let runs = runs();
    let dir = tempfile::tempdir().expect("a temporary folder can be made");
    let repository = dir.path().join("repository");
    make_repository(&repository);
    let bench = |verb: &[&str], limit| measure(dir.path(), &repository, verb, limit, runs);
    println!("{:<34}{:>9}{:>9}{:>9}", "", "median", "least", "limit");
    bench(&["--version"], 10);
    bench(&["detect"], 50);
    bench(&["status"], 60);
    bench(&["history"], 60);
    let common_dir = Utf8PathBuf::from_path_buf(repository.join(".git")).expect("UTF-8");
    support::fill(&common_dir, EXPERIMENTS);
    println!("with {EXPERIMENTS} experiments");
    bench(&["status"], 60);
    bench(&["history"], 60);
    bench(&["history", "--json"], 60);
    bench(&["show", "5000"], 60);
}

fn runs() -> usize {
    let mut words = std::env::args().skip_while(|it| it != "--runs").skip(1);
    let runs = words.next().and_then(|it| it.parse().ok());
    runs.unwrap_or(41)
}

/// Makes a Rust package with a thousand tracked files.
fn make_repository(root: &Path) {
    let write = |path: String, text: String| {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("inside the root")).expect("a folder can be made");
        fs::write(path, text).expect("a file can be written");
    };
    write(
        "Cargo.toml".to_owned(),
        "[package]\nname = \"sample\"\nversion = \"0.1.0\"\nedition = \"2024\"\n".to_owned(),
    );
    for number in 0..FILES - 1 {
        let path = format!("src/part_{:02}/module_{number:04}.rs", number / 50);
        write(
            path,
            format!("pub fn number() -> u32 {{ {number} }}\n").repeat(20),
        );
    }
    git(root, &["init", "--quiet", "--initial-branch=main"]);
    git(root, &["add", "--all"]);
    let who = ["-c", "user.name=bench", "-c", "user.email=bench@localhost"];
    git(
        root,
        &[&who[..], &["commit", "--quiet", "-m", "Import"]].concat(),
    );
}

fn git(root: &Path, arguments: &[&str]) {
    let status = Command::new("git")
        .args(arguments)
        .current_dir(root)
        .status();
    assert!(status.expect("git is there").success());
}

/// Starts the verb that many times after one to warm up, and prints a line.
fn measure(home: &Path, repository: &Path, verb: &[&str], limit: u64, runs: usize) {
    start(home, repository, verb);
    let mut times: Vec<_> = (0..runs).map(|_| start(home, repository, verb)).collect();
    times.sort();
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
    println!(
        "{:<34}{:>6.1} ms{:>6.1} ms{:>6} ms",
        format!("factory {}", verb.join(" ")),
        milliseconds(times[runs / 2]),
        milliseconds(times[0]),
        limit,
    );
}

fn start(home: &Path, repository: &Path, verb: &[&str]) -> Duration {
    let mut command = Command::new(env!("CARGO_BIN_EXE_factory"));
    command
        .args(verb)
        .current_dir(repository)
        .env("HOME", home)
        .env("FACTORY_HOME", home.join("factory-home"))
        .env("FACTORY_SCRATCH", home.join("scratch"))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let began = Instant::now();
    let status = command.status().expect("the binary can be started");
    let took = began.elapsed();
    assert!(
        status.success(),
        "`factory {}` ended with {status}",
        verb.join(" ")
    );
    took
}
