//! `factory sync`.

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8PathBuf;
use clap::Args;

use crate::model::id::{CommitSha, ExperimentId};
use crate::process;
use crate::repo::{CANDIDATES, Push, Target};
use crate::store::{self, Joined, LEDGER, Writer};
use crate::ui::document::Synced;
use crate::ui::number;

use super::context::{self, Context};
use super::{CliError, Exit};

/// How often another clone may push while this one does.
const ATTEMPTS: usize = 5;

/// Exchange the record with a remote: `refs/factory/*`, and nothing of yours
///
/// The other clones' experiments come here and yours go there. Where both went on, yours follow theirs
/// under new numbers, and their old numbers are noted. With `--landing` the landing branch is exchanged
/// too, where one side has everything of the other. Not while a pass is under way.
#[derive(Debug, Args)]
pub(super) struct SyncArgs {
    /// Name or address of the remote [default: origin, or the only one].
    #[arg(value_name = "REMOTE")]
    remote: Option<String>,
    /// Root of the target [default: .].
    #[arg(value_name = "PATH")]
    path: Option<Utf8PathBuf>,
    /// Exchange the landing branch too.
    #[arg(long)]
    landing: bool,
    /// Say what would be exchanged.
    #[arg(long)]
    dry_run: bool,
}

/// The refs on the remote, by name.
type Refs = BTreeMap<String, CommitSha>;

pub(super) fn run(args: &SyncArgs, ctx: &Context) -> Result<Exit, CliError> {
    let target = context::target(args.path.as_deref())?;
    let remote = match &args.remote {
        Some(remote) => remote.clone(),
        None => target.default_remote()?.ok_or_else(no_remote)?,
    };
    let branch = ctx.options(Some(target.root()))?.profile.landing.branch;
    let (mut writer, recovery) = Writer::open(&target, jiff::Timestamp::now())?;
    for notice in recovery.notices {
        ctx.output.talk(&format!("note: {notice}\n"));
    }
    let sync = Sync {
        target: &target,
        remote: &remote,
        landing: args
            .landing
            .then(|| Target::branch_name(&branch))
            .transpose()?,
        branch: &branch,
    };
    target.clear_incoming()?;
    let result = if args.dry_run {
        sync.look(&writer)
    } else {
        sync.exchange(&mut writer)
    };
    target.clear_incoming()?;
    let document = result?;
    if document.done {
        write_views(&target, &writer, &document)?;
    }
    ctx.emit(&document, |it, _width| text(it))?;
    Ok(Exit::Done)
}

struct Sync<'a> {
    target: &'a Target,
    remote: &'a str,
    /// The landing branch's full name, where it is to be exchanged.
    landing: Option<String>,
    branch: &'a str,
}

impl Sync<'_> {
    fn fetch(&self) -> Result<Refs, CliError> {
        let mut names = vec![LEDGER, CANDIDATES];
        names.extend(self.landing.as_deref());
        Ok(self.target.fetch(self.remote, &names)?)
    }

    fn look(&self, writer: &Writer) -> Result<Synced, CliError> {
        let refs = self.fetch()?;
        let joined = writer.compare(refs.get(LEDGER))?;
        Ok(self.document(false, joined, None))
    }

    /// Joins what is there with what is here, and pushes; again where another clone was faster.
    fn exchange(&self, writer: &mut Writer) -> Result<Synced, CliError> {
        let mut all = Joined::default();
        for _ in 0..ATTEMPTS {
            let refs = self.fetch()?;
            let joined = self.join(writer, refs.get(LEDGER))?;
            all.received += joined.received;
            all.ours = joined.ours;
            all.renumbered = chain(&all.renumbered, joined.renumbered);
            if let Some(theirs) = refs.get(CANDIDATES) {
                self.target.join_candidates(theirs)?;
                self.target.let_go(&pruned(writer)?)?;
            }
            let landing = self.join_landing(&refs)?;
            if self.push(writer, &refs)? {
                return Ok(self.document(true, all, landing));
            }
        }
        let message = format!(
            "other clones keep pushing to `{}`",
            process::without_credentials(self.remote)
        );
        Err(CliError::new(Exit::Input, message).hint("try again; everything is here already"))
    }

    fn join(&self, writer: &mut Writer, theirs: Option<&CommitSha>) -> Result<Joined, CliError> {
        let Some(theirs) = theirs else {
            return Ok(writer.compare(None)?);
        };
        let before = writer.tip().cloned();
        let joined = writer.join(theirs, jiff::Timestamp::now())?;
        // Commits that were written anew stay reachable, as everything else does.
        if let Some(before) = before.filter(|_| !joined.renumbered.is_empty()) {
            self.target.join_candidates(&before)?;
        }
        Ok(joined)
    }

    /// Fast-forwards our landing branch; says what was done, or refuses where the two have parted.
    fn join_landing(&self, refs: &Refs) -> Result<Option<String>, CliError> {
        let Some(name) = &self.landing else {
            return Ok(None);
        };
        let mine = self.target.branch(self.branch)?;
        let said = match (mine, refs.get(name)) {
            (None, None) => "is on neither side".to_owned(),
            (Some(_), None) => "was sent".to_owned(),
            (Some(mine), Some(theirs)) if mine == *theirs => "is the same on both sides".to_owned(),
            (Some(mine), Some(theirs)) if self.target.is_ancestor(theirs, &mine)? => {
                "was sent".to_owned()
            }
            (mine, Some(theirs)) => {
                let may_move = match &mine {
                    Some(mine) => self.target.is_ancestor(mine, theirs)?,
                    None => true,
                };
                if !may_move {
                    return Err(self.parted(theirs));
                }
                self.target.advance(self.branch, mine.as_ref(), theirs)?;
                format!("came from there and is at {}", theirs.short())
            }
        };
        Ok(Some(format!("`{}` {said}", self.branch)))
    }

    fn parted(&self, theirs: &CommitSha) -> CliError {
        let branch = self.branch;
        let message = format!(
            "`{branch}` holds other work here than on `{}` (at {}), and neither contains the other",
            process::without_credentials(self.remote),
            theirs.short()
        );
        CliError::new(Exit::Input, message)
            .hint("the record was joined here and is complete; sync without `--landing` to send it")
            .hint("land one of the two (`factory land`) and push your branch: the other side's next run makes its kept work again on top")
    }

    /// Pushes whatever the remote lacks; `false` where it moved meanwhile.
    fn push(&self, writer: &Writer, refs: &Refs) -> Result<bool, CliError> {
        let mut wanted = vec![
            (CANDIDATES.to_owned(), self.target.candidates()?),
            (LEDGER.to_owned(), writer.tip().cloned()),
        ];
        if let Some(name) = &self.landing {
            wanted.push((name.clone(), self.target.branch(self.branch)?));
        }
        let pushes: Vec<Push> = wanted
            .into_iter()
            .filter_map(|(name, to)| {
                let (to, from) = (to?, refs.get(&name).cloned());
                (from.as_ref() != Some(&to)).then_some(Push { name, from, to })
            })
            .collect();
        Ok(pushes.is_empty() || self.target.push(self.remote, &pushes)?)
    }

    fn document(&self, done: bool, joined: Joined, landing: Option<String>) -> Synced {
        Synced {
            schema: "factory.sync/1".to_owned(),
            remote: process::without_credentials(self.remote),
            done,
            received: joined.received,
            sent: joined.ours,
            renumbered: joined.renumbered,
            landing,
        }
    }
}

/// Returns the candidates that some clone pruned: they do not come back with the other clone's.
fn pruned(writer: &Writer) -> Result<BTreeSet<CommitSha>, CliError> {
    let reader = writer.reader();
    let mut commits = BTreeSet::new();
    for id in reader.pruned()? {
        let candidate = reader.experiment(id)?.and_then(|it| it.candidate);
        commits.extend(candidate.map(|it| it.commit));
    }
    Ok(commits)
}

/// Follows numbers that changed twice because another clone was faster.
fn chain(
    before: &[(ExperimentId, ExperimentId)],
    now: Vec<(ExperimentId, ExperimentId)>,
) -> Vec<(ExperimentId, ExperimentId)> {
    if now.is_empty() {
        return before.to_vec();
    }
    let origin = |id: ExperimentId| before.iter().find(|it| it.1 == id).map_or(id, |it| it.0);
    now.into_iter()
        .map(|(old, new)| (origin(old), new))
        .collect()
}

fn no_remote() -> CliError {
    CliError::new(
        Exit::Input,
        "this repository has no remote, or several and no `origin`",
    )
    .hint("name one: `factory sync REMOTE`")
}

/// Writes the readable view of what is new here or has another number.
fn write_views(target: &Target, writer: &Writer, document: &Synced) -> Result<(), CliError> {
    let n = document.received as usize + document.renumbered.len();
    for summary in writer.reader().recent(n)? {
        if let Some(experiment) = writer.reader().experiment(summary.id)? {
            let dir = store::write_view(target.root(), &experiment)?;
            // It was of the experiment that had this number before; `factory diff` makes it again.
            drop(fs_err::remove_file(dir.join("candidate.diff")));
        }
    }
    Ok(())
}

fn text(it: &Synced) -> String {
    let [took, gave] = if it.done {
        ["received", "sent"]
    } else {
        ["would receive", "would send"]
    };
    let sent = number::count(it.sent as usize, "experiments");
    let mut out = format!("{}: {took} {} and {gave} {sent}\n", it.remote, it.received);
    if let (Some(first), Some(last)) = (it.renumbered.first(), it.renumbered.last()) {
        let verb = if it.done { "are" } else { "would be" };
        out.push_str(&format!(
            "both sides went on: #{} to #{} of this clone {verb} #{} to #{} now\n",
            first.0, last.0, first.1, last.1
        ));
    }
    if let Some(landing) = &it.landing {
        out.push_str(&format!("{landing}\n"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_changed_twice_is_told_once() {
        let id = ExperimentId;
        let chained = chain(&[(id(3), id(6))], vec![(id(6), id(8))]);
        assert_eq!(chained, [(id(3), id(8))]);
        assert_eq!(chain(&chained, Vec::new()), chained);
    }
}
