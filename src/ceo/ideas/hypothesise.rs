//! Baseline to ranked hypotheses: prepare, measure the incumbent, look around, place bets.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::rank::{Past, Ranking, TRIED_NOW, rank};
use crate::agent::{ResearchInput, StrategyInput};
use crate::ceo::session::{Session, Wish};
use crate::ceo::{Error, evaluation_line};
use crate::eval::Depth;
use crate::eval::report::first_report;
use crate::model::dimension::{Status, Tier};
use crate::model::experiment::Experiment;
use crate::model::finding::TestOutcome;
use crate::model::hypothesis::Hypothesis;
use crate::model::id::StructuralKey;
use crate::model::measurement::Arm;
use crate::model::verdict::Verdict;
use crate::store::BacklogItem;
use crate::toolchain;

impl Session<'_> {
    /// Makes what the evals need, then measures the unchanged code; refuses to go on if nothing
    /// builds or collects.
    pub(in crate::ceo) async fn measure_baseline(&mut self) -> Result<(), Error> {
        let needs_language = self.request.mode.plan().needs_language;
        if needs_language && let Some(tool) = toolchain::missing_builder(&self.bench.lab.detection)
        {
            return Err(Error::ToolMissing {
                name: tool.name.clone(),
                install: tool.install.clone(),
            });
        }
        let since = self.begin_phase("prepare", "lay out the incumbent");
        let tree = self.incumbent.tree.clone();
        for notice in self.bench.prepare(&self.target, &tree).await? {
            self.notice(notice);
        }
        self.end_phase("prepare", since, "done");

        let since = self.begin_phase("baseline", "measure the unchanged code");
        let facts = self.history.facts();
        let evaluation = self
            .bench
            .evaluate(&self.target, Arm::Incumbent, &tree, Depth::Decisive, &facts)
            .await?;
        self.cost.evals += 1;
        if !evaluation.is_sound() {
            let reasons: Vec<String> = evaluation.vetoes.iter().map(ToString::to_string).collect();
            return Err(Error::NothingBuilds(reasons.join("; ")));
        }
        // A noisy metric is no part of the score, and is enough to try something.
        let has_metric = !self.bench.lab.profile.metrics.is_empty();
        if needs_language && evaluation.score.is_none() && !has_metric {
            let reason = "no known language was found, and no metric or guard is declared";
            return Err(Error::NothingBuilds(reason.to_owned()));
        }
        self.end_phase("baseline", since, evaluation_line(&evaluation));
        for dimension in &evaluation.dimensions {
            if dimension.tier == Tier::Project && dimension.status == Status::Failed {
                self.notice(format!(
                    "metric `{}` gives no number on the unchanged code: {}",
                    dimension.name, dimension.detail
                ));
                self.broken
                    .insert(dimension.name.to_string(), dimension.detail.clone());
            }
        }
        self.baseline = Some(evaluation);
        Ok(())
    }

    /// Makes the first report and shows it, before anything is tried.
    pub(in crate::ceo) async fn look_first(&mut self) -> Result<(), Error> {
        let since = self.begin_phase("first report", "what your suite notices, read-only");
        let tree = self.incumbent.tree.clone();
        // The suite that was just run may have written into the incumbent's tree.
        self.bench.lay_out(&self.target, Arm::Incumbent, &tree)?;
        self.bench.lay_out(&self.target, Arm::Candidate, &tree)?;
        let report = first_report(
            &self.bench.lab,
            &self.bench.arm(Arm::Incumbent),
            &self.bench.arm(Arm::Candidate),
            self.request.budget,
        )
        .await?;
        self.end_phase("first report", since, "done");
        self.quarantined.extend(report.flaky.iter().cloned());
        self.remember_flaky(report.flaky.iter().cloned())?;
        self.reporter.first_report(&report);
        self.say_if_nothing_judges_edits();
        self.first_report = Some(report);
        Ok(())
    }

    /// Says why functions are not edited by trial, where they would be.
    fn say_if_nothing_judges_edits(&self) {
        let research = self.bench.lab.profile.research.as_ref();
        let may_edit = research.is_some_and(|it| it.genetic.seconds > 0);
        if may_edit && self.baseline().tests.ids(TestOutcome::Passed).is_empty() {
            let why = "functions are not edited by trial: no test passes here, so none could notice what an edit breaks";
            self.notice(why.to_owned());
        }
    }

    /// Returns this cycle's hypotheses, best bet first, none of them tried before.
    pub(in crate::ceo) async fn hypothesise(&mut self) -> Result<Ranking, Error> {
        self.follow_incumbent().await?;
        if self.observations.is_none() {
            let mut observations = self.observe().await?;
            observations.extend(self.observed_failures());
            self.withhold_from(&mut observations)?;
            if self.request.focus.is_none() {
                self.rejections.forget(&mut observations);
            }
            self.observations = Some(observations);
        }
        let told = self.history_for_agents()?;
        let measured = self.baseline_for_agents()?;
        let copy = self.copy_for_agents()?;
        let ideas = self.writer.reader().ideas()?;
        let known = self.history.to_learn_from();
        let observations = self.observations.as_deref().unwrap_or_default();
        let input = StrategyInput {
            observations,
            evaluation: measured.as_ref().unwrap_or(self.baseline()),
            profile: &self.bench.lab.profile,
            history: told.as_deref().unwrap_or(&known),
            ideas: &ideas,
            tried: &self.tried,
            tree: self.bench.lay_out_for_reading(&self.target)?,
            copy: &copy,
        };
        let asked = self.answers(&input)?;
        let mut hypotheses: Vec<_> = self.halves.iter().cloned().collect();
        hypotheses.extend(self.waiting_hypotheses().cloned());
        let halves = hypotheses.len();
        hypotheses.extend(self.backend.strategise(&input).await?);
        let keys: BTreeSet<StructuralKey> = asked.iter().map(|it| it.key.clone()).collect();
        hypotheses.retain(|it| keys.contains(&it.key) || self.is_admitted(it));
        let past = Past {
            history: &self.history,
            tried: &self.tried,
            rejected: self.rejections.keys(),
            asked: &keys,
            broken: &self.broken,
        };
        let mut ranking = rank(hypotheses, past);
        if let Some(pursuit) = &self.pursuit {
            ranking.ranked.sort_by_key(|it| pursuit.is_done_with(it));
        }
        // What a person asks for comes before what was found.
        ranking.ranked.sort_by_key(|it| !keys.contains(&it.key));
        self.asked = asked;
        self.settle_with_backend();
        self.close_repeated_wishes(&ranking)?;
        if halves > 0 {
            // Halves of a vetoed candidate finish what was begun before a new bet is placed.
            // So does what is built already.
            let begun: Vec<&Hypothesis> = self
                .halves
                .iter()
                .chain(self.waiting_hypotheses())
                .collect();
            ranking
                .ranked
                .sort_by_key(|it| !begun.iter().any(|other| other.key == it.key));
        }
        Ok(ranking)
    }

    async fn observe(&mut self) -> Result<Vec<crate::model::observation::Observation>, Error> {
        let tree = self.incumbent.tree.clone();
        self.bench.lay_out(&self.target, Arm::Incumbent, &tree)?;
        let wishes = self.wishes()?;
        let measured = self.baseline_for_agents()?;
        let copy = self.copy_for_agents()?;
        let input = ResearchInput {
            lab: &self.bench.lab,
            tree: self.bench.lay_out_for_reading(&self.target)?,
            copy: &copy,
            evaluation: measured.as_ref().unwrap_or(self.baseline()),
            report: self.first_report.as_ref(),
            wishes: &wishes,
        };
        Ok(self.backend.research(&input).await?)
    }

    fn wishes(&self) -> Result<Vec<(String, String)>, Error> {
        if let Some(focus) = &self.request.focus {
            return Ok(vec![("focus".to_owned(), focus.clone())]);
        }
        let open = self.open_backlog()?.into_iter();
        Ok(open.map(|item| ("backlog".to_owned(), item.text)).collect())
    }

    fn open_backlog(&self) -> Result<Vec<BacklogItem>, Error> {
        let mut items = self.writer.reader().backlog()?;
        items.retain(|item| item.closed.is_none());
        Ok(items)
    }

    /// Returns each of a person's wishes with the hypothesis that answers it.
    fn answers(&self, input: &StrategyInput<'_>) -> Result<Vec<Wish>, Error> {
        let wish = |item: Option<u32>, text: String| Wish {
            key: self.backend.answer(input, &text),
            item,
            text,
        };
        if let Some(focus) = &self.request.focus {
            return Ok(vec![wish(None, focus.clone())]);
        }
        let open = self.open_backlog()?.into_iter();
        Ok(open.map(|it| wish(Some(it.id), it.text)).collect())
    }

    /// Closes the wishes whose answer was tried before on the same contents: asking again gives nothing
    /// new, and the reason says where to look.
    fn close_repeated_wishes(&mut self, ranking: &Ranking) -> Result<(), Error> {
        if self.request.dry_run {
            return Ok(());
        }
        for (hypothesis, reason) in &ranking.set_aside {
            let is_repeated =
                reason != TRIED_NOW && self.history.duplicate_of(hypothesis).is_some();
            for wish in self.asked.iter_mut().filter(|it| it.key == hypothesis.key) {
                if let Some(id) = wish.item.take_if(|_| is_repeated) {
                    self.writer.close_backlog(id, reason, Timestamp::now())?;
                }
            }
        }
        Ok(())
    }

    /// Closes the wishes that an experiment answered, with what became of them.
    ///
    /// What the infrastructure spoiled stays open.
    pub(in crate::ceo) fn close_wishes(&mut self, experiment: &Experiment) -> Result<(), Error> {
        let Some(decision) = &experiment.decision else {
            return Ok(());
        };
        if decision.verdict == Verdict::Spurious {
            return Ok(());
        }
        let reason = decision.reasons.first().map_or("", String::as_str);
        let how = format!(
            "experiment {}: {}: {reason}",
            experiment.id, decision.verdict
        );
        let key = &experiment.hypothesis.key;
        for wish in self.asked.iter_mut().filter(|it| it.key == *key) {
            if let Some(id) = wish.item.take() {
                self.writer.close_backlog(id, &how, Timestamp::now())?;
            }
        }
        Ok(())
    }

    /// Returns the ids that every candidate must pass: what passes on the incumbent, reliably.
    pub(in crate::ceo) fn required_tests(&self) -> std::collections::BTreeSet<String> {
        self.baseline()
            .tests
            .ids(TestOutcome::Passed)
            .into_iter()
            .filter(|id| !self.quarantined.contains(*id))
            .map(str::to_owned)
            .collect()
    }
}
