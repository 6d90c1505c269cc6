use jiff::civil::date;
use proptest::prelude::*;

use super::*;
use crate::domain::document::{Document, IdType};
use crate::domain::samples::{established, identity, provisional, yunyan};

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn stands(
    number: u128,
    answer: MatchAnswer,
    candidates: usize,
) -> Result<Resolution, ResidentsError> {
    Ok(Resolution::Stands {
        person_id: id(number),
        answer,
        candidates,
    })
}

fn provision(candidates: usize) -> Result<Resolution, ResidentsError> {
    Ok(Resolution::Provision { candidates })
}

#[test]
fn a_report_finds_its_person_or_gets_a_record() {
    let asked = identity(1, "张三");
    let zhang = established(1, 1, "张三");
    let rows = [
        (vec![], provision(0)),
        (vec![zhang.clone()], stands(1, MatchAnswer::Matched, 1)),
        (vec![established(1, 1, "张山")], provision(1)),
        (vec![zhang.clone(), established(2, 1, "张三")], provision(2)),
        (
            vec![provisional(5, 1, "张三")],
            stands(5, MatchAnswer::PendingReview, 0),
        ),
        (vec![provisional(5, 1, "张山")], provision(0)),
        (
            vec![
                zhang.clone(),
                established(2, 1, "张三"),
                provisional(5, 1, "张三"),
            ],
            stands(5, MatchAnswer::PendingReview, 2),
        ),
        (
            vec![zhang, provisional(5, 1, "张三")],
            stands(1, MatchAnswer::Matched, 1),
        ),
    ];
    for (records, expected) in rows {
        assert_eq!(resolve(&asked, None, &records), expected);
    }
}

#[test]
fn a_reference_keeps_its_record() {
    let asked = identity(1, "张三");
    let rows = [
        (RecordState::Established, 5, MatchAnswer::Matched),
        (RecordState::Provisional, 5, MatchAnswer::PendingReview),
        (RecordState::Merged { into: id(1) }, 1, MatchAnswer::Matched),
        (RecordState::Rejected, 5, MatchAnswer::NoMatch),
    ];
    for (state, person_id, answer) in rows {
        let prior = Prior {
            same_identity: true,
            person_id: id(5),
            state,
        };
        assert_eq!(
            resolve(&asked, Some(&prior), &[]),
            stands(person_id, answer, 0)
        );
        let other = Prior {
            same_identity: false,
            ..prior
        };
        assert_eq!(
            resolve(&asked, Some(&other), &[]),
            Err(ResidentsError::ReferenceReused)
        );
    }
}

#[test]
fn every_body_without_an_id_gets_a_record_of_its_own() {
    let body = Identity {
        document: Document::None,
        name: None,
    };
    let (waiting, _) = Person::provision(id(5), body.clone(), yunyan());
    assert_eq!(
        resolve(&body, None, std::slice::from_ref(&waiting)),
        provision(0)
    );
    let prior = Prior {
        same_identity: true,
        person_id: id(5),
        state: waiting.state,
    };
    assert_eq!(
        resolve(&body, Some(&prior), &[waiting]),
        stands(5, MatchAnswer::PendingReview, 0)
    );
}

#[test]
fn a_report_is_read_and_does_not_print_its_reference() {
    let number = identity(1, "张三")
        .document
        .expose_number()
        .unwrap()
        .to_owned();
    let input = ReportInput {
        source_organisation: "贵阳市某医院",
        reference: &number,
        identity: IdentityInput {
            id_type: Some(IdType::ResidentId),
            id_number: &number,
            name: "张三",
        },
        reporter_division: "520103000000",
    };
    let report = Report::read(input, date(2026, 7, 1)).unwrap();
    assert_eq!(
        (report.reporter, &report.identity),
        (yunyan(), &identity(1, "张三"))
    );
    assert!(!format!("{report:?}").contains(&number));
    let wrong = ReportInput {
        source_organisation: "",
        reference: " ",
        reporter_division: "52",
        ..input
    };
    let problem = Report::read(wrong, date(2026, 7, 1)).unwrap_err();
    let fields: Vec<&str> = problem
        .fields
        .iter()
        .map(|field| field.field.as_str())
        .collect();
    assert_eq!(
        fields,
        ["source_organisation", "reference", "reporter_division"]
    );
}

proptest! {
    /// Reports of one identity end in one record, however many come and whoever is known.
    #[test]
    fn reports_of_one_identity_make_one_record(
        known in prop::collection::vec(prop::sample::select(vec!["张三", "张山"]), 0..3),
        reports in 1usize..5,
    ) {
        let asked = identity(1, "张三");
        let mut records: Vec<Person> =
            (1..).zip(&known).map(|(number, name)| established(number, 1, name)).collect();
        let mut made = 0;
        let mut told = Vec::new();
        for number in 0..reports {
            let person_id = match resolve(&asked, None, &records).unwrap() {
                Resolution::Stands { person_id, .. } => person_id,
                Resolution::Provision { .. } => {
                    made += 1;
                    let (record, _) = Person::provision(id(100 + number as u128), asked.clone(), yunyan());
                    records.push(record);
                    id(100 + number as u128)
                }
            };
            told.push(person_id);
        }
        let matched = known == ["张三"];
        prop_assert_eq!(made, usize::from(!matched));
        told.dedup();
        prop_assert_eq!(told.len(), 1);
    }
}
