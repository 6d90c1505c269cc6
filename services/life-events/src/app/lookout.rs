//! One look for all who watch: the versions of the watched cases, after every commit of this process and now and
//! then. A look of each watcher's own would be as many statements for every commit as there are watchers.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use minzheng_chassis::context::Context;
use minzheng_chassis::seam::{Away, Failure};
use tokio::sync::watch;
use uuid::Uuid;

use crate::storage::cases::Cases;

/// Another replica's change shows after this long at the latest.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A busy process commits all the time: between two looks there is at least this much, or, where something was new,
/// as long as the look took.
const REST: Duration = Duration::from_millis(5);

/// How many cases one statement asks about.
const AT_ONCE: usize = 1024;

/// How long a look may take: an answer that never comes would keep everybody waiting.
const LOOK_WITHIN: Duration = Duration::from_secs(5);

/// Which cases are watched, and the versions at which they were seen last. One for each process of the service.
#[derive(Clone)]
pub struct Lookout {
    cx: Context,
    watched: Arc<Mutex<Watched>>,
}

#[derive(Default)]
struct Watched {
    cases: HashMap<Uuid, watch::Sender<Option<Sight>>>,
    is_looking: bool,
}

/// A version, or why none can be seen.
type Sight = Result<i64, Away>;

/// The versions of one case, as they are seen.
pub struct Versions {
    case_id: Uuid,
    seen: watch::Receiver<Option<Sight>>,
}

impl Versions {
    /// Of which case.
    pub(super) fn case_id(&self) -> Uuid {
        self.case_id
    }

    /// Waits until the case is seen at another version than before. Nothing if it is not looked for any more: it is
    /// not there, or a look has failed.
    ///
    /// # Errors
    /// The database is away.
    pub async fn next(&mut self) -> Option<Result<i64, Away>> {
        self.seen.changed().await.ok()?;
        self.seen.borrow_and_update().clone()
    }
}

impl Lookout {
    /// Nobody watches yet.
    pub fn new(cx: Context) -> Self {
        Self {
            cx,
            watched: Arc::default(),
        }
    }

    /// The versions of a case (of any division: they tell nothing else of it) from now on.
    pub fn versions(&self, case_id: Uuid) -> Versions {
        let mut watched = self.watched();
        let case = watched.cases.entry(case_id);
        let case = case.or_insert_with(|| watch::Sender::new(None));
        let seen = case.subscribe();
        if !std::mem::replace(&mut watched.is_looking, true) {
            let changes = self.cx.changes();
            tokio::spawn(self.clone().look_while_watched(changes));
        }
        Versions { case_id, seen }
    }

    /// Whether somebody watches, or did a moment ago.
    pub fn is_looking(&self) -> bool {
        self.watched().is_looking
    }

    fn watched(&self) -> MutexGuard<'_, Watched> {
        // Nothing that is done under this lock panics half-way.
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn look_while_watched(self, mut changes: watch::Receiver<u64>) {
        let _end = Looking(&self);
        loop {
            tokio::select! {
                () = self.cx.stopping().cancelled() => return,
                _ = changes.changed() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            let Some(case_ids) = self.still_watched() else {
                return;
            };
            let began = Instant::now();
            let is_new = self.look(&case_ids).await;
            let rest = if is_new { began.elapsed() } else { REST };
            tokio::time::sleep(rest.min(REST)).await;
        }
    }

    /// Forgets cases that nobody watches any more; nothing if none is left, and then nobody looks.
    fn still_watched(&self) -> Option<Vec<Uuid>> {
        let mut watched = self.watched();
        watched.cases.retain(|_, case| case.receiver_count() > 0);
        watched.is_looking = !watched.cases.is_empty();
        let case_ids = watched.cases.keys().copied().collect();
        watched.is_looking.then_some(case_ids)
    }

    /// Whether there was something new.
    async fn look(&self, case_ids: &[Uuid]) -> bool {
        let mut is_new = false;
        for case_ids in case_ids.chunks(AT_ONCE) {
            match self.versions_now(case_ids).await {
                Ok(versions) => is_new |= self.tell(case_ids, &versions),
                Err(failure) => {
                    self.give_up(failure);
                    return false;
                }
            }
        }
        is_new
    }

    async fn versions_now(&self, case_ids: &[Uuid]) -> Result<BTreeMap<Uuid, i64>, Failure> {
        let cases = Cases::reading(&self.cx);
        let look = tokio::time::timeout(LOOK_WITHIN, cases.versions_anywhere(case_ids));
        let found = look.await;
        found.unwrap_or_else(|_| Err(Failure::away("database", "no answer to a look came")))
    }

    /// Whether something was new to somebody.
    fn tell(&self, case_ids: &[Uuid], versions: &BTreeMap<Uuid, i64>) -> bool {
        let mut watched = self.watched();
        let mut is_new = false;
        for case_id in case_ids {
            let Some(version) = versions.get(case_id) else {
                watched.cases.remove(case_id);
                continue;
            };
            if let Some(case) = watched.cases.get(case_id) {
                let sight = Ok(*version);
                is_new |= case.send_if_modified(|seen| seen.replace(sight.clone()) != Some(sight));
            }
        }
        is_new
    }

    /// All hear of a database that is away, and do not wait for it once more. After anything else each looks for
    /// himself, and hears why.
    fn give_up(&self, failure: Failure) {
        let cases = std::mem::take(&mut self.watched().cases);
        match failure {
            Failure::Away(away) => {
                for case in cases.into_values() {
                    case.send_replace(Some(Err(away.clone())));
                }
            }
            failure => tracing::error!(%failure, "the versions of the watched cases"),
        }
    }
}

/// Says that nobody looks any more, should a look panic: else all would wait for ever.
struct Looking<'a>(&'a Lookout);

impl Drop for Looking<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            *self.0.watched() = Watched::default();
        }
    }
}
