//! A verdict's measurement once more: the same two trees and the same test, on fresh pairs. Writes nothing.

use super::dimension_pair;
use super::pair::run_pair;
use crate::ceo::Error;
use crate::ceo::workbench::Workbench;
use crate::decision::{self, Next};
use crate::eval::{Depth, LedgerFacts};
use crate::model::experiment::Experiment;
use crate::model::id::TreeSha;
use crate::model::measurement::{Arm, Evidence, Pair, TestPlan};
use crate::model::verdict::{Decision, Verdict};
use crate::repo::Target;

/// Runs the test of an experiment again, from its first pair.
///
/// # Errors
/// An experiment without a test that can be run again, or an interruption.
pub async fn remeasure(
    bench: &mut Workbench,
    target: &Target,
    experiment: &Experiment,
) -> Result<Decision, Error> {
    let id = experiment.id;
    let refuse = |reason: &str| Error::NotRemeasurable {
        id,
        reason: reason.to_owned(),
    };
    let (Some(candidate), Some(evidence)) = (&experiment.candidate, &experiment.evidence) else {
        return Err(refuse("no metric was measured in it"));
    };
    if matches!(evidence.plan, TestPlan::Bounded(_)) {
        return Err(refuse("its instances were each run once"));
    }
    let trees = [experiment.incumbent_tree.clone(), candidate.tree.clone()];
    let metrics = &bench.lab.profile.metrics;
    let metric = metrics
        .iter()
        .find(|it| it.name == evidence.metric.as_str());
    let metric = metric.cloned();
    let mut again = Evidence {
        pairs: Vec::new(),
        ..evidence.clone()
    };
    for notice in bench.prepare(target, &trees[0]).await? {
        tracing::info!("{notice}");
    }
    bench.lay_out(target, Arm::Incumbent, &trees[0])?;
    bench.lay_out(target, Arm::Candidate, &trees[1])?;
    if let Some(metric) = &metric {
        for arm in [Arm::Incumbent, Arm::Candidate] {
            if let Err(reason) = bench.lab.build_metric(&bench.arm(arm), metric).await? {
                let reason = format!("`{}` does not build: {reason}", metric.name);
                return Ok(Decision::plain(Verdict::Spurious, reason));
            }
        }
    }
    while let Next::Continue = decision::decide(&again) {
        let pair = match &metric {
            Some(metric) => run_pair(bench, metric, &mut rand::rng()).await?,
            None => evaluate_both(bench, target, &again, &trees).await?,
        };
        again.pairs.push(pair);
    }
    Ok(decision::replay(&again))
}

async fn evaluate_both(
    bench: &mut Workbench,
    target: &Target,
    evidence: &Evidence,
    [incumbent, candidate]: &[TreeSha; 2],
) -> Result<Pair, Error> {
    let facts = LedgerFacts::default();
    let depth = Depth::again(evidence.metric.as_str());
    let before = bench.evaluate(target, Arm::Incumbent, incumbent, depth, &facts);
    let before = before.await?;
    let after = bench.evaluate(target, Arm::Candidate, candidate, depth, &facts);
    Ok(dimension_pair(&evidence.metric, &before, &after.await?))
}
