//! RecordKinship, EndKinship, ListKin, ListDependants, and what is published of them.

use jiff::civil::{Date, date};
use minzheng_chassis::on_both_deployments;
use minzheng_chassis::testing::{Deployment, TestNode};
use minzheng_proto::residents::v1 as pb;
use tonic::{Code, Status};

use crate::common::*;

on_both_deployments!(
    a_family_is_recorded_and_everyone_touched_is_told,
    an_ended_kinship_takes_what_followed_from_it,
    a_wrong_number_of_persons_is_refused,
    kinship_that_cannot_be_is_refused,
    links_recorded_in_the_same_second_leave_complete_circles,
    a_move_and_a_corrected_birth_are_told_to_the_family,
);

async fn person(node: &TestNode, birth: Date, sequence: u16) -> String {
    register(node, identity_of(birth, sequence, "张三"))
        .await
        .person_id
}

async fn record(
    node: &TestNode,
    person: &str,
    relation: pb::KinRelation,
    relative: &str,
) -> Result<pb::Kinship, Status> {
    let request = pb::RecordKinshipRequest {
        request_id: request_id(),
        person_id: person.to_owned(),
        relative_id: relative.to_owned(),
        relation: relation.into(),
    };
    let answer = client(node, &nanming_clerk())
        .record_kinship(request)
        .await?;
    Ok(answer.into_inner().kinship.unwrap())
}

async fn kin(node: &TestNode, person: &str) -> Vec<pb::Relative> {
    let request = pb::ListKinRequest {
        person_id: person.to_owned(),
    };
    let answer = client(node, &nanming_clerk()).list_kin(request).await;
    answer.unwrap().into_inner().relatives
}

fn named(kin: &[pb::Kin]) -> Vec<(pb::KinRelation, &str)> {
    kin.iter()
        .map(|kin| (kin.relation(), kin.person_id.as_str()))
        .collect()
}

/// Grandmother, mother, father, and two children by birth.
async fn family(node: &TestNode) -> [String; 5] {
    use pb::KinRelation::*;
    let grandmother = person(node, date(1948, 3, 1), 2).await;
    let mother = person(node, date(1975, 3, 1), 4).await;
    let father = person(node, date(1974, 3, 1), 1).await;
    let older = person(node, date(2011, 3, 1), 1).await;
    let younger = person(node, date(2017, 3, 1), 2).await;
    for child in [&older, &younger] {
        record(node, child, Parent, &mother).await.unwrap();
        record(node, child, Parent, &father).await.unwrap();
    }
    record(node, &mother, Spouse, &father).await.unwrap();
    record(node, &grandmother, Child, &father).await.unwrap();
    [grandmother, mother, father, older, younger]
}

async fn a_family_is_recorded_and_everyone_touched_is_told(deployment: Deployment) {
    let node = start(&deployment).await;
    let [grandmother, mother, father, older, younger] = family(&node).await;
    use pb::KinRelation::*;
    let relatives = kin(&node, &older).await;
    let shown: Vec<pb::Kin> = relatives
        .iter()
        .map(|relative| relative.kin.clone().unwrap())
        .collect();
    let parents = || [&mother, &father].map(String::as_str);
    let mut expected = vec![
        (Sibling, younger.as_str()),
        (Grandparent, grandmother.as_str()),
    ];
    expected.extend(parents().map(|parent| (Parent, parent)));
    let mut found = named(&shown);
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    for relative in &relatives {
        let recorded = relative.kin.as_ref().unwrap().relation() == Parent;
        assert_eq!(!relative.kinship_id.is_empty(), recorded);
        assert_eq!(relative.etag.is_empty(), !recorded);
    }
    let born = |kin: &pb::Kin| kin.birth_date.unwrap().year;
    let grandparent = shown
        .iter()
        .find(|kin| kin.relation() == Grandparent)
        .unwrap();
    assert_eq!(born(grandparent), 1948);

    // The youngest is told of the grandmother although its own links stood before.
    let told = eventually_published::<pb::KinshipChanged>(&node, &younger, 3).await;
    let last = told.last().unwrap();
    assert_eq!(last.kin.len(), 4);
    assert_eq!(last.residence_division, NANMING);
    assert_eq!(last.birth_date.unwrap().year, 2017);

    // On the father depend the children; on the grandmother too, as a grandparent.
    for (dead, expected) in [
        (&father, vec![&older, &younger]),
        (&grandmother, vec![&older, &younger]),
        (&older, vec![&younger]),
    ] {
        let dependants = dependants(&node, &[dead, &request_id()]).await;
        let dependants = dependants.into_iter().next().unwrap();
        assert_eq!(&dependants.person_id, dead);
        let dependants = dependants.circles;
        let mut found: Vec<&String> = dependants.iter().map(|circle| &circle.person_id).collect();
        found.retain(|id| *id == &older || *id == &younger);
        let mut expected = expected;
        found.sort();
        expected.sort();
        assert_eq!(found, expected);
        let of_younger = dependants.iter().find(|circle| circle.person_id == younger);
        assert_eq!(of_younger, Some(last), "the same as is published");
    }
    assert_eq!(dependants(&node, &[&request_id()]).await, []);
    // Several at once: each by itself.
    let of_both = dependants(&node, &[&father, &grandmother]).await;
    let mut apart = dependants(&node, &[&father]).await;
    apart.extend(dependants(&node, &[&grandmother]).await);
    apart.sort_by(|one, other| one.person_id.cmp(&other.person_id));
    assert_eq!(of_both, apart);
    node.stop().await;
}

async fn dependants(node: &TestNode, persons: &[&String]) -> Vec<pb::Dependants> {
    let request = pb::ListDependantsRequest {
        person_ids: persons.iter().map(|id| (*id).clone()).collect(),
    };
    let answer = client(node, &life_events_service())
        .list_dependants(request)
        .await;
    answer.unwrap().into_inner().dependants
}

async fn a_wrong_number_of_persons_is_refused(deployment: Deployment) {
    let node = start(&deployment).await;
    for count in [0, 501] {
        let person_ids = (0..count).map(|_| request_id()).collect();
        let request = pb::ListDependantsRequest { person_ids };
        let answer = client(&node, &life_events_service())
            .list_dependants(request)
            .await;
        assert_refused(answer, Code::InvalidArgument, "WRONG_NUMBER_OF_PERSONS");
    }
    node.stop().await;
}

async fn an_ended_kinship_takes_what_followed_from_it(deployment: Deployment) {
    let node = start(&deployment).await;
    let child = person(&node, date(2011, 3, 1), 1).await;
    let other = person(&node, date(2012, 3, 1), 1).await;
    let parent = person(&node, date(1975, 3, 1), 4).await;
    use pb::KinRelation::*;
    record(&node, &other, Parent, &parent).await.unwrap();
    let kinship = record(&node, &parent, Child, &child).await.unwrap();
    assert_eq!(kinship.person_id, child, "kept as the child's parent");
    assert_eq!(kinship.relation(), Parent);
    assert_eq!(kin(&node, &child).await.len(), 2);
    let end = |etag: &str, reason: &str| pb::EndKinshipRequest {
        request_id: request_id(),
        kinship_id: kinship.kinship_id.clone(),
        etag: etag.to_owned(),
        reason: reason.to_owned(),
    };
    let mut clerk = client(&node, &nanming_clerk());
    let stale = clerk.end_kinship(end("v8", "登记错误")).await;
    assert_refused(stale, Code::Aborted, "ETAG_MISMATCH");
    let unexplained = clerk.end_kinship(end(&kinship.etag, "")).await;
    assert_refused(unexplained, Code::InvalidArgument, "REQUIRED");
    let elsewhere = client(&node, &yunyan_clerk())
        .end_kinship(end(&kinship.etag, "登记错误"))
        .await;
    assert_refused(elsewhere, Code::NotFound, "NOT_FOUND");
    let request = end(&kinship.etag, "登记错误");
    let ended = clerk
        .end_kinship(request.clone())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(ended.kinship.as_ref(), Some(&kinship));
    let again = clerk.end_kinship(request).await.unwrap().into_inner();
    assert_eq!(again, ended);
    let twice = clerk.end_kinship(end(&kinship.etag, "登记错误")).await;
    assert_refused(twice, Code::NotFound, "NOT_FOUND");

    assert_eq!(kin(&node, &child).await, []);
    let told = eventually_published::<pb::KinshipChanged>(&node, &child, 2).await;
    assert_eq!(told[1].kin, [], "that the last kin went is told");
    let told = eventually_published::<pb::KinshipChanged>(&node, &other, 3).await;
    assert_eq!(named(&told[2].kin), [(Parent, parent.as_str())]);
    // It may be recorded again.
    record(&node, &child, Parent, &parent).await.unwrap();
    node.stop().await;
}

async fn kinship_that_cannot_be_is_refused(deployment: Deployment) {
    let node = start(&deployment).await;
    let child = person(&node, date(2011, 3, 1), 1).await;
    let parent = person(&node, date(1975, 3, 1), 4).await;
    let found = resolve(&node, report("a-1", identity(9, "王五")))
        .await
        .unwrap();
    use pb::KinRelation::*;
    record(&node, &child, Parent, &parent).await.unwrap();
    let cases = [
        (
            &child,
            Parent,
            &parent,
            Code::AlreadyExists,
            "KINSHIP_EXISTS",
        ),
        (
            &parent,
            Child,
            &child,
            Code::AlreadyExists,
            "KINSHIP_EXISTS",
        ),
        (
            &child,
            Spouse,
            &parent,
            Code::FailedPrecondition,
            "KINSHIP_CONTRADICTS",
        ),
        (
            &parent,
            Parent,
            &child,
            Code::FailedPrecondition,
            "PARENT_NOT_OLDER",
        ),
        (
            &child,
            Grandparent,
            &parent,
            Code::InvalidArgument,
            "KINSHIP_FOLLOWS",
        ),
        (
            &child,
            Parent,
            &child,
            Code::InvalidArgument,
            "KINSHIP_WITH_ONESELF",
        ),
        (
            &child,
            Unspecified,
            &parent,
            Code::InvalidArgument,
            "REQUIRED",
        ),
        (
            &child,
            Guardian,
            &found.person_id,
            Code::FailedPrecondition,
            "PERSON_NOT_ESTABLISHED",
        ),
        (&child, Guardian, &request_id(), Code::NotFound, "NOT_FOUND"),
        (&request_id(), Guardian, &child, Code::NotFound, "NOT_FOUND"),
    ];
    for (person, relation, relative, code, reason) in cases {
        assert_refused(
            record(&node, person, relation, relative).await,
            code,
            reason,
        );
    }
    let elsewhere = pb::RecordKinshipRequest {
        request_id: request_id(),
        person_id: child.clone(),
        relative_id: parent.clone(),
        relation: Guardian.into(),
    };
    let refused = client(&node, &yunyan_clerk())
        .record_kinship(elsewhere)
        .await;
    assert_refused(refused, Code::NotFound, "NOT_FOUND");
    node.stop().await;
}

async fn links_recorded_in_the_same_second_leave_complete_circles(deployment: Deployment) {
    let node = start(&deployment).await;
    use pb::KinRelation::*;
    let mother = person(&node, date(1975, 3, 1), 4).await;
    let father = person(&node, date(1974, 3, 1), 1).await;
    for round in 0..4 {
        let born = date(2011, 3, 1 + round);
        let child = person(&node, born, 1).await;
        record(&node, &child, Parent, &mother).await.unwrap();
        record(&node, &child, Parent, &father).await.unwrap();
        let hers = person(&node, date(1950, 3, 1 + round), 2).await;
        let his = person(&node, date(1949, 3, 1 + round), 2).await;
        // They name none of the same persons, and both add to the child's circle.
        let both = tokio::join!(
            record(&node, &mother, Parent, &hers),
            record(&node, &father, Parent, &his),
        );
        both.0.unwrap();
        both.1.unwrap();
        let told = eventually_published::<pb::KinshipChanged>(&node, &child, 4).await;
        let last = &told.last().unwrap().kin;
        let grandparents: Vec<&str> = last
            .iter()
            .filter(|kin| kin.relation() == Grandparent)
            .map(|kin| kin.person_id.as_str())
            .collect();
        assert!(grandparents.contains(&hers.as_str()), "{last:?}");
        assert!(grandparents.contains(&his.as_str()), "{last:?}");
    }
    node.stop().await;
}

async fn a_move_and_a_corrected_birth_are_told_to_the_family(deployment: Deployment) {
    let node = start(&deployment).await;
    use pb::KinRelation::*;
    let child = person(&node, date(2011, 3, 1), 1).await;
    let parent = person(&node, date(1975, 3, 1), 4).await;
    record(&node, &child, Parent, &parent).await.unwrap();
    let mut clerk = client(&node, &nanming_clerk());
    let moved = pb::MovePersonRequest {
        request_id: request_id(),
        person_id: child.clone(),
        etag: "v1".to_owned(),
        domicile_division: String::new(),
        residence_division: YUNYAN.to_owned(),
    };
    clerk.move_person(moved).await.unwrap();
    let told = eventually_published::<pb::KinshipChanged>(&node, &child, 2).await;
    assert_eq!(told[1].residence_division, YUNYAN);
    assert_eq!(told[1].kin, told[0].kin);
    let corrected = pb::CorrectIdentityRequest {
        request_id: request_id(),
        person_id: parent.clone(),
        etag: "v1".to_owned(),
        identity: Some(identity_of(date(1976, 3, 1), 4, "张三")),
        reason: "录入笔误".to_owned(),
        ..Default::default()
    };
    clerk.correct_identity(corrected).await.unwrap();
    let told = eventually_published::<pb::KinshipChanged>(&node, &child, 3).await;
    assert_eq!(told[2].kin[0].birth_date.unwrap().year, 1976);
    let told = eventually_published::<pb::KinshipChanged>(&node, &parent, 2).await;
    assert_eq!(told[1].birth_date.unwrap().year, 1976);
    node.stop().await;
}
