//! What runs found out about a project by accident, for later ones: tests that are flaky, and numbers that do
//! not repeat although they are declared to.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::ceo::Error;
use crate::ceo::session::Session;
use crate::config;
use crate::store::Reader;

/// Where the record keeps the tests that were seen to be flaky.
const FLAKY: &str = "flaky-tests.txt";
/// Where it keeps the numbers that were seen to vary.
const NOISY: &str = "noisy-metrics.txt";
/// What was not seen for so long may have been mended.
const FORGET_AFTER: SignedDuration = SignedDuration::from_hours(30 * 24);

impl Session<'_> {
    /// Writes down which tests were seen to be flaky, and when.
    pub(in crate::ceo) fn remember_flaky(
        &mut self,
        ids: impl IntoIterator<Item = String>,
    ) -> Result<(), Error> {
        self.remember(FLAKY, ids)
    }

    /// Writes down that a number varies.
    pub(super) fn remember_noisy(&mut self, metric: &config::Metric) -> Result<(), Error> {
        self.remember(NOISY, [identity(metric)])
    }

    /// Takes up what earlier runs found out, and says so.
    pub(in crate::ceo) fn recall(&mut self) -> Result<(), Error> {
        let flaky = known(self.writer.reader(), FLAKY, Timestamp::now())?;
        if !flaky.is_empty() {
            let names: Vec<&str> = flaky.keys().map(String::as_str).collect();
            self.notice(format!(
                "quarantined, since earlier runs saw them pass and fail on one tree: {}",
                names.join(", ")
            ));
        }
        self.quarantined.extend(flaky.into_keys());
        let noisy = known(self.writer.reader(), NOISY, Timestamp::now())?;
        let metrics = self.bench.lab.profile.metrics.iter();
        let varies = |it: &&config::Metric| it.deterministic && noisy.contains_key(&identity(it));
        let names: BTreeSet<String> = metrics.filter(varies).map(|it| it.name.clone()).collect();
        for name in &names {
            self.notice(format!(
                "`{name}` is declared deterministic and tested as noisy, since an earlier run saw one tree give two numbers"
            ));
        }
        self.noisy.extend(names);
        Ok(())
    }

    fn remember(
        &mut self,
        note: &str,
        found: impl IntoIterator<Item = String>,
    ) -> Result<(), Error> {
        let now = Timestamp::now();
        let mut known = known(self.writer.reader(), note, now)?;
        known.extend(found.into_iter().map(|it| (it, now)));
        if known.is_empty() {
            return Ok(());
        }
        let lines: Vec<String> = known
            .iter()
            .map(|(it, seen)| format!("{seen} {it}\n"))
            .collect();
        Ok(self.writer.note(note, &lines.concat(), now)?)
    }
}

/// A number that is measured by another command is another one.
fn identity(metric: &config::Metric) -> String {
    let hash = blake3::hash(metric.run.as_bytes()).to_hex();
    format!("{} {}", metric.name, &hash[..12])
}

fn known(
    reader: &Reader,
    note: &str,
    now: Timestamp,
) -> Result<BTreeMap<String, Timestamp>, Error> {
    let text = reader.note(note)?.unwrap_or_default();
    let lines = text.lines().filter_map(|line| {
        let (seen, what) = line.split_once(' ')?;
        Some((what.to_owned(), seen.parse().ok()?))
    });
    Ok(lines
        .filter(|(_, seen): &(String, Timestamp)| now.duration_since(*seen) < FORGET_AFTER)
        .collect())
}
