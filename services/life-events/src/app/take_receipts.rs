//! Taking the departments' receipts.

use minzheng_chassis::context::Context;
use minzheng_chassis::convert::{self, FromWire, WireError};
use minzheng_chassis::inbox::{Event, Reaction};
use minzheng_chassis::seam::{Failure, UnitOfWork};
use minzheng_proto::life_events::v1 as pb;
use uuid::Uuid;

use super::desk::{Entry, handle};
use super::names::{outcome_of, undo_of};
use crate::domain::death::{Answer, Input, Receipt};
use crate::storage::cases::Cases;

/// Gives a receipt to its case.
pub struct TakeReceipts;

/// A receipt, read.
pub struct Told {
    case_id: Uuid,
    receipt: Receipt,
}

impl Reaction<pb::ReceiptIssued> for TakeReceipts {
    type Asked = Told;

    fn persons(&self, event: &Event<pb::ReceiptIssued>) -> Vec<Uuid> {
        Uuid::parse_str(&event.body.person_id).into_iter().collect()
    }

    async fn ask(&self, cx: &Context, event: &Event<pb::ReceiptIssued>) -> Result<Told, Failure> {
        Ok(read(event, cx.now())?)
    }

    async fn apply(
        &self,
        uow: &mut UnitOfWork,
        event: &Event<pb::ReceiptIssued>,
        told: &Told,
    ) -> Result<(), Failure> {
        let stored = Cases::within(uow).find_anywhere(told.case_id).await?;
        let Some(stored) = stored else {
            tracing::debug!(event_id = %event.envelope.id, case_id = %told.case_id, "a receipt of no case: noted");
            return Ok(());
        };
        let entry = Entry::of("TakeReceipt")
            .with("department", &told.receipt.department)
            .with("receipt", event.envelope.id);
        handle(
            uow,
            entry,
            stored,
            &Input::ReceiptArrived(told.receipt.clone()),
        )
        .await?;
        Ok(())
    }
}

fn read(event: &Event<pb::ReceiptIssued>, now: jiff::Timestamp) -> Result<Told, WireError> {
    let body = &event.body;
    let mut answers = Vec::with_capacity(body.answers.len());
    for answer in &body.answers {
        let read = read_answer(event.envelope.id, answer, now)?;
        answers.push((answer.action.clone(), read));
    }
    Ok(Told {
        case_id: convert::uuid("case_id", &body.case_id)?,
        receipt: Receipt {
            fact_version: body.fact_version,
            department: body.department.clone(),
            answers,
        },
    })
}

fn read_answer(
    event_id: Uuid,
    answer: &pb::ActionAnswer,
    now: jiff::Timestamp,
) -> Result<Answer, WireError> {
    let outcome = pb::Outcome::try_from(answer.outcome)
        .ok()
        .and_then(outcome_of);
    let undo = pb::Undo::try_from(answer.undo).ok().and_then(undo_of);
    Ok(Answer {
        receipt_event_id: event_id,
        outcome: outcome.ok_or(WireError::Malformed("outcome"))?,
        legal_basis: answer.legal_basis.clone(),
        undo: undo.ok_or(WireError::Malformed("undo"))?,
        work_item_id: Uuid::from_wire("work_item_id", &answer.work_item_id)?,
        reason: (!answer.reason.is_empty()).then(|| answer.reason.clone()),
        answered_at: now,
    })
}
