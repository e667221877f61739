//! Where a knob makes sense, as far as the files beside it tell.

use std::sync::LazyLock;

use camino::{Utf8Path, Utf8PathBuf};
use regex::Regex;
use serde::Deserialize;
use serde_json::Value;

use super::setting;

/// What must hold of a project for a knob to be offered there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Condition {
    /// A regular expression that the metric's command lines must match.
    #[serde(default)]
    pub(crate) behind: Option<String>,
    /// A package that the manifest must depend on.
    #[serde(default)]
    needs: Option<String>,
    /// The minimum version that the manifest promises.
    #[serde(default)]
    promise: Option<Promise>,
    /// A setting of the manifest without which the key is not read.
    #[serde(default)]
    given: Option<Given>,
    /// The key must be written there already: left out, another file may say it.
    #[serde(default)]
    must_be_there: bool,
    /// Files of the same folder that would be read in place of this one.
    #[serde(default)]
    absent: Vec<Utf8PathBuf>,
}

/// A setting with its value.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    /// The dotted key.
    key: String,
    /// The value, written as there.
    value: String,
}

/// A minimum version that a project promises.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Promise {
    /// The dotted key of the manifest.
    key: String,
    /// The least major version.
    from: u32,
    /// The major version at which another knob begins.
    #[serde(default)]
    below: Option<u32>,
}

/// What a condition is asked about.
pub(crate) struct Site<'a> {
    /// The folder of the project.
    pub(crate) root: &'a Utf8Path,
    /// The name of its manifest.
    pub(crate) manifest: &'a Utf8Path,
    /// The metric's command lines with the scripts that they name.
    pub(crate) commands: &'a str,
    /// Returns the text of a file of the tree.
    pub(crate) read: &'a dyn Fn(&Utf8Path) -> Option<String>,
}

impl Condition {
    /// Returns whether it holds at a place where the key has that value, or none.
    pub(crate) fn holds(&self, site: &Site<'_>, current: Option<&str>) -> bool {
        let is_behind = self
            .behind
            .as_ref()
            .is_none_or(|it| Regex::new(it).is_ok_and(|it| it.is_match(site.commands)));
        let is_hidden = || {
            let mut others = self.absent.iter();
            others.any(|it| (site.read)(&site.root.join(it)).is_some())
        };
        is_behind
            && (current.is_some() || !self.must_be_there)
            && (self.needs.is_none() && self.promise.is_none() || self.is_met_by(&site.package()))
            && self.given.as_ref().is_none_or(|it| site.says(it))
            && !is_hidden()
    }

    fn is_met_by(&self, package: &Value) -> bool {
        let depends = |name: &String| {
            let tables = ["dependencies", "devDependencies"];
            tables.iter().any(|it| package[it].get(name).is_some())
        };
        let promises = |it: &Promise| {
            let value = it.key.split('.').fold(package, |at, key| &at[key]);
            let least = value.as_str().and_then(least_major);
            least
                .is_some_and(|least| least >= it.from && it.below.is_none_or(|below| least < below))
        };
        self.needs.as_ref().is_none_or(depends) && self.promise.as_ref().is_none_or(promises)
    }
}

impl Site<'_> {
    /// Returns whether the manifest has that setting.
    fn says(&self, given: &Given) -> bool {
        let path = self.root.join(self.manifest);
        let text = (self.read)(&path).unwrap_or_default();
        let found = setting::get(&path, &text, setting::At::Key(&given.key));
        found
            .ok()
            .flatten()
            .is_some_and(|it| setting::same(&it, &given.value))
    }

    /// Returns the manifest as JSON; nothing where it is written in another format.
    fn package(&self) -> Value {
        let text = (self.read)(&self.root.join(self.manifest));
        text.and_then(|it| serde_json::from_str(&it).ok())
            .unwrap_or_default()
    }
}

/// Returns the smallest major version that a range of versions of npm admits; `None` where it has no
/// lower end or cannot be read.
fn least_major(range: &str) -> Option<u32> {
    static LOWER: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^(?:>=|\^|~|=)?\s*v?(\d+)(?:\.[\dx*]+)*(?:\s+(?:<.*|-.*))?$")
            .expect("the pattern is valid")
    });
    let of_part = |part: &str| LOWER.captures(part.trim())?[1].parse::<u32>().ok();
    let parts: Option<Vec<u32>> = range.split("||").map(of_part).collect();
    parts?.into_iter().min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mechanic::fixtures::reader;

    #[test]
    fn the_least_version_of_a_range_is_the_least_of_its_parts() {
        for (range, least) in [
            (">=16", Some(16)),
            (">= 12.20.0", Some(12)),
            ("^14.17.0 || >=16.0.0", Some(14)),
            ("18.x || 20.x", Some(18)),
            ("~20", Some(20)),
            (">=18 <23", Some(18)),
            ("12 - 18", Some(12)),
            ("*", None),
            ("<20", None),
            (">=16 || *", None),
            ("node", None),
        ] {
            assert_eq!(least_major(range), least, "{range}");
        }
    }

    #[test]
    fn a_condition_is_about_the_project_that_it_stands_in() {
        let condition: Condition = toml::from_str(
            "behind = 'tsc'\nneeds = 'mocha'\npromise = { key = 'engines.node', from = 14, below = 16 }\nabsent = ['x.js']\n",
        )
        .unwrap();
        let holds = |package: &str, commands: &str, others: &[(&str, &str)]| {
            let files: Vec<(&str, &str)> = others
                .iter()
                .copied()
                .chain([("a/package.json", package)])
                .collect();
            let read = reader(&files);
            let site = Site {
                root: "a".into(),
                manifest: "package.json".into(),
                commands,
                read: &read,
            };
            condition.holds(&site, None)
        };
        let package = |node: &str, runner: &str| {
            format!(
                "{{\"engines\":{{\"node\":\"{node}\"}},\"devDependencies\":{{\"{runner}\":\"1\"}}}}"
            )
        };
        assert!(holds(&package(">=14", "mocha"), "tsc -p .", &[]));
        assert!(!holds(&package(">=16", "mocha"), "tsc", &[]));
        assert!(!holds(&package(">=12", "mocha"), "tsc", &[]));
        assert!(!holds(&package(">=14", "jest"), "tsc", &[]));
        assert!(!holds(&package(">=14", "mocha"), "swc", &[]));
        assert!(!holds(&package(">=14", "mocha"), "tsc", &[("a/x.js", "")]));
        assert!(!holds("no JSON", "tsc", &[]));
    }
}
