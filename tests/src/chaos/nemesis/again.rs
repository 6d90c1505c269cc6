//! Every event once more: positions are set back to the beginning, what was read stays known.

use std::time::Duration;

use minzheng_chassis::db::{Database, Sql};

use crate::chaos::deployment::{Deployment, Where};
use crate::platform::SERVICES;

/// How long a database may take.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// What is noted where a database did not answer: the processes were killed, and no more.
pub(super) const NOT_REWOUND: &str = "not rewound";

/// Kills all processes of a target, has its subscriptions begin again, and starts the processes; what there is to note.
pub(super) async fn again(deployment: &mut Deployment, target: &str) -> String {
    for replica in deployment
        .replicas
        .iter_mut()
        .filter(|replica| replica.target == target)
    {
        replica.process.kill();
    }
    let services = SERVICES
        .into_iter()
        .filter(|service| [*service, "all"].contains(&target));
    let mut positions = 0;
    let mut rewound = true;
    for service in services {
        let rewinding = rewind(deployment.database(service));
        match tokio::time::timeout(ANSWERS_WITHIN, rewinding).await {
            Ok(Ok(set_back)) => positions += set_back,
            Ok(Err(_)) | Err(_) => rewound = false,
        }
    }
    for replica in deployment
        .replicas
        .iter_mut()
        .filter(|replica| replica.target == target)
    {
        replica.process.restart();
    }
    if rewound {
        format!("{positions} positions")
    } else {
        NOT_REWOUND.to_owned()
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
