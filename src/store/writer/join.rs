//! Two clones' records become one: the longer one is taken over, and where both went on, the experiments
//! of this clone follow those of the other one, under new numbers. Nothing is lost.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Writer, epoch_at, file, sealed, writable_snapshot};
use crate::format::{AUDITS, BACKLOG, REJECTION, SNAPSHOT, SUMMARY};
use crate::model::audit::AuditLine;
use crate::model::experiment::Summary;
use crate::model::id::{CommitSha, ExperimentId};
use crate::repo::records::{FileChange, RecordRef};
use crate::store::layout::{self, Snapshot};
use crate::store::{BacklogItem, Error, Reader, Rejection, audits};

/// The record while it is written anew; the ledger itself moves once, at the end.
const JOINING: &str = "refs/factory/joining";

/// What joining two records does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Joined {
    /// Experiments that only the other clone had.
    pub received: u32,
    /// Experiments that only this clone has.
    pub ours: u32,
    /// Those of this clone that get another number: the old one and the new one.
    pub renumbered: Vec<(ExperimentId, ExperimentId)>,
}

/// How two records stand to each other.
struct Split {
    base: Option<CommitSha>,
    joined: Joined,
}

impl Writer {
    /// Returns what [`Writer::join`] would do, writing nothing.
    pub fn compare(&self, theirs: Option<&CommitSha>) -> Result<Joined, Error> {
        Ok(self.split(theirs)?.joined)
    }

    /// Makes another clone's record, whose objects are here, part of this one.
    ///
    /// The other clone's history stays as it is: it fast-forwards to the result.
    pub fn join(&mut self, theirs: &CommitSha, now: Timestamp) -> Result<Joined, Error> {
        self.check()?;
        if let Some(experiment) = &self.current {
            return Err(Error::Pending { id: experiment.id });
        }
        let Split { base, joined } = self.split(Some(theirs))?;
        let mine = self.tip.clone();
        if base.as_ref() == Some(theirs) {
            return Ok(joined);
        }
        let to = match &mine {
            Some(mine) if base.as_ref() != Some(mine) => {
                self.append_to(theirs, mine, base.as_ref(), &joined, now)?
            }
            _ => theirs.clone(),
        };
        if let Err(source) = self.reader.ledger.move_to(mine.as_ref(), &to) {
            self.stopped = true;
            return Err(source.into());
        }
        self.snapshot = writable_snapshot(&self.reader, &to)?;
        drop(std::fs::write(&self.tip_file, to.as_str()));
        self.tip = Some(to);
        self.has_lease = false;
        RecordRef::open(&self.common_dir(), JOINING)?.delete()?;
        self.reader.ledger.pack()?;
        Ok(joined)
    }

    /// Returns the ledger's commit that this writer saw last.
    pub fn tip(&self) -> Option<&CommitSha> {
        self.tip.as_ref()
    }

    fn split(&self, theirs: Option<&CommitSha>) -> Result<Split, Error> {
        let base = match (&self.tip, theirs) {
            (Some(mine), Some(theirs)) => self.reader.ledger.common(mine, theirs)?,
            _ => None,
        };
        let there = self.snapshot_at(theirs)?;
        let before = self.snapshot_at(base.as_ref())?;
        let ours = self.snapshot.experiments.saturating_sub(before.experiments);
        let received = there.experiments.saturating_sub(before.experiments);
        let has_parted = ours > 0 && received > 0;
        let mine = if has_parted {
            self.reader.summaries_from(before.next)?
        } else {
            Vec::new()
        };
        let numbers = (there.next.0..).map(ExperimentId);
        Ok(Split {
            base,
            joined: Joined {
                received,
                ours,
                renumbered: mine.iter().map(|it| it.id).zip(numbers).collect(),
            },
        })
    }

    fn snapshot_at(&self, tip: Option<&CommitSha>) -> Result<Snapshot, Error> {
        tip.map_or_else(
            || Ok(Snapshot::default()),
            |tip| writable_snapshot(&self.reader, tip),
        )
    }

    /// Writes what only this clone has behind the other clone's record; returns the new tip.
    fn append_to(
        &self,
        theirs: &CommitSha,
        mine: &CommitSha,
        base: Option<&CommitSha>,
        joined: &Joined,
        now: Timestamp,
    ) -> Result<CommitSha, Error> {
        let joining = RecordRef::open(&self.common_dir(), JOINING)?;
        // What is there was left by a join that was killed, and was nobody's yet.
        joining.delete()?;
        joining.move_to(None, theirs)?;
        let reader = Reader {
            ledger: joining,
            dir: self.reader.dir().to_owned(),
        };
        let mut tip = theirs.clone();
        let mut snapshot = writable_snapshot(&self.reader, theirs)?;
        // No epoch of either clone comes again.
        let epoch = epoch_at(&reader, theirs)?.max(epoch_at(&reader, mine)?);
        let mut lease = Some(self.lease_after(epoch));
        let first = self.snapshot_at(base)?.next;
        let numbers = joined.renumbered.iter().copied().collect();
        for summary in self.reader.summaries_from(first)? {
            let (mut changes, after, message) =
                self.again(&reader, &tip, &snapshot, &numbers, summary)?;
            changes.extend(lease.take());
            tip = reader.ledger.commit(Some(&tip), &changes, &message, now)?;
            snapshot = after;
        }
        let mut rest = Merge {
            reader: &self.reader,
            mine,
            theirs,
            base,
            numbers,
        }
        .changes()?;
        rest.extend(lease.take());
        let message = "join the records of two clones";
        Ok(reader.ledger.commit(Some(&tip), &rest, message, now)?)
    }

    /// Returns what seals an experiment of this clone again under the next number.
    fn again(
        &self,
        reader: &Reader,
        tip: &CommitSha,
        snapshot: &Snapshot,
        numbers: &BTreeMap<ExperimentId, ExperimentId>,
        mut summary: Summary,
    ) -> Result<(Vec<FileChange>, Snapshot, String), Error> {
        let was = summary.id;
        let renumbered = |id: ExperimentId| numbers.get(&id).copied().unwrap_or(id);
        summary.resumes = summary.resumes.map(renumbered);
        let Some(mut experiment) = self.reader.experiment(was)? else {
            // Its record was lost to damage before; its line in the index is all there is.
            let mut after = snapshot.clone();
            summary.id = snapshot.next;
            after.add(&summary);
            after.lost.push(summary.id);
            let segment = layout::segment_of(summary.id);
            let mut lines = reader.segment(tip, segment)?;
            let message = format!("experiment {}, without its record", summary.id);
            lines.push(summary);
            let index = file(layout::segment_path(segment), SUMMARY.encode_lines(&lines))?;
            let counts = file(layout::SNAPSHOT.to_owned(), SNAPSHOT.encode(&after))?;
            return Ok((vec![index, counts], after, message));
        };
        experiment.id = snapshot.next;
        experiment.resumes = experiment.resumes.map(renumbered);
        let line = format!("This was experiment {was} of the clone that ran it.");
        let note = format!("{}\n\n{line}", experiment.note);
        note.trim().clone_into(&mut experiment.note);
        let sealed = sealed(reader, Some(tip), snapshot, &experiment)?;
        Ok((sealed.changes, sealed.snapshot, sealed.message))
    }

    fn common_dir(&self) -> camino::Utf8PathBuf {
        let dir = self.reader.dir();
        dir.parent().unwrap_or(dir).to_owned()
    }
}

/// What people wrote, on both sides and before they parted.
struct Merge<'a> {
    reader: &'a Reader,
    mine: &'a CommitSha,
    theirs: &'a CommitSha,
    base: Option<&'a CommitSha>,
    numbers: BTreeMap<ExperimentId, ExperimentId>,
}

impl Merge<'_> {
    fn changes(&self) -> Result<Vec<FileChange>, Error> {
        let mut changes = vec![self.backlog()?, self.rejections()?];
        changes.extend(self.audits()?);
        changes.extend(self.notes()?);
        Ok(changes)
    }

    /// Wishes of this clone follow the others; what either side closed stays closed.
    fn backlog(&self) -> Result<FileChange, Error> {
        let read = |at| {
            self.reader
                .lines_at::<BacklogItem>(at, layout::BACKLOG, &BACKLOG)
        };
        let (mine, mut joined) = (read(self.mine)?, read(self.theirs)?);
        let before = self.base.map_or_else(|| Ok(Vec::new()), read)?;
        for mut item in mine {
            let is_old = before.iter().any(|it| it.id == item.id);
            let same = |it: &&mut BacklogItem| {
                if is_old {
                    it.id == item.id
                } else {
                    it.text == item.text && it.closed.is_none()
                }
            };
            if let Some(other) = joined.iter_mut().find(same) {
                if other.closed.is_none() {
                    other.closed = item.closed.map(|it| self.renumber(&it));
                }
            } else if !is_old {
                item.id = joined.iter().map(|it| it.id).max().unwrap_or(0) + 1;
                item.closed = item.closed.map(|it| self.renumber(&it));
                joined.push(item);
            }
        }
        file(layout::BACKLOG.to_owned(), BACKLOG.encode_lines(&joined))
    }

    /// Returns the words that closed a wish with the new number of its experiment.
    fn renumber(&self, how: &str) -> String {
        let split = how
            .strip_prefix("experiment ")
            .and_then(|it| it.split_once(':'));
        let renumbered = split.and_then(|(number, rest)| {
            let number = self.numbers.get(&number.parse().ok()?)?;
            Some(format!("experiment {number}:{rest}"))
        });
        renumbered.unwrap_or_else(|| how.to_owned())
    }

    fn rejections(&self) -> Result<FileChange, Error> {
        let read = |at| {
            self.reader
                .lines_at::<Rejection>(at, layout::REJECTIONS, &REJECTION)
        };
        let (mine, mut joined) = (read(self.mine)?, read(self.theirs)?);
        let before = self.base.map_or_else(|| Ok(Vec::new()), read)?;
        for mut rejection in mine.into_iter().filter(|it| !before.contains(it)) {
            if let Some(number) = self.numbers.get(&rejection.experiment) {
                rejection.experiment = *number;
            }
            joined.push(rejection);
        }
        file(
            layout::REJECTIONS.to_owned(),
            REJECTION.encode_lines(&joined),
        )
    }

    /// Audits of this clone follow the others, under new numbers.
    fn audits(&self) -> Result<Vec<FileChange>, Error> {
        let read = |at| {
            self.reader
                .lines_at::<AuditLine>(at, layout::AUDITS, &AUDITS)
        };
        let (mine, mut joined) = (read(self.mine)?, read(self.theirs)?);
        let before = self.base.map_or_else(|| Ok(Vec::new()), read)?;
        let mut moved = Vec::new();
        for line in mine.into_iter().filter(|it| !before.contains(it)) {
            let Some(mut audit) = self.reader.audit_at(self.mine, line.id)? else {
                continue;
            };
            let id = joined.iter().map(|it| it.id).max().unwrap_or(0) + 1;
            audit.renumber(id, |it| self.numbers.get(&it).copied().unwrap_or(it));
            joined.push(audit.line());
            moved.push(audit);
        }
        if moved.is_empty() {
            return Ok(Vec::new());
        }
        audits::changes(&joined, &moved)
    }

    /// What either side pruned is pruned.
    fn pruned(&self, mine: Option<&[u8]>, theirs: Option<&[u8]>) -> String {
        let read = |bytes: Option<&[u8]>| {
            let text = String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
            layout::pruned_in(&text)
        };
        let renumbered = |id| self.numbers.get(&id).copied().unwrap_or(id);
        let mut pruned = read(theirs);
        pruned.extend(read(mine).into_iter().map(renumbered));
        layout::pruned_note(&pruned)
    }

    /// A text that both sides changed stays as the other clone has it, with ours beside it.
    fn notes(&self) -> Result<Vec<FileChange>, Error> {
        let mut changes = Vec::new();
        let ledger = &self.reader.ledger;
        for name in ledger.list(self.mine, layout::NOTES)? {
            let path = format!("{}/{name}", layout::NOTES);
            let mine = ledger.read(self.mine, &path)?;
            let theirs = ledger.read(self.theirs, &path)?;
            let before = match self.base {
                Some(base) => ledger.read(base, &path)?,
                None => None,
            };
            if mine == theirs || mine == before {
                continue;
            }
            if name == layout::PRUNED {
                let note = self.pruned(mine.as_deref(), theirs.as_deref());
                changes.push((path, Some(note.into_bytes())));
                continue;
            }
            let is_free = theirs.is_none() || theirs == before;
            let path = if is_free {
                path
            } else {
                format!("{path}.before-sync")
            };
            changes.push((path, mine));
        }
        Ok(changes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::verdict::Verdict;
    use crate::store::sample::{Place, now, open, place, seal};

    /// Copies the repository of one clone, as a fetch of everything would.
    fn clone_of(place_of: &Place) -> Place {
        let copy = place();
        let status = std::process::Command::new("cp")
            .args(["-a", &format!("{}/.", place_of.common_dir)])
            .arg(&copy.common_dir)
            .status();
        assert!(status.unwrap().success());
        copy
    }

    /// Brings the objects of one clone into the other and returns the record's tip there.
    fn fetch(from: &Place, into: &Place) -> CommitSha {
        let output = std::process::Command::new("git")
            .args(["--git-dir", into.common_dir.as_str(), "fetch", "--quiet"])
            .args([
                from.common_dir.as_str(),
                "+refs/factory/ledger:refs/factory/incoming",
            ])
            .env("HOME", &into.common_dir)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let reader = Reader::at(&from.common_dir).unwrap();
        reader.tip().unwrap().unwrap()
    }

    /// Seals experiments; two clones that ended them differently have no commit in common.
    fn seal_n(place: &Place, n: u32, verdict: Verdict) {
        let (mut writer, _) = open(&place.common_dir);
        for _ in 0..n {
            seal(&mut writer, verdict);
        }
    }

    #[test]
    fn a_record_that_is_only_behind_is_fast_forwarded() {
        let (one, other) = (place(), place());
        seal_n(&one, 2, Verdict::Revert);
        let theirs = fetch(&one, &other);
        let (mut writer, _) = open(&other.common_dir);
        let joined = writer.join(&theirs, now()).unwrap();
        assert_eq!((joined.received, joined.ours), (2, 0));
        assert_eq!(writer.tip(), Some(&theirs));
        assert_eq!(writer.next_id(), ExperimentId(3));
        seal(&mut writer, Verdict::Keep);
        assert_eq!(writer.compare(Some(&theirs)).unwrap().ours, 1);
    }

    #[test]
    fn where_both_went_on_nothing_is_lost_and_the_other_fast_forwards() {
        let one = place();
        seal_n(&one, 2, Verdict::Revert);
        let other = clone_of(&one);
        seal_n(&one, 3, Verdict::Revert);
        let (mut writer, _) = open(&one.common_dir);
        writer.add_backlog("faster", now()).unwrap();
        drop(writer);
        seal_n(&other, 2, Verdict::Keep);
        let (mut writer, _) = open(&other.common_dir);
        writer.add_backlog("smaller", now()).unwrap();
        writer
            .close_backlog(1, "experiment 4: keep: x", now())
            .unwrap();
        let rejection = Rejection {
            experiment: ExperimentId(4),
            because: "no".to_owned(),
            at: now(),
        };
        writer.reject(rejection).unwrap();
        let theirs = fetch(&one, &other);
        let joined = writer.join(&theirs, now()).unwrap();
        let numbers = [(3, 6), (4, 7)].map(|(a, b)| (ExperimentId(a), ExperimentId(b)));
        assert_eq!(joined.renumbered, numbers);
        let reader = writer.reader();
        let all: Vec<u32> = reader
            .summaries()
            .unwrap()
            .iter()
            .map(|it| it.id.0)
            .collect();
        assert_eq!(all, (1..=7).collect::<Vec<_>>());
        assert_eq!(reader.totals().unwrap().experiments, 7);
        let last = reader.experiment(ExperimentId(7)).unwrap().unwrap();
        assert!(
            last.note
                .ends_with("This was experiment 4 of the clone that ran it.")
        );
        assert_eq!(reader.rejections().unwrap()[0].experiment, ExperimentId(7));
        let wishes: Vec<_> = reader
            .backlog()
            .unwrap()
            .into_iter()
            .map(|it| (it.id, it.text, it.closed))
            .collect();
        assert_eq!(wishes[0], (1, "faster".to_owned(), None));
        assert_eq!(
            wishes[1],
            (
                2,
                "smaller".to_owned(),
                Some("experiment 7: keep: x".to_owned())
            )
        );
        assert_eq!(
            reader
                .ledger
                .common(&theirs, writer.tip().unwrap())
                .unwrap(),
            Some(theirs)
        );
        assert_eq!(
            RecordRef::open(&other.common_dir, JOINING)
                .unwrap()
                .tip()
                .unwrap(),
            None
        );
    }

    #[test]
    fn two_records_that_never_met_are_joined_as_well() {
        let (one, other) = (place(), place());
        seal_n(&one, 1, Verdict::Revert);
        seal_n(&other, 2, Verdict::Keep);
        let theirs = fetch(&one, &other);
        let (mut writer, _) = open(&other.common_dir);
        let joined = writer.join(&theirs, now()).unwrap();
        assert_eq!((joined.received, joined.ours), (1, 2));
        assert_eq!(writer.reader().summaries().unwrap().len(), 3);
        let epoch = epoch_at(writer.reader(), writer.tip().unwrap()).unwrap();
        assert_eq!(epoch, 2);
    }
}
