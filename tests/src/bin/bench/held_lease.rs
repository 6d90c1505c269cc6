//! Holds a service's lease in place of another replica: then its processes relay nothing and fire no
//! timers, and a benchmark sees its commands or its inbox alone.

use std::time::Duration;

use minzheng_chassis::db::{Database, Sql};
use tokio::task::JoinHandle;

/// How often it shows that it lives; a rival waits for three seconds.
const BEAT: Duration = Duration::from_millis(250);

const HOLD: &str = "INSERT INTO lease (name, holder, counter) VALUES ('relay', 'bench', 1) \
                    ON CONFLICT (name) DO UPDATE SET holder = 'bench', counter = lease.counter + 1";

/// The lease, until this is dropped.
pub(crate) struct HeldLease(JoinHandle<()>);

impl HeldLease {
    /// Takes it, whoever has it.
    pub(crate) async fn take(db: &Database) -> anyhow::Result<Self> {
        db.writer().run(HOLD, []).await?;
        let db = db.clone();
        Ok(Self(tokio::spawn(async move {
            loop {
                tokio::time::sleep(BEAT).await;
                if let Err(error) = db.writer().run(HOLD, []).await {
                    println!("the lease is not held: {error}");
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
