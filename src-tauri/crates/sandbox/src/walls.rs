//! What the operating system's wall is made of on this machine, tried, not assumed.

/// The three layers of the wall around every executor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walls {
    /// Resource limits: memory, files, processes.
    pub limits: Layer,
    /// Landlock: no files but a scratch folder, no network, no signals.
    pub landlock: Layer,
    /// seccomp: an allow-list of system calls.
    pub seccomp: Layer,
}

/// One layer of the wall.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Whether it was raised, tried and held.
    pub stands: bool,
    /// What it is, or why it is missing, in one sentence.
    pub sentence: String,
}

impl Walls {
    /// Whether modules may run behind them.
    pub fn stand(&self) -> bool {
        self.missing().is_none()
    }

    /// The first layer that is missing, in one sentence.
    pub fn missing(&self) -> Option<&str> {
        [&self.limits, &self.landlock, &self.seccomp]
            .into_iter()
            .find(|layer| !layer.stands)
            .map(|layer| layer.sentence.as_str())
    }

    /// Reads what `skep-executor walls` printed; a layer that it does not
    /// mention is missing.
    pub(crate) fn parse(printed: &str) -> Walls {
        let layer = |name: &str, what: &str| {
            let line = printed
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            match line.map(|line| line.split_once(' ').unwrap_or((line, ""))) {
                Some(("stands", "")) => Layer {
                    stands: true,
                    sentence: what.to_owned(),
                },
                Some(("stands", more)) => Layer {
                    stands: true,
                    sentence: format!("{what} ({})", crate::inert(more)),
                },
                Some((_, why)) => Layer {
                    stands: false,
                    sentence: format!("{name} is missing: {}", crate::inert(why)),
                },
                None => Layer {
                    stands: false,
                    sentence: format!("{name} is missing: the executor did not say why"),
                },
            }
        };
        Walls {
            limits: layer("limits", "memory, files and processes are limited"),
            landlock: layer("landlock", "files, network and signals are out of reach"),
            seccomp: layer("seccomp", "system calls are an allow-list"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_that_is_not_mentioned_is_missing() {
        let walls = Walls::parse("limits stands\nlandlock stands version 7\nseccomp stands\n");
        assert!(walls.stand());
        assert_eq!(
            walls.landlock.sentence,
            "files, network and signals are out of reach (version 7)"
        );
        let walls =
            Walls::parse("limits stands\nlandlock missing this kernel does not enforce it\n");
        assert_eq!(
            walls.missing(),
            Some("landlock is missing: this kernel does not enforce it")
        );
        assert!(!walls.seccomp.stands);
        assert!(!Walls::parse("").stand());
    }
}
