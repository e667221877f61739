//! Why a sequential test ended as it did, in sentence fragments, whichever kernel it was.

use super::deterministic::why_none;
use super::difference::value;
use super::sequential::Look;
use super::{Next, wording};
use crate::model::dimension::Direction;
use crate::model::measurement::{Arm, Measurement, Pair, StreamPlace};
use crate::model::verdict::{Decision, Effect, Verdict};

/// Where a test stands: what its reasons are made of.
pub(super) struct Stand {
    pub(super) direction: Direction,
    pub(super) alpha: f64,
    pub(super) beta: f64,
    /// The non-inferiority margin; 0 where a gain is claimed.
    pub(super) epsilon: f64,
    pub(super) stream: Option<StreamPlace>,
    pub(super) n: u32,
    pub(super) n_max: u32,
    pub(super) ln_e: f64,
    pub(super) ln_futility: f64,
}

impl Stand {
    /// Returns what follows from a look: one more pair, or what `conclude` makes of the verdict and why.
    pub(super) fn next(
        &self,
        look: &Look,
        used: &[Pair],
        effect: impl FnOnce() -> Option<Effect>,
        conclude: impl FnOnce(Verdict, Vec<String>) -> Decision,
    ) -> Next {
        match self.verdict(look, used, effect) {
            None => Next::Continue,
            Some((verdict, reason)) if matches!(look, Look::Refused(_)) => {
                Next::Stop(Decision::plain(verdict, reason))
            }
            Some((verdict, reason)) => Next::Stop(conclude(verdict, vec![reason])),
        }
    }

    /// Returns the verdict of a look and why; `None` while there is none.
    fn verdict(
        &self,
        look: &Look,
        used: &[Pair],
        effect: impl FnOnce() -> Option<Effect>,
    ) -> Option<(Verdict, String)> {
        Some(match look {
            Look::Undecided => return None,
            Look::Refused(reason) => (Verdict::Inconclusive, reason.clone()),
            _ if used.iter().all(has_no_value) && !used.is_empty() => (
                Verdict::Spurious,
                format!("no run of either arm gave a value: {}", first_failure(used)),
            ),
            Look::Keep => (Verdict::Keep, self.keep(effect())),
            Look::GuardFell(reason) => (Verdict::Revert, reason.clone()),
            Look::NoWorthwhileEffect => (Verdict::Revert, self.give_up()),
            Look::OutOfPairs => (Verdict::Inconclusive, self.out_of_pairs()),
            Look::OutOfReach => (Verdict::Inconclusive, self.out_of_reach()),
        })
    }

    /// Returns what every reader should know beside the verdict.
    pub(super) fn remarks(
        &self,
        verdict: Verdict,
        effect: Option<&Effect>,
        caveat: &str,
        used: &[Pair],
    ) -> Vec<String> {
        let mut remarks = Vec::new();
        match effect {
            _ if verdict == Verdict::Keep => remarks.push(format!("{caveat}; {}", self.level())),
            Some(effect) => remarks.push(format!(
                "measured: {}",
                wording::measured(effect, self.direction)
            )),
            None => {}
        }
        remarks.extend(
            [Arm::Incumbent, Arm::Candidate]
                .into_iter()
                .filter_map(|arm| failures(used, arm)),
        );
        remarks
    }

    fn keep(&self, effect: Option<Effect>) -> String {
        let measured = effect
            .map(|effect| format!(": {}", wording::measured(&effect, self.direction)))
            .unwrap_or_default();
        format!(
            "e-value {} ≥ {} after {}{measured}",
            wording::floored(self.ln_e),
            wording::plain(1.0 / self.alpha),
            self.n_pairs()
        )
    }

    /// What the level of this one test means for the whole stream.
    fn level(&self) -> String {
        match self.stream {
            Some(place) => format!(
                "test {} of its stream, at level {}, so that at most {} of what the stream keeps is \
                 expected to be a fluke",
                place.index,
                wording::plain(self.alpha),
                wording::percent(place.alpha)
            ),
            None => format!(
                "level {} per experiment, not over the stream",
                wording::plain(self.alpha)
            ),
        }
    }

    fn give_up(&self) -> String {
        let what = if self.epsilon > 0.0 {
            "a loss that counts is likelier than none"
        } else {
            "no worthwhile effect"
        };
        format!(
            "{what}: likelihood ratio {} ≥ {} after {}",
            wording::floored(self.ln_futility),
            wording::plain(1.0 / self.beta),
            self.n_pairs()
        )
    }

    fn out_of_pairs(&self) -> String {
        format!(
            "undecided after all {}: e-value {} of {}",
            self.n_pairs(),
            wording::floored(self.ln_e),
            wording::plain(1.0 / self.alpha)
        )
    }

    fn out_of_reach(&self) -> String {
        format!(
            "undecided: the e-value is {} after {}, and {} more cannot take it to {}",
            wording::floored(self.ln_e),
            self.n_pairs(),
            wording::pairs(self.n_max - self.n),
            wording::plain(1.0 / self.alpha)
        )
    }

    fn n_pairs(&self) -> String {
        wording::pairs(self.n)
    }
}

fn has_no_value(pair: &Pair) -> bool {
    value(&pair.incumbent).is_none() && value(&pair.candidate).is_none()
}

fn first_failure(pairs: &[Pair]) -> String {
    pairs
        .first()
        .map(|pair| why_none(&pair.candidate))
        .unwrap_or_default()
}

/// Returns how often an arm's runs gave no value, if ever.
fn failures(pairs: &[Pair], arm: Arm) -> Option<String> {
    let runs = || pairs.iter().map(|pair| run_of(pair, arm));
    let failed: Vec<&Measurement> = runs().filter(|run| value(run).is_none()).collect();
    let first = failed.first()?;
    let name = match arm {
        Arm::Incumbent => "incumbent",
        Arm::Candidate => "candidate",
    };
    Some(format!(
        "{} of {} {name} runs gave no value, and count as losses: {}",
        failed.len(),
        pairs.len(),
        why_none(first)
    ))
}

fn run_of(pair: &Pair, arm: Arm) -> &Measurement {
    match arm {
        Arm::Incumbent => &pair.incumbent,
        Arm::Candidate => &pair.candidate,
    }
}
