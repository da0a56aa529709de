//! Functions of numbers, and the arguments that are typed for them.

use std::fmt;

use wasmparser::{FuncType, ValType};

use super::show;
use crate::Value;

/// Functions listed in one message: a line or two of a terminal.
const LISTED_MAX: usize = 8;

/// The type of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NumType {
    /// A 32-bit integer; the module decides whether it has a sign.
    I32,
    /// A 64-bit integer; the module decides whether it has a sign.
    I64,
    /// A 32-bit float.
    F32,
    /// A 64-bit float.
    F64,
}

impl NumType {
    /// `i32`, `i64`, `f32` or `f64`.
    pub fn as_str(self) -> &'static str {
        match self {
            NumType::I32 => "i32",
            NumType::I64 => "i64",
            NumType::F32 => "f32",
            NumType::F64 => "f64",
        }
    }

    fn of(ty: ValType) -> Option<NumType> {
        match ty {
            ValType::I32 => Some(NumType::I32),
            ValType::I64 => Some(NumType::I64),
            ValType::F32 => Some(NumType::F32),
            ValType::F64 => Some(NumType::F64),
            ValType::V128 | ValType::Ref(_) => None,
        }
    }

    /// Whole numbers that this type holds exactly, signed or unsigned.
    fn whole(self) -> (i128, i128) {
        match self {
            NumType::I32 => (i128::from(i32::MIN), i128::from(u32::MAX)),
            NumType::I64 => (i128::from(i64::MIN), i128::from(u64::MAX)),
            NumType::F32 => (-(1 << 24), 1 << 24),
            NumType::F64 => (-(1 << 53), 1 << 53),
        }
    }
}

impl fmt::Display for NumType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An exported function that takes and gives numbers only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// The export's name, as short and plain as a terminal can show it; a
    /// function with another name is not listed and not called.
    pub name: String,
    /// What it takes.
    pub params: Vec<NumType>,
    /// What it gives.
    pub results: Vec<NumType>,
}

/// `gcd(i64, i64) -> i64`.
impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}{}",
            self.name,
            show::signature(&self.params, &self.results)
        )
    }
}

impl Function {
    /// The function, if it takes and gives numbers only.
    pub(super) fn of(name: &str, ty: &FuncType) -> Option<Function> {
        let numbers = |types: &[ValType]| {
            types
                .iter()
                .map(|ty| NumType::of(*ty))
                .collect::<Option<Vec<_>>>()
        };
        Some(Function {
            name: name.to_owned(),
            params: numbers(ty.params())?,
            results: numbers(ty.results())?,
        })
    }
}

/// Why arguments do not fit a function.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArgumentError {
    /// Too many or too few.
    #[error("`{function}` takes {needed}, {given} given")]
    Count {
        /// Its signature.
        function: String,
        /// How many it takes, in words.
        needed: String,
        /// How many there are, in words.
        given: String,
    },
    /// Not a number of its type.
    #[error("argument {place} of `{function}` has to be {}, and `{text}` is not", accepts(*ty))]
    Value {
        /// Its signature.
        function: String,
        /// From 1.
        place: usize,
        /// What it has to be.
        ty: NumType,
        /// What was given, inert.
        text: String,
    },
    /// The range has values that the last parameter cannot hold.
    #[error("the last argument of `{function}` has to be {}, and the range has {value}", accepts(*ty))]
    Range {
        /// Its signature.
        function: String,
        /// What it has to be.
        ty: NumType,
        /// A value that does not fit.
        value: i64,
    },
}

impl ArgumentError {
    /// What to do.
    pub fn hint(&self) -> Option<String> {
        match self {
            ArgumentError::Count { .. } => {
                Some("Numbers follow the function's name: --invoke NAME 1 2.5; with --range its value is the last one.".into())
            }
            ArgumentError::Value { .. } => None,
            ArgumentError::Range { ty: NumType::F32 | NumType::F64, .. } => {
                Some("Larger whole numbers are not exact as floats; take a smaller range.".into())
            }
            ArgumentError::Range { .. } => Some("Take a smaller range.".into()),
        }
    }
}

/// The arguments as values of the function's parameters.
///
/// Integers are decimal, with or without a sign, anything that fits the type
/// as a signed or as an unsigned number; floats as Rust writes them, `inf` and
/// `nan` included.
pub fn parse_arguments(function: &Function, args: &[String]) -> Result<Vec<Value>, ArgumentError> {
    check_count(function, function.params.len(), args.len(), "")?;
    values(function, args)
}

/// The arguments before the last one, which a range from `first` to `last`
/// (both included) gives task by task.
pub fn parse_arguments_before_range(
    function: &Function,
    args: &[String],
    first: i64,
    last: i64,
) -> Result<Vec<Value>, ArgumentError> {
    let Some((ty, before)) = function.params.split_last() else {
        return Err(ArgumentError::Count {
            function: function.to_string(),
            needed: "no number".into(),
            given: "the range's is".into(),
        });
    };
    check_count(function, before.len(), args.len(), " beside the range's")?;
    let (min, max) = ty.whole();
    for value in [first, last] {
        if !(min..=max).contains(&i128::from(value)) {
            return Err(ArgumentError::Range {
                function: function.to_string(),
                ty: *ty,
                value,
            });
        }
    }
    values(function, args)
}

fn check_count(
    function: &Function,
    needed: usize,
    given: usize,
    beside: &str,
) -> Result<(), ArgumentError> {
    if needed == given {
        return Ok(());
    }
    let numbers = match needed {
        0 => "no number".into(),
        1 => "1 number".into(),
        _ => format!("{needed} numbers"),
    };
    Err(ArgumentError::Count {
        function: function.to_string(),
        needed: numbers + beside,
        given: match given {
            0 => "none is".into(),
            1 => "1 is".into(),
            _ => format!("{given} are"),
        },
    })
}

fn values(function: &Function, args: &[String]) -> Result<Vec<Value>, ArgumentError> {
    let pairs = function.params.iter().zip(args).enumerate();
    pairs
        .map(|(at, (ty, text))| {
            value(*ty, text).ok_or_else(|| ArgumentError::Value {
                function: function.to_string(),
                place: at + 1,
                ty: *ty,
                text: show::name(text),
            })
        })
        .collect()
}

fn value(ty: NumType, text: &str) -> Option<Value> {
    match ty {
        NumType::I32 => {
            let signed = text.parse::<i32>();
            signed
                .or_else(|_| text.parse::<u32>().map(u32::cast_signed))
                .ok()
                .map(Value::I32)
        }
        NumType::I64 => {
            let signed = text.parse::<i64>();
            signed
                .or_else(|_| text.parse::<u64>().map(u64::cast_signed))
                .ok()
                .map(Value::I64)
        }
        NumType::F32 => {
            let value = text.parse::<f32>().ok()?;
            (value.is_finite() || is_word(text)).then_some(Value::F32(value))
        }
        NumType::F64 => {
            let value = text.parse::<f64>().ok()?;
            (value.is_finite() || is_word(text)).then_some(Value::F64(value))
        }
    }
}

/// `inf` and `nan` are meant; digits that overflow to them are not.
fn is_word(text: &str) -> bool {
    !text.contains(|c: char| c.is_ascii_digit())
}

fn accepts(ty: NumType) -> &'static str {
    match ty {
        NumType::I32 => "a whole number from -2147483648 to 4294967295 (i32)",
        NumType::I64 => "a whole number from -9223372036854775808 to 18446744073709551615 (i64)",
        NumType::F32 => "a number (f32)",
        NumType::F64 => "a number (f64)",
    }
}

/// The functions as a list for people; empty where there are none.
pub(super) fn signatures(functions: &[Function]) -> String {
    let mut list: Vec<String> = functions
        .iter()
        .take(LISTED_MAX)
        .map(|function| format!("`{function}`"))
        .collect();
    if functions.len() > LISTED_MAX {
        list.push(format!("{} more", functions.len() - LISTED_MAX));
    }
    match list.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// The name of a function that was probably meant.
pub(super) fn nearest(name: &str, functions: &[Function]) -> Option<String> {
    near(
        name,
        functions.iter().map(|function| function.name.as_str()),
    )
}

/// The candidate that differs from `word` in less than a third of its letters.
pub(super) fn near<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let letters = word.chars().count();
    // Comparing is quadratic; no name is that long.
    if letters > 256 {
        return None;
    }
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, _)| distance * 3 <= letters.max(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(params: &[NumType]) -> Function {
        Function {
            name: "f".into(),
            params: params.to_vec(),
            results: vec![NumType::I64],
        }
    }

    fn parsed(ty: NumType, text: &str) -> Option<Value> {
        parse_arguments(&function(&[ty]), &[text.into()])
            .ok()
            .map(|values| values[0])
    }

    #[test]
    fn integers_may_be_signed_or_unsigned() {
        assert_eq!(
            parsed(NumType::I32, "-2147483648"),
            Some(Value::I32(i32::MIN))
        );
        assert_eq!(parsed(NumType::I32, "4294967295"), Some(Value::I32(-1)));
        assert_eq!(
            parsed(NumType::I64, "18446744073709551615"),
            Some(Value::I64(-1))
        );
        for text in ["4294967296", "-2147483649", "1.5", "", " 1", "0x10", "one"] {
            assert_eq!(parsed(NumType::I32, text), None, "{text}");
        }
    }

    #[test]
    fn floats_overflow_only_when_asked_to() {
        assert_eq!(parsed(NumType::F64, "1e3"), Some(Value::F64(1000.0)));
        assert_eq!(parsed(NumType::F32, "inf"), Some(Value::F32(f32::INFINITY)));
        assert_eq!(parsed(NumType::F32, "1e39"), None);
        assert_eq!(parsed(NumType::F64, "1e999"), None);
    }

    #[test]
    fn errors_name_the_function_the_place_and_what_fits() {
        let add = function(&[NumType::I32, NumType::F64]);
        let error = |args: &[&str]| {
            let args: Vec<String> = args.iter().map(|text| (*text).into()).collect();
            parse_arguments(&add, &args)
                .expect_err("these do not fit")
                .to_string()
        };
        assert_eq!(
            error(&["1"]),
            "`f(i32, f64) -> i64` takes 2 numbers, 1 is given"
        );
        assert_eq!(
            error(&[]),
            "`f(i32, f64) -> i64` takes 2 numbers, none is given"
        );
        assert_eq!(
            error(&["1", "x\u{1b}"]),
            "argument 2 of `f(i32, f64) -> i64` has to be a number (f64), and `x\\u{1b}` is not"
        );
    }

    #[test]
    fn a_range_gives_the_last_argument() {
        let one = function(&[NumType::I32]);
        assert_eq!(parse_arguments_before_range(&one, &[], 0, 99), Ok(vec![]));
        let error = parse_arguments_before_range(&one, &[], 0, 1 << 40).expect_err("too large");
        assert!(
            matches!(
                error,
                ArgumentError::Range {
                    value: 0x100_0000_0000,
                    ..
                }
            ),
            "{error}"
        );
        let error = parse_arguments_before_range(&function(&[]), &[], 0, 9).expect_err("no place");
        assert_eq!(
            error.to_string(),
            "`f() -> i64` takes no number, the range's is given"
        );
        let error =
            parse_arguments_before_range(&one, &["1".into()], 0, 9).expect_err("one too many");
        assert_eq!(
            error.to_string(),
            "`f(i32) -> i64` takes no number beside the range's, 1 is given"
        );
    }

    #[test]
    fn only_near_names_are_suggested() {
        let names = ["collatz", "gcd", "is_prime"];
        assert_eq!(near("colatz", names).as_deref(), Some("collatz"));
        assert_eq!(near("gdc", names).as_deref(), Some("gcd"));
        assert_eq!(near("fibonacci", names), None);
    }
}
