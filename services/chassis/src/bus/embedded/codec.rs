//! How the headers of a record lie in the file: for each one the length of the name, the name,
//! the length of the value, the value; lengths are 32 bits, little-endian.

use super::super::EnvelopeError;

/// Writes headers.
pub(crate) fn encode(headers: &[(&'static str, String)]) -> Vec<u8> {
    let size = headers
        .iter()
        .map(|(name, value)| name.len() + value.len() + 8)
        .sum();
    let mut bytes = Vec::with_capacity(size);
    for (name, value) in headers {
        put(&mut bytes, name.as_bytes());
        put(&mut bytes, value.as_bytes());
    }
    bytes
}

/// Reads headers.
///
/// # Errors
/// Bytes that [`encode`] did not write.
pub(crate) fn decode(mut bytes: &[u8]) -> Result<Vec<(&str, &[u8])>, EnvelopeError> {
    const DAMAGED: EnvelopeError = EnvelopeError::Malformed("block");
    let mut headers = Vec::with_capacity(12);
    while !bytes.is_empty() {
        let name = take(&mut bytes).ok_or(DAMAGED)?;
        let value = take(&mut bytes).ok_or(DAMAGED)?;
        headers.push((std::str::from_utf8(name).map_err(|_| DAMAGED)?, value));
    }
    Ok(headers)
}

fn put(bytes: &mut Vec<u8>, field: &[u8]) {
    // A header is far below 4 GiB: the size of a record is checked before.
    bytes.extend_from_slice(&(field.len() as u32).to_le_bytes());
    bytes.extend_from_slice(field);
}

fn take<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (field, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    *bytes = rest;
    Some(field)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NAMES: [&str; 4] = ["ce_id", "ce_type", "content-type", "traceparent"];

    proptest! {
        #[test]
        fn what_was_written_is_read(fields in proptest::collection::vec((0..4_usize, ".*"), 0..12)) {
            let headers: Vec<_> = fields.into_iter().map(|(name, value)| (NAMES[name], value)).collect();
            let bytes = encode(&headers);
            let expected: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
            prop_assert_eq!(decode(&bytes).unwrap(), expected);
        }

        #[test]
        fn foreign_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = decode(&bytes);
        }
    }

    #[test]
    fn a_block_that_was_cut_is_refused() {
        let bytes = encode(&[("ce_id", "1".to_owned())]);
        for length in 1..bytes.len() {
            assert!(decode(&bytes[..length]).is_err(), "{length}");
        }
    }
}
