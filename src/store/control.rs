//! The run of a target, from its first pass to its last: who it is, what it does, what a person asked.
//!
//! Three files beside the journal: a lock that the kernel frees, what the run says of itself, and orders.
//! Orders name the run that they are for, so that one that comes too late never hits the next run.

use std::io::Write as _;

use camino::{Utf8Path, Utf8PathBuf};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::lock::{self, Lock, Owner};
use super::{Error, Reader};
use crate::model::id::RunId;

const LOCK: &str = "run.lock";
const SAID: &str = "run.json";
const ORDERS: &str = "orders.json";
const ORDERS_LOCK: &str = "orders.lock";

/// What a run is at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Activity {
    /// It measures and tries.
    #[default]
    Working,
    /// Everything was tried; it looks again later.
    Waiting,
    /// A person asked it to wait.
    Paused,
}

impl Activity {
    /// Returns its snake-case name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Working => "working",
            Self::Waiting => "waiting",
            Self::Paused => "paused",
        }
    }
}

/// A run, as it tells of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Running {
    /// The process.
    pub pid: u32,
    /// The machine it runs on.
    pub host: String,
    /// Since when.
    pub since: Timestamp,
    /// It runs in the background.
    pub detached: bool,
    /// It looks again after everything was tried.
    pub repeats: bool,
    /// What it is at.
    pub activity: Activity,
    /// The same in words.
    pub doing: String,
    /// The pass it is in, counted from 1.
    pub pass: u32,
    /// The id of that pass.
    pub run: Option<RunId>,
    /// When it looks again, while it waits.
    pub next_look: Option<Timestamp>,
    /// The file that the events of the pass are appended to.
    #[schemars(with = "Option<String>")]
    pub events: Option<Utf8PathBuf>,
}

/// How a person wants a run to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// When the present experiment is over.
    AfterExperiment,
    /// At once: the present experiment is abandoned.
    Now,
}

/// What people want of a run; each order changes it, and it holds until the run ends.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Orders {
    /// To stop.
    pub stop: Option<Stop>,
    /// To wait between experiments.
    pub paused: bool,
    /// How often it was asked to look again.
    pub looks: u32,
}

/// Orders, and the run that they are for.
#[derive(Serialize, Deserialize)]
struct Addressed {
    pid: u32,
    since: Timestamp,
    orders: Orders,
}

/// Held by the one run of a target, also between its passes.
pub struct Heartbeat {
    dir: Utf8PathBuf,
    said: Running,
    _lock: Lock,
}

impl Heartbeat {
    /// Takes the place of the run, or says who has it.
    pub fn take(common_dir: &Utf8Path, now: Timestamp) -> Result<Self, Error> {
        let dir = common_dir.join("factory");
        let lock = Lock::take(&dir.join(LOCK), now)?;
        let said = stranger(lock.owner());
        let heartbeat = Self {
            dir,
            said,
            _lock: lock,
        };
        heartbeat.clear();
        heartbeat.write()?;
        Ok(heartbeat)
    }

    /// Returns what was said last.
    pub fn said(&self) -> &Running {
        &self.said
    }

    /// Changes what the run says of itself.
    pub fn say(&mut self, change: impl FnOnce(&mut Running)) -> Result<(), Error> {
        change(&mut self.said);
        self.write()
    }

    /// Returns what people want of this run.
    pub fn orders(&self) -> Orders {
        orders_for(&self.dir, self.said.pid, self.said.since)
    }

    fn write(&self) -> Result<(), Error> {
        replace(&self.dir, SAID, &self.said)
    }

    fn clear(&self) {
        for name in [SAID, ORDERS] {
            // What is left is addressed to a run that is gone, and read by nobody.
            drop(std::fs::remove_file(self.dir.join(name)));
        }
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.clear();
    }
}

impl Reader {
    /// Returns the run that is under way, if there is one.
    pub fn running(&self) -> Option<Running> {
        running_in(self.dir())
    }

    /// Changes what is wanted of the present run, and returns the run; `None` if there is none.
    pub fn order(&self, change: impl FnOnce(&mut Orders)) -> Result<Option<Running>, Error> {
        let dir = self.dir();
        let Some(running) = running_in(dir) else {
            return Ok(None);
        };
        let _alone = Lock::wait(&dir.join(ORDERS_LOCK))?;
        let mut orders = orders_for(dir, running.pid, running.since);
        change(&mut orders);
        let addressed = Addressed {
            pid: running.pid,
            since: running.since,
            orders,
        };
        replace(dir, ORDERS, &addressed)?;
        Ok(Some(running))
    }
}

fn running_in(dir: &Utf8Path) -> Option<Running> {
    let owner = lock::owner(&dir.join(LOCK))?;
    let said: Option<Running> = read(&dir.join(SAID));
    let said = said.filter(|it| it.pid == owner.pid && it.since == owner.since);
    Some(said.unwrap_or_else(|| stranger(&owner)))
}

/// Returns what is known of a run that has not said anything yet.
fn stranger(owner: &Owner) -> Running {
    Running {
        pid: owner.pid,
        host: owner.host.clone(),
        since: owner.since,
        detached: false,
        repeats: false,
        activity: Activity::Working,
        doing: "starting".to_owned(),
        pass: 1,
        run: None,
        next_look: None,
        events: None,
    }
}

fn orders_for(dir: &Utf8Path, pid: u32, since: Timestamp) -> Orders {
    let addressed: Option<Addressed> = read(&dir.join(ORDERS));
    let addressed = addressed.filter(|it| it.pid == pid && it.since == since);
    addressed.map_or_else(Orders::default, |it| it.orders)
}

fn read<T: DeserializeOwned>(path: &Utf8Path) -> Option<T> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

/// Writes a file so that a reader sees the old one or the new one.
fn replace<T: Serialize>(dir: &Utf8Path, name: &str, value: &T) -> Result<(), Error> {
    let path = dir.join(name);
    let text = serde_json::to_vec(value).expect("plain data");
    let write = || -> std::io::Result<()> {
        let mut temporary = tempfile::NamedTempFile::new_in(dir)?;
        temporary.write_all(&text)?;
        temporary.persist(&path).map_err(|error| error.error)?;
        Ok(())
    };
    write().map_err(|source| Error::io("write", &path, source))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sample::{now, place};

    #[test]
    fn an_order_reaches_the_run_that_is_there_and_no_later_one() {
        let place = place();
        let reader = Reader::at(&place.common_dir).unwrap();
        let stop = |orders: &mut Orders| orders.stop = Some(Stop::AfterExperiment);
        assert_eq!(reader.order(stop).unwrap(), None);
        let first = Heartbeat::take(&place.common_dir, now()).unwrap();
        assert_eq!(first.orders(), Orders::default());
        assert!(reader.order(stop).unwrap().is_some());
        assert_eq!(first.orders().stop, Some(Stop::AfterExperiment));
        reader.order(|orders| orders.paused = true).unwrap();
        assert_eq!(first.orders().stop, Some(Stop::AfterExperiment));
        let left = std::fs::read(place.common_dir.join("factory/orders.json")).unwrap();
        drop(first);
        let later = now() + jiff::SignedDuration::from_secs(1);
        let second = Heartbeat::take(&place.common_dir, later).unwrap();
        // As if the order had been written while the first run ended.
        std::fs::write(place.common_dir.join("factory/orders.json"), left).unwrap();
        assert_eq!(second.orders(), Orders::default());
    }

    #[test]
    fn a_second_run_is_told_who_the_first_one_is() {
        let place = place();
        let mut first = Heartbeat::take(&place.common_dir, now()).unwrap();
        first.say(|it| it.doing = "measuring".to_owned()).unwrap();
        let Err(Error::Held { owner: Some(owner) }) = Heartbeat::take(&place.common_dir, now())
        else {
            panic!("a second run was let in");
        };
        assert_eq!(owner.pid, std::process::id());
        let reader = Reader::at(&place.common_dir).unwrap();
        assert_eq!(reader.running().unwrap().doing, "measuring");
        drop(first);
        assert_eq!(reader.running(), None);
        assert!(!place.common_dir.join("factory/run.json").exists());
    }

    #[test]
    fn what_a_killed_run_said_is_not_believed() {
        let place = place();
        let mut killed = Heartbeat::take(&place.common_dir, now()).unwrap();
        killed.say(|it| it.doing = "measuring".to_owned()).unwrap();
        let said = std::fs::read(place.common_dir.join("factory/run.json")).unwrap();
        drop(killed);
        let path = place.common_dir.join("factory/run.json");
        std::fs::write(&path, &said).unwrap();
        let reader = Reader::at(&place.common_dir).unwrap();
        assert_eq!(reader.running(), None);
        let later = now() + jiff::SignedDuration::from_secs(1);
        let _next = Heartbeat::take(&place.common_dir, later).unwrap();
        std::fs::write(&path, &said).unwrap();
        assert_eq!(reader.running().unwrap().doing, "starting");
    }
}
