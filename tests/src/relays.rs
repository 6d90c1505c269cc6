//! Which of a service's two processes holds its lease, as the database says.

use minzheng_chassis::db::{Database, Sql};
use minzheng_chassis::testing::eventually;
use nix::sys::signal::Signal;

use crate::processes::Cluster;

/// The names under which two processes hold the lease in turn.
pub struct Relays {
    db: Database,
    second: String,
}

impl Relays {
    /// Learns the names: while the first process is stopped, only the second can show that it lives.
    pub async fn of(cluster: &mut Cluster, service: &'static str) -> Self {
        let db = cluster.database.open(service).await.expect("a database");
        cluster.process(service, 0).signal(Signal::SIGSTOP);
        let (_, before) = lease(&db).await.unwrap_or_default();
        let second = eventually("the second process holds the lease", || async {
            let (holder, counter) = lease(&db).await?;
            // One beat of the first may still have been on its way.
            (!holder.is_empty() && counter > before + 2).then_some(holder)
        })
        .await;
        cluster.process(service, 0).signal(Signal::SIGCONT);
        Self { db, second }
    }

    /// Which process holds it, 0 or 1.
    pub async fn holder(&self) -> usize {
        let holder = eventually("somebody holds the lease", || async {
            let (holder, _) = lease(&self.db).await?;
            (!holder.is_empty()).then_some(holder)
        })
        .await;
        usize::from(holder == self.second)
    }
}

/// Its holder and how often it was raised.
async fn lease(db: &Database) -> Option<(String, i64)> {
    let text = "SELECT holder, counter FROM lease WHERE name = 'relay'";
    let row = db.reader().one(text, []).await.expect("read")?;
    Some((
        row.get("holder").expect("a name"),
        row.get("counter").expect("a number"),
    ))
}
