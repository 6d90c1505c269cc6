//! Reading the chassis' own rows, and binding values.

use jiff::Timestamp;
use sea_orm::{DbErr, QueryResult, RuntimeErr, TryGetable, Value};
use sqlx::{Decode, Postgres, Row as _, Type};

use crate::civil::from_micros;

/// One row of a query.
pub struct Row(pub(super) QueryResult);

impl Row {
    /// The value of a column.
    ///
    /// # Errors
    /// No such column, or a value of another type.
    pub fn get<T: TryGetable>(&self, column: &str) -> Result<T, DbErr> {
        self.0.try_get("", column)
    }

    /// The values in the order in which the statement names them: where thousands of rows are read at once, a name
    /// looked up for each value of each is a good part of the work.
    pub(crate) fn in_order(&self) -> InOrder<'_> {
        InOrder { row: self, next: 0 }
    }

    /// An instant kept as microseconds since 1970 UTC.
    ///
    /// # Errors
    /// No such column, or no instant.
    pub fn instant(&self, column: &str) -> Result<Timestamp, DbErr> {
        instant(self.get(column)?)
    }

    /// An instant that may be absent.
    ///
    /// # Errors
    /// No such column, or no instant.
    pub fn instant_opt(&self, column: &str) -> Result<Option<Timestamp>, DbErr> {
        self.get::<Option<i64>>(column)?.map(instant).transpose()
    }

    /// A text that is parsed on the way.
    ///
    /// # Errors
    /// No such column, or a text that cannot be parsed.
    pub fn parse<T>(&self, column: &str) -> Result<T, DbErr>
    where
        T: std::str::FromStr,
        T::Err: std::fmt::Display,
    {
        let text: String = self.get(column)?;
        text.parse()
            .map_err(|error| DbErr::Type(format!("column {column}: {error}")))
    }

    /// A text that may be absent, parsed on the way.
    ///
    /// # Errors
    /// No such column, or a text that cannot be parsed.
    pub fn parse_opt<T>(&self, column: &str) -> Result<Option<T>, DbErr>
    where
        T: std::str::FromStr,
        T::Err: std::fmt::Display,
    {
        let Some(text) = self.get::<Option<String>>(column)? else {
            return Ok(None);
        };
        text.parse()
            .map(Some)
            .map_err(|error| DbErr::Type(format!("column {column}: {error}")))
    }
}

/// A row's values, one after the other.
pub(crate) struct InOrder<'r> {
    row: &'r Row,
    next: usize,
}

impl InOrder<'_> {
    /// The next value. PostgreSQL's is asked for its type in debug builds only, so by every test: for each value of
    /// thousands of rows that is a good part of what reading it takes.
    ///
    /// # Errors
    /// No more columns; a value of another type, where it is asked for.
    pub(crate) fn value<T>(&mut self) -> Result<T, DbErr>
    where
        T: TryGetable + for<'r> Decode<'r, Postgres> + Type<Postgres>,
    {
        let place = self.next;
        self.next += 1;
        let Some(row) = self.row.0.try_as_pg_row() else {
            return self.row.0.try_get_by_index(place);
        };
        let value = if cfg!(debug_assertions) {
            row.try_get(place)
        } else {
            row.try_get_unchecked(place)
        };
        value.map_err(|error| DbErr::Query(RuntimeErr::SqlxError(error.into())))
    }
}

pub(crate) fn instant(micros: i64) -> Result<Timestamp, DbErr> {
    from_micros(micros).map_err(|error| DbErr::Type(error.to_string()))
}

/// Binds a value.
pub fn val(value: impl Into<Value>) -> Value {
    value.into()
}

/// Binds a value's text, or NULL.
pub fn opt<T: ToString>(value: Option<&T>) -> Value {
    value.map(ToString::to_string).into()
}
