//! Several variants of one hypothesis, and how the one that is tested was chosen among them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::dimension::Direction;
use super::id::{MetricName, StructuralKey, TreeSha};
use super::measurement::{Pair, Scale};

/// A choice among variants, made before the test and on pairs that count nowhere else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Screening {
    /// The metric that they are compared on.
    pub metric: MetricName,
    /// Its unit, for reports.
    pub unit: String,
    /// Which way is better.
    pub direction: Direction,
    /// How a pair becomes one number.
    pub scale: Scale,
    /// The most pairs that one variant is given.
    pub most_pairs: u32,
    /// All of them, in the order in which they were built.
    pub variants: Vec<Variant>,
    /// The number of the one that is tested; none where none passed the gates.
    pub winner: Option<u32>,
}

/// One way to do what a hypothesis says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Variant {
    /// Counted from 1.
    pub number: u32,
    /// What makes it the same idea as another; variants that a program builds share it.
    pub key: StructuralKey,
    /// What it does, in one line.
    pub title: String,
    /// The tree that was run; none where nothing was delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tree: Option<TreeSha>,
    /// Why it was not run, or no further.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out: Option<String>,
    /// Its runs beside the incumbent's, in order.
    pub pairs: Vec<Pair>,
}

impl Screening {
    /// Returns how many pairs were run in all.
    pub fn n_pairs(&self) -> usize {
        self.variants.iter().map(|it| it.pairs.len()).sum()
    }

    /// Returns the variant that is tested.
    pub fn tested(&self) -> Option<&Variant> {
        let winner = self.winner?;
        self.variants.iter().find(|it| it.number == winner)
    }
}
