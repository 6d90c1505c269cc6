//! What is refused, to whom, and why.

use minzheng_chassis::on_both_deployments;
use minzheng_chassis::testing::{Deployment, clerk, operator, reporter, worker};
use minzheng_proto::child_welfare::v1 as pb;
use tonic::Code;
use tonic_types::StatusExt;
use uuid::Uuid;

use crate::common::family::{Family, confirmed};
use crate::common::{COUNTY, House, OTHER_COUNTY, VILLAGE, date, reason};
use crate::requests::{ability, appointment, known_family, new_id, open, situation};

on_both_deployments!(
    every_refusal_has_its_reason,
    wrong_fields_are_told_all_at_once,
    another_county_sees_nothing,
    roles_are_denied,
);

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
