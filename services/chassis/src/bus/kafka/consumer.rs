//! A member of a group on Kafka.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use rdkafka::Offset;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message as _;

use super::super::{BusError, Consumer, Positions, Record, TopicPartition, Watermarks};
use super::assignment::Assignment;
use super::settings::KafkaSettings;
use super::{convert, errors};

/// Bytes of records in one poll.
const POLL_BYTES: usize = 1 << 20;
/// How often it is said that no broker answers; librdkafka says it at every attempt.
const SAY_AWAY_EVERY: Duration = Duration::from_secs(5);

pub(super) struct KafkaConsumer {
    /// There until it is closed.
    client: Option<BaseConsumer<Assignment>>,
    settings: Arc<KafkaSettings>,
    complaints: VecDeque<BusError>,
    /// Some partition left the log's range and it is not known which.
    range_unknown: bool,
    /// When it was last said that no broker answers.
    said_away: Option<Instant>,
}

impl KafkaConsumer {
    pub fn open(
        settings: Arc<KafkaSettings>,
        group: &str,
        topics: &[String],
        positions: Positions,
    ) -> Result<Self, BusError> {
        let context = Assignment::new(Arc::clone(&settings), positions);
        let client: BaseConsumer<Assignment> = settings
            .consumer(group)
            .create_with_context(context)
            .map_err(|error| errors::request_error(error, None))?;
        let topics: Vec<_> = topics
            .iter()
            .map(|topic| settings.full_name(topic))
            .collect();
        let names: Vec<_> = topics.iter().map(String::as_str).collect();
        client
            .subscribe(&names)
            .map_err(|error| BusError::Other(error.to_string()))?;
        Ok(Self {
            client: Some(client),
            settings,
            complaints: VecDeque::new(),
            range_unknown: false,
            said_away: None,
        })
    }

    fn client(&self) -> Result<&BaseConsumer<Assignment>, BusError> {
        self.client
            .as_ref()
            .ok_or_else(|| BusError::Other("the consumer is closed".to_owned()))
    }

    /// What is to be said before anything is read.
    fn complain(&mut self) -> Result<(), BusError> {
        let doom = self.client()?.context().held().doom.take();
        if let Some(doom) = doom {
            // It stays finished, whoever polls on.
            self.client()?.context().held().doom = Some(BusError::Other(doom.to_string()));
            return Err(doom);
        }
        if self.range_unknown {
            self.find_out_of_range()?;
        }
        self.complaints.pop_front().map_or(Ok(()), Err)
    }

    fn take(&mut self, wait: Duration, limit: usize) -> Result<Vec<Record>, BusError> {
        let client = self.client()?;
        let mut records = Vec::new();
        let mut bytes = 0;
        let mut wait = wait;
        let mut error = None;
        while records.len() < limit && bytes < POLL_BYTES {
            match client.poll(wait) {
                None => break,
                Some(Err(found)) => {
                    error = Some(found);
                    break;
                }
                Some(Ok(message)) => {
                    bytes += message.payload_len() + message.key_len();
                    records.extend(self.accept(client, &message));
                }
            }
            wait = Duration::ZERO;
        }
        // What came before a partition was taken away belongs to its next holder.
        let held = client.context().held();
        records.retain(|record: &Record| held.cursors.contains_key(&record.at));
        drop(held);
        if let Some(error) = error {
            self.sort_out(error);
        }
        Ok(records)
    }

    /// A message of a partition that is held, as a record.
    fn accept(
        &self,
        client: &BaseConsumer<Assignment>,
        message: &rdkafka::message::BorrowedMessage<'_>,
    ) -> Option<Record> {
        let topic = self.settings.short_name(message.topic())?;
        let at = TopicPartition::new(topic, message.partition());
        client.context().held().cursors.get_mut(&at)?.next = message.offset() + 1;
        Some(convert::record(at, message))
    }

    /// Decides what an error of a poll means.
    fn sort_out(&mut self, error: KafkaError) {
        use RDKafkaErrorCode as Code;
        let reason = match self.client() {
            Ok(client) => std::mem::take(&mut client.context().held().last_reason),
            Err(_) => String::new(),
        };
        let complaint = match error {
            KafkaError::MessageConsumptionFatal(_) => BusError::Other(format!("{error}: {reason}")),
            KafkaError::MessageConsumption(code) => match code {
                Code::AutoOffsetReset => {
                    self.range_unknown = true;
                    return;
                }
                Code::UnknownTopic | Code::UnknownTopicOrPartition => {
                    BusError::UnknownTopic(reason)
                }
                Code::AllBrokersDown => {
                    if self
                        .said_away
                        .is_some_and(|said| said.elapsed() < SAY_AWAY_EVERY)
                    {
                        return;
                    }
                    self.said_away = Some(Instant::now());
                    BusError::Away(reason)
                }
                Code::TopicAuthorizationFailed
                | Code::GroupAuthorizationFailed
                | Code::ClusterAuthorizationFailed
                | Code::Authentication => BusError::Other(format!("{error}: {reason}")),
                // Passing troubles of one connection, logged by the context; librdkafka goes on.
                _ => return,
            },
            other => BusError::Other(other.to_string()),
        };
        self.complaints.push_back(complaint);
    }

    /// librdkafka says that a partition's position is not in the log, but rdkafka drops which
    /// one. So all are compared; where none is out of range, all are fetched again.
    fn find_out_of_range(&mut self) -> Result<(), BusError> {
        let client = self.client()?;
        let going: Vec<_> = {
            let held = client.context().held();
            held.cursors
                .iter()
                .filter(|(_, cursor)| !cursor.stopped)
                .map(|(at, cursor)| (at.clone(), *cursor))
                .collect()
        };
        let mut complaints = Vec::new();
        for (at, cursor) in &going {
            let (low, high) = client
                .fetch_watermarks(
                    &self.settings.full_name(&at.topic),
                    at.partition,
                    self.settings.request_timeout,
                )
                .map_err(|error| errors::request_error(error, Some(&at.topic)))?;
            if let Err(complaint) =
                BusError::check_position(at, cursor.next, Watermarks { low, high })
            {
                if let Some(cursor) = client.context().held().cursors.get_mut(at) {
                    cursor.stopped = true;
                }
                complaints.push(complaint);
            }
        }
        if complaints.is_empty() {
            tracing::warn!(
                "a partition stopped whose position is in the log; all are fetched again"
            );
            for (at, cursor) in &going {
                self.restart(at, cursor.next, cursor.paused)?;
            }
        }
        self.range_unknown = false;
        self.complaints.extend(complaints);
        Ok(())
    }

    /// Begins a partition again at `offset`, also where librdkafka has given it up.
    fn restart(&self, at: &TopicPartition, offset: i64, paused: bool) -> Result<(), BusError> {
        let client = self.client()?;
        let again = || {
            let list = convert::offsets(&self.settings, [(at, offset)])?;
            client.incremental_unassign(&list)?;
            client.incremental_assign(&list)?;
            if paused { client.pause(&list) } else { Ok(()) }
        };
        again().map_err(|error: KafkaError| {
            BusError::Other(format!("{at} could not be begun again: {error}"))
        })
    }

    /// Those of `partitions` that are held, after `change`.
    fn change(
        &self,
        partitions: &[TopicPartition],
        paused: bool,
    ) -> Result<Vec<TopicPartition>, BusError> {
        let mut held = self.client()?.context().held();
        let mut changed = Vec::new();
        for at in partitions {
            if let Some(cursor) = held.cursors.get_mut(at) {
                cursor.paused = paused;
                changed.push(at.clone());
            }
        }
        Ok(changed)
    }

    /// Leaves the group on a thread of its own, which is left behind when it takes longer than
    /// `limit`: closing can hang in librdkafka (#509, #611).
    fn leave(&mut self, limit: Duration) {
        let Some(client) = self.client.take() else {
            return;
        };
        client.context().held().closing = true;
        let (done, left) = mpsc::channel();
        let leaving = std::thread::Builder::new()
            .name("kafka-leave".to_owned())
            .spawn(move || {
                drop(client);
                if done.send(()).is_err() {
                    tracing::debug!("a Kafka group was left late");
                }
            });
        if let Err(error) = leaving {
            tracing::warn!(%error, "no thread to leave a Kafka group; it was left in place");
        } else if left.recv_timeout(limit).is_err() && limit > Duration::ZERO {
            tracing::warn!(?limit, "leaving a Kafka group takes longer; left behind");
        }
    }
}

impl Consumer for KafkaConsumer {
    fn poll(&mut self, wait: Duration, limit: usize) -> Result<Vec<Record>, BusError> {
        self.complain()?;
        let records = self.take(wait, limit)?;
        if records.is_empty() {
            self.complain()?;
        }
        Ok(records)
    }

    fn assignment(&mut self) -> Vec<TopicPartition> {
        let Ok(client) = self.client() else {
            return Vec::new();
        };
        client.context().held().cursors.keys().cloned().collect()
    }

    fn seek(&mut self, at: &TopicPartition, offset: i64) -> Result<(), BusError> {
        let client = self.client()?;
        let before = {
            let mut held = client.context().held();
            let Some(cursor) = held.cursors.get_mut(at) else {
                return Ok(());
            };
            let before = *cursor;
            cursor.next = offset;
            cursor.stopped = false;
            before
        };
        let topic = self.settings.full_name(&at.topic);
        let deadline = Instant::now() + self.settings.request_timeout;
        let sought = !before.stopped
            && client
                .seek(&topic, at.partition, Offset::Offset(offset), deadline - Instant::now())
                .inspect_err(|error| tracing::debug!(%error, %at, "seeking failed; the partition is begun again"))
                .is_ok();
        if sought {
            Ok(())
        } else {
            self.restart(at, offset, before.paused)
        }
    }

    fn pause(&mut self, partitions: &[TopicPartition]) -> Result<(), BusError> {
        let list = convert::list(&self.settings, &self.change(partitions, true)?);
        self.client()?
            .pause(&list)
            .map_err(|error| BusError::Other(error.to_string()))
    }

    fn resume(&mut self, partitions: &[TopicPartition]) -> Result<(), BusError> {
        let list = convert::list(&self.settings, &self.change(partitions, false)?);
        self.client()?
            .resume(&list)
            .map_err(|error| BusError::Other(error.to_string()))
    }

    fn report(&mut self, next: &BTreeMap<TopicPartition, i64>) {
        let Ok(client) = self.client() else { return };
        let held: Vec<_> = {
            let held = client.context().held();
            next.iter()
                .filter(|(at, _)| held.cursors.contains_key(*at))
                .map(|(at, next)| (at.clone(), *next))
                .collect()
        };
        if held.is_empty() {
            return;
        }
        let offsets = convert::offsets(&self.settings, held.iter().map(|(at, next)| (at, *next)));
        if let Err(error) = offsets.and_then(|offsets| client.commit(&offsets, CommitMode::Async)) {
            // For lag tools only.
            tracing::debug!(%error, "the position was not reported to Kafka");
        }
    }

    fn close(mut self: Box<Self>, limit: Duration) {
        self.leave(limit);
    }
}

impl Drop for KafkaConsumer {
    fn drop(&mut self) {
        // One that was not closed leaves by itself, without making the dropper wait.
        self.leave(Duration::ZERO);
    }
}
