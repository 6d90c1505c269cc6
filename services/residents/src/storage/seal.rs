//! Encrypting names, numbers and telephones for their place, and reading them back.

use minzheng_chassis::crypto::{FieldAddress, KeyRing, Secret};
use minzheng_chassis::seam::Failure;
use uuid::Uuid;

/// The service's name, part of every field's address.
const SERVICE: &str = "residents";

/// The encrypted columns of one row.
pub(super) struct Seal<'k> {
    keys: &'k KeyRing,
    table: &'static str,
    row: String,
}

impl<'k> Seal<'k> {
    /// For a row of a table.
    pub(super) fn of(keys: &'k KeyRing, table: &'static str, row: Uuid) -> Self {
        let row = row.to_string();
        Self { keys, table, row }
    }

    fn address<'a>(&'a self, column: &'a str) -> FieldAddress<'a> {
        FieldAddress {
            service: SERVICE,
            table: self.table,
            column,
            row: &self.row,
        }
    }

    /// Encrypts a text that may be absent.
    pub(super) fn close(&self, column: &str, text: Option<&str>) -> Option<Vec<u8>> {
        text.map(|text| {
            self.keys
                .encrypt_field(self.address(column), text.as_bytes())
        })
    }

    /// Decrypts a text that may be absent.
    pub(super) fn open(
        &self,
        column: &str,
        sealed: Option<&Vec<u8>>,
    ) -> Result<Option<Secret<String>>, Failure> {
        let Some(sealed) = sealed else {
            return Ok(None);
        };
        let text = self
            .keys
            .decrypt_text(self.address(column), sealed)
            .map_err(Failure::internal)?;
        Ok(Some(text))
    }
}
