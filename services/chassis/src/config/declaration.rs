//! What one setting is: key, help, default, unit, bound.

use std::fmt;

use super::value::FromSetting;

/// One setting, as declared in the table of [`super::settings`].
#[derive(Clone, Copy, Debug)]
pub struct Declaration {
    /// The dotted key, for example `database.max_connections`.
    pub key: &'static str,
    /// What it does, in one or two sentences.
    pub help: &'static str,
    /// The value when no layer sets one, in the same text form as in the environment.
    pub default: &'static str,
    /// What the number counts.
    pub unit: Unit,
    /// What values are allowed.
    pub bound: Bound,
    /// Never shown: `config show` and errors print `***`.
    pub secret: bool,
    /// What the binary must have been built with before the setting may differ from its default.
    pub need: Option<Need>,
    /// Whether a text is an allowed value; made from the field's type.
    pub(super) allows: fn(&str, &Declaration) -> bool,
}

impl Declaration {
    /// A setting of type `T` with an empty default, no unit and no bound; the table overrides these by name.
    pub(super) const fn of<T: FromSetting>(key: &'static str, help: &'static str) -> Self {
        Declaration {
            key,
            help: help.trim_ascii(),
            default: "",
            unit: Unit::None,
            bound: Bound::Any,
            secret: false,
            need: None,
            allows: |text, declaration| T::read(text, declaration).is_some(),
        }
    }

    /// The environment variable that sets it: `runner.retry_max_ms` is `MINZHENG_RUNNER__RETRY_MAX_MS`.
    pub fn environment_name(&self) -> String {
        let path = self.key.replace('.', "__").replace('-', "_");
        format!("{}{}", super::layers::PREFIX, path.to_ascii_uppercase())
    }

    /// The text, or `***` where the setting is secret and set.
    pub fn masked(&self, text: &str) -> String {
        if self.secret && !text.is_empty() {
            return "***".to_owned();
        }
        text.to_owned()
    }
}

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Not a measure.
    None,
    /// Thousandths of a second.
    Milliseconds,
    /// Seconds.
    Seconds,
    /// Days of 24 hours.
    Days,
    /// Bytes.
    Bytes,
    /// Events or rows.
    Events,
    /// Open database connections.
    Connections,
    /// Concurrent HTTP/2 streams.
    Streams,
    /// Calls in hand.
    Calls,
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unit::None => "",
            Unit::Milliseconds => "ms",
            Unit::Seconds => "s",
            Unit::Days => "days",
            Unit::Bytes => "bytes",
            Unit::Events => "events",
            Unit::Connections => "connections",
            Unit::Streams => "streams",
            Unit::Calls => "calls",
        })
    }
}

/// Which values a setting accepts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// Any text.
    Any,
    /// A whole number, both ends included.
    Integer(u64, u64),
    /// A decimal number, both ends included.
    Decimal(f64, f64),
    /// `true` or `false`.
    Boolean,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A path; empty only where the default is.
    Path,
    /// `address:port` to listen on; port 0 takes a free one. Empty only where the default is.
    Listen,
    /// Empty, or an address with one of these schemes and nothing after host and port.
    Address(&'static [&'static str]),
    /// Empty, or a PostgreSQL URL that contains `{service}`.
    DatabaseUrl,
    /// A filter such as `info,minzheng=debug`.
    LogFilter,
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bound::Any => f.write_str("any text"),
            Bound::Integer(low, high) => write!(f, "a whole number from {low} to {high}"),
            Bound::Decimal(low, high) => write!(f, "a number from {low} to {high}"),
            Bound::Boolean => f.write_str("true or false"),
            Bound::OneOf(words) => write!(f, "one of {}", words.join(", ")),
            Bound::Path => f.write_str("a path"),
            Bound::Listen => f.write_str("an IP address and port, such as 127.0.0.1:50051"),
            Bound::Address(schemes) => {
                write!(
                    f,
                    "empty, or host and port after {}://",
                    schemes.join(":// or ")
                )
            }
            Bound::DatabaseUrl => {
                f.write_str("empty, or a postgres:// URL that contains {service}")
            }
            Bound::LogFilter => f.write_str("a log filter, such as info or info,sqlx=warn"),
        }
    }
}

/// A cargo feature that a setting depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// The feature's name.
    pub feature: &'static str,
    /// Whether this binary has it.
    pub met: bool,
}

/// librdkafka with TLS and SASL; off by default because the vendored OpenSSL wants perl to build.
pub(super) const KAFKA_TLS: Need = Need {
    feature: "kafka-tls",
    met: cfg!(feature = "kafka-tls"),
};

/// A clock that tests may move; never in a shipped binary.
pub(super) const TEST_CLOCK: Need = Need {
    feature: "test-clock",
    met: cfg!(feature = "test-clock"),
};
