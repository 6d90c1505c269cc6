//! What stands now about some persons, and what must hold.

use std::collections::BTreeMap;

use async_trait::async_trait;
use minzheng_chassis::context::Context;
use minzheng_chassis::module::Inspect;
use minzheng_chassis::person::look_up;
use minzheng_chassis::seam::Failure;
use minzheng_chassis::work::{WorkItem, open_about};
use uuid::Uuid;

use crate::domain::{WorkKind, fingerprint};
use crate::storage::{standing, verify};

/// What an operator is told.
#[derive(Debug)]
pub struct ElderlyCareInspect;

#[async_trait]
impl Inspect for ElderlyCareInspect {
    async fn fingerprint(&self, cx: &Context, persons: &[Uuid]) -> Result<Vec<String>, Failure> {
        let persons = survivors(cx, persons).await?;
        let db = cx.db().reader();
        let view = standing::of_persons(db, &persons, cx.now()).await?;
        let named: Vec<(Uuid, String)> = persons.iter().map(|id| (*id, id.to_string())).collect();
        let mut lines = fingerprint(&view, &named);
        let residents = standing::stays_of(db, &persons).await?;
        let subjects: Vec<Uuid> = residents.keys().chain(&persons).copied().collect();
        let items = open_about(db, &subjects).await?;
        lines.extend(items.iter().map(|item| open_item(item, &residents)));
        Ok(lines)
    }

    async fn verify(&self, cx: &Context) -> Result<Vec<String>, Failure> {
        verify::contradictions(cx.db().reader()).await
    }
}

/// The persons who stand in the place of those asked for, each once.
async fn survivors(cx: &Context, persons: &[Uuid]) -> Result<Vec<Uuid>, Failure> {
    let known = look_up(cx.db().reader(), persons).await?;
    let merged: BTreeMap<Uuid, Uuid> = known
        .iter()
        .filter_map(|person| Some((person.person_id, person.merged_into?)))
        .collect();
    let stand = persons.iter().map(|id| merged.get(id).unwrap_or(id));
    let mut stand: Vec<Uuid> = stand.copied().collect();
    stand.sort_unstable();
    stand.dedup();
    Ok(stand)
}

/// An item, under the person whom it is about.
fn open_item(item: &WorkItem, residents: &BTreeMap<Uuid, Uuid>) -> String {
    let person = if item.kind == WorkKind::SettleStay.name() {
        residents.get(&item.subject_id).unwrap_or(&item.subject_id)
    } else {
        &item.subject_id
    };
    format!("open {} {} {person}", item.kind, item.urgency.name())
}
