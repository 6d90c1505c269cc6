//! B8: what a hundred times the residents and their past make of a report, of looking up a case, and
//! of a page of work; each size has databases and processes of its own, and they take turns.

use std::time::{Duration, Instant};

use minzheng_chassis::crypto::KeyRing;
use minzheng_proto::life_events::v1 as pb;
use minzheng_proto::work::v1 as work;
use minzheng_tests::family::COUNTY;
use minzheng_tests::platform::Callers;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::history::{self, Size};
use crate::latency::{SEED, Times, arrivals, wait_until};
use crate::order::Order;
use crate::ratio::{Target, spread};
use crate::reports::{Commands, LIFE_EVENTS, Relay, Told};
use crate::stand::Stand;

/// How many times the smallest size, each with what it is called.
const SIZES: [(u64, &str); 3] = [(1, "1×"), (10, "10×"), (100, "100×")];

/// Reports in flight when the rate is measured that the open loop asks a share of.
const IN_FLIGHT: usize = 8;
const LOAD: f64 = 0.3;

/// Look-ups and pages a second.
const READS: f64 = 100.0;

/// The database with the past, of which each turn of the reports gets a copy.
const PAST: &str = "life-events-past";

/// Items of a page.
const PAGE: i32 = 50;

/// What is done.
#[derive(Clone, Copy, Debug)]
enum Operation {
    CaseLookUp,
    WorkListPage,
    Report,
}

impl Operation {
    /// What only reads comes first: reports add to the past.
    const READING: [Self; 2] = [Self::CaseLookUp, Self::WorkListPage];

    /// Its p99 and its processor time at the largest size over those at the smallest.
    fn targets(self) -> [Target; 2] {
        match self {
            Self::Report => ["ReportDeath, p99", "ReportDeath, CPU"],
            Self::CaseLookUp => ["case look-up, p99", "case look-up, CPU"],
            Self::WorkListPage => ["page of work, p99", "page of work, CPU"],
        }
        .map(growth)
    }
}

/// A row of the table: 100× ÷ 1×.
pub(crate) const fn growth(ratio: &'static str) -> Target {
    Target::lower("B8", ratio, 2.0, 1.4)
}

/// Residents of the smallest size.
pub(crate) fn smallest(order: &Order) -> u64 {
    order.amount(40_000, 3_000) as u64
}

/// Runs B8 but for the inbox; whether it reaches its floors.
pub(crate) async fn run(order: &Order) -> anyhow::Result<bool> {
    let mut scales = Vec::new();
    for (times, name) in SIZES {
        let Some(scale) = Scale::start(order, name, smallest(order) * times).await? else {
            return Ok(true);
        };
        scales.push(scale);
    }
    let time = Duration::from_secs(order.amount(10, 2) as u64);
    println!(
        "\n## B8: open loop: {READS} look-ups, {READS} pages a second; CPU of the services and of PostgreSQL for each"
    );
    let mut reached = true;
    for operation in Operation::READING {
        let mut measured = none_of(&scales);
        for _ in 0..order.pairs() {
            for (scale, measured) in scales.iter().zip(&mut measured) {
                measured.push(scale.measure(operation, READS, time).await?);
            }
        }
        reached &= judge(operation, &scales, &measured);
    }
    reached &= reports(&mut scales, order, time).await?;
    for scale in scales {
        scale.bench.stop(&[PAST]).await?;
    }
    Ok(reached)
}

/// Reports in turns, each with the same past. What a turn adds remains: its warm-up and its time at some hundred a
/// second are more cases than the smallest size begins with, so the largest has some fifty times as many, not a hundred.
async fn reports(scales: &mut [Scale], order: &Order, time: Duration) -> anyhow::Result<bool> {
    let saturated = scales[0].bench.warmed_reports(IN_FLIGHT, time / 4).await?;
    let rate = saturated.rate() * LOAD;
    let warm_up = order.warm_up();
    println!(
        "{rate:.0} reports a second; each turn begins with the past alone and adds {:.0} cases, the warm-up's among them",
        rate * (warm_up + time).as_secs_f64()
    );
    let mut measured = none_of(scales);
    for _ in 0..order.pairs() {
        for (scale, measured) in scales.iter_mut().zip(&mut measured) {
            scale.bench.restore(PAST).await?;
            measured.push(scale.measure(Operation::Report, rate, time).await?);
        }
    }
    Ok(judge(Operation::Report, scales, &measured))
}

/// No turn of each size.
fn none_of(scales: &[Scale]) -> Vec<Vec<Measured>> {
    scales.iter().map(|_| Vec::new()).collect()
}

/// Prints each size, and the largest beside the smallest.
fn judge(operation: Operation, scales: &[Scale], measured: &[Vec<Measured>]) -> bool {
    let of = |size: usize, which: fn(&Measured) -> f64| -> Vec<f64> {
        measured[size].iter().map(which).collect()
    };
    for (size, scale) in scales.iter().enumerate() {
        println!(
            "  {operation:?} at {}: p99 {} ms, CPU {} ms each",
            scale.name,
            spread(&of(size, |one| one.p99), 2),
            spread(&of(size, |one| one.cpu), 3)
        );
    }
    let last = scales.len() - 1;
    let over = |which: fn(&Measured) -> f64| -> Vec<f64> {
        let (large, small) = (of(last, which), of(0, which));
        large
            .iter()
            .zip(small)
            .map(|(large, small)| large / small)
            .collect()
    };
    let [p99, cpu] = operation.targets();
    p99.judge(&over(|one| one.p99)) & cpu.judge(&over(|one| one.cpu))
}

/// One turn of an operation, in milliseconds.
struct Measured {
    p99: f64,
    /// Processor time of services and PostgreSQL for each.
    cpu: f64,
}

/// A size with its databases and processes.
struct Scale {
    name: &'static str,
    size: Size,
    bench: Commands,
    clerk: Callers,
}

impl Scale {
    async fn start(
        order: &Order,
        name: &'static str,
        residents: u64,
    ) -> anyhow::Result<Option<Self>> {
        let modules = [minzheng_residents::module(), minzheng_life_events::module()];
        let Some(stand) = Stand::of(&modules).await? else {
            return Ok(None);
        };
        let (begun, size) = (Instant::now(), Size { residents });
        Commands::fill(&stand, residents).await?;
        let keys = KeyRing::load(&stand.key_file())?;
        let url = stand.database.url(LIFE_EVENTS);
        history::of_life_events(&url, &keys, size).await?;
        stand.copy(LIFE_EVENTS, PAST).await?;
        println!(
            "{name}: {residents} residents, {} finished cases, {} items that wait, made in {:.0} s",
            size.cases(),
            size.open_items(),
            begun.elapsed().as_secs_f64()
        );
        Ok(Some(Self {
            name,
            size,
            bench: Commands::start(order, stand, residents, Relay::Rests).await?,
            clerk: Callers::of(COUNTY),
        }))
    }

    /// One turn, `rate` a second.
    async fn measure(
        &self,
        operation: Operation,
        rate: f64,
        time: Duration,
    ) -> anyhow::Result<Measured> {
        self.bench.stand.administer("CHECKPOINT").await?;
        let meter = self.bench.stand.servers.start(&self.bench.pids()).await?;
        let times = match operation {
            Operation::CaseLookUp => self.look_ups(time).await?,
            Operation::WorkListPage => self.pages(time).await?,
            Operation::Report => {
                let told = self.bench.open(rate, time).await?;
                Times::of_durations(told.iter().map(Told::took))?
            }
        };
        let (_, cost) = meter.stop().await?;
        let all = rate * (self.bench.warm_up + time).as_secs_f64();
        Ok(Measured {
            p99: times.ms(0.99),
            cpu: (cost.services + cost.postgres) / all * 1000.0,
        })
    }

    /// Finished cases, any of them.
    async fn look_ups(&self, time: Duration) -> anyhow::Result<Times> {
        let mut random = StdRng::seed_from_u64(SEED);
        let cases = self.size.cases();
        self.read(time, || {
            let case_id = history::case(random.random_range(0..cases)).to_string();
            let mut client = self.bench.platform.life_events(&self.bench.callers.clerk);
            async move {
                client.get_case(pb::GetCaseRequest { case_id }).await?;
                Ok(())
            }
        })
        .await
    }

    /// The first page of what waits in a county.
    async fn pages(&self, time: Duration) -> anyhow::Result<Times> {
        self.read(time, || {
            let mut client = self.bench.platform.work("life-events", &self.clerk.clerk);
            let request = work::ListWorkItemsRequest {
                service: "life-events".to_owned(),
                page_size: PAGE,
                ..Default::default()
            };
            async move {
                let page = client.list_work_items(request).await?.into_inner();
                anyhow::ensure!(!page.items.is_empty(), "nothing waits");
                Ok(())
            }
        })
        .await
    }

    /// Reads at random moments; those of the warm-up are left out.
    async fn read<F: Future<Output = anyhow::Result<()>>>(
        &self,
        time: Duration,
        mut one: impl FnMut() -> F,
    ) -> anyhow::Result<Times> {
        let begin = Instant::now();
        let reads = arrivals(begin, READS, self.bench.warm_up + time)
            .into_iter()
            .map(|start| {
                let one = one();
                async move {
                    wait_until(start).await;
                    one.await?;
                    anyhow::Ok((start, start.elapsed()))
                }
            });
        let took = futures::future::try_join_all(reads).await?;
        let counted = took
            .into_iter()
            .filter(|(start, _)| *start >= begin + self.bench.warm_up);
        Times::of_durations(counted.map(|(_, took)| took))
    }
}
