use jiff::Timestamp;
use jiff::civil::date;
use minzheng_chassis::identity::PersonName;
use minzheng_chassis::person::FactKind;
use minzheng_proto::death_plan;
use proptest::prelude::*;

use super::*;
use crate::domain::document::Document;
use crate::domain::merge::{Decision, decide};
use crate::domain::registration::RegistrationInput;
use crate::domain::samples::{established, fact, identity, nanming, provisional, yunyan};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn correction(sequence: u16, name: &str) -> Correction {
    let identity = identity(sequence, name);
    Correction {
        birth_date: identity
            .document
            .birth_date()
            .map(|date| PartialDate::of_day(date).unwrap()),
        sex: identity.document.sex(),
        identity,
        reason: "笔误".to_owned(),
        shared_number: false,
    }
}

fn registration(shared_number: bool) -> Registration {
    let person = identity(1, "张三");
    let input = RegistrationInput {
        identity: crate::domain::identity::IdentityInput {
            id_type: Some(person.document.id_type()),
            id_number: person.document.expose_number().unwrap(),
            name: "张三",
        },
        birth_date: PartialDate::UNKNOWN,
        sex: None,
        domicile: "520102000000",
        residence: "520103000000",
        phone: "13800001234",
        shared_number,
    };
    Registration::read(input, date(2026, 7, 1)).unwrap()
}

#[test]
fn a_person_is_registered_and_announced() {
    let id = Uuid::from_u128(1);
    let (person, effects) = Person::register(id, registration(false), false).unwrap();
    let places = Places {
        domicile: nanming(),
        residence: yunyan(),
    };
    assert_eq!(
        effects,
        [Effect::Publish(Event::Registered {
            person_id: id,
            places,
            provisional: false
        })]
    );
    assert_eq!(
        (person.state, person.life),
        (RecordState::Established, Life::ALIVE)
    );
    let printed = format!("{person:?}");
    for secret in ["张三", "1980", "13800001234"] {
        assert!(!printed.contains(secret));
    }
}

#[test]
fn a_held_number_is_registered_only_where_it_is_known_to_be_shared() {
    let id = Uuid::from_u128(1);
    let refused = Person::register(id, registration(false), true).map(|_| ());
    assert_eq!(refused, Err(ResidentsError::NumberAlreadyHeld));
    assert!(Person::register(id, registration(true), true).is_ok());
}

#[test]
fn a_provisional_record_opens_a_review() {
    let body = Identity {
        document: Document::None,
        name: None,
    };
    let (person, effects) = Person::provision(Uuid::from_u128(1), body, yunyan());
    let places = Places {
        domicile: yunyan(),
        residence: yunyan(),
    };
    let registered = Event::Registered {
        person_id: person.id,
        places,
        provisional: true,
    };
    let review = Effect::OpenReview {
        person_id: person.id,
        division: yunyan(),
    };
    assert_eq!(effects, [Effect::Publish(registered), review]);
    assert_eq!(
        (person.birth_date, person.sex),
        (PartialDate::UNKNOWN, None)
    );
    assert_eq!(
        provisional(1, 1, "张三").birth_date.to_string(),
        "1980-01-01"
    );
}

#[test]
fn a_correction_keeps_what_stood() {
    let mut person = established(1, 1, "张三");
    let before = person.identity.clone();
    assert_eq!(
        person.correct(correction(2, "张山"), false, NOW),
        Ok(Vec::new())
    );
    assert_eq!(person.identity, identity(2, "张山"));
    assert_eq!(person.sex, person.identity.document.sex());
    let former = FormerIdentity {
        identity: before,
        replaced_at: NOW,
        reason: "笔误".to_owned(),
    };
    assert_eq!(person.former, [former]);
    let again = person.correct(correction(2, "张山"), false, NOW);
    assert_eq!(again, Err(ResidentsError::NothingToCorrect));
}

#[test]
fn a_corrected_date_of_birth_is_told_to_the_kin() {
    let mut person = established(1, 1, "张三");
    let mut right = correction(1, "张三");
    right.birth_date = Some("1979-12-31".parse().unwrap());
    let effects = person.correct(right, false, NOW);
    assert_eq!(
        effects,
        Ok(vec![Effect::RepublishKin {
            person_id: person.id
        }])
    );
    assert!(person.former.is_empty());
}

#[test]
fn a_correction_to_a_held_number_is_refused_but_not_that_of_a_name() {
    let mut person = established(1, 1, "张三");
    assert_eq!(
        person.correct(correction(2, "张三"), true, NOW),
        Err(ResidentsError::NumberAlreadyHeld)
    );
    let shared = Correction {
        shared_number: true,
        ..correction(2, "张三")
    };
    assert!(person.clone().correct(shared, true, NOW).is_ok());
    assert!(person.correct(correction(1, "张山"), true, NOW).is_ok());
    let refused = provisional(1, 1, "张三").correct(correction(2, "张三"), false, NOW);
    assert_eq!(refused, Err(ResidentsError::NotEstablished));
}

#[test]
fn the_living_move_and_the_dead_do_not() {
    let mut person = established(1, 1, "张三");
    let places = Places {
        domicile: nanming(),
        residence: yunyan(),
    };
    let moved = Effect::Publish(Event::Moved {
        person_id: person.id,
        places,
    });
    let kin = Effect::RepublishOwnKin {
        person_id: person.id,
    };
    assert_eq!(person.move_to(None, Some(yunyan())), Ok(vec![moved, kin]));
    let domicile_only = person.clone().move_to(Some(yunyan()), None).unwrap();
    assert_eq!(domicile_only.len(), 1, "kin are told of the residence only");
    assert_eq!(
        person.move_to(Some(nanming()), Some(yunyan())),
        Ok(Vec::new())
    );
    assert_eq!(person.move_to(None, None), Ok(Vec::new()));
    person.apply(&fact(FactKind::Suspected, 1, "2026"));
    assert!(person.clone().move_to(Some(yunyan()), None).is_ok());
    person.apply(&fact(FactKind::Confirmed, 2, "2026"));
    assert_eq!(
        person.move_to(Some(yunyan()), None),
        Err(ResidentsError::PersonDead)
    );
    let refused = provisional(1, 1, "张三").move_to(Some(nanming()), None);
    assert_eq!(refused, Err(ResidentsError::NotEstablished));
}

#[test]
fn a_record_reported_from_outside_the_province_stands_in_it() {
    let reporter = "510104000000".parse().unwrap();
    let (person, effects) = Person::provision(Uuid::from_u128(1), identity(1, "张三"), reporter);
    assert_eq!(person.places.domicile, DivisionCode::GUIZHOU);
    assert!(effects.contains(&Effect::OpenReview {
        person_id: person.id,
        division: DivisionCode::GUIZHOU,
    }));
}

#[test]
fn a_fact_is_applied_and_answered() {
    let mut person = established(1, 1, "张三");
    let answer = |action, legal_basis| {
        FactOutcome::Answered(vec![ActionAnswer {
            action,
            answer: Answer::Done,
            legal_basis,
        }])
    };
    let confirmed = fact(FactKind::Confirmed, 2, "2026-03-04");
    let expected = answer(death_plan::MARK_DECEASED, "民法典 Art. 13");
    assert_eq!(person.apply(&confirmed), expected);
    assert_eq!(person.apply(&confirmed), expected);
    assert_eq!(
        person.apply(&fact(FactKind::Suspected, 1, "2026")),
        FactOutcome::Superseded
    );
    assert_eq!(person.life.status, LifeStatus::Dead);
    assert_eq!(
        person.apply(&fact(FactKind::Corrected, 3, "2026-02-04")),
        answer(death_plan::CORRECT_DATE, "民法典 Art. 15")
    );
    assert_eq!(person.life.died_on.to_string(), "2026-02-04");
}

#[test]
fn a_record_that_is_no_person_of_its_own_answers_no() {
    let survivor = established(2, 2, "李四");
    let rows = [
        (Decision::IsPerson(&survivor), "RECORD_MERGED"),
        (Decision::Reject, "RECORD_REJECTED"),
    ];
    for (decision, reason) in rows {
        let mut person = provisional(1, 1, "张三");
        decide(&mut person, decision).unwrap();
        let FactOutcome::Answered(answers) = person.apply(&fact(FactKind::Confirmed, 1, "2026"))
        else {
            panic!("not answered");
        };
        let told: Vec<Answer> = answers.iter().map(|answer| answer.answer).collect();
        assert_eq!(told, [Answer::Rejected { reason }]);
        assert_eq!(person.life, Life::ALIVE);
    }
    let mut merged = provisional(1, 1, "张三");
    decide(&mut merged, Decision::IsPerson(&survivor)).unwrap();
    assert_eq!(merged.answering_id(), survivor.id);
}

/// What happens to a person besides facts.
#[derive(Clone, Debug)]
enum Step {
    Fact(FactKind, i64),
    Rename(u8),
    Move(bool),
}

fn any_kind() -> impl Strategy<Value = FactKind> {
    prop::sample::select(vec![
        FactKind::Suspected,
        FactKind::Lifted,
        FactKind::Confirmed,
        FactKind::Corrected,
        FactKind::Reversed,
    ])
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (any_kind(), 1i64..9).prop_map(|(kind, version)| Step::Fact(kind, version)),
        1 => any::<u8>().prop_map(Step::Rename),
        1 => any::<bool>().prop_map(Step::Move),
    ]
}

proptest! {
    /// Commands never change the life status, facts nothing else, and versions never fall.
    #[test]
    fn facts_and_commands_keep_to_their_own(steps in prop::collection::vec(any_step(), 0..20)) {
        let mut person = established(1, 1, "张三");
        for step in steps {
            let before = person.clone();
            match step {
                Step::Fact(kind, version) => {
                    let outcome = person.apply(&fact(kind, version, "2026"));
                    let superseded = version < before.life.fact_version();
                    prop_assert_eq!(outcome == FactOutcome::Superseded, superseded);
                    prop_assert!(person.life.fact_version() >= before.life.fact_version());
                    prop_assert_eq!(Person { life: before.life, ..person.clone() }, before);
                }
                Step::Rename(number) => {
                    let mut right = correction(1, "张三");
                    right.identity.name = PersonName::parse(&format!("张{number}")).ok();
                    let corrected = person.correct(right, false, NOW);
                    prop_assert_eq!(person.former.len(), before.former.len() + usize::from(corrected.is_ok()));
                    prop_assert_eq!(person.life, before.life);
                }
                Step::Move(away) => {
                    let to = if away { yunyan() } else { nanming() };
                    let moved = person.move_to(None, Some(to));
                    prop_assert_eq!(moved.is_err(), before.life.status == LifeStatus::Dead);
                    prop_assert_eq!(person.life, before.life);
                }
            }
        }
    }
}
