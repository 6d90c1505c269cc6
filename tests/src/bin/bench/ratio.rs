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

    /// Operations of all.
    pub(crate) fn operations(&self) -> f64 {
        self.legs.iter().map(|leg| leg.operations).sum()
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

    /// How many times the WAL of the side that writes less the other writes for each operation, pair by pair: two
    /// that write the same rows are near 1.
    pub(crate) fn wal_apart(&self, other: &Self) -> Vec<f64> {
        let each = |leg: &Leg| leg.cost.wal_bytes / leg.operations;
        let pairs = self.legs.iter().zip(&other.legs);
        let ratios = pairs.map(|(own, other)| each(own) / each(other));
        ratios.map(|ratio| ratio.max(1.0 / ratio)).collect()
    }

    /// Prints rate and cost.
    pub(crate) fn print(&self) {
        let mut cost = Cost::default();
        let mut thousands = 0.0;
        let mut seconds = 0.0;
        for leg in &self.legs {
            cost += leg.cost;
            thousands += leg.operations / 1000.0;
            seconds += leg.took.as_secs_f64();
        }
        let each = |seconds: f64| seconds / thousands;
        println!(
            "{}: {} a second; CPU seconds per 1,000: {:.3} (services {:.3}, PostgreSQL {:.3}, Kafka {:.3}, client {:.3}); \
             WAL bytes each: {:.0}; commits a second: {:.0}",
            self.name,
            spread(&self.rates(), 0),
            each(cost.cpu()),
            each(cost.services),
            each(cost.postgres),
            each(cost.kafka),
            each(cost.client),
            cost.wal_bytes / thousands / 1000.0,
            cost.commits / seconds
        );
    }
}

/// The value in the middle; not a number where there is none, which no mark is reached by.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
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

    /// One for what [`Legs::wal_apart`] says of two that must write the same rows: the statements of a baseline are a
    /// copy, which the product's may leave behind.
    pub(crate) const fn same_rows(id: &'static str) -> Self {
        let ratio = "WAL bytes for each operation, the side with more ÷ the other";
        Self::lower(id, ratio, 1.33, 1.1)
    }

    /// Prints the ratio of the pairs beside floor and goal; whether the median reaches the floor. Nothing measured
    /// reaches none.
    #[must_use]
    pub(crate) fn judge(&self, ratios: &[f64]) -> bool {
        if ratios.is_empty() || ratios.iter().any(|ratio| !ratio.is_finite()) {
            println!("{}: {}: NOTHING MEASURED", self.id, self.ratio);
            return false;
        }
        let verdict = match (self.is_reached(ratios), self.reaches(self.goal, ratios)) {
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
        self.is_reached(ratios)
    }

    /// Whether the median reaches the floor.
    pub(crate) fn is_reached(&self, ratios: &[f64]) -> bool {
        self.reaches(self.floor, ratios)
    }

    fn reaches(&self, mark: f64, ratios: &[f64]) -> bool {
        let reached = median(ratios);
        match self.better {
            Better::Higher => reached >= mark,
            Better::Lower => reached <= mark,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HIGH: Target = Target::higher("B0", "high", 0.5, 0.7);
    const LOW: Target = Target::lower("B0", "low", 4.0, 2.0);

    /// A second of so many operations that write so much.
    fn leg(operations: f64, wal_bytes: f64) -> Leg {
        let cost = Cost {
            wal_bytes,
            ..Cost::default()
        };
        Leg {
            operations,
            took: Duration::from_secs(1),
            cost,
        }
    }

    fn legs(of: &[Leg]) -> Legs {
        let mut legs = Legs::of("legs");
        for leg in of {
            legs.add(*leg);
        }
        legs
    }

    #[test]
    fn the_median_is_judged_not_the_best() {
        assert!(HIGH.judge(&[0.1, 0.5, 0.9]) && !HIGH.judge(&[0.4, 0.4, 0.9]));
        assert!(LOW.judge(&[9.0, 4.0, 1.0]) && !LOW.judge(&[9.0, 4.1, 1.0]));
    }

    #[test]
    fn nothing_measured_reaches_no_floor() {
        for target in [HIGH, LOW] {
            for nothing in [&[][..], &[f64::NAN], &[f64::INFINITY], &[1.0, f64::NAN]] {
                assert!(!target.judge(nothing), "{target:?} {nothing:?}");
            }
        }
        assert!(median(&[]).is_nan());
        let (none, some) = (legs(&[leg(0.0, 0.0)]), legs(&[leg(9.0, 9.0)]));
        assert!(!LOW.judge(&none.wal_apart(&some)) && !HIGH.judge(&some.over(&none)));
    }

    #[test]
    fn a_third_more_wal_on_either_side_is_too_much() {
        let (one, more) = (
            legs(&[leg(100.0, 700_000.0)]),
            legs(&[leg(200.0, 1_820_000.0)]),
        );
        let target = Target::same_rows("B0");
        assert!(target.judge(&one.wal_apart(&more)) && target.judge(&more.wal_apart(&one)));
        let most = legs(&[leg(100.0, 940_000.0)]);
        assert!(!target.judge(&one.wal_apart(&most)) && !target.judge(&most.wal_apart(&one)));
    }
}
