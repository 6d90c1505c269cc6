//! Deciding who a provisional record is.

use super::effect::{Effect, Event};
use super::errors::ResidentsError;
use super::person::{Person, RecordState};

/// The decision of a person.
#[derive(Clone, Copy, Debug)]
pub enum Decision<'a> {
    /// It is this known person.
    IsPerson(&'a Person),
    /// It is a person who was not known before.
    NewPerson,
    /// There is no such person.
    Reject,
}

impl Decision<'_> {
    /// Its name, as the outcome of the work item.
    pub fn name(&self) -> &'static str {
        match self {
            Self::IsPerson(_) => "is-person",
            Self::NewPerson => "new-person",
            Self::Reject => "reject",
        }
    }
}

/// Decides a provisional record. Only provisional records go anywhere: what two established
/// records have gathered in other services cannot be told apart again.
///
/// Errors: the record is established (merging it), or decided already; it is to go into itself,
/// or into a record that is not established.
pub fn decide(record: &mut Person, decision: Decision<'_>) -> Result<Vec<Effect>, ResidentsError> {
    expect_provisional(record, decision)?;
    let person_id = record.id;
    let event = match decision {
        Decision::IsPerson(survivor) => {
            if survivor.id == record.id {
                return Err(ResidentsError::MergeIntoItself);
            }
            survivor
                .expect_established()
                .map_err(|_| ResidentsError::MergeIntoUnestablished)?;
            record.state = RecordState::Merged { into: survivor.id };
            Event::Merged {
                person_id,
                into: survivor.id,
                places: survivor.places,
            }
        }
        Decision::NewPerson => {
            record.state = RecordState::Established;
            Event::Established {
                person_id,
                places: record.places,
            }
        }
        Decision::Reject => {
            record.state = RecordState::Rejected;
            Event::Rejected { person_id }
        }
    };
    let closed = Effect::CloseReview {
        person_id,
        outcome: decision.name(),
    };
    Ok(vec![Effect::Publish(event), closed])
}

fn expect_provisional(record: &Person, decision: Decision<'_>) -> Result<(), ResidentsError> {
    match (record.state, decision) {
        (RecordState::Provisional, _) => Ok(()),
        (RecordState::Established, Decision::IsPerson(_)) => {
            Err(ResidentsError::MergeOfEstablished)
        }
        (RecordState::Established, Decision::NewPerson | Decision::Reject)
        | (RecordState::Merged { .. } | RecordState::Rejected, _) => {
            Err(ResidentsError::AlreadyDecided)
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::matching::{MatchAnswer, find};
    use crate::domain::samples::{established, identity, nanming, provisional, yunyan};

    fn into(record: &Person) -> Event {
        Event::Merged {
            person_id: record.id,
            into: Uuid::from_u128(2),
            places: established(2, 2, "乙").places,
        }
    }

    #[test]
    fn each_decision_ends_the_review() {
        let survivor = established(2, 2, "乙");
        let waiting = provisional(1, 1, "甲");
        let places = waiting.places;
        assert_eq!(places.domicile, yunyan());
        assert_eq!(survivor.places.domicile, nanming());
        let merged = RecordState::Merged { into: survivor.id };
        let rows = [
            (
                Decision::IsPerson(&survivor),
                merged,
                into(&waiting),
                "is-person",
            ),
            (
                Decision::NewPerson,
                RecordState::Established,
                Event::Established {
                    person_id: waiting.id,
                    places,
                },
                "new-person",
            ),
            (
                Decision::Reject,
                RecordState::Rejected,
                Event::Rejected {
                    person_id: waiting.id,
                },
                "reject",
            ),
        ];
        for (decision, state, event, outcome) in rows {
            let mut record = waiting.clone();
            let effects = decide(&mut record, decision).unwrap();
            assert_eq!(record.state, state);
            let closed = Effect::CloseReview {
                person_id: waiting.id,
                outcome,
            };
            assert_eq!(effects, [Effect::Publish(event), closed]);
        }
    }

    #[test]
    fn only_a_provisional_record_is_decided_and_once() {
        let other = established(2, 2, "乙");
        let unknown = provisional(3, 3, "丙");
        let established = established(1, 1, "甲");
        let mut merged = provisional(4, 4, "丁");
        decide(&mut merged, Decision::IsPerson(&other)).unwrap();
        let waiting = provisional(5, 5, "戊");
        let rows = [
            (
                &established,
                Decision::IsPerson(&other),
                ResidentsError::MergeOfEstablished,
            ),
            (
                &established,
                Decision::NewPerson,
                ResidentsError::AlreadyDecided,
            ),
            (
                &established,
                Decision::Reject,
                ResidentsError::AlreadyDecided,
            ),
            (
                &merged,
                Decision::IsPerson(&other),
                ResidentsError::AlreadyDecided,
            ),
            (
                &waiting,
                Decision::IsPerson(&waiting),
                ResidentsError::MergeIntoItself,
            ),
            (
                &waiting,
                Decision::IsPerson(&unknown),
                ResidentsError::MergeIntoUnestablished,
            ),
            (
                &waiting,
                Decision::IsPerson(&merged),
                ResidentsError::MergeIntoUnestablished,
            ),
        ];
        for (record, decision, error) in rows {
            let mut after = record.clone();
            assert_eq!(decide(&mut after, decision), Err(error));
            assert_eq!(&after, record);
        }
    }

    #[test]
    fn what_was_merged_or_established_is_found_and_what_was_rejected_is_not() {
        let survivor = established(2, 2, "乙");
        let waiting = provisional(1, 1, "甲");
        let asked = identity(1, "甲");
        let rows = [
            (
                Decision::IsPerson(&survivor),
                MatchAnswer::Matched,
                Some(survivor.id),
            ),
            (Decision::NewPerson, MatchAnswer::Matched, Some(waiting.id)),
            (Decision::Reject, MatchAnswer::NoMatch, None),
        ];
        for (decision, answer, person_id) in rows {
            let mut record = waiting.clone();
            decide(&mut record, decision).unwrap();
            let found = find(&asked, &[record, survivor.clone()]);
            assert_eq!((found.answer, found.person_id()), (answer, person_id));
        }
    }
}
