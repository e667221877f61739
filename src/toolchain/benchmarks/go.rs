//! `func BenchmarkName(b *testing.B)` in the tests of a Go package.

use std::collections::BTreeSet;

use camino::Utf8Path;

use super::{Place, metric, quoted};
use crate::config::ProposedMetrics;

/// Returns a metric for each package that has benchmarks.
pub(super) fn find(place: &Place<'_>) -> ProposedMetrics {
    let mut found = ProposedMetrics::default();
    let packages: BTreeSet<&Utf8Path> = place
        .own_files()
        .filter(|it| it.as_str().ends_with("_test.go"))
        .filter(|it| place.read(it).is_some_and(|it| has_benchmark(&it)))
        .filter_map(|it| it.parent())
        .filter(|it| {
            !it.components()
                .any(|it| matches!(it.as_str(), "testdata" | "vendor"))
        })
        .collect();
    // Commands run at the root, and `go test` only reaches packages of the module it stands in.
    if !place.project.root.as_str().is_empty() {
        found.notes.extend(
            packages.iter().map(|it| {
                format!("the benchmarks in `{it}` are of a module that is not at the root")
            }),
        );
        return found;
    }
    for package in packages {
        let folder = quoted(&format!("./{package}"));
        let name = match package.as_str() {
            "" => "go",
            path => path,
        };
        found.metrics.push(metric(
            name,
            Some(format!("go test -count 1 -run '^$' {folder}")),
            format!("go test -count 1 -run '^$' -bench . -benchtime 50ms {folder}"),
            "go-bench",
        ));
    }
    found
}

fn has_benchmark(source: &str) -> bool {
    source.lines().any(|line| {
        line.strip_prefix("func Benchmark")
            .is_some_and(|it| it.contains("testing.B"))
    })
}
