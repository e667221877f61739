//! Requirements of `[project] dependencies` that nothing in the project mentions.
//!
//! Only what is certain is told: a requirement with a marker, an extra or an address, one that is not
//! installed, a program, a plugin, stubs, and what other installed distributions name are left alone.
//! A name in a comment or a document counts as a use.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::LazyLock;

use camino::Utf8Path;
use regex::Regex;
use toml_edit::{DocumentMut, Item};

use super::declared::pattern;
use crate::model::finding::Finding;
use crate::process::Error;
use crate::toolchain::detect::read_small;
use crate::toolchain::job::write;
use crate::toolchain::mentions::{mentions, strike_out};
use crate::toolchain::{Job, Outcome};

/// What says so, in names of rules.
pub(super) const TOOL: &str = "python";
const RULE: &str = "unused-dependency";
const HELPER: &str = include_str!("../../../evals/languages/python/factory_modules.py");
const MANIFEST: &str = "pyproject.toml";
/// Files that would be out of step without the requirement, and that only their own tool can write.
const LOCKS: [&str; 4] = ["uv.lock", "poetry.lock", "pdm.lock", "pylock.toml"];

/// A name, and at most which versions of it.
static PLAIN: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^([A-Za-z0-9][A-Za-z0-9._-]*)\s*\(?\s*([<>=!~][^;@\[]*)?$"));

/// A requirement that stands in the manifest.
#[derive(Debug, PartialEq)]
struct Requirement {
    name: String,
    line: u32,
}

/// The manifest's own list of requirements.
struct Declared {
    requirements: Vec<Requirement>,
    /// Where the list is.
    span: Range<usize>,
    own: Option<String>,
}

/// Returns a finding for each requirement that is not used.
pub(super) async fn findings(job: &Job<'_>) -> Result<Vec<Finding>, Error> {
    let manifest = job.dir().join(MANIFEST);
    let text = read_small(&manifest).unwrap_or_default();
    let unused = unused(job, &text).await?;
    let is_locked = LOCKS.iter().any(|it| job.dir().join(it).exists());
    let finding = |it: Requirement| {
        let fixable = !is_locked && without(&text, &it.name).is_some();
        Some(Finding {
            path: job.in_tree(MANIFEST)?,
            line: it.line,
            column: 1,
            tool: TOOL.to_owned(),
            rule: RULE.to_owned(),
            message: format!(
                "nothing in the project mentions the dependency `{}`",
                it.name
            ),
            fixable,
        })
    };
    Ok(unused.into_iter().filter_map(finding).collect())
}

/// Removes every unused requirement from a manifest that may be touched.
pub(super) async fn fix(
    job: &Job<'_>,
    may_touch: &(dyn Fn(&Utf8Path) -> bool + Sync),
) -> Result<Outcome<usize>, Error> {
    let manifest = job.dir().join(MANIFEST);
    let mut text = read_small(&manifest).unwrap_or_default();
    let unused = unused(job, &text).await?;
    let is_locked = LOCKS.iter().any(|it| job.dir().join(it).exists());
    if unused.is_empty() || is_locked || !job.in_tree(MANIFEST).is_some_and(|it| may_touch(&it)) {
        return Ok(Outcome::Measured(0));
    }
    let before = text.clone();
    for requirement in &unused {
        if let Some(shorter) = without(&text, &requirement.name) {
            text = shorter;
        }
    }
    if text == before {
        return Ok(Outcome::Measured(0));
    }
    write(&manifest, &text)?;
    Ok(Outcome::Measured(1))
}

async fn unused(job: &Job<'_>, text: &str) -> Result<Vec<Requirement>, Error> {
    let Some(declared) = declared(text) else {
        return Ok(Vec::new());
    };
    let mut names: BTreeMap<String, Vec<String>> = declared
        .requirements
        .iter()
        .map(|it| (it.name.clone(), spellings(&it.name)))
        .collect();
    strike(job, text, &declared.span, &mut names);
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let mut modules = modules(job, names.keys(), declared.own.as_deref()).await?;
    strike(job, text, &declared.span, &mut modules);
    let is_unused = |it: &Requirement| modules.contains_key(&it.name);
    Ok(declared
        .requirements
        .into_iter()
        .filter(is_unused)
        .collect())
}

/// Removes what the rest of the manifest or any other file mentions.
fn strike(
    job: &Job<'_>,
    text: &str,
    list: &Range<usize>,
    names: &mut BTreeMap<String, Vec<String>>,
) {
    let rest = [&text[..list.start], &text[list.end..]];
    names.retain(|_, names| {
        !names
            .iter()
            .any(|it| rest.iter().any(|rest| mentions(rest, it)))
    });
    let is_ours =
        |it: &Utf8Path| it == MANIFEST || it.file_name().is_some_and(|it| LOCKS.contains(&it));
    strike_out(&job.dir(), names, &is_ours);
}

/// Returns the ways in which people write a distribution's name.
fn spellings(name: &str) -> Vec<String> {
    let lower = name.to_lowercase();
    let with = |separator: &str| lower.replace(['-', '_', '.'], separator);
    let all = [
        name.to_owned(),
        lower.clone(),
        with("-"),
        with("_"),
        with("."),
    ];
    BTreeSet::from(all).into_iter().collect()
}

/// Asks the interpreter for the modules of distributions; one that may be used in other ways has none.
async fn modules(
    job: &Job<'_>,
    names: impl Iterator<Item = &String>,
    own: Option<&str>,
) -> Result<BTreeMap<String, Vec<String>>, Error> {
    let Some(python) = job.tool("python") else {
        return Ok(BTreeMap::new());
    };
    let helper = job.build.join("factory_modules.py");
    write(&helper, HELPER)?;
    let words = [python, &[helper.into_string()]].concat();
    let mut command = job.command(&words);
    let names: Vec<&String> = names.collect();
    let question = serde_json::json!({ "names": names, "own": own });
    command.stdin = Some(question.to_string().into_bytes());
    let finished = job.run(&command).await?;
    Ok(serde_json::from_slice(&finished.stdout).unwrap_or_default())
}

fn declared(text: &str) -> Option<Declared> {
    let document = toml_edit::Document::parse(text).ok()?;
    let project = document.get("project")?;
    let list = project.get("dependencies")?.as_array()?;
    let requirements = list.iter().filter_map(|it| {
        let name = PLAIN.captures(it.as_str()?)?[1].to_owned();
        let name = Some(name).filter(|it| !it.ends_with("-stubs") && !it.starts_with("types-"))?;
        let lines = text[..it.span()?.start].matches('\n').count() + 1;
        Some(Requirement {
            name,
            line: u32::try_from(lines).ok()?,
        })
    });
    Some(Declared {
        requirements: requirements.collect(),
        span: list.span()?,
        own: project
            .get("name")
            .and_then(Item::as_str)
            .map(str::to_owned),
    })
}

/// Returns a manifest without a requirement; `None` where a comment beside it may speak of it.
fn without(text: &str, name: &str) -> Option<String> {
    let span = declared(text)?.span;
    if text[span].contains('#') {
        return None;
    }
    let mut document: DocumentMut = text.parse().ok()?;
    let list = document["project"]["dependencies"].as_array_mut()?;
    let at = list.iter().position(|it| {
        let plain = it.as_str().and_then(|it| PLAIN.captures(it));
        plain.is_some_and(|it| &it[1] == name)
    })?;
    let removed = list.remove(at);
    if at == 0
        && let Some(first) = list.get_mut(0)
    {
        let decor = removed.decor().clone();
        *first.decor_mut() = decor;
    }
    if list.is_empty() {
        list.set_trailing("");
        list.set_trailing_comma(false);
    }
    Some(document.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &str) -> Vec<String> {
        let text = format!("[project]\nname = \"a\"\ndependencies = {list}\n");
        let declared = declared(&text).unwrap();
        declared
            .requirements
            .into_iter()
            .map(|it| it.name)
            .collect()
    }

    #[test]
    fn only_plain_requirements_are_looked_at() {
        assert_eq!(
            names(
                "[\"one>=1,<2\", \"two\", \"three ~= 1.0\", \"four; python_version < '3'\", \
                 \"five[x]\", \"six @ https://x/y\", \"types-seven\"]"
            ),
            ["one", "two", "three"]
        );
        assert!(declared("[project]\ndynamic = [\"dependencies\"]\n").is_none());
        assert_eq!(
            spellings("Ruamel.yaml"),
            ["Ruamel.yaml", "ruamel-yaml", "ruamel.yaml", "ruamel_yaml"]
        );
    }

    #[test]
    fn a_requirement_goes_and_the_layout_stays() {
        let of =
            |list: &str| format!("[project] # ours\ndependencies = {list}\n\n[tool.x]\ny = 1\n");
        for (before, name, after) in [
            ("[\"one\", \"two\"]", "one", "[\"two\"]"),
            ("[\"one\", \"two>1\"]", "two", "[\"one\"]"),
            (
                "[\n    \"one\",\n    \"two\",\n]",
                "one",
                "[\n    \"two\",\n]",
            ),
            (
                "[\n    \"one\",\n    \"two\",\n]",
                "two",
                "[\n    \"one\",\n]",
            ),
            ("[\n  \"one\",\n]", "one", "[]"),
        ] {
            assert_eq!(without(&of(before), name), Some(of(after)), "{before}");
        }
        let commented = of("[\n    \"one\", # for the tests\n    \"two\",\n]");
        assert_eq!(without(&commented, "one"), None);
    }
}
