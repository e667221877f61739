//! The adapter on small real modules, with the real go.

use super::Go;
use crate::config::Commands;
use crate::model::finding::{SuiteState, TestOutcome, TestRun};
use crate::model::hypothesis::LintRule;
use crate::model::profile::{LanguageName, Purpose};
use crate::toolchain::testing::{Bench, Tree, has_go};
use crate::toolchain::{Adapter as _, Origin, Outcome, Suite};

const MANIFEST: &str = "module example.com/m\n\ngo 1.18\n";
const SOURCE: &str = "package m\n\n// One is one.\nfunc One() int {\n\treturn 1\n}\n";

/// A module; `None` skips.
fn bench(files: &[(&str, &str)]) -> Option<Bench> {
    let mut files = files.to_vec();
    if !files.iter().any(|it| it.0 == "go.mod") {
        files.push(("go.mod", MANIFEST));
    }
    has_go().then(|| Bench::new(LanguageName::Go, &files, Commands::default()))
}

/// Runs the suite of a module; `None` skips.
async fn suite(files: &[(&str, &str)]) -> Option<Suite> {
    let bench = bench(files)?;
    Some(Go.test(&bench.job(), None).await.unwrap())
}

fn cases(run: &TestRun) -> Vec<(&str, TestOutcome)> {
    let cases = run.cases.iter();
    cases.map(|it| (it.id.as_str(), it.outcome)).collect()
}

fn tests(body: &str) -> String {
    format!(
        "package m\n\nimport (\n\t\"fmt\"\n\t\"os\"\n\t\"testing\"\n)\n\nvar _ = fmt.Sprint\nvar _ = os.Args\n\n{body}"
    )
}

#[tokio::test]
async fn every_kind_of_test_is_found_with_its_outcome() {
    let source = tests(
        "func TestHolds(t *testing.T) { fmt.Print(\"no newline\") }\n\
         func TestFails(t *testing.T) { t.Error(\"bad thing\") }\n\
         func TestSkipped(t *testing.T) { t.Skip(\"slow\") }\n\
         func TestForged(t *testing.T) { fmt.Println(\"--- PASS: TestForged (0.00s)\"); t.Fail() }\n\
         func TestSub(t *testing.T) {\n\tfmt.Print(\"glued\")\n\
         \tt.Run(\"a b\", func(t *testing.T) { fmt.Print(\"x\") })\n\
         \tt.Run(\"c\", func(t *testing.T) { t.Fatal(\"worse\") })\n}\n\
         func ExampleOne() {\n\tfmt.Println(One())\n\t// Output: 1\n}\n\
         func FuzzOne(f *testing.F) {\n\tf.Add(1)\n\tf.Fuzz(func(t *testing.T, n int) {})\n}\n",
    );
    let other = "package sub\n\nimport \"testing\"\n\nfunc TestOther(t *testing.T) {}\n";
    let Some(bench) = bench(&[
        ("a.go", SOURCE),
        ("a_test.go", &source),
        ("in/sub/s_test.go", other),
        ("none/n.go", "package none\n"),
    ]) else {
        return;
    };
    let suite = Go.test(&bench.job(), None).await.unwrap();
    assert_eq!(suite.run.state, SuiteState::Completed);
    assert_eq!(suite.origin, Origin::Tree);
    let (passed, failed) = (TestOutcome::Passed, TestOutcome::Failed);
    assert_eq!(
        cases(&suite.run),
        [
            ("ExampleOne", passed),
            ("FuzzOne", passed),
            ("FuzzOne/seed#0", passed),
            ("TestFails", failed),
            ("TestForged", failed),
            ("TestHolds", passed),
            ("TestSkipped", TestOutcome::Skipped),
            ("TestSub", failed),
            ("TestSub/a_b", passed),
            ("TestSub/c", failed),
            ("in/sub.TestOther", passed),
        ]
    );
    assert_eq!(suite.reasons["TestFails"], "bad thing");

    let only = ["TestSub/a_b", "in/sub.TestOther"].map(str::to_owned);
    let suite = Go.test(&bench.job(), Some(&only)).await.unwrap();
    assert_eq!(
        cases(&suite.run),
        [("TestSub/a_b", passed), ("in/sub.TestOther", passed)]
    );
    let times = Go.test_times(&bench.job()).await.unwrap();
    assert!(times.iter().any(|it| it.0 == "TestHolds"), "{times:?}");
    let left: Vec<_> = bench.tree.files();
    assert_eq!(left.len(), 5, "nothing is written into the tree: {left:?}");
}

#[tokio::test]
async fn code_that_does_not_compile_is_told_with_its_first_error() {
    let broken = "package m\n\nfunc One() int {\n\treturn \"s\"\n}\n";
    // What has no test of its own is compiled too.
    let tested = (
        "in/a_test.go",
        "package in\n\nimport \"testing\"\n\nfunc TestX(t *testing.T) {}\n",
    );
    let Some(bench) = bench(&[("a.go", broken), tested]) else {
        return;
    };
    let suite = Go.test(&bench.job(), None).await.unwrap();
    let SuiteState::DoesNotBuild(reason) = suite.run.state else {
        panic!("{:?}", suite.run.state);
    };
    assert!(reason.starts_with("a.go:4:9: cannot use"), "{reason}");
    for outcome in [
        Go.lint(&bench.job()).await.unwrap(),
        Go.types(&bench.job()).await.unwrap(),
    ] {
        assert!(
            matches!(&outcome, Outcome::Failed(why) if why.contains("a.go:4:9")),
            "{outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_manifest_that_cannot_be_read_or_an_import_that_nothing_provides_does_not_build() {
    let foreign = "package m\n\nimport _ \"example.org/nowhere\"\n";
    for files in [
        vec![("go.mod", "modul x\n"), ("a.go", SOURCE)],
        vec![("a.go", foreign)],
    ] {
        let Some(bench) = bench(&files) else { return };
        let suite = Go.test(&bench.job(), None).await.unwrap();
        assert!(
            matches!(suite.run.state, SuiteState::DoesNotBuild(_)),
            "{:?}",
            suite.run.state
        );
        let problems = super::manifest_problems(&bench.job()).await.unwrap();
        assert_eq!(problems.len(), 1, "{problems:?}");
    }
}

#[tokio::test]
async fn a_test_program_that_is_left_early_with_success_is_broken() {
    let main =
        "func TestMain(m *testing.M) { os.Exit(0) }\nfunc TestX(t *testing.T) { t.Fail() }\n";
    let init = "func init() { os.Exit(0) }\nfunc TestX(t *testing.T) { t.Fail() }\n";
    let swallowed = "func TestMain(m *testing.M) { m.Run(); os.Exit(0) }\nfunc TestX(t *testing.T) { t.Fail() }\n";
    for body in [main, init, swallowed] {
        let Some(suite) = suite(&[("a_test.go", &tests(body))]).await else {
            return;
        };
        let SuiteState::Broken(reason) = suite.run.state else {
            panic!("{:?}", suite.run.state);
        };
        assert!(reason.contains("passed"), "{reason}");
    }
}

#[tokio::test]
async fn a_panic_fails_its_test_and_those_that_it_kept_from_running() {
    let body = "func TestA(t *testing.T) {}\nfunc TestB(t *testing.T) { panic(\"boom\") }\nfunc TestC(t *testing.T) {}\n";
    let Some(panicked) = suite(&[("a_test.go", &tests(body))]).await else {
        return;
    };
    let (passed, failed) = (TestOutcome::Passed, TestOutcome::Failed);
    assert_eq!(panicked.run.state, SuiteState::Completed);
    let expected = [("TestA", passed), ("TestB", failed), ("TestC", failed)];
    assert_eq!(cases(&panicked.run), expected);
    assert_eq!(panicked.reasons["TestB"], "panic: boom");
    let reason = "not run: the test program ended in `TestB`";
    assert_eq!(panicked.reasons["TestC"], reason);

    let exits = "func TestA(t *testing.T) {}\nfunc TestB(t *testing.T) { os.Exit(3) }\n";
    let exited = suite(&[("a_test.go", &tests(exits))]).await.unwrap();
    assert_eq!(cases(&exited.run), [("TestA", passed), ("TestB", failed)]);

    let leaks = "func TestMain(m *testing.M) { m.Run(); fmt.Println(\"leak\"); os.Exit(1) }\nfunc TestA(t *testing.T) {}\n";
    let leaked = suite(&[("a_test.go", &tests(leaks))]).await.unwrap();
    assert_eq!(cases(&leaked.run), [("TestA", failed)]);
    assert_eq!(leaked.reasons["TestA"], "leak");
}

#[tokio::test]
async fn a_suite_that_hangs_is_stopped_and_the_test_named() {
    let body = "func TestHangs(t *testing.T) { select {} }\n";
    // A goroutine keeps go from calling it a deadlock.
    let body = format!("{body}func init() {{ go func() {{ for {{ }} }}() }}\n");
    let Some(mut bench) = bench(&[("a_test.go", &tests(&body))]) else {
        return;
    };
    // On a busy machine the time may be up before the test began.
    let mut reason = String::new();
    for seconds in [5, 20, 80] {
        bench.timeout = std::time::Duration::from_secs(seconds);
        let suite = Go.test(&bench.job(), None).await.unwrap();
        let SuiteState::TimedOut(why) = suite.run.state else {
            panic!("{:?}", suite.run.state);
        };
        reason = why;
        if reason.contains("example.com/m.TestHangs") {
            return;
        }
    }
    panic!("the test is not named: {reason}");
}

/// Truth trap 3: names with `#01`, pointers and temporary paths are the same in every run.
#[tokio::test]
async fn ids_are_the_same_in_every_run() {
    let body = "func TestNames(t *testing.T) {\n\
        \tnames := []string{\"a\", \"a\", \"a\", \"\", fmt.Sprintf(\"%p\", t), t.TempDir()}\n\
        \tfor i, name := range names {\n\t\ti := i\n\
        \t\tt.Run(name, func(t *testing.T) { if i == 0 { t.Fail() } })\n\t}\n}\n";
    let Some(bench) = bench(&[("a_test.go", &tests(body))]) else {
        return;
    };
    let first = Go.test(&bench.job(), None).await.unwrap().run;
    let second = Go.test(&bench.job(), None).await.unwrap().run;
    assert_eq!(cases(&first), cases(&second));
    let (passed, failed) = (TestOutcome::Passed, TestOutcome::Failed);
    assert_eq!(
        cases(&first),
        [
            ("TestNames", failed),
            ("TestNames/", passed),
            ("TestNames/0x", passed),
            ("TestNames/TMP", passed),
            ("TestNames/a", passed),
            ("TestNames/a#2", passed),
            ("TestNames/a#3", failed),
        ]
    );
}

/// Truth trap 1: a module of the tree is taken from the module cache.
#[tokio::test]
async fn a_module_of_the_tree_that_comes_from_elsewhere_is_named() {
    if !has_go() {
        return;
    }
    let tree = Tree::new(&[
        ("lib/go.mod", "module example.com/lib\n\ngo 1.18\n"),
        ("lib/a.go", "package lib\n"),
    ]);
    let copy = tree.outside("copy");
    std::fs::create_dir_all(&copy).unwrap();
    std::fs::copy(tree.root().join("lib/go.mod"), copy.join("go.mod")).unwrap();
    std::fs::write(copy.join("a.go"), "package lib\n").unwrap();
    let manifest = |place: &str| {
        format!(
            "module example.com/check\n\ngo 1.18\n\nrequire example.com/lib v1.0.0\n\nreplace example.com/lib => {place}\n"
        )
    };
    let test = "package check\n\nimport (\n\t_ \"example.com/lib\"\n\t\"testing\"\n)\n\nfunc TestX(t *testing.T) {}\n";
    for (place, is_own) in [("../lib", true), (copy.as_str(), false)] {
        let files = [
            ("check/go.mod", manifest(place)),
            ("check/a_test.go", test.to_owned()),
            ("lib/go.mod", tree.read("lib/go.mod")),
            ("lib/a.go", tree.read("lib/a.go")),
        ];
        let files: Vec<(&str, &str)> = files.iter().map(|it| (it.0, it.1.as_str())).collect();
        let bench = Bench::new(LanguageName::Go, &files, Commands::default());
        assert_eq!(bench.project.root, "check");
        let suite = Go.test(&bench.job(), None).await.unwrap();
        assert_eq!(suite.run.state, SuiteState::Completed);
        assert_eq!(suite.origin == Origin::Tree, is_own, "{:?}", suite.origin);
    }
}

/// Truth trap 2: an edit of the same size with an old date is seen.
#[tokio::test]
async fn an_edit_of_the_same_size_with_an_old_date_is_seen() {
    let body = "func TestOne(t *testing.T) { if One() != 1 { t.Fail() } }\n";
    let Some(bench) = bench(&[("a.go", SOURCE), ("a_test.go", &tests(body))]) else {
        return;
    };
    let failing = |it: &Suite| it.run.count(TestOutcome::Failed);
    assert_eq!(failing(&Go.test(&bench.job(), None).await.unwrap()), 0);
    let file = bench.tree.root().join("a.go");
    let dated = std::fs::metadata(&file).unwrap().modified().unwrap();
    bench
        .tree
        .write("a.go", &SOURCE.replace("return 1", "return 2"));
    let open = std::fs::File::options().write(true).open(&file).unwrap();
    open.set_modified(dated).unwrap();
    assert_eq!(failing(&Go.test(&bench.job(), None).await.unwrap()), 1);
}

/// Truth trap 10: a workspace above the tree has no say, and one in the tree only over its members.
#[tokio::test]
async fn only_a_workspace_of_the_tree_counts_and_only_for_its_members() {
    let used = "package a\n\nimport _ \"example.com/b\"\n";
    let Some(bench) = bench(&[
        ("go.work", "go 1.18\n\nuse (\n\t./a\n\t./b\n)\n"),
        ("a/go.mod", "module example.com/a\n\ngo 1.18\n"),
        ("a/a.go", used),
        ("b/go.mod", "module example.com/b\n\ngo 1.18\n"),
        ("b/b.go", "package b\n"),
        ("c/go.mod", "module example.com/c\n\ngo 1.18\n"),
        ("c/c.go", "package c\n"),
        ("go.mod", "module example.com/root\n\ngo 1.18\n"),
    ]) else {
        return;
    };
    std::fs::write(bench.tree.outside("go.work"), "go 1.18\n\nuse ./nowhere\n").unwrap();
    let (projects, _) = Go.detect(bench.tree.root(), &bench.tree.files(), &bench.commands);
    let roots: Vec<_> = projects.iter().map(|it| it.root.as_str()).collect();
    assert_eq!(roots, ["", "a", "b", "c"]);
    for project in &projects {
        let mut job = bench.job();
        job.project = project;
        let suite = Go.test(&job, None).await.unwrap();
        assert_eq!(suite.run.state, SuiteState::Completed, "{}", project.root);
        assert_eq!(suite.origin, Origin::Tree);
    }
}

#[tokio::test]
async fn findings_of_vet_and_gofmt_and_the_manifest_are_told_once() {
    let source = "package m\n\nimport \"fmt\"\n\n// P prints.\nfunc P(all []int) string {\n\
        \tfor i, _ := range all {\n\t\t_ = i\n\t}\n\treturn fmt.Sprintf(\"%d\", \"x\")\n}\n";
    let generated = format!(
        "// Code generated by x. DO NOT EDIT.\n\n{}",
        source.replace("P(", "Q(")
    );
    let manifest = format!("{MANIFEST}\nrequire example.org/unused v1.0.0 // as text\n");
    let Some(bench) = bench(&[
        ("a.go", source),
        ("b.go", &generated),
        ("a_test.go", &tests("func TestP(t *testing.T) { P(nil) }\n")),
    ]) else {
        return;
    };
    let found = match Go.lint(&bench.job()).await.unwrap() {
        Outcome::Measured(found) => found,
        other => panic!("{other:?}"),
    };
    let told: Vec<_> = found
        .iter()
        .filter(|it| it.tool != "staticcheck")
        .map(|it| {
            (
                it.path.as_str(),
                it.line,
                it.tool.as_str(),
                it.rule.as_str(),
                it.fixable,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("a.go", 7, "gofmt", "simplify", true),
            ("a.go", 10, "vet", "printf", false)
        ]
    );
    assert_eq!(
        Go.types(&bench.job()).await.unwrap(),
        Outcome::Measured(Vec::new())
    );

    bench.tree.write("go.mod", &manifest);
    let unused = super::requirements::unused(&bench.job());
    assert_eq!(
        unused[0].message,
        "nothing in the module mentions `example.org/unused`"
    );
    bench
        .tree
        .write("tool.sh", "go run example.org/unused/cmd\n");
    assert_eq!(super::requirements::unused(&bench.job()), []);
}

#[tokio::test]
async fn simplifications_are_applied_where_allowed_and_vet_has_none() {
    let long = "package m\n\nfunc f(all []int) {\n\tfor range all {\n\t}\n\tfor i, _ := range all {\n\t\t_ = i\n\t}\n}\n";
    let Some(bench) = bench(&[("a.go", long), ("b.go", &long.replace("f(", "g("))]) else {
        return;
    };
    let rule = |tool: &str, rule: &str| LintRule {
        tool: tool.into(),
        rule: rule.into(),
    };
    let outcome = Go
        .fix(&bench.job(), &rule("vet", "printf"), &|_| true)
        .await;
    assert_eq!(outcome.unwrap(), Outcome::Measured(0));
    let allowed = |path: &camino::Utf8Path| path == "a.go";
    let outcome = Go
        .fix(&bench.job(), &rule("gofmt", "simplify"), &allowed)
        .await;
    assert_eq!(outcome.unwrap(), Outcome::Measured(1));
    assert!(bench.tree.read("a.go").contains("for i := range"));
    assert!(bench.tree.read("b.go").contains("for i, _ := range"));
}

#[tokio::test]
async fn what_staticcheck_spells_out_is_replaced_where_allowed() {
    let slow = "package m\n\nfunc f(from []int) (out []int) {\n\tfor _, it := range from {\n\t\tout = append(out, it)\n\t}\n\treturn out\n}\n\nvar _ = f\n";
    let other = slow.replace("f(from", "g(from").replace("= f", "= g");
    let Some(bench) = bench(&[("a.go", slow), ("b.go", &other)]) else {
        return;
    };
    if bench.job().tool("staticcheck").is_none() {
        return;
    }
    let Outcome::Measured(found) = Go.lint(&bench.job()).await.unwrap() else {
        panic!("staticcheck answers");
    };
    let told = |it: &crate::model::finding::Finding| (it.line, it.rule.clone(), it.fixable);
    let appends = (4, "S1011".to_owned(), true);
    assert_eq!(
        found.iter().map(told).collect::<Vec<_>>(),
        [appends.clone(), appends]
    );
    let rule = LintRule {
        tool: "staticcheck".into(),
        rule: "S1011".into(),
    };
    let allowed = |path: &camino::Utf8Path| path == "a.go";
    let outcome = Go.fix(&bench.job(), &rule, &allowed).await;
    assert_eq!(outcome.unwrap(), Outcome::Measured(1));
    assert!(
        bench
            .tree
            .read("a.go")
            .contains("{\n\tout = append(out, from...)\n\treturn out")
    );
    assert_eq!(bench.tree.read("b.go"), other);
}

#[tokio::test]
async fn gofmt_touches_only_what_it_may() {
    let ugly = "package m\n\nfunc  f( ) { }\n";
    let generated = "// Code generated by x. DO NOT EDIT.\npackage m\n\nfunc  h( ) { }\n";
    let Some(bench) = bench(&[
        ("a.go", ugly),
        ("b.go", &ugly.replace("f(", "g(")),
        ("c.go", generated),
        ("vendor/x/x.go", ugly),
        ("testdata/y.go", "not go at all"),
    ]) else {
        return;
    };
    assert_eq!(bench.project.uses[&Purpose::Format], "gofmt");
    let Outcome::Measured(files) = Go.unformatted(&bench.job()).await.unwrap() else {
        panic!("gofmt answers");
    };
    assert_eq!(files.len(), 2, "{files:?}");
    let allowed = |path: &camino::Utf8Path| path == "a.go";
    let outcome = Go.format(&bench.job(), &allowed).await.unwrap();
    assert_eq!(outcome, Outcome::Measured(1));
    assert_eq!(bench.tree.read("a.go"), "package m\n\nfunc f() {}\n");

    bench.tree.write("a.go", "package m\nfunc {\n");
    let outcome = Go.unformatted(&bench.job()).await.unwrap();
    assert!(matches!(outcome, Outcome::Failed(_)), "{outcome:?}");
}

#[tokio::test]
async fn coverage_counts_lines_reached_from_any_package() {
    let source =
        "package m\n\nfunc One() int {\n\treturn 1\n}\n\nfunc Two() int {\n\treturn 2\n}\n";
    let test = "package sub\n\nimport (\n\t\"example.com/m\"\n\t\"testing\"\n)\n\nfunc TestOne(t *testing.T) { m.One() }\n";
    let Some(bench) = bench(&[("a.go", source), ("sub/a_test.go", test)]) else {
        return;
    };
    let Outcome::Measured(coverage) = Go.coverage(&bench.job()).await.unwrap() else {
        panic!("go counts");
    };
    assert_eq!((coverage.lines, coverage.covered), (2, 1));
    assert_eq!(coverage.reached[camino::Utf8Path::new("a.go")], [4]);
}

#[tokio::test]
async fn a_module_without_dependencies_needs_no_preparation() {
    let Some(bench) = bench(&[("a.go", SOURCE)]) else {
        return;
    };
    let outcome = Go.prepare(&bench.job()).await.unwrap();
    assert_eq!(outcome, Outcome::Measured(()));
}

#[test]
fn a_tree_without_a_manifest_is_no_project() {
    let tree = Tree::new(&[("a.go", SOURCE), ("a_test.go", "package m\n")]);
    let (projects, tools) = Go.detect(tree.root(), &tree.files(), &Commands::default());
    assert!(projects.is_empty() && tools.is_empty());
}

#[test]
fn benchmarks_belong_to_the_module_around_them() {
    let benchmark = "package m\n\nimport \"testing\"\n\nfunc BenchmarkX(b *testing.B) {}\n";
    let tree = Tree::new(&[
        ("go.mod", MANIFEST),
        ("a_test.go", "package m\n"),
        ("in/go.mod", MANIFEST),
        ("in/b_test.go", benchmark),
    ]);
    let (projects, _) = Go.detect(tree.root(), &tree.files(), &Commands::default());
    let has = |idx: usize| projects[idx].uses.contains_key(&Purpose::Benchmark);
    assert!(!has(0) && has(1));
}
