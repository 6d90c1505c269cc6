//! From a report to SETTLED: facts out, receipts in; records that residents decides; deadlines.

mod common;

use std::time::Duration;

use common::departments::receipt;
use common::*;
use minzheng_chassis::bus::Envelope;
use minzheng_chassis::on_both_deployments;
use minzheng_chassis::person::FactKind;
use minzheng_chassis::testing::{Deployment, TestNode, clerk, eventually, operator};
use minzheng_proto::life_events::v1 as pb;
use minzheng_proto::life_events::v1::{EvidenceSource, Outcome, Phase, QuestionState};
use minzheng_proto::operations::v1 as operations;
use minzheng_proto::operations::v1::operations_service_client::OperationsServiceClient;
use minzheng_proto::residents::v1::{
    MatchDecision, PersonEstablished, PersonMerged, PersonRejected,
};
use minzheng_proto::work::v1 as work;
use minzheng_proto::work::v1::work_service_client::WorkServiceClient;
use uuid::Uuid;

on_both_deployments!(
    a_certificate_confirms_and_everybody_answers,
    receipts_settle_in_any_order_and_only_once,
    a_receipt_that_cannot_be_read_is_stopped,
    residents_decides_a_record_by_itself,
    a_record_decided_before_its_report_arrives,
    a_suspicion_lapses_at_its_deadline,
    a_late_answer_is_somebodys_work,
    a_restart_goes_on_where_it_was,
);

async fn a_certificate_confirms_and_everybody_answers(deployment: Deployment) {
    let node = deployment.start(answering()).await;
    let (number, person_id) = residents::somebody();
    let request = report(
        identity(&number),
        EvidenceSource::MedicalCertificate,
        day(2026, 3, 4),
    );
    let told = tell(&node, &request).await;
    assert_eq!(
        (told.phase(), told.fact_version, told.episode),
        (Phase::Notifying, 1, 1)
    );
    assert_eq!(told.person_id, person_id);
    let case = reaches(&node, &told.id, Phase::Finished).await;
    assert_eq!(case.waiting, vec![]);
    let heard = departments::heard(&person_id);
    assert_eq!(heard.len(), 1);
    assert_eq!(
        (heard[0].kind, heard[0].fact_version, heard[0].died_on),
        (FactKind::Confirmed, 1, day(2026, 3, 4))
    );
    assert_eq!(heard[0].case_id.to_string(), case.id);
    assert_eq!(heard[0].domicile, Some(VILLAGE.parse().unwrap()));
    let answers = "child-welfare/assess-dependants=done, child-welfare/close-child-file=done, \
                   elderly-care/end-stay=done, elderly-care/release-bed=done, residents/mark-deceased=done";
    let line = format!("case person=P phase=finished died_on=2026-03-04 answers=[{answers}]");
    assert_eq!(fingerprint(&node, &person_id).await, [line]);
    assert_eq!(complaints(&node).await, [""; 0]);
    node.stop().await;
}

/// What life-events' own check finds wrong.
async fn complaints(node: &TestNode) -> Vec<String> {
    minzheng_life_events::app::verify::verify(node.context("life-events"))
        .await
        .expect("checked")
}

async fn send(node: &TestNode, events: &[Envelope]) {
    node.bus().send(events).await;
}

async fn until(
    node: &TestNode,
    case_id: &str,
    what: &str,
    holds: impl Fn(&pb::DeathCase) -> bool,
) -> pb::DeathCase {
    eventually(what, || async {
        Some(get(node, case_id).await).filter(&holds)
    })
    .await
}

fn answered(case: &pb::DeathCase, department: &str) -> usize {
    let of = case
        .questions
        .iter()
        .filter(|question| question.department == department);
    of.filter(|question| question.state() != QuestionState::Open)
        .count()
}

async fn receipts_settle_in_any_order_and_only_once(deployment: Deployment) {
    let node = deployment.start(silent()).await;
    let (number, _) = residents::somebody();
    let case = tell(
        &node,
        &report(
            identity(&number),
            EvidenceSource::MedicalCertificate,
            day(2026, 3, 4),
        ),
    )
    .await;
    assert_eq!(
        case.waiting.len(),
        5,
        "every question says on whom it waits"
    );

    let residents = envelope(
        "residents",
        &receipt(&case, "residents", &[("mark-deceased", Outcome::Done)]),
        1,
    );
    let elderly = receipt(
        &case,
        "elderly-care",
        &[
            ("end-stay", Outcome::Done),
            ("release-bed", Outcome::NothingToDo),
        ],
    );
    let elderly = envelope("elderly-care", &elderly, 1);
    let unknown_action = envelope(
        "elderly-care",
        &receipt(&case, "elderly-care", &[("sing", Outcome::Done)]),
        2,
    );
    let mut of_no_case = receipt(&case, "residents", &[("mark-deceased", Outcome::Rejected)]);
    of_no_case.case_id = request_id();
    let of_no_case = envelope("residents", &of_no_case, 2);
    let mut of_the_future = receipt(&case, "residents", &[("mark-deceased", Outcome::Rejected)]);
    of_the_future.fact_version = 9;
    let of_the_future = envelope("residents", &of_the_future, 3);
    send(
        &node,
        &[
            elderly.clone(),
            unknown_action,
            of_no_case,
            of_the_future,
            residents.clone(),
            elderly,
            residents,
        ],
    )
    .await;
    let settling = until(&node, &case.id, "two have answered", |case| {
        answered(case, "residents") == 1 && answered(case, "elderly-care") == 2
    })
    .await;
    assert_eq!(settling.phase(), Phase::Notifying);
    let waits: Vec<&str> = settling
        .waiting
        .iter()
        .map(|waiting| waiting.on.as_str())
        .collect();
    assert_eq!(waits, ["child-welfare", "child-welfare"]);

    let child = [
        ("close-child-file", Outcome::NothingToDo),
        ("assess-dependants", Outcome::NeedsHuman),
    ];
    send(
        &node,
        &[envelope(
            "child-welfare",
            &receipt(&case, "child-welfare", &child),
            1,
        )],
    )
    .await;
    let settled = until(&node, &case.id, "everybody has answered", |case| {
        case.phase() == Phase::Settled
    })
    .await;
    let waits: Vec<&str> = settled
        .waiting
        .iter()
        .map(|waiting| waiting.what.as_str())
        .collect();
    assert_eq!(waits, ["assess-dependants"]);
    let second = receipt(
        &case,
        "child-welfare",
        &[("assess-dependants", Outcome::Done)],
    );
    send(&node, &[envelope("child-welfare", &second, 2)]).await;
    until(&node, &case.id, "the visit was made", |case| {
        case.phase() == Phase::Finished
    })
    .await;

    // A newer fact asks anew; an answer to the older one has no effect.
    let april = Some(minzheng_chassis::convert::date_to_wire(day(2026, 4, 4)));
    let correct = pb::CorrectDeathRequest {
        request_id: request_id(),
        case_id: case.id.clone(),
        etag: get(&node, &case.id).await.etag,
        died_on: april,
        cause: pb::Cause::FormalCorrection.into(),
        reason: "reissued".to_owned(),
    };
    client(&node, &li()).correct_death(correct).await.unwrap();
    let older = receipt(&case, "residents", &[("mark-deceased", Outcome::Rejected)]);
    let corrected = get(&node, &case.id).await;
    let newer = receipt(&corrected, "residents", &[("correct-date", Outcome::Done)]);
    send(
        &node,
        &[
            envelope("residents", &older, 4),
            envelope("residents", &newer, 5),
        ],
    )
    .await;
    let case = until(&node, &case.id, "the newer fact is answered", |case| {
        let mut latest = case
            .questions
            .iter()
            .filter(|question| question.fact_version == 2);
        latest.any(|question| question.state() == QuestionState::Answered)
    })
    .await;
    let first = case
        .questions
        .iter()
        .find(|question| question.action == "mark-deceased")
        .unwrap();
    assert_eq!(first.outcome(), Outcome::Done);
    assert_eq!(complaints(&node).await, [""; 0]);
    node.stop().await;
}

async fn a_receipt_that_cannot_be_read_is_stopped(deployment: Deployment) {
    let node = deployment.start(silent()).await;
    let (number, _) = residents::somebody();
    let case = tell(
        &node,
        &report(
            identity(&number),
            EvidenceSource::MedicalCertificate,
            day(2026, 3, 4),
        ),
    )
    .await;
    let mut rubbish = receipt(&case, "residents", &[("mark-deceased", Outcome::Done)]);
    rubbish.answers[0].outcome = 77;
    let good = receipt(&case, "residents", &[("mark-deceased", Outcome::Done)]);
    send(
        &node,
        &[
            envelope("residents", &rubbish, 1),
            envelope("residents", &good, 2),
        ],
    )
    .await;
    until(&node, &case.id, "the next one is taken", |case| {
        answered(case, "residents") == 1
    })
    .await;
    let mut client = OperationsServiceClient::new(node.channel(&operator("op")));
    let letters = client
        .list_dead_letters(operations::ListDeadLettersRequest::default())
        .await
        .unwrap()
        .into_inner();
    let stopped: Vec<_> = letters
        .dead_letters
        .iter()
        .map(|letter| (letter.subscription.as_str(), letter.state()))
        .collect();
    assert_eq!(
        stopped,
        [(
            "life-events.take-receipts",
            operations::DeadLetterState::Stopped
        )]
    );
    node.stop().await;
}

fn merged(gone: &str, into: &str) -> Envelope {
    let event = PersonMerged {
        person_id: gone.to_owned(),
        into_person_id: into.to_owned(),
        domicile_division: VILLAGE.to_owned(),
        residence_division: VILLAGE.to_owned(),
    };
    envelope("residents", &event, 1)
}

fn established(person_id: &str) -> Envelope {
    let event = PersonEstablished {
        person_id: person_id.to_owned(),
        domicile_division: VILLAGE.to_owned(),
        residence_division: VILLAGE.to_owned(),
    };
    envelope("residents", &event, 1)
}

fn rejected(person_id: &str) -> Envelope {
    envelope(
        "residents",
        &PersonRejected {
            person_id: person_id.to_owned(),
        },
        1,
    )
}

async fn stranger(node: &TestNode) -> pb::DeathCase {
    let stranger = identity(&residents::fresh_number());
    tell(
        node,
        &report(
            stranger,
            EvidenceSource::MedicalCertificate,
            day(2026, 3, 4),
        ),
    )
    .await
}

async fn residents_decides_a_record_by_itself(deployment: Deployment) {
    let node = deployment.start(answering()).await;
    let (known_number, known) = residents::somebody();
    let before = tell(
        &node,
        &report(
            identity(&known_number),
            EvidenceSource::Village,
            day(2026, 3, 4),
        ),
    )
    .await;
    assert_eq!(before.phase(), Phase::Suspected);
    let (gone, of_its_own, nobody) = (
        stranger(&node).await,
        stranger(&node).await,
        stranger(&node).await,
    );
    residents::decide(&gone.person_id, MatchDecision::IsPerson, &known);
    residents::decide(&of_its_own.person_id, MatchDecision::NewPerson, "");
    residents::decide(&nobody.person_id, MatchDecision::Reject, "");
    let events = [
        merged(&gone.person_id, &known),
        established(&of_its_own.person_id),
        rejected(&nobody.person_id),
    ];
    send(&node, &[events.clone(), events.clone()].concat()).await;
    let survivor = until(&node, &gone.id, "the evidence moved", |case| {
        case.id == before.id
    })
    .await;
    assert_eq!(survivor.evidence.len(), 2);
    reaches(&node, &before.id, Phase::Finished).await;
    assert_eq!(
        cases_of(&node, &gone.person_id).await[0].merged_into,
        before.id
    );
    assert_eq!(
        reaches(&node, &of_its_own.id, Phase::Finished)
            .await
            .fact_version,
        1
    );
    reaches(&node, &nobody.id, Phase::Rejected).await;
    // The same event under another id, as a relay that died would not send it: no effect either.
    send(
        &node,
        &[merged(&gone.person_id, &known), rejected(&nobody.person_id)],
    )
    .await;
    for case in [&gone, &of_its_own, &nobody] {
        assert_eq!(kinds(&node, &case.id).await, [""; 0]);
    }
    assert_eq!(complaints(&node).await, [""; 0]);
    node.stop().await;
}

/// The event may overtake the report that it is about.
async fn a_record_decided_before_its_report_arrives(deployment: Deployment) {
    let node = deployment.start(silent()).await;
    let records: Vec<(String, String)> = (0..3)
        .map(|_| {
            let number = residents::fresh_number();
            let id = residents::provision(&number, COUNTY);
            (number, id)
        })
        .collect();
    let (_, known) = residents::somebody();
    let events = [
        merged(&records[0].1, &known),
        established(&records[1].1),
        rejected(&records[2].1),
    ];
    send(&node, &events).await;
    eventually("they are heard", || async {
        use minzheng_chassis::db::Sql;
        let db = node.context("life-events").db().reader();
        let decided = db
            .one("SELECT count(*) AS n FROM decided_record", [])
            .await
            .unwrap()
            .unwrap();
        let merged = "SELECT count(*) AS n FROM known_person WHERE merged_into IS NOT NULL";
        let merged = db.one(merged, []).await.unwrap().unwrap();
        (decided.get::<i64>("n").unwrap() == 2 && merged.get::<i64>("n").unwrap() == 1)
            .then_some(())
    })
    .await;
    // residents answers as it did before it decided.
    let mut cases = Vec::new();
    for (number, _) in &records {
        cases.push(
            tell(
                &node,
                &report(
                    identity(number),
                    EvidenceSource::MedicalCertificate,
                    day(2026, 3, 4),
                ),
            )
            .await,
        );
    }
    let phases: Vec<Phase> = cases.iter().map(pb::DeathCase::phase).collect();
    assert_eq!(
        phases,
        [Phase::Notifying, Phase::Notifying, Phase::Rejected]
    );
    assert_eq!(cases[0].person_id, known);
    node.stop().await;
}

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
    let case = tell(
        &node,
        &report(
            identity(&number),
            EvidenceSource::MedicalCertificate,
            day(2026, 3, 4),
        ),
    )
    .await;
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

async fn a_restart_goes_on_where_it_was(deployment: Deployment) {
    let node = deployment.start(silent()).await;
    let (number, person_id) = residents::somebody();
    let request = report(
        identity(&number),
        EvidenceSource::MedicalCertificate,
        day(2026, 3, 4),
    );
    let case = tell(&node, &request).await;
    node.stop().await;
    let node = deployment.start_again(silent(), &[]).await;
    assert_eq!(tell(&node, &request).await, case, "the call is remembered");
    assert_eq!(get(&node, &case.id).await.etag, case.etag);
    let event_id = Uuid::now_v7();
    let done = receipt(&case, "residents", &[("mark-deceased", Outcome::Done)]);
    let done = Envelope {
        id: event_id,
        ..envelope("residents", &done, 1)
    };
    send(&node, std::slice::from_ref(&done)).await;
    let answered = until(&node, &case.id, "it is answered", |case| {
        answered(case, "residents") == 1
    })
    .await;
    assert_eq!(answered.person_id, person_id);
    node.stop().await;
}
