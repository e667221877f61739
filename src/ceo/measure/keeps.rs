//! A claim that nothing gets worse: where the project has noisy metrics, that is shown of them too.

use super::others::{Hold, NoLoss};
use crate::ceo::Error;
use crate::ceo::session::Session;
use crate::decision;
use crate::model::hypothesis::{Change, Hypothesis};
use crate::model::id::{ExperimentId, TreeSha};
use crate::model::measurement::Evidence;
use crate::model::verdict::{Decision, Verdict};

impl Session<'_> {
    /// Keeps what passed every gate, unless the project's first noisy metric cannot be shown to stay; the
    /// others are tested after it.
    pub(super) async fn test_keeps(
        &mut self,
        id: ExperimentId,
        hypothesis: &Hypothesis,
        candidate: &TreeSha,
    ) -> Result<(Decision, Option<Evidence>), Error> {
        if matches!(hypothesis.change, Change::Format { .. }) {
            return Ok((
                passed("no noisy metric was tested, as a formatter changes layout alone"),
                None,
            ));
        }
        let incumbent = self.incumbent.tree.clone();
        let metrics = self.noisy_metrics();
        let among = u32::try_from(metrics.len()).unwrap_or(u32::MAX);
        let mut skipped = Vec::new();
        for metric in metrics {
            let hold = Hold::Shown { among };
            match self
                .hold_to(id, &metric, hold, [&incumbent, candidate])
                .await?
            {
                NoLoss::Skipped(reason) => skipped.push(reason),
                NoLoss::Ended(decision) => return Ok((*decision, None)),
                NoLoss::Tested(evidence) => return Ok((first(&evidence), Some(*evidence))),
            }
        }
        if skipped.is_empty() {
            skipped.push("no noisy metric was tested".to_owned());
        }
        Ok((passed(&skipped.join("; ")), None))
    }
}

/// Returns the decision of the first metric's samples.
fn first(evidence: &Evidence) -> Decision {
    let mut decision = decision::replay(evidence);
    if let Some(reason) = decision::oddity(evidence) {
        decision = decision::despite_oddity(decision, reason);
    }
    if decision.verdict == Verdict::Keep {
        let reason = format!("every gate holds, and `{}` is no worse", evidence.metric);
        decision.reasons.insert(0, reason);
    }
    decision
}

fn passed(about_noise: &str) -> Decision {
    Decision::plain(
        Verdict::Keep,
        format!("every gate holds and no deterministic dimension fell; {about_noise}"),
    )
}
