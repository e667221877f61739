//! Ideas from elsewhere, kept in the record as a note: intake, and never history.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Error, Reader, Writer};
use crate::model::idea::Idea;

/// The note that holds them.
const IDEAS: &str = "ideas.json";

const SCHEMA: &str = "factory.ideas/1";

#[derive(Serialize, Deserialize)]
struct Note {
    schema: String,
    ideas: Vec<Idea>,
}

impl Reader {
    /// Returns what others say they tried elsewhere, oldest first.
    pub fn ideas(&self) -> Result<Vec<Idea>, Error> {
        let text = self.note(IDEAS)?.unwrap_or_default();
        // A note that a newer program wrote is no reason not to run: nothing here decides anything.
        let note = serde_json::from_str::<Note>(&text).ok();
        let note = note.filter(|it| it.schema == SCHEMA);
        Ok(note.map_or_else(Vec::new, |it| it.ideas))
    }
}

impl Writer {
    /// Adds those ideas that are not there yet; returns how many.
    ///
    /// # Panics
    /// Never: ideas hold finite numbers alone.
    pub fn add_ideas(&mut self, new: &[Idea], now: Timestamp) -> Result<usize, Error> {
        let mut ideas = self.reader().ideas()?;
        let n_before = ideas.len();
        let known: std::collections::BTreeSet<(String, String, String)> =
            ideas.iter().map(identity).collect();
        ideas.extend(
            new.iter()
                .filter(|it| !known.contains(&identity(it)))
                .cloned(),
        );
        let n_new = ideas.len() - n_before;
        if n_new > 0 {
            let note = Note {
                schema: SCHEMA.to_owned(),
                ideas,
            };
            let text =
                serde_json::to_string_pretty(&note).expect("ideas hold finite numbers alone");
            self.note(IDEAS, &text, now)?;
        }
        Ok(n_new)
    }
}

fn identity(idea: &Idea) -> (String, String, String) {
    let Idea {
        source,
        commit,
        description,
        ..
    } = idea;
    (source.clone(), commit.clone(), description.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sample::{now, open, place};

    #[test]
    fn an_idea_is_kept_once_and_is_no_experiment() {
        let place = place();
        let (mut writer, _) = open(&place.common_dir);
        let idea = |description: &str| Idea {
            source: "autoresearch".to_owned(),
            commit: "a1b2c3d".to_owned(),
            description: description.to_owned(),
            status: "keep".to_owned(),
            numbers: [("val_bpb".to_owned(), 0.99)].into(),
        };
        assert_eq!(writer.add_ideas(&[idea("one")], now()).unwrap(), 1);
        let both = [idea("one"), idea("two")];
        assert_eq!(writer.add_ideas(&both, now()).unwrap(), 1);
        let tip = writer.reader().tip().unwrap();
        assert_eq!(writer.add_ideas(&both, now()).unwrap(), 0);
        assert_eq!(writer.reader().tip().unwrap(), tip);
        assert_eq!(writer.reader().ideas().unwrap(), both);
        assert!(writer.reader().summaries().unwrap().is_empty());
    }
}
