//! `[research.opponent]`: the other side of a problem that has two, which improve in turns.
//!
//! [`Profile::turned_to`] writes one side's turn into the profile, so that the rest of the program need
//! not know that there are two: the number, the surface and the values are this side's, and the other
//! side's files are fixed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Metric, Profile, Research, ResearchParameter, Surface};
use crate::model::dimension::Direction;
use crate::model::tail::Tail;
use crate::model::turn::Side;

/// `[research.opponent]`: the other side, which is worked on while this one stays as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Opponent {
    /// What is wanted of it, in a sentence or a page.
    pub objective: String,
    /// Its number's name, another than that of `[research]`.
    pub metric: String,
    /// `minimize` or `maximize`.
    pub direction: Direction,
    /// Command line that prints its number.
    pub run: String,
    /// How the number is found, as in `[[metric]]`.
    #[serde(default = "super::profile::default_parser")]
    pub parser: String,
    /// Unit, as printed behind the number.
    #[serde(default)]
    pub unit: String,
    /// Longest run, in seconds.
    #[serde(default)]
    pub timeout: Option<u64>,
    /// Globs that an experiment of its turns may touch.
    pub mutable: Vec<String>,
    /// So many experiments in a row without a keep are a plateau.
    #[serde(default = "super::research::default_plateau")]
    pub plateau: u32,
    /// When its turn is over, and when it comes again.
    #[serde(default)]
    pub switch: Option<Switch>,
    /// So many measurements in a row must show that both sides hold, before the run ends for it.
    #[serde(default = "default_rounds")]
    pub rounds: u32,
    /// Whether who works on one side may read the other's files; they are never touched.
    #[serde(default)]
    pub visible: bool,
    /// What must not get worse in rare runs, as in `[[metric]]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tail: Vec<Tail>,
    /// Values that may be searched, all together.
    #[serde(default, rename = "parameter")]
    pub parameters: Vec<ResearchParameter>,
    /// The most points of them that are tried in a turn; without it, 20 for each value.
    #[serde(default)]
    pub trials: Option<u32>,
}

/// `switch`: the two values of a side's number between which it neither stops nor begins.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Switch {
    /// Its turn is over when the number is as good as this.
    pub enough: f64,
    /// It gets a turn again when the number is worse than this.
    pub again: f64,
}

fn default_rounds() -> u32 {
    2
}

impl Opponent {
    pub(super) fn as_metric(&self) -> Metric {
        Metric {
            name: self.metric.clone(),
            build: None,
            before: None,
            run: self.run.clone(),
            parser: self.parser.clone(),
            direction: self.direction,
            unit: self.unit.clone(),
            tolerance: None,
            deterministic: false,
            timeout_seconds: self.timeout,
            only_claimed: true,
            tail: self.tail.clone(),
            reads: Vec::new(),
        }
    }

    /// Returns the section as if it were the only one: what it does not say is as for the first side.
    fn as_research(&self, first: &Research) -> Research {
        Research {
            objective: self.objective.clone(),
            metric: self.metric.clone(),
            direction: self.direction,
            run: self.run.clone(),
            parser: self.parser.clone(),
            unit: self.unit.clone(),
            target: None,
            timeout: self.timeout,
            mutable: self.mutable.clone(),
            instances: None,
            inner: Vec::new(),
            outer: Vec::new(),
            plateau: self.plateau,
            switch: self.switch,
            tolerance: None,
            tail: self.tail.clone(),
            parameters: self.parameters.clone(),
            trials: self.trials,
            ..first.clone()
        }
    }
}

impl Research {
    /// Returns the section as it is in a turn of that side.
    #[must_use]
    pub fn in_turn_of(&self, side: Side) -> Self {
        let Some(opponent) = &self.opponent else {
            return self.clone();
        };
        let (mut research, others) = match side {
            Side::First => (self.clone(), &opponent.mutable),
            Side::Opponent => (opponent.as_research(self), &self.mutable),
        };
        if !opponent.visible {
            research.fixed.extend(others.iter().cloned());
        }
        research
    }

    /// Returns the files that belong to one of the sides.
    pub fn surface_of(&self, side: Side) -> Surface {
        let opponent = self.opponent.as_ref();
        Surface::of(match side {
            Side::First => &self.mutable,
            Side::Opponent => opponent.map_or(&[], |it| &it.mutable),
        })
    }
}

impl Profile {
    /// Returns the profile as it is in a turn of that side; the same where there is only one.
    #[must_use]
    pub fn turned_to(&self, side: Side) -> Self {
        let mut profile = self.clone();
        let Some((research, opponent)) = self
            .research
            .as_ref()
            .and_then(|it| Some((it, it.opponent.as_ref()?)))
        else {
            return profile;
        };
        let turned = research.in_turn_of(side);
        let (others, idle) = match side {
            Side::First => (&opponent.mutable, &opponent.metric),
            Side::Opponent => (&research.mutable, &research.metric),
        };
        profile.scope.mutable.clone_from(&turned.mutable);
        profile.scope.fixed.extend(others.iter().cloned());
        for metric in &mut profile.metrics {
            if metric.name == turned.metric {
                metric.only_claimed = false;
            } else if metric.name == *idle {
                metric.only_claimed = true;
            }
        }
        profile.research = Some(turned);
        profile
    }
}

#[cfg(test)]
mod tests {
    use camino::Utf8Path;

    use super::*;
    use crate::config::{Inputs, resolve};

    fn profile(more: &str) -> Profile {
        let text = format!(
            "[research]\nobjective='steal'\nmetric='loot'\ndirection='maximize'\nrun='x'\nmutable=['thief/**']\nfixed=['measure.py']\n\
             target=9.0\ninner=['thief/a']\n\
             [research.opponent]\nobjective='guard'\nmetric='cost'\ndirection='minimize'\nrun='y'\nmutable=['guard/**']\nplateau=4\n{more}"
        );
        let inputs = Inputs {
            unwritten: Some((Utf8Path::new("factory.toml"), &text)),
            ..Inputs::default()
        };
        resolve(&inputs).unwrap().profile
    }

    #[test]
    fn in_its_turn_a_side_has_its_own_number_and_surface_and_the_other_is_fixed_and_hidden() {
        let profile = profile("");
        let first = profile.turned_to(Side::First);
        assert_eq!(first.scope.mutable, ["thief/**"]);
        assert_eq!(first.scope.fixed, ["measure.py", "guard/**"]);
        let research = first.research.as_ref().unwrap();
        assert_eq!(research.fixed, ["measure.py", "guard/**"]);
        assert_eq!(
            (research.metric.as_str(), research.target),
            ("loot", Some(9.0))
        );
        let other = profile.turned_to(Side::Opponent);
        assert_eq!(other.scope.mutable, ["guard/**"]);
        assert_eq!(other.scope.fixed, ["measure.py", "thief/**"]);
        let research = other.research.as_ref().unwrap();
        assert_eq!(research.fixed, ["measure.py", "thief/**"]);
        assert_eq!((research.metric.as_str(), research.target), ("cost", None));
        assert_eq!((research.plateau, research.inner.len()), (4, 0));
        let claimed =
            |it: &Profile| -> Vec<bool> { it.metrics.iter().map(|it| it.only_claimed).collect() };
        assert_eq!(claimed(&first), [false, true]);
        assert_eq!(claimed(&other), [true, false]);
    }

    #[test]
    fn a_visible_opponent_is_read_only_and_not_hidden() {
        let other = profile("visible=true").turned_to(Side::Opponent);
        assert_eq!(other.scope.fixed, ["measure.py", "thief/**"]);
        assert_eq!(other.research.unwrap().fixed, ["measure.py"]);
    }

    #[test]
    fn each_side_guards_its_own_tail() {
        let profile = profile("tail=['p95', 'failures']");
        let other = profile.turned_to(Side::Opponent);
        let guarded = |name: &str| {
            let metric = other.metrics.iter().find(|it| it.name == name);
            metric.unwrap().tail.clone()
        };
        assert_eq!(guarded("cost"), [Tail::P95, Tail::Failures]);
        assert_eq!(guarded("loot"), []);
        assert_eq!(other.research.unwrap().tail.len(), 2);
        assert!(
            profile
                .turned_to(Side::First)
                .research
                .unwrap()
                .tail
                .is_empty()
        );
    }

    #[test]
    fn each_side_has_its_files() {
        let research = profile("").research.unwrap();
        let guard = Utf8Path::new("guard/limits.toml");
        assert!(research.surface_of(Side::Opponent).has(guard));
        assert!(!research.surface_of(Side::First).has(guard));
    }
}
