//! What agents must not learn: the guards at hypothesis and diff, and what they are told of a verdict.

use std::collections::BTreeSet;

use crate::ceo::Error;
use crate::ceo::experiment::Stage;
use crate::ceo::session::Session;
use crate::eval::hidden::{self, Hidden};
use crate::gate::{self, FileFacts, Telltales};
use crate::model::dimension::Evaluation;
use crate::model::experiment::{Experiment, Summary};
use crate::model::hypothesis::Hypothesis;
use crate::model::id::TreeSha;
use crate::model::observation::Observation;
use crate::model::verdict::Decision;
use crate::model::violation::Violation;
use crate::repo::Target;

/// Readable text that is looked at for what gives nothing away, in bytes.
const MOST_READ: usize = 64 << 20;

/// What would give hidden files away, for the present incumbent.
#[derive(Default)]
pub(in crate::ceo) struct Withheld {
    of: Option<TreeSha>,
    telltales: Telltales,
    instances: BTreeSet<String>,
}

impl Withheld {
    /// Learns anew what gives hidden files away, now that others are hidden.
    pub(in crate::ceo) fn forget(&mut self) {
        self.of = None;
    }

    /// Adds the ids of instances, which no hypothesis and no diff may name.
    pub(in crate::ceo) fn note_instances<'a>(&mut self, ids: impl Iterator<Item = &'a String>) {
        let before = self.instances.len();
        self.instances.extend(ids.cloned());
        if self.instances.len() > before {
            self.of = None;
        }
    }
}

impl Session<'_> {
    /// Lets a hypothesis pass that needs nothing but what may be read.
    pub(in crate::ceo) fn guard_hypothesis(
        &mut self,
        hypothesis: &Hypothesis,
    ) -> Result<Stage<()>, Error> {
        let violations = gate::judge_hypothesis(self.telltales()?, hypothesis);
        self.tell_person(&violations);
        Ok(if violations.is_empty() {
            Stage::Proceed(())
        } else {
            Stage::Stop(Box::new(Decision::vetoed(violations)))
        })
    }

    /// Returns where a diff shows what its builder could not have read.
    pub(in crate::ceo) fn leaks(
        &mut self,
        facts: &[FileFacts],
        subjects: &[String],
    ) -> Result<Vec<Violation>, Error> {
        let violations = gate::judge_leakage(self.telltales()?, facts, subjects);
        self.tell_person(&violations);
        Ok(violations)
    }

    /// Returns the history as backends may read it.
    pub(in crate::ceo) fn history_for_agents(&mut self) -> Result<Option<Vec<Summary>>, Error> {
        if self.telltales()?.is_empty() {
            return Ok(None);
        }
        let telltales = &self.withheld.telltales;
        let mut summaries = self.history.to_learn_from().into_owned();
        for summary in &mut summaries {
            summary.reason = gate::redacted(telltales, &summary.reason);
        }
        Ok(Some(summaries))
    }

    /// Returns the measured incumbent as backends may read it, where that is not all of it.
    pub(in crate::ceo) fn baseline_for_agents(&mut self) -> Result<Option<Evaluation>, Error> {
        let is_all = self.telltales()?.is_empty();
        Ok((!is_all).then(|| for_agents(&self.withheld.telltales, self.baseline())))
    }

    /// Leaves out of what was seen whatever gives hidden files away.
    pub(in crate::ceo) fn withhold_from(
        &mut self,
        observations: &mut [Observation],
    ) -> Result<(), Error> {
        let telltales = self.telltales()?;
        for observation in observations {
            if let Observation::InstancesFallShort { failures, .. } = observation {
                for words in [
                    &mut failures.status,
                    &mut failures.stage,
                    &mut failures.cause,
                ] {
                    *words = gate::redacted(telltales, words);
                }
            }
            if let Observation::FailingTest { id } = observation {
                *id = gate::redacted(telltales, id);
            }
        }
        Ok(())
    }

    /// Returns an experiment as backends may read it.
    pub(in crate::ceo) fn for_agents(&self, experiment: &Experiment) -> Experiment {
        let mut told = Experiment {
            holdout: None,
            ..experiment.clone()
        };
        let evidence = told.evidence.iter_mut().chain(&mut told.others);
        for pair in evidence.flat_map(|it| &mut it.pairs) {
            pair.instance = None;
        }
        let telltales = &self.withheld.telltales;
        if let Some(decision) = &mut told.decision {
            for reason in &mut decision.reasons {
                *reason = gate::redacted(telltales, reason);
            }
            for violation in &mut decision.violations {
                violation.for_person = None;
                violation.detail = gate::redacted(telltales, &violation.detail);
            }
        }
        told
    }

    fn tell_person(&self, violations: &[Violation]) {
        for violation in violations {
            if let Some(what) = &violation.for_person {
                self.notice(format!("{violation}: {what}"));
            }
        }
    }

    /// Returns what would give hidden files away; learnt once for each incumbent.
    fn telltales(&mut self) -> Result<&Telltales, Error> {
        let profile = &self.bench.lab.profile;
        let hidden = Hidden::of(profile);
        let instances = profile
            .research
            .as_ref()
            .and_then(|it| it.instances.clone());
        let tree = &self.incumbent.tree;
        let is_known = self.withheld.of.as_ref() == Some(tree);
        if is_known || hidden.is_empty() && instances.is_none() {
            return Ok(&self.withheld.telltales);
        }
        let mut telltales = Telltales::default();
        if let Some(path) = &instances {
            telltales.learn_path(path);
            for id in &self.withheld.instances {
                telltales.learn_instance(id, path);
            }
        }
        learn(&mut telltales, &self.target, tree, &hidden, &|it| {
            self.bench.lab.policy().mutable.is_match(it)
        })?;
        self.withheld.of = Some(tree.clone());
        self.withheld.telltales = telltales;
        Ok(&self.withheld.telltales)
    }
}

/// Leaves out of an evaluation what its commands said of hidden files.
fn for_agents(telltales: &Telltales, evaluation: &Evaluation) -> Evaluation {
    let mut told = evaluation.clone();
    for dimension in &mut told.dimensions {
        dimension.detail = gate::redacted(telltales, &dimension.detail);
    }
    for finding in &mut told.findings {
        finding.message = gate::redacted(telltales, &finding.message);
    }
    for veto in &mut told.vetoes {
        veto.detail = gate::redacted(telltales, &veto.detail);
        veto.for_person = None;
    }
    told
}

/// Learns from the hidden files of a tree, and forgets what its other files say.
fn learn(
    telltales: &mut Telltales,
    target: &Target,
    tree: &TreeSha,
    hidden: &Hidden,
    is_mutable: &dyn Fn(&camino::Utf8Path) -> bool,
) -> Result<(), Error> {
    let mut readable = Vec::new();
    for path in target.list(tree)?.into_keys() {
        if !hidden.from_builders(&path) {
            readable.push(path);
            continue;
        }
        let bytes = target.read(tree, &path)?.unwrap_or_default();
        if let Some(text) = hidden::readable(&bytes) {
            telltales.learn(&hidden::telling(path, &text));
        } else {
            telltales.learn_path(&path);
        }
    }
    let mut n_read = 0;
    for path in readable {
        let bytes = target.read(tree, &path)?.unwrap_or_default();
        n_read += bytes.len();
        if n_read > MOST_READ {
            break;
        }
        if let Some(text) = hidden::readable(&bytes) {
            telltales.forget(&text, is_mutable(&path));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Profile;
    use crate::mechanic::fixtures::{evaluation, finding};

    #[test]
    fn what_a_command_said_of_a_hidden_instance_is_not_told() {
        let mut telltales = Telltales::default();
        telltales.learn_instance("dev/atis-113", "results.jsonl".into());
        let said = "wrong on dev/atis-113 alone";
        let mut measured = evaluation(vec![finding(("a.py", 1), "ruff", "F401", true)]);
        measured.dimensions[0].detail = said.to_owned();
        measured.findings[0].message = said.to_owned();
        let told = for_agents(&telltales, &measured);
        for text in [&told.dimensions[0].detail, &told.findings[0].message] {
            assert_eq!(text, "wrong on … alone");
        }
        assert_eq!(told.tree, measured.tree);
    }

    #[test]
    fn ids_are_learnt_anew_only_when_there_are_new_ones() {
        let mut withheld = Withheld {
            of: Some("a".repeat(40).parse().unwrap()),
            ..Withheld::default()
        };
        let ids = ["q17b".to_owned()];
        withheld.note_instances(ids.iter());
        assert_eq!(withheld.of, None);
        withheld.of = Some("a".repeat(40).parse().unwrap());
        withheld.note_instances(ids.iter());
        assert!(withheld.of.is_some());
    }

    #[test]
    fn nothing_is_hidden_without_research() {
        assert!(Hidden::of(&Profile::default()).is_empty());
    }
}
