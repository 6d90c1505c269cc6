//! What the clients do: workers that live through the stories of invented families, each step an
//! operation of the log.

mod cases;
mod client;
mod departments;
mod people;
mod scripts;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::sync::watch;

pub(in crate::chaos) use cases::OWN_APPROVAL;
pub use client::{Client, Refused};
pub use scripts::{SCRIPTS, Script, Shape};

use super::history::History;
use crate::family::COUNTY;
use crate::platform::{Callers, Platform};

/// What all workers share.
pub struct Workload {
    /// One way in per replica.
    pub platforms: Vec<Platform>,
    /// The log.
    pub history: History,
    /// Who calls.
    pub callers: Callers,
    /// The day of the run, from which all dates of the stories are counted.
    pub today: jiff::civil::Date,
    next_family: AtomicU32,
    next_number: AtomicU32,
    ended: AtomicBool,
    /// How many cases were awaited until they were settled.
    settlements: watch::Sender<u32>,
    give_up_at: Mutex<Option<Instant>>,
    pace: Option<Pace>,
}

/// Operations begin so far apart, so that what is broken has something left of the machine to come
/// back with.
struct Pace {
    apart: Duration,
    next: Mutex<Instant>,
}

impl Workload {
    /// For a platform that is reached through these replicas.
    pub fn new(platforms: Vec<Platform>, history: History, today: jiff::civil::Date) -> Self {
        Self {
            platforms,
            history,
            callers: Callers::of(COUNTY),
            today,
            next_family: AtomicU32::new(0),
            next_number: AtomicU32::new(0),
            ended: AtomicBool::new(false),
            settlements: watch::Sender::new(0),
            give_up_at: Mutex::new(None),
            pace: None,
        }
    }

    /// The same, with at most so many operations a second.
    #[must_use]
    pub fn at_most(mut self, per_second: f64) -> Self {
        self.pace = Some(Pace {
            apart: Duration::from_secs_f64(1.0 / per_second),
            next: Mutex::new(Instant::now()),
        });
        self
    }

    /// Waits for one's turn.
    async fn turn(&self) {
        let Some(pace) = &self.pace else { return };
        let turn = {
            let mut next = pace.next.lock().expect("not poisoned");
            let turn = (*next).max(Instant::now());
            *next = turn + pace.apart;
            turn
        };
        tokio::time::sleep_until(turn.into()).await;
    }

    /// Runs `workers` until [`Workload::end`]; each ends after the story it is in. One more waits for its cases: it
    /// tells when events go through again.
    pub async fn run(&self, seed: u64, workers: usize) {
        let rng_of = |worker: usize| {
            let seed = seed
                .wrapping_mul(0x9E37_79B9_7F4A_7C15)
                .wrapping_add(worker as u64);
            StdRng::seed_from_u64(seed)
        };
        let stories = AtomicUsize::new(0);
        let one = async |worker: usize| {
            let mut rng = rng_of(worker);
            while !self.ended.load(Ordering::Relaxed) {
                // Each script once, then as they come.
                let first = SCRIPTS.get(stories.fetch_add(1, Ordering::Relaxed));
                let script = first.copied().unwrap_or_else(|| scripts::draw(&mut rng));
                scripts::live(self, worker, self.next_family(), script, &mut rng).await;
            }
        };
        let patient = async {
            let mut rng = rng_of(workers);
            while !self.ended.load(Ordering::Relaxed) {
                let family = self.next_family();
                if scripts::live(self, workers, family, Script::Awaited, &mut rng).await {
                    self.settlements.send_modify(|count| *count += 1);
                }
            }
        };
        tokio::join!(futures::future::join_all((0..workers).map(one)), patient);
    }

    /// Waits until the next awaited case is settled, or for so long.
    pub async fn sees_a_settlement(&self, within: Duration) {
        let mut settlements = self.settlements.subscribe();
        // Whether one came is in the log.
        let _: Result<_, _> = tokio::time::timeout(within, settlements.changed()).await;
    }

    /// Lives through every script a few times, one after the other: for tests.
    pub async fn every_script(&self, seed: u64, times: usize) {
        let mut rng = StdRng::seed_from_u64(seed);
        for _ in 0..times {
            for script in SCRIPTS {
                let family = self.next_family();
                scripts::live(self, 0, family, script, &mut rng).await;
            }
        }
        self.history.flush();
    }

    /// No new stories; those that go on may try for so long.
    pub fn end(&self, within: Duration) {
        self.ended.store(true, Ordering::Relaxed);
        *self.give_up_at.lock().expect("not poisoned") = Some(Instant::now() + within);
    }

    /// Whether trying again is over.
    fn is_over(&self) -> bool {
        let at = *self.give_up_at.lock().expect("not poisoned");
        at.is_some_and(|at| Instant::now() >= at)
    }

    fn next_family(&self) -> u32 {
        self.next_family.fetch_add(1, Ordering::Relaxed)
    }

    /// A number that nobody else of the run has.
    fn next_number(&self) -> u32 {
        self.next_number.fetch_add(1, Ordering::Relaxed)
    }
}
