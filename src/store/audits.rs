//! Audits in the ledger: a file each, and a list of them. A program that knows none reads on without them.

use super::writer::file;
use super::{Error, Reader, Writer, layout};
use crate::format::{AUDIT, AUDITS};
use crate::model::audit::{Audit, AuditLine};
use crate::model::id::CommitSha;
use crate::repo::records::FileChange;

impl Reader {
    /// Returns a line for every audit, oldest first.
    pub fn audits(&self) -> Result<Vec<AuditLine>, Error> {
        self.lines(layout::AUDITS, &AUDITS)
    }

    /// Returns one whole audit.
    pub fn audit(&self, id: u32) -> Result<Option<Audit>, Error> {
        match self.tip()? {
            Some(tip) => self.audit_at(&tip, id),
            None => Ok(None),
        }
    }

    /// Returns one whole audit as it was at a commit of the ledger.
    pub(super) fn audit_at(&self, tip: &CommitSha, id: u32) -> Result<Option<Audit>, Error> {
        let path = layout::audit_path(id);
        match self.ledger.read(tip, &path)? {
            Some(bytes) => self.decode(&AUDIT, &path, &bytes).map(Some),
            None => Ok(None),
        }
    }
}

impl Writer {
    /// Records an audit, in one commit, under the number that it has.
    ///
    /// What it takes out of the landing branch is written before the branch is moved: who opens the record
    /// next moves it, if this process does not live to do so.
    pub fn audit(&mut self, audit: &Audit) -> Result<(), Error> {
        let mut lines = self.reader().audits()?;
        lines.push(audit.line());
        let changes = changes(&lines, std::slice::from_ref(audit))?;
        let message = format!("audit {} of {}", audit.id, audit.metric);
        self.write(changes, &message, audit.at)
    }
}

/// Returns what writes the list of audits and some of them.
pub(super) fn changes(lines: &[AuditLine], audits: &[Audit]) -> Result<Vec<FileChange>, Error> {
    let mut changes = vec![file(layout::AUDITS.to_owned(), AUDITS.encode_lines(lines))?];
    for audit in audits {
        changes.push(file(layout::audit_path(audit.id), AUDIT.encode(audit))?);
    }
    Ok(changes)
}

#[cfg(test)]
mod tests {
    use crate::model::audit::{Audit, AuditOutcome, Retested, Standing};
    use crate::model::experiment::fold;
    use crate::model::id::ExperimentId;
    use crate::model::verdict::Verdict;
    use crate::store::Reader;
    use crate::store::sample::{events, now, open, place, seal};

    fn audit(id: u32) -> Audit {
        let sample = fold(&events(1, Verdict::Keep)).unwrap().unwrap();
        Audit {
            id,
            run: "r1".parse().unwrap(),
            at: now(),
            metric: "parse_ns".parse().unwrap(),
            keeps: vec![ExperimentId(1), ExperimentId(2)],
            last: ExperimentId(2),
            base: sample.incumbent.clone(),
            base_tree: sample.incumbent_tree.clone(),
            head: sample.incumbent.clone(),
            head_tree: sample.incumbent_tree.clone(),
            claimed: 0.25,
            evidence: sample.evidence.clone().unwrap(),
            outcome: AuditOutcome::Alarm,
            measured: -0.5,
            retested: vec![Retested {
                experiment: ExperimentId(2),
                claimed: 0.125,
                standing: Standing::Unkept,
                detail: "its effect is ruled out".to_owned(),
                evidence: None,
            }],
            tip: None,
        }
    }

    #[test]
    fn an_audit_is_read_as_it_was_written_and_its_line_tells_who_was_taken_out() {
        let place = place();
        let (mut writer, _) = open(&place.common_dir);
        seal(&mut writer, Verdict::Keep);
        writer.audit(&audit(1)).unwrap();
        writer.audit(&audit(2)).unwrap();
        let reader = Reader::at(&place.common_dir).unwrap();
        assert_eq!(reader.audit(2).unwrap(), Some(audit(2)));
        assert_eq!(reader.audit(3).unwrap(), None);
        let lines = reader.audits().unwrap();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0].unkept().collect::<Vec<_>>(), [ExperimentId(2)]);
        assert_eq!(lines[0].keeps[0], (ExperimentId(1), Standing::Unconfirmed));
        assert_eq!(reader.summaries().unwrap().len(), 1);
        assert_eq!(writer.next_id(), ExperimentId(2));
    }

    #[test]
    fn a_record_without_audits_has_none() {
        let place = place();
        assert!(
            Reader::at(&place.common_dir)
                .unwrap()
                .audits()
                .unwrap()
                .is_empty()
        );
    }
}
