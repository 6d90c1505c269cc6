//! B8: a subscription of a department with a hundred times the past, beside one with little.

use std::time::Instant;

use anyhow::Context;
use minzheng_chassis::crypto::KeyRing;
use minzheng_chassis::db::{Database, Sql};
use minzheng_tests::held_lease::HeldLease;
use minzheng_tests::processes::free_port;

use crate::facts;
use crate::growth::{growth, smallest};
use crate::history::{self, Size};
use crate::inbox::{ANSWERS, SERVICE, SUBSCRIPTION, applied, reaches};
use crate::order::Order;
use crate::ratio::{Leg, Legs};
use crate::stand::{Stand, end};

/// How many times the smallest size.
const LARGE: u64 = 100;

/// The database with the past, of which each turn gets a copy.
const PAST: &str = "elderly-care-past";

/// Rows of the tables that the subscription writes.
const ROWS: &str = "SELECT (SELECT count(*) FROM inbox) + (SELECT count(*) FROM known_person) + \
                    (SELECT count(*) FROM stream_sequence) AS n";

/// Runs B8 of the inbox; whether it reaches its floors.
pub(crate) async fn run(order: &Order) -> anyhow::Result<bool> {
    // What a turn adds is part of its past too: few, so that the smaller side stays small, and enough for seconds.
    let events = order.amount(40_000, 5_000) as u64;
    println!(
        "\n## B8: {SUBSCRIPTION} takes {events} facts a turn, with and without a long past, which is the same in each \
         turn; the receipts stay in the outbox"
    );
    let residents = smallest(order);
    let (Some(small), Some(large)) = (
        Scale::start(residents, events).await?,
        Scale::start(residents * LARGE, events).await?,
    ) else {
        return Ok(true);
    };
    let (mut one, mut hundred) = (Legs::of("1×"), Legs::of("100×"));
    for _ in 0..order.pairs() {
        one.add(small.taken().await?);
        hundred.add(large.taken().await?);
    }
    one.print();
    hundred.print();
    let time = growth("inbox, time for each event").judge(&one.over(&hundred));
    let cpu = growth("inbox, CPU for each event").judge(&hundred.cpu_over(&one));
    small.stand.clear(&[SERVICE, PAST]).await?;
    large.stand.clear(&[SERVICE, PAST]).await?;
    Ok(time & cpu)
}

struct Scale {
    stand: Stand,
    /// Facts on the topic.
    events: i64,
}

impl Scale {
    async fn start(residents: u64, events: u64) -> anyhow::Result<Option<Self>> {
        let Some(stand) = Stand::of(&[minzheng_elderly_care::module()]).await? else {
            return Ok(None);
        };
        let (begun, size) = (Instant::now(), Size { residents });
        let keys = KeyRing::load(&stand.key_file())?;
        let url = stand.database.url(SERVICE);
        history::of_a_department(&url, &keys, SUBSCRIPTION, size).await?;
        let db = stand.open(SERVICE)?;
        let before = rows(&db).await?;
        db.close().await;
        stand.copy(SERVICE, PAST).await?;
        // Many more persons than facts, so that each is about another.
        facts::send(stand.bus.as_ref(), 0..events, u64::from(u32::MAX)).await?;
        println!(
            "{} cases of the past, {before} rows in the tables that are written, made in {:.0} s",
            size.cases(),
            begun.elapsed().as_secs_f64()
        );
        let events = i64::try_from(events)?;
        Ok(Some(Self { stand, events }))
    }

    /// Starts the service with the past and behind the topic; from the first seen applied to the last. The lease is
    /// held as in B3: a service that has it deletes inbox rows of more than ninety days, which is most of the past.
    async fn taken(&self) -> anyhow::Result<Leg> {
        let stand = &self.stand;
        stand.copy(PAST, SERVICE).await?;
        stand.administer("CHECKPOINT").await?;
        let db = stand.open(SERVICE)?;
        let lease = HeldLease::take(&db).await?;
        let mut process = stand.start(SERVICE, free_port(), &[]);
        reaches(&db, &mut process, 1).await?;
        let meter = stand.servers.start(&[process.pid()]).await?;
        let begun = applied(&db).await?;
        let ended = reaches(&db, &mut process, self.events).await?;
        let (took, cost) = meter.stop().await?;
        end(process).await?;
        drop(lease);
        println!("  {} rows in the tables at the end", rows(&db).await?);
        db.close().await;
        stand.empty_topic(ANSWERS).await?;
        Ok(Leg {
            operations: (ended - begun) as f64,
            took,
            cost,
        })
    }
}

async fn rows(db: &Database) -> anyhow::Result<i64> {
    let row = db.reader().one(ROWS, []).await?;
    Ok(row.context("a count")?.get("n")?)
}
