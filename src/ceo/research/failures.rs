//! Failure analysis: the instances that fall short on the unchanged code, sorted by how they do.

use std::fmt::Write as _;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ceo::Error;
use crate::ceo::session::Session;
use crate::eval::taxonomy::classify;
use crate::model::failure::{FailureCount, Kind};
use crate::model::measurement::Arm;
use crate::model::observation::Observation;
use crate::store::Reader;

/// Where the record keeps the kinds that are known.
const NOTE: &str = "failures.json";
/// Kinds that are named when an analysis ends.
const NAMED: usize = 3;

/// The kinds of one target, as the record keeps them.
#[derive(Serialize, Deserialize)]
struct Taxonomy {
    schema: String,
    kinds: Vec<Kind>,
}

/// What one analysis found.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::ceo) struct Analysis {
    /// How many instances there are.
    pub(in crate::ceo) instances: usize,
    /// Those that fall short, by kind, most frequent first.
    pub(in crate::ceo) failures: Vec<FailureCount>,
}

/// How many instances fell short in one way, when the run began and now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FailureChange {
    /// The id of its kind, the same in every run.
    pub kind: String,
    /// `error in parse: unexpected end of line #`.
    pub words: String,
    /// On the unchanged code when the run began.
    pub before: usize,
    /// On what is kept now.
    pub after: usize,
}

/// Returns every kind of two analyses, with its count in both.
pub(in crate::ceo) fn changes(before: &Analysis, after: &Analysis) -> Vec<FailureChange> {
    let count = |of: &Analysis, kind: &str| {
        let mut found = of.failures.iter().filter(|it| it.kind == kind);
        found.next().map_or(0, |it| it.count)
    };
    let gone = before
        .failures
        .iter()
        .filter(|it| count(after, &it.kind) == 0);
    let there = after.failures.iter();
    there
        .chain(gone)
        .map(|it| FailureChange {
            kind: it.kind.clone(),
            words: it.words(),
            before: count(before, &it.kind),
            after: count(after, &it.kind),
        })
        .collect()
}

impl Session<'_> {
    /// Runs the command once on the incumbent, and sorts the instances that fall short.
    pub(in crate::ceo) async fn analyse_failures(&mut self) -> Result<(), Error> {
        let research = self.bench.lab.profile.research.clone();
        let Some((research, file)) =
            research.and_then(|it| it.instances.clone().map(|file| (it, file)))
        else {
            return Ok(());
        };
        let metric = self.number(&research);
        let since = self.begin_phase("failure analysis", "what falls short, and how");
        let tree = self.incumbent.tree.clone();
        self.bench.lay_out(&self.target, Arm::Incumbent, &tree)?;
        let place = self.bench.arm(Arm::Incumbent);
        let lab = &self.bench.lab;
        let run = lab.measure_instances(&place, &metric, &file).await?;
        self.cost.metric_runs += 1;
        let instances = run.written.scores().map_err(|reason| Error::MetricBroken {
            name: metric.name.clone(),
            reason,
        })?;
        let mut kinds = self.known_kinds()?;
        let failures = classify(&instances, &mut kinds);
        self.remember_kinds(kinds)?;
        let analysis = Analysis {
            instances: instances.len(),
            failures,
        };
        self.end_phase("failure analysis", since, in_a_line(&analysis));
        if let Some(pursuit) = &mut self.pursuit {
            pursuit.take_failures(analysis);
        }
        Ok(())
    }

    /// Returns what the last analysis found, as observations.
    pub(in crate::ceo) fn observed_failures(&self) -> Vec<Observation> {
        let analysis = self.pursuit.as_ref().and_then(|it| it.failures());
        let Some(analysis) = analysis else {
            return Vec::new();
        };
        let failures = analysis.failures.iter().cloned();
        failures
            .map(|failures| Observation::InstancesFallShort {
                failures,
                of: analysis.instances,
            })
            .collect()
    }

    fn known_kinds(&self) -> Result<Vec<Kind>, Error> {
        match read(self.writer.reader())? {
            None => Ok(Vec::new()),
            Some(Ok(kinds)) => Ok(kinds),
            Some(Err(error)) => {
                self.notice(format!(
                    "`notes/{NOTE}` of the record cannot be read ({error}); the kinds of failures begin anew"
                ));
                Ok(Vec::new())
            }
        }
    }

    fn remember_kinds(&mut self, kinds: Vec<Kind>) -> Result<(), Error> {
        if self.request.dry_run {
            return Ok(());
        }
        let taxonomy = Taxonomy {
            schema: "factory.failures/1".to_owned(),
            kinds,
        };
        let text = serde_json::to_string_pretty(&taxonomy).expect("kinds are plain data");
        Ok(self.writer.note(NOTE, &text, Timestamp::now())?)
    }
}

fn read(reader: &Reader) -> Result<Option<Result<Vec<Kind>, serde_json::Error>>, Error> {
    let text = reader.note(NOTE)?;
    Ok(text.map(|text| serde_json::from_str::<Taxonomy>(&text).map(|it| it.kinds)))
}

/// `63 of 480 fall short: 41 wrong in rule: …; 22 error: …`.
fn in_a_line(analysis: &Analysis) -> String {
    let short: usize = analysis.failures.iter().map(|it| it.count).sum();
    let mut line = format!("{short} of {} fall short", analysis.instances);
    let named: Vec<String> = analysis
        .failures
        .iter()
        .take(NAMED)
        .map(|it| format!("{} {}", it.count, it.words()))
        .collect();
    if !named.is_empty() {
        line.push_str(": ");
        line.push_str(&named.join("; "));
    }
    let more = analysis.failures.len().saturating_sub(NAMED);
    if more > 0 {
        let _ = write!(line, "; and {more} more");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn analysis(counts: &[(&str, usize)]) -> Analysis {
        let failure = |(kind, count): &(&str, usize)| FailureCount {
            kind: (*kind).to_owned(),
            status: "wrong".to_owned(),
            stage: String::new(),
            cause: format!("cause {kind}"),
            count: *count,
            lost: 0.0,
        };
        Analysis {
            instances: 100,
            failures: counts.iter().map(failure).collect(),
        }
    }

    #[test]
    fn kinds_that_came_and_went_are_both_told() {
        let changes = changes(
            &analysis(&[("f1", 9), ("f2", 4)]),
            &analysis(&[("f1", 5), ("f3", 1)]),
        );
        let told: Vec<(&str, usize, usize)> = changes
            .iter()
            .map(|it| (it.kind.as_str(), it.before, it.after))
            .collect();
        assert_eq!(told, [("f1", 9, 5), ("f3", 0, 1), ("f2", 4, 0)]);
    }

    #[test]
    fn an_analysis_is_told_in_a_line() {
        assert_eq!(in_a_line(&analysis(&[])), "0 of 100 fall short");
        assert_eq!(
            in_a_line(&analysis(&[("f1", 9), ("f2", 4), ("f3", 3), ("f4", 1)])),
            "17 of 100 fall short: 9 wrong: cause f1; 4 wrong: cause f2; 3 wrong: cause f3; and 1 more"
        );
    }
}
