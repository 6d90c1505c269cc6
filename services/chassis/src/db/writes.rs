//! Statements that change something and are sent as one.
//!
//! On PostgreSQL they share the snapshot from before. So none may look for what another one wrote, nor
//! change the same row; only [`written`] shows what an earlier one returned.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryTrait, Value};

use super::script::Script;
use super::{Sql, dialect};

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
    if dialect::takes_scripts(backend) {
        return table.to_owned();
    }
    format!("written_{table}")
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
    if writes.is_empty() {
        return Ok(None);
    }
    if writes.len() == 1 || dialect::takes_scripts(db.get_database_backend()) {
        return run_script(db, writes).await;
    }
    run_as_one(db, writes).await
}

/// One after another; the rows that all of them changed are counted together, and none can change more
/// than it must.
async fn run_script(
    db: &impl ConnectionTrait,
    writes: Vec<Write>,
) -> Result<Option<&'static str>, DbErr> {
    let first = writes.first().map(|write| write.table);
    let expected: u64 = writes.iter().map(|write| write.changes).sum();
    let mut script = Script::default();
    for write in writes {
        script.add(write.table.to_owned(), &write.text, write.values);
    }
    let (text, values) = script.into_script();
    let changed = db.run(text, values).await?;
    Ok(first.filter(|_| changed < expected))
}

async fn run_as_one(
    db: &impl ConnectionTrait,
    writes: Vec<Write>,
) -> Result<Option<&'static str>, DbErr> {
    let mut script = Script::default();
    let mut expected = Vec::with_capacity(writes.len());
    let mut counts = Vec::with_capacity(writes.len());
    for (place, write) in writes.into_iter().enumerate() {
        let mut name = format!("written_{}", write.table);
        if expected.iter().any(|(table, _)| *table == write.table) {
            name = format!("{name}_{place}");
        }
        counts.push(format!("(SELECT count(*) FROM {name}) AS changed_{place}"));
        expected.push((write.table, write.changes));
        let text = format!("{} RETURNING {}", write.text, write.returning);
        script.add(name, &text, write.values);
    }
    let (text, values) = script.into_one(&format!("SELECT {}", counts.join(", ")));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::val;
    use crate::testing::TestDatabase;

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
