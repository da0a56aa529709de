//! Text from a module, made safe to show: no control characters, no tricks
//! with writing direction, never longer than a message may be.

use crate::limits::MESSAGE_BYTES_MAX;

/// The text with everything that a terminal would act on written out, cut at
/// [`MESSAGE_BYTES_MAX`]; line breaks and tabs stay.
pub fn inert(text: &str) -> String {
    let mut safe = String::with_capacity(text.len().min(MESSAGE_BYTES_MAX));
    for c in text.chars() {
        if safe.len() + 12 > MESSAGE_BYTES_MAX {
            safe.push('…');
            break;
        }
        if matches!(c, '\n' | '\t') || !(c.is_control() || turns_direction(c)) {
            safe.push(c);
        } else {
            safe.extend(c.escape_unicode());
        }
    }
    safe
}

/// Marks, embeddings, overrides and isolates of bidirectional text, and the
/// separators that some terminals break lines at.
fn turns_direction(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_written_out_and_words_stay() {
        assert_eq!(inert("naïve\n\tλ"), "naïve\n\tλ");
        assert_eq!(inert("\u{1b}]8;;x\u{7}"), "\\u{1b}]8;;x\\u{7}");
        assert_eq!(inert("a\u{202e}b\u{9b}2J"), "a\\u{202e}b\\u{9b}2J");
    }

    #[test]
    fn long_text_is_cut() {
        let cut = inert(&"\u{1b}".repeat(1 << 20));
        assert!(cut.len() <= MESSAGE_BYTES_MAX && cut.ends_with('…'));
    }
}
