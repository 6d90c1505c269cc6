//! Rows of `death_case` ↔ cases.

use minzheng_chassis::civil::micros;
use minzheng_chassis::seam::Failure;
use sea_orm::{ActiveModelTrait, IntoActiveModel};
use uuid::Uuid;

use super::column::{instant, instant_opt, named, parsed, parsed_opt, text};
use super::corrections;
use super::entity::death_case::{ActiveModel, Model};
use crate::domain::death::{
    Case, Divisions, Evidence, Pending, PendingReversal, Phase, Plan, Question, Verification,
};

/// The row of a case, at a version.
pub(super) fn row_of(case: &Case, version: i64) -> Model {
    let review = Columns::of(case.review);
    let verification = Columns::of(case.verification.map(|verification| verification.pending));
    let conflict = Columns::of(case.conflict);
    let held = case.pending_reversal.as_ref();
    let reversal = Columns::of(held.map(|held| held.pending));
    Model {
        id: case.id,
        person_id: case.person_id,
        episode: case.episode,
        phase: case.phase.name().to_owned(),
        plan_version: case.plan.version,
        fact_version: case.fact_version,
        died_on: case.died_on.to_string(),
        declared_on: text(case.declared_on),
        revoked_on: text(case.revoked_on),
        ruled_on: text(case.ruled_on),
        corrections: corrections::text(&case.corrections),
        reversed_on: text(case.reversed_on),
        division: case.divisions.standing.to_string(),
        domicile: text(case.divisions.domicile),
        residence: text(case.divisions.residence),
        place: text(case.divisions.place),
        review_since: review.since,
        review_due_at: review.due_at,
        review_due_provisional: review.due_provisional,
        review_rule_id: review.rule_id,
        verification_since: verification.since,
        verification_due_at: verification.due_at,
        verification_due_provisional: verification.due_provisional,
        verification_rule_id: verification.rule_id,
        verification_escalated: case
            .verification
            .is_some_and(|verification| verification.escalated),
        conflict_since: conflict.since,
        conflict_due_at: conflict.due_at,
        conflict_due_provisional: conflict.due_provisional,
        conflict_rule_id: conflict.rule_id,
        reversal_id: held.map(|held| held.id),
        reversal_prepared_by: held.map(|held| held.prepared_by.clone()),
        reversal_reason: held.map(|held| held.reason.clone()),
        reversal_revoked_on: text(held.and_then(|held| held.revoked_on)),
        reversal_since: reversal.since,
        reversal_due_at: reversal.due_at,
        reversal_due_provisional: reversal.due_provisional,
        reversal_rule_id: reversal.rule_id,
        merged_into: case.merged_into,
        opened_at: micros(case.opened_at),
        changed_at: micros(case.changed_at),
        told_until: case.told_until.map(micros),
        due_at: case.due_at().map(micros),
        decision_due_at: case.decision_due_at().map(micros),
        version,
    }
}

/// What an update of the row sets: everything but its key.
pub(super) fn update_of(case: &Case, version: i64) -> ActiveModel {
    let mut row = row_of(case, version).into_active_model().reset_all();
    row.not_set(super::entity::death_case::Column::Id);
    row
}

/// The case of a row, with its evidence and questions.
///
/// # Errors
/// A column holds what this program does not know.
pub(super) fn read(
    row: &Model,
    evidence: Vec<Evidence>,
    questions: Vec<Question>,
) -> Result<Case, Failure> {
    let plan = Plan::of_version(row.plan_version);
    let plan = plan.ok_or_else(|| {
        Failure::internal(format!("no plan of version {} is known", row.plan_version))
    })?;
    Ok(Case {
        id: row.id,
        person_id: row.person_id,
        episode: row.episode,
        phase: named("phase", &row.phase, Phase::from_name)?,
        plan,
        fact_version: row.fact_version,
        died_on: parsed("died_on", &row.died_on)?,
        declared_on: parsed_opt("declared_on", row.declared_on.as_ref())?,
        revoked_on: parsed_opt("revoked_on", row.revoked_on.as_ref())?,
        ruled_on: parsed_opt("ruled_on", row.ruled_on.as_ref())?,
        corrections: corrections::read(row.corrections.as_deref())?,
        reversed_on: parsed_opt("reversed_on", row.reversed_on.as_ref())?,
        divisions: Divisions {
            standing: parsed("division", &row.division)?,
            domicile: parsed_opt("domicile", row.domicile.as_ref())?,
            residence: parsed_opt("residence", row.residence.as_ref())?,
            place: parsed_opt("place", row.place.as_ref())?,
        },
        evidence,
        questions,
        review: Columns {
            since: row.review_since,
            due_at: row.review_due_at,
            due_provisional: row.review_due_provisional,
            rule_id: row.review_rule_id,
        }
        .pending()?,
        verification: verification(row)?,
        conflict: Columns {
            since: row.conflict_since,
            due_at: row.conflict_due_at,
            due_provisional: row.conflict_due_provisional,
            rule_id: row.conflict_rule_id,
        }
        .pending()?,
        pending_reversal: reversal(row)?,
        told_until: instant_opt(row.told_until)?,
        merged_into: row.merged_into,
        opened_at: instant(row.opened_at)?,
        changed_at: instant(row.changed_at)?,
    })
}

fn verification(row: &Model) -> Result<Option<Verification>, Failure> {
    let columns = Columns {
        since: row.verification_since,
        due_at: row.verification_due_at,
        due_provisional: row.verification_due_provisional,
        rule_id: row.verification_rule_id,
    };
    Ok(columns.pending()?.map(|pending| Verification {
        pending,
        escalated: row.verification_escalated,
    }))
}

fn reversal(row: &Model) -> Result<Option<PendingReversal>, Failure> {
    let columns = Columns {
        since: row.reversal_since,
        due_at: row.reversal_due_at,
        due_provisional: row.reversal_due_provisional,
        rule_id: row.reversal_rule_id,
    };
    let Some((id, pending)) = row.reversal_id.zip(columns.pending()?) else {
        return Ok(None);
    };
    Ok(Some(PendingReversal {
        id,
        prepared_by: row.reversal_prepared_by.clone().unwrap_or_default(),
        reason: row.reversal_reason.clone().unwrap_or_default(),
        revoked_on: parsed_opt("reversal_revoked_on", row.reversal_revoked_on.as_ref())?,
        pending,
    }))
}

/// The columns of something that waits.
#[derive(Default)]
struct Columns {
    since: Option<i64>,
    due_at: Option<i64>,
    due_provisional: bool,
    rule_id: Option<Uuid>,
}

impl Columns {
    fn of(pending: Option<Pending>) -> Self {
        pending.map_or_else(Self::default, |pending| Self {
            since: Some(micros(pending.since)),
            due_at: Some(micros(pending.due_at)),
            due_provisional: pending.due_provisional,
            rule_id: Some(pending.rule_id),
        })
    }

    fn pending(self) -> Result<Option<Pending>, Failure> {
        let Some(((since, due_at), rule_id)) = self.since.zip(self.due_at).zip(self.rule_id) else {
            return Ok(None);
        };
        Ok(Some(Pending {
            since: instant(since)?,
            due_at: instant(due_at)?,
            due_provisional: self.due_provisional,
            rule_id,
        }))
    }
}
