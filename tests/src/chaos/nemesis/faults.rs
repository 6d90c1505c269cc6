//! The faults: each is made, held for its time and mended.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context;
use futures::future::BoxFuture;
use minzheng_chassis::failpoint;
use nix::sys::signal::Signal;
use rand::RngExt;
use rand::rngs::StdRng;

use super::again::{NOT_REWOUND, again};
use super::borders::{NOT_REACHED, at_border, die_at};
use crate::chaos::deployment::{Deployment, Kind, Replica};
use crate::chaos::proxy::Trouble;
use crate::platform::SERVICES;

/// To this service the clients send commands in one story of many only.
pub(in crate::chaos) const SELDOM_COMMANDED: &str = "child-welfare";

/// How often a server is started until it is given up.
const STARTS: usize = 3;

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
    /// All processes of a target are started so that they end themselves the n-th time they come to a place.
    Failpoint(&'static str, &'static str, u64),
    /// The disk is full.
    DiskFull(Duration),
    /// All processes of a target are killed, and begin again with the first event of every topic.
    Again(&'static str),
}

/// The next fault for a deployment; a clock that is made wrong is wrong by `skew` seconds.
pub fn draw(rng: &mut StdRng, deployment: &Deployment, skew: i64) -> Fault {
    let seconds = |rng: &mut StdRng, range: std::ops::Range<u64>| {
        Duration::from_millis(rng.random_range(range.start * 1000..range.end * 1000))
    };
    let replica = rng.random_range(0..deployment.replicas.len());
    let choices = match (deployment.kind, deployment.disk.is_some()) {
        (Kind::Services, _) => 10,
        (Kind::Embedded, true) => 6,
        (Kind::Embedded, false) => 5,
    };
    match rng.random_range(0..=choices) {
        drawn if drawn == choices => Fault::Again(deployment.replicas[replica].target),
        0 => Fault::Kill(replica, Duration::from_millis(rng.random_range(0..1000))),
        1 => Fault::Stop(replica, seconds(rng, 1..7)),
        2 | 3 if rng.random_bool(0.5) => Fault::Skew(replica, skew, seconds(rng, 2..6)),
        2 | 3 => {
            let place = failpoint::ALL[rng.random_range(0..failpoint::ALL.len())];
            at_border(rng, deployment, place, 20)
        }
        4 if deployment.kind == Kind::Embedded => network(rng, deployment),
        5 if deployment.kind == Kind::Embedded => Fault::DiskFull(seconds(rng, 1..4)),
        4 => Fault::KillPostgres(Duration::from_millis(rng.random_range(0..1500))),
        5 => Fault::PausePostgres(seconds(rng, 1..7)),
        6 => Fault::KillKafka(Duration::from_millis(rng.random_range(0..1500))),
        7 => Fault::PauseKafka(seconds(rng, 1..9)),
        _ => network(rng, deployment),
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
        _ => network(rng, deployment),
    })
}

/// Trouble on a way that somebody goes: of clients or of those who ask a neighbour as often as to a server.
fn network(rng: &mut StdRng, deployment: &Deployment) -> Fault {
    let mut ways: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for link in deployment.proxies.keys() {
        let whose = link.split_once('/').map_or("", |(whose, _)| whose);
        if whose != "client" || !link.contains(SELDOM_COMMANDED) {
            ways.entry(whose).or_default().push(link);
        }
    }
    let ways: Vec<Vec<&str>> = ways.into_values().collect();
    let links = &ways[rng.random_range(0..ways.len())];
    let link = links[rng.random_range(0..links.len())].to_owned();
    let trouble = match rng.random_range(0..4) {
        0 => Trouble::Delay(Duration::from_millis(rng.random_range(20..300))),
        1 => Trouble::Reset,
        2 => Trouble::HalfOpen,
        _ => Trouble::Truncate(rng.random_range(1..400)),
    };
    let hold = Duration::from_millis(rng.random_range(500..5000));
    Fault::Network(link, trouble, hold)
}

impl Fault {
    /// Its kind in reports, by what came of it: a failpoint that the process did not come past is a kill.
    pub fn kind(&self, note: &str) -> String {
        match self {
            Self::Failpoint(..) if note.ends_with(NOT_REACHED) => {
                format!("kill process, failpoint {NOT_REACHED}")
            }
            Self::Again(_) if note.starts_with(NOT_REWOUND) => "kill process".to_owned(),
            Self::Again(_) => "every event again".to_owned(),
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
            Self::Kill(at, _) | Self::Stop(at, _) | Self::Skew(at, ..) => {
                deployment.replicas[*at].name()
            }
            Self::Failpoint(target, ..) | Self::Again(target) => (*target).to_owned(),
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
            | Self::Again(_)
            | Self::DiskFull(_) => String::new(),
        };
        !place(self).is_empty() && place(self) == place(other)
    }

    /// The services whose commands it can hold up.
    pub fn services(&self, deployment: &Deployment) -> Vec<String> {
        let all = || SERVICES.map(str::to_owned).to_vec();
        let of = |target: &str| match target {
            "all" => all(),
            one => vec![one.to_owned()],
        };
        match self {
            Self::Kill(at, _) | Self::Stop(at, _) | Self::Skew(at, ..) => {
                of(deployment.replicas[*at].target)
            }
            Self::Failpoint(target, ..) | Self::Again(target) => of(target),
            // Whoever asks a neighbour inside a command is held up by the way there.
            Self::Network(link, ..) => match link.split_once('/') {
                Some(("postgres" | "kafka", service)) => of(service),
                Some(("client", replica)) => of(target_of(replica)),
                _ => ["life-events", "elderly-care"].map(str::to_owned).to_vec(),
            },
            Self::KillPostgres(_) | Self::PausePostgres(_) | Self::DiskFull(_) => all(),
            // Commands do not need the bus.
            Self::KillKafka(_) | Self::PauseKafka(_) => all(),
        }
    }

    /// The replica it hits, where it is one process.
    pub fn replica(&self, deployment: &Deployment) -> Option<usize> {
        match self {
            Self::Kill(at, _) | Self::Stop(at, _) | Self::Skew(at, ..) => {
                Some(deployment.replicas[*at].number)
            }
            Self::Network(link, ..) => {
                let replicas = &deployment.replicas;
                let name = link.strip_prefix("client/")?;
                let hit = replicas.iter().find(|replica| replica.name() == name);
                hit.map(|replica| replica.number)
            }
            Self::Failpoint(..)
            | Self::Again(_)
            | Self::KillPostgres(_)
            | Self::PausePostgres(_)
            | Self::KillKafka(_)
            | Self::PauseKafka(_)
            | Self::DiskFull(_) => None,
        }
    }
}

/// The target of a replica, by its name.
fn target_of(replica: &str) -> &str {
    replica
        .rsplit_once('-')
        .map_or(replica, |(target, _)| target)
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
        | Fault::Again(_)
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
        Fault::Failpoint(target, place, times) => {
            let replicas = deployment.replicas.iter_mut();
            let armed = replicas.filter(|replica| replica.target == *target);
            return Ok(die_at(armed.collect(), place, *times).await);
        }
        Fault::Again(target) => return Ok(again(deployment, target).await),
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
