//! Inconclusive experiments go on: the same trees, the same level, more pairs.

use std::time::Instant;

use super::others::Claimed;
use crate::ceo::Error;
use crate::ceo::branch::landing::{Held, Passed};
use crate::ceo::ideas::rank::Ranking;
use crate::ceo::session::{Incumbent, Session, count};
use crate::config;
use crate::decision;
use crate::model::experiment::{Candidate, Experiment, ExperimentEvent};
use crate::model::hypothesis::Hypothesis;
use crate::model::id::{ExperimentId, MetricName};
use crate::model::measurement::{Evidence, TestPlan};
use crate::model::verdict::{Decision, Verdict};

/// After so many experiments the most promising of the inconclusive ones goes on.
const EVERY: u32 = 5;

/// What the loop does next.
pub(in crate::ceo) enum Step {
    /// A hypothesis, from its build on.
    Try(Box<Hypothesis>),
    /// An inconclusive experiment goes on.
    Resume(Box<Unfinished>),
}

/// An inconclusive experiment with all that is needed to go on with it.
pub(in crate::ceo) struct Unfinished {
    original: Experiment,
    candidate: Candidate,
    metric: config::Metric,
    /// The samples of the undecided test, with room for more.
    evidence: Evidence,
}

impl Session<'_> {
    /// Returns what comes next; `None` where nothing is left to do.
    ///
    /// After every few experiments, and when nothing else is left, an inconclusive one goes on.
    pub(in crate::ceo) fn choose(&mut self, ranking: &Ranking) -> Result<Option<Step>, Error> {
        if let Some(id) = self.request.resume {
            if self.not_resumed.contains(&id) {
                return Ok(None);
            }
            return match self.unfinished(id)? {
                Ok(found) => Ok(Some(Step::Resume(Box::new(found)))),
                Err(reason) => Err(Error::NotResumable { id, reason }),
            };
        }
        let next = ranking.ranked.first().cloned();
        let is_due = self.since_resume >= EVERY || next.is_none();
        // One thing is one thing, and a dry run lists what is new.
        if is_due && self.request.focus.is_none() && !self.request.dry_run {
            for id in decision::resumable(self.history.all()) {
                if self.not_resumed.contains(&id) {
                    continue;
                }
                if let Ok(found) = self.unfinished(id)? {
                    return Ok(Some(Step::Resume(Box::new(found))));
                }
                self.not_resumed.insert(id);
            }
        }
        Ok(next.map(|it| Step::Try(Box::new(it))))
    }

    /// Returns an inconclusive experiment as it can go on, or why it cannot.
    fn unfinished(&self, id: ExperimentId) -> Result<Result<Unfinished, String>, Error> {
        let reader = self.writer.reader();
        let Some(original) = reader.experiment(id)? else {
            return Ok(Err("there is no such experiment".to_owned()));
        };
        if reader.pruned()?.contains(&id) {
            return Ok(Err("its candidate was pruned".to_owned()));
        }
        let further = match last_test(&original) {
            Some(test) => self.cut_off_later(&original, &test.metric)?,
            None => None,
        };
        Ok(self.check(original, further))
    }

    /// Returns the samples of the last continuation of an experiment's test that was cut off. Its pairs count:
    /// begun again without them, a test could be repeated until its luck is better.
    fn cut_off_later(
        &self,
        original: &Experiment,
        metric: &MetricName,
    ) -> Result<Option<Evidence>, Error> {
        let later = self.history.all().iter().rev();
        let later = later.filter(|it| it.resumes == Some(original.id));
        for it in later.filter(|it| it.verdict == Verdict::Spurious) {
            let experiment = self.writer.reader().experiment(it.id)?;
            let test = experiment.and_then(|it| it.test_of(metric).cloned());
            if let Some(evidence) = test {
                // What had passed and could not be landed has to pass again.
                let has_passed = decision::replay(&evidence).verdict == Verdict::Keep;
                return Ok((!has_passed).then_some(evidence));
            }
        }
        Ok(None)
    }

    fn check(&self, original: Experiment, further: Option<Evidence>) -> Result<Unfinished, String> {
        let verdict = original.decision.as_ref().map(|it| it.verdict);
        if verdict != Some(Verdict::Inconclusive) {
            let verdict = verdict.map_or("open", Verdict::name);
            return Err(format!("it is {verdict}, and only inconclusive ones go on"));
        }
        if original.resumes.is_some() {
            return Err("it went on once already".to_owned());
        }
        let then = original.turn.as_ref().map(|it| it.number);
        if let (Some(then), Some(sides)) = (then, &self.sides)
            && then != sides.turn().number
        {
            return Err(format!(
                "it was measured in turn {then}, against another opponent"
            ));
        }
        let later = self.history.all().iter();
        let mut later = later.filter(|it| it.resumes == Some(original.id));
        if let Some(later) = later.find(|it| it.verdict != Verdict::Spurious) {
            return Err(format!("it went on already, as experiment {}", later.id));
        }
        let (Some(candidate), Some(evidence)) = (&original.candidate, last_test(&original)) else {
            return Err("no metric was measured in it".to_owned());
        };
        if let Some(reason) = decision::oddity(evidence) {
            return Err(reason);
        }
        let Some(metric) = self.metric_named(evidence.metric.as_str()) else {
            return Err(format!("`{}` is no metric here any more", evidence.metric));
        };
        let now = self.bench.lab.binding();
        let then = original.binding.as_ref();
        if then.is_none_or(|it| it.eval_hash != now.eval_hash) {
            return Err(
                "the profile is another now, so that its pairs and new ones do not compare"
                    .to_owned(),
            );
        }
        if then.is_none_or(|it| it.environment != now.environment) {
            return Err("the machine or its tools are others now, so that its pairs and new ones do not compare".to_owned());
        }
        let TestPlan::SignBetting(plan) = &evidence.plan else {
            return Err("its test has no further pairs".to_owned());
        };
        let pair_seconds = 2.0 * plan.calibration.run_seconds;
        let affordable = self.affordable(pair_seconds).unwrap_or(u32::MAX);
        let n_before = count(evidence.pairs.len());
        let further = further.filter(|it| it.metric == evidence.metric);
        let evidence = further.as_ref().unwrap_or(evidence);
        let n_added = count(evidence.pairs.len()).saturating_sub(n_before);
        let most = plan.n_max.saturating_sub(n_added).min(affordable);
        let Some(evidence) = decision::prolonged(evidence, most) else {
            return Err("as many pairs again could not decide it".to_owned());
        };
        Ok(Unfinished {
            candidate: candidate.clone(),
            metric,
            evidence,
            original,
        })
    }

    /// Goes on with an inconclusive experiment, as an experiment of its own that holds all pairs.
    pub(in crate::ceo) async fn resume(
        &mut self,
        unfinished: Unfinished,
    ) -> Result<(Experiment, Option<Error>), Error> {
        let since = Instant::now();
        let before = self.cost;
        let original = &unfinished.original;
        self.since_resume = 0;
        self.not_resumed.insert(original.id);
        let hypothesis = original.hypothesis.clone();
        let on = Incumbent {
            commit: original.incumbent.clone(),
            tree: original.incumbent_tree.clone(),
            branch_tip: None,
        };
        let id = self.begin(&hypothesis, &on, Some(original.id))?;
        self.remarks.push(format!(
            "It goes on with experiment {}, which was inconclusive: all its pairs and its level count here.",
            original.id
        ));
        self.journal(&ExperimentEvent::Built {
            candidate: unfinished.candidate.clone(),
        })?;
        self.journal(&ExperimentEvent::Gated)?;
        let attempt = self.go_on(id, &hypothesis, unfinished).await;
        self.settle(id, &hypothesis, attempt, before, since)
    }

    /// Runs further pairs against the commit that the first ones were run against.
    async fn go_on(
        &mut self,
        id: ExperimentId,
        hypothesis: &Hypothesis,
        unfinished: Unfinished,
    ) -> Result<Decision, Error> {
        let Unfinished {
            original,
            candidate,
            metric,
            mut evidence,
        } = unfinished;
        let trees = [&original.incumbent_tree, &candidate.tree];
        if let Some(reason) = self.build_trees(id, &metric, trees).await? {
            return Ok(Decision::plain(Verdict::Spurious, reason));
        }
        if let TestPlan::SignBetting(plan) = &evidence.plan {
            let pair_seconds = 2.0 * plan.calibration.run_seconds;
            let n = plan.n_max - u32::try_from(evidence.pairs.len()).unwrap_or(plan.n_max);
            let most = std::time::Duration::from_secs_f64(f64::from(n) * pair_seconds);
            let most = crate::model::budget::words(std::time::Duration::from_secs(most.as_secs()));
            let detail = format!("at most {n} more pairs of the same two trees, in {most}");
            self.enter(id, "measure", detail);
        }
        let is_claim = original.others.is_empty();
        if !is_claim {
            for it in original.evidence.iter().chain(&original.others) {
                self.journal_test(it)?;
            }
        }
        // What is cold after so long says nothing about either arm.
        drop(self.run_pair(&metric).await?);
        let decided = self.run_pairs(id, &metric, &mut evidence).await?;
        let (mut decision, evidence, others) = if is_claim {
            (decided, Some(evidence), Vec::new())
        } else {
            let mut others = original.others.clone();
            others.pop();
            others.push(evidence);
            let claim = original.evidence.as_ref().map(decision::replay);
            (claim.unwrap_or(decided), original.evidence.clone(), others)
        };
        if let Some(evidence) = &evidence {
            self.believe(evidence, &mut decision);
        }
        let claimed = Claimed {
            hypothesis,
            trees,
            evidence: evidence.as_ref(),
            others,
            decision,
        };
        let (decision, others) = self.hold_to_others(id, claimed).await?;
        let held = self
            .hold(
                id,
                hypothesis,
                &original,
                &candidate,
                evidence.as_ref(),
                decision,
            )
            .await?;
        let dimensions = match &held.evaluation {
            Some(evaluation) => self.beside_baseline(evaluation),
            None => original.dimensions,
        };
        self.journal(&ExperimentEvent::Measured {
            dimensions,
            evidence: evidence.map(Box::new),
            others,
            binding: self.bench.lab.binding(),
            sandbox: self.bench.lab.sandbox.report(),
            landing: held.landing.map(Box::new),
        })?;
        let tree = held.evaluation.as_ref().map(|it| it.tree.clone());
        self.candidate_evaluation = held.evaluation;
        let tree = tree.unwrap_or(candidate.tree);
        self.check_holdout(id, Some(&metric), held.decision, &tree)
            .await
    }

    async fn hold(
        &mut self,
        id: ExperimentId,
        hypothesis: &Hypothesis,
        original: &Experiment,
        candidate: &Candidate,
        evidence: Option<&Evidence>,
        decision: Decision,
    ) -> Result<Held, Error> {
        if decision.verdict != Verdict::Keep {
            return Ok(Held {
                decision,
                evaluation: None,
                landing: None,
            });
        }
        let passed = Passed {
            incumbent: &original.incumbent,
            candidate,
            evidence,
            decision,
        };
        self.hold_to_head(id, hypothesis, passed).await
    }
}

/// Tests stop at the first that is not passed.
fn last_test(experiment: &Experiment) -> Option<&Evidence> {
    experiment.others.last().or(experiment.evidence.as_ref())
}
