//! A small compressor with five parameters, and what a run of it costs: a real program to tune.
//!
//! It replaces what it saw before by references (J. Ziv, A. Lempel 1977), found through chains of equal
//! hashes. Larger tables and deeper chains find more and take longer; a wider window makes every
//! reference longer. The cost is counted, not timed, so that any optimiser on any machine meets the
//! same program.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// How it compresses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// Bits of the distance that a reference may reach back.
    pub(crate) window: u32,
    /// Bits of the table of hashes.
    pub(crate) table: u32,
    /// Places of equal hash that are looked at.
    pub(crate) depth: usize,
    /// A reference of this length is taken without looking further.
    pub(crate) enough: usize,
    /// The shortest reference.
    pub(crate) shortest: usize,
}

/// Returns a text of 24,000 bytes: a log of a program, as full of repetition as logs are.
pub(crate) fn sample() -> Vec<u8> {
    const WORDS: [&str; 16] = [
        "request",
        "accepted",
        "connection",
        "from",
        "closed",
        "after",
        "retry",
        "timeout",
        "user",
        "session",
        "cache",
        "miss",
        "hit",
        "queue",
        "length",
        "worker",
    ];
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let mut text = Vec::new();
    let mut clock = 1_700_000_000u64;
    while text.len() < 24_000 {
        clock += rng.random_range(0..90);
        text.extend(format!("{clock} [worker-{}] ", rng.random_range(0..12)).bytes());
        for _ in 0..rng.random_range(3..9) {
            // The minimum of two draws: some words are frequent, as in every language.
            let at = rng.random_range(0..16).min(rng.random_range(0..16));
            text.extend(WORDS[at].bytes());
            text.push(b' ');
        }
        text.extend(format!("id={:08x}\n", rng.random::<u32>() >> 8).bytes());
    }
    text.truncate(24_000);
    text
}

/// Returns the logarithm of the bits that are left, and a fifth of that of the steps they took.
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
pub(crate) fn cost(settings: Settings, text: &[u8]) -> f64 {
    let mut run = Run::new(settings, text);
    run.compress();
    (run.bits as f64).ln() + 0.2 * (run.steps as f64).ln()
}

struct Run<'a> {
    settings: Settings,
    text: &'a [u8],
    /// The latest place of each hash, and before each place the one of the same hash.
    heads: Vec<usize>,
    chain: Vec<usize>,
    bits: u64,
    steps: u64,
}

/// No place.
const NONE: usize = usize::MAX;

impl<'a> Run<'a> {
    fn new(settings: Settings, text: &'a [u8]) -> Self {
        Self {
            settings,
            text,
            heads: vec![NONE; 1 << settings.table],
            chain: vec![NONE; text.len()],
            bits: 0,
            // Every entry of the table is written once before anything is found in it.
            steps: 1 << settings.table,
        }
    }

    fn compress(&mut self) {
        let mut at = 0;
        while at < self.text.len() {
            let length = self.longest(at);
            let is_reference = length >= self.settings.shortest;
            let n = if is_reference { length } else { 1 };
            self.bits += if is_reference {
                let digits = u64::from(usize::BITS - length.leading_zeros());
                1 + u64::from(self.settings.window) + 2 * digits
            } else {
                9
            };
            (at..at + n).for_each(|it| self.remember(it));
            at += n;
        }
    }

    /// Returns the length of the longest match within the window.
    fn longest(&mut self, at: usize) -> usize {
        let Some(slot) = self.slot(at) else {
            return 0;
        };
        let (mut from, mut longest) = (self.heads[slot], 0);
        for _ in 0..self.settings.depth {
            if from == NONE || at - from >= 1 << self.settings.window {
                break;
            }
            let pairs = self.text[from..].iter().zip(&self.text[at..]);
            let length = pairs.take_while(|(a, b)| a == b).count();
            self.steps += 4 + length as u64;
            longest = longest.max(length);
            if longest >= self.settings.enough {
                break;
            }
            from = self.chain[from];
        }
        longest
    }

    fn remember(&mut self, at: usize) {
        if let Some(slot) = self.slot(at) {
            self.chain[at] = self.heads[slot];
            self.heads[slot] = at;
            self.steps += 2;
        }
    }

    /// Returns the hash of the shortest reference's bytes at a place.
    fn slot(&self, at: usize) -> Option<usize> {
        let bytes = self.text.get(at..at + self.settings.shortest)?;
        let hash = bytes.iter().fold(0u32, |hash, byte| {
            (hash ^ u32::from(*byte)).wrapping_mul(0x9E37_79B1)
        });
        Some((hash >> (32 - self.settings.table)) as usize)
    }
}
