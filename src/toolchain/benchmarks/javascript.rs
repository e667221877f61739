//! Files of `vitest bench`.

use camino::Utf8Path;

use super::{Place, metric, quoted};
use crate::config::ProposedMetrics;

/// Returns one metric over the benchmarks of a package that uses vitest.
pub(super) fn find(place: &Place<'_>) -> ProposedMetrics {
    let mut found = ProposedMetrics::default();
    let manifest = place.project.root.join("package.json");
    let package: serde_json::Value = place
        .read(&manifest)
        .and_then(|it| serde_json::from_str(&it).ok())
        .unwrap_or_default();
    let is_bench = |it: &Utf8Path| {
        let stem = it.file_stem().map(Utf8Path::new);
        matches!(
            it.extension(),
            Some("js" | "mjs" | "cjs" | "ts" | "mts" | "cts" | "jsx" | "tsx")
        ) && matches!(
            stem.and_then(Utf8Path::extension),
            Some("bench" | "benchmark")
        )
    };
    let has_benches = place.own_files().any(|it| is_bench(it));
    let uses_vitest = ["devDependencies", "dependencies"]
        .iter()
        .any(|it| package[it].get("vitest").is_some());
    if has_benches && uses_vitest {
        let vitest = place
            .tool_line("vitest")
            .unwrap_or_else(|| "npx --no-install vitest".to_owned());
        let folder = match place.project.root.as_str() {
            "" => String::new(),
            dir => format!(" --root {}", quoted(dir)),
        };
        let run = format!("{vitest} bench --run{folder} --outputJson /dev/stdout");
        found
            .metrics
            .push(metric("vitest", None, run, "vitest-bench"));
    } else if package["scripts"].get("bench").is_some() {
        found.notes.push(format!(
            "the script `bench` of `{manifest}` prints what only a person can read: make it print `METRIC name=value` and declare it"
        ));
    }
    found
}
