//! The mechanic with the real tools of Rust, from findings to an edited tree.

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8PathBuf;
use tokio_util::sync::CancellationToken;

use super::Mechanic;
use super::fixtures::{Dir, evaluation, lab};
use crate::agent::{Backend as _, BuildInput, Error, ResearchInput, StrategyInput};
use crate::config::Commands;
use crate::eval::Lab;
use crate::eval::report::{Answer, FirstReport};
use crate::model::hypothesis::Hypothesis;
use crate::model::observation::Observation;
use crate::model::profile::{Detection, DirectoryState};
use crate::toolchain::{Outcome, adapters};

const MANIFEST: &str = "\
[package]
name = \"sample\"
version = \"0.1.0\"
edition = \"2021\"

# From a guide to small binaries.
[profile.release]
opt-level = \"z\" # small

[workspace]
";

const SOURCE: &str = "\
//! A sample.

/// Bytes in one go.
pub const CHUNK: usize = 16;

/// Says yes to an empty text, without needing to.
pub fn is_blank(text: &str) -> bool {
    return text.trim().len() == 0;
}
";

fn sample() -> Dir {
    Dir::new(&[
        ("Cargo.toml", MANIFEST),
        (
            "Cargo.lock",
            "version = 4\n\n[[package]]\nname = \"sample\"\nversion = \"0.1.0\"\n",
        ),
        ("rustfmt.toml", "max_width = 100\n"),
        ("src/lib.rs", SOURCE),
        ("src/main.rs", "fn main() {}\n"),
        (
            "tests/it.rs",
            "#[test]\nfn blank() {\n    assert_eq!(sample::is_blank(\"\"), true);\n}\n",
        ),
    ])
}

fn rust_lab(dir: &Dir) -> Lab {
    let files: Vec<_> = [
        "Cargo.lock",
        "Cargo.toml",
        "rustfmt.toml",
        "src/lib.rs",
        "src/main.rs",
        "tests/it.rs",
    ]
    .map(Utf8PathBuf::from)
    .into();
    let mut detection = Detection {
        schema: "factory.detect/1".to_owned(),
        root: dir.tree.clone(),
        state: DirectoryState::Codebase,
        languages: Vec::new(),
        tools: Vec::new(),
        extensions: BTreeMap::new(),
    };
    let adapters = adapters();
    for adapter in &adapters {
        let (projects, tools) = adapter.detect(&dir.tree, &files, &Commands::default());
        detection.languages.extend(projects);
        detection.tools.extend(tools);
    }
    lab(&dir.base, detection, adapters)
}

fn no_report() -> FirstReport {
    FirstReport {
        network_bound: Vec::new(),
        schema: "factory.report/1".to_owned(),
        tests_your_source: Answer {
            yes: None,
            detail: String::new(),
        },
        suite_runs: 0,
        flaky: Vec::new(),
        tests: 0,
        skipped: 0,
        failing: Vec::new(),
        failing_because: Vec::new(),
        slowest: Vec::new(),
        suppressions: Vec::new(),
        mutants_found: 0,
        mutants_run: 0,
        survivors: Vec::new(),
        mutants_unviable: 0,
        not_measured: Vec::new(),
        seconds: 0.0,
    }
}

/// Returns what the mechanic sees and bets on, with the findings of the real linter.
async fn hypotheses(dir: &Dir, lab: &Lab) -> (Vec<Observation>, Vec<Hypothesis>) {
    let place = super::job::Place::new(lab, &dir.tree, &lab.cancel).unwrap();
    let project = &lab.detection.languages[0];
    let adapters = &lab.adapters;
    let adapter = adapters.iter().find(|it| it.name() == project.language);
    let findings = match adapter.unwrap().lint(&place.job(project)).await.unwrap() {
        Outcome::Measured(findings) => findings,
        other => panic!("the sample could not be linted: {other:?}"),
    };
    let evaluation = evaluation(findings);
    let research = ResearchInput {
        lab,
        tree: &dir.tree,
        copy: &dir.tree,
        evaluation: &evaluation,
        report: Some(&no_report()),
        wishes: &[],
    };
    let observations = Mechanic.research(&research).await.unwrap();
    let strategy = StrategyInput {
        observations: &observations,
        evaluation: &evaluation,
        profile: &lab.profile,
        history: &[],
        ideas: &[],
        tried: &BTreeSet::new(),
        tree: &dir.tree,
        copy: &dir.tree,
    };
    let hypotheses = Mechanic.strategise(&strategy).await.unwrap();
    (observations, hypotheses)
}

async fn carry_out(dir: &Dir, lab: &Lab, hypothesis: &Hypothesis) -> Result<Vec<String>, Error> {
    let input = BuildInput {
        hypothesis,
        variant: None,
        dir: &dir.tree,
        incumbent: &dir.tree,
        lab,
        cancel: &CancellationToken::new(),
        time_left: None,
        progress: &|_| {},
    };
    let mut subjects = Vec::new();
    let mut checkpoint = |message: &str| {
        subjects.push(message.lines().next().unwrap_or_default().to_owned());
        Ok(())
    };
    Mechanic.build(&input, &mut checkpoint).await?;
    Ok(subjects)
}

#[tokio::test]
async fn real_findings_become_hypotheses_and_commits() {
    let dir = sample();
    let lab = rust_lab(&dir);
    let (_, hypotheses) = hypotheses(&dir, &lab).await;
    let keys: Vec<&str> = hypotheses.iter().map(|it| it.key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "fixes:clippy::len_zero,clippy::needless_return",
            "knob:Cargo.toml:profile.release.opt-level=3@parse_ns",
            "knob:Cargo.toml:profile.release.lto=fat@parse_ns",
            "knob:Cargo.toml:profile.release.codegen-units=1@parse_ns",
            "knob:Cargo.toml:profile.release.lto=thin@parse_ns",
            "constant:src/lib.rs:CHUNK=16->64@parse_ns",
            "constant:src/lib.rs:CHUNK=16->256@parse_ns",
        ]
    );
    let subjects = carry_out(&dir, &lab, &hypotheses[0]).await.unwrap();
    assert_eq!(
        subjects,
        [
            "Fix clippy::len_zero: use is_empty",
            "Fix clippy::needless_return: drop needless returns"
        ]
    );
    assert!(
        dir.read("src/lib.rs")
            .contains("\n    text.trim().is_empty()\n")
    );
    assert!(
        dir.read("tests/it.rs").contains(", true)"),
        "tests are protected"
    );
    carry_out(&dir, &lab, &hypotheses[1]).await.unwrap();
    assert_eq!(
        dir.read("Cargo.toml"),
        MANIFEST.replace("\"z\" # small", "3 # small")
    );
    carry_out(&dir, &lab, &hypotheses[5]).await.unwrap();
    assert!(dir.read("src/lib.rs").contains("CHUNK: usize = 64;"));
    assert!(
        !dir.tree.join("target").exists(),
        "products lie beside the tree"
    );
}

#[tokio::test]
async fn an_unformatted_file_becomes_one_commit() {
    let dir = sample();
    let loose = SOURCE.replace("CHUNK: usize = 16", "CHUNK:usize=16");
    fs_err::write(dir.tree.join("src/lib.rs"), loose).unwrap();
    let lab = rust_lab(&dir);
    let (observations, hypotheses) = hypotheses(&dir, &lab).await;
    assert!(observations.contains(&Observation::Unformatted {
        tool: "rustfmt".to_owned(),
        files: 1
    }));
    let format = hypotheses
        .iter()
        .find(|it| it.key.as_str() == "format:rustfmt")
        .unwrap();
    let subjects = carry_out(&dir, &lab, format).await.unwrap();
    assert_eq!(subjects, ["Format with rustfmt"]);
    assert_eq!(dir.read("src/lib.rs"), SOURCE);
}
