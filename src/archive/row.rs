//! One experiment as one row.

use camino::Utf8Path;
use jiff::tz::TimeZone;

use crate::model::experiment::{Experiment, Summary};
use crate::model::hypothesis::{Category, Claim};
use crate::model::measurement::SandboxTier;
use crate::model::verdict::{Effect, Verdict};
use crate::store::Closed;

/// One experiment as one row; what it does not have is `None`.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The root of the target.
    pub target: String,
    /// The run it belongs to.
    pub run: Option<String>,
    /// Its number.
    pub id: u32,
    /// When its record was closed, in milliseconds since 1970.
    pub time: i64,
    /// The ISO week of that: `2026-W47`.
    pub week: String,
    /// The hypothesis's structural key.
    pub key: String,
    /// FEEC.
    pub category: String,
    /// `moves`, `meets`, `keeps` or `maintains`.
    pub claim: String,
    /// What moved, or was to move.
    pub metric: Option<String>,
    /// How it ended.
    pub verdict: String,
    /// The rule that a veto rests on, or the kind of its reason.
    pub reason: String,
    /// Who played the roles.
    pub backend: Option<String>,
    /// The relative effect as it was measured; positive is better.
    pub effect: Option<f64>,
    /// The lower end of its interval.
    pub effect_low: Option<f64>,
    /// The upper end of its interval.
    pub effect_high: Option<f64>,
    /// The effect drawn towards 0 by what the record shows.
    pub shrunken: Option<f64>,
    /// The natural logarithm of the e-value when the test stopped.
    pub ln_e: Option<f64>,
    /// Pairs of runs.
    pub pairs: Option<u32>,
    /// Evaluations of a tree.
    pub evals: u64,
    /// Runs of a metric's command.
    pub metric_runs: u64,
    /// Wall time.
    pub seconds: f64,
    /// Tokens of a model.
    pub tokens: u64,
    /// Money.
    pub usd: f64,
    /// How isolated the evaluated code was.
    pub tier: Option<String>,
    /// Whether it was kept.
    pub kept: bool,
    /// Whether it reached the landing branch.
    pub landed: bool,
    /// Whether it was un-kept later: a person rejected it, or an audit took it out.
    pub unkept: bool,
}

impl Row {
    /// Returns the row of an experiment.
    pub fn of(target: &Utf8Path, closed: &Closed, unkept: bool) -> Self {
        let summary = &closed.summary;
        let record = closed.record.as_ref();
        let statistics = record
            .and_then(|it| it.decision.as_ref())
            .and_then(|it| it.statistics.as_ref());
        let interval = summary.effect.as_ref().and_then(|it| it.interval);
        let relative = summary.effect.as_ref().and_then(|it| it.relative);
        #[expect(clippy::cast_precision_loss, reason = "cents are far below 2^52")]
        let usd = summary.cost.usd_cents as f64 / 100.0;
        Self {
            target: target.to_string(),
            run: record.map(|it| it.run.to_string()),
            id: summary.id.0,
            time: summary.finished.as_millisecond(),
            week: week(summary),
            key: summary.key.to_string(),
            category: category(summary.category).to_owned(),
            claim: summary.claim.clone(),
            metric: metric(summary, record),
            verdict: summary.verdict.name().to_owned(),
            reason: reason(summary, record),
            backend: record.map(|it| it.backend.clone()),
            effect: relative,
            effect_low: interval.map(|it| it.0),
            effect_high: interval.map(|it| it.1),
            shrunken: summary.effect.as_ref().and_then(shrunken),
            ln_e: statistics.map(|it| it.ln_e),
            pairs: statistics.map(|it| it.n_pairs),
            evals: summary.cost.evals.into(),
            metric_runs: summary.cost.metric_runs.into(),
            seconds: summary.cost.seconds,
            tokens: summary.cost.tokens,
            usd,
            tier: record
                .and_then(|it| it.sandbox.as_ref())
                .map(|it| tier(it.tier).to_owned()),
            kept: summary.verdict == Verdict::Keep,
            landed: summary.landed.is_some(),
            unkept,
        }
    }
}

/// Returns the effect as it most likely is; what rests on no statistics is exact.
fn shrunken(effect: &Effect) -> Option<f64> {
    effect.shrunken.or(match effect.interval {
        None => effect.relative,
        Some(_) => None,
    })
}

fn week(summary: &Summary) -> String {
    let date = summary.finished.to_zoned(TimeZone::UTC).date();
    let week = date.iso_week_date();
    format!("{}-W{:02}", week.year(), week.week())
}

fn category(category: Category) -> &'static str {
    match category {
        Category::Fix => "fix",
        Category::Exploit => "exploit",
        Category::Explore => "explore",
        Category::Combine => "combine",
    }
}

fn tier(tier: SandboxTier) -> &'static str {
    match tier {
        SandboxTier::T0 => "T0",
        SandboxTier::T1 => "T1",
        SandboxTier::T2 => "T2",
        SandboxTier::T3 => "T3",
        SandboxTier::T4 => "T4",
    }
}

/// Returns what moved; of an experiment that measured nothing, what it claimed to move.
fn metric(summary: &Summary, record: Option<&Experiment>) -> Option<String> {
    let moved = summary.effect.as_ref().map(|it| it.metric.clone());
    moved.or_else(|| match &record?.hypothesis.claim {
        Claim::Moves { metric, .. } => Some(metric.to_string()),
        Claim::Meets { .. } | Claim::Keeps | Claim::Maintains => None,
    })
}

/// Returns the rule of a veto, or a reason without the numbers that make each one different.
fn reason(summary: &Summary, record: Option<&Experiment>) -> String {
    let violations = record
        .and_then(|it| it.decision.as_ref())
        .map(|it| it.violations.as_slice());
    let first = violations.and_then(<[_]>::first);
    if let Some(violation) = first.filter(|_| summary.verdict == Verdict::Vetoed) {
        return violation.rule.name().to_owned();
    }
    let ends_kind =
        |it: char| it.is_ascii_digit() || matches!(it, ':' | ',' | '`' | '≥' | '→' | '(');
    let kind = summary.reason.split(ends_kind).next().unwrap_or_default();
    match kind.trim() {
        "" => summary.verdict.name().to_owned(),
        kind => kind.chars().take(60).collect(),
    }
}
