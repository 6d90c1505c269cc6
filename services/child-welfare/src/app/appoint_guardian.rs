//! `AppointGuardian`: somebody of age who is no parent; the date of birth comes from `residents`.

use jiff::civil::Date;
use minzheng_chassis::authz::Caller;
use minzheng_chassis::civil::PartialDate;
use minzheng_chassis::context::Context;
use minzheng_chassis::seam::{Command, Failure, UnitOfWork};
use minzheng_proto::child_welfare::v1 as pb;
use uuid::Uuid;

use super::command::OfChild;
use super::residents::Residents;
use crate::domain::{GuardianAppointment, GuardianBasis};

/// Appoints a guardian.
#[derive(Debug)]
pub struct AppointGuardian {
    /// The child.
    pub of: OfChild,
    /// The guardian to be.
    pub guardian_id: Uuid,
    /// Who or what appoints.
    pub basis: GuardianBasis,
    /// The first day.
    pub since: Date,
    /// Document or article.
    pub legal_basis: String,
}

impl Command for AppointGuardian {
    const NAME: &'static str = "ChildWelfareService/AppointGuardian";
    type Asked = (Uuid, PartialDate);
    type Answer = pb::AppointGuardianResponse;

    async fn ask(&self, cx: &Context, caller: &Caller) -> Result<Self::Asked, Failure> {
        let mut residents = Residents::of(cx, Some(caller))?;
        let guardian = residents.person(self.guardian_id).await?;
        Ok((guardian.person_id, guardian.birth_date))
    }

    async fn apply(
        &self,
        uow: &mut UnitOfWork,
        (guardian_id, birth_date): &Self::Asked,
    ) -> Result<Self::Answer, Failure> {
        let of = &self.of;
        let child = of.change(
            uow,
            "AppointGuardian",
            *guardian_id,
            |child, people, at, ids| {
                let appointment = GuardianAppointment {
                    person: people.fact(*guardian_id),
                    birth_date: *birth_date,
                    basis: self.basis,
                    since: self.since,
                    legal_basis: self.legal_basis.clone(),
                };
                child.appoint_guardian(appointment, at, ids)
            },
        );
        Ok(Self::Answer {
            child: Some(child.await?),
        })
    }
}
