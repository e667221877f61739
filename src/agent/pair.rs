//! A backend made of two: a program plays what it can, and another backend the rest.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, LocalBoxFuture};

use super::command::Program;
use super::wire::{self, Ground, Task};
use super::{
    Backend, BuildInput, Checkpoint, Error, Played, ResearchInput, ReviewInput, StrategyInput,
    contract,
};
use crate::config::{Profile, Role};
use crate::model::dimension::Evaluation;
use crate::model::experiment::Experiment;
use crate::model::hypothesis::{Change, Claim, Hypothesis};
use crate::model::id::{StructuralKey, TreeSha};
use crate::model::observation::Observation;

/// The name of what the program proposes and builds.
const NAME: &str = "command";

/// A program, and what plays the roles that it leaves.
pub struct Pair {
    program: Program,
    rest: Box<dyn Backend>,
    /// What was proposed last, and for which tree: it is not asked again while some of it is untried.
    proposed: Mutex<Option<(TreeSha, Vec<Hypothesis>)>>,
}

impl Pair {
    /// Puts the two together.
    pub fn new(program: Program, rest: Box<dyn Backend>) -> Self {
        Self {
            program,
            rest,
            proposed: Mutex::default(),
        }
    }

    /// Returns whether the program is to build this.
    fn builds(&self, hypothesis: &Hypothesis) -> bool {
        let is_words = matches!(
            hypothesis.change,
            Change::Words { .. } | Change::Idea { .. }
        );
        is_words && self.program.plays(Role::Builder)
    }

    async fn observe(&self, input: &ResearchInput<'_>) -> Result<Vec<Observation>, Error> {
        let mut observations = self.rest.research(input).await?;
        let profile = &input.lab.profile;
        let question = wire::ResearcherInput {
            ground: ground(profile, Some(input.evaluation), &observations),
            observations: observations.clone(),
        };
        let asked = self.program.ask::<_, wire::Observations>(
            Role::Researcher,
            question,
            input.copy,
            &|_| Vec::new(),
        );
        let seen = self.or_note(asked.await)?.flatten();
        let seen = seen.into_iter().flat_map(|it| it.observations);
        observations.extend(seen.map(|it| Observation::Reported {
            text: it.text,
            places: it.places,
        }));
        Ok(observations)
    }

    async fn propose(&self, input: &StrategyInput<'_>) -> Result<Vec<Hypothesis>, Error> {
        if let Some(proposed) = self.untried(input) {
            return Ok(proposed);
        }
        let question = wire::StrategistInput {
            ground: ground(input.profile, Some(input.evaluation), input.observations),
            observations: input.observations.to_vec(),
            history: wire::tried(input.history),
            ideas: wire::ideas(input.ideas),
        };
        let faults = |answer: &wire::Hypotheses| {
            let all = answer.hypotheses.iter().zip(1..);
            all.flat_map(|(proposal, number)| {
                let faults = self.faults(proposal, input);
                faults
                    .into_iter()
                    .map(move |it| format!("hypothesis {number}: {it}"))
            })
            .collect()
        };
        let asked = self
            .program
            .ask(Role::Strategist, question, input.copy, &faults);
        let answer = self.or_note(asked.await)?.flatten();
        let proposals = answer.map_or_else(Vec::new, |it| it.hypotheses);
        let all = proposals.into_iter();
        let hypotheses: Vec<Hypothesis> = all
            .filter_map(|it| self.hypothesis(it, input).ok())
            .collect();
        let mut proposed = self.proposed.lock().unwrap_or_else(PoisonError::into_inner);
        *proposed = Some((input.evaluation.tree.clone(), hypotheses.clone()));
        Ok(hypotheses)
    }

    /// Returns what was proposed for this very tree and is not tried yet.
    fn untried(&self, input: &StrategyInput<'_>) -> Option<Vec<Hypothesis>> {
        let proposed = self.proposed.lock().unwrap_or_else(PoisonError::into_inner);
        let (tree, hypotheses) = proposed.as_ref()?;
        let left: Vec<Hypothesis> = hypotheses
            .iter()
            .filter(|it| is_untried(it, input))
            .cloned()
            .collect();
        (*tree == input.evaluation.tree && !left.is_empty()).then_some(left)
    }

    fn faults(&self, proposal: &wire::Proposal, input: &StrategyInput<'_>) -> Vec<String> {
        let hypothesis = match self.hypothesis(proposal.clone(), input) {
            Ok(hypothesis) => hypothesis,
            Err(fault) => return vec![fault],
        };
        let mut faults = contract::faults(&hypothesis);
        if let Claim::Moves { metric, .. } = &hypothesis.claim {
            let declared = input.profile.metrics.iter().map(|it| it.name.as_str());
            let measured = input.evaluation.dimensions.iter();
            let measured = measured.filter(|it| it.native.is_some());
            let known: Vec<&str> = declared
                .chain(measured.map(|it| it.name.as_str()))
                .collect();
            if !known.contains(&metric.as_str()) {
                faults.push(format!(
                    "`{metric}` is not measured here; known are {}",
                    known.join(", ")
                ));
            }
        }
        faults
    }

    /// Returns the hypothesis that a proposal makes.
    fn hypothesis(
        &self,
        proposal: wire::Proposal,
        input: &StrategyInput<'_>,
    ) -> Result<Hypothesis, String> {
        let wishes = || wishes(input.observations);
        let focus = wishes().find(|(source, _)| *source == "focus");
        let meant = proposal.wish.as_deref().map(str::trim);
        let wish = match focus {
            Some((_, text)) => Some(text),
            None => wishes()
                .map(|(_, text)| text)
                .find(|it| Some(it.trim()) == meant),
        };
        let what = if proposal.what.trim().is_empty() {
            proposal.title.clone()
        } else {
            proposal.what
        };
        // Words of a person may permit what words of an agent may not.
        let (key, change) = match wish {
            Some(text) => (
                self.rest.answer(input, text),
                Change::Words {
                    text: text.to_owned(),
                },
            ),
            None => (key(&proposal.title, &what)?, Change::Idea { text: what }),
        };
        let success = if proposal.success.is_empty() {
            vec![usual_success(&proposal.claim)]
        } else {
            proposal.success
        };
        Ok(Hypothesis {
            key,
            title: proposal.title,
            why: proposal.why,
            category: proposal.category,
            claim: proposal.claim,
            success,
            change,
            files: hashes(input.copy, proposal.files),
            expected_gain: proposal.expected_gain,
        })
    }

    /// Notes an answer that never came, where others can go on without it.
    fn or_note<T>(&self, asked: Result<T, Error>) -> Result<Option<T>, Error> {
        match asked {
            Ok(answer) => Ok(Some(answer)),
            Err(Error::NothingDelivered(reason)) => {
                self.program
                    .note(format!("{reason}; {} goes on without", self.rest.name()));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    async fn have_built(
        &self,
        input: &BuildInput<'_>,
        checkpoint: &mut Checkpoint<'_>,
    ) -> Result<(), Error> {
        let question = wire::BuilderInput {
            ground: ground(&input.lab.profile, None, &[]),
            hypothesis: task(input.hypothesis),
            variant: input.variant,
        };
        match self.program.build(question, input.dir).await? {
            Some(message) => checkpoint(&message),
            None => self.rest.build(input, checkpoint).await,
        }
    }

    async fn object(&self, input: &ReviewInput<'_>) -> Result<Vec<String>, Error> {
        let mut objections = self.rest.review(input).await?;
        let question = wire::ReviewerInput {
            hypothesis: task(input.hypothesis),
            diff: input.diff.to_owned(),
            put_back: input.candidate.neutralised.clone(),
        };
        let asked =
            self.program
                .ask::<_, wire::Review>(Role::Reviewer, question, input.copy, &|_| Vec::new());
        let review = self.or_note(asked.await)?.flatten();
        objections.extend(review.into_iter().flat_map(|it| it.objections));
        Ok(objections)
    }
}

impl Backend for Pair {
    fn name(&self) -> &'static str {
        NAME
    }

    fn builder_of(&self, hypothesis: &Hypothesis) -> &str {
        if self.builds(hypothesis) {
            NAME
        } else {
            self.rest.builder_of(hypothesis)
        }
    }

    fn builds_beside_others(&self, hypothesis: &Hypothesis) -> bool {
        self.builds(hypothesis)
    }

    fn is_foreign(&self) -> bool {
        true
    }

    fn research<'a>(
        &'a self,
        input: &'a ResearchInput<'a>,
    ) -> BoxFuture<'a, Result<Vec<Observation>, Error>> {
        self.observe(input).boxed()
    }

    fn strategise<'a>(
        &'a self,
        input: &'a StrategyInput<'a>,
    ) -> BoxFuture<'a, Result<Vec<Hypothesis>, Error>> {
        async move {
            let mut hypotheses = self.propose(input).await?;
            let others = self.rest.strategise(input).await?;
            let has_more = hypotheses.iter().any(|it| is_untried(it, input));
            let wanted: Vec<StructuralKey> = wishes(input.observations)
                .map(|(_, text)| self.rest.answer(input, text))
                .collect();
            let is_answered = |it: &Hypothesis| hypotheses.iter().any(|own| own.key == it.key);
            // Who was chosen proposes. The other backend has its turn when there is nothing left, or
            // where a person asked for what it can do.
            let others: Vec<Hypothesis> = others
                .into_iter()
                .filter(|it| !is_answered(it))
                .filter(|it| !has_more || wanted.contains(&it.key))
                .map(|it| {
                    if self.builds(&it) {
                        untested_wish(it, input.profile)
                    } else {
                        it
                    }
                })
                .collect();
            hypotheses.extend(others);
            Ok(hypotheses)
        }
        .boxed()
    }

    fn answer(&self, input: &StrategyInput<'_>, words: &str) -> StructuralKey {
        self.rest.answer(input, words)
    }

    fn build<'a>(
        &'a self,
        input: &'a BuildInput<'a>,
        checkpoint: &'a mut Checkpoint<'_>,
    ) -> LocalBoxFuture<'a, Result<(), Error>> {
        if self.builds(input.hypothesis) {
            self.have_built(input, checkpoint).boxed_local()
        } else {
            self.rest.build(input, checkpoint)
        }
    }

    fn review<'a>(
        &'a self,
        input: &'a ReviewInput<'a>,
    ) -> BoxFuture<'a, Result<Vec<String>, Error>> {
        self.object(input).boxed()
    }

    fn archive(&self, experiment: &Experiment) -> String {
        self.rest.archive(experiment)
    }

    fn closing_remark(&self, observations: &[Observation]) -> String {
        if self.program.plays(Role::Strategist) {
            "neither your program nor the mechanic proposes anything that was not tried".to_owned()
        } else {
            self.rest.closing_remark(observations)
        }
    }

    fn take_played(&self, dir: Option<&Utf8Path>) -> Played {
        self.program.take_played(dir)
    }
}

/// Returns whether nothing of the record, and nothing of this run, is this very idea.
fn is_untried(hypothesis: &Hypothesis, input: &StrategyInput<'_>) -> bool {
    let is_recorded = input.history.iter().any(|it| it.key == hypothesis.key);
    !is_recorded && !input.tried.contains(&hypothesis.key)
}

/// Returns what every role is told of the target.
fn ground(
    profile: &Profile,
    evaluation: Option<&Evaluation>,
    observations: &[Observation],
) -> Ground {
    let focus = wishes(observations).find(|(source, _)| *source == "focus");
    let objective = profile.research.as_ref().map(|it| it.objective.as_str());
    Ground {
        objective: focus.map(|it| it.1).or(objective).map(str::to_owned),
        dimensions: evaluation.map(Ground::dimensions).unwrap_or_default(),
        metrics: profile
            .metrics
            .iter()
            .map(|it| wire::Metric {
                name: it.name.clone(),
                direction: it.direction,
                unit: it.unit.clone(),
            })
            .collect(),
        mutable: profile.scope.mutable.clone(),
        fixed: profile.scope.fixed.clone(),
    }
}

fn wishes(observations: &[Observation]) -> impl Iterator<Item = (&str, &str)> {
    observations.iter().filter_map(|it| match it {
        Observation::Wish { text, source } => Some((source.as_str(), text.as_str())),
        _ => None,
    })
}

fn task(hypothesis: &Hypothesis) -> Task {
    let what = match &hypothesis.change {
        Change::Words { text } | Change::Idea { text } => text.clone(),
        _ => hypothesis.title.clone(),
    };
    Task {
        title: hypothesis.title.clone(),
        what,
        why: hypothesis.why.clone(),
        claim: hypothesis.claim.clone(),
        success: hypothesis.success.clone(),
    }
}

/// Gives a person's wish a claim that can be tested: there are no acceptance checks for it.
fn untested_wish(hypothesis: Hypothesis, profile: &Profile) -> Hypothesis {
    if !matches!(&hypothesis.claim, Claim::Meets { checks } if checks.is_empty()) {
        return hypothesis;
    }
    let research = profile.research.as_ref();
    let metric = research.and_then(|it| it.metric.parse().ok());
    let (claim, success) = match metric {
        Some(metric) => (
            Claim::Moves {
                metric,
                delta: None,
            },
            "the metric moves".to_owned(),
        ),
        None => (
            Claim::Keeps,
            "nothing gets worse; whether it does what was asked for is not tested".to_owned(),
        ),
    };
    Hypothesis {
        claim,
        success: vec![success],
        ..hypothesis
    }
}

fn usual_success(claim: &Claim) -> String {
    match claim {
        Claim::Moves { metric, .. } => format!("`{metric}` moves"),
        _ => "nothing gets worse".to_owned(),
    }
}

/// Returns the key of an idea: the same words are the same idea, and others another.
fn key(title: &str, what: &str) -> Result<StructuralKey, String> {
    let line = title.split_whitespace().collect::<Vec<_>>().join(" ");
    let line: String = line.to_lowercase().chars().take(100).collect();
    let digest = blake3::hash(what.trim().as_bytes()).to_hex();
    format!("idea:{line}:{}", &digest[..12])
        .parse()
        .map_err(|_| "the title is not one line of text".to_owned())
}

/// Returns each file with the hash of its contents, `absent` where there is none.
fn hashes(tree: &Utf8Path, files: Vec<Utf8PathBuf>) -> BTreeMap<Utf8PathBuf, String> {
    let stays = |it: &Utf8Path| {
        it.components()
            .all(|it| matches!(it, Utf8Component::Normal(_)))
    };
    let hash = |path: &Utf8Path| {
        let is_plain = stays(path)
            && tree.join(path).canonicalize_utf8().is_ok_and(|real| {
                tree.canonicalize_utf8()
                    .is_ok_and(|it| real.starts_with(it))
            });
        let bytes = is_plain
            .then(|| fs_err::read(tree.join(path)).ok())
            .flatten();
        bytes.map_or_else(
            || "absent".to_owned(),
            |it| blake3::hash(&it).to_hex().to_string(),
        )
    };
    let hashed = files.into_iter().map(|it| {
        let hash = hash(&it);
        (it, hash)
    });
    hashed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_words_are_another_idea() {
        let one = key("Use  a table", "rows of 64").unwrap();
        assert_eq!(one, key("use a table", " rows of 64 ").unwrap());
        assert_ne!(one, key("Use a table", "rows of 128").unwrap());
        assert!(one.as_str().starts_with("idea:use a table:"));
    }

    #[test]
    fn a_file_outside_the_tree_is_never_read() {
        let dir = tempfile::tempdir().unwrap();
        let tree = Utf8Path::from_path(dir.path()).unwrap();
        fs_err::write(tree.join("a.txt"), "a").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", tree.join("link")).unwrap();
        let files = ["a.txt", "link", "../x", "/etc/passwd", "none"];
        let found = hashes(tree, files.map(Utf8PathBuf::from).into());
        let absent: Vec<_> = found.iter().filter(|it| it.1 == "absent").collect();
        assert_eq!(absent.len(), 4, "{found:?}");
    }
}
