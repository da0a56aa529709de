//! Placeholders in a program's arguments: `{index}`, `{count}`, `{item}`,
//! `{line}`, `{file}`, `{stem}`, and `{NAME}` of a parameter that a job sweeps.
//!
//! Only a plain word in braces is one, so JSON passes as it is; `{{word}}`
//! stands for `{word}` itself.

use api::{Error, ErrorCode};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Placeholder {
    Index,
    Count,
    Item,
    Line,
    File,
    Stem,
    /// Of a sweep, by its name.
    Parameter(String),
}

impl Placeholder {
    /// Those that have a name of their own.
    pub const NAMED: [Placeholder; 6] = [
        Placeholder::Index,
        Placeholder::Count,
        Placeholder::Item,
        Placeholder::Line,
        Placeholder::File,
        Placeholder::Stem,
    ];

    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Placeholder::Index => "index",
            Placeholder::Count => "count",
            Placeholder::Item => "item",
            Placeholder::Line => "line",
            Placeholder::File => "file",
            Placeholder::Stem => "stem",
            Placeholder::Parameter(name) => name,
        }
    }

    fn parse(word: &str, parameters: &[String]) -> Option<Placeholder> {
        let parameter = parameters.iter().find(|name| *name == word);
        Placeholder::NAMED
            .into_iter()
            .find(|placeholder| placeholder.name() == word)
            .or_else(|| parameter.cloned().map(Placeholder::Parameter))
    }
}

/// A text, cut at its placeholders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Part {
    Text(String),
    Value(Placeholder),
}

impl Template {
    /// `parameters` are the names of a sweep, where there is one.
    ///
    /// # Errors
    /// [`ErrorCode::UnknownPlaceholder`] for a word in braces that is none.
    pub fn parse(text: &str, parameters: &[String]) -> Result<Template, Error> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            plain.push_str(&rest[..open]);
            rest = &rest[open..];
            let quoted = rest
                .strip_prefix("{{")
                .and_then(word)
                .filter(|(_, after)| after.starts_with("}}"));
            if let Some((word, after)) = quoted {
                plain.extend(["{", word, "}"]);
                rest = &after[2..];
            } else if let Some((word, after)) =
                word(&rest[1..]).filter(|(_, after)| after.starts_with('}'))
            {
                let placeholder = Placeholder::parse(word, parameters)
                    .ok_or_else(|| unknown(word, parameters))?;
                if !plain.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut plain)));
                }
                parts.push(Part::Value(placeholder));
                rest = &after[1..];
            } else {
                plain.push('{');
                rest = &rest[1..];
            }
        }
        plain.push_str(rest);
        if !plain.is_empty() || parts.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Template(parts))
    }

    /// A text without placeholders, whatever is in it.
    #[must_use]
    pub fn literal(text: impl Into<String>) -> Template {
        Template(vec![Part::Text(text.into())])
    }

    pub fn placeholders(&self) -> impl Iterator<Item = &Placeholder> {
        self.0.iter().filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Value(placeholder) => Some(placeholder),
        })
    }

    /// The text with each placeholder's value in its place; one without a
    /// value gives nothing.
    #[must_use]
    pub fn fill<'v>(&self, mut value: impl FnMut(&Placeholder) -> &'v str) -> String {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Value(placeholder) => out.push_str(value(placeholder)),
            }
        }
        out
    }
}

/// A word at the beginning, and what comes after it.
fn word(text: &str) -> Option<(&str, &str)> {
    let end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .unwrap_or(text.len());
    let first = text.chars().next()?;
    (end > 0 && !first.is_ascii_digit()).then(|| text.split_at(end))
}

fn unknown(word: &str, parameters: &[String]) -> Error {
    let names: Vec<String> = Placeholder::NAMED
        .iter()
        .map(Placeholder::name)
        .chain(parameters.iter().map(String::as_str))
        .map(|name| format!("{{{name}}}"))
        .collect();
    Error::new(
        ErrorCode::UnknownPlaceholder,
        format!("there is no placeholder {{{word}}}"),
    )
    .hint(format!(
        "use one of {}, or write {{{{{word}}}}} for the text itself",
        names.join(" ")
    ))
}

#[cfg(test)]
mod tests {
    use super::{Placeholder, Template};
    use api::ErrorCode;

    fn fill(text: &str) -> String {
        Template::parse(text, &["width".to_owned()]).unwrap().fill(
            |placeholder| match placeholder {
                Placeholder::Index => "7",
                Placeholder::Count => "9",
                Placeholder::Item => "it",
                Placeholder::Line => "li",
                Placeholder::File => "/in/a.txt",
                Placeholder::Stem => "a",
                Placeholder::Parameter(_) => "wd",
            },
        )
    }

    #[test]
    fn words_in_braces_are_filled_and_everything_else_stays() {
        for (text, expected) in [
            ("", ""),
            ("plain", "plain"),
            ("{index}", "7"),
            ("a{index}b{count}c", "a7b9c"),
            ("{item}{line}{file}{stem}", "itli/in/a.txta"),
            ("{width}x", "wdx"),
            ("{{index}}", "{index}"),
            ("{{{index}}}", "{{index}}"),
            (r#"{"a":{"b":1}}"#, r#"{"a":{"b":1}}"#),
            ("{ index }", "{ index }"),
            ("{0}", "{0}"),
            ("{", "{"),
            ("}{", "}{"),
            ("{}", "{}"),
            ("ü{index}ü", "ü7ü"),
        ] {
            assert_eq!(fill(text), expected, "{text}");
        }
    }

    #[test]
    fn an_unknown_word_is_an_error_that_says_which() {
        let error = Template::parse("x{idx}", &["width".to_owned()]).unwrap_err();
        assert_eq!(error.code, ErrorCode::UnknownPlaceholder);
        assert!(error.message.contains("{idx}"), "{error}");
        assert!(error.hint.unwrap().contains("{stem} {width}"));
    }
}
