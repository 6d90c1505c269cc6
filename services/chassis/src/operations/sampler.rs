//! Counts now and then what operators watch: the outbox, parked and stopped events, open items.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::inbox::held as inbox;
use crate::outbox;
use crate::seam::Failure;
use crate::work;

/// How often.
const EVERY: Duration = Duration::from_secs(10);

/// Samples one service, and cleans it where the lease is held.
pub(crate) struct Sampler {
    cx: Context,
    lease: outbox::LeaseHolder,
}

impl Sampler {
    /// For a service.
    pub(crate) fn new(cx: Context, lease: outbox::LeaseHolder) -> Self {
        Self { cx, lease }
    }

    /// Runs until `stop`.
    pub(crate) async fn run(self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
            if let Err(failure) = self.turn().await {
                tracing::debug!(service = self.cx.name(), %failure, "sampling");
            }
        }
    }

    async fn turn(&self) -> Result<(), Failure> {
        if !self.lease.is_held() {
            return Ok(());
        }
        let (cx, metrics, name) = (&self.cx, self.cx.metrics(), self.cx.name());
        let status = outbox::status(cx.db().reader()).await?;
        metrics.outbox_rows(name).set(status.rows);
        let age = status
            .oldest
            .map_or(0.0, |oldest| cx.now().duration_since(oldest).as_secs_f64());
        metrics.outbox_oldest_age_seconds(name).set(age);
        let held = inbox::count_held(cx.db().reader()).await?;
        for subscription in cx.module().subscription_names() {
            let count = |state: &str| {
                let found = held
                    .iter()
                    .find(|(held, in_state, _)| held == subscription && in_state == state);
                found.map_or(0, |(.., n)| *n)
            };
            metrics
                .parked_events(name, subscription)
                .set(count(inbox::PARKED));
            metrics
                .stopped_events(name, subscription)
                .set(count(inbox::STOPPED));
        }
        for kind in &cx.module().work {
            metrics.work_items_open(name, kind.name()).set(0);
        }
        for (kind, open) in work::table::count_open(cx.db().reader()).await? {
            metrics.work_items_open(name, kind).set(open);
        }
        while outbox::clean(cx).await? {}
        Ok(())
    }
}
