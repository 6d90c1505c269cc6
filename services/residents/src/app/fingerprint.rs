//! What stands now about some persons, and what must hold.

use async_trait::async_trait;
use minzheng_chassis::context::Context;
use minzheng_chassis::module::Inspect;
use minzheng_chassis::person::look_up;
use minzheng_chassis::seam::Failure;
use minzheng_chassis::work::{WorkItem, open_about};
use uuid::Uuid;

use crate::domain::effect::DECIDE_MATCH;
use crate::domain::person::{Person, RecordState};
use crate::storage::person::Persons;

/// What an operator is told.
#[derive(Debug)]
pub struct ResidentsInspect;

#[async_trait]
impl Inspect for ResidentsInspect {
    async fn fingerprint(&self, cx: &Context, persons: &[Uuid]) -> Result<Vec<String>, Failure> {
        let stored = Persons::reading(cx).all_anywhere(persons).await?;
        let mut lines: Vec<String> = stored.iter().map(|stored| line(&stored.person)).collect();
        let items = open_about(cx.db().reader(), persons).await?;
        let reviews = items.iter().filter(|item| item.kind == DECIDE_MATCH);
        lines.extend(reviews.map(open_review));
        Ok(lines)
    }

    async fn verify(&self, cx: &Context) -> Result<Vec<String>, Failure> {
        let mut wrong = Vec::new();
        let mut after = Uuid::nil();
        loop {
            let page = Persons::reading(cx).told_of_anywhere(after).await?;
            let Some(last) = page.last() else {
                return Ok(wrong);
            };
            after = last.0;
            let ids: Vec<Uuid> = page.iter().map(|(id, _)| *id).collect();
            let known = look_up(cx.db().reader(), &ids).await?;
            for (id, life) in &page {
                let guard = known.iter().find(|known| known.person_id == *id);
                // A fact that is parked is in the guard row and not yet in the person's.
                let agrees = guard.is_some_and(|guard| {
                    guard.fact_version > life.fact_version()
                        || (guard.status, guard.died_on) == (life.status, life.died_on)
                });
                if !agrees {
                    wrong.push(format!("person {id}: life status and guard row differ"));
                }
            }
        }
    }
}

fn line(person: &Person) -> String {
    let state = match person.state {
        RecordState::Established => "established".to_owned(),
        RecordState::Provisional => "provisional".to_owned(),
        RecordState::Merged { into } => format!("merged into {into}"),
        RecordState::Rejected => "rejected".to_owned(),
    };
    let life = &person.life;
    format!(
        "person {} {state} {} {}",
        person.id,
        life.status.name(),
        life.died_on
    )
}

fn open_review(item: &WorkItem) -> String {
    format!(
        "open {} {} {}",
        item.kind,
        item.urgency.name(),
        item.subject_id
    )
}
