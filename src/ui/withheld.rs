//! What a person sees of an experiment and no agent: the holdout's answer, and what leaked.

use crate::model::experiment::Experiment;
use crate::model::holdout::{HoldoutCheck, HoldoutOutcome};

use super::text;

/// Returns what is for the person alone; nothing where nothing was withheld.
pub(super) fn for_person(experiment: &Experiment, width: usize) -> String {
    let mut out = String::new();
    if let Some(check) = &experiment.holdout {
        out.push_str(&text::labelled("holdout", &holdout(check), width));
    }
    let decision = experiment.decision.iter();
    for violation in decision.flat_map(|it| &it.violations) {
        if let Some(what) = &violation.for_person {
            let place = match (&violation.path, violation.line) {
                (Some(path), Some(line)) => format!("{path}:{line}: "),
                (Some(path), None) => format!("{path}: "),
                (None, _) => String::new(),
            };
            let told = text::harmless(&format!("{place}{what}"));
            out.push_str(&text::labelled("withheld", &told, width));
        }
    }
    out
}

fn holdout(check: &HoldoutCheck) -> String {
    let losses = || {
        format!(
            "mean loss {:.4} → {:.4} over {} hidden instances, question {} to them",
            mean(&check.incumbent),
            mean(&check.candidate),
            check.incumbent.len(),
            check.query
        )
    };
    match check.outcome {
        HoldoutOutcome::Passed => format!("passed: {}", losses()),
        HoldoutOutcome::NotPassed => format!("not passed: {}", losses()),
        HoldoutOutcome::NoResult | HoldoutOutcome::NoBase => {
            let failure = check.failure.as_deref().unwrap_or("nothing was measured");
            format!("no result: {}", text::harmless(failure))
        }
        HoldoutOutcome::Retired => format!("retired after {} questions", check.query),
    }
}

fn mean(values: &[f64]) -> f64 {
    let n = u32::try_from(values.len()).unwrap_or(u32::MAX);
    values.iter().sum::<f64>() / f64::from(n.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_sees_the_losses_that_no_agent_is_told() {
        let check = HoldoutCheck {
            set: "a".to_owned(),
            query: 2,
            outcome: HoldoutOutcome::NotPassed,
            incumbent: vec![1.0, 0.0],
            candidate: vec![0.5, 0.0],
            failure: None,
        };
        assert_eq!(
            holdout(&check),
            "not passed: mean loss 0.5000 → 0.2500 over 2 hidden instances, question 2 to them"
        );
    }
}
