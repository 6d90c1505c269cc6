//! B8c: the relay while a transaction that wrote something is left open. What the relay deletes stays
//! as dead rows until it ends, and every look from the oldest row on passes over them.

use sqlx::Connection;
use sqlx::postgres::PgConnection;

use crate::order::Order;
use crate::ratio::{Legs, Target};
use crate::relay::{SERVICE, TOPIC, relayed};
use crate::stand::Stand;

/// Rows that half an hour leaves dead: 100 events a second, which is a third of the load of one
/// service here and five times the whole country in its worst hour.
const DEAD: usize = 180_000;

const B8C: Target = Target::higher(
    "B8c",
    "relayed events a second with a transaction left open ÷ without",
    0.5,
    0.9,
);

/// Runs B8c; whether it reaches its floor.
pub(crate) async fn run(order: &Order) -> anyhow::Result<bool> {
    let Some(stand) = Stand::of(&[minzheng_child_welfare::module()]).await? else {
        return Ok(true);
    };
    // Many times the 8,000 rows of a batch: the first of them come before the clock, and the last is a part of one.
    let (dead, rows) = (order.amount(DEAD, DEAD / 6), order.amount(600_000, 200_000));
    println!(
        "\n## B8c: {dead} rows are relayed first and, on one side, a transaction that wrote a row stays open all the while; \
         then {rows} rows are timed. In place of half an hour: as many dead rows as it would leave, in a minute"
    );
    let db = stand.open(SERVICE)?;
    let (mut held, mut free) = (Legs::of("held"), Legs::of("free"));
    for _ in 0..order.pairs() {
        let open = Open::begin(&stand.database.url(SERVICE)).await?;
        relayed(&stand, &db, dead).await?;
        held.add(relayed(&stand, &db, rows).await?);
        open.end().await?;
        stand.empty_topic(TOPIC).await?;
        relayed(&stand, &db, dead).await?;
        free.add(relayed(&stand, &db, rows).await?);
        stand.empty_topic(TOPIC).await?;
    }
    held.print();
    free.print();
    let reached = B8C.judge(&held.over(&free));
    db.close().await;
    stand.clear(&[SERVICE]).await?;
    Ok(reached)
}

/// A transaction that wrote a row and does nothing more, as a client that hangs leaves it; the
/// product's own connections are ended by the server after five seconds, so it is nobody of ours.
struct Open(PgConnection);

impl Open {
    async fn begin(url: &str) -> anyhow::Result<Self> {
        let mut connection = PgConnection::connect(url).await?;
        let write =
            "BEGIN; INSERT INTO stream_sequence (topic, key, sequence) VALUES ('bench', 'held', 1)";
        sqlx::raw_sql(write).execute(&mut connection).await?;
        Ok(Self(connection))
    }

    async fn end(mut self) -> anyhow::Result<()> {
        sqlx::raw_sql("ROLLBACK").execute(&mut self.0).await?;
        Ok(self.0.close().await?)
    }
}
