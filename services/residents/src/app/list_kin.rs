//! All kin of a person that stand now, those that follow from others included.

use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::grpc::etag;
use minzheng_chassis::seam::Failure;
use minzheng_proto::residents::v1 as pb;
use uuid::Uuid;

use super::kin::circles;
use crate::domain::kinship::{CircleMember, Link};
use crate::storage::events::circle_to_wire;
use crate::storage::kinship::{self, StoredLink};
use crate::storage::person::Persons;

/// The links of the person, and of the parents.
const ROUNDS: usize = 2;

/// Lists the kin of a person of the caller's divisions.
///
/// # Errors
/// NOT_FOUND.
pub async fn list_kin(
    cx: &Context,
    caller: &Caller,
    person_id: Uuid,
) -> Result<pb::ListKinResponse, Failure> {
    let persons = Persons::reading(cx);
    persons.find(caller, person_id).await?;
    let db = persons.connection();
    let links = kinship::around(db, &[person_id], ROUNDS).await?;
    let graph = kinship::graph(&links);
    let circle = circles(db, &graph, &[person_id].into()).await?.pop();
    let circle = circle.ok_or_else(|| Failure::internal("no circle of a person"))?;
    let shown = circle_to_wire(&circle);
    let relatives = circle.kin.iter().zip(shown.kin).map(|(member, kin)| {
        let recorded = recorded(&links, person_id, member);
        pb::Relative {
            kin: Some(kin),
            kinship_id: recorded
                .map(|stored| stored.id.to_string())
                .unwrap_or_default(),
            etag: recorded
                .map(|stored| etag::of(stored.version))
                .unwrap_or_default(),
        }
    });
    Ok(pb::ListKinResponse {
        relatives: relatives.collect(),
    })
}

/// The link that says just this, if it is recorded rather than follows from others.
fn recorded<'l>(
    links: &'l [StoredLink],
    person_id: Uuid,
    member: &CircleMember,
) -> Option<&'l StoredLink> {
    let link = Link::new(person_id, member.kin.relation, member.kin.person_id).ok()?;
    links.iter().find(|stored| stored.link == link)
}
