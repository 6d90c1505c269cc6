//! What `minzheng dev` begins with: three counties, a hundred-odd residents with their kinship, two
//! facilities, a handful of death cases, one of which waits in review because two residents match.
//!
//! Everything is asked of the public API under request ids that are the same every time, so a start
//! that was cut off is completed by the next, and a second start changes nothing.

mod cases;
mod houses;
mod population;

use std::sync::atomic::{AtomicU32, Ordering};

use futures::{StreamExt, TryStreamExt, stream};
use minzheng_chassis::authz::{Caller, Role};
use minzheng_chassis::division::DivisionCode;
use minzheng_chassis::node::Node;
use minzheng_proto::life_events::v1 as pb;
use uuid::Uuid;

use super::ask::Member;
use crate::cli::Addresses;
use crate::client::connect::Platform;
use crate::client::error::ClientError;

/// Calls at once: enough to keep both cores busy between two commits.
const AT_ONCE: usize = 16;

/// The namespace of the request ids.
const REQUESTS: u128 = 0x6d69_6e7a_6865_4e67_8d65_7600_0000_0000;

/// The case that waits, and whom it could be about.
#[derive(Clone, Debug)]
pub struct WaitingCase {
    /// The case.
    pub case_id: String,
    /// One of the two residents who match.
    pub person_id: String,
}

/// What there is to try.
#[derive(Clone, Debug)]
pub struct Seeded {
    /// The case that waits in review, unless somebody has decided it.
    pub waiting: Option<WaitingCase>,
    /// Residents there are at least.
    pub residents: usize,
}

/// Seeds a node that has nothing yet, through its own API.
///
/// # Errors
/// What the API refused.
pub async fn run(node: &Node) -> Result<Seeded, ClientError> {
    let platform = Platform::at(own_address(node)?, seeder());
    if cases_in(&platform, pb::Phase::Unspecified).await?.len() >= cases::COUNT {
        return again(&platform).await;
    }
    let population = population::register(&platform).await?;
    let houses = houses::build(&platform, &population);
    let kin = population::relate(&platform, &population);
    tokio::try_join!(houses, kin)?;
    let waiting = cases::report(&platform, &population).await?;
    Ok(Seeded {
        waiting: Some(waiting),
        residents: population::COUNT,
    })
}

/// What a second start says: registering the same person again under the same request id answers
/// with the first answer.
async fn again(platform: &Platform) -> Result<Seeded, ClientError> {
    let in_review = cases_in(platform, pb::Phase::InReview).await?;
    let waiting = match cases::of_twins(platform, &in_review).await? {
        None => None,
        // After a month the platform forgets request ids; then nobody is named.
        Some(case_id) => population::twin(platform)
            .await
            .ok()
            .map(|twin: Member| WaitingCase {
                case_id,
                person_id: twin.person_id,
            }),
    };
    Ok(Seeded {
        waiting,
        residents: population::COUNT,
    })
}

/// Cases in a phase, or in any where it is unspecified.
async fn cases_in(
    platform: &Platform,
    phase: pb::Phase,
) -> Result<Vec<pb::DeathCase>, ClientError> {
    let request = pb::ListCasesRequest {
        page_size: 200,
        phase: phase.into(),
        ..Default::default()
    };
    let answer = platform
        .cases()
        .list_cases(request)
        .await
        .map_err(|status| platform.refused(&status))?;
    Ok(answer.into_inner().cases)
}

fn own_address(node: &Node) -> Result<Addresses, ClientError> {
    let address = format!("http://{}", node.grpc_address());
    address.parse().map_err(|error: crate::cli::BadAddress| {
        ClientError::new(
            "ADDRESS_UNUSABLE",
            error.to_string(),
            "set grpc.listen to an address of this machine",
        )
    })
}

fn seeder() -> Caller {
    Caller {
        subject: "demo.seed".to_owned(),
        roles: [Role::CountyClerk, Role::Reporter, Role::TownshipWorker].into(),
        divisions: vec![DivisionCode::GUIZHOU],
        department: "civil-affairs".to_owned(),
        on_behalf_of: None,
    }
}

/// Hands out the same request ids in the same order every time; `block` keeps the kinds of calls
/// apart.
struct RequestIds {
    block: u32,
    next: AtomicU32,
}

impl RequestIds {
    fn of(block: u32) -> Self {
        Self {
            block,
            next: AtomicU32::new(0),
        }
    }

    fn next(&self) -> String {
        let number =
            u128::from(self.block) << 24 | u128::from(self.next.fetch_add(1, Ordering::Relaxed));
        Uuid::from_u128(REQUESTS | number).to_string()
    }
}

/// Runs calls a few at a time; the answers in the order of the calls.
async fn together<T>(
    calls: Vec<impl Future<Output = Result<T, ClientError>>>,
) -> Result<Vec<T>, ClientError> {
    stream::iter(calls).buffered(AT_ONCE).try_collect().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_ids_repeat_and_do_not_collide() {
        let ids = |block| {
            let ids = RequestIds::of(block);
            [ids.next(), ids.next()]
        };
        assert_eq!(ids(1), ids(1));
        assert_ne!(ids(1)[0], ids(1)[1]);
        assert!(!ids(2).contains(&ids(1)[0]));
    }
}
