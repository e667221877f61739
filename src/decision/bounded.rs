//! Kernel B: a metric that is a mean of scores in [0, 1], one pair of runs for each instance.

use super::difference::value;
use super::reasons::Stand;
use super::sequential::Look;
use super::{Next, effect};
use crate::model::dimension::Direction;
use crate::model::measurement::{BoundedPlan, Evidence, Measurement, Pair, StreamPlace, TestPlan};
use crate::model::verdict::{Decision, Statistics, Verdict};
use crate::stats::bounded_betting::BoundedBetting;
use crate::stats::estimate::RunningMean;
use crate::stats::futility::LearningFutility;

/// The chance of giving up a true effect of size δ.
const BETA: f64 = 0.2;
/// Pairs between two looks, and how many instances there must be for the second.
const LOOK_EVERY: u32 = 5;
const LOOK_SELDOM: u32 = 20;
const MANY_INSTANCES: u32 = 200;

/// So many standard errors are more than chance.
const SHARED: f64 = 3.0;

/// What a person declared about a metric over instances, and the level of this experiment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InstanceAsk {
    /// Which way is better.
    pub direction: Direction,
    /// The smallest difference of mean scores that counts, where one was declared.
    pub tolerance: Option<f64>,
    /// The level of this experiment.
    pub alpha: f64,
    /// Its place in the stream of tests of the metric.
    pub stream: Option<StreamPlace>,
    /// The non-inferiority margin; 0 for *moves* claims.
    pub epsilon: f64,
    /// How many instances there are: each is run once by both arms.
    pub n_instances: u32,
    /// The standard deviation of an instance's difference between two runs of the same code.
    pub sigma: f64,
}

/// Freezes a test over instances before the candidate's first run.
///
/// Without a tolerance an effect of `1/√n` counts: what `n` instances can show when a fifth of them change.
pub fn plan_instances(ask: &InstanceAsk) -> TestPlan {
    let visible = 1.0 / f64::from(ask.n_instances.max(1)).sqrt();
    TestPlan::Bounded(BoundedPlan {
        direction: ask.direction,
        alpha: ask.alpha,
        stream: ask.stream,
        beta: BETA,
        delta: ask.tolerance.filter(|it| *it > 0.0).unwrap_or(visible),
        epsilon: ask.epsilon,
        shift: 0.0,
        sigma: ask.sigma,
        n_max: ask.n_instances,
        look_every: if ask.n_instances < MANY_INSTANCES {
            LOOK_EVERY
        } else {
            LOOK_SELDOM
        },
    })
}

/// Returns how far two runs of the same code are apart on average, where that is more than the differences
/// of single instances explain.
///
/// Instances count as independent given the code. What all of one run share is not seen by the test.
pub fn shared_noise(differences: &[f64]) -> Option<f64> {
    let mut all = RunningMean::default();
    for it in differences {
        all.push(*it);
    }
    let n = f64::from(all.n());
    let error = (all.residual() / (n - 1.0) / n).sqrt();
    (all.n() > 1 && all.mean().abs() > SHARED * error).then(|| all.mean().abs())
}

/// A test over instances in progress; a further look costs the same however many came before.
#[derive(Clone, Debug, PartialEq)]
pub struct BoundedState {
    direction: Direction,
    /// What is added to each difference: the margin, and what else the change does.
    added: f64,
    ln_needed: f64,
    ln_give_up: f64,
    n_max: u32,
    look_every: u32,
    betting: BoundedBetting,
    futility: LearningFutility,
    mean: RunningMean,
    scores: Vec<(f64, f64)>,
    differences: Vec<f64>,
    path: Vec<f64>,
    refused: Option<String>,
}

impl BoundedState {
    /// Returns the state before the first pair.
    pub fn new(plan: &BoundedPlan) -> Self {
        Self {
            direction: plan.direction,
            added: plan.epsilon + plan.shift,
            ln_needed: -plan.alpha.ln(),
            ln_give_up: -plan.beta.ln(),
            n_max: plan.n_max,
            look_every: plan.look_every.max(1),
            betting: BoundedBetting::new(-plan.epsilon - plan.shift),
            futility: LearningFutility::new(plan.delta, plan.sigma),
            mean: RunningMean::default(),
            scores: Vec::new(),
            differences: Vec::new(),
            path: Vec::new(),
            refused: refusal(plan),
        }
    }

    /// Takes one more pair; nothing more once a pair was refused.
    pub fn fold(&mut self, pair: &Pair) {
        if self.refused.is_some() {
            return;
        }
        match (self.score(&pair.incumbent), self.score(&pair.candidate)) {
            (Ok(incumbent), Ok(candidate)) => self.push(incumbent, candidate),
            (Err(reason), _) | (_, Err(reason)) => {
                self.refused = Some(match &pair.instance {
                    Some(id) => format!("instance `{id}`: {reason}"),
                    None => reason,
                });
            }
        }
    }

    /// Takes one more pair of scores.
    pub(super) fn push(&mut self, incumbent: f64, candidate: f64) {
        let difference = self.direction.gain(incumbent, candidate);
        self.betting.push(difference);
        self.futility.push(difference, self.added);
        self.mean.push(difference);
        self.scores.push((incumbent, candidate));
        self.differences.push(difference);
        self.path.push(self.betting.ln_e());
    }

    /// Returns a run's score; one without a value has the worst there is.
    ///
    /// A failure is not dropped, because a change that makes instances fail would otherwise be judged by
    /// those that it lets live.
    fn score(&self, run: &Measurement) -> Result<f64, String> {
        match value(run) {
            None => Ok(match self.direction {
                Direction::Maximize => 0.0,
                Direction::Minimize => 1.0,
            }),
            Some(score) if (0.0..=1.0).contains(&score) => Ok(score),
            Some(score) => Err(format!(
                "a score of {score} is outside of 0 to 1, so instances cannot be compared; \
                 let the command write scores from 0 to 1"
            )),
        }
    }

    /// Looks, as in kernel S, but only after every few pairs.
    pub fn look(&self) -> Look {
        let ln_e = self.ln_e();
        let most = self.betting.most_per_step();
        if let Some(reason) = &self.refused {
            Look::Refused(reason.clone())
        } else if !self.n().is_multiple_of(self.look_every) && self.n() < self.n_max {
            Look::Undecided
        } else if ln_e >= self.ln_needed && self.mean.mean() + self.added > 0.0 {
            Look::Keep
        } else if self.ln_futility() >= self.ln_give_up {
            Look::NoWorthwhileEffect
        } else if self.n() >= self.n_max {
            Look::OutOfPairs
        } else if ln_e + f64::from(self.n_max - self.n()) * most < self.ln_needed {
            Look::OutOfReach
        } else {
            Look::Undecided
        }
    }

    /// Returns how many pairs were folded in.
    pub fn n(&self) -> u32 {
        self.mean.n()
    }

    /// Returns the natural logarithm of the e-value; 0 before the first pair.
    pub fn ln_e(&self) -> f64 {
        self.path.last().copied().unwrap_or(0.0)
    }

    /// Returns the natural logarithm of the likelihood ratio of no effect against δ.
    pub fn ln_futility(&self) -> f64 {
        self.futility.ln_ratio()
    }
}

/// Returns why a plan cannot be carried out.
fn refusal(plan: &BoundedPlan) -> Option<String> {
    let is_level = |it: f64| it > 0.0 && it < 1.0;
    let usable = [plan.alpha, plan.beta].map(is_level) == [true; 2]
        && plan.delta > 0.0
        && plan.delta <= 1.0
        && (0.0..1.0).contains(&plan.epsilon)
        && (plan.epsilon + plan.shift).abs() < 1.0
        && plan.sigma.is_finite()
        && plan.sigma >= 0.0;
    (!usable).then(|| "the plan of the test has a parameter that makes no sense".to_owned())
}

/// Folds pairs until a look stops; returns the state and the look it ended with.
pub(super) fn run(plan: &BoundedPlan, pairs: &[Pair]) -> (BoundedState, Look) {
    let mut state = BoundedState::new(plan);
    let mut look = state.look();
    for pair in pairs {
        if look != Look::Undecided {
            break;
        }
        state.fold(pair);
        look = state.look();
    }
    (state, look)
}

/// Looks at the evidence, and stops at the first look that does.
pub(super) fn decide(evidence: &Evidence, plan: &BoundedPlan) -> Next {
    let (state, look) = run(plan, &evidence.pairs);
    let effect = || effect::of_scores(evidence, &state.scores, &state.differences);
    let conclude = |verdict, reasons| conclude(evidence, plan, &state, verdict, reasons);
    stand(plan, &state).next(&look, used(evidence, &state), effect, conclude)
}

fn stand(plan: &BoundedPlan, state: &BoundedState) -> Stand {
    Stand {
        direction: plan.direction,
        alpha: plan.alpha,
        beta: plan.beta,
        epsilon: plan.epsilon,
        stream: plan.stream,
        n: state.n(),
        n_max: plan.n_max,
        ln_e: state.ln_e(),
        ln_futility: state.ln_futility(),
    }
}

/// Returns the pairs that the state rests on.
fn used<'a>(evidence: &'a Evidence, state: &BoundedState) -> &'a [Pair] {
    &evidence.pairs[..state.scores.len().min(evidence.pairs.len())]
}

/// Returns the decision with effect, statistics, and what every reader should know beside the verdict.
pub(super) fn conclude(
    evidence: &Evidence,
    plan: &BoundedPlan,
    state: &BoundedState,
    verdict: Verdict,
    mut reasons: Vec<String>,
) -> Decision {
    let effect = effect::of_scores(evidence, &state.scores, &state.differences);
    let caveat =
        "not explained by a candidate that is no better on average, over instances like these";
    reasons.extend(stand(plan, state).remarks(
        verdict,
        effect.as_ref(),
        caveat,
        used(evidence, state),
    ));
    Decision {
        verdict,
        reasons,
        violations: Vec::new(),
        effect,
        statistics: Some(statistics(plan, state)),
    }
}

fn statistics(plan: &BoundedPlan, state: &BoundedState) -> Statistics {
    Statistics {
        kernel: "B".to_owned(),
        n_pairs: state.n(),
        ln_e: state.ln_e(),
        ln_futility: state.ln_futility(),
        alpha: plan.alpha,
        delta: plan.delta,
        sigma: state.futility.sigma(),
        mean: state.mean.mean(),
        shrunken: None,
        excluded_loss_rate: 1.0,
        path: state.path.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{bounded_plan, evidence, failed, pair, pair_of, pairs_of};
    use super::super::{decide, replay};
    use super::*;
    use crate::model::measurement::Sample;

    fn tested(plan: BoundedPlan, pairs: Vec<Pair>) -> Evidence {
        let mut evidence = evidence(TestPlan::Bounded(plan), pairs);
        evidence.unit = String::new();
        evidence
    }

    /// Instances of which the candidate solves what the incumbent does, and one in five more.
    fn one_in_five_more() -> Vec<Pair> {
        pairs_of(&[(0.0, 1.0), (1.0, 1.0), (0.0, 0.0), (1.0, 1.0), (1.0, 1.0)].repeat(80))
    }

    #[test]
    fn a_clear_gain_in_accuracy_is_kept() {
        let decision = replay(&tested(bounded_plan(), one_in_five_more()));
        assert_eq!(decision.verdict, Verdict::Keep);
        assert!(
            decision.reasons[0].starts_with("e-value 119 ≥ 100 after 40 pairs: 33.3 % higher"),
            "{decision:?}"
        );
        assert!(decision.reasons[1].contains("no better on average"));
        let effect = decision.effect.unwrap();
        assert!((effect.before - 0.6).abs() + (effect.after - 0.8).abs() < 1e-9);
        assert!(effect.interval.unwrap().0 > 0.0);
        assert_eq!(decision.statistics.unwrap().kernel, "B");
    }

    #[test]
    fn looks_come_after_every_few_pairs_alone() {
        let all = one_in_five_more();
        for n in 0..40 {
            let evidence = tested(bounded_plan(), all[..n].to_vec());
            assert_eq!(decide(&evidence), Next::Continue, "{n}");
        }
        assert_ne!(
            decide(&tested(bounded_plan(), all[..40].to_vec())),
            Next::Continue
        );
    }

    #[test]
    fn instances_that_nothing_changes_are_given_up() {
        let same = pairs_of(&[(1.0, 1.0), (0.0, 0.0)].repeat(200));
        let decision = replay(&tested(bounded_plan(), same));
        assert_eq!(decision.verdict, Verdict::Revert);
        assert_eq!(decision.statistics.unwrap().n_pairs, 70);
    }

    #[test]
    fn a_candidate_that_fails_has_the_worst_score() {
        let broken = pair(Sample::Value { value: 1.0 }, failed("exit status 1"));
        let decision = replay(&tested(bounded_plan(), vec![broken.clone(); 400]));
        assert_eq!(decision.verdict, Verdict::Revert);
        assert!((decision.statistics.unwrap().mean + 1.0).abs() < 1e-12);
        let less_is_better = BoundedPlan {
            direction: Direction::Minimize,
            ..bounded_plan()
        };
        let spared = pair(failed("timed out"), Sample::Value { value: 0.0 });
        let decision = replay(&tested(less_is_better, vec![spared; 400]));
        assert_eq!(decision.verdict, Verdict::Keep);
        let dead = pair(failed("no space left"), failed("no space left"));
        let decision = replay(&tested(bounded_plan(), vec![dead; 400]));
        assert_eq!(decision.verdict, Verdict::Spurious);
    }

    #[test]
    fn a_score_outside_of_its_range_is_refused_by_its_instance() {
        let mut odd = pair_of(0.5, 1.5);
        odd.instance = Some("page-7".to_owned());
        let decision = replay(&tested(bounded_plan(), vec![odd]));
        assert_eq!(decision.verdict, Verdict::Inconclusive);
        assert!(decision.reasons[0].starts_with("instance `page-7`: a score of 1.5"));
    }

    #[test]
    fn too_few_instances_for_the_level_cost_no_run() {
        let plan = BoundedPlan {
            n_max: 6,
            ..bounded_plan()
        };
        let decision = replay(&tested(plan, Vec::new()));
        assert_eq!(decision.verdict, Verdict::Inconclusive);
        assert!(decision.reasons[0].contains("cannot take it to 100"));
    }

    #[test]
    fn a_margin_lets_the_same_pass_and_a_loss_not() {
        let plan = BoundedPlan {
            epsilon: 0.1,
            ..bounded_plan()
        };
        let same = pairs_of(&[(1.0, 1.0), (0.0, 0.0)].repeat(200));
        assert_eq!(replay(&tested(plan.clone(), same)).verdict, Verdict::Keep);
        let worse = pairs_of(&[(1.0, 0.0), (1.0, 1.0), (0.0, 0.0), (1.0, 1.0)].repeat(100));
        assert_eq!(replay(&tested(plan, worse)).verdict, Verdict::Revert);
    }

    #[test]
    fn a_loss_elsewhere_is_to_be_paid_for_by_scores_too() {
        let verdict = |shift| {
            let plan = BoundedPlan {
                shift,
                ..bounded_plan()
            };
            replay(&tested(plan, one_in_five_more())).verdict
        };
        assert_eq!(verdict(-0.02), Verdict::Keep);
        assert_eq!(verdict(-0.3), Verdict::Revert);
        assert_eq!(verdict(-1.0), Verdict::Inconclusive);
    }

    #[test]
    fn instances_that_rise_and_fall_together_are_noticed() {
        let mixed: Vec<f64> = [1.0, -1.0, 0.0, 0.0].repeat(50);
        assert_eq!(shared_noise(&mixed), None);
        assert_eq!(shared_noise(&[0.0; 50]), None);
        assert_eq!(shared_noise(&[0.5]), None);
        let shifted: Vec<f64> = mixed.iter().map(|it| it + 0.3).collect();
        assert!((shared_noise(&shifted).unwrap() - 0.3).abs() < 1e-12);
    }

    #[test]
    fn a_plan_without_a_tolerance_asks_for_what_its_instances_can_show() {
        let ask = InstanceAsk {
            direction: Direction::Maximize,
            tolerance: None,
            alpha: 0.01,
            stream: None,
            epsilon: 0.0,
            n_instances: 400,
            sigma: 0.0,
        };
        let TestPlan::Bounded(plan) = plan_instances(&ask) else {
            panic!("instances are tested by kernel B");
        };
        assert!((plan.delta - 0.05).abs() < 1e-12);
        assert_eq!((plan.n_max, plan.look_every), (400, 20));
    }
}
