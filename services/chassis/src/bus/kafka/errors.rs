//! What librdkafka's errors mean to us, and where its log goes.

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::types::RDKafkaConfRes;

use super::super::{BusError, Delivery};

/// What a failed record says about the producer that failed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The record itself; sending it again cannot help.
    Record,
    /// Its topic; other topics go on.
    Topic,
    /// The way to the broker, or the producer.
    Way,
}

/// Whose fault an error of a produced record is.
pub(super) fn fault(code: Option<RDKafkaErrorCode>) -> Fault {
    use RDKafkaErrorCode as Code;
    match code {
        Some(
            Code::MessageSizeTooLarge
            | Code::MessageBatchTooLarge
            | Code::InvalidMessageSize
            | Code::InvalidMessage
            | Code::InvalidRecord
            | Code::InvalidTimestamp
            | Code::BadMessage,
        ) => Fault::Record,
        Some(
            Code::UnknownTopic
            | Code::UnknownPartition
            | Code::UnknownTopicOrPartition
            | Code::InvalidTopic
            | Code::TopicAuthorizationFailed,
        ) => Fault::Topic,
        _ => Fault::Way,
    }
}

/// What became of a record that was not stored.
pub(super) fn outcome(error: &KafkaError) -> Delivery {
    match fault(error.rdkafka_error_code()) {
        Fault::Record => Delivery::Refused(error.to_string()),
        Fault::Topic | Fault::Way => Delivery::Failed(error.to_string()),
    }
}

/// An error of a request about `topic`, or of none in particular.
pub(super) fn request_error(error: KafkaError, topic: Option<&str>) -> BusError {
    use RDKafkaErrorCode as Code;
    // The value of a setting may be a secret, and librdkafka's reason quotes it.
    if let KafkaError::ClientConfig(result, _, name, _) = error {
        let what = match result {
            RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN => "is not known to this build",
            RDKafkaConfRes::RD_KAFKA_CONF_INVALID | RDKafkaConfRes::RD_KAFKA_CONF_OK => {
                "has a value that is not possible in this build"
            }
        };
        return BusError::Other(format!("Kafka setting {name} {what}"));
    }
    let code = match &error {
        KafkaError::AdminOp(code) => Some(*code),
        other => other.rdkafka_error_code(),
    };
    match (code, topic) {
        (
            Some(Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition),
            Some(topic),
        ) => BusError::UnknownTopic(topic.to_owned()),
        (
            Some(
                Code::TopicAuthorizationFailed
                | Code::ClusterAuthorizationFailed
                | Code::Authentication
                | Code::InvalidTopic
                | Code::InvalidPartitions
                | Code::InvalidReplicationFactor
                | Code::InvalidReplicaAssignment
                | Code::InvalidConfig
                | Code::InvalidRequest
                | Code::PolicyViolation
                | Code::UnsupportedVersion,
            ),
            _,
        ) => BusError::Other(error.to_string()),
        (Some(_), _) => BusError::Away(error.to_string()),
        (None, _) => BusError::Other(error.to_string()),
    }
}

/// Writes librdkafka's log into ours. Its lines name brokers, topics and groups, never content.
pub(super) fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    match level {
        RDKafkaLogLevel::Emerg
        | RDKafkaLogLevel::Alert
        | RDKafkaLogLevel::Critical
        | RDKafkaLogLevel::Error => {
            tracing::error!(target: "librdkafka", facility, "{message}");
        }
        RDKafkaLogLevel::Warning | RDKafkaLogLevel::Notice => {
            tracing::warn!(target: "librdkafka", facility, "{message}");
        }
        RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => {
            tracing::debug!(target: "librdkafka", facility, "{message}");
        }
    }
}

/// Writes an error that concerns a client as a whole; librdkafka goes on trying by itself. Lost
/// connections are in its log already, with repetitions suppressed.
pub(super) fn log_error(error: &KafkaError, reason: &str) {
    use RDKafkaErrorCode as Code;
    match error.rdkafka_error_code() {
        Some(Code::AllBrokersDown | Code::BrokerTransportFailure | Code::Resolve) => {
            tracing::debug!(target: "librdkafka", %error, "{reason}");
        }
        _ => tracing::warn!(target: "librdkafka", %error, "{reason}"),
    }
}

/// A context that does nothing but log.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LogOnly;

impl ClientContext for LogOnly {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        log_error(&error, reason);
    }
}

impl rdkafka::consumer::ConsumerContext for LogOnly {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_resending_cannot_heal_is_refused() {
        use RDKafkaErrorCode as Code;
        let cases = [
            (Code::MessageSizeTooLarge, Fault::Record),
            (Code::InvalidRecord, Fault::Record),
            (Code::UnknownTopicOrPartition, Fault::Topic),
            (Code::MessageTimedOut, Fault::Way),
            (Code::PurgeQueue, Fault::Way),
            (Code::PurgeInflight, Fault::Way),
            (Code::NotEnoughReplicas, Fault::Way),
            (Code::Fatal, Fault::Way),
            (Code::QueueFull, Fault::Way),
        ];
        for (code, expected) in cases {
            assert_eq!(fault(Some(code)), expected, "{code:?}");
        }
        assert_eq!(fault(None), Fault::Way);
    }
}
