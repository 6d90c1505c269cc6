//! The SQL of the embedded log. Nothing else knows the file's format.
//!
//! A record's primary key is `partition.id << 40 | offset`: one integer key keeps the B-tree
//! shallow, where a composite one would put whole records into its inner pages. The view
//! `record_at` shows topic, partition and offset to whoever looks with the `sqlite3` tool.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Row, params};

use super::super::{BusError, TopicPartition, TopicSpec, Watermarks};
use super::registry::{Stream, Topic};

const OFFSET_BITS: u32 = 40;
const OFFSET_MASK: i64 = (1 << OFFSET_BITS) - 1;

/// Version of the file's format, in `PRAGMA user_version`.
const FORMAT: i64 = 1;

const SCHEMA: &str = "
CREATE TABLE topic (
    id               INTEGER PRIMARY KEY,
    name             TEXT    NOT NULL UNIQUE,
    partitions       INTEGER NOT NULL,
    retention_us     INTEGER,                 -- NULL: for ever
    max_record_bytes INTEGER NOT NULL
) STRICT;
CREATE TABLE partition (
    id          INTEGER PRIMARY KEY,
    topic_id    INTEGER NOT NULL REFERENCES topic (id),
    number      INTEGER NOT NULL,
    next_offset INTEGER NOT NULL,             -- as of the last deletion; above it the records count
    UNIQUE (topic_id, number)
) STRICT;
CREATE TABLE record (
    position INTEGER PRIMARY KEY,             -- partition.id << 40 | offset
    time_us  INTEGER NOT NULL,                -- when it was appended, UTC
    key      TEXT    NOT NULL,
    headers  BLOB    NOT NULL,
    value    BLOB    NOT NULL
) STRICT;
CREATE VIEW record_at AS
    SELECT topic.name AS topic, partition.number AS partition, record.position & 1099511627775 AS \"offset\",
           record.time_us, record.key, record.headers, record.value
    FROM record
    JOIN partition ON partition.id = record.position >> 40
    JOIN topic ON topic.id = partition.topic_id;
PRAGMA user_version = 1;
";

/// One record to append.
pub(super) struct NewRecord {
    pub key: String,
    pub headers: Vec<u8>,
    pub value: Vec<u8>,
}

/// One record as it lies in the file.
pub(super) struct StoredRecord {
    pub offset: i64,
    pub key: String,
    pub headers: Vec<u8>,
    pub value: Vec<u8>,
}

/// Opens the file for the writer and creates it when it is not there.
pub(super) fn open_writer(path: &Path) -> Result<Connection, BusError> {
    let mut connection = Connection::open(path).map_err(error)?;
    connection
        .busy_timeout(Duration::from_secs(5))
        .map_err(error)?;
    // FULL: an append is answered after its fsync, so a crash of the machine loses none.
    let mode: String = connection
        .query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))
        .map_err(error)?;
    if mode != "wal" {
        return Err(BusError::Other(format!(
            "the log's file cannot use a write-ahead log, only {mode}"
        )));
    }
    connection
        .execute_batch(
            "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -4096;
             PRAGMA wal_autocheckpoint = 2000;",
        )
        .map_err(error)?;
    migrate(&mut connection)?;
    Ok(connection)
}

/// Opens the file for one reader, with a small cache.
pub(super) fn open_reader(path: &Path) -> Result<Connection, BusError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(error)?;
    connection
        .busy_timeout(Duration::from_secs(5))
        .map_err(error)?;
    connection
        .execute_batch("PRAGMA cache_size = -256;")
        .map_err(error)?;
    Ok(connection)
}

fn migrate(connection: &mut Connection) -> Result<(), BusError> {
    let transaction = connection.transaction().map_err(error)?;
    let version: i64 = transaction
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .map_err(error)?;
    match version {
        0 => transaction.execute_batch(SCHEMA).map_err(error)?,
        FORMAT => {}
        other => {
            return Err(BusError::Other(format!(
                "the log's file has format {other}, not {FORMAT}"
            )));
        }
    }
    transaction.commit().map_err(error)
}

/// Every topic in the file.
pub(super) fn load_topics(connection: &Connection) -> Result<Vec<Topic>, BusError> {
    let mut statement = connection
        .prepare("SELECT id, name, partitions, retention_us, max_record_bytes FROM topic")
        .map_err(error)?;
    let rows = statement
        .query_map([], |row| Ok((row.get::<_, i64>(0)?, read_spec(row)?)))
        .map_err(error)?;
    rows.map(|row| {
        let (id, spec) = row.map_err(error)?;
        let streams = load_streams(connection, id, &spec.name)?;
        Ok(Topic::new(spec, streams))
    })
    .collect()
}

fn read_spec(row: &Row<'_>) -> rusqlite::Result<TopicSpec> {
    let retention_us: Option<i64> = row.get(3)?;
    let max_record_bytes: i64 = row.get(4)?;
    Ok(TopicSpec {
        name: row.get(1)?,
        partitions: row.get(2)?,
        retention: retention_us.map(|us| Duration::from_micros(us.unsigned_abs())),
        max_record_bytes: usize::try_from(max_record_bytes).unwrap_or(usize::MAX),
    })
}

fn load_streams(
    connection: &Connection,
    topic_id: i64,
    name: &str,
) -> Result<Vec<Arc<Stream>>, BusError> {
    let mut statement = connection
        .prepare_cached(
            "SELECT id, number, next_offset FROM partition WHERE topic_id = ?1 ORDER BY number",
        )
        .map_err(error)?;
    let rows = statement
        .query_map([topic_id], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .map_err(error)?;
    rows.map(|row| {
        let (id, number, next_offset) = row.map_err(error)?;
        let watermarks = load_watermarks(connection, id, next_offset)?;
        Ok(Arc::new(Stream::new(
            id,
            TopicPartition::new(name, number),
            watermarks,
        )))
    })
    .collect()
}

fn load_watermarks(
    connection: &Connection,
    stream: i64,
    next_offset: i64,
) -> Result<Watermarks, BusError> {
    let end = |order: &str| {
        let sql = format!(
            "SELECT position & {OFFSET_MASK} FROM record WHERE position BETWEEN ?1 AND ?2 ORDER BY position {order} LIMIT 1"
        );
        connection
            .query_row(
                &sql,
                [position(stream, 0), position(stream, OFFSET_MASK)],
                |row| row.get::<_, i64>(0),
            )
            .optional()
            .map_err(error)
    };
    let high = end("DESC")?.map_or(next_offset, |last| last + 1);
    Ok(Watermarks {
        low: end("ASC")?.unwrap_or(high),
        high,
    })
}

/// Creates a topic, inside the caller's transaction.
pub(super) fn create_topic(connection: &Connection, spec: &TopicSpec) -> Result<Topic, BusError> {
    connection
        .execute(
            "INSERT INTO topic (name, partitions, retention_us, max_record_bytes) VALUES (?1, ?2, ?3, ?4)",
            params![spec.name, spec.partitions, retention_us(spec), max_record_bytes(spec)],
        )
        .map_err(error)?;
    let topic_id = connection.last_insert_rowid();
    for number in 0..spec.partitions {
        connection
            .execute(
                "INSERT INTO partition (topic_id, number, next_offset) VALUES (?1, ?2, 0)",
                params![topic_id, number],
            )
            .map_err(error)?;
    }
    Ok(Topic::new(
        spec.clone(),
        load_streams(connection, topic_id, &spec.name)?,
    ))
}

/// Sets retention and record size of a topic, inside the caller's transaction.
pub(super) fn update_topic(connection: &Connection, spec: &TopicSpec) -> Result<(), BusError> {
    connection
        .execute(
            "UPDATE topic SET retention_us = ?2, max_record_bytes = ?3 WHERE name = ?1",
            params![spec.name, retention_us(spec), max_record_bytes(spec)],
        )
        .map_err(error)?;
    Ok(())
}

fn retention_us(spec: &TopicSpec) -> Option<i64> {
    spec.retention
        .map(|retention| i64::try_from(retention.as_micros()).unwrap_or(i64::MAX))
}

fn max_record_bytes(spec: &TopicSpec) -> i64 {
    i64::try_from(spec.max_record_bytes).unwrap_or(i64::MAX)
}

/// Appends one record, inside the caller's transaction.
pub(super) fn append(
    connection: &Connection,
    (stream, offset): (i64, i64),
    time_us: i64,
    record: &NewRecord,
) -> Result<(), BusError> {
    connection
        .prepare_cached("INSERT INTO record (position, time_us, key, headers, value) VALUES (?1, ?2, ?3, ?4, ?5)")
        .and_then(|mut statement| {
            statement.execute(params![position(stream, offset), time_us, record.key, record.headers, record.value])
        })
        .map_err(error)?;
    Ok(())
}

/// Reads records of a stream from `from` on: at most `limit`, and no more after `budget` bytes
/// were read, but always one if there is one.
pub(super) fn read(
    connection: &Connection,
    stream: i64,
    from: i64,
    (limit, budget): (usize, usize),
) -> Result<Vec<StoredRecord>, BusError> {
    let mut statement = connection
        .prepare_cached(
            "SELECT position, key, headers, value FROM record WHERE position BETWEEN ?1 AND ?2 ORDER BY position LIMIT ?3",
        )
        .map_err(error)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let range = params![position(stream, from), position(stream, OFFSET_MASK), limit];
    let mut rows = statement.query(range).map_err(error)?;
    let (mut records, mut bytes) = (Vec::new(), 0);
    while bytes < budget {
        let Some(row) = rows.next().map_err(error)? else {
            break;
        };
        let record = read_record(row).map_err(error)?;
        bytes += record.key.len() + record.headers.len() + record.value.len();
        records.push(record);
    }
    Ok(records)
}

fn read_record(row: &Row<'_>) -> rusqlite::Result<StoredRecord> {
    Ok(StoredRecord {
        offset: row.get::<_, i64>(0)? & OFFSET_MASK,
        key: row.get(1)?,
        headers: row.get(2)?,
        value: row.get(3)?,
    })
}

/// Up to which offset the oldest records of a stream were appended before `before_us`; looks at
/// no more than `limit` of them and not beyond `end`.
pub(super) fn first_younger(
    connection: &Connection,
    (stream, low, end): (i64, i64, i64),
    before_us: i64,
    limit: i64,
) -> Result<i64, BusError> {
    let mut statement = connection
        .prepare_cached("SELECT position, time_us FROM record WHERE position >= ?1 AND position < ?2 ORDER BY position LIMIT ?3")
        .map_err(error)?;
    let range = [position(stream, low), position(stream, end), limit];
    let mut rows = statement.query(range).map_err(error)?;
    let mut cut = low;
    while let Some(row) = rows.next().map_err(error)? {
        let (at, time_us): (i64, i64) = (row.get(0).map_err(error)?, row.get(1).map_err(error)?);
        if time_us >= before_us {
            break;
        }
        cut = (at & OFFSET_MASK) + 1;
    }
    Ok(cut)
}

/// Deletes the records of a stream below `cut`, inside the caller's transaction, and remembers
/// the next offset, which must survive when no record is left.
pub(super) fn delete_below(
    connection: &Connection,
    stream: i64,
    cut: i64,
    next_offset: i64,
) -> Result<(), BusError> {
    connection
        .execute(
            "DELETE FROM record WHERE position >= ?1 AND position < ?2",
            [position(stream, 0), position(stream, cut)],
        )
        .map_err(error)?;
    connection
        .execute(
            "UPDATE partition SET next_offset = ?2 WHERE id = ?1",
            [stream, next_offset],
        )
        .map_err(error)?;
    Ok(())
}

fn position(stream: i64, offset: i64) -> i64 {
    (stream << OFFSET_BITS) | offset.clamp(0, OFFSET_MASK)
}

/// Turns an error of SQLite into one of the bus: what may heal is "away".
pub(super) fn error(error: rusqlite::Error) -> BusError {
    match error.sqlite_error_code() {
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::SystemIoFailure
            | ErrorCode::DiskFull
            | ErrorCode::CannotOpen
            | ErrorCode::OutOfMemory,
        ) => BusError::Away(error.to_string()),
        _ => BusError::Other(error.to_string()),
    }
}
