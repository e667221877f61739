//! JavaScript and TypeScript packages.

mod coverage;
mod detect;
mod fix;
mod lint;
mod manifest;
mod modules;
mod origin;
mod plan;
mod prepare;
mod programs;
mod report;
mod runners;
mod script;
mod start;
mod suite;
mod targets;
#[cfg(test)]
mod tests;
mod types;
mod unused;

use camino::{Utf8Path, Utf8PathBuf};
use futures_util::future::BoxFuture;

use super::catalogue::JAVASCRIPT;
use super::{Adapter, Coverage, Job, Outcome, Suite};
use crate::config::Commands;
use crate::model::finding::Finding;
use crate::model::hypothesis::LintRule;
use crate::model::profile::{LanguageName, Project, Tool};
use crate::process::Error;

/// The adapter for JavaScript and TypeScript packages.
#[derive(Debug, Default)]
pub struct JavaScript;

impl Adapter for JavaScript {
    fn name(&self) -> LanguageName {
        LanguageName::JavaScript
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
        JAVASCRIPT.version_args(tool)
    }

    fn version_key(&self, _root: &Utf8Path, tool: &Tool) -> String {
        // The second word is the program's script, which an update replaces.
        let script = tool.command.as_ref().and_then(|it| it.get(1));
        script
            .and_then(|it| super::versions::stamp(Utf8Path::new(it)))
            .unwrap_or_default()
    }

    fn prepare<'a>(&'a self, job: &'a Job<'a>) -> BoxFuture<'a, Result<Outcome<()>, Error>> {
        Box::pin(prepare::prepare(job))
    }

    fn build<'a>(&'a self, job: &'a Job<'a>) -> BoxFuture<'a, Result<Result<(), String>, Error>> {
        // A tree that was just laid out has no packages, which whatever is built or timed needs.
        Box::pin(async move { modules::link(job).map(|_| Ok(())) })
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
        &JAVASCRIPT.protected
    }

    fn excluded(&self) -> &'static [&'static str] {
        &JAVASCRIPT.excluded
    }
}
