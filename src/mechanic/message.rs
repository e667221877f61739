//! What a maintainer would write in a commit: about the change, and nothing else.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::model::hypothesis::LintRule;

/// The longest subject that every tool shows whole.
pub(crate) const SUBJECT: usize = 72;

/// Returns how people name the fix of a rule, in the imperative.
pub(crate) fn phrase(rule: &LintRule) -> Option<&'static str> {
    static PHRASES: LazyLock<BTreeMap<String, BTreeMap<String, String>>> = LazyLock::new(|| {
        toml::from_str(include_str!("../../evals/phrases.toml"))
            .expect("a test reads the shipped phrases")
    });
    PHRASES.get(&rule.tool)?.get(bare(rule)).map(String::as_str)
}

/// Returns the rule without the name of its tool: `needless_clone`.
pub(crate) fn bare(rule: &LintRule) -> &str {
    rule.rule
        .strip_prefix(rule.tool.as_str())
        .and_then(|it| it.strip_prefix("::"))
        .unwrap_or(&rule.rule)
}

/// Returns the rule as its users write it: `ruff F401`, `clippy::needless_clone`.
pub(crate) fn name(rule: &LintRule) -> String {
    match rule.tool.as_str() {
        "clippy" => format!("clippy::{}", bare(rule)),
        tool => format!("{tool} {}", bare(rule)),
    }
}

/// Returns the message of the commit that fixes one rule.
pub(crate) fn of_fix(rule: &LintRule) -> String {
    let name = name(rule);
    let subject = match phrase(rule) {
        Some(phrase) => {
            let long = format!("Fix {name}: {}", uncapitalised(phrase));
            if long.chars().count() <= SUBJECT {
                long
            } else {
                phrase.to_owned()
            }
        }
        None => shortened(&format!("Fix {name}")),
    };
    let body = format!(
        "{} reports `{}` here. {} Tests and tool configuration stay as they are.",
        rule.tool,
        bare(rule),
        safety(&rule.tool),
    );
    with_body(&subject, &body)
}

/// Returns the message of the commit that runs a formatter.
pub(crate) fn of_format(tool: &str) -> String {
    let body = format!(
        "The project formats with {tool}; some files were not. Layout only: what the code does \
         stays as it is."
    );
    with_body(&format!("Format with {tool}"), &body)
}

/// Returns a message of a subject, cut where it is too long, and a body in lines of 72.
pub(crate) fn with_body(subject: &str, body: &str) -> String {
    format!("{}\n\n{}", shortened(subject), wrapped(body))
}

/// Returns the first line without control characters, cut between words so that it fits a subject.
pub(crate) fn shortened(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    let words: Vec<&str> = line.split_whitespace().collect();
    let line: String = words
        .join(" ")
        .chars()
        .filter(|it| !it.is_control())
        .collect();
    if line.chars().count() <= SUBJECT {
        return line;
    }
    let head: String = line.chars().take(SUBJECT - 1).collect();
    let cut = head.rfind(' ').filter(|it| *it > SUBJECT / 2);
    format!("{}…", head[..cut.unwrap_or(head.len())].trim_end())
}

fn safety(tool: &str) -> String {
    match tool {
        "ruff" => "Only the fixes that ruff itself marks as safe are applied: they keep what the \
                   code does."
            .to_owned(),
        "clippy" | "rustc" => format!(
            "Only the suggestions that {tool} itself marks as machine-applicable are applied."
        ),
        "factory" | "python" | "npm" => {
            "Nothing here needs what goes; both builds and the suite pass without it.".to_owned()
        }
        tool => format!("Only the fixes that {tool} itself offers as safe are applied."),
    }
}

/// Lowers a phrase's first letter, unless its first word is written in a way of its own.
fn uncapitalised(phrase: &str) -> String {
    let mut chars = phrase.chars();
    match (chars.next(), chars.clone().next()) {
        (Some(first), Some(second)) if !second.is_uppercase() => {
            first.to_lowercase().chain(chars).collect()
        }
        _ => phrase.to_owned(),
    }
}

fn wrapped(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last_mut().expect("it starts with a line");
        if last.is_empty() {
            last.push_str(word);
        } else if last.chars().count() + 1 + word.chars().count() <= SUBJECT {
            last.push(' ');
            last.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rule(tool: &str, rule: &str) -> LintRule {
        LintRule {
            tool: tool.to_owned(),
            rule: rule.to_owned(),
        }
    }

    #[test]
    fn common_rules_are_named_by_what_their_fix_does() {
        for (tool, name, subject) in [
            ("ruff", "F401", "Fix ruff F401: remove unused imports"),
            (
                "ruff",
                "UP009",
                "Fix ruff UP009: drop needless UTF-8 declarations",
            ),
            (
                "clippy",
                "clippy::needless_borrow",
                "Fix clippy::needless_borrow: drop needless borrows",
            ),
            (
                "clippy",
                "clippy::unnecessary_struct_initialization",
                "Drop needless struct updates",
            ),
            (
                "rustc",
                "unused_mut",
                "Fix rustc unused_mut: drop needless mut",
            ),
            (
                "clippy",
                "clippy::not_yet_known",
                "Fix clippy::not_yet_known",
            ),
            ("ruff", "XYZ999", "Fix ruff XYZ999"),
        ] {
            let message = of_fix(&rule(tool, name));
            assert_eq!(message.lines().next().unwrap(), subject);
            assert_eq!(message.lines().nth(1), Some(""));
        }
    }

    #[test]
    fn the_body_names_the_rule_and_why_it_is_safe() {
        insta::assert_snapshot!(of_fix(&rule("ruff", "F401")), @r"
        Fix ruff F401: remove unused imports

        ruff reports `F401` here. Only the fixes that ruff itself marks as safe
        are applied: they keep what the code does. Tests and tool configuration
        stay as they are.
        ");
    }

    #[test]
    fn every_shipped_phrase_fits_a_subject() {
        let phrases: BTreeMap<String, BTreeMap<String, String>> =
            toml::from_str(include_str!("../../evals/phrases.toml")).unwrap();
        let tools: Vec<&str> = phrases.keys().map(String::as_str).collect();
        for tool in ["biome", "clippy", "eslint", "ruff", "rustc", "staticcheck"] {
            assert!(tools.contains(&tool), "{tools:?}");
        }
        for (tool, rules) in &phrases {
            for (name, phrase) in rules {
                assert!(phrase.len() <= 60 && !phrase.ends_with('.'), "{phrase}");
                assert!(phrase.starts_with(|it: char| it.is_uppercase()), "{phrase}");
                let message = of_fix(&rule(tool, name));
                assert!(
                    message.lines().all(|it| it.chars().count() <= SUBJECT),
                    "{message}"
                );
                assert!(!message.contains('…'), "{message}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_shortened_text_fits_and_has_no_control_characters(text in "(?s).{0,200}") {
            let short = shortened(&text);
            prop_assert!(short.chars().count() <= SUBJECT);
            prop_assert!(!short.contains(char::is_control));
        }
    }
}
