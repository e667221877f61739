//! `JUnit`'s report, as most test runners can write it.

use std::sync::LazyLock;

use regex::Regex;

use super::suite::Told;
use crate::model::finding::TestOutcome;

/// Text that may hold anything that looks like a tag.
static OPAQUE: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?s)<!\[CDATA\[.*?\]\]>|<!--.*?-->"));
static TAG: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r#"<(/?)([\w:.-]+)((?:\s+[\w:.-]+\s*=\s*(?:"[^"]*"|'[^']*'))*)\s*(/?)>"#)
});
static ATTRIBUTE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')"#));

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is a constant that the tests use")
}

/// Reads every `<testcase>`, wherever suites nest it.
pub(super) fn junit(text: &str) -> Result<Vec<Told>, String> {
    let text = OPAQUE.replace_all(text, "");
    let mut told: Vec<Told> = Vec::new();
    let mut is_open = false;
    let mut is_report = false;
    for tag in TAG.captures_iter(&text) {
        let (closes, name, attributes) = (!tag[1].is_empty(), &tag[2], &tag[3]);
        match name {
            "testsuite" | "testsuites" => is_report = true,
            "testcase" if closes => is_open = false,
            "testcase" => {
                told.push(case(attributes));
                is_open = tag[4].is_empty();
            }
            "failure" | "error" | "skipped" if is_open && !closes => {
                let last = told.last_mut().expect("a test case is open");
                last.outcome = match name {
                    "skipped" => TestOutcome::Skipped,
                    _ => TestOutcome::Failed,
                };
                let reason = attribute(attributes, "message");
                last.reason = reason.and_then(|it| Some(it.lines().next()?.to_owned()));
            }
            _ => {}
        }
    }
    if is_report {
        Ok(told)
    } else {
        Err("the report is no JUnit XML: it has no `<testsuite>`".into())
    }
}

fn case(attributes: &str) -> Told {
    let name = attribute(attributes, "name").unwrap_or_default();
    let name = match attribute(attributes, "classname").filter(|it| !it.is_empty()) {
        Some(class) => format!("{class}::{name}"),
        None => name,
    };
    Told {
        seconds: attribute(attributes, "time").and_then(|it| it.parse().ok()),
        ..Told::new(name, TestOutcome::Passed)
    }
}

fn attribute(attributes: &str, name: &str) -> Option<String> {
    let mut found = ATTRIBUTE.captures_iter(attributes);
    let found = found.find(|it| &it[1] == name)?;
    let value = found.get(2).or_else(|| found.get(3))?.as_str();
    let plain = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&apos;", "'"),
        ("&#10;", "\n"),
    ];
    let value = plain
        .iter()
        .fold(value.to_owned(), |text, it| text.replace(it.0, it.1));
    Some(value.replace("&amp;", "&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_read_with_their_outcome_time_and_reason() {
        let text = r#"<?xml version="1.0"?>
            <testsuites><testsuite name="s" tests="4">
            <testcase classname="a.B" name="holds &lt;1>" time="0.25"/>
            <testcase name='fails'><failure message="1 &amp; 2&#10;more">
              <![CDATA[<testcase name="forged"/>]]></failure></testcase>
            <testcase name="breaks"><error/></testcase>
            <testcase name="later"><skipped/></testcase>
            <system-out>x</system-out></testsuite></testsuites>"#;
        let told = junit(text).unwrap();
        let found: Vec<_> = told
            .iter()
            .map(|it| (it.name.as_str(), it.outcome))
            .collect();
        let failed = TestOutcome::Failed;
        assert_eq!(
            found,
            [
                ("a.B::holds <1>", TestOutcome::Passed),
                ("fails", failed),
                ("breaks", failed),
                ("later", TestOutcome::Skipped),
            ]
        );
        assert_eq!(
            (told[0].seconds, told[1].reason.as_deref()),
            (Some(0.25), Some("1 & 2"))
        );
    }

    #[test]
    fn what_is_no_report_is_an_error() {
        assert!(junit("<html></html>").is_err());
        assert_eq!(junit("<testsuite/>").unwrap(), []);
    }
}
