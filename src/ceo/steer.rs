//! A person's hand on a run that goes on: pause and stop, obeyed between experiments.

use tokio::sync::watch;

use super::Error;
use super::session::Session;
use crate::process;

/// The phase that a paused run is in.
pub const PAUSED: &str = "paused";

/// What a person wants of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Course {
    /// To go on.
    #[default]
    GoOn,
    /// To wait before the next experiment.
    Pause,
    /// To end before the next experiment.
    Stop,
}

/// Tells a run what a person wants; clones steer the same run.
#[derive(Clone, Debug)]
pub struct Steer(watch::Sender<Course>);

impl Default for Steer {
    fn default() -> Self {
        Self(watch::Sender::new(Course::GoOn))
    }
}

impl Steer {
    /// Sets what is wanted from now on.
    pub fn set(&self, course: Course) {
        self.0.send_if_modified(|present| {
            let differs = *present != course;
            *present = course;
            differs
        });
    }
}

impl Steer {
    /// Returns whether nobody wants the run to wait or to end.
    pub(super) fn goes_on(&self) -> bool {
        *self.0.borrow() == Course::GoOn
    }
}

impl Session<'_> {
    /// Waits while a person wants that, and returns the reason to end if they want it to end.
    pub(super) async fn obey(&self) -> Result<Option<String>, Error> {
        let mut course = self.request.steer.0.subscribe();
        if *course.borrow_and_update() == Course::Pause {
            let since = self.begin_phase(PAUSED, "`factory resume` goes on");
            tokio::select! {
                () = self.cancel.cancelled() => {
                    return Err(process::Error::Cancelled.into());
                }
                _ = course.wait_for(|it| *it != Course::Pause) => {}
            }
            self.end_phase(PAUSED, since, "going on");
        }
        let course = *course.borrow();
        Ok((course == Course::Stop).then(|| "you asked to stop here".to_owned()))
    }
}
