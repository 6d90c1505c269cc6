//! How the text of a setting becomes a typed value.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use http::Uri;
use tracing_subscriber::EnvFilter;

use super::declaration::{Bound, Declaration, Unit};

/// A type a setting can have.
pub trait FromSetting: Sized {
    /// The value, or `None` where the text is not one or lies outside the declared bound.
    fn read(text: &str, declaration: &Declaration) -> Option<Self>;
}

fn integer(text: &str, declaration: &Declaration) -> Option<u64> {
    let number = text.parse().ok()?;
    match declaration.bound {
        Bound::Integer(low, high) if !(low..=high).contains(&number) => None,
        _ => Some(number),
    }
}

macro_rules! integers {
    ($($integer:ty),+) => {$(
        impl FromSetting for $integer {
            fn read(text: &str, declaration: &Declaration) -> Option<Self> {
                integer(text, declaration)?.try_into().ok()
            }
        }
    )+};
}

integers!(u32, u64, usize);

impl FromSetting for Duration {
    fn read(text: &str, declaration: &Declaration) -> Option<Self> {
        let number = integer(text, declaration)?;
        match declaration.unit {
            Unit::Milliseconds => Some(Duration::from_millis(number)),
            Unit::Seconds => Some(Duration::from_secs(number)),
            Unit::Days => Some(Duration::from_secs(number.checked_mul(86_400)?)),
            Unit::None
            | Unit::Bytes
            | Unit::Events
            | Unit::Connections
            | Unit::Streams
            | Unit::Calls => None,
        }
    }
}

impl FromSetting for f64 {
    fn read(text: &str, declaration: &Declaration) -> Option<Self> {
        let number: f64 = text.parse().ok()?;
        match declaration.bound {
            Bound::Decimal(low, high) if !(low..=high).contains(&number) => None,
            _ => number.is_finite().then_some(number),
        }
    }
}

impl FromSetting for bool {
    fn read(text: &str, _: &Declaration) -> Option<Self> {
        text.parse().ok()
    }
}

impl FromSetting for String {
    fn read(text: &str, declaration: &Declaration) -> Option<Self> {
        let allowed = match declaration.bound {
            Bound::LogFilter => EnvFilter::try_new(text).is_ok(),
            Bound::OneOf(words) => words.contains(&text),
            _ => true,
        };
        allowed.then(|| text.to_owned())
    }
}

impl FromSetting for Option<String> {
    fn read(text: &str, declaration: &Declaration) -> Option<Self> {
        if text.is_empty() {
            return Some(None);
        }
        let allowed = match declaration.bound {
            Bound::DatabaseUrl => {
                let postgres = text.starts_with("postgres://") || text.starts_with("postgresql://");
                postgres && text.contains("{service}")
            }
            _ => true,
        };
        allowed.then(|| Some(text.to_owned()))
    }
}

impl FromSetting for PathBuf {
    fn read(text: &str, _: &Declaration) -> Option<Self> {
        (!text.is_empty()).then(|| PathBuf::from(text))
    }
}

impl FromSetting for Option<PathBuf> {
    fn read(text: &str, _: &Declaration) -> Option<Self> {
        Some((!text.is_empty()).then(|| PathBuf::from(text)))
    }
}

impl FromSetting for SocketAddr {
    fn read(text: &str, _: &Declaration) -> Option<Self> {
        text.parse().ok()
    }
}

impl FromSetting for Option<SocketAddr> {
    fn read(text: &str, _: &Declaration) -> Option<Self> {
        if text.is_empty() {
            return Some(None);
        }
        text.parse().ok().map(Some)
    }
}

impl FromSetting for Option<Uri> {
    fn read(text: &str, declaration: &Declaration) -> Option<Self> {
        if text.is_empty() {
            return Some(None);
        }
        let uri: Uri = text.parse().ok()?;
        let Bound::Address(schemes) = declaration.bound else {
            return None;
        };
        // A path or a query would be dropped without a word by the gRPC client.
        let bare = matches!(uri.path(), "" | "/") && uri.query().is_none();
        let allowed = schemes.contains(&uri.scheme_str()?) && uri.port_u16().is_some() && bare;
        allowed.then_some(Some(uri))
    }
}

macro_rules! choices {
    ($(
        $(#[$meta:meta])*
        $Choice:ident { $( $(#[$variant_meta:meta])* $Variant:ident = $word:literal ),+ $(,)? }
    )+) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $Choice { $( $(#[$variant_meta])* $Variant ),+ }

        impl $Choice {
            /// The words that a layer may set it to.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// The word that means this.
            pub const fn word(self) -> &'static str {
                match self { $( $Choice::$Variant => $word ),+ }
            }
        }

        impl FromSetting for $Choice {
            fn read(text: &str, _: &Declaration) -> Option<Self> {
                match text { $( $word => Some($Choice::$Variant), )+ _ => None }
            }
        }
    )+};
}

choices! {
    /// What carries the events.
    BusKind {
        /// A durable log in one SQLite file; serves all targets in one process.
        Embedded = "embedded",
        /// Apache Kafka.
        Kafka = "kafka",
    }

    /// The form of a log line.
    LogFormat {
        /// One JSON object per line, for collectors.
        Json = "json",
        /// Plain text, for people.
        Text = "text",
    }

    /// How the connection to Kafka is protected (librdkafka's `security.protocol`).
    KafkaSecurity {
        /// Neither encrypted nor authenticated: only inside a trusted network.
        Plaintext = "plaintext",
        /// TLS.
        Ssl = "ssl",
        /// SASL without TLS.
        SaslPlaintext = "sasl_plaintext",
        /// SASL inside TLS.
        SaslSsl = "sasl_ssl",
    }

    /// How the client proves who it is to Kafka (librdkafka's `sasl.mechanism`).
    SaslMechanism {
        /// Name and password as they are; only inside TLS.
        Plain = "PLAIN",
        /// Salted challenge and response, RFC 5802 with SHA-256.
        ScramSha256 = "SCRAM-SHA-256",
        /// Salted challenge and response, RFC 5802 with SHA-512.
        ScramSha512 = "SCRAM-SHA-512",
    }
}
