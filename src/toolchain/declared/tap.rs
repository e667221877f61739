//! The Test Anything Protocol: `ok 1 - name`, `not ok 2 - name # TODO why`.

use std::sync::LazyLock;

use regex::Regex;

use super::suite::Told;
use crate::model::finding::TestOutcome;

static POINT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(not )?ok\b\s*(\d+)?\s*(?:-\s*)?([^#]*)(?:#\s*(\w+).*)?$")
        .expect("the pattern is a constant that the tests use")
});
static PLAN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^1\.\.(\d+)").expect("the pattern is a constant that the tests use")
});

/// Reads test points; indented ones belong to a test that has its own.
pub(super) fn parse(text: &str) -> Result<Vec<Told>, String> {
    let mut told = Vec::new();
    let mut plan: Option<usize> = None;
    for line in text.lines() {
        if let Some(reason) = line.strip_prefix("Bail out!") {
            return Err(format!("the suite gave up: {}", reason.trim()));
        }
        if let Some(found) = PLAN.captures(line) {
            plan = found[1].parse().ok();
        } else if let Some(found) = POINT.captures(line) {
            let number = found
                .get(2)
                .map_or(String::new(), |it| it.as_str().to_owned());
            let name = found[3].trim();
            let directive = found.get(4).map(|it| it.as_str().to_ascii_lowercase());
            let outcome = match (directive.as_deref(), found.get(1)) {
                (Some("skip" | "skipped" | "todo"), _) => TestOutcome::Skipped,
                (_, Some(_)) => TestOutcome::Failed,
                (_, None) => TestOutcome::Passed,
            };
            let name = if name.is_empty() {
                format!("test {number}")
            } else {
                name.to_owned()
            };
            told.push(Told::new(name, outcome));
        }
    }
    match plan {
        Some(planned) if planned != told.len() => Err(format!(
            "{planned} tests were planned, but {} were run",
            told.len()
        )),
        None => Err("there is no plan (`1..N`) in what was printed".into()),
        Some(_) => Ok(told),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, TestOutcome)> {
        let told = parse(text).unwrap();
        told.into_iter().map(|it| (it.name, it.outcome)).collect()
    }

    #[test]
    fn points_of_every_kind_are_read() {
        let text = "TAP version 13\n1..5\nok 1 - holds\nnot ok 2 - fails\n  ---\n  ...\n\
                    ok 3 - later # SKIP no tool\nnot ok 4 wanted # TODO\n    ok 1 - inner\nok\n# talk\n";
        let (passed, skipped) = (TestOutcome::Passed, TestOutcome::Skipped);
        let expected = [
            ("holds", passed),
            ("fails", TestOutcome::Failed),
            ("later", skipped),
            ("wanted", skipped),
            ("test ", passed),
        ];
        assert_eq!(read(text), expected.map(|it| (it.0.to_owned(), it.1)));
    }

    #[test]
    fn a_plan_that_was_not_kept_is_an_error() {
        assert!(
            parse("1..2\nok 1 - a\n")
                .unwrap_err()
                .contains("2 tests were planned")
        );
        assert!(parse("ok 1 - a\n").unwrap_err().contains("no plan"));
        assert!(
            parse("1..1\nBail out! no disk\n")
                .unwrap_err()
                .contains("no disk")
        );
        assert_eq!(read("1..0 # SKIP nothing to do\n"), []);
    }
}
