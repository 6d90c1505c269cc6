//! What stands now about some persons, comparable between runs.

use std::collections::BTreeMap;

use async_trait::async_trait;
use minzheng_chassis::context::Context;
use minzheng_chassis::module::Inspect;
use minzheng_chassis::receipt::Receipts;
use minzheng_chassis::seam::Failure;
use minzheng_chassis::work::{self, WorkItem};
use uuid::Uuid;

use super::verify;
use crate::domain::death::{Case, Phase, Question};
use crate::storage::cases::Cases;

/// Fingerprint and verification of life-events.
pub struct CaseInspect;

#[async_trait]
impl Inspect for CaseInspect {
    async fn fingerprint(&self, cx: &Context, persons: &[Uuid]) -> Result<Vec<String>, Failure> {
        let stored = Cases::reading(cx).of_persons(persons).await?;
        let owners: BTreeMap<Uuid, Uuid> = stored
            .iter()
            .map(|stored| (stored.case.id, stored.case.person_id))
            .collect();
        let cases: Vec<Uuid> = owners.keys().copied().collect();
        let items = work::open_about(cx.db().reader(), &cases).await?;
        let standing = stored.iter().filter(|stored| stands(stored.case.phase));
        let lines = standing.map(|stored| case_line(&stored.case));
        Ok(lines
            .chain(items.iter().map(|item| item_line(item, &owners)))
            .collect())
    }

    async fn verify(&self, cx: &Context) -> Result<Vec<String>, Failure> {
        verify::verify(cx).await
    }

    async fn answers_without(
        &self,
        cx: &Context,
        receipts: &Receipts,
    ) -> Result<Vec<String>, Failure> {
        verify::answers_without(cx, receipts).await
    }
}

fn stands(phase: Phase) -> bool {
    match phase {
        Phase::InReview
        | Phase::Reported
        | Phase::Suspected
        | Phase::Notifying
        | Phase::Settled
        | Phase::Finished
        | Phase::Reversing => true,
        Phase::Reversed | Phase::Rejected | Phase::MergedInto => false,
    }
}

fn case_line(case: &Case) -> String {
    let mut answers: Vec<String> = case.latest_questions().map(answer).collect();
    answers.sort_unstable();
    format!(
        "case person={} phase={} died_on={}{} answers=[{}]",
        case.person_id,
        case.phase.name(),
        case.died_on,
        if case.conflict.is_some() {
            " conflict"
        } else {
            ""
        },
        answers.join(", ")
    )
}

fn answer(question: &Question) -> String {
    let outcome = question
        .answer
        .as_ref()
        .map_or("open", |answer| answer.outcome.name());
    format!(
        "{}/{}={outcome}",
        question.action.department, question.action.code
    )
}

/// The subject is the person: ids of cases differ from run to run.
fn item_line(item: &WorkItem, owners: &BTreeMap<Uuid, Uuid>) -> String {
    let subject = owners.get(&item.subject_id).unwrap_or(&item.subject_id);
    format!(
        "item kind={} urgency={} person={subject}",
        item.kind,
        item.urgency.name()
    )
}
