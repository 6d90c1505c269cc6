//! Carrying out what a decision brings about.

use minzheng_chassis::authz::Role;
use minzheng_chassis::calendar::{Deadline, WorkingCalendar};
use minzheng_chassis::division::DivisionCode;
use minzheng_chassis::rule::{self, Rule};
use minzheng_chassis::seam::{Failure, UnitOfWork};
use minzheng_chassis::work::{self, NewWorkItem, Urgency};
use uuid::Uuid;

use super::kin::{Touched, republish};
use crate::domain::effect::{DECIDE_MATCH, Effect};
use crate::storage::{DECIDE_MATCH_DAYS, PROGRAMME, events};

/// Carries out effects in order; the id of the rule row that set a due date, if one did.
///
/// # Errors
/// No rule is valid, or the database's.
pub async fn carry_out(uow: &mut UnitOfWork, effects: &[Effect]) -> Result<Option<Uuid>, Failure> {
    let mut due_rule = None;
    for effect in effects {
        match effect {
            Effect::Publish(event) => events::publish(uow, event)?,
            Effect::OpenReview {
                person_id,
                division,
            } => due_rule = Some(open_review(uow, *person_id, *division).await?),
            Effect::CloseReview { person_id, .. } => {
                work::cancel(uow, DECIDE_MATCH, *person_id).await?;
            }
            Effect::RepublishKin { person_id } => {
                republish(uow, Touched::Person(*person_id)).await?;
            }
            Effect::RepublishOwnKin { person_id } => {
                republish(uow, Touched::Residence(*person_id)).await?;
            }
        }
    }
    Ok(due_rule)
}

async fn open_review(
    uow: &mut UnitOfWork,
    person_id: Uuid,
    division: DivisionCode,
) -> Result<Uuid, Failure> {
    let today = uow.today();
    let rule = rule::find(
        uow.connection(),
        PROGRAMME,
        DECIDE_MATCH_DAYS,
        division,
        today,
    )
    .await?;
    let due = due(uow, &rule)?;
    let item = NewWorkItem {
        kind: DECIDE_MATCH,
        subject_id: person_id,
        division,
        role: Role::CountyClerk,
        urgency: Urgency::Normal,
        due_at: due.over_at(),
        due_provisional: due.provisional,
    };
    work::open(uow, &item).await?;
    Ok(rule.id)
}

/// The last working day of the rule's period.
fn due(uow: &UnitOfWork, rule: &Rule) -> Result<Deadline, Failure> {
    let days = u32::try_from(rule.value).map_err(Failure::internal)?;
    Ok(WorkingCalendar::shipped().add_working_days(uow.today(), days))
}
