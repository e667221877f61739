//! `factory prune`.

use std::collections::BTreeSet;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use clap::Args;
use fs_err as fs;
use jiff::Timestamp;

use crate::ceo::scratch_of;
use crate::config::HIDDEN_DIR;
use crate::model::budget::duration;
use crate::model::experiment::Summary;
use crate::model::id::{CommitSha, ExperimentId};
use crate::model::verdict::Verdict;
use crate::repo::Target;
use crate::repo::records::Removal;
use crate::store::{Reader, Registry, Writer};
use crate::ui::document::Pruned;
use crate::ui::number;

use super::context::{self, Context};
use super::record::PathArg;
use super::{CliError, Exit};

/// Let go of old candidates that were not kept, old logs, and caches of targets that are gone
///
/// Records, verdicts and samples stay, and so does everything that was kept: only the code of what was
/// not kept goes, so that `diff` and `checkout` of those experiments say that it was pruned.
#[derive(Debug, Args)]
pub(super) struct PruneArgs {
    #[command(flatten)]
    target: PathArg,
    /// Keep the candidates of the newest so many experiments.
    #[arg(long, value_name = "N", conflicts_with = "older")]
    keep: Option<usize>,
    /// Let go of what is older than this.
    #[arg(long, value_name = "DURATION", default_value = "30d", value_parser = duration)]
    older: Duration,
    /// Say what would go.
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(args: &PruneArgs, ctx: &Context) -> Result<Exit, CliError> {
    let target = context::target(args.target.path.as_deref())?;
    let now = Timestamp::now();
    let (mut writer, recovery) = Writer::open(&target, now)?;
    for notice in recovery.notices {
        ctx.output.talk(&format!("note: {notice}\n"));
    }
    let since = now - args.older;
    let (ids, commits) = candidates(writer.reader(), args.keep, since)?;
    let registry = Registry::open(&ctx.home)?;
    let gone: Vec<Utf8PathBuf> = registry
        .targets()?
        .into_iter()
        .map(|it| it.path)
        .filter(|it| !it.exists())
        .collect();
    let mut folders = old_logs(&target, since)?;
    folders.extend(gone.iter().map(|it| scratch_of(&ctx.scratch, it)));
    folders.retain(|it| it.exists());
    let folder_bytes = folders.iter().map(|it| size(it)).sum();
    let mut object_bytes = None;
    if !args.dry_run {
        object_bytes = Some(let_go(&target, &mut writer, &ids, &commits)?);
        for folder in &folders {
            fs::remove_dir_all(folder)?;
        }
        for path in &gone {
            registry.forget(path, now)?;
        }
    }
    let document = Pruned {
        schema: "factory.prune/1".to_owned(),
        done: !args.dry_run,
        candidates: ids.into_iter().collect(),
        object_bytes,
        folders: folders.into_iter().map(Utf8PathBuf::into_string).collect(),
        folder_bytes,
    };
    ctx.emit(&document, |it, _width| text(it))?;
    Ok(Exit::Done)
}

/// Returns the experiments whose candidates go, and those candidates' commits.
fn candidates(
    reader: &Reader,
    keep: Option<usize>,
    since: Timestamp,
) -> Result<(BTreeSet<ExperimentId>, BTreeSet<CommitSha>), CliError> {
    let summaries = reader.summaries()?;
    let n_old = summaries.len().saturating_sub(keep.unwrap_or(0));
    let is_old = |(index, it): &(usize, &Summary)| match keep {
        Some(_) => *index < n_old,
        None => it.finished < since,
    };
    let was_kept = |it: &Summary| it.verdict == Verdict::Keep || it.landed.is_some();
    let pruned = reader.pruned()?;
    let (mut ids, mut commits) = (BTreeSet::new(), BTreeSet::new());
    for (_, summary) in summaries.iter().enumerate().filter(is_old) {
        if was_kept(summary) || pruned.contains(&summary.id) {
            continue;
        }
        let candidate = reader.experiment(summary.id)?.and_then(|it| it.candidate);
        if let Some(candidate) = candidate {
            ids.insert(summary.id);
            commits.insert(candidate.commit);
        }
    }
    Ok((ids, commits))
}

/// Writes that they are pruned, then the new anchor, then frees what that leaves; returns the bytes.
fn let_go(
    target: &Target,
    writer: &mut Writer,
    ids: &BTreeSet<ExperimentId>,
    commits: &BTreeSet<CommitSha>,
) -> Result<u64, CliError> {
    if ids.is_empty() {
        return Ok(0);
    }
    writer.prune(ids, Timestamp::now())?;
    target.let_go(commits)?;
    Ok(writer.free(&target.reachable()?, Removal::Later)?)
}

/// Returns the log folders of runs that ended before that time.
fn old_logs(target: &Target, since: Timestamp) -> Result<Vec<Utf8PathBuf>, CliError> {
    let logs = target.root().join(HIDDEN_DIR).join("logs");
    if !logs.is_dir() {
        return Ok(Vec::new());
    }
    let mut old = Vec::new();
    for entry in logs.read_dir_utf8()? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        let changed = Timestamp::try_from(metadata.modified()?);
        if metadata.is_dir() && changed.is_ok_and(|it| it < since) {
            old.push(entry.into_path());
        }
    }
    old.sort();
    Ok(old)
}

/// Returns the bytes in a folder, as far as it can be read.
fn size(folder: &Utf8Path) -> u64 {
    let entries = folder.read_dir_utf8().into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => size(entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

fn text(it: &Pruned) -> String {
    let verb = if it.done {
        "let go of"
    } else {
        "would let go of"
    };
    let n_candidates = number::count(it.candidates.len(), "candidates");
    let mut out = format!("{verb} {n_candidates}");
    match it.object_bytes {
        Some(bytes) if bytes > 0 => out.push_str(&format!(
            ", {} of git objects: the files go a day from now, when nobody can be reading them\n",
            amount(bytes)
        )),
        _ => out.push('\n'),
    }
    out.push_str(&format!(
        "{} of logs and caches, {}\n",
        number::count(it.folders.len(), "old folders"),
        amount(it.folder_bytes)
    ));
    out
}

/// Returns a number of bytes as people read it.
fn amount(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{} KiB", bytes / 1024),
        _ => format!("{} MiB", bytes / 1_048_576),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_by_people() {
        let texts = [5, 2048, 3 << 20].map(amount);
        assert_eq!(texts, ["5 bytes", "2 KiB", "3 MiB"]);
    }
}
