//! Files, situations, guardians, abilities.

use minzheng_chassis::db::{Sql, val};
use minzheng_chassis::on_both_deployments;
use minzheng_chassis::testing::{Deployment, clerk, worker};
use minzheng_proto::child_welfare::v1 as pb;
use minzheng_proto::residents::v1 as residents;
use tonic::Code;
use uuid::Uuid;

use crate::common::family::Family;
use crate::common::{COUNTY, House, VILLAGE, date, reason};
use crate::requests::{ability, appointment, known_family, new_id, open, situation};

on_both_deployments!(
    a_file_is_opened_once_and_only_for_a_known_child,
    a_request_id_gives_the_first_answer,
    situations_guardians_and_abilities_move_the_visit,
);

async fn a_file_is_opened_once_and_only_for_a_known_child(deployment: Deployment) {
    let house = House::start(&deployment).await;
    let mut api = house.api(&clerk("li", COUNTY));
    let family = Family::new();
    house
        .register
        .put_person(family.child, "2017-01-10", VILLAGE);
    house.register.put_kin(&family.of_child());
    let answer = api
        .open_child_file(open(family.child, false))
        .await
        .unwrap();
    let child = answer.into_inner().child.expect("the child");
    assert!(child.file_open);
    assert_eq!(child.relatives.len(), 4);
    assert_eq!(child.situation(), pb::Situation::TwoParents);
    assert_eq!(house.child(family.child).await, child);
    let again = api
        .open_child_file(open(family.child, false))
        .await
        .unwrap_err();
    assert_eq!(reason(&again), "FILE_ALREADY_OPEN");

    let unknown = api
        .open_child_file(open(Uuid::now_v7(), false))
        .await
        .unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
    let grown = Uuid::now_v7();
    house.register.put_person(grown, "1990-01-01", VILLAGE);
    let refused = api.open_child_file(open(grown, false)).await.unwrap_err();
    assert_eq!(reason(&refused), "NOT_A_MINOR");
    let undated = Uuid::now_v7();
    house.register.put_person(undated, "unknown", VILLAGE);
    let refused = api.open_child_file(open(undated, false)).await.unwrap_err();
    assert_eq!(reason(&refused), "BIRTH_DATE_UNKNOWN");
    let provisional = Uuid::now_v7();
    house.register.put(residents::Person {
        person_id: provisional.to_string(),
        state: residents::RecordState::Provisional.into(),
        residence_division: VILLAGE.to_owned(),
        ..Default::default()
    });
    let refused = api
        .open_child_file(open(provisional, false))
        .await
        .unwrap_err();
    assert_eq!(reason(&refused), "PERSON_NOT_ESTABLISHED");
    let with_parents = Family::new();
    house
        .register
        .put_person(with_parents.child, "2017-01-10", VILLAGE);
    house.register.put_kin(&with_parents.of_child());
    let refused = api
        .open_child_file(open(with_parents.child, true))
        .await
        .unwrap_err();
    assert_eq!(reason(&refused), "PARENTS_RECORDED");
    for nobody in [grown, undated, provisional, with_parents.child] {
        let request = pb::GetChildRequest {
            child_id: nobody.to_string(),
        };
        let absent = api.get_child(request).await.unwrap_err();
        assert_eq!(absent.code(), Code::NotFound, "nothing was written");
    }

    // A foundling: an orphan at once, and nobody is left.
    let foundling = Uuid::now_v7();
    house.register.put_person(foundling, "2026-01-01", VILLAGE);
    let answer = api.open_child_file(open(foundling, true)).await.unwrap();
    let child = answer.into_inner().child.expect("the child");
    assert_eq!(child.situation(), pb::Situation::Orphan);
    assert!(child.visit_urgent);
    let items = house.items(foundling).await;
    assert_eq!(items.len(), 1);
    assert_eq!(
        (items[0].kind.as_str(), items[0].role.as_str()),
        ("child-visit", "township_worker")
    );
    let due = items[0].due_at.unwrap().seconds - items[0].opened_at.unwrap().seconds;
    assert_eq!(due, 24 * 3600);
    let audited =
        "SELECT count(*) AS n FROM audit WHERE aggregate_id = $1 AND action = 'OpenChildFile'";
    let row = house
        .cx()
        .db()
        .reader()
        .one(audited, [val(foundling)])
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row.get::<i64>("n").unwrap(), 1);
    house.expect_clean().await;
    house.node.stop().await;
}

async fn a_request_id_gives_the_first_answer(deployment: Deployment) {
    let house = House::start(&deployment).await;
    let mut api = house.api(&clerk("li", COUNTY));
    let child = Uuid::now_v7();
    house.register.put_person(child, "2026-01-01", VILLAGE);
    let request = open(child, true);
    let first = api
        .open_child_file(request.clone())
        .await
        .unwrap()
        .into_inner();
    let second = api
        .open_child_file(request.clone())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(first, second);
    let other = pb::OpenChildFileRequest {
        parents_not_found: false,
        ..request
    };
    let refused = api.open_child_file(other).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert_eq!(reason(&refused), "REQUEST_ID_REUSED");
    let nameless = pb::OpenChildFileRequest {
        request_id: String::new(),
        ..open(child, true)
    };
    let refused = api.open_child_file(nameless).await.unwrap_err();
    assert_eq!(reason(&refused), "REQUEST_ID_INVALID");
    house.node.stop().await;
}

async fn situations_guardians_and_abilities_move_the_visit(deployment: Deployment) {
    let house = House::start(&deployment).await;
    let (mut clerk_api, mut worker_api) = (
        house.api(&clerk("li", COUNTY)),
        house.api(&worker("wang", VILLAGE)),
    );
    let family = Family::new();
    let dead = [(family.father, "2026-01-15")];
    let child = known_family(&house, &dead, &family).await;
    assert_eq!(child.situation(), pb::Situation::OneParent);

    let request = situation(&child, family.mother);
    let answer = clerk_api
        .record_parent_situation(request.clone())
        .await
        .unwrap();
    let child = answer.into_inner().child.unwrap();
    assert_eq!(child.situation(), pb::Situation::DeFactoUnsupported);
    assert_eq!(
        (child.carer(), child.visit_urgent),
        (pb::Carer::Grandparent, false)
    );
    let visit = child.visit_item_id.clone();
    assert_eq!(house.items(family.child).await[0].id, visit);
    let stale = pb::RecordParentSituationRequest {
        request_id: new_id(),
        ..request
    };
    let refused = clerk_api.record_parent_situation(stale).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::Aborted, "ETAG_MISMATCH")
    );

    let request = ability(&child, family.grandmother, false);
    let child = worker_api
        .record_carer_ability(request)
        .await
        .unwrap()
        .into_inner()
        .child
        .unwrap();
    assert_eq!(
        (child.carer(), child.visit_urgent),
        (pb::Carer::Nobody, true)
    );
    assert_eq!(child.visit_item_id, visit, "the same item, more urgent");
    let items = house.items(family.child).await;
    assert_eq!(items.len(), 1);
    assert_eq!(
        items[0].urgency(),
        minzheng_proto::work::v1::Urgency::Urgent
    );

    let aunt = Uuid::now_v7();
    house
        .register
        .put_person(aunt, "1985-05-05", "520103001001");
    let request = appointment(&child, aunt);
    let child = clerk_api
        .appoint_guardian(request)
        .await
        .unwrap()
        .into_inner()
        .child
        .unwrap();
    assert_eq!(
        (child.carer(), child.visit_urgent),
        (pb::Carer::Guardian, false)
    );

    let request = pb::EndGuardianshipRequest {
        request_id: new_id(),
        child_id: child.id.clone(),
        etag: child.etag.clone(),
        guardian_id: aunt.to_string(),
        until: Some(date("2026-06-01")),
    };
    let child = clerk_api
        .end_guardianship(request)
        .await
        .unwrap()
        .into_inner()
        .child
        .unwrap();
    assert_eq!(
        (child.carer(), child.visit_urgent),
        (pb::Carer::Nobody, true)
    );

    let request = pb::EndParentSituationRequest {
        request_id: new_id(),
        child_id: child.id.clone(),
        etag: child.etag.clone(),
        parent_id: family.mother.to_string(),
        kind: pb::ParentSituationKind::Imprisoned.into(),
        ended_on: Some(date("2026-06-02")),
    };
    let child = clerk_api
        .end_parent_situation(request)
        .await
        .unwrap()
        .into_inner()
        .child
        .unwrap();
    assert_eq!(child.situation(), pb::Situation::OneParent);
    assert_eq!(child.since_month, "2026-07");
    assert_eq!(house.items(family.child).await, vec![]);
    assert_eq!(
        house.child(family.child).await,
        child,
        "all of it was stored"
    );
    house.expect_clean().await;
    house.node.stop().await;
}
