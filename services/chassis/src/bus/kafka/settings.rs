//! How librdkafka is set up. Each property that is not a matter of course says why.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;

/// How long a member may take between two polls. A poll's events are handled for ten seconds at a stretch (`inbox/lane.rs`);
/// what is away is waited for with timed polls.
const REBALANCE_WITHIN: Duration = Duration::from_secs(30);

/// What a deployment says about its Kafka.
#[derive(Clone)]
pub struct KafkaSettings {
    /// `host:port`, several separated by commas.
    pub bootstrap: String,
    /// Put before every topic and group, so that deployments can share a cluster; may be empty.
    pub topic_prefix: String,
    /// After how long without a sign of life a member's partitions go to others. The broker
    /// bounds it, 6 s to 30 min by default.
    pub session_timeout: Duration,
    /// The node's stable name, where it has one: back within the session timeout it gets its own
    /// partitions again at once.
    pub instance_id: Option<String>,
    /// How long a record may be on its way before it counts as failed.
    pub message_timeout: Duration,
    /// How long to wait for an answer about topics, watermarks, health.
    pub request_timeout: Duration,
    /// Copies of each partition of a topic that is created: 3 in production, 1 in tests.
    pub replication_factor: i32,
    /// Copies that must have a record before it counts as stored: 2 in production, 1 in tests.
    pub min_insync_replicas: i32,
    /// Further properties of librdkafka, such as `security.protocol`; may hold secrets. They do not
    /// override what the bus needs for its promises.
    pub properties: BTreeMap<String, String>,
}

impl KafkaSettings {
    /// Settings for the given brokers: no prefix, a session of 10 s, 10 s for a record, 5 s for a
    /// request, 3 copies of which 2 must have a record.
    pub fn new(bootstrap: impl Into<String>) -> Self {
        Self {
            bootstrap: bootstrap.into(),
            topic_prefix: String::new(),
            session_timeout: Duration::from_secs(10),
            instance_id: None,
            message_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(5),
            replication_factor: 3,
            min_insync_replicas: 2,
            properties: BTreeMap::new(),
        }
    }

    /// The name that the brokers know a topic or a group by.
    pub(super) fn full_name(&self, name: &str) -> String {
        format!("{}{name}", self.topic_prefix)
    }

    /// The name that we know a topic by; `None` for one that is not this deployment's.
    pub(super) fn short_name<'a>(&self, name: &'a str) -> Option<&'a str> {
        name.strip_prefix(&self.topic_prefix)
    }

    /// What every client needs.
    pub(super) fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set_log_level(RDKafkaLogLevel::Info);
        config
            .set("bootstrap.servers", &self.bootstrap)
            .set("client.id", "minzheng")
            .set("socket.keepalive.enable", "true")
            // A connection whose other end vanished is noticed with the record's own timeout.
            .set("socket.timeout.ms", millis(self.message_timeout))
            .set("socket.connection.setup.timeout.ms", "5000")
            // The default of 10 s would be most of the time a broker needs to come back.
            .set("reconnect.backoff.max.ms", "1000")
            // How long a topic that was created just now may be unknown; the default of 30 s is
            // longer than a record may be on its way.
            .set("topic.metadata.propagation.max.ms", "5000");
        for (name, value) in &self.properties {
            config.set(name, value);
        }
        config
    }

    /// A producer that neither loses nor reorders.
    pub(super) fn producer(&self) -> ClientConfig {
        let mut config = self.client();
        config
            .set("enable.idempotence", "true")
            .set("acks", "all")
            // Java's partitioner; librdkafka's own default is another.
            .set("partitioner", "murmur2_random")
            // 5 ms doubled a case's latency and gained nothing at saturation.
            .set("linger.ms", "0")
            .set("message.timeout.ms", millis(self.message_timeout))
            .set("batch.size", BATCH_BYTES.to_string())
            // The topic's own limit decides, at the broker.
            .set("message.max.bytes", MAX_MESSAGE_BYTES.to_string())
            // Never reached: the sender keeps to a third of it (`producer::ROOM`).
            .set("queue.buffering.max.messages", "100000")
            .set("queue.buffering.max.kbytes", "98304");
        config
    }

    /// A member of `group` that begins where it is told to.
    pub(super) fn consumer(&self, group: &str) -> ClientConfig {
        let mut config = self.reader(group);
        // At most a third of the session, as Kafka advises; the default is 3 s.
        let heartbeat = (self.session_timeout / 3).min(Duration::from_secs(3));
        config
            // librdkafka 2.12 stalls with the new protocol (#5541).
            .set("group.protocol", "classic")
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("session.timeout.ms", millis(self.session_timeout))
            .set("heartbeat.interval.ms", millis(heartbeat))
            // It is also how long the broker waits for a member that stands still in the middle of a
            // rebalance; the default of five minutes would hold up everybody else as long.
            .set(
                "max.poll.interval.ms",
                millis(REBALANCE_WITHIN.max(self.session_timeout)),
            )
            // Topics that are created later are noticed within this time.
            .set("topic.metadata.refresh.interval.ms", "30000");
        if let Some(instance) = &self.instance_id {
            config.set("group.instance.id", instance);
        }
        config
    }

    /// A client that reads what it is told to, in no group.
    pub(super) fn reader(&self, group: &str) -> ClientConfig {
        let mut config = self.client();
        config
            .set("group.id", self.full_name(group))
            // Positions lie with the subscriptions; what the broker remembers is for lag tools.
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            // A position that is gone is said, never skipped.
            .set("auto.offset.reset", "error")
            .set("allow.auto.create.topics", "false")
            // Memory: the first alone does not bound it. A larger record still arrives, alone.
            .set("queued.max.messages.kbytes", "1024")
            .set("fetch.max.bytes", "1048576")
            .set("max.partition.fetch.bytes", "65536")
            // A full local queue would pause fetching for a second: 10,500 records/s at most.
            .set("fetch.queue.backoff.ms", "10")
            .set("fetch.min.bytes", "1")
            .set("fetch.wait.max.ms", "500");
        config
    }
}

/// Largest set of records in one request to a partition. A topic's limit is never set below it,
/// because the broker compares the limit with the set; so a record that is too large is alone in
/// its set and is refused alone.
pub(super) const BATCH_BYTES: usize = 256 << 10;

/// Largest record that the client hands to a broker.
const MAX_MESSAGE_BYTES: usize = 16 << 20;

fn millis(duration: Duration) -> String {
    duration.as_millis().to_string()
}

impl fmt::Debug for KafkaSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The values of the properties may be secrets.
        f.debug_struct("KafkaSettings")
            .field("bootstrap", &self.bootstrap)
            .field("topic_prefix", &self.topic_prefix)
            .field("session_timeout", &self.session_timeout)
            .field("instance_id", &self.instance_id)
            .field("message_timeout", &self.message_timeout)
            .field("request_timeout", &self.request_timeout)
            .field("replication_factor", &self.replication_factor)
            .field("min_insync_replicas", &self.min_insync_replicas)
            .field("properties", &self.properties.keys())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_carry_the_prefix_on_the_wire_only() {
        let settings = KafkaSettings {
            topic_prefix: "county.".to_owned(),
            ..KafkaSettings::new("localhost:9092")
        };
        assert_eq!(
            settings.full_name("life-events.death"),
            "county.life-events.death"
        );
        assert_eq!(
            settings.short_name("county.life-events.death"),
            Some("life-events.death")
        );
        assert_eq!(settings.short_name("other.life-events.death"), None);
    }

    #[test]
    fn secrets_are_not_shown() {
        let mut settings = KafkaSettings::new("localhost:9092");
        settings
            .properties
            .insert("sasl.password".to_owned(), "opensesame".to_owned());
        let shown = format!("{settings:?}");
        assert!(
            shown.contains("sasl.password") && !shown.contains("opensesame"),
            "{shown}"
        );
    }

    #[test]
    fn heartbeats_fit_into_a_short_session() {
        let settings = KafkaSettings {
            session_timeout: Duration::from_secs(6),
            ..KafkaSettings::new("x")
        };
        let config = settings.consumer("g");
        assert_eq!(config.get("heartbeat.interval.ms"), Some("2000"));
        assert_eq!(config.get("auto.offset.reset"), Some("error"));
    }
}
