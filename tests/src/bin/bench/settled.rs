//! B4: cases from report to settled on a process per target, beside the same transactions by a bare
//! client; B4b: their latency in an open loop; B4c: without load, and the statements of each.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use futures::StreamExt;
use minzheng_chassis::db::{Database, Sql, val};
use minzheng_chassis::testing::{KAFKA_VARIABLE, POSTGRES_VARIABLE, TestDatabase, real_service};
use minzheng_tests::family::{COUNTY, Member};
use minzheng_tests::platform::{Callers, Platform, SERVICES};
use minzheng_tests::processes::Cluster;
use minzheng_tests::statements::{Statements, by_service, since};
use tokio::sync::Semaphore;

use crate::accounting::{Cost, Servers};
use crate::bare::Bare;
use crate::order::Order;
use crate::ratio::{Leg, Legs, Target};
use crate::stand::LOOK_EVERY;
use crate::{analysed, cases, load};

/// Cases that are reported and not yet settled, at most.
const IN_FLIGHT: usize = 200;

/// Reports at once.
const REPORTERS: usize = 64;

/// Rates of the open loop.
const RATES: [f64; 2] = [10.0, 100.0];

/// A rate at which a case seldom meets another.
const UNLOADED: f64 = 5.0;

/// How long the cases in flight may take, and how long nothing may move before it counts as still.
const SETTLED_WITHIN: Duration = Duration::from_secs(300);
const STILL_FOR: Duration = Duration::from_millis(500);

/// What `Cluster` sets otherwise for tests: here as in production.
const AS_SHIPPED: [&str; 2] = ["timer.tick_ms=1000", "bus.kafka.session_timeout_ms=10000"];

const B4A: Target = Target::higher(
    "B4",
    "settled cases a second ÷ the same transactions by a bare client (B4a; engines come with six departments)",
    0.3,
    0.55,
);

const UNLOADED_P50: Target = Target::lower("B4c", "p50 ms unloaded", 40.0, 20.0);
const UNLOADED_P99: Target = Target::lower("B4c", "p99 ms unloaded", 150.0, 60.0);
const STATEMENTS: Target = Target::lower(
    "B4c",
    "SQL statements per case at 200 in flight",
    90.0,
    60.0,
);

/// Runs B4, B4b and B4c; whether they reach their floors.
pub(crate) async fn run(order: &Order) -> anyhow::Result<bool> {
    let (Some(kafka), Some(url)) = (
        real_service(KAFKA_VARIABLE),
        real_service(POSTGRES_VARIABLE),
    ) else {
        return Ok(true);
    };
    let mut bench = Bench::start(&url, &kafka).await?;
    let mut reached = true;
    if order.wants_any(&["B4", "B4b"]) {
        let people = order.amount(40_000, 4_000);
        let bare = Bare::prepare(&bench.cluster.database, i64::try_from(people)?).await?;
        if order.wants("B4") {
            reached &= bench.beside(&bare, order).await?;
        }
        if order.wants("B4b") {
            bench.open_loop(&bare, order).await?;
        }
        bare.clear(&bench.cluster.database, &url).await?;
    }
    if order.wants("B4c") {
        reached &= bench.alone(order).await?;
        reached &= bench.count(&url, order).await?;
    }
    bench.stop(&url).await?;
    Ok(reached)
}

struct Bench {
    cluster: Cluster,
    platform: Platform,
    servers: Servers,
    databases: Vec<Database>,
    callers: Callers,
}

impl Bench {
    async fn start(url: &str, kafka: &str) -> anyhow::Result<Self> {
        let more = AS_SHIPPED.map(str::to_owned);
        let cluster = Cluster::start_with(TestDatabase::on_server(url), kafka, 1, &more).await;
        let open = |name: &&str| Database::open_postgres(&cluster.database.url(name), "bench", 1);
        let databases: Result<Vec<Database>, _> = SERVICES.iter().map(open).collect();
        let server = Database::open_postgres(url, "bench", 1)?;
        Ok(Self {
            platform: cluster.platform(),
            servers: Servers::find(server, url, kafka)?,
            databases: databases?,
            callers: Callers::of(COUNTY),
            cluster,
        })
    }

    fn pids(&self) -> Vec<u32> {
        let all = self.cluster.processes.values().flatten();
        all.map(|process| process.pid()).collect()
    }

    /// B4, in turns.
    async fn beside(&mut self, bare: &Bare, order: &Order) -> anyhow::Result<bool> {
        let count = order.amount(3_000, 300);
        println!(
            "\n## B4: {count} cases a turn, at most {IN_FLIGHT} reported and not settled; four services, three \
             departments; the bare client does a transaction for the report, one for each department and one to settle"
        );
        self.settled(order.amount(1000, 100)).await?;
        analysed::restart(&mut self.cluster).await?;
        bare.warm(order.amount(1000, 100), IN_FLIGHT).await?;
        let (mut subject, mut baseline) = (Legs::of("platform"), Legs::of("bare client"));
        while order.wants_pair(&B4A, &subject.over(&baseline)) {
            subject.add(self.settled(count).await?);
            baseline.add(self.bare(bare, count).await?);
        }
        subject.print();
        baseline.print();
        Ok(B4A.judge(&subject.over(&baseline)))
    }

    /// So many cases of people who are registered before.
    async fn settled(&self, count: usize) -> anyhow::Result<Leg> {
        let people = load::people(&self.platform, count).await;
        self.still().await?;
        self.settle(&people).await
    }

    /// A case of each, from the first report to the last settled.
    async fn settle(&self, people: &[Member]) -> anyhow::Result<Leg> {
        let begin = jiff::Timestamp::now().as_microsecond();
        let room = &Semaphore::new(IN_FLIGHT);
        let meter = self.servers.start(&self.pids()).await?;
        let mut reports = futures::stream::iter(people)
            .map(|member| async move {
                room.acquire().await?.forget();
                let report = load::certificate(&self.platform, member);
                report.tell(&self.platform, &self.callers).await?;
                anyhow::Ok(())
            })
            .buffer_unordered(REPORTERS);
        let told = async {
            while let Some(told) = reports.next().await {
                told?;
            }
            anyhow::Ok(())
        };
        futures::try_join!(told, self.watch(begin, people.len(), room))?;
        let (took, cost) = meter.stop().await?;
        Ok(Leg {
            operations: people.len() as f64,
            took,
            cost,
        })
    }

    /// Makes room for as many reports as cases are settled, until all are.
    async fn watch(&self, begin: i64, count: usize, room: &Semaphore) -> anyhow::Result<()> {
        // By the index of the opening, so that it costs as much in the last turn as in the first.
        let text = "SELECT count(*) AS n FROM death_case WHERE opened_at >= $1 AND phase IN ('settled', 'finished')";
        let db = self.database("life-events")?;
        let (asked, mut seen) = (Instant::now(), 0);
        while seen < count {
            let row = db.reader().one(text, [val(begin)]).await?;
            let settled = usize::try_from(row.context("a count")?.get::<i64>("n")?)?;
            room.add_permits(settled - seen);
            seen = settled;
            ensure!(
                asked.elapsed() < SETTLED_WITHIN,
                "{seen} of {count} cases settled"
            );
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    fn database(&self, service: &str) -> anyhow::Result<&Database> {
        let place = SERVICES.iter().position(|name| *name == service);
        let found = place.and_then(|place| self.databases.get(place));
        found.context("a service's database")
    }

    /// Waits until no event waits in an outbox and no subscription gets on.
    async fn still(&self) -> anyhow::Result<()> {
        let (asked, mut since, mut before) = (Instant::now(), Instant::now(), (0, 0));
        loop {
            let now = self.moved().await?;
            if now != before || now.0 > 0 {
                (since, before) = (Instant::now(), now);
            }
            if since.elapsed() >= STILL_FOR {
                return Ok(());
            }
            ensure!(asked.elapsed() < SETTLED_WITHIN, "events keep moving");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Events in all outboxes, and how far all subscriptions are.
    async fn moved(&self) -> anyhow::Result<(i64, i64)> {
        let text = "SELECT (SELECT count(*) FROM outbox) AS waiting, \
                    (SELECT CAST(coalesce(sum(next_offset), 0) AS bigint) FROM position) AS taken";
        let (mut waiting, mut taken) = (0, 0);
        for db in &self.databases {
            let row = db.reader().one(text, []).await?.context("counts")?;
            waiting += row.get::<i64>("waiting")?;
            taken += row.get::<i64>("taken")?;
        }
        Ok((waiting, taken))
    }

    async fn bare(&self, bare: &Bare, count: usize) -> anyhow::Result<Leg> {
        let meter = self.servers.start(&[]).await?;
        let took = bare.cases(count, IN_FLIGHT).await?;
        let (_, cost): (Duration, Cost) = meter.stop().await?;
        Ok(Leg {
            operations: count as f64,
            took,
            cost,
        })
    }

    /// B4b: no floor until there is an engine beside it.
    async fn open_loop(&self, bare: &Bare, order: &Order) -> anyhow::Result<()> {
        println!(
            "\n## B4b: open loop, from the intended start to the change seen by a client that watches the case"
        );
        for rate in RATES {
            let time = Duration::from_secs(order.amount(30, 3) as u64);
            let count = (rate * time.as_secs_f64()) as usize;
            let ours = cases::latency(&self.platform, count, rate).await?;
            let theirs = bare.open(rate, time).await?;
            theirs.print(&format!("bare client at {rate}/s"));
            println!(
                "  context: ÷ bare client: p50 {:.2}, p99 {:.2}",
                ours.ms(0.5) / theirs.ms(0.5),
                ours.ms(0.99) / theirs.ms(0.99)
            );
        }
        Ok(())
    }

    /// B4c: a case by itself.
    async fn alone(&self, order: &Order) -> anyhow::Result<bool> {
        println!(
            "\n## B4c: {UNLOADED} cases a second: a case seldom meets another; four services of the eight departments"
        );
        self.still().await?;
        let times = cases::latency(&self.platform, order.amount(300, 30), UNLOADED).await?;
        Ok(UNLOADED_P50.judge(&[times.ms(0.5)]) & UNLOADED_P99.judge(&[times.ms(0.99)]))
    }

    /// B4c: the statements, as PostgreSQL counts them: looks that find nothing and beats of the leases
    /// included, BEGIN and COMMIT not.
    async fn count(&mut self, url: &str, order: &Order) -> anyhow::Result<bool> {
        let statements = Statements::count(url, &self.cluster.database, &SERVICES).await?;
        // Connections opened before do not count.
        analysed::restart(&mut self.cluster).await?;
        self.settled(order.amount(500, 100)).await?;
        let people = load::people(&self.platform, order.amount(3_000, 300)).await;
        self.still().await?;
        let before = statements.counts().await?;
        let leg = self.settle(&people).await?;
        let counts = since(&before, &statements.counts().await?);
        let mut total = 0.0;
        for (service, sum) in by_service(&counts) {
            let each = sum.calls as f64 / leg.operations;
            println!("  {service}: {each:.1} statements per case");
            total += each;
        }
        Ok(STATEMENTS.judge(&[total]))
    }

    async fn stop(self, url: &str) -> anyhow::Result<()> {
        for db in &self.databases {
            db.close().await;
        }
        let urls = SERVICES.map(|service| self.cluster.database.url(service));
        drop(self.cluster);
        let server = Database::open_postgres(url, "bench", 1)?;
        for url in urls {
            let (_, name) = url.rsplit_once('/').context("a database in the URL")?;
            let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
            server.writer().run(drop, []).await?;
        }
        server.close().await;
        Ok(())
    }
}
