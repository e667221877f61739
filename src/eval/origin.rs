//! Whether a suite tests the tree that it is run in, and not a copy that is installed elsewhere.

use camino::Utf8Path;

use super::bench::{Bench, io_error};
use super::binding;
use super::scratch::Scratch;
use super::sources::source_files;
use super::suite;
use crate::model::finding::{SuiteState, TestOutcome};
use crate::process::Error;
use crate::syntax::Grammar;
use crate::toolchain::{Origin, Suite};

/// What every module is replaced with: importing it fails.
const BROKEN: &str = "raise ImportError('this module was broken on purpose')\n";
const CURE: &str =
    "hint: uninstall that copy, or let the tests import the source of their own tree";

/// Returns why a suite says nothing about this tree; `None` where it does, as far as can be told.
///
/// Where code was imported from is proof. Where nothing was seen to be imported, every module is
/// broken in a copy of the tree, once per incumbent: a suite that does not notice tests something else.
pub(super) async fn doubt(bench: &Bench<'_>, suite: &Suite) -> Result<Option<String>, Error> {
    match &suite.origin {
        Origin::Tree => Ok(None),
        Origin::Elsewhere(place) => {
            let why = format!("your suite runs the installed copy at {place} ({CURE})");
            Ok(Some(why))
        }
        Origin::Unknown(why) => {
            let passes = suite.run.count(TestOutcome::Passed) > 0;
            let is_clear = suite.run.state != SuiteState::Completed || !passes;
            if is_clear || notices(bench, suite).await? {
                return Ok(None);
            }
            let why = format!(
                "your suite does not run this tree: no test failed when every module of it was broken; {why} ({CURE})"
            );
            Ok(Some(why))
        }
    }
}

/// Returns whether a test notices that all modules are broken; the answer for a tree is remembered.
async fn notices(bench: &Bench<'_>, suite: &Suite) -> Result<bool, Error> {
    let files: Vec<_> = source_files(bench)
        .into_iter()
        .filter(|it| it.grammar == Grammar::Python && !it.protected)
        .collect();
    if files.is_empty() {
        return Ok(true);
    }
    let texts = files.iter().map(|it| format!("{}\n{}", it.path, it.text));
    let known = bench.lab.cache.join("origin").join(binding::hash(texts));
    if let Ok(answer) = fs_err::read_to_string(&known) {
        return Ok(answer == "noticed");
    }
    let scratch = Scratch::copy_of(bench)?;
    for file in &files {
        let path = scratch.bench.dir.join(&file.path);
        fs_err::write(&path, BROKEN).map_err(|source| io_error(&path, source))?;
    }
    let broken = suite::run(&scratch.bench, None).await?;
    scratch.remove();
    let failing = suite.run.ids(TestOutcome::Failed);
    let is_noticed = broken.run.state != SuiteState::Completed
        || !broken.run.ids(TestOutcome::Failed).is_subset(&failing);
    let folder = known.parent().unwrap_or(Utf8Path::new(""));
    let word = if is_noticed { "noticed" } else { "missed" };
    if let Err(error) = fs_err::create_dir_all(folder).and_then(|()| fs_err::write(&known, word)) {
        tracing::warn!(%error, "what was found out about a suite is not remembered");
    }
    Ok(is_noticed)
}
