//! What the catalogue's own setting makes of the incumbent's file, for the gate to compare.

use camino::Utf8Path;

use crate::ceo::Error;
use crate::ceo::session::Session;
use crate::gate::Grant;
use crate::mechanic;
use crate::model::hypothesis::{Change, Hypothesis};

impl Session<'_> {
    /// Makes the setting again from the incumbent's own text; none where the hypothesis is no setting
    /// of the shipped catalogue.
    pub(in crate::ceo) fn grant_of(&self, hypothesis: &Hypothesis) -> Result<Option<Grant>, Error> {
        let Change::Knob { file, .. } = &hypothesis.change else {
            return Ok(None);
        };
        let bytes = self.target.read(&self.incumbent.tree, file)?;
        let text = bytes.and_then(|it| String::from_utf8(it).ok());
        let read = |path: &Utf8Path| text.clone().filter(|_| path == file);
        Ok(mechanic::granted(hypothesis, &self.request.profile, &read))
    }
}
