//! Everybody who has one of some persons as parent, guardian, grandparent or sibling, of the whole province.

use std::collections::{BTreeMap, BTreeSet};

use minzheng_chassis::context::Context;
use minzheng_chassis::problem::Problem;
use minzheng_chassis::seam::Failure;
use minzheng_proto::residents::v1 as pb;
use uuid::Uuid;

use super::kin::{ROUNDS, circles};
use crate::domain::kinship::KinCircle;
use crate::storage::events::circle_to_wire;
use crate::storage::kinship;

/// Most persons of a question: as many as a department takes deaths in one transaction.
pub const MOST_PERSONS: usize = 500;

/// Lists those who depend on each of some persons; nobody, where a person is not known.
///
/// # Errors
/// WRONG_NUMBER_OF_PERSONS, or the database's.
pub async fn list_dependants(
    cx: &Context,
    persons: &BTreeSet<Uuid>,
) -> Result<pb::ListDependantsResponse, Failure> {
    if persons.is_empty() || persons.len() > MOST_PERSONS {
        return Err(wrong_number().into());
    }
    let db = cx.db().reader();
    let asked: Vec<Uuid> = persons.iter().copied().collect();
    let links = kinship::around(db, &asked, ROUNDS).await?;
    let graph = kinship::graph(&links);
    let dependants: BTreeMap<Uuid, BTreeSet<Uuid>> = asked
        .into_iter()
        .map(|person| (person, graph.dependants(person)))
        .filter(|(_, dependants)| !dependants.is_empty())
        .collect();
    if dependants.is_empty() {
        return Ok(pb::ListDependantsResponse::default());
    }
    let everybody: BTreeSet<Uuid> = dependants.values().flatten().copied().collect();
    let circles = circles(db, &graph, &everybody).await?;
    let circles: BTreeMap<Uuid, KinCircle> = circles
        .into_iter()
        .map(|circle| (circle.person_id, circle))
        .collect();
    let dependants = dependants.into_iter().map(|(person_id, dependants)| {
        let of_person = dependants.iter().filter_map(|id| circles.get(id));
        pb::Dependants {
            person_id: person_id.to_string(),
            circles: of_person.map(circle_to_wire).collect(),
        }
    });
    Ok(pb::ListDependantsResponse {
        dependants: dependants.collect(),
    })
}

fn wrong_number() -> Problem {
    Problem::field(
        "person_ids",
        "WRONG_NUMBER_OF_PERSONS",
        "must name 1 to 500 persons",
        "每次须填写 1 至 500 个人员编号",
    )
}
