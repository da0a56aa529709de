//! Words and how often each was seen.

use std::borrow::Cow;
use std::fmt;

use hashbrown::HashTable;
use serde::{Deserialize, Serialize};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};
use unicode_segmentation::UnicodeSegmentation;

/// What was counted, as JSON has it: `{"words": 8, "distinct": 5, "top":
/// [["the", 3], …]}`, where equal counts are in the order of the words.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counts<'a> {
    /// Words in all.
    pub(crate) words: u64,
    /// Different words, listed or not.
    pub(crate) distinct: u64,
    #[serde(borrow)]
    pub(crate) top: Vec<(Cow<'a, str>, u64)>,
}

#[derive(Default)]
pub(crate) struct Tally {
    /// In a table that is given each hash, because a word's first bytes are at
    /// hand when its end is found. The hash has no random seed: one text gives
    /// one result wherever it runs, and who writes the text pays for its
    /// collisions alone.
    seen: HashTable<Seen>,
    words: u64,
}

/// Bytes of a head.
const HEAD_BYTES: usize = size_of::<u64>();
/// 2⁶⁴ divided by the golden ratio: an odd number without a pattern.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// A word and how often it was seen.
struct Seen {
    /// The first bytes, zeros where there are fewer: with the length it is all
    /// of a short word.
    head: u64,
    /// Whole, as UTF-8: bytes can be cut without a look at their neighbours.
    word: Box<[u8]>,
    times: u64,
}

impl Seen {
    fn hash(&self) -> u64 {
        hash_of(self.head, &self.word)
    }
}

impl fmt::Debug for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tally")
            .field("words", &self.words)
            .finish_non_exhaustive()
    }
}

impl Tally {
    /// Counts the words of at least `min_length` letters.
    pub(crate) fn add_text(&mut self, text: &str, min_length: usize) {
        let text = composed(text);
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            // No word goes across white space, and letters and digits alone are
            // one word: most words need no tables.
            let (plain, head) = plain_start(bytes, at);
            let end = match bytes.get(at + plain..) {
                None | Some([]) => bytes.len(),
                Some([next, ..]) if next.is_ascii_whitespace() => at + plain,
                Some(more) => {
                    let more = more.iter().position(u8::is_ascii_whitespace);
                    more.map_or(bytes.len(), |more| at + plain + more)
                }
            };
            if end > at + plain {
                self.add_words_of(&text[at..end], min_length);
            } else if plain >= min_length {
                self.add_word(&bytes[at..end], head, 1);
            }
            at = end + 1;
        }
    }

    pub(crate) fn add_counts(&mut self, counts: &Counts<'_>) {
        for (word, times) in &counts.top {
            self.add_word(word.as_bytes(), eight_at(word.as_bytes(), 0), *times);
        }
    }

    /// The words by falling frequency, at most `top` of them.
    pub(crate) fn counts(&self, top: Option<usize>) -> Counts<'_> {
        let mut words: Vec<(&[u8], u64)> = self
            .seen
            .iter()
            .map(|seen| (&*seen.word, seen.times))
            .collect();
        let by_frequency =
            |a: &(&[u8], u64), b: &(&[u8], u64)| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0));
        if let Some(top) = top.filter(|top| *top < words.len()) {
            words.select_nth_unstable_by(top, by_frequency);
            words.truncate(top);
        }
        words.sort_unstable_by(by_frequency);
        Counts {
            words: self.words,
            distinct: self.seen.len() as u64,
            top: words
                .into_iter()
                .map(|(word, times)| (String::from_utf8_lossy(word), times))
                .collect(),
        }
    }

    #[inline(never)]
    fn add_words_of(&mut self, piece: &str, min_length: usize) {
        for word in piece.unicode_words() {
            if word.chars().nth(min_length - 1).is_some() {
                let lower = word.to_lowercase();
                let lower = lower.as_bytes();
                self.add_word(lower, eight_at(lower, 0), 1);
            }
        }
    }

    #[inline]
    fn add_word(&mut self, word: &[u8], head: u64, times: u64) {
        self.words += times;
        let hash = hash_of(head, word);
        let known = if word.len() > HEAD_BYTES {
            self.find_long(hash, word)
        } else {
            let is = |known: &Seen| known.head == head && known.word.len() == word.len();
            self.seen.find_mut(hash, is)
        };
        match known {
            Some(known) => known.times += times,
            None => self.insert(hash, head, word, times),
        }
    }

    #[inline(never)]
    fn find_long(&mut self, hash: u64, word: &[u8]) -> Option<&mut Seen> {
        self.seen.find_mut(hash, |known| *known.word == *word)
    }

    /// Apart, so that what is done for every word stays small.
    #[cold]
    #[inline(never)]
    fn insert(&mut self, hash: u64, head: u64, word: &[u8], times: u64) {
        let new = Seen {
            head,
            word: word.into(),
            times,
        };
        self.seen.insert_unique(hash, new, Seen::hash);
    }
}

/// Multiplies eight bytes at a time, because these are at hand. The halves are
/// joined at the end: a table on 32 bits takes the lower one, which of a
/// product is the poor one.
#[inline]
fn hash_of(head: u64, word: &[u8]) -> u64 {
    let hash = head.wrapping_mul(SPREAD);
    let hash = if word.len() > HEAD_BYTES {
        hash_on(hash, word)
    } else {
        hash
    };
    hash ^ hash >> 32
}

#[inline(never)]
fn hash_on(mut hash: u64, word: &[u8]) -> u64 {
    for at in (HEAD_BYTES..word.len()).step_by(HEAD_BYTES) {
        let next = hash.rotate_left(23) ^ eight_at(word, at);
        hash = next.wrapping_mul(SPREAD);
    }
    hash
}

/// How many lower-case letters and digits of ASCII follow here, and the head of
/// the word they are.
fn plain_start(bytes: &[u8], at: usize) -> (usize, u64) {
    let eight = eight_at(bytes, at);
    let mut plain = plain_of(eight);
    if plain < 8 {
        return (plain, eight & ((1 << (8 * plain)) - 1));
    }
    loop {
        let more = plain_of(eight_at(bytes, at + plain));
        plain += more;
        if more < 8 {
            return (plain, eight);
        }
    }
}

/// Eight bytes from here on, zeros beyond the end.
fn eight_at(bytes: &[u8], at: usize) -> u64 {
    let rest = bytes.get(at..).unwrap_or_default();
    match rest.first_chunk() {
        Some(eight) => u64::from_le_bytes(*eight),
        None => rest
            .iter()
            .rev()
            .fold(0, |eight, byte| eight << 8 | u64::from(*byte)),
    }
}

/// How many of eight bytes, from the first on, are lower-case letters and
/// digits of ASCII: all eight are compared at once, by sums that carry into
/// the highest bit of a byte where it is at least something.
fn plain_of(eight: u64) -> usize {
    const HIGH: u64 = each(0x80);
    let low = eight & !HIGH;
    let at_least = |least: u8| low + each(0x80 - least);
    let letter = at_least(b'a') & !at_least(b'z' + 1);
    let digit = at_least(b'0') & !at_least(b'9' + 1);
    let others = !((letter | digit) & !eight) & HIGH;
    (others.trailing_zeros() / 8) as usize
}

/// This byte eight times.
const fn each(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// Whether no byte has its highest bit: a piece at a time without a look in
/// between, so that it is done in vectors, by modules too.
fn is_ascii(text: &str) -> bool {
    const PIECE_BYTES: usize = 4096;
    let mut pieces = text.as_bytes().chunks(PIECE_BYTES);
    pieces.all(|piece| piece.iter().fold(0, |all, byte| all | byte) < 0x80)
}

/// The text with its accents composed, so that é is one letter however it was
/// typed.
fn composed(text: &str) -> Cow<'_, str> {
    if is_ascii(text) {
        return Cow::Borrowed(text);
    }
    match is_nfc_quick(text.chars()) {
        IsNormalized::Yes => Cow::Borrowed(text),
        IsNormalized::No | IsNormalized::Maybe => Cow::Owned(text.nfc().collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(text: &str, min_length: usize) -> Vec<(String, u64)> {
        let mut tally = Tally::default();
        tally.add_text(text, min_length);
        tally
            .counts(None)
            .top
            .into_iter()
            .map(|(word, times)| (word.into_owned(), times))
            .collect()
    }

    #[test]
    fn a_word_is_a_word_in_every_script() {
        assert_eq!(
            counted("Größe GRÖSSE größe, 3.14 мёд Мёд can't", 1),
            [
                ("größe", 2),
                ("мёд", 2),
                ("3.14", 1),
                ("can't", 1),
                ("grösse", 1)
            ]
            .map(|(word, times)| (word.to_owned(), times))
        );
    }

    #[test]
    fn pieces_have_the_words_of_the_whole() {
        let text = "plain Words, don't-stop 3.14 a1b2 x_y\tz\r\nend. \u{301}mark \u{200d}join \
                    日本語 ab\u{a0}cd\u{2028}ef naïve \u{1f1e9}\u{1f1ea}flag e\u{301}a \"q\" -- \u{c}";
        let mut whole: Vec<String> = composed(text)
            .unicode_words()
            .map(str::to_lowercase)
            .collect();
        whole.sort();
        let mut pieces: Vec<String> = counted(text, 1)
            .into_iter()
            .flat_map(|(word, times)| (0..times).map(move |_| word.clone()))
            .collect();
        pieces.sort();
        assert_eq!(pieces, whole);
    }

    #[test]
    fn plain_bytes_are_found_in_any_place_and_neighbourhood() {
        for byte in 0..=u8::MAX {
            let is_plain = byte.is_ascii_lowercase() || byte.is_ascii_digit();
            for (place, filler) in (0..8).flat_map(|place| [(place, b'a'), (place, b'9')]) {
                let mut eight = [filler; 8];
                eight[place] = byte;
                let plain = if is_plain { 8 } else { place };
                assert_eq!(plain_of(u64::from_le_bytes(eight)), plain, "{eight:?}");
            }
        }
    }

    #[test]
    fn words_that_begin_alike_are_told_apart_at_any_length() {
        let words: Vec<String> = (1..40)
            .flat_map(|length| ["x", "y"].map(|last| format!("{:a<length$}{last}", "")))
            .collect();
        let text = words.join(" ");
        let counts = counted(&format!("{text}\n{text}"), 1);
        assert_eq!(counts.len(), words.len());
        assert!(counts.iter().all(|(_, times)| *times == 2), "{counts:?}");
    }

    #[test]
    fn an_accent_counts_the_same_however_it_was_typed() {
        assert_eq!(
            counted("caf\u{e9} cafe\u{301}", 1),
            [("café".to_owned(), 2)]
        );
    }

    #[test]
    fn length_is_in_letters_not_bytes() {
        assert_eq!(counted("мёд honig", 4), [("honig".to_owned(), 1)]);
        assert_eq!(counted("мёд", 3), [("мёд".to_owned(), 1)]);
    }

    #[test]
    fn counts_can_be_added_to() {
        let (mut one, mut both) = (Tally::default(), Tally::default());
        one.add_text("a b a", 1);
        both.add_text("b c", 1);
        both.add_counts(&one.counts(None));
        let counts = both.counts(Some(2));
        assert_eq!((counts.words, counts.distinct), (5, 3));
        assert_eq!(
            counts.top,
            [(Cow::Borrowed("a"), 2), (Cow::Borrowed("b"), 2)]
        );
    }
}
