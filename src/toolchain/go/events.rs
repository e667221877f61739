//! The events of `go test -json`, by package.
//!
//! A test that prints without a newline hides its own result line from go before 1.20, so what has no
//! event is looked for in what was printed.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;

use crate::model::finding::TestOutcome;

/// A result at the end of a line, behind whatever the test printed.
static RESULT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"--- (PASS|FAIL|SKIP): (\S+) \((\d+\.\d+)s\)$")
        .expect("the pattern is a constant that the tests use")
});
/// What a failed check says, behind the place where it says it.
static PLACED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^\s+\S+\.go:\d+:\s*(.+)$").expect("the pattern is a constant that the tests use")
});

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Event {
    action: String,
    #[serde(default)]
    package: String,
    #[serde(default)]
    test: Option<String>,
    #[serde(default)]
    elapsed: Option<f64>,
    #[serde(default)]
    output: String,
}

/// How one test ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ended {
    pub(super) outcome: TestOutcome,
    pub(super) seconds: Option<f64>,
}

/// What one package reported.
#[derive(Debug, Default)]
pub(super) struct Reported {
    /// Its own end; `None` if it was never reached.
    pub(super) ended: Option<TestOutcome>,
    /// The tests that ended.
    pub(super) tests: BTreeMap<String, Ended>,
    /// Tests that began and did not end, in order.
    pub(super) unfinished: Vec<String>,
    /// What each test printed; what the package itself printed has no name.
    printed: BTreeMap<String, Vec<String>>,
}

/// Everything a run reported.
#[derive(Debug, Default)]
pub(super) struct Events {
    pub(super) packages: BTreeMap<String, Reported>,
    /// What the compiler said; go before 1.24 says it on standard error instead.
    pub(super) build_output: String,
    /// A package could not be built.
    pub(super) build_failed: bool,
}

impl Events {
    /// Reads the events; lines that are none are older versions' word on packages that do not build.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut events = Self::default();
        for line in text.lines() {
            if !line.starts_with('{') {
                events.build_failed |= is_build_failure(line);
                continue;
            }
            let event = serde_json::from_str(line).map_err(|error| format!("`{line}`: {error}"))?;
            events.add(event);
        }
        for package in events.packages.values_mut() {
            package.find_hidden_results();
        }
        Ok(events)
    }

    fn add(&mut self, event: Event) {
        match event.action.as_str() {
            "build-output" => self.build_output.push_str(&event.output),
            "build-fail" => self.build_failed = true,
            _ => {
                self.build_failed |= event.test.is_none() && is_build_failure(&event.output);
                self.packages
                    .entry(event.package.clone())
                    .or_default()
                    .add(event);
            }
        }
    }
}

fn is_build_failure(line: &str) -> bool {
    let line = line.trim_end();
    line.starts_with("FAIL")
        && (line.ends_with("[build failed]") || line.ends_with("[setup failed]"))
}

impl Reported {
    fn add(&mut self, event: Event) {
        let outcome = match event.action.as_str() {
            "pass" => TestOutcome::Passed,
            "fail" => TestOutcome::Failed,
            "skip" => TestOutcome::Skipped,
            "run" => return self.unfinished.extend(event.test),
            "output" => {
                let test = event.test.unwrap_or_default();
                return self.printed.entry(test).or_default().push(event.output);
            }
            _ => return,
        };
        let Some(test) = event.test else {
            self.ended = Some(outcome);
            return;
        };
        // The last word is the runner's own: what a test prints comes before its result.
        let seconds = event.elapsed;
        self.end(test, Ended { outcome, seconds });
    }

    fn end(&mut self, test: String, ended: Ended) {
        self.unfinished.retain(|it| *it != test);
        self.tests.insert(test, ended);
    }

    fn find_hidden_results(&mut self) {
        let mut found = Vec::new();
        for test in &self.unfinished {
            let own = |it: &str| it == test || it.starts_with(&format!("{test}/"));
            let lines = self.printed.get(test).into_iter().flatten();
            let results = lines.filter_map(|it| RESULT.captures(it.trim_end()));
            found.extend(results.filter(|it| own(&it[2])).map(|it| {
                let outcome = match &it[1] {
                    "PASS" => TestOutcome::Passed,
                    "SKIP" => TestOutcome::Skipped,
                    _ => TestOutcome::Failed,
                };
                let seconds = it[3].parse().ok();
                (it[2].to_owned(), Ended { outcome, seconds })
            }));
        }
        for (test, ended) in found {
            self.end(test, ended);
        }
    }

    /// Returns in a line why a test failed.
    pub(super) fn reason(&self, test: &str) -> Option<String> {
        let lines = || {
            self.printed
                .get(test)
                .into_iter()
                .flatten()
                .map(|it| it.trim_end())
        };
        let panic = lines().find(|it| it.starts_with("panic: "));
        let placed = || lines().find_map(|it| Some(PLACED.captures(it)?.get(1)?.as_str()));
        let is_frame = |it: &str| {
            it.is_empty() || it.starts_with("=== ") || it.trim_start().starts_with("--- ")
        };
        let other = || lines().find(|it| !is_frame(it));
        let line = panic.or_else(placed).or_else(other)?;
        Some(line.trim_end_matches(" [recovered]").trim().to_owned())
    }

    /// Returns the last telling line that the package itself printed.
    pub(super) fn last_words(&self) -> Option<&str> {
        let mut lines = self.printed.get("")?.iter().map(|it| it.trim());
        lines.rfind(|it| !it.is_empty() && *it != "FAIL" && !it.starts_with("FAIL\t"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(lines: &[&str]) -> Events {
        Events::parse(&lines.join("\n")).unwrap()
    }

    #[test]
    fn a_result_behind_printed_text_is_found() {
        let events = parse(&[
            r#"{"Action":"run","Package":"m","Test":"TestA"}"#,
            r#"{"Action":"output","Package":"m","Test":"TestA","Output":"words--- FAIL: TestA (0.25s)\n"}"#,
            r#"{"Action":"output","Package":"m","Test":"TestA","Output":"    --- PASS: TestA/x (0.00s)\n"}"#,
            r#"{"Action":"output","Package":"m","Test":"TestA","Output":"--- PASS: TestB (0.00s)\n"}"#,
            r#"{"Action":"fail","Package":"m","Elapsed":0.3}"#,
        ]);
        let package = &events.packages["m"];
        let found: Vec<_> = package
            .tests
            .iter()
            .map(|it| (it.0.as_str(), it.1.outcome))
            .collect();
        assert_eq!(
            found,
            [
                ("TestA", TestOutcome::Failed),
                ("TestA/x", TestOutcome::Passed)
            ]
        );
        assert_eq!(package.ended, Some(TestOutcome::Failed));
        assert!(package.unfinished.is_empty());
    }

    #[test]
    fn what_a_test_prints_cannot_speak_for_its_result() {
        let events = parse(&[
            r#"{"Action":"run","Package":"m","Test":"TestA"}"#,
            r#"{"Action":"pass","Package":"m","Test":"TestA","Elapsed":0}"#,
            r#"{"Action":"fail","Package":"m","Test":"TestA","Elapsed":0}"#,
        ]);
        let ended = &events.packages["m"].tests["TestA"];
        assert_eq!(ended.outcome, TestOutcome::Failed);
    }

    #[test]
    fn build_failures_of_all_versions_are_seen() {
        assert!(parse(&["FAIL\tm [build failed]"]).build_failed);
        assert!(parse(&["FAIL\tm [setup failed]"]).build_failed);
        let newer = parse(&[
            r#"{"ImportPath":"m","Action":"build-output","Output":"a.go:1:2: no\n"}"#,
            r#"{"ImportPath":"m","Action":"build-fail"}"#,
        ]);
        assert!(newer.build_failed && newer.build_output.contains("a.go:1:2"));
        let between = r#"{"Action":"output","Package":"m","Output":"FAIL\tm [build failed]\n"}"#;
        assert!(parse(&[between]).build_failed);
    }

    #[test]
    fn a_reason_is_what_the_check_said() {
        let events = parse(&[
            r#"{"Action":"output","Package":"m","Test":"TestA","Output":"=== RUN   TestA\n"}"#,
            r#"{"Action":"output","Package":"m","Test":"TestA","Output":"    a_test.go:6: bad thing\n"}"#,
        ]);
        assert_eq!(events.packages["m"].reason("TestA").unwrap(), "bad thing");
        assert_eq!(events.packages["m"].reason("TestB"), None);
    }
}
