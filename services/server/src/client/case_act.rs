//! Decisions about a case. Each reads the case first, for its etag, so that nobody decides what they
//! have not seen.

use minzheng_proto::life_events::v1 as pb;

use super::case::{get, present};
use super::connect::{Platform, request_id};
use super::dates;
use super::error::ClientError;
use crate::cli::{CorrectArgs, DecideArgs, ReverseArgs, VerifyDeathArgs};

/// Decides a case in review, or a conflict.
pub(super) async fn decide(args: &DecideArgs) -> Result<pb::DeathCase, ClientError> {
    let platform = Platform::of(&args.server);
    let case = get(&platform, &args.case_id).await?;
    if let Some(evidence_id) = &args.evidence {
        let request = pb::DecideConflictRequest {
            request_id: request_id(),
            case_id: case.id,
            etag: case.etag,
            evidence_id: evidence_id.clone(),
            reason: args.reason.clone(),
        };
        let answer = platform.cases().decide_conflict(request).await;
        return present(
            answer
                .map_err(|status| platform.refused(&status))?
                .into_inner()
                .case,
        );
    }
    let decision = match (&args.person, args.new_person) {
        (Some(_), _) => pb::ReviewDecision::IsPerson,
        (None, true) => pb::ReviewDecision::NewPerson,
        // The only one left: the parser demands exactly one.
        (None, false) => pb::ReviewDecision::Reject,
    };
    let request = pb::DecideReviewRequest {
        request_id: request_id(),
        case_id: case.id,
        etag: case.etag,
        decision: decision.into(),
        person_id: args.person.clone().unwrap_or_default(),
        reason: args.reason.clone(),
    };
    let answer = platform.cases().decide_review(request).await;
    present(
        answer
            .map_err(|status| platform.refused(&status))?
            .into_inner()
            .case,
    )
}

/// Completes a verification.
pub(super) async fn verify_death(args: &VerifyDeathArgs) -> Result<pb::DeathCase, ClientError> {
    let platform = Platform::of(&args.server);
    let case = get(&platform, &args.case_id).await?;
    let result = if args.dead {
        pb::VerificationResult::Dead
    } else {
        pb::VerificationResult::Alive
    };
    let request = pb::CompleteVerificationRequest {
        request_id: request_id(),
        case_id: case.id,
        etag: case.etag,
        result: result.into(),
        died_on: args.died_on.and_then(dates::to_wire),
        source: args
            .source
            .map(pb::EvidenceSource::from)
            .unwrap_or_default()
            .into(),
        source_organisation: args.organisation.clone().unwrap_or_default(),
        reference: args.reference.clone().unwrap_or_default(),
        note: args.note.clone(),
    };
    let answer = platform.cases().complete_verification(request).await;
    present(
        answer
            .map_err(|status| platform.refused(&status))?
            .into_inner()
            .case,
    )
}

/// Corrects the date.
pub(super) async fn correct(args: &CorrectArgs) -> Result<pb::DeathCase, ClientError> {
    let platform = Platform::of(&args.server);
    let case = get(&platform, &args.case_id).await?;
    let request = pb::CorrectDeathRequest {
        request_id: request_id(),
        case_id: case.id,
        etag: case.etag,
        died_on: dates::to_wire(args.died_on),
        cause: pb::Cause::from(args.cause).into(),
        reason: args.reason.clone(),
    };
    let answer = platform.cases().correct_death(request).await;
    present(
        answer
            .map_err(|status| platform.refused(&status))?
            .into_inner()
            .case,
    )
}

/// Prepares a reversal, or decides the one that waits.
pub(super) async fn reverse(args: &ReverseArgs) -> Result<pb::DeathCase, ClientError> {
    let platform = Platform::of(&args.server);
    let case = get(&platform, &args.case_id).await?;
    if args.approve || args.turn_down {
        return decide_reversal(&platform, case, args.approve).await;
    }
    prepare_reversal(
        &platform,
        case,
        &args.reason,
        args.revoked_on.and_then(dates::to_wire),
    )
    .await
}

/// Prepares a reversal.
pub(crate) async fn prepare_reversal(
    platform: &Platform,
    case: pb::DeathCase,
    reason: &str,
    revoked_on: Option<minzheng_proto::common::v1::PartialDate>,
) -> Result<pb::DeathCase, ClientError> {
    let request = pb::PrepareReversalRequest {
        request_id: request_id(),
        case_id: case.id,
        etag: case.etag,
        reason: reason.to_owned(),
        revoked_on,
    };
    let answer = platform.cases().prepare_reversal(request).await;
    present(
        answer
            .map_err(|status| platform.refused(&status))?
            .into_inner()
            .case,
    )
}

/// Approves the reversal that waits, or turns it down.
pub(crate) async fn decide_reversal(
    platform: &Platform,
    case: pb::DeathCase,
    approve: bool,
) -> Result<pb::DeathCase, ClientError> {
    let pending = case.pending_reversal.ok_or_else(|| {
        let next_step = "prepare one first: `minzheng case reverse CASE --reason …`";
        ClientError::new(
            "NO_REVERSAL_WAITS",
            "no reversal of this case waits for approval",
            next_step,
        )
    })?;
    let request = pb::ApproveReversalRequest {
        request_id: request_id(),
        case_id: case.id,
        etag: case.etag,
        reversal_id: pending.id,
        approve,
    };
    let answer = platform.cases().approve_reversal(request).await;
    present(
        answer
            .map_err(|status| platform.refused(&status))?
            .into_inner()
            .case,
    )
}
