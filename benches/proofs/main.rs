//! What the documentation claims about verdicts, shown at full size: simulations with fixed seeds, and a
//! real program on this machine.
//!
//! `cargo bench --bench proofs -- [NAME...] [--results DIR] [--again] [--write FILE --pictures DIR]` runs the
//! named proofs, or all of them. Each leaves a file in DIR when it is done, so that an interrupted run goes on with the
//! next one; a new build of this program starts over. `--write` makes a page of what is in DIR. The exit
//! status is 1 if a figure is not where it is to be.

#![expect(clippy::print_stdout, reason = "a bench prints what it found")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use serde::{Deserialize, Serialize};

mod draw;
mod giving_up;
mod kernels;
mod no_loss;
mod planned;
mod real;
mod report;
mod reuse;
mod streams;
mod tails;

use report::Proof;

/// What the page shows beside its tables.
const PICTURE: &str = "no-ops.svg";

/// Shows something; what is more than tables goes into the folder of results.
type Prove = fn(&Path) -> Proof;

/// Each proof by name, in the order of the page.
const PROOFS: [(&str, Prove); 16] = [
    ("no-ops", |dir| real::prove_no_ops(200, &dir.join(PICTURE))),
    ("effects", |_| real::prove_effects(40)),
    ("reuse", |_| reuse::prove(60, 400)),
    ("streams", |_| streams::prove(200)),
    ("null-streams", |_| streams::prove_null(200)),
    ("planning", |_| kernels::prove_planning(6_000)),
    ("giving-up", |_| giving_up::prove(6_000)),
    ("giving-up-streams", |_| giving_up::prove_streams(200)),
    ("no-loss", |_| no_loss::prove_margin(6_000)),
    ("watched", |_| no_loss::prove_watch(6_000)),
    ("levels", |_| kernels::prove_levels(60_000)),
    ("edge", |_| kernels::prove_edge(20_000)),
    ("scores", |_| kernels::prove_scores(100)),
    ("flakes", |_| kernels::prove_flakes(200_000)),
    ("audits", |_| kernels::prove_audits(4_000)),
    ("skewed", |_| tails::prove_skewed(60_000)),
];

/// A proof that was finished, by which build.
#[derive(Serialize, Deserialize)]
struct Finished {
    build: String,
    seconds: f64,
    proof: Proof,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|it| it != "--bench")
        .collect();
    if let [flag, lines] = arguments.as_slice()
        && flag == "--worker"
    {
        real::work(lines.parse().expect("a number of lines"));
        return ExitCode::SUCCESS;
    }
    let asked = Asked::of(&arguments);
    std::fs::create_dir_all(&asked.results).expect("the folder of results can be made");
    println!("results are in {}", asked.results.display());
    let build = build();
    let mut failures = 0;
    for (name, prove) in PROOFS {
        if asked.names.is_empty() || asked.names.iter().any(|it| it == name) {
            failures += finish(&asked, &build, name, prove);
        }
    }
    if let Some(file) = &asked.page {
        std::fs::write(file, page(&asked.results)).expect("the page can be written");
    }
    if let Some(dir) = &asked.pictures {
        let picture = asked.results.join(PICTURE);
        std::fs::copy(picture, dir.join(PICTURE)).expect("the picture can be copied");
    }
    if failures == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// What the command line says.
struct Asked {
    names: Vec<String>,
    results: PathBuf,
    page: Option<PathBuf>,
    pictures: Option<PathBuf>,
    again: bool,
}

impl Asked {
    fn of(arguments: &[String]) -> Self {
        let mut asked = Self {
            names: Vec::new(),
            results: PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("proofs"),
            page: None,
            pictures: None,
            again: false,
        };
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--results" => {
                    asked.results = words.next().expect("`--results` names a folder").into();
                }
                "--write" => {
                    asked.page = Some(words.next().expect("`--write` names a file").into());
                }
                "--pictures" => {
                    asked.pictures =
                        Some(words.next().expect("`--pictures` names a folder").into());
                }
                "--again" => asked.again = true,
                name => {
                    let known = PROOFS.iter().any(|it| it.0 == name);
                    assert!(known, "there is no proof `{name}`; there are {}", names());
                    asked.names.push(name.to_owned());
                }
            }
        }
        asked
    }
}

fn names() -> String {
    PROOFS.map(|it| it.0).join(", ")
}

/// Returns what tells this build from others.
fn build() -> String {
    let own = std::env::current_exe().and_then(std::fs::read);
    blake3::hash(&own.expect("this program can read itself")).to_hex()[..16].to_owned()
}

/// Runs a proof, unless this build has done so; returns how many of its figures fail.
fn finish(asked: &Asked, build: &str, name: &str, prove: Prove) -> usize {
    let file = asked.results.join(format!("{name}.json"));
    let finished = match read(&file) {
        Some(finished) if finished.build == build && !asked.again => finished,
        _ => {
            let began = Instant::now();
            let proof = prove(&asked.results);
            let finished = Finished {
                build: build.to_owned(),
                seconds: began.elapsed().as_secs_f64(),
                proof,
            };
            let text = serde_json::to_string_pretty(&finished).expect("a proof is plain data");
            std::fs::write(&file, text).expect("the folder of results can be written");
            finished
        }
    };
    let failures = finished.proof.failures();
    let result = if failures.is_empty() {
        "holds"
    } else {
        "FAILS"
    };
    println!("{result}  {name}  {:.1} s", finished.seconds);
    for failure in &failures {
        println!("       {failure}");
    }
    failures.len()
}

fn read(file: &Path) -> Option<Finished> {
    serde_json::from_slice(&std::fs::read(file).ok()?).ok()
}

/// Returns the page of all proofs that are finished.
fn page(results: &Path) -> String {
    let mut page = "# What was shown\n\n\
        Each claim about verdicts, at full size, as it came out on one machine; what is computed is in\n\
        [methodology.md](methodology.md). All of it again, in order, with what is already done skipped:\n\n    \
        scripts/test --long\n\n\
        and one proof alone: `cargo bench --bench proofs -- NAME`. This page is written by\n\
        `cargo bench --bench proofs -- --write docs/proofs.md`. Simulations have fixed seeds; `no-ops` and\n\
        `effects` run a real program, and differ from machine to machine.\n"
        .to_owned();
    for (name, _) in PROOFS {
        if let Some(finished) = read(&results.join(format!("{name}.json"))) {
            page.push('\n');
            page.push_str(&finished.proof.page(name));
            if name == "no-ops" {
                page.push_str("\n![Keeps by each rule](no-ops.svg)\n");
            }
        }
    }
    page
}
