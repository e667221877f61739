//! The number of a research run in its closing report: where it stood, where it stands, what still fails.

use crate::ceo::{FailureChange, Line, Pursued, RunReport, TurnLine};
use crate::model::turn::TurnEnd;
use crate::model::verdict::Verdict;

use super::{number, style, text};

/// Kinds of failures that are listed.
const LISTED: usize = 8;
/// Turns that are listed.
const TURNS: usize = 12;
/// A search that tries more than this is listed by what it kept.
const MANY: usize = 12;

/// Returns the experiments that the closing report lists, and how many it leaves out: of a long search,
/// those that were not kept.
pub(super) fn shown(report: &RunReport) -> (Vec<&Line>, usize) {
    let all = &report.experiments;
    let is_search = report.research.is_some() && all.len() > MANY;
    let shown: Vec<&Line> = all
        .iter()
        .filter(|it| !is_search || it.verdict == Verdict::Keep)
        .collect();
    let left_out = all.len() - shown.len();
    (shown, left_out)
}

/// Returns whether the report need not say what an experiment claims: all of them move the one number.
pub(super) fn is_only_claim(report: &RunReport, line: &Line) -> bool {
    let research = report.research.as_ref().filter(|it| it.turns.is_empty());
    research.is_some_and(|it| line.claim == format!("moves {}", it.metric))
}

/// Returns the section about the number, or about the turns of two.
pub(super) fn render(pursued: &Pursued, width: usize) -> String {
    if !pursued.turns.is_empty() {
        return turns(&pursued.turns, width);
    }
    let mut out = format!("{}\n", style::heading("The number"));
    let mut add = |words: &str| {
        let body = text::wrap(&text::harmless(words), width.saturating_sub(2), 2);
        out.push_str(&format!("  {body}\n"));
    };
    add(&values(pursued));
    if let Some(gain) = pursued.raw_gain {
        add(&format!(
            "raw gain: {} (as measured in this run's kept experiments, each beside its incumbent)",
            number::relation(gain, &pursued.unit)
        ));
    }
    if let Some(instances) = pursued.instances {
        let sum = |of: fn(&FailureChange) -> usize| pursued.failures.iter().map(of).sum::<usize>();
        let (before, after) = (sum(|it| it.before), sum(|it| it.after));
        add(&format!(
            "fall short: {} of {instances} instances",
            if before == after {
                after.to_string()
            } else {
                format!("{before} → {after}")
            }
        ));
    }
    for change in pursued.failures.iter().take(LISTED) {
        let count = if change.before == change.after {
            change.after.to_string()
        } else {
            format!("{} → {}", change.before, change.after)
        };
        add(&format!("· {count} {} ({})", change.words, change.kind));
    }
    let more = pursued.failures.len().saturating_sub(LISTED);
    if more > 0 {
        add(&format!("and {more} more kinds: --json lists them"));
    }
    out
}

/// Returns what became of each turn, oldest first; of many, the latest.
fn turns(all: &[TurnLine], width: usize) -> String {
    let mut out = format!("{}\n", style::heading("The two sides, in turns"));
    let left_out = all.len().saturating_sub(TURNS);
    if left_out > 0 {
        out.push_str(&format!(
            "  {}\n",
            style::faint(&format!("and {left_out} turns before: --json lists them"))
        ));
    }
    for turn in all.iter().skip(left_out) {
        let value = if turn.before.to_bits() == turn.after.to_bits() {
            format!("{}, as before", number::quantity(turn.after, &turn.unit))
        } else {
            number::change(turn.before, turn.after, &turn.unit)
        };
        let words = format!(
            "{} {value}; {}, {} kept: {}",
            turn.metric,
            number::count(turn.experiments as usize, "experiments"),
            turn.kept,
            ended(turn.ended)
        );
        let body = text::wrap(&text::harmless(&words), width.saturating_sub(7), 7);
        out.push_str(&format!("  {:>3}  {body}\n", turn.number));
    }
    let words = "each number is against the other side as it was in that turn; what was kept of both is on one branch";
    let words = text::wrap(words, width.saturating_sub(2), 2);
    out.push_str(&format!("  {}\n", style::faint(&words)));
    out
}

fn ended(end: Option<TurnEnd>) -> &'static str {
    match end {
        Some(TurnEnd::Enough) => "enough",
        Some(TurnEnd::Plateau) => "a plateau",
        Some(TurnEnd::NothingLeft) => "nothing left to try",
        Some(TurnEnd::OtherChanged) => "the other side was changed meanwhile",
        None => "goes on",
    }
}

fn values(pursued: &Pursued) -> String {
    let mut line = format!("{} ", pursued.metric);
    let is_still = pursued.before.to_bits() == pursued.after.to_bits();
    if is_still {
        line.push_str(&number::quantity(pursued.before, &pursued.unit));
        line.push_str(", as before");
    } else {
        line.push_str(&number::change(
            pursued.before,
            pursued.after,
            &pursued.unit,
        ));
    }
    if let Some(target) = pursued.target {
        line.push_str(&format!(
            "; target {}",
            number::quantity(target, &pursued.unit)
        ));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::dimension::Direction;

    fn sample() -> Pursued {
        Pursued {
            objective: "less".into(),
            metric: "bytes".into(),
            unit: "B".into(),
            direction: Direction::Minimize,
            target: Some(11_000.0),
            before: 16_105.0,
            before_runs: vec![16_105.0; 3],
            after: 12_000.0,
            raw_gain: Some(0.2549),
            without_keep: 3,
            is_wide: true,
            instances: Some(480),
            failures: vec![FailureChange {
                kind: "f1".into(),
                words: "wrong in rule: no … matched".into(),
                before: 41,
                after: 22,
            }],
            turns: Vec::new(),
        }
    }

    #[test]
    fn two_sides_are_told_turn_by_turn() {
        use crate::model::turn::Side;
        let turn = |number, side, (before, after), (experiments, kept), ended| TurnLine {
            number,
            side,
            metric: if side == Side::First { "loot" } else { "cost" }.into(),
            unit: "EUR".into(),
            before,
            after,
            experiments,
            kept,
            ended,
        };
        let mut sides = sample();
        sides.turns = vec![
            turn(
                1,
                Side::First,
                (310.0, 970.0),
                (9, 3),
                Some(TurnEnd::Enough),
            ),
            turn(
                2,
                Side::Opponent,
                (410.0, 160.0),
                (14, 2),
                Some(TurnEnd::Plateau),
            ),
            turn(3, Side::First, (240.0, 240.0), (1, 0), None),
        ];
        let text = anstream::adapter::strip_str(&render(&sides, 80)).to_string();
        for line in [
            "    1  loot 310 → 970 EUR; 9 experiments, 3 kept: enough\n",
            "    2  cost 410 → 160 EUR; 14 experiments, 2 kept: a plateau\n",
            "    3  loot 240 EUR, as before; 1 experiment, 0 kept: goes on\n",
        ] {
            assert!(text.contains(line), "{text}");
        }
        let first = sides.turns[0].clone();
        drop(sides.turns.splice(0..0, vec![first; TURNS]));
        let text = render(&sides, 80);
        assert!(
            text.contains("and 3 turns before: --json lists them"),
            "{text}"
        );
    }

    #[test]
    fn the_number_and_what_still_fails_are_told() {
        let text = anstream::adapter::strip_str(&render(&sample(), 80)).to_string();
        insta::assert_snapshot!(text, @"
        The number
          bytes 15.7 → 11.7 KiB; target 10.7 KiB
          raw gain: 25.5 % better (as measured in this run's kept experiments, each
          beside its incumbent)
          fall short: 41 → 22 of 480 instances
          · 41 → 22 wrong in rule: no … matched (f1)
        ");
    }

    #[test]
    fn a_number_that_did_not_move_is_told_once() {
        let mut still = sample();
        (still.after, still.raw_gain) = (still.before, None);
        let text = render(&still, 80);
        assert!(text.contains("15.7 KiB, as before"), "{text}");
        assert!(!text.contains("raw gain"), "{text}");
    }
}
