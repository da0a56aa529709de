//! What built a module, by its `producers` section: a claim, shown as one.

use std::fmt;

use wasmparser::{CustomSectionReader, KnownCustom};

use super::show;

/// Longest name or version shown, in characters; a longer one is no name.
const WORD_CHARS_MAX: usize = 40;

/// A language or compiler, and its version where it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toolchain {
    /// `Rust`, `Go`, `clang`, …
    pub name: String,
    /// Major and minor: `1.95`.
    pub version: Option<String>,
}

impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        match &self.version {
            Some(version) => write!(f, " {version}"),
            None => Ok(()),
        }
    }
}

/// Compilers, as `processed-by` names them, and what people call them; a
/// language says less than the compiler's version.
const COMPILERS: [(&str, &str); 8] = [
    ("rustc", "Rust"),
    ("TinyGo", "TinyGo"),
    ("Go cmd/compile", "Go"),
    ("componentize-py", "componentize-py"),
    ("ComponentizeJS", "ComponentizeJS"),
    ("Swift", "Swift"),
    ("zig", "Zig"),
    ("clang", "clang"),
];

impl Toolchain {
    /// What the section tells, if it is a `producers` section and tells anything.
    pub(super) fn from_section(section: &CustomSectionReader<'_>) -> Option<Toolchain> {
        let KnownCustom::Producers(fields) = section.as_known() else {
            return None;
        };
        let mut languages = Vec::new();
        let mut tools = Vec::new();
        for field in fields.into_iter().map_while(Result::ok) {
            let values = field.values.into_iter().map_while(Result::ok);
            match field.name {
                "language" => languages.extend(values.map(|value| (value.name, value.version))),
                "processed-by" => tools.extend(values.map(|value| (value.name, value.version))),
                _ => {}
            }
        }
        let compiler = COMPILERS.iter().find_map(|(tool, name)| {
            tools
                .iter()
                .find(|(found, _)| found.eq_ignore_ascii_case(tool))
                .and_then(|(_, version)| Toolchain::new(name, version))
        });
        compiler.or_else(|| {
            languages
                .iter()
                .find_map(|(language, version)| Toolchain::new(language, version))
        })
    }

    fn new(name: &str, version: &str) -> Option<Toolchain> {
        let name = word(name)?;
        let version = version.trim_start_matches("go");
        let mut numbers = version.split(|c: char| c != '.' && !c.is_ascii_digit());
        let mut parts = numbers.next().unwrap_or_default().split('.');
        let version = match (parts.next(), parts.next()) {
            (Some(major), Some(minor)) if !major.is_empty() && !minor.is_empty() => {
                word(&format!("{major}.{minor}"))
            }
            (Some(major), _) if !major.is_empty() => word(major),
            _ => None,
        };
        Some(Toolchain { name, version })
    }
}

fn word(text: &str) -> Option<String> {
    let fits = !text.is_empty() && text.chars().count() <= WORD_CHARS_MAX;
    (fits && show::is_plain(text)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_major_and_minor() {
        for (name, version, shown) in [
            ("Rust", "1.95.0 (59807616e 2026-04-14)", "Rust 1.95"),
            ("Go", "go1.26.1", "Go 1.26"),
            (
                "clang",
                "21.1.2-wasi-sdk (https://example.org)",
                "clang 21.1",
            ),
            ("C11", "", "C11"),
            ("Zig", "7", "Zig 7"),
        ] {
            let toolchain = Toolchain::new(name, version).expect("a plain name");
            assert_eq!(toolchain.to_string(), shown);
        }
        assert_eq!(Toolchain::new("R\u{1b}[2J", "1"), None);
        assert_eq!(Toolchain::new("", "1"), None);
    }
}
