//! Taking the departments' receipts.

use std::collections::{BTreeMap, BTreeSet};

use minzheng_chassis::context::Context;
use minzheng_chassis::convert::{self, FromWire, WireError};
use minzheng_chassis::inbox::{Event, SetReaction};
use minzheng_chassis::seam::{Failure, UnitOfWork};
use minzheng_proto::life_events::v1 as pb;
use uuid::Uuid;

use super::desk::{Entry, carry_out_unsaved, decide};
use super::names::{outcome_of, undo_of};
use crate::domain::death::{Answer, Case, Input, Receipt, react};
use crate::storage::cases::{self, StoredCase};

/// Gives a receipt to its case.
pub struct TakeReceipts;

/// A receipt, read.
pub struct Told {
    case_id: Uuid,
    receipt: Receipt,
}

/// The cases of a transaction's receipts: as they were loaded, and as they are now.
pub struct Cases(BTreeMap<Uuid, (StoredCase, Case)>);

impl SetReaction<pb::ReceiptIssued> for TakeReceipts {
    type Asked = Told;
    type Set = Cases;

    fn persons(&self, event: &Event<pb::ReceiptIssued>) -> Vec<Uuid> {
        Uuid::parse_str(&event.body.person_id).into_iter().collect()
    }

    async fn ask(&self, cx: &Context, event: &Event<pb::ReceiptIssued>) -> Result<Told, Failure> {
        Ok(read(event, cx.now())?)
    }

    async fn load(
        &self,
        uow: &mut UnitOfWork,
        events: &[&Event<pb::ReceiptIssued>],
    ) -> Result<Cases, Failure> {
        let ids: BTreeSet<Uuid> = events
            .iter()
            .filter_map(|event| Uuid::parse_str(&event.body.case_id).ok())
            .collect();
        let ids: Vec<Uuid> = ids.into_iter().collect();
        let found = cases::Cases::within(uow).find_all_anywhere(&ids).await?;
        let opened = found.into_iter().map(|stored| {
            let now = stored.case.clone();
            (stored.case.id, (stored, now))
        });
        Ok(Cases(opened.collect()))
    }

    async fn apply(
        &self,
        uow: &mut UnitOfWork,
        event: &Event<pb::ReceiptIssued>,
        told: &Told,
        set: &mut Cases,
    ) -> Result<(), Failure> {
        let Some((_, case)) = set.0.get_mut(&told.case_id) else {
            tracing::debug!(event_id = %event.envelope.id, case_id = %told.case_id, "a receipt of no case: noted");
            return Ok(());
        };
        let entry = Entry::of("TakeReceipt")
            .with("department", &told.receipt.department)
            .with("receipt", event.envelope.id);
        let input = Input::ReceiptArrived(told.receipt.clone());
        let step = decide(uow, case.divisions.standing, |at| react(case, &input, at)).await?;
        carry_out_unsaved(uow, entry, case, step).await
    }

    async fn save(&self, uow: &mut UnitOfWork, set: Cases) -> Result<(), Failure> {
        let changed = set
            .0
            .into_values()
            .filter(|(before, now)| before.case != *now);
        let changed: Vec<(StoredCase, Case)> = changed.collect();
        cases::save_answered(uow, &changed);
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
