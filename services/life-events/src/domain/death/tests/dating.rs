//! Which date counts.

use jiff::Timestamp;
use minzheng_chassis::civil::PartialDate;
use uuid::Uuid;

use super::{contradicts, died_on, place};
use crate::domain::death::{DocumentKey, Evidence, Source, Standing, Statement};

const CERTIFICATE: Source = Source::MedicalCertificate;
const POLICE: Source = Source::HouseholdCancellation;
const CREMATION: Source = Source::CremationCertificate;
const FACILITY: Source = Source::CareFacility;
const VILLAGE: Source = Source::Village;
const HINT: Source = Source::DataHint;

/// Reports, the date that counts, and whether they contradict each other.
type Told = (&'static [(Source, &'static str)], &'static str, bool);

fn evidence(told: &[(Source, &str)]) -> Vec<Evidence> {
    let one = |(number, (source, text)): (u128, &(Source, &str))| Evidence {
        id: Uuid::from_u128(number),
        document: DocumentKey {
            organisation: "o".into(),
            reference: number.to_string(),
        },
        revision: 1,
        statement: Statement {
            source: *source,
            died_on: text.parse().unwrap(),
            declared_on: None,
            place: Some("520221".parse().unwrap()),
            document_date: None,
            document_hash: None,
        },
        reporter: String::new(),
        received_at: Timestamp::UNIX_EPOCH,
        standing: Standing::Current,
    };
    (0..).zip(told).map(one).collect()
}

#[test]
fn the_date_of_the_best_rank_counts_whatever_the_order() {
    let cases: &[Told] = &[
        (&[], "unknown", false),
        (
            &[(CERTIFICATE, "2026-03-02"), (VILLAGE, "2026-03")],
            "2026-03-02",
            false,
        ),
        (
            &[(CERTIFICATE, "2026-03-02"), (VILLAGE, "2026-02")],
            "2026-03-02",
            true,
        ),
        (
            &[(CERTIFICATE, "2026-03-02"), (POLICE, "2026-03-03")],
            "2026-03-02",
            true,
        ),
        (
            &[(POLICE, "2026-03-03"), (CREMATION, "2026-03-04")],
            "2026-03-03",
            true,
        ),
        // What the certificate leaves open, the household registration fills in …
        (
            &[(CERTIFICATE, "2026-03"), (POLICE, "2026-03-03")],
            "2026-03-03",
            false,
        ),
        (
            &[(CERTIFICATE, "unknown"), (CREMATION, "2026-03-03")],
            "2026-03-03",
            false,
        ),
        (
            &[(CERTIFICATE, "2026-03"), (POLICE, "2026-04-03")],
            "2026-03",
            true,
        ),
        // … hearsay does not, unless nothing better states a date.
        (
            &[(CERTIFICATE, "2026-03"), (VILLAGE, "2026-03-03")],
            "2026-03",
            false,
        ),
        (
            &[(CERTIFICATE, "unknown"), (VILLAGE, "2026-03-03")],
            "2026-03-03",
            false,
        ),
        (
            &[(FACILITY, "2026-03"), (VILLAGE, "2026-03-03")],
            "2026-03-03",
            false,
        ),
        (
            &[(FACILITY, "2026-03-02"), (VILLAGE, "2026-03-03")],
            "2026-03-02",
            true,
        ),
        // A hint dates only a case that has nothing else, and contradicts nobody.
        (&[(HINT, "2026-03-01")], "2026-03-01", false),
        (
            &[(HINT, "2026-03-01"), (VILLAGE, "2026-03")],
            "2026-03",
            false,
        ),
        (
            &[(HINT, "2026-01"), (CERTIFICATE, "2026-03-02")],
            "2026-03-02",
            false,
        ),
        (
            &[
                (VILLAGE, "2026"),
                (VILLAGE, "2026-03"),
                (VILLAGE, "2026-03-04"),
            ],
            "2026-03-04",
            false,
        ),
    ];
    for (told, expected, conflict) in cases {
        for order in super::super::tests::orders(told.len()) {
            let told: Vec<_> = order.iter().map(|index| told[*index]).collect();
            let evidence = evidence(&told);
            assert_eq!(
                died_on(&evidence, PartialDate::UNKNOWN).to_string(),
                *expected,
                "{told:?}"
            );
            assert_eq!(contradicts(&evidence, None), *conflict, "{told:?}");
        }
    }
}

#[test]
fn of_equals_that_contradict_the_standing_date_goes_on_standing() {
    let told = evidence(&[(CERTIFICATE, "2026-03-02"), (CERTIFICATE, "2026-03-05")]);
    let standing = |text: &str| died_on(&told, text.parse().unwrap()).to_string();
    assert_eq!(standing("2026-03-05"), "2026-03-05");
    assert_eq!(standing("2026-03-02"), "2026-03-02");
    assert_eq!(standing("unknown"), "2026-03-02");
    assert_eq!(standing("2025-01-01"), "2026-03-02");
    assert!(contradicts(&told, None));
}

#[test]
fn a_ruling_is_contradicted_by_dates_that_do_not_agree_with_it() {
    let told = evidence(&[(CERTIFICATE, "2026-03-02"), (VILLAGE, "2026-03")]);
    assert!(!contradicts(&told, Some("2026-03-02".parse().unwrap())));
    assert!(contradicts(&told, Some("2026-03-03".parse().unwrap())));
}

#[test]
fn what_does_not_count_is_left_out() {
    for standing in Standing::ALL {
        let mut told = evidence(&[(VILLAGE, "2026-03-03"), (CERTIFICATE, "2026-03-02")]);
        told[1].standing = *standing;
        let counts = *standing == Standing::Current;
        let expected = if counts { "2026-03-02" } else { "2026-03-03" };
        assert_eq!(died_on(&told, PartialDate::UNKNOWN).to_string(), expected);
        assert_eq!(contradicts(&told, None), counts);
    }
}

#[test]
fn the_place_is_that_of_the_strongest_evidence() {
    let mut told = evidence(&[(VILLAGE, "2026"), (CERTIFICATE, "2026")]);
    told[1].statement.place = Some("520102".parse().unwrap());
    assert_eq!(place(&told).unwrap().to_string(), "520102000000");
    told[1].statement.place = None;
    assert_eq!(place(&told).unwrap().to_string(), "520221000000");
}
