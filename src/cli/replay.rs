//! `factory replay`.

use clap::Args;

use crate::decision;
use crate::model::experiment::Experiment;
use crate::model::verdict::{Decision, Statistics, Verdict};
use crate::ui::{document::Replay, record};

use super::context::Context;
use super::record::ExperimentArg;
use super::{CliError, Exit};

/// Compute a verdict again from the stored samples
///
/// Exit code 9 if the result differs from the record.
#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    #[command(flatten)]
    experiment: ExperimentArg,
}

pub(super) fn run(args: &ReplayArgs, ctx: &Context) -> Result<Exit, CliError> {
    let (_target, reader, experiment) = args.experiment.open()?;
    let Some(stored) = experiment.decision.clone() else {
        let message = format!("experiment #{} has no verdict", experiment.id);
        return Err(CliError::new(Exit::Input, message));
    };
    let mut document = compare(&experiment, stored);
    if reader.pruned()?.contains(&experiment.id) {
        document
            .detail
            .push_str("; its candidate was pruned, and the record is complete");
    }
    ctx.emit(&document, record::replay)?;
    Ok(if document.agrees {
        Exit::Done
    } else {
        Exit::CheckFailed
    })
}

fn compare(experiment: &Experiment, stored: Decision) -> Replay {
    let recomputed = experiment.evidence.as_ref().map(decision::replay);
    let recomputed = recomputed.map(|it| match &experiment.landing {
        Some(check) => decision::after_landing(it, check),
        None => it,
    });
    let recomputed = recomputed.map(|it| match &experiment.holdout {
        Some(check) => decision::replay_holdout(it, check),
        None => it,
    });
    let (agrees, detail) = match &recomputed {
        None => (true, "no metric's samples decided: the verdict rests on the gates and on the dimensions in the record".to_owned()),
        Some(again) => judge(&stored, again),
    };
    Replay {
        schema: "factory.replay/1".to_owned(),
        id: experiment.id,
        stored,
        recomputed,
        agrees,
        detail,
    }
}

/// A veto or a spurious run may overrule what the samples say; the statistics must agree all the same.
fn judge(stored: &Decision, again: &Decision) -> (bool, String) {
    let same_statistics = match (&stored.statistics, &again.statistics) {
        (Some(one), Some(other)) => agree(one, other),
        (None, None) => true,
        (None, Some(_)) | (Some(_), None) => overruled(stored.verdict),
    };
    let same_verdict = stored.verdict == again.verdict || overruled(stored.verdict);
    let detail = match (same_verdict, same_statistics) {
        (true, true) => "the raw samples give the stored verdict and statistics",
        (false, _) => "the raw samples give another verdict than the record",
        (true, false) => "the verdict is the same, but its statistics differ from the record",
    };
    (same_verdict && same_statistics, detail.to_owned())
}

fn overruled(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Vetoed | Verdict::Spurious)
}

fn agree(one: &Statistics, other: &Statistics) -> bool {
    let close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0);
    one.n_pairs == other.n_pairs && close(one.ln_e, other.ln_e) && close(one.alpha, other.alpha)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_verdict_is_noticed_unless_a_gate_overruled_the_samples() {
        let keep = Decision::plain(Verdict::Keep, "a");
        let revert = Decision::plain(Verdict::Revert, "b");
        let vetoed = Decision::plain(Verdict::Vetoed, "c");
        assert!(judge(&keep, &keep).0);
        assert!(!judge(&revert, &keep).0);
        assert!(judge(&vetoed, &keep).0);
    }
}
