//! Requests as a clerk would send them.

use minzheng_chassis::testing::{eventually, operator};
use minzheng_proto::child_welfare::v1 as pb;
use uuid::Uuid;

use crate::common::family::{Family, confirmed};
use crate::common::{House, date};

pub(super) fn new_id() -> String {
    Uuid::new_v4().to_string()
}

pub(super) fn open(person: Uuid, parents_not_found: bool) -> pb::OpenChildFileRequest {
    pb::OpenChildFileRequest {
        request_id: new_id(),
        person_id: person.to_string(),
        parents_not_found,
    }
}

pub(super) fn situation(child: &pb::Child, parent: Uuid) -> pb::RecordParentSituationRequest {
    pb::RecordParentSituationRequest {
        request_id: new_id(),
        child_id: child.id.clone(),
        etag: child.etag.clone(),
        parent_id: parent.to_string(),
        kind: pb::ParentSituationKind::Imprisoned.into(),
        since: Some(date("2025-06-01")),
        term_until: Some(date("2035-06-01")),
        legal_basis: "刑事判决书".to_owned(),
    }
}

pub(super) fn appointment(child: &pb::Child, guardian: Uuid) -> pb::AppointGuardianRequest {
    pb::AppointGuardianRequest {
        request_id: new_id(),
        child_id: child.id.clone(),
        etag: child.etag.clone(),
        guardian_id: guardian.to_string(),
        basis: pb::GuardianBasis::Will.into(),
        since: Some(date("2026-03-02")),
        legal_basis: "遗嘱".to_owned(),
    }
}

pub(super) fn ability(child: &pb::Child, carer: Uuid, able: bool) -> pb::RecordCarerAbilityRequest {
    pb::RecordCarerAbilityRequest {
        request_id: new_id(),
        child_id: child.id.clone(),
        etag: child.etag.clone(),
        carer_id: carer.to_string(),
        able,
    }
}

/// A family whose kinship is known, with these dead.
pub(super) async fn known_family(
    house: &House,
    dead: &[(Uuid, &str)],
    family: &Family,
) -> pb::Child {
    house.publish(&family.kinship()).await;
    for (person, died_on) in dead {
        house.publish(&[confirmed(*person, 1, died_on)]).await;
    }
    eventually("the family is known", || async {
        let request = pb::GetChildRequest {
            child_id: family.child.to_string(),
        };
        let answer = house.api(&operator("op")).get_child(request).await.ok()?;
        let child = answer.into_inner().child?;
        let known = child.relatives.iter().filter(|it| it.dead).count();
        (known == dead.len()).then_some(child)
    })
    .await
}
