//! `factory replay`.

use clap::Args;
use tokio_util::sync::CancellationToken;

use crate::ceo;
use crate::decision::{self, Retest};
use crate::model::audit::{Audit, AuditOutcome, Retested, Standing};
use crate::model::experiment::Experiment;
use crate::model::measurement::Evidence;
use crate::model::verdict::{Decision, Statistics, Verdict};
use crate::repo::Target;
use crate::store::Reader;
use crate::ui::document::{Replay, ReplayedAudit};
use crate::ui::record;

use super::context::{self, Context};
use super::record::{ExperimentArg, candidate};
use super::{CliError, Exit, interrupt, lab};

/// Compute a verdict again from the stored samples, or measure it again
///
/// Exit code 9 if the result differs from the record. A test that is run again with `--remeasure` may
/// differ by chance: a gain near to the smallest that counts is found most of the time, not always.
#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    #[command(flatten)]
    experiment: ExperimentArg,
    /// Run the same test again on fresh pairs of the same two trees; writes nothing into the record.
    #[arg(long)]
    remeasure: bool,
    /// ID is the number of an audit.
    #[arg(long, conflicts_with = "remeasure")]
    audit: bool,
}

pub(super) fn run(args: &ReplayArgs, ctx: &Context) -> Result<Exit, CliError> {
    if args.audit {
        return replay_audit(args, ctx);
    }
    let (target, reader, experiment) = args.experiment.open()?;
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
    if args.remeasure {
        candidate(&reader, &experiment)?;
        ctx.output
            .talk("measuring again; this builds and runs both trees\n");
        let again = interrupt::run(ctx.output, async |cancel| {
            remeasure(target, &experiment, ctx, cancel).await
        })??;
        document.remeasured = Some(again);
    }
    ctx.emit(&document, record::replay)?;
    let again = document.remeasured.as_ref();
    let differs = again.is_some_and(|it| it.verdict != document.stored.verdict);
    Ok(exit(document.agrees && !differs))
}

fn exit(agrees: bool) -> Exit {
    if agrees {
        Exit::Done
    } else {
        Exit::CheckFailed
    }
}

async fn remeasure(
    target: Target,
    experiment: &Experiment,
    ctx: &Context,
    cancel: CancellationToken,
) -> Result<Decision, CliError> {
    let mut bench = lab::open(&target, ctx, &cancel).await?;
    Ok(ceo::remeasure(&mut bench, &target, experiment).await?)
}

fn replay_audit(args: &ReplayArgs, ctx: &Context) -> Result<Exit, CliError> {
    let target = context::target(args.experiment.path.as_deref())?;
    let id = args.experiment.id.0;
    let Some(audit) = Reader::open(&target)?.audit(id)? else {
        return Err(
            CliError::new(Exit::Input, format!("there is no audit {id}"))
                .hint("`factory show ID` names the audits of a keep"),
        );
    };
    let agrees = agrees_with_samples(&audit);
    let detail = if agrees {
        "the raw samples give what is on record"
    } else {
        "the raw samples give something else than the record"
    };
    let document = ReplayedAudit {
        schema: "factory.replayed_audit/1".to_owned(),
        audit,
        agrees,
        detail: detail.to_owned(),
    };
    ctx.emit(&document, record::replayed_audit)?;
    Ok(exit(agrees))
}

fn agrees_with_samples(audit: &Audit) -> bool {
    let again = decision::judge_audit(&again(&audit.evidence), &[]);
    let outcome = match again {
        decision::Audit::Confirmed => AuditOutcome::Confirmed,
        decision::Audit::Unconfirmed => AuditOutcome::Unconfirmed,
        decision::Audit::Alarm(_) => AuditOutcome::Alarm,
    };
    outcome == audit.outcome && audit.retested.iter().all(retest_agrees)
}

fn again(evidence: &Evidence) -> Decision {
    let decision = decision::replay(evidence);
    match decision::oddity(evidence) {
        Some(reason) => decision::despite_oddity(decision, reason),
        None => decision,
    }
}

fn retest_agrees(retested: &Retested) -> bool {
    let Some(evidence) = &retested.evidence else {
        return retested.standing == Standing::Unconfirmed;
    };
    match decision::judge_retest(&again(evidence)) {
        Retest::Confirmed => retested.standing == Standing::Confirmed,
        Retest::Stays => retested.standing == Standing::Unconfirmed,
        Retest::Unkeep => matches!(retested.standing, Standing::Unkept | Standing::InPlace),
    }
}

fn compare(experiment: &Experiment, stored: Decision) -> Replay {
    let recomputed = experiment.evidence.as_ref().map(decision::replay);
    let odd = experiment.evidence.as_ref().and_then(decision::oddity);
    let odd = odd.filter(|_| stored.verdict == Verdict::Inconclusive);
    let recomputed = recomputed.map(|it| match odd {
        Some(reason) => decision::despite_oddity(it, reason),
        None => it,
    });
    let recomputed = recomputed.map(|it| decision::held_to(it, &experiment.others));
    let recomputed = recomputed.map(|it| match &experiment.landing {
        Some(check) => decision::after_landing(it, check),
        None => it,
    });
    let recomputed = recomputed.map(|it| match &experiment.holdout {
        Some(check) => decision::replay_holdout(it, check),
        None => it,
    });
    let misscreened = experiment.screening.as_ref().and_then(|it| {
        let tested = experiment.candidate.as_ref().map(|it| &it.tree);
        decision::misscreened(it, tested)
    });
    let (agrees, detail) = match (misscreened, &recomputed) {
        (Some(fault), _) => (false, fault.to_owned()),
        (None, None) => (true, "no metric's samples decided: the verdict rests on the gates and on the dimensions in the record".to_owned()),
        (None, Some(again)) => judge(&stored, again),
    };
    Replay {
        schema: "factory.replay/1".to_owned(),
        id: experiment.id,
        stored,
        recomputed,
        agrees,
        detail,
        remeasured: None,
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
