//! One run: start, work and break for some minutes, heal, wait, look, check.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use minzheng_chassis::bus::Bus;
use minzheng_chassis::civil;
use minzheng_chassis::clock::SystemClock;
use minzheng_chassis::config::Settings;
use minzheng_chassis::db::Database;
use minzheng_chassis::node::open_bus;

use super::checkers::{self, Violation};
use super::deployment::{Deployment, Kind, Members, Where};
use super::history::{self, History, Op};
use super::nemesis::{Struck, haunt, unreached};
use super::observe::{self, Databases, Observed};
use super::workload::Workload;
use crate::platform::SERVICES;

/// How long stories may go on after the last fault.
const DRAIN_WITHIN: Duration = Duration::from_secs(90);

/// How long it is waited until nothing is open; longer than is allowed, to tell slow from lost.
const WAIT_WITHIN: Duration = Duration::from_secs(180);

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Order {
    /// The deployment.
    pub kind: Kind,
    /// How long things are broken.
    pub time: Duration,
    /// What is broken, and what is done.
    pub seed: u64,
    /// Processes of each service.
    pub replicas: usize,
    /// Clients at once.
    pub workers: usize,
    /// Operations a second, at most.
    pub rate: f64,
    /// Whether anything is broken at all.
    pub faults: bool,
    /// Where logs and databases go; empty.
    pub directory: PathBuf,
}

impl Order {
    /// What the consumers are known by: in one run of two as shipped.
    pub fn members(&self) -> Members {
        if self.seed.is_multiple_of(2) {
            Members::New
        } else {
            Members::Named
        }
    }
}

/// What came of it.
pub struct Outcome {
    /// The clients' log.
    pub ops: Vec<Op>,
    /// What was broken.
    pub faults: Vec<Struck>,
    /// The borders at which no process ended though one should have.
    pub unreached: Vec<&'static str>,
    /// What does not hold.
    pub violations: Vec<Violation>,
    /// How long the clients worked.
    pub worked: Duration,
    /// How long until nothing was open, or what is.
    pub quiet: Result<Duration, String>,
}

/// Runs it.
///
/// # Errors
/// The deployment does not start, or does not come back.
pub async fn run(order: &Order, say: &dyn Fn(&str)) -> anyhow::Result<Outcome> {
    let (kind, members) = (order.kind, order.members());
    let mut deployment = Deployment::start(kind, &order.directory, order.replicas, members).await?;
    say("started");
    if deployment.kind == Kind::Embedded && deployment.disk.is_none() {
        say("no small disk may be mounted here: none is filled");
    }
    let log = order.directory.join("history.jsonl");
    let today = civil::today(jiff::Timestamp::now());
    let workload =
        Workload::new(deployment.platforms(), History::create(&log)?, today).at_most(order.rate);
    let (broken, ()) = tokio::join!(
        disturb(order, &mut deployment, &workload, say),
        workload.run(order.seed, order.workers),
    );
    let (faults, healed) = broken?;
    workload.history.flush();
    let worked = workload.history.elapsed();
    say(&format!(
        "the last story ended {} s later",
        healed.elapsed().as_secs()
    ));
    let databases = open(&deployment).await?;
    let mute = observe::mute(&workload.platforms).await;
    let platform = &workload.platforms[0];
    let quiet = observe::settle(platform, &databases, WAIT_WITHIN).await;
    let quiet = quiet
        .map(|_| healed.elapsed())
        .map_err(|error| error.to_string());
    say(&format!("quiet: {quiet:?}"));
    let read = everything_read(&deployment, &databases).await;
    say(&format!("read: {read:?}"));
    let ops = history::load(&log)?;
    let crashes = crashes(&mut deployment);
    let observed = Observed {
        api: observe::api(platform, &workload.callers, &ops).await?,
        tables: observe::tables(&databases).await?,
        events: events(&mut deployment).await?,
        mute,
        crashes,
        quiet_after: quiet.as_ref().ok().copied(),
        ops,
    };
    for database in databases.values() {
        database.close().await;
    }
    let violations = checkers::run(&observed);
    say(&format!("{} violations", violations.len()));
    if !violations.is_empty() {
        deployment.keep(&order.directory)?;
        keep_events(&order.directory, &observed)?;
    }
    let unreached = if order.faults {
        unreached(&faults)
    } else {
        Vec::new()
    };
    Ok(Outcome {
        unreached,
        violations,
        ops: observed.ops,
        faults,
        worked,
        quiet,
    })
}

/// Breaks things for the time ordered, heals them and lets the clients come to an end; what was
/// broken, and when all was whole again.
async fn disturb(
    order: &Order,
    deployment: &mut Deployment,
    workload: &Workload,
    say: &dyn Fn(&str),
) -> anyhow::Result<(Vec<Struck>, tokio::time::Instant)> {
    let until = tokio::time::Instant::now() + order.time;
    let faults = if order.faults {
        let mut log = std::fs::File::create(order.directory.join("faults.jsonl"))?;
        haunt(deployment, workload, order.seed, until, &mut log).await
    } else {
        tokio::time::sleep_until(until).await;
        Ok(Vec::new())
    };
    say("healed");
    let healed = tokio::time::Instant::now();
    workload.end(DRAIN_WITHIN);
    for replica in &deployment.replicas {
        replica.process.is_serving().await;
    }
    Ok((faults?, healed))
}

async fn open(deployment: &Deployment) -> anyhow::Result<Databases> {
    let mut databases = Databases::new();
    for service in SERVICES {
        let database = match deployment.database(service) {
            Where::Url(url) => Database::open_postgres(&url, "chaos", 1)?,
            Where::File(path) => open_file(&path).await?,
        };
        databases.insert(service, database);
    }
    Ok(databases)
}

async fn open_file(path: &Path) -> anyhow::Result<Database> {
    let opened = Database::open_sqlite(path).await;
    opened.with_context(|| format!("opening {}", path.display()))
}

/// What is read late is not lost: only what nobody reads in the end is. One process alone reads its
/// embedded log; it has answered every question by now, and nothing else is far behind.
async fn everything_read(deployment: &Deployment, databases: &Databases) -> Result<(), String> {
    if deployment.kind == Kind::Embedded {
        return Ok(());
    }
    let bus = bus(deployment).map_err(|error| format!("{error:#}"))?;
    let read = observe::all_read(bus, databases, WAIT_WITHIN).await;
    read.map(drop).map_err(|error| format!("{error:#}"))
}

fn bus(deployment: &Deployment) -> anyhow::Result<Arc<dyn Bus>> {
    let settings = Settings::with(deployment.settings())?;
    let clock: minzheng_chassis::clock::SharedClock = Arc::new(SystemClock);
    Ok(open_bus(&settings, &clock)?)
}

fn crashes(deployment: &mut Deployment) -> Vec<String> {
    let mut crashes = Vec::new();
    for replica in &mut deployment.replicas {
        let name = replica.name();
        crashes.extend(observe::panics(&name, &replica.process.log()));
        let ends = replica.process.ends().into_iter();
        crashes.extend(ends.map(|status| format!("{name} ended by itself: {status}")));
    }
    crashes
}

/// The topics; the embedded log is opened by one process at a time.
async fn events(deployment: &mut Deployment) -> anyhow::Result<Vec<observe::Event>> {
    if deployment.kind == Kind::Embedded {
        deployment.replicas[0].process.kill();
    }
    observe::events(&bus(deployment)?).await
}

/// Every record of every topic, one a line.
fn keep_events(directory: &Path, observed: &Observed) -> anyhow::Result<()> {
    use std::io::Write;
    let file = std::fs::File::create(directory.join("events.txt"))?;
    let mut file = std::io::BufWriter::new(file);
    for event in &observed.events {
        let envelope = &event.envelope;
        writeln!(
            file,
            "{}/{} {} key={} source={} number={} type={} id={} cause={:?} time={}",
            envelope.topic,
            event.partition,
            event.offset,
            envelope.key,
            envelope.source,
            envelope.sequence,
            envelope.event_type,
            envelope.id,
            envelope.causation_id,
            envelope.time,
        )?;
    }
    Ok(file.flush()?)
}
