//! Which partitions a consumer holds and where it stands in them. librdkafka calls
//! [`Assignment`] from within a poll whenever the group gives or takes partitions.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Offset, TopicPartitionList};

use super::super::{BusError, Positions, TopicPartition};
use super::settings::KafkaSettings;
use super::{convert, errors};

/// Where the consumer stands in one partition it holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor {
    /// Offset of the next record.
    pub next: i64,
    /// Paused by the runner.
    pub paused: bool,
    /// Out of the log's range, and said so.
    pub stopped: bool,
}

/// What the consumer and its context share.
#[derive(Default)]
pub(super) struct Held {
    pub cursors: BTreeMap<TopicPartition, Cursor>,
    /// Why the consumer is finished.
    pub doom: Option<BusError>,
    /// It is being closed: what is assigned now is not begun.
    pub closing: bool,
    /// What librdkafka said about its last error.
    pub last_reason: String,
}

/// The context of a group's member.
pub(super) struct Assignment {
    settings: Arc<KafkaSettings>,
    positions: Positions,
    held: Mutex<Held>,
}

impl Assignment {
    pub fn new(settings: Arc<KafkaSettings>, positions: Positions) -> Self {
        Self {
            settings,
            positions,
            held: Mutex::default(),
        }
    }

    pub fn held(&self) -> MutexGuard<'_, Held> {
        // Every change under this lock is complete in one statement.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the offsets in the list and assigns it, once: assigning and then seeking, or
    /// assigning twice, gives spurious errors.
    fn assign(&self, consumer: &BaseConsumer<Self>, list: &mut TopicPartitionList) {
        let begun = if self.held().closing {
            Ok(BTreeMap::new())
        } else {
            self.begin(list)
        };
        let begun = begun.and_then(|starts| {
            // librdkafka remembers a pause beyond the end of an assignment.
            consumer
                .incremental_assign(list)
                .and_then(|()| consumer.resume(list))
                .map_err(|error| {
                    BusError::Other(format!("partitions could not be taken: {error}"))
                })?;
            Ok(starts)
        });
        match begun {
            Ok(starts) => {
                tracing::debug!(partitions = starts.len(), "partitions were assigned");
                let cursors = starts.into_iter().map(|(at, next)| {
                    (
                        at,
                        Cursor {
                            next,
                            paused: false,
                            stopped: false,
                        },
                    )
                });
                self.held().cursors.extend(cursors);
            }
            Err(error) => {
                tracing::error!(%error, "partitions were assigned and cannot be begun");
                self.held().doom = Some(error);
                // The group waits for an answer all the same. From the end: nothing is delivered
                // by a consumer that is finished.
                self.assign_at_end(consumer, list);
            }
        }
    }

    /// Reads the positions and writes them into the list.
    fn begin(
        &self,
        list: &mut TopicPartitionList,
    ) -> Result<BTreeMap<TopicPartition, i64>, BusError> {
        let partitions = convert::partitions(&self.settings, list);
        let known = (self.positions)(&partitions).map_err(|error| match error {
            BusError::Positions(reason) => BusError::Positions(reason),
            other => BusError::Positions(other.to_string()),
        })?;
        let mut starts = BTreeMap::new();
        for at in partitions {
            let position = known.get(&at).copied().filter(|position| *position >= 0);
            let position =
                position.ok_or_else(|| BusError::Positions(format!("none was given for {at}")))?;
            list.set_partition_offset(
                &self.settings.full_name(&at.topic),
                at.partition,
                Offset::Offset(position),
            )
            .map_err(|error| BusError::Other(error.to_string()))?;
            starts.insert(at, position);
        }
        Ok(starts)
    }

    fn assign_at_end(&self, consumer: &BaseConsumer<Self>, list: &mut TopicPartitionList) {
        let assigned = list
            .set_all_offsets(Offset::End)
            .and_then(|()| consumer.incremental_assign(list));
        if let Err(error) = assigned {
            tracing::warn!(%error, "a finished consumer could not answer its group");
        }
    }

    fn revoke(&self, consumer: &BaseConsumer<Self>, list: &TopicPartitionList) {
        let partitions = convert::partitions(&self.settings, list);
        tracing::debug!(partitions = partitions.len(), "partitions were taken away");
        self.held().cursors.retain(|at, _| !partitions.contains(at));
        if let Err(error) = consumer.incremental_unassign(list) {
            self.held().doom = Some(BusError::Other(format!(
                "partitions could not be given back: {error}"
            )));
        }
    }
}

impl ClientContext for Assignment {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        errors::log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        errors::log_error(&error, reason);
        reason.clone_into(&mut self.held().last_reason);
    }
}

impl ConsumerContext for Assignment {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        event: RDKafkaRespErr,
        list: &mut TopicPartitionList,
    ) {
        match event {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => self.assign(consumer, list),
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS => self.revoke(consumer, list),
            other => {
                tracing::error!(error = ?other, "the group could not be balanced");
                self.revoke(consumer, list);
            }
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, _offsets: &TopicPartitionList) {
        // For lag tools only; fails harmlessly while the group is being balanced.
        if let Err(error) = result {
            tracing::debug!(%error, "the position reported to Kafka was not taken");
        }
    }
}
