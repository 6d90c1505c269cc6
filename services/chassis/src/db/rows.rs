//! Many rows in one statement.

use sea_orm::sea_query::{Alias, ArrayType, OnConflict, PostgresQueryBuilder, Query};
use sea_orm::{DbBackend, EntityTrait, Iden, Iterable, ModelTrait, Value};

use super::dialect::{self, placeholders};
use super::writes::Write;

/// Table and columns of a multi-row insert.
#[derive(Clone, Copy, Debug)]
pub struct Insert<'a> {
    /// Table.
    pub table: &'a str,
    /// Columns, in the order of each row's values.
    pub columns: &'a [&'a str],
    /// What follows the rows: `ON CONFLICT …`, `RETURNING …`.
    pub tail: &'a str,
}

impl Insert<'_> {
    /// The statement for `rows`, and its values.
    pub fn rows(
        &self,
        backend: DbBackend,
        rows: impl IntoIterator<Item = Vec<Value>>,
    ) -> (String, Vec<Value>) {
        let rows = rows.into_iter().inspect(|row| {
            debug_assert_eq!(
                row.len(),
                self.columns.len(),
                "a row of {} has other columns",
                self.table
            );
        });
        let (rows, values) = rows_of(backend, rows);
        let text = format!(
            "INSERT INTO {} ({}) {rows} {}",
            self.table,
            self.columns.join(", "),
            self.tail
        );
        (text, values)
    }
}

/// Rows of an entity, all columns, and what becomes of those that are there.
pub fn insert<M: ModelTrait>(
    backend: DbBackend,
    table: &'static str,
    models: &[M],
    there: Option<OnConflict>,
) -> Write {
    let columns = || <M::Entity as EntityTrait>::Column::iter();
    let names: Vec<String> = columns().map(|column| column.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let rows = models
        .iter()
        .map(|model| columns().map(|column| model.get(column)).collect());
    let insert = Insert {
        table,
        columns: &names,
        tail: &there.map(on_conflict).unwrap_or_default(),
    };
    let (text, values) = insert.rows(backend, rows);
    Write::new(table, text, values, models.len())
}

/// What follows the rows of an insert.
fn on_conflict(there: OnConflict) -> String {
    let insert = Query::insert()
        .into_table(Alias::new("t"))
        .or_default_values()
        .on_conflict(there)
        .to_string(PostgresQueryBuilder);
    let (_, tail) = insert.split_once(" ON CONFLICT").unwrap_or_default();
    format!("ON CONFLICT{tail}")
}

/// Rows of as many values each, as a query whose columns are `column1, column2, …`; and its values.
pub fn rows_of(
    backend: DbBackend,
    rows: impl IntoIterator<Item = Vec<Value>>,
) -> (String, Vec<Value>) {
    let rows: Vec<Vec<Value>> = rows.into_iter().collect();
    let columns = dialect::takes_arrays(backend).then(|| columns_of(&rows));
    match columns.flatten() {
        Some(columns) => arrays_of(&columns, rows),
        None => tuples_of(rows),
    }
}

/// `VALUES ($1, …), …`. SQLite takes 32,766 of them.
fn tuples_of(rows: Vec<Vec<Value>>) -> (String, Vec<Value>) {
    let mut values = Vec::new();
    let mut tuples = Vec::with_capacity(rows.len());
    for row in rows {
        tuples.push(format!("({})", placeholders(values.len() + 1, row.len())));
        values.extend(row);
    }
    (format!("VALUES {}", tuples.join(", ")), values)
}

/// From so many rows on a column without NULL goes as the binary array that sea-orm binds, which the server need
/// not parse. Of fewer it would save little, and a column that holds NULL now and then makes two plans of one, which
/// happens less among many rows.
const BINARY_FROM: usize = 16;

/// What a column's values have in common.
struct Column {
    kind: ArrayType,
    /// Its name in SQL.
    name: &'static str,
    /// sea-orm binds no array that holds NULL.
    is_binary: bool,
}

/// Nothing where a column holds values of different types, or of one that is not known here.
fn columns_of(rows: &[Vec<Value>]) -> Option<Vec<Column>> {
    let many = rows.len() >= BINARY_FROM;
    let column_at = |place: usize| {
        let kind = rows.first()?.get(place)?.array_type();
        let mut column = rows.iter().map(|row| row.get(place));
        let same = column.all(|value| value.is_some_and(|value| value.array_type() == kind));
        let holds_null = || rows.iter().any(|row| is_null(&row[place]));
        let name = name_of(&kind).filter(|_| same)?;
        Some(Column {
            is_binary: many && !holds_null(),
            kind,
            name,
        })
    };
    (0..rows.first()?.len()).map(column_at).collect()
}

/// `unnest` of an array for each column.
fn arrays_of(columns: &[Column], rows: Vec<Vec<Value>>) -> (String, Vec<Value>) {
    let mut by_column: Vec<Vec<Value>> = Vec::with_capacity(columns.len());
    by_column.resize_with(columns.len(), || Vec::with_capacity(rows.len()));
    for row in rows {
        for (column, value) in by_column.iter_mut().zip(row) {
            column.push(value);
        }
    }
    let mut arrays = Vec::with_capacity(columns.len());
    let mut names = Vec::with_capacity(columns.len());
    let mut values = Vec::with_capacity(columns.len());
    for (place, (column, of_it)) in columns.iter().zip(by_column).enumerate() {
        let place = place + 1;
        names.push(format!("column{place}"));
        if column.is_binary {
            arrays.push(format!("${place}"));
            values.push(Value::Array(column.kind.clone(), Some(Box::new(of_it))));
        } else {
            arrays.push(format!("CAST(${place} AS {}[])", column.name));
            values.push(Value::from(array_literal(&of_it)));
        }
    }
    let (arrays, names) = (arrays.join(", "), names.join(", "));
    let text = format!("SELECT * FROM unnest({arrays}) AS told({names})");
    (text, values)
}

fn name_of(kind: &ArrayType) -> Option<&'static str> {
    match kind {
        ArrayType::Bool => Some("boolean"),
        ArrayType::Int => Some("integer"),
        ArrayType::BigInt => Some("bigint"),
        ArrayType::String => Some("text"),
        ArrayType::Bytes => Some("bytea"),
        ArrayType::Uuid => Some("uuid"),
        _ => None,
    }
}

fn is_null(value: &Value) -> bool {
    matches!(
        value,
        Value::Bool(None)
            | Value::Int(None)
            | Value::BigInt(None)
            | Value::Uuid(None)
            | Value::String(None)
            | Value::Bytes(None)
    )
}

/// An array as PostgreSQL reads it.
fn array_literal(values: &[Value]) -> String {
    let mut array = String::from("{");
    for (place, value) in values.iter().enumerate() {
        if place > 0 {
            array.push(',');
        }
        push_element(&mut array, value);
    }
    array.push('}');
    array
}

/// An element of a kind that has a name here.
fn push_element(array: &mut String, value: &Value) {
    match value {
        Value::Bool(Some(value)) => array.push_str(if *value { "t" } else { "f" }),
        Value::Int(Some(value)) => array.push_str(&value.to_string()),
        Value::BigInt(Some(value)) => array.push_str(&value.to_string()),
        Value::Uuid(Some(value)) => array.push_str(&value.to_string()),
        Value::String(Some(value)) => push_quoted(array, value),
        Value::Bytes(Some(value)) => {
            array.push_str("\"\\\\x");
            array.push_str(&hex::encode(value));
            array.push('"');
        }
        null if is_null(null) => array.push_str("NULL"),
        _ => unreachable!("of a kind that has no name here"),
    }
}

fn push_quoted(array: &mut String, text: &str) {
    array.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            array.push('\\');
        }
        array.push(c);
    }
    array.push('"');
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::db::{Sql, opt, val};
    use crate::testing::TestDatabase;

    /// What must come back as it was given.
    const TEXTS: &[&str] = &[
        "",
        "NULL",
        "null",
        "a,b",
        "{}",
        "\"",
        "\\",
        "\\\"\\",
        "第一行\n第二行\t",
        " 空格 ",
        "$1 ? ''",
    ];

    fn rows() -> Vec<Vec<Value>> {
        let row = |(n, text): (usize, &&str)| {
            let n = i64::try_from(n).unwrap();
            let even = n % 2 == 0;
            vec![
                val(n),
                val(*text),
                opt(even.then_some(text)),
                val(even.then_some(Uuid::from_u128(7))),
                val((!even).then(|| vec![0_u8, 34, 92, 255])),
                val(even),
                val(Some(i32::MIN)),
                val(Uuid::from_u128(u128::from(n.unsigned_abs()))),
                val(vec![0_u8, 255, 34]),
            ]
        };
        let twice = TEXTS.iter().chain(TEXTS);
        twice.enumerate().map(row).collect()
    }

    async fn rows_come_back_as_they_were_given(database: TestDatabase) {
        database.create(&["rows"]).await.unwrap();
        let db = database.open("rows").await.unwrap();
        let bytes = dialect::bytes(db.backend());
        let create = format!(
            "CREATE TABLE a (n bigint PRIMARY KEY, t text NOT NULL, u text, i uuid, b {bytes}, o boolean, s integer, j uuid, c {bytes})"
        );
        db.writer().run(create, []).await.unwrap();
        let into = Insert {
            table: "a",
            columns: &["n", "t", "u", "i", "b", "o", "s", "j", "c"],
            tail: "ON CONFLICT (n) DO NOTHING",
        };
        let all = rows().len();
        assert!(TEXTS.len() < BINARY_FROM && BINARY_FROM < all);
        // Few, as texts; then many, in which the columns without NULL are binary.
        for (count, new) in [
            (1, 1),
            (TEXTS.len(), TEXTS.len() - 1),
            (all, all - TEXTS.len()),
        ] {
            let (text, values) = into.rows(db.backend(), rows().into_iter().take(count));
            let changed = db.writer().run(text, values).await.unwrap();
            assert_eq!(changed as usize, new);
        }
        let found = db.reader().all("SELECT * FROM a ORDER BY n", []).await;
        let found: Vec<Vec<Value>> = found
            .unwrap()
            .iter()
            .map(|row| {
                vec![
                    val(row.get::<i64>("n").unwrap()),
                    val(row.get::<String>("t").unwrap()),
                    val(row.get::<Option<String>>("u").unwrap()),
                    val(row.get::<Option<Uuid>>("i").unwrap()),
                    val(row.get::<Option<Vec<u8>>>("b").unwrap()),
                    val(row.get::<bool>("o").unwrap()),
                    val(row.get::<Option<i32>>("s").unwrap()),
                    val(row.get::<Uuid>("j").unwrap()),
                    val(row.get::<Vec<u8>>("c").unwrap()),
                ]
            })
            .collect();
        assert_eq!(found, rows());
        db.close().await;
    }

    crate::on_both_databases!(rows_come_back_as_they_were_given);

    /// On PostgreSQL, whatever their number: that is what arrays are for.
    #[test]
    fn few_rows_have_one_text_and_many_rows_another() {
        let text = |count: usize| rows_of(DbBackend::Postgres, rows().into_iter().take(count)).0;
        assert_eq!(text(1), text(TEXTS.len()));
        assert_eq!(text(BINARY_FROM), text(rows().len()));
        assert_ne!(
            text(BINARY_FROM),
            text(1),
            "sqlx knows a statement by its text"
        );
        assert_eq!(
            rows_of(DbBackend::Sqlite, vec![vec![val(1_i64), val("a")]; 2]).0,
            "VALUES ($1, $2), ($3, $4)"
        );
    }

    /// What is not known here goes as before.
    #[test]
    fn other_types_and_mixed_columns_are_tuples() {
        let floats = rows_of(DbBackend::Postgres, [vec![val(1.5_f64)]]);
        assert_eq!(floats.0, "VALUES ($1)");
        let mixed = rows_of(DbBackend::Postgres, [vec![val(1_i64)], vec![val("a")]]);
        assert_eq!(mixed.0, "VALUES ($1), ($2)");
    }
}
