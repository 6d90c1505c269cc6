//! Whether a database takes writes now. A full disk answers reads as before, so readiness writes a little:
//! at most every few seconds, and only while somebody asks.

use std::sync::{Arc, Mutex as Guarded, PoisonError};
use std::time::{Duration, Instant};

use sea_orm::DbErr;
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::context::Context;
use crate::db::{Sql, val};

/// How long a write that got through stands for the next ones.
const STANDS_FOR: Duration = Duration::from_secs(5);

/// How long one that did not; soon, since a disk is given room in a moment.
const FAILED_STANDS_FOR: Duration = Duration::from_secs(1);

/// How long whoever asks waits for the write: beside many commands its turn may come later, and what it
/// finds is then told the next time.
const PATIENCE: Duration = Duration::from_millis(800);

/// More than a page of either database, so that room is needed for it.
const BYTES: usize = 8 * 1024 + 512;

/// When a write was tried, and what became of it.
type Written = (Instant, Result<(), String>);

/// Tries whether one service's database takes writes.
#[derive(Clone)]
pub(super) struct WriteProbe {
    cx: Context,
    turn: Arc<Mutex<()>>,
    last: Arc<Guarded<Option<Written>>>,
}

impl WriteProbe {
    pub(super) fn new(cx: Context) -> Self {
        Self {
            cx,
            turn: Arc::default(),
            last: Arc::default(),
        }
    }

    /// The service.
    pub(super) fn service(&self) -> &'static str {
        self.cx.name()
    }

    /// Whether the last write got through; tried anew where the last one is too long ago.
    ///
    /// # Errors
    /// Why it did not.
    pub(super) async fn check(&self) -> Result<(), String> {
        if !self.is_recent()
            && let Ok(turn) = self.turn.clone().try_lock_owned()
        {
            let probe = self.clone();
            // In a task of its own: whoever asks may go away, and must not leave a transaction open.
            let look = tokio::spawn(async move {
                let written = write(&probe.cx).await;
                probe.note(written.map_err(|error| error.to_string()));
                drop(turn);
            });
            if let Ok(Err(error)) = tokio::time::timeout(PATIENCE, look).await {
                return Err(error.to_string());
            }
        }
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().map_or(Ok(()), |(_, last)| last.clone())
    }

    fn is_recent(&self) -> bool {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().is_some_and(|(at, last)| {
            at.elapsed()
                < match last {
                    Ok(()) => STANDS_FOR,
                    Err(_) => FAILED_STANDS_FOR,
                }
        })
    }

    fn note(&self, written: Result<(), String>) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Some((Instant::now(), written));
    }
}

/// Puts a row in the place of the one before. It must be committed: what is rolled back needs no disk.
async fn write(cx: &Context) -> Result<(), DbErr> {
    let id = Uuid::new_v4();
    // Random, so that no database makes it small.
    let content: Vec<u8> = std::iter::repeat_with(|| *Uuid::new_v4().as_bytes())
        .flatten()
        .take(BYTES)
        .collect();
    let transaction = cx.db().begin().await?;
    let insert = "INSERT INTO write_probe (id, content) VALUES ($1, $2)";
    transaction.run(insert, [val(id), val(content)]).await?;
    let delete = "DELETE FROM write_probe WHERE id <> $1";
    transaction.run(delete, [val(id)]).await?;
    transaction.commit().await
}
