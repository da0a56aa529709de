//! Text that a module wrote, made harmless: on a terminal it may be read, and
//! command nothing.

/// One line: control characters, line ends too, become visible.
pub(crate) fn inert(text: &str) -> String {
    text.chars()
        .map(|c| if commands(c) { '\u{fffd}' } else { c })
        .collect()
}

/// Several lines: line feeds and tabs stay.
pub(crate) fn inert_lines(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .chars()
        // A line's end as Windows writes it is no command.
        .filter(|c| *c != '\r')
        .map(|c| {
            if c != '\n' && c != '\t' && commands(c) {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}

/// C0 and C1 controls, and what turns the direction of text around.
fn commands(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::{inert, inert_lines};

    #[test]
    fn a_guest_cannot_command_the_terminal() {
        assert_eq!(
            inert("a\x1b[2Jb\n\u{9b}31m"),
            "a\u{fffd}[2Jb\u{fffd}\u{fffd}31m"
        );
        assert_eq!(inert("x\u{202e}y"), "x\u{fffd}y");
        assert_eq!(
            inert_lines(b"one\r\n\ttwo\x07\xff"),
            "one\n\ttwo\u{fffd}\u{fffd}"
        );
        assert_eq!(inert("grün 蜂"), "grün 蜂");
    }
}
