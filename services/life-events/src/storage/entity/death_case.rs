//! Table `death_case`.

use sea_orm::entity::prelude::*;

/// One case.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "death_case")]
pub struct Model {
    /// Opaque id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The person.
    pub person_id: Uuid,
    /// 1, 2, … per person.
    pub episode: i32,
    /// Where it stands.
    pub phase: String,
    /// The plan that it began with.
    pub plan_version: i32,
    /// Latest fact version; 0 if none.
    pub fact_version: i64,
    /// Date of death with its precision.
    pub died_on: String,
    /// Day of a court's declaration.
    pub declared_on: Option<String>,
    /// Day of its revocation.
    pub revoked_on: Option<String>,
    /// The date that a person ruled.
    pub ruled_on: Option<String>,
    /// Day of the person's latest reversal.
    pub reversed_on: Option<String>,
    /// In whose division it stands.
    pub division: String,
    /// Domicile.
    pub domicile: Option<String>,
    /// Residence.
    pub residence: Option<String>,
    /// Place of death.
    pub place: Option<String>,
    /// Corrections of the date, as JSON; none while there was none.
    pub corrections: Option<String>,
    /// Review: since when, microseconds.
    pub review_since: Option<i64>,
    /// Review: until when, microseconds.
    pub review_due_at: Option<i64>,
    /// Review: the deadline rests on a calendar that was not published.
    pub review_due_provisional: bool,
    /// Review: the rule row of the deadline.
    pub review_rule_id: Option<Uuid>,
    /// Verification: since when, microseconds.
    pub verification_since: Option<i64>,
    /// Verification: until when, microseconds.
    pub verification_due_at: Option<i64>,
    /// Verification: the deadline rests on a calendar that was not published.
    pub verification_due_provisional: bool,
    /// Verification: the rule row of the deadline.
    pub verification_rule_id: Option<Uuid>,
    /// The verification's deadline passed and somebody was told.
    pub verification_escalated: bool,
    /// Conflict: since when, microseconds.
    pub conflict_since: Option<i64>,
    /// Conflict: until when, microseconds.
    pub conflict_due_at: Option<i64>,
    /// Conflict: the deadline rests on a calendar that was not published.
    pub conflict_due_provisional: bool,
    /// Conflict: the rule row of the deadline.
    pub conflict_rule_id: Option<Uuid>,
    /// The reversal that waits for approval.
    pub reversal_id: Option<Uuid>,
    /// Who prepared it.
    pub reversal_prepared_by: Option<String>,
    /// Why.
    pub reversal_reason: Option<String>,
    /// Day of the revoking judgment.
    pub reversal_revoked_on: Option<String>,
    /// Reversal: since when, microseconds.
    pub reversal_since: Option<i64>,
    /// Reversal: until when, microseconds.
    pub reversal_due_at: Option<i64>,
    /// Reversal: the deadline rests on a calendar that was not published.
    pub reversal_due_provisional: bool,
    /// Reversal: the rule row of the deadline.
    pub reversal_rule_id: Option<Uuid>,
    /// The surviving case.
    pub merged_into: Option<Uuid>,
    /// When it was opened, microseconds.
    pub opened_at: i64,
    /// When it changed last, microseconds.
    pub changed_at: i64,
    /// Of decisions due until then somebody was told, microseconds.
    pub told_until: Option<i64>,
    /// When its verification lapses, microseconds.
    pub due_at: Option<i64>,
    /// When its first decision is overdue, microseconds.
    pub decision_due_at: Option<i64>,
    /// Version of the aggregate.
    pub version: i64,
}

/// None declared: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
