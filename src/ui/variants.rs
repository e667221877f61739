//! The variants of one hypothesis, and how the one that was tested was chosen.

use crate::model::measurement::{Pair, Sample};
use crate::model::screening::{Screening, Variant};

use super::text::{Cell, Tint};
use super::{number, style, text};

/// Returns the variants as a table; nothing where there were none.
pub(super) fn screening(screening: Option<&Screening>, width: usize) -> String {
    let Some(it) = screening else {
        return String::new();
    };
    let rows: Vec<Vec<Cell>> = it
        .variants
        .iter()
        .map(|variant| {
            vec![
                variant.number.to_string().into(),
                text::harmless(&variant.title).into(),
                runs(variant, &it.unit).into(),
                fate(it, variant),
            ]
        })
        .collect();
    let head = format!(
        "Variants, chosen between by `{}` on {} that count for nothing else",
        it.metric,
        number::count(it.n_pairs(), "pairs")
    );
    let header = ["", "variant", "incumbent → variant", "what became of it"];
    format!(
        "\n{}\n{}",
        style::heading(&head),
        text::table(&header, &rows, &[0], width)
    )
}

fn runs(variant: &Variant, unit: &str) -> String {
    let value = |sample: &Sample| match sample.value() {
        Some(value) => number::quantity(value, unit),
        None => "failed".to_owned(),
    };
    let pair = |it: &Pair| {
        let (before, after) = (value(&it.incumbent.sample), value(&it.candidate.sample));
        format!("{before} → {after}")
    };
    let pairs: Vec<String> = variant.pairs.iter().map(pair).collect();
    pairs.join("; ")
}

fn fate(screening: &Screening, variant: &Variant) -> Cell {
    if screening.winner == Some(variant.number) {
        return Cell::tinted("tested", Tint::Good);
    }
    match &variant.out {
        Some(reason) => Cell::tinted(text::harmless(reason), Tint::Bad),
        None => "left behind".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::dimension::Direction;
    use crate::model::measurement::{Arm, Measurement, Scale};

    fn variant(number: u32, after: Option<f64>) -> Variant {
        let run = |arm, value| Measurement {
            arm,
            tree: "a".repeat(40).parse().unwrap(),
            sample: Sample::Value { value },
            seconds: 0.1,
            tail: std::collections::BTreeMap::new(),
        };
        let pair = |after| Pair {
            first: Arm::Incumbent,
            incumbent: run(Arm::Incumbent, 100.0),
            candidate: run(Arm::Candidate, after),
            instance: None,
        };
        Variant {
            number,
            key: "constant:a:CHUNK".parse().unwrap(),
            title: format!("Set CHUNK to {number}"),
            tree: Some("a".repeat(40).parse().unwrap()),
            out: after.is_none().then(|| "it does not build".to_owned()),
            pairs: after.map(pair).into_iter().collect(),
        }
    }

    #[test]
    fn each_variant_is_shown_with_its_runs_and_what_became_of_it() {
        let shown = Screening {
            metric: "parse".parse().unwrap(),
            unit: "ms".to_owned(),
            direction: Direction::Minimize,
            scale: Scale::LogRatio,
            most_pairs: 2,
            variants: vec![
                variant(1, Some(99.0)),
                variant(2, Some(80.0)),
                variant(3, None),
            ],
            winner: Some(2),
        };
        let text = anstream::adapter::strip_str(&screening(Some(&shown), 80)).to_string();
        assert!(text.lines().all(|it| it.chars().count() <= 80), "{text}");
        for words in [
            "on 2 pairs",
            "Set CHUNK to 1",
            "left behind",
            "tested",
            "it does not build",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
        assert_eq!(screening(None, 80), "");
    }
}
