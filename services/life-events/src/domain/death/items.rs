//! Which work items a case needs. They follow from its state alone, so an item is open exactly as
//! long as what it is about: no step opens or closes one by hand.

use minzheng_chassis::authz::Role;

use super::case::{Case, Pending, Verification};
use super::effect::{Effect, Item, ItemEnd, ItemKind, Urgency};

/// The items that should be open, at most one of each kind.
pub fn items(case: &Case) -> Vec<Item> {
    let decision = |kind, pending| decision(case, kind, pending);
    let review = case
        .review
        .map(|pending| decision(ItemKind::DecideReview, pending));
    let verification = case.verification.map(|open| verification(case, open));
    let conflict = case
        .conflict
        .map(|pending| decision(ItemKind::DecideConflict, pending));
    let reversal = case.pending_reversal.as_ref();
    let reversal = reversal.map(|held| decision(ItemKind::ApproveReversal, held.pending));
    [review, verification, conflict, reversal, overdue(case)]
        .into_iter()
        .flatten()
        .collect()
}

fn decision(case: &Case, kind: ItemKind, pending: Pending) -> Item {
    Item {
        kind,
        division: case.divisions.standing,
        role: Role::CountyClerk,
        urgency: if case.was_told_of(pending) {
            Urgency::Alarm
        } else {
            Urgency::Normal
        },
        due_at: pending.due_at,
        due_provisional: pending.due_provisional,
    }
}

/// The township goes and looks; where it let the deadline pass, the county sees to it.
fn verification(case: &Case, verification: Verification) -> Item {
    let (role, urgency) = match verification.escalated {
        false => (Role::TownshipWorker, Urgency::Normal),
        true => (Role::CountyClerk, Urgency::Alarm),
    };
    Item {
        kind: ItemKind::VerifyDeath,
        division: case.divisions.standing,
        role,
        urgency,
        due_at: verification.pending.due_at,
        due_provisional: verification.pending.due_provisional,
    }
}

/// One item for all late departments, due since the first of them was.
fn overdue(case: &Case) -> Option<Item> {
    let late = case
        .latest_questions()
        .filter(|question| question.escalated);
    let first = late.min_by_key(|question| question.due_at)?;
    let step = case.plan.step(first.action.department);
    Some(Item {
        kind: ItemKind::OverdueAnswer,
        division: case.divisions.standing,
        role: step.map_or(Role::CountyClerk, |step| step.if_late),
        urgency: Urgency::Alarm,
        due_at: first.due_at,
        due_provisional: first.due_provisional,
    })
}

/// What must be opened, changed and closed; `decided` is the kind that a person just decided.
pub(super) fn difference(
    before: &[Item],
    after: &[Item],
    decided: Option<ItemKind>,
) -> Vec<Effect> {
    let find = |items: &[Item], kind| items.iter().copied().find(|item| item.kind == kind);
    let effect = |kind| match (find(before, kind), find(after, kind)) {
        (None, Some(item)) => Some(Effect::OpenItem(item)),
        (Some(old), Some(new)) => (old != new).then_some(Effect::ChangeItem(new)),
        (Some(_), None) if decided == Some(kind) => Some(Effect::CloseItem(kind, ItemEnd::Decided)),
        (Some(_), None) => Some(Effect::CloseItem(kind, ItemEnd::NoLongerNeeded)),
        (None, None) => None,
    };
    ItemKind::ALL.iter().copied().filter_map(effect).collect()
}
