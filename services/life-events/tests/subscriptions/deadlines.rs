//! Deadlines, with the test clock.

use std::time::Duration;

use jiff::civil::date;
use minzheng_chassis::calendar::{Coverage, WorkingCalendar};
use minzheng_chassis::civil::instant_at_start_of;
use minzheng_chassis::on_both_deployments;
use minzheng_chassis::person::FactKind;
use minzheng_chassis::testing::{Deployment, clerk, eventually, operator};
use minzheng_proto::life_events::v1::{EvidenceSource, Outcome, Phase};
use minzheng_proto::work::v1 as work;
use minzheng_proto::work::v1::work_service_client::WorkServiceClient;

use crate::common::departments::receipt;
use crate::common::*;

on_both_deployments!(
    a_suspicion_lapses_at_its_deadline,
    a_late_answer_is_somebodys_work,
    a_late_decision_becomes_urgent,
    a_deadline_beyond_the_published_calendar_says_so,
);

async fn a_suspicion_lapses_at_its_deadline(deployment: Deployment) {
    let node = deployment.start(answering()).await;
    let (number, person_id) = residents::somebody();
    let suspected = tell(
        &node,
        &report(identity(&number), EvidenceSource::Village, day(2026, 3, 4)),
    )
    .await;
    let (hinted_number, _) = residents::somebody();
    let hinted = tell(
        &node,
        &report(
            identity(&hinted_number),
            EvidenceSource::DataHint,
            day(2026, 3, 4),
        ),
    )
    .await;
    assert_eq!((hinted.phase(), hinted.fact_version), (Phase::Reported, 0));
    let due = items(&node, &suspected.id).await[0]
        .due_at
        .expect("a due date")
        .seconds;
    deployment
        .clock()
        .set(jiff::Timestamp::from_second(due - 1).unwrap());
    assert_eq!(get(&node, &suspected.id).await.phase(), Phase::Suspected);
    deployment
        .clock()
        .set(jiff::Timestamp::from_second(due).unwrap());
    let lapsed = reaches(&node, &suspected.id, Phase::Rejected).await;
    assert_eq!(lapsed.fact_version, 2);
    eventually("the suspicion is lifted", || async {
        departments::heard(&person_id)
            .into_iter()
            .find(|fact| fact.kind == FactKind::Lifted)
    })
    .await;
    // Of a hint nothing was suspended: somebody more senior is told.
    eventually("the county is told", || async {
        let items = items(&node, &hinted.id).await;
        let [item] = items.as_slice() else {
            return None;
        };
        (item.role == "county_clerk" && item.urgency() == work::Urgency::Alarm).then_some(())
    })
    .await;
    assert_eq!(get(&node, &hinted.id).await.phase(), Phase::Reported);
    assert_eq!(kinds(&node, &suspected.id).await, [""; 0]);
    node.stop().await;
}

async fn a_late_answer_is_somebodys_work(deployment: Deployment) {
    let node = deployment.start(silent()).await;
    let (number, person_id) = residents::somebody();
    let case = tell(&node, &certificate(&number)).await;
    deployment
        .clock()
        .advance(Duration::from_secs(14 * 24 * 3600));
    let item = eventually("it is escalated", || async {
        items(&node, &case.id).await.pop()
    })
    .await;
    assert_eq!(
        (item.kind.as_str(), item.urgency()),
        ("overdue-answer", work::Urgency::Alarm)
    );
    assert!(
        fingerprint(&node, &person_id)
            .await
            .contains(&"item kind=overdue-answer urgency=alarm person=P".to_owned())
    );
    let close = |outcome: &str| work::CompleteWorkItemRequest {
        request_id: request_id(),
        id: item.id.clone(),
        etag: item.etag.clone(),
        outcome: outcome.to_owned(),
        note: String::new(),
    };
    let mut works = WorkServiceClient::new(node.channel(&li()));
    assert_eq!(
        reason(&works.complete_work_item(close("x")).await.unwrap_err()),
        "OUTCOME_INVALID"
    );
    let mut elsewhere = WorkServiceClient::new(node.channel(&clerk("zhao", OTHER_COUNTY)));
    assert_eq!(
        reason(
            &elsewhere
                .complete_work_item(close("followed-up"))
                .await
                .unwrap_err()
        ),
        "NOT_FOUND"
    );
    works
        .complete_work_item(close("followed-up"))
        .await
        .unwrap();
    assert_eq!(kinds(&node, &case.id).await, [""; 0]);
    deployment
        .clock()
        .advance(Duration::from_secs(14 * 24 * 3600));
    eventually("it is escalated again", || async {
        items(&node, &case.id).await.pop()
    })
    .await;

    let answers = [("mark-deceased", Outcome::Done)];
    let elderly = [("end-stay", Outcome::Done), ("release-bed", Outcome::Done)];
    let child = [
        ("close-child-file", Outcome::Done),
        ("assess-dependants", Outcome::Done),
    ];
    let receipts = [
        ("residents", &answers[..]),
        ("elderly-care", &elderly),
        ("child-welfare", &child),
    ];
    let receipts = receipts
        .map(|(department, answers)| envelope(department, &receipt(&case, department, answers), 1));
    send(&node, &receipts).await;
    reaches(&node, &case.id, Phase::Finished).await;
    assert_eq!(kinds(&node, &case.id).await, [""; 0]);
    // A decision is not made by ticking off its item.
    let (number, _) = residents::somebody();
    let suspected = tell(
        &node,
        &report(identity(&number), EvidenceSource::Village, day(2026, 3, 4)),
    )
    .await;
    let item = items(&node, &suspected.id).await.remove(0);
    let tick = work::CompleteWorkItemRequest {
        request_id: request_id(),
        id: item.id,
        etag: item.etag,
        outcome: "done".to_owned(),
        note: String::new(),
    };
    let mut operator = WorkServiceClient::new(node.channel(&operator("op")));
    assert_eq!(
        reason(&operator.complete_work_item(tick).await.unwrap_err()),
        "OUTCOME_INVALID"
    );
    node.stop().await;
}

async fn a_late_decision_becomes_urgent(deployment: Deployment) {
    let node = deployment.start(silent()).await;
    let case = stranger(&node).await;
    let item = items(&node, &case.id).await.remove(0);
    assert_eq!(
        (item.kind.as_str(), item.urgency()),
        ("decide-review", work::Urgency::Normal)
    );
    let due = item.due_at.expect("a due date").seconds;
    deployment
        .clock()
        .set(jiff::Timestamp::from_second(due).unwrap());
    eventually("it is urgent", || async {
        let item = items(&node, &case.id).await.pop()?;
        (item.urgency() == work::Urgency::Alarm).then_some(())
    })
    .await;
    assert_eq!(get(&node, &case.id).await.phase(), Phase::InReview);
    node.stop().await;
}

async fn a_deadline_beyond_the_published_calendar_says_so(deployment: Deployment) {
    let calendar = WorkingCalendar::shipped();
    let last_year = (2026..)
        .find(|year| calendar.covers(year + 1) == Coverage::WeekendsOnly)
        .expect("a year that is not published");
    let node = deployment.start(silent()).await;
    for (today, provisional) in [
        (date(last_year, 3, 10), false),
        (date(last_year, 12, 31), true),
    ] {
        deployment.clock().set(instant_at_start_of(today));
        let (number, _) = residents::somebody();
        let village = EvidenceSource::Village;
        let suspected = tell(&node, &report(identity(&number), village, day(2026, 3, 4))).await;
        let case = get(&node, &suspected.id).await;
        let questions: Vec<bool> = case.questions.iter().map(|it| it.due_provisional).collect();
        assert!(!questions.is_empty());
        assert!(questions.iter().all(|is| *is == provisional), "{case:?}");
        // The verification, and each department that has not answered.
        let waiting: Vec<bool> = case.waiting.iter().map(|it| it.due_provisional).collect();
        assert_eq!(waiting, vec![provisional; questions.len() + 1]);
        let [verification] = &items(&node, &case.id).await[..] else {
            panic!("one item");
        };
        assert_eq!(verification.due_provisional, provisional);
    }
    node.stop().await;
}
