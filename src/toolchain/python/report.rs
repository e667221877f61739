//! The JSON lines that our helper programs write, and whether they agree with the exit status.

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8Path;
use serde::Deserialize;

use crate::model::finding::{SuiteState, TestCase, TestOutcome};
use crate::process::{Exit, Finished};
use crate::toolchain::Origin;

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
    End {
        cases: usize,
        status: i32,
        origins: BTreeMap<String, String>,
        #[serde(default)]
        installed: BTreeMap<String, String>,
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
    end: Option<End>,
    /// Files of the tree's own packages, as imported by any process of the run.
    origins: BTreeSet<(String, String)>,
}

struct End {
    cases: usize,
    status: i32,
    /// Copies that lie elsewhere, of packages that the runner itself did not import.
    installed: BTreeMap<String, String>,
}

impl Report {
    /// Reads the lines; one that is not ours makes the report useless.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut report = Self::default();
        for line in text.lines() {
            let line = serde_json::from_str(line).map_err(|error| format!("`{line}`: {error}"))?;
            report.add(line);
        }
        report.cases.sort_by(|a, b| a.id.cmp(&b.id));
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
            Line::End {
                cases,
                status,
                origins,
                installed,
            } => {
                self.origins.extend(origins);
                self.end = Some(End {
                    cases,
                    status,
                    installed,
                });
            }
        }
    }

    /// Returns whether the outcomes mean anything.
    ///
    /// The exit statuses are pytest's: 0 all held, 1 some did not, 5 there were none; 2, 3 and 4 say
    /// that the suite could not be run.
    pub(super) fn state(&self, finished: &Finished) -> SuiteState {
        if finished.exit == Exit::TimedOut {
            let test = self
                .begun
                .as_deref()
                .map_or(String::new(), |it| format!(" in `{it}`"));
            return SuiteState::TimedOut(format!("the tests were {}{test}", finished.explain()));
        }
        if let Some((place, message)) = self.errors.first() {
            let others = match self.errors.len() - 1 {
                0 => String::new(),
                n => format!(" (and {n} more)"),
            };
            return SuiteState::Broken(format!("cannot collect `{place}`: {message}{others}"));
        }
        let Some(end) = &self.end else {
            let test = self
                .begun
                .as_deref()
                .map_or(String::new(), |it| format!(" in `{it}`"));
            return SuiteState::Broken(format!("the runner died{test}: {}", finished.explain()));
        };
        match self.contradiction(end, finished) {
            Some(reason) => SuiteState::Broken(reason),
            None => SuiteState::Completed,
        }
    }

    fn contradiction(&self, end: &End, finished: &Finished) -> Option<String> {
        let failed = self
            .cases
            .iter()
            .filter(|it| it.outcome == TestOutcome::Failed)
            .count();
        let explain = || finished.explain();
        if finished.exit != Exit::Code(end.status) {
            return Some(format!(
                "the runner ended with {}, but says {}",
                explain(),
                end.status
            ));
        }
        if end.cases != self.cases.len() {
            return Some(format!(
                "the runner counts {} tests, but lists {}",
                end.cases,
                self.cases.len()
            ));
        }
        match end.status {
            0 if failed == 0 => None,
            1 if failed > 0 => None,
            5 if self.cases.is_empty() => None,
            0 | 1 | 5 => Some(format!(
                "{failed} tests failed, but the runner ended with {}",
                explain()
            )),
            _ => Some(format!("the runner could not work: {}", explain())),
        }
    }

    /// Adds what other processes of the run imported, a line each; a torn line says nothing.
    pub(super) fn with_origins(mut self, text: &str) -> Self {
        for line in text.lines() {
            let told: BTreeMap<String, String> = serde_json::from_str(line).unwrap_or_default();
            self.origins.extend(told);
        }
        self
    }

    /// Returns where the code that the tests imported lives.
    pub(super) fn origin(&self, packages: &[String], tree: &Utf8Path) -> Origin {
        let foreign = |it: &&(String, String)| !Utf8Path::new(&it.1).starts_with(tree);
        if let Some((_, file)) = self.origins.iter().find(foreign) {
            return Origin::Elsewhere(file.clone());
        }
        if !self.origins.is_empty() {
            return Origin::Tree;
        }
        let Some(end) = &self.end else {
            return Origin::Unknown("the runner did not finish".into());
        };
        let copy = end.installed.values().next();
        Origin::Unknown(match (packages, copy) {
            ([], _) => "no importable package was found in the tree".into(),
            (_, None) => format!("the tests import none of `{}`", packages.join("`, `")),
            (_, Some(copy)) => format!(
                "the tests import none of `{}` where we can see it, and a copy is installed at {copy}",
                packages.join("`, `")
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn finished(exit: Exit) -> Finished {
        Finished {
            exit,
            stdout: Vec::new(),
            stderr: b"boom".to_vec(),
            truncated: false,
            wall: Duration::ZERO,
        }
    }

    const CASE: &str = r#"{"kind":"case","id":"a.py::x","outcome":"failed","seconds":0.5}"#;

    fn end(cases: usize, status: i32) -> String {
        format!(
            r#"{{"kind":"end","cases":{cases},"status":{status},"origins":{{}},"tree":"/t","seconds":1}}"#
        )
    }

    fn state(lines: &[&str], exit: Exit) -> SuiteState {
        Report::parse(&lines.join("\n"))
            .unwrap()
            .state(&finished(exit))
    }

    #[test]
    fn a_report_that_agrees_with_its_exit_status_is_complete() {
        assert_eq!(
            state(&[CASE, &end(1, 1)], Exit::Code(1)),
            SuiteState::Completed
        );
        assert_eq!(state(&[&end(0, 5)], Exit::Code(5)), SuiteState::Completed);
    }

    #[test]
    fn any_disagreement_is_broken() {
        for (lines, exit) in [
            (vec![CASE, &end(1, 0)], Exit::Code(0)),
            (vec![CASE, &end(1, 1)], Exit::Code(0)),
            (vec![CASE, &end(2, 1)], Exit::Code(1)),
            (vec![CASE], Exit::Code(1)),
            (vec![&end(0, 4)], Exit::Code(4)),
            (vec![&end(0, 0)], Exit::Signal(11)),
        ] {
            assert!(
                matches!(state(&lines, exit), SuiteState::Broken(_)),
                "{lines:?}"
            );
        }
    }

    #[test]
    fn a_crash_names_the_test_that_it_interrupted() {
        let begin = r#"{"kind":"begin","id":"a.py::crash"}"#;
        let SuiteState::Broken(reason) = state(&[begin], Exit::Signal(11)) else {
            panic!("a crash must be broken");
        };
        assert!(
            reason.contains("a.py::crash") && reason.contains("signal 11"),
            "{reason}"
        );
    }

    #[test]
    fn a_line_that_is_not_ours_is_refused() {
        assert!(Report::parse("{\"kind\":\"bogus\"}").is_err());
    }
}
