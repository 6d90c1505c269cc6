//! Where a look at the outbox may begin, so that rows deleted under an old snapshot are not scanned again
//! and again: above everything that was taken already.
//!
//! Nothing below the floor may be overtaken by a later row of its key. Two things could come up there: a row
//! whose transaction commits late, and rows of a key that a refused one held until somebody released it. So the
//! floor rises only when all transactions of its time have ended, and keys that were held wait for a sweep
//! (ADR 16).

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::table::Stream;
use crate::bus::Envelope;
use crate::db::dialect::Horizon;

/// How often it is swept from the very oldest row.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// What one relay knows of the rows that it took.
#[derive(Default)]
pub(super) struct Floor {
    at: i64,
    highest_taken: i64,
    next: Option<NextFloor>,
    swept: Option<Instant>,
    /// Streams that a refused row held when it was last swept, or since.
    held: BTreeSet<Stream>,
}

struct NextFloor {
    at: i64,
    /// The floor may rise when no transaction older than this one is left.
    safe_from: i64,
}

impl Floor {
    /// Whether the next look must begin at the very oldest row.
    pub(super) fn is_sweep_due(&self) -> bool {
        self.swept.is_none_or(|at| at.elapsed() >= SWEEP_EVERY)
    }

    /// The next look is to begin at the very oldest row.
    pub(super) fn sweep_next(&mut self) {
        self.swept = None;
    }

    /// Takes note that a look from the very oldest row begins, with what was read *before* it.
    pub(super) fn begin_sweep(&mut self, horizon: Horizon, held: BTreeSet<Stream>) {
        self.swept = Some(Instant::now());
        self.held = held;
        if let Some(next) = &self.next
            && horizon.oldest >= next.safe_from
        {
            self.at = next.at;
            self.next = None;
        }
        self.next.get_or_insert(NextFloor {
            at: self.highest_taken,
            safe_from: horizon.next,
        });
    }

    /// The lowest row to look for between sweeps.
    pub(super) fn at(&self) -> i64 {
        self.at
    }

    /// Whether a row found between sweeps has nothing of its key below the floor.
    pub(super) fn lets_pass(&self, envelope: &Envelope) -> bool {
        self.held.is_empty() || !self.held.contains(&owned(envelope))
    }

    /// Rows were taken, oldest first up to `last`; `more` may be behind it.
    pub(super) fn took(&mut self, last: i64, more: bool) {
        self.highest_taken = self.highest_taken.max(last);
        if more && last < self.at {
            self.sweep_next();
        }
    }

    /// A row was refused.
    pub(super) fn hold(&mut self, envelope: &Envelope) {
        self.held.insert(owned(envelope));
    }
}

fn owned(envelope: &Envelope) -> Stream {
    let (topic, key) = envelope.stream();
    (topic.to_owned(), key.to_owned())
}
