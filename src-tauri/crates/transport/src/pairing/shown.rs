//! Text from somebody we do not know, made fit to be shown to people.

/// The longest name that is shown, in characters.
pub const NAME_CHARS_MAX: usize = 60;

/// The text on one line, without characters that cannot be seen, that a
/// terminal acts on or that turn the writing around; at most
/// [`NAME_CHARS_MAX`] characters, and empty where nothing is left. Marks of
/// HTML stay: whoever shows a name shows text.
pub fn shown(text: &str) -> String {
    let mut shown = String::new();
    let mut count = 0;
    let mut gap = false;
    for c in text.chars() {
        if c.is_whitespace() || c.is_control() {
            gap = count > 0;
            continue;
        }
        if is_unseen(c) {
            continue;
        }
        if count + usize::from(gap) >= NAME_CHARS_MAX {
            break;
        }
        if gap {
            shown.push(' ');
            count += 1;
            gap = false;
        }
        shown.push(c);
        count += 1;
    }
    shown
}

/// Bidi_Control of UAX #9, and the format characters that show nothing: two
/// names that look alike are alike.
fn is_unseen(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}'
        | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_is_one_line_of_what_can_be_seen() {
        let cases = [
            ("studio-pc", "studio-pc"),
            ("  Ada's\n\tlaptop ", "Ada's laptop"),
            ("\u{1b}[31mred\u{7}", "[31mred"),
            ("gpj.\u{202e}exe", "gpj.exe"),
            ("a\u{200b}b\u{feff}c\u{e0041}", "abc"),
            (
                "<img src=x onerror=alert(1)>",
                "<img src=x onerror=alert(1)>",
            ),
            ("\u{1f41d} Bienenkorb", "\u{1f41d} Bienenkorb"),
            ("\u{2066}\u{2069}\0", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_long_name_is_cut() {
        assert_eq!(shown(&"ä".repeat(500)), "ä".repeat(60));
        assert_eq!(
            shown(&"a ".repeat(500)).chars().count(),
            59,
            "no gap at the end"
        );
    }

    proptest! {
        #[test]
        fn any_text_is_fit_to_be_shown_and_showing_it_again_changes_nothing(text in ".*") {
            let once = shown(&text);
            prop_assert!(once.chars().count() <= NAME_CHARS_MAX);
            prop_assert!(!once.chars().any(|c| c.is_control() || is_unseen(c)));
            prop_assert_eq!(shown(&once), once.clone());
        }
    }
}
