//! The documents of `factory.stage/1`: what a program is asked on its standard input, and what it answers.
//!
//! They are made for people who write such a program: no identifier or hash that only we could make.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use schemars::{JsonSchema, Schema, schema_for};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::config::Role;
use crate::model::dimension::{Direction, Evaluation, Native, Status};
use crate::model::experiment::Summary;
use crate::model::hypothesis::{Category, Claim};
use crate::model::idea::Idea;
use crate::model::observation::Observation;
use crate::model::verdict::{Effect, Verdict};
use crate::process::without_credentials;

/// The name of the contract.
pub const SCHEMA: &str = "factory.stage/1";

/// The last experiments that an agent is told of.
const HISTORY: usize = 200;

/// The longest subject of a commit.
const SUBJECT: usize = 200;

/// The longest text that anything of an answer may be, in bytes.
const TEXT: usize = 20_000;

/// The most that one answer may list.
const LIST: usize = 100;

/// One question, as it stands on standard input.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Question<T> {
    /// `factory.stage/1`.
    pub schema: String,
    /// What is asked for.
    pub role: Role,
    /// The JSON Schema of the answer.
    pub answer_schema: Schema,
    /// What was wrong with the last answer, where there was one.
    pub again: Option<Again>,
    /// What the role works on.
    pub input: T,
}

/// An answer that could not be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Again {
    /// Which attempt this is now, counted from 1.
    pub attempt: u32,
    /// How many there are.
    pub of: u32,
    /// What was wrong.
    pub wrong: String,
    /// The beginning of what was printed.
    pub printed: String,
}

/// What every role is told of the target.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct Ground {
    /// What the person wants, in their words.
    pub objective: Option<String>,
    /// How the unchanged code was measured.
    pub dimensions: Vec<Measured>,
    /// The project's own numbers.
    pub metrics: Vec<Metric>,
    /// Globs of what may be changed.
    pub mutable: Vec<String>,
    /// Globs of what may not; changes there are put back. Tests and the settings of tools are fixed too.
    pub fixed: Vec<String>,
}

/// One dimension of the unchanged code.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Measured {
    /// Its name.
    pub name: String,
    /// In [0, 1].
    pub score: Option<f64>,
    /// The quantity behind the score.
    pub native: Option<Native>,
    /// Whether the number exists.
    pub status: Status,
    /// What was run or found.
    pub detail: String,
}

/// One of the project's numbers.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Metric {
    /// Its name, for a claim.
    pub name: String,
    /// Which way is better.
    pub direction: Direction,
    /// Its unit.
    pub unit: String,
}

/// What a researcher gets.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ResearcherInput {
    /// The target.
    pub ground: Ground,
    /// What was seen already, by other means.
    pub observations: Vec<Observation>,
}

/// What a strategist gets.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct StrategistInput {
    /// The target.
    pub ground: Ground,
    /// What was seen; a person's wishes are among it.
    pub observations: Vec<Observation>,
    /// What was tried before, oldest first.
    pub history: Vec<Tried>,
    /// What others say they tried elsewhere; nobody here measured it, and it may be tried again.
    pub ideas: Vec<Idea>,
}

/// What a builder gets.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct BuilderInput {
    /// The target.
    pub ground: Ground,
    /// What to do.
    pub hypothesis: Task,
    /// Which of several builds of it this is: each should do it in another way, and the best is tested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<VariantOf>,
}

/// One of several builds of one hypothesis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct VariantOf {
    /// Counted from 1.
    pub number: u32,
    /// How many there are.
    pub of: u32,
}

/// What a reviewer gets.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ReviewerInput {
    /// What the diff is for.
    pub hypothesis: Task,
    /// The diff.
    pub diff: String,
    /// What the builder changed that it may not, and that was put back.
    pub put_back: Vec<String>,
}

/// A hypothesis, as a builder or reviewer needs it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Task {
    /// One line.
    pub title: String,
    /// What to do, at length.
    pub what: String,
    /// Why it should work.
    pub why: String,
    /// What must be shown for it to be kept.
    pub claim: Claim,
    /// What will be looked at to decide.
    pub success: Vec<String>,
}

/// An experiment that is over.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Tried {
    /// Its number.
    pub id: u32,
    /// What was tried.
    pub title: String,
    /// `moves`, `keeps` or another.
    pub claim: String,
    /// How it ended.
    pub verdict: Verdict,
    /// Why.
    pub reason: String,
    /// What moved.
    pub effect: Option<Effect>,
}

/// A role that is left to others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Declined {
    /// Always `true`.
    pub declines: bool,
}

/// What an answer says that it cost; recorded as reported, and trusted for nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Reported {
    /// Tokens of a model.
    pub tokens: u64,
    /// US dollars.
    pub usd: f64,
}

/// What a researcher answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Observations {
    /// What could be improved.
    pub observations: Vec<Seen>,
    /// What it cost.
    #[serde(default)]
    pub cost: Reported,
}

/// One thing that a researcher saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// In words.
    pub text: String,
    /// `path` or `path:line`.
    #[serde(default)]
    pub places: Vec<String>,
}

/// What a strategist answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hypotheses {
    /// What to try, best first.
    pub hypotheses: Vec<Proposal>,
    /// What it cost.
    #[serde(default)]
    pub cost: Reported,
}

/// One thing to try.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Proposal {
    /// One line of at most 72 characters, imperative.
    pub title: String,
    /// Why it should work.
    pub why: String,
    /// What must be shown: `moves` a metric, or `keeps` everything as good as it is.
    pub claim: Claim,
    /// What to do, at length, for the builder; the title where there is nothing more to say.
    #[serde(default)]
    pub what: String,
    /// The kind of bet.
    #[serde(default = "explore")]
    pub category: Category,
    /// What will be looked at to decide, in words.
    #[serde(default)]
    pub success: Vec<String>,
    /// Files that it will touch: while they stay as they are, the same proposal is not tried twice.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub files: Vec<Utf8PathBuf>,
    /// Expected gain of the composite score: 0.01 is one hundredth.
    #[serde(default)]
    pub expected_gain: f64,
    /// The person's wish that it answers, word for word.
    #[serde(default)]
    pub wish: Option<String>,
}

fn explore() -> Category {
    Category::Explore
}

/// What a builder answers, once the files are as they should be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Build {
    /// The message of the one commit that its work becomes.
    #[serde(default)]
    pub message: Option<String>,
    /// Why there is nothing to deliver.
    #[serde(default)]
    pub nothing: Option<String>,
    /// What it cost.
    #[serde(default)]
    pub cost: Reported,
}

/// What a reviewer answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Review {
    /// What speaks against the diff; none lets it pass.
    pub objections: Vec<String>,
    /// What it cost.
    #[serde(default)]
    pub cost: Reported,
}

/// An answer of some role.
pub trait Answer: DeserializeOwned + JsonSchema {
    /// Returns what is wrong with an answer of the right shape.
    fn faults(&self) -> Vec<String>;
    /// Returns what it says that it cost.
    fn cost(&self) -> Reported;
}

impl Answer for Observations {
    fn faults(&self) -> Vec<String> {
        let texts = self.observations.iter().map(|it| ("text", &*it.text));
        texts_at_fault(texts, self.observations.len())
    }

    fn cost(&self) -> Reported {
        self.cost
    }
}

impl Answer for Hypotheses {
    fn faults(&self) -> Vec<String> {
        let n_hypotheses = self.hypotheses.len();
        let texts = self
            .hypotheses
            .iter()
            .flat_map(|it| [("title", &*it.title), ("why", &*it.why)]);
        let mut faults = texts_at_fault(texts, n_hypotheses);
        for it in &self.hypotheses {
            if it.what.len() > TEXT {
                faults.push(format!("`what` is longer than {TEXT} bytes"));
            }
            if matches!(it.claim, Claim::Meets { .. } | Claim::Maintains) {
                let kind = it.claim.kind();
                faults.push(format!(
                    "a claim of the kind `{kind}` cannot be tested for you; use `moves` or `keeps`"
                ));
            }
        }
        faults
    }

    fn cost(&self) -> Reported {
        self.cost
    }
}

impl Answer for Build {
    fn faults(&self) -> Vec<String> {
        let Some(message) = &self.message else {
            let is_said = self
                .nothing
                .as_ref()
                .is_some_and(|it| !it.trim().is_empty());
            let fault = "neither a `message` nor why there is `nothing` to deliver";
            return (!is_said).then(|| fault.to_owned()).into_iter().collect();
        };
        let subject = message.lines().next().unwrap_or_default();
        let is_control = |it: char| it.is_control() && it != '\n' && it != '\t';
        let checks = [
            (
                subject.trim().is_empty(),
                "the first line of `message` is empty",
            ),
            (
                subject.chars().count() > SUBJECT,
                "the first line of `message` is longer than 200 characters",
            ),
            (message.len() > TEXT, "`message` is longer than 20000 bytes"),
            (
                message.chars().any(is_control),
                "`message` holds control characters",
            ),
        ];
        let wrong = checks.into_iter().filter(|(is_wrong, _)| *is_wrong);
        wrong.map(|(_, fault)| fault.to_owned()).collect()
    }

    fn cost(&self) -> Reported {
        self.cost
    }
}

impl Answer for Review {
    fn faults(&self) -> Vec<String> {
        let texts = self.objections.iter().map(|it| ("an objection", &**it));
        texts_at_fault(texts, self.objections.len())
    }

    fn cost(&self) -> Reported {
        self.cost
    }
}

fn texts_at_fault<'a>(
    texts: impl Iterator<Item = (&'a str, &'a str)>,
    n_items: usize,
) -> Vec<String> {
    let mut faults: Vec<String> = texts
        .filter_map(|(name, text)| {
            if text.trim().is_empty() {
                Some(format!("`{name}` is empty"))
            } else if text.len() > TEXT {
                Some(format!("`{name}` is longer than {TEXT} bytes"))
            } else {
                None
            }
        })
        .collect();
    if n_items > LIST {
        faults.push(format!("{n_items} entries, where at most {LIST} are read"));
    }
    faults.dedup();
    faults
}

/// What one output of a program turned out to be.
#[derive(Debug, PartialEq)]
pub enum Reading<T> {
    /// An answer of the right shape and sense.
    Answer(T),
    /// The role is left to others.
    Declined,
    /// What is wrong with it.
    Wrong(String),
}

/// Reads what a program printed: one JSON document, or one as the last line behind other talk.
pub fn read<T: Answer>(printed: &str) -> Reading<T> {
    let whole = printed.trim();
    let last = whole.lines().next_back().unwrap_or_default();
    let text = if serde_json::from_str::<serde::de::IgnoredAny>(whole).is_ok() {
        whole
    } else {
        last
    };
    if text.is_empty() {
        return Reading::Wrong("nothing was printed on standard output".to_owned());
    }
    if serde_json::from_str::<Declined>(text).is_ok_and(|it| it.declines) {
        return Reading::Declined;
    }
    match super::contract::read::<T>(text) {
        Err(wrong) => Reading::Wrong(wrong),
        Ok(answer) => {
            let mut faults = answer.faults();
            let usd = answer.cost().usd;
            if !usd.is_finite() || usd < 0.0 {
                faults.push("`cost.usd` is not a number of at least 0".to_owned());
            }
            if faults.is_empty() {
                Reading::Answer(answer)
            } else {
                Reading::Wrong(faults.join("; "))
            }
        }
    }
}

impl Ground {
    /// Returns what was measured of the unchanged code.
    pub fn dimensions(evaluation: &Evaluation) -> Vec<Measured> {
        let dimensions = evaluation.dimensions.iter();
        dimensions
            .map(|it| Measured {
                name: it.name.to_string(),
                score: it.score,
                native: it.native.clone(),
                status: it.status,
                detail: without_credentials(&it.detail),
            })
            .collect()
    }
}

/// Returns the last experiments, oldest first.
pub fn tried(history: &[Summary]) -> Vec<Tried> {
    let from = history.len().saturating_sub(HISTORY);
    history[from..]
        .iter()
        .map(|it| Tried {
            id: it.id.0,
            title: it.title.clone(),
            claim: it.claim.clone(),
            verdict: it.verdict,
            reason: it.reason.clone(),
            effect: it.effect.clone(),
        })
        .collect()
}

/// Returns the last ideas, oldest first.
pub fn ideas(ideas: &[Idea]) -> Vec<Idea> {
    ideas[ideas.len().saturating_sub(HISTORY)..].to_vec()
}

/// Returns the schemas of the contract, by name: questions and answers of each role.
pub fn schemas() -> BTreeMap<&'static str, Schema> {
    BTreeMap::from([
        ("observations", schema_for!(Observations)),
        ("hypotheses", schema_for!(Hypotheses)),
        ("build", schema_for!(Build)),
        ("review", schema_for!(Review)),
        ("researcher_input", schema_for!(Question<ResearcherInput>)),
        ("strategist_input", schema_for!(Question<StrategistInput>)),
        ("builder_input", schema_for!(Question<BuilderInput>)),
        ("reviewer_input", schema_for!(Question<ReviewerInput>)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROPOSAL: &str = r#"{"hypotheses":[{"title":"Cache the table","why":"it is rebuilt",
        "claim":{"kind":"moves","metric":"parse"}}],"cost":{"tokens":12,"usd":0.5}}"#;

    #[test]
    fn a_proposal_needs_a_title_a_reason_and_a_claim() {
        let Reading::Answer(answer) = read::<Hypotheses>(PROPOSAL) else {
            panic!("not read");
        };
        assert_eq!(answer.hypotheses[0].category, Category::Explore);
        assert_eq!(answer.cost.tokens, 12);
        let without = PROPOSAL.replace("\"why\":\"it is rebuilt\",", "");
        let Reading::Wrong(reason) = read::<Hypotheses>(&without) else {
            panic!("taken");
        };
        assert!(reason.contains("missing field `why`"), "{reason}");
    }

    #[test]
    fn the_last_line_counts_where_there_is_talk_before_it() {
        let printed = format!("thinking …\n{}\n", PROPOSAL.replace('\n', ""));
        assert!(matches!(read::<Hypotheses>(&printed), Reading::Answer(_)));
        assert!(matches!(
            read::<Hypotheses>("{\"declines\":true}"),
            Reading::Declined
        ));
    }

    #[test]
    fn garbage_is_explained_and_never_an_answer() {
        for printed in [
            "",
            "done!",
            "null",
            "[]",
            "{\"message\":1}",
            "{\"message\":\"\"}",
            "{\"message\":\"a\\u0007\"}",
            "{}",
            "{\"declines\":false}",
            "{\"message\":\"a\",\"verdict\":\"keep\"}",
            "{\"message\":\"a\",\"cost\":{\"usd\":-1}}",
            "{\"message\":\"a\",\"cost\":{\"usd\":1e999}}",
        ] {
            assert!(
                matches!(read::<Build>(printed), Reading::Wrong(_)),
                "{printed}"
            );
        }
        let deep = "[".repeat(100_000);
        assert!(matches!(read::<Build>(&deep), Reading::Wrong(_)));
    }

    #[test]
    fn claims_that_cannot_be_tested_are_explained() {
        let claim = r#"{"kind":"meets","checks":["it works"]}"#;
        let text = PROPOSAL.replace(r#"{"kind":"moves","metric":"parse"}"#, claim);
        let Reading::Wrong(reason) = read::<Hypotheses>(&text) else {
            panic!("taken");
        };
        assert!(reason.contains("use `moves` or `keeps`"), "{reason}");
    }

    #[test]
    fn every_role_has_a_question_and_an_answer() {
        assert_eq!(schemas().len(), 2 * Role::ALL.len());
    }
}
