//! A person's words to the one hypothesis that they ask for.

use std::collections::BTreeSet;

use camino::Utf8Path;

use super::strategy::Ground;
use super::wish::{self, Asked};
use super::{catalogue, draft, setting};
use crate::model::hypothesis::Hypothesis;
use crate::model::observation::Observation;

impl Ground<'_> {
    /// Returns the one hypothesis that a person's words ask for.
    pub(super) fn asked(&self, text: &str) -> Hypothesis {
        match wish::parse(text, self.observations, self.profile) {
            Asked::Rules(rules) => self.fix(rules),
            Asked::Format(tool) => self.format(&tool.unwrap_or_else(|| self.formatter())),
            Asked::Knob { key, value } => self.asked_knob(text, &key, value.as_deref()),
            Asked::Parameter { name, value } => self.asked_parameter(text, &name, value.as_deref()),
            Asked::Edits(metric) => self
                .asked_edits(metric.as_deref())
                .unwrap_or_else(|| draft::words(text)),
            Asked::Words(text) => draft::words(&text),
        }
    }

    /// Returns the formatter that the project uses, as far as the observations tell.
    fn formatter(&self) -> String {
        let seen = self.observations.iter().find_map(|it| match it {
            Observation::Unformatted { tool, .. } => Some(tool.clone()),
            _ => None,
        });
        seen.unwrap_or_else(|| "the project's formatter".to_owned())
    }

    /// Returns the knob that a person named, as observed if it was, else as they put it.
    fn asked_knob(&self, text: &str, key: &str, value: Option<&str>) -> Hypothesis {
        let value = value.map(setting::value_of_words);
        let wanted = |proposed: &str| {
            value
                .as_deref()
                .is_none_or(|it| setting::same(it, proposed))
        };
        let observed = self.observations.iter().find(|it| match it {
            Observation::KnobAvailable {
                key: of, proposed, ..
            } => of == key && wanted(proposed),
            _ => false,
        });
        let named = || {
            let file = catalogue::file_of(key).unwrap_or(Utf8Path::new("Cargo.toml"));
            let mut hypothesis = draft::knob(&draft::Knob {
                file,
                key,
                value: value.as_deref()?,
                current: None,
                title: None,
                default: None,
                why: "it was asked for by name",
                metric: self.metric_beside(key),
                expected_gain: 0.0,
            })?;
            hypothesis.files = (self.hashes)(&BTreeSet::from([file]));
            Some(hypothesis)
        };
        observed
            .and_then(|it| self.knob(it))
            .or_else(named)
            .unwrap_or_else(|| draft::words(text))
    }

    /// Returns the metric that the catalogue's knobs of the same table may move, else the first whose
    /// program is built with it: what is not offered to a library can still be asked for.
    fn metric_beside(&self, key: &str) -> Option<&str> {
        let table = key.rsplit_once('.')?.0;
        let observed = self.observations.iter().find_map(|it| match it {
            Observation::KnobAvailable { key, metric, .. } if key.starts_with(table) => {
                Some(metric.as_str())
            }
            _ => None,
        });
        let mut metrics = self.profile.metrics.iter();
        observed.or_else(|| {
            let built = metrics.find(|it| catalogue::is_built_with(key, it))?;
            Some(built.name.as_str())
        })
    }

    /// Returns the parameter that a person named: their value, or the first that is not in effect.
    fn asked_parameter(&self, text: &str, name: &str, value: Option<&str>) -> Hypothesis {
        let observed = self.observations.iter().find(|it| match it {
            Observation::ParameterAvailable {
                name: of, proposed, ..
            } => of == name && value.is_none_or(|it| it == proposed),
            _ => false,
        });
        let declared = self.profile.parameters.iter().find(|it| it.name == name);
        let named = || {
            let declared = declared?;
            Some(self.constant(&draft::Constant {
                file: &declared.file,
                name,
                value: value.or_else(|| declared.choices.first().map(String::as_str))?,
                current: None,
                why: &declared.why,
                metric: &declared.metric,
            }))
        };
        let in_range = self.observations.iter().find(|it| match it {
            Observation::ParameterRange { name: of, .. } => of == name && value.is_none(),
            _ => false,
        });
        observed
            .and_then(|it| self.parameter(it))
            .or_else(|| in_range.and_then(|it| self.searched(it).into_iter().next()))
            .or_else(named)
            .unwrap_or_else(|| draft::words(text))
    }
}
