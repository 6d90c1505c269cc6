//! Between librdkafka's messages and lists and ours.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::{Offset, TopicPartitionList};

use super::super::{EnvelopeError, Record, TopicPartition};
use super::settings::KafkaSettings;

/// What a reader sees of a message.
pub(super) fn record(at: TopicPartition, message: &BorrowedMessage<'_>) -> Record {
    let key = String::from_utf8_lossy(message.key().unwrap_or_default()).into_owned();
    let value = message.payload().unwrap_or_default().to_vec();
    Record::decode(
        at,
        message.offset(),
        key,
        headers(message).map(Vec::into_iter),
        value,
    )
}

fn headers<'a>(
    message: &'a BorrowedMessage<'_>,
) -> Result<Vec<(&'a str, &'a [u8])>, EnvelopeError> {
    // rdkafka 0.39 panics on a header whose name is not UTF-8. Such a record is undecodable like
    // any other foreign one; it must not end the thread of a service.
    let reading = catch_unwind(AssertUnwindSafe(|| {
        let headers = message
            .headers()
            .into_iter()
            .flat_map(|headers| headers.iter());
        headers
            .map(|header| (header.key, header.value.unwrap_or_default()))
            .collect()
    }));
    reading.map_err(|_| EnvelopeError::Malformed("name"))
}

/// The partitions of a list that are this deployment's.
pub(super) fn partitions(
    settings: &KafkaSettings,
    list: &TopicPartitionList,
) -> Vec<TopicPartition> {
    list.elements()
        .iter()
        .filter_map(|element| {
            Some(TopicPartition::new(
                settings.short_name(element.topic())?,
                element.partition(),
            ))
        })
        .collect()
}

/// A list of partitions with offsets.
pub(super) fn offsets<'a>(
    settings: &KafkaSettings,
    positions: impl IntoIterator<Item = (&'a TopicPartition, i64)>,
) -> Result<TopicPartitionList, rdkafka::error::KafkaError> {
    let mut list = TopicPartitionList::new();
    for (at, offset) in positions {
        list.add_partition_offset(
            &settings.full_name(&at.topic),
            at.partition,
            Offset::Offset(offset),
        )?;
    }
    Ok(list)
}

/// A list of partitions.
pub(super) fn list<'a>(
    settings: &KafkaSettings,
    partitions: impl IntoIterator<Item = &'a TopicPartition>,
) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for at in partitions {
        list.add_partition(&settings.full_name(&at.topic), at.partition);
    }
    list
}
