use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::domain::identity::FormerIdentity;
use crate::domain::merge::{Decision, decide};
use crate::domain::samples::{established, identity, provisional};

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

/// A person who had another number, or name, before.
fn corrected(mut person: Person, sequence: u16, name: &str) -> Person {
    person.former.push(FormerIdentity {
        identity: identity(sequence, name),
        replaced_at: Timestamp::UNIX_EPOCH,
        reason: "笔误".to_owned(),
    });
    person
}

fn merged(mut record: Person, into: &Person) -> Person {
    decide(&mut record, Decision::IsPerson(into)).unwrap();
    record
}

fn rejected(mut record: Person) -> Person {
    decide(&mut record, Decision::Reject).unwrap();
    record
}

/// What stands, the records, and the expected answer, id and number of candidates.
type Row = (&'static str, Vec<Person>, MatchAnswer, Option<u128>, usize);

#[test]
fn one_answer_for_everything_that_may_stand() {
    use MatchAnswer::{Matched, MultipleCandidates, NoMatch, PendingReview};
    let zhang = established(1, 1, "张三");
    let renamed = corrected(established(1, 1, "张三"), 1, "张山");
    let renumbered = corrected(established(1, 2, "张三"), 1, "张三");
    let wrongly_had = corrected(established(9, 3, "王五"), 1, "王五");
    let twin = established(2, 1, "张三");
    let waiting = provisional(5, 1, "张三");
    let li = established(4, 4, "李四");
    let rows: [Row; 23] = [
        ("nobody", vec![], NoMatch, None, 0),
        ("somebody else's number", vec![li.clone()], NoMatch, None, 0),
        ("number and name", vec![zhang.clone()], Matched, Some(1), 1),
        (
            "number, another name",
            vec![established(1, 1, "张山")],
            PendingReview,
            None,
            1,
        ),
        (
            "name, another number",
            vec![established(1, 2, "张三")],
            NoMatch,
            None,
            0,
        ),
        (
            "a former name",
            vec![corrected(established(1, 1, "张山"), 1, "张三")],
            Matched,
            Some(1),
            1,
        ),
        ("the name now, of two", vec![renamed], Matched, Some(1), 1),
        (
            "a former number",
            vec![renumbered.clone()],
            Matched,
            Some(1),
            1,
        ),
        (
            "has it, before had it",
            vec![zhang.clone(), wrongly_had.clone()],
            Matched,
            Some(1),
            2,
        ),
        (
            "only had it, another name",
            vec![wrongly_had.clone()],
            PendingReview,
            None,
            1,
        ),
        (
            "several had it",
            vec![wrongly_had, renumbered],
            MultipleCandidates,
            None,
            2,
        ),
        (
            "two have it",
            vec![zhang.clone(), twin],
            MultipleCandidates,
            None,
            2,
        ),
        (
            "two have it, one by name",
            vec![zhang.clone(), established(2, 1, "李四")],
            MultipleCandidates,
            None,
            2,
        ),
        ("waits", vec![waiting.clone()], PendingReview, Some(5), 0),
        (
            "waits under another name",
            vec![provisional(5, 1, "张山")],
            PendingReview,
            None,
            0,
        ),
        (
            "waits twice: the oldest",
            vec![provisional(6, 1, "张三"), waiting.clone()],
            PendingReview,
            Some(5),
            0,
        ),
        (
            "known and waits",
            vec![waiting.clone(), zhang.clone()],
            Matched,
            Some(1),
            1,
        ),
        (
            "another's and waits",
            vec![waiting.clone(), established(1, 1, "李四")],
            PendingReview,
            Some(5),
            1,
        ),
        (
            "rejected",
            vec![rejected(waiting.clone())],
            NoMatch,
            None,
            0,
        ),
        (
            "merged, survivor of another number",
            vec![merged(waiting.clone(), &li)],
            Matched,
            Some(4),
            1,
        ),
        (
            "merged, survivor known by the name",
            vec![
                merged(provisional(5, 1, "张山"), &zhang),
                established(1, 2, "张三"),
            ],
            Matched,
            Some(1),
            1,
        ),
        (
            "merged, by another name",
            vec![merged(provisional(5, 1, "张山"), &li)],
            PendingReview,
            None,
            1,
        ),
        (
            "merged into the one who has it",
            vec![merged(waiting, &zhang), zhang],
            Matched,
            Some(1),
            1,
        ),
    ];
    let asked = identity(1, "张三");
    for (what, records, answer, person_id, candidates) in rows {
        let found = find(&asked, &records);
        assert_eq!(found.answer, answer, "{what}");
        assert_eq!(found.person_id(), person_id.map(id), "{what}");
        assert_eq!(found.candidates, candidates, "{what}");
    }
}

#[test]
fn without_a_document_nobody_is_matched() {
    let body = Identity {
        document: Document::None,
        name: identity(1, "张三").name,
    };
    let (same, _) = Person::provision(id(1), body.clone(), crate::domain::samples::yunyan());
    let found = find(&body, &[same, established(2, 1, "张三")]);
    assert_eq!(found.answer, MatchAnswer::PendingReview);
    assert_eq!((found.person_id(), found.candidates), (None, 0));
}

#[test]
fn a_number_is_held_by_those_who_have_it_now() {
    let document = identity(1, "张三").document;
    assert!(is_held(&document, &[established(1, 1, "李四")], None));
    assert!(!is_held(
        &document,
        &[established(1, 1, "李四")],
        Some(id(1))
    ));
    assert!(!is_held(&document, &[provisional(1, 1, "张三")], None));
    assert!(!is_held(
        &document,
        &[corrected(established(1, 2, "张三"), 1, "张三")],
        None
    ));
    let body = Person {
        identity: Identity {
            document: Document::None,
            name: None,
        },
        ..established(1, 1, "张三")
    };
    assert!(!is_held(&Document::None, &[body], None));
}

const NAMES: [&str; 3] = ["张三", "张山", "李四"];

fn any_record(number: u128) -> impl Strategy<Value = Person> {
    let name = || prop::sample::select(NAMES.as_slice());
    let former = prop::option::of((1u16..4, name()));
    (0u8..5, 1u16..4, name(), former).prop_map(move |(kind, sequence, name, former)| {
        let record = match kind {
            0 => provisional(number, sequence, name),
            1 => rejected(provisional(number, sequence, name)),
            2 => {
                return merged(
                    provisional(number, sequence, name),
                    &established(1000, 9, "王五"),
                );
            }
            _ => established(number, sequence, name),
        };
        match former {
            Some((sequence, name)) => corrected(record, sequence, name),
            None => record,
        }
    })
}

fn any_records() -> impl Strategy<Value = (Vec<Person>, Vec<Person>)> {
    let records: Vec<_> = (1..7).map(any_record).collect();
    (records, 0usize..7).prop_flat_map(|(records, count)| {
        let records: Vec<Person> = records.into_iter().take(count).collect();
        (Just(records.clone()), Just(records).prop_shuffle())
    })
}

proptest! {
    /// Whatever stands there is one answer, and it does not depend on the order in which the
    /// database returns records, nor on records that have nothing to do with the number.
    #[test]
    fn matching_is_total_and_knows_no_order(
        (records, shuffled) in any_records(),
        sequence in 1u16..4,
        name in prop::sample::select(NAMES.as_slice()),
    ) {
        let asked = identity(sequence, name);
        let found = find(&asked, &records);
        let doubled: Vec<Person> = shuffled.iter().chain(&shuffled).cloned().collect();
        prop_assert_eq!(find(&asked, &shuffled), found);
        prop_assert_eq!(find(&asked, &doubled), found);
        let related: Vec<Person> =
            records.iter().filter(|record| has_or_had(record, &asked.document)).cloned().collect();
        prop_assert_eq!(find(&asked, &related), found);
        prop_assert_eq!(found.matched.is_some(), found.answer == MatchAnswer::Matched);
        prop_assert_eq!(related.is_empty() && found.answer != MatchAnswer::NoMatch, false);
    }

    /// Nobody is matched who never had the number, or was never known by the name.
    #[test]
    fn a_match_rests_on_number_and_name(
        (records, _) in any_records(),
        sequence in 1u16..4,
        name in prop::sample::select(NAMES.as_slice()),
    ) {
        let asked = identity(sequence, name);
        if let Some(matched) = find(&asked, &records).matched {
            let speaks = |record: &&Person| record.answering_id() == matched && record.state != RecordState::Rejected;
            prop_assert!(records.iter().filter(speaks).any(|record| has_or_had(record, &asked.document)));
            prop_assert!(records.iter().filter(speaks).any(|record| known_by(record, asked.name.as_ref())));
        }
    }
}
