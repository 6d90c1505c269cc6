//! What a node counts and measures: every metric, declared once.
//!
//! To add a metric, add one entry to the table below. Its doc comment is its help text, its name and labels are those
//! on `/metrics` (after the prefix `minzheng_`; counters end in `_total`), and a method of its name gives the instrument
//! for a set of label values (keep it where the values do not change: each look-up hashes them). No statics: two nodes in
//! one process count apart.

use std::borrow::Cow;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge;
use prometheus_client::metrics::histogram;
use prometheus_client::registry::Registry;

/// Put before the name of every metric.
pub const PREFIX: &str = "minzheng";

/// The media type of [`Metrics::encode`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A number that only rises.
pub type Counter = counter::Counter;
/// A whole number that rises and falls.
pub type Gauge = gauge::Gauge;
/// A decimal number that rises and falls.
pub type DecimalGauge = gauge::Gauge<f64, std::sync::atomic::AtomicU64>;
/// How often each of several durations, in seconds, was not exceeded.
pub type Histogram = histogram::Histogram;

/// The value of a label. Never personal data, and never a value that callers choose: each value is a time series.
pub type Label = Cow<'static, str>;

/// From a millisecond, an unloaded command on SQLite, to half a minute, a rerun behind a held lock.
const SECONDS: [f64; 14] = [
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0,
];

/// How a metric is called and what it means.
#[derive(Clone, Copy, Debug)]
pub struct MetricDeclaration {
    /// The full name on `/metrics`.
    pub name: &'static str,
    /// What it tells.
    pub help: &'static str,
    /// The names of its labels.
    pub labels: &'static [&'static str],
}

type LabelSet<const N: usize> = [(&'static str, Label); N];
type HistogramFamily<const N: usize> = Family<LabelSet<N>, Histogram, fn() -> Histogram>;

fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

macro_rules! family {
    (Counter, $n:expr) => { Family<LabelSet<{ $n }>, Counter> };
    (Gauge, $n:expr) => { Family<LabelSet<{ $n }>, Gauge> };
    (DecimalGauge, $n:expr) => { Family<LabelSet<{ $n }>, DecimalGauge> };
    (Histogram, $n:expr) => { HistogramFamily<{ $n }> };
}

macro_rules! new_family {
    (Histogram) => {
        HistogramFamily::new_with_constructor(seconds as fn() -> Histogram)
    };
    ($Kind:ident) => {
        Family::default()
    };
}

/// What the registry appends to the name by itself.
macro_rules! suffix {
    (Counter) => {
        "_total"
    };
    ($Kind:ident) => {
        ""
    };
}

macro_rules! metrics {
    ($(
        $(#[doc = $help:literal])+
        $Kind:ident $name:ident { $($label:ident = $key:literal),+ }
    )+) => {
        struct Families {
            $( $name: family!($Kind, [$($key),+].len()), )+
        }

        /// Every metric there is.
        pub static METRICS: &[MetricDeclaration] = &[
            $( MetricDeclaration {
                name: concat!("minzheng_", stringify!($name), suffix!($Kind)),
                help: concat!($($help),+).trim_ascii(),
                labels: &[$($key),+],
            } ),+
        ];

        impl Metrics {
            /// An empty set of metrics, for one node.
            pub fn new() -> Self {
                let mut registry = Registry::with_prefix(PREFIX);
                let families = Families { $( $name: new_family!($Kind) ),+ };
                $(
                    // The registry puts the full stop at the end of the help text itself.
                    let help = concat!($($help),+).trim_ascii().trim_end_matches('.');
                    registry.register(stringify!($name), help, families.$name.clone());
                )+
                Metrics { registry, families }
            }

            $(
                $(#[doc = $help])+
                pub fn $name(&self, $($label: impl Into<Label>),+) -> $Kind {
                    self.families.$name.get_or_create_owned(&[$(($key, $label.into())),+])
                }
            )+
        }
    };
}

metrics! {
    /// Events written but not yet on the bus.
    Gauge outbox_rows { service = "service" }

    /// Age of the oldest event not yet on the bus, in seconds.
    DecimalGauge outbox_oldest_age_seconds { service = "service" }

    /// Events sent to the bus.
    Counter relay_events { service = "service" }

    /// Events that took effect.
    Counter events_applied { service = "service", subscription = "subscription" }

    /// Events of a type that no subscription of the reader names.
    Counter events_skipped { event_type = "type" }

    /// Events that wait for another try, or behind one that does.
    Gauge parked_events { service = "service", subscription = "subscription" }

    /// Events given up, which a person has to replay or discard.
    Gauge stopped_events { service = "service", subscription = "subscription" }

    /// Jumps found in the sequences of a topic's keys.
    Counter stream_gaps { service = "service", topic = "topic" }

    /// Events on the bus that a subscription has not read.
    Gauge consumer_lag {
        service = "service", subscription = "subscription", topic = "topic", partition = "partition"
    }

    /// How long commands took, in seconds, reruns included.
    Histogram command_seconds { service = "service", method = "method", outcome = "outcome" }

    /// How long reactions to events took, in seconds: one transaction of one subscription.
    Histogram reaction_seconds { service = "service", subscription = "subscription" }

    /// Transactions run again after a conflict.
    Counter transaction_reruns { service = "service" }

    /// Calls answered, by gRPC status code.
    Counter grpc_requests { service = "service", method = "method", code = "code" }

    /// Work items that wait for a person.
    Gauge work_items_open { service = "service", kind = "kind" }

    /// Whether this node holds the lease of a service's database: 1 or 0.
    Gauge lease_held { service = "service" }

    /// Statements sent to the database.
    Counter database_statements { service = "service" }
}

/// The metrics of one node.
pub struct Metrics {
    registry: Registry,
    families: Families,
}

impl Metrics {
    /// Everything, as OpenMetrics text.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        if let Err(error) = encode(&mut text, &self.registry) {
            tracing::error!(%error, "cannot encode the metrics");
        }
        text
    }

    /// Forgets the lag of a partition that another node now reads; its last value would stand for ever.
    pub fn forget_consumer_lag(
        &self,
        service: impl Into<Label>,
        subscription: impl Into<Label>,
        topic: impl Into<Label>,
        partition: impl Into<Label>,
    ) {
        self.families.consumer_lag.remove(&[
            ("service", service.into()),
            ("subscription", subscription.into()),
            ("topic", topic.into()),
            ("partition", partition.into()),
        ]);
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Metrics::new()
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn has(text: &str, line: &str) -> bool {
        text.lines().any(|one| one == line)
    }

    #[test]
    fn values_appear_with_their_labels() {
        let metrics = Metrics::new();
        metrics.outbox_rows("residents").set(7);
        metrics.outbox_oldest_age_seconds("residents").set(1.5);
        metrics.relay_events("residents").inc_by(3);
        metrics.relay_events("residents").inc();
        metrics.events_skipped("minzheng.x.v1.Y".to_owned()).inc();
        metrics
            .consumer_lag("elderly-care", "elderly-care.hold", "residents.person", "3")
            .set(12);
        metrics
            .command_seconds("residents", "Register", "ok")
            .observe(0.004);
        let text = metrics.encode();
        for line in [
            "minzheng_outbox_rows{service=\"residents\"} 7",
            "minzheng_outbox_oldest_age_seconds{service=\"residents\"} 1.5",
            "minzheng_relay_events_total{service=\"residents\"} 4",
            "minzheng_events_skipped_total{type=\"minzheng.x.v1.Y\"} 1",
            "minzheng_consumer_lag{service=\"elderly-care\",subscription=\"elderly-care.hold\",topic=\"residents.person\",partition=\"3\"} 12",
            "minzheng_command_seconds_bucket{le=\"0.002\",service=\"residents\",method=\"Register\",outcome=\"ok\"} 0",
            "minzheng_command_seconds_bucket{le=\"0.005\",service=\"residents\",method=\"Register\",outcome=\"ok\"} 1",
            "minzheng_command_seconds_count{service=\"residents\",method=\"Register\",outcome=\"ok\"} 1",
            "# HELP minzheng_relay_events Events sent to the bus.",
            "# TYPE minzheng_relay_events counter",
            "# EOF",
        ] {
            assert!(has(&text, line), "no line {line:?} in\n{text}");
        }
        metrics.forget_consumer_lag("elderly-care", "elderly-care.hold", "residents.person", "3");
        assert!(!metrics.encode().contains("partition=\"3\""));
    }

    #[test]
    fn two_nodes_count_apart() {
        let (one, other) = (Metrics::new(), Metrics::new());
        one.lease_held("residents").set(1);
        assert!(
            one.encode()
                .contains("minzheng_lease_held{service=\"residents\"} 1")
        );
        assert!(!other.encode().contains("minzheng_lease_held{"));
    }

    #[test]
    fn names_are_distinct_and_labels_cannot_break_out() {
        let names: BTreeSet<_> = METRICS.iter().map(|one| one.name).collect();
        assert_eq!(names.len(), METRICS.len());
        assert!(names.contains("minzheng_transaction_reruns_total"));
        let metrics = Metrics::new();
        metrics.events_skipped("a\"} 1\nfake 1").inc();
        assert!(
            !metrics
                .encode()
                .lines()
                .any(|line| line.starts_with("fake"))
        );
    }
}
