//! Protection of personal data at rest: the key ring, encryption per field, keyed hashes, and the
//! wrapper that keeps secrets out of logs.

mod field;
mod key_ring;
mod secret;

pub use field::{DecryptError, FieldAddress};
pub use key_ring::{KeyFileError, KeyRing};
pub use secret::Secret;

#[cfg(test)]
mod tests;
