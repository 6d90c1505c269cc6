//! Databases as they are when they have been used for a while.

use minzheng_chassis::db::{Database, Sql};
use minzheng_tests::platform::SERVICES;
use minzheng_tests::processes::Cluster;

/// Analyses the tables, as PostgreSQL does by itself every now and then, and starts the processes again. A
/// statement that was first run while its tables were empty reads them from end to end, or is planned anew at every
/// call, for as long as its connection lives: only databases that were made a moment ago have that.
pub(crate) async fn restart(cluster: &mut Cluster) -> anyhow::Result<()> {
    for service in SERVICES {
        let url = cluster.database.url(service);
        let database = Database::open_postgres(&url, "bench", 1)?;
        database.writer().run("VACUUM ANALYZE", []).await?;
        database.close().await;
        let process = cluster.process(service, 0);
        process.restart();
        process.is_serving().await;
    }
    Ok(())
}
