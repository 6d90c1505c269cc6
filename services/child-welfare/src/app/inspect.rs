//! What an operator is told.

use async_trait::async_trait;
use minzheng_chassis::context::Context;
use minzheng_chassis::module::Inspect;
use minzheng_chassis::person::{self, KnownPerson, LifeStatus};
use minzheng_chassis::seam::Failure;
use uuid::Uuid;

use crate::domain::Child;
use crate::storage::children;

/// Fingerprint and verification of this service.
pub struct ChildWelfareInspect;

#[async_trait]
impl Inspect for ChildWelfareInspect {
    async fn fingerprint(&self, cx: &Context, persons: &[Uuid]) -> Result<Vec<String>, Failure> {
        let db = cx.db().reader();
        let known = person::look_up(db, persons).await?;
        let children = children::of_ids(db, persons).await?;
        let lives = known.iter().filter_map(life_line);
        Ok(lives
            .chain(children.iter().flat_map(Child::fingerprint))
            .collect())
    }

    async fn verify(&self, cx: &Context) -> Result<Vec<String>, Failure> {
        let stray = children::items_out_of_step(cx.db().reader()).await?;
        let lines = stray
            .iter()
            .map(|(child_id, what)| format!("child {child_id}: {what}"));
        Ok(lines.collect())
    }
}

fn life_line(known: &KnownPerson) -> Option<String> {
    let id = known.person_id;
    match known.status {
        LifeStatus::Alive => None,
        LifeStatus::Suspected | LifeStatus::Dead => Some(format!(
            "person {id} {} {}",
            known.status.name(),
            known.died_on
        )),
    }
}
