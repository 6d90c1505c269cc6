//! RegisterPerson and GetPerson.

use minzheng_chassis::db::Sql;
use minzheng_chassis::on_both_deployments;
use minzheng_chassis::testing::{Deployment, TestNode};
use minzheng_proto::common::v1 as common_pb;
use minzheng_proto::residents::v1 as pb;
use tonic::Code;

use crate::common::*;

on_both_deployments!(
    a_person_is_recorded_shown_masked_and_announced,
    wrong_fields_are_told_all_at_once_and_nothing_is_written,
    a_request_id_is_answered_once_and_refuses_other_content,
    a_held_number_is_refused_unless_known_to_be_shared,
    names_and_numbers_are_shown_for_a_purpose_and_the_look_is_recorded,
    another_countys_person_is_not_found,
);

async fn a_person_is_recorded_shown_masked_and_announced(deployment: Deployment) {
    let node = start(&deployment).await;
    let mut asked = registration(identity(1, "张三丰"));
    asked.residence_division = YUNYAN.to_owned();
    let mut clerk = client(&node, &nanming_clerk());
    let person = clerk.register_person(asked).await.unwrap();
    let person = person.into_inner().person.unwrap();
    assert_eq!(person.name, "张*");
    assert!(person.id_number.starts_with("5299") && person.id_number.contains("**********"));
    assert_eq!(person.phone, "138****1234");
    assert_eq!(person.sex(), pb::Sex::Male);
    assert_eq!(person.state(), pb::RecordState::Established);
    let born = person.birth_date.unwrap();
    assert_eq!((born.year, born.month, born.day), (1980, 1, 1));
    assert_eq!(person.residence_division, YUNYAN);
    assert_eq!(
        person.life.as_ref().unwrap().status(),
        pb::LifeStatus::Alive
    );
    assert_eq!(person.etag, "v1");

    // Both the county of the domicile and that of the residence see the person.
    for caller in [nanming_clerk(), yunyan_clerk(), auditor()] {
        let seen = get(&node, &caller, &person.person_id).await.unwrap();
        assert_eq!(seen, person);
    }
    let told = eventually_published::<pb::PersonRegistered>(&node, &person.person_id, 1).await;
    assert_eq!(told[0].domicile_division, NANMING);
    assert_eq!(told[0].residence_division, YUNYAN);
    assert!(!told[0].provisional);
    node.stop().await;
}

async fn wrong_fields_are_told_all_at_once_and_nothing_is_written(deployment: Deployment) {
    let node = start(&deployment).await;
    let mut clerk = client(&node, &nanming_clerk());
    let wrong = pb::RegisterPersonRequest {
        identity: Some(common_pb::Identity {
            id_type: common_pb::IdType::ResidentId.into(),
            id_number: "11010519491231002Y".to_owned(),
            name: String::new(),
        }),
        birth_date: Some(common_pb::PartialDate {
            year: 2020,
            month: 13,
            day: 1,
        }),
        sex: 9,
        domicile_division: "520199000000".to_owned(),
        ..registration(identity(1, "张三"))
    };
    let refused = clerk.register_person(wrong).await.unwrap_err();
    let details = String::from_utf8_lossy(refused.details()).into_owned();
    for field in [
        "birth_date",
        "sex",
        "identity.id_number",
        "identity.name",
        "domicile_division",
    ] {
        assert!(details.contains(field), "{field} in {details}");
    }
    assert!(
        !details.contains("11010519491231002Y"),
        "numbers are never repeated"
    );

    let mut nobody = registration(identity(1, "张三"));
    nobody.identity = None;
    assert_refused(
        clerk.register_person(nobody).await,
        Code::InvalidArgument,
        "REQUIRED",
    );
    let mut unnamed = registration(identity(1, "张三"));
    unnamed.request_id = "1".to_owned();
    assert_refused(
        clerk.register_person(unnamed).await,
        Code::InvalidArgument,
        "REQUEST_ID_INVALID",
    );
    let mut elsewhere = registration(identity(1, "张三"));
    elsewhere.domicile_division = YUNYAN.to_owned();
    assert_refused(
        clerk.register_person(elsewhere).await,
        Code::PermissionDenied,
        "DIVISION_OUT_OF_SCOPE",
    );
    assert_eq!(rows(&node, "person").await, 0);
    assert_eq!(rows(&node, "audit").await, 0);
    assert_eq!(rows(&node, "request").await, 0);
    node.stop().await;
}

async fn rows(node: &TestNode, table: &str) -> i64 {
    let text = format!("SELECT count(*) AS n FROM {table}");
    let row = node.context("residents").db().reader().one(text, []).await;
    row.unwrap().unwrap().get("n").unwrap()
}

async fn a_request_id_is_answered_once_and_refuses_other_content(deployment: Deployment) {
    let node = start(&deployment).await;
    let mut clerk = client(&node, &nanming_clerk());
    let asked = registration(identity(1, "张三"));
    let first = clerk.register_person(asked.clone()).await.unwrap();
    let again = clerk.register_person(asked.clone()).await.unwrap();
    assert_eq!(first.into_inner(), again.into_inner());
    assert_eq!(rows(&node, "person").await, 1);
    let other = pb::RegisterPersonRequest {
        request_id: asked.request_id,
        ..registration(identity(2, "张三"))
    };
    assert_refused(
        clerk.register_person(other).await,
        Code::FailedPrecondition,
        "REQUEST_ID_REUSED",
    );
    node.stop().await;
}

async fn a_held_number_is_refused_unless_known_to_be_shared(deployment: Deployment) {
    let node = start(&deployment).await;
    let first = register(&node, identity(1, "张三")).await;
    let mut clerk = client(&node, &nanming_clerk());
    let again = clerk
        .register_person(registration(identity(1, "李四")))
        .await;
    assert_refused(again, Code::AlreadyExists, "NUMBER_ALREADY_HELD");

    // Two who name one number in the same moment: one of them is told.
    let (mut one, mut other) = (clerk.clone(), clerk.clone());
    let both = tokio::join!(
        one.register_person(registration(identity(2, "王五"))),
        other.register_person(registration(identity(2, "王五"))),
    );
    assert_eq!(
        [both.0.is_ok(), both.1.is_ok()]
            .iter()
            .filter(|ok| **ok)
            .count(),
        1,
        "{both:?}"
    );

    let mut shared = registration(identity(1, "李四"));
    shared.shared_number = true;
    let second = clerk.register_person(shared).await.unwrap().into_inner();
    assert_ne!(second.person.unwrap().person_id, first.person_id);
    node.stop().await;
}

async fn names_and_numbers_are_shown_for_a_purpose_and_the_look_is_recorded(
    deployment: Deployment,
) {
    let node = start(&deployment).await;
    let person = register(&node, identity(1, "张三丰")).await;
    let asked = pb::GetPersonRequest {
        person_id: person.person_id.clone(),
        reveal: vec![
            pb::PersonalField::Name.into(),
            pb::PersonalField::IdNumber.into(),
        ],
        purpose: "核对户口底册".to_owned(),
    };
    let mut clerk = client(&node, &nanming_clerk());
    let shown = clerk.get_person(asked.clone()).await.unwrap();
    let shown = shown.into_inner().person.unwrap();
    assert_eq!(shown.name, "张三丰");
    assert_eq!(shown.id_number, identity(1, "").id_number);
    assert_eq!(shown.phone, "138****1234", "what was not asked for");
    assert_eq!(looks(&node).await, 1);
    let row = node.context("residents").db().reader();
    let text = "SELECT record FROM audit WHERE action = 'GetPerson'";
    let record: String = row
        .one(text, [])
        .await
        .unwrap()
        .unwrap()
        .get("record")
        .unwrap();
    assert_eq!(
        record,
        "fields=name,id_number\npurpose=核对户口底册\ncandidates=\n"
    );

    let without = pb::GetPersonRequest {
        purpose: String::new(),
        ..asked.clone()
    };
    assert_refused(
        clerk.get_person(without).await,
        Code::InvalidArgument,
        "PURPOSE_REQUIRED",
    );
    let telling = pb::GetPersonRequest {
        purpose: "核对13800001234".to_owned(),
        ..asked.clone()
    };
    assert_refused(
        clerk.get_person(telling).await,
        Code::InvalidArgument,
        "PERSONAL_DATA_IN_TEXT",
    );
    let mut other = client(&node, &yunyan_clerk());
    assert_refused(other.get_person(asked).await, Code::NotFound, "NOT_FOUND");
    assert_eq!(looks(&node).await, 1, "a look that was refused is none");
    node.stop().await;
}

async fn looks(node: &TestNode) -> i64 {
    let text = "SELECT count(*) AS n FROM audit WHERE action = 'GetPerson'";
    let row = node.context("residents").db().reader().one(text, []).await;
    row.unwrap().unwrap().get("n").unwrap()
}

async fn another_countys_person_is_not_found(deployment: Deployment) {
    let node = start(&deployment).await;
    let person = register(&node, identity(1, "张三")).await;
    let hidden = get(&node, &yunyan_clerk(), &person.person_id).await;
    assert_refused(hidden, Code::NotFound, "NOT_FOUND");
    let nobody = get(&node, &nanming_clerk(), &request_id()).await;
    assert_refused(nobody, Code::NotFound, "NOT_FOUND");
    let malformed = get(&node, &nanming_clerk(), "1").await;
    assert_refused(malformed, Code::InvalidArgument, "MALFORMED");
    node.stop().await;
}
