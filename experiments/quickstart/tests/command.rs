//! The command as a person uses it.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

fn file(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, text).unwrap();
    path
}

fn quickstart(arguments: &[&str], file: &PathBuf) -> Output {
    Command::new(env!("CARGO_BIN_EXE_quickstart")).args(arguments).arg(file).output().unwrap()
}

#[test]
fn without_a_query_it_lists_the_most_frequent_words() {
    let output = quickstart(&[], &file("frequent.txt", "tea and milk and sugar"));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    assert!(text.contains("       2 and (1 documents)"), "{text}");
}

#[test]
fn a_query_prints_the_files_that_match() {
    let path = file("match.txt", "tea and milk");
    let output = quickstart(&["--find", "Milk"], &path);
    assert!(output.status.success());
    assert!(String::from_utf8(output.stdout).unwrap().contains("match.txt"));
}

#[test]
fn a_query_without_a_match_exits_with_one() {
    let output = quickstart(&["--find", "coffee"], &file("none.txt", "tea"));
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let output = quickstart(&[], &PathBuf::from("no-such-file.txt"));
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("no-such-file.txt"));
}
