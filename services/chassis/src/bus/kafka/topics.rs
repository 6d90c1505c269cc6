//! Topics on the cluster: which exist, how they are made, what lies in them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, ConfigResource, ConfigSource, NewTopic,
    ResourceSpecifier, TopicReplication,
};
use rdkafka::client::{Client, ClientContext};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;
use tokio::time::sleep;

use super::super::{BusError, Record, TopicPartition, TopicSpec, Watermarks};
use super::convert;
use super::errors::{self, LogOnly, request_error};
use super::settings::{BATCH_BYTES, KafkaSettings};

/// How often it is looked whether the brokers know what was changed.
pub(super) const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The configuration of a topic that is ours to set.
pub(super) fn config(settings: &KafkaSettings, spec: &TopicSpec) -> BTreeMap<&'static str, String> {
    let retention = spec.retention.map_or_else(
        || "-1".to_owned(),
        |retention| retention.as_millis().to_string(),
    );
    BTreeMap::from([
        ("cleanup.policy", "delete".to_owned()),
        ("retention.ms", retention),
        (
            "max.message.bytes",
            spec.max_record_bytes.max(BATCH_BYTES).to_string(),
        ),
        (
            "min.insync.replicas",
            settings.min_insync_replicas.to_string(),
        ),
    ])
}

/// The topics that exist, by the names we know them by, with their partition counts.
pub(super) fn list<C: ClientContext>(
    client: &Client<C>,
    settings: &KafkaSettings,
) -> Result<BTreeMap<String, i32>, BusError> {
    let metadata = client
        .fetch_metadata(None, settings.request_timeout)
        .map_err(|error| request_error(error, None))?;
    let topics = metadata
        .topics()
        .iter()
        .filter(|topic| topic.error().is_none());
    Ok(topics
        .filter_map(|topic| {
            let name = settings.short_name(topic.name())?;
            Some((name.to_owned(), count(topic.partitions().len())))
        })
        .collect())
}

/// Kafka counts partitions in 32 bits.
fn count(partitions: usize) -> i32 {
    i32::try_from(partitions).unwrap_or(i32::MAX)
}

fn partition_count<C: ClientContext>(
    client: &Client<C>,
    settings: &KafkaSettings,
    topic: &str,
) -> Result<i32, BusError> {
    let full_name = settings.full_name(topic);
    let metadata = client
        .fetch_metadata(Some(&full_name), settings.request_timeout)
        .map_err(|error| request_error(error, Some(topic)))?;
    let found = metadata
        .topics()
        .iter()
        .find(|found| found.name() == full_name);
    match found.map(|found| (found.error(), found.partitions().len())) {
        None | Some((Some(RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART), _)) => {
            Err(BusError::UnknownTopic(topic.to_owned()))
        }
        Some((Some(error), _)) => Err(request_error(
            KafkaError::MetadataFetch(error.into()),
            Some(topic),
        )),
        Some((None, 0)) => Err(BusError::UnknownTopic(topic.to_owned())),
        Some((None, partitions)) => Ok(count(partitions)),
    }
}

/// First and next offset of every partition of a topic.
pub(super) fn watermarks<C: ClientContext>(
    client: &Client<C>,
    settings: &KafkaSettings,
    topic: &str,
) -> Result<Vec<Watermarks>, BusError> {
    let partitions = partition_count(client, settings, topic)?;
    (0..partitions)
        .map(|partition| partition_watermarks(client, settings, topic, partition))
        .collect()
}

fn partition_watermarks<C: ClientContext>(
    client: &Client<C>,
    settings: &KafkaSettings,
    topic: &str,
    partition: i32,
) -> Result<Watermarks, BusError> {
    let (low, high) = client
        .fetch_watermarks(
            &settings.full_name(topic),
            partition,
            settings.request_timeout,
        )
        .map_err(|error| request_error(error, Some(topic)))?;
    Ok(Watermarks { low, high })
}

/// Reads records of one partition outside any group. Blocks, at most about twice the request
/// timeout.
pub(super) fn read<C: ClientContext>(
    client: &Client<C>,
    settings: &KafkaSettings,
    at: &TopicPartition,
    from: i64,
    limit: usize,
) -> Result<Vec<Record>, BusError> {
    if !(0..partition_count(client, settings, &at.topic)?).contains(&at.partition) {
        return Err(BusError::UnknownTopic(at.to_string()));
    }
    let Watermarks { low, high } = partition_watermarks(client, settings, &at.topic, at.partition)?;
    let from = from.max(low);
    if from >= high || limit == 0 {
        return Ok(Vec::new());
    }
    let reader: BaseConsumer<LogOnly> = settings
        .reader("minzheng.reader")
        .create_with_context(LogOnly)
        .map_err(|error| request_error(error, None))?;
    let assigned =
        convert::offsets(settings, [(at, from)]).and_then(|offsets| reader.assign(&offsets));
    assigned.map_err(|error| BusError::Other(error.to_string()))?;
    collect(&reader, settings, at, high, limit)
}

fn collect(
    reader: &BaseConsumer<LogOnly>,
    settings: &KafkaSettings,
    at: &TopicPartition,
    high: i64,
    limit: usize,
) -> Result<Vec<Record>, BusError> {
    let deadline = Instant::now() + settings.request_timeout;
    let mut records = Vec::new();
    while records.len() < limit
        && records
            .last()
            .is_none_or(|last: &Record| last.offset + 1 < high)
    {
        let left = deadline.saturating_duration_since(Instant::now());
        match reader.poll(left) {
            Some(Ok(message)) => records.push(convert::record(at.clone(), &message)),
            Some(Err(KafkaError::MessageConsumption(RDKafkaErrorCode::AutoOffsetReset))) => break,
            // Troubles of a connection are logged by the context and pass, or the time does.
            Some(Err(_)) | None if left > Duration::ZERO => {}
            Some(Err(_)) | None if records.is_empty() => {
                return Err(BusError::Away(format!("{at} gave no record in time")));
            }
            Some(Err(_)) | None => break,
        }
    }
    Ok(records)
}

/// Creates and adjusts topics.
pub(super) struct Topics {
    settings: Arc<KafkaSettings>,
    admin: AdminClient<LogOnly>,
    options: AdminOptions,
}

impl Topics {
    pub fn connect(settings: Arc<KafkaSettings>) -> Result<Self, BusError> {
        let admin = settings
            .client()
            .create_with_context(LogOnly)
            .map_err(|error| errors::request_error(error, None))?;
        let timeout = Some(settings.request_timeout);
        let options = AdminOptions::new()
            .request_timeout(timeout)
            .operation_timeout(timeout);
        Ok(Self {
            settings,
            admin,
            options,
        })
    }

    /// Creates those that are missing; answers the names of those it created.
    pub async fn create(&self, specs: &[&TopicSpec]) -> Result<Vec<String>, BusError> {
        if specs.is_empty() {
            return Ok(Vec::new());
        }
        let names: Vec<_> = specs
            .iter()
            .map(|spec| self.settings.full_name(&spec.name))
            .collect();
        let configs: Vec<_> = specs
            .iter()
            .map(|spec| config(&self.settings, spec))
            .collect();
        let new: Vec<_> = specs
            .iter()
            .zip(names.iter().zip(&configs))
            .map(|(spec, (name, config))| {
                let replication = TopicReplication::Fixed(self.settings.replication_factor);
                let topic = NewTopic::new(name, spec.partitions, replication);
                config
                    .iter()
                    .fold(topic, |topic, (key, value)| topic.set(key, value))
            })
            .collect();
        let results = self
            .admin
            .create_topics(&new, &self.options)
            .await
            .map_err(|error| request_error(error, None))?;
        let mut created = Vec::new();
        for (spec, result) in specs.iter().zip(results) {
            match result {
                Ok(_) => created.push(spec.name.clone()),
                // Another node was quicker.
                Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((_, code)) => {
                    return Err(request_error(KafkaError::AdminOp(code), Some(&spec.name)));
                }
            }
        }
        Ok(created)
    }

    /// Sets retention and record size of existing topics to what is declared, and leaves what
    /// else an operator has set.
    pub async fn adjust(&self, specs: &[&TopicSpec]) -> Result<(), BusError> {
        for spec in specs {
            let name = self.settings.full_name(&spec.name);
            let wanted = config(&self.settings, spec);
            let current = self.describe(&name).await?;
            if differing(&current, &wanted).is_empty() {
                continue;
            }
            self.alter(&name, &current, &wanted).await?;
            self.await_config(&name, &wanted).await?;
        }
        Ok(())
    }

    /// Waits until a topic is configured as wanted: rdkafka 0.39 drops the result of each
    /// resource, and a broker learns of a change after the controller has answered.
    async fn await_config(
        &self,
        name: &str,
        wanted: &BTreeMap<&'static str, String>,
    ) -> Result<(), BusError> {
        let deadline = Instant::now() + self.settings.request_timeout;
        loop {
            let differing = differing(&self.describe(name).await?, wanted);
            if differing.is_empty() {
                return Ok(());
            }
            if Instant::now() >= deadline {
                let names = differing.join(", ");
                return Err(BusError::Other(format!(
                    "{names} of topic {name} could not be set"
                )));
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    async fn describe(&self, name: &str) -> Result<ConfigResource, BusError> {
        let topics = [ResourceSpecifier::Topic(name)];
        let described = self.admin.describe_configs(&topics, &self.options).await;
        let described = described.map_err(|error| request_error(error, None))?.pop();
        match described {
            Some(Ok(resource)) => Ok(resource),
            Some(Err(code)) => Err(request_error(KafkaError::AdminOp(code), None)),
            None => Err(BusError::Other("Kafka described no topic".to_owned())),
        }
    }

    async fn alter(
        &self,
        name: &str,
        current: &ConfigResource,
        wanted: &BTreeMap<&'static str, String>,
    ) -> Result<(), BusError> {
        // The request replaces all that is set on a topic, so what others set is sent along.
        let others = current
            .entries
            .iter()
            .filter(|entry| entry.source == ConfigSource::DynamicTopic);
        let others =
            others.filter_map(|entry| Some((entry.name.as_str(), entry.value.as_deref()?)));
        let ours = wanted.iter().map(|(name, value)| (*name, value.as_str()));
        let change = others.chain(ours).fold(
            AlterConfig::new(ResourceSpecifier::Topic(name)),
            |change, (key, value)| change.set(key, value),
        );
        let altered = self.admin.alter_configs([&change], &self.options).await;
        altered
            .map(drop)
            .map_err(|error| request_error(error, None))
    }
}

/// Names of the entries that are not as wanted.
fn differing(
    current: &ConfigResource,
    wanted: &BTreeMap<&'static str, String>,
) -> Vec<&'static str> {
    let is = |name: &str| current.get(name).and_then(|entry| entry.value.as_deref());
    wanted
        .iter()
        .filter(|(name, value)| is(name) != Some(value.as_str()))
        .map(|(name, _)| *name)
        .collect()
}
