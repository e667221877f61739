//! The first report, readable when tired: the answer first, then what to look at.

use crate::eval::report::{Answer, FirstReport};

use super::{number, style, text};

/// At most so many names are listed before "and more".
const LISTED: usize = 10;

/// At most so many reasons of failing tests are told.
const REASONS: usize = 3;

/// Returns the report as text.
pub fn render(report: &FirstReport, width: usize) -> String {
    let mut out = format!("{}\n", style::heading("First report"));
    out.push_str(&suite(&report.tests_your_source, width));
    out.push_str(&failing(report, width));
    out.push_str(&network_bound(report, width));
    out.push_str(&flaky(report, width));
    out.push_str(&slowest(report, width));
    out.push_str(&suppressions(report, width));
    out.push_str(&mutants(report, width));
    if !report.not_measured.is_empty() {
        out.push_str(&text::labelled("not measured", "", width));
        for reason in &report.not_measured {
            out.push_str(&text::bullet(&text::harmless(reason), width));
        }
    }
    out.push_str(&style::faint(&format!(
        "read-only; took {}\n",
        number::duration(report.seconds)
    )));
    out
}

fn suite(answer: &Answer, width: usize) -> String {
    let (mark, word) = match answer.yes {
        Some(true) => (style::good("yes"), "yes"),
        Some(false) => (style::bad("NO"), "NO"),
        None => (style::careful("unknown"), "unknown"),
    };
    let line = text::labelled(
        "your source",
        &format!("{word}: {}", text::harmless(&answer.detail)),
        width,
    );
    line.replacen(word, &mark, 1)
}

fn failing(report: &FirstReport, width: usize) -> String {
    if report.tests == 0 {
        return text::labelled("failing", "there is no test to fail", width);
    }
    let skipped = match report.skipped {
        0 => String::new(),
        n => format!(" ({n} skipped)"),
    };
    let tests = format!("{}{skipped}", number::count(report.tests, "tests"));
    if report.failing.is_empty() {
        return text::labelled("failing", &format!("none of {tests}"), width);
    }
    let summary = report.failing.len().to_string();
    let line = text::labelled("failing", &format!("{summary} of {tests}"), width);
    let mut out = line.replacen(&summary, &style::bad(&summary), 1);
    for (reason, n) in report.failing_because.iter().take(REASONS) {
        let words = format!("{n} × {}", text::harmless(reason));
        out.push_str(&text::bullet(&words, width));
    }
    if report.failing_because.iter().any(|it| is_missing(&it.0)) {
        let words = "what they need is not installed: install it beside the test runner, and run \
                     this again";
        out.push_str(&text::bullet(words, width));
    }
    for name in report.failing.iter().take(LISTED) {
        out.push_str(&text::bullet(&text::harmless(name), width));
    }
    out.push_str(&and_more(report.failing.len()));
    out
}

/// A module or a plugin of the test runner that is not there.
fn is_missing(reason: &str) -> bool {
    let is_fixture = reason.starts_with("fixture '") && reason.ends_with("' not found");
    is_fixture || reason.contains("No module named '")
}

fn names(
    label: &str,
    names: &[String],
    none: &str,
    paint: fn(&str) -> String,
    width: usize,
) -> String {
    if names.is_empty() {
        return text::labelled(label, none, width);
    }
    let summary = number::count(names.len(), "tests");
    let mut out = text::labelled(label, &summary, width).replacen(&summary, &paint(&summary), 1);
    for name in names.iter().take(LISTED) {
        out.push_str(&text::bullet(&text::harmless(name), width));
    }
    out.push_str(&and_more(names.len()));
    out
}

/// Says nothing where there is nothing to say: most suites need no network.
fn network_bound(report: &FirstReport, width: usize) -> String {
    if report.network_bound.is_empty() {
        return String::new();
    }
    let mut out = names("network", &report.network_bound, "", style::careful, width);
    let words = "these need the network, which evaluated code has not: they are left out; \
                 `network = true` under `[eval]` in factory.toml gives it to them";
    out.push_str(&text::bullet(words, width));
    out
}

fn flaky(report: &FirstReport, width: usize) -> String {
    let none = match report.suite_runs {
        0 => "not looked for".to_owned(),
        1 => "one run of the suite cannot tell".to_owned(),
        runs => format!("none seen in {runs} runs of the suite"),
    };
    names("flaky", &report.flaky, &none, style::careful, width)
}

fn slowest(report: &FirstReport, width: usize) -> String {
    let Some((_, longest)) = report.slowest.first() else {
        return String::new();
    };
    let mut out = text::labelled(
        "slowest",
        &format!("the slowest test takes {}", number::duration(*longest)),
        width,
    );
    for (id, seconds) in report.slowest.iter().take(5) {
        let time = number::duration(*seconds);
        let name = text::shorten(&text::harmless(id), width.saturating_sub(16));
        out.push_str(&format!("  {time:>10}  {name}\n"));
    }
    out
}

fn suppressions(report: &FirstReport, width: usize) -> String {
    let total: usize = report.suppressions.iter().map(|(_, n)| n).sum();
    if total == 0 {
        return text::labelled("suppressions", "none", width);
    }
    let parts: Vec<String> = report
        .suppressions
        .iter()
        .map(|(kind, n)| format!("{n} {kind}"))
        .collect();
    text::labelled("suppressions", &text::harmless(&parts.join(", ")), width)
}

fn mutants(report: &FirstReport, width: usize) -> String {
    let judged = report.mutants_run;
    if report.mutants_found == 0 {
        let is_explained = report
            .not_measured
            .iter()
            .any(|it| it.starts_with("mutants:"));
        let words = if is_explained {
            "none were sampled"
        } else {
            "none were found: no function outside tests, in a file that is read here, could be changed"
        };
        return text::labelled("mutants", words, width);
    }
    if judged == 0 {
        let found = number::count(report.mutants_found, "mutants");
        return text::labelled("mutants", &format!("none of {found} could be run"), width);
    }
    let alive = report.survivors.len();
    let mut words = format!(
        "{judged} of {} sampled; ",
        number::count(report.mutants_found, "mutants")
    );
    words.push_str(&match alive {
        0 => "the tests noticed every one".to_owned(),
        n => format!("{n} survived: no test noticed these changes"),
    });
    if report.mutants_unviable > 0 {
        words.push_str(&format!(
            " ({} did not compile and count neither way)",
            report.mutants_unviable
        ));
    }
    let mut out = text::labelled("mutants", &words, width);
    for it in &report.survivors {
        let place = format!("{}:{}", it.path, it.line);
        out.push_str(&text::bullet(
            &text::harmless(&format!("{place} in `{}`: {}", it.item, it.description)),
            width,
        ));
    }
    out
}

fn and_more(length: usize) -> String {
    match length.saturating_sub(LISTED) {
        0 => String::new(),
        more => format!("    and {more} more; `--json` lists all\n"),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::eval::report::Survivor;

    pub(in crate::ui) fn sample() -> FirstReport {
        FirstReport {
            network_bound: vec![],
            schema: "factory.report/1".into(),
            tests_your_source: Answer {
                yes: Some(false),
                detail: "the tests import `pkg` from site-packages, an installed copy, so no change here can be seen by them".into(),
            },
            suite_runs: 3,
            flaky: vec!["tests/test_net.py::test_get".into()],
            tests: 141,
            skipped: 3,
            failing: vec![],
            failing_because: vec![],
            slowest: vec![("tests/test_a.py::test_big".into(), 2.31)],
            suppressions: vec![("noqa".into(), 4), ("type: ignore".into(), 2)],
            mutants_found: 412,
            mutants_run: 20,
            survivors: vec![Survivor {
                path: "src/pkg/parse.py".into(),
                line: 18,
                item: "Parser.next".into(),
                description: "replace < with <=".into(),
            }],
            mutants_unviable: 1,
            not_measured: vec!["types: mypy is not installed (pip install mypy)".into()],
            seconds: 48.2,
        }
    }

    #[test]
    fn the_report_fits_eighty_columns_and_says_what_matters() {
        let text = anstream::adapter::strip_str(&render(&sample(), 80)).to_string();
        assert!(text.lines().all(|it| it.chars().count() <= 80), "{text}");
        insta::assert_snapshot!(text, @r#"
        First report
        your source  NO: the tests import `pkg` from site-packages, an installed copy,
                     so no change here can be seen by them
        failing      none of 141 tests (3 skipped)
        flaky        1 test
          · tests/test_net.py::test_get
        slowest      the slowest test takes 2.3 s
               2.3 s  tests/test_a.py::test_big
        suppressions 4 noqa, 2 type: ignore
        mutants      20 of 412 mutants sampled; 1 survived: no test noticed these
                     changes (1 did not compile and count neither way)
          · src/pkg/parse.py:18 in `Parser.next`: replace < with <=
        not measured
          · types: mypy is not installed (pip install mypy)
        read-only; took 48.2 s
        "#);
    }

    #[test]
    fn tests_that_need_the_network_are_told_apart_from_failing_ones() {
        let mut report = sample();
        assert_eq!(network_bound(&report, 80), "");
        report.network_bound = vec!["tests/test_net.py::test_get".into()];
        let text = anstream::adapter::strip_str(&network_bound(&report, 80)).to_string();
        insta::assert_snapshot!(text, @r"
        network      1 test
          · tests/test_net.py::test_get
          · these need the network, which evaluated code has not: they are left out;
            `network = true` under `[eval]` in factory.toml gives it to them
        ");
    }

    #[test]
    fn a_tree_without_functions_says_why_there_are_no_mutants() {
        let mut report = sample();
        report.mutants_found = 0;
        assert!(mutants(&report, 120).contains("no function outside tests"));
        report.not_measured = vec!["mutants: the suite has no tests".into()];
        assert!(mutants(&report, 120).contains("none were sampled"));
    }

    #[test]
    fn failing_tests_say_why_and_what_is_missing() {
        let mut report = sample();
        report.failing = vec!["tests/test_a.py::test_b".into()];
        report.failing_because = vec![("fixture 'benchmark' not found".into(), 1)];
        let text = anstream::adapter::strip_str(&failing(&report, 80)).to_string();
        insta::assert_snapshot!(text, @r"
        failing      1 of 141 tests (3 skipped)
          · 1 × fixture 'benchmark' not found
          · what they need is not installed: install it beside the test runner, and run
            this again
          · tests/test_a.py::test_b
        ");
    }
}
