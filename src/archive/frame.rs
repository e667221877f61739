//! Rows to columns. The names and types here are what the archive's files hold.

use polars::prelude::{Column, DataFrame, DataType, PolarsResult, TimeUnit};

use super::Row;

/// Returns the rows as a table.
pub(super) fn of(rows: &[Row]) -> PolarsResult<DataFrame> {
    let texts = |name: &str, of: fn(&Row) -> &str| {
        Column::new(name.into(), rows.iter().map(of).collect::<Vec<_>>())
    };
    let maybe_texts = |name: &str, of: fn(&Row) -> Option<&str>| {
        Column::new(name.into(), rows.iter().map(of).collect::<Vec<_>>())
    };
    let numbers = |name: &str, of: fn(&Row) -> Option<f64>| {
        Column::new(name.into(), rows.iter().map(of).collect::<Vec<_>>())
    };
    let counts = |name: &str, of: fn(&Row) -> u64| {
        Column::new(name.into(), rows.iter().map(of).collect::<Vec<_>>())
    };
    let flags = |name: &str, of: fn(&Row) -> bool| {
        Column::new(name.into(), rows.iter().map(of).collect::<Vec<_>>())
    };
    let times: Vec<i64> = rows.iter().map(|it| it.time).collect();
    let ids: Vec<u32> = rows.iter().map(|it| it.id).collect();
    let pairs: Vec<Option<u32>> = rows.iter().map(|it| it.pairs).collect();
    let columns = vec![
        texts("target", |it| &it.target),
        maybe_texts("run", |it| it.run.as_deref()),
        Column::new("id".into(), ids),
        Column::new("time".into(), times)
            .cast(&DataType::Datetime(TimeUnit::Milliseconds, None))?,
        texts("week", |it| &it.week),
        texts("key", |it| &it.key),
        texts("category", |it| &it.category),
        texts("claim", |it| &it.claim),
        maybe_texts("metric", |it| it.metric.as_deref()),
        texts("verdict", |it| &it.verdict),
        texts("reason", |it| &it.reason),
        maybe_texts("backend", |it| it.backend.as_deref()),
        numbers("effect", |it| it.effect),
        numbers("effect_low", |it| it.effect_low),
        numbers("effect_high", |it| it.effect_high),
        numbers("shrunken", |it| it.shrunken),
        numbers("ln_e", |it| it.ln_e),
        Column::new("pairs".into(), pairs),
        counts("evals", |it| it.evals),
        counts("metric_runs", |it| it.metric_runs),
        numbers("seconds", |it| Some(it.seconds)),
        counts("tokens", |it| it.tokens),
        numbers("usd", |it| Some(it.usd)),
        maybe_texts("tier", |it| it.tier.as_deref()),
        flags("kept", |it| it.kept),
        flags("landed", |it| it.landed),
        flags("unkept", |it| it.unkept),
    ];
    DataFrame::new(rows.len(), columns)
}
