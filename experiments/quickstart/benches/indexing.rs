//! Indexes a generated library, searches it, and prints the time that the quickest round took.
//!
//! The text is drawn from a fixed seed: word lengths and frequencies are those of English prose,
//! roughly, over a vocabulary of a few thousand words. The quickest of many rounds is what the code
//! needs; everything above it is what the machine was busy with besides.

use std::hint::black_box;
use std::time::Instant;

use quickstart::index::Index;
use quickstart::report::frequent_words;

const DOCUMENTS: usize = 12;
const WORDS_PER_DOCUMENT: usize = 800;
const VOCABULARY: usize = 2_000;
const ROUNDS: usize = 150;

/// A small linear congruential generator: the same numbers on every machine.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % below
    }
}

fn vocabulary(numbers: &mut Numbers) -> Vec<String> {
    (0..VOCABULARY)
        .map(|_| {
            let length = 2 + numbers.next(5) + numbers.next(8);
            (0..length).map(|_| char::from(b'a' + numbers.next(26) as u8)).collect()
        })
        .collect()
}

/// Low numbers come up more often, as common words do.
fn document(vocabulary: &[String], numbers: &mut Numbers) -> String {
    let mut text = String::new();
    for _ in 0..WORDS_PER_DOCUMENT {
        let below = 1 + numbers.next(VOCABULARY);
        text.push_str(&vocabulary[numbers.next(below)]);
        text.push_str(if numbers.next(9) == 0 { ". " } else { " " });
    }
    text
}

fn round(library: &[String], queries: &[String]) -> usize {
    let mut index = Index::default();
    for (number, text) in library.iter().enumerate() {
        index.add(&format!("document {number}"), text);
    }
    let hits: usize =
        queries.iter().map(|query| index.search(query).map_or(0, |it| it.len())).sum();
    hits + frequent_words(&index, 20).len()
}

fn main() {
    let mut numbers = Numbers(20_240_229);
    let vocabulary = vocabulary(&mut numbers);
    let library: Vec<String> =
        (0..DOCUMENTS).map(|_| document(&vocabulary, &mut numbers)).collect();
    let queries: Vec<String> = vocabulary.iter().take(200).cloned().collect();
    let expected = round(&library, &queries);
    let mut quickest = f64::INFINITY;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let answer = round(black_box(&library), black_box(&queries));
        quickest = quickest.min(start.elapsed().as_secs_f64());
        assert_eq!(answer, expected, "rounds over the same text must agree");
    }
    println!("METRIC index_ms={:.4}", quickest * 1_000.0);
}
