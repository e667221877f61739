//! Asking the archive: only the columns that a question needs are read.

use polars::prelude::{
    Column, DataFrame, DataType, Expr, IntoLazy as _, PolarsResult, SortMultipleOptions, col, len,
    lit,
};

use super::{Archive, By, Error, Estimate, Group, Query, segment};

/// The columns that every group is made of.
const COLUMNS: [&str; 10] = [
    "verdict",
    "effect",
    "shrunken",
    "evals",
    "metric_runs",
    "seconds",
    "tokens",
    "usd",
    "kept",
    "unkept",
];

/// Returns the groups of a question, those with most experiments first.
pub fn groups(archive: &Archive, query: &Query) -> Result<Vec<Group>, Error> {
    let Some(table) = read(archive, query)? else {
        return Ok(Vec::new());
    };
    let answer = || -> PolarsResult<Vec<Group>> { answers(&grouped(table, query)?, &query.by) };
    answer().map_err(Error::table("group the experiments"))
}

/// Reads what a question needs; `None` if there is nothing.
fn read(archive: &Archive, query: &Query) -> Result<Option<DataFrame>, Error> {
    let (manifest, _lock) = archive.open()?;
    let mut names: Vec<String> = COLUMNS.map(str::to_owned).to_vec();
    let mut add = |name: &str| {
        if !names.iter().any(|it| it == name) {
            names.push(name.to_owned());
        }
    };
    query.by.iter().for_each(|it| add(it.name()));
    if !query.targets.is_empty() {
        add("target");
    }
    if query.since.is_some() {
        add("time");
    }
    let mut whole: Option<DataFrame> = None;
    for segment in &manifest.segments {
        let table = segment::read(archive.dir(), segment, Some(names.clone()))?;
        match &mut whole {
            None => whole = Some(table),
            Some(whole) => {
                whole
                    .vstack_mut(&table)
                    .map_err(Error::table("join two segments"))?;
            }
        }
    }
    Ok(whole)
}

fn grouped(table: DataFrame, query: &Query) -> PolarsResult<DataFrame> {
    let mut lazy = table.lazy();
    let of_targets = query
        .targets
        .iter()
        .map(|it| col("target").eq(lit(it.as_str())));
    if let Some(of_targets) = of_targets.reduce(Expr::or) {
        lazy = lazy.filter(of_targets);
    }
    if let Some(since) = query.since {
        let time = col("time").cast(DataType::Int64);
        lazy = lazy.filter(time.gt_eq(lit(since.as_millisecond())));
    }
    let sum = |name: &str| col(name).sum();
    let count = |expr: Expr, name: &str| expr.cast(DataType::UInt64).alias(name);
    let sums = [
        count(len(), "experiments"),
        count(col("verdict").eq(lit("spurious")).sum(), "spurious"),
        count(sum("kept"), "kept"),
        count(sum("unkept"), "unkept"),
        count(col("effect").count(), "measured"),
        col("effect").mean().alias("raw"),
        count(col("shrunken").count(), "n_shrunken"),
        col("shrunken").mean().alias("shrunken"),
        col("shrunken").std(1).alias("deviation"),
        sum("evals"),
        sum("metric_runs"),
        sum("seconds"),
        sum("tokens"),
        sum("usd"),
    ];
    let keys: Vec<Expr> = query
        .by
        .iter()
        .map(|it| col(it.name()).alias(key_name(*it)))
        .collect();
    if keys.is_empty() {
        return lazy.select(sums).collect();
    }
    let mut order = vec!["experiments".to_owned()];
    order.extend(query.by.iter().map(|it| key_name(*it)));
    let mut descending = vec![false; order.len()];
    descending[0] = true;
    let options = SortMultipleOptions::default().with_order_descending_multi(descending);
    lazy.group_by(keys)
        .agg(sums)
        .collect()?
        .sort(order, options)
}

/// Returns the name of a key's column, which a sum cannot have.
fn key_name(by: By) -> String {
    format!("by_{}", by.name())
}

fn answers(table: &DataFrame, by: &[By]) -> PolarsResult<Vec<Group>> {
    let keys: Vec<Vec<String>> = by
        .iter()
        .map(|it| texts(table, &key_name(*it)))
        .collect::<PolarsResult<_>>()?;
    let counts = |name: &str| -> PolarsResult<Vec<u64>> {
        let column = table.column(name)?.u64()?;
        Ok(column.iter().map(Option::unwrap_or_default).collect())
    };
    let numbers = |name: &str| -> PolarsResult<Vec<Option<f64>>> {
        Ok(table.column(name)?.f64()?.iter().collect())
    };
    let [experiments, spurious, kept, unkept, measured, n_shrunken] = [
        "experiments",
        "spurious",
        "kept",
        "unkept",
        "measured",
        "n_shrunken",
    ]
    .map(counts);
    let [evals, metric_runs, tokens] = ["evals", "metric_runs", "tokens"].map(counts);
    let [raw, shrunken, deviation, seconds, usd] =
        ["raw", "shrunken", "deviation", "seconds", "usd"].map(numbers);
    let (experiments, spurious, kept) = (experiments?, spurious?, kept?);
    let (unkept, measured, n_shrunken) = (unkept?, measured?, n_shrunken?);
    let (evals, metric_runs, tokens) = (evals?, metric_runs?, tokens?);
    let (raw, shrunken, deviation) = (raw?, shrunken?, deviation?);
    let (seconds, usd) = (seconds?, usd?);
    let group = |idx: usize| Group {
        key: keys.iter().map(|it| it[idx].clone()).collect(),
        experiments: experiments[idx],
        spurious: spurious[idx],
        kept: kept[idx],
        unkept: unkept[idx],
        keep_rate: Estimate::share(kept[idx], experiments[idx] - spurious[idx]),
        measured: measured[idx],
        effect_raw: raw[idx],
        effect: shrunken[idx].map(|it| Estimate::mean(it, n_shrunken[idx], deviation[idx])),
        evals: evals[idx],
        metric_runs: metric_runs[idx],
        seconds: seconds[idx].unwrap_or_default(),
        tokens: tokens[idx],
        usd: usd[idx].unwrap_or_default(),
    };
    Ok((0..table.height())
        .map(group)
        .filter(|it| it.experiments > 0)
        .collect())
}

fn texts(table: &DataFrame, name: &str) -> PolarsResult<Vec<String>> {
    let column = table.column(name).and_then(Column::str)?;
    Ok(column
        .iter()
        .map(|it| it.unwrap_or_default().to_owned())
        .collect())
}
