//! Deadlines: each kind says what is due and what to do about it. A deadline is the column `due_at`
//! of the row that waits; firing takes effect by that row's version, so firing twice is harmless.

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::context::Context;
use crate::outbox::LeaseHolder;
use crate::seam::Failure;

/// Rows taken of one kind at a time.
const AT_A_TIME: u64 = 200;

/// One kind of deadline.
#[async_trait]
pub trait Timer: Send + Sync + 'static {
    /// Its name, for logs.
    fn name(&self) -> &'static str;

    /// Ids of at most `limit` rows that are due now, oldest first.
    async fn due(&self, cx: &Context, limit: u64) -> Result<Vec<Uuid>, Failure>;

    /// Runs the command of one that is due.
    async fn fire(&self, cx: &Context, id: Uuid) -> Result<(), Failure>;
}

/// Fires the timers of one service, where the lease is held.
pub struct TimerLoop {
    cx: Context,
    lease: LeaseHolder,
}

impl TimerLoop {
    /// For a service.
    pub fn new(cx: Context, lease: LeaseHolder) -> Self {
        Self { cx, lease }
    }

    /// Runs until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if self.lease.is_held() {
                self.turn().await;
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(self.cx.settings().timer.tick) => {}
            }
        }
    }

    async fn turn(&self) {
        for timer in &self.cx.module().timers {
            if let Err(failure) = self.fire_due(timer.as_ref()).await {
                tracing::warn!(service = self.cx.name(), timer = timer.name(), %failure, "timer");
            }
        }
    }

    async fn fire_due(&self, timer: &dyn Timer) -> Result<(), Failure> {
        for id in timer.due(&self.cx, AT_A_TIME).await? {
            match timer.fire(&self.cx, id).await {
                Ok(()) => {}
                Err(failure @ Failure::Away(_)) => return Err(failure),
                Err(failure) => {
                    tracing::warn!(service = self.cx.name(), timer = timer.name(), %id, %failure, "a deadline");
                }
            }
        }
        Ok(())
    }
}
