//! What all keeps of a noisy metric gained together: as it was measured, as it is to be believed, and as
//! audits found it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::session::Session;
use crate::decision;
use crate::model::experiment::Seen;
use crate::model::id::MetricName;
use crate::model::measurement::Scale;
use crate::model::verdict::Verdict;

/// What all keeps of a metric gained together, those aside that were taken back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Gain {
    /// `%` of the value before the first keep, else the metric's own unit.
    pub unit: String,
    /// As each was measured when it was kept: selected for being large, and so too large.
    pub raw: f64,
    /// As it is to be believed, given all that was ever measured of the metric.
    pub shrunken: f64,
    /// As audits measured it, over the keeps that they looked back on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audited: Option<f64>,
    /// Keeps that no audit has looked back on.
    pub unaudited: u64,
}

impl Session<'_> {
    /// Returns what the keeps of a metric gained together, where there are any.
    pub(super) fn gain(&self, metric: &MetricName) -> Option<Gain> {
        let declared = self.metric_named(metric.as_str())?;
        let kept = self.history.all().iter();
        let kept = kept.filter(|it| it.verdict == Verdict::Keep && it.landed.is_some());
        let kept: Vec<_> = kept
            .filter_map(|it| {
                let spent = it.spent.as_ref().filter(|it| it.metric == *metric)?;
                Some((it.id, spent.seen?))
            })
            .collect();
        let scale = kept.last()?.1.scale;
        // Sums of two scales mean nothing.
        let kept = kept.iter().filter(|(_, it)| it.scale == scale);
        let sum = |of: fn(&Seen) -> f64| kept.clone().map(|(_, it)| of(it)).sum::<f64>();
        let share = |difference| decision::total(scale, declared.direction, difference);
        let audits: Vec<_> = self
            .audits
            .iter()
            .filter(|it| it.metric == *metric)
            .collect();
        let looked_at = |id| {
            audits
                .iter()
                .any(|it| it.keeps.iter().any(|(keep, _)| *keep == id))
        };
        let audited: f64 = audits.iter().map(|it| it.measured).sum();
        Some(Gain {
            unit: match scale {
                Scale::LogRatio => "%".to_owned(),
                Scale::Difference => declared.unit.clone(),
            },
            raw: share(sum(|it| it.mean)),
            shrunken: share(sum(|it| it.shrunken.unwrap_or(0.0))),
            audited: (!audits.is_empty()).then(|| share(audited)),
            unaudited: kept.clone().filter(|(id, _)| !looked_at(*id)).count() as u64,
        })
    }

    /// Returns how many keeps of a metric audits took out again.
    pub(super) fn n_unkept(&self, metric: &MetricName) -> u64 {
        let audits = self.audits.iter().filter(|it| it.metric == *metric);
        audits.map(|it| it.unkept().count() as u64).sum()
    }
}
