//! The only file that asks which database it is: PostgreSQL, or else SQLite; no other is ever opened.

use sea_orm::DbBackend;

/// An ever-rising key that is never reused.
pub fn identity_primary_key(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Postgres => "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
        _ => "INTEGER PRIMARY KEY AUTOINCREMENT",
    }
}

/// The type of a byte string.
pub fn bytes(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Postgres => "bytea",
        _ => "blob",
    }
}

/// Whether several processes may write this database, so that a lease must say which of them relays.
pub fn is_shared(backend: DbBackend) -> bool {
    backend == DbBackend::Postgres
}

/// How many transactions of one service are worth running at once: SQLite has one writer.
pub fn parallel_writers(backend: DbBackend, pool: usize) -> usize {
    match backend {
        DbBackend::Postgres => pool.max(1),
        _ => 1,
    }
}

/// Whether it runs several statements one after another; else they are made one.
pub(crate) fn takes_scripts(backend: DbBackend) -> bool {
    backend != DbBackend::Postgres
}

/// Whether rows are sent as an array of each column, so that a statement does not have a text, and a plan, for each
/// number of them; else as one value after another, of which that database prepares a new text in no time.
pub(crate) fn takes_arrays(backend: DbBackend) -> bool {
    backend == DbBackend::Postgres
}

/// Which transactions were running when it was read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Horizon {
    /// The oldest that writes and has not ended.
    pub(crate) oldest: i64,
    /// One that began to write after all the others that write now.
    pub(crate) next: i64,
}

/// Selects `oldest` and `next` of a [`Horizon`]. The transaction that asks takes a number of its own: a snapshot's
/// upper bound is the highest number that has *ended*, and some that run may be above it. Whoever writes to SQLite
/// does so alone: nobody is left.
pub(crate) fn horizon(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Postgres => {
            "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS oldest, \
             pg_current_xact_id()::text::bigint AS next"
        }
        _ => "SELECT 0 AS oldest, 0 AS next",
    }
}

/// A statement in the form that its database reads fastest. SQLite looks every named placeholder up in a
/// list, so many of them cost the square of their number; plain ones cost nothing, and say the same where
/// each value is named once and in order.
pub(super) fn with_placeholders(backend: DbBackend, text: String) -> String {
    if backend == DbBackend::Postgres {
        return text;
    }
    plain(&text).unwrap_or(text)
}

/// With `?` for `$1, $2, …`; nothing if they do not stand in order. No literal of ours holds a `$`.
fn plain(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut pieces = text.split('$');
    plain.push_str(pieces.next()?);
    for (place, piece) in pieces.enumerate() {
        let rest = piece.trim_start_matches(|c: char| c.is_ascii_digit());
        let number: usize = piece[..piece.len() - rest.len()].parse().ok()?;
        if number != place + 1 {
            return None;
        }
        plain.push('?');
        plain.push_str(rest);
    }
    Some(plain)
}

/// Longest list that is padded; longer ones are rare, and twice as many values may be more than a statement takes.
const PADDED_AT_MOST: usize = 1024;

/// A list whose repetitions mean nothing, with its last value again up to a power of two: few statements to
/// prepare rather than one for each length.
pub fn padded<T: Clone>(mut values: Vec<T>) -> Vec<T> {
    if let Some(last) = values.last().cloned()
        && values.len() <= PADDED_AT_MOST
    {
        values.resize(values.len().next_power_of_two(), last);
    }
    values
}

/// `$from, $from+1, …`: the placeholders of a list of `count` values.
pub fn placeholders(from: usize, count: usize) -> String {
    let places: Vec<String> = (from..from + count)
        .map(|place| format!("${place}"))
        .collect();
    places.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_placeholders_in_order_become_plain() {
        assert_eq!(plain("SELECT 1").as_deref(), Some("SELECT 1"));
        let text = "INSERT INTO t VALUES ($1, $2), ($3,$4) RETURNING a";
        let expected = "INSERT INTO t VALUES (?, ?), (?,?) RETURNING a";
        assert_eq!(plain(text).as_deref(), Some(expected));
        for other in ["a = $2 AND b = $1", "a = $1 OR b = $1", "a = $"] {
            assert_eq!(plain(other), None);
        }
    }
}
