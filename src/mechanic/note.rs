//! The Archivist: what an experiment taught, in a paragraph, and why there are no more.

use std::fmt::Write as _;

use super::{draft, message};
use crate::model::experiment::{DimensionPair, Experiment};
use crate::model::hypothesis::Change;
use crate::model::observation::Observation;
use crate::model::verdict::{Decision, Effect, Statistics, Verdict};
use crate::model::violation::Rule;

/// Returns the note on a finished experiment: tried, measured, why it ended so, what to know next.
pub(crate) fn archive(experiment: &Experiment) -> String {
    let Some(decision) = &experiment.decision else {
        return format!("{} It was stopped before a verdict.", tried(experiment));
    };
    let sentences = [
        tried(experiment),
        measured(experiment, decision),
        ended(decision),
        next_time(experiment, decision),
    ];
    let told: Vec<String> = sentences.into_iter().filter(|it| !it.is_empty()).collect();
    told.join(" ")
}

fn tried(experiment: &Experiment) -> String {
    let hypothesis = &experiment.hypothesis;
    let title = hypothesis.title.trim_end_matches(['.', '…']);
    let size = experiment.candidate.as_ref().map(|it| it.size);
    match size {
        Some(size) => format!(
            "Tried: {title} ({} {}, +{} −{} lines).",
            size.files,
            plural(size.files as usize, "file"),
            size.added,
            size.removed
        ),
        None => format!("Tried: {title}; nothing was built."),
    }
}

fn measured(experiment: &Experiment, decision: &Decision) -> String {
    let moved: Vec<String> = experiment.dimensions.iter().filter_map(moved).collect();
    // The reason of a deterministic verdict tells the claimed values itself.
    let shows_effect = decision.statistics.is_some() || decision.reasons.is_empty();
    let mut text = match decision.effect.as_ref().filter(|_| shows_effect) {
        Some(effect) => format!("Measured: {}", of_effect(effect)),
        None if moved.is_empty() && experiment.dimensions.is_empty() => return String::new(),
        None if moved.is_empty() && decision.effect.is_some() => return String::new(),
        None if moved.is_empty() => {
            return "Measured: no deterministic dimension moved.".to_owned();
        }
        None => "Measured: ".to_owned(),
    };
    let claimed = decision.effect.as_ref().map(|it| it.metric.as_str());
    let others: Vec<String> = moved
        .into_iter()
        .filter(|it| claimed.is_none_or(|claimed| !it.starts_with(&format!("{claimed} "))))
        .collect();
    if others.is_empty() && !shows_effect && decision.effect.is_some() {
        return String::new();
    }
    if decision.effect.is_some() && shows_effect && !others.is_empty() {
        text.push_str("; ");
    }
    text.push_str(&others.join("; "));
    if let Some(statistics) = &decision.statistics {
        text.push_str(&of_statistics(statistics));
    }
    text.push('.');
    text
}

fn of_effect(effect: &Effect) -> String {
    let mut text = format!(
        "{} {} → {}{}",
        effect.metric,
        number(effect.before),
        number(effect.after),
        spaced(&effect.unit)
    );
    if let Some(relative) = effect.relative {
        let word = if relative >= 0.0 { "better" } else { "worse" };
        let percent = number((relative.abs() * 1000.0).round() / 10.0);
        // Writing to a string cannot fail.
        let _ = write!(text, " ({percent} % {word}");
        if let Some((low, high)) = effect.interval {
            let (low, high) = (number(low * 100.0), number(high * 100.0));
            let _ = write!(text, ", 95 % interval {low} to {high} %");
        }
        text.push(')');
    }
    text
}

fn of_statistics(statistics: &Statistics) -> String {
    format!(
        ", in {} {} with an e-value of {} where {} keeps",
        statistics.n_pairs,
        plural(statistics.n_pairs as usize, "pair"),
        number(statistics.ln_e.exp()),
        number(1.0 / statistics.alpha)
    )
}

/// Names a dimension's change in native units; `None` where it did not change.
fn moved(pair: &DimensionPair) -> Option<String> {
    let (before, after) = (pair.before?, pair.after?);
    let is_same = (before - after).abs() <= f64::EPSILON * before.abs().max(after.abs());
    (!is_same).then(|| {
        format!(
            "{} {} → {}{}",
            pair.name,
            number(before),
            number(after),
            spaced(&pair.unit)
        )
    })
}

fn ended(decision: &Decision) -> String {
    let verdict = match decision.verdict {
        Verdict::Keep => "Kept",
        Verdict::Revert => "Reverted",
        Verdict::Inconclusive => "Left undecided",
        Verdict::Spurious => "Not counted",
        Verdict::Vetoed => "Vetoed",
    };
    let reasons: Vec<&str> = decision
        .reasons
        .iter()
        .take(3)
        .map(String::as_str)
        .collect();
    match reasons.as_slice() {
        [] => format!("{verdict}."),
        reasons => format!("{verdict}: {}.", reasons.join("; ").trim_end_matches('.')),
    }
}

fn next_time(experiment: &Experiment, decision: &Decision) -> String {
    match decision.verdict {
        Verdict::Keep => String::new(),
        Verdict::Revert => format!(
            "Next time: not worth another try while {} as {}.",
            files(experiment).0,
            files(experiment).1
        ),
        Verdict::Inconclusive => {
            "Next time: more pairs may decide it; nothing speaks against the change.".to_owned()
        }
        Verdict::Spurious => {
            "Next time: this says nothing about the change, which is worth another try.".to_owned()
        }
        Verdict::Vetoed => after_veto(experiment, decision),
    }
}

fn after_veto(experiment: &Experiment, decision: &Decision) -> String {
    let broke = |rules: &[Rule]| {
        decision
            .violations
            .iter()
            .any(|it| rules.contains(&it.rule))
    };
    let advice = if broke(&[Rule::NoCandidate]) {
        match experiment.hypothesis.change {
            Change::Words { .. } | Change::Idea { .. } => "this takes a backend with a model",
            _ => "look at the reason above before trying it again",
        }
    } else if broke(&[Rule::DoesNotBuild, Rule::SuiteBroken, Rule::RequiredTest]) {
        match &experiment.hypothesis.change {
            Change::LintFixes { rules } if rules.len() > 1 => {
                "one of these fixes is not as safe as its tool says; they are worth trying in halves"
            }
            Change::LintFixes { .. } => {
                "this fix is not as safe here as its tool says; it takes a person or a model"
            }
            _ => "the code depends on what was changed here",
        }
    } else if broke(&[Rule::TimedOut]) {
        "the candidate took far longer than the incumbent, or hung"
    } else {
        "the same change will meet the same gate"
    };
    format!("Next time: {advice}.")
}

/// Returns the files a hypothesis names and how they should stay, as two parts of a sentence.
fn files(experiment: &Experiment) -> (String, &'static str) {
    let mut names = experiment.hypothesis.files.keys();
    match (names.next(), experiment.hypothesis.files.len()) {
        (Some(name), 1) => (format!("`{name}` stays"), "it is"),
        (Some(_), n_files) => (format!("those {n_files} files stay"), "they are"),
        (None, _) => ("the code stays".to_owned(), "it is"),
    }
}

/// Returns why there is nothing more to try, and what a model would add.
pub(crate) fn closing_remark(observations: &[Observation]) -> String {
    let mut text = "Nothing more to try: the built-in mechanic knows safe lint fixes, the \
                    project's own formatter, a catalogue of build knobs and declared parameters, \
                    and none of them has anything left to try here."
        .to_owned();
    let open = [
        left_findings(observations),
        failing_tests(observations),
        wishes(observations),
    ];
    let open: Vec<String> = open.into_iter().flatten().collect();
    if !open.is_empty() {
        let _ = write!(text, " Still open: {}.", open.join("; "));
    }
    if let Some(unsearched) = unsearched(observations) {
        let _ = write!(text, " Of what is declared, {unsearched}.");
    }
    text.push_str(&model_would_add(&open));
    text
}

/// Names the declared values that could not be searched, each with the reason.
fn unsearched(observations: &[Observation]) -> Option<String> {
    let settings = observations.iter().flat_map(|it| match it {
        Observation::Searchable { settings, .. } => settings.as_slice(),
        _ => &[],
    });
    let named: Vec<String> = settings
        .filter_map(|it| {
            let (name, file) = (draft::name_of(&it.place), &it.place.file);
            let reason = it.reason.as_deref()?;
            Some(format!("`{name}` in `{file}` is not searched: {reason}"))
        })
        .collect();
    (!named.is_empty()).then(|| named.join("; "))
}

/// Counts the findings left, those without a safe fix by their most frequent rules.
fn left_findings(observations: &[Observation]) -> Option<String> {
    let mut total = 0;
    let mut names = Vec::new();
    for observation in observations {
        if let Observation::LintFindings {
            rule,
            count,
            fixable,
            ..
        } = observation
        {
            let manual = count.saturating_sub(*fixable);
            total += manual;
            if manual > 0 {
                names.push((manual, message::name(rule)));
            }
        }
    }
    names.sort_by(|left, right| right.cmp(left));
    let most: Vec<String> = names
        .iter()
        .take(3)
        .map(|(count, name)| format!("{name} {count}"))
        .collect();
    (total > 0).then(|| {
        format!(
            "{total} {} without a safe fix ({})",
            plural(total, "finding"),
            most.join(", ")
        )
    })
}

fn failing_tests(observations: &[Observation]) -> Option<String> {
    let failing = |it: &&Observation| matches!(it, Observation::FailingTest { .. });
    match observations.iter().filter(failing).count() {
        0 => None,
        n_tests => Some(format!("{n_tests} failing {}", plural(n_tests, "test"))),
    }
}

fn wishes(observations: &[Observation]) -> Option<String> {
    let wish = |it: &&Observation| matches!(it, Observation::Wish { .. });
    match observations.iter().filter(wish).count() {
        0 => None,
        n_wishes => Some(format!("{n_wishes} {} in words", plural(n_wishes, "wish"))),
    }
}

fn model_would_add(open: &[String]) -> String {
    let what = if open.is_empty() {
        "tests for code that no test checks, and changes to the code's design"
    } else {
        "code for what is still open, tests for code that no test checks, and changes to the \
         code's design"
    };
    format!(" A backend with a model would add {what}, all measured the same way.")
}

fn plural(count: usize, noun: &str) -> String {
    match (count, noun.ends_with("sh")) {
        (1, _) => noun.to_owned(),
        (_, true) => format!("{noun}es"),
        (_, false) => format!("{noun}s"),
    }
}

fn spaced(unit: &str) -> String {
    if unit.is_empty() {
        String::new()
    } else {
        format!(" {unit}")
    }
}

/// Returns a number with four significant digits, and without zeros that say nothing.
fn number(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{value}");
    }
    let magnitude = value.abs().log10().floor();
    if !(-4.0..9.0).contains(&magnitude) {
        return format!("{value:.3e}");
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the magnitude is between -4 and 9"
    )]
    let decimals = (3.0 - magnitude).max(0.0) as usize;
    let text = format!("{value:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mechanic::draft;
    use crate::mechanic::fixtures::rule;
    use crate::model::experiment::{Candidate, DiffSize, ExperimentEvent};
    use crate::model::hypothesis::Hypothesis;
    use crate::model::id::ExperimentId;
    use crate::model::violation::Violation;

    /// Returns an experiment that ended with that decision before or after it was built.
    fn experiment(hypothesis: Hypothesis, is_built: bool, decision: Decision) -> Experiment {
        let mut experiment = Experiment::begin(&ExperimentEvent::Started {
            id: ExperimentId(1),
            run: "run".parse().unwrap(),
            at: jiff::Timestamp::UNIX_EPOCH,
            hypothesis: Box::new(hypothesis),
            incumbent: "1".repeat(40).parse().unwrap(),
            incumbent_tree: "2".repeat(40).parse().unwrap(),
            backend: "mechanic".to_owned(),
            resumes: None,
            turn: None,
        })
        .unwrap();
        experiment.candidate = is_built.then(|| Candidate {
            commit: "3".repeat(40).parse().unwrap(),
            tree: "4".repeat(40).parse().unwrap(),
            subjects: Vec::new(),
            size: DiffSize {
                files: 1,
                added: 2,
                removed: 1,
            },
            neutralised: Vec::new(),
        });
        experiment.decision = Some(decision);
        experiment
    }

    fn fixes() -> Hypothesis {
        draft::fixes(&[rule("ruff", "F401"), rule("ruff", "F541")], &[])
    }

    fn lint(before: f64, after: f64) -> DimensionPair {
        DimensionPair {
            name: "lint".to_owned(),
            unit: "findings".to_owned(),
            before: Some(before),
            after: Some(after),
            score_before: None,
            score_after: None,
        }
    }

    #[test]
    fn a_deterministic_keep_tells_native_units() {
        let decision = Decision::plain(Verdict::Keep, "lint fell on both runs");
        let mut experiment = experiment(fixes(), true, decision);
        experiment.dimensions = vec![
            lint(12.0, 3.0),
            DimensionPair {
                name: "tests".to_owned(),
                ..lint(0.0, 0.0)
            },
        ];
        assert_eq!(
            archive(&experiment),
            "Tried: Fix 2 ruff lints: F401, F541 (1 file, +2 −1 lines). Measured: lint 12 → 3 \
             findings. Kept: lint fell on both runs."
        );
    }

    #[test]
    fn a_statistical_verdict_tells_effect_and_evidence() {
        let hypothesis = draft::constant(&draft::Constant {
            file: "src/lib.rs".into(),
            name: "CHUNK",
            value: "64",
            current: Some("16"),
            why: "",
            metric: "parse_ns",
        });
        let mut hypothesis = hypothesis;
        hypothesis
            .files
            .insert("src/lib.rs".into(), "hash".to_owned());
        let mut decision = Decision::plain(Verdict::Revert, "no gain of 1 % or more");
        decision.effect = Some(Effect {
            metric: "parse_ns".to_owned(),
            unit: "ns".to_owned(),
            before: 1234.5678,
            after: 1240.0,
            relative: Some(-0.0044),
            interval: Some((-0.01, 0.002)),
            shrunken: None,
        });
        decision.statistics = Some(Statistics {
            kernel: "S".to_owned(),
            n_pairs: 20,
            ln_e: (0.25_f64).ln(),
            ln_futility: 0.0,
            alpha: 0.01,
            delta: 1.0,
            sigma: 1.0,
            mean: 0.0,
            excluded_loss_rate: 0.15,
            shrunken: None,
            path: Vec::new(),
        });
        assert_eq!(
            archive(&experiment(hypothesis, true, decision)),
            "Tried: Set CHUNK to 64 (1 file, +2 −1 lines). Measured: parse_ns 1235 → 1240 ns \
             (0.4 % worse, 95 % interval -1 to 0.2 %), in 20 pairs with an e-value of 0.25 where \
             100 keeps. Reverted: no gain of 1 % or more. Next time: not worth another try while \
             `src/lib.rs` stays as it is."
        );
    }

    #[test]
    fn a_veto_says_what_to_do_next() {
        for (hypothesis, rule, advice) in [
            (
                fixes(),
                Rule::RequiredTest,
                "they are worth trying in halves.",
            ),
            (
                draft::fixes(&[rule("ruff", "F401")], &[]),
                Rule::DoesNotBuild,
                "it takes a person or a model.",
            ),
            (
                draft::words("add a flag"),
                Rule::NoCandidate,
                "this takes a backend with a model.",
            ),
            (
                fixes(),
                Rule::Scope,
                "the same change will meet the same gate.",
            ),
        ] {
            let decision = Decision::vetoed(vec![Violation::of(rule, "why")]);
            let note = archive(&experiment(hypothesis, false, decision));
            assert!(note.contains("nothing was built"), "{note}");
            assert!(note.contains("Vetoed: "), "{note}");
            assert!(note.ends_with(advice), "{note}");
        }
    }

    #[test]
    fn the_last_word_names_what_is_open_and_what_a_model_adds() {
        let lint = |name: &str, count, fixable| Observation::LintFindings {
            rule: rule("ruff", name),
            count,
            fixable,
            places: Vec::new(),
        };
        let observations = [
            lint("E501", 5, 0),
            lint("F401", 3, 2),
            Observation::FailingTest { id: "a".to_owned() },
            Observation::Wish {
                text: "x".to_owned(),
                source: "backlog".to_owned(),
            },
        ];
        let remark = closing_remark(&observations);
        assert!(
            remark.contains(
                "Still open: 6 findings without a safe fix (ruff E501 5, ruff F401 1); \
                 1 failing test; 1 wish in words."
            ),
            "{remark}"
        );
        assert!(remark.ends_with("all measured the same way."), "{remark}");
        assert!(!closing_remark(&[]).contains("Still open"));
    }

    #[test]
    fn numbers_say_four_digits_and_no_more() {
        for (value, text) in [
            (0.0, "0"),
            (12.0, "12"),
            (1234.5678, "1235"),
            (0.012_345_6, "0.01235"),
            (99.96, "99.96"),
            (-2.5, "-2.5"),
            (1e12, "1.000e12"),
        ] {
            assert_eq!(number(value), text);
        }
    }
}
