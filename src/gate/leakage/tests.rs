use super::*;
use crate::gate::testing::{file, fixes};

const DEV: &str = "eval/dev.jsonl";

fn dev() -> HiddenFile {
    HiddenFile {
        path: DEV.into(),
        texts: [
            "id",
            "the quick heron wades slowly",
            "heron_table",
            "test",
            "name",
        ]
        .map(str::to_owned)
        .to_vec(),
        numbers: ["0", "1", "100", "17", "0.73172", "1024", "3.14159"]
            .map(str::to_owned)
            .to_vec(),
        lines: vec![
            "// SPDX-License-Identifier: MIT and some more words of it".to_owned(),
            "import collections, itertools, dataclasses, statistics, fractions".to_owned(),
            "a marsh bird wades where reeds grow".to_owned(),
        ],
        answers: ["-", "kingfisher", "true", "42"]
            .map(str::to_owned)
            .to_vec(),
        ids: vec!["q17b".to_owned(), "8".to_owned()],
        is_code: false,
    }
}

fn telltales() -> Telltales {
    let mut telltales = Telltales::default();
    telltales.learn(&dev());
    for id in ["dev/atis-113", "case_17", "7", "12", "test"] {
        telltales.learn_instance(id, "results.jsonl".into());
    }
    telltales
}

fn in_code(telltales: &Telltales, line: &str) -> Vec<String> {
    let changed = FileFacts {
        added_lines: vec![(12, line.to_owned())],
        ..file("src/model.py")
    };
    let found = judge_leakage(telltales, &[changed], &[]);
    found.iter().map(ToString::to_string).collect()
}

fn proposed(telltales: &Telltales, text: &str) -> Vec<Violation> {
    let hypothesis = Hypothesis {
        change: Change::Words {
            text: text.to_owned(),
        },
        ..fixes()
    };
    judge_hypothesis(telltales, &hypothesis)
}

#[test]
fn tokens_and_literals_of_hidden_files_are_noticed_with_their_place() {
    let says = "leakage src/model.py:12: says something that only files say which experiments may not read";
    let holds = "leakage src/model.py:12: holds a number that only files hold which experiments may not read";
    for (line, expected) in [
        ("if text == 'The quick heron, wades slowly': return 1", says),
        ("x = HERON_TABLE[i]", says),
        ("THRESHOLD = 0.73172", holds),
        ("THRESHOLD = 731.720e-3", holds),
    ] {
        assert_eq!(in_code(&telltales(), line), [expected], "{line}");
    }
}

#[test]
fn what_leaked_is_for_the_person_alone() {
    let changed = FileFacts {
        added_lines: vec![(3, "T = 0.73172".to_owned())],
        ..file("src/model.py")
    };
    let found = judge_leakage(&telltales(), &[changed], &[]);
    assert_eq!(found.len(), 1);
    assert!(!found[0].to_string().contains("73172"), "{}", found[0]);
    let told = found[0].for_person.as_deref();
    assert_eq!(told, Some("`#73172`, as in `eval/dev.jsonl`"));
}

#[test]
fn innocent_look_alikes_pass() {
    for line in [
        "x = 0; y = 1; z = 100; k = 17",
        "SIZE = 1024; PI = 3.14159; YEAR = 2024",
        "def test_name(test): return test.name",
        "# SPDX-License-Identifier: MIT and some more words of it",
        "import collections, itertools, dataclasses, statistics, fractions",
        "if row['id'] == 7 or row['id'] == 12: pass",
        "a bird",
        "where reeds",
    ] {
        assert_eq!(in_code(&telltales(), line), [""; 0], "{line}");
    }
    for text in [
        "Add a cache, and do not add a dependency",
        "In addition, sort the test cases by name: not 100, not 17",
        "Avoid the true branch; never return 42",
        "Whatever eval/dev.jsonl holds, be faster",
    ] {
        assert_eq!(proposed(&telltales(), text), [], "{text}");
    }
}

#[test]
fn what_readable_files_say_gives_nothing_away() {
    let mut telltales = telltales();
    telltales.forget("heron_table = {}\nT = 0.731720\n# q17b", false);
    for line in ["x = HERON_TABLE[i]", "T = 0.73172", "'q17b'"] {
        assert_eq!(in_code(&telltales, line), [""; 0], "{line}");
    }
    assert_eq!(in_code(&telltales, "'dev/atis-113'").len(), 1);
}

#[test]
fn the_path_of_a_hidden_file_stays_telling_unless_the_code_names_it_already() {
    let mut telltales = telltales();
    telltales.forget("scored on eval/dev.jsonl", false);
    let line = "open(os.path.join('eval', 'dev.jsonl'))";
    let named = "leakage src/model.py:12: names a file that experiments may not read";
    assert_eq!(in_code(&telltales, line), [named]);
    telltales.forget("open('eval/dev.jsonl')", true);
    assert_eq!(in_code(&telltales, line), [""; 0]);
}

#[test]
fn instance_ids_are_noticed_unless_they_are_plain_numbers_or_words() {
    let names = "leakage src/model.py:12: names an instance of what it is measured on";
    for line in [
        "if id == 'dev/atis-113':",
        "SPECIAL = {case_17}",
        "return {\"q17b\": 1}[key]",
    ] {
        assert_eq!(in_code(&telltales(), line), [names], "{line}");
    }
}

#[test]
fn content_of_hidden_files_is_noticed_line_by_line() {
    let repeats = "leakage src/model.py:12: repeats content of files that experiments may not read";
    let line = "RULES = ['A marsh bird wades where reeds grow']";
    assert_eq!(in_code(&telltales(), line), [repeats]);
}

#[test]
fn a_sequence_over_two_added_lines_is_noticed_where_it_begins() {
    let changed = FileFacts {
        added_lines: vec![
            (4, "'the quick heron'".into()),
            (5, "'wades slowly'".into()),
        ],
        ..file("src/model.py")
    };
    let found = judge_leakage(&telltales(), &[changed], &[]);
    assert_eq!((found.len(), found[0].line), (1, Some(4)));
}

#[test]
fn negation_hints_and_named_answers_are_noticed_in_words_and_comments() {
    let hints = [
        "do not use subtraction here",
        "Don't subtract the operands",
        "never minus",
        "use subtraction",
        "prefer anything rather than kingfisher",
        "answer kingfisher",
    ];
    for text in hints {
        assert_eq!(proposed(&telltales(), text).len(), 1, "{text}");
    }
    assert_eq!(
        in_code(&telltales(), "x = f(a)  # avoid subtraction").len(),
        1
    );
    // Whoever finds the answer may write it as code.
    assert_eq!(in_code(&telltales(), "x = a - b"), [""; 0]);
    let mut known = telltales();
    known.forget("def subtract(a, b): ...", false);
    assert_eq!(proposed(&known, "do not use subtraction here"), []);
}

#[test]
fn a_subject_of_a_commit_is_read_too() {
    let found = judge_leakage(&telltales(), &[], &["Special-case q17b".to_owned()]);
    assert!(
        found[0]
            .to_string()
            .contains("a commit's subject names an instance")
    );
}

#[test]
fn many_words_that_could_each_be_chance_are_no_chance_together() {
    let birds = [
        "heron", "egret", "stork", "bittern", "avocet", "plover", "godwit", "curlew", "dunlin",
    ];
    let mut telltales = Telltales::default();
    telltales.learn(&HiddenFile {
        path: DEV.into(),
        texts: birds.map(str::to_owned).to_vec(),
        ..HiddenFile::default()
    });
    let table = format!("TABLE = {birds:?}");
    assert_eq!(in_code(&telltales, &table).len(), 1);
    assert_eq!(
        in_code(&telltales, "WORDS = ['heron', 'egret', 'stork']"),
        [""; 0]
    );
    let prose = format!("{table} among sparrows swallows finches thrushes wrens pipits robins");
    assert_eq!(in_code(&telltales, &prose), [""; 0]);
}

#[test]
fn numbers_are_telling_only_where_a_random_one_would_hardly_be_among_them() {
    let mut many = Telltales::default();
    many.learn(&HiddenFile {
        path: DEV.into(),
        numbers: (1000..9000).map(|it| (it * 11 + 1).to_string()).collect(),
        ..HiddenFile::default()
    });
    assert_eq!(in_code(&many, "x = 44001"), [""; 0]);
}

#[test]
fn a_text_for_agents_is_told_without_what_leaked() {
    let said = "wrong on dev/atis-113: expected 0.73172, got 3 in heron_table of test";
    assert_eq!(
        redacted(&telltales(), said),
        "wrong on …: expected …, got 3 in … of test"
    );
    assert_eq!(redacted(&Telltales::default(), said), said);
}
