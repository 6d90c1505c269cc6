//! The interlock: may what cannot be undone be done now?

use jiff::SignedDuration;
use minzheng_chassis::audit::AuditEntry;
use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::convert::instant_to_wire;
use minzheng_chassis::seam::{Command, Failure, NothingAsked, UnitOfWork};
use minzheng_proto::life_events::v1 as pb;
use uuid::Uuid;

use crate::domain::death::{Blocking, clearance};
use crate::storage::cases::{Cases, no_such_case};
use crate::storage::{clearances, rules};

/// Asks for clearance, from any county: who cremates need not be who registers.
pub struct GetClearance {
    /// The case.
    pub case_id: Uuid,
    /// The fact version that the asker acts upon.
    pub fact_version: i64,
}

impl Command for GetClearance {
    const NAME: &'static str = "DeathCaseService/GetClearance";
    type Asked = NothingAsked;
    type Answer = pb::GetClearanceResponse;

    async fn ask(&self, _cx: &Context, _caller: &Caller) -> Result<(), Failure> {
        Ok(())
    }

    async fn apply(&self, uow: &mut UnitOfWork, _asked: &()) -> Result<Self::Answer, Failure> {
        let cases = Cases::within(uow);
        let found = cases.find_anywhere(self.case_id).await?;
        let case = cases.surviving(found.ok_or_else(no_such_case)?).await?.case;
        let blocking = clearance(&case, self.fact_version);
        if !blocking.is_empty() {
            return Ok(refused(&blocking));
        }
        let division = case.divisions.standing;
        let rule = rules::find(uow, rules::CLEARANCE_MINUTES, division).await?;
        let expires_at = uow
            .now()
            .saturating_add(SignedDuration::from_mins(rule.value));
        let expires_at = expires_at.map_err(Failure::internal)?;
        let id = clearances::keep(uow, &case, expires_at, &rule).await?;
        uow.correlate(case.id);
        uow.audit(
            AuditEntry::new("GetClearance", "clearance", id, Some(division))
                .with("case", case.id)
                .with("fact_version", case.fact_version)
                .with("rule", rule.id),
        );
        Ok(pb::GetClearanceResponse {
            cleared: true,
            clearance_id: id.to_string(),
            expires_at: Some(instant_to_wire(expires_at)),
            blocking_reasons: Vec::new(),
        })
    }
}

fn refused(blocking: &[Blocking]) -> pb::GetClearanceResponse {
    pb::GetClearanceResponse {
        blocking_reasons: blocking
            .iter()
            .map(|reason| reason.name().to_owned())
            .collect(),
        ..Default::default()
    }
}
