//! The bus of a deployment with several processes: Apache Kafka through librdkafka.

mod assignment;
mod consumer;
mod convert;
mod errors;
mod producer;
mod settings;
mod topics;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, sleep};

pub use self::settings::KafkaSettings;

use self::consumer::KafkaConsumer;
use self::producer::Producer;
use self::topics::{LOOK_AGAIN, Topics};
use super::{
    Bus, BusError, Consumer, Delivery, Envelope, Positions, Record, TopicPartition, TopicSpec,
    Watermarks,
};

/// Streams on Apache Kafka.
pub struct KafkaBus {
    settings: Arc<KafkaSettings>,
    producer: Producer,
}

impl fmt::Debug for KafkaBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaBus")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl KafkaBus {
    /// Prepares the connection. Does not wait for a broker: [`Bus::healthy`] says whether one
    /// answers.
    ///
    /// # Errors
    /// [`BusError::Other`], by name of the setting, where a setting is not possible, such as TLS
    /// in a build without it.
    pub fn connect(settings: KafkaSettings) -> Result<Self, BusError> {
        let (prefix, timeout) = (settings.topic_prefix.clone(), settings.message_timeout);
        let producer = Producer::new(settings.producer(), prefix, timeout)?;
        Ok(Self {
            settings: Arc::new(settings),
            producer,
        })
    }

    /// What it was connected with.
    pub fn settings(&self) -> &KafkaSettings {
        &self.settings
    }

    /// Waits until every topic is known with its partitions.
    async fn await_topics(&self, specs: &[&TopicSpec]) -> Result<(), BusError> {
        let deadline = Instant::now() + self.settings.request_timeout;
        loop {
            let known = self.list_topics().await?;
            let missing = specs.iter().find(|spec| !known.contains_key(&spec.name));
            let Some(missing) = missing else {
                return check_partitions(specs, &known);
            };
            if Instant::now() >= deadline {
                return Err(BusError::Away(format!(
                    "topic {} was created and is not known yet",
                    missing.name
                )));
            }
            sleep(LOOK_AGAIN).await;
        }
    }
}

fn check_partitions(specs: &[&TopicSpec], known: &BTreeMap<String, i32>) -> Result<(), BusError> {
    for spec in specs {
        match known.get(&spec.name) {
            Some(&existing) if existing != spec.partitions => {
                let (topic, declared) = (spec.name.clone(), spec.partitions);
                return Err(BusError::PartitionsDiffer {
                    topic,
                    existing,
                    declared,
                });
            }
            Some(_) | None => {}
        }
    }
    Ok(())
}

#[async_trait]
impl Bus for KafkaBus {
    async fn send(&self, batch: &[Envelope]) -> Vec<Delivery> {
        self.producer.send(batch).await
    }

    fn open_consumer(
        &self,
        group: &str,
        topics: &[String],
        positions: Positions,
    ) -> Result<Box<dyn Consumer>, BusError> {
        let consumer = KafkaConsumer::open(Arc::clone(&self.settings), group, topics, positions)?;
        Ok(Box::new(consumer))
    }

    async fn apply_topics(&self, topics: &[TopicSpec]) -> Result<Vec<String>, BusError> {
        let known = self.list_topics().await?;
        let all: Vec<_> = topics.iter().collect();
        check_partitions(&all, &known)?;
        let (existing, missing): (Vec<_>, Vec<_>) = all
            .into_iter()
            .partition(|spec| known.contains_key(&spec.name));
        let admin = Topics::connect(Arc::clone(&self.settings))?;
        let created = admin.create(&missing).await?;
        self.await_topics(&missing).await?;
        admin.adjust(&existing).await?;
        // Ending the client waits for its thread.
        tokio::task::spawn_blocking(move || drop(admin))
            .await
            .map_err(|error| BusError::Other(error.to_string()))?;
        Ok(created)
    }

    async fn list_topics(&self) -> Result<BTreeMap<String, i32>, BusError> {
        let settings = Arc::clone(&self.settings);
        self.producer
            .ask(move |client| topics::list(client, &settings))
            .await
    }

    async fn watermarks(&self, topic: &str) -> Result<Vec<Watermarks>, BusError> {
        let (settings, topic) = (Arc::clone(&self.settings), topic.to_owned());
        self.producer
            .ask(move |client| topics::watermarks(client, &settings, &topic))
            .await
    }

    async fn read(
        &self,
        at: &TopicPartition,
        from: i64,
        limit: usize,
    ) -> Result<Vec<Record>, BusError> {
        let (settings, at) = (Arc::clone(&self.settings), at.clone());
        self.producer
            .ask(move |client| topics::read(client, &settings, &at, from, limit))
            .await
    }

    async fn protect(&self, _slowest: &BTreeMap<TopicPartition, i64>) {
        // Kafka keeps by age alone.
    }

    async fn healthy(&self) -> Result<(), BusError> {
        self.list_topics().await.map(drop)
    }

    async fn close(&self, _limit: Duration) {
        // Whoever sent has been answered or is answered now; ending goes on by itself.
        self.producer.close();
    }
}
