//! What time it is, as something that can be passed in.
//!
//! Three forms: the system's, a fake one for tests inside a process, and (feature `test-clock`) the system's with an
//! offset read from a file, so that deadlines can be tested across processes without waiting for them. How long
//! something *took* is measured with [`std::time::Instant`], never with these.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use crate::civil;
use crate::config::Settings;

/// Tells the time.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The present instant.
    fn now(&self) -> Timestamp;

    /// The present day in Asia/Shanghai.
    fn today(&self) -> Date {
        civil::today(self.now())
    }
}

/// A clock as it is handed around.
pub type SharedClock = Arc<dyn Clock>;

/// The clock the settings ask for: the system's, unless `clock.offset_file` names an offset.
pub fn from_settings(settings: &Settings) -> SharedClock {
    #[cfg(feature = "test-clock")]
    if let Some(path) = &settings.clock.offset_file {
        tracing::warn!(path = %path.display(), "the clock is moved by a file: not for production");
        return Arc::new(OffsetFileClock::new(path));
    }
    // Without the feature the settings refuse clock.offset_file, so there is nothing to overlook here.
    #[cfg(not(feature = "test-clock"))]
    let _ = settings;
    Arc::new(SystemClock)
}

/// The operating system's time.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A clock that stands still until it is moved; clones share the time.
#[derive(Clone, Debug)]
pub struct FakeClock(Arc<Mutex<Timestamp>>);

impl FakeClock {
    /// A clock that shows `now`.
    pub fn at(now: Timestamp) -> Self {
        FakeClock(Arc::new(Mutex::new(now)))
    }

    /// Moves it to `now`, forwards or back.
    pub fn set(&self, now: Timestamp) {
        self.change(|_| now);
    }

    /// Moves it by `by` (a [`std::time::Duration`] or a [`SignedDuration`]); at the end of time it stops.
    pub fn advance(&self, by: impl TryInto<SignedDuration>) {
        let by = by.try_into().unwrap_or(SignedDuration::MAX);
        self.change(|now| now.saturating_add(by).unwrap_or(Timestamp::MAX));
    }

    fn change(&self, to: impl FnOnce(Timestamp) -> Timestamp) {
        // A panic cannot leave half a timestamp behind.
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now = to(*now);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The system's time plus a whole number of seconds, which is read from a file at every look. A file that is not there
/// means no offset; one that is half written means the offset before.
#[cfg(feature = "test-clock")]
#[derive(Debug)]
pub struct OffsetFileClock {
    path: std::path::PathBuf,
    seconds: std::sync::atomic::AtomicI64,
}

#[cfg(feature = "test-clock")]
impl OffsetFileClock {
    /// A clock that follows the file.
    pub fn new(path: impl Into<std::path::PathBuf>) -> Self {
        OffsetFileClock {
            path: path.into(),
            seconds: std::sync::atomic::AtomicI64::new(0),
        }
    }

    fn offset(&self) -> SignedDuration {
        use std::sync::atomic::Ordering::Relaxed;
        match std::fs::read_to_string(&self.path) {
            Ok(text) => {
                if let Ok(seconds) = text.trim().parse() {
                    self.seconds.store(seconds, Relaxed);
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                self.seconds.store(0, Relaxed);
            }
            Err(error) => tracing::warn!(%error, "cannot read the clock's offset"),
        }
        SignedDuration::from_secs(self.seconds.load(Relaxed))
    }
}

#[cfg(feature = "test-clock")]
impl Clock for OffsetFileClock {
    fn now(&self) -> Timestamp {
        let system = Timestamp::now();
        system.saturating_add(self.offset()).unwrap_or(system)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn instant(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn clones_of_a_fake_clock_share_the_time() {
        let clock = FakeClock::at(instant("2026-03-01T00:00:00Z"));
        let shared: SharedClock = Arc::new(clock.clone());
        clock.advance(Duration::from_secs(90));
        assert_eq!(shared.now(), instant("2026-03-01T00:01:30Z"));
        clock.advance(SignedDuration::from_hours(-1));
        assert_eq!(shared.now(), instant("2026-02-28T23:01:30Z"));
        clock.set(instant("2030-01-01T00:00:00Z"));
        assert_eq!(shared.now(), instant("2030-01-01T00:00:00Z"));
        clock.advance(Duration::MAX);
        assert_eq!(shared.now(), Timestamp::MAX);
    }

    #[test]
    fn the_day_changes_at_midnight_in_shanghai() {
        let clock = FakeClock::at(instant("2026-02-28T15:59:59Z"));
        assert_eq!(clock.today(), jiff::civil::date(2026, 2, 28));
        clock.advance(Duration::from_secs(1));
        assert_eq!(clock.today(), jiff::civil::date(2026, 3, 1));
    }

    #[test]
    fn the_system_clock_is_the_default() {
        let settings = Settings::load(crate::config::Layers::new()).unwrap();
        let before = Timestamp::now();
        let now = from_settings(&settings).now();
        assert!(before <= now && now <= Timestamp::now());
    }

    #[cfg(feature = "test-clock")]
    #[test]
    fn an_offset_file_moves_the_clock_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("offset");
        let settings = Settings::with([format!("clock.offset_file={}", path.display())]).unwrap();
        let clock = from_settings(&settings);
        let ahead = || {
            let difference = clock.now().as_second() - Timestamp::now().as_second();
            // Up to a second may pass between the two looks.
            (difference + 1) / 100 * 100
        };
        assert_eq!(ahead(), 0);
        std::fs::write(&path, "86400\n").unwrap();
        assert_eq!(ahead(), 86_400);
        std::fs::write(&path, "").unwrap();
        assert_eq!(
            ahead(),
            86_400,
            "a half-written file keeps the offset before"
        );
        std::fs::remove_file(&path).unwrap();
        assert_eq!(ahead(), 0);
    }
}
