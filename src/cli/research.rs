//! `[research]` on the command line: which mode a run has, and whether its surfaces are sound.

use crate::ceo;
use crate::config::Profile;
use crate::repo::Target;

use super::ceo::Mode;
use super::{CliError, Exit};

/// Returns what a run is for: what the flags say, else what the profile is made for.
pub(super) fn mode(
    asked: Option<Mode>,
    has_focus: bool,
    target: &Target,
    profile: &Profile,
) -> Result<ceo::Mode, CliError> {
    let research = match (asked, &profile.research) {
        (Some(Mode::Improve | Mode::Focus), _) | (None, None) => return Ok(ceo::Mode::Improve),
        (None, Some(_)) if has_focus => return Ok(ceo::Mode::Improve),
        (Some(Mode::Research), None) => {
            let message = "there is no `[research]` section that says which number to move";
            let hint = "`factory research init` makes one, from questions or from flags";
            return Err(CliError::new(Exit::Input, message).hint(hint));
        }
        (Some(Mode::Research) | None, Some(research)) => research,
    };
    let faults = research.faults(&target.tracked_files()?);
    let Some(first) = faults.first() else {
        return Ok(ceo::Mode::Research);
    };
    let (what, cure) = first.rsplit_once("; ").unwrap_or((first, ""));
    let error = CliError::new(Exit::Input, format!("[research]: {what}")).hint(cure);
    let others = faults.iter().skip(1);
    Err(others.fold(error, |error, other| error.hint(format!("also: {other}"))))
}
