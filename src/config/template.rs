//! The commented profile that `factory init` and the first run propose.

use std::fmt::Write as _;

use super::Metric;
use crate::model::dimension::Direction;
use crate::model::profile::{Detection, Tool};

/// The commented defaults.
pub const TEMPLATE: &str = include_str!("template.toml");

/// What a project's benchmarks offer as metrics.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProposedMetrics {
    /// Those that are proposed.
    pub metrics: Vec<Metric>,
    /// Those that a person may ask for.
    pub on_request: Vec<Metric>,
    /// Why others are none.
    pub notes: Vec<String>,
}

/// Returns the profile proposed for a target: what was found, as comments, above the defaults, and
/// below them the metrics that follow from its benchmarks.
pub fn propose(detection: &Detection, metrics: &ProposedMetrics) -> String {
    format!("{}\n{TEMPLATE}{}", found(detection), benchmarks(metrics))
}

fn benchmarks(proposed: &ProposedMetrics) -> String {
    let mut text = String::new();
    if !proposed.metrics.is_empty() {
        text.push_str(
            "\n# The project's own benchmarks, measured where an experiment claims to move them.\n",
        );
    }
    for metric in &proposed.metrics {
        text.push_str(&table(metric));
    }
    if !proposed.on_request.is_empty() {
        text.push_str(
            "\n# More that can be measured; remove the `#` to have experiments that move them.\n",
        );
    }
    for metric in &proposed.on_request {
        for words in table(metric).lines() {
            line(&mut text, words);
        }
    }
    if !proposed.notes.is_empty() {
        text.push_str("\n# Benchmarks that are no metrics by themselves:\n");
    }
    for note in &proposed.notes {
        line(&mut text, note);
    }
    text
}

/// Returns a metric as it is written in a profile.
fn table(metric: &Metric) -> String {
    let mut text = String::from("[[metric]]\n");
    let direction = match metric.direction {
        Direction::Minimize => "minimize",
        Direction::Maximize => "maximize",
    };
    let texts = [
        ("name", Some(metric.name.as_str())),
        ("build", metric.build.as_deref()),
        ("before", metric.before.as_deref()),
        ("run", Some(&metric.run)),
        ("parser", Some(&metric.parser)),
        ("direction", Some(direction)),
        ("unit", Some(&metric.unit)),
    ];
    for (key, value) in texts {
        if let Some(value) = value {
            let value = toml::Value::from(value);
            writeln!(text, "{key} = {value}").expect("writing to a string cannot fail");
        }
    }
    if metric.only_claimed {
        text.push_str("only_claimed = true\n");
    }
    text
}

fn found(detection: &Detection) -> String {
    let mut text = String::from("# Found here:\n");
    if detection.languages.is_empty() {
        text.push_str("#   no language that factory knows; declare commands below\n");
    }
    for project in &detection.languages {
        let place = match project.root.as_str() {
            "" => "the root",
            other => other,
        };
        let mut names: Vec<&str> = Vec::new();
        for name in project.uses.values() {
            let is_missing = |it: &Tool| it.language == project.language && it.name == *name;
            let missing = |it: &Tool| is_missing(it) && it.command.is_none();
            if !names.contains(&name.as_str()) && !detection.tools.iter().any(missing) {
                names.push(name);
            }
        }
        line(
            &mut text,
            &format!(
                "{} at {place}: {}",
                project.language.display(),
                names.join(", ")
            ),
        );
    }
    let missing: Vec<&Tool> = detection
        .tools
        .iter()
        .filter(|it| it.command.is_none())
        .collect();
    if !missing.is_empty() {
        text.push_str("# Not found; what they measure is left out until they are there:\n");
        for tool in missing {
            line(&mut text, &format!("{}: {}", tool.name, tool.install));
        }
    }
    text
}

/// Adds one comment line; a name out of somebody's tree must not be able to end the comment.
fn line(text: &mut String, words: &str) {
    let clean: String = words
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    writeln!(text, "#   {clean}").expect("writing to a string cannot fail");
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use camino::Utf8Path;

    use super::*;
    use crate::config::{Profile, parse};
    use crate::model::profile::{DirectoryState, LanguageName, Project, Purpose};

    #[test]
    fn the_template_parses_to_the_defaults() {
        assert_eq!(
            parse(Utf8Path::new("t"), TEMPLATE).unwrap(),
            Profile::default()
        );
    }

    #[test]
    fn the_commented_keys_are_the_defaults_and_all_of_them() {
        let live: String = TEMPLATE
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(rest) if rest.starts_with(|c: char| c.is_ascii_lowercase()) => {
                    format!("{rest}\n")
                }
                _ => format!("{line}\n"),
            })
            .collect();
        assert_eq!(
            parse(Utf8Path::new("t"), &live).unwrap(),
            Profile::default()
        );
        let shown: toml::Table = toml::from_str(&live).unwrap();
        let defaults = toml::Table::try_from(Profile::default()).unwrap();
        for section in [
            "scope", "eval", "decision", "report", "landing", "run", "sandbox",
        ] {
            assert_eq!(shown[section], defaults[section], "[{section}]");
        }
    }

    #[test]
    fn the_examples_parse_when_uncommented() {
        let uncomment = |line: &'static str| line.strip_prefix("#   ").unwrap_or(line);
        let live: Vec<&str> = TEMPLATE.lines().map(uncomment).collect();
        let live = live.join("\n");
        let profile = parse(Utf8Path::new("t"), &live).unwrap();
        assert_eq!(profile.metrics.len(), 1);
        assert_eq!(profile.parameters.len(), 1);
        assert_eq!(profile.research.unwrap().parameters.len(), 1);
    }

    #[test]
    fn the_proposal_says_what_was_found_and_parses() {
        let detection = Detection {
            schema: "factory.detect/1".into(),
            root: "/x".into(),
            state: DirectoryState::Codebase,
            languages: vec![Project {
                language: LanguageName::Python,
                root: "".into(),
                manifests: vec!["pyproject.toml".into()],
                uses: BTreeMap::from([
                    (Purpose::Test, "pytest".to_owned()),
                    (Purpose::Types, "mypy\n[evil]".to_owned()),
                ]),
            }],
            tools: vec![Tool {
                name: "mypy\n[evil]".into(),
                language: LanguageName::Python,
                purpose: Purpose::Types,
                command: None,
                version: None,
                install: "pip install mypy".into(),
            }],
            extensions: BTreeMap::new(),
        };
        let text = propose(&detection, &ProposedMetrics::default());
        assert!(text.contains("#   Python at the root: pytest\n"));
        assert!(text.contains("#   mypy [evil]: pip install mypy\n"));
        assert_eq!(
            parse(Utf8Path::new("t"), &text).unwrap(),
            Profile::default()
        );
    }

    #[test]
    fn proposed_metrics_are_live_and_those_on_request_are_comments() {
        let metric = |name: &str| Metric {
            name: name.to_owned(),
            only_claimed: true,
            run: "sh -c 'echo \"1\"'".to_owned(),
            ..Metric::suite_seconds()
        };
        let proposed = ProposedMetrics {
            metrics: vec![metric("bench_a")],
            on_request: vec![metric("bench_b")],
            notes: vec!["`x`\n[evil]".to_owned()],
        };
        let detection = Detection {
            schema: "factory.detect/1".into(),
            root: "/x".into(),
            state: DirectoryState::Codebase,
            languages: Vec::new(),
            tools: Vec::new(),
            extensions: BTreeMap::new(),
        };
        let text = propose(&detection, &proposed);
        let profile = parse(Utf8Path::new("t"), &text).unwrap();
        assert_eq!(profile.metrics, [metric("bench_a")]);
        let (before, asked) = text.split_once("# More that can be measured").unwrap();
        let live: Vec<&str> = asked
            .lines()
            .skip(1)
            .take_while(|it| it.starts_with("#   "))
            .filter_map(|it| it.strip_prefix("#   "))
            .collect();
        let text = format!("{before}\n{}", live.join("\n"));
        let profile = parse(Utf8Path::new("t"), &text).unwrap();
        assert_eq!(profile.metrics, [metric("bench_a"), metric("bench_b")]);
    }
}
