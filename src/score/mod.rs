//! Dimensions to a composite, and the composite against its floor. Ranks and reports; never decides a test.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

use std::collections::BTreeMap;

use crate::model::dimension::{Dimension, Status, Tier};

/// What each tier contributes to the composite; the shares sum to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weights {
    /// The share of tests, lint, types, coverage, guards, config.
    pub hygiene: f64,
    /// The share of capability, observability and what informs.
    pub growth: f64,
    /// The share of the project's own metrics.
    pub project: f64,
}

impl Weights {
    /// Without metrics of the project's own.
    pub const WITHOUT_PROJECT: Self = Self {
        hygiene: 0.5,
        growth: 0.5,
        project: 0.0,
    };

    /// With metrics of the project's own, which then count most.
    pub const WITH_PROJECT: Self = Self {
        hygiene: 0.3,
        growth: 0.2,
        project: 0.5,
    };

    /// Returns the shares that hold where none are configured.
    pub fn default_for(dimensions: &[Dimension]) -> Self {
        let has_project = dimensions
            .iter()
            .any(|it| it.tier == Tier::Project && counted(it).is_some());
        if has_project {
            Self::WITH_PROJECT
        } else {
            Self::WITHOUT_PROJECT
        }
    }

    fn of(self, tier: Tier) -> f64 {
        match tier {
            Tier::Hygiene => self.hygiene,
            Tier::Growth => self.growth,
            Tier::Project => self.project,
        }
    }
}

/// Returns the composite and the score of each tier that has one.
///
/// A tier is the weighted mean of its dimensions, a failed one counting 0. What was not measured is left
/// out, and so is a weight of 0, which informs only. A tier without any dimension passes its share on to
/// the others, in proportion.
pub fn composite(dimensions: &[Dimension], weights: Weights) -> (Option<f64>, BTreeMap<Tier, f64>) {
    let tiers: BTreeMap<Tier, f64> = [Tier::Hygiene, Tier::Growth, Tier::Project]
        .into_iter()
        .filter_map(|tier| Some((tier, tier_score(dimensions, tier)?)))
        .collect();
    let score = weighted_mean(
        tiers
            .iter()
            .map(|(tier, score)| (weights.of(*tier), *score)),
    );
    (score, tiers)
}

fn tier_score(dimensions: &[Dimension], tier: Tier) -> Option<f64> {
    weighted_mean(
        dimensions
            .iter()
            .filter(|it| it.tier == tier)
            .filter_map(counted),
    )
}

/// Returns the weight and score of a dimension that counts.
fn counted(dimension: &Dimension) -> Option<(f64, f64)> {
    let score = match dimension.status {
        Status::Measured => dimension.score.filter(|score| score.is_finite())?,
        Status::Failed => 0.0,
        Status::NotMeasured => return None,
    };
    (dimension.weight > 0.0).then_some((dimension.weight, score.clamp(0.0, 1.0)))
}

fn weighted_mean(terms: impl Iterator<Item = (f64, f64)>) -> Option<f64> {
    let (weights, sum) = terms.fold((0.0, 0.0), |(weights, sum), (weight, score)| {
        (weights + weight, sum + weight * score)
    });
    (weights > 0.0).then(|| sum / weights)
}

/// Returns whether a composite fails its floor; one that does not exist fails any floor above 0.
pub fn is_below(score: Option<f64>, threshold: f64) -> bool {
    score.unwrap_or(0.0) < threshold
}

/// Maps a count of findings to (0, 1], strictly falling, without any size: `half / (half + count)`.
///
/// At `half` findings the score is one half. There is no denominator in which junk could hide a finding.
pub fn falling(count: f64, half: f64) -> f64 {
    half / (half + count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn dimension(tier: Tier, weight: f64, score: Option<f64>) -> Dimension {
        Dimension {
            name: "lint".parse().unwrap(),
            tier,
            weight,
            score,
            native: None,
            status: if score.is_some() {
                Status::Measured
            } else {
                Status::NotMeasured
            },
            detail: String::new(),
        }
    }

    fn score_of(dimensions: &[Dimension]) -> f64 {
        composite(dimensions, Weights::default_for(dimensions))
            .0
            .unwrap()
    }

    #[test]
    fn the_tiers_share_the_composite_evenly_without_project_metrics() {
        let dimensions = [
            dimension(Tier::Hygiene, 1.0, Some(1.0)),
            dimension(Tier::Hygiene, 1.0, Some(0.5)),
            dimension(Tier::Growth, 1.0, Some(0.25)),
        ];
        let (score, tiers) = composite(&dimensions, Weights::default_for(&dimensions));
        assert!((score.unwrap() - 0.5).abs() < 1e-12);
        assert!((tiers[&Tier::Hygiene] - 0.75).abs() < 1e-12);
        assert!(!tiers.contains_key(&Tier::Project));
    }

    #[test]
    fn project_metrics_take_half() {
        let dimensions = [
            dimension(Tier::Hygiene, 1.0, Some(1.0)),
            dimension(Tier::Growth, 1.0, Some(1.0)),
            dimension(Tier::Project, 1.0, Some(0.0)),
        ];
        assert!((score_of(&dimensions) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn an_empty_tier_passes_its_share_on() {
        let dimensions = [
            dimension(Tier::Hygiene, 1.0, Some(0.8)),
            dimension(Tier::Growth, 1.0, None),
        ];
        assert!((score_of(&dimensions) - 0.8).abs() < 1e-12);
    }

    #[test]
    fn what_failed_counts_zero() {
        let mut broken = dimension(Tier::Hygiene, 1.0, Some(0.0));
        broken.status = Status::Failed;
        broken.score = None;
        let dimensions = [broken, dimension(Tier::Hygiene, 1.0, Some(1.0))];
        assert!((score_of(&dimensions) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn nothing_measured_is_no_score_and_fails_any_floor() {
        let (score, tiers) = composite(
            &[dimension(Tier::Hygiene, 1.0, None)],
            Weights::WITHOUT_PROJECT,
        );
        assert_eq!(score, None);
        assert!(tiers.is_empty());
        assert!(is_below(None, 0.1));
        assert!(!is_below(None, 0.0));
        assert!(is_below(Some(0.69), 0.7));
        assert!(!is_below(Some(0.7), 0.7));
    }

    fn dimensions() -> impl Strategy<Value = Vec<Dimension>> {
        let tier = prop_oneof![Just(Tier::Hygiene), Just(Tier::Growth), Just(Tier::Project)];
        let one = (tier, 0.1f64..3.0, prop::option::of(0.0f64..=1.0))
            .prop_map(|(tier, weight, score)| dimension(tier, weight, score));
        prop::collection::vec(one, 0..8)
    }

    proptest! {
        #[test]
        fn every_finding_lowers_the_composite(
            mut dimensions in dimensions(),
            findings in 0u32..100_000,
            half in 0.5f64..1000.0,
        ) {
            dimensions.push(dimension(Tier::Hygiene, 1.0, Some(falling(f64::from(findings), half))));
            let before = score_of(&dimensions);
            let last = dimensions.len() - 1;
            dimensions[last].score = Some(falling(f64::from(findings + 1), half));
            prop_assert!(score_of(&dimensions) < before);
        }

        #[test]
        fn the_composite_stays_between_zero_and_one(dimensions in dimensions()) {
            let (score, _) = composite(&dimensions, Weights::default_for(&dimensions));
            prop_assert!(score.is_none_or(|score| (0.0..=1.0 + 1e-12).contains(&score)));
        }

        #[test]
        fn what_only_informs_or_was_not_measured_changes_nothing(
            dimensions in dimensions(),
            score in 0.0f64..=1.0,
        ) {
            let mut padded = dimensions.clone();
            padded.push(dimension(Tier::Growth, 0.0, Some(score)));
            padded.push(dimension(Tier::Project, 0.0, Some(score)));
            padded.push(dimension(Tier::Project, 5.0, None));
            let weights = Weights::default_for(&dimensions);
            prop_assert_eq!(Weights::default_for(&padded), weights);
            prop_assert_eq!(composite(&padded, weights), composite(&dimensions, weights));
        }

        #[test]
        fn a_better_dimension_never_lowers_the_composite(
            mut dimensions in dimensions(),
            low in 0.0f64..=1.0,
            gain in 0.0f64..=1.0,
        ) {
            dimensions.push(dimension(Tier::Growth, 1.0, Some(low)));
            let before = score_of(&dimensions);
            let last = dimensions.len() - 1;
            dimensions[last].score = Some((low + gain).min(1.0));
            prop_assert!(score_of(&dimensions) >= before - 1e-12);
        }
    }
}
