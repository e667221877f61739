//! What a person reads when something is wrong, word by word.

use std::fmt::Write as _;

use regex::Regex;

use crate::support::{CEO, TestEnv};

/// Runs each command line and returns what the person sees, with the exit code.
fn seen(env: &TestEnv, command_lines: &[&str]) -> String {
    let mut text = String::new();
    for line in command_lines {
        let words: Vec<&str> = line.split(' ').collect();
        let ran = env.run(&words);
        let _ = write!(
            text,
            "$ factory {line}\n{}{}exit code {}\n\n",
            ran.stdout, ran.stderr, ran.code
        );
    }
    env.redact(text.trim_end())
}

#[test]
fn a_target_that_cannot_be_used_is_named_with_what_to_do() {
    let env = TestEnv::new();
    env.repo("project", &[("src/lib.rs", "//! Nothing.\n")]);
    env.unborn("unborn");
    std::fs::create_dir(env.work().join("plain")).unwrap();
    env.git(&env.work(), &["init", "--quiet", "--bare", "bare.git"]);
    let lines = [
        "eval my-projcet",
        "eval plain",
        "eval unborn",
        "eval bare.git",
        "eval project/src",
    ];
    insta::assert_snapshot!(seen(&env, &lines));
}

#[test]
fn a_wrong_command_line_is_answered_with_a_right_one() {
    let env = TestEnv::new();
    env.repo("project", &[("src/lib.rs", "//! Nothing.\n")]);
    let lines = [
        "ceo project --mode meta",
        "ceo idea.md",
        "land project",
        "reject 1 project --because x",
    ];
    insta::assert_snapshot!(seen(&env, &lines));
}

#[test]
fn a_closing_report_says_what_was_kept_and_how_to_take_it() {
    let env = TestEnv::new();
    let repo = env.fixture("python_with_findings");
    let args: Vec<&str> = CEO.iter().copied().filter(|it| *it != "--json").collect();
    let ran = repo.factory(&args).exits(0);
    let isolation = Regex::new(r"(?s)· isolation .*?\n  · ").unwrap();
    let text = isolation.replace(&ran.stdout, "· isolation [AS THIS MACHINE ALLOWS]\n  · ");
    insta::assert_snapshot!(env.redact(&text));
}
