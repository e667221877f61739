//! Two sides that improve in turns: when a turn ends, who comes next, and when neither can gain.
//!
//! Pure: everything is a function of the profile, the record, and what was just measured, so that a run
//! that was killed goes on in the same turn with the same counts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::{Research, Switch};
use crate::model::dimension::Direction;
use crate::model::experiment::Summary;
use crate::model::turn::{Side, Turn, TurnEnd};
use crate::model::verdict::Verdict;
use crate::search::Plateau;

/// What the profile says of one side.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::ceo) struct Rule {
    pub(in crate::ceo) metric: String,
    pub(in crate::ceo) unit: String,
    direction: Direction,
    switch: Option<Switch>,
    plateau: u32,
    has_outer: bool,
}

/// What the profile says of both.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rules {
    first: Rule,
    opponent: Rule,
}

/// What became of one turn, by the record.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Played {
    pub(in crate::ceo) turn: Turn,
    experiments: u32,
    kept: u32,
    /// The number as it was when the turn began, or in the last keep, beside its incumbent.
    pub(in crate::ceo) value: f64,
    pub(super) plateau: Plateau,
}

/// One turn, for the closing report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TurnLine {
    /// From 1, over all runs.
    pub number: u32,
    /// Whose turn.
    pub side: Side,
    /// Its number.
    pub metric: String,
    /// Its unit.
    pub unit: String,
    /// The number when the turn began, against the other side as it was then.
    pub before: f64,
    /// The number in the last keep of the turn; `before` where nothing was kept.
    pub after: f64,
    /// Its experiments.
    pub experiments: u32,
    /// Of those, kept.
    pub kept: u32,
    /// How it ended; none while it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<TurnEnd>,
}

/// What follows the end of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ceo) enum Next {
    /// The other side's turn.
    Other,
    /// The other side can gain nothing either.
    Stuck,
    /// The other side has not fallen behind: it holds.
    Holds,
}

impl Rule {
    fn of(research: &Research) -> Self {
        Self {
            metric: research.metric.clone(),
            unit: research.unit.clone(),
            direction: research.direction,
            switch: research.switch,
            plateau: research.plateau,
            has_outer: !research.inner.is_empty(),
        }
    }

    fn is_better(&self, one: f64, other: f64) -> bool {
        match self.direction {
            Direction::Minimize => one < other,
            Direction::Maximize => one > other,
        }
    }

    fn has_enough(&self, value: f64) -> bool {
        let enough = self.switch.map(|it| it.enough);
        enough.is_some_and(|it| !self.is_better(it, value))
    }

    /// Returns whether a number has not fallen behind; without thresholds, a side always wants a turn.
    pub(in crate::ceo) fn holds(&self, value: f64) -> bool {
        let again = self.switch.map(|it| it.again);
        again.is_some_and(|it| !self.is_better(it, value))
    }
}

impl Rules {
    /// Returns what both sides are told; `None` where there is only one.
    pub(in crate::ceo) fn of(research: &Research) -> Option<Self> {
        research.opponent.as_ref()?;
        Some(Self {
            first: Rule::of(&research.in_turn_of(Side::First)),
            opponent: Rule::of(&research.in_turn_of(Side::Opponent)),
        })
    }

    pub(super) fn of_side(&self, side: Side) -> &Rule {
        match side {
            Side::First => &self.first,
            Side::Opponent => &self.opponent,
        }
    }

    /// Returns the turns on record, oldest first, and the one that has begun since.
    pub(in crate::ceo) fn played<'a>(
        &self,
        history: impl IntoIterator<Item = &'a Summary>,
        begun: Option<&Turn>,
    ) -> Vec<Played> {
        let mut all: Vec<Played> = Vec::new();
        for summary in history {
            let Some(turn) = &summary.turn else {
                continue;
            };
            if is_new(&all, turn) {
                all.push(self.begin(turn));
            }
            if let Some(last) = all.last_mut() {
                last.closed(summary, &self.of_side(last.turn.side).metric);
            }
        }
        if let Some(turn) = begun.filter(|it| is_new(&all, it)) {
            all.push(self.begin(turn));
        }
        all
    }

    fn begin(&self, turn: &Turn) -> Played {
        let rule = self.of_side(turn.side);
        Played {
            turn: turn.clone(),
            experiments: 0,
            kept: 0,
            value: turn.began,
            plateau: Plateau::new(rule.plateau, rule.has_outer),
        }
    }

    /// Returns how the last turn has ended, if it has.
    pub(in crate::ceo) fn end(&self, last: &Played) -> Option<TurnEnd> {
        let mut plateau = last.plateau;
        if self.of_side(last.turn.side).has_enough(last.value) {
            Some(TurnEnd::Enough)
        } else if plateau.is_reached() && !plateau.widen() {
            Some(TurnEnd::Plateau)
        } else {
            None
        }
    }

    /// Returns what follows the end of the last turn, given the other side's number against what is there
    /// now, and the hash of the files of the side whose turn it was.
    ///
    /// A side that could gain nothing more is not asked again before its opponent has changed.
    pub(in crate::ceo) fn next(&self, played: &[Played], value: f64, files: &str) -> Next {
        let Some(last) = played.last() else {
            return Next::Other;
        };
        let other = last.turn.side.other();
        let turns = played.iter().map(|it| &it.turn);
        let ends = turns.clone().skip(1).map(|it| it.after);
        let mut former = turns.zip(ends).filter(|(it, _)| it.side == other);
        let left_off = former.next_back();
        let is_stuck = left_off.is_some_and(|(turn, end)| {
            turn.against == files && matches!(end, Some(TurnEnd::Plateau | TurnEnd::NothingLeft))
        });
        if is_stuck {
            Next::Stuck
        } else if self.of_side(other).holds(value) {
            Next::Holds
        } else {
            Next::Other
        }
    }

    /// Returns the turns as the closing report lists them.
    pub(in crate::ceo) fn lines(&self, played: &[Played], ended: Option<TurnEnd>) -> Vec<TurnLine> {
        let ends = played.iter().skip(1).map(|it| it.turn.after);
        let ends = ends.chain([ended]);
        let line = |(it, ended): (&Played, Option<TurnEnd>)| {
            let rule = self.of_side(it.turn.side);
            TurnLine {
                number: it.turn.number,
                side: it.turn.side,
                metric: rule.metric.clone(),
                unit: rule.unit.clone(),
                before: it.turn.began,
                after: it.value,
                experiments: it.experiments,
                kept: it.kept,
                ended,
            }
        };
        played.iter().zip(ends).map(line).collect()
    }
}

fn is_new(all: &[Played], turn: &Turn) -> bool {
    all.last().is_none_or(|it| it.turn.number != turn.number)
}

impl Played {
    /// Takes an experiment of the turn; what the infrastructure spoiled shows nothing.
    fn closed(&mut self, summary: &Summary, metric: &str) {
        self.experiments += 1;
        if summary.turn.as_ref().is_some_and(|it| it.wide) {
            self.plateau.widen();
        }
        if summary.verdict == Verdict::Spurious {
            return;
        }
        let is_kept = summary.verdict == Verdict::Keep && summary.landed.is_some();
        self.plateau.closed(is_kept);
        if !is_kept {
            return;
        }
        self.kept += 1;
        let effect = summary.effect.as_ref();
        if let Some(effect) = effect.filter(|it| it.metric.as_str() == metric) {
            self.value = effect.after;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::experiment::Cost;
    use crate::model::hypothesis::Category;
    use crate::model::id::ExperimentId;

    /// `loot` is maximised, enough at 10 and again below 6; `cost` is minimised, enough at 20 and again
    /// above 30; a plateau is three experiments for both.
    fn rules(more: &str) -> Rules {
        let text = format!(
            "objective='x'\nmetric='loot'\ndirection='maximize'\nrun='x'\nmutable=['a', 'b']\nplateau=3\n{more}\n\
             [opponent]\nobjective='y'\nmetric='cost'\ndirection='minimize'\nrun='y'\nmutable=['c']\nplateau=3\n"
        );
        Rules::of(&toml::from_str(&text).unwrap()).unwrap()
    }

    fn banded() -> Rules {
        let mut rules = rules("");
        let switch = |enough, again| Some(Switch { enough, again });
        rules.first.switch = switch(10.0, 6.0);
        rules.opponent.switch = switch(20.0, 30.0);
        rules
    }

    fn turn(number: u32, side: Side, began: f64, against: &str) -> Turn {
        Turn {
            number,
            side,
            began,
            against: against.to_owned(),
            after: None,
            wide: false,
        }
    }

    fn after(end: TurnEnd, turn: Turn) -> Turn {
        Turn {
            after: Some(end),
            ..turn
        }
    }

    fn closed(turn: &Turn, verdict: Verdict, value: f64) -> Summary {
        let metric = match turn.side {
            Side::First => "loot",
            Side::Opponent => "cost",
        };
        let effect = serde_json::json!({
            "metric": metric, "unit": "", "before": 0.0, "after": value, "relative": null, "interval": null
        });
        Summary {
            id: ExperimentId(1),
            finished: jiff::Timestamp::UNIX_EPOCH,
            key: "knob:a".parse().unwrap(),
            title: String::new(),
            category: Category::Explore,
            claim: "moves".to_owned(),
            verdict,
            reason: String::new(),
            effect: Some(serde_json::from_value(effect).unwrap()),
            cost: Cost::default(),
            files_hash: String::new(),
            landed: (verdict == Verdict::Keep).then(|| "1".repeat(40).parse().unwrap()),
            spent: None,
            others: Vec::new(),
            resumes: None,
            turn: Some(turn.clone()),
        }
    }

    fn kept(turn: &Turn, value: f64) -> Summary {
        closed(turn, Verdict::Keep, value)
    }

    fn lost(turn: &Turn, times: usize) -> Vec<Summary> {
        vec![closed(turn, Verdict::Revert, 999.0); times]
    }

    fn end(rules: &Rules, history: &[Summary]) -> Option<TurnEnd> {
        rules.end(rules.played(history, None).last().unwrap())
    }

    #[test]
    fn a_turn_ends_where_its_number_is_enough_or_on_a_plateau() {
        let rules = banded();
        let one = turn(1, Side::First, 5.0, "");
        assert_eq!(end(&rules, &[kept(&one, 9.9)]), None);
        assert_eq!(end(&rules, &[kept(&one, 10.0)]), Some(TurnEnd::Enough));
        assert_eq!(
            end(&rules, &lost(&one, 2)),
            None,
            "what was not kept is no number"
        );
        assert_eq!(end(&rules, &lost(&one, 3)), Some(TurnEnd::Plateau));
        let mut between = lost(&one, 2);
        between.push(kept(&one, 7.0));
        between.extend(lost(&one, 2));
        assert_eq!(end(&rules, &between), None, "a keep counts anew");
        let two = turn(2, Side::Opponent, 31.0, "");
        assert_eq!(end(&rules, &[kept(&two, 21.0)]), None);
        assert_eq!(end(&rules, &[kept(&two, 20.0)]), Some(TurnEnd::Enough));
        assert_eq!(
            end(&rules, &vec![closed(&one, Verdict::Spurious, 0.0); 9]),
            None
        );
    }

    #[test]
    fn values_inside_the_band_change_nothing_however_they_wander() {
        let rules = banded();
        let one = turn(1, Side::First, 5.0, "");
        for wandering in [6.0, 9.9, 6.1, 8.0, 9.99] {
            assert_eq!(end(&rules, &[kept(&one, wandering)]), None);
        }
        let ended = rules.played(&[kept(&one, 10.5)], None);
        for wandering in [20.0, 20.1, 25.0, 29.9, 30.0, 22.0] {
            assert_eq!(
                rules.next(&ended, wandering, "a1"),
                Next::Holds,
                "{wandering}"
            );
        }
        assert_eq!(rules.next(&ended, 30.1, "a1"), Next::Other);
    }

    #[test]
    fn without_thresholds_sides_change_on_a_plateau_alone_until_neither_gains() {
        let rules = rules("");
        let one = turn(1, Side::First, 5.0, "b1");
        let two = after(TurnEnd::Plateau, turn(2, Side::Opponent, 40.0, "a2"));
        let three = after(TurnEnd::Plateau, turn(3, Side::First, 4.0, "b2"));
        let mut history = vec![kept(&one, 1e9)];
        assert_eq!(end(&rules, &history), None, "no value is enough");
        history.extend(lost(&one, 3));
        assert_eq!(
            rules.next(&rules.played(&history, None), 40.0, "a2"),
            Next::Other
        );
        history.push(kept(&two, 30.0));
        history.extend(lost(&two, 3));
        // The first side's plateau was against another opponent: it is asked again.
        assert_eq!(
            rules.next(&rules.played(&history, None), 4.0, "b2"),
            Next::Other
        );
        history.extend(lost(&three, 3));
        // Nothing was kept in the third turn, so the second side's plateau still stands.
        assert_eq!(
            rules.next(&rules.played(&history, None), 30.0, "a2"),
            Next::Stuck
        );
        // Had something been kept, it would be another opponent.
        assert_eq!(
            rules.next(&rules.played(&history, None), 30.0, "a3"),
            Next::Other
        );
    }

    #[test]
    fn a_side_that_had_enough_is_not_stuck() {
        let rules = banded();
        let one = turn(1, Side::First, 5.0, "b1");
        let two = after(TurnEnd::Enough, turn(2, Side::Opponent, 40.0, "a2"));
        let mut history = vec![kept(&one, 11.0)];
        history.extend(lost(&two, 3));
        let played = rules.played(&history, None);
        assert_eq!(rules.next(&played, 5.0, "b1"), Next::Other);
        assert_eq!(rules.next(&played, 7.0, "b1"), Next::Holds);
    }

    #[test]
    fn a_run_that_was_killed_goes_on_with_the_same_counts() {
        let rules = rules("inner=['a']\nouter=['b']");
        let one = turn(1, Side::First, 5.0, "b1");
        let wide = Turn {
            wide: true,
            ..one.clone()
        };
        let mut history = lost(&one, 1);
        // Nothing was left on the inner surface before its plateau was there.
        history.extend(lost(&wide, 2));
        history.push(kept(&wide, 6.0));
        history.extend(lost(&one, 3));
        assert_eq!(
            end(&rules, &history),
            None,
            "the outer surface is still to be tried"
        );
        history.extend(lost(&wide, 3));
        for killed_after in 0..history.len() {
            // Whatever the run knew when it was killed, the record alone gives the same.
            let known = rules.played(&history[..=killed_after], Some(&one));
            let read = rules.played(&history[..=killed_after], None);
            assert_eq!(known, read);
        }
        assert_eq!(end(&rules, &history), Some(TurnEnd::Plateau));
        let begun = after(TurnEnd::Plateau, turn(2, Side::Opponent, 40.0, "a2"));
        let played = rules.played(&history, Some(&begun));
        assert_eq!((played.len(), played[1].value), (2, 40.0));
    }

    #[test]
    fn lines_say_how_each_turn_ended() {
        let rules = banded();
        let one = turn(1, Side::First, 5.0, "b1");
        let two = after(TurnEnd::Enough, turn(2, Side::Opponent, 40.0, "a2"));
        let mut history = vec![kept(&one, 11.0)];
        history.extend(lost(&two, 2));
        let lines = rules.lines(&rules.played(&history, None), None);
        let told: Vec<_> = lines
            .iter()
            .map(|it| {
                (
                    it.metric.as_str(),
                    it.before,
                    it.after,
                    it.experiments,
                    it.kept,
                    it.ended,
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("loot", 5.0, 11.0, 1, 1, Some(TurnEnd::Enough)),
                ("cost", 40.0, 40.0, 2, 0, None)
            ]
        );
    }
}
