//! What linters and the formatter say of a variant, and the fixes that they offer themselves.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};

use super::{Texts, Variants};
use crate::eval::bench::io_error;
use crate::model::finding::Finding;
use crate::model::hypothesis::LintRule;
use crate::model::profile::Purpose;
use crate::process::Error;
use crate::toolchain::Outcome;

/// What a copy leaves to tidy.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Untidy {
    /// Findings of linters and type checkers by rule: all of them, and those with a safe fix.
    findings: BTreeMap<LintRule, (usize, usize)>,
    /// Files that the project's own formatter would change.
    unformatted: BTreeSet<Utf8PathBuf>,
}

impl Untidy {
    /// Returns the rules with more findings than before, and whether each has a safe fix.
    fn more_than(&self, before: &Self) -> Vec<(&LintRule, bool)> {
        let known = |rule| before.findings.get(rule).copied().unwrap_or_default();
        let more = self
            .findings
            .iter()
            .filter(|(rule, it)| it.0 > known(rule).0);
        more.map(|(rule, it)| (rule, it.1 > known(rule).1))
            .collect()
    }
}

impl Variants<'_> {
    /// Returns what there is to tidy in the copy as it is now.
    ///
    /// # Errors
    /// An interruption, or a child that could not be followed.
    pub async fn untidy(&self) -> Result<Untidy, Error> {
        let mut untidy = Untidy::default();
        let bench = &self.scratch.bench;
        for (adapter, project) in bench.projects() {
            let job = bench.job(project);
            let found = [adapter.lint(&job).await?, adapter.types(&job).await?];
            for outcome in found {
                if let Outcome::Measured(findings) = outcome {
                    for finding in findings {
                        untidy.add(finding);
                    }
                }
            }
            if project.uses.contains_key(&Purpose::Format)
                && let Outcome::Measured(paths) = adapter.unformatted(&job).await?
            {
                untidy.unformatted.extend(paths);
            }
        }
        Ok(untidy)
    }

    /// Applies the fixes that tools offer for what a variant left behind, and the formatter to files
    /// that were formatted; `None` where something would be worse than before.
    ///
    /// # Errors
    /// An interruption, or a file or child that could not be used.
    pub async fn tidied(&mut self, texts: &Texts, before: &Untidy) -> Result<Option<Texts>, Error> {
        self.put(texts)?;
        let after = self.untidy().await?;
        let more = after.more_than(before);
        if more.iter().any(|(_, is_fixable)| !is_fixable) {
            return Ok(None);
        }
        for (rule, _) in &more {
            self.fix(rule, texts).await?;
        }
        let is_loose = |it: &&Utf8PathBuf| !before.unformatted.contains(*it);
        if !more.is_empty() || after.unformatted.iter().any(|it| is_loose(&it)) {
            self.format(texts, before).await?;
        }
        let last = self.untidy().await?;
        if !last.more_than(before).is_empty() || last.unformatted.iter().any(|it| is_loose(&it)) {
            return Ok(None);
        }
        self.read(texts).map(Some)
    }

    async fn fix(&self, rule: &LintRule, texts: &Texts) -> Result<(), Error> {
        let bench = &self.scratch.bench;
        let may_touch = |it: &Utf8Path| texts.contains_key(it);
        for (adapter, project) in bench.projects() {
            adapter.fix(&bench.job(project), rule, &may_touch).await?;
        }
        Ok(())
    }

    async fn format(&self, texts: &Texts, before: &Untidy) -> Result<(), Error> {
        let bench = &self.scratch.bench;
        let may_touch = |it: &Utf8Path| texts.contains_key(it) && !before.unformatted.contains(it);
        for (adapter, project) in bench.projects() {
            if project.uses.contains_key(&Purpose::Format) {
                adapter.format(&bench.job(project), &may_touch).await?;
            }
        }
        Ok(())
    }

    /// Returns the files of a variant as they are now.
    fn read(&self, texts: &Texts) -> Result<Texts, Error> {
        let read = |path: &Utf8PathBuf| {
            let file = self.scratch.bench.dir.join(path);
            let text = fs_err::read_to_string(&file).map_err(|source| io_error(&file, source))?;
            Ok((path.clone(), text))
        };
        texts.keys().map(read).collect()
    }
}

impl Untidy {
    fn add(&mut self, finding: Finding) {
        let rule = LintRule {
            tool: finding.tool,
            rule: finding.rule,
        };
        let count = self.findings.entry(rule).or_default();
        count.0 += 1;
        count.1 += usize::from(finding.fixable);
    }
}
