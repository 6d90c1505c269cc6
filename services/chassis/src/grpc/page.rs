//! Paging: keyset, with opaque tokens that name the last row of a page and what was listed: a token is
//! refused under another filter than the one it was given for (AIP-158).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use prost::Message;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::problem::Problem;

/// Page size where none is asked for.
pub const DEFAULT_SIZE: i32 = 50;

/// Largest page.
pub const MAX_SIZE: i32 = 200;

/// Names a row of a list, in the list's own order.
pub trait Key: Sized {
    /// As a token keeps it.
    fn to_bytes(&self) -> Vec<u8>;

    /// What a token kept; none if that was none of this kind.
    fn from_bytes(bytes: &[u8]) -> Option<Self>;
}

/// The usual key: (order, id).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct After {
    /// What the list is ordered by.
    pub order: i64,
    /// Breaks ties.
    pub id: Uuid,
}

impl Key for After {
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.order.to_be_bytes().to_vec();
        bytes.extend_from_slice(self.id.as_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (order, id) = bytes.split_at_checked(8)?;
        Some(Self {
            order: i64::from_be_bytes(order.try_into().ok()?),
            id: Uuid::from_slice(id).ok()?,
        })
    }
}

/// What is listed: the kind of request and all of it but size and token, as a digest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Listed([u8; 8]);

impl Listed {
    fn by<R: Message>(filter: &R) -> Self {
        let mut digest = Sha256::new();
        digest.update(std::any::type_name::<R>());
        digest.update([0]);
        digest.update(filter.encode_to_vec());
        let mut short = [0; 8];
        short.copy_from_slice(&digest.finalize()[..8]);
        Self(short)
    }
}

/// One page asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page<K = After> {
    /// At most this many rows.
    pub size: u64,
    /// After this row; `None` for the first page.
    pub after: Option<K>,
    listed: Listed,
}

/// The [`Page`] that a list's request asks for by `page_size` and `page_token`.
#[macro_export]
macro_rules! page_of {
    ($request:expr) => {
        $crate::grpc::page::Page::of($request, |request| {
            (
                ::std::mem::take(&mut request.page_size),
                ::std::mem::take(&mut request.page_token),
            )
        })
    };
}

impl<K: Key> Page<K> {
    /// From a request, of which `take` takes the page's size and token; what is left is the filter. Use
    /// [`page_of!`](crate::page_of).
    ///
    /// # Errors
    /// PAGE_SIZE_INVALID or PAGE_TOKEN_INVALID.
    pub fn of<R: Message + Clone>(
        request: &R,
        take: impl FnOnce(&mut R) -> (i32, String),
    ) -> Result<Self, Problem> {
        let mut filter = request.clone();
        let (size, token) = take(&mut filter);
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
        let listed = Listed::by(&filter);
        let after = match token.as_str() {
            "" => None,
            token => Some(parse(token, listed).ok_or_else(token_invalid)?),
        };
        Ok(Self {
            size: u64::from(size.unsigned_abs()),
            after,
            listed,
        })
    }

    /// The first page of a list that nobody asked for by a request.
    pub fn first(size: i32) -> Self {
        Self {
            size: u64::from(size.unsigned_abs()),
            after: None,
            listed: Listed::default(),
        }
    }

    /// The page after a row.
    #[must_use]
    pub fn beyond(&self, last: K) -> Self {
        Self {
            size: self.size,
            after: Some(last),
            listed: self.listed,
        }
    }

    /// One row more than the page, to see whether there is another.
    pub fn limit(&self) -> u64 {
        self.size + 1
    }

    /// Cuts what was read to the page, and gives the token of the next.
    pub fn cut<T>(&self, mut rows: Vec<T>, key: impl Fn(&T) -> K) -> (Vec<T>, String) {
        let size = usize::try_from(self.size).unwrap_or(usize::MAX);
        if rows.len() <= size {
            return (rows, String::new());
        }
        rows.truncate(size);
        let last = rows.last().map(key);
        let token = last.map(|last| format(&last, self.listed));
        (rows, token.unwrap_or_default())
    }
}

/// Bytes of a token's check; with them most tokens have no spare bits.
const CHECK: usize = 7;

fn format(last: &impl Key, listed: Listed) -> String {
    let mut bytes = listed.0.to_vec();
    bytes.extend(last.to_bytes());
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

fn parse<K: Key>(token: &str, listed: Listed) -> Option<K> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let (row, given) = bytes.split_last_chunk()?;
    if *given != check(row) {
        return None;
    }
    let key = row.strip_prefix(&listed.0[..])?;
    K::from_bytes(key)
}

/// The token is none of this list under this filter.
pub(crate) fn token_invalid() -> Problem {
    Problem::field(
        "page_token",
        "PAGE_TOKEN_INVALID",
        "is not a token of this list under this filter",
        "分页标识无效，或查询条件已改变",
    )
}

#[cfg(test)]
mod tests {
    use minzheng_proto::residents::v1::ListPersonsRequest;
    use minzheng_proto::work::v1::ListWorkItemsRequest;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_token_comes_back(order: i64, id: u128, listed: [u8; 8]) {
            let after = After { order, id: Uuid::from_u128(id) };
            let token = format(&after, Listed(listed));
            prop_assert_eq!(parse(&token, Listed(listed)), Some(after));
        }

        #[test]
        fn a_damaged_token_is_refused(order: i64, id: u128, at in 0..52_usize, other in "[A-Za-z0-9_-]") {
            let listed = Listed::default();
            let mut token = format(&After { order, id: Uuid::from_u128(id) }, listed);
            prop_assume!(token[at..=at] != other);
            token.replace_range(at..=at, &other);
            prop_assert_eq!(parse::<After>(&token, listed), None, "{}", token);
        }

        #[test]
        fn rubbish_is_refused_not_a_panic(token in ".*") {
            let _ = parse::<After>(&token, Listed::default());
        }
    }

    fn request(kind: &str, page_size: i32, token: &str) -> ListWorkItemsRequest {
        ListWorkItemsRequest {
            kind: kind.to_owned(),
            page_size,
            page_token: token.to_owned(),
            ..Default::default()
        }
    }

    fn page(request: &ListWorkItemsRequest) -> Result<Page, Problem> {
        page_of!(request)
    }

    fn key(n: &i64) -> After {
        After {
            order: *n,
            id: Uuid::nil(),
        }
    }

    #[test]
    fn a_page_names_the_next_only_if_there_is_one() {
        let first = page(&request("", 2, "")).unwrap();
        assert_eq!(first.cut(vec![1, 2], key), (vec![1, 2], String::new()));
        let (rows, token) = first.cut(vec![1, 2, 3], key);
        assert_eq!(rows, vec![1, 2]);
        let second = page(&request("", 2, &token)).unwrap();
        assert_eq!(second, first.beyond(key(&2)));
        assert!(page(&request("", 201, "")).is_err());
        assert!(page(&request("", -1, "")).is_err());
    }

    #[test]
    fn a_token_is_for_one_list_under_one_filter() {
        let (_, token) = page(&request("a", 1, "")).unwrap().cut(vec![1, 2], key);
        assert!(
            page(&request("a", 7, &token)).is_ok(),
            "another size will do"
        );
        for kind in ["", "b"] {
            assert_eq!(page(&request(kind, 1, &token)), Err(token_invalid()));
        }
        let (_, token) = page(&request("", 1, "")).unwrap().cut(vec![1, 2], key);
        let other_list = ListPersonsRequest {
            page_token: token,
            ..Default::default()
        };
        let refused: Result<Page, Problem> = page_of!(&other_list);
        assert_eq!(refused, Err(token_invalid()));
    }
}
