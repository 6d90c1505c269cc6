//! Reporting deaths and deciding about them.

use jiff::ToSpan;
use minzheng_chassis::convert::date_to_wire;
use minzheng_proto::life_events::v1 as pb;
use minzheng_proto::life_events::v1::EvidenceSource;
use serde_json::{Value, json};
use tonic::{Response, Status};
use uuid::Uuid;

use super::client::{Client, Refused};
use crate::family::Member;
use crate::platform::Platform;
use crate::reports::{Report, day};

/// A report of somebody's death, so long ago that no clock of the run makes it the future.
pub(super) fn report_of(client: &Client<'_>, person: &Member, source: EvidenceSource) -> Report {
    let died_on = day(client.shared.today.saturating_sub(45.days()));
    let reference = letters(client.shared.next_number());
    Report::of(person, source, &reference, died_on)
}

/// A number as letters: a reference with many digits is shown masked.
fn letters(number: u32) -> String {
    let digits = number.to_string();
    let spelt = digits.bytes().map(|digit| char::from(digit - b'0' + b'a'));
    format!("ref-{}", spelt.collect::<String>())
}

/// Tells a report; the case. A later report of the same reference says so.
pub(super) async fn tell(
    client: &Client<'_>,
    report: &Report,
    person: &Member,
    again: bool,
) -> Result<pb::DeathCase, Refused> {
    let does = if again { "report-again" } else { "report" };
    let what = json!({
        "do": does, "service": "life-events", "person": person.id,
        "organisation": report.request.source_organisation, "reference": report.request.reference,
    });
    let call = async |platform: &Platform, request_id: String| {
        let request = pb::ReportDeathRequest {
            request_id,
            ..report.request.clone()
        };
        let mut client = platform.life_events(&client.shared.callers.reporter);
        client.report_death(request).await
    };
    let answer = client
        .change(what, call, |answer| shown(answer.case.as_ref()))
        .await?;
    Ok(answer.case.unwrap_or_default())
}

/// The request id of an earlier report with other content, which is refused; and its reference for
/// another person, which is refused too.
pub(super) async fn misuse(
    client: &Client<'_>,
    report: &Report,
    other: &Member,
) -> Result<(), Refused> {
    let id = Uuid::new_v4().to_string();
    let send = async |request: pb::ReportDeathRequest| {
        let what = json!({ "do": "misuse", "service": "life-events", "of": id });
        let call = async |platform: &Platform| {
            let mut client = platform.life_events(&client.shared.callers.reporter);
            client.report_death(request.clone()).await
        };
        client
            .read(what, call, |answer| shown(answer.case.as_ref()))
            .await
    };
    let same = pb::ReportDeathRequest {
        request_id: id.clone(),
        ..report.request.clone()
    };
    send(same.clone()).await?;
    let changed = pb::ReportDeathRequest {
        reference: format!("{}-x", same.reference),
        ..same.clone()
    };
    let first = send(changed).await;
    let elsewhere = pb::ReportDeathRequest {
        request_id: Uuid::new_v4().to_string(),
        identity: Some(other.identity.clone()),
        ..same
    };
    let second = send(elsewhere).await;
    for (answer, reason) in [(first, "REQUEST_ID_REUSED"), (second, "REFERENCE_REUSED")] {
        match answer {
            Err(refused) if refused.is(reason) => {}
            Err(Refused::Unknown) => return Err(Refused::Unknown),
            Err(Refused::No(reason)) => return Err(Refused::No(format!("misuse: {reason}"))),
            Ok(_) => return Err(Refused::No(format!("misuse taken instead of {reason}"))),
        }
    }
    Ok(())
}

/// The case as it stands.
pub(super) async fn get(client: &Client<'_>, case_id: &str) -> Result<pb::DeathCase, Refused> {
    let what = json!({ "do": "get-case", "service": "life-events", "case": case_id });
    let call = async |platform: &Platform| {
        let request = pb::GetCaseRequest {
            case_id: case_id.to_owned(),
        };
        let mut client = platform.life_events(&client.shared.callers.clerk);
        client.get_case(request).await
    };
    let answer = client
        .read(what, call, |answer| shown(answer.case.as_ref()))
        .await?;
    Ok(answer.case.unwrap_or_default())
}

/// Looks at a case until it is in one of these phases, or for so many times, or the run is over; whether it was
/// seen in one.
pub(super) async fn follow(
    client: &Client<'_>,
    case_id: &str,
    phases: &[pb::Phase],
    looks: usize,
) -> Result<bool, Refused> {
    for _ in 0..looks {
        if phases.contains(&get(client, case_id).await?.phase()) {
            return Ok(true);
        }
        if client.shared.is_over() {
            return Ok(false);
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    Ok(false)
}

/// A decision about a case.
async fn decide<T: prost::Message>(
    client: &Client<'_>,
    case_id: &str,
    mut what: Value,
    call: impl AsyncFn(&Platform, String, String) -> Result<Response<T>, Status>,
    case: impl Fn(&T) -> Option<&pb::DeathCase>,
) -> Result<T, Refused> {
    what["service"] = "life-events".into();
    what["case"] = case_id.into();
    let etag = async || Ok(get(client, case_id).await?.etag);
    let show = |answer: &T| shown(case(answer));
    client.change_of_version(&what, etag, call, show).await
}

/// The verification found the person dead, which the police prove, or alive.
pub(super) async fn verify(
    client: &Client<'_>,
    case_id: &str,
    proof: Option<&Report>,
) -> Result<(), Refused> {
    let call = async |platform: &Platform, request_id: String, etag: String| {
        let mut request = pb::CompleteVerificationRequest {
            request_id,
            case_id: case_id.to_owned(),
            etag,
            result: pb::VerificationResult::Alive.into(),
            ..Default::default()
        };
        if let Some(proof) = proof {
            request.result = pb::VerificationResult::Dead.into();
            request.died_on = proof.request.died_on;
            request.source = proof.request.source;
            request
                .source_organisation
                .clone_from(&proof.request.source_organisation);
            request.reference.clone_from(&proof.request.reference);
        }
        let mut client = platform.life_events(&client.shared.callers.clerk);
        client.complete_verification(request).await
    };
    let what = match proof {
        Some(proof) => json!({
            "do": "verify", "result": "dead",
            "organisation": proof.request.source_organisation, "reference": proof.request.reference,
        }),
        None => json!({ "do": "verify", "result": "alive" }),
    };
    decide(client, case_id, what, call, |answer| answer.case.as_ref()).await?;
    Ok(())
}

/// A formal correction of the date.
pub(super) async fn correct(client: &Client<'_>, case_id: &str) -> Result<(), Refused> {
    let died_on = date_to_wire(day(client.shared.today.saturating_sub(80.days())));
    let call = async |platform: &Platform, request_id: String, etag: String| {
        let request = pb::CorrectDeathRequest {
            request_id,
            case_id: case_id.to_owned(),
            etag,
            died_on: Some(died_on),
            cause: pb::Cause::FormalCorrection.into(),
            reason: "certificate reissued".to_owned(),
        };
        let mut client = platform.life_events(&client.shared.callers.clerk);
        client.correct_death(request).await
    };
    decide(
        client,
        case_id,
        json!({ "do": "correct" }),
        call,
        |answer| answer.case.as_ref(),
    )
    .await?;
    Ok(())
}

/// How a story ends in which a clerk could approve what the same clerk prepared.
pub(in crate::chaos) const OWN_APPROVAL: &str = "own approval taken";

/// Prepares a reversal, is refused its own approval, and has another clerk approve it.
pub(super) async fn reverse(client: &Client<'_>, case_id: &str) -> Result<(), Refused> {
    let call = async |platform: &Platform, request_id: String, etag: String| {
        let request = pb::PrepareReversalRequest {
            request_id,
            case_id: case_id.to_owned(),
            etag,
            reason: "another person of that name".to_owned(),
            revoked_on: None,
        };
        let mut client = platform.life_events(&client.shared.callers.clerk);
        client.prepare_reversal(request).await
    };
    let prepared = decide(
        client,
        case_id,
        json!({ "do": "prepare" }),
        call,
        |answer| answer.case.as_ref(),
    )
    .await?;
    let pending = prepared.case.and_then(|case| case.pending_reversal);
    let reversal_id = pending.unwrap_or_default().id;
    match approve(client, case_id, &reversal_id, true).await {
        Err(refused) if refused.is("FOUR_EYES") => {}
        Err(refused) => return Err(refused),
        Ok(()) => return Err(Refused::No(OWN_APPROVAL.to_owned())),
    }
    approve(client, case_id, &reversal_id, false).await
}

async fn approve(
    client: &Client<'_>,
    case_id: &str,
    reversal_id: &str,
    oneself: bool,
) -> Result<(), Refused> {
    let callers = &client.shared.callers;
    let caller = if oneself {
        &callers.clerk
    } else {
        &callers.second_clerk
    };
    let call = async |platform: &Platform, request_id: String, etag: String| {
        let request = pb::ApproveReversalRequest {
            request_id,
            case_id: case_id.to_owned(),
            etag,
            reversal_id: reversal_id.to_owned(),
            approve: true,
        };
        platform.life_events(caller).approve_reversal(request).await
    };
    let does = if oneself { "approve-own" } else { "approve" };
    decide(client, case_id, json!({ "do": does }), call, |answer| {
        answer.case.as_ref()
    })
    .await?;
    Ok(())
}

/// A case as the log shows it.
fn shown(case: Option<&pb::DeathCase>) -> Value {
    let Some(case) = case else { return json!({}) };
    let latest = case
        .questions
        .iter()
        .filter(|question| question.fact_version == case.fact_version);
    let open = latest.filter(|question| question.state() == pb::QuestionState::Open);
    json!({
        "case": case.id,
        "person": case.person_id,
        "phase": case.phase().as_str_name(),
        "fact_version": case.fact_version,
        "open": open.count(),
        "waiting": case.waiting.len(),
    })
}
