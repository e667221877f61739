//! Several variants of one hypothesis: all are built, the best on a pair or two each is tested.
//!
//! The test begins after the choice, on pairs of its own, and takes one index of its metric's stream,
//! however many variants there were.

use std::collections::BTreeSet;

use futures_util::future::join_all;

use crate::agent;
use crate::agent::wire::VariantOf;
use crate::ceo::Error;
use crate::ceo::experiment::{Stage, no_candidate};
use crate::ceo::measure::parse_name;
use crate::ceo::session::{Session, count};
use crate::config;
use crate::decision::{self, Screen};
use crate::model::experiment::{Candidate, ExperimentEvent};
use crate::model::hypothesis::Hypothesis;
use crate::model::id::{ExperimentId, TreeSha};
use crate::model::measurement::Arm;
use crate::model::screening::{Screening, Variant};

/// What one variant's builder delivered, or why nothing.
type Made = Result<Candidate, String>;

impl Session<'_> {
    /// Has all variants built and chooses between them; the hypothesis becomes the one that is to be tested.
    ///
    /// Where none passes the cheap gates, the first that was built goes on alone, to be judged by them.
    pub(in crate::ceo) async fn best_variant(
        &mut self,
        id: ExperimentId,
        hypothesis: &mut Hypothesis,
        variants: &[Hypothesis],
    ) -> Result<Stage<Candidate>, Error> {
        let metric = self.claimed_metric(&hypothesis.claim);
        let metric = metric.expect("only what claims a metric of the project has variants");
        if let Some(too_dear) = self.calibrate(id, &metric).await? {
            return Ok(Stage::stop(too_dear));
        }
        self.tried.extend(variants.iter().map(|it| it.key.clone()));
        let made = self.build_variants(id, variants).await?;
        let mut screening = self.begin_screening(&metric, variants, &made);
        self.weed(id, variants, &made, &mut screening).await?;
        self.race(id, &metric, &mut screening).await?;
        let winner = screening.winner.map(|it| it as usize - 1);
        let chosen = winner.or_else(|| made.iter().position(Result::is_ok));
        let chosen = chosen.and_then(|idx| Some((idx, made[idx].clone().ok()?)));
        let Some((idx, candidate)) = chosen else {
            return Ok(Stage::stop(no_candidate(reasons(&made))));
        };
        self.tell_choice(id, &screening);
        let is_other = variants[idx].key != hypothesis.key;
        hypothesis.clone_from(&variants[idx]);
        self.journal(&ExperimentEvent::Screened {
            screening: Box::new(screening),
            hypothesis: is_other.then(|| Box::new(hypothesis.clone())),
        })?;
        self.target.anchor(&candidate)?;
        self.journal(&ExperimentEvent::Built {
            candidate: candidate.clone(),
        })?;
        Ok(Stage::Proceed(candidate))
    }

    /// Returns the variants that compete for the test of a hypothesis, itself first; none where it is
    /// tested alone.
    pub(super) fn variants_of(
        &self,
        hypothesis: &Hypothesis,
        ranked: &[Hypothesis],
    ) -> Vec<Hypothesis> {
        if !self.is_screened(hypothesis) || self.place_in_queue(hypothesis).is_some() {
            return Vec::new();
        }
        let most = self.request.variants as usize;
        if self.backend.builds_beside_others(hypothesis) {
            return vec![hypothesis.clone(); most];
        }
        // A person who asks for a value means that one.
        let is_asked = |it: &Hypothesis| self.asked.iter().any(|wish| wish.key == it.key);
        let others = ranked
            .iter()
            .filter(|it| it.is_variant_of(hypothesis) && !is_asked(it));
        let variants: Vec<Hypothesis> = std::iter::once(hypothesis)
            .chain(others)
            .take(most)
            .cloned()
            .collect();
        if variants.len() < 2 || is_asked(hypothesis) {
            return Vec::new();
        }
        variants
    }

    /// Returns whether variants of a hypothesis may compete: where it claims a metric that is run in pairs.
    ///
    /// Instances are the same in each run, so that pairs of them would not be fresh in the test.
    pub(super) fn is_screened(&self, hypothesis: &Hypothesis) -> bool {
        let metric = self.claimed_metric(&hypothesis.claim);
        self.request.variants > 1 && metric.is_some_and(|it| self.instances_of(&it).is_none())
    }

    /// Has every variant built, as many at a time as a person allows where their builder does.
    async fn build_variants(
        &mut self,
        id: ExperimentId,
        variants: &[Hypothesis],
    ) -> Result<Vec<Made>, Error> {
        let who = self.backend.builder_of(&variants[0]);
        let (of, is_same) = (count(variants.len()), variants[0].key == variants[1].key);
        self.enter(id, "build", format!("{of} variants by the {who}"));
        let incumbent = self.incumbent.tree.clone();
        self.bench
            .lay_out(&self.target, Arm::Incumbent, &incumbent)?;
        let at_once = if self.backend.builds_beside_others(&variants[0]) {
            self.request.parallel.max(1) as usize
        } else {
            1
        };
        let numbered: Vec<(u32, &Hypothesis)> = (1..).zip(variants).collect();
        let mut made = Vec::new();
        for chunk in numbered.chunks(at_once) {
            let dirs = self.bench.builders(chunk.len());
            for dir in &dirs {
                self.bench
                    .lay_out_repository(&self.target, &incumbent, dir)?;
            }
            let jobs = chunk.iter().zip(&dirs).map(|((number, variant), dir)| {
                let number = *number;
                let told = is_same.then_some(VariantOf { number, of });
                self.play_builder(variant, told, dir, &|_| {})
            });
            let played = join_all(jobs).await;
            self.settle_with_backend();
            for ((_, variant), steps) in chunk.iter().zip(played) {
                made.push(match steps {
                    Ok(steps) => self.compose(variant, &steps)?,
                    Err(
                        agent::Error::NothingDelivered(reason) | agent::Error::OutOfTime(reason),
                    ) => Err(reason),
                    Err(error) => return Err(error.into()),
                });
            }
        }
        Ok(made)
    }

    fn begin_screening(
        &self,
        metric: &config::Metric,
        variants: &[Hypothesis],
        made: &[Made],
    ) -> Screening {
        let calibrated = &self.calibrations[&metric.name];
        let variants = (1..).zip(variants).zip(made);
        let variants = variants.map(|((number, hypothesis), made)| Variant {
            number,
            key: hypothesis.key.clone(),
            title: match made {
                Ok(candidate) if candidate.subjects.len() == 1 => candidate.subjects[0].clone(),
                _ => hypothesis.title.clone(),
            },
            tree: made.as_ref().ok().map(|it| it.tree.clone()),
            out: made.as_ref().err().cloned(),
            pairs: Vec::new(),
        });
        Screening {
            metric: parse_name(&metric.name),
            unit: metric.unit.clone(),
            direction: metric.direction,
            scale: calibrated.scale,
            most_pairs: decision::screening_pairs(calibrated.calibration.deterministic),
            variants: variants.collect(),
            winner: None,
        }
    }

    /// Takes out what a cheap gate forbids: the rules of the diff, and the tests near to the change.
    async fn weed(
        &mut self,
        id: ExperimentId,
        variants: &[Hypothesis],
        made: &[Made],
        screening: &mut Screening,
    ) -> Result<(), Error> {
        let mut seen: BTreeSet<TreeSha> = BTreeSet::new();
        for (idx, (hypothesis, made)) in variants.iter().zip(made).enumerate() {
            let Ok(candidate) = made else { continue };
            screening.variants[idx].out = if seen.insert(candidate.tree.clone()) {
                self.cheap_veto(id, hypothesis, candidate).await?
            } else {
                Some("it is the same as an earlier one".to_owned())
            };
        }
        Ok(())
    }

    async fn cheap_veto(
        &mut self,
        id: ExperimentId,
        hypothesis: &Hypothesis,
        candidate: &Candidate,
    ) -> Result<Option<String>, Error> {
        if let Stage::Stop(veto) = self.guard_hypothesis(hypothesis)? {
            return Ok(veto.reasons.into_iter().next());
        }
        if let Some(violation) = self.violations_of(hypothesis, candidate)?.first() {
            return Ok(Some(violation.to_string()));
        }
        let veto = self.first_look(id, candidate).await?;
        Ok(veto.and_then(|it| it.reasons.into_iter().next()))
    }

    /// Runs pairs until one variant is left, each beside the incumbent as it is run then.
    async fn race(
        &mut self,
        id: ExperimentId,
        metric: &config::Metric,
        screening: &mut Screening,
    ) -> Result<(), Error> {
        let of = screening.variants.len();
        loop {
            let next = match decision::screen(screening) {
                Screen::Nobody => return Ok(()),
                Screen::Test(idx) => {
                    screening.winner = Some(screening.variants[idx].number);
                    return Ok(());
                }
                Screen::Run(next) => next,
            };
            for idx in next {
                let variant = &mut screening.variants[idx];
                let Some(tree) = variant.tree.clone() else {
                    continue;
                };
                if let Some(reason) = self.build_arms(id, metric, &tree).await? {
                    variant.out = Some(reason);
                    continue;
                }
                let detail = format!("variant {} of {of}, one pair", variant.number);
                self.enter(id, "screen", detail);
                variant.pairs.push(self.run_pair(metric).await?);
            }
        }
    }

    fn tell_choice(&mut self, id: ExperimentId, screening: &Screening) {
        let (n, of) = (screening.n_pairs(), screening.variants.len());
        let Some(tested) = screening.tested() else {
            self.remarks
                .push(format!("None of its {of} variants passed the cheap gates."));
            return;
        };
        let pairs = if n == 1 { "pair" } else { "pairs" };
        self.remarks.push(format!(
            "It is variant {} of {of}, chosen on {n} {pairs} that count for nothing else.",
            tested.number
        ));
        self.notice(format!(
            "#{id}: variant {} of {of} is tested: {}",
            tested.number, tested.title
        ));
    }
}

/// Returns why there is no candidate at all, each reason once.
fn reasons(made: &[Made]) -> String {
    let failed = made.iter().filter_map(|it| it.as_ref().err());
    let reasons: BTreeSet<&str> = failed.map(String::as_str).collect();
    reasons.into_iter().collect::<Vec<_>>().join("; ")
}
