//! What forbids a candidate once it was evaluated: broken tests, told from flaky ones, and metrics.

use std::collections::{BTreeMap, BTreeSet};

use super::{differ, dimension_pair, parse_name};
use crate::ceo::Error;
use crate::ceo::session::Session;
use crate::config;
use crate::eval::{Depth, GUARDS};
use crate::gate::{self, ReRuns, Suspicion};
use crate::model::dimension::Evaluation;
use crate::model::experiment::Candidate;
use crate::model::finding::{SuiteState, TestOutcome, TestRun};
use crate::model::hypothesis::Hypothesis;
use crate::model::id::{ExperimentId, TreeSha};
use crate::model::measurement::Arm;
use crate::model::verdict::{Decision, Verdict};
use crate::model::violation::{Rule, Violation};

/// How often a suspicious test is run again alone, on each arm.
const RE_RUNS: u32 = 5;
/// The most tests that are run again at a time: more than these do not fail by chance together.
const SUSPECTS: usize = 20;

impl Session<'_> {
    /// Returns the veto that the deterministic evaluation of both arms makes, if any.
    ///
    /// A test that fails is run again alone, on both arms in turn. What also fails on the incumbent is
    /// flaky, and decides nothing from then on. What says nothing alone is asked in one more whole
    /// suite of both arms.
    pub(in crate::ceo) async fn veto(
        &mut self,
        candidate: &Evaluation,
    ) -> Result<Option<Decision>, Error> {
        let mut told = BTreeMap::new();
        loop {
            let suspects = self.suspects(&candidate.tests, &told);
            if suspects.is_empty() || !candidate.is_sound() {
                break;
            }
            let incumbent = self.incumbent.tree.clone();
            self.lay_out_both(&incumbent, &candidate.tree)?;
            let runs = self.run_in_turn(&suspects).await?;
            let mut alone_says_nothing = BTreeSet::new();
            for (id, runs) in runs {
                match runs.suspicion() {
                    Suspicion::Flaky => self.quarantine(id)?,
                    Suspicion::Broken => drop(told.insert(id, runs.told())),
                    Suspicion::NeedsTheSuite => drop(alone_says_nothing.insert(id)),
                }
            }
            if told.is_empty()
                && !alone_says_nothing.is_empty()
                && let Some(decision) = self.ask_the_suite(&alone_says_nothing, &mut told).await?
            {
                return Ok(Some(decision));
            }
            if !told.is_empty() {
                break;
            }
        }
        let mut violations = self.judge(candidate);
        for violation in &mut violations {
            add_what_was_told(violation, &told);
        }
        Ok((!violations.is_empty()).then(|| Decision::vetoed(violations)))
    }

    /// Runs the tests near to the change first, where the suite is slow: a veto that comes early is cheap.
    pub(in crate::ceo) async fn first_look(
        &mut self,
        id: ExperimentId,
        candidate: &Candidate,
    ) -> Result<Option<Decision>, Error> {
        if !self.bench.lab.has_slow_suite() {
            return Ok(None);
        }
        self.bench
            .lay_out(&self.target, Arm::Candidate, &candidate.tree)?;
        let changed = self
            .target
            .changed_paths(&self.incumbent.tree, &candidate.tree)?;
        let required = self.required_tests();
        let place = self.bench.arm(Arm::Candidate);
        let lab = &self.bench.lab;
        let near = lab.worth_a_first_look(&place, &changed, &required);
        if near.is_empty() {
            return Ok(None);
        }
        let detail = format!(
            "{} of {} tests, near to the change",
            near.len(),
            required.len()
        );
        self.enter(id, "measure", detail);
        let run = lab.suite(&place, Some(&near)).await?;
        let failed = run.ids(TestOutcome::Failed).into_iter();
        let failed = failed.filter(|it| near.contains(*it)).take(SUSPECTS);
        let suspects: BTreeSet<String> = failed.map(str::to_owned).collect();
        if suspects.is_empty() || run.state != SuiteState::Completed {
            return Ok(None);
        }
        let incumbent = self.incumbent.tree.clone();
        self.lay_out_both(&incumbent, &candidate.tree)?;
        let mut violations = Vec::new();
        for (test, runs) in self.run_in_turn(&suspects).await? {
            match runs.suspicion() {
                Suspicion::Flaky => self.quarantine(test)?,
                Suspicion::Broken => {
                    let detail = format!("required test `{test}` fails; {}", runs.told());
                    violations.push(Violation::of(Rule::RequiredTest, detail));
                }
                // The whole suite is asked next.
                Suspicion::NeedsTheSuite => {}
            }
        }
        Ok((!violations.is_empty()).then(|| Decision::vetoed(violations)))
    }

    /// Returns how deep the first evaluation of a candidate goes: where pairs of runs are to follow,
    /// guards wait until the claim holds.
    pub(super) fn depth_before(&self, metric: Option<&config::Metric>) -> Depth {
        let profile = &self.bench.lab.profile;
        let has_guards = !profile.guards.is_empty();
        let are_constrained = profile.constraints.iter().any(|it| it.metric == GUARDS);
        if has_guards && !are_constrained && metric.is_some() {
            Depth::ButGuards
        } else {
            Depth::Decisive
        }
    }

    /// Runs the guards that waited for the claim, and lets them overrule a keep.
    pub(super) async fn guard_last(
        &mut self,
        id: ExperimentId,
        decision: Decision,
        candidate: &mut Evaluation,
    ) -> Result<Decision, Error> {
        let waited = candidate.dimension(GUARDS).is_none();
        if !waited || decision.verdict != Verdict::Keep {
            return Ok(decision);
        }
        self.enter(id, "measure", "the guards");
        self.bench
            .lay_out(&self.target, Arm::Candidate, &candidate.tree)?;
        let place = self.bench.arm(Arm::Candidate);
        self.bench.lab.add_guards(&place, candidate).await?;
        let violations = self.judge(candidate);
        Ok(if violations.is_empty() {
            decision
        } else {
            Decision::vetoed(violations)
        })
    }

    /// Returns the first of the tests that stand against the candidate and were not looked into yet.
    fn suspects(&self, tests: &TestRun, told: &BTreeMap<String, String>) -> BTreeSet<String> {
        let failed = tests.ids(TestOutcome::Failed);
        let failed_before = self.baseline().tests.ids(TestOutcome::Failed);
        let new = failed
            .into_iter()
            .filter(|id| !failed_before.contains(id))
            .map(str::to_owned);
        let passed = tests.ids(TestOutcome::Passed);
        let required = self.required_tests().into_iter();
        required
            .filter(|id| !passed.contains(id.as_str()))
            .chain(new)
            .filter(|id| !self.quarantined.contains(id) && !told.contains_key(id))
            .take(SUSPECTS)
            .collect()
    }

    /// Runs tests alone, incumbent and candidate in turn, so that a busy moment hits both arms.
    async fn run_in_turn(
        &mut self,
        ids: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, ReRuns>, Error> {
        let mut counts: BTreeMap<String, ReRuns> = BTreeMap::new();
        for _ in 0..RE_RUNS {
            for arm in [Arm::Incumbent, Arm::Candidate] {
                let place = self.bench.arm(arm);
                let run = self.bench.lab.suite(&place, Some(ids)).await?;
                let outcomes = run.by_id();
                for id in ids {
                    let outcome = outcomes.get(id.as_str());
                    let count = counts.entry(id.clone()).or_default();
                    match arm {
                        // What a runner cannot select by its id has not failed.
                        Arm::Incumbent if outcome == Some(&TestOutcome::Failed) => {
                            count.incumbent_failed += 1;
                        }
                        Arm::Candidate if outcome != Some(&TestOutcome::Passed) => {
                            count.candidate_failed += 1;
                        }
                        Arm::Incumbent | Arm::Candidate => {}
                    }
                }
            }
        }
        for count in counts.values_mut() {
            count.runs = RE_RUNS;
        }
        Ok(counts)
    }

    /// Runs the whole suite of both arms once more, for tests that say nothing alone. What failed once
    /// and nowhere again says nothing about the candidate, and the experiment may be tried again.
    async fn ask_the_suite(
        &mut self,
        ids: &BTreeSet<String>,
        told: &mut BTreeMap<String, String>,
    ) -> Result<Option<Decision>, Error> {
        let incumbent = self
            .bench
            .lab
            .suite(&self.bench.arm(Arm::Incumbent), None)
            .await?;
        let candidate = self
            .bench
            .lab
            .suite(&self.bench.arm(Arm::Candidate), None)
            .await?;
        let (before, after) = (incumbent.by_id(), candidate.by_id());
        let mut once = Vec::new();
        for id in ids {
            if before.get(id.as_str()) == Some(&TestOutcome::Failed) {
                self.quarantine(id.clone())?;
            } else if after.get(id.as_str()) == Some(&TestOutcome::Passed) {
                once.push(format!("`{id}`"));
            } else {
                let what = "it fails in both whole suites of the candidate and in none of the incumbent's, though not alone";
                told.insert(id.clone(), what.to_owned());
            }
        }
        let is_noise = told.is_empty() && !once.is_empty();
        Ok(is_noise.then(|| {
            let reason = format!(
                "{} failed in the candidate's suite, and then passed in {RE_RUNS} runs alone and in a second suite: that says nothing about the change",
                once.join(", ")
            );
            Decision::plain(Verdict::Spurious, reason)
        }))
    }

    pub(in crate::ceo) fn lay_out_both(
        &mut self,
        incumbent: &TreeSha,
        candidate: &TreeSha,
    ) -> Result<(), Error> {
        self.bench
            .lay_out(&self.target, Arm::Incumbent, incumbent)?;
        self.bench.lay_out(&self.target, Arm::Candidate, candidate)
    }

    /// Leaves a test out of what decides, in both arms, here and in later runs.
    fn quarantine(&mut self, id: String) -> Result<(), Error> {
        let notice =
            format!("`{id}` passes and fails on the unchanged code: quarantined in both arms");
        self.notice(notice.clone());
        self.remarks.push(notice);
        self.quarantined.insert(id.clone());
        self.remember_flaky([id])
    }

    /// Returns the veto of a metric that is declared deterministic, got worse and is not what the
    /// claim is about: that one has its own test.
    ///
    /// A second run of both arms must agree with the first; else the metric is noisy after all, and
    /// two single runs say nothing.
    pub(in crate::ceo) async fn veto_metrics(
        &mut self,
        id: ExperimentId,
        hypothesis: &Hypothesis,
        candidate: &Evaluation,
    ) -> Result<Option<Decision>, Error> {
        let claimed = self.claimed_metric(&hypothesis.claim).map(|it| it.name);
        let metrics = self.bench.lab.profile.metrics.iter();
        let metrics: Vec<config::Metric> = metrics
            .filter(|it| it.deterministic && Some(&it.name) != claimed.as_ref())
            .filter(|it| !self.noisy.contains(&it.name))
            .cloned()
            .collect();
        let mut violations = Vec::new();
        for metric in metrics {
            let limit = gate::DeterministicMetric {
                name: metric.name.clone(),
                tolerance: metric.tolerance.unwrap_or(0.0),
            };
            let found = gate::judge_metrics(&[limit], self.baseline(), candidate);
            if !found.is_empty() && self.is_confirmed(id, &metric, candidate).await? {
                violations.extend(found);
            }
        }
        Ok((!violations.is_empty()).then(|| Decision::vetoed(violations)))
    }

    /// Runs a deterministic metric on both arms once more; returns whether both agree with the first.
    async fn is_confirmed(
        &mut self,
        id: ExperimentId,
        metric: &config::Metric,
        candidate: &Evaluation,
    ) -> Result<bool, Error> {
        let tree = candidate.tree.clone();
        if self.build_arms(id, metric, &tree).await?.is_some() {
            return Ok(true);
        }
        let name = parse_name(&metric.name);
        let again = self.run_pair(metric).await?;
        let first = dimension_pair(&name, self.baseline(), candidate);
        let confirmed = !differ(&first.incumbent, &again.incumbent)
            && !differ(&first.candidate, &again.candidate);
        if !confirmed {
            self.demote(metric)?;
        }
        Ok(confirmed)
    }

    /// Judges a candidate by what it was measured on; guards that still wait are left out of both arms.
    fn judge(&self, candidate: &Evaluation) -> Vec<Violation> {
        let lab = &self.bench.lab;
        let unguarded = candidate
            .dimension(GUARDS)
            .is_none()
            .then(|| lab.without_guards(self.baseline()));
        self.beyond_price(gate::judge_evaluations(
            &self.required_tests(),
            &self.quarantined,
            unguarded.as_ref().unwrap_or(self.baseline()),
            candidate,
        ))
    }
}

/// Says of a broken test what its own runs showed.
fn add_what_was_told(violation: &mut Violation, told: &BTreeMap<String, String>) {
    if violation.rule != Rule::RequiredTest {
        return;
    }
    let named = violation.detail.split('`').nth(1);
    if let Some(what) = named.and_then(|id| told.get(id)) {
        violation.detail = format!("{}; {what}", violation.detail);
    }
}
