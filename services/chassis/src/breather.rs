//! When batches follow each other without a pause, a pause makes them larger, and every event cheaper.

use std::time::Duration;

/// A batch that was waited for less than this was there already.
const AT_ONCE: Duration = Duration::from_millis(1);

/// So many batches in a row that were there already mean that work comes faster than it is done.
const IN_A_ROW: u32 = 3;

/// Longest pause.
const AT_MOST: Duration = Duration::from_millis(25);

/// So many times as long as the last batch took: the next is about four times as large.
const TIMES: u32 = 3;

/// Says when to let work pile up, and for how long. Whoever is not busy is never held up.
#[derive(Debug, Default)]
pub(crate) struct Breather {
    in_a_row: u32,
}

impl Breather {
    /// After a batch that was waited for, and took, so long. One that was full cannot become larger.
    pub(crate) fn pause(
        &mut self,
        waited: Duration,
        took: Duration,
        is_full: bool,
    ) -> Option<Duration> {
        self.in_a_row = if waited < AT_ONCE {
            self.in_a_row.saturating_add(1)
        } else {
            0
        };
        let pauses = !is_full && self.in_a_row >= IN_A_ROW;
        pauses.then_some((took * TIMES).min(AT_MOST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_is_busy_pauses() {
        let mut breather = Breather::default();
        let (none, long) = (Duration::ZERO, Duration::from_millis(8));
        assert_eq!(breather.pause(none, long, false), None);
        assert_eq!(breather.pause(none, long, false), None);
        assert_eq!(breather.pause(none, long, false), Some(long * TIMES));
        assert_eq!(breather.pause(none, long * 9, false), Some(AT_MOST));
        assert_eq!(breather.pause(none, long, true), None, "nothing to gain");
        assert_eq!(breather.pause(AT_ONCE, long, false), None);
        assert_eq!(breather.pause(none, long, false), None);
    }
}
