//! The embedded backend: every role without a model.
//!
//! Decisions are functions of what was observed; only the Researcher and the Builder touch files and
//! run tools, and neither knows git, scores or verdicts.

mod asked;
mod build;
mod catalogue;
mod condition;
mod draft;
mod features;
mod genetic;
mod grant;
mod job;
mod message;
mod note;
mod observe;
mod offer;
mod review;
mod setting;
mod strategy;
mod surface;
mod tree;
mod tune;
mod wish;

#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use camino::Utf8Path;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, LocalBoxFuture};

use crate::agent::{
    Backend, BuildInput, Checkpoint, Error, ResearchInput, ReviewInput, StrategyInput,
};
use crate::model::experiment::Experiment;
use crate::model::hypothesis::{Claim, Hypothesis};
use crate::model::id::StructuralKey;
use crate::model::observation::Observation;
use crate::toolchain;
use surface::Surface;

pub use grant::granted;
pub use strategy::bisect;

/// Looks at a strategist's input as the ground that hypotheses are drawn from.
fn on_ground<T>(input: &StrategyInput<'_>, look: impl FnOnce(&strategy::Ground<'_>) -> T) -> T {
    let surface = Surface::of_profile(input.profile, &toolchain::adapters_of(input.profile));
    look(&strategy::Ground {
        observations: input.observations,
        evaluation: input.evaluation,
        profile: input.profile,
        history: input.history,
        tried: input.tried,
        may_touch: &|it: &Utf8Path| surface.may_touch(it),
        hashes: &|it: &BTreeSet<&Utf8Path>| tree::hashes(input.tree, it.iter().copied()),
    })
}

/// Plays every role with what the languages' own tools offer: fixers, formatter, knobs, constants.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mechanic;

impl Backend for Mechanic {
    fn name(&self) -> &'static str {
        "mechanic"
    }

    fn research<'a>(
        &'a self,
        input: &'a ResearchInput<'a>,
    ) -> BoxFuture<'a, Result<Vec<Observation>, Error>> {
        async move {
            let surface = Surface::of_lab(input.lab);
            observe::research(input, &surface).await
        }
        .boxed()
    }

    fn strategise<'a>(
        &'a self,
        input: &'a StrategyInput<'a>,
    ) -> BoxFuture<'a, Result<Vec<Hypothesis>, Error>> {
        async move { Ok(on_ground(input, strategy::hypotheses)) }.boxed()
    }

    fn answer(&self, input: &StrategyInput<'_>, words: &str) -> StructuralKey {
        on_ground(input, |ground| ground.asked(words).key)
    }

    fn build<'a>(
        &'a self,
        input: &'a BuildInput<'a>,
        checkpoint: &'a mut Checkpoint<'_>,
    ) -> LocalBoxFuture<'a, Result<(), Error>> {
        async move {
            let surface = match input.hypothesis.claim {
                Claim::Maintains => Surface::of_tests(input.lab),
                _ => Surface::of_lab(input.lab),
            };
            build::build(input, &surface, checkpoint).await
        }
        .boxed_local()
    }

    fn review<'a>(
        &'a self,
        input: &'a ReviewInput<'a>,
    ) -> BoxFuture<'a, Result<Vec<String>, Error>> {
        async move {
            Ok(review::review(
                input.hypothesis,
                input.candidate,
                input.diff,
            ))
        }
        .boxed()
    }

    fn archive(&self, experiment: &Experiment) -> String {
        note::archive(experiment)
    }

    fn closing_remark(&self, observations: &[Observation]) -> String {
        note::closing_remark(observations)
    }
}
