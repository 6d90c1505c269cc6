//! Copies of a service's database, and how far each has read.

use minzheng_chassis::db::Sql;

use crate::processes::Cluster;

/// Copies a service's database while its process is down; the copy's name.
pub async fn copy(cluster: &mut Cluster, service: &'static str) -> String {
    cluster.process(service, 0).kill();
    let copy = cluster.copy_database(service).await;
    cluster.process(service, 0).restart();
    cluster.process(service, 0).is_serving().await;
    copy
}

/// How many records a service has read, as its database says.
pub async fn records_read(cluster: &Cluster, service: &str) -> i64 {
    let db = cluster.database.open(service).await.expect("a database");
    let text = "SELECT sum(next_offset)::bigint AS n FROM position";
    let row = db.reader().one(text, []).await.expect("read");
    let read = row.expect("a sum").get("n").expect("a number");
    db.close().await;
    read
}
