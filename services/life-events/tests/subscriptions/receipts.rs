//! Facts out, receipts in.

use minzheng_chassis::bus::Envelope;
use minzheng_chassis::db::{Sql as _, val};
use minzheng_chassis::on_both_deployments;
use minzheng_chassis::operations::checks;
use minzheng_chassis::person::FactKind;
use minzheng_chassis::testing::{Deployment, TestNode, operator};
use minzheng_proto::life_events::v1 as pb;
use minzheng_proto::life_events::v1::{Outcome, Phase, QuestionState};
use minzheng_proto::operations::v1 as operations;
use minzheng_proto::operations::v1::operations_service_client::OperationsServiceClient;
use uuid::Uuid;

use crate::common::departments::receipt;
use crate::common::*;

on_both_deployments!(
    a_certificate_confirms_and_everybody_answers,
    an_answer_without_its_receipt_is_found,
    receipts_settle_in_any_order_and_only_once,
    a_receipt_that_cannot_be_read_is_stopped,
    a_restart_goes_on_where_it_was,
);

async fn a_certificate_confirms_and_everybody_answers(deployment: Deployment) {
    let node = deployment.start(answering()).await;
    let (number, person_id) = residents::somebody();
    let request = certificate(&number);
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

async fn an_answer_without_its_receipt_is_found(deployment: Deployment) {
    let node = deployment.start(answering()).await;
    let (number, _) = residents::somebody();
    let request = certificate(&number);
    let case = tell(&node, &request).await;
    reaches(&node, &case.id, Phase::Finished).await;
    assert_eq!(without_receipt(&node).await, [""; 0]);

    let two_minutes = 120_000_000_i64;
    let (id, unknown) = (Uuid::parse_str(&case.id).unwrap(), Uuid::now_v7());
    let plant = "UPDATE question SET receipt_event_id = $1, answered_at = answered_at - $2 WHERE case_id = $3 AND action = $4";
    let values = [val(unknown), val(two_minutes), val(id), val("end-stay")];
    let db = node.context("life-events").db().writer();
    assert_eq!(db.run(plant, values).await.unwrap(), 1);
    let of_another = "UPDATE question SET receipt_event_id = (SELECT receipt_event_id FROM question WHERE case_id = $1 \
                      AND action = 'mark-deceased') WHERE case_id = $2 AND action = $3";
    let values = [val(id), val(id), val("close-child-file")];
    assert_eq!(db.run(of_another, values).await.unwrap(), 1);

    let found = without_receipt(&node).await;
    assert_eq!(found.len(), 2, "{found:?}");
    let named = format!(
        "case {id} has an answer of elderly-care to end-stay of fact 1 by receipt {unknown}"
    );
    assert!(found.iter().any(|one| one.starts_with(&named)), "{found:?}");
    let of_another = "of child-welfare to close-child-file";
    assert!(
        found.iter().any(|one| one.contains(of_another)),
        "{found:?}"
    );
    node.stop().await;
}

/// What `verify` finds of answers that are no receipt.
async fn without_receipt(node: &TestNode) -> Vec<String> {
    let request = operations::VerifyRequest {
        service: "life-events".to_owned(),
    };
    let mut client = OperationsServiceClient::new(node.channel(&operator("op")));
    let verified = client.verify(request).await.expect("verified").into_inner();
    let found = verified.findings.into_iter();
    let found = found.filter(|finding| finding.check == checks::ANSWER_RECEIPT);
    found.map(|finding| finding.detail).collect()
}

async fn receipts_settle_in_any_order_and_only_once(deployment: Deployment) {
    let node = deployment.start(silent()).await;
    let (number, _) = residents::somebody();
    let case = tell(&node, &certificate(&number)).await;
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
    let mut elderly = elderly;
    elderly.answers[0].reason = "BED_RELET".to_owned();
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
    let told: Vec<(Outcome, &str)> = settling
        .questions
        .iter()
        .filter(|question| question.department == "elderly-care")
        .map(|question| (question.outcome(), question.reason.as_str()))
        .collect();
    assert_eq!(
        told,
        [(Outcome::Done, "BED_RELET"), (Outcome::NothingToDo, "")],
        "a reason beside \"done\" is kept and shown"
    );
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
    let case = tell(&node, &certificate(&number)).await;
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

async fn a_restart_goes_on_where_it_was(deployment: Deployment) {
    let node = deployment.start(silent()).await;
    let (number, person_id) = residents::somebody();
    let request = certificate(&number);
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
