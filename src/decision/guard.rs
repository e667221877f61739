//! Guards on the tail: a gain in typical runs is not kept where rare ones got worse on the same pairs.
//!
//! Each guard is Wald's ratio of a loss against none, at `K / 0.05` for `K` guards together.

use super::difference::{Orientation, value};
use super::wording;
use crate::model::dimension::Direction;
use crate::model::measurement::{Calibration, Measurement, Pair, Scale, SignPlan, TestPlan};
use crate::model::tail::{Tail, TailGuard, TailNoise};
use crate::stats::estimate::{median, root_mean_square, smallest_step};
use crate::stats::loss::{FailureRatio, LossRatio};

/// The chance that any of the guards turns a candidate away that is no worse.
const ERROR: f64 = 0.05;
/// Without any noise in the calibration, a loss of this share of the level counts.
const SHARE_WITHOUT_NOISE: f64 = 1e-3;
/// So many more runs fail, against so many that do anyway.
const MORE_FAILURES: f64 = 0.1;
const USUAL_FAILURES: f64 = 0.01;

/// Adds guards on those parts of the tail to a test on pairs; each loss that is looked for is one standard
/// deviation of a pair difference.
pub fn guard_tail(plan: &mut TestPlan, tails: &[Tail]) {
    let TestPlan::SignBetting(plan) = plan else {
        return;
    };
    let mut tails = tails.to_vec();
    tails.sort();
    tails.dedup();
    plan.guards = tails
        .into_iter()
        .filter_map(|it| guard(it, &plan.calibration))
        .collect();
}

fn guard(tail: Tail, calibration: &Calibration) -> Option<TailGuard> {
    if tail.quantile().is_none() {
        return Some(TailGuard {
            tail,
            epsilon: MORE_FAILURES,
            sigma: USUAL_FAILURES,
        });
    }
    let noise = noise_of(tail, calibration)?;
    let spread = root_mean_square(&noise.differences)?;
    let step = smallest_step(&noise.differences).unwrap_or(match noise.scale {
        Scale::LogRatio => SHARE_WITHOUT_NOISE,
        Scale::Difference => SHARE_WITHOUT_NOISE * noise.level.abs().max(f64::MIN_POSITIVE),
    });
    let sigma = spread.max(step);
    Some(TailGuard {
        tail,
        epsilon: sigma,
        sigma,
    })
}

fn noise_of(tail: Tail, calibration: &Calibration) -> Option<&TailNoise> {
    calibration.tails.iter().find(|it| it.tail == tail)
}

/// Returns what A/A pairs show of each part of the tail that all of their runs have.
pub(super) fn tails(direction: Direction, pairs: &[Pair]) -> Vec<TailNoise> {
    let runs = || pairs.iter().flat_map(|it| [&it.incumbent, &it.candidate]);
    let Some(first) = runs().next() else {
        return Vec::new();
    };
    let of = |tail: Tail| {
        let values: Option<Vec<f64>> = runs().map(|run| run.tail.get(&tail).copied()).collect();
        let values = values?;
        let ratios = direction == Direction::Minimize && values.iter().all(|it| *it > 0.0);
        let scale = if ratios {
            Scale::LogRatio
        } else {
            Scale::Difference
        };
        let orientation = Orientation { direction, scale };
        let differences: Option<Vec<f64>> = values
            .chunks(2)
            .map(|two| orientation.values(two[0], two[1]).ok())
            .collect();
        Some(TailNoise {
            tail,
            scale,
            differences: differences?,
            level: median(&values)?,
        })
    };
    first.tail.keys().filter_map(|tail| of(*tail)).collect()
}

/// The guards of a test in progress.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Guards {
    watched: Vec<Watched>,
    n: u32,
}

/// One guard, and what the pairs so far say of it.
#[derive(Clone, Debug, PartialEq)]
struct Watched {
    tail: Tail,
    orientation: Orientation,
    level: f64,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Quantile {
        ratio: LossRatio,
        sum: f64,
        n: u32,
    },
    Failures {
        ratio: FailureRatio,
        incumbent: u32,
        candidate: u32,
    },
}

impl Guards {
    /// Returns the guards of a plan before its first pair.
    pub(super) fn new(plan: &SignPlan) -> Self {
        let watched = plan.guards.iter().map(|guard| {
            let noise = noise_of(guard.tail, &plan.calibration);
            let n_calibration = noise.map_or(0, |it| it.differences.len());
            let kind = match guard.tail.quantile() {
                Some(_) => Kind::Quantile {
                    ratio: LossRatio::new(
                        guard.epsilon,
                        guard.sigma,
                        u32::try_from(n_calibration).unwrap_or(u32::MAX),
                    ),
                    sum: 0.0,
                    n: 0,
                },
                None => Kind::Failures {
                    ratio: FailureRatio::new(guard.epsilon, guard.sigma),
                    incumbent: 0,
                    candidate: 0,
                },
            };
            Watched {
                tail: guard.tail,
                orientation: Orientation {
                    direction: plan.direction,
                    scale: noise.map_or(Scale::Difference, |it| it.scale),
                },
                level: noise.map_or(0.0, |it| it.level),
                kind,
            }
        });
        Self {
            watched: watched.collect(),
            n: 0,
        }
    }

    /// Takes one more pair.
    pub(super) fn fold(&mut self, pair: &Pair) {
        self.n += 1;
        for it in &mut self.watched {
            it.fold(pair);
        }
    }

    /// Returns why the candidate is to be turned away, if a guard fell.
    pub(super) fn fallen(&self) -> Option<String> {
        let k = f64::from(u32::try_from(self.watched.len()).unwrap_or(u32::MAX));
        let mark = k / ERROR;
        let worst = self
            .watched
            .iter()
            .filter(|it| it.ln_ratio() >= mark.ln())
            .max_by(|a, b| a.ln_ratio().total_cmp(&b.ln_ratio()))?;
        Some(format!(
            "the tail got worse: {}, likelihood ratio {} ≥ {} after {}",
            worst.words(self.n),
            wording::floored(worst.ln_ratio()),
            wording::plain(mark),
            wording::pairs(self.n)
        ))
    }

    /// Returns what the pairs show of every guard; `None` where there is none.
    pub(super) fn words(&self) -> Option<String> {
        let words: Vec<String> = self.watched.iter().map(|it| it.words(self.n)).collect();
        (!words.is_empty()).then(|| format!("no loss was seen in the tail: {}", words.join(", ")))
    }
}

impl Watched {
    fn fold(&mut self, pair: &Pair) {
        match &mut self.kind {
            Kind::Quantile { ratio, sum, n } => {
                let tail_of = |run: &Measurement| run.tail.get(&self.tail).copied();
                let both = tail_of(&pair.incumbent).zip(tail_of(&pair.candidate));
                // A run without any value is what the guard on failures is for.
                if let Some((before, after)) = both
                    && let Ok(difference) = self.orientation.values(before, after)
                {
                    ratio.push(difference);
                    *sum += difference;
                    *n += 1;
                }
            }
            Kind::Failures {
                ratio,
                incumbent,
                candidate,
            } => {
                let (before, after) = (
                    value(&pair.incumbent).is_none(),
                    value(&pair.candidate).is_none(),
                );
                ratio.push(before, after);
                *incumbent += u32::from(before);
                *candidate += u32::from(after);
            }
        }
    }

    fn ln_ratio(&self) -> f64 {
        match &self.kind {
            Kind::Quantile { ratio, .. } => ratio.ln_ratio(),
            Kind::Failures { ratio, .. } => ratio.ln_ratio(),
        }
    }

    fn words(&self, n_pairs: u32) -> String {
        match &self.kind {
            Kind::Quantile { sum, n, .. } => {
                let mean = sum / f64::from((*n).max(1));
                let share = match self.orientation.scale {
                    Scale::LogRatio => -(-mean).exp_m1(),
                    Scale::Difference if self.level.abs() > 0.0 => mean / self.level.abs(),
                    Scale::Difference => mean,
                };
                let word = if share < 0.0 { "worse" } else { "better" };
                format!("{} {} {word}", self.tail, wording::percent(share))
            }
            Kind::Failures {
                incumbent,
                candidate,
                ..
            } => format!(
                "{candidate} of {n_pairs} candidate runs failed and {incumbent} of the incumbent's"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{calibration, evidence, failed, pair, pair_of, sign_plan};
    use super::super::{calibrate, replay};
    use super::*;
    use crate::model::measurement::Sample;
    use crate::model::verdict::{Decision, Verdict};

    /// A pair with its 95th percentiles.
    fn with_tail(values: (f64, f64), tails: (f64, f64)) -> Pair {
        let mut pair = pair_of(values.0, values.1);
        pair.incumbent.tail = [(Tail::P95, tails.0)].into();
        pair.candidate.tail = [(Tail::P95, tails.1)].into();
        pair
    }

    fn decided(tails: &[Tail], pair: Pair) -> Decision {
        let noise: Vec<Pair> = [(200.0, 202.0), (201.0, 198.0), (199.0, 201.0)]
            .map(|tails| with_tail((100.0, 100.5), tails))
            .to_vec();
        let found = calibrate(Direction::Minimize, Scale::LogRatio, false, &noise);
        let mut plan = sign_plan();
        plan.calibration.tails = found.tails;
        let mut plan = TestPlan::SignBetting(plan);
        guard_tail(&mut plan, tails);
        replay(&evidence(plan, vec![pair; 60]))
    }

    #[test]
    fn a_gain_whose_tail_gets_worse_is_reverted() {
        let decision = decided(&[Tail::P95], with_tail((100.0, 94.0), (200.0, 260.0)));
        assert_eq!(decision.verdict, Verdict::Revert);
        assert!(
            decision.reasons[0].starts_with("the tail got worse: p95 30.0 % worse"),
            "{decision:?}"
        );
        let unguarded = decided(&[], with_tail((100.0, 94.0), (200.0, 260.0)));
        assert_eq!(unguarded.verdict, Verdict::Keep);
    }

    #[test]
    fn a_gain_whose_tail_stays_is_kept_and_says_so() {
        let decision = decided(
            &[Tail::P95, Tail::Failures],
            with_tail((100.0, 94.0), (200.0, 199.0)),
        );
        assert_eq!(decision.verdict, Verdict::Keep);
        let said = "no loss was seen in the tail: p95 0.5 % better, 0 of 8 candidate runs failed and 0 of the incumbent's";
        assert!(decision.reasons.iter().any(|it| it == said), "{decision:?}");
    }

    #[test]
    fn a_candidate_that_fails_now_and_then_is_reverted_where_failures_are_guarded() {
        let good = with_tail((100.0, 90.0), (200.0, 199.0));
        let dead = pair(Sample::Value { value: 100.0 }, failed("timed out"));
        let mut plan = TestPlan::SignBetting(sign_plan());
        guard_tail(&mut plan, &[Tail::Failures]);
        let mut pairs = vec![good; 4];
        pairs.splice(2..2, [dead.clone(), dead]);
        let decision = replay(&evidence(plan, pairs));
        assert_eq!(decision.verdict, Verdict::Revert);
        assert!(
            decision.reasons[0]
                .starts_with("the tail got worse: 2 of 4 candidate runs failed and 0 of"),
            "{decision:?}"
        );
    }

    #[test]
    fn what_was_not_calibrated_is_not_guarded() {
        let mut plan = TestPlan::SignBetting(sign_plan());
        guard_tail(&mut plan, &[Tail::P99]);
        let TestPlan::SignBetting(plan) = plan else {
            panic!("the kernel stays");
        };
        assert!(plan.guards.is_empty());
        assert!(calibration(&[0.1]).tails.is_empty());
    }
}
