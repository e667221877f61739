//! Judges the oldest version of a language that a project promises: it stays, and the code stays within it.

use camino::{Utf8Path, Utf8PathBuf};

use super::diff::{DiffPolicy, FileFacts};
use super::permission::Permission;
use crate::model::finding::Finding;
use crate::model::profile::LanguageName;
use crate::model::violation::{Rule, Violation};

/// A version of a language: its first two numbers.
pub type Version = (u32, u32);

/// The oldest version of a language that a part of a project promises.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Minimum {
    /// Which language.
    pub language: LanguageName,
    /// It holds below this folder.
    pub folder: Utf8PathBuf,
    /// A manifest says so; else it is the oldest that the project's checks run with.
    pub declared: bool,
    /// The version.
    pub version: Version,
    /// The file that says so.
    pub file: Utf8PathBuf,
}

impl Minimum {
    /// Returns what the code at a path is held to: the nearest declaration, else the nearest check.
    pub fn at<'a>(minimums: &'a [Self], path: &Utf8Path) -> Option<&'a Self> {
        let language = match path.extension()? {
            "rs" => LanguageName::Rust,
            "py" | "pyi" => LanguageName::Python,
            _ => return None,
        };
        let holds = |it: &&Self| it.language == language && path.starts_with(&it.folder);
        let near = |it: &&Self| (it.declared, it.folder.components().count());
        minimums.iter().filter(holds).max_by_key(near)
    }
}

/// A finding of this rule is a use of what the oldest promised version does not have.
const TOO_NEW: [&str; 1] = ["clippy::incompatible_msrv"];

/// Judges what the changed files need, and whether the promise itself is another.
pub(super) fn judge_minimums(policy: &DiffPolicy, files: &[FileFacts]) -> Vec<Violation> {
    if policy.may_change.contains(&Permission::MinimumVersion)
        || policy.asked.names(Permission::MinimumVersion, "minimum")
    {
        return Vec::new();
    }
    let mut violations = moved(policy);
    let judged = files
        .iter()
        .filter(|it| !it.paths().any(|it| policy.fixed.is_match(it)));
    for file in judged {
        let Some(minimum) = Minimum::at(&policy.minimums, &file.path) else {
            continue;
        };
        for (what, need) in &file.needs_after {
            // Where the incumbent has it already, the promise was not kept before.
            let is_old = files.iter().any(|it| it.needs_before.contains_key(what));
            if need.version > minimum.version && !is_old {
                let detail = format!(
                    "{what} needs {} {}, and {} is promised ({}{})",
                    minimum.language.display(),
                    told(need.version),
                    told(minimum.version),
                    if minimum.declared {
                        ""
                    } else {
                        "the oldest of "
                    },
                    minimum.file,
                );
                let violation = Violation::at(Rule::MinimumVersion, &file.path, detail);
                violations.push(violation.on_line(need.line));
            }
        }
    }
    violations
}

/// What a manifest's own keys say is judged with them; here is what other files say.
fn moved(policy: &DiffPolicy) -> Vec<Violation> {
    let is_elsewhere = |it: &&Minimum| {
        !policy
            .manifests
            .iter()
            .any(|rules| rules.files.is_match(&it.file))
    };
    let before = policy.minimums.iter().filter(is_elsewhere);
    before
        .filter_map(|old| {
            let same = |it: &&Minimum| {
                (it.language, &it.file, it.declared) == (old.language, &old.file, old.declared)
            };
            let new = policy.minimums_after.iter().find(same).map(|it| it.version);
            let now = new.map_or("nothing".to_owned(), told);
            (new != Some(old.version)).then(|| {
                let detail = format!(
                    "the oldest {} goes from {} to {now}, and the claim does not say so",
                    old.language.display(),
                    told(old.version)
                );
                Violation::at(Rule::MinimumVersion, &old.file, detail)
            })
        })
        .collect()
}

/// Judges what a linter that knows the promise found on both sides.
pub(super) fn judge_findings(before: &[Finding], after: &[Finding]) -> Vec<Violation> {
    let too_new = |it: &&Finding| TOO_NEW.contains(&it.rule.as_str());
    let is_old = |new: &Finding| {
        let mut old = before.iter().filter(too_new);
        old.any(|it| it.path == new.path && it.message == new.message)
    };
    let new = after.iter().filter(too_new).filter(|it| !is_old(it));
    new.map(|it| Violation::at(Rule::MinimumVersion, &it.path, it.message.clone()).on_line(it.line))
        .collect()
}

fn told(version: Version) -> String {
    format!("{}.{}", version.0, version.1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::gate::diff::Need;
    use crate::gate::testing::{file, policy};

    fn minimum(language: LanguageName, folder: &str, declared: bool, version: Version) -> Minimum {
        Minimum {
            language,
            folder: folder.into(),
            declared,
            version,
            file: Utf8Path::new(folder).join(if declared { "Cargo.toml" } else { "ci.yml" }),
        }
    }

    fn needs(all: &[(&str, Version)]) -> BTreeMap<String, Need> {
        let need = |version| Need { version, line: 7 };
        all.iter()
            .map(|(name, version)| ((*name).to_owned(), need(*version)))
            .collect()
    }

    fn judged(minimums: &[Minimum], files: &[FileFacts]) -> Vec<String> {
        let mut policy = policy();
        policy.minimums = minimums.to_vec();
        policy.minimums_after = minimums.to_vec();
        let violations = judge_minimums(&policy, files);
        violations.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn syntax_above_the_promised_version_is_forbidden_and_below_it_is_not() {
        let changed = FileFacts {
            needs_after: needs(&[("`let … else`", (1, 65)), ("`#[expect]`", (1, 81))]),
            ..file("src/a.rs")
        };
        let by_ci = minimum(LanguageName::Rust, "", false, (1, 70));
        assert_eq!(
            judged(std::slice::from_ref(&by_ci), std::slice::from_ref(&changed)),
            [
                "minimum_version src/a.rs:7: `#[expect]` needs Rust 1.81, and 1.70 is promised (the oldest of ci.yml)"
            ]
        );
        let declared = minimum(LanguageName::Rust, "", true, (1, 85));
        assert!(judged(&[by_ci.clone(), declared], std::slice::from_ref(&changed)).is_empty());
        let python = minimum(LanguageName::Python, "", true, (3, 8));
        assert!(judged(&[python], std::slice::from_ref(&changed)).is_empty());
        let had_it = FileFacts {
            needs_before: changed.needs_after.clone(),
            ..file("src/b.rs")
        };
        assert!(judged(&[by_ci], &[changed, had_it]).is_empty());
    }

    #[test]
    fn the_nearest_declaration_holds_and_a_check_only_where_there_is_none() {
        let all = [
            minimum(LanguageName::Rust, "", true, (1, 60)),
            minimum(LanguageName::Rust, "a", true, (1, 70)),
            minimum(LanguageName::Rust, "a/b", false, (1, 80)),
        ];
        let at = |path: &str| Minimum::at(&all, path.into()).map(|it| it.version.1);
        assert_eq!(
            (at("a/b/c.rs"), at("d.rs"), at("a.py")),
            (Some(70), Some(60), None)
        );
    }

    #[test]
    fn a_promise_of_another_file_is_not_moved_by_the_way() {
        let mut policy = policy();
        policy.minimums = vec![minimum(LanguageName::Python, "", false, (3, 8))];
        for after in [
            vec![],
            vec![minimum(LanguageName::Python, "", false, (3, 9))],
        ] {
            policy.minimums_after = after;
            assert_eq!(judge_minimums(&policy, &[]).len(), 1);
        }
        policy.may_change.insert(Permission::MinimumVersion);
        assert!(judge_minimums(&policy, &[]).is_empty());
    }

    #[test]
    fn a_finding_that_says_too_new_is_forbidden_once_it_is_new() {
        let finding = |message: &str, rule: &str| Finding {
            path: "src/a.rs".into(),
            line: 3,
            column: 1,
            tool: "clippy".to_owned(),
            rule: rule.to_owned(),
            message: message.to_owned(),
            fixable: false,
        };
        let old = [finding("old", TOO_NEW[0])];
        let new = [
            finding("old", TOO_NEW[0]),
            finding("new", TOO_NEW[0]),
            finding("other", "clippy::len_zero"),
        ];
        assert_eq!(judge_findings(&old, &new).len(), 1);
    }
}
