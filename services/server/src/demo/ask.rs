//! The calls that the demonstrations share.

use minzheng_proto::common::v1::{Identity, PartialDate};
use minzheng_proto::life_events::v1 as cases;
use minzheng_proto::residents::v1 as residents;

use crate::client::connect::{Platform, request_id};
use crate::client::error::ClientError;

/// Somebody whom residents knows.
#[derive(Clone, Debug)]
pub struct Member {
    /// Opaque id.
    pub person_id: String,
    /// Number and name, as a reporter would know them.
    pub identity: Identity,
}

/// A report of a death.
pub struct Report<'r> {
    /// Whom it is about.
    pub about: &'r Identity,
    /// The organisation that reports.
    pub organisation: &'r str,
    /// Its reference.
    pub reference: String,
    /// Kind of source.
    pub source: cases::EvidenceSource,
    /// Date of death as known.
    pub died_on: PartialDate,
    /// Where, 12 digits.
    pub place: String,
    /// Number of the document, or empty.
    pub document: String,
}

/// An answer without what it must hold.
pub fn empty() -> ClientError {
    ClientError::new(
        "EMPTY_ANSWER",
        "an answer lacks what it must hold",
        "`minzheng doctor` says what is wrong",
    )
}

/// Registers somebody.
pub async fn register(
    platform: &Platform,
    request: residents::RegisterPersonRequest,
) -> Result<Member, ClientError> {
    let identity = request.identity.clone().ok_or_else(empty)?;
    let answer = platform.residents().register_person(request).await;
    let answer = answer
        .map_err(|status| platform.refused(&status))?
        .into_inner();
    let person_id = answer.person.ok_or_else(empty)?.person_id;
    Ok(Member {
        person_id,
        identity,
    })
}

/// Records what `relative` is to `person`.
pub async fn kin(
    platform: &Platform,
    request_id: String,
    person: &Member,
    relation: residents::KinRelation,
    relative: &Member,
) -> Result<(), ClientError> {
    let request = residents::RecordKinshipRequest {
        request_id,
        person_id: person.person_id.clone(),
        relative_id: relative.person_id.clone(),
        relation: relation.into(),
    };
    platform
        .residents()
        .record_kinship(request)
        .await
        .map_err(|status| platform.refused(&status))?;
    Ok(())
}

/// Reports a death; the case.
pub async fn report(
    platform: &Platform,
    report: Report<'_>,
) -> Result<cases::DeathCase, ClientError> {
    report_as(platform, request_id(), report).await
}

/// Reports a death under a request id; the case.
pub async fn report_as(
    platform: &Platform,
    request_id: String,
    report: Report<'_>,
) -> Result<cases::DeathCase, ClientError> {
    let request = cases::ReportDeathRequest {
        request_id,
        person_id: String::new(),
        identity: Some(report.about.clone()),
        source_organisation: report.organisation.to_owned(),
        reference: report.reference,
        source: report.source.into(),
        died_on: Some(report.died_on),
        declared_on: None,
        place_division: report.place,
        document_number: report.document,
        document_date: None,
    };
    let answer = platform
        .cases()
        .report_death(request)
        .await
        .map_err(|status| platform.refused(&status))?;
    answer.into_inner().case.ok_or_else(empty)
}
