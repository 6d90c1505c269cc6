//! What breaks things: every few seconds one fault, drawn from the seed alone, so that the same seed
//! breaks the same things in the same order.

mod again;
mod borders;
mod faults;

use std::time::Duration;

use minzheng_chassis::failpoint;
use rand::RngExt;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use tokio::time::Instant;

use borders::at_border;
pub(super) use faults::SELDOM_COMMANDED;
use faults::{Fault, draw, draw_beside};

use super::deployment::Deployment;
use super::history::millis;
use super::proxy::Trouble;
use super::workload::Workload;

/// The pause before a fault.
const PAUSE: std::ops::Range<u64> = 300..1500;

/// How often another fault goes on beside one.
const BESIDE: f64 = 0.25;

/// How often a border is tried at the beginning of a run, until a process has ended there.
const FIRST_TRIES: usize = 4;

/// Who comes there dies the first time, fewer than this: a slow run comes past some of them seldom.
const FIRST_TIMES: u64 = 2;

/// How long faults are drawn at least, however long the borders took.
const DRAWN_FOR: Duration = Duration::from_secs(30);

/// How often the nemesis waits until events go through again after it killed Kafka, and how long at most: else the
/// next fault comes before anybody can tell.
const LEFT_ALONE: usize = 3;
const LEFT_ALONE_WITHIN: Duration = Duration::from_secs(30);

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
    /// Whether another went on at the same time: then its recovery says nothing about it.
    pub beside_another: bool,
}

impl Struck {
    /// As a line of the log of faults.
    pub fn to_json(&self) -> Value {
        json!({
            "kind": self.kind, "target": self.target, "services": self.services, "replica": self.replica,
            "injected": self.injected, "healed": self.healed, "note": self.note,
            "beside_another": self.beside_another,
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
    let skew = skew(&mut rng);
    let mut all = Vec::new();
    // Each border once, whatever is drawn later.
    for place in failpoint::ALL {
        // All drawn, however many are needed: what follows is the seed's alone.
        let tries: [Fault; FIRST_TRIES] =
            std::array::from_fn(|_| at_border(&mut rng, deployment, place, FIRST_TIMES));
        for fault in &tries {
            let struck = strike(deployment, workload, fault, None).await?;
            all.extend(note(log, struck)?);
            if !unreached(&all).contains(&place) {
                break;
            }
        }
    }
    let until = until.max(Instant::now() + DRAWN_FOR);
    let mut left_alone = 0;
    loop {
        let pause = Duration::from_millis(rng.random_range(PAUSE));
        if Instant::now() + pause >= until {
            break;
        }
        tokio::time::sleep(pause).await;
        let fault = draw(&mut rng, deployment, skew);
        let second = if rng.random_bool(BESIDE) {
            draw_beside(&mut rng, deployment).filter(|second| !second.hits_what(&fault))
        } else {
            None
        };
        let struck = strike(deployment, workload, &fault, second.as_ref()).await?;
        all.extend(note(log, struck)?);
        if matches!(fault, Fault::KillKafka(_)) && second.is_none() && left_alone < LEFT_ALONE {
            left_alone += 1;
            let left = until.saturating_duration_since(Instant::now());
            workload
                .sees_a_settlement(LEFT_ALONE_WITHIN.min(left))
                .await;
        }
    }
    heal(deployment).await?;
    Ok(all)
}

fn skew(rng: &mut StdRng) -> i64 {
    if rng.random_bool(0.5) { DAY } else { -DAY }
}

fn note(log: &mut impl std::io::Write, all: Vec<Struck>) -> anyhow::Result<Vec<Struck>> {
    for struck in &all {
        writeln!(log, "{}", struck.to_json())?;
    }
    Ok(all)
}

/// The borders at which no process ended.
pub fn unreached(faults: &[Struck]) -> Vec<&'static str> {
    let is_unreached = |place: &&str| {
        let kind = format!("failpoint {place}");
        faults.iter().all(|fault| fault.kind != kind)
    };
    failpoint::ALL.into_iter().filter(is_unreached).collect()
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

/// Makes a fault, and another beside it if there is one.
async fn strike(
    deployment: &mut Deployment,
    workload: &Workload,
    fault: &Fault,
    second: Option<&Fault>,
) -> anyhow::Result<Vec<Struck>> {
    let now = || millis(workload.history.elapsed());
    let work = second.map(|second| faults::beside(deployment, second));
    let work = work.transpose()?.flatten();
    let begun = now();
    let others = async {
        match work {
            Some(work) => work.await.map(|()| now()),
            None => Ok(begun),
        }
    };
    let first = async {
        let note = faults::inject(deployment, fault).await?;
        anyhow::Ok((note, now()))
    };
    let (first, others) = tokio::join!(first, others);
    let (note, healed) = first?;
    let struck = |fault: &Fault, healed, note: String| Struck {
        kind: fault.kind(&note),
        target: fault.target(deployment),
        services: fault.services(deployment),
        replica: fault.replica(deployment),
        injected: begun,
        healed,
        note,
        beside_another: second.is_some(),
    };
    let mut all = vec![struck(fault, healed, note)];
    if let Some(second) = second {
        all.push(struck(second, others?, String::new()));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn struck(kind: String) -> Struck {
        Struck {
            kind,
            target: "residents".to_owned(),
            services: Vec::new(),
            replica: None,
            injected: 0.0,
            healed: 1.0,
            note: String::new(),
            beside_another: false,
        }
    }

    #[test]
    fn the_seeds_of_ci_make_clocks_wrong_in_both_directions() {
        let wrong = [2, 1].map(|seed| skew(&mut StdRng::seed_from_u64(seed)));
        assert_eq!(wrong.iter().sum::<i64>(), 0, "{wrong:?}");
    }

    #[test]
    fn a_border_at_which_nothing_ended_is_named() {
        let at = |place: &&str| struck(format!("failpoint {place}"));
        let mut faults: Vec<Struck> = failpoint::ALL.iter().map(at).collect();
        assert_eq!(unreached(&faults), [""; 0]);
        let last = faults.pop().expect("five of them");
        faults.push(struck("kill process, failpoint not reached".to_owned()));
        assert_eq!(unreached(&faults), [failpoint::REBALANCE]);
        assert!(last.kind.ends_with(failpoint::REBALANCE));
    }
}
