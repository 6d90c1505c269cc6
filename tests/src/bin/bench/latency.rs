//! Latency: when calls are meant to start, and how long they took from then on.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Seed of the arrivals.
pub(crate) const SEED: u64 = 5;

/// Longest latency that is told apart, in microseconds: a saturating histogram does not grow.
const LONGEST_MICROS: u64 = 600_000_000;

/// How long each of many took.
pub(crate) struct Times(Histogram<u64>);

impl Times {
    /// Of these, in microseconds.
    ///
    /// # Errors
    /// There are none: the quantiles of nothing are 0, which would pass for quick.
    pub(crate) fn of(micros: impl IntoIterator<Item = u64>) -> anyhow::Result<Self> {
        let mut times = Histogram::new_with_max(LONGEST_MICROS, 3)?;
        for one in micros {
            times.saturating_record(one);
        }
        anyhow::ensure!(!times.is_empty(), "no latency was measured");
        Ok(Self(times))
    }

    /// Of these durations.
    pub(crate) fn of_durations(
        durations: impl IntoIterator<Item = Duration>,
    ) -> anyhow::Result<Self> {
        let micros = durations.into_iter().map(|one| one.as_micros());
        Self::of(micros.map(|one| u64::try_from(one).unwrap_or(u64::MAX)))
    }

    /// Milliseconds that a share of them did not exceed.
    pub(crate) fn ms(&self, quantile: f64) -> f64 {
        self.0.value_at_quantile(quantile) as f64 / 1000.0
    }

    /// Prints how many there are and what they took.
    pub(crate) fn print(&self, name: &str) {
        println!(
            "  {name}: {} of them: p50 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms, max {:.2} ms",
            self.0.len(),
            self.ms(0.5),
            self.ms(0.99),
            self.ms(0.999),
            self.0.max() as f64 / 1000.0
        );
    }
}

/// The runtime's timer may be this late.
const TIMER: Duration = Duration::from_millis(2);

/// Waits for a moment, to within a tenth of a millisecond: what the runtime's timer is late would count as the
/// latency of what begins then.
pub(crate) async fn wait_until(moment: Instant) {
    tokio::time::sleep_until((moment - TIMER).into()).await;
    let rest = moment.saturating_duration_since(Instant::now());
    if rest.is_zero() {
        return;
    }
    tokio::task::spawn_blocking(move || std::thread::sleep(rest))
        .await
        .expect("a thread that sleeps");
}

/// Random moments from `begin` on, `rate` a second: Poisson arrivals, the same in each run.
pub(crate) fn arrivals(begin: Instant, rate: f64, time: Duration) -> Vec<Instant> {
    let mut random = StdRng::seed_from_u64(SEED);
    let mut arrivals = Vec::new();
    let mut at = 0.0;
    while at < time.as_secs_f64() {
        arrivals.push(begin + Duration::from_secs_f64(at));
        at -= (1.0 - random.random::<f64>()).ln() / rate;
    }
    arrivals
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latency_of_nothing_is_an_error() {
        assert!(Times::of([]).is_err());
        assert_eq!(Times::of([2000, 2000]).unwrap().ms(0.99), 2.0);
    }
}
