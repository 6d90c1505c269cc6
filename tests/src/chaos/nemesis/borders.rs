//! Ends at the borders of commits: processes with the feature `failpoints` that end themselves there.

use std::time::Duration;

use minzheng_chassis::failpoint;
use nix::sys::signal::Signal;
use rand::RngExt;
use rand::rngs::StdRng;

use super::faults::{Fault, SELDOM_COMMANDED};
use crate::chaos::deployment::{Deployment, Replica};

/// How long armed processes may take until one reaches its place.
const REACHED_WITHIN: Duration = Duration::from_secs(15);

/// How often that is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// What is noted of a failpoint that nothing came past in time: the process was killed instead.
pub(super) const NOT_REACHED: &str = "not reached";

/// An end at a place, after fewer than `most` times, of processes that come there.
pub(super) fn at_border(
    rng: &mut StdRng,
    deployment: &Deployment,
    place: &'static str,
    most: u64,
) -> Fault {
    let comes_there =
        |target: &&str| place != failpoint::COMMIT_BEFORE_REPLY || *target != SELDOM_COMMANDED;
    let mut targets: Vec<&'static str> = deployment
        .replicas
        .iter()
        .map(|replica| replica.target)
        .collect();
    targets.dedup();
    targets.retain(comes_there);
    let target = targets[rng.random_range(0..targets.len())];
    // Whoever takes partitions does so once.
    let times = match place {
        failpoint::REBALANCE => 1,
        _ => rng.random_range(1..most),
    };
    Fault::Failpoint(target, place, times)
}

/// Restarts processes that end themselves there, and restarts them once more when one has, or after a while. All of a
/// target, since one alone would find its partitions and its lease with another; but in a rebalance one, while the
/// others of its group read on.
pub(super) async fn die_at(mut replicas: Vec<&mut Replica>, place: &str, times: u64) -> String {
    if place == failpoint::REBALANCE {
        replicas.truncate(1);
    }
    for replica in &mut replicas {
        let armed = (failpoint::VARIABLE.to_owned(), format!("{place}:{times}"));
        replica.process.environment = vec![armed];
        replica.process.restart();
    }
    let began = tokio::time::Instant::now();
    let mut reached = false;
    while !reached && began.elapsed() < REACHED_WITHIN {
        tokio::time::sleep(LOOK_EVERY).await;
        reached = replicas
            .iter_mut()
            .any(|replica| replica.process.has_ended_by(Signal::SIGABRT));
    }
    for replica in &mut replicas {
        replica.process.environment.clear();
        replica.process.restart();
    }
    format!(
        "{place}:{times} {}",
        if reached { "reached" } else { NOT_REACHED }
    )
}
