//! How names and numbers of a module are written in messages: on one line,
//! short, and without anything that a terminal would act on.

use std::fmt::Write;

use wasmparser::{FuncType, ValType};

/// Longest name shown, in characters: two lines of a terminal.
const NAME_CHARS_MAX: usize = 120;

/// A name from the module, inert and cut.
pub(super) fn name(name: &str) -> String {
    let mut chars = name.chars();
    let head: String = chars.by_ref().take(NAME_CHARS_MAX).collect();
    let mut shown = crate::inert(&head)
        .replace('\n', "\\n")
        .replace('\t', "\\t");
    if chars.next().is_some() {
        shown.push('…');
    }
    shown
}

/// Whether a name shows as it is.
pub(super) fn is_plain(text: &str) -> bool {
    name(text) == text
}

/// The names as a list of at most `most`, each in backticks.
pub(super) fn names<'a>(names: impl IntoIterator<Item = &'a str>, most: usize) -> String {
    let mut list = String::new();
    let mut more = 0_usize;
    for (place, text) in names.into_iter().enumerate() {
        if place >= most {
            more += 1;
        } else {
            let comma = if place == 0 { "" } else { ", " };
            let _ = write!(list, "{comma}`{}`", name(text));
        }
    }
    if more > 0 {
        let _ = write!(list, " and {more} more");
    }
    list
}

/// A size for people: `132 bytes`, `1.8 MiB`.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 3] = ["KiB", "MiB", "GiB"];
    if bytes == 1 {
        return "1 byte".into();
    }
    if bytes < 1024 {
        return format!("{bytes} bytes");
    }
    let power = (bytes.ilog2() / 10).min(UNITS.len() as u32);
    let tenths = (u128::from(bytes) * 10) >> (10 * power);
    let unit = UNITS[power as usize - 1];
    match tenths % 10 {
        0 => format!("{} {unit}", tenths / 10),
        rest => format!("{}.{rest} {unit}", tenths / 10),
    }
}

/// A function's type: `(i32, i64) -> f64`.
pub(super) fn signature<T: ToString>(params: &[T], results: &[T]) -> String {
    let list = |types: &[T]| {
        types
            .iter()
            .map(T::to_string)
            .collect::<Vec<_>>()
            .join(", ")
    };
    match results {
        [] => format!("({}) -> ()", list(params)),
        [one] => format!("({}) -> {}", list(params), one.to_string()),
        several => format!("({}) -> ({})", list(params), list(several)),
    }
}

/// A function's type as the module declares it.
pub(super) fn func_type(ty: &FuncType) -> String {
    signature::<ValType>(ty.params(), ty.results())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_cut_and_never_rounded_up() {
        for (size, shown) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (1023, "1023 bytes"),
            (1024, "1 KiB"),
            (1_887_435, "1.7 MiB"),
            (128 << 20, "128 MiB"),
            (4 << 30, "4 GiB"),
            (u64::MAX, "17179869183.9 GiB"),
        ] {
            assert_eq!(bytes(size), shown);
        }
    }

    #[test]
    fn names_are_inert_and_short() {
        assert_eq!(name("a\u{1b}[2J\n\u{202e}b"), "a\\u{1b}[2J\\n\\u{202e}b");
        assert_eq!(name(&"x".repeat(500)).chars().count(), NAME_CHARS_MAX + 1);
        assert_eq!(names(["a", "b", "c"], 2), "`a`, `b` and 1 more");
    }
}
