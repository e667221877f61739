//! Go modules.

mod command;
mod coverage;
mod declared;
mod detect;
mod events;
mod format;
mod lint;
mod names;
mod packages;
mod requirements;
mod sources;
mod staticcheck;
mod suite;
#[cfg(test)]
mod tests;

use camino::{Utf8Path, Utf8PathBuf};
use futures_util::future::BoxFuture;

use super::catalogue::GO;
use super::{Adapter, Coverage, Job, Outcome, Suite};
use crate::config::Commands;
use crate::model::finding::{Finding, TestCase};
use crate::model::hypothesis::LintRule;
use crate::model::profile::{LanguageName, Project, Tool};
use crate::process::Error;

/// The adapter for Go modules.
#[derive(Debug, Default)]
pub struct Go;

/// Reads the events of `go test -json` that somebody else's command printed; ids begin with the whole
/// path of the package.
pub(super) fn read_events(text: &str, temporary: &Utf8Path) -> Result<Vec<TestCase>, String> {
    let events = events::Events::parse(text)?;
    if events.build_failed {
        return Err("a package does not build".into());
    }
    let packages = events.packages.into_iter();
    let named = packages.flat_map(|(path, it)| names::named(&path, it.tests, temporary));
    let case = |it: names::Named| TestCase {
        id: it.id,
        outcome: it.ended.outcome,
        seconds: it.ended.seconds,
    };
    Ok(named.map(case).collect())
}

/// Returns what is out of step between a module's manifest, checksums and imports.
///
/// # Errors
/// An interruption, or a child that could not be followed.
pub async fn manifest_problems(job: &Job<'_>) -> Result<Vec<String>, Error> {
    command::manifest_problems(job).await
}

impl Adapter for Go {
    fn name(&self) -> LanguageName {
        LanguageName::Go
    }

    fn detect(
        &self,
        root: &Utf8Path,
        files: &[Utf8PathBuf],
        _commands: &Commands,
    ) -> (Vec<Project>, Vec<Tool>) {
        detect::detect(root, files)
    }

    fn version_args(&self, tool: &str) -> Vec<String> {
        GO.version_args(tool)
    }

    fn version_key(&self, _root: &Utf8Path, _tool: &Tool) -> String {
        String::new()
    }

    fn prepare<'a>(&'a self, job: &'a Job<'a>) -> BoxFuture<'a, Result<Outcome<()>, Error>> {
        Box::pin(command::prepare(job))
    }

    fn test<'a>(
        &'a self,
        job: &'a Job<'a>,
        only: Option<&'a [String]>,
    ) -> BoxFuture<'a, Result<Suite, Error>> {
        Box::pin(suite::run(job, only))
    }

    fn test_times<'a>(
        &'a self,
        job: &'a Job<'a>,
    ) -> BoxFuture<'a, Result<Vec<(String, f64)>, Error>> {
        Box::pin(suite::times(job))
    }

    fn lint<'a>(&'a self, job: &'a Job<'a>) -> BoxFuture<'a, Result<Outcome<Vec<Finding>>, Error>> {
        Box::pin(lint::lint(job))
    }

    fn types<'a>(
        &'a self,
        job: &'a Job<'a>,
    ) -> BoxFuture<'a, Result<Outcome<Vec<Finding>>, Error>> {
        Box::pin(lint::types(job))
    }

    fn coverage<'a>(&'a self, job: &'a Job<'a>) -> BoxFuture<'a, Result<Outcome<Coverage>, Error>> {
        Box::pin(coverage::measure(job))
    }

    fn unformatted<'a>(
        &'a self,
        job: &'a Job<'a>,
    ) -> BoxFuture<'a, Result<Outcome<Vec<Utf8PathBuf>>, Error>> {
        Box::pin(format::unformatted(job))
    }

    fn fix<'a>(
        &'a self,
        job: &'a Job<'a>,
        rule: &'a LintRule,
        may_touch: &'a (dyn Fn(&Utf8Path) -> bool + Sync),
    ) -> BoxFuture<'a, Result<Outcome<usize>, Error>> {
        Box::pin(async move {
            match rule.tool.as_str() {
                staticcheck::NAME => staticcheck::fix(job, rule, may_touch).await,
                _ => format::fix(job, rule, may_touch).await,
            }
        })
    }

    fn format<'a>(
        &'a self,
        job: &'a Job<'a>,
        may_touch: &'a (dyn Fn(&Utf8Path) -> bool + Sync),
    ) -> BoxFuture<'a, Result<Outcome<usize>, Error>> {
        Box::pin(format::format(job, may_touch))
    }

    fn protected(&self) -> &'static [&'static str] {
        &GO.protected
    }

    fn excluded(&self) -> &'static [&'static str] {
        &GO.excluded
    }
}
