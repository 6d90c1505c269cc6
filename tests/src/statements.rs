//! What PostgreSQL itself counts: the statements of each service, by text, and the bytes of WAL.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::AddAssign;

use anyhow::{Context, ensure};
use minzheng_chassis::db::{Database, Sql};
use minzheng_chassis::testing::TestDatabase;

/// What a statement took, of all the times it was carried out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// How often.
    pub calls: i64,
    /// Bytes of WAL; those of its COMMIT are no statement's.
    pub wal_bytes: i64,
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.calls += other.calls;
        self.wal_bytes += other.wal_bytes;
    }
}

/// The statements, by service and text.
pub type Counts = BTreeMap<(String, String), Count>;

/// What begins and ends transactions, and what a new connection says: none of it is work.
const FRAME: [&str; 6] = ["BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "SET"];

/// A server that counts, and the databases it counts in.
pub struct Statements {
    server: Database,
    /// Names of databases, with the service of each.
    databases: BTreeMap<String, String>,
}

impl Statements {
    /// Has a server count the statements of these services' databases, which exist; of connections
    /// that are opened from now on.
    ///
    /// # Errors
    /// The server has not loaded pg_stat_statements, which those of `cargo xtask` have.
    pub async fn count(
        url: &str,
        database: &TestDatabase,
        services: &[&str],
    ) -> anyhow::Result<Self> {
        let server = Database::open_postgres(url, "statements", 1)?;
        let create = "CREATE EXTENSION IF NOT EXISTS pg_stat_statements";
        server.writer().run(create, []).await?;
        let reset = "SELECT pg_stat_statements_reset()";
        let loaded = server.writer().run(reset, []).await;
        loaded
            .context("PostgreSQL runs without shared_preload_libraries = 'pg_stat_statements'")?;
        let mut databases = BTreeMap::new();
        for service in services {
            let url = database.url(service);
            let (_, name) = url.rsplit_once('/').context("a database in the URL")?;
            let track = format!("ALTER DATABASE {name} SET pg_stat_statements.track = 'all'");
            server.writer().run(track, []).await?;
            databases.insert(name.to_owned(), (*service).to_owned());
        }
        Ok(Self { server, databases })
    }

    /// All that was counted so far.
    ///
    /// # Errors
    /// The server's; or it had more different statements than it keeps, and forgot some.
    pub async fn counts(&self) -> anyhow::Result<Counts> {
        let text = "SELECT dealloc FROM pg_stat_statements_info";
        let row = self.server.reader().one(text, []).await?;
        let forgotten: i64 = row.context("a count")?.get("dealloc")?;
        ensure!(forgotten == 0, "pg_stat_statements.max is too small");
        let text = "SELECT datname, query, CAST(sum(calls) AS bigint) AS calls, \
                    CAST(sum(wal_bytes) AS bigint) AS wal_bytes FROM pg_stat_statements \
                    JOIN pg_database ON pg_database.oid = dbid GROUP BY datname, query";
        let mut counts = Counts::new();
        for row in self.server.reader().all(text, []).await? {
            let Some(service) = self.databases.get(&row.get::<String>("datname")?) else {
                continue;
            };
            let text: String = row.get("query")?;
            if !is_frame(&text) {
                let count = Count {
                    calls: row.get("calls")?,
                    wal_bytes: row.get("wal_bytes")?,
                };
                counts.insert((service.clone(), text), count);
            }
        }
        Ok(counts)
    }
}

fn is_frame(text: &str) -> bool {
    FRAME.iter().any(|word| text.starts_with(word))
}

/// What was carried out between two counts.
pub fn since(before: &Counts, after: &Counts) -> Counts {
    let grown = after.iter().filter_map(|(statement, now)| {
        let then = before.get(statement).copied().unwrap_or_default();
        let more = Count {
            calls: now.calls - then.calls,
            wal_bytes: now.wal_bytes - then.wal_bytes,
        };
        (more.calls > 0).then(|| (statement.clone(), more))
    });
    grown.collect()
}

/// How often a service's lease was beaten: by then, whoever looks now and then has looked.
pub fn beats(counts: &Counts, service: &str) -> i64 {
    let beats = counts
        .iter()
        .filter(|((of, text), _)| of == service && is_beat(text));
    beats
        .map(|(_, count)| count.calls)
        .max()
        .unwrap_or_default()
}

fn is_beat(text: &str) -> bool {
    text.contains(" lease ")
}

/// The relay's sweep, once a second, and its looks: more of them than the time of an idle count has.
fn is_look(text: &str) -> bool {
    text.starts_with("SELECT horizon.")
        || text.contains("FROM outbox WHERE refused_reason IS NULL ")
}

/// What is carried out although nothing happens: looks, ticks and beats.
#[derive(Clone, Debug, Default)]
pub struct Idle(BTreeSet<(String, String)>);

impl Idle {
    /// Of the counts of a time when nothing happened.
    pub fn of(counts: &Counts) -> Self {
        Self(counts.keys().cloned().collect())
    }

    /// The counts without it.
    pub fn out_of(&self, counts: Counts) -> Counts {
        let runs_anyway = |text: &str| is_beat(text) || is_look(text);
        let is_work = |one: &(String, String)| !self.0.contains(one) && !runs_anyway(&one.1);
        counts.into_iter().filter(|(one, _)| is_work(one)).collect()
    }
}

/// The sum of each service.
pub fn by_service(counts: &Counts) -> BTreeMap<&str, Count> {
    let mut sums: BTreeMap<&str, Count> = BTreeMap::new();
    for ((service, _), count) in counts {
        *sums.entry(service.as_str()).or_default() += *count;
    }
    sums
}
