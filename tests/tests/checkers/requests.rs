//! 10: same request, same answer.

use minzheng_tests::chaos::checkers::Harm;

use crate::clean::{Plant, acknowledged, again, finds, holds, refuse};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn same_sees_another_answer_or_a_no_to_one_request_and_one_document_in_two_cases() {
    // The same answer again, or that somebody else was faster.
    holds(10, |observed| again(observed, "report", |_| {})).await;
    holds(10, |observed| {
        again(observed, "report", |one| refuse(one, "CONTENDED"));
    })
    .await;
    let plants: [Plant; 5] = [
        (Harm::Wrong, "has 2 answers", |observed| {
            again(observed, "report", |one| {
                one.answer["digest"] = "another".into()
            });
        }),
        (
            Harm::Wrong,
            "was acknowledged, then refused: REQUEST_ID_REUSED",
            |observed| {
                again(observed, "report", |one| refuse(one, "REQUEST_ID_REUSED"));
            },
        ),
        (Harm::Doubled, "document", |observed| {
            again(observed, "report", |one| {
                one.answer["case"] = "another".into()
            });
        }),
        (Harm::Wrong, "misuse taken", |observed| {
            let ended = acknowledged(observed, "story").last_mut();
            refuse(ended.expect("an end"), "misuse taken instead of refused");
        }),
        (Harm::Wrong, "own approval taken", |observed| {
            let ended = acknowledged(observed, "story").last_mut();
            refuse(ended.expect("an end"), "own approval taken");
        }),
    ];
    finds(10, &plants).await;
}
