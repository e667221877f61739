//! The adapter on small real trees, with real tools.

mod checks;
mod suites;
mod trees;

use super::JavaScript;
use crate::config::Commands;
use crate::model::finding::{TestOutcome, TestRun};
use crate::model::profile::LanguageName;
use crate::toolchain::testing::{Bench, node_tools};

/// A tree whose packages are installed in `FACTORY_TEST_TOOLS`; `None` skips.
fn bench(files: &[(&str, &str)]) -> Option<Bench> {
    let installed = node_tools()?;
    let mut bench = Bench::new(LanguageName::JavaScript, files, Commands::default());
    for tool in bench
        .tools
        .iter_mut()
        .filter(|it| it.name == "node_modules")
    {
        tool.command = Some(vec![installed.to_string()]);
    }
    Some(bench)
}

fn cases(run: &TestRun) -> Vec<(&str, TestOutcome)> {
    run.cases
        .iter()
        .map(|it| (it.id.as_str(), it.outcome))
        .collect()
}

fn manifest(test: &str) -> String {
    format!(
        "{{\"name\": \"sample\", \"version\": \"1.0.0\", \"main\": \"lib/index.js\", \"scripts\": {{\"test\": \"{test}\"}}}}"
    )
}

const LIBRARY: (&str, &str) = (
    "lib/index.js",
    "exports.one = () => 1;\nexports.two = () => {\n  return 2;\n};\n",
);

/// Returns what lies in the tree beside our links.
fn left_behind(bench: &Bench) -> Vec<String> {
    let files = bench
        .tree
        .files()
        .into_iter()
        .map(camino::Utf8PathBuf::into_string);
    files
        .filter(|it| !it.starts_with("node_modules/"))
        .collect()
}
