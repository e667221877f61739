//! What of a patch is needed: edits are left out one by one while the gain stays.

use super::{Patch, Trial, gain};

/// What to do next to make a patch small.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Try this part of it.
    Try(Patch),
    /// No single edit of this can be left out.
    Done(Patch),
}

/// Returns the next part of a patch to try, or the smallest that keeps its gain but for `slack`.
///
/// What was tried already is read from the trials, the latest of each patch.
pub fn minimise(patch: &Patch, trials: &[Trial], slack: f64) -> Step {
    let seen = |patch: &Patch| trials.iter().rev().find(|it| it.patch == *patch);
    let wanted = seen(patch).and_then(gain).unwrap_or(0.0) - slack;
    let mut now = patch.clone();
    'smaller: while now.len() > 1 {
        for key in &now {
            let mut part = now.clone();
            part.remove(key);
            match seen(&part) {
                None => return Step::Try(part),
                Some(trial) if gain(trial).is_some_and(|it| it >= wanted) => {
                    now = part;
                    continue 'smaller;
                }
                Some(_) => {}
            }
        }
        break;
    }
    Step::Done(now)
}
