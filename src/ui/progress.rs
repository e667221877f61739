//! The reporters: a live line on a terminal, plain lines elsewhere, JSON lines for programs.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;

use crate::ceo::{Approval, Reporter};
use crate::eval::report::FirstReport;
use crate::model::event::RunEvent;
use crate::model::hypothesis::Hypothesis;
use crate::model::verdict::Verdict;
use crate::store::RecordEvent;

use super::document::{EventBody, EventLine};
use super::{Output, first_report, lines, style, text};

/// Returns what a run does after an event, in words; `None` if the event does not tell.
pub fn doing(event: &RunEvent) -> Option<String> {
    lines::passing(event)
}

/// Returns the line that tells a person of an event, if it deserves one.
pub fn told(line: &EventLine, width: usize) -> Option<String> {
    match &line.what {
        EventBody::Run(event) => told_of_run(event, width),
        EventBody::FirstReport(report) => Some(first_report::render(report, width)),
    }
}

/// Pairs that are no milestone are left out: there may be hundreds of them.
fn told_of_run(event: &RunEvent, width: usize) -> Option<String> {
    if let RunEvent::PairMeasured { n, n_max, .. } = event
        && !lines::is_milestone(*n, *n_max)
    {
        return None;
    }
    let passing = lines::passing(event).map(|it| format!("… {it}"));
    passing.or_else(|| lines::lasting(event, width))
}

/// Returns a step of the record in a line.
pub fn recorded(event: &RecordEvent) -> String {
    let at = event.at.map_or_else(String::new, |at| {
        format!("{} ", at.strftime("%Y-%m-%d %H:%M"))
    });
    let mut line = format!("{at}#{} {}", event.id, event.kind);
    if let Some(title) = &event.title {
        line.push_str(&format!(" {}", text::harmless(title)));
    }
    if let Some(verdict) = event.verdict {
        line.push_str(&format!(": {}", style::verdict(verdict)));
    }
    if let Some(reason) = event.reason.as_ref().filter(|it| !it.is_empty()) {
        line.push_str(&format!(": {}", text::harmless(reason)));
    }
    line
}

/// A line that is overwritten while work goes on, above it what has happened.
pub struct Live {
    bar: ProgressBar,
    output: Output,
    counts: Mutex<Counts>,
}

/// How many experiments ended each way so far, and how many wait.
#[derive(Default)]
struct Counts {
    kept: u32,
    other: u32,
    waiting: usize,
}

impl Live {
    /// Returns a reporter that draws on stderr.
    pub fn new(output: Output) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let template = ProgressStyle::with_template("{spinner} {elapsed_precise} {wide_msg}");
        bar.set_style(template.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.enable_steady_tick(Duration::from_millis(120));
        Self {
            bar,
            output,
            counts: Mutex::default(),
        }
    }

    fn say(&self, text: &str) {
        self.bar.suspend(|| self.output.talk(&format!("{text}\n")));
    }

    fn count(&self, event: &RunEvent) -> String {
        let mut counts = lock(&self.counts);
        match event {
            RunEvent::ExperimentStarted { waiting, .. } => counts.waiting = *waiting,
            RunEvent::ExperimentFinished { decision, .. } => match decision.verdict {
                Verdict::Keep => counts.kept += 1,
                _ => counts.other += 1,
            },
            _ => {}
        }
        if counts.kept + counts.other == 0 && counts.waiting == 0 {
            return String::new();
        }
        format!(
            "{} kept, {} not, {} waiting · ",
            counts.kept, counts.other, counts.waiting
        )
    }
}

impl Reporter for Live {
    fn event(&self, event: &RunEvent) {
        let counts = self.count(event);
        if let Some(line) = lines::lasting(event, self.output.width()) {
            self.say(&line);
        }
        if let Some(line) = lines::passing(event) {
            self.bar
                .set_message(format!("{counts}{}", text::harmless(&line)));
        }
        if let RunEvent::RunFinished { .. } = event {
            self.bar.finish_and_clear();
        }
    }

    fn first_report(&self, report: &FirstReport) {
        self.say(&first_report::render(report, self.output.width()));
    }

    fn approve(&self, ranked: &[Hypothesis]) -> Approval {
        self.bar.suspend(|| ask(ranked, self.output))
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// One line per thing worth knowing, for logs and pipes.
pub struct Plain {
    output: Output,
}

impl Plain {
    /// Returns a reporter that writes to stderr.
    pub fn new(output: Output) -> Self {
        Self { output }
    }
}

impl Reporter for Plain {
    fn event(&self, event: &RunEvent) {
        if let Some(line) = told_of_run(event, self.output.width()) {
            self.output.talk(&format!("{line}\n"));
        }
    }

    fn first_report(&self, report: &FirstReport) {
        let text = first_report::render(report, self.output.width());
        self.output.talk(&format!("{text}\n"));
    }

    fn approve(&self, ranked: &[Hypothesis]) -> Approval {
        ask(ranked, self.output)
    }
}

/// One JSON document per line on stdout.
pub struct JsonLines {
    output: Output,
    one_at_a_time: Mutex<()>,
}

impl JsonLines {
    /// Returns a reporter that writes to stdout.
    pub fn new(output: Output) -> Self {
        Self {
            output,
            one_at_a_time: Mutex::default(),
        }
    }

    fn write(&self, what: EventBody) {
        let line = EventLine {
            schema: "factory.event/1".to_owned(),
            at: Timestamp::now(),
            what,
        };
        let text = serde_json::to_string(&line).expect("events are plain data");
        let _alone = lock(&self.one_at_a_time);
        // Telemetry: a reader that went away must not end the run.
        let _failed: std::io::Result<()> = self.output.data(&format!("{text}\n"));
    }
}

impl Reporter for JsonLines {
    fn event(&self, event: &RunEvent) {
        self.write(EventBody::Run(Box::new(event.clone())));
    }

    fn first_report(&self, report: &FirstReport) {
        self.write(EventBody::FirstReport(Box::new(report.clone())));
    }
}

/// Says nothing; for `--quiet` and for `--json`.
pub struct Silent;

impl Reporter for Silent {
    fn event(&self, _event: &RunEvent) {}

    fn first_report(&self, _report: &FirstReport) {}
}

/// Shows what waits, best first, and asks about the first of it.
fn ask(ranked: &[Hypothesis], output: Output) -> Approval {
    output.complain(&lines::ranking(ranked, output.width()));
    let answer = dialoguer::Select::new()
        .with_prompt("The first of these")
        .items(["try it", "leave it out of this run", "stop here"])
        .default(0)
        .interact_opt();
    match answer {
        Ok(Some(0)) => Approval::Try,
        Ok(Some(1)) => Approval::Skip,
        Ok(_) | Err(_) => Approval::Stop,
    }
}

/// Counting is harmless after a panic elsewhere.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
