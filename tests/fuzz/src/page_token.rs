//! Page tokens.

use minzheng_chassis::grpc::page::{After, Page};
use minzheng_chassis::page_of;
use minzheng_chassis::problem::Problem;
use minzheng_proto::life_events::v1::ListCasesRequest;
use uuid::Uuid;

/// A token as it comes, and one of ours with one byte altered.
pub fn token(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(page) = page(text)
        && let Some(after) = page.after
    {
        // There is one token for a row, and no other text for the same.
        assert_eq!(written(after), text);
    }
    let Some((row, [at, other, ..])) = data.split_at_checked(24) else {
        return;
    };
    let (order, id) = row.split_at(8);
    let after = After {
        order: i64::from_be_bytes(order.try_into().expect("eight bytes")),
        id: Uuid::from_slice(id).expect("sixteen bytes"),
    };
    let token = written(after);
    assert_eq!(read(&token), Some(after));
    let mut bytes = token.clone().into_bytes();
    let at = usize::from(*at) % bytes.len();
    bytes[at] = *other;
    if let Ok(altered) = String::from_utf8(bytes)
        && altered != token
    {
        assert_eq!(read(&altered), None, "{altered} was {token}");
    }
    for shorter in 1..token.len() {
        assert_eq!(read(&token[..shorter]), None);
    }
}

fn read(token: &str) -> Option<After> {
    page(token).ok()?.after
}

/// The page of a list that a token asks for.
fn page(token: &str) -> Result<Page, Problem> {
    page_of!(&ListCasesRequest {
        page_size: 1,
        page_token: token.to_owned(),
        ..Default::default()
    })
}

/// The token of a page that ends with this row.
///
/// # Panics
/// The first page is refused.
pub fn written(after: After) -> String {
    let page = page("").expect("the first page");
    page.cut(vec![after, after], |row| *row).1
}
