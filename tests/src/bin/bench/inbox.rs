//! B3: a subscription behind a full topic, beside the same rows written by pgbench; B3b: beside its
//! own mode of one transaction for each event.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use minzheng_chassis::db::{Database, Sql, val};
use minzheng_tests::processes::{Process, free_port};

use crate::facts;
use crate::order::Order;
use crate::pgbench::Pgbench;
use crate::ratio::{Leg, Legs, Target, spread};
use crate::stand::{LOOK_EVERY, Stand, end};
use minzheng_tests::held_lease::HeldLease;

pub(crate) const SERVICE: &str = "elderly-care";
pub(crate) const SUBSCRIPTION: &str = "elderly-care.follow-deaths";
pub(crate) const ANSWERS: &str = "life-events.receipts";

/// The baseline's database, of the same schema.
const BASELINE: &str = "elderly-care-baseline";

/// A migrated database without rows, of which each turn gets a copy.
const EMPTY: &str = "elderly-care-empty";

/// Events in one transaction: the default of `runner.batch`.
const BATCH: usize = 200;

const BATCH_SQL: &str = include_str!("sql/inbox_batch.sql");

/// How long a topic may take.
const TAKEN_WITHIN: Duration = Duration::from_secs(900);

const B3: Target = Target::higher(
    "B3",
    "events applied a second ÷ pgbench with the same rows in the same batches",
    0.5,
    0.7,
);

const SAME_ROWS: Target = Target::same_rows("B3");

const B3B: Target = Target::higher(
    "B3b",
    "events applied a second ÷ one transaction for each",
    8.0,
    15.0,
);

/// Runs B3 and B3b; whether both reach their floors.
pub(crate) async fn run(order: &Order) -> anyhow::Result<bool> {
    let module = minzheng_elderly_care::module();
    let Some(stand) = Stand::of(&[module]).await? else {
        return Ok(true);
    };
    let events = order.amount(1_000_000, 100_000) / BATCH * BATCH;
    let singly = order.amount(20_000, 1_000);
    println!(
        "\n## B3: {SUBSCRIPTION} takes {events} facts from 12 partitions, up to {BATCH} in a transaction, one transaction \
         at a time on both sides"
    );
    facts::send(stand.bus.as_ref(), 0..events as u64, events as u64).await?;
    stand.copy(SERVICE, EMPTY).await?;
    stand.copy(EMPTY, BASELINE).await?;
    facts::store(&stand.open(BASELINE)?, events).await?;
    let inbox = Inbox { stand, events };
    let (mut subject, mut baseline) = (Legs::of("subscription"), Legs::of("pgbench"));
    let (mut single, mut relaying) = (Legs::of("one by one"), Legs::of("relaying its receipts"));
    while order.wants_pair(&B3, &subject.over(&baseline)) {
        subject.add(inbox.taken(&[], events, Receipts::Stay).await?);
        baseline.add(inbox.written().await?);
        if order.is_full() {
            relaying.add(inbox.taken(&[], events, Receipts::AreRelayed).await?);
        }
        single.add(
            inbox
                .taken(&["runner.batch=1".to_owned()], singly, Receipts::Stay)
                .await?,
        );
    }
    for legs in [&subject, &baseline, &single] {
        legs.print();
    }
    if order.is_full() {
        relaying.print();
        let ratio = spread(&relaying.over(&baseline), 2);
        println!("context: with its own relay sending the receipts meanwhile, ÷ pgbench: {ratio}");
    }
    let reached = B3.judge(&subject.over(&baseline));
    let same = SAME_ROWS.judge(&subject.wal_apart(&baseline));
    let batched = B3B.judge(&subject.over(&single));
    inbox.stand.clear(&[SERVICE, EMPTY, BASELINE]).await?;
    Ok(reached && same && batched)
}

/// What becomes of the receipts that it writes to its outbox.
#[derive(Clone, Copy)]
enum Receipts {
    /// They stay there, as pgbench's do: the benchmark holds the lease. What sending costs is B2.
    Stay,
    /// Its own relay sends them.
    AreRelayed,
}

struct Inbox {
    stand: Stand,
    /// Facts on the topic.
    events: usize,
}

impl Inbox {
    /// Starts the service behind the full topic; from the first events seen applied, until `count`
    /// more, at most all.
    async fn taken(
        &self,
        more: &[String],
        count: usize,
        receipts: Receipts,
    ) -> anyhow::Result<Leg> {
        let stand = &self.stand;
        stand.copy(EMPTY, SERVICE).await?;
        stand.administer("CHECKPOINT").await?;
        let db = stand.open(SERVICE)?;
        let lease = match receipts {
            Receipts::Stay => Some(HeldLease::take(&db).await?),
            Receipts::AreRelayed => None,
        };
        let mut process = stand.start(SERVICE, free_port(), more);
        reaches(&db, &mut process, 1).await?;
        let meter = stand.servers.start(&[process.pid()]).await?;
        // Not before: what was applied while the meter was started is not counted, but its time is.
        let begun = applied(&db).await?;
        let until = (begun + i64::try_from(count)?).min(i64::try_from(self.events)?);
        let ended = reaches(&db, &mut process, until).await?;
        let (took, cost) = meter.stop().await?;
        end(process).await?;
        drop(lease);
        self.is_complete(&db, ended).await?;
        db.close().await;
        stand.empty_topic(ANSWERS).await?;
        Ok(Leg {
            operations: (ended - begun) as f64,
            took,
            cost,
        })
    }

    /// Each event left an inbox row, and none is parked.
    async fn is_complete(&self, db: &Database, applied: i64) -> anyhow::Result<()> {
        let text = "SELECT count(*) AS n FROM inbox WHERE subscription = $1 AND state = 'applied'";
        let row = db.reader().one(text, [val(SUBSCRIPTION)]).await?;
        let rows: i64 = row.context("a count")?.get("n")?;
        ensure!(rows >= applied, "{rows} inbox rows of {applied} events");
        Ok(())
    }

    async fn written(&self) -> anyhow::Result<Leg> {
        let stand = &self.stand;
        let db = stand.open(BASELINE)?;
        facts::forget(&db).await?;
        stand.administer("CHECKPOINT").await?;
        let meter = stand.servers.start(&[]).await?;
        let pgbench = Pgbench {
            url: &stand.database.url(BASELINE),
            script: BATCH_SQL,
            clients: 1,
            variables: &[("n", 0), ("batch", i64::try_from(BATCH)?)],
            options: &[format!("--transactions={}", self.events / BATCH)],
        };
        let ran = pgbench.run(stand.scratch()).await?;
        let (_, cost) = meter.stop().await?;
        self.is_complete(&db, i64::try_from(self.events)?).await?;
        db.close().await;
        Ok(Leg {
            operations: (ran.transactions as usize * BATCH) as f64,
            took: ran.took,
            cost,
        })
    }
}

/// How many events its subscription has applied.
pub(crate) async fn applied(db: &Database) -> anyhow::Result<i64> {
    let text = "SELECT CAST(coalesce(sum(next_offset), 0) AS bigint) AS n FROM position WHERE subscription = $1";
    let row = db.reader().one(text, [val(SUBSCRIPTION)]).await?;
    Ok(row.context("a sum")?.get("n")?)
}

/// Waits until it has applied so many; how many it has by then.
pub(crate) async fn reaches(
    db: &Database,
    process: &mut Process,
    mark: i64,
) -> anyhow::Result<i64> {
    let asked = Instant::now();
    loop {
        let applied = applied(db).await?;
        if applied >= mark {
            return Ok(applied);
        }
        ensure!(
            asked.elapsed() < TAKEN_WITHIN && !process.has_ended(),
            "{applied} of {mark} applied: {}",
            process.log()
        );
        tokio::time::sleep(LOOK_EVERY / 2).await;
    }
}
