//! The adapter on small trees whose commands are shell scripts.

use super::Declared;
use crate::config::{Commands, Language};
use crate::model::finding::{SuiteState, TestOutcome};
use crate::model::profile::Purpose;
use crate::toolchain::testing::{Bench, Tree};
use crate::toolchain::{Adapter as _, Outcome, Suite};

fn language(keys: &str) -> Language {
    toml::from_str(&format!("name = 'shell'\nextensions = ['.sh']\n{keys}")).unwrap()
}

fn bench(keys: &str, files: &[(&str, &str)]) -> (Declared, Bench) {
    let adapter = Declared::new(&language(keys));
    let mut files = files.to_vec();
    files.push(("a.sh", "echo a\n"));
    let bench = Bench::with(&adapter, Tree::new(&files), Commands::default());
    (adapter, bench)
}

async fn suite(keys: &str, files: &[(&str, &str)]) -> Suite {
    let (adapter, bench) = bench(keys, files);
    adapter.test(&bench.job(), None).await.unwrap()
}

fn cases(suite: &Suite) -> Vec<(&str, TestOutcome)> {
    let cases = suite.run.cases.iter();
    cases.map(|it| (it.id.as_str(), it.outcome)).collect()
}

#[test]
fn a_language_is_here_if_one_of_its_files_is() {
    let adapter = Declared::new(&language("test = 'true'\nprotected = ['t/**']\n"));
    let detect = |path: &str| {
        let tree = Tree::new(&[(path, "")]);
        adapter
            .detect(tree.root(), &tree.files(), &Commands::default())
            .0
    };
    assert!(detect("a.py").is_empty());
    let found = detect("deep/a.sh");
    assert_eq!(found[0].language.key(), "shell");
    assert_eq!(found[0].uses[&Purpose::Test], "true");
    assert_eq!(adapter.protected(), ["t/**"]);
}

#[tokio::test]
async fn outcomes_are_read_from_every_kind_of_report() {
    let (passed, failed) = (TestOutcome::Passed, TestOutcome::Failed);
    let tap = ("t.sh", "echo 1..2; echo ok 1 - a; echo not ok 2 - b\n");
    let suite_of_tap = suite("test = 'sh t.sh'\ntest_parser = 'tap'\n", &[tap]).await;
    assert_eq!(cases(&suite_of_tap), [("a", passed), ("b", failed)]);

    let junit = (
        "t.sh",
        "echo '<testsuite><testcase name=\"a\"/><testcase name=\"a\"/></testsuite>' >\"$FACTORY_BUILD_DIR/r.xml\"\n",
    );
    let keys = "test = 'sh t.sh'\ntest_parser = 'junit:$FACTORY_BUILD_DIR/r.xml'\n";
    assert_eq!(
        cases(&suite(keys, &[junit]).await),
        [("a", passed), ("a#2", passed)]
    );

    let go = (
        "t.sh",
        "echo '{\"Action\":\"run\",\"Package\":\"m\",\"Test\":\"TestA\"}'\n\
         echo '{\"Action\":\"pass\",\"Package\":\"m\",\"Test\":\"TestA\",\"Elapsed\":0.5}'\n",
    );
    let keys = "test = 'sh t.sh'\ntest_parser = 'go-json'\n";
    assert_eq!(cases(&suite(keys, &[go]).await), [("m.TestA", passed)]);

    let lines = ("t.sh", "echo 'a: PASS'; echo 'b: weird'; exit 1\n");
    let keys = "test = 'sh t.sh'\ntest_parser = 'regex:^(?P<id>\\w+): (?P<outcome>\\w+)$'\n";
    assert_eq!(
        cases(&suite(keys, &[lines]).await),
        [("a", passed), ("b", failed)]
    );

    assert_eq!(
        cases(&suite("test = 'true'\n", &[]).await),
        [("suite", passed)]
    );
    let of_false = suite("test = 'sh -c \"exit 1\"'\n", &[]).await;
    assert_eq!(cases(&of_false), [("suite", failed)]);
}

#[tokio::test]
async fn a_report_that_its_exit_status_contradicts_is_broken() {
    let liar = ("t.sh", "echo 1..1; echo ok 1 - a; exit 3\n");
    let suite_of_liar = suite("test = 'sh t.sh'\ntest_parser = 'tap'\n", &[liar]).await;
    assert!(matches!(suite_of_liar.run.state, SuiteState::Broken(_)));
    let old = ("r.xml", "<testsuite><testcase name=\"a\"/></testsuite>");
    let keys = "test = 'true'\ntest_parser = 'junit:r.xml'\n";
    let SuiteState::Broken(reason) = suite(keys, &[old]).await.run.state else {
        panic!("a report of an earlier run is no report");
    };
    assert!(reason.contains("wrote no"), "{reason}");
}

#[tokio::test]
async fn what_is_not_built_is_not_tested() {
    let keys = "build = 'sh -c \"echo no compiler >&2; exit 2\"'\ntest = 'true'\n";
    let SuiteState::DoesNotBuild(reason) = suite(keys, &[]).await.run.state else {
        panic!("the build fails");
    };
    assert!(reason.contains("no compiler"), "{reason}");
    assert_eq!(suite("", &[]).await.run.state, SuiteState::NoRunner);
}

#[tokio::test]
async fn findings_are_read_from_lines_and_from_sarif() {
    let linter = (
        "l.sh",
        "echo 'a.sh:3:7: [R1] too long'; echo talk; exit 1\n",
    );
    let keys = "lint = 'sh l.sh'\nlint_parser = 'regex:^(?P<path>[^:]+):(?P<line>\\d+):(?P<column>\\d+): \\[(?P<rule>\\w+)\\] (?P<message>.*)$'\n";
    let (adapter, lines) = bench(keys, &[linter]);
    let Outcome::Measured(found) = adapter.lint(&lines.job()).await.unwrap() else {
        panic!("the linter answers");
    };
    let finding = &found[0];
    assert_eq!(
        (finding.path.as_str(), finding.line, finding.column),
        ("a.sh", 3, 7)
    );
    assert_eq!(
        (finding.rule.as_str(), finding.message.as_str()),
        ("R1", "too long")
    );

    let log = r#"{"runs":[{"tool":{"driver":{"name":"x"}},"results":[{"ruleId":"R2","message":{"text":"bad"},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"a.sh"},"region":{"startLine":2}}}]}]}]}"#;
    let keys = "lint = 'cp log.json out.sarif'\nlint_parser = 'sarif:out.sarif'\n";
    let (adapter, sarif) = bench(keys, &[("log.json", log)]);
    let Outcome::Measured(found) = adapter.lint(&sarif.job()).await.unwrap() else {
        panic!("the linter answers");
    };
    assert_eq!((found[0].rule.as_str(), found[0].line), ("R2", 2));
}

#[tokio::test]
async fn a_linter_that_breaks_is_no_clean_bill() {
    let keys = "lint = 'sh -c \"exit 2\"'\nlint_parser = 'regex:(?P<path>x)'\n";
    let (adapter, bench) = bench(keys, &[]);
    let outcome = adapter.lint(&bench.job()).await.unwrap();
    assert!(matches!(outcome, Outcome::Failed(_)), "{outcome:?}");
}

#[tokio::test]
async fn the_formatter_gets_only_the_files_that_it_may_touch() {
    let keys = "format_check = 'grep -l ugly a.sh b.sh'\nformat = 'sed -i s/ugly/nice/'\n";
    let (adapter, bench) = bench(keys, &[("b.sh", "ugly\n")]);
    bench.tree.write("a.sh", "ugly\n");
    let Outcome::Measured(files) = adapter.unformatted(&bench.job()).await.unwrap() else {
        panic!("the check answers");
    };
    assert_eq!(files, ["a.sh", "b.sh"]);
    let allowed = |path: &camino::Utf8Path| path == "a.sh";
    let outcome = adapter.format(&bench.job(), &allowed).await.unwrap();
    assert_eq!(outcome, Outcome::Measured(1));
    assert_eq!(
        (bench.tree.read("a.sh"), bench.tree.read("b.sh")),
        ("nice\n".into(), "ugly\n".into())
    );
}

#[tokio::test]
async fn reached_lines_are_read_from_a_tracefile() {
    let trace = "SF:a.sh\nDA:1,1\nDA:2,0\nend_of_record\n";
    let keys = "coverage = 'cp trace out.info'\ncoverage_parser = 'lcov:out.info'\n";
    let (adapter, bench) = bench(keys, &[("trace", trace)]);
    let Outcome::Measured(coverage) = adapter.coverage(&bench.job()).await.unwrap() else {
        panic!("it was measured");
    };
    assert_eq!((coverage.lines, coverage.covered), (2, 1));
}
