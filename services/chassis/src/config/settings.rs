//! The table of settings: the only place where one is declared.
//!
//! To add a setting, add one entry here. Its doc comment is its help text; its key is what files, environment and flags
//! use; the rest is default, bound and unit. The field, the check and the line in `config show` follow from it.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use http::Uri;

use super::declaration::{Bound, Declaration, KAFKA_TLS, TEST_CLOCK, Unit};
use super::layers::{ConfigError, Layers, Problem, Source, Values};
use super::value::{BusKind, KafkaSecurity, LogFormat, SaslMechanism};

macro_rules! settings {
    (
        $( $(#[doc = $root_help:literal])+
           $root:ident: $Root:ty = $root_key:literal { $($root_attribute:ident: $root_value:expr),* $(,)? } )*
        groups:
        $( $(#[doc = $group_help:literal])+
           $group:ident: $Group:ident {
            $( $(#[doc = $help:literal])+
               $name:ident: $Type:ty = $key:literal { $($attribute:ident: $value:expr),* $(,)? } )*
        } )*
    ) => {
        /// Every setting of a node, typed, checked and with its source.
        #[derive(Clone)]
        pub struct Settings {
            $( $(#[doc = $root_help])+ pub $root: $Root, )*
            $( $(#[doc = $group_help])+ pub $group: $Group, )*
            values: Values,
        }

        $(
            $(#[doc = $group_help])+
            #[derive(Clone)]
            pub struct $Group {
                $( $(#[doc = $help])+ pub $name: $Type, )*
            }
        )*

        /// Every setting there is, in the order of `config show`.
        pub static TABLE: &[Declaration] = &[
            $( Declaration {
                $($root_attribute: $root_value,)*
                ..Declaration::of::<$Root>($root_key, concat!($($root_help),+))
            }, )*
            $( $( Declaration {
                $($attribute: $value,)*
                ..Declaration::of::<$Type>($key, concat!($($help),+))
            }, )* )*
        ];

        impl Settings {
            fn build(values: Values) -> Result<Self, ConfigError> {
                Ok(Settings {
                    $( $root: values.get($root_key)?, )*
                    $( $group: $Group { $( $name: values.get($key)?, )* }, )*
                    values,
                })
            }
        }
    };
}

settings! {
    /// The directory of everything a node keeps: databases, the embedded log, keys.
    data_dir: PathBuf = "data_dir" { default: "./data", bound: Bound::Path }

    groups:

    /// Where the services keep their rows.
    database: DatabaseSettings {
        /// The URL of a service's PostgreSQL database; `{service}` stands for the service's name with underscores.
        /// Empty: SQLite files in the data directory.
        url_template: Option<String> = "database.url_template" { bound: Bound::DatabaseUrl, secret: true }
        /// Most connections in the pool of one service; the relay has one of its own.
        max_connections: u32 = "database.max_connections"
            { default: "2", bound: Bound::Integer(1, 50), unit: Unit::Connections }
    }

    /// What carries the events between the services.
    bus: BusSettings {
        /// The embedded log serves all targets in one process; several processes need Kafka.
        kind: BusKind = "bus.kind" { default: "embedded", bound: Bound::OneOf(BusKind::WORDS) }
        /// Put before every topic and consumer group, so that throw-away runs can share one Kafka.
        topic_prefix: String = "bus.topic_prefix" {}
    }

    /// How Kafka is reached when it is the bus.
    kafka: KafkaSettings {
        /// Brokers to begin with, `host:port`, separated by commas.
        bootstrap: String = "bus.kafka.bootstrap" {}
        /// How long a dead consumer holds its partitions.
        session_timeout: Duration = "bus.kafka.session_timeout_ms"
            { default: "10000", bound: Bound::Integer(1_000, 300_000), unit: Unit::Milliseconds }
        /// Copies of each partition of a topic that `topics apply` creates.
        replication_factor: u32 = "bus.kafka.replication_factor"
            { default: "3", bound: Bound::Integer(1, 15) }
        /// Copies that must have an event before it counts as stored.
        min_insync_replicas: u32 = "bus.kafka.min_insync_replicas"
            { default: "2", bound: Bound::Integer(1, 15) }
        /// A name that survives a restart (a StatefulSet's pod name): the node then takes its partitions back at once.
        /// Empty: none.
        instance_id: Option<String> = "bus.kafka.instance_id" {}
        /// How the connection is protected.
        security_protocol: KafkaSecurity = "bus.kafka.security_protocol"
            { default: "plaintext", bound: Bound::OneOf(KafkaSecurity::WORDS), need: Some(KAFKA_TLS) }
        /// PEM file of the authorities that may have signed the brokers' certificates. Empty: the system's.
        ssl_ca_file: Option<PathBuf> = "bus.kafka.ssl_ca_file" { bound: Bound::Path, need: Some(KAFKA_TLS) }
        /// PEM file of the client's certificate. Empty: none.
        ssl_certificate_file: Option<PathBuf> = "bus.kafka.ssl_certificate_file"
            { bound: Bound::Path, need: Some(KAFKA_TLS) }
        /// PEM file of the client's private key. Empty: none.
        ssl_key_file: Option<PathBuf> = "bus.kafka.ssl_key_file" { bound: Bound::Path, need: Some(KAFKA_TLS) }
        /// Password of the client's private key. Empty: none.
        ssl_key_password: Option<String> = "bus.kafka.ssl_key_password" { secret: true, need: Some(KAFKA_TLS) }
        /// How the client proves who it is; used with a `sasl_` protocol.
        sasl_mechanism: SaslMechanism = "bus.kafka.sasl_mechanism"
            { default: "SCRAM-SHA-512", bound: Bound::OneOf(SaslMechanism::WORDS), need: Some(KAFKA_TLS) }
        /// Name of the client.
        sasl_username: Option<String> = "bus.kafka.sasl_username" { need: Some(KAFKA_TLS) }
        /// Password of the client.
        sasl_password: Option<String> = "bus.kafka.sasl_password" { secret: true, need: Some(KAFKA_TLS) }
    }

    /// The gRPC server.
    grpc: GrpcSettings {
        /// Where it listens.
        listen: SocketAddr = "grpc.listen" { default: "127.0.0.1:50051", bound: Bound::Listen }
        /// Largest message it takes or sends.
        max_message_bytes: usize = "grpc.max_message_bytes"
            { default: "4194304", bound: Bound::Integer(65_536, 67_108_864), unit: Unit::Bytes }
        /// Most calls at once on one connection.
        max_concurrent_streams: u32 = "grpc.max_concurrent_streams"
            { default: "256", bound: Bound::Integer(1, 10_000), unit: Unit::Streams }
        /// Most calls that one service has in hand for callers from outside; one more is refused at once with
        /// RESOURCE_EXHAUSTED and the reason OVERLOADED. More in hand is no more done: they wait for the database.
        max_calls_in_flight: usize = "grpc.max_calls_in_flight"
            { default: "256", bound: Bound::Integer(1, 100_000), unit: Unit::Calls }
    }

    /// The HTTP server of metrics and probes.
    http: HttpSettings {
        /// Where it listens. Empty: it does not.
        listen: Option<SocketAddr> = "http.listen" { default: "127.0.0.1:9464", bound: Bound::Listen }
    }

    /// Where the other services are. Empty: in this process.
    neighbours: NeighbourSettings {
        /// Address of `residents`.
        residents: Option<Uri> = "neighbours.residents" { bound: Bound::Address(&["http", "https"]) }
        /// Address of `life-events`.
        life_events: Option<Uri> = "neighbours.life-events" { bound: Bound::Address(&["http", "https"]) }
        /// Address of `elderly-care`.
        elderly_care: Option<Uri> = "neighbours.elderly-care" { bound: Bound::Address(&["http", "https"]) }
        /// Address of `child-welfare`.
        child_welfare: Option<Uri> = "neighbours.child-welfare" { bound: Bound::Address(&["http", "https"]) }
    }

    /// Who callers are.
    identity: IdentitySettings {
        /// Believe what callers say about themselves. For demonstrations on this machine only: refused when the gRPC
        /// server listens beyond loopback.
        insecure_development: bool = "identity.insecure_development" { default: "false", bound: Bound::Boolean }
    }

    /// Field encryption.
    crypto: CryptoSettings {
        /// File of the master key. Empty: `keys/master.key` in the data directory.
        key_file: Option<PathBuf> = "crypto.key_file" { bound: Bound::Path }
    }

    /// The clock deadlines are measured by.
    clock: ClockSettings {
        /// File with an offset in seconds, added to the system's time. For tests only. Empty: none.
        offset_file: Option<PathBuf> = "clock.offset_file" { bound: Bound::Path, need: Some(TEST_CLOCK) }
    }

    /// Logs and traces.
    telemetry: TelemetrySettings {
        /// Address of an OTLP collector (gRPC). Empty: no traces leave the process.
        otlp_endpoint: Option<Uri> = "telemetry.otlp_endpoint" { bound: Bound::Address(&["http"]) }
        /// The share of new traces that are kept; a caller's decision is followed.
        sample_ratio: f64 = "telemetry.sample_ratio" { default: "0.05", bound: Bound::Decimal(0.0, 1.0) }
        /// Which log lines are written.
        log_filter: String = "telemetry.log_filter" { default: "info", bound: Bound::LogFilter }
        /// How log lines look.
        log_format: LogFormat = "telemetry.log_format" { default: "json", bound: Bound::OneOf(LogFormat::WORDS) }
    }

    /// The relay, which sends the outbox to the bus.
    relay: RelaySettings {
        /// Most rows sent at once. A batch goes to a topic's partitions in requests of their own: of a large
        /// one they are larger, and cost the broker less.
        batch: usize = "relay.batch" { default: "8000", bound: Bound::Integer(1, 10_000), unit: Unit::Events }
        /// How long it waits for a wake-up before it looks by itself.
        poll_idle: Duration = "relay.poll_idle_ms"
            { default: "200", bound: Bound::Integer(1, 1_000), unit: Unit::Milliseconds }
        /// The same within a second after work.
        poll_busy: Duration = "relay.poll_busy_ms"
            { default: "20", bound: Bound::Integer(1, 1_000), unit: Unit::Milliseconds }
    }

    /// The runner, which takes events from the bus.
    runner: RunnerSettings {
        /// Most events in one transaction.
        batch: usize = "runner.batch" { default: "200", bound: Bound::Integer(1, 500), unit: Unit::Events }
        /// When a parked event is tried again for the first time.
        retry_first: Duration = "runner.retry_first_ms"
            { default: "1000", bound: Bound::Integer(1, 60_000), unit: Unit::Milliseconds }
        /// The longest pause between two tries.
        retry_max: Duration = "runner.retry_max_ms"
            { default: "60000", bound: Bound::Integer(1, 3_600_000), unit: Unit::Milliseconds }
        /// How long after its first try an event is stopped and no longer holds its key.
        give_up_after: Duration = "runner.give_up_after_s"
            { default: "86400", bound: Bound::Integer(1, 2_592_000), unit: Unit::Seconds }
    }

    /// The lease: which of several nodes relays, retries and fires timers.
    lease: LeaseSettings {
        /// How often its holder shows that it lives.
        beat: Duration = "lease.beat_ms"
            { default: "1000", bound: Bound::Integer(10, 60_000), unit: Unit::Milliseconds }
        /// How long a rival sees no beat before it takes over.
        takeover: Duration = "lease.takeover_ms"
            { default: "3000", bound: Bound::Integer(30, 600_000), unit: Unit::Milliseconds }
    }

    /// Deadlines.
    timer: TimerSettings {
        /// How often what is due is looked for.
        tick: Duration = "timer.tick_ms"
            { default: "1000", bound: Bound::Integer(10, 60_000), unit: Unit::Milliseconds }
    }

    /// The end of a node.
    shutdown: ShutdownSettings {
        /// How long stopping may take altogether.
        grace: Duration = "shutdown.grace_ms"
            { default: "10000", bound: Bound::Integer(1, 300_000), unit: Unit::Milliseconds }
    }

    /// How long records that guard against repetition are kept.
    retention: RetentionSettings {
        /// Inbox rows: how late a resent event is still known.
        inbox: Duration = "retention.inbox_days"
            { default: "90", bound: Bound::Integer(1, 3_650), unit: Unit::Days }
        /// Request ids: how late a repeated request gets the first answer.
        request: Duration = "retention.request_days"
            { default: "30", bound: Bound::Integer(1, 3_650), unit: Unit::Days }
    }
}

/// One line of `config show`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The dotted key.
    pub key: &'static str,
    /// The effective value, `***` where secret.
    pub value: String,
    /// Which layer set it.
    pub source: Source,
}

impl Settings {
    /// Checks the layers and makes the settings of them.
    ///
    /// # Errors
    /// Every unknown key, value out of bound, missing feature and contradiction, all at once.
    pub fn load(layers: Layers) -> Result<Self, ConfigError> {
        let settings = Settings::build(layers.resolve(TABLE.iter())?)?;
        let problems = settings.contradictions();
        if problems.is_empty() {
            return Ok(settings);
        }
        Err(ConfigError { problems })
    }

    /// The defaults with some values set by key, as by flags.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub fn with<T: AsRef<str>>(flags: impl IntoIterator<Item = T>) -> Result<Self, ConfigError> {
        Settings::load(Layers::new().flags(flags)?)
    }

    /// Every effective value with its source, as loaded; in the order of the table.
    pub fn show(&self) -> Vec<Shown> {
        let entries = TABLE.iter().filter_map(|one| self.values.0.get(one.key));
        entries
            .map(|entry| Shown {
                key: entry.declaration.key,
                value: entry.declaration.masked(&entry.text),
                source: entry.source.clone(),
            })
            .collect()
    }

    /// Where the master key is kept.
    pub fn master_key_file(&self) -> PathBuf {
        match &self.crypto.key_file {
            Some(path) => path.clone(),
            None => self.data_dir.join("keys").join("master.key"),
        }
    }

    fn contradictions(&self) -> Vec<Problem> {
        let refuse = |wrong: bool, key, reason: &str| {
            wrong.then(|| Problem::Inconsistent {
                key,
                reason: reason.to_owned(),
            })
        };
        [
            refuse(
                self.bus.kind == BusKind::Kafka && self.kafka.bootstrap.is_empty(),
                "bus.kafka.bootstrap",
                "must name the brokers when bus.kind is kafka",
            ),
            refuse(
                self.runner.retry_max < self.runner.retry_first,
                "runner.retry_max_ms",
                "must not be less than runner.retry_first_ms",
            ),
            refuse(
                self.lease.takeover < self.lease.beat * 2,
                "lease.takeover_ms",
                "must be at least two beats (lease.beat_ms), or a living holder loses the lease",
            ),
            refuse(
                self.identity.insecure_development && !self.grpc.listen.ip().is_loopback(),
                "identity.insecure_development",
                "is only allowed while grpc.listen is a loopback address",
            ),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// Prints what `config show` does: secrets stay masked.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.show();
        let pairs = shown.iter().map(|one| (one.key, &one.value));
        f.debug_map().entries(pairs).finish()
    }
}

impl DatabaseSettings {
    /// The PostgreSQL URL of a service, hyphens in its name as underscores; `None` means SQLite.
    pub fn url(&self, service: &str) -> Option<String> {
        let template = self.url_template.as_deref()?;
        Some(template.replace("{service}", &service.replace('-', "_")))
    }
}

impl KafkaSettings {
    /// The librdkafka properties of a protected connection; empty for plaintext.
    pub fn security_properties(&self) -> BTreeMap<String, String> {
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        let mut properties = BTreeMap::new();
        if self.security_protocol.word() == "plaintext" {
            return properties;
        }
        let mut set = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                properties.insert(name.to_owned(), value);
            }
        };
        set(
            "security.protocol",
            Some(self.security_protocol.word().to_owned()),
        );
        set("ssl.ca.location", path(&self.ssl_ca_file));
        set("ssl.certificate.location", path(&self.ssl_certificate_file));
        set("ssl.key.location", path(&self.ssl_key_file));
        set("ssl.key.password", self.ssl_key_password.clone());
        if self.security_protocol.word().starts_with("sasl") {
            set(
                "sasl.mechanism",
                Some(self.sasl_mechanism.word().to_owned()),
            );
            set("sasl.username", self.sasl_username.clone());
            set("sasl.password", self.sasl_password.clone());
        }
        properties
    }
}

impl NeighbourSettings {
    /// Where a service is; `None` means in this process (or not a service).
    pub fn address(&self, service: &str) -> Option<&Uri> {
        match service {
            "residents" => self.residents.as_ref(),
            "life-events" => self.life_events.as_ref(),
            "elderly-care" => self.elderly_care.as_ref(),
            "child-welfare" => self.child_welfare.as_ref(),
            _ => None,
        }
    }
}
