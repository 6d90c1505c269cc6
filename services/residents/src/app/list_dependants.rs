//! Everybody who has a person as parent, guardian, grandparent or sibling, of the whole province.

use minzheng_chassis::context::Context;
use minzheng_chassis::seam::Failure;
use minzheng_proto::residents::v1 as pb;
use uuid::Uuid;

use super::kin::{ROUNDS, circles};
use crate::storage::events::circle_to_wire;
use crate::storage::kinship;

/// Lists those who depend on a person; nobody, where the person is not known.
///
/// # Errors
/// The database's.
pub async fn list_dependants(
    cx: &Context,
    person_id: Uuid,
) -> Result<pb::ListDependantsResponse, Failure> {
    let db = cx.db().reader();
    let links = kinship::around(db, &[person_id], ROUNDS).await?;
    let graph = kinship::graph(&links);
    let dependants = graph.dependants(person_id);
    if dependants.is_empty() {
        return Ok(pb::ListDependantsResponse::default());
    }
    let circles = circles(db, &graph, &dependants).await?;
    Ok(pb::ListDependantsResponse {
        dependants: circles.iter().map(circle_to_wire).collect(),
    })
}
