//! The forms in which an envelope is kept, for those who try them with random bytes.

use crate::bus::embedded::codec;
use crate::bus::{Envelope, EnvelopeError};
use crate::inbox::stored as inbox_stored;

/// An envelope as it is kept while its event is parked or stopped.
pub fn stored(envelope: &Envelope) -> Vec<u8> {
    inbox_stored::encode(envelope)
}

/// The envelope back from that.
///
/// # Errors
/// Bytes that are no envelope.
pub fn from_stored(bytes: &[u8]) -> Result<Envelope, EnvelopeError> {
    inbox_stored::decode(bytes)
}

/// Headers as they lie in the embedded log's file.
pub fn file_headers(headers: &[(&'static str, String)]) -> Vec<u8> {
    codec::encode(headers)
}

/// The headers back from that.
///
/// # Errors
/// Bytes that are no headers.
pub fn from_file_headers(bytes: &[u8]) -> Result<Vec<(&str, &[u8])>, EnvelopeError> {
    codec::decode(bytes)
}
