//! Where evaluations and time went: by category and by how far experiments got, split by verdict.

use super::{Picture, Pictures, Reached, Tried, colour};
use crate::model::hypothesis::Category;
use crate::model::verdict::Verdict;
use crate::ui::plot::{Bar, Bars};
use crate::ui::{number, style};

/// Returns the pictures.
pub(super) fn draw(pictures: &Pictures) -> [Picture; 2] {
    [
        Picture {
            name: "evaluations.svg".to_owned(),
            svg: bars(
                pictures,
                (
                    "Where evaluations went",
                    "evaluations of a tree and runs of a metric",
                ),
                |it| it.evaluations,
                |sum| number::quantity(sum, ""),
            )
            .svg(),
        },
        Picture {
            name: "time.svg".to_owned(),
            svg: time(pictures).svg(),
        },
    ]
}

/// Returns the bars of wall time, in the unit that suits the longest.
fn time(pictures: &Pictures) -> Bars {
    let longest = rows(pictures, |it| it.seconds)
        .into_iter()
        .map(|it| it.1.iter().sum())
        .fold(0.0, f64::max);
    let (unit, length) = match longest {
        it if it >= 3.0 * 3600.0 => ("wall time, h", 3600.0),
        it if it >= 180.0 => ("wall time, min", 60.0),
        _ => ("wall time, s", 1.0),
    };
    bars(
        pictures,
        ("Where time went", unit),
        |it| it.seconds / length,
        |sum| number::duration(sum * length),
    )
}

fn bars(
    pictures: &Pictures,
    (title, label): (&str, &str),
    of: impl Fn(&Tried) -> f64,
    total: impl Fn(f64) -> String,
) -> Bars {
    let rows = rows(pictures, of);
    Bars {
        title: title.to_owned(),
        subtitle: format!("{}, by category and by how far they got", pictures.scope()),
        label: label.to_owned(),
        parts: Verdict::ALL
            .map(|it| (style::verdict_word(it).to_owned(), colour(it)))
            .to_vec(),
        rows: rows
            .into_iter()
            .map(|(name, parts)| Bar {
                total: match parts.as_slice() {
                    [] => String::new(),
                    parts => total(parts.iter().sum()),
                },
                name,
                parts,
            })
            .collect(),
        empty: "no experiment was recorded yet".to_owned(),
    }
}

/// Returns the sums for each verdict: of every category and, after a
/// gap, of every stage that an experiment reached.
fn rows(pictures: &Pictures, of: impl Fn(&Tried) -> f64) -> Vec<(String, Vec<f64>)> {
    let sum = |belongs: &dyn Fn(&Tried) -> bool| -> Vec<f64> {
        let all = || pictures.tried.iter().filter(|it| belongs(it));
        let of_verdict = |verdict| all().filter(move |it: &&Tried| it.verdict == verdict);
        Verdict::ALL
            .map(|verdict| of_verdict(verdict).map(&of).sum())
            .to_vec()
    };
    let categories = [
        (Category::Fix, "fix"),
        (Category::Exploit, "exploit"),
        (Category::Explore, "explore"),
        (Category::Combine, "combine"),
    ];
    let by_category =
        categories.map(|(category, name)| (name.to_owned(), sum(&|it| it.category == category)));
    let by_stage =
        Reached::ALL.map(|reached| (reached.name().to_owned(), sum(&|it| it.reached == reached)));
    let is_there = |row: &(String, Vec<f64>)| row.1.iter().any(|it| *it > 0.0);
    let mut rows: Vec<(String, Vec<f64>)> = by_category.into_iter().filter(is_there).collect();
    rows.push((String::new(), Vec::new()));
    rows.extend(by_stage.into_iter().filter(is_there));
    rows
}
