//! Tests that take the `benchmark` fixture of pytest-benchmark.

use std::sync::LazyLock;

use camino::Utf8PathBuf;
use regex::Regex;

use super::{Place, metric, quoted};
use crate::config::ProposedMetrics;

/// The plugin warns of nothing at these: the harness repeats the run.
const OPTIONS: &str = "-q --benchmark-only --benchmark-max-time=0.1 --benchmark-min-rounds=5 --benchmark-json=/dev/stdout";

/// Returns one metric over every file with such tests, where the plugin is declared.
pub(super) fn find(place: &Place<'_>) -> ProposedMetrics {
    static FIXTURE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"def test\w*\(([^)]*[\s,])?benchmark\b").expect("it is valid")
    });
    let mut found = ProposedMetrics::default();
    if let Some(path) = place
        .own_files()
        .find(|it| it.file_name() == Some("asv.conf.json"))
    {
        found.notes.push(format!(
            "`{path}` is of asv, which builds environments of its own from the network"
        ));
    }
    let files: Vec<&Utf8PathBuf> = place
        .own_files()
        .filter(|it| it.extension() == Some("py"))
        .filter(|it| place.read(it).is_some_and(|it| FIXTURE.is_match(&it)))
        .collect();
    if files.is_empty() || !is_declared(place) {
        return found;
    }
    // The environment that is made for the tests comes first on the path of a metric.
    let pytest = place
        .tool_line("pytest")
        .unwrap_or_else(|| "python3 -m pytest".to_owned());
    let files: Vec<String> = files.iter().map(|it| quoted(it.as_str())).collect();
    let run = format!("{pytest} {OPTIONS} {}", files.join(" "));
    found
        .metrics
        .push(metric("pytest", None, run, "pytest-benchmark"));
    found
}

/// Other plugins have a fixture of that name too.
fn is_declared(place: &Place<'_>) -> bool {
    let declares = |it: &&Utf8PathBuf| {
        let name = it.file_name().unwrap_or_default();
        matches!(
            name,
            "pyproject.toml" | "setup.py" | "setup.cfg" | "tox.ini" | "noxfile.py" | "Pipfile"
        ) || it.as_str().contains("requirements")
    };
    place.own_files().filter(declares).any(|it| {
        place
            .read(it)
            .is_some_and(|it| it.contains("pytest-benchmark") || it.contains("pytest_benchmark"))
    })
}
