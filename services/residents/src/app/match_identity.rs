//! Who has an identity: an answer and an id, of the whole province.

use minzheng_chassis::context::Context;
use minzheng_chassis::seam::Failure;
use minzheng_proto::residents::v1 as pb;
use uuid::Uuid;

use super::show::{answer_to_wire, count_to_wire};
use crate::domain::identity::Identity;
use crate::domain::matching::find;
use crate::storage::person::Persons;

/// Looks for an identity.
///
/// # Errors
/// The database's.
pub async fn match_identity(
    cx: &Context,
    identity: &Identity,
) -> Result<pb::MatchResponse, Failure> {
    let records = Persons::reading(cx)
        .with_number_anywhere(&identity.document)
        .await?;
    let found = find(identity, &records);
    Ok(pb::MatchResponse {
        answer: answer_to_wire(found.answer).into(),
        person_id: found
            .person_id()
            .as_ref()
            .map(Uuid::to_string)
            .unwrap_or_default(),
        candidates: count_to_wire(found.candidates),
    })
}
