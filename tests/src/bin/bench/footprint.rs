//! B7: what an idle process of each target costs, as the operating system counts it, and how soon it
//! serves; B7b: one process with everything.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use minzheng_chassis::testing::{KAFKA_VARIABLE, TestDatabase, real_service};
use minzheng_server::modules;
use minzheng_tests::platform::{ClockControl, Platform, SERVICES};
use minzheng_tests::processes::{Cluster, Embedded, Process, free_port};
use tonic::transport::Endpoint;
use tonic_health::ServingStatus;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::accounting::own;
use crate::cases::{self, Settled};
use crate::order::Order;
use crate::ratio::{Target, spread};
use crate::stand::{Stand, end};

/// How often a process is started.
const STARTS: usize = 5;

/// How often they work until what they keep is nearly full, and then again, to tell whether they grow with work.
const ROUNDS: usize = 4;

/// How often a process is asked whether it serves.
const ASK_EVERY: Duration = Duration::from_millis(2);

/// How long it may take.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// What `Cluster` sets otherwise for tests, here as in production: timers, and a port for metrics.
const AS_SHIPPED: [&str; 2] = ["timer.tick_ms=1000", "http.listen=127.0.0.1:0"];

const RESIDENT: Target = Target::lower(
    "B7",
    "idle RSS of the largest target as started, MiB",
    40.0,
    20.0,
);
const READY: Target = Target::lower("B7", "exec → ready of the slowest target, ms", 500.0, 200.0);
const IDLE: Target = Target::lower(
    "B7",
    "idle CPU of the busiest target, % of a core",
    2.0,
    1.0,
);
const GROWTH: Target = Target::lower(
    "B7",
    "idle RSS after 8 rounds of work ÷ after 4, of the target that grew most",
    1.1,
    1.02,
);
const EMBEDDED: Target = Target::lower(
    "B7b",
    "`all` on the embedded bus, idle RSS after work, MiB",
    150.0,
    100.0,
);
const ALL_READY: Target = Target::lower("B7b", "exec → ready of `all`, ms", 500.0, 200.0);
const ALL_GROWTH: Target = Target::lower(
    "B7b",
    "`all` on the embedded bus: idle RSS after 8 rounds of work ÷ after 4",
    1.1,
    1.02,
);
const ON_KAFKA: Target = Target::lower(
    "B7b",
    "`all` on Kafka, idle RSS after work, MiB",
    190.0,
    140.0,
);

/// Runs B7; whether it reaches its floors.
pub(crate) async fn run(order: &Order) -> anyhow::Result<bool> {
    let Some(kafka) = real_service(KAFKA_VARIABLE) else {
        return Ok(true);
    };
    let Some(database) = TestDatabase::postgres().await else {
        return Ok(true);
    };
    println!(
        "\n## B7: a process per target on PostgreSQL and Kafka, all of them run; idle as started, in full after some cases too"
    );
    let more = AS_SHIPPED.map(str::to_owned);
    let mut cluster = Cluster::start_with(database, &kafka, 1, &more).await;
    let settled = Settled::on_postgres(&cluster.database.url("life-events")).await?;
    let processes = cluster.processes.iter();
    let processes: Vec<(&str, u32)> = processes.map(|(name, one)| (*name, one[0].pid())).collect();
    let as_started = idle(&processes, order).await?;
    let mut busiest = busiest_of(&as_started);
    let platform = cluster.platform();
    if order.is_full() {
        cases::warm_up(&platform, &settled, order).await?;
        let after_work = idle(&processes, order).await?;
        busiest = busiest.max(busiest_of(&after_work));
        println!(
            "context: after work the largest rests at {:.1} MiB",
            largest(&after_work)
        );
    }
    let grown = grows(&GROWTH, &processes, order, async || {
        cases::warm_up(&platform, &settled, order).await
    });
    let grown = grown.await?;
    let mut slowest = 0.0_f64;
    for (name, replicas) in &mut cluster.processes {
        slowest = slowest.max(ready(name, &mut replicas[0]).await?);
    }
    let resident = RESIDENT.judge(&[largest(&as_started)]);
    Ok(resident & grown & READY.judge(&[slowest]) & IDLE.judge(&[busiest]))
}

fn largest(idle: &[Idle]) -> f64 {
    idle.iter().map(|one| one.resident_mib).fold(0.0, f64::max)
}

fn busiest_of(idle: &[Idle]) -> f64 {
    idle.iter().map(|one| one.cpu_percent).fold(0.0, f64::max)
}

/// Whether processes that have worked once stop growing with work. In full only: a few cases do not fill what is kept.
async fn grows(
    target: &Target,
    processes: &[(&str, u32)],
    order: &Order,
    work: impl AsyncFn() -> anyhow::Result<()>,
) -> anyhow::Result<bool> {
    if !order.is_full() {
        return Ok(true);
    }
    for _ in 1..ROUNDS {
        work().await?;
    }
    let before = idle(processes, order).await?;
    for _ in 0..ROUNDS {
        work().await?;
    }
    let after = idle(processes, order).await?;
    let pairs = before.iter().zip(&after);
    let growth = pairs.map(|(before, after)| after.resident_mib / before.resident_mib);
    Ok(target.judge(&[growth.fold(0.0, f64::max)]))
}

/// Runs B7b; whether it reaches its floors.
pub(crate) async fn run_all(order: &Order) -> anyhow::Result<bool> {
    println!("\n## B7b: one process with all targets, idle after some cases");
    let mut embedded = Embedded::start().await;
    let data = embedded.directory.path().join("data");
    let settled = Settled::on_sqlite(&data.join("life-events.db")).await?;
    cases::warm_up(&embedded.platform(), &settled, order).await?;
    let all = [("all, embedded", embedded.process.pid())];
    let one = idle(&all, order).await?;
    let platform = embedded.platform();
    let grown = grows(&ALL_GROWTH, &all, order, async || {
        cases::warm_up(&platform, &settled, order).await
    });
    let grown = grown.await?;
    drop(settled);
    let mut starts = vec![ready("all, embedded", &mut embedded.process).await?];
    let reached = grown & EMBEDDED.judge(&[largest(&one)]);
    drop(embedded);
    let modules = modules::all();
    let Some(stand) = Stand::of(&modules).await? else {
        return Ok(reached & ALL_READY.judge(&starts));
    };
    let mut process = stand.start("all", free_port(), &[]);
    process.is_serving().await;
    work(&stand, &process, order).await?;
    let one = idle(&[("all, on Kafka", process.pid())], order).await?;
    starts.push(ready("all, on Kafka", &mut process).await?);
    let on_kafka = ON_KAFKA.judge(&[largest(&one)]);
    end(process).await?;
    let names: Vec<&str> = modules.iter().map(|module| module.name).collect();
    stand.clear(&names).await?;
    Ok(reached & on_kafka & ALL_READY.judge(&starts))
}

/// Settles cases by a process that runs everything: what has never worked is smaller than what rests.
async fn work(stand: &Stand, process: &Process, order: &Order) -> anyhow::Result<()> {
    let clock = ClockControl::File(stand.directory.path().join("clock-offset"));
    let addresses = SERVICES.map(|service| (service, vec![process.address.clone()]));
    let platform = Platform::new(addresses.into(), clock);
    let settled = Settled::on_postgres(&stand.database.url("life-events")).await?;
    cases::warm_up(&platform, &settled, order).await
}

/// What an idle process costs.
struct Idle {
    resident_mib: f64,
    cpu_percent: f64,
}

/// Leaves processes alone, and then looks for as long again.
async fn idle(processes: &[(&str, u32)], order: &Order) -> anyhow::Result<Vec<Idle>> {
    let time = Duration::from_secs(order.amount(20, 5) as u64);
    tokio::time::sleep(time).await;
    let before: Result<Vec<f64>, _> = processes.iter().map(|(_, pid)| own(*pid)).collect();
    let before = before?;
    let started = Instant::now();
    tokio::time::sleep(time).await;
    let took = started.elapsed().as_secs_f64();
    let mut idle = Vec::new();
    for ((name, pid), before) in processes.iter().zip(before) {
        let one = Idle {
            resident_mib: resident_mib(*pid)?,
            cpu_percent: (own(*pid)? - before) / took * 100.0,
        };
        println!(
            "  {name}: {:.1} MiB resident, {:.2} % of a core over {took:.0} s",
            one.resident_mib, one.cpu_percent
        );
        idle.push(one);
    }
    Ok(idle)
}

fn resident_mib(pid: u32) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let mut lines = status.lines();
    let line = lines.find(|line| line.starts_with("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1));
    let kib: f64 = kib.context("VmRSS")?.parse()?;
    Ok(kib / 1024.0)
}

/// Kills and starts a process on migrated databases; the median of exec → serving, in milliseconds.
async fn ready(name: &str, process: &mut Process) -> anyhow::Result<f64> {
    let mut times = Vec::new();
    for _ in 0..STARTS {
        process.kill();
        let started = Instant::now();
        process.restart();
        while !serves(&process.address).await {
            ensure!(
                started.elapsed() < READY_WITHIN,
                "{name}: {}",
                process.log()
            );
            tokio::time::sleep(ASK_EVERY).await;
        }
        times.push(started.elapsed().as_secs_f64() * 1000.0);
    }
    println!("  {name}: exec → serving {} ms", spread(&times, 0));
    Ok(crate::ratio::median(&times))
}

async fn serves(address: &str) -> bool {
    let Ok(endpoint) = Endpoint::from_shared(address.to_owned()) else {
        return false;
    };
    let Ok(channel) = endpoint.connect().await else {
        return false;
    };
    let mut client = HealthClient::new(channel);
    let check = client.check(HealthCheckRequest::default()).await;
    let answer = check.map(|answer| answer.into_inner().status());
    answer.is_ok_and(|status| status == ServingStatus::Serving.into())
}
