//! A sweep: a task for each combination of some parameters' values.

use serde::{Deserialize, Serialize};

/// Each parameter has at least one value. In the order of the tasks the last
/// one varies fastest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sweep(Vec<(String, Vec<String>)>);

impl Sweep {
    pub(crate) fn new(parameters: Vec<(String, Vec<String>)>) -> Sweep {
        Sweep(parameters)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    pub(crate) fn parameters(&self) -> &[(String, Vec<String>)] {
        &self.0
    }

    /// How many combinations there are.
    pub(crate) fn count(&self) -> u128 {
        self.0.iter().fold(1, |count: u128, (_, values)| {
            count.saturating_mul(values.len() as u128)
        })
    }

    /// The combination of one task, in the order of the parameters.
    pub(crate) fn values_of(&self, index: u32) -> Vec<(String, String)> {
        let mut left = index as usize;
        let mut combination: Vec<_> = self
            .0
            .iter()
            .rev()
            .map(|(name, values)| {
                let value = values[left % values.len()].clone();
                left /= values.len();
                (name.clone(), value)
            })
            .collect();
        combination.reverse();
        combination
    }
}

#[cfg(test)]
mod tests {
    use super::Sweep;

    #[test]
    fn the_last_parameter_varies_fastest() {
        let values = |text: &str| text.chars().map(String::from).collect::<Vec<_>>();
        let sweep = Sweep::new(vec![
            ("a".to_owned(), values("12")),
            ("b".to_owned(), values("x")),
            ("c".to_owned(), values("pqr")),
        ]);
        assert_eq!(sweep.count(), 6);
        let told: Vec<String> = (0..6)
            .map(|index| {
                sweep
                    .values_of(index)
                    .into_iter()
                    .map(|(_, value)| value)
                    .collect()
            })
            .collect();
        assert_eq!(told, ["1xp", "1xq", "1xr", "2xp", "2xq", "2xr"]);
        assert_eq!(sweep.values_of(5)[2].0, "c");
    }
}
