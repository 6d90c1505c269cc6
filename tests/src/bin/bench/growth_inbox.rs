//! B8: a subscription of a department with a hundred times the past, beside one with little.

use std::time::Instant;

use anyhow::ensure;
use minzheng_chassis::crypto::KeyRing;
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

/// Runs B8 of the inbox; whether it reaches its floors.
pub(crate) async fn run(order: &Order) -> anyhow::Result<bool> {
    let events = order.amount(100_000, 10_000) as u64;
    println!("\n## B8: {SUBSCRIPTION} takes {events} facts a turn, with and without a long past");
    let residents = smallest(order);
    let (Some(mut small), Some(mut large)) = (
        Scale::start(residents).await?,
        Scale::start(residents * LARGE).await?,
    ) else {
        return Ok(true);
    };
    let (mut one, mut hundred) = (Legs::of("1×"), Legs::of("100×"));
    for _ in 0..order.pairs() {
        one.add(small.taken(events).await?);
        hundred.add(large.taken(events).await?);
    }
    one.print();
    hundred.print();
    let time = growth("inbox, time for each event").judge(&one.over(&hundred));
    let cpu = growth("inbox, CPU for each event").judge(&hundred.cpu_over(&one));
    small.stand.clear(&[SERVICE]).await?;
    large.stand.clear(&[SERVICE]).await?;
    Ok(time & cpu)
}

struct Scale {
    stand: Stand,
    /// Facts so far.
    sent: u64,
}

impl Scale {
    async fn start(residents: u64) -> anyhow::Result<Option<Self>> {
        let Some(stand) = Stand::of(&[minzheng_elderly_care::module()]).await? else {
            return Ok(None);
        };
        let (begun, size) = (Instant::now(), Size { residents });
        let keys = KeyRing::load(&stand.key_file())?;
        let url = stand.database.url(SERVICE);
        history::of_a_department(&url, &keys, SUBSCRIPTION, size).await?;
        println!(
            "{} cases of the past, made in {:.0} s",
            size.cases(),
            begun.elapsed().as_secs_f64()
        );
        Ok(Some(Self { stand, sent: 0 }))
    }

    /// Sends facts while nobody listens; from the first seen applied to the last.
    async fn taken(&mut self, events: u64) -> anyhow::Result<Leg> {
        let stand = &self.stand;
        let db = stand.open(SERVICE)?;
        let before = applied(&db).await?;
        ensure!(before == i64::try_from(self.sent)?, "{before} applied");
        let places = self.sent..self.sent + events;
        // Many more persons than facts, so that each is about another.
        facts::send(stand.bus.as_ref(), places, u64::from(u32::MAX)).await?;
        self.sent += events;
        stand.administer("CHECKPOINT").await?;
        let mut process = stand.start(SERVICE, free_port(), &[]);
        let begun = reaches(&db, &mut process, before + 1).await?;
        let meter = stand.servers.start(&[process.pid()]).await?;
        let ended = reaches(&db, &mut process, i64::try_from(self.sent)?).await?;
        let (took, cost) = meter.stop().await?;
        end(process).await?;
        db.close().await;
        stand.empty_topic(ANSWERS).await?;
        Ok(Leg {
            operations: (ended - begun) as f64,
            took,
            cost,
        })
    }
}
