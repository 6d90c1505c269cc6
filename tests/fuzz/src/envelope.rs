//! Envelopes: of a record on the bus, of a parked event, of a block of the embedded log's file.

use minzheng_chassis::bus::Envelope;
use minzheng_chassis::testing::{file_headers, from_file_headers, from_stored, stored as kept};

/// A record: lines of `header: value`, an empty line, the value.
pub fn record(data: &[u8]) {
    let (head, value) = split(data, b"\n\n");
    let headers = head.split(|byte| *byte == b'\n').filter_map(|line| {
        let (name, value) = split(line, b": ");
        Some((std::str::from_utf8(name).ok()?, value))
    });
    if let Ok(envelope) = Envelope::from_record("topic", "key", headers, value.to_vec()) {
        comes_back(&envelope);
    }
    // A block is read to its end and no further: two lengths of four bytes each, a name and a value.
    if let Ok(read) = from_file_headers(data) {
        let bytes = read
            .iter()
            .map(|(name, value)| 8 + name.len() + value.len());
        assert_eq!(bytes.sum::<usize>(), data.len());
    }
}

/// A parked event.
pub fn stored(data: &[u8]) {
    if let Ok(envelope) = from_stored(data) {
        comes_back(&envelope);
    }
}

/// What was read is written and read again, in every form; its number is one that a service gives.
fn comes_back(envelope: &Envelope) {
    assert!(envelope.sequence >= 1, "numbers count from 1");
    let again = from_stored(&kept(envelope)).expect("stored by us");
    assert_eq!(&again, envelope);
    let headers = envelope.headers();
    let block = file_headers(&headers);
    let headers = from_file_headers(&block).expect("a block by us");
    let read = Envelope::from_record(
        &envelope.topic,
        &envelope.key,
        headers.into_iter(),
        envelope.value.clone(),
    );
    assert_eq!(read.as_ref(), Ok(envelope));
    assert!(envelope.size() > envelope.value.len() + envelope.key.len());
}

/// Before and behind the first `mark`.
fn split<'a>(data: &'a [u8], mark: &[u8]) -> (&'a [u8], &'a [u8]) {
    let found = data.windows(mark.len()).position(|window| window == mark);
    match found {
        Some(at) => (&data[..at], &data[at + mark.len()..]),
        None => (data, &[]),
    }
}
