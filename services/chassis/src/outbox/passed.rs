//! Numbers of rows that a look need not read: those that are gone, and those that are on their way.
//!
//! A row that was deleted under an old snapshot stays in the index as long as that snapshot does, and every look
//! would pass over it. But a number is given once: where every number was seen and deleted, nothing can come up any more.

use std::ops::RangeInclusive;

/// So many numbers that follow each other are told to the database as a range: it need not look each of them up.
const RUN: i64 = 64;

/// So many ranges are told or kept: each is another piece of a statement. Most sets are one or two: numbers have holes only
/// where a transaction was rolled back, commits late, or wrote what the bus refuses.
const MOST_RUNS: usize = 4;

/// Ranges of numbers, in order, of which none touches another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Passed(Vec<RangeInclusive<i64>>);

impl Passed {
    /// With another range.
    pub(super) fn add(&mut self, range: RangeInclusive<i64>) {
        let (mut start, mut end) = range.into_inner();
        let touches =
            |one: &RangeInclusive<i64>| *one.start() <= end + 1 && start - 1 <= *one.end();
        let (touching, mut others): (Vec<_>, Vec<_>) = self.0.drain(..).partition(touches);
        for one in touching {
            start = start.min(*one.start());
            end = end.max(*one.end());
        }
        others.push(start..=end);
        others.sort_unstable_by_key(|one| *one.start());
        self.0 = others;
    }

    /// With the numbers of rows that are gone; of too many ranges the shortest are forgotten.
    pub(super) fn add_gone(&mut self, seqs: impl IntoIterator<Item = i64>) {
        for run in runs(seqs) {
            self.add(run);
            if self.0.len() > MOST_RUNS {
                self.forget_shortest();
            }
        }
    }

    fn forget_shortest(&mut self) {
        let length = |place: &usize| self.0[*place].end() - self.0[*place].start();
        if let Some(shortest) = (0..self.0.len()).min_by_key(length) {
            self.0.remove(shortest);
        }
    }

    /// What lies between the ranges, from a number on; the last has no end.
    pub(super) fn between(&self, from: i64) -> (Vec<RangeInclusive<i64>>, i64) {
        let (mut between, mut next) = (Vec::new(), from);
        for range in self.0.iter().filter(|range| *range.end() >= from) {
            if next < *range.start() {
                between.push(next..=range.start() - 1);
            }
            next = range.end() + 1;
        }
        (between, next)
    }
}

/// The numbers of a set that follow each other, in order.
fn runs(set: impl IntoIterator<Item = i64>) -> Vec<RangeInclusive<i64>> {
    let mut set: Vec<i64> = set.into_iter().collect();
    // Batch after batch it is in order already.
    set.sort_unstable();
    set.dedup();
    let mut runs: Vec<RangeInclusive<i64>> = Vec::new();
    for seq in set {
        match runs.last_mut() {
            Some(run) if run.end() + 1 == seq => *run = *run.start()..=seq,
            _ => runs.push(seq..=seq),
        }
    }
    runs
}

/// Numbers of rows, in two parts.
pub(super) struct Seqs {
    /// All numbers from the first to the last are of the set.
    pub(super) runs: Vec<RangeInclusive<i64>>,
    /// The others.
    pub(super) single: Vec<i64>,
}

impl Seqs {
    pub(super) fn of(set: impl IntoIterator<Item = i64>) -> Self {
        let all = runs(set);
        let (mut runs, mut single) = (Vec::new(), Vec::new());
        for run in all {
            if runs.len() < MOST_RUNS && run.end() - run.start() >= RUN - 1 {
                runs.push(run);
            } else {
                single.extend(run);
            }
        }
        Self { runs, single }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn told(set: impl IntoIterator<Item = i64>) -> (Vec<RangeInclusive<i64>>, usize) {
        let Seqs { runs, single } = Seqs::of(set);
        (runs, single.len())
    }

    #[test]
    fn long_runs_are_ranges_and_the_rest_is_a_list() {
        assert_eq!(told([]), (vec![], 0));
        assert_eq!(told(1..64), (vec![], 63), "too short to be worth it");
        assert_eq!(told(1..=64), (vec![1..=64], 0));
        assert_eq!(told((1..=64).rev().chain(1..=64)), (vec![1..=64], 0));
        let holes = (0..1_000).filter(|seq| seq % 100 != 0);
        let (runs, single) = told(holes);
        assert_eq!(runs, [1..=99, 101..=199, 201..=299, 301..=399]);
        assert_eq!(single, 6 * 99);
    }

    #[test]
    fn ranges_that_touch_are_one_and_the_shortest_are_forgotten() {
        let mut passed = Passed::default();
        for seqs in [10..20, 30..40, 20..30, 5..13] {
            passed.add_gone(seqs);
        }
        assert_eq!(passed.0, [5..=39]);
        passed.add_gone([100, 101, 200, 201, 202, 300, 301, 302, 400, 401, 402]);
        assert_eq!(passed.0, [5..=39, 200..=202, 300..=302, 400..=402]);
        passed.add_gone([303]);
        assert_eq!(passed.0[2], 300..=303);
    }

    proptest! {
        /// Every number is in one of the two, whatever was added in which order.
        #[test]
        fn what_lies_between_is_what_was_not_passed(added in vec((0..60_i64, 0..9_i64), 0..9), from in 0..60_i64) {
            let mut passed = Passed::default();
            for (start, more) in &added {
                passed.add(*start..=start + more);
            }
            let (between, last) = passed.between(from);
            for seq in 0..80 {
                let is_passed = added.iter().any(|(start, more)| (*start..=start + more).contains(&seq));
                let is_read = seq >= last || between.iter().any(|range| range.contains(&seq));
                prop_assert_eq!(is_read, seq >= from && !is_passed, "{}", seq);
            }
        }
    }
}
