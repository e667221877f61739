//! A run's heart: it tells what the run does, writes its events down, and carries orders to it.

use std::fs::File;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::ceo::{Approval, Course, PAUSED, Reporter, RunReport, Steer, Stopped};
use crate::config::HIDDEN_DIR;
use crate::eval::report::FirstReport;
use crate::model::budget;
use crate::model::event::RunEvent;
use crate::model::hypothesis::Hypothesis;
use crate::repo::Target;
use crate::store::{Activity, Heartbeat, Orders, Running, Stop};
use crate::ui::document::{EventBody, EventLine};
use crate::ui::progress;

use super::{CliError, Exit};

/// How often orders are looked for.
const BEAT: Duration = Duration::from_millis(250);

/// Held by a run from its first pass to its last.
pub(super) struct Heart {
    beat: Mutex<Heartbeat>,
    /// The logs of the target.
    logs: Utf8PathBuf,
    steer: Steer,
    budget: Option<Duration>,
    started: Instant,
    /// Why the run was cancelled, where it was not by a signal.
    why: OnceLock<Why>,
}

/// Why a run was cancelled from within.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    Ordered,
    Budget,
}

impl Heart {
    /// Takes the place of the run of this target, or says who has it.
    pub(super) fn take(
        target: &Target,
        budget: Option<Duration>,
        describe: impl FnOnce(&mut Running),
    ) -> Result<Self, CliError> {
        let mut beat = Heartbeat::take(target.common_dir(), Timestamp::now())?;
        beat.say(describe)?;
        Ok(Self {
            beat: Mutex::new(beat),
            logs: target.root().join(HIDDEN_DIR).join("logs"),
            steer: Steer::default(),
            budget,
            started: Instant::now(),
            why: OnceLock::new(),
        })
    }

    /// Returns what lets a person steer the loop.
    pub(super) fn steer(&self) -> Steer {
        self.steer.clone()
    }

    /// Changes what the run says of itself; that it cannot be written down must not end the run.
    pub(super) fn say(&self, change: impl FnOnce(&mut Running)) {
        if let Err(error) = self.beat().say(change) {
            tracing::warn!("the run cannot say what it does: {error}");
        }
    }

    /// Returns what people want of the run.
    pub(super) fn orders(&self) -> Orders {
        self.beat().orders()
    }

    fn beat(&self) -> MutexGuard<'_, Heartbeat> {
        self.beat.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries orders to the loop until the guard is dropped.
    pub(super) fn watch(
        self: &Arc<Self>,
        cancel: &CancellationToken,
    ) -> Result<Watching, CliError> {
        let done = Arc::new(AtomicBool::new(false));
        let (heart, flag, cancel) = (Arc::clone(self), Arc::clone(&done), cancel.clone());
        let thread = std::thread::Builder::new()
            .name("orders".to_owned())
            .spawn(move || {
                while !flag.load(Ordering::Acquire) {
                    heart.obey(&cancel);
                    std::thread::park_timeout(BEAT);
                }
            })?;
        Ok(Watching {
            done,
            thread: Some(thread),
        })
    }

    fn obey(&self, cancel: &CancellationToken) {
        let orders = self.orders();
        self.steer.set(match (orders.stop, orders.paused) {
            (Some(_), _) => Course::Stop,
            (None, true) => Course::Pause,
            (None, false) => Course::GoOn,
        });
        let why = if orders.stop == Some(Stop::Now) {
            Why::Ordered
        } else if self.budget.is_some_and(|it| self.started.elapsed() >= it) {
            Why::Budget
        } else {
            return;
        };
        if !cancel.is_cancelled() {
            // The first reason counts.
            let _later = self.why.set(why);
            cancel.cancel();
        }
    }

    /// Returns whether the time that a person gave is used up.
    pub(super) fn is_spent(&self) -> bool {
        self.why.get() == Some(&Why::Budget)
    }

    /// Tells a budget that is used up from an interruption.
    pub(super) fn settle(
        &self,
        result: Result<RunReport, CliError>,
    ) -> Result<RunReport, CliError> {
        let Some(why) = self.why.get() else {
            return result;
        };
        match (why, result) {
            (Why::Budget, Ok(report)) if report.interrupted => Ok(RunReport {
                ended: self.spent(),
                stopped: Stopped::Budget,
                interrupted: false,
                ..report
            }),
            (Why::Budget, Err(error)) if error.kind == Exit::Interrupted => {
                Err(CliError::new(Exit::Budget, self.spent())
                    .hint("run it again with more time: what was recorded is not done twice"))
            }
            (Why::Ordered, Ok(report)) if report.interrupted => Ok(RunReport {
                ended: "stopped by `factory stop`; everything up to here is recorded".to_owned(),
                stopped: Stopped::Asked,
                ..report
            }),
            (_, result) => result,
        }
    }

    fn spent(&self) -> String {
        let budget = budget::words(self.budget.unwrap_or_default());
        format!("the time budget of {budget} is used up; everything up to here is recorded")
    }
}

/// Orders are carried as long as this is held.
pub(super) struct Watching {
    done: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // One that panicked has told so already.
            let _panicked = thread.join();
        }
    }
}

/// Writes every event down and hands it on.
pub(super) struct Recorder {
    heart: Arc<Heart>,
    inner: Box<dyn Reporter>,
    file: Mutex<Option<File>>,
}

impl Recorder {
    pub(super) fn new(heart: Arc<Heart>, inner: Box<dyn Reporter>) -> Self {
        Self {
            heart,
            inner,
            file: Mutex::new(None),
        }
    }

    /// Begins the file of a pass.
    fn open(&self, run: &crate::model::id::RunId) {
        let path = self.heart.logs.join(run.as_str()).join("events.jsonl");
        let opened = open(&path);
        self.heart.say(|it| {
            it.run = Some(run.clone());
            it.events = opened.is_some().then(|| path.clone());
        });
        *self.file() = opened;
    }

    fn write(&self, what: EventBody) {
        let line = EventLine {
            schema: "factory.event/1".to_owned(),
            at: Timestamp::now(),
            what,
        };
        let text = serde_json::to_string(&line).expect("events are plain data");
        if let Some(file) = self.file().as_mut() {
            // Telemetry: a full disk must not end the run here; the record says so where it counts.
            let _lost = file.write_all(format!("{text}\n").as_bytes());
        }
    }

    fn file(&self) -> MutexGuard<'_, Option<File>> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says what the run does now.
    fn tell(&self, event: &RunEvent) {
        let activity = match event {
            RunEvent::PhaseStarted { phase, .. } if phase == PAUSED => Activity::Paused,
            _ => Activity::Working,
        };
        if let Some(doing) = progress::doing(event) {
            self.heart.say(|it| {
                it.activity = activity;
                it.doing = doing;
            });
        }
    }
}

impl Reporter for Recorder {
    fn event(&self, event: &RunEvent) {
        if let RunEvent::RunStarted { run, .. } = event {
            self.open(run);
        }
        self.tell(event);
        self.write(EventBody::Run(Box::new(event.clone())));
        self.inner.event(event);
    }

    fn first_report(&self, report: &FirstReport) {
        self.write(EventBody::FirstReport(Box::new(report.clone())));
        self.inner.first_report(report);
    }

    fn approve(&self, ranked: &[Hypothesis]) -> Approval {
        self.inner.approve(ranked)
    }
}

fn open(path: &Utf8Path) -> Option<File> {
    std::fs::create_dir_all(path.parent()?).ok()?;
    let file = File::options().create(true).append(true).open(path);
    file.ok()
}
