//! CPU time by party, as the operating system counts it, and PostgreSQL's WAL and commits.

use std::collections::BTreeSet;
use std::fs;
use std::ops::AddAssign;
use std::time::{Duration, Instant};

use anyhow::Context;
use minzheng_chassis::db::{Database, Sql};

/// Clock ticks a second in /proc, on every Linux.
const TICKS: f64 = 100.0;

/// The state of a listening socket in /proc/net/tcp.
const LISTENING: &str = "0A";

/// Position of the WAL, and the next transaction id. Not `xact_commit`: that counts what only read, and up to a
/// second late.
const WRITTEN: &str = "SELECT CAST(pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') AS bigint) AS wal_bytes, \
                       CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text) AS bigint) AS commits";

/// What some work cost, in seconds of CPU, bytes of WAL, and commits.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    pub(crate) services: f64,
    pub(crate) postgres: f64,
    pub(crate) kafka: f64,
    /// This process and the programs it waited for.
    pub(crate) client: f64,
    pub(crate) wal_bytes: f64,
    /// Transactions of the whole server that wrote something: each took a transaction id.
    pub(crate) commits: f64,
}

impl Cost {
    /// CPU seconds of everybody.
    pub(crate) fn cpu(&self) -> f64 {
        self.services + self.postgres + self.kafka + self.client
    }

    /// What came on top of `before`.
    pub(crate) fn since(&self, before: &Self) -> Self {
        Self {
            services: self.services - before.services,
            postgres: self.postgres - before.postgres,
            kafka: self.kafka - before.kafka,
            client: self.client - before.client,
            wal_bytes: self.wal_bytes - before.wal_bytes,
            commits: self.commits - before.commits,
        }
    }
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        self.services += other.services;
        self.postgres += other.postgres;
        self.kafka += other.kafka;
        self.client += other.client;
        self.wal_bytes += other.wal_bytes;
        self.commits += other.commits;
    }
}

/// The servers whose cost is counted along.
pub(crate) struct Servers {
    server: Database,
    postgres: Option<u32>,
    kafka: Option<u32>,
}

impl Servers {
    /// Finds the processes that listen at these addresses; one on another machine costs nothing here.
    pub(crate) fn find(server: Database, postgres_url: &str, kafka: &str) -> anyhow::Result<Self> {
        let authority = postgres_url
            .rsplit_once('@')
            .map_or(postgres_url, |(_, at)| at);
        let authority = authority.split('/').next().unwrap_or(authority);
        let first = kafka.split(',').next().unwrap_or(kafka);
        Ok(Self {
            server,
            postgres: listener(port(authority)?)?,
            kafka: listener(port(first)?)?,
        })
    }

    /// Begins to count, with the services of these processes.
    pub(crate) async fn start(&self, services: &[u32]) -> anyhow::Result<Meter<'_>> {
        Ok(Meter {
            servers: self,
            services: services.to_vec(),
            before: self.sample(services).await?,
            started: Instant::now(),
        })
    }

    async fn sample(&self, services: &[u32]) -> anyhow::Result<Cost> {
        let row = self.server.writer().one(WRITTEN, []).await?;
        let row = row.context("what the server has written")?;
        let wal_bytes: i64 = row.get("wal_bytes")?;
        let commits: i64 = row.get("commits")?;
        let mut sample = Cost {
            client: with_waited_for(std::process::id())?,
            wal_bytes: wal_bytes as f64,
            commits: commits as f64,
            ..Cost::default()
        };
        for pid in services {
            sample.services += own(*pid)?;
        }
        if let Some(pid) = self.postgres {
            sample.postgres = with_children(pid)?;
        }
        if let Some(pid) = self.kafka {
            sample.kafka = own(pid)?;
        }
        Ok(sample)
    }
}

/// Counts from its start on.
pub(crate) struct Meter<'a> {
    servers: &'a Servers,
    services: Vec<u32>,
    before: Cost,
    started: Instant,
}

impl Meter<'_> {
    /// Time and cost since the start.
    pub(crate) async fn stop(self) -> anyhow::Result<(Duration, Cost)> {
        let took = self.started.elapsed();
        let after = self.servers.sample(&self.services).await?;
        Ok((took, after.since(&self.before)))
    }
}

fn port(authority: &str) -> anyhow::Result<u16> {
    let (_, port) = authority
        .rsplit_once(':')
        .context("an address with a port")?;
    Ok(port.parse()?)
}

fn fields(pid: u32) -> anyhow::Result<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let behind_name = stat.rsplit_once(')').context("a process name")?.1;
    Ok(behind_name.split_whitespace().map(str::to_owned).collect())
}

fn seconds(fields: &[String], places: std::ops::Range<usize>) -> anyhow::Result<f64> {
    let ticks = fields.get(places).context("fields of a process")?;
    let ticks: Result<Vec<f64>, _> = ticks.iter().map(|field| field.parse()).collect();
    Ok(ticks?.iter().sum::<f64>() / TICKS)
}

/// CPU time of a process: `utime` and `stime`.
pub(crate) fn own(pid: u32) -> anyhow::Result<f64> {
    seconds(&fields(pid)?, 11..13)
}

/// The same with the children that have ended.
fn with_waited_for(pid: u32) -> anyhow::Result<f64> {
    Ok(own(pid)? + waited_for(pid)?)
}

/// The same with those that have not ended. One that ends while they are counted may be in neither part: then
/// they are counted again.
fn with_children(pid: u32) -> anyhow::Result<f64> {
    let mut ended = waited_for(pid)?;
    loop {
        let children = children(pid)?.into_iter();
        let children: f64 = children.map(|child| own(child).unwrap_or_default()).sum();
        let ended_since = waited_for(pid)?;
        if ended_since <= ended {
            return Ok(own(pid)? + ended + children);
        }
        ended = ended_since;
    }
}

/// CPU time of children that have ended: `cutime` and `cstime`.
fn waited_for(pid: u32) -> anyhow::Result<f64> {
    seconds(&fields(pid)?, 13..15)
}

fn pids() -> anyhow::Result<impl Iterator<Item = u32>> {
    let entries = fs::read_dir("/proc")?;
    Ok(entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()))
}

fn children(parent: u32) -> anyhow::Result<Vec<u32>> {
    let parent = parent.to_string();
    let is_child = |pid: &u32| fields(*pid).is_ok_and(|fields| fields.get(1) == Some(&parent));
    Ok(pids()?.filter(is_child).collect())
}

/// The process that listens on a port of this machine.
fn listener(port: u16) -> anyhow::Result<Option<u32>> {
    let mut sockets = BTreeSet::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        let text = fs::read_to_string(table).unwrap_or_default();
        for line in text.lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            if let [_, local, _, state, ..] = fields.as_slice()
                && *state == LISTENING
                && local.ends_with(&format!(":{port:04X}"))
                && let Some(inode) = fields.get(9)
            {
                sockets.insert(format!("socket:[{inode}]"));
            }
        }
    }
    let holds = |pid: &u32| {
        let Ok(open) = fs::read_dir(format!("/proc/{pid}/fd")) else {
            return false;
        };
        let mut links = open.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
        links.any(|link| link.to_str().is_some_and(|link| sockets.contains(link)))
    };
    // The postmaster's children hold its socket too; it is the oldest.
    Ok(pids()?.filter(holds).min_by_key(|pid| start_of(*pid)))
}

fn start_of(pid: u32) -> u64 {
    let started = fields(pid)
        .ok()
        .and_then(|fields| fields.get(19)?.parse().ok());
    started.unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    /// What a child took is counted while it runs and once it has ended, also when it ends while it is counted.
    #[test]
    fn nothing_that_a_child_took_is_lost() {
        let work = "i=0; while [ $i -lt 100000 ]; do i=$((i + 1)); done";
        let mut parent = Command::new("sh")
            .args(["-c", &format!("({work}); ({work}); exec cat")])
            .stdin(Stdio::piped())
            .spawn()
            .expect("started");
        let pid = parent.id();
        let works = || {
            let name = fs::read_to_string(format!("/proc/{pid}/comm"));
            name.expect("read").trim_end() != "cat"
        };
        // Sums of hundredths, in another order each time.
        let is_less = |now: f64, most: f64| now < most - 0.5 / TICKS;
        let mut most = 0.0;
        while works() {
            let now = with_children(pid).expect("read");
            assert!(!is_less(now, most), "{now} after {most}");
            most = now;
        }
        let now = with_children(pid).expect("read");
        assert!(!is_less(now, most) && now > 0.0, "{now} after {most}");
        drop(parent.stdin.take());
        assert!(parent.wait().expect("ended").success());
    }
}
