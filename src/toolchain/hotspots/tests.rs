//! Profiles read from text, and one of each real profiler that is here.

use camino::Utf8PathBuf;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::process::{Command, find_program, run};

#[test]
fn a_symbol_is_known_by_its_last_name() {
    let text = "
    61.02%  [.] shop::totals::h0123456789abcdef
    20.00%  [.] main.(*Shop).Sum
    10.00%  [.] check.constprop.0
     5.00%  [.] <shop::Bag as core::iter::Iterator>::next
     2.00%  [.] shop::walk::{{closure}}::h0123456789abcdef
     1.00%  [k] page_fault
";
    let found = native::read(text);
    let names: Vec<(&str, f64)> = found.iter().map(|it| (it.name.as_str(), it.own)).collect();
    assert_eq!(
        names,
        [
            ("totals", 61.02),
            ("Sum", 20.0),
            ("check", 10.0),
            ("next", 5.0),
            ("walk", 2.0)
        ]
    );
}

#[test]
fn what_v8_does_is_its_callers_time() {
    let text = r#"{"nodes": [
        {"id": 1, "callFrame": {"functionName": "(root)", "url": "", "lineNumber": -1}, "hitCount": 3, "children": [2]},
        {"id": 2, "callFrame": {"functionName": "slow", "url": "file:///t/a.js", "lineNumber": 4}, "hitCount": 5, "children": [3]},
        {"id": 3, "callFrame": {"functionName": "sort", "url": "", "lineNumber": -1}, "hitCount": 7}
    ]}"#;
    let found = node::read(text);
    let own: f64 = found.iter().map(|it| it.own).sum();
    assert!((own - 12.0).abs() < 1e-12);
    assert!(found.iter().all(|it| it.name == "slow" && it.line == 5));
    assert!(node::read("no JSON").is_empty());
}

/// Watches a real run of a script in a folder of its own.
async fn watched(
    name: &str,
    text: &str,
    line: &str,
    native: bool,
) -> Vec<(&'static str, Vec<Hotspot>)> {
    let temp = tempfile::tempdir().unwrap();
    let dir = Utf8PathBuf::try_from(temp.path().to_owned()).unwrap();
    fs_err::write(dir.join(name), text).unwrap();
    let watch = Watch::new(&dir.join("profile"), line, native).unwrap();
    let run_line = async |line: String| {
        let mut command = Command::from_line(&line, &dir).unwrap();
        command.env.extend(watch.environment());
        run(&command, &CancellationToken::new()).await.unwrap()
    };
    run_line(watch.line()).await;
    let printed = match watch.report() {
        Some(line) => run_line(line).await.stdout_text(),
        None => String::new(),
    };
    watch.hotspots(&printed)
}

fn hottest(found: &[(&'static str, Vec<Hotspot>)]) -> Option<Hotspot> {
    let all = found.iter().flat_map(|it| &it.1);
    all.max_by(|a, b| a.own.total_cmp(&b.own)).cloned()
}

#[tokio::test]
async fn python_names_the_function_that_sorts() {
    let text = "def slow():\n    for _ in range(300):\n        sorted(range(5000), key=str)\n\n\ndef quick():\n    return 1\n\n\nslow()\nquick()\n";
    let found = watched("a.py", text, "python3 a.py", false).await;
    let hot = hottest(&found).unwrap();
    assert_eq!(
        (found[0].0, hot.name.as_str(), hot.line),
        ("cProfile", "slow", 1)
    );
    assert!(hot.path.unwrap().ends_with("a.py"));
}

#[tokio::test]
async fn node_names_the_function_that_loops() {
    if find_program("node").is_none() {
        return;
    }
    let text = "function slow() { let s = 0; for (let i = 0; i < 5e7; i++) s += i % 7; return s }\nslow();\n";
    let found = watched("a.js", text, "node a.js", false).await;
    assert_eq!(hottest(&found).unwrap().name, "slow");
}

#[tokio::test]
async fn perf_names_the_function_of_a_native_program() {
    if find_program("perf").is_none() || find_program("cc").is_none() {
        return;
    }
    let text = "#include <stdio.h>\n__attribute__((noinline)) double slow(double x) { for (int i = 0; i < 100000000; i++) x += i * 0.5; return x; }\nint main(int c, char **v) { (void)v; printf(\"%f\\n\", slow(c)); }\n";
    let found = watched("a.c", text, "cc -O1 a.c -o a && ./a", true).await;
    // A machine may forbid its counters: then there is no profile, and never a wrong one.
    if let Some(hot) = hottest(&found) {
        assert_eq!(hot.name, "slow");
    }
}
