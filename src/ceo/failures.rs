//! Failure analysis: what falls short on the unchanged code, sorted by how it does.

use super::Error;
use super::session::Session;

impl Session<'_> {
    pub(super) async fn analyse_failures(&mut self) -> Result<(), Error> {
        Ok(())
    }
}
