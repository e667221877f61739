//! What the scripts of a manifest run: which tool, with which arguments, in which environment.

use super::manifest::Manifest;

/// Scripts that call each other in a circle are left after this many steps.
const MAX_DEPTH: usize = 5;

/// One command of a script: leading variables and wrappers are taken off.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) env: Vec<(String, String)>,
    /// The program's name without its folder, then its arguments.
    pub(super) words: Vec<String>,
    /// As it was written, wrappers included.
    pub(super) line: String,
    /// The script that it stands in.
    pub(super) script: String,
}

impl Step {
    pub(super) fn program(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }
}

/// Returns what a script runs, scripts that it calls included, in order.
pub(super) fn steps(manifest: &Manifest, script: &str) -> Vec<Step> {
    let mut found = Vec::new();
    expand(manifest, script, MAX_DEPTH, &mut found);
    found
}

fn expand(manifest: &Manifest, script: &str, depth: usize, found: &mut Vec<Step>) {
    let Some(text) = manifest.script(script) else {
        return;
    };
    for line in commands(text) {
        let Some(step) = step(&line, script) else {
            continue;
        };
        let called = called_scripts(manifest, &step.words);
        if called.is_empty() || depth == 0 {
            found.push(step);
            continue;
        }
        for name in called {
            expand(manifest, &format!("pre{name}"), depth - 1, found);
            expand(manifest, &name, depth - 1, found);
        }
    }
}

/// Splits a line at the operators of the shell; what a pipe ends in only shows what came before.
fn commands(text: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    let mut quote = None;
    let mut piped = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (None, '\'' | '"') => quote = Some(character),
            (Some(open), close) if open == close => quote = None,
            (None, '&' | ';' | '|' | '\n') => {
                let doubled = characters.next_if_eq(&character).is_some();
                piped = character == '|' && !doubled;
                found.push(String::new());
                continue;
            }
            _ => {}
        }
        if !piped && let Some(last) = found.last_mut() {
            last.push(character);
        }
    }
    found.retain(|it| !it.trim().is_empty());
    found
}

fn step(line: &str, script: &str) -> Option<Step> {
    let line = line.trim().trim_matches(['(', ')']);
    let words = shell_words::split(line).ok()?;
    let mut step = Step {
        line: line.to_owned(),
        script: script.to_owned(),
        ..Step::default()
    };
    let mut words = &words[..];
    while let Some((word, rest)) = words.split_first() {
        let name = word.rsplit('/').next().unwrap_or_default();
        words = rest;
        if let Some((variable, value)) = assignment(word) {
            step.env.push((variable, value));
        } else if WRAPPERS.contains(&name) {
            words = behind_options(rest);
        } else if PACKAGE_MANAGERS.contains(&name) && rest.first().is_some_and(|it| it == "exec") {
            words = behind_options(&rest[1..]);
        } else {
            step.words.push(name.to_owned());
            step.words.extend(rest.iter().cloned());
            break;
        }
    }
    (!step.words.is_empty()).then_some(step)
}

/// Returns the words from the program on that a wrapper starts: the options before it may have values.
fn behind_options(words: &[String]) -> &[String] {
    let is_option = |it: &String| it.starts_with('-');
    let base = |it: &String| it.rsplit('/').next().unwrap_or_default().to_owned();
    let is_value = |it: &String| !STARTED.contains(&base(it).as_str()) && assignment(it).is_none();
    let mut start = 0;
    while start < words.len() && is_option(&words[start]) {
        start += 1;
        let has_value = !words[start - 1].contains('=') && words[start..].len() > 1;
        let more = words[start..]
            .iter()
            .any(|it| STARTED.contains(&base(it).as_str()));
        if has_value && more && !is_option(&words[start]) && is_value(&words[start]) {
            start += 1;
        }
    }
    &words[start..]
}

const PACKAGE_MANAGERS: &[&str] = &["npm", "pnpm", "yarn"];
/// Programs that wrappers are known to start.
const STARTED: &[&str] = &[
    "mocha", "_mocha", "jest", "vitest", "node", "tape", "tap", "ava", "uvu", "tsx", "ts-node",
    "npm", "pnpm", "yarn", "borp", "brittle", "eslint", "tsc",
];
/// Programs that run another with the same outcome.
const WRAPPERS: &[&str] = &[
    "cross-env",
    "cross-env-shell",
    "env",
    "npx",
    "c8",
    "nyc",
    "time",
    "dotenv",
    "bunx",
    "exec",
];

fn assignment(word: &str) -> Option<(String, String)> {
    let (name, value) = word.split_once('=')?;
    let is_name = |it: char| it.is_ascii_alphanumeric() || it == '_';
    let starts = name.starts_with(|it: char| it.is_ascii_alphabetic() || it == '_');
    (starts && name.chars().all(is_name)).then(|| (name.to_owned(), value.to_owned()))
}

/// Returns the scripts of the same package that a command calls.
fn called_scripts(manifest: &Manifest, words: &[String]) -> Vec<String> {
    let (program, rest) = match words.split_first() {
        Some((program, rest)) => (program.as_str(), rest),
        None => return Vec::new(),
    };
    let elsewhere = |it: &String| {
        matches!(
            it.as_str(),
            "-w" | "-ws" | "-r" | "--recursive" | "workspace" | "workspaces" | "--prefix" | "-C"
        ) || it.starts_with("--workspace")
            || it.starts_with("--filter")
    };
    if rest.iter().any(elsewhere) {
        return Vec::new();
    }
    let own = rest.iter().take_while(|it| *it != "--");
    let names: Vec<&str> = own
        .map(String::as_str)
        .filter(|it| !it.starts_with('-') && *it != "run" && *it != "run-script")
        .collect();
    let wanted: &[&str] = match program {
        it if PACKAGE_MANAGERS.contains(&it) => names.get(..1).unwrap_or_default(),
        "run-s" | "run-p" | "npm-run-all" | "npm-run-all2" => &names,
        _ => return Vec::new(),
    };
    let scripts = manifest.scripts();
    let matching = |wanted: &&str| -> Vec<String> {
        let prefix = wanted.strip_suffix('*').filter(|it| it.ends_with(':'));
        scripts
            .keys()
            .filter(|it| *it == wanted || prefix.is_some_and(|prefix| it.starts_with(prefix)))
            .map(|it| (*it).to_owned())
            .collect()
    };
    wanted.iter().flat_map(matching).collect()
}

/// Splits arguments into options with their values, and the rest.
pub(super) fn split_options(args: &[String], with_value: &[&str]) -> (Vec<String>, Vec<String>) {
    let (mut options, mut rest) = (Vec::new(), Vec::new());
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if arg == "--" {
            rest.extend(args.by_ref().cloned());
        } else if arg.starts_with('-') && arg.len() > 1 {
            options.push(arg.clone());
            if with_value.contains(&arg.as_str()) {
                options.extend(args.next().cloned());
            }
        } else {
            rest.push(arg.clone());
        }
    }
    (options, rest)
}

/// Removes options, and their values where they stand apart; a name that ends in `*` is a beginning.
pub(super) fn without(args: &[String], names: &[&str], with_value: &[&str]) -> Vec<String> {
    let mut kept = Vec::new();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let name = arg.split('=').next().unwrap_or_default();
        let dropped = names.iter().any(|it| match it.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == *it,
        });
        if !dropped {
            kept.push(arg.clone());
        } else if with_value.contains(&arg.as_str()) {
            args.next();
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toolchain::testing::Tree;

    fn words(scripts: &str) -> Vec<(String, Vec<(String, String)>)> {
        let text = format!("{{\"scripts\": {scripts}}}");
        let tree = Tree::new(&[("package.json", &text)]);
        let steps = steps(&Manifest::read(tree.root()), "test");
        steps
            .into_iter()
            .map(|it| (it.words.join(" "), it.env))
            .collect()
    }

    #[test]
    fn scripts_are_followed_through_each_other_and_through_wrappers() {
        let found = words(
            r#"{"test": "npm run lint && cross-env NODE_ENV=test A=1 c8 --all --reporter text mocha -r x 'test/*.js' | cat",
                "lint": "eslint . ; run-s types:*", "types:a": "npx tsc -p a", "types:b": "yarn exec tsc"}"#,
        );
        let commands: Vec<&str> = found.iter().map(|it| it.0.as_str()).collect();
        assert_eq!(
            commands,
            ["eslint .", "tsc -p a", "tsc", "mocha -r x test/*.js"]
        );
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(found[3].1, [pair("NODE_ENV", "test"), pair("A", "1")]);
    }

    #[test]
    fn a_script_that_calls_itself_comes_to_an_end() {
        assert!(words(r#"{"test": "npm test"}"#).len() < 10);
        assert_eq!(
            words(r#"{"test": "npm test --workspaces"}"#)[0].0,
            "npm test --workspaces"
        );
    }

    #[test]
    fn options_are_told_from_what_they_are_given() {
        let args: Vec<String> = ["-r", "x", "--a=b", "f.js", "--c", "--", "-g.js"]
            .map(str::to_owned)
            .to_vec();
        let (options, rest) = split_options(&args, &["-r"]);
        assert_eq!(options, ["-r", "x", "--a=b", "--c"]);
        assert_eq!(rest, ["f.js", "-g.js"]);
        assert_eq!(
            without(&args, &["-r", "--a*"], &["-r"]),
            ["f.js", "--c", "--", "-g.js"]
        );
    }
}
