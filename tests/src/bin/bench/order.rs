//! What one run of the benchmarks is asked for.

/// Pairs of baseline and subject in a full run.
const PAIRS: usize = 5;

/// The same with `--smoke`.
const SMOKE_PAIRS: usize = 3;

/// The command line.
pub(crate) struct Order {
    smoke: bool,
    names: Vec<String>,
}

impl Order {
    /// From the program's arguments: names of benchmarks and options.
    pub(crate) fn of(arguments: impl Iterator<Item = String>) -> Self {
        let (options, names): (Vec<String>, Vec<String>) =
            arguments.partition(|argument| argument.starts_with("--"));
        Self {
            smoke: options.iter().any(|option| option == "--smoke"),
            names,
        }
    }

    /// Whether a benchmark was asked for: all are if none is named.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|wanted| wanted == name)
    }

    /// Whether one of several was asked for.
    pub(crate) fn wants_any(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.wants(name))
    }

    /// The amount for this run.
    pub(crate) fn amount(&self, full: usize, smoke: usize) -> usize {
        if self.smoke { smoke } else { full }
    }

    /// Whether what only explains a figure is measured too.
    pub(crate) fn is_full(&self) -> bool {
        !self.smoke
    }

    /// How often subject and baseline take turns.
    pub(crate) fn pairs(&self) -> usize {
        self.amount(PAIRS, SMOKE_PAIRS)
    }
}
