//! One dimension of a tree measured again, with nothing that it does not need.
//!
//! A claim about findings is confirmed by counting them once more on both arms: the suite, which ran in
//! the candidate's own evaluation, has no part in that number, and is by far the slowest thing here.

use super::bench::Bench;
use super::dimensions::Draft;
use super::{Depth, growth, hygiene};
use crate::process::Error;

/// A dimension that can be measured alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// How the suite ends.
    Tests,
    /// What linters find.
    Lint,
    /// What type checkers find.
    Types,
    /// The lines that no test reaches.
    Coverage,
    /// The project's own checks.
    Guards,
    /// Manifests and lock files.
    Config,
    /// Failure paths that tell nobody.
    Observability,
}

impl Depth {
    /// Returns how to measure the dimension of that name once more; one that is not known to stand
    /// alone is measured with all others.
    pub fn again(name: &str) -> Self {
        let part = match name {
            "tests" => Part::Tests,
            "lint" => Part::Lint,
            "types" => Part::Types,
            "coverage" => Part::Coverage,
            hygiene::GUARDS => Part::Guards,
            "config" => Part::Config,
            "observability" => Part::Observability,
            _ => return Self::Decisive,
        };
        Self::Only(part)
    }
}

/// Measures one dimension.
pub(super) async fn measure(bench: &Bench<'_>, part: Part, draft: &mut Draft) -> Result<(), Error> {
    match part {
        Part::Tests => hygiene::tests(bench, draft).await,
        Part::Lint => hygiene::lint(bench, draft).await,
        Part::Types => hygiene::types(bench, draft).await,
        Part::Coverage => hygiene::coverage(bench, draft).await,
        Part::Guards => hygiene::guards(bench, draft).await,
        Part::Config => hygiene::config(bench, draft).await,
        Part::Observability => {
            growth::observability(bench, draft);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::eval::testing::Fixture;

    #[tokio::test]
    async fn a_dimension_alone_is_what_it_is_among_all_and_runs_no_suite() {
        let fixture = Fixture::with_code();
        let whole = fixture.decisive().await;
        let runs = fixture.suite_runs.load(Ordering::Relaxed);
        for name in ["lint", "types", "config", "observability", hygiene::GUARDS] {
            let alone = fixture.evaluate(Depth::again(name), |_| {}).await;
            assert_eq!(alone.dimension(name), whole.dimension(name), "{name}");
            assert_eq!(alone.dimensions.len(), 1, "{name}");
        }
        assert_eq!(fixture.suite_runs.load(Ordering::Relaxed), runs);
        for name in ["tests", "coverage"] {
            let alone = fixture.evaluate(Depth::again(name), |_| {}).await;
            assert_eq!(alone.dimension(name), whole.dimension(name), "{name}");
        }
    }

    #[test]
    fn what_cannot_stand_alone_is_measured_with_the_others() {
        assert_eq!(Depth::again("tests per second"), Depth::Decisive);
    }
}
