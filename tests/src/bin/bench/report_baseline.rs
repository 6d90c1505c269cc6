//! B1's baseline: the statements of a report by pgbench, in a closed and in an open loop.

use std::time::Duration;

use anyhow::{Context, ensure};
use minzheng_chassis::db::Sql;
use uuid::Uuid;

use crate::latency::{SEED, Times};
use crate::pgbench::{Logged, Pgbench, Ran, logged};
use crate::ratio::Leg;
use crate::stand::Stand;

/// The baseline's database: the tables of both services.
pub(crate) const DATABASE: &str = "residents-baseline";

const REPORT_SQL: &str = include_str!("sql/report_death.sql");

/// Connections of the open loop: more than are ever busy.
const OPEN_CLIENTS: usize = 64;

/// Prefix of pgbench's logs.
const LOG: &str = "latency";

/// A new connection of pgbench prepares every statement, so it is warm before it counts.
pub(crate) struct Statements<'s> {
    pub(crate) stand: &'s Stand,
    pub(crate) residents: u64,
    pub(crate) warm_up: Duration,
}

/// Copies the table of persons, which nobody may be using, and adds the tables of `life-events`.
pub(crate) async fn prepare(stand: &Stand) -> anyhow::Result<()> {
    stand.copy("residents", DATABASE).await?;
    // A service refuses a database with migrations of another; here the tables of both are wanted.
    let db = stand.open(DATABASE)?;
    let text = "DELETE FROM seaql_migrations WHERE version LIKE 'residents_%'";
    db.writer().run(text, []).await?;
    db.close().await;
    stand
        .migrate(DATABASE, &minzheng_life_events::module())
        .await
}

impl Statements<'_> {
    /// Analyses the tables, as those of the services are.
    pub(crate) async fn analyse(&self) -> anyhow::Result<()> {
        let db = self.stand.open(DATABASE)?;
        db.writer().run("VACUUM ANALYZE", []).await?;
        db.close().await;
        Ok(())
    }

    /// So many connections for a while.
    pub(crate) async fn closed(&self, clients: usize, seconds: u64) -> anyhow::Result<Leg> {
        let options = self.logging(Duration::from_secs(seconds));
        let first = self.first_free().await?;
        self.stand.administer("CHECKPOINT").await?;
        let warmed = async {
            tokio::time::sleep(self.warm_up).await;
            let begun = jiff::Timestamp::now().as_microsecond();
            Ok((begun.unsigned_abs(), self.stand.servers.start(&[]).await?))
        };
        let running = self.pgbench(clients, first, &options);
        let (_, (begun, meter)) = futures::try_join!(running, warmed)?;
        let (_, mut cost) = meter.stop().await?;
        let all = logged(self.stand.scratch(), LOG)?;
        let counted: Vec<&Logged> = all.iter().filter(|one| one.ended >= begun).collect();
        let last = counted.iter().map(|one| one.ended).max();
        let last = last.context("transactions after the warm-up")?;
        // The system counts pgbench's own time at its end, the warm-up's with it.
        cost.client *= counted.len() as f64 / all.len() as f64;
        Ok(Leg {
            operations: counted.len() as f64,
            took: Duration::from_micros(last - begun),
            cost,
        })
    }

    async fn pgbench(&self, clients: usize, first: i64, options: &[String]) -> anyhow::Result<Ran> {
        let variables = [
            ("n", -1),
            ("clients", i64::try_from(clients)?),
            ("first", first),
            ("residents", i64::try_from(self.residents)?),
        ];
        let url = self.stand.database.url(DATABASE);
        let pgbench = Pgbench {
            url: &url,
            script: REPORT_SQL,
            clients,
            variables: &variables,
            options,
        };
        pgbench.run(self.stand.scratch()).await
    }

    /// The first number that the baseline has not used: the script makes each case's id of it.
    async fn first_free(&self) -> anyhow::Result<i64> {
        let db = self.stand.open(DATABASE)?;
        let row = db
            .reader()
            .one("SELECT id FROM death_case ORDER BY id DESC LIMIT 1", [])
            .await?;
        db.close().await;
        let last = row.map(|row| row.get::<Uuid>("id")).transpose()?;
        let first = last.map_or(0, |id| (id.as_u128() >> 3) + 1);
        ensure!(
            first < u128::from(self.residents),
            "the baseline has reported everybody"
        );
        Ok(i64::try_from(first)?)
    }

    /// At random moments, `rate` a second.
    pub(crate) async fn open(&self, rate: f64, time: Duration) -> anyhow::Result<Times> {
        let mut options = self.logging(time);
        options.extend([format!("--rate={rate:.1}"), format!("--random-seed={SEED}")]);
        self.pgbench(OPEN_CLIENTS, self.first_free().await?, &options)
            .await
            .context("the open loop")?;
        let all = logged(self.stand.scratch(), LOG)?;
        let start = |one: &Logged| one.ended.saturating_sub(one.latency);
        let begin = all.iter().map(start).min().unwrap_or_default();
        let warm = begin + u64::try_from(self.warm_up.as_micros())?;
        let counted = all.iter().filter(|one| start(one) >= warm);
        Times::of(counted.map(|one| one.latency)).context("transactions after the warm-up")
    }

    /// Options of a run that is warm for so long, with a log.
    fn logging(&self, time: Duration) -> Vec<String> {
        vec![
            format!("--time={}", (self.warm_up + time).as_secs()),
            "--log".to_owned(),
            format!("--log-prefix={LOG}"),
        ]
    }
}
