//! Kernel S after every pair: keep on an e-value, give up on a likelihood ratio, or run out of pairs.

use std::f64::consts::LN_2;

use super::difference::Orientation;
use super::guard::Guards;
use super::reasons::Stand;
use super::{Next, effect, unit, wording};
use crate::model::measurement::{Evidence, Pair, SignPlan};
use crate::model::verdict::{Decision, Statistics, Verdict};
use crate::stats::estimate::{RunningMean, sum_of_squares};
use crate::stats::futility::Futility;
use crate::stats::sign_betting::{RunningScale, SignBetting};

/// A test in progress: pairs are folded in one by one, and a further look costs the same however many
/// came before.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    orientation: Orientation,
    penalty: f64,
    /// What is added to each difference: the margin, and what else the change does.
    added: f64,
    ln_needed: f64,
    ln_give_up: f64,
    least_pairs: u32,
    n_max: u32,
    scale: RunningScale,
    betting: SignBetting,
    futility: Futility,
    differences: RunningMean,
    path: Vec<f64>,
    guards: Guards,
    refused: Option<String>,
}

/// What a look at a test in progress shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// Run one more pair.
    Undecided,
    /// The e-value reached its mark, and the mean is a gain.
    Keep,
    /// A guard on the tail fell, and how.
    GuardFell(String),
    /// An effect worth keeping is implausible.
    NoWorthwhileEffect,
    /// All pairs are used.
    OutOfPairs,
    /// Even a gain in every remaining pair could not reach the mark.
    OutOfReach,
    /// The metric cannot be tested this way, and why.
    Refused(String),
}

impl State {
    /// Returns the state before the first pair.
    pub fn new(plan: &SignPlan) -> Self {
        let calibration = &plan.calibration;
        Self {
            orientation: Orientation {
                direction: plan.direction,
                scale: plan.scale,
            },
            penalty: 3.0 * plan.sigma.max(plan.delta),
            added: plan.epsilon + plan.shift,
            ln_needed: -plan.alpha.ln(),
            ln_give_up: -plan.beta.ln(),
            least_pairs: plan.give_up.least_pairs,
            n_max: plan.n_max,
            scale: RunningScale::new(
                sum_of_squares(&calibration.differences),
                calibration.differences.len(),
                plan.floor,
            ),
            betting: SignBetting::default(),
            futility: Futility::new(plan.delta, plan.sigma, plan.give_up.clip),
            differences: RunningMean::default(),
            path: Vec::new(),
            guards: Guards::new(plan),
            refused: refusal(plan),
        }
    }

    /// Takes one more pair; nothing more once a pair was refused.
    pub fn fold(&mut self, pair: &Pair) {
        if self.refused.is_some() {
            return;
        }
        match self.orientation.pair(pair, self.penalty) {
            Ok(difference) => {
                self.push(difference);
                self.guards.fold(pair);
            }
            Err(unfit) => self.refused = Some(unfit.to_string()),
        }
    }

    /// Takes one more difference.
    pub(super) fn push(&mut self, difference: f64) {
        let x = difference + self.added;
        let sigma = self.scale.push(x);
        self.betting.push(x, sigma);
        self.futility.push(x);
        self.differences.push(difference);
        self.path.push(self.betting.ln_e());
    }

    /// Looks: a guard counts first, evidence for a keep second, then giving up, the end of the budget last.
    pub fn look(&self) -> Look {
        let ln_e = self.ln_e();
        if let Some(reason) = &self.refused {
            Look::Refused(reason.clone())
        } else if let Some(reason) = self.guards.fallen() {
            Look::GuardFell(reason)
        } else if ln_e >= self.ln_needed && self.mean() > 0.0 {
            Look::Keep
        } else if self.gives_up() {
            Look::NoWorthwhileEffect
        } else if self.n() >= self.n_max {
            Look::OutOfPairs
        } else if ln_e + f64::from(self.n_max - self.n()) * LN_2 < self.ln_needed {
            Look::OutOfReach
        } else {
            Look::Undecided
        }
    }

    /// Returns whether an effect worth keeping is implausible, after as many pairs as that takes.
    pub(super) fn gives_up(&self) -> bool {
        self.n() >= self.least_pairs && self.ln_futility() >= self.ln_give_up
    }

    /// Returns how many pairs were folded in.
    pub fn n(&self) -> u32 {
        self.differences.n()
    }

    /// Returns the natural logarithm of the e-value; 0 before the first pair.
    pub fn ln_e(&self) -> f64 {
        self.path.last().copied().unwrap_or(0.0)
    }

    /// Returns the natural logarithm of the likelihood ratio of no effect against δ.
    pub fn ln_futility(&self) -> f64 {
        self.futility.ln_ratio()
    }

    /// Returns the squared deviations of the differences from their mean, and how many they are.
    pub(super) fn residual(&self) -> (f64, u32) {
        (self.differences.residual(), self.n())
    }

    /// Returns the mean difference with the margin added: what must be positive for a keep.
    pub fn mean(&self) -> f64 {
        self.differences.mean() + self.added
    }
}

/// Returns why a plan cannot be carried out.
fn refusal(plan: &SignPlan) -> Option<String> {
    if plan.calibration.differences.is_empty() {
        let mut reason = "the metric could not be calibrated".to_owned();
        if let Some(warning) = plan.calibration.warnings.first() {
            reason = format!("{reason}: {warning}");
        }
        return Some(reason);
    }
    let is_size = |it: f64| it.is_finite() && it > 0.0;
    let is_level = |it: f64| it > 0.0 && it < 1.0;
    let usable = [plan.sigma, plan.floor, plan.delta].map(is_size) == [true; 3]
        && [plan.alpha, plan.beta].map(is_level) == [true; 2]
        && plan.epsilon.is_finite()
        && plan.epsilon >= 0.0
        && is_size(plan.give_up.clip)
        && plan
            .guards
            .iter()
            .all(|it| is_size(it.epsilon) && is_size(it.sigma))
        && plan.shift.is_finite();
    (!usable).then(|| "the plan of the test has a parameter that makes no sense".to_owned())
}

/// Folds pairs until a look stops; returns the state and the look it ended with.
pub(super) fn run(plan: &SignPlan, pairs: &[Pair]) -> (State, Look) {
    let mut state = State::new(plan);
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

/// Looks at the evidence after every pair, and stops at the first look that does.
pub(super) fn decide(evidence: &Evidence, plan: &SignPlan) -> Next {
    let (state, look) = run(plan, &evidence.pairs);
    let look = match unit::change(used(evidence, &state)) {
        Some(reason) if look == Look::Keep => Look::Refused(reason),
        _ => look,
    };
    let effect = || effect::of_pairs(evidence, plan, used(evidence, &state), &state.differences);
    let conclude = |verdict, reasons| conclude(evidence, plan, &state, verdict, reasons);
    stand(plan, &state).next(&look, used(evidence, &state), effect, conclude)
}

fn stand(plan: &SignPlan, state: &State) -> Stand {
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
fn used<'a>(evidence: &'a Evidence, state: &State) -> &'a [Pair] {
    let n = usize::try_from(state.n()).unwrap_or(usize::MAX);
    &evidence.pairs[..n.min(evidence.pairs.len())]
}

/// Returns the decision with effect, statistics, and what every reader should know beside the verdict.
pub(super) fn conclude(
    evidence: &Evidence,
    plan: &SignPlan,
    state: &State,
    verdict: Verdict,
    mut reasons: Vec<String>,
) -> Decision {
    let used = used(evidence, state);
    let effect = effect::of_pairs(evidence, plan, used, &state.differences);
    let caveat = format!(
        "not explained by a candidate that behaves like the incumbent; losses in more than {} of runs \
         are excluded, rarer ones are not",
        wording::percent(excluded_loss_rate(state))
    );
    let stand = stand(plan, state);
    reasons.extend(stand.remarks(verdict, effect.as_ref(), &caveat, used));
    if verdict == Verdict::Keep {
        reasons.extend(state.guards.words());
    }
    Decision {
        verdict,
        reasons,
        violations: Vec::new(),
        effect,
        statistics: Some(statistics(plan, state)),
    }
}

fn excluded_loss_rate(state: &State) -> f64 {
    (3.0 / f64::from(state.n().max(1))).min(1.0)
}

fn statistics(plan: &SignPlan, state: &State) -> Statistics {
    Statistics {
        kernel: "S".to_owned(),
        n_pairs: state.n(),
        ln_e: state.ln_e(),
        ln_futility: state.ln_futility(),
        alpha: plan.alpha,
        delta: plan.delta,
        sigma: plan.sigma,
        mean: state.differences.mean(),
        excluded_loss_rate: excluded_loss_rate(state),
        shrunken: None,
        path: state.path.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{calibration, evidence, failed, pair, pair_of, pairs_of, sign_plan};
    use super::super::{decide, replay};
    use super::*;
    use crate::model::dimension::Direction;
    use crate::model::measurement::{GiveUp, Sample, Scale, TestPlan};

    fn tested(plan: SignPlan, pairs: Vec<Pair>) -> Evidence {
        evidence(TestPlan::SignBetting(plan), pairs)
    }

    fn steady(before: f64, after: f64) -> Vec<Pair> {
        vec![pair_of(before, after); 60]
    }

    #[test]
    fn a_clear_gain_is_kept_with_its_evidence() {
        let decision = replay(&tested(sign_plan(), steady(100.0, 94.0)));
        assert_eq!(decision.verdict, Verdict::Keep);
        assert_eq!(
            decision.reasons[0],
            "e-value 162 ≥ 100 after 8 pairs: 6.0 % faster (95 % interval 5.1 % to 6.9 %)"
        );
        assert!(decision.reasons[1].starts_with("not explained by a candidate that behaves"));
        assert!(decision.reasons[1].contains("more than 37.5 % of runs"));
        let statistics = decision.statistics.unwrap();
        assert_eq!(statistics.n_pairs, 8);
        assert_eq!(statistics.path.len(), 8);
        assert!((statistics.excluded_loss_rate - 3.0 / 8.0).abs() < 1e-12);
        assert!(statistics.path[6] < 100.0f64.ln() && 100.0f64.ln() <= statistics.ln_e);
        let effect = decision.effect.unwrap();
        assert!((effect.relative.unwrap() - 0.06).abs() < 1e-12);
        assert!((effect.before - 100.0).abs() + (effect.after - 94.0).abs() < 1e-12);
    }

    #[test]
    fn no_gain_however_large_is_kept_before_the_level_allows_it() {
        let mut state = State::new(&sign_plan());
        for n in 1..=6 {
            state.fold(&pair_of(100.0, 1e-300));
            assert_ne!(state.look(), Look::Keep, "2^{n} is below 100");
        }
    }

    #[test]
    fn a_loss_is_given_up_early() {
        let decision = replay(&tested(sign_plan(), steady(100.0, 102.0)));
        assert_eq!(decision.verdict, Verdict::Revert);
        assert_eq!(
            decision.reasons,
            [
                "no worthwhile effect: likelihood ratio 5.1 ≥ 5 after 1 pair",
                "measured: 2.0 % slower (95 % interval 12.8 % slower to 7.8 % faster)",
            ]
        );
    }

    #[test]
    fn one_disturbed_pair_ends_nothing_where_the_rule_wants_two() {
        let mut pairs = pairs_of(&[(100.0, 160.0)]);
        pairs.extend(steady(100.0, 74.0));
        let impatient = sign_plan();
        let decision = replay(&tested(impatient.clone(), pairs.clone()));
        assert_eq!(
            decision.verdict,
            Verdict::Revert,
            "as it was decided before"
        );
        let patient = SignPlan {
            give_up: GiveUp {
                least_pairs: 2,
                clip: 2.0,
            },
            ..impatient
        };
        let decision = replay(&tested(patient.clone(), pairs));
        assert_eq!(decision.verdict, Verdict::Keep);
        let decision = replay(&tested(patient, steady(100.0, 102.0)));
        assert_eq!(decision.statistics.unwrap().n_pairs, 2);
    }

    #[test]
    fn a_plan_on_record_without_a_rule_keeps_the_first_one() {
        let stored = serde_json::to_value(sign_plan()).unwrap();
        assert!(stored.get("give_up").is_none() && stored.get("guards").is_none());
        let read: SignPlan = serde_json::from_value(stored).unwrap();
        assert_eq!((read.give_up.least_pairs, read.give_up.clip), (1, 3.0));
    }

    #[test]
    fn a_small_gain_runs_out_of_pairs() {
        let mut plan = sign_plan();
        plan.n_max = 8;
        let pairs = pairs_of(&[(100.0, 99.0), (100.0, 99.5)].repeat(4));
        let decision = replay(&tested(plan, pairs));
        assert_eq!(decision.verdict, Verdict::Inconclusive);
        assert_eq!(
            decision.reasons,
            [
                "undecided after all 8 pairs: e-value 92 of 100",
                "measured: 0.8 % faster (95 % interval 0.2 % slower to 1.7 % faster)",
            ]
        );
    }

    #[test]
    fn a_mark_out_of_reach_ends_the_test_early() {
        let mut plan = sign_plan();
        plan.n_max = 10;
        let pairs = pairs_of(&[(100.0, 98.9), (100.0, 100.1)].repeat(5));
        let decision = replay(&tested(plan, pairs));
        assert_eq!(decision.verdict, Verdict::Inconclusive);
        assert!(
            decision.reasons[0].ends_with("cannot take it to 100"),
            "{decision:?}"
        );
        assert!(decision.statistics.unwrap().n_pairs < 10);
    }

    #[test]
    fn a_level_that_no_run_could_reach_costs_no_run() {
        let mut plan = sign_plan();
        plan.n_max = 6;
        let decision = replay(&tested(plan, vec![]));
        assert_eq!(
            decision.reasons,
            ["undecided: the e-value is 1 after 0 pairs, and 6 pairs more cannot take it to 100"]
        );
    }

    #[test]
    fn a_candidate_that_fails_loses() {
        let broken = pair(Sample::Value { value: 100.0 }, failed("exit status 1"));
        let decision = replay(&tested(sign_plan(), vec![broken; 9]));
        assert_eq!(decision.verdict, Verdict::Revert);
        assert_eq!(decision.effect, None);
        assert_eq!(
            decision.reasons[1],
            "1 of 1 candidate runs gave no value, and count as losses: exit status 1"
        );
        assert!((decision.statistics.unwrap().mean + 0.03).abs() < 1e-12);
    }

    #[test]
    fn an_incumbent_that_fails_counts_for_the_candidate() {
        let spared = pair(failed("timed out"), Sample::Value { value: 100.0 });
        let decision = replay(&tested(sign_plan(), vec![spared; 9]));
        assert_eq!(decision.verdict, Verdict::Keep);
        assert!(decision.reasons[2].contains("incumbent runs gave no value"));
    }

    #[test]
    fn runs_that_all_fail_say_nothing_about_the_candidate() {
        let dead = pair(failed("no space left"), failed("no space left"));
        let decision = replay(&tested(sign_plan(), vec![dead; 60]));
        assert_eq!(decision.verdict, Verdict::Spurious);
        assert!(decision.reasons[0].contains("no space left"));
    }

    #[test]
    fn zero_refuses_a_ratio_at_once() {
        let decision = replay(&tested(
            sign_plan(),
            pairs_of(&[(100.0, 94.0), (100.0, 0.0)]),
        ));
        assert_eq!(decision.verdict, Verdict::Inconclusive);
        assert!(decision.reasons[0].contains("zero or negative"));
    }

    #[test]
    fn an_uncalibrated_metric_is_refused_before_any_run() {
        let mut plan = sign_plan();
        plan.calibration = calibration(&[]);
        plan.calibration.warnings = vec!["6 of 6 calibration runs gave no value".to_owned()];
        let decision = replay(&tested(plan, vec![]));
        assert_eq!(
            decision.reasons,
            ["the metric could not be calibrated: 6 of 6 calibration runs gave no value"]
        );
    }

    #[test]
    fn numbers_that_are_none_never_keep() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let plan = SignPlan {
                scale: Scale::Difference,
                direction: Direction::Maximize,
                ..sign_plan()
            };
            let decision = replay(&tested(plan, steady(100.0, value)));
            assert_ne!(decision.verdict, Verdict::Keep, "{value}");
            let plan = SignPlan {
                sigma: value,
                ..sign_plan()
            };
            assert_ne!(
                replay(&tested(plan, steady(100.0, 94.0))).verdict,
                Verdict::Keep
            );
        }
    }

    #[test]
    fn a_plan_that_makes_no_sense_is_refused() {
        let broken: [fn(&mut SignPlan); 7] = [
            |it| it.give_up.clip = f64::NAN,
            |it| it.sigma = 0.0,
            |it| it.floor = -1.0,
            |it| it.delta = f64::NAN,
            |it| it.alpha = 1.0,
            |it| it.beta = 0.0,
            |it| it.epsilon = -1.0,
        ];
        for change in broken {
            let mut plan = sign_plan();
            change(&mut plan);
            let decision = replay(&tested(plan, steady(100.0, 94.0)));
            assert_eq!(decision.verdict, Verdict::Inconclusive);
            assert!(decision.reasons[0].contains("makes no sense"));
        }
    }

    #[test]
    fn a_margin_lets_the_same_pass() {
        let mut plan = sign_plan();
        plan.epsilon = 0.03;
        let evidence = tested(plan, steady(100.0, 100.0));
        assert_eq!(replay(&evidence).verdict, Verdict::Keep);
        assert!(matches!(decide(&evidence), Next::Stop(_)));
    }

    #[test]
    fn a_loss_elsewhere_is_to_be_paid_for() {
        let verdict = |shift| {
            let plan = SignPlan {
                shift,
                ..sign_plan()
            };
            replay(&tested(plan, steady(100.0, 97.0))).verdict
        };
        assert_eq!(verdict(-0.01), Verdict::Keep);
        assert_eq!(verdict(-0.03), Verdict::Revert);
    }

    #[test]
    fn a_number_in_another_unit_is_not_a_gain() {
        for factor in [1e3, 1e6, 60.0] {
            let decision = replay(&tested(sign_plan(), steady(100.0, 100.2 / factor)));
            assert_eq!(decision.verdict, Verdict::Inconclusive);
            assert!(decision.reasons[0].contains("another unit"), "{decision:?}");
        }
        let honest = replay(&tested(sign_plan(), steady(100.0, 0.2)));
        assert_eq!(honest.verdict, Verdict::Keep);
    }
}
