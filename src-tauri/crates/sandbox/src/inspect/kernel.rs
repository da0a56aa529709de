//! What a kernel says of itself in its section `skep.kernel`: JSON of schema
//! 1, read as hostile. A field that schema 1 does not have is passed over, so
//! that a newer kernel still tells an older pool what both know.

use serde::Deserialize;
use serde_json::Value as Json;

use super::{parameter, show};
use crate::limits::{
    CHOICES_MAX, KERNEL_BYTES_MAX, KERNEL_HELP_BYTES_MAX, KERNEL_WORD_BYTES_MAX, PARAMETERS_MAX,
};

/// The section's name.
pub(super) const SECTION: &str = "skep.kernel";
/// The schema this reads.
const SCHEMA: u64 = 1;

/// A kernel's description, checked: every text is one plain line, every
/// default is a value that its parameter takes.
#[derive(Clone, Debug, PartialEq)]
pub struct KernelDescription {
    /// What it is, in a few words.
    pub title: String,
    /// What it does, in one line.
    pub help: String,
    /// In the order of the form.
    pub parameters: Vec<Parameter>,
    /// Media type of the result.
    pub result: Option<String>,
    /// Who counts its tasks.
    pub split: Split,
    /// What becomes of the results.
    pub fold: Fold,
    /// A fold of the kernel's own may be done in a tree, and partially.
    pub associative: bool,
    /// One instance may do many tasks.
    pub batch: bool,
}

/// Who counts a kernel's tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// The kernel, in its mode `plan`.
    Plan,
    /// The person, by one of our splits.
    Input,
}

/// What becomes of a kernel's results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fold {
    /// They stay as they are.
    #[default]
    None,
    /// One after the other.
    Concat,
    /// The kernel makes one of them, in its mode `fold`.
    Kernel,
}

/// A kernel's parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Lower case letters, digits and underscores, a letter first.
    pub name: String,
    /// What values it takes.
    pub kind: ParameterKind,
    /// The value where none is given; without a default one must be given.
    pub default: Option<String>,
    /// What it means, in one line; may be empty.
    pub help: String,
}

/// What values a parameter takes.
#[derive(Clone, Debug, PartialEq)]
pub enum ParameterKind {
    /// A whole number, both ends included.
    Integer {
        /// Smallest.
        min: i64,
        /// Largest.
        max: i64,
    },
    /// A finite number, both ends included.
    Number {
        /// Smallest.
        min: f64,
        /// Largest.
        max: f64,
    },
    /// Any text of at most [`PARAMETER_BYTES_MAX`](crate::limits::PARAMETER_BYTES_MAX).
    String,
    /// `true` or `false`.
    Bool,
    /// One of these words.
    Choice(Vec<String>),
}

#[derive(Deserialize)]
struct RawSchema {
    schema: Json,
}

#[derive(Deserialize)]
struct RawKernel {
    title: String,
    #[serde(default)]
    help: String,
    #[serde(default)]
    parameters: Vec<RawParameter>,
    #[serde(default)]
    result: Option<String>,
    split: Split,
    #[serde(default)]
    fold: Fold,
    #[serde(default)]
    associative: bool,
    #[serde(default)]
    batch: bool,
}

#[derive(Deserialize)]
struct RawParameter {
    name: String,
    #[serde(rename = "type")]
    kind: RawKind,
    #[serde(default)]
    default: Option<Json>,
    #[serde(default)]
    range: Option<(Json, Json)>,
    #[serde(default)]
    choices: Option<Vec<String>>,
    #[serde(default)]
    help: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RawKind {
    Integer,
    Number,
    String,
    Bool,
    Choice,
}

impl KernelDescription {
    /// The description in the section, or what is wrong with it, in words
    /// that read after a colon.
    pub(super) fn parse(section: &[u8]) -> Result<KernelDescription, String> {
        if section.len() > KERNEL_BYTES_MAX {
            return Err(format!(
                "it is longer than {}",
                show::bytes(KERNEL_BYTES_MAX as u64)
            ));
        }
        let problem = |error: serde_json::Error| show::name(&error.to_string());
        // The schema first: what another schema has is no mistake.
        let RawSchema { schema } = serde_json::from_slice(section).map_err(problem)?;
        if schema.as_u64() != Some(SCHEMA) {
            return Err(format!(
                "it is of schema {}, and this Skep reads schema {SCHEMA}",
                show::name(&schema.to_string())
            ));
        }
        let raw: RawKernel = serde_json::from_slice(section).map_err(problem)?;
        raw.check()
    }

    /// The parameter of this name.
    pub fn parameter(&self, name: &str) -> Option<&Parameter> {
        self.parameters
            .iter()
            .find(|parameter| parameter.name == name)
    }
}

impl RawKernel {
    fn check(self) -> Result<KernelDescription, String> {
        if self.title.trim().is_empty() {
            return Err("its title is empty".into());
        }
        check_text("title", &self.title, KERNEL_WORD_BYTES_MAX)?;
        check_text("help", &self.help, KERNEL_HELP_BYTES_MAX)?;
        if let Some(media_type) = &self.result {
            check_media_type(media_type)?;
        }
        if self.parameters.len() > PARAMETERS_MAX {
            return Err(format!("it has more than {PARAMETERS_MAX} parameters"));
        }
        let mut parameters: Vec<Parameter> = Vec::with_capacity(self.parameters.len());
        for raw in self.parameters {
            let name = show::name(&raw.name);
            let parameter = raw
                .check()
                .map_err(|problem| format!("parameter `{name}`: {problem}"))?;
            if parameters.iter().any(|other| other.name == parameter.name) {
                return Err(format!("it has two parameters `{name}`"));
            }
            parameters.push(parameter);
        }
        if self.associative && self.fold != Fold::Kernel {
            return Err("only a fold of the kernel's own can be associative".into());
        }
        Ok(KernelDescription {
            title: self.title,
            help: self.help,
            parameters,
            result: self.result,
            split: self.split,
            fold: self.fold,
            associative: self.associative,
            batch: self.batch,
        })
    }
}

impl RawParameter {
    fn check(self) -> Result<Parameter, String> {
        if !is_parameter_name(&self.name) {
            return Err(format!(
                "a name has lower case letters, digits and underscores, a letter first, and at most {KERNEL_WORD_BYTES_MAX} of them"
            ));
        }
        check_text("help", &self.help, KERNEL_HELP_BYTES_MAX)?;
        let kind = self.kind()?;
        let mut parameter = Parameter {
            name: self.name,
            kind,
            default: None,
            help: self.help,
        };
        if let Some(default) = self.default {
            let text = parameter::scalar(&default).ok_or("its default is not a single value")?;
            let value = parameter
                .value(&text)
                .map_err(|error| format!("its default: {error}"))?;
            parameter.default = Some(value);
        }
        Ok(parameter)
    }

    fn kind(&self) -> Result<ParameterKind, String> {
        if self.range.is_some() && !matches!(self.kind, RawKind::Integer | RawKind::Number) {
            return Err("only numbers have a range".into());
        }
        if self.choices.is_some() && self.kind != RawKind::Choice {
            return Err("only a choice has choices".into());
        }
        match self.kind {
            RawKind::Integer => {
                let (min, max) = match &self.range {
                    None => (i64::MIN, i64::MAX),
                    Some((min, max)) => (min.as_i64())
                        .zip(max.as_i64())
                        .ok_or("its range is not of whole numbers")?,
                };
                (min <= max)
                    .then_some(ParameterKind::Integer { min, max })
                    .ok_or_else(|| "its range is empty".into())
            }
            RawKind::Number => {
                let (min, max) = match &self.range {
                    None => (f64::MIN, f64::MAX),
                    Some((min, max)) => (min.as_f64())
                        .zip(max.as_f64())
                        .ok_or("its range is not of numbers")?,
                };
                (min <= max)
                    .then_some(ParameterKind::Number { min, max })
                    .ok_or_else(|| "its range is empty".into())
            }
            RawKind::String => Ok(ParameterKind::String),
            RawKind::Bool => Ok(ParameterKind::Bool),
            RawKind::Choice => check_choices(self.choices.as_deref().unwrap_or_default()),
        }
    }
}

fn check_choices(choices: &[String]) -> Result<ParameterKind, String> {
    if choices.is_empty() || choices.len() > CHOICES_MAX {
        return Err(format!("a choice has 1 to {CHOICES_MAX} choices"));
    }
    for (at, choice) in choices.iter().enumerate() {
        check_text("choice", choice, KERNEL_WORD_BYTES_MAX)?;
        if choice.is_empty() || choices[..at].contains(choice) {
            return Err("its choices are not all different words".into());
        }
    }
    Ok(ParameterKind::Choice(choices.to_vec()))
}

fn is_parameter_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    name.len() <= KERNEL_WORD_BYTES_MAX
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(plain)
}

/// `image/png`, without parameters.
fn check_media_type(media_type: &str) -> Result<(), String> {
    let token = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    let fits = media_type.len() <= KERNEL_WORD_BYTES_MAX
        && media_type
            .split_once('/')
            .is_some_and(|(kind, subtype)| token(kind) && token(subtype));
    fits.then_some(())
        .ok_or_else(|| "its result is not a media type such as image/png".into())
}

/// One line that a terminal shows as it is.
fn check_text(what: &str, text: &str, bytes_max: usize) -> Result<(), String> {
    if text.len() > bytes_max {
        return Err(format!("its {what} is longer than {bytes_max} bytes"));
    }
    let plain = text.chars().all(|c| c != '\n' && c != '\t') && crate::inert(text) == text;
    plain
        .then_some(())
        .ok_or_else(|| format!("its {what} has characters that cannot be shown"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KERNEL: &str = r#"{"schema":1,"title":"Mandelbrot set","help":"Renders it.","parameters":[
        {"name":"width","type":"integer","default":1920,"range":[1,32768],"help":"Pixels."},
        {"name":"zoom","type":"number","default":1,"range":[1e-3,1e13]},
        {"name":"palette","type":"choice","default":"dusk","choices":["dusk","ocean"]},
        {"name":"smooth","type":"bool","default":true},
        {"name":"note","type":"string"}],
        "result":"image/png","split":"plan","fold":"kernel","associative":true,"batch":true,"since":"0.3"}"#;

    #[test]
    fn a_description_is_read_whole() {
        let kernel = KernelDescription::parse(KERNEL.as_bytes()).expect("a good one");
        assert_eq!(
            (kernel.title.as_str(), kernel.parameters.len()),
            ("Mandelbrot set", 5)
        );
        assert_eq!((kernel.split, kernel.fold), (Split::Plan, Fold::Kernel));
        assert!(kernel.associative && kernel.batch);
        assert_eq!(kernel.result.as_deref(), Some("image/png"));
        let width = kernel.parameter("width").expect("it is there");
        assert_eq!(width.kind, ParameterKind::Integer { min: 1, max: 32768 });
        assert_eq!(width.default.as_deref(), Some("1920"));
        assert_eq!(
            kernel.parameter("zoom").expect("there").default.as_deref(),
            Some("1")
        );
        assert_eq!(kernel.parameter("note").expect("there").default, None);
    }

    #[test]
    fn hostile_descriptions_are_refused_in_words() {
        let with = |from: &str, to: &str| {
            assert!(KERNEL.contains(from), "{from}");
            KernelDescription::parse(KERNEL.replace(from, to).as_bytes())
                .expect_err("this is wrong")
        };
        for (from, to, expected) in [
            (
                r#""schema":1"#,
                r#""schema":2"#,
                "it is of schema 2, and this Skep reads schema 1",
            ),
            (r#""schema":1,"#, "", "missing field `schema`"),
            ("Mandelbrot set", " ", "its title is empty"),
            (
                "Mandelbrot set",
                r"a\u001b[2J",
                "its title has characters that cannot be shown",
            ),
            (
                "Renders it.",
                r"a\nb",
                "its help has characters that cannot be shown",
            ),
            ("width", "Width", "parameter `Width`: a name has lower case"),
            ("zoom", "width", "it has two parameters `width`"),
            (
                "[1,32768]",
                "[32768,1]",
                "parameter `width`: its range is empty",
            ),
            ("[1,32768]", "[1.5,2]", "its range is not of whole numbers"),
            ("1920", "0", "parameter `width`: its default: "),
            ("1920", "[1]", "its default is not a single value"),
            ("1e13", "1e999", "number out of range"),
            (
                r#"["dusk","ocean"]"#,
                r#"["dusk","dusk"]"#,
                "its choices are not all different",
            ),
            (r#"["dusk","ocean"]"#, "[]", "a choice has 1 to 64 choices"),
            (
                r#""default":"dusk""#,
                r#""default":"rust""#,
                "its default: ",
            ),
            (
                r#""type":"bool""#,
                r#""type":"bool","range":[0,1]"#,
                "only numbers have a range",
            ),
            (
                r#""type":"bool""#,
                r#""type":"bool","choices":["a"]"#,
                "only a choice has choices",
            ),
            (
                r#""type":"bool""#,
                r#""type":"list""#,
                "unknown variant `list`",
            ),
            ("image/png", "png", "its result is not a media type"),
            (
                r#""fold":"kernel""#,
                r#""fold":"concat""#,
                "only a fold of the kernel's own",
            ),
            (
                r#""split":"plan""#,
                r#""split":"plan","split":"input""#,
                "duplicate field `split`",
            ),
        ] {
            let problem = with(from, to);
            assert!(problem.contains(expected), "{to}: {problem}");
        }
    }

    #[test]
    fn size_and_depth_are_capped() {
        let long = format!(
            r#"{{"schema":1,"title":"{}"}}"#,
            "x".repeat(KERNEL_BYTES_MAX)
        );
        assert_eq!(
            KernelDescription::parse(long.as_bytes()),
            Err("it is longer than 64 KiB".into())
        );
        let deep = format!(r#"{{"schema":1,"x":{}"#, "[".repeat(50_000));
        assert!(KernelDescription::parse(deep.as_bytes()).is_err());
        assert!(KernelDescription::parse(b"\xff\xfe").is_err());
    }
}
