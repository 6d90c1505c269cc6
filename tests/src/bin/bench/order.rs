//! What one run of the benchmarks is asked for.

use std::time::Duration;

use anyhow::bail;

use crate::ratio::Target;

/// Pairs of baseline and subject in a full run.
const PAIRS: usize = 5;

/// The same with `--smoke`.
const SMOKE_PAIRS: usize = 3;

/// So many are tried at most of a smoke whose median is below its floor.
const SMOKE_PAIRS_AT_MOST: usize = 7;

/// Every benchmark; and whether `--smoke` runs it when none is named: what tells most in the four
/// minutes that it may take, and suffers least from a busy machine.
const BENCHMARKS: [(&str, bool); 17] = [
    ("latency", false),
    ("throughput", false),
    ("B1", true),
    ("B1c", false),
    ("B2", true),
    ("B2c", false),
    ("B3", true),
    ("B3b", true),
    ("B4", true),
    ("B4b", false),
    ("B4c", true),
    ("B7", true),
    ("B7b", true),
    ("B8", false),
    ("B8c", false),
    ("B9", true),
    ("B10", false),
];

/// The command line.
pub(crate) struct Order {
    smoke: bool,
    names: Vec<String>,
}

impl Order {
    /// From the program's arguments: names of benchmarks and options.
    ///
    /// # Errors
    /// A benchmark or an option that is not there.
    pub(crate) fn of(arguments: impl Iterator<Item = String>) -> anyhow::Result<Self> {
        let (options, names): (Vec<String>, Vec<String>) =
            arguments.partition(|argument| argument.starts_with("--"));
        let is_unknown = |name: &&String| BENCHMARKS.iter().all(|(known, _)| known != name);
        if let Some(unknown) = names.iter().find(is_unknown) {
            let known = BENCHMARKS.map(|(name, _)| name).join(", ");
            bail!("no benchmark is called {unknown}; there are {known}");
        }
        if let Some(unknown) = options.iter().find(|option| *option != "--smoke") {
            bail!("no option is called {unknown}; there is --smoke");
        }
        Ok(Self {
            smoke: !options.is_empty(),
            names,
        })
    }

    /// Whether a benchmark was asked for. If none is named, all are, or those of the smoke.
    pub(crate) fn wants(&self, name: &str) -> bool {
        if !self.names.is_empty() {
            return self.names.iter().any(|wanted| wanted == name);
        }
        let of_smoke = |(known, is_smoke): &(&str, bool)| *known == name && *is_smoke;
        !self.smoke || BENCHMARKS.iter().any(of_smoke)
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

    /// How long a timed run goes before it counts.
    pub(crate) fn warm_up(&self) -> Duration {
        Duration::from_secs(self.amount(10, 2) as u64)
    }

    /// How often subject and baseline take turns.
    pub(crate) fn pairs(&self) -> usize {
        self.amount(PAIRS, SMOKE_PAIRS)
    }

    /// Whether another pair is to be measured after these. The few short turns of a smoke are at the mercy of what
    /// else a shared machine does: below the floor, it takes more of them, two at a time so that one stands in the
    /// middle. What is judged is the median of all.
    pub(crate) fn wants_pair(&self, target: &Target, ratios: &[f64]) -> bool {
        let measured = ratios.len();
        let is_enough = measured % 2 == 1 && target.is_reached(ratios);
        measured < self.pairs() || (self.smoke && measured < SMOKE_PAIRS_AT_MOST && !is_enough)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(line: &str) -> anyhow::Result<Order> {
        Order::of(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn what_is_named_runs_and_nothing_else() {
        let order = order("B8 --smoke B1").unwrap();
        assert!(order.wants("B8") && order.wants("B1") && !order.wants("B2"));
        assert_eq!((order.amount(10, 1), order.pairs()), (1, SMOKE_PAIRS));
    }

    #[test]
    fn a_smoke_below_its_floor_takes_more_pairs_and_a_full_run_does_not() {
        const TARGET: Target = Target::higher("B0", "high", 0.5, 0.7);
        let (smoke, full) = (order("--smoke").unwrap(), order("").unwrap());
        let pairs = |order: &Order, ratio: f64| {
            let mut ratios = Vec::new();
            while order.wants_pair(&TARGET, &ratios) {
                ratios.push(ratio);
            }
            ratios.len()
        };
        assert_eq!(pairs(&smoke, 0.6), SMOKE_PAIRS);
        assert_eq!(pairs(&smoke, 0.4), SMOKE_PAIRS_AT_MOST);
        assert_eq!((pairs(&full, 0.6), pairs(&full, 0.4)), (PAIRS, PAIRS));
        assert!(
            smoke.wants_pair(&TARGET, &[0.4, 0.4, 0.6, 0.6]),
            "none in the middle"
        );
        assert!(!smoke.wants_pair(&TARGET, &[0.4, 0.4, 0.6, 0.6, 0.6]));
        assert!(
            smoke.wants_pair(&TARGET, &[0.6, 0.6]),
            "the planned ones come first"
        );
    }

    #[test]
    fn without_a_name_all_run_or_those_of_the_smoke() {
        let (full, smoke) = (order("").unwrap(), order("--smoke").unwrap());
        assert!(full.wants("B8") && full.wants("B1") && full.is_full());
        assert!(!smoke.wants("B8") && smoke.wants("B1"));
    }

    #[test]
    fn what_is_not_there_is_refused() {
        for line in ["B99", "footprint", "--smok", "B1 --fast"] {
            assert!(order(line).is_err(), "{line}");
        }
    }
}
