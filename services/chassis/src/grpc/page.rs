//! Paging: keyset, with opaque tokens that name the last row of a page.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::problem::Problem;

/// Page size where none is asked for.
pub const DEFAULT_SIZE: i32 = 50;

/// Largest page.
pub const MAX_SIZE: i32 = 200;

/// Where a page begins: after this (order, id), in the list's own order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct After {
    /// What the list is ordered by.
    pub order: i64,
    /// Breaks ties.
    pub id: Uuid,
}

/// One page asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// At most this many rows.
    pub size: u64,
    /// After this row; `None` for the first page.
    pub after: Option<After>,
}

impl Page {
    /// From a request's `page_size` and `page_token`.
    ///
    /// # Errors
    /// PAGE_SIZE_INVALID or PAGE_TOKEN_INVALID.
    pub fn of(size: i32, token: &str) -> Result<Self, Problem> {
        let size = match size {
            0 => DEFAULT_SIZE,
            1..=MAX_SIZE => size,
            _ => {
                return Err(Problem::field(
                    "page_size",
                    "PAGE_SIZE_INVALID",
                    format!("must be 0 to {MAX_SIZE}"),
                    format!("每页条数须在 0 到 {MAX_SIZE} 之间"),
                ));
            }
        };
        let after = if token.is_empty() {
            None
        } else {
            Some(parse(token)?)
        };
        Ok(Self {
            size: u64::from(size.unsigned_abs()),
            after,
        })
    }

    /// One row more than the page, to see whether there is another.
    pub fn limit(&self) -> u64 {
        self.size + 1
    }

    /// Cuts what was read to the page, and gives the token of the next.
    pub fn cut<T>(&self, mut rows: Vec<T>, key: impl Fn(&T) -> After) -> (Vec<T>, String) {
        let size = usize::try_from(self.size).unwrap_or(usize::MAX);
        if rows.len() <= size {
            return (rows, String::new());
        }
        rows.truncate(size);
        let token = rows.last().map(|row| format(key(row))).unwrap_or_default();
        (rows, token)
    }
}

/// Bytes of a token's check; with them a token is 40 characters and has no spare bits.
const CHECK: usize = 6;

fn format(after: After) -> String {
    let mut bytes = after.order.to_be_bytes().to_vec();
    bytes.extend_from_slice(after.id.as_bytes());
    let check = check(&bytes);
    bytes.extend_from_slice(&check);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Tells a token from one that was damaged on its way. It keeps no secret: whoever makes a token
/// sees nothing with it that the list would not have shown anyway.
fn check(row: &[u8]) -> [u8; CHECK] {
    let digest = Sha256::new()
        .chain_update("minzheng page token")
        .chain_update(row)
        .finalize();
    std::array::from_fn(|n| digest[n])
}

fn parse(token: &str) -> Result<After, Problem> {
    let invalid = || {
        Problem::field(
            "page_token",
            "PAGE_TOKEN_INVALID",
            "is not a token of this list",
            "分页标识无效",
        )
    };
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| invalid())?;
    let (row, given) = bytes.split_last_chunk().ok_or_else(invalid)?;
    if *given != check(row) {
        return Err(invalid());
    }
    let (order, id) = row.split_at_checked(8).ok_or_else(invalid)?;
    let order = i64::from_be_bytes(order.try_into().map_err(|_| invalid())?);
    let id = Uuid::from_slice(id).map_err(|_| invalid())?;
    Ok(After { order, id })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_token_comes_back(order: i64, id: u128) {
            let after = After { order, id: Uuid::from_u128(id) };
            prop_assert_eq!(parse(&format(after)), Ok(after));
        }

        #[test]
        fn a_damaged_token_is_refused(order: i64, id: u128, at in 0..40_usize, other in "[A-Za-z0-9_-]") {
            let mut token = format(After { order, id: Uuid::from_u128(id) });
            prop_assume!(token[at..=at] != other);
            token.replace_range(at..=at, &other);
            prop_assert!(parse(&token).is_err(), "{}", token);
        }

        #[test]
        fn rubbish_is_refused_not_a_panic(token in ".*") {
            let _ = parse(&token);
        }
    }

    #[test]
    fn a_page_names_the_next_only_if_there_is_one() {
        let page = Page::of(2, "").unwrap();
        let key = |n: &i64| After {
            order: *n,
            id: Uuid::nil(),
        };
        assert_eq!(page.cut(vec![1, 2], key), (vec![1, 2], String::new()));
        let (rows, token) = page.cut(vec![1, 2, 3], key);
        assert_eq!(rows, vec![1, 2]);
        assert_eq!(Page::of(2, &token).unwrap().after, Some(key(&2)));
        assert!(Page::of(201, "").is_err());
        assert!(Page::of(-1, "").is_err());
    }
}
