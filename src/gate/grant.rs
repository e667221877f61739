//! The one exception to what is protected: a setting of the shipped catalogue, to the byte.

use camino::{Utf8Path, Utf8PathBuf};

use super::diff::FileFacts;
use crate::model::violation::{Rule, Violation};

/// What a setting of the shipped catalogue makes of one file, derived from the incumbent's text.
///
/// Whoever asks for the setting does not deliver this text: it is made again where the change is
/// judged, so that a builder cannot bring anything else along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The file, relative to the root.
    pub path: Utf8PathBuf,
    /// All that it says afterwards.
    pub text: String,
}

impl Grant {
    /// Returns whether the change of that file is the setting and nothing else.
    pub(super) fn covers(&self, file: &FileFacts) -> bool {
        let is_plain = file.link.is_none() && !file.binary && !file.deleted && !file.added;
        is_plain && self.is_of(file) && file.manifest_after == self.text
    }

    fn is_of(&self, file: &FileFacts) -> bool {
        file.path == self.path && file.renamed_from.is_none()
    }

    /// Refuses a file that the setting is in and that says anything else besides.
    pub(super) fn judge(&self, file: &FileFacts) -> Option<Violation> {
        let is_other = file.paths().any(|it| it == self.path) && !self.covers(file);
        let detail = "is more than the one setting of the catalogue that was to be tried";
        is_other.then(|| Violation::at(Rule::Scope, &file.path, detail))
    }
}

/// Returns whether a file without the shape of a manifest may hold such a setting.
pub(super) fn holds_settings(path: &Utf8Path) -> bool {
    let by_extension = matches!(
        path.extension(),
        Some("yaml" | "yml" | "jsonc" | "cfg" | "ini")
    );
    by_extension || matches!(path.file_name(), Some(".swcrc"))
}

#[cfg(test)]
mod tests {
    use super::super::diff::judge_diff;
    use super::super::testing::{file, globs, policy};
    use super::*;

    /// Judges one changed file where `tsconfig.json` is protected and one text of it granted.
    fn judged(path: &str, text: &str) -> Vec<Rule> {
        let policy = super::super::DiffPolicy {
            fixed: globs(&["**/tsconfig*.json"]),
            mutable: globs(&["**"]),
            granted: Some(Grant {
                path: "tsconfig.json".into(),
                text: "{ \"a\": 2 }\n".to_owned(),
            }),
            ..policy()
        };
        let changed = FileFacts {
            manifest_before: "{ \"a\": 1 }\n".to_owned(),
            manifest_after: text.to_owned(),
            ..file(path)
        };
        let violations = judge_diff(&policy, &[changed]);
        violations.into_iter().map(|it| it.rule).collect()
    }

    #[test]
    fn a_protected_file_may_become_the_granted_text_and_no_other() {
        assert!(judged("tsconfig.json", "{ \"a\": 2 }\n").is_empty());
        for other in ["{ \"a\": 3 }\n", "{ \"a\": 2 }", "{ \"a\": 2, \"b\": 1 }\n"] {
            assert!(
                judged("tsconfig.json", other).contains(&Rule::Scope),
                "{other}"
            );
        }
        assert_eq!(judged("b/tsconfig.json", "{ \"a\": 2 }\n"), [Rule::Scope]);
    }

    #[test]
    fn a_granted_text_that_came_as_a_link_or_by_a_rename_is_refused() {
        let grant = Grant {
            path: "a.json".into(),
            text: String::new(),
        };
        let plain = file("a.json");
        assert!(grant.covers(&plain) && grant.judge(&plain).is_none());
        for odd in [
            FileFacts {
                link: Some("b".to_owned()),
                ..plain.clone()
            },
            FileFacts {
                renamed_from: Some("b.json".into()),
                ..plain.clone()
            },
            FileFacts {
                added: true,
                ..plain.clone()
            },
            FileFacts {
                deleted: true,
                ..plain.clone()
            },
        ] {
            assert!(grant.judge(&odd).is_some(), "{odd:?}");
        }
    }
}
