//! Several at once: `1,3,5-8`, `2-10:2`, `all`, `last`.

use crate::failure::usage;
use api::Error;

/// Which indices are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Indices {
    All,
    Last,
    Some(Vec<Span>),
}

/// `from` to `to`, both included, every `step`-th.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    from: u32,
    to: u32,
    step: u32,
}

impl std::str::FromStr for Indices {
    type Err = Error;

    fn from_str(text: &str) -> Result<Indices, Error> {
        match text {
            "all" => Ok(Indices::All),
            "last" => Ok(Indices::Last),
            _ => text
                .split(',')
                .map(span)
                .collect::<Option<Vec<_>>>()
                .map(Indices::Some)
                .ok_or_else(|| {
                    usage(format!("'{text}' selects no tasks"))
                        .hint("write 1,3,5-8 or 2-10:2, all or last")
                }),
        }
    }
}

impl Indices {
    /// In ascending order, those below `total`.
    pub(crate) fn of(&self, total: u32) -> Vec<u32> {
        match self {
            Indices::All => (0..total).collect(),
            Indices::Last => total.checked_sub(1).into_iter().collect(),
            Indices::Some(spans) => {
                let mut indices: Vec<u32> = spans
                    .iter()
                    .flat_map(|span| {
                        (span.from..=span.to.min(total.saturating_sub(1)))
                            .step_by(span.step as usize)
                    })
                    .filter(|index| *index < total)
                    .collect();
                indices.sort_unstable();
                indices.dedup();
                indices
            }
        }
    }
}

fn span(text: &str) -> Option<Span> {
    let (range, step) = match text.split_once(':') {
        Some((range, step)) => (range, step.trim().parse().ok().filter(|step| *step > 0)?),
        None => (text, 1),
    };
    let (from, to) = match range.split_once('-') {
        Some((from, to)) => (from.trim().parse().ok()?, to.trim().parse().ok()?),
        None => {
            let one = range.trim().parse().ok()?;
            (one, one)
        }
    };
    (from <= to).then_some(Span { from, to, step })
}

#[cfg(test)]
mod tests {
    use super::Indices;

    #[test]
    fn several_are_selected_as_people_write_them() {
        let of = |text: &str| {
            text.parse::<Indices>()
                .map(|indices| indices.of(12))
                .map_err(drop)
        };
        assert_eq!(of("3"), Ok(vec![3]));
        assert_eq!(of("5-8,1,3"), Ok(vec![1, 3, 5, 6, 7, 8]));
        assert_eq!(of("2-10:2"), Ok(vec![2, 4, 6, 8, 10]));
        assert_eq!(of("10-4000000000"), Ok(vec![10, 11]));
        assert_eq!(of("last"), Ok(vec![11]));
        assert_eq!(of("all").unwrap().len(), 12);
        for wrong in ["", "x", "3-1", "1-", "1:0", "-1", "1,,2"] {
            assert_eq!(of(wrong), Err(()), "{wrong}");
        }
    }
}
