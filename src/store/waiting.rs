//! Candidates that are built and not measured yet: kept beside the journal, so that a killed run loses none.
//!
//! They are no part of the record. Their commits hang below `refs/factory/candidates` like all others.

use std::io::Write as _;

use serde::{Deserialize, Serialize};

use super::{Error, Reader, Writer};
use crate::model::experiment::{Candidate, Cost};
use crate::model::hypothesis::Hypothesis;
use crate::model::id::CommitSha;

const FILE: &str = "waiting.json";

const SCHEMA: &str = "factory.waiting/1";

/// One candidate that waits for its turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Waiting {
    /// What it is to show.
    pub hypothesis: Hypothesis,
    /// The incumbent that it was built on.
    pub incumbent: CommitSha,
    /// What was delivered.
    pub candidate: Option<Candidate>,
    /// Why nothing was.
    pub reason: Option<String>,
    /// What building it used up.
    pub cost: Cost,
}

#[derive(Serialize, Deserialize)]
struct Queue {
    schema: String,
    waiting: Vec<Waiting>,
}

impl Reader {
    /// Returns the candidates that wait, in order; what cannot be read is built again.
    pub fn waiting(&self) -> Vec<Waiting> {
        let text = fs_err::read_to_string(self.dir().join(FILE)).unwrap_or_default();
        let queue = serde_json::from_str::<Queue>(&text).ok();
        let queue = queue.filter(|it| it.schema == SCHEMA);
        queue.map_or_else(Vec::new, |it| it.waiting)
    }
}

impl Writer {
    /// Writes down which candidates wait, whole or not at all.
    ///
    /// # Panics
    /// Never: costs are finite numbers.
    pub fn keep_waiting(&mut self, waiting: &[Waiting]) -> Result<(), Error> {
        let path = self.reader().dir().join(FILE);
        let failed = |source| Error::Io {
            action: "write",
            path: path.clone(),
            source,
        };
        if waiting.is_empty() {
            return match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed(error)),
                _ => Ok(()),
            };
        }
        let queue = Queue {
            schema: SCHEMA.to_owned(),
            waiting: waiting.to_vec(),
        };
        let text = serde_json::to_vec(&queue).expect("costs are finite numbers");
        let written = tempfile::NamedTempFile::new_in(self.reader().dir()).and_then(|mut file| {
            file.write_all(&text)?;
            file.as_file().sync_data()?;
            file.persist(&path).map_err(|error| error.error)?;
            Ok(())
        });
        written.map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sample::{open, place, started};

    #[test]
    fn what_waits_is_read_back_until_nothing_does() {
        let place = place();
        let (mut writer, _) = open(&place.common_dir);
        let crate::model::experiment::ExperimentEvent::Started {
            hypothesis,
            incumbent,
            ..
        } = started(1)
        else {
            unreachable!("it is one");
        };
        let waiting = Waiting {
            hypothesis: *hypothesis,
            incumbent,
            candidate: None,
            reason: Some("nothing".to_owned()),
            cost: Cost::default(),
        };
        writer.keep_waiting(std::slice::from_ref(&waiting)).unwrap();
        assert_eq!(writer.reader().waiting(), [waiting]);
        fs_err::write(writer.reader().dir().join(FILE), "{\"schema\":\"x\"").unwrap();
        assert_eq!(writer.reader().waiting(), []);
        writer.keep_waiting(&[]).unwrap();
        writer.keep_waiting(&[]).unwrap();
        assert!(!writer.reader().dir().join(FILE).exists());
    }
}
