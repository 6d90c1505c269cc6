//! The faults: each is made, held for its time and mended.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context;
use futures::future::BoxFuture;
use minzheng_chassis::failpoint;
use nix::sys::signal::Signal;
use rand::RngExt;
use rand::rngs::StdRng;

use crate::chaos::deployment::{Deployment, Kind, Replica};
use crate::chaos::proxy::Trouble;
use crate::platform::SERVICES;

/// How long an armed process may take to reach its place.
const REACHED_WITHIN: Duration = Duration::from_secs(5);

/// How often a server is started until it is given up.
const STARTS: usize = 3;

/// How often that is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// One fault. A replica is given by its place in the deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// kill -9, and a start after so long.
    Kill(usize, Duration),
    /// SIGSTOP for so long.
    Stop(usize, Duration),
    /// PostgreSQL is killed, and started after so long.
    KillPostgres(Duration),
    /// PostgreSQL stands still.
    PausePostgres(Duration),
    /// Kafka is killed, and started after so long.
    KillKafka(Duration),
    /// Kafka stands still.
    PauseKafka(Duration),
    /// A connection is in trouble.
    Network(String, Trouble, Duration),
    /// A process has another time, in seconds from ours.
    Skew(usize, i64, Duration),
    /// A process is started so that it ends itself the n-th time it comes to a place.
    Failpoint(usize, &'static str, u64),
    /// The disk is full.
    DiskFull(Duration),
}

/// The next fault for a deployment; a clock that is made wrong is wrong by `skew` seconds.
pub fn draw(rng: &mut StdRng, deployment: &Deployment, skew: i64) -> Fault {
    let seconds = |rng: &mut StdRng, range: std::ops::Range<u64>| {
        Duration::from_millis(rng.random_range(range.start * 1000..range.end * 1000))
    };
    let replica = rng.random_range(0..deployment.replicas.len());
    let choices = match (deployment.kind, deployment.disk.is_some()) {
        (Kind::Services, _) => 10,
        (Kind::Embedded, true) => 5,
        (Kind::Embedded, false) => 4,
    };
    match rng.random_range(0..choices) {
        0 => Fault::Kill(replica, Duration::from_millis(rng.random_range(0..1000))),
        1 => Fault::Stop(replica, seconds(rng, 1..7)),
        2 | 3 if rng.random_bool(0.5) => Fault::Skew(replica, skew, seconds(rng, 2..6)),
        2 | 3 => {
            let place = failpoint::ALL[rng.random_range(0..failpoint::ALL.len())];
            // Whoever takes partitions does so once.
            let times = match place {
                failpoint::REBALANCE => 1,
                _ => rng.random_range(1..20),
            };
            Fault::Failpoint(replica, place, times)
        }
        4 if deployment.kind == Kind::Embedded => Fault::DiskFull(seconds(rng, 1..4)),
        4 => Fault::KillPostgres(Duration::from_millis(rng.random_range(0..1500))),
        5 => Fault::PausePostgres(seconds(rng, 1..7)),
        6 => Fault::KillKafka(Duration::from_millis(rng.random_range(0..1500))),
        7 => Fault::PauseKafka(seconds(rng, 1..9)),
        _ => network(rng),
    }
}

/// A fault that goes on while another is made: of the servers or the network. There is none for a
/// deployment without servers.
pub fn draw_beside(rng: &mut StdRng, deployment: &Deployment) -> Option<Fault> {
    if deployment.kind == Kind::Embedded {
        return None;
    }
    let hold = Duration::from_millis(rng.random_range(500..5000));
    Some(match rng.random_range(0..6) {
        0 => Fault::KillPostgres(hold / 4),
        1 => Fault::PausePostgres(hold),
        2 => Fault::KillKafka(hold / 4),
        3 => Fault::PauseKafka(hold),
        _ => network(rng),
    })
}

fn network(rng: &mut StdRng) -> Fault {
    let service = SERVICES[rng.random_range(0..SERVICES.len())];
    let before = ["postgres", "kafka", "front"][rng.random_range(0..3)];
    let trouble = match rng.random_range(0..4) {
        0 => Trouble::Delay(Duration::from_millis(rng.random_range(20..300))),
        1 => Trouble::Reset,
        2 => Trouble::HalfOpen,
        _ => Trouble::Truncate(rng.random_range(1..400)),
    };
    let hold = Duration::from_millis(rng.random_range(500..5000));
    Fault::Network(format!("{before}/{service}"), trouble, hold)
}

/// What is noted of a failpoint that nothing came past in time: the process was killed instead.
const NOT_REACHED: &str = "not reached";

impl Fault {
    /// Its kind in reports, by what came of it: a failpoint that the process did not come past is a kill.
    pub fn kind(&self, note: &str) -> String {
        match self {
            Self::Failpoint(..) if note.ends_with(NOT_REACHED) => {
                format!("kill process, failpoint {NOT_REACHED}")
            }
            Self::Kill(..) => "kill process".to_owned(),
            Self::Stop(..) => "stop process".to_owned(),
            Self::KillPostgres(_) => "kill postgres".to_owned(),
            Self::PausePostgres(_) => "pause postgres".to_owned(),
            Self::KillKafka(_) => "kill kafka".to_owned(),
            Self::PauseKafka(_) => "pause kafka".to_owned(),
            Self::Network(link, trouble, _) => {
                let before = link.split('/').next().unwrap_or_default();
                format!("{} {}", trouble.name(), before)
            }
            Self::Skew(..) => "clock skew".to_owned(),
            Self::Failpoint(_, place, _) => format!("failpoint {place}"),
            Self::DiskFull(_) => "disk full".to_owned(),
        }
    }

    /// What it hits.
    pub fn target(&self, deployment: &Deployment) -> String {
        match self {
            Self::Kill(at, _)
            | Self::Stop(at, _)
            | Self::Skew(at, ..)
            | Self::Failpoint(at, ..) => deployment.replicas[*at].name(),
            Self::Network(link, ..) => link.clone(),
            Self::KillPostgres(_) | Self::PausePostgres(_) => "postgres".to_owned(),
            Self::KillKafka(_) | Self::PauseKafka(_) => "kafka".to_owned(),
            Self::DiskFull(_) => "disk".to_owned(),
        }
    }

    /// Whether two faults hit one server or one link, which can be broken once at a time only.
    pub fn hits_what(&self, other: &Fault) -> bool {
        let place = |fault: &Fault| match fault {
            Self::KillPostgres(_) | Self::PausePostgres(_) => "postgres".to_owned(),
            Self::KillKafka(_) | Self::PauseKafka(_) => "kafka".to_owned(),
            Self::Network(link, ..) => link.clone(),
            Self::Kill(..)
            | Self::Stop(..)
            | Self::Skew(..)
            | Self::Failpoint(..)
            | Self::DiskFull(_) => String::new(),
        };
        !place(self).is_empty() && place(self) == place(other)
    }

    /// The services whose commands it can hold up.
    pub fn services(&self, deployment: &Deployment) -> Vec<String> {
        let all = || SERVICES.map(str::to_owned).to_vec();
        match self {
            Self::Kill(at, _)
            | Self::Stop(at, _)
            | Self::Skew(at, ..)
            | Self::Failpoint(at, ..) => match deployment.replicas[*at].target {
                "all" => all(),
                one => vec![one.to_owned()],
            },
            // Whoever asks a neighbour is held up by the way there; only life-events asks inside
            // a command.
            Self::Network(link, ..) => match link.split_once('/') {
                Some(("postgres" | "kafka", service)) => vec![service.to_owned()],
                Some((_, "residents")) => vec!["life-events".to_owned()],
                _ => Vec::new(),
            },
            Self::KillPostgres(_) | Self::PausePostgres(_) | Self::DiskFull(_) => all(),
            // Commands do not need the bus.
            Self::KillKafka(_) | Self::PauseKafka(_) => all(),
        }
    }

    /// The replica it hits, where it is one process.
    pub fn replica(&self, deployment: &Deployment) -> Option<usize> {
        match self {
            Self::Kill(at, _)
            | Self::Stop(at, _)
            | Self::Skew(at, ..)
            | Self::Failpoint(at, ..) => Some(deployment.replicas[*at].number),
            _ => None,
        }
    }
}

/// A fault as work for which nobody needs the processes: it can go on while those are broken too.
pub(super) fn beside(
    deployment: &Deployment,
    fault: &Fault,
) -> anyhow::Result<Option<BoxFuture<'static, anyhow::Result<()>>>> {
    let work: BoxFuture<'static, anyhow::Result<()>> = match fault.clone() {
        Fault::KillPostgres(down) => {
            let postgres = server(&deployment.postgres)?;
            Box::pin(async move {
                on(&postgres, |postgres| postgres.stop_immediate()).await?;
                tokio::time::sleep(down).await;
                on(&postgres, |postgres| tried(|| postgres.restart())).await
            })
        }
        Fault::PausePostgres(hold) => {
            let postgres = server(&deployment.postgres)?;
            Box::pin(async move {
                on(&postgres, |postgres| postgres.pause()).await?;
                tokio::time::sleep(hold).await;
                on(&postgres, |postgres| postgres.resume()).await
            })
        }
        Fault::KillKafka(down) => {
            let kafka = server(&deployment.kafka)?;
            Box::pin(async move {
                on(&kafka, |kafka| kafka.stop_immediate()).await?;
                tokio::time::sleep(down).await;
                on(&kafka, |kafka| tried(|| kafka.restart())).await
            })
        }
        Fault::PauseKafka(hold) => {
            let kafka = server(&deployment.kafka)?;
            Box::pin(async move {
                on(&kafka, |kafka| kafka.pause()).await?;
                tokio::time::sleep(hold).await;
                on(&kafka, |kafka| kafka.resume()).await
            })
        }
        Fault::Network(link, trouble, hold) => {
            let made = deployment.proxies.get(&link).context("a proxy")?.trouble();
            Box::pin(async move {
                made.send_replace(trouble);
                tokio::time::sleep(hold).await;
                made.send_replace(Trouble::None);
                Ok(())
            })
        }
        Fault::Kill(..)
        | Fault::Stop(..)
        | Fault::Skew(..)
        | Fault::Failpoint(..)
        | Fault::DiskFull(_) => return Ok(None),
    };
    Ok(Some(work))
}

/// Makes a fault, holds it and mends it; what there is to note.
pub(super) async fn inject(deployment: &mut Deployment, fault: &Fault) -> anyhow::Result<String> {
    if let Some(work) = beside(deployment, fault)? {
        work.await?;
        return Ok(String::new());
    }
    match fault {
        Fault::Kill(at, down) => {
            deployment.replicas[*at].process.kill();
            tokio::time::sleep(*down).await;
            deployment.replicas[*at].process.restart();
        }
        Fault::Stop(at, hold) => stop(&mut deployment.replicas[*at], *hold).await,
        Fault::Skew(at, seconds, hold) => {
            deployment.replicas[*at].skew(*seconds);
            tokio::time::sleep(*hold).await;
            deployment.replicas[*at].skew(0);
            return Ok(format!("{seconds} s"));
        }
        Fault::Failpoint(at, place, times) => {
            return Ok(die_at(&mut deployment.replicas[*at], place, *times).await);
        }
        Fault::DiskFull(hold) => {
            let disk = deployment.disk.as_ref().context("a small disk")?;
            disk.fill()?;
            tokio::time::sleep(*hold).await;
            disk.free()?;
            let replica = &mut deployment.replicas[0];
            if replica.process.has_ended() {
                replica.process.restart();
                return Ok("the process had ended".to_owned());
            }
        }
        Fault::KillPostgres(_)
        | Fault::PausePostgres(_)
        | Fault::KillKafka(_)
        | Fault::PauseKafka(_)
        | Fault::Network(..) => {}
    }
    Ok(String::new())
}

fn server<T>(held: &Option<Arc<Mutex<T>>>) -> anyhow::Result<Arc<Mutex<T>>> {
    held.clone().context("this deployment has no such server")
}

/// Calls a server, which blocks.
async fn on<T: Send + 'static>(
    server: &Arc<Mutex<T>>,
    call: impl FnOnce(&mut T) -> anyhow::Result<()> + Send + 'static,
) -> anyhow::Result<()> {
    let server = server.clone();
    tokio::task::spawn_blocking(move || call(&mut server.lock().expect("not poisoned"))).await?
}

/// A server may need longer than it is given on a busy machine; that is no finding about ours.
fn tried(start: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<()> {
    let mut start = start;
    for _ in 1..STARTS {
        if start().is_ok() {
            return Ok(());
        }
    }
    start()
}

async fn stop(replica: &mut Replica, hold: Duration) {
    if replica.process.has_ended() {
        replica.process.restart();
    }
    replica.process.signal(Signal::SIGSTOP);
    tokio::time::sleep(hold).await;
    replica.process.signal(Signal::SIGCONT);
}

/// Restarts a process that ends itself there, and restarts it once more when it has, or after a while.
async fn die_at(replica: &mut Replica, place: &str, times: u64) -> String {
    let armed = (failpoint::VARIABLE.to_owned(), format!("{place}:{times}"));
    replica.process.environment = vec![armed];
    replica.process.restart();
    let began = tokio::time::Instant::now();
    while !replica.process.has_ended() && began.elapsed() < REACHED_WITHIN {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let reached = replica.process.has_ended();
    replica.process.environment.clear();
    replica.process.restart();
    format!(
        "{place}:{times} {}",
        if reached { "reached" } else { NOT_REACHED }
    )
}
