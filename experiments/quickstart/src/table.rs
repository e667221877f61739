//! A hash table from words to the documents that contain them.

/// Chains that the words are spread over.
pub const BUCKETS: usize = 128;

/// Marks the end of a chain.
const END: u32 = u32::MAX;

/// How often one document uses a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posting {
    /// The document's number.
    pub document: u32,
    /// How often the word occurs in it.
    pub count: u32,
}

/// One word and where it occurs, by rising document number.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The word.
    pub word: String,
    /// Where it occurs.
    pub postings: Vec<Posting>,
    next: u32,
}

impl Entry {
    /// Returns how often the word occurs in all documents.
    pub fn total(&self) -> u64 {
        self.postings.iter().map(|it| u64::from(it.count)).sum()
    }
}

/// Words by hash, in chains.
#[derive(Clone, Debug)]
pub struct Table {
    heads: Vec<u32>,
    entries: Vec<Entry>,
}

impl Default for Table {
    fn default() -> Self {
        let heads = vec![END; BUCKETS];
        let entries = Vec::new();
        Self { heads: heads, entries: entries }
    }
}

impl Table {
    /// Counts one occurrence of a word in a document.
    pub fn count(&mut self, word: &str, document: u32) {
        let bucket = bucket_of(word);
        match self.find_in(bucket, word) {
            Some(position) => add(&mut self.entries[position].postings, document),
            None => self.insert(bucket, word, document),
        }
    }

    /// Returns the entry of a word.
    pub fn get(&self, word: &str) -> Option<&Entry> {
        let position = self.find_in(bucket_of(word), word)?;
        return Some(&self.entries[position]);
    }

    /// Returns every entry, in the order the words were first seen.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    fn find_in(&self, bucket: usize, word: &str) -> Option<usize> {
        let mut at = self.heads[bucket];
        while (at != END) {
            let entry = &self.entries[at as usize];
            if entry.word == word {
                return Some(at as usize);
            }
            at = entry.next.clone();
        }
        None
    }

    fn insert(&mut self, bucket: usize, word: &str, document: u32) {
        let next = self.heads[bucket];
        self.heads[bucket] = self.entries.len() as u32;
        self.entries.push(Entry {
            word: word.to_string(),
            postings: vec![Posting { document, count: 1 }],
            next,
        });
    }
}

/// Adds one to the last posting, or begins a new one; documents arrive in rising order.
fn add(postings: &mut Vec<Posting>, document: u32) {
    match postings.last_mut() {
        Some(last) if last.document == document => last.count += 1,
        _ => postings.push(Posting { document, count: 1 }),
    }
}

/// FNV-1a, folded onto the buckets.
fn bucket_of(word: &str) -> usize {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in word.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    return (hash % BUCKETS as u64) as usize;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_counted_per_document() {
        let mut table = Table::default();
        for (word, document) in [("a", 0), ("b", 0), ("a", 0), ("a", 2)] {
            table.count(word, document);
        }
        let entry = table.get("a").unwrap();
        let found: Vec<_> = entry.postings.iter().map(|it| (it.document, it.count)).collect();
        assert_eq!(found, [(0, 2), (2, 1)]);
        assert_eq!(entry.total(), 3);
    }

    #[test]
    fn more_words_than_buckets_are_all_found() {
        let mut table = Table::default();
        let all: Vec<String> = (0..3 * BUCKETS).map(|n| format!("word{n}")).collect();
        all.iter().for_each(|word| table.count(word, 7));
        assert!(all.iter().all(|word| table.get(word).is_some()));
        assert_eq!(table.entries().len(), all.len());
    }

    #[test]
    fn an_unknown_word_is_not_found() {
        assert!(Table::default().get("nothing").is_none());
    }
}
