//! The one seam on both deployments: commands, request ids, conflicts, reactions, parking.

mod common;
#[path = "seam/conflicts.rs"]
mod conflicts;
#[path = "seam/together.rs"]
mod together;

use std::sync::Arc;
use std::time::Duration;

use common::{
    Add, Publish, client, confirmed, dead_letters, fail, heal, heard, notebook,
    notebook_with_a_second_reader, notes, replay, unreadable,
};
use futures::future::join_all;
use minzheng_chassis::db::Sql;
use minzheng_chassis::on_both_deployments;
use minzheng_chassis::seam::{Failure, RequestKey};
use minzheng_chassis::testing::{Deployment, TestNode, eventually, operator};
use minzheng_proto::operations::v1 as operations;
use uuid::Uuid;

on_both_deployments!(
    an_event_takes_effect_once_for_each_subscription,
    a_request_id_gives_the_first_answer_and_refuses_other_content,
    a_refusal_leaves_nothing_behind,
    concurrent_writers_of_five_keys_lose_nothing,
    a_failing_key_is_parked_alone_and_replayed_in_order,
    an_older_fact_that_was_parked_is_overtaken,
    an_undecodable_event_is_stopped_and_holds_nothing,
    what_a_later_release_can_read_has_no_effect_behind_a_newer_fact,
    a_caller_that_hangs_up_leaves_no_open_transaction,
);

const NOTES: &str = "notebook.note-beds";

/// How many hang up.
const CALLERS: i64 = 20;

async fn publish(node: &TestNode, beds: &[(&str, &str)]) {
    let beds = beds
        .iter()
        .map(|(bed, facility)| ((*bed).to_owned(), (*facility).to_owned()))
        .collect();
    let cx = node.context(common::NOTEBOOK);
    cx.run(&operator("op"), None, Publish(beds))
        .await
        .expect("published");
}

async fn eventually_noted(
    node: &TestNode,
    subscription: &str,
    expected: usize,
) -> Vec<(String, String)> {
    let cx = node.context(common::NOTEBOOK);
    eventually(&format!("{expected} notes of {subscription}"), || async {
        let found = notes(cx, subscription).await;
        (found.len() >= expected).then_some(found)
    })
    .await
}

async fn an_event_takes_effect_once_for_each_subscription(deployment: Deployment) {
    let node = deployment.start(vec![notebook()]).await;
    publish(&node, &[("a", "1"), ("b", "1"), ("a", "2")]).await;
    let noted = eventually_noted(&node, NOTES, 3).await;
    let of_a: Vec<&str> = noted
        .iter()
        .filter(|(key, _)| key == "a")
        .map(|(_, facility)| facility.as_str())
        .collect();
    assert_eq!(of_a, ["1", "2"], "order per key");
    node.stop().await;

    // A later version reads from the beginning under another name; the first does not read again.
    let node = deployment
        .start_again(vec![notebook_with_a_second_reader()], &[])
        .await;
    eventually_noted(&node, "notebook.note-again", 3).await;
    publish(&node, &[("c", "1")]).await;
    eventually_noted(&node, "notebook.note-again", 4).await;
    assert_eq!(eventually_noted(&node, NOTES, 4).await.len(), 4);
    let answer = client(&node)
        .verify(operations::VerifyRequest::default())
        .await
        .expect("verified")
        .into_inner();
    assert_eq!(answer.findings, vec![]);
    node.stop().await;
}

async fn a_request_id_gives_the_first_answer_and_refuses_other_content(deployment: Deployment) {
    let node = deployment.start(vec![notebook()]).await;
    let cx = node.context(common::NOTEBOOK);
    let id = Uuid::new_v4().to_string();
    let key = |facility: &str| RequestKey::of(&id, &common::bed_changed("t", facility)).unwrap();
    let add = || Add {
        tally: "t".to_owned(),
        refuse: false,
    };
    let caller = operator("op");
    let both = join_all([
        cx.run(&caller, Some(key("x")), add()),
        cx.run(&caller, Some(key("x")), add()),
    ])
    .await;
    for answer in both {
        assert_eq!(
            answer.expect("answered").facility_id,
            "1",
            "of two at once the loser finds the first answer"
        );
    }
    let again = cx
        .run(&operator("op"), Some(key("x")), add())
        .await
        .expect("answered");
    assert_eq!(again.facility_id, "1");
    let other = cx
        .run(&operator("op"), Some(key("y")), add())
        .await
        .expect_err("refused");
    assert!(matches!(other, Failure::Problem(problem) if problem.reason == "REQUEST_ID_REUSED"));
    let another_caller = cx
        .run(&operator("other"), Some(key("x")), add())
        .await
        .expect("answered");
    assert_eq!(another_caller.facility_id, "2");
    node.stop().await;
}

async fn a_refusal_leaves_nothing_behind(deployment: Deployment) {
    let node = deployment.start(vec![notebook()]).await;
    let cx = node.context(common::NOTEBOOK);
    let refused = Add {
        tally: "t".to_owned(),
        refuse: true,
    };
    cx.run(&operator("op"), None, refused)
        .await
        .expect_err("refused");
    for table in ["tally", "outbox", "stream_sequence"] {
        let row = cx
            .db()
            .reader()
            .one(format!("SELECT count(*) AS n FROM {table}"), [])
            .await
            .unwrap()
            .unwrap();
        assert_eq!(row.get::<i64>("n").unwrap(), 0, "{table}");
    }
    node.stop().await;
}

async fn concurrent_writers_of_five_keys_lose_nothing(deployment: Deployment) {
    const WRITERS: usize = 300;
    let node = deployment
        .start_with(vec![notebook()], &["database.max_connections=10"])
        .await;
    let cx = node.context(common::NOTEBOOK);
    let writers = (0..WRITERS).map(|n| {
        let add = Add {
            tally: format!("hot-{}", n % 5),
            refuse: false,
        };
        async move {
            // The sixth conflict is told to the caller, who tries again.
            loop {
                let add = Add {
                    tally: add.tally.clone(),
                    refuse: false,
                };
                match cx.run(&operator("op"), None, add).await {
                    Ok(_) => return,
                    Err(failure) => assert!(failure.is_conflict(), "{failure}"),
                }
            }
        }
    });
    join_all(writers).await;
    let noted = eventually_noted(&node, NOTES, WRITERS).await;
    assert_eq!(noted.len(), WRITERS);
    for key in 0..5 {
        let key = format!("hot-{key}");
        let totals: Vec<usize> = noted
            .iter()
            .filter(|(of, _)| *of == key)
            .map(|(_, total)| total.parse().unwrap())
            .collect();
        assert_eq!(
            totals,
            (1..=WRITERS / 5).collect::<Vec<_>>(),
            "{key} in sequence"
        );
    }
    let gaps = client(&node)
        .list_stream_gaps(operations::ListStreamGapsRequest::default())
        .await
        .unwrap();
    assert_eq!(gaps.into_inner().gaps, vec![]);
    node.stop().await;
}

async fn eventually_dead(node: &TestNode, count: usize) -> Vec<operations::DeadLetter> {
    eventually(&format!("{count} dead letters"), || async {
        let letters = dead_letters(node).await;
        (letters.len() == count).then_some(letters)
    })
    .await
}

async fn a_failing_key_is_parked_alone_and_replayed_in_order(deployment: Deployment) {
    let bad = format!("bad-{}", Uuid::new_v4());
    fail(&bad, u32::MAX);
    // An hour between tries: only a replay can be what applies it.
    let node = deployment
        .start_with(
            vec![notebook()],
            &["runner.retry_first_ms=60000", "runner.retry_max_ms=3600000"],
        )
        .await;
    publish(
        &node,
        &[("good", "1"), (&bad, "1"), (&bad, "2"), ("good", "2")],
    )
    .await;
    let letters = eventually_dead(&node, 2).await;
    assert!(
        letters.iter().all(
            |letter| letter.key == bad && letter.state() == operations::DeadLetterState::Parked
        )
    );
    assert_eq!(
        letters
            .iter()
            .filter(|letter| letter.behind_another)
            .count(),
        1
    );
    assert_eq!(
        eventually_noted(&node, NOTES, 2).await.len(),
        2,
        "others flow, and the failed effect is undone"
    );

    publish(&node, &[(&bad, "3")]).await;
    eventually_dead(&node, 3).await;
    heal(&bad);
    let head = letters
        .iter()
        .find(|letter| !letter.behind_another)
        .expect("a head");
    replay(&node, head, "healed").await;
    eventually_dead(&node, 0).await;
    let noted = eventually_noted(&node, NOTES, 5).await;
    let of_bad: Vec<&str> = noted
        .iter()
        .filter(|(key, _)| *key == bad)
        .map(|(_, facility)| facility.as_str())
        .collect();
    assert_eq!(of_bad, ["1", "2", "3"], "in order");
    node.stop().await;
}

async fn an_older_fact_that_was_parked_is_overtaken(deployment: Deployment) {
    let person = Uuid::now_v7();
    fail(&person.to_string(), 3 + 2);
    let node = deployment.start(vec![notebook()]).await;
    let cx = node.context(common::NOTEBOOK);
    node.bus().send(&[confirmed(person, 1, 1)]).await;
    eventually_dead(&node, 1).await;
    node.bus().send(&[confirmed(person, 2, 2)]).await;
    eventually("version 2 stands", || async {
        deployment.clock().advance(Duration::from_secs(1));
        let found = heard(cx, person).await?;
        (found.0 == 2).then_some(())
    })
    .await;
    eventually_dead(&node, 0).await;
    assert_eq!(heard(cx, person).await, Some((2, "Confirmed".to_owned())));
    node.stop().await;
}

async fn an_undecodable_event_is_stopped_and_holds_nothing(deployment: Deployment) {
    let person = Uuid::now_v7();
    let node = deployment.start(vec![notebook()]).await;
    let cx = node.context(common::NOTEBOOK);
    let mut rubbish = confirmed(person, 1, 1);
    rubbish.value = b"\xff\xff".to_vec();
    node.bus()
        .send(&[rubbish.clone(), confirmed(person, 2, 2)])
        .await;
    eventually("version 2 is heard", || heard(cx, person)).await;
    let letters = eventually_dead(&node, 1).await;
    assert_eq!(letters[0].state(), operations::DeadLetterState::Stopped);
    replay(&node, &letters[0], "look again").await;
    eventually("it is stopped again", || async {
        let letters = dead_letters(&node).await;
        letters
            .iter()
            .any(|letter| letter.state() == operations::DeadLetterState::Stopped)
            .then_some(())
    })
    .await;
    assert_eq!(heard(cx, person).await, Some((2, "Confirmed".to_owned())));
    let discard = operations::DiscardDeadLetterRequest {
        service: letters[0].service.clone(),
        subscription: letters[0].subscription.clone(),
        event_id: letters[0].event_id.clone(),
        reason: "rubbish".to_owned(),
    };
    client(&node)
        .discard_dead_letter(discard)
        .await
        .expect("discarded");
    eventually_dead(&node, 0).await;
    node.stop().await;
}

/// Version 1 cannot be read, version 2 arrives, a release comes that reads version 1, and it is replayed: 2 stands.
async fn what_a_later_release_can_read_has_no_effect_behind_a_newer_fact(deployment: Deployment) {
    let person = Uuid::now_v7();
    let later = unreadable(&person.to_string());
    let node = deployment.start(vec![notebook()]).await;
    let cx = node.context(common::NOTEBOOK);
    fail(&later, u32::MAX);
    node.bus().send(&[confirmed(person, 1, 1)]).await;
    let letters = eventually_dead(&node, 1).await;
    assert_eq!(letters[0].state(), operations::DeadLetterState::Stopped);
    heal(&later);
    node.bus().send(&[confirmed(person, 2, 2)]).await;
    eventually("version 2 is heard", || heard(cx, person)).await;
    replay(&node, &letters[0], "the new release reads it").await;
    eventually_dead(&node, 0).await;
    assert_eq!(heard(cx, person).await, Some((2, "Confirmed".to_owned())));
    node.stop().await;
}

async fn a_caller_that_hangs_up_leaves_no_open_transaction(deployment: Deployment) {
    let node = deployment.start(vec![notebook()]).await;
    let cx = Arc::new(node.context(common::NOTEBOOK).clone());
    for n in 0..CALLERS {
        let run = {
            let cx = cx.clone();
            // Each a tally of its own: of twenty at once on one row some would rightly end as CONTENDED.
            let add = Add {
                tally: format!("t{n}"),
                refuse: false,
            };
            async move { cx.run(&operator("op"), None, add).await }
        };
        // Dropped at its first await, as tonic drops the handler of a client that hangs up.
        let _ = futures::poll!(Box::pin(run));
    }
    // Every one of them went on to its end.
    let text = "SELECT count(*) AS done FROM tally WHERE total = 1";
    eventually("every one is done", || async {
        let row = cx.db().reader().one(text, []).await.unwrap()?;
        (row.get::<i64>("done").unwrap() == CALLERS).then_some(())
    })
    .await;
    cx.run(
        &operator("op"),
        None,
        Add {
            tally: "u".to_owned(),
            refuse: false,
        },
    )
    .await
    .expect("nothing is locked");
    node.stop().await;
}
