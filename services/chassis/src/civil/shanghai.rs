//! Instants and the civil dates they are in Asia/Shanghai.

use jiff::{Timestamp, civil::Date, tz::Offset};

use super::CivilError;

/// The offset of Asia/Shanghai.
///
/// Fixed at +08:00, so that no time zone database is needed: summer time was last kept in 1991,
/// and the platform's instants begin long after.
pub const SHANGHAI: Offset = Offset::constant(8);

/// The civil date in Asia/Shanghai at an instant.
pub fn today(now: Timestamp) -> Date {
    SHANGHAI.to_datetime(now).date()
}

/// The instant at which a day begins in Asia/Shanghai.
///
/// Days before the first instant that can be held (in the year -9999) begin at that instant.
pub fn instant_at_start_of(date: Date) -> Timestamp {
    SHANGHAI
        .to_timestamp(date.at(0, 0, 0, 0))
        .unwrap_or(Timestamp::MIN)
}

/// An instant as the databases hold it: microseconds since 1970-01-01T00:00:00Z, finer parts cut
/// towards zero.
pub fn micros(instant: Timestamp) -> i64 {
    instant.as_microsecond()
}

/// The instant of a database column, in microseconds since 1970-01-01T00:00:00Z.
///
/// Errors: the number lies outside the years -9999 to 9999.
pub fn from_micros(micros: i64) -> Result<Timestamp, CivilError> {
    Timestamp::from_microsecond(micros).map_err(|_| CivilError::Instant)
}
