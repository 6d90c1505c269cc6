//! An envelope as it is kept while its event is parked or stopped.

use prost::Message;

use crate::bus::{Envelope, EnvelopeError};

#[derive(Clone, PartialEq, Message)]
struct StoredHeader {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct StoredEnvelope {
    #[prost(string, tag = "1")]
    topic: String,
    #[prost(string, tag = "2")]
    key: String,
    #[prost(message, repeated, tag = "3")]
    headers: Vec<StoredHeader>,
    #[prost(bytes = "vec", tag = "4")]
    value: Vec<u8>,
}

/// The envelope as bytes.
pub(crate) fn encode(envelope: &Envelope) -> Vec<u8> {
    let headers = envelope.headers().into_iter();
    StoredEnvelope {
        topic: envelope.topic.clone(),
        key: envelope.key.clone(),
        headers: headers
            .map(|(name, value)| StoredHeader {
                name: name.to_owned(),
                value: value.into_bytes(),
            })
            .collect(),
        value: envelope.value.clone(),
    }
    .encode_to_vec()
}

/// The envelope back from its bytes.
pub(crate) fn decode(bytes: &[u8]) -> Result<Envelope, EnvelopeError> {
    let stored =
        StoredEnvelope::decode(bytes).map_err(|_| EnvelopeError::Malformed("stored envelope"))?;
    let headers = stored
        .headers
        .iter()
        .map(|header| (header.name.as_str(), header.value.as_slice()));
    Envelope::from_record(&stored.topic, &stored.key, headers, stored.value.clone())
}
