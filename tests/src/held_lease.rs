//! Holds a service's lease in place of another replica: then its processes relay nothing and fire no
//! timers, and its commands or its inbox are seen alone.

use std::time::Duration;

use minzheng_chassis::db::{Database, Sql};
use sea_orm::DbErr;
use tokio::task::JoinHandle;

/// How often it shows that it lives; a rival waits for three seconds.
const BEAT: Duration = Duration::from_millis(250);

const HOLD: &str = "INSERT INTO lease (name, holder, counter) VALUES ('relay', 'bench', 1) \
                    ON CONFLICT (name) DO UPDATE SET holder = 'bench', counter = lease.counter + 1";

/// The lease, until this is dropped.
pub struct HeldLease(JoinHandle<()>);

impl HeldLease {
    /// Takes it, whoever has it.
    ///
    /// # Errors
    /// The database's.
    pub async fn take(db: &Database) -> Result<Self, DbErr> {
        db.writer().run(HOLD, []).await?;
        let db = db.clone();
        Ok(Self(tokio::spawn(async move {
            loop {
                tokio::time::sleep(BEAT).await;
                if let Err(error) = db.writer().run(HOLD, []).await {
                    tracing::warn!(%error, "the lease is not held");
                }
            }
        })))
    }
}

impl Drop for HeldLease {
    fn drop(&mut self) {
        self.0.abort();
    }
}
