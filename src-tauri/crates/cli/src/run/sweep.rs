//! `--param NAME=VALUES`: one parameter of a sweep, as it is typed.

use super::inputs::numbers;
use api::{Error, ErrorCode, SweptParameter};

/// Values that a range may stand for; a longer one belongs into `--range`.
const RANGE_VALUES_MAX: usize = 100_000;

/// `NAME=V1,V2,…` or `NAME=A..B[..STEP]`, B excluded.
pub(super) fn parameter(word: &str) -> Result<SweptParameter, Error> {
    let bad = |why: String| {
        Error::new(ErrorCode::BadSplit, format!("--param {word}: {why}"))
            .hint("write --param NAME=V1,V2 or --param NAME=A..B[..STEP]; B is excluded")
    };
    let Some((name, values)) = word.split_once('=') else {
        return Err(bad("it gives no values".to_owned()));
    };
    if values.is_empty() {
        return Err(bad("it gives no values".to_owned()));
    }
    let values = if is_range(values) {
        range(values).map_err(bad)?
    } else {
        values.split(',').map(str::to_owned).collect()
    };
    Ok(SweptParameter {
        // A kernel's max_iterations may be typed as max-iterations.
        name: name.replace('-', "_"),
        values,
    })
}

/// Numbers around two dots are meant as a range; `../a` is a value.
fn is_range(values: &str) -> bool {
    let parts: Vec<&str> = values.split("..").collect();
    matches!(parts.len(), 2 | 3)
        && parts
            .iter()
            .all(|part| part.trim().parse::<f64>().is_ok_and(f64::is_finite))
}

fn range(values: &str) -> Result<Vec<String>, String> {
    let (start, end, step) = numbers(values)?;
    let mut all = Vec::new();
    let mut value = Some(start);
    while let Some(now) = value.filter(|now| if step > 0 { *now < end } else { *now > end }) {
        if all.len() == RANGE_VALUES_MAX {
            return Err(format!("it has more than {RANGE_VALUES_MAX} values"));
        }
        all.push(now.to_string());
        value = now.checked_add(step);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::parameter;

    #[test]
    fn values_are_a_list_or_a_range() {
        let values = |word: &str| parameter(word).map(|swept| swept.values.join(" ")).ok();
        let is = |text: &str| Some(text.to_owned());
        assert_eq!(values("a=1,2,x"), is("1 2 x"));
        assert_eq!(values("a=0..3"), is("0 1 2"));
        assert_eq!(values("a=10..0..-4"), is("10 6 2"));
        assert_eq!(values("a=b=c"), is("b=c"));
        assert_eq!(values("a=../x,../y"), is("../x ../y"));
        assert_eq!(values("a=one..two"), is("one..two"));
        for wrong in ["a", "a=", "a=0..1.5", "a=3..1", "a=0..9..0", "a=0..9999999"] {
            assert_eq!(values(wrong), None, "{wrong}");
        }
        assert_eq!(
            parameter("max-iterations=1").unwrap().name,
            "max_iterations"
        );
    }
}
