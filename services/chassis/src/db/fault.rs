//! What an error of the database means for the one who must go on.

use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr};

/// What to do about a database error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Another transaction was faster: run again.
    Conflict,
    /// The database is away: wait and try again; it is nobody's fault.
    Away,
    /// Anything else.
    Other,
}

/// Tells what an error means, from its SQLSTATE (PostgreSQL) or its extended result code (SQLite).
pub fn classify(error: &DbErr) -> Fault {
    match error {
        DbErr::ConnectionAcquire(ConnAcquireErr::Timeout | ConnAcquireErr::ConnectionClosed) => {
            Fault::Away
        }
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => classify_sqlx(error),
        DbErr::RecordNotUpdated | DbErr::RecordNotInserted => Fault::Conflict,
        _ => Fault::Other,
    }
}

fn classify_sqlx(error: &sqlx::Error) -> Fault {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => Fault::Away,
        sqlx::Error::Database(database) => {
            classify_code(database.code().as_deref().unwrap_or_default())
        }
        _ => Fault::Other,
    }
}

fn classify_code(code: &str) -> Fault {
    match code {
        // PostgreSQL: serialization_failure, deadlock_detected, unique_violation, lock_not_available.
        "40001" | "40P01" | "23505" | "55P03" => Fault::Conflict,
        // PostgreSQL: administrator's shutdown, crash, starting up, too many connections, a full disk, a
        // transaction that stood still.
        "57P01" | "57P02" | "57P03" | "53300" | "53100" | "25P03" => Fault::Away,
        // SQLite: UNIQUE, PRIMARY KEY, ROWID; BUSY and its snapshot form; LOCKED.
        "2067" | "1555" | "2579" | "517" | "6" => Fault::Conflict,
        "5" | "261" => Fault::Away,
        // SQLite: FULL; IOERR, and its forms for a write and for the flush of a file.
        "13" | "10" | "778" | "1034" => Fault::Away,
        code if code.len() == 5 && code.starts_with("08") => Fault::Away,
        _ => Fault::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_code_means_what_the_manuals_say() {
        for (code, fault) in [
            ("40001", Fault::Conflict),
            ("40P01", Fault::Conflict),
            ("23505", Fault::Conflict),
            ("2067", Fault::Conflict),
            ("57P01", Fault::Away),
            ("08006", Fault::Away),
            ("5", Fault::Away),
            ("13", Fault::Away),
            ("778", Fault::Away),
            ("53100", Fault::Away),
            ("42P01", Fault::Other),
            ("", Fault::Other),
        ] {
            assert_eq!(classify_code(code), fault, "{code}");
        }
    }
}
