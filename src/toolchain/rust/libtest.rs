//! What a libtest program reports: its list of outcomes, and its summary.

use std::sync::LazyLock;

use regex::Regex;

use crate::model::finding::TestOutcome;

/// The line that every libtest program prints last.
static SUMMARY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"test result: (ok|FAILED)\. (\d+) passed; (\d+) failed; (\d+) ignored; (\d+) measured; (\d+) filtered out",
    )
    .expect("the pattern is valid")
});

/// A line with the time of a test.
static TIMED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?m)^test (\S+)(?: - should panic)? \.\.\. \w+ <([0-9.]+)s>")
        .expect("the pattern is valid")
});

/// A printed outcome; what a test's children print may stand before it on its line.
static PRINTED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?m)test (\S+)(?: - should panic)? \.\.\. (ok|FAILED|ignored|bench:)")
        .expect("the pattern is valid")
});

/// A line with the outcome of a documentation test.
static DOCTEST: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?m)^test (.+) \(line (\d+)\)(?: - [a-z ]+)? \.\.\. (ok|FAILED|ignored)")
        .expect("the pattern is valid")
});

/// Counts of a summary line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) ok: bool,
    pub(super) passed: usize,
    pub(super) failed: usize,
    pub(super) ignored: usize,
    pub(super) measured: usize,
}

/// Returns all summaries in a text, in order.
pub(super) fn summaries(text: &str) -> Vec<Summary> {
    let number = |it: &str| it.parse().unwrap_or(usize::MAX);
    SUMMARY
        .captures_iter(text)
        .map(|it| Summary {
            ok: &it[1] == "ok",
            passed: number(&it[2]),
            failed: number(&it[3]),
            ignored: number(&it[4]),
            measured: number(&it[5]),
        })
        .collect()
}

/// Returns the outcomes of a `--logfile`: `ok NAME`, `failed: REASON NAME`, `ignored: REASON NAME`.
///
/// A reason may go over several lines; the name is the last word of its record.
pub(super) fn outcomes(log: &str) -> Vec<(String, TestOutcome)> {
    let mut records: Vec<(TestOutcome, &str)> = Vec::new();
    for line in log.lines() {
        match (outcome_of(line), records.last_mut()) {
            (Some(outcome), _) => records.push((outcome, line)),
            (None, Some(last)) => last.1 = line,
            (None, None) => {}
        }
    }
    records
        .into_iter()
        .filter_map(|(outcome, line)| {
            Some((line.split_whitespace().next_back()?.to_owned(), outcome))
        })
        .collect()
}

/// Returns the outcomes that a program prints.
pub(super) fn printed(text: &str) -> Vec<(String, TestOutcome)> {
    let outcome = |word: &str| match word {
        "ok" | "bench:" => TestOutcome::Passed,
        "ignored" => TestOutcome::Skipped,
        _ => TestOutcome::Failed,
    };
    PRINTED
        .captures_iter(text)
        .map(|it| (it[1].to_owned(), outcome(&it[2])))
        .collect()
}

fn outcome_of(line: &str) -> Option<TestOutcome> {
    let word = line.split([' ', ':']).next()?;
    match word {
        "ok" | "measured" => Some(TestOutcome::Passed),
        "failed" => Some(TestOutcome::Failed),
        "ignored" => Some(TestOutcome::Skipped),
        _ => None,
    }
}

/// Returns why outcomes, summary and exit status do not belong together; `None` if they do.
pub(super) fn contradiction(
    outcomes: &[(String, TestOutcome)],
    summary: Summary,
    status: i32,
) -> Option<String> {
    let count = |wanted| outcomes.iter().filter(|it| it.1 == wanted).count();
    let listed = (
        count(TestOutcome::Passed),
        count(TestOutcome::Failed),
        count(TestOutcome::Skipped),
    );
    let summed = (
        summary.passed.saturating_add(summary.measured),
        summary.failed,
        summary.ignored,
    );
    if listed != summed {
        return Some(format!(
            "it lists {listed:?} passed, failed, ignored, but sums up {summed:?}"
        ));
    }
    let held = summary.failed == 0;
    (summary.ok != held || (status == 0) != held).then(|| {
        format!(
            "{} tests failed, but its exit status is {status}",
            summary.failed
        )
    })
}

/// Returns the seconds of each test.
pub(super) fn times(text: &str) -> Vec<(String, f64)> {
    TIMED
        .captures_iter(text)
        .filter_map(|it| Some((it[1].to_owned(), it[2].parse().ok()?)))
        .collect()
}

/// Returns documentation tests as (item, line, outcome).
pub(super) fn doctests(text: &str) -> Vec<(String, u32, TestOutcome)> {
    DOCTEST
        .captures_iter(text)
        .filter_map(|it| {
            let outcome = match &it[3] {
                "ok" => TestOutcome::Passed,
                "ignored" => TestOutcome::Skipped,
                _ => TestOutcome::Failed,
            };
            Some((it[1].to_owned(), it[2].parse().ok()?, outcome))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUMMARY_LINE: &str = "test result: FAILED. 2 passed; 1 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.01s";

    #[test]
    fn a_log_with_reasons_is_read() {
        let log = "ignored: too slow tests::ig\nok tests::ok\nfailed: panic did not contain\n  \
                   expected: `x` tests::sp\nok a\n";
        let read = outcomes(log);
        assert_eq!(
            read,
            [
                ("tests::ig".to_owned(), TestOutcome::Skipped),
                ("tests::ok".to_owned(), TestOutcome::Passed),
                ("tests::sp".to_owned(), TestOutcome::Failed),
                ("a".to_owned(), TestOutcome::Passed),
            ]
        );
        let summary = summaries(SUMMARY_LINE)[0];
        assert_eq!(contradiction(&read, summary, 101), None);
    }

    #[test]
    fn printed_outcomes_are_found_behind_what_a_child_prints() {
        let text = "running 4 tests\ntest a::b ... ok\nhellotest c - should panic ... ok\n\
                    test d ... FAILED\ntest e ... ignored, slow\n";
        let names: Vec<(String, TestOutcome)> = printed(text);
        assert_eq!(
            names,
            [
                ("a::b".to_owned(), TestOutcome::Passed),
                ("c".to_owned(), TestOutcome::Passed),
                ("d".to_owned(), TestOutcome::Failed),
                ("e".to_owned(), TestOutcome::Skipped),
            ]
        );
    }

    #[test]
    fn a_summary_that_disagrees_is_a_contradiction() {
        let summary = summaries(SUMMARY_LINE)[0];
        assert!(contradiction(&[], summary, 101).is_some());
        let all = outcomes("ok a\nok b\nfailed c\nignored d\n");
        assert_eq!(contradiction(&all, summary, 101), None);
        assert!(contradiction(&all, summary, 0).is_some());
    }

    #[test]
    fn times_and_doctests_are_read() {
        let text = "test a::b ... ok <0.012s>\ntest c - should panic ... ok <1.500s>\n";
        assert_eq!(
            times(text),
            [("a::b".to_owned(), 0.012), ("c".to_owned(), 1.5)]
        );
        let text = "test src/lib.rs - f (line 4) - compile ... ok\n\
                    test src/lib.rs - (line 1) ... FAILED\n\
                    test src/lib.rs - A<T>::g (line 9) - compile fail ... ok\n\
                    test src/lib.rs - h (line 12) ... ignored\n";
        let read = doctests(text);
        assert_eq!(
            read[0],
            ("src/lib.rs - f".to_owned(), 4, TestOutcome::Passed)
        );
        assert_eq!(read[1], ("src/lib.rs -".to_owned(), 1, TestOutcome::Failed));
        assert_eq!(read[2].0, "src/lib.rs - A<T>::g");
        assert_eq!(read[3].2, TestOutcome::Skipped);
    }
}
