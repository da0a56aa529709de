//! A kernel that counts words: of a line or a file in each task, of all of
//! them in the fold.
//!
//! A word is what Unicode calls one (UAX #29), in lower case. A task's result
//! and the folded one are JSON of the same form; see [`tally::Counts`].

mod tally;

use std::borrow::Cow;
use std::io::Write;

use skep_kernel::{Description, Failure, Fold, Kernel, Plan, Results, Split, Task};

use tally::{Counts, Tally};

skep_kernel::parameters! {
    /// Which words count.
    struct Choice {
        /// Shortest word that is counted, in letters.
        min_length: integer = 1 in 1..=1000,
        /// How many of the most frequent words are listed; 0 lists all.
        top: integer = 100 in 0..=1_000_000,
    }
}

struct WordCount;

impl Kernel for WordCount {
    type Parameters = Choice;
    const DESCRIPTION: Description = Description {
        title: "Word count",
        help: "Counts the words of lines or files and lists the most frequent.",
        result: "application/json",
        split: Split::Input,
        // The fold drops the words beyond `top`, so folds cannot be folded.
        fold: Fold::Kernel { associative: false },
        batch: true,
    };

    fn plan(_choice: &Choice, given: Option<u64>) -> Result<Plan, Failure> {
        match given {
            Some(_) => Ok(Plan::as_given()),
            None => Err(Failure::Wrong(
                "nothing to count: give lines with --each-line or files with --each-file"
                    .to_owned(),
            )),
        }
    }

    /// Lists every word: which are the most frequent is known only to the fold.
    fn run(choice: &Choice, task: &Task) -> Result<Vec<u8>, Failure> {
        let mut tally = Tally::default();
        // Checked at once where it is text, which is much faster than piece by piece.
        let text = std::str::from_utf8(&task.input)
            .map_or_else(|_| String::from_utf8_lossy(&task.input), Cow::Borrowed);
        tally.add_text(&text, min_length(choice));
        Ok(serde_json::to_vec(&tally.counts(None))?)
    }

    fn fold(
        choice: &Choice,
        results: &mut Results<'_>,
        output: &mut dyn Write,
    ) -> Result<(), Failure> {
        let mut tally = Tally::default();
        for result in results {
            let (index, bytes) = result?;
            let counts: Counts<'_> = serde_json::from_slice(&bytes).map_err(|error| {
                Failure::Wrong(format!("result {index} is not a word count: {error}"))
            })?;
            tally.add_counts(&counts);
        }
        let top = usize::try_from(choice.top).ok().filter(|top| *top > 0);
        serde_json::to_writer(&mut *output, &tally.counts(top))?;
        output.write_all(b"\n")?;
        Ok(())
    }
}

fn min_length(choice: &Choice) -> usize {
    usize::try_from(choice.min_length).unwrap_or(usize::MAX)
}

skep_kernel::main!(WordCount);

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use skep_kernel::write_frame;

    use super::*;

    fn result(choice: &Choice, index: u64, text: &str) -> Vec<u8> {
        WordCount::run(
            choice,
            &Task {
                index,
                input: text.as_bytes().to_vec(),
            },
        )
        .expect("counted")
    }

    fn folded(choice: &Choice, texts: &[&str]) -> Value {
        let mut frames = Vec::new();
        for (index, text) in (0..).zip(texts) {
            write_frame(&mut frames, index, &result(choice, index, text))
                .expect("memory takes every byte");
        }
        let mut output = Vec::new();
        WordCount::fold(
            choice,
            &mut Results::new(&mut frames.as_slice()),
            &mut output,
        )
        .expect("folded");
        serde_json::from_slice(&output).expect("valid JSON")
    }

    #[test]
    fn lines_are_counted_together_most_frequent_first() {
        let lines = ["The bee, the skep", "", "THE honey-bee's skep"];
        assert_eq!(
            folded(&Choice::default(), &lines),
            json!({"words": 8, "distinct": 5, "top": [
                ["the", 3], ["skep", 2], ["bee", 1], ["bee's", 1], ["honey", 1],
            ]})
        );
    }

    #[test]
    fn short_words_are_left_out_and_the_list_is_cut() {
        let choice = Choice {
            min_length: 4,
            top: 1,
        };
        assert_eq!(
            folded(&choice, &["a bee in a skep", "honey skep"]),
            json!({"words": 3, "distinct": 2, "top": [["skep", 2]]})
        );
    }

    #[test]
    fn zero_lists_all() {
        let choice = Choice {
            top: 0,
            ..Choice::default()
        };
        let text: String = (0..500).map(|n| format!("w{n} ")).collect();
        assert_eq!(
            folded(&choice, &[&text])["top"].as_array().map(Vec::len),
            Some(500)
        );
    }

    #[test]
    fn how_a_job_is_cut_does_not_change_the_count() {
        let text = "Bienen summen – wo Bienen summen, da wächst der Straßenbaum.";
        let words: Vec<&str> = text.split(' ').collect();
        assert_eq!(
            folded(&Choice::default(), &[text]),
            folded(&Choice::default(), &words)
        );
    }

    #[test]
    fn a_result_of_another_kernel_is_refused_with_its_index() {
        let mut frames = Vec::new();
        write_frame(&mut frames, 7, b"\x89PNG").expect("memory takes every byte");
        let error = WordCount::fold(
            &Choice::default(),
            &mut Results::new(&mut frames.as_slice()),
            &mut Vec::new(),
        )
        .expect_err("not JSON");
        assert!(
            error
                .to_string()
                .starts_with("result 7 is not a word count"),
            "{error}"
        );
    }

    #[test]
    fn without_a_split_there_is_nothing_to_count() {
        assert!(WordCount::plan(&Choice::default(), None).is_err());
        assert_eq!(
            WordCount::plan(&Choice::default(), Some(3)),
            Ok(Plan::as_given())
        );
    }
}
