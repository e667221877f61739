//! The record: history as a table, one experiment as a page.

use crate::model::audit::{AuditOutcome, Standing};
use crate::model::experiment::{Candidate, DimensionPair, Experiment, Summary};
use crate::model::hypothesis::Claim;
use crate::model::id::ExperimentId;
use crate::model::measurement::{Evidence, TestPlan};
use crate::model::turn::Side;
use crate::model::verdict::{Statistics, Verdict};

use super::document::{History, Replay, ReplayedAudit, Shown};
use super::text::{Cell, Tint};
use super::{lines, number, style, text};

/// Returns the history as text.
pub fn history(history: &History, width: usize) -> String {
    if history.experiments.is_empty() {
        return "no experiments yet; `factory ceo` runs some\n".to_owned();
    }
    let rows: Vec<Vec<Cell>> = history
        .experiments
        .iter()
        .map(|it| history_row(it, history.unkept.contains(&it.id)))
        .collect();
    let mut out = text::table(
        &["id", "when", "verdict", "hypothesis", "effect or reason"],
        &rows,
        &[0, 1, 2],
        width,
    );
    let counts: Vec<(Verdict, usize)> = history
        .by_verdict
        .iter()
        .map(|(verdict, n)| (*verdict, *n as usize))
        .collect();
    out.push_str(&format!(
        "{} of {}: {}\n",
        history.experiments.len(),
        number::count(history.total as usize, "experiments"),
        lines::tally(&counts)
    ));
    out
}

/// Returns the page of one experiment.
pub fn show(shown: &Shown, width: usize) -> String {
    let it = &shown.experiment;
    let mut out = format!(
        "{}\n",
        style::heading(&format!(
            "#{} {}",
            it.id,
            text::harmless(&it.hypothesis.title)
        ))
    );
    let mut field = |label: &str, value: &str| {
        out.push_str(&text::labelled(label, &text::harmless(value), width));
    };
    field("verdict", &verdict_line(it));
    field("why tried", &it.hypothesis.why);
    field("claim", &claim(&it.hypothesis.claim));
    field("key", it.hypothesis.key.as_str());
    field("incumbent", it.incumbent.as_str());
    if let Some(candidate) = &it.candidate {
        built(candidate, &mut field);
    }
    if let Some(original) = it.resumes {
        field(
            "goes on with",
            &format!("#{original}, all of whose pairs count here"),
        );
    }
    if let Some(turn) = &it.turn {
        let side = match turn.side {
            Side::First => "the first side's",
            Side::Opponent => "the opponent's",
        };
        let words = format!("{}, {side}; the other side stays as it is", turn.number);
        field("turn", &words);
    }
    if let Some(check) = &it.landing {
        field(
            "checked on",
            &format!("{}, which was kept meanwhile", check.onto),
        );
    }
    if let Some(landed) = &it.landed {
        field("landed", landed.as_str());
    }
    field(
        "backend",
        &format!(
            "{}, isolation {}",
            it.backend,
            it.sandbox
                .as_ref()
                .map_or_else(|| "none".to_owned(), |it| format!("{:?}", it.tier))
        ),
    );
    field(
        "cost",
        &format!(
            "{}, {}, {}",
            number::duration(it.cost.seconds),
            number::count(it.cost.evals as usize, "evaluations"),
            number::count(it.cost.metric_runs as usize, "metric runs")
        ),
    );
    out.push_str(&reasons(it, width));
    out.push_str(&super::withheld::for_person(it, width));
    out.push_str(&dimensions(&it.dimensions, width));
    out.push_str(&super::variants::screening(it.screening.as_ref(), width));
    out.push_str(&evidence(it, width));
    out.push_str(&afterwards(shown, width));
    out
}

/// Tells what was built.
fn built(candidate: &Candidate, field: &mut dyn FnMut(&str, &str)) {
    let size = &candidate.size;
    field(
        "candidate",
        &format!(
            "{} (+{} −{} lines in {})",
            candidate.commit,
            size.added,
            size.removed,
            number::count(size.files as usize, "files")
        ),
    );
    for subject in &candidate.subjects {
        field("", subject);
    }
    for path in &candidate.neutralised {
        field("put back", path);
    }
}

/// Returns what was said about an experiment once it was closed: its note, audits, and people's words.
fn afterwards(shown: &Shown, width: usize) -> String {
    let it = &shown.experiment;
    let mut out = String::new();
    if !it.note.is_empty() {
        out.push_str(&format!(
            "\n{}\n",
            text::wrap(&text::harmless(&it.note), width, 0)
        ));
    }
    for (audit, found) in &shown.audits {
        let words = standing(*found);
        out.push_str(&format!(
            "{} {words}\n",
            style::careful(&format!("audit {audit}:"))
        ));
    }
    for rejection in &shown.rejections {
        out.push_str(&format!(
            "{} {}\n",
            style::bad("rejected by a person:"),
            text::harmless(&rejection.because)
        ));
    }
    out
}

/// Returns the comparison of a stored and a recomputed verdict.
pub fn replay(replay: &Replay, width: usize) -> String {
    let verdict = if replay.agrees {
        style::good("agrees")
    } else {
        style::bad("DISAGREES")
    };
    let mut out = format!("{} {verdict}\n", style::heading(&format!("#{}", replay.id)));
    out.push_str(&text::labelled(
        "stored",
        &decision_line(&replay.stored),
        width,
    ));
    if let Some(recomputed) = &replay.recomputed {
        out.push_str(&text::labelled(
            "recomputed",
            &decision_line(recomputed),
            width,
        ));
    }
    if let Some(remeasured) = &replay.remeasured {
        out.push_str(&text::labelled(
            "measured again",
            &decision_line(remeasured),
            width,
        ));
        if let Some(reason) = remeasured.reasons.first() {
            out.push_str(&text::labelled("", &text::harmless(reason), width));
        }
    }
    out.push_str(&format!("{}\n", text::wrap(&replay.detail, width, 0)));
    out
}

/// Returns an audit beside what its samples say.
pub fn replayed_audit(replayed: &ReplayedAudit, width: usize) -> String {
    let audit = &replayed.audit;
    let verdict = if replayed.agrees {
        style::good("agrees")
    } else {
        style::bad("DISAGREES")
    };
    let title = format!("audit {} of `{}`", audit.id, audit.metric);
    let mut out = format!("{} {verdict}\n", style::heading(&title));
    let outcome = match audit.outcome {
        AuditOutcome::Confirmed => "what was claimed is there",
        AuditOutcome::Unconfirmed => "what was claimed is neither shown nor ruled out",
        AuditOutcome::Alarm => "what was claimed is ruled out",
    };
    out.push_str(&text::labelled("found", outcome, width));
    for it in &audit.retested {
        let words = format!("{}: {}", standing(it.standing), text::harmless(&it.detail));
        out.push_str(&text::labelled(
            &format!("#{}", it.experiment),
            &words,
            width,
        ));
    }
    out.push_str(&format!("{}\n", text::wrap(&replayed.detail, width, 0)));
    out
}

fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Confirmed => "its gain is there",
        Standing::Unconfirmed => "neither confirmed nor ruled out",
        Standing::Unkept => "its effect is ruled out, and it was taken out again",
        Standing::InPlace => "its effect is ruled out, and it could not be taken out",
    }
}

fn decision_line(decision: &crate::model::verdict::Decision) -> String {
    let statistics = decision.statistics.as_ref().map_or_else(String::new, |it| {
        format!(
            ", e-value {} after {}",
            number::e_value(it.ln_e.exp()),
            number::count(it.n_pairs as usize, "pairs")
        )
    });
    format!("{}{statistics}", style::verdict_word(decision.verdict))
}

fn history_row(summary: &Summary, is_unkept: bool) -> Vec<Cell> {
    let tint = match summary.verdict {
        Verdict::Keep => Tint::Good,
        Verdict::Revert | Verdict::Vetoed => Tint::Bad,
        Verdict::Inconclusive | Verdict::Spurious => Tint::Careful,
    };
    let outcome = match (&summary.effect, summary.verdict) {
        (Some(effect), Verdict::Keep) if is_unkept => {
            format!("taken out again by an audit; {}", number::effect(effect))
        }
        (Some(effect), Verdict::Keep) => number::effect(effect),
        _ => text::harmless(&summary.reason),
    };
    vec![
        format!("#{}", summary.id).into(),
        summary
            .finished
            .strftime("%Y-%m-%d %H:%M")
            .to_string()
            .into(),
        Cell::tinted(style::verdict_word(summary.verdict), tint),
        text::harmless(&summary.title).into(),
        outcome.into(),
    ]
}

fn verdict_line(experiment: &Experiment) -> String {
    match &experiment.decision {
        Some(decision) => style::verdict_word(decision.verdict).to_owned(),
        None => format!("none yet: stopped at `{}`", experiment.stage),
    }
}

fn claim(claim: &Claim) -> String {
    match claim {
        Claim::Moves {
            metric,
            delta: Some(delta),
        } => format!("moves {metric} by at least {delta}"),
        Claim::Moves {
            metric,
            delta: None,
        } => format!("moves {metric}"),
        Claim::Meets { checks } => format!("meets {}", checks.join(", ")),
        Claim::Keeps => "keeps: nothing gets worse".to_owned(),
        Claim::Maintains => "maintains: the tests judge as before".to_owned(),
    }
}

fn reasons(experiment: &Experiment, width: usize) -> String {
    let Some(decision) = &experiment.decision else {
        return String::new();
    };
    let mut out = format!("\n{}\n", style::heading("Why"));
    for reason in &decision.reasons {
        out.push_str(&text::bullet(&text::harmless(reason), width));
    }
    // The reasons of a deterministic verdict tell its values themselves.
    if let Some(effect) = &decision.effect
        && (decision.statistics.is_some() || decision.reasons.is_empty())
    {
        out.push_str(&text::bullet(&number::effect(effect), width));
    }
    out
}

fn dimensions(pairs: &[DimensionPair], width: usize) -> String {
    if pairs.is_empty() {
        return String::new();
    }
    let value = |value: Option<f64>, unit: &str| {
        value.map_or_else(|| "–".to_owned(), |it| number::quantity(it, unit))
    };
    let has_moved =
        |it: &&DimensionPair| it.before != it.after || it.score_before != it.score_after;
    let (moved, same): (Vec<_>, Vec<_>) = pairs.iter().partition(has_moved);
    let rows: Vec<Vec<Cell>> = moved
        .iter()
        .map(|pair| {
            vec![
                pair.name.as_str().into(),
                value(pair.before, &pair.unit).into(),
                value(pair.after, &pair.unit).into(),
                number::score(pair.score_before).into(),
                number::score(pair.score_after).into(),
            ]
        })
        .collect();
    let mut out = String::from("\n");
    if !rows.is_empty() {
        let header = [
            "dimension",
            "before",
            "after",
            "score before",
            "score after",
        ];
        out.push_str(&text::table(&header, &rows, &[], width));
    }
    let unchanged = |it: &&&DimensionPair| it.before.is_some() || it.score_before.is_some();
    let unchanged: Vec<String> = same
        .iter()
        .filter(unchanged)
        .map(|it| format!("{} {}", it.name, value(it.before, &it.unit)))
        .collect();
    if !unchanged.is_empty() {
        out.push_str(&text::labelled("unchanged", &unchanged.join(", "), width));
    }
    out
}

fn evidence(experiment: &Experiment, width: usize) -> String {
    let mut out = String::new();
    if let Some(evidence) = &experiment.evidence {
        let statistics = experiment.decision.as_ref();
        let statistics = statistics.and_then(|it| it.statistics.as_ref());
        let heading = style::heading("Evidence");
        out.push_str(&format!("\n{heading}\n"));
        out.push_str(&samples(experiment.id, evidence, statistics, width));
    }
    for other in &experiment.others {
        let heading = format!("Held to {} too", other.metric);
        out.push_str(&format!("\n{}\n", style::heading(&heading)));
        out.push_str(&samples(experiment.id, other, None, width));
    }
    out
}

fn samples(
    id: ExperimentId,
    evidence: &Evidence,
    statistics: Option<&Statistics>,
    width: usize,
) -> String {
    let mut out = text::labelled("test", &plan(&evidence.plan), width);
    out.push_str(&text::labelled(
        "raw samples",
        &format!(
            "{} of `{}` stored; `factory replay {id}` computes the verdict again",
            number::count(evidence.pairs.len(), "pairs"),
            evidence.metric,
        ),
        width,
    ));
    if let Some(statistics) = statistics {
        out.push_str(&statistics_lines(statistics, width));
    }
    out.push_str(&pairs(evidence));
    out
}

fn plan(plan: &TestPlan) -> String {
    match plan {
        TestPlan::Deterministic { delta, n_rep, .. } => format!(
            "deterministic: both arms measured and confirmed; differences from {delta} count ({n_rep} comparisons of this metric so far)"
        ),
        TestPlan::SignBetting(plan) => format!(
            "sign betting on randomised pairs, α = {} for this experiment, δ = {:.4}, at most {}",
            plan.alpha,
            plan.delta,
            number::count(plan.n_max as usize, "pairs")
        ),
        TestPlan::Bounded(plan) => format!(
            "betting on the scores of instances, α = {} for this experiment, δ = {:.4}, at most {}, a look after every {}",
            plan.alpha,
            plan.delta,
            number::count(plan.n_max as usize, "instances"),
            plan.look_every
        ),
        TestPlan::Watch(plan) => format!(
            "watched for a loss of {:.4} on randomised pairs, at most {}",
            plan.epsilon,
            number::count(plan.n_pairs as usize, "pairs")
        ),
    }
}

fn statistics_lines(it: &Statistics, width: usize) -> String {
    let mut out = text::labelled(
        "e-value",
        &format!(
            "{} after {}; {} keeps",
            number::e_value(it.ln_e.exp()),
            number::count(it.n_pairs as usize, "pairs"),
            number::e_value(1.0 / it.alpha)
        ),
        width,
    );
    if !it.path.is_empty() {
        let room = width.saturating_sub(13).min(60);
        out.push_str(&text::labelled(
            "its path",
            &sparkline(&it.path, room),
            width,
        ));
    }
    if it.excluded_loss_rate < 1.0 {
        let excluded = format!(
            "losses in more than {:.0} % of runs",
            it.excluded_loss_rate * 100.0
        );
        out.push_str(&text::labelled("excluded", &excluded, width));
    }
    out
}

/// Returns values as a row of bars, from the smallest to the largest of them.
fn sparkline(values: &[f64], width: usize) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let step = values.len().div_ceil(width.max(1)).max(1);
    let shown: Vec<f64> = values.iter().rev().step_by(step).rev().copied().collect();
    let low = shown.iter().copied().fold(f64::INFINITY, f64::min);
    let high = shown.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let range = (high - low).max(f64::EPSILON);
    shown
        .iter()
        .map(|value| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "scaled to 0..=7; a NaN becomes 0"
            )]
            let height = ((value - low) / range * 7.0).round() as usize;
            BARS[height.min(7)]
        })
        .collect()
}

fn pairs(evidence: &Evidence) -> String {
    let mut out = String::new();
    for (index, pair) in evidence.pairs.iter().enumerate().take(5) {
        let value = |sample: &crate::model::measurement::Sample| match sample.value() {
            Some(value) => number::quantity(value, &evidence.unit),
            None => "failed".to_owned(),
        };
        out.push_str(&format!(
            "  pair {:<4} {} → {}\n",
            index + 1,
            value(&pair.incumbent.sample),
            value(&pair.candidate.sample)
        ));
    }
    if evidence.pairs.len() > 5 {
        out.push_str(&format!(
            "  and {} more; `--json` has all\n",
            evidence.pairs.len() - 5
        ));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixtures;
    use crate::model::hypothesis::Category;
    use crate::model::verdict::Effect;

    fn summary(id: u32, verdict: Verdict) -> Summary {
        Summary {
            finished: "2026-03-01T10:00:00Z".parse().unwrap(),
            key: "ruff:F401".parse().unwrap(),
            title: "Remove unused imports".into(),
            category: Category::Fix,
            reason: "a required test failed".into(),
            effect: Some(Effect {
                metric: "lint".into(),
                unit: "findings".into(),
                before: 12.0,
                after: 3.0,
                relative: Some(0.75),
                interval: None,
                shrunken: None,
            }),
            ..fixtures::summary(id, verdict)
        }
    }

    #[test]
    fn history_shows_effects_of_keeps_and_reasons_of_the_rest() {
        let history_document = History {
            schema: "factory.history/1".into(),
            total: 12,
            by_verdict: [(Verdict::Keep, 1), (Verdict::Vetoed, 11)].into(),
            experiments: vec![summary(12, Verdict::Keep), summary(11, Verdict::Vetoed)],
            unkept: std::collections::BTreeSet::new(),
        };
        let text = anstream::adapter::strip_str(&history(&history_document, 80)).to_string();
        assert!(text.lines().all(|it| it.chars().count() <= 80), "{text}");
        insta::assert_snapshot!(text, @r#"
        id   when              verdict  hypothesis             effect or reason
        #12  2026-03-01 10:00  kept     Remove unused imports  lint 12 → 3 findings,
                                                               75.0 % better
        #11  2026-03-01 10:00  vetoed   Remove unused imports  a required test failed
        2 of 12 experiments: 1 kept · 11 vetoed
        "#);
    }

    #[test]
    fn a_sparkline_rises_with_its_values_and_keeps_the_last() {
        assert_eq!(sparkline(&[0.0, 1.0, 2.0], 10), "▁▅█");
        assert_eq!(sparkline(&[1.0], 10), "▁");
        assert!(sparkline(&vec![1.0; 500], 60).chars().count() <= 60);
        assert_eq!(sparkline(&[f64::NAN, 1.0], 4).chars().count(), 2);
    }
}
