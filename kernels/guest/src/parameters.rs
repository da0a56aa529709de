//! Parameters: one table that a form, a command line and the kernel read.

/// One parameter of a kernel, as the table has it.
///
/// Numbers are text here, so that a constant can be printed as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Lower case with underscores; the environment has it in upper case.
    pub name: &'static str,
    pub kind: ParameterKind,
    pub default: &'static str,
    /// Least and greatest value, both allowed; integers and numbers only.
    pub range: Option<[&'static str; 2]>,
    /// What a choice may be; empty for the other types.
    pub choices: &'static [&'static str],
    /// A sentence for people.
    pub help: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterKind {
    Integer,
    Number,
    String,
    Bool,
    Choice,
}

/// A struct that [`parameters!`](crate::parameters!) made.
pub trait Parameters: Sized {
    const TABLE: &'static [Parameter];

    /// Reads every parameter; one for which `given` has nothing takes its default.
    fn read(given: &dyn Fn(&Parameter) -> Option<String>) -> Result<Self, ParameterError>;
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("parameter {name} is {expected}, not {found:?}")]
pub struct ParameterError {
    pub name: &'static str,
    pub expected: String,
    pub found: String,
}

/// A type that a parameter's text can become.
pub trait ParameterValue: Sized {
    /// The value of `text` as `parameter` allows it.
    fn read(parameter: &Parameter, text: &str) -> Result<Self, ParameterError>;
}

impl ParameterKind {
    /// The word for it in a description.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            ParameterKind::Integer => "integer",
            ParameterKind::Number => "number",
            ParameterKind::String => "string",
            ParameterKind::Bool => "bool",
            ParameterKind::Choice => "choice",
        }
    }
}

impl Parameter {
    /// The name of the variable that carries it.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("SKEP_PARAM_{}", self.name.to_ascii_uppercase())
    }

    fn error(&self, found: &str) -> ParameterError {
        let what = match self.kind {
            ParameterKind::Integer => "a whole number".to_owned(),
            ParameterKind::Number => "a number".to_owned(),
            ParameterKind::String => "a text".to_owned(),
            ParameterKind::Bool => "true or false".to_owned(),
            ParameterKind::Choice => format!("one of {}", self.choices.join(", ")),
        };
        let expected = match self.range {
            Some([min, max]) => format!("{what} from {min} to {max}"),
            None => what,
        };
        ParameterError {
            name: self.name,
            expected,
            found: found.to_owned(),
        }
    }

    fn within<T: std::str::FromStr + PartialOrd>(&self, value: &T) -> bool {
        self.range.is_none_or(|[min, max]| {
            matches!((min.parse::<T>(), max.parse::<T>()), (Ok(min), Ok(max)) if min <= *value && *value <= max)
        })
    }
}

impl ParameterValue for i64 {
    fn read(parameter: &Parameter, text: &str) -> Result<Self, ParameterError> {
        text.parse()
            .ok()
            .filter(|value| parameter.within(value))
            .ok_or_else(|| parameter.error(text))
    }
}

impl ParameterValue for f64 {
    fn read(parameter: &Parameter, text: &str) -> Result<Self, ParameterError> {
        text.parse()
            .ok()
            .filter(|value: &f64| value.is_finite() && parameter.within(value))
            .ok_or_else(|| parameter.error(text))
    }
}

impl ParameterValue for bool {
    fn read(parameter: &Parameter, text: &str) -> Result<Self, ParameterError> {
        text.parse().map_err(|_| parameter.error(text))
    }
}

impl ParameterValue for String {
    fn read(parameter: &Parameter, text: &str) -> Result<Self, ParameterError> {
        let allowed = parameter.kind != ParameterKind::Choice || parameter.choices.contains(&text);
        if allowed {
            Ok(text.to_owned())
        } else {
            Err(parameter.error(text))
        }
    }
}

/// Declares a kernel's parameters: a struct with a typed field for each, and
/// the table from which its description is made.
///
/// A field is `name: type = default`, where the type is `integer` (an `i64`),
/// `number` (an `f64`), `string`, `bool` or `choice` (a `String`). Numbers may
/// have a range, `in 1..=10`, and a choice has its words, `of ["a", "b"]`. The
/// doc comment is the help that people read. `Default` gives the defaults.
#[macro_export]
macro_rules! parameters {
    (
        $(#[$attribute:meta])*
        $visibility:vis struct $Name:ident {
            $(
                $(#[doc = $help:literal])+
                $name:ident: $kind:ident = $default:literal
                    $(in $min:literal ..= $max:literal)?
                    $(of [$($choice:literal),+ $(,)?])?
            ),+ $(,)?
        }
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Debug, PartialEq)]
        $visibility struct $Name {
            $( $(#[doc = $help])+ $visibility $name: $crate::parameters!(@value $kind), )+
        }

        impl $crate::Parameters for $Name {
            const TABLE: &'static [$crate::Parameter] = &[
                $( $crate::Parameter {
                    name: ::core::stringify!($name),
                    kind: $crate::parameters!(@kind $kind),
                    default: ::core::concat!($default),
                    range: $crate::parameters!(@range $($min, $max)?),
                    choices: &[$($($choice),+)?],
                    help: ::core::concat!($($help),+),
                }, )+
            ];

            fn read(
                given: &dyn ::core::ops::Fn(&$crate::Parameter) -> ::core::option::Option<String>,
            ) -> ::core::result::Result<Self, $crate::ParameterError> {
                let mut table = <Self as $crate::Parameters>::TABLE.iter();
                $(
                    let parameter = table.next().expect("the table has a row for each field");
                    let text = given(parameter).unwrap_or_else(|| parameter.default.to_owned());
                    let $name = $crate::ParameterValue::read(parameter, &text)?;
                )+
                Ok(Self { $($name),+ })
            }
        }

        impl ::core::default::Default for $Name {
            fn default() -> Self {
                <Self as $crate::Parameters>::read(&|_| None)
                    .expect("every default is within its own range")
            }
        }
    };
    (@value integer) => { i64 };
    (@value number) => { f64 };
    (@value string) => { ::std::string::String };
    (@value choice) => { ::std::string::String };
    (@value bool) => { bool };
    (@kind integer) => { $crate::ParameterKind::Integer };
    (@kind number) => { $crate::ParameterKind::Number };
    (@kind string) => { $crate::ParameterKind::String };
    (@kind choice) => { $crate::ParameterKind::Choice };
    (@kind bool) => { $crate::ParameterKind::Bool };
    (@range) => { ::core::option::Option::None };
    (@range $min:literal, $max:literal) => {
        ::core::option::Option::Some([::core::concat!($min), ::core::concat!($max)])
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::parameters! {
        /// One of each type.
        struct Example {
            /// Pixels.
            width: integer = 1920 in 16..=16_384,
            /// Times.
            zoom: number = 1.0 in -0.5..=1e13,
            /// Any number.
            free: number = 0.0,
            /// A word.
            colour: choice = "red" of ["red", "green"],
            /// A text.
            name: string = "",
            /// A switch.
            loud: bool = false,
        }
    }

    fn read(name: &str, text: &str) -> Result<Example, ParameterError> {
        Example::read(&|parameter| (parameter.name == name).then(|| text.to_owned()))
    }

    #[test]
    fn what_is_not_given_takes_its_default() {
        let example = Example::default();
        assert_eq!(
            (example.width, example.zoom, example.loud),
            (1920, 1.0, false)
        );
        assert_eq!(
            (example.colour.as_str(), example.name.as_str()),
            ("red", "")
        );
    }

    #[test]
    fn what_is_given_is_typed() {
        assert_eq!(read("width", "16").expect("the least width").width, 16);
        assert_eq!(read("zoom", "1e13").expect("the greatest zoom").zoom, 1e13);
        assert_eq!(read("free", "-3").expect("any number").free, -3.0);
        assert_eq!(read("colour", "green").expect("a choice").colour, "green");
        assert_eq!(read("name", "Zoë").expect("any text").name, "Zoë");
        assert!(read("loud", "true").expect("a switch").loud);
    }

    #[test]
    fn what_does_not_fit_is_refused_with_what_would() {
        let cases = [
            (
                "width",
                "15",
                "parameter width is a whole number from 16 to 16384, not \"15\"",
            ),
            (
                "width",
                "1.5",
                "parameter width is a whole number from 16 to 16384, not \"1.5\"",
            ),
            (
                "width",
                "99999999999999999999",
                "parameter width is a whole number from 16 to 16384, not \"99999999999999999999\"",
            ),
            (
                "zoom",
                "NaN",
                "parameter zoom is a number from -0.5 to 1e13, not \"NaN\"",
            ),
            ("free", "inf", "parameter free is a number, not \"inf\""),
            (
                "colour",
                "blue",
                "parameter colour is one of red, green, not \"blue\"",
            ),
            (
                "loud",
                "yes",
                "parameter loud is true or false, not \"yes\"",
            ),
        ];
        for (name, text, message) in cases {
            assert_eq!(read(name, text).expect_err(text).to_string(), message);
        }
    }

    #[test]
    fn the_variable_is_the_name_in_upper_case() {
        assert_eq!(Example::TABLE[0].variable(), "SKEP_PARAM_WIDTH");
    }
}
