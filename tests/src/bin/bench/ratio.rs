//! Subject and baseline side by side: legs in turn, median and spread, floor and goal.

use std::time::Duration;

use anyhow::Context;

use crate::accounting::Cost;

/// One turn of the subject or of a baseline.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leg {
    pub(crate) operations: f64,
    pub(crate) took: Duration,
    pub(crate) cost: Cost,
}

impl Leg {
    /// What is left of it without a shorter one of the same work, and so without what both begin with.
    ///
    /// # Errors
    /// The shorter one took longer.
    pub(crate) fn without(&self, shorter: &Self) -> anyhow::Result<Self> {
        let took = self.took.checked_sub(shorter.took);
        Ok(Self {
            operations: self.operations - shorter.operations,
            took: took.context("the shorter one took longer")?,
            cost: self.cost.since(&shorter.cost),
        })
    }

    /// Operations a second.
    pub(crate) fn rate(&self) -> f64 {
        self.operations / self.took.as_secs_f64()
    }
}

/// The legs of one kind in their order.
pub(crate) struct Legs {
    name: &'static str,
    legs: Vec<Leg>,
}

impl Legs {
    /// None yet.
    pub(crate) fn of(name: &'static str) -> Self {
        Self {
            name,
            legs: Vec::new(),
        }
    }

    /// One more, which is printed.
    pub(crate) fn add(&mut self, leg: Leg) {
        self.legs.push(leg);
        println!(
            "  {} {}: {:.0} in {:.2} s: {:.0}/s",
            self.name,
            self.legs.len(),
            leg.operations,
            leg.took.as_secs_f64(),
            leg.rate()
        );
    }

    /// Rates of all.
    pub(crate) fn rates(&self) -> Vec<f64> {
        self.legs.iter().map(Leg::rate).collect()
    }

    /// This kind's rate over another's, pair by pair.
    pub(crate) fn over(&self, other: &Self) -> Vec<f64> {
        let pairs = self.legs.iter().zip(&other.legs);
        pairs
            .map(|(own, other)| own.rate() / other.rate())
            .collect()
    }

    /// This kind's CPU time for each operation over another's, pair by pair.
    pub(crate) fn cpu_over(&self, other: &Self) -> Vec<f64> {
        let each = |leg: &Leg| leg.cost.cpu() / leg.operations;
        let pairs = self.legs.iter().zip(&other.legs);
        pairs.map(|(own, other)| each(own) / each(other)).collect()
    }

    /// Prints rate and cost.
    pub(crate) fn print(&self) {
        let mut cost = Cost::default();
        let mut thousands = 0.0;
        for leg in &self.legs {
            cost += leg.cost;
            thousands += leg.operations / 1000.0;
        }
        let each = |seconds: f64| seconds / thousands;
        println!(
            "{}: {} a second; CPU seconds per 1,000: {:.3} (services {:.3}, PostgreSQL {:.3}, Kafka {:.3}, client {:.3}); \
             WAL bytes each: {:.0}",
            self.name,
            spread(&self.rates(), 0),
            each(cost.cpu()),
            each(cost.services),
            each(cost.postgres),
            each(cost.kafka),
            each(cost.client),
            cost.wal_bytes / thousands / 1000.0
        );
    }
}

/// The value in the middle; 0 of none.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// `median (least–most)`.
pub(crate) fn spread(values: &[f64], digits: usize) -> String {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    format!(
        "{:.digits$} ({least:.digits$}–{most:.digits$})",
        median(values)
    )
}

/// A mark as it is printed; there is none where it is infinite.
fn mark(mark: f64) -> String {
    if mark.is_finite() {
        mark.to_string()
    } else {
        "–".to_owned()
    }
}

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Better {
    Higher,
    Lower,
}

/// A row of the table of floors and goals (performance.md).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    id: &'static str,
    ratio: &'static str,
    better: Better,
    floor: f64,
    goal: f64,
}

impl Target {
    /// One that should be high.
    pub(crate) const fn higher(
        id: &'static str,
        ratio: &'static str,
        floor: f64,
        goal: f64,
    ) -> Self {
        let better = Better::Higher;
        Self {
            id,
            ratio,
            better,
            floor,
            goal,
        }
    }

    /// One that should be low.
    pub(crate) const fn lower(
        id: &'static str,
        ratio: &'static str,
        floor: f64,
        goal: f64,
    ) -> Self {
        let better = Better::Lower;
        Self {
            better,
            ..Self::higher(id, ratio, floor, goal)
        }
    }

    /// Prints the ratio of the pairs beside floor and goal; whether the median reaches the floor.
    #[must_use]
    pub(crate) fn judge(&self, ratios: &[f64]) -> bool {
        let reached = median(ratios);
        let reaches = |mark: f64| match self.better {
            Better::Higher => reached >= mark,
            Better::Lower => reached <= mark,
        };
        let verdict = match (reaches(self.floor), reaches(self.goal)) {
            (true, true) => "PASS, goal reached",
            (true, false) => "PASS",
            (false, _) => "BELOW FLOOR",
        };
        println!(
            "{}: {} = {} of {}; floor {}, goal {}: {verdict}",
            self.id,
            self.ratio,
            spread(ratios, 2),
            ratios.len(),
            mark(self.floor),
            mark(self.goal)
        );
        reaches(self.floor)
    }
}
