//! `quickstart [--find WORDS] FILE...`: what do these files talk about?

use std::env;
use std::fs;
use std::process::ExitCode;

use quickstart::index::Index;
use quickstart::report;

/// What a person typed.
struct Arguments {
    find: Option<String>,
    files: Vec<String>,
}

fn main() -> ExitCode {
    match run(&arguments(env::args().skip(1))) {
        Ok(found) if found => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(1),
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::from(2)
        }
    }
}

fn arguments(mut given: impl Iterator<Item = String>) -> Arguments {
    let mut arguments = Arguments { find: None, files: Vec::new() };
    while let Some(argument) = given.next() {
        match argument.as_str() {
            "--find" => arguments.find = given.next(),
            _ => arguments.files.push(argument),
        }
    }
    arguments
}

/// Prints the answer; returns whether there was one.
fn run(arguments: &Arguments) -> Result<bool, String> {
    let index = read(&arguments.files)?;
    match &arguments.find {
        Some(query) => find(&index, query),
        None => {
            println!("a {} vocabulary", report::vocabulary_size(&index));
            print!("{}", report::frequent_words(&index, 20));
            Ok(true)
        }
    }
}

fn read(files: &[String]) -> Result<Index, String> {
    if files.len() == 0 {
        return Err("no files given: quickstart [--find WORDS] FILE...".to_string());
    }
    let mut index = Index::default();
    for file in files {
        let text = fs::read_to_string(&file).map_err(|error| format!("{file}: {error}"))?;
        index.add(file, &text);
    }
    Ok(index)
}

fn find(index: &Index, query: &str) -> Result<bool, String> {
    let hits = index.search(query).map_err(|error| error.to_string())?;
    for hit in &hits {
        println!("{:.4} {}", hit.score, hit.document.name);
    }
    Ok(!hits.is_empty())
}
