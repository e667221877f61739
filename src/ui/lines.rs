//! One event to one line: the terminal and the plain reporter say the same words.

use crate::model::event::RunEvent;
use crate::model::hypothesis::Hypothesis;
use crate::model::verdict::{Decision, Verdict};

use super::{number, style, text};

/// Returns the line that stays on the screen after an event, if it deserves one.
pub(super) fn lasting(event: &RunEvent, width: usize) -> Option<String> {
    let line = match event {
        RunEvent::RunStarted {
            target, incumbent, ..
        } => format!(
            "{} {target} at {}",
            style::heading("improving"),
            incumbent.short()
        ),
        RunEvent::PhaseFinished {
            phase,
            detail,
            seconds,
        } => {
            let body = text::wrap(
                &format!("{phase}: {}", text::harmless(detail)),
                width.saturating_sub(16),
                4,
            );
            format!(
                "{} {body} {}",
                style::good("✓"),
                style::faint(&number::duration(*seconds))
            )
        }
        RunEvent::Notice { text } => format!(
            "{} {}",
            style::careful("note:"),
            text::wrap(&text::harmless(text), width.saturating_sub(6), 6)
        ),
        RunEvent::ExperimentStarted {
            id, title, claim, ..
        } => format!(
            "\n{} {}",
            style::heading(&format!("#{id} {}", text::harmless(title))),
            style::faint(&format!("({claim})"))
        ),
        RunEvent::TestPlanned { .. } => {
            let body = text::wrap(&planned(event), width.saturating_sub(3), 3);
            format!("   {}", style::faint(&body))
        }
        RunEvent::ExperimentFinished {
            decision, seconds, ..
        } => finished(decision, *seconds, width),
        // Why it ended stands in the closing report, which follows.
        RunEvent::RunFinished {
            counts, seconds, ..
        } => format!("\n{} in {}", tally(counts), number::duration(*seconds)),
        RunEvent::PhaseStarted { .. }
        | RunEvent::StageStarted { .. }
        | RunEvent::PairMeasured { .. } => return None,
    };
    Some(line)
}

/// Returns what is being done now, for the line that is overwritten, or for people without a terminal.
pub(super) fn passing(event: &RunEvent) -> Option<String> {
    match event {
        RunEvent::PhaseStarted { phase, detail } => Some(join(phase, detail)),
        RunEvent::StageStarted { id, stage, detail } => {
            Some(format!("#{id} {}", join(stage, detail)))
        }
        RunEvent::PairMeasured { .. } => Some(pair(event)),
        _ => None,
    }
}

/// Returns whether the plain reporter prints this pair: the first ones, then ever fewer.
pub(super) fn is_milestone(n: u32, n_max: u32) -> bool {
    n <= 2 || n == n_max || n.is_power_of_two() || n.is_multiple_of(50)
}

/// Returns `2 kept · 1 reverted`.
pub(super) fn tally(counts: &[(Verdict, usize)]) -> String {
    let parts: Vec<String> = counts
        .iter()
        .filter(|(_, n)| *n > 0)
        .map(|(verdict, n)| format!("{n} {}", style::verdict(*verdict)))
        .collect();
    if parts.is_empty() {
        "nothing was tried".to_owned()
    } else {
        parts.join(" · ")
    }
}

/// Returns the ranked hypotheses, best first.
pub(super) fn ranking(ranked: &[Hypothesis], width: usize) -> String {
    let mut out = format!("\n{}\n", style::heading("Ranked, best first"));
    for (index, hypothesis) in ranked.iter().enumerate().take(9) {
        let title = text::harmless(&hypothesis.title);
        let line = format!("{}. {title} ({})", index + 1, hypothesis.claim.kind());
        out.push_str(&format!(
            "  {}\n",
            text::wrap(&line, width.saturating_sub(2), 5)
        ));
        let why = text::wrap(&text::harmless(&hypothesis.why), width.saturating_sub(5), 5);
        out.push_str(&format!("     {}\n", style::faint(&why)));
    }
    if ranked.len() > 9 {
        out.push_str(&format!("  and {} more\n", ranked.len() - 9));
    }
    out
}

fn finished(decision: &Decision, seconds: f64, width: usize) -> String {
    let mut out = format!("   {}", style::verdict(decision.verdict));
    let mut words = Vec::new();
    // The first reason tells the evidence; of a noisy test it lacks the values themselves.
    if let Some(effect) = &decision.effect
        && (decision.statistics.is_some() || decision.reasons.is_empty())
    {
        words.push(number::values(effect));
    }
    words.extend(decision.reasons.first().map(|it| text::harmless(it)));
    if !words.is_empty() {
        let body = text::wrap(&words.join("; "), width.saturating_sub(20), 3);
        out.push_str(&format!(": {body}"));
    }
    format!("{out} {}", style::faint(&number::duration(seconds)))
}

/// Returns what a test costs and can see.
fn planned(event: &RunEvent) -> String {
    let RunEvent::TestPlanned {
        metric,
        unit,
        n_max,
        shortened,
        delta,
        delta_share,
        seconds_null,
        seconds_keep,
        seconds_most,
        notes,
        ..
    } = event
    else {
        return String::new();
    };
    let delta = number::quantity(*delta, unit);
    let least = match delta_share {
        Some(share) => format!("{:.2} % ({delta})", 100.0 * share),
        None => delta,
    };
    let why = if *shortened {
        ", which is what the budget pays for"
    } else {
        ""
    };
    let price = format!(
        "the price of testing {}: at most {}{why}, {}; gains of {least} or more count; about {} to find no effect, {} to a keep",
        text::harmless(metric),
        number::count(*n_max as usize, "pairs"),
        number::duration(*seconds_most),
        number::duration(*seconds_null),
        number::duration(*seconds_keep),
    );
    let notes = notes.iter().map(|it| text::harmless(it));
    let told: Vec<String> = std::iter::once(price).chain(notes).collect();
    told.join("; ")
}

fn join(what: &str, detail: &str) -> String {
    if detail.is_empty() {
        what.to_owned()
    } else {
        format!("{what}: {}", text::harmless(detail))
    }
}

fn pair(event: &RunEvent) -> String {
    let RunEvent::PairMeasured {
        id,
        metric,
        unit,
        n,
        n_max,
        incumbent,
        candidate,
        e_value,
        needed,
        watched,
    } = event
    else {
        return String::new();
    };
    let values = match (incumbent, candidate) {
        (Some(before), Some(after)) => number::change(*before, *after, unit),
        _ => "a run failed".to_owned(),
    };
    // A number without noise needs no evidence beside itself.
    let evidence = if *needed > 1.0 {
        let (now, needed) = (number::e_value(*e_value), number::e_value(*needed));
        let what = if *watched {
            "likelihood of a loss"
        } else {
            "e-value"
        };
        format!(" · {what} {now} of {needed}")
    } else {
        String::new()
    };
    format!("#{id} pair {n} of at most {n_max} · {metric} {values}{evidence}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::ExperimentId;
    use crate::model::verdict::Effect;

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn a_pair_shows_both_values_and_the_evidence() {
        let event = RunEvent::PairMeasured {
            id: ExperimentId(3),
            metric: "parse".into(),
            unit: "ms".into(),
            n: 7,
            n_max: 40,
            incumbent: Some(312.0),
            candidate: Some(293.0),
            e_value: 12.34,
            needed: 100.0,
            watched: false,
        };
        assert_eq!(
            passing(&event).unwrap(),
            "#3 pair 7 of at most 40 · parse 312 → 293 ms · e-value 12.3 of 100"
        );
        assert!(lasting(&event, 80).is_none());
    }

    #[test]
    fn a_pair_of_a_number_without_noise_shows_no_evidence() {
        let event = RunEvent::PairMeasured {
            id: ExperimentId(3),
            metric: "bytes".into(),
            unit: "B".into(),
            n: 1,
            n_max: 2,
            incumbent: Some(312.0),
            candidate: Some(293.0),
            e_value: 1.0,
            needed: 1.0,
            watched: false,
        };
        let line = passing(&event).unwrap();
        assert_eq!(line, "#3 pair 1 of at most 2 · bytes 312 → 293 B");
    }

    #[test]
    fn a_finished_experiment_gives_effect_and_reason() {
        let event = RunEvent::ExperimentFinished {
            id: ExperimentId(1),
            title: "remove unused imports".into(),
            decision: Decision {
                effect: Some(Effect {
                    metric: "lint".into(),
                    unit: "findings".into(),
                    before: 12.0,
                    after: 3.0,
                    relative: Some(0.75),
                    interval: None,
                    shrunken: None,
                }),
                ..Decision::plain(Verdict::Keep, "`lint` 12 → 3 findings, confirmed")
            },
            seconds: 4.21,
        };
        assert_eq!(
            plain(&lasting(&event, 100).unwrap()),
            "   kept: `lint` 12 → 3 findings, confirmed 4.2 s"
        );
    }

    #[test]
    fn the_tally_leaves_out_what_did_not_happen() {
        let counts = [
            (Verdict::Keep, 2),
            (Verdict::Revert, 0),
            (Verdict::Vetoed, 1),
        ];
        assert_eq!(plain(&tally(&counts)), "2 kept · 1 vetoed");
        assert_eq!(tally(&[]), "nothing was tried");
    }

    #[test]
    fn the_price_is_told_in_time_and_in_the_metrics_own_unit() {
        let event = RunEvent::TestPlanned {
            id: ExperimentId(1),
            metric: "parse".into(),
            unit: "ms".into(),
            n_max: 60,
            shortened: true,
            delta: 2.1,
            delta_share: Some(0.007),
            seconds_null: 16.0,
            seconds_keep: 45.0,
            seconds_most: 7200.0,
            notes: vec!["p95 is guarded".to_owned()],
        };
        assert_eq!(
            planned(&event),
            "the price of testing parse: at most 60 pairs, which is what the budget pays for, 2 h 00 min; gains of 0.70 % (2.10 ms) or more count; about 16.0 s to find no effect, 45.0 s to a keep; p95 is guarded"
        );
    }
}
