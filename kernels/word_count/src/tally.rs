//! Words and how often each was seen.

use std::borrow::Cow;
use std::fmt;
use std::hash::Hasher as _;

use fnv::FnvHasher;
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
    /// In a table that is given each hash, because a word is hashed while its
    /// end is looked for. FNV has no random seed: one text gives one result
    /// wherever it runs, and who writes the text pays for its collisions alone.
    seen: HashTable<(String, u64)>,
    words: u64,
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
        let mut rest = &*text;
        while !rest.is_empty() {
            // No word goes across white space, and letters and digits alone are
            // one word: most words need no tables.
            let (plain, hash) = plain_start(rest.as_bytes());
            let piece = match rest.as_bytes().get(plain) {
                None => plain,
                Some(next) if next.is_ascii_whitespace() => plain,
                Some(_) => {
                    let more = rest
                        .bytes()
                        .skip(plain)
                        .position(|byte| byte.is_ascii_whitespace());
                    more.map_or(rest.len(), |more| plain + more)
                }
            };
            if piece > plain {
                self.add_words_of(&rest[..piece], min_length);
            } else if plain >= min_length {
                self.add_word(&rest[..plain], hash, 1);
            }
            rest = rest.get(piece + 1..).unwrap_or_default();
        }
    }

    pub(crate) fn add_counts(&mut self, counts: &Counts<'_>) {
        for (word, times) in &counts.top {
            self.add_word(word, hash_of(word), *times);
        }
    }

    /// The words by falling frequency, at most `top` of them.
    pub(crate) fn counts(&self, top: Option<usize>) -> Counts<'_> {
        let mut words: Vec<(&str, u64)> = self
            .seen
            .iter()
            .map(|(word, times)| (word.as_str(), *times))
            .collect();
        let by_frequency =
            |a: &(&str, u64), b: &(&str, u64)| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0));
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
                .map(|(word, times)| (Cow::Borrowed(word), times))
                .collect(),
        }
    }

    fn add_words_of(&mut self, piece: &str, min_length: usize) {
        for word in piece.unicode_words() {
            if word.chars().nth(min_length - 1).is_some() {
                let lower = word.to_lowercase();
                self.add_word(&lower, hash_of(&lower), 1);
            }
        }
    }

    fn add_word(&mut self, word: &str, hash: u64, times: u64) {
        self.words += times;
        match self.seen.find_mut(hash, |(known, _)| known == word) {
            Some((_, seen)) => *seen += times,
            None => {
                self.seen
                    .insert_unique(hash, (word.to_owned(), times), |(known, _)| hash_of(known));
            }
        }
    }
}

/// How many lower-case letters and digits of ASCII a text begins with, and the
/// hash of them.
fn plain_start(bytes: &[u8]) -> (usize, u64) {
    let mut hasher = FnvHasher::default();
    let mut plain = 0;
    while let Some(byte) = bytes
        .get(plain)
        .filter(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    {
        hasher.write(&[*byte]);
        plain += 1;
    }
    (plain, hasher.finish())
}

fn hash_of(word: &str) -> u64 {
    let mut hasher = FnvHasher::default();
    hasher.write(word.as_bytes());
    hasher.finish()
}

/// The text with its accents composed, so that é is one letter however it was
/// typed.
fn composed(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
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
