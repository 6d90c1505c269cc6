//! 8 and 12: reversal restores, clock independence.

use minzheng_tests::chaos::checkers::{self, Harm};
use minzheng_tests::chaos::observe::{Observed, Print};
use minzheng_tests::chaos::workload::{Script, Shape};

use crate::clean::{Plant, Run, finds, holds, observed, says};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restored_sees_a_stay_that_did_not_come_back() {
    let run = Run::clean().await;
    let person = run.old_one(Script::Reversed(Shape::Home)).await;
    let id = person.simple();
    run.finds(
        8,
        "elderly-care",
        &format!("UPDATE stay SET state = 'ended', end_cause = 'left', last_day = first_day WHERE person_id = x'{id}'"),
        &[(Harm::Wrong, "is not as before")],
    )
    .await;
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restored_sees_that_nobody_was_left_alone() {
    let plants: [Plant; 1] = [(Harm::Wrong, "looks untouched", |observed| {
        let name = Script::Control(Shape::Home).name();
        observed.api.prints.retain(|print| print.script != name);
    })];
    finds(8, &plants).await;
}

/// Two more families like one that was certified; the last one is altered.
fn two_alike(observed: &mut Observed, alter: fn(&mut Print)) {
    let name = Script::Certified(Shape::Single).name();
    let prints = &mut observed.api.prints;
    let like = prints.iter().find(|print| print.script == name);
    let mut like = like.expect("a print").clone();
    like.family = 1_000;
    prints.push(like.clone());
    like.family = 1_001;
    alter(&mut like);
    prints.push(like);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alike_sees_a_family_that_ended_otherwise_than_its_like() {
    holds(12, |observed| two_alike(observed, |_| {})).await;
    let plants: [Plant; 1] = [(Harm::Wrong, "family 1001", |observed| {
        two_alike(observed, |print| drop(print.lines.pop()));
    })];
    finds(12, &plants).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_see_that_most_stories_broke_off() {
    // Of seven families that were undone and of twenty-three in all, so many of the first make half.
    for (checker, enough) in [(8, 13), (12, 12)] {
        let mut observed = observed().await;
        observed.api.prints.truncate(enough);
        assert_eq!(checkers::run_one(checker, &observed), vec![]);
        observed.api.prints.truncate(enough - 1);
        says(checker, &observed, &[(Harm::Wrong, "lived to the end")]);
    }
}
