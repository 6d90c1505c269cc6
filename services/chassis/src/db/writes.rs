//! Statements that change something and are sent as one: by itself each costs a round trip, and most
//! cost more for that than for what they do.
//!
//! PostgreSQL runs them as one statement of data-modifying common table expressions, all on the snapshot
//! from before; SQLite as a script, one after another. So none may look for what another one wrote, nor
//! change the same row; only [`written`] shows what an earlier one returned.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryTrait, Value};

use super::Sql;

/// One statement whose rows nobody reads.
#[derive(Clone, Debug)]
pub struct Write {
    table: &'static str,
    text: String,
    values: Vec<Value>,
    changes: u64,
    returning: &'static str,
}

impl Write {
    /// A statement with `$1 …` placeholders and no RETURNING that must change so many rows of a table.
    pub fn new(table: &'static str, text: String, values: Vec<Value>, changes: usize) -> Self {
        Self {
            table,
            text,
            values,
            changes: changes as u64,
            returning: "1",
        }
    }

    /// The same of a query that was built.
    pub fn of(table: &'static str, query: &impl QueryTrait, changes: usize) -> Self {
        // PostgreSQL's form has numbered placeholders, which both understand.
        let built = query.build(DbBackend::Postgres);
        let values = built.values.map(|values| values.0).unwrap_or_default();
        Self::new(table, built.sql, values, changes)
    }

    /// Lets later ones see these columns of what it wrote, as the rows of [`written`].
    #[must_use]
    pub fn returning(mut self, columns: &'static str) -> Self {
        self.returning = columns;
        self
    }
}

/// Where a later statement finds the rows that an earlier one of the same run wrote into a table.
pub fn written(backend: DbBackend, table: &str) -> String {
    match backend {
        DbBackend::Postgres => format!("written_{table}"),
        _ => table.to_owned(),
    }
}

/// Runs them all; the table of the first that changed fewer rows than it must, if there is one. Together
/// they may have 32,766 values.
///
/// # Errors
/// The database's.
pub async fn run_all(
    db: &impl ConnectionTrait,
    writes: Vec<Write>,
) -> Result<Option<&'static str>, DbErr> {
    match (writes.len(), db.get_database_backend()) {
        (0, _) => Ok(None),
        (1, _) => run_script(db, writes).await,
        (_, DbBackend::Postgres) => run_as_one(db, writes).await,
        _ => run_script(db, writes).await,
    }
}

/// One after another; the rows that all of them changed are counted together, and none can change more
/// than it must.
async fn run_script(
    db: &impl ConnectionTrait,
    writes: Vec<Write>,
) -> Result<Option<&'static str>, DbErr> {
    let first = writes.first().map(|write| write.table);
    let expected: u64 = writes.iter().map(|write| write.changes).sum();
    let (mut texts, mut values) = (Vec::with_capacity(writes.len()), Vec::new());
    for write in writes {
        texts.push(renumbered(&write.text, values.len()));
        values.extend(write.values);
    }
    let changed = db.run(texts.join("; "), values).await?;
    Ok(first.filter(|_| changed < expected))
}

async fn run_as_one(
    db: &impl ConnectionTrait,
    writes: Vec<Write>,
) -> Result<Option<&'static str>, DbErr> {
    let mut parts = Vec::with_capacity(writes.len());
    let mut counts = Vec::with_capacity(writes.len());
    let mut expected = Vec::with_capacity(writes.len());
    let mut values = Vec::new();
    for (place, write) in writes.into_iter().enumerate() {
        let name = if expected.iter().any(|(table, _)| *table == write.table) {
            format!("written_{}_{place}", write.table)
        } else {
            format!("written_{}", write.table)
        };
        let text = renumbered(&write.text, values.len());
        parts.push(format!("{name} AS ({text} RETURNING {})", write.returning));
        counts.push(format!("(SELECT count(*) FROM {name}) AS changed_{place}"));
        expected.push((write.table, write.changes));
        values.extend(write.values);
    }
    let text = format!("WITH {} SELECT {}", parts.join(", "), counts.join(", "));
    let row = db.one(text, values).await?;
    let row = row.ok_or_else(|| DbErr::Custom("no counts of what was written".to_owned()))?;
    for (place, (table, changes)) in expected.into_iter().enumerate() {
        let changed: i64 = row.get(&format!("changed_{place}"))?;
        if u64::try_from(changed).unwrap_or_default() < changes {
            return Ok(Some(table));
        }
    }
    Ok(None)
}

/// A statement whose `$n` are counted from `offset` on. No literal of ours holds a `$`.
pub(crate) fn renumbered(text: &str, offset: usize) -> String {
    if offset == 0 {
        return text.to_owned();
    }
    let mut renumbered = String::with_capacity(text.len() + 16);
    let mut pieces = text.split('$');
    renumbered.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let digits = piece.len() - piece.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, rest) = piece.split_at(digits);
        renumbered.push('$');
        match number.parse::<usize>() {
            Ok(number) => renumbered.push_str(&(number + offset).to_string()),
            Err(_) => renumbered.push_str(number),
        }
        renumbered.push_str(rest);
    }
    renumbered
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::val;
    use crate::testing::TestDatabase;

    #[test]
    fn placeholders_are_counted_on() {
        let text = "UPDATE t SET a = $1, b = $12 WHERE c = $2";
        assert_eq!(renumbered(text, 0), text);
        let moved = "UPDATE t SET a = $11, b = $22 WHERE c = $12";
        assert_eq!(renumbered(text, 10), moved);
    }

    fn insert(id: i64) -> Write {
        Write::new(
            "a",
            "INSERT INTO a (id, n) VALUES ($1, $2)".to_owned(),
            vec![val(id), val(0_i64)],
            1,
        )
    }

    fn raise(id: i64, from: i64) -> Write {
        Write::new(
            "a",
            "UPDATE a SET n = $1 WHERE id = $2 AND n = $3".to_owned(),
            vec![val(from + 1), val(id), val(from)],
            1,
        )
    }

    /// Copies what `a` was given, by the rows that were written to it.
    fn copy(backend: DbBackend, id: i64) -> Write {
        let text = format!(
            "INSERT INTO b (id, n) SELECT e.column1, w.n + e.column2 FROM (VALUES ($1, $2)) AS e \
             JOIN {} AS w ON w.id = e.column1",
            written(backend, "a")
        );
        Write::new("b", text, vec![val(id), val(5_i64)], 1)
    }

    async fn several_are_one(database: TestDatabase) {
        database.create(&["writes"]).await.unwrap();
        let db = database.open("writes").await.unwrap();
        let run = async |text: &str| db.writer().run(text, []).await.unwrap();
        run("CREATE TABLE a (id bigint PRIMARY KEY, n bigint NOT NULL)").await;
        run("CREATE TABLE b (id bigint PRIMARY KEY, n bigint NOT NULL)").await;
        let all = vec![insert(1).returning("id, n"), copy(db.backend(), 1)];
        assert_eq!(run_all(db.writer(), all).await.unwrap(), None);
        let row = db.reader().one("SELECT n FROM b WHERE id = 1", []).await;
        assert_eq!(row.unwrap().unwrap().get::<i64>("n").unwrap(), 5);
        let lost = vec![insert(2), insert(3), raise(1, 7)];
        assert_eq!(run_all(db.writer(), lost).await.unwrap(), Some("a"));
        let kept = vec![insert(4), raise(1, 0)];
        assert_eq!(run_all(db.writer(), kept).await.unwrap(), None);
        assert_eq!(
            run_all(db.writer(), vec![raise(1, 0)]).await.unwrap(),
            Some("a")
        );
        assert!(
            run_all(db.writer(), vec![insert(5), insert(4)])
                .await
                .is_err()
        );
        db.close().await;
    }

    crate::on_both_databases!(several_are_one);
}
