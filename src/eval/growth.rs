//! The growth tier: capability, observability, and what the ledger tells.

use super::bench::Bench;
use super::campaign::{self, Reach};
use super::dimensions::{Draft, HALF_OBSERVABILITY, Kind, as_number, more};
use super::hygiene::{is_skipped, suite_stands_in_the_way};
use super::report::Budget;
use super::scratch::Scratch;
use super::sources::{self, SourceFile, source_files};
use super::{Depth, LedgerFacts};
use crate::model::dimension::Dimension;
use crate::model::finding::SuiteState;
use crate::process::Error;
use crate::syntax;

/// Measures the whole tier.
pub(super) async fn measure(
    bench: &Bench<'_>,
    depth: Depth,
    facts: &LedgerFacts,
    draft: &mut Draft,
) -> Result<(), Error> {
    capability(bench, depth, draft).await?;
    observability(bench, draft);
    ledger(bench, facts, draft);
    Ok(())
}

/// The share of sampled mutants of public code that some test kills. An empty function has no mutant
/// and a test without assertions kills none, so neither moves it.
async fn capability(bench: &Bench<'_>, depth: Depth, draft: &mut Draft) -> Result<(), Error> {
    let kind = Kind::growth("capability", 0.6);
    if is_skipped(bench, &kind, draft) {
        return Ok(());
    }
    let stopped = suite_stands_in_the_way(&kind, &draft.tests.state);
    let dimension = if depth != Depth::Full {
        kind.not_measured("mutants are left to `factory eval`, they take long")
    } else if let Some(dimension) = stopped {
        dimension
    } else if draft.tests.state == SuiteState::NoRunner {
        kind.not_measured("no suite that could notice a mutant")
    } else {
        let section = &bench.lab.profile.report;
        let budget = Budget {
            seconds: section.seconds,
            mutants: section.mutants,
        };
        let files = source_files(bench);
        let scratch = Scratch::copy_of(bench)?;
        let reach = (Reach::Surface, budget);
        let found = campaign::run(&scratch.bench, &bench.build, &files, &draft.tests, reach).await;
        scratch.remove();
        capability_dimension(&kind, &found?)
    };
    draft.dimensions.push(dimension);
    Ok(())
}

fn capability_dimension(kind: &Kind, found: &campaign::Campaign) -> Dimension {
    let viable = found.killed + found.survivors.len();
    if found.found == 0 {
        return kind.not_measured("no public function has a body to mutate");
    }
    if viable == 0 {
        let why = found.notes.join("; ");
        return kind.not_measured(format!("none of {} mutants was run: {why}", found.found));
    }
    let share = as_number(found.killed) / as_number(viable);
    let detail = format!(
        "{} of {viable} sampled mutants killed, {} to sample from",
        found.killed, found.found
    );
    kind.measured(
        share,
        Some(more(100.0 * share, "% of mutants killed")),
        detail,
    )
}

/// Falls with every failure path that tells nobody. Not a share: logging where nothing fails adds no
/// failure path and therefore moves nothing.
pub(super) fn observability(bench: &Bench<'_>, draft: &mut Draft) {
    let kind = Kind::growth("observability", 0.4);
    if is_skipped(bench, &kind, draft) {
        return;
    }
    let files = source_files(bench);
    let dimension = if files.is_empty() {
        kind.not_measured("no source file of a known language")
    } else {
        observability_dimension(&kind, &files)
    };
    draft.dimensions.push(dimension);
}

fn observability_dimension(kind: &Kind, files: &[SourceFile]) -> Dimension {
    let mut silent = Vec::new();
    let mut telling = 0_usize;
    for file in files.iter().filter(|it| !it.protected) {
        for path in syntax::failure_paths(file.grammar, &file.text) {
            if path.reports {
                telling += 1;
            } else {
                silent.push(format!("{}:{}", file.path, path.line));
            }
        }
    }
    let detail = match silent.as_slice() {
        [] if telling == 1 => "the one failure path reports".to_owned(),
        [] => format!("all {telling} failure paths report"),
        places => format!("{telling} report; silent: {}", sources::joined(places, 3)),
    };
    kind.counted(
        silent.len(),
        HALF_OBSERVABILITY,
        "silent failure paths",
        detail,
    )
}

/// What the ledger alone tells: it informs, weighs nothing, and is the same for both arms.
fn ledger(bench: &Bench<'_>, facts: &LedgerFacts, draft: &mut Draft) {
    let experiments = f64::from(facts.experiments);
    let shares = [
        (
            "diversity",
            as_number(facts.categories) / 4.0,
            format!("{} of 4 categories tried", facts.categories),
        ),
        (
            "research",
            f64::from(facts.cited) / experiments,
            format!("{} of {experiments} hypotheses cite evidence", facts.cited),
        ),
        (
            "effectiveness",
            f64::from(facts.kept) / experiments,
            format!("{} of {experiments} experiments kept", facts.kept),
        ),
    ];
    for (name, share, detail) in shares {
        let kind = Kind::growth(name, 0.0);
        if is_skipped(bench, &kind, draft) {
            continue;
        }
        let dimension = if facts.experiments == 0 {
            kind.not_measured("no experiment in the ledger yet")
        } else {
            let share = share.clamp(0.0, 1.0);
            kind.measured(share, Some(more(100.0 * share, "%")), detail)
        };
        draft.dimensions.push(dimension);
    }
}

#[cfg(test)]
mod tests;
