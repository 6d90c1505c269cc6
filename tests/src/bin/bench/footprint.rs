//! What an idle process costs, as the operating system counts it.

use std::time::{Duration, Instant};

use anyhow::Context;
use minzheng_tests::processes::Embedded;

use crate::accounting::own;

/// How long a process is left alone before and while it is looked at.
const IDLE_FOR: Duration = Duration::from_secs(10);

/// Prints resident memory and idle CPU of processes.
pub(crate) async fn of<'n>(
    processes: impl IntoIterator<Item = (&'n str, u32)>,
) -> anyhow::Result<()> {
    let processes: Vec<(&str, u32)> = processes.into_iter().collect();
    tokio::time::sleep(IDLE_FOR).await;
    let before: Vec<f64> = processes
        .iter()
        .map(|(_, pid)| own(*pid))
        .collect::<Result<_, _>>()?;
    let started = Instant::now();
    tokio::time::sleep(IDLE_FOR).await;
    for ((name, pid), before) in processes.iter().zip(before) {
        let share = (own(*pid)? - before) / started.elapsed().as_secs_f64() * 100.0;
        println!(
            "idle {name}: {:.1} MiB resident, {share:.1} % of a core",
            resident_mib(*pid)?
        );
    }
    Ok(())
}

fn resident_mib(pid: u32) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .context("VmRSS")?;
    let kib: f64 = line
        .split_whitespace()
        .nth(1)
        .context("a number")?
        .parse()?;
    Ok(kib / 1024.0)
}

/// Prints how long a second process takes from exec to serving, on a migrated directory of its own.
pub(crate) async fn ready(_running: &Embedded) {
    let mut embedded = Embedded::start().await;
    let mut times: Vec<Duration> = Vec::new();
    for _ in 0..5 {
        let started = Instant::now();
        embedded.process.restart();
        embedded.process.is_serving().await;
        times.push(started.elapsed());
    }
    println!(
        "exec to serving, migrated before: median {} ms",
        crate::baseline::median(&mut times).as_millis()
    );
}
