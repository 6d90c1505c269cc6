//! Reporting deaths, and following the cases.

use jiff::civil::Date;
use minzheng_chassis::civil::{Month, PartialDate};
use minzheng_chassis::convert::date_to_wire;
use minzheng_chassis::testing::eventually;
use minzheng_proto::life_events::v1 as pb;
use tonic::Status;
use uuid::Uuid;

use crate::family::{Member, VILLAGE};
use crate::platform::{Callers, Platform, minzheng_reason, until_answered};

/// One report, ready to be told any number of times.
#[derive(Clone, Debug)]
pub struct Report {
    /// The request; told again it carries another request id, as another attempt of the source.
    pub request: pb::ReportDeathRequest,
}

impl Report {
    /// A report about somebody.
    pub fn of(
        member: &Member,
        source: pb::EvidenceSource,
        reference: &str,
        died_on: PartialDate,
    ) -> Self {
        let organisation = format!("org-{}", source.as_str_name().to_ascii_lowercase());
        let request = pb::ReportDeathRequest {
            request_id: String::new(),
            person_id: String::new(),
            identity: Some(member.identity.clone()),
            source_organisation: organisation,
            reference: reference.to_owned(),
            source: source.into(),
            died_on: Some(date_to_wire(died_on)),
            place_division: VILLAGE.to_owned(),
            document_number: document_number(member, source),
            ..Default::default()
        };
        Self { request }
    }

    /// Tells it until the platform answers; the case.
    ///
    /// # Errors
    /// What the platform refuses.
    pub async fn tell(
        &self,
        platform: &Platform,
        callers: &Callers,
    ) -> Result<pb::DeathCase, Status> {
        let request = pb::ReportDeathRequest {
            request_id: Uuid::new_v4().to_string(),
            ..self.request.clone()
        };
        let answer = until_answered(|| {
            let (mut client, request) = (platform.life_events(&callers.reporter), request.clone());
            async move { client.report_death(request).await }
        })
        .await?;
        Ok(answer.case.expect("a case"))
    }
}

/// Death certificates are numbered by the ID number.
fn document_number(member: &Member, source: pb::EvidenceSource) -> String {
    if source == pb::EvidenceSource::MedicalCertificate {
        member.identity.id_number.clone()
    } else {
        String::new()
    }
}

/// A full date.
pub fn day(date: Date) -> PartialDate {
    PartialDate::of_day(date).expect("a day")
}

/// Only the month of a date.
pub fn month(date: Date) -> PartialDate {
    PartialDate::of_month(Month::of(date))
}

/// The case as it stands.
pub async fn get(platform: &Platform, callers: &Callers, case_id: &str) -> pb::DeathCase {
    let answer = until_answered(|| {
        let (mut client, case_id) = (platform.life_events(&callers.clerk), case_id.to_owned());
        async move { client.get_case(pb::GetCaseRequest { case_id }).await }
    })
    .await
    .expect("the case");
    answer.case.expect("a case")
}

/// Waits until a case is in a phase; the case.
pub async fn reaches(
    platform: &Platform,
    callers: &Callers,
    case_id: &str,
    phase: pb::Phase,
) -> pb::DeathCase {
    let last = std::sync::Mutex::new(None);
    let found = tokio::time::timeout(
        minzheng_chassis::testing::PATIENCE * 2,
        eventually_in(platform, callers, case_id, phase, &last),
    )
    .await;
    match found {
        Ok(case) => case,
        Err(_) => panic!(
            "case {case_id} did not reach {phase:?}; it is {:?}",
            last.into_inner()
        ),
    }
}

async fn eventually_in(
    platform: &Platform,
    callers: &Callers,
    case_id: &str,
    phase: pb::Phase,
    last: &std::sync::Mutex<Option<(pb::Phase, Vec<pb::Waiting>)>>,
) -> pb::DeathCase {
    eventually(&format!("case {case_id} in {phase:?}"), || async {
        let case = get(platform, callers, case_id).await;
        *last.lock().expect("not poisoned") = Some((case.phase(), case.waiting.clone()));
        (case.phase() == phase).then_some(case)
    })
    .await
}

/// Makes a call with the case's etag; a receipt that came in between makes it read the case again, as
/// a clerk's screen would.
///
/// # Errors
/// What the platform refuses.
pub async fn with_etag<T, F>(
    platform: &Platform,
    callers: &Callers,
    case_id: &str,
    call: impl Fn(String) -> F,
) -> Result<T, Status>
where
    F: Future<Output = Result<tonic::Response<T>, Status>>,
{
    loop {
        let etag = get(platform, callers, case_id).await.etag;
        match until_answered(|| call(etag.clone())).await {
            Err(status) if minzheng_reason(&status).as_deref() == Some("ETAG_MISMATCH") => {}
            settled => return settled,
        }
    }
}

/// Prepares a reversal and has it approved by another clerk; the case.
pub async fn reverse(platform: &Platform, callers: &Callers, case_id: &str) -> pb::DeathCase {
    let prepared = prepare_reversal(platform, callers, case_id).await;
    let reversal_id = prepared
        .pending_reversal
        .as_ref()
        .expect("a pending reversal")
        .id
        .clone();
    let own = approve(platform, callers, &prepared, &reversal_id, true).await;
    let refusal = own.expect_err("approving one's own reversal is refused");
    assert_eq!(
        crate::platform::minzheng_reason(&refusal).as_deref(),
        Some("FOUR_EYES")
    );
    approve(platform, callers, &prepared, &reversal_id, false)
        .await
        .expect("approved")
}

async fn prepare_reversal(platform: &Platform, callers: &Callers, case_id: &str) -> pb::DeathCase {
    let request = pb::PrepareReversalRequest {
        request_id: Uuid::new_v4().to_string(),
        case_id: case_id.to_owned(),
        etag: String::new(),
        reason: "another person of that name".to_owned(),
        revoked_on: None,
    };
    let answer = with_etag(platform, callers, case_id, |etag| {
        let mut client = platform.life_events(&callers.clerk);
        let request = pb::PrepareReversalRequest {
            etag,
            ..request.clone()
        };
        async move { client.prepare_reversal(request).await }
    })
    .await
    .expect("prepared");
    answer.case.expect("a case")
}

async fn approve(
    platform: &Platform,
    callers: &Callers,
    case: &pb::DeathCase,
    reversal_id: &str,
    oneself: bool,
) -> Result<pb::DeathCase, Status> {
    let caller = if oneself {
        &callers.clerk
    } else {
        &callers.second_clerk
    };
    let request = pb::ApproveReversalRequest {
        request_id: Uuid::new_v4().to_string(),
        case_id: case.id.clone(),
        etag: String::new(),
        reversal_id: reversal_id.to_owned(),
        approve: true,
    };
    let answer = with_etag(platform, callers, &case.id, |etag| {
        let mut client = platform.life_events(caller);
        let request = pb::ApproveReversalRequest {
            etag,
            ..request.clone()
        };
        async move { client.approve_reversal(request).await }
    })
    .await?;
    Ok(answer.case.expect("a case"))
}
