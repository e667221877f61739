//! One patch after the other: does it build, does a test notice it, does it look better?

use std::time::{Duration, Instant};

use camino::Utf8PathBuf;

use crate::agent::Error;
use crate::config::Metric;
use crate::eval::{Said, Source, Texts, Untidy, Usual, Variants};
use crate::model::dimension::Direction;
use crate::model::measurement::Sample;
use crate::search::genetic::Fate;
use crate::stats::estimate;
use crate::syntax::Grammar;
use crate::toolchain::hotspots::Hotspot;

/// The unchanged code is measured so often at first.
const FIRST: usize = 4;
/// Values of the unchanged code that count, the latest ones.
const WINDOW: usize = 8;
/// After so many measured patches the unchanged code is measured again: machines drift.
const REFRESH: u32 = 8;
/// Pairs of the last look.
const PAIRS: usize = 5;
/// The least share that a noisy metric must seem to gain.
const LEAST: f64 = 0.01;
/// A variant may take so much longer than the unchanged code, and this beside.
const PATIENCE: (f64, Duration) = (3.0, Duration::from_secs(2));

/// The gates that a patch passes, with what they know of the unchanged code.
pub(super) struct Trials<'v, 'l> {
    variants: &'v mut Variants<'l>,
    metric: &'v Metric,
    usual: Usual,
    /// Values of the unchanged code, in order.
    base: Vec<f64>,
    since_base: u32,
    suite_limit: Duration,
    metric_limit: Duration,
    /// What linters say of the unchanged code, once that was asked.
    untidy: Option<Untidy>,
}

impl<'v, 'l> Trials<'v, 'l> {
    /// Learns how the unchanged code builds, tests and measures; the inner error is why it cannot be
    /// improved upon.
    pub(super) async fn start(
        variants: &'v mut Variants<'l>,
        metric: &'v Metric,
    ) -> Result<Result<Self, String>, Error> {
        let usual = match variants.usual().await? {
            Ok(usual) => usual,
            Err(why) => return Ok(Err(why)),
        };
        let mut trials = Self {
            variants,
            metric,
            usual,
            base: Vec::new(),
            since_base: 0,
            suite_limit: Duration::MAX,
            metric_limit: Duration::MAX,
            untidy: None,
        };
        if let Err(why) = trials.learn_limits().await? {
            return Ok(Err(why));
        }
        let middle = median(&trials.base);
        if middle == 0.0 {
            let name = &metric.name;
            return Ok(Err(format!("`{name}` is 0, of which nothing is a share")));
        }
        Ok(Ok(trials))
    }

    /// Runs the unchanged code as if it were a variant: a limit is three times what that takes.
    async fn learn_limits(&mut self) -> Result<Result<(), String>, Error> {
        let longer = |it: Duration| it.mul_f64(PATIENCE.0) + PATIENCE.1;
        let touched: Texts = self
            .variants
            .sources()
            .into_iter()
            .take(1)
            .map(|it| (it.path, it.text))
            .collect();
        let started = Instant::now();
        if self.judged(&touched, Duration::from_mins(10)).await? != Said::Nothing {
            return Ok(Err(
                "the suite does not end twice alike on the unchanged code".to_owned(),
            ));
        }
        self.suite_limit = longer(started.elapsed());
        self.variants.take_back()?;
        if let Err(why) = self.variants.build(self.metric).await? {
            return Ok(Err(why));
        }
        let mut longest = Duration::ZERO;
        for _ in 0..FIRST {
            let (sample, seconds) = self.variants.measure(self.metric, None).await?;
            longest = longest.max(Duration::from_secs_f64(seconds.max(0.0)));
            match sample {
                Sample::Value { value } => self.base.push(value),
                Sample::Failed { reason } => {
                    let name = &self.metric.name;
                    return Ok(Err(format!("`{name}` gives no number: {reason}")));
                }
            }
        }
        // The first run is often a cold one.
        self.base.remove(0);
        self.metric_limit = longer(longest);
        Ok(Ok(()))
    }

    /// Returns what decides how a patch fares, as one text.
    pub(super) fn context(&self) -> String {
        format!("{} {}", self.variants.contents(), self.usual.in_words())
    }

    /// Returns the share that a patch must seem to gain: above what the unchanged code varies by itself.
    pub(super) fn margin(&self) -> f64 {
        let middle = median(&self.base);
        let off: Vec<f64> = self.base.iter().map(|it| (it - middle).abs()).collect();
        let spread = 1.483 * median(&off) / middle.abs();
        if self.base.iter().all(|it| it.total_cmp(&middle).is_eq()) {
            return 1e-9;
        }
        (2.0 * spread).max(LEAST)
    }

    /// Returns where the metric's command spends its time.
    pub(super) async fn hotspots(
        &mut self,
        sources: &[Source],
    ) -> Result<Vec<(&'static str, Vec<Hotspot>)>, Error> {
        let is_native =
            |it: &Source| matches!(it.grammar, Grammar::Rust | Grammar::Go | Grammar::C);
        let native = sources.iter().any(is_native);
        self.variants.take_back()?;
        Ok(self.variants.hotspots(self.metric, native).await?)
    }

    /// Returns whether a test notices these texts.
    pub(super) async fn is_noticed(&mut self, texts: &Texts) -> Result<bool, Error> {
        Ok(self.judged(texts, self.suite_limit).await? == Said::Noticed)
    }

    /// Tries a patch: builds it, runs the tests, and takes a quick look at the metric. `None` stands for
    /// edits that do not go together.
    pub(super) async fn run(&mut self, texts: Option<&Texts>) -> Result<Fate, Error> {
        let Some(texts) = texts else {
            return Ok(Fate::Broken);
        };
        if self.since_base >= REFRESH {
            self.refresh().await?;
        }
        match self.judged(texts, self.suite_limit).await? {
            Said::DoesNotBuild => return Ok(Fate::Broken),
            Said::Noticed => return Ok(Fate::Noticed),
            Said::Nothing => {}
        }
        if self.variants.build(self.metric).await?.is_err() {
            return Ok(Fate::Broken);
        }
        self.since_base += 1;
        let mut values = Vec::new();
        while let Some(value) = self.measured().await? {
            values.push(value);
            let gain = self.gain(median(&values));
            if values.len() == 3 || gain <= self.margin() {
                return Ok(Fate::Passed { gain });
            }
        }
        Ok(Fate::Noticed)
    }

    /// Looks at a patch and the unchanged code in turn, a few times.
    pub(super) async fn look_again(&mut self, texts: &Texts) -> Result<Fate, Error> {
        let mut gains = Vec::new();
        for _ in 0..PAIRS {
            self.refresh().await?;
            let Some(before) = self.base.last().copied() else {
                return Ok(Fate::Noticed);
            };
            self.variants.put(texts)?;
            if self.variants.build(self.metric).await?.is_err() {
                return Ok(Fate::Broken);
            }
            let Some(after) = self.measured().await? else {
                return Ok(Fate::Noticed);
            };
            gains.push(self.gain_over(before, after));
            if self.margin() < LEAST {
                break;
            }
        }
        // Most pairs must agree, so that one lucky run does not speak for all.
        gains.sort_by(f64::total_cmp);
        Ok(Fate::Passed {
            gain: gains[gains.len() / 4],
        })
    }

    /// Returns the gain of a last look that is worth an experiment.
    pub(super) fn convincing(&self, fate: Fate) -> Option<f64> {
        match fate {
            Fate::Passed { gain } if gain > self.margin() / 2.0 => Some(gain),
            _ => None,
        }
    }

    /// Returns the texts as linters and the formatter want them; `None` where a patch leaves something
    /// behind that no tool takes away, which a gate would refuse.
    pub(super) async fn tidied(&mut self, texts: &Texts) -> Result<Option<Texts>, Error> {
        let before = if let Some(before) = self.untidy.take() {
            before
        } else {
            self.variants.take_back()?;
            self.variants.untidy().await?
        };
        let tidied = self.variants.tidied(texts, &before).await?;
        self.untidy = Some(before);
        let Some(tidied) = tidied else {
            return Ok(None);
        };
        let is_same = tidied == *texts;
        let passes = is_same || self.judged(&tidied, self.suite_limit).await? == Said::Nothing;
        Ok(passes.then_some(tidied))
    }

    async fn judged(&mut self, texts: &Texts, limit: Duration) -> Result<Said, Error> {
        self.variants.put(texts)?;
        let changed: Vec<Utf8PathBuf> = texts.keys().cloned().collect();
        Ok(self.variants.judge(&self.usual, &changed, limit).await?)
    }

    async fn measured(&mut self) -> Result<Option<f64>, Error> {
        let limit = Some(self.metric_limit);
        match self.variants.measure(self.metric, limit).await? {
            (Sample::Value { value }, _) => Ok(Some(value)),
            (Sample::Failed { .. }, _) => Ok(None),
        }
    }

    /// Measures the unchanged code once more.
    async fn refresh(&mut self) -> Result<(), Error> {
        self.since_base = 0;
        self.variants.take_back()?;
        if self.variants.build(self.metric).await?.is_ok()
            && let Some(value) = self.measured().await?
        {
            self.base.push(value);
        }
        let over = self.base.len().saturating_sub(WINDOW);
        self.base.drain(..over);
        Ok(())
    }

    fn gain(&self, value: f64) -> f64 {
        self.gain_over(median(&self.base), value)
    }

    /// Returns by which share of the first value the second is better.
    fn gain_over(&self, before: f64, after: f64) -> f64 {
        let saved = match self.metric.direction {
            Direction::Minimize => before - after,
            Direction::Maximize => after - before,
        };
        saved / before.abs().max(f64::MIN_POSITIVE)
    }
}

fn median(values: &[f64]) -> f64 {
    estimate::median(values).unwrap_or(0.0)
}
