//! Lists, months that a person determines, and what time alone changes.

use jiff::SignedDuration;
use minzheng_chassis::db::{Sql, val};
use minzheng_chassis::on_both_deployments;
use minzheng_chassis::testing::{Deployment, clerk, eventually};
use minzheng_proto::child_welfare::v1 as pb;
use minzheng_proto::residents::v1 as residents;
use residents::KinRelation;
use tonic::Code;

use crate::common::family::{Family, confirmed, kin, told};
use crate::common::{COUNTY, House, VILLAGE, envelope, reason};
use crate::requests::{known_family, new_id};

on_both_deployments!(
    lists_are_paged_and_filtered,
    a_month_is_determined_by_a_person,
    time_alone_brings_a_review,
);

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
    let mut api = house.api(&clerk("li", COUNTY));
    let request = pb::ListChildrenRequest {
        situation: pb::Situation::Grown.into(),
        ..Default::default()
    };
    let listed = api.list_children(request).await.unwrap().into_inner();
    let ids: Vec<&str> = listed.children.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(ids, [child.to_string()]);
    eventually("it is told that the child is grown", || async {
        let told = house.published::<pb::ChildSituationChanged>().await;
        let last = told.iter().rfind(|it| it.child_id == child.to_string());
        last.is_some_and(|it| it.situation() == pb::Situation::Grown)
            .then_some(())
    })
    .await;
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
