//! The JSON lines that our reporters write, and whether they agree with the exit status.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::model::finding::{SuiteState, TestCase, TestOutcome};
use crate::process::{Exit, Finished};

/// One line.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Line {
    Begin {
        id: String,
    },
    Case {
        id: String,
        outcome: TestOutcome,
        seconds: f64,
        #[serde(default)]
        reason: Option<String>,
    },
    Error {
        r#where: String,
        message: String,
    },
    Early {
        file: String,
    },
    End {
        cases: usize,
        stopped: bool,
    },
}

/// Everything a run reported.
#[derive(Default)]
pub(super) struct Report {
    pub(super) cases: Vec<TestCase>,
    /// Why tests failed, by id.
    pub(super) reasons: BTreeMap<String, String>,
    /// The test that began last: the one that a crash interrupted.
    begun: Option<String>,
    errors: Vec<(String, String)>,
    /// Files that ended their process before their tests were done.
    early: Vec<String>,
    end: Option<(usize, bool)>,
}

impl Report {
    /// Reads the lines; one that is not ours makes the report useless.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut report = Self::default();
        for line in text.lines() {
            let line = serde_json::from_str(line).map_err(|error| format!("`{line}`: {error}"))?;
            report.add(line);
        }
        Ok(report)
    }

    fn add(&mut self, line: Line) {
        match line {
            Line::Begin { id } => self.begun = Some(id),
            Line::Case {
                id,
                outcome,
                seconds,
                reason,
            } => {
                self.reasons.extend(reason.map(|it| (id.clone(), it)));
                self.cases.push(TestCase {
                    id,
                    outcome,
                    seconds: Some(seconds),
                });
            }
            Line::Error { r#where, message } => self.errors.push((r#where, message)),
            Line::Early { file } => self.early.push(file),
            Line::End { cases, stopped } => self.end = Some((cases, stopped)),
        }
    }

    /// Returns whether the run was stopped at a failure that nobody expected.
    pub(super) fn is_stopped(&self) -> bool {
        self.end.is_some_and(|it| it.1)
    }

    /// Returns whether the outcomes mean anything.
    pub(super) fn state(&self, finished: &Finished) -> SuiteState {
        let begun = || {
            self.begun
                .as_deref()
                .map_or(String::new(), |it| format!(" in `{it}`"))
        };
        if finished.exit == Exit::TimedOut {
            return SuiteState::TimedOut(format!(
                "the tests were {}{}",
                finished.explain(),
                begun()
            ));
        }
        let Some((cases, _)) = self.end else {
            return SuiteState::Broken(format!(
                "the runner died{}: {}",
                begun(),
                finished.explain()
            ));
        };
        if let Some(file) = self.early.first() {
            return SuiteState::Broken(format!(
                "`{file}` ended its process before its tests were done"
            ));
        }
        if let Some((place, message)) = self.errors.first() {
            let others = match self.errors.len() - 1 {
                0 => String::new(),
                n => format!(" (and {n} more)"),
            };
            return SuiteState::Broken(format!("{place}: {message}{others}"));
        }
        match self.contradiction(cases, finished) {
            Some(reason) => SuiteState::Broken(reason),
            None => SuiteState::Completed,
        }
    }

    fn contradiction(&self, cases: usize, finished: &Finished) -> Option<String> {
        let n = self.cases.len();
        if cases != n {
            return Some(format!("the runner counts {cases} tests, but lists {n}"));
        }
        let failed = self
            .cases
            .iter()
            .filter(|it| it.outcome == TestOutcome::Failed)
            .count();
        (finished.success() != (failed == 0) || matches!(finished.exit, Exit::Signal(_))).then(
            || {
                format!(
                    "{failed} tests failed, but the runner ended with {}",
                    finished.explain()
                )
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const FAILED: &str = r#"{"kind":"case","id":"a.js > x","outcome":"failed","seconds":0.5}"#;
    const PASSED: &str = r#"{"kind":"case","id":"a.js > y","outcome":"passed","seconds":0.5}"#;

    fn end(cases: usize) -> String {
        format!("{{\"kind\":\"end\",\"cases\":{cases},\"stopped\":false}}")
    }

    fn state(lines: &[&str], exit: Exit) -> SuiteState {
        let finished = Finished {
            exit,
            stdout: Vec::new(),
            stderr: b"boom".to_vec(),
            truncated: false,
            wall: Duration::ZERO,
        };
        Report::parse(&lines.join("\n")).unwrap().state(&finished)
    }

    #[test]
    fn a_report_that_agrees_with_its_exit_status_is_complete() {
        assert_eq!(
            state(&[FAILED, &end(1)], Exit::Code(1)),
            SuiteState::Completed
        );
        assert_eq!(
            state(&[FAILED, PASSED, &end(2)], Exit::Code(7)),
            SuiteState::Completed
        );
        assert_eq!(state(&[&end(0)], Exit::Code(0)), SuiteState::Completed);
    }

    #[test]
    fn any_disagreement_is_broken() {
        let early = r#"{"kind":"early","file":"/t/a.js","own":true}"#;
        for (lines, exit) in [
            (vec![FAILED, &end(1)], Exit::Code(0)),
            (vec![PASSED, &end(1)], Exit::Code(1)),
            (vec![FAILED, &end(2)], Exit::Code(1)),
            (vec![PASSED], Exit::Code(0)),
            (vec![PASSED, early, &end(1)], Exit::Code(0)),
            (vec![&end(0)], Exit::Signal(11)),
        ] {
            assert!(
                matches!(state(&lines, exit), SuiteState::Broken(_)),
                "{lines:?}"
            );
        }
        assert!(Report::parse("{\"kind\":\"bogus\"}").is_err());
    }
}
