//! What a person asked for in words, as far as it can be done without a model.

use crate::config::Profile;
use crate::mechanic::message;
use crate::model::hypothesis::LintRule;
use crate::model::observation::Observation;

/// The one thing that some words ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Fix these rules.
    Rules(Vec<LintRule>),
    /// Run the formatter, of that name if one was given.
    Format(Option<String>),
    /// Set a key of a manifest; without a value, to what the catalogue proposes.
    Knob {
        /// Dotted.
        key: String,
        /// As typed.
        value: Option<String>,
    },
    /// Give a declared parameter a value; without one, the first that was not tried.
    Parameter {
        /// The constant's name.
        name: String,
        /// As typed.
        value: Option<String>,
    },
    /// Search for a patch of small edits, for that metric if one was given.
    Edits(Option<String>),
    /// Anything else.
    Words(String),
}

/// Returns what some words ask for, in the light of what was seen.
pub(crate) fn parse(text: &str, observations: &[Observation], profile: &Profile) -> Asked {
    let text = text.trim();
    let words: Vec<&str> = significant(text);
    parameter(text, profile)
        .or_else(|| knob(text))
        .or_else(|| edits(text))
        .or_else(|| format(&words))
        .or_else(|| {
            rules(
                &words,
                text.contains("lint") || text.contains("fix"),
                observations,
            )
        })
        .unwrap_or_else(|| Asked::Words(text.to_owned()))
}

/// The tools whose rules have safe fixes.
const FIXERS: [&str; 10] = [
    "ruff",
    "python",
    "clippy",
    "rustc",
    "factory",
    "eslint",
    "biome",
    "npm",
    "gofmt",
    "staticcheck",
];

/// Returns the words, without the verb and the nouns that people put around a rule.
fn significant(text: &str) -> Vec<&str> {
    const FILLERS: [&str; 12] = [
        "fix", "fixes", "apply", "run", "the", "all", "rule", "rules", "lint", "lints", "findings",
        "warnings",
    ];
    let bare = |it: &'static str, word: &str| word.eq_ignore_ascii_case(it);
    text.split(|it: char| it.is_whitespace() || it == ',')
        .map(|it| it.trim_matches(|it: char| "`'\"".contains(it)))
        .filter(|word| !word.is_empty() && !FILLERS.iter().any(|it| bare(it, word)))
        .collect()
}

/// Reads `genetic improvement of parse_ns`, of which the first word is enough.
fn edits(text: &str) -> Option<Asked> {
    let mut words = text.split_whitespace();
    let is_asked = words.next()?.eq_ignore_ascii_case("genetic");
    let fillers = ["improvement", "search", "of", "for"];
    let mut rest = words.filter(|it| !fillers.contains(it));
    let metric = rest.next().map(|it| it.trim_matches('`').to_owned());
    (is_asked && rest.next().is_none()).then_some(Asked::Edits(metric))
}

/// Returns whether some words ask for a search for patches of small edits.
pub(crate) fn asks_for_edits(text: &str) -> bool {
    edits(text.trim()).is_some()
}

fn parameter(text: &str, profile: &Profile) -> Option<Asked> {
    let (name, value) = assignment(text);
    let declared = profile.parameters.iter().any(|it| it.name == name);
    declared.then(|| Asked::Parameter {
        name: name.to_owned(),
        value: value.map(str::to_owned),
    })
}

fn knob(text: &str) -> Option<Asked> {
    let (key, value) = assignment(text);
    let key = key.strip_prefix("Cargo.toml:").unwrap_or(key);
    let rest = key.strip_prefix("profile.")?;
    let is_key = |it: char| it.is_ascii_alphanumeric() || "-_.\"*".contains(it);
    (rest.contains('.') && rest.chars().all(is_key)).then(|| Asked::Knob {
        key: key.to_owned(),
        value: value.map(str::to_owned),
    })
}

/// Splits `name = value`; a name alone has no value.
fn assignment(text: &str) -> (&str, Option<&str>) {
    match text.split_once('=') {
        Some((name, value)) => (name.trim(), Some(value.trim())),
        None => (text, None),
    }
}

fn format(words: &[&str]) -> Option<Asked> {
    const VERBS: [&str; 5] = ["format", "fmt", "formatting", "formatter", "reformat"];
    const TOOLS: [&str; 6] = ["rustfmt", "black", "ruff", "prettier", "biome", "gofmt"];
    let is_verb = |it: &&str| VERBS.iter().any(|verb| it.eq_ignore_ascii_case(verb));
    let tool = |it: &str| Some(Asked::Format(Some(it.to_owned())));
    match words {
        [verb] if is_verb(verb) => Some(Asked::Format(None)),
        ["rustfmt" | "black" | "prettier" | "gofmt"] => tool(words[0]),
        [name, verb] if is_verb(verb) && TOOLS.contains(name) => tool(name),
        ["cargo", verb] if is_verb(verb) => tool("rustfmt"),
        ["go", verb] if is_verb(verb) => tool("gofmt"),
        [verb, "code"] if is_verb(verb) => Some(Asked::Format(None)),
        [verb, "with", name] if is_verb(verb) && TOOLS.contains(name) => tool(name),
        _ => None,
    }
}

/// Returns the rules that the words name; one word that is no rule makes them words.
fn rules(words: &[&str], asks_for_lints: bool, observations: &[Observation]) -> Option<Asked> {
    let seen: Vec<&LintRule> = observations.iter().filter_map(fixable).collect();
    let (tool, names) = match words {
        [first, rest @ ..] if FIXERS.contains(first) => (Some(*first), rest),
        _ => (None, words),
    };
    let mut rules = Vec::new();
    match (tool, names) {
        (None, []) if asks_for_lints => rules.extend(seen.into_iter().cloned()),
        (None, []) => return None,
        (Some(tool), []) => rules.extend(seen.into_iter().filter(|it| it.tool == tool).cloned()),
        (tool, names) => {
            for name in names {
                rules.extend(rules_named(tool, name, &seen)?);
            }
        }
    }
    rules.sort();
    rules.dedup();
    (!rules.is_empty()).then_some(Asked::Rules(rules))
}

fn fixable(observation: &Observation) -> Option<&LintRule> {
    match observation {
        Observation::LintFindings { rule, fixable, .. } if *fixable > 0 => Some(rule),
        _ => None,
    }
}

/// Returns the rules of one name: a code, a path, a bare name, or a family of codes like `UP`.
fn rules_named(tool: Option<&str>, name: &str, seen: &[&LintRule]) -> Option<Vec<LintRule>> {
    let fits = |it: &&&LintRule| tool.is_none_or(|tool| it.tool == tool);
    let exact = seen
        .iter()
        .filter(fits)
        .find(|it| it.rule == name || message::bare(it) == name);
    if let Some(rule) = exact {
        return Some(vec![(**rule).clone()]);
    }
    let code = name.to_ascii_uppercase();
    let family: Vec<LintRule> = seen
        .iter()
        .filter(fits)
        .filter(|it| it.tool == "ruff" && family_of(&it.rule) == code)
        .map(|it| (*it).clone())
        .collect();
    if !family.is_empty() {
        return Some(family);
    }
    unseen(tool, name).map(|it| vec![it])
}

/// Returns the rule that a name can only mean, although no finding of it was seen.
fn unseen(tool: Option<&str>, name: &str) -> Option<LintRule> {
    let of = |tool: &str, rule: String| {
        Some(LintRule {
            tool: tool.to_owned(),
            rule,
        })
    };
    let is_path = |it: &str| {
        !it.is_empty()
            && it
                .chars()
                .all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '_')
    };
    match (tool, name.split_once("::")) {
        (None | Some("clippy"), Some(("clippy", rest))) if is_path(rest) => {
            of("clippy", name.to_owned())
        }
        (Some("clippy"), None) if is_path(name) => of("clippy", format!("clippy::{name}")),
        (Some("rustc"), None) if is_path(name) => of("rustc", name.to_owned()),
        (Some(tool @ ("eslint" | "biome")), None) if is_rule_of_javascript(name) => {
            of(tool, name.to_owned())
        }
        (None | Some("ruff"), None) if is_code(name) => of("ruff", name.to_ascii_uppercase()),
        _ => None,
    }
}

/// Returns whether a word has the form of `no-var`, `style/useConst` or `@scope/plugin/a-rule`.
fn is_rule_of_javascript(word: &str) -> bool {
    let is_part = |it: char| it.is_ascii_alphanumeric() || "-_/@".contains(it);
    word.contains(['-', '/']) && word.chars().all(is_part)
}

/// Returns the letters of a ruff code: `UP` of `UP015`.
fn family_of(code: &str) -> &str {
    code.trim_end_matches(|it: char| it.is_ascii_digit())
}

/// Returns whether a word has the form of a ruff code: up to five letters, then three or four digits.
fn is_code(word: &str) -> bool {
    let letters = family_of(word);
    (1..=5).contains(&letters.len())
        && letters.chars().all(|it| it.is_ascii_alphabetic())
        && (3..=4).contains(&(word.len() - letters.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Parameter;

    fn rule(tool: &str, rule: &str) -> LintRule {
        LintRule {
            tool: tool.to_owned(),
            rule: rule.to_owned(),
        }
    }

    fn seen() -> Vec<Observation> {
        [
            ("ruff", "F401", 2),
            ("ruff", "UP009", 1),
            ("ruff", "UP015", 1),
            ("ruff", "E501", 0),
            ("clippy", "clippy::needless_clone", 3),
            ("rustc", "unused_mut", 1),
        ]
        .map(|(tool, name, fixable)| Observation::LintFindings {
            rule: rule(tool, name),
            count: fixable + 1,
            fixable,
            places: Vec::new(),
        })
        .to_vec()
    }

    fn profile() -> Profile {
        Profile {
            parameters: vec![Parameter {
                file: "src/lib.rs".into(),
                name: "CHUNK".to_owned(),
                choices: vec!["64".to_owned()],
                low: None,
                high: None,
                log: false,
                trials: 12,
                metric: "parse_ns".to_owned(),
                why: String::new(),
            }],
            ..Profile::default()
        }
    }

    #[test]
    fn words_that_name_something_known_ask_for_it() {
        let rules = |it: &[(&str, &str)]| {
            Asked::Rules(it.iter().map(|(tool, name)| rule(tool, name)).collect())
        };
        let knob = |key: &str, value: Option<&str>| Asked::Knob {
            key: key.to_owned(),
            value: value.map(str::to_owned),
        };
        let parameter = |value: Option<&str>| Asked::Parameter {
            name: "CHUNK".to_owned(),
            value: value.map(str::to_owned),
        };
        let format = |it: Option<&str>| Asked::Format(it.map(str::to_owned));
        for (text, asked) in [
            ("ruff F401", rules(&[("ruff", "F401")])),
            ("F401", rules(&[("ruff", "F401")])),
            ("f401", rules(&[("ruff", "F401")])),
            ("fix ruff F401", rules(&[("ruff", "F401")])),
            ("ruff F811", rules(&[("ruff", "F811")])),
            ("PLR1711", rules(&[("ruff", "PLR1711")])),
            ("ruff UP", rules(&[("ruff", "UP009"), ("ruff", "UP015")])),
            ("F401, UP015", rules(&[("ruff", "F401"), ("ruff", "UP015")])),
            (
                "ruff",
                rules(&[("ruff", "F401"), ("ruff", "UP009"), ("ruff", "UP015")]),
            ),
            (
                "clippy::needless_clone",
                rules(&[("clippy", "clippy::needless_clone")]),
            ),
            (
                "`clippy::needless_clone`",
                rules(&[("clippy", "clippy::needless_clone")]),
            ),
            (
                "clippy needless_clone",
                rules(&[("clippy", "clippy::needless_clone")]),
            ),
            (
                "needless_clone",
                rules(&[("clippy", "clippy::needless_clone")]),
            ),
            (
                "clippy needless_return",
                rules(&[("clippy", "clippy::needless_return")]),
            ),
            (
                "clippy::needless_return",
                rules(&[("clippy", "clippy::needless_return")]),
            ),
            ("clippy", rules(&[("clippy", "clippy::needless_clone")])),
            ("unused_mut", rules(&[("rustc", "unused_mut")])),
            ("format", format(None)),
            ("format the code", format(None)),
            ("cargo fmt", format(Some("rustfmt"))),
            ("rustfmt", format(Some("rustfmt"))),
            ("ruff format", format(Some("ruff"))),
            ("format with black", format(Some("black"))),
            (
                "profile.release.lto=fat",
                knob("profile.release.lto", Some("fat")),
            ),
            (
                "profile.release.lto = \"fat\"",
                knob("profile.release.lto", Some("\"fat\"")),
            ),
            (
                "Cargo.toml:profile.release.lto",
                knob("profile.release.lto", None),
            ),
            ("CHUNK", parameter(None)),
            ("CHUNK = 128", parameter(Some("128"))),
        ] {
            assert_eq!(parse(text, &seen(), &profile()), asked, "{text}");
        }
    }

    #[test]
    fn tools_of_javascript_and_go_are_known_too() {
        let rules = |it: &[(&str, &str)]| {
            Asked::Rules(it.iter().map(|(tool, name)| rule(tool, name)).collect())
        };
        let format = |it: &str| Asked::Format(Some(it.to_owned()));
        for (text, asked) in [
            ("fix eslint no-var", rules(&[("eslint", "no-var")])),
            (
                "biome style/useConst",
                rules(&[("biome", "style/useConst")]),
            ),
            ("go fmt", format("gofmt")),
            ("gofmt", format("gofmt")),
            ("format with prettier", format("prettier")),
            (
                "eslint the login page",
                Asked::Words("eslint the login page".into()),
            ),
        ] {
            assert_eq!(parse(text, &seen(), &profile()), asked, "{text}");
        }
    }

    #[test]
    fn anything_else_stays_words() {
        for text in [
            "add a --json flag",
            "make it faster",
            "fix the login page",
            "UNKNOWN=3",
            "rename needless_clone to needed_clone",
            "profile.release",
            "black magic",
            "",
        ] {
            assert_eq!(
                parse(text, &seen(), &profile()),
                Asked::Words(text.to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn fix_all_lints_means_every_rule_with_a_safe_fix() {
        let Asked::Rules(rules) = parse("fix all lint findings", &seen(), &profile()) else {
            panic!("not rules");
        };
        assert_eq!(rules.len(), 5);
    }
}
