//! 9 and 13: settled when answered, liveness.

use std::time::Duration;

use minzheng_proto::life_events::v1 as pb;
use minzheng_tests::chaos::checkers::{Harm, QUIET_WITHIN};
use minzheng_tests::chaos::history::Kind;
use minzheng_tests::chaos::observe::{self, Observed, Question};
use serde_json::json;

use crate::clean::{Plant, Run, acknowledged, finds, holds, refuse};

/// A question of a finished case is open again.
const OPEN: &str = "UPDATE question SET state = 'open', outcome = NULL, receipt_event_id = NULL, answered_at = NULL \
                    WHERE case_id = (SELECT min(id) FROM death_case WHERE phase = 'finished')";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_see_an_open_question_and_nothing_open_a_stopped_event() {
    let run = Run::clean().await;
    let open = [
        (Harm::Wrong, "is open"),
        (Harm::Wrong, "verify life-events"),
    ];
    run.finds(9, "life-events", OPEN, &open).await;
    let open = [
        (Harm::Wrong, "is open"),
        (Harm::Wrong, "stayed open to the end"),
    ];
    run.finds(13, "life-events", OPEN, &open).await;
    run.finds(
        13,
        "elderly-care",
        "UPDATE inbox SET state = 'stopped', reason = 'planted', envelope = x'' WHERE event_id = \
         (SELECT min(event_id) FROM inbox)",
        &[(Harm::Wrong, "parked or stopped")],
    )
    .await;
    run.stop().await;
}

/// A question that a finished case asked last, and that such a department answered.
fn answered(observed: &mut Observed, by: fn(&str) -> bool) -> &mut Question {
    let cases = &observed.tables.cases;
    let mut questions = observed.tables.questions.iter_mut();
    let found = questions.find(|question| {
        let case = &cases[&question.case];
        let last = case.phase == "finished" && case.fact_version == question.fact_version;
        last && question.state == "answered" && by(&question.department)
    });
    found.expect("a question")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answered_sees_a_client_misled_an_answer_by_nobody_or_by_another_and_nobody_asked() {
    let plants: [Plant; 4] = [
        (Harm::Wrong, "with 1 open questions", |observed| {
            let seen = acknowledged(observed, "get-case").last_mut();
            let answer = &mut seen.expect("an attempt").answer;
            answer["phase"] = pb::Phase::Settled.as_str_name().into();
            answer["open"] = 1.into();
        }),
        (Harm::Wrong, "no receipt of its own", |observed| {
            answered(observed, |_| true).receipt = None;
        }),
        (Harm::Wrong, "no receipt of its own", |observed| {
            let another = answered(observed, |by| by != "residents").receipt;
            answered(observed, |by| by == "residents").receipt = another;
        }),
        (Harm::Wrong, "nobody was asked", |observed| {
            let case = answered(observed, |_| true).case;
            let questions = &mut observed.tables.questions;
            questions.retain(|question| question.case != case);
        }),
    ];
    finds(9, &plants).await;
}

/// A case waits for something of which something is not told.
fn waits(observed: &mut Observed, untold: fn(&mut pb::Waiting)) {
    let case = observed.api.cases.values_mut().next().expect("a case");
    let mut waiting = pb::Waiting {
        on: "residents".to_owned(),
        what: "mark-deceased".to_owned(),
        since: Some(Default::default()),
        advice: "等待户籍部门答复".to_owned(),
        ..Default::default()
    };
    untold(&mut waiting);
    case.waiting.push(waiting);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_open_sees_a_long_wait_one_without_owner_beginning_or_advice_and_a_story_cut_short()
{
    holds(13, |observed| observed.quiet_after = Some(QUIET_WITHIN)).await;
    holds(13, |observed| waits(observed, |_| {})).await;
    holds(13, |observed| {
        let broken = json!({ "code": "Internal", "said": "h2 protocol error" });
        observed.ops[0].attempts[0].answer = broken;
    })
    .await;
    let plants: [Plant; 9] = [
        (Harm::Wrong, "was answered INTERNAL", |observed| {
            let attempt = &mut observed.ops[0].attempts[0];
            let again = attempt.clone();
            attempt.kind = Kind::Unknown;
            attempt.answer = json!({ "code": "Internal", "reason": "INTERNAL" });
            observed.ops[0].attempts.push(again);
        }),
        (Harm::Wrong, "residents-0: thread", |observed| {
            let log = "quiet\nthread 'relay' panicked at src/relay.rs:1:1:\nquiet";
            observed.crashes = observe::panics("residents-0", log);
        }),
        (Harm::Wrong, "residents-1 ended by itself", |observed| {
            let end = "residents-1 ended by itself: exit status: 1";
            observed.crashes.push(end.to_owned());
        }),
        (Harm::Wrong, "replica 1, does not answer", |observed| {
            let one = "residents, replica 1, does not answer: Unavailable";
            observed.mute.push(one.to_owned());
        }),
        (Harm::Wrong, "it took 61 s", |observed| {
            observed.quiet_after = Some(QUIET_WITHIN + Duration::from_secs(1));
        }),
        (Harm::Wrong, "says not on whom", |observed| {
            waits(observed, |waiting| waiting.on.clear());
        }),
        (Harm::Wrong, "says not on whom", |observed| {
            waits(observed, |waiting| waiting.since = None);
        }),
        (Harm::Wrong, "says not on whom", |observed| {
            waits(observed, |waiting| waiting.advice.clear());
        }),
        (Harm::Wrong, "ended: NOT_FOUND", |observed| {
            let ended = acknowledged(observed, "story").last_mut();
            refuse(ended.expect("an end"), "NOT_FOUND");
        }),
    ];
    finds(13, &plants).await;
}
