//! AES-256-GCM per field.
//!
//! A field is stored as `version | key id | nonce | ciphertext and tag`. The first two parts and
//! the field's address are authenticated with it, so a ciphertext copied to another row, column,
//! table or service does not decrypt.

use aes_gcm::aead::AeadInOut;
use rand::Rng;

use super::{KeyRing, Secret};

const VERSION: u8 = 1;
const KEY_ID_BYTES: usize = 4;
const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;
const HEADER_BYTES: usize = 1 + KEY_ID_BYTES;

/// Where a field stands. All four parts are authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FieldAddress<'a> {
    /// The service that owns the table.
    pub service: &'a str,
    /// The table.
    pub table: &'a str,
    /// The column.
    pub column: &'a str,
    /// The primary key of the row.
    pub row: &'a str,
}

/// Why a field does not decrypt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecryptError {
    /// It is shorter than header, nonce and tag.
    #[error("the encrypted field is too short")]
    TooShort,
    /// It has a layout this build does not know.
    #[error("the encrypted field has the unknown version {0}")]
    Version(u8),
    /// It was encrypted under another master key.
    #[error("the encrypted field needs the key {needed:08x}, the key ring holds {held:08x}")]
    OtherKey {
        /// The key id in the field.
        needed: u32,
        /// The key id of the key ring.
        held: u32,
    },
    /// It was changed, or stands where it was not written.
    #[error("the encrypted field was changed or moved")]
    Forged,
    /// It decrypts to bytes that are no text.
    #[error("the encrypted field holds no text")]
    NotText,
}

impl KeyRing {
    /// Encrypts a field for its place.
    ///
    /// The nonce is random: at 96 bits, 2³² fields under one master key stay within the limit of
    /// NIST SP 800-38D §8.3.
    pub fn encrypt_field(&self, address: FieldAddress<'_>, plaintext: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE_BYTES];
        rand::rng().fill_bytes(&mut nonce);
        let header = self.header();
        let mut body = Vec::with_capacity(plaintext.len() + TAG_BYTES);
        body.extend_from_slice(plaintext);
        // The only error is a plaintext of 64 GiB or more, and messages are far smaller.
        self.cipher
            .encrypt_in_place(&nonce.into(), &associated_data(&header, address), &mut body)
            .expect("a field is shorter than 64 GiB");
        [header.as_slice(), &nonce, &body].concat()
    }

    /// Decrypts a field that was encrypted for this place.
    pub fn decrypt_field(
        &self,
        address: FieldAddress<'_>,
        field: &[u8],
    ) -> Result<Secret<Vec<u8>>, DecryptError> {
        let (header, rest) = field
            .split_first_chunk::<HEADER_BYTES>()
            .ok_or(DecryptError::TooShort)?;
        let (nonce, body) = rest
            .split_first_chunk::<NONCE_BYTES>()
            .ok_or(DecryptError::TooShort)?;
        if body.len() < TAG_BYTES {
            return Err(DecryptError::TooShort);
        }
        self.check(header)?;
        // In place before it is wrapped: until the tag is verified it is ciphertext, and on an
        // error it stays so.
        let mut plaintext = body.to_vec();
        self.cipher
            .decrypt_in_place(
                nonce.into(),
                &associated_data(header, address),
                &mut plaintext,
            )
            .map_err(|_| DecryptError::Forged)?;
        Ok(Secret::new(plaintext))
    }

    /// Decrypts a field that holds text.
    pub fn decrypt_text(
        &self,
        address: FieldAddress<'_>,
        field: &[u8],
    ) -> Result<Secret<String>, DecryptError> {
        let plaintext = self.decrypt_field(address, field)?;
        let text = std::str::from_utf8(plaintext.expose()).map_err(|_| DecryptError::NotText)?;
        Ok(Secret::new(text.to_owned()))
    }

    fn header(&self) -> [u8; HEADER_BYTES] {
        let [a, b, c, d] = self.key_id().to_be_bytes();
        [VERSION, a, b, c, d]
    }

    fn check(&self, &[version, a, b, c, d]: &[u8; HEADER_BYTES]) -> Result<(), DecryptError> {
        if version != VERSION {
            return Err(DecryptError::Version(version));
        }
        let needed = u32::from_be_bytes([a, b, c, d]);
        let held = self.key_id();
        if needed != held {
            return Err(DecryptError::OtherKey { needed, held });
        }
        Ok(())
    }
}

/// Each part behind its length, so that no two addresses are written alike.
fn associated_data(header: &[u8; HEADER_BYTES], address: FieldAddress<'_>) -> Vec<u8> {
    let FieldAddress {
        service,
        table,
        column,
        row,
    } = address;
    let mut data = header.to_vec();
    for part in [service, table, column, row] {
        data.extend_from_slice(&(part.len() as u64).to_be_bytes());
        data.extend_from_slice(part.as_bytes());
    }
    data
}
