//! Reporting deaths.

use minzheng_chassis::convert::date_to_wire;
use minzheng_chassis::db::Sql;
use minzheng_chassis::on_both_deployments;
use minzheng_chassis::testing::{Deployment, clerk, operator};
use minzheng_proto::common::v1::{Identity, PartialDate};
use minzheng_proto::life_events::v1 as pb;
use minzheng_proto::life_events::v1::{EvidenceSource, EvidenceStanding, Phase};
use tonic::Code;

use crate::common::*;

on_both_deployments!(
    a_report_told_twice_is_one_case,
    a_reference_is_about_one_person,
    a_reissued_document_stays_what_it_is,
    what_is_wrong_is_told_at_once_and_nothing_is_written,
    a_report_waits_for_residents,
    a_reference_that_is_an_id_number_is_kept_from_others,
);

async fn a_report_told_twice_is_one_case(deployment: Deployment) {
    let node = deployment.start(silent()).await;
    let (number, person_id) = residents::somebody();
    let certificate = certificate(&number);
    let first = tell(&node, &certificate).await;
    assert_eq!(
        tell(&node, &certificate).await,
        first,
        "the same call gives the same answer"
    );
    assert_eq!(
        tell(&node, &again(&certificate)).await,
        first,
        "another attempt changes nothing"
    );
    let other = pb::ReportDeathRequest {
        place_division: "5201".to_owned(),
        ..certificate.clone()
    };
    assert_eq!(
        reason(&try_tell(&node, &other).await.unwrap_err()),
        "REQUEST_ID_REUSED"
    );

    let month = PartialDate {
        year: 2026,
        month: 3,
        day: 0,
    };
    let mut village = report(identity(&number), EvidenceSource::Village, day(2026, 3, 4));
    village.died_on = Some(month);
    let second = tell(&node, &village).await;
    assert_eq!(
        (second.id.as_str(), second.evidence.len(), second.conflict),
        (first.id.as_str(), 2, false)
    );
    assert_eq!(second.fact_version, 1, "a coarser date corroborates");

    let mut reissued = again(&certificate);
    reissued.died_on = Some(date_to_wire(day(2026, 3, 5)));
    let third = tell(&node, &reissued).await;
    assert_eq!(
        (third.id.as_str(), third.fact_version),
        (first.id.as_str(), 2)
    );
    let standings: Vec<(i32, EvidenceStanding)> = third
        .evidence
        .iter()
        .map(|item| (item.revision, item.standing()))
        .collect();
    assert_eq!(
        standings,
        [
            (1, EvidenceStanding::Superseded),
            (1, EvidenceStanding::Current),
            (2, EvidenceStanding::Current)
        ]
    );
    assert_eq!(cases_of(&node, &person_id).await.len(), 1);
    node.stop().await;
}

async fn a_reference_is_about_one_person(deployment: Deployment) {
    let node = deployment.start(silent()).await;
    let (number, _) = residents::somebody();
    let (other_number, other_id) = residents::somebody();
    let certificate = certificate(&number);
    tell(&node, &certificate).await;
    let by_identity = pb::ReportDeathRequest {
        identity: Some(identity(&other_number)),
        ..again(&certificate)
    };
    let by_id = pb::ReportDeathRequest {
        identity: None,
        person_id: other_id.clone(),
        ..again(&certificate)
    };
    for reused in [by_identity, by_id] {
        let refusal = try_tell(&node, &reused).await.unwrap_err();
        assert_eq!(
            (refusal.code(), reason(&refusal).as_str()),
            (Code::FailedPrecondition, "REFERENCE_REUSED")
        );
    }
    assert_eq!(cases_of(&node, &other_id).await, vec![]);
    node.stop().await;
}

async fn a_reissued_document_stays_what_it_is(deployment: Deployment) {
    let node = deployment.start(silent()).await;
    let (number, _) = residents::somebody();
    let source = EvidenceSource::MedicalCertificate;
    let certificate = report(identity(&number), source, day(2026, 3, 4));
    let case = tell(&node, &certificate).await;
    // A hint must not stand in place of the certificate that confirmed the death.
    let hint = pb::ReportDeathRequest {
        source: EvidenceSource::DataHint.into(),
        died_on: None,
        ..again(&certificate)
    };
    let refusal = try_tell(&node, &hint).await.unwrap_err();
    assert_eq!(
        (refusal.code(), reason(&refusal).as_str()),
        (Code::FailedPrecondition, "SOURCE_CHANGED")
    );
    let still = get(&node, &case.id).await;
    assert_eq!((still.etag, still.evidence.len()), (case.etag, 1));
    assert_eq!(still.died_on, case.died_on);
    node.stop().await;
}

async fn what_is_wrong_is_told_at_once_and_nothing_is_written(deployment: Deployment) {
    let node = deployment.start(silent()).await;
    let wrong = pb::ReportDeathRequest {
        request_id: request_id(),
        person_id: "x".to_owned(),
        identity: Some(Identity::default()),
        source_organisation: " ".to_owned(),
        reference: "a\u{7}".to_owned(),
        source: 99,
        died_on: Some(PartialDate {
            year: 2999,
            month: 1,
            day: 0,
        }),
        declared_on: Some(PartialDate {
            year: 2020,
            month: 1,
            day: 32,
        }),
        place_division: "520199".to_owned(),
        document_number: "9".repeat(101),
        document_date: Some(PartialDate {
            year: 2998,
            month: 0,
            day: 0,
        }),
    };
    let refusal = try_tell(&node, &wrong).await.unwrap_err();
    assert_eq!(refusal.code(), Code::InvalidArgument);
    let expected = [
        ("person_id", "SUBJECT_AMBIGUOUS"),
        ("source_organisation", "REQUIRED"),
        ("reference", "CONTROL_CHARACTER"),
        ("source", "MALFORMED"),
        ("died_on", "DATE_IN_FUTURE"),
        ("declared_on", "MALFORMED"),
        ("place_division", "DIVISION_UNKNOWN"),
        ("document_date", "DATE_IN_FUTURE"),
        ("document_number", "TOO_LONG"),
    ];
    assert_eq!(
        violations(&refusal),
        expected.map(|(field, reason)| (field.to_owned(), reason))
    );

    let (number, person_id) = residents::somebody();
    let good = report(identity(&number), EvidenceSource::Village, day(2026, 3, 4));
    let declared = pb::ReportDeathRequest {
        declared_on: good.died_on,
        ..good.clone()
    };
    assert_eq!(
        reason(&try_tell(&node, &declared).await.unwrap_err()),
        "DECLARATION_NEEDS_JUDGMENT"
    );
    let early = pb::ReportDeathRequest {
        document_date: Some(date_to_wire(day(2026, 3, 3))),
        ..good.clone()
    };
    let refusal = try_tell(&node, &early).await.unwrap_err();
    let expected = ("document_date".to_owned(), "DOCUMENT_BEFORE_DEATH");
    assert_eq!(violations(&refusal), [expected]);
    let no_id = pb::ReportDeathRequest {
        request_id: "1".to_owned(),
        ..good.clone()
    };
    assert_eq!(
        reason(&try_tell(&node, &no_id).await.unwrap_err()),
        "REQUEST_ID_INVALID"
    );

    let nowhere = minzheng_chassis::testing::reporter("police.province", "52");
    let told = client(&node, &nowhere).report_death(good.clone()).await;
    assert_eq!(reason(&told.unwrap_err()), "REPORTER_DIVISION_UNKNOWN");
    let denied = client(&node, &operator("op"))
        .report_death(good.clone())
        .await
        .unwrap_err();
    assert_eq!(denied.code(), Code::PermissionDenied);
    let nobody = pb::death_case_service_client::DeathCaseServiceClient::new(node.anonymous())
        .report_death(good)
        .await;
    assert_eq!(nobody.unwrap_err().code(), Code::Unauthenticated);
    assert_eq!(cases_of(&node, &person_id).await, vec![]);
    for table in ["death_case", "evidence", "request", "outbox", "audit"] {
        let row = node
            .context("life-events")
            .db()
            .reader()
            .one(format!("SELECT count(*) AS n FROM {table}"), [])
            .await;
        assert_eq!(
            row.unwrap().unwrap().get::<i64>("n").unwrap(),
            0,
            "nothing in {table}"
        );
    }
    node.stop().await;
}

async fn a_report_waits_for_residents(deployment: Deployment) {
    let node = deployment.start(silent()).await;
    let (number, person_id) = residents::somebody();
    let certificate = certificate(&number);
    for (organisation, code) in [
        (residents::AWAY, Code::Unavailable),
        (residents::SLOW, Code::Unavailable),
    ] {
        let told = pb::ReportDeathRequest {
            source_organisation: organisation.to_owned(),
            ..again(&certificate)
        };
        assert_eq!(
            try_tell(&node, &told).await.unwrap_err().code(),
            code,
            "{organisation}"
        );
    }
    let picky = pb::ReportDeathRequest {
        source_organisation: residents::PICKY.to_owned(),
        ..again(&certificate)
    };
    let refusal = try_tell(&node, &picky).await.unwrap_err();
    assert_eq!(
        violations(&refusal),
        [("identity.id_number".to_owned(), "ID_NUMBER_CHECK_DIGIT")]
    );
    let unknown = pb::ReportDeathRequest {
        identity: None,
        person_id: request_id(),
        ..again(&certificate)
    };
    assert_eq!(
        try_tell(&node, &unknown).await.unwrap_err().code(),
        Code::NotFound
    );
    assert_eq!(
        cases_of(&node, &person_id).await,
        vec![],
        "nothing was written"
    );
    let by_id = pb::ReportDeathRequest {
        identity: None,
        person_id: person_id.clone(),
        ..certificate
    };
    assert_eq!(tell(&node, &by_id).await.phase(), Phase::Notifying);
    node.stop().await;
}

async fn a_reference_that_is_an_id_number_is_kept_from_others(deployment: Deployment) {
    let node = deployment.start(silent()).await;
    let (number, _) = residents::somebody();
    // Eighteen digits of the test's own: residents remembers references.
    let digits = format!("{:038}", uuid::Uuid::new_v4().as_u128());
    let secret = &digits[digits.len() - 18..];
    let mut certificate = certificate(&number);
    certificate.reference = secret.to_owned();
    certificate.document_number = secret.to_owned();
    let told = tell(&node, &certificate).await;
    assert_eq!(told.evidence[0].reference, secret, "who told it knows it");
    assert_eq!(
        get(&node, &told.id).await.evidence[0].reference,
        format!("{}**********{}", &secret[..4], &secret[14..])
    );
    assert_eq!(
        tell(&node, &again(&certificate)).await.evidence.len(),
        1,
        "it is found by its hash"
    );
    let mut colleague = clerk("hospital.clerk", OTHER_COUNTY);
    colleague.department = "hospital".to_owned();
    let seen = client(&node, &colleague)
        .get_case(pb::GetCaseRequest {
            case_id: told.id.clone(),
        })
        .await;
    assert_eq!(
        seen.unwrap().into_inner().case.unwrap().evidence[0].reference,
        secret
    );

    let db = node.context("life-events").db();
    let row = db
        .reader()
        .one("SELECT reference, document_hash FROM evidence", [])
        .await
        .unwrap()
        .unwrap();
    for column in ["reference", "document_hash"] {
        let bytes: Vec<u8> = row.get(column).unwrap();
        assert!(
            !bytes
                .windows(6)
                .any(|part| secret.as_bytes().windows(6).any(|plain| plain == part)),
            "{column}"
        );
    }
    node.stop().await;
}
