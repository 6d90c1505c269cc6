//! Every event once more: positions are set back to the beginning, what was read stays known.

use std::time::Duration;

use minzheng_chassis::db::{Database, Sql};

use crate::chaos::deployment::{Deployment, Where};
use crate::platform::SERVICES;
use crate::processes::Process;

/// How long a database may take.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// How the note begins where a database did not answer: the processes were killed, and no more.
pub(super) const NOT_REWOUND: &str = "not rewound";

/// Kills all processes of a target, has its subscriptions begin again, and starts the processes; what there is to note.
pub(super) async fn again(deployment: &mut Deployment, target: &str) -> String {
    each(deployment, target, Process::kill);
    let services = SERVICES
        .into_iter()
        .filter(|service| [*service, "all"].contains(&target));
    let mut positions = 0;
    let mut failed = None;
    for service in services {
        let rewinding = rewind(deployment.database(service));
        match tokio::time::timeout(ANSWERS_WITHIN, rewinding).await {
            Ok(Ok(set_back)) => positions += set_back,
            Ok(Err(error)) => failed = Some(format!("{service}: {error:#}")),
            Err(_) => failed = Some(format!("{service} did not answer")),
        }
    }
    each(deployment, target, Process::restart);
    match failed {
        None => format!("{positions} positions"),
        Some(why) => format!("{NOT_REWOUND}: {why}"),
    }
}

/// Does something with each process of a target.
fn each(deployment: &mut Deployment, target: &str, act: fn(&mut Process)) {
    let replicas = deployment.replicas.iter_mut();
    for replica in replicas.filter(|replica| replica.target == target) {
        act(&mut replica.process);
    }
}

/// Sets every position of a service back; how many.
async fn rewind(database: Where) -> anyhow::Result<u64> {
    let database = match database {
        Where::Url(url) => Database::open_postgres(&url, "chaos", 1)?,
        Where::File(path) => Database::open_sqlite(&path).await?,
    };
    let rewound = database
        .writer()
        .run("UPDATE position SET next_offset = 0", [])
        .await;
    database.close().await;
    Ok(rewound?)
}
