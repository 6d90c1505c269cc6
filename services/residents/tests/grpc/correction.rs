//! CorrectIdentity and MovePerson.

use minzheng_chassis::on_both_deployments;
use minzheng_chassis::testing::Deployment;
use minzheng_proto::residents::v1 as pb;
use tonic::Code;

use crate::common::*;

on_both_deployments!(
    a_corrected_identity_is_kept_and_still_finds_the_person,
    corrections_that_change_nothing_or_take_anothers_number_are_refused,
    the_living_move_and_the_dead_do_not,
);

fn correction(person: &pb::Person, sequence: u16, name: &str) -> pb::CorrectIdentityRequest {
    pb::CorrectIdentityRequest {
        request_id: request_id(),
        person_id: person.person_id.clone(),
        etag: person.etag.clone(),
        identity: Some(identity(sequence, name)),
        reason: "录入笔误".to_owned(),
        ..Default::default()
    }
}

async fn a_corrected_identity_is_kept_and_still_finds_the_person(deployment: Deployment) {
    let node = start(&deployment).await;
    let person = register(&node, identity(1, "张三")).await;
    let mut clerk = client(&node, &nanming_clerk());
    let asked = correction(&person, 2, "张山峰");
    let corrected = clerk.correct_identity(asked.clone()).await.unwrap();
    let corrected = corrected.into_inner().person.unwrap();
    assert_eq!(corrected.etag, "v2");
    assert_eq!(
        corrected.sex(),
        pb::Sex::Female,
        "as the right number tells"
    );
    let again = clerk.correct_identity(asked).await.unwrap().into_inner();
    assert_eq!(again.person.unwrap(), corrected);

    let asked = pb::GetPersonRequest {
        person_id: person.person_id.clone(),
        reveal: vec![pb::PersonalField::Name.into()],
        purpose: "核对更正".to_owned(),
    };
    let shown = clerk.get_person(asked).await.unwrap().into_inner();
    let shown = shown.person.unwrap();
    assert_eq!(shown.name, "张山峰");
    assert_eq!(shown.former_identities.len(), 1);
    assert_eq!(shown.former_identities[0].name, "张三");
    assert_eq!(shown.former_identities[0].reason, "录入笔误");
    // The right identity, the former one, and the former number under the right name.
    for asked in [
        identity(2, "张山峰"),
        identity(1, "张三"),
        identity(1, "张山峰"),
    ] {
        let request = pb::MatchRequest {
            identity: Some(asked),
        };
        let found = clerk.r#match(request).await.unwrap().into_inner();
        assert_eq!(found.person_id, person.person_id);
    }
    // The former number is free again.
    register(&node, identity(1, "李四")).await;
    node.stop().await;
}

async fn corrections_that_change_nothing_or_take_anothers_number_are_refused(
    deployment: Deployment,
) {
    let node = start(&deployment).await;
    let person = register(&node, identity(1, "张三")).await;
    register(&node, identity(2, "李四")).await;
    let mut clerk = client(&node, &nanming_clerk());
    let nothing = clerk.correct_identity(correction(&person, 1, "张三")).await;
    assert_refused(nothing, Code::FailedPrecondition, "NOTHING_TO_CORRECT");
    let held = clerk.correct_identity(correction(&person, 2, "张三")).await;
    assert_refused(held, Code::AlreadyExists, "NUMBER_ALREADY_HELD");
    let stale = pb::CorrectIdentityRequest {
        etag: "v7".to_owned(),
        ..correction(&person, 3, "张三")
    };
    assert_refused(
        clerk.correct_identity(stale).await,
        Code::Aborted,
        "ETAG_MISMATCH",
    );
    let unversioned = pb::CorrectIdentityRequest {
        etag: String::new(),
        ..correction(&person, 3, "张三")
    };
    assert_refused(
        clerk.correct_identity(unversioned).await,
        Code::InvalidArgument,
        "REQUIRED",
    );
    let unexplained = pb::CorrectIdentityRequest {
        reason: String::new(),
        ..correction(&person, 3, "张三")
    };
    assert_refused(
        clerk.correct_identity(unexplained).await,
        Code::InvalidArgument,
        "REQUIRED",
    );
    let elsewhere = client(&node, &yunyan_clerk())
        .correct_identity(correction(&person, 3, "张三"))
        .await;
    assert_refused(elsewhere, Code::NotFound, "NOT_FOUND");
    let found = resolve(&node, report("a-1", identity(9, "王五")))
        .await
        .unwrap();
    let record = get(&node, &yunyan_clerk(), &found.person_id).await.unwrap();
    let provisional = client(&node, &yunyan_clerk())
        .correct_identity(correction(&record, 8, "王五"))
        .await;
    assert_refused(
        provisional,
        Code::FailedPrecondition,
        "PERSON_NOT_ESTABLISHED",
    );
    node.stop().await;
}

async fn the_living_move_and_the_dead_do_not(deployment: Deployment) {
    let node = start(&deployment).await;
    let person = register(&node, identity(1, "张三")).await;
    let id = &person.person_id;
    let mut clerk = client(&node, &nanming_clerk());
    let asked = |etag: &str, domicile: &str, residence: &str| pb::MovePersonRequest {
        request_id: request_id(),
        person_id: id.clone(),
        etag: etag.to_owned(),
        domicile_division: domicile.to_owned(),
        residence_division: residence.to_owned(),
    };
    let wrong = clerk.move_person(asked("v1", "520199000000", "52")).await;
    assert_refused(wrong, Code::InvalidArgument, "DIVISION_UNKNOWN");
    let moved = clerk.move_person(asked("v1", "", YUNYAN)).await.unwrap();
    let moved = moved.into_inner().person.unwrap();
    assert_eq!(moved.residence_division, YUNYAN);
    assert_eq!(moved.etag, "v2");
    let told = eventually_published::<pb::PersonMoved>(&node, id, 1).await;
    assert_eq!(told[0].domicile_division, NANMING);
    assert_eq!(told[0].residence_division, YUNYAN);
    let stands = clerk
        .move_person(asked("v2", NANMING, YUNYAN))
        .await
        .unwrap();
    assert_eq!(
        stands.into_inner().person.unwrap().etag,
        "v2",
        "nothing moved"
    );

    send(&node, &[fact(FactOf::Confirmed, id, 1, (2026, 5, 1))]).await;
    receipts(&node, id, 1).await;
    let dead = clerk.move_person(asked("v3", NANMING, NANMING)).await;
    assert_refused(dead, Code::FailedPrecondition, "PERSON_DEAD");

    // Having left both places, the clerk no longer sees the person.
    let leaver = register(&node, identity(2, "李四")).await;
    let request = pb::MovePersonRequest {
        person_id: leaver.person_id.clone(),
        ..asked("v1", YUNYAN, YUNYAN)
    };
    let left = clerk.move_person(request).await.unwrap().into_inner();
    assert_eq!(left.person.unwrap().name, "");
    let hidden = get(&node, &nanming_clerk(), &leaver.person_id).await;
    assert_refused(hidden, Code::NotFound, "NOT_FOUND");
    node.stop().await;
}
