//! What breaks things: every few seconds one fault, drawn from the seed alone, so that the same seed
//! breaks the same things in the same order.

mod faults;

use std::time::Duration;

use rand::RngExt;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use tokio::time::Instant;

pub use faults::{Fault, draw};

use super::deployment::Deployment;
use super::history::millis;
use super::proxy::Trouble;
use super::workload::Workload;

/// The pause before a fault.
const PAUSE: std::ops::Range<u64> = 300..1500;

/// How wrong a clock is made, in seconds.
const DAY: i64 = 24 * 3600;

/// One fault as it happened. Times are milliseconds of the clients' log.
#[derive(Clone, Debug)]
pub struct Struck {
    /// Its kind.
    pub kind: String,
    /// What it hit.
    pub target: String,
    /// The services whose commands it can hold up.
    pub services: Vec<String>,
    /// The replica that it hit, where it is one process.
    pub replica: Option<usize>,
    /// When it began.
    pub injected: f64,
    /// When what it hit could work again.
    pub healed: f64,
    /// What came of it, where that is not certain: whether a failpoint was reached.
    pub note: String,
}

impl Struck {
    /// As a line of the log of faults.
    pub fn to_json(&self) -> Value {
        json!({
            "kind": self.kind, "target": self.target, "services": self.services, "replica": self.replica,
            "injected": self.injected, "healed": self.healed, "note": self.note,
        })
    }
}

/// Breaks a deployment until `until`; what it did, and then everything is whole again.
///
/// # Errors
/// Something could not be broken, or not be brought back.
pub async fn haunt(
    deployment: &mut Deployment,
    workload: &Workload,
    seed: u64,
    until: Instant,
    log: &mut impl std::io::Write,
) -> anyhow::Result<Vec<Struck>> {
    let mut rng = StdRng::seed_from_u64(seed);
    // Clocks of one run are wrong in one direction: a deadline of 48 hours that one server sets a
    // day too early and another looks at a day too late is over at once.
    let skew = if rng.random_bool(0.5) { DAY } else { -DAY };
    let mut all = Vec::new();
    loop {
        let pause = Duration::from_millis(rng.random_range(PAUSE));
        if Instant::now() + pause >= until {
            break;
        }
        tokio::time::sleep(pause).await;
        let fault = draw(&mut rng, deployment, skew);
        let struck = strike(deployment, workload, &fault).await?;
        writeln!(log, "{}", struck.to_json())?;
        all.push(struck);
    }
    heal(deployment).await?;
    Ok(all)
}

/// Whatever is left broken is mended.
async fn heal(deployment: &mut Deployment) -> anyhow::Result<()> {
    for proxy in deployment.proxies.values() {
        proxy.make(Trouble::None);
    }
    for replica in &mut deployment.replicas {
        replica.skew(0);
        replica.process.environment.clear();
        if replica.process.has_ended() {
            replica.process.restart();
        }
    }
    Ok(())
}

async fn strike(
    deployment: &mut Deployment,
    workload: &Workload,
    fault: &Fault,
) -> anyhow::Result<Struck> {
    let now = || millis(workload.history.elapsed());
    let injected = now();
    let note = faults::inject(deployment, fault).await?;
    let healed = now();
    Ok(Struck {
        kind: fault.kind(),
        target: fault.target(deployment),
        services: fault.services(deployment),
        replica: fault.replica(deployment),
        injected,
        healed,
        note,
    })
}
