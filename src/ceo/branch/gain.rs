//! What all keeps of a noisy metric gained together: as it was measured, as it is to be believed, and as
//! audits found it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ceo::Error;
use crate::ceo::session::Session;
use crate::config;
use crate::decision;
use crate::model::audit::AuditLine;
use crate::model::experiment::Seen;
use crate::model::id::{ExperimentId, MetricName};
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
    /// As audits measured it, over the keeps that they looked back on; of a metric over instances, as the
    /// hidden ones did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audited: Option<f64>,
    /// Keeps that no audit has looked back on, and no hidden instance.
    pub unaudited: u64,
}

impl Session<'_> {
    /// Returns what the keeps of a metric gained together, where there are any.
    ///
    /// # Errors
    /// A record that cannot be read.
    pub(in crate::ceo) fn gain(&self, metric: &MetricName) -> Result<Option<Gain>, Error> {
        let Some(declared) = self.metric_named(metric.as_str()) else {
            return Ok(None);
        };
        let kept = self.history.all().iter();
        let kept = kept.filter(|it| it.verdict == Verdict::Keep && it.landed.is_some());
        let kept: Vec<_> = kept
            .filter_map(|it| {
                let spent = it.spent.as_ref().filter(|it| it.metric == *metric)?;
                Some((it.id, spent.seen?))
            })
            .collect();
        let Some(scale) = kept.last().map(|it| it.1.scale) else {
            return Ok(None);
        };
        // Sums of two scales mean nothing.
        let kept = kept.iter().filter(|(_, it)| it.scale == scale);
        let hidden = self.hidden_gains(&declared, kept.clone().map(|it| it.0))?;
        let sum = |of: fn(&Seen) -> f64| kept.clone().map(|(_, it)| of(it)).sum::<f64>();
        let share = |difference| decision::total(scale, declared.direction, difference);
        let audits: Vec<_> = self
            .audits
            .iter()
            .filter(|it| it.metric == *metric)
            .collect();
        let looked_at = |id| {
            let by_audit = |it: &&AuditLine| it.keeps.iter().any(|(keep, _)| *keep == id);
            hidden.contains_key(&id) || audits.iter().any(by_audit)
        };
        let audited = audits.iter().map(|it| it.measured);
        let audited: f64 = audited.chain(hidden.values().copied()).sum();
        let is_audited = !audits.is_empty() || !hidden.is_empty();
        Ok(Some(Gain {
            unit: match scale {
                Scale::LogRatio => "%".to_owned(),
                Scale::Difference => declared.unit.clone(),
            },
            raw: share(sum(|it| it.mean)),
            shrunken: share(sum(|it| it.shrunken.unwrap_or(0.0))),
            audited: is_audited.then(|| share(audited)),
            unaudited: kept.clone().filter(|(id, _)| !looked_at(*id)).count() as u64,
        }))
    }

    /// Returns what hidden instances showed of each keep that they were asked about.
    fn hidden_gains(
        &self,
        metric: &config::Metric,
        keeps: impl Iterator<Item = ExperimentId>,
    ) -> Result<BTreeMap<ExperimentId, f64>, Error> {
        let mut gains = BTreeMap::new();
        if self.instances_of(metric).is_none() {
            return Ok(gains);
        }
        for id in keeps {
            let experiment = self.writer.reader().experiment(id)?;
            let check = experiment.and_then(|it| it.holdout);
            gains.extend(check.and_then(|it| Some((id, decision::hidden_gain(&it)?))));
        }
        Ok(gains)
    }

    /// Returns how many keeps of a metric audits took out again.
    pub(in crate::ceo) fn n_unkept(&self, metric: &MetricName) -> u64 {
        let audits = self.audits.iter().filter(|it| it.metric == *metric);
        audits.map(|it| it.unkept().count() as u64).sum()
    }
}
