//! The RPCs on both deployments: what they do, what they refuse and why, who may.

mod common;

use common::family::{Family, confirmed, kin, told};
use common::{COUNTY, House, OTHER_COUNTY, VILLAGE, date, envelope, reason};
use jiff::SignedDuration;
use minzheng_chassis::db::{Sql, val};
use minzheng_chassis::on_both_deployments;
use minzheng_chassis::testing::{Deployment, clerk, eventually, operator, reporter, worker};
use minzheng_proto::child_welfare::v1 as pb;
use minzheng_proto::residents::v1 as residents;
use residents::KinRelation;
use tonic::Code;
use tonic_types::StatusExt;
use uuid::Uuid;

on_both_deployments!(
    a_file_is_opened_once_and_only_for_a_known_child,
    a_request_id_gives_the_first_answer,
    situations_guardians_and_abilities_move_the_visit,
    every_refusal_has_its_reason,
    wrong_fields_are_told_all_at_once,
    another_county_sees_nothing,
    roles_are_denied,
    lists_are_paged_and_filtered,
    a_month_is_determined_by_a_person,
    time_alone_brings_a_review,
);

fn new_id() -> String {
    Uuid::new_v4().to_string()
}

fn open(person: Uuid, parents_not_found: bool) -> pb::OpenChildFileRequest {
    pb::OpenChildFileRequest {
        request_id: new_id(),
        person_id: person.to_string(),
        parents_not_found,
    }
}

fn situation(child: &pb::Child, parent: Uuid) -> pb::RecordParentSituationRequest {
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

fn appointment(child: &pb::Child, guardian: Uuid) -> pb::AppointGuardianRequest {
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

fn ability(child: &pb::Child, carer: Uuid, able: bool) -> pb::RecordCarerAbilityRequest {
    pb::RecordCarerAbilityRequest {
        request_id: new_id(),
        child_id: child.id.clone(),
        etag: child.etag.clone(),
        carer_id: carer.to_string(),
        able,
    }
}

/// A family whose kinship is known, with these dead.
async fn known_family(house: &House, dead: &[(Uuid, &str)], family: &Family) -> pb::Child {
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

async fn every_refusal_has_its_reason(deployment: Deployment) {
    let house = House::start(&deployment).await;
    let mut api = house.api(&clerk("li", COUNTY));
    let family = Family::new();
    let child = known_family(&house, &[(family.father, "2026-01-15")], &family).await;
    let Family {
        father,
        mother,
        grandmother,
        ..
    } = family;
    let stranger = Uuid::now_v7();
    let young = Uuid::now_v7();
    let gone = Uuid::now_v7();
    house.register.put_person(young, "2015-01-01", VILLAGE);
    for adult in [mother, father, gone] {
        house.register.put_person(adult, "1980-01-01", VILLAGE);
    }
    house
        .register
        .put_person(family.child, "2017-01-10", VILLAGE);
    house.publish(&[confirmed(gone, 1, "2026-01-01")]).await;
    house
        .eventually_answered(
            gone,
            1,
            &[
                ("assess-dependants", "nothing_to_do"),
                ("close-child-file", "nothing_to_do"),
            ],
        )
        .await;

    let record = |request: pb::RecordParentSituationRequest| {
        let mut api = api.clone();
        async move { reason(&api.record_parent_situation(request).await.unwrap_err()) }
    };
    let plain = || situation(&child, mother);
    assert_eq!(record(situation(&child, grandmother)).await, "NOT_A_PARENT");
    assert_eq!(record(situation(&child, father)).await, "PARENT_DEAD");
    let future = pb::RecordParentSituationRequest {
        since: Some(date("2999-01-01")),
        term_until: None,
        ..plain()
    };
    assert_eq!(record(future).await, "DATE_IN_FUTURE");
    let turned = pb::RecordParentSituationRequest {
        term_until: Some(date("2025-01-01")),
        ..plain()
    };
    assert_eq!(record(turned).await, "DATES_REVERSED");

    let appoint = |request: pb::AppointGuardianRequest| {
        let mut api = api.clone();
        async move { reason(&api.appoint_guardian(request).await.unwrap_err()) }
    };
    assert_eq!(appoint(appointment(&child, stranger)).await, "NOT_FOUND");
    assert_eq!(
        appoint(appointment(&child, young)).await,
        "GUARDIAN_IS_MINOR"
    );
    assert_eq!(appoint(appointment(&child, gone)).await, "GUARDIAN_DEAD");
    assert_eq!(
        appoint(appointment(&child, mother)).await,
        "GUARDIAN_IS_PARENT"
    );
    assert_eq!(
        appoint(appointment(&child, family.child)).await,
        "GUARDIAN_IS_CHILD"
    );

    let end = pb::EndParentSituationRequest {
        request_id: new_id(),
        child_id: child.id.clone(),
        etag: child.etag.clone(),
        parent_id: mother.to_string(),
        kind: pb::ParentSituationKind::SeverelyIll.into(),
        ended_on: Some(date("2026-01-01")),
    };
    let refused = api.end_parent_situation(end).await.unwrap_err();
    assert_eq!(reason(&refused), "SITUATION_NOT_OPEN");
    let end = pb::EndGuardianshipRequest {
        request_id: new_id(),
        child_id: child.id.clone(),
        etag: child.etag.clone(),
        guardian_id: grandmother.to_string(),
        until: Some(date("2026-01-01")),
    };
    let refused = api.end_guardianship(end).await.unwrap_err();
    assert_eq!(reason(&refused), "NOT_A_GUARDIAN");
    let refused = api
        .record_carer_ability(ability(&child, mother, true))
        .await
        .unwrap_err();
    assert_eq!(reason(&refused), "NOT_A_CANDIDATE");
    let month = pb::DetermineStartMonthRequest {
        request_id: new_id(),
        child_id: child.id.clone(),
        etag: child.etag.clone(),
        start_month: "2026-02".to_owned(),
    };
    let refused = api.determine_start_month(month).await.unwrap_err();
    assert_eq!(reason(&refused), "MONTH_NOT_NEEDED");
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert_eq!(
        house.child(family.child).await,
        child,
        "a refusal changes nothing"
    );
    house.node.stop().await;
}

async fn wrong_fields_are_told_all_at_once(deployment: Deployment) {
    let house = House::start(&deployment).await;
    let mut api = house.api(&clerk("li", COUNTY));
    let request = pb::RecordParentSituationRequest {
        request_id: new_id(),
        child_id: "nobody".to_owned(),
        etag: String::new(),
        parent_id: String::new(),
        kind: 99,
        since: Some(date("2026")),
        term_until: Some(minzheng_proto::common::v1::PartialDate {
            year: 2026,
            month: 13,
            day: 1,
        }),
        legal_basis: "字".repeat(201),
    };
    let refused = api.record_parent_situation(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let details = refused.get_error_details();
    let fields: Vec<&str> = details
        .bad_request()
        .expect("fields")
        .field_violations
        .iter()
        .map(|violation| violation.field.as_str())
        .collect();
    let expected = [
        "child_id",
        "etag",
        "parent_id",
        "kind",
        "since",
        "term_until",
        "legal_basis",
    ];
    assert_eq!(fields, expected);
    let request = pb::ListChildrenRequest {
        division: "5201x".to_owned(),
        ..Default::default()
    };
    let refused = api.list_children(request).await.unwrap_err();
    assert_eq!(reason(&refused), "DIVISION_CODE_CHARACTER");
    for (size, token, expected) in [
        (201, "", "PAGE_SIZE_INVALID"),
        (0, "?", "PAGE_TOKEN_INVALID"),
    ] {
        let request = pb::ListChildrenRequest {
            page_size: size,
            page_token: token.to_owned(),
            ..Default::default()
        };
        assert_eq!(
            reason(&api.list_children(request).await.unwrap_err()),
            expected
        );
    }
    house.node.stop().await;
}

async fn another_county_sees_nothing(deployment: Deployment) {
    let house = House::start(&deployment).await;
    let family = Family::new();
    let child = known_family(&house, &[], &family).await;
    let mut other = house.api(&clerk("zhao", OTHER_COUNTY));
    let request = pb::GetChildRequest {
        child_id: child.id.clone(),
    };
    let refused = other.get_child(request).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::NotFound, "NOT_FOUND")
    );
    let refused = other
        .record_parent_situation(situation(&child, family.mother))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    house
        .register
        .put_person(family.child, "2017-01-10", VILLAGE);
    let refused = other
        .open_child_file(open(family.child, false))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    let listed = other
        .list_children(pb::ListChildrenRequest::default())
        .await
        .unwrap();
    assert_eq!(listed.into_inner().children, vec![]);
    let request = pb::ListChildrenRequest {
        division: COUNTY.to_owned(),
        ..Default::default()
    };
    let listed = other.list_children(request).await.unwrap();
    assert_eq!(
        listed.into_inner().children,
        vec![],
        "a filter widens nothing"
    );
    house.node.stop().await;
}

async fn roles_are_denied(deployment: Deployment) {
    let house = House::start(&deployment).await;
    let child = pb::Child {
        id: new_id(),
        etag: "v1".to_owned(),
        ..Default::default()
    };
    let mut visitor = house.api(&worker("wang", COUNTY));
    let refused = visitor
        .record_parent_situation(situation(&child, Uuid::now_v7()))
        .await
        .unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::PermissionDenied, "ROLE_REQUIRED")
    );
    let mut hospital = house.api(&reporter("hospital", "52"));
    let request = pb::GetChildRequest {
        child_id: child.id.clone(),
    };
    let refused = hospital.get_child(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    let mut run = house.api(&operator("op"));
    let refused = run
        .open_child_file(open(Uuid::now_v7(), false))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    let nobody = house.node.anonymous();
    let mut nobody = pb::child_welfare_service_client::ChildWelfareServiceClient::new(nobody);
    let request = pb::GetChildRequest { child_id: child.id };
    let refused = nobody.get_child(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    house.node.stop().await;
}

async fn lists_are_paged_and_filtered(deployment: Deployment) {
    let house = House::start(&deployment).await;
    let mut api = house.api(&clerk("li", COUNTY));
    let families: Vec<Family> = (0..4).map(|_| Family::new()).collect();
    for family in &families {
        house.publish(&family.kinship()).await;
    }
    house
        .publish(&[confirmed(families[0].father, 1, "2026-01-15")])
        .await;
    house
        .publish(&[confirmed(families[0].mother, 1, "2026-02-15")])
        .await;
    let orphans = pb::ListChildrenRequest {
        situation: pb::Situation::Orphan.into(),
        carer: pb::Carer::Grandparent.into(),
        ..Default::default()
    };
    let found = eventually("two orphans are listed", || async {
        let mut api = api.clone();
        let listed = api
            .list_children(orphans.clone())
            .await
            .unwrap()
            .into_inner()
            .children;
        (listed.len() == 2).then_some(listed)
    })
    .await;
    let mut expected: Vec<String> = families[0].children().map(|id| id.to_string()).to_vec();
    expected.sort();
    let ids = |children: &[pb::Child]| children.iter().map(|it| it.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&found), expected);
    assert!(found.iter().all(|child| child.relatives.is_empty()));
    eventually("all eight are followed", || async {
        let mut api = api.clone();
        let listed = api
            .list_children(pb::ListChildrenRequest::default())
            .await
            .unwrap();
        (listed.into_inner().children.len() == 8).then_some(())
    })
    .await;
    let mut all = Vec::new();
    let mut token = String::new();
    loop {
        let request = pb::ListChildrenRequest {
            page_size: 3,
            page_token: token,
            division: VILLAGE.to_owned(),
            ..Default::default()
        };
        let page = api.list_children(request).await.unwrap().into_inner();
        assert!(page.children.len() <= 3);
        all.extend(ids(&page.children));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    let mut expected: Vec<String> = families
        .iter()
        .flat_map(Family::children)
        .map(|id| id.to_string())
        .collect();
    expected.sort();
    assert_eq!(all, expected);
    house.node.stop().await;
}

async fn a_month_is_determined_by_a_person(deployment: Deployment) {
    let house = House::start(&deployment).await;
    let mut api = house.api(&clerk("li", COUNTY));
    let family = Family::new();
    let dead = [(family.father, "2026-02-01"), (family.mother, "2026")];
    let child = known_family(&house, &dead, &family).await;
    assert!(child.since_month_unknown);
    let kinds: Vec<String> = house
        .items(family.child)
        .await
        .into_iter()
        .map(|it| it.kind)
        .collect();
    assert!(kinds.contains(&"determine-month".to_owned()), "{kinds:?}");
    let mut request = pb::DetermineStartMonthRequest {
        request_id: new_id(),
        child_id: child.id.clone(),
        etag: child.etag.clone(),
        start_month: "2999-01".to_owned(),
    };
    let refused = api
        .determine_start_month(request.clone())
        .await
        .unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::InvalidArgument, "MONTH_IN_FUTURE")
    );
    request.start_month = "2026-03".to_owned();
    let child = api
        .determine_start_month(request)
        .await
        .unwrap()
        .into_inner()
        .child
        .unwrap();
    assert_eq!(
        (child.since_month.as_str(), child.month_item_id.as_str()),
        ("2026-03", "")
    );

    // The sibling's is completed as a work item: no month is needed.
    house
        .complete(family.teen, "determine-month", "not_needed")
        .await
        .expect("closed");
    let teen = house.child(family.teen).await;
    assert!(!teen.since_month_unknown && teen.month_item_id.is_empty());
    for id in family.children() {
        house
            .complete(id, "child-visit", "cared_for")
            .await
            .expect("closed");
    }
    for parent in [family.father, family.mother] {
        let expected = [
            ("assess-dependants", "done"),
            ("close-child-file", "nothing_to_do"),
        ];
        house.eventually_answered(parent, 1, &expected).await;
    }
    let state = "SELECT outcome FROM work_item WHERE subject_id = $1 AND kind = 'determine-month'";
    let row = house
        .cx()
        .db()
        .reader()
        .one(state, [val(family.child)])
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row.get::<String>("outcome").unwrap(), "determined");
    house.expect_clean().await;
    house.node.stop().await;
}

async fn time_alone_brings_a_review(deployment: Deployment) {
    let house = House::start(&deployment).await;
    let family = Family::new();
    let today = minzheng_chassis::civil::today(house.cx().now());
    let soon = jiff::civil::Date::new(today.year() - 18, today.month(), 1).unwrap();
    let birth = soon.checked_add(jiff::Span::new().months(1)).unwrap();
    let parents = vec![
        kin(family.father, KinRelation::Parent, "1980-01-01"),
        kin(family.mother, KinRelation::Parent, "1982-02-02"),
    ];
    let almost_grown = told(family.child, &birth.to_string(), parents);
    house.publish(&[envelope(&almost_grown)]).await;
    house
        .publish(&[confirmed(family.father, 1, "2026-01-15")])
        .await;
    house
        .publish(&[confirmed(family.mother, 1, "2026-01-15")])
        .await;
    let child = family.child;
    let orphan = vec![
        format!("child {child} orphan carer=nobody since=2026-02"),
        format!("item child-visit urgent {child}"),
    ];
    house.eventually_stands(&[child], &orphan).await;
    deployment
        .clock()
        .advance(SignedDuration::from_hours(24 * 32));
    house.eventually_stands(&[child], &[]).await;
    assert_eq!(house.items(child).await, vec![]);
    for parent in [family.father, family.mother] {
        let expected = [
            ("assess-dependants", "done"),
            ("close-child-file", "nothing_to_do"),
        ];
        house.eventually_answered(parent, 1, &expected).await;
    }
    house.expect_clean().await;
    house.node.stop().await;
}
