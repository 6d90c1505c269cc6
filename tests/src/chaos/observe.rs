//! What the platform holds after a run: through its API, from its databases, from its topics. The
//! checkers compare this with the clients' log.

mod api;
mod tables;
mod unread;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use minzheng_chassis::bus::{Bus, Envelope, TopicPartition};
use minzheng_chassis::db::Database;
use minzheng_proto::life_events::v1 as pb;
use minzheng_proto::operations::v1 as operations;
use minzheng_proto::topics;

pub use api::{api, mute, settle};
pub use tables::{AuditRow, Case, Question, Stay, Tables, tables};
pub use unread::all_read;

use super::history::Op;

/// Records read at a time.
const AT_A_TIME: usize = 1000;

/// One record on a topic.
#[derive(Clone, Debug)]
pub struct Event {
    /// Partition.
    pub partition: i32,
    /// Offset.
    pub offset: i64,
    /// What it carries.
    pub envelope: Envelope,
}

/// What stands about one family, ids of persons replaced by roles, sorted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Print {
    /// Its number.
    pub family: u64,
    /// What it lived through.
    pub script: String,
    /// What stands.
    pub lines: Vec<String>,
}

/// What the API says.
#[derive(Clone, Debug, Default)]
pub struct Api {
    /// Every case that a client was told of, by the id it was told.
    pub cases: BTreeMap<String, pb::DeathCase>,
    /// Families whose story was lived to its end.
    pub prints: Vec<Print>,
    /// What `Verify` finds.
    pub findings: Vec<operations::Finding>,
    /// Sequence numbers that did not arrive, or arrived twice.
    pub gaps: Vec<operations::StreamGap>,
    /// Parked, stopped and refused events: how many by service.
    pub dead_letters: BTreeMap<String, i64>,
}

/// Everything that the checkers look at.
#[derive(Clone, Default)]
pub struct Observed {
    /// The clients' log.
    pub ops: Vec<Op>,
    /// Through the API.
    pub api: Api,
    /// From the databases.
    pub tables: Tables,
    /// From the topics: by topic, in the order of partition and offset.
    pub events: Vec<Event>,
    /// Services that did not answer though nothing was broken any more, and through which way in.
    pub mute: Vec<String>,
    /// Panics in the processes' logs, and ends that nobody caused: whatever is broken around it, a process has none.
    pub crashes: Vec<String>,
    /// How long after the last fault had healed nothing was open any more; none if it never was.
    pub quiet_after: Option<Duration>,
}

/// Lines of a log that tell of a panic, each with the name of the process.
pub fn panics(process: &str, log: &str) -> Vec<String> {
    let lines = log.lines().filter(|line| line.contains("panicked at"));
    lines.map(|line| format!("{process}: {line}")).collect()
}

/// Reads every topic from end to end.
///
/// # Errors
/// The bus does not answer, or holds a record that is no event.
pub async fn events(bus: &Arc<dyn Bus>) -> anyhow::Result<Vec<Event>> {
    let mut events = Vec::new();
    for topic in topics::ALL {
        for (partition, marks) in bus.watermarks(topic.name).await?.into_iter().enumerate() {
            let partition = i32::try_from(partition)?;
            let at = TopicPartition::new(topic.name, partition);
            let mut from = marks.low;
            while from < marks.high {
                let records = bus.read(&at, from, AT_A_TIME).await?;
                let Some(last) = records.last() else { break };
                from = last.offset + 1;
                for record in records {
                    let envelope = record.envelope.map_err(|undecodable| undecodable.error)?;
                    events.push(Event {
                        partition,
                        offset: record.offset,
                        envelope,
                    });
                }
            }
        }
    }
    Ok(events)
}

/// The databases of a deployment, by service.
pub type Databases = BTreeMap<&'static str, Database>;
