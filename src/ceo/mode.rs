//! Modes as data: the stages before the first experiment, and what is worth trying.

use super::Error;
use super::session::Session;
use crate::model::hypothesis::{Claim, Hypothesis};

/// What a run is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Try everything that makes the code better.
    #[default]
    Improve,
    /// Move the one number of `[research]`.
    Research,
}

/// A stage before the first experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    /// Turn to the side that is worked on, where there are two.
    Side,
    /// Measure the unchanged code.
    Baseline,
    /// Put kept work on top of a base that went on.
    Restack,
    /// Look at the suite, read-only.
    FirstReport,
    /// Measure the number on the unchanged code.
    Metric,
    /// Sort what falls short by how it does.
    Failures,
}

/// What a mode is made of.
pub(super) struct Plan {
    /// In this order.
    pub(super) opening: &'static [Opening],
    /// Whether code that nothing here can build or test is a reason to stop.
    pub(super) needs_language: bool,
    /// Whether a hypothesis belongs to it, given the number that `[research]` names.
    admits: fn(&Hypothesis, &str) -> bool,
}

const IMPROVE: Plan = Plan {
    opening: &[Opening::Baseline, Opening::Restack, Opening::FirstReport],
    needs_language: true,
    admits: |_, _| true,
};

const RESEARCH: Plan = Plan {
    opening: &[
        Opening::Side,
        Opening::Baseline,
        Opening::Restack,
        Opening::Metric,
        Opening::Failures,
    ],
    needs_language: false,
    admits: moves,
};

impl Mode {
    pub(super) fn plan(self) -> &'static Plan {
        match self {
            Self::Improve => &IMPROVE,
            Self::Research => &RESEARCH,
        }
    }
}

/// Returns whether a hypothesis claims to move that number.
fn moves(hypothesis: &Hypothesis, number: &str) -> bool {
    matches!(&hypothesis.claim, Claim::Moves { metric, .. } if metric.as_str() == number)
}

impl Session<'_> {
    /// Goes through the stages before the first experiment.
    pub(super) async fn open_stages(&mut self) -> Result<(), Error> {
        for stage in self.request.mode.plan().opening {
            match stage {
                Opening::Side => self.turn_to_side(),
                Opening::Baseline => self.measure_baseline().await?,
                Opening::Restack => self.restack().await?,
                Opening::FirstReport => self.look_first().await?,
                Opening::Metric => self.read_number().await?,
                Opening::Failures => self.analyse_failures().await?,
            }
        }
        Ok(())
    }

    /// Returns whether a hypothesis belongs to what this run is for.
    pub(super) fn is_admitted(&self, hypothesis: &Hypothesis) -> bool {
        let research = self.bench.lab.profile.research.as_ref();
        let number = research.map_or("", |it| it.metric.as_str());
        (self.request.mode.plan().admits)(hypothesis, number)
    }
}
