//! One service's own database: SQLite or PostgreSQL, behind SeaORM.
//!
//! Only this module begins transactions (IMMEDIATE on SQLite, READ COMMITTED on PostgreSQL);
//! what differs between the two lies in [`dialect`] and nowhere else.

pub mod dialect;
mod fault;
pub mod migrate;
mod row;
mod rows;
pub(crate) mod script;
pub mod writes;

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use futures::TryStreamExt;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    SqliteTransactionMode, SqlxPostgresConnector, SqlxSqliteConnector, Statement, StreamTrait,
    TransactionOptions, TransactionTrait, Value,
};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

pub use fault::{Fault, classify};
pub(crate) use row::instant;
pub use row::{Row, opt, val};
pub use rows::{Insert, insert, rows_of};
pub use writes::Write;

/// How long a statement waits for a connection of PostgreSQL before the database counts as away;
/// below the time that a neighbour's call may take, so that the caller is told so.
const ACQUIRE_WITHIN: Duration = Duration::from_secs(3);

/// How long a statement waits for SQLite's lock.
const BUSY_WITHIN: Duration = Duration::from_secs(5);

/// How long a command waits for the one connection that writes a SQLite file.
const TURN_WITHIN: Duration = Duration::from_secs(30);

/// After how long PostgreSQL ends a transaction of a process that stands still (stopped, or cut
/// off), in milliseconds; its locks would hold up everybody else.
const STANDSTILL_ENDS_AFTER: &str = "5000";

/// How long a statement of PostgreSQL waits for a row that another transaction holds, in milliseconds; then it is a
/// conflict, and runs again. Whoever shares its transaction is let go.
const LOCKED_WITHIN: &str = "3000";

/// How long a connection may idle before it is asked whether it is still there.
const PING_IF_IDLE_FOR: Duration = Duration::from_secs(5);

/// Statements that a connection to PostgreSQL keeps prepared: it plans each, and keeps the plans on its side.
const POSTGRES_STATEMENTS: usize = 256;

/// The same to SQLite, which prepares one in no time, but a script of many rows takes hundreds of KiB: 256 of them made a
/// process that had worked twice as large.
const SQLITE_STATEMENTS: usize = 24;

/// One service's database: a pool that writes and one that only reads.
///
/// On SQLite the writer is one connection, so writers queue instead of failing; on PostgreSQL both
/// are the same pool, and the relay has a connection of its own so that a flood of commands cannot
/// keep events from leaving.
#[derive(Clone, Debug)]
pub struct Database {
    writer: DatabaseConnection,
    reader: DatabaseConnection,
    relay: DatabaseConnection,
    outbox_reader: DatabaseConnection,
}

impl Database {
    /// Opens (and creates) a SQLite file: WAL, `synchronous=FULL`, one writer, one lazy reader.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub async fn open_sqlite(path: &Path) -> Result<Self, DbErr> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_WITHIN)
            .foreign_keys(true)
            .statement_cache_capacity(SQLITE_STATEMENTS)
            .pragma("cache_size", "-2000");
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(TURN_WITHIN)
            .test_before_acquire(false)
            .after_release(|connection, _| {
                let open = sqlx::Connection::is_in_transaction(connection);
                Box::pin(std::future::ready(Ok(is_reusable(open))))
            })
            .connect_with(options.clone())
            .await
            .map_err(|error| DbErr::Conn(sea_orm::RuntimeErr::SqlxError(error.into())))?;
        let reader = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(TURN_WITHIN)
            .test_before_acquire(false)
            .connect_lazy_with(options.read_only(true).create_if_missing(false));
        let writer = SqlxSqliteConnector::from_sqlx_sqlite_pool(writer);
        let reader = SqlxSqliteConnector::from_sqlx_sqlite_pool(reader);
        Ok(Self {
            relay: writer.clone(),
            outbox_reader: reader.clone(),
            writer,
            reader,
        })
    }

    /// Opens a pool of at most `max_connections` on PostgreSQL, and one connection for the relay.
    /// Connects lazily: a database that is away at the start is one that is not ready yet.
    ///
    /// # Errors
    /// The URL cannot be parsed.
    pub fn open_postgres(
        url: &str,
        application: &str,
        max_connections: u32,
    ) -> Result<Self, DbErr> {
        let options = PgConnectOptions::from_str(url)
            .map_err(|error| DbErr::Conn(sea_orm::RuntimeErr::SqlxError(error.into())))?
            .application_name(application)
            .options([("idle_in_transaction_session_timeout", STANDSTILL_ENDS_AFTER)])
            .statement_cache_capacity(POSTGRES_STATEMENTS);
        let pool = |options: PgConnectOptions, max| {
            PgPoolOptions::new()
                .max_connections(max)
                .acquire_timeout(ACQUIRE_WITHIN)
                .test_before_acquire(false)
                .before_acquire(|connection, meta| {
                    Box::pin(async move {
                        if meta.idle_for < PING_IF_IDLE_FOR {
                            return Ok(true);
                        }
                        Ok(sqlx::Connection::ping(connection).await.is_ok())
                    })
                })
                .connect_lazy_with(options)
        };
        // Not the relay's: a process that migrates waits on it for another one that does.
        let hasty = options.clone().options([("lock_timeout", LOCKED_WITHIN)]);
        let writer = SqlxPostgresConnector::from_sqlx_postgres_pool(pool(hasty, max_connections));
        let relay = SqlxPostgresConnector::from_sqlx_postgres_pool(pool(options, 1));
        Ok(Self {
            reader: writer.clone(),
            outbox_reader: relay.clone(),
            writer,
            relay,
        })
    }

    /// Which of the two it is.
    pub fn backend(&self) -> DbBackend {
        self.writer.get_database_backend()
    }

    /// For queries that change nothing and need not see a transaction of their own.
    pub fn reader(&self) -> &DatabaseConnection {
        &self.reader
    }

    /// For single statements that change something: each is its own transaction.
    pub fn writer(&self) -> &DatabaseConnection {
        &self.writer
    }

    /// The relay's own connection.
    pub(crate) fn relay(&self) -> &DatabaseConnection {
        &self.relay
    }

    /// Where the relay looks for events: where nobody who writes is waited for.
    pub(crate) fn outbox_reader(&self) -> &DatabaseConnection {
        &self.outbox_reader
    }

    /// Begins the one kind of transaction there is.
    ///
    /// # Errors
    /// The database is away, or another writer holds SQLite's lock for too long.
    #[allow(clippy::disallowed_methods)] // the one place
    pub(crate) async fn begin(&self) -> Result<DatabaseTransaction, DbErr> {
        let mode =
            (self.backend() == DbBackend::Sqlite).then_some(SqliteTransactionMode::Immediate);
        let options = TransactionOptions {
            sqlite_transaction_mode: mode,
            ..TransactionOptions::default()
        };
        self.writer.begin_with_options(options).await
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// It does not.
    pub async fn ping(&self) -> Result<(), DbErr> {
        self.reader.ping().await
    }

    /// Closes every connection.
    pub async fn close(&self) {
        for pool in [&self.reader, &self.relay, &self.writer] {
            if let Err(error) = pool.close_by_ref().await {
                tracing::warn!(%error, "closing a database pool");
            }
        }
    }
}

/// Whether a connection that comes back may be used again: not if it counts a transaction as open. A
/// full disk lets SQLite end a transaction by itself; sqlx does not notice, and from then on every
/// COMMIT would be one of a savepoint in a transaction that never ends: acknowledged, seen by
/// nobody, and gone with the process.
fn is_reusable(in_transaction: bool) -> bool {
    if in_transaction {
        tracing::warn!("a connection came back with an open transaction; it is closed");
    }
    !in_transaction
}

/// A statement with `$1 …` placeholders, which both databases understand.
pub fn sql(
    backend: DbBackend,
    text: impl Into<String>,
    values: impl IntoIterator<Item = Value>,
) -> Statement {
    let text = dialect::with_placeholders(backend, text.into());
    Statement::from_sql_and_values(backend, text, values)
}

/// Shorthands over any connection, for the chassis' own tables.
pub trait Sql: ConnectionTrait {
    /// Runs a statement; the number of rows it changed.
    fn run(
        &self,
        text: impl Into<String> + Send,
        values: impl IntoIterator<Item = Value> + Send,
    ) -> impl Future<Output = Result<u64, DbErr>> + Send {
        let statement = sql(self.get_database_backend(), text, values);
        async move { Ok(self.execute_raw(statement).await?.rows_affected()) }
    }

    /// All rows of a query.
    fn all(
        &self,
        text: impl Into<String> + Send,
        values: impl IntoIterator<Item = Value> + Send,
    ) -> impl Future<Output = Result<Vec<Row>, DbErr>> + Send {
        let statement = sql(self.get_database_backend(), text, values);
        async move {
            Ok(self
                .query_all_raw(statement)
                .await?
                .into_iter()
                .map(Row)
                .collect())
        }
    }

    /// The first row of a query.
    fn one(
        &self,
        text: impl Into<String> + Send,
        values: impl IntoIterator<Item = Value> + Send,
    ) -> impl Future<Output = Result<Option<Row>, DbErr>> + Send {
        let statement = sql(self.get_database_backend(), text, values);
        async move { Ok(self.query_one_raw(statement).await?.map(Row)) }
    }
}

impl<C: ConnectionTrait> Sql for C {}

/// What is made of each row of a query as it comes in: of many thousand at once, each is read while it is at hand, and
/// only what is made of it is kept.
///
/// # Errors
/// Of the query, or the first of `made_of`.
pub(crate) async fn each_row<T>(
    db: &DatabaseConnection,
    text: impl Into<String>,
    values: impl IntoIterator<Item = Value>,
    made_of: impl Fn(&Row) -> Result<T, DbErr>,
) -> Result<Vec<T>, DbErr> {
    let statement = sql(db.get_database_backend(), text, values);
    let mut rows = db.stream_raw(statement).await?;
    let mut made = Vec::new();
    while let Some(row) = rows.try_next().await? {
        made.push(made_of(&Row(row))?);
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SQLite ends a transaction by itself when the disk is full; what is committed afterwards must
    /// be committed, not kept in a transaction that nobody ends.
    #[tokio::test]
    async fn a_full_disk_leaves_no_transaction_open() {
        let directory = tempfile::tempdir().unwrap();
        let db = Database::open_sqlite(&directory.path().join("full.db"))
            .await
            .unwrap();
        let run = async |statement: &str| db.writer().run(statement, []).await;
        run("CREATE TABLE kept (id integer)").await.unwrap();
        run("CREATE TABLE large (bytes blob)").await.unwrap();
        // As large as the file is: no room for another page.
        run("PRAGMA max_page_count = 1").await.unwrap();
        let transaction = db.begin().await.unwrap();
        let full = transaction
            .run("INSERT INTO large VALUES (zeroblob(1000000))", [])
            .await;
        assert_eq!(classify(&full.unwrap_err()), Fault::Away);
        // SQLite has rolled it back already.
        assert!(transaction.rollback().await.is_err());
        // A command that is refused, then one that is taken.
        db.begin().await.unwrap().rollback().await.unwrap();
        let transaction = db.begin().await.unwrap();
        transaction
            .run("INSERT INTO kept VALUES (1)", [])
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        let row = db.reader().one("SELECT count(*) AS n FROM kept", []).await;
        assert_eq!(row.unwrap().unwrap().get::<i64>("n").unwrap(), 1);
        db.close().await;
    }
}
