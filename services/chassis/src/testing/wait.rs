//! Waiting on conditions: tests never sleep for a time they guessed.

use std::time::{Duration, Instant};

/// How long a condition may take to come true.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// How often a condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Waits until `condition` gives something, and gives it.
///
/// # Panics
/// It did not come true within [`PATIENCE`]; the message names what was awaited.
pub async fn eventually<T, F>(what: &str, condition: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    eventually_within(PATIENCE, what, condition).await
}

/// The same with another patience, for what takes its time by design.
///
/// # Panics
/// It did not come true within that time.
pub async fn eventually_within<T, F>(
    patience: Duration,
    what: &str,
    mut condition: impl FnMut() -> F,
) -> T
where
    F: Future<Output = Option<T>>,
{
    let started = Instant::now();
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(
            started.elapsed() < patience,
            "not within {patience:?}: {what}"
        );
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
