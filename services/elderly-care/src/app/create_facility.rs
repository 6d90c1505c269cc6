//! Creating a facility.

use minzheng_chassis::audit::AuditEntry;
use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::division::DivisionCode;
use minzheng_chassis::seam::{Command, Failure, NothingAsked, UnitOfWork};
use minzheng_proto::elderly_care::v1 as pb;

use super::show;
use crate::domain::{Facility, Filing, Tier};
use crate::storage::save::add_facility;
use crate::storage::{expect_own, find};

/// Creates a facility.
#[derive(Debug)]
pub struct CreateFacility {
    /// Tier.
    pub tier: Tier,
    /// Where it stands.
    pub division: DivisionCode,
    /// Its name.
    pub name: String,
    /// Whether it has filed.
    pub filing: Filing,
}

impl Command for CreateFacility {
    const NAME: &'static str = "ElderlyCareService/CreateFacility";
    type Asked = NothingAsked;
    type Answer = pb::CreateFacilityResponse;

    async fn ask(&self, _cx: &Context, _caller: &Caller) -> Result<(), Failure> {
        Ok(())
    }

    async fn apply(&self, uow: &mut UnitOfWork, _asked: &()) -> Result<Self::Answer, Failure> {
        expect_own(uow.caller(), self.division)?;
        let id = uow.new_id();
        let facility = Facility::new(id, self.tier, self.division, &self.name, self.filing)?;
        add_facility(uow, &facility, uow.now()).await?;
        uow.audit(AuditEntry::new(
            "CreateFacility",
            "facility",
            id,
            Some(self.division),
        ));
        let stored = find::facility(uow.connection(), uow.caller(), id).await?;
        Ok(pb::CreateFacilityResponse {
            facility: Some(show::facility(&stored)),
        })
    }
}
