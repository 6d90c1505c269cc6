//! Whether every subscription has read everything that is meant for it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use minzheng_chassis::bus::{Bus, TopicPartition};
use minzheng_chassis::db::Sql;
use minzheng_proto::topics;
use minzheng_server::modules;

use super::{AT_A_TIME, Databases};

/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How far a subscription is in a partition, or must be.
type Offsets = BTreeMap<(String, String, i32), i64>;

/// Reads the topics along, so as to know what is meant for whom.
struct Meant {
    bus: Arc<dyn Bus>,
    /// Which subscriptions name a type.
    readers: BTreeMap<&'static str, Vec<&'static str>>,
    read: BTreeMap<TopicPartition, i64>,
    /// Behind the last event of each subscription.
    ends: Offsets,
}

impl Meant {
    fn of(bus: Arc<dyn Bus>) -> Self {
        let mut readers: BTreeMap<&'static str, Vec<&'static str>> = BTreeMap::new();
        for module in modules::all() {
            for subscription in module.declared_subscriptions() {
                for event_type in subscription.types() {
                    readers
                        .entry(event_type)
                        .or_default()
                        .push(subscription.name());
                }
            }
        }
        Self {
            bus,
            readers,
            read: BTreeMap::new(),
            ends: Offsets::new(),
        }
    }

    async fn read_on(&mut self) -> anyhow::Result<()> {
        for topic in topics::ALL {
            for (partition, marks) in self
                .bus
                .watermarks(topic.name)
                .await?
                .into_iter()
                .enumerate()
            {
                let at = TopicPartition::new(topic.name, i32::try_from(partition)?);
                let mut from = self.read.get(&at).copied().unwrap_or(marks.low);
                while from < marks.high {
                    let records = self.bus.read(&at, from, AT_A_TIME).await?;
                    let Some(last) = records.last() else { break };
                    from = last.offset + 1;
                    for record in &records {
                        let Ok(envelope) = &record.envelope else {
                            continue;
                        };
                        let readers = self.readers.get(envelope.event_type.as_str());
                        for reader in readers.into_iter().flatten() {
                            let lane = ((*reader).to_owned(), at.topic.clone(), at.partition);
                            self.ends.insert(lane, record.offset + 1);
                        }
                    }
                }
                self.read.insert(at, from);
            }
        }
        Ok(())
    }
}

async fn positions(databases: &Databases) -> anyhow::Result<Offsets> {
    let text = "SELECT subscription, topic, partition, next_offset FROM position";
    let mut positions = Offsets::new();
    for database in databases.values() {
        for row in database.reader().all(text, []).await? {
            let lane = (
                row.get("subscription")?,
                row.get("topic")?,
                row.get("partition")?,
            );
            positions.insert(lane, row.get("next_offset")?);
        }
    }
    Ok(positions)
}

/// Waits until every subscription has read what is meant for it; how long that took.
///
/// # Errors
/// Who has not when the time is over; the bus or a database does not answer.
pub async fn all_read(
    bus: Arc<dyn Bus>,
    databases: &Databases,
    within: Duration,
) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let mut meant = Meant::of(bus);
    loop {
        meant.read_on().await?;
        let positions = positions(databases).await?;
        let behind = meant
            .ends
            .iter()
            .find(|(lane, end)| positions.get(*lane).is_none_or(|next| next < *end));
        let Some(((subscription, topic, partition), _)) = behind else {
            return Ok(began.elapsed());
        };
        anyhow::ensure!(
            began.elapsed() < within,
            "after {within:?} {subscription} has not read all of {topic}/{partition}"
        );
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
