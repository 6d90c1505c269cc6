//! The lease of one service database: which node relays, retries, fires timers and cleans. Each of
//! these is safe if two do it; the lease only saves the work.
//!
//! A counter: its holder raises it each beat; a rival that saw it unchanged for long enough on its
//! own monotonic clock takes it by compare-and-set. No wall clock decides. On SQLite the locked data
//! directory is the lease.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use sea_orm::DbErr;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::context::Context;
use crate::db::{Sql, dialect, val};

/// The only lease there is, for now.
const NAME: &str = "relay";

/// Tells whether this node holds the lease. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct LeaseHolder(Arc<AtomicBool>);

impl LeaseHolder {
    /// Whether it is held now, as far as this node knows.
    pub fn is_held(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    pub(super) fn set(&self, held: bool) {
        self.0.store(held, Ordering::Release);
    }
}

/// Keeps the lease, or watches for its turn.
pub struct Lease {
    cx: Context,
    holder: LeaseHolder,
    me: String,
    seen: Option<(String, i64, Instant)>,
}

impl Lease {
    /// For a service.
    pub fn new(cx: Context) -> Self {
        Self {
            cx,
            holder: LeaseHolder::default(),
            me: Uuid::new_v4().to_string(),
            seen: None,
        }
    }

    /// Tells whether it is held.
    pub fn holder(&self) -> LeaseHolder {
        self.holder.clone()
    }

    /// Runs until `stop`, then frees the lease.
    pub async fn run(mut self, stop: CancellationToken) {
        if !dialect::is_shared(self.cx.db().backend()) {
            self.hold(true);
            stop.cancelled().await;
            self.hold(false);
            return;
        }
        while !stop.is_cancelled() {
            match self.beat().await {
                Ok(held) => self.hold(held),
                Err(error) => {
                    tracing::warn!(service = self.cx.name(), %error, "lease");
                    self.hold(false);
                }
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(self.cx.settings().lease.beat) => {}
            }
        }
        self.free().await;
    }

    fn hold(&self, held: bool) {
        self.holder.set(held);
        self.cx
            .metrics()
            .lease_held(self.cx.name())
            .set(i64::from(held));
    }

    /// One beat; whether the lease is held after it.
    async fn beat(&mut self) -> Result<bool, DbErr> {
        let db = self.cx.db().relay();
        let row = db
            .one(
                "SELECT holder, counter FROM lease WHERE name = $1",
                [val(NAME)],
            )
            .await?;
        let Some(row) = row else {
            let insert = "INSERT INTO lease (name, holder, counter) VALUES ($1, $2, 1) ON CONFLICT DO NOTHING";
            return Ok(db.run(insert, [val(NAME), val(self.me.clone())]).await? == 1);
        };
        let (holder, counter): (String, i64) = (row.get("holder")?, row.get("counter")?);
        if holder == self.me || self.is_abandoned(&holder, counter) {
            return self.raise(counter, &holder).await;
        }
        Ok(false)
    }

    /// Whether the holder has freed it, or shown no beat for long enough.
    fn is_abandoned(&mut self, holder: &str, counter: i64) -> bool {
        if holder.is_empty() {
            return true;
        }
        match &self.seen {
            Some((seen_holder, seen_counter, since))
                if seen_holder == holder && *seen_counter == counter =>
            {
                since.elapsed() >= self.cx.settings().lease.takeover
            }
            _ => {
                self.seen = Some((holder.to_owned(), counter, Instant::now()));
                false
            }
        }
    }

    async fn raise(&mut self, counter: i64, holder: &str) -> Result<bool, DbErr> {
        let text = "UPDATE lease SET holder = $1, counter = counter + 1 WHERE name = $2 AND counter = $3 AND holder = $4";
        let values = [val(self.me.clone()), val(NAME), val(counter), val(holder)];
        let raised = self.cx.db().relay().run(text, values).await? == 1;
        if raised && holder != self.me {
            tracing::info!(service = self.cx.name(), "took the lease");
        }
        self.seen = None;
        Ok(raised)
    }

    async fn free(&self) {
        self.hold(false);
        let text =
            "UPDATE lease SET holder = '', counter = counter + 1 WHERE name = $1 AND holder = $2";
        if let Err(error) = self
            .cx
            .db()
            .relay()
            .run(text, [val(NAME), val(self.me.clone())])
            .await
        {
            tracing::warn!(service = self.cx.name(), %error, "freeing the lease");
        }
    }
}
