//! What must hold of every case: its phase follows from its answers, its open items from its state, they stand where
//! it stands, and each of its answers is a receipt.

use std::collections::BTreeSet;

use minzheng_chassis::context::Context;
use minzheng_chassis::receipt::{Receipts, Taken};
use minzheng_chassis::seam::Failure;
use minzheng_chassis::work::{self, WorkItem};
use uuid::Uuid;

use crate::domain::death::{Case, Phase, Question, items};
use crate::storage::cases::{Cases, StoredCase};

/// Cases looked at together.
const AT_A_TIME: u64 = 500;

/// Every case whose phase or items do not follow from its state.
///
/// # Errors
/// The database's.
pub async fn verify(cx: &Context) -> Result<Vec<String>, Failure> {
    let mut found = Vec::new();
    let mut page = page_after(cx, None).await?;
    while !page.is_empty() {
        let ids: Vec<Uuid> = page.iter().map(|stored| stored.case.id).collect();
        let open = work::open_about(cx.db().reader(), &ids).await?;
        for stored in &page {
            let case = &stored.case;
            let of_case = open.iter().filter(|item| item.subject_id == case.id);
            let kinds: BTreeSet<&str> = of_case.clone().map(|item| item.kind.as_str()).collect();
            found.extend(complaints(case, &kinds));
            found.extend(of_case.filter_map(|item| astray(case, item)));
        }
        page = page_after(cx, page.last()).await?;
    }
    Ok(found)
}

/// Every answer that no receipt of the department that was asked has given.
///
/// # Errors
/// The database's.
pub async fn answers_without(cx: &Context, receipts: &Receipts) -> Result<Vec<String>, Failure> {
    let mut found = Vec::new();
    let mut page = page_after(cx, None).await?;
    while !page.is_empty() {
        found.extend(page.iter().flat_map(|stored| bare(&stored.case, receipts)));
        page = page_after(cx, page.last()).await?;
    }
    Ok(found)
}

/// The next cases behind one, in the order of their ids.
async fn page_after(cx: &Context, last: Option<&StoredCase>) -> Result<Vec<StoredCase>, Failure> {
    let after = last.map_or(Uuid::nil(), |stored| stored.case.id);
    let mut page = Cases::reading(cx).after_anywhere(after, AT_A_TIME).await?;
    page.sort_unstable_by_key(|stored| stored.case.id);
    Ok(page)
}

fn bare(case: &Case, receipts: &Receipts) -> impl Iterator<Item = String> {
    let taken = case.questions.iter().filter_map(taken);
    taken.filter(|answer| receipts.lack(answer)).map(|answer| {
        let Taken {
            receipt,
            department,
            action,
            fact_version,
            ..
        } = answer;
        format!(
            "case {} has an answer of {department} to {action} of fact {fact_version} by receipt {receipt}, which is none",
            case.id
        )
    })
}

fn taken(question: &Question) -> Option<Taken<'_>> {
    let answer = question.answer.as_ref()?;
    Some(Taken {
        receipt: answer.receipt_event_id,
        department: question.action.department,
        action: question.action.code,
        fact_version: question.fact_version,
        taken_at: answer.answered_at,
    })
}

fn complaints(case: &Case, open: &BTreeSet<&str>) -> Vec<String> {
    let needed: BTreeSet<&str> = items(case).iter().map(|item| item.kind.name()).collect();
    let mut found = Vec::new();
    if !follows(case, !needed.is_empty()) {
        let phase = case.phase.name();
        found.push(format!(
            "case {} is {phase}, which does not follow from its answers",
            case.id
        ));
    }
    for kind in needed.difference(open) {
        found.push(format!(
            "case {} waits for {kind} and has no such open item",
            case.id
        ));
    }
    for kind in open.difference(&needed) {
        found.push(format!(
            "case {} has an open item {kind} and does not wait for it",
            case.id
        ));
    }
    found
}

/// Whoever decides the case must see what waits for it.
fn astray(case: &Case, item: &WorkItem) -> Option<String> {
    (item.division != case.divisions.standing).then(|| {
        format!(
            "case {} has its item {} in another division",
            case.id, item.kind
        )
    })
}

/// SETTLED and FINISHED say that every question of the latest fact is answered, FINISHED that
/// nothing waits for a person; NOTIFYING and REVERSING that an answer is missing.
fn follows(case: &Case, waits: bool) -> bool {
    match case.phase {
        Phase::Notifying | Phase::Reversing => !case.all_answered(),
        Phase::Settled => case.all_answered() && (case.needs_human() || waits),
        Phase::Finished => case.all_answered() && !case.needs_human() && !waits,
        Phase::Reversed => case.all_answered(),
        Phase::MergedInto => case.merged_into.is_some() && case.evidence.is_empty(),
        Phase::InReview | Phase::Reported | Phase::Suspected | Phase::Rejected => true,
    }
}
