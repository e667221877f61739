//! Python packages.

mod arguments;
mod coverage;
pub(super) mod declared;
mod detect;
mod doubt;
mod environment;
mod environments;
mod extension;
mod fix;
mod imports;
mod interpreter;
mod layout;
mod lint;
mod metadata;
mod needs;
mod report;
mod suite;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod traps;
mod types;
mod unused;

use camino::{Utf8Path, Utf8PathBuf};
use futures_util::future::BoxFuture;

use self::suite::Harness;
use super::catalogue::PYTHON;
use super::{Adapter, Coverage, Environment, Job, Outcome, Place, Suite};
use crate::config::Commands;
use crate::model::finding::Finding;
use crate::model::hypothesis::LintRule;
use crate::model::profile::{LanguageName, Project, Tool};
use crate::process::Error;

/// The adapter for Python.
#[derive(Debug, Default)]
pub struct Python;

impl Adapter for Python {
    fn name(&self) -> LanguageName {
        LanguageName::Python
    }

    fn detect(
        &self,
        root: &Utf8Path,
        files: &[Utf8PathBuf],
        commands: &Commands,
    ) -> (Vec<Project>, Vec<Tool>) {
        detect::detect(root, files, commands)
    }

    fn version_args(&self, tool: &str) -> Vec<String> {
        PYTHON.version_args(tool)
    }

    fn version_key(&self, _root: &Utf8Path, tool: &Tool) -> String {
        interpreter::identity(tool)
    }

    fn prepare<'a>(&'a self, job: &'a Job<'a>) -> BoxFuture<'a, Result<Outcome<()>, Error>> {
        // Suites run from the tree with the environment that the person already has.
        let outcome = match job.tool("python") {
            Some(_) => Outcome::Measured(()),
            None => Outcome::Missing(PYTHON.install("python")),
        };
        Box::pin(std::future::ready(Ok(outcome)))
    }

    fn environment<'a>(
        &'a self,
        job: &'a Job<'a>,
        place: &'a Place<'a>,
    ) -> BoxFuture<'a, Result<Environment, Error>> {
        Box::pin(environment::choose(job, place))
    }

    fn build<'a>(&'a self, job: &'a Job<'a>) -> BoxFuture<'a, Result<Result<(), String>, Error>> {
        Box::pin(async move {
            if extension::is_built(&job.dir()) {
                Harness::of_commands(job)?.build(job).await
            } else {
                Ok(Ok(()))
            }
        })
    }

    fn variables(&self, job: &Job<'_>) -> Result<Vec<(String, String)>, Error> {
        let Some(python) = job.tool("python") else {
            return Ok(Vec::new());
        };
        let harness = Harness::of_commands(job)?;
        Ok(harness.found(job, job.command(python)).env)
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
        Box::pin(types::types(job))
    }

    fn coverage<'a>(&'a self, job: &'a Job<'a>) -> BoxFuture<'a, Result<Outcome<Coverage>, Error>> {
        Box::pin(coverage::measure(job))
    }

    fn unformatted<'a>(
        &'a self,
        job: &'a Job<'a>,
    ) -> BoxFuture<'a, Result<Outcome<Vec<Utf8PathBuf>>, Error>> {
        Box::pin(fix::unformatted(job))
    }

    fn fix<'a>(
        &'a self,
        job: &'a Job<'a>,
        rule: &'a LintRule,
        may_touch: &'a (dyn Fn(&Utf8Path) -> bool + Sync),
    ) -> BoxFuture<'a, Result<Outcome<usize>, Error>> {
        Box::pin(fix::fix(job, rule, may_touch))
    }

    fn format<'a>(
        &'a self,
        job: &'a Job<'a>,
        may_touch: &'a (dyn Fn(&Utf8Path) -> bool + Sync),
    ) -> BoxFuture<'a, Result<Outcome<usize>, Error>> {
        Box::pin(fix::format(job, may_touch))
    }

    fn protected(&self) -> &'static [&'static str] {
        &PYTHON.protected
    }

    fn excluded(&self) -> &'static [&'static str] {
        &PYTHON.excluded
    }
}
