//! A checker that cannot fail is worthless: each is shown to find planted violations, after it held
//! over a run in which nothing was broken.

mod audit;
mod clean;
mod conservation;
mod effects;
mod requests;
mod settled;
mod standing;
mod streams;
mod verified;

use minzheng_tests::chaos::checkers::{CHECKERS, Check};

#[test]
fn there_are_thirteen_and_those_of_payments_say_that_they_wait() {
    let numbers: Vec<u8> = CHECKERS.iter().map(|checker| checker.number).collect();
    assert_eq!(numbers, (1..=13).collect::<Vec<u8>>());
    let waiting = CHECKERS
        .iter()
        .filter(|checker| matches!(checker.check, Check::NotYet(_)));
    assert_eq!(
        waiting.map(|checker| checker.number).collect::<Vec<_>>(),
        [1, 6, 7]
    );
}
