//! Answers as files that other programs read.

use polars::prelude::{Column, DataFrame, PolarsResult};
use polars_io::SerWriter as _;
use polars_io::csv::write::CsvWriter;

use super::{By, Error, Estimate, Group, segment};

/// Returns groups as CSV with a header.
pub fn csv(groups: &[Group], by: &[By]) -> Result<Vec<u8>, Error> {
    let mut table = table(groups, by).map_err(Error::table("make a table of groups"))?;
    let mut bytes = Vec::new();
    CsvWriter::new(&mut bytes)
        .finish(&mut table)
        .map_err(Error::table("write a table as CSV"))?;
    Ok(bytes)
}

/// Returns groups as a Parquet file.
pub fn parquet(groups: &[Group], by: &[By]) -> Result<Vec<u8>, Error> {
    let mut table = table(groups, by).map_err(Error::table("make a table of groups"))?;
    let mut bytes = Vec::new();
    segment::write_to(&mut bytes, &mut table)?;
    Ok(bytes)
}

fn table(groups: &[Group], by: &[By]) -> PolarsResult<DataFrame> {
    let keys = by.iter().enumerate().map(|(idx, by)| {
        let texts: Vec<&str> = groups.iter().map(|it| it.key[idx].as_str()).collect();
        Column::new(by.name().into(), texts)
    });
    let counts = |name: &str, of: fn(&Group) -> u64| {
        Column::new(name.into(), groups.iter().map(of).collect::<Vec<_>>())
    };
    let numbers = |name: &str, of: fn(&Group) -> Option<f64>| {
        Column::new(name.into(), groups.iter().map(of).collect::<Vec<_>>())
    };
    let effect = |of: fn(&Estimate) -> Option<f64>| {
        groups
            .iter()
            .map(|it| it.effect.as_ref().and_then(of))
            .collect::<Vec<_>>()
    };
    let mut columns: Vec<Column> = keys.collect();
    columns.extend([
        counts("experiments", |it| it.experiments),
        counts("spurious", |it| it.spurious),
        counts("kept", |it| it.kept),
        counts("unkept", |it| it.unkept),
        numbers("keep_rate", |it| it.keep_rate.value),
        numbers("keep_rate_low", |it| it.keep_rate.low),
        numbers("keep_rate_high", |it| it.keep_rate.high),
        counts("measured", |it| it.measured),
        numbers("effect_raw", |it| it.effect_raw),
        Column::new("effect".into(), effect(|it| it.value)),
        Column::new("effect_low".into(), effect(|it| it.low)),
        Column::new("effect_high".into(), effect(|it| it.high)),
        counts("evals", |it| it.evals),
        counts("metric_runs", |it| it.metric_runs),
        numbers("seconds", |it| Some(it.seconds)),
        counts("tokens", |it| it.tokens),
        numbers("usd", |it| Some(it.usd)),
    ]);
    DataFrame::new(groups.len(), columns)
}
