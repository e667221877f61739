//! What `[[language]]` tables cannot say by their types.

use std::collections::BTreeSet;

use super::{Problem, command_line, report};
use crate::config::Profile;

/// Languages that have an adapter.
pub(super) const BUILT_IN: [&str; 4] = ["rust", "python", "javascript", "go"];

/// Reports languages that cannot be used as they are declared.
pub(super) fn languages(profile: &Profile, found: &mut Vec<Problem>) {
    let mut names = BTreeSet::new();
    for (index, language) in profile.languages.iter().enumerate() {
        let key = |name: &str| format!("language[{index}].{name}");
        let name = &language.name;
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-+#".contains(c);
        if name.is_empty() || !name.chars().all(is_plain) {
            let message = format!("`{name}` is not made of a-z, 0-9, `-`, `_`, `+` and `#`");
            report(found, key("name"), message);
        }
        if BUILT_IN.contains(&name.as_str()) {
            let message = format!("`{name}` has an adapter already; choose another name");
            report(found, key("name"), message);
        }
        if !names.insert(name) {
            let message = format!("`{name}` is already the name of a language");
            report(found, key("name"), message);
        }
        if language.extensions.is_empty() {
            let message = "without an extension the language is never found";
            report(found, key("extensions"), message);
        }
        for (name, line) in [
            ("build", &language.build),
            ("test", &language.test),
            ("lint", &language.lint),
            ("coverage", &language.coverage),
            ("format_check", &language.format_check),
            ("format", &language.format),
        ] {
            if let Some(line) = line {
                command_line(line, &key(name), found);
            }
        }
        for (name, pair, is_half) in [
            (
                "lint",
                "lint_parser",
                language.lint.is_some() != language.lint_parser.is_some(),
            ),
            (
                "coverage",
                "coverage_parser",
                language.coverage.is_some() != language.coverage_parser.is_some(),
            ),
            (
                "format",
                "format_check",
                language.format.is_some() != language.format_check.is_some(),
            ),
        ] {
            if is_half {
                report(
                    found,
                    key(name),
                    format!("`{name}` and `{pair}` go together"),
                );
            }
        }
        for (name, globs) in [
            ("protected", &language.protected),
            ("excluded", &language.excluded),
        ] {
            super::check_globs(globs, &key(name), found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(text: &str) -> Vec<String> {
        let profile: Profile = toml::from_str(&format!("[[language]]\n{text}")).unwrap();
        let mut found = Vec::new();
        languages(&profile, &mut found);
        found
            .into_iter()
            .map(|it| format!("{}: {}", it.key, it.message))
            .collect()
    }

    #[test]
    fn a_language_needs_a_name_of_its_own_and_an_extension() {
        assert_eq!(
            complaints("name = 'c'\nextensions = ['c']\n"),
            Vec::<String>::new()
        );
        let found = complaints("name = 'go'\nextensions = []\n");
        assert!(found[0].contains("has an adapter already"), "{found:?}");
        assert!(found[1].starts_with("language[0].extensions"), "{found:?}");
        assert!(complaints("name = 'A b'\nextensions = ['c']\n")[0].contains("not made of"));
    }

    #[test]
    fn halves_are_refused() {
        let found = complaints("name = 'c'\nextensions = ['c']\nlint = 'x'\nformat = 'y'\n");
        assert_eq!(
            found,
            [
                "language[0].lint: `lint` and `lint_parser` go together",
                "language[0].format: `format` and `format_check` go together",
            ]
        );
    }
}
