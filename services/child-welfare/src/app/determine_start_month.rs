//! `DetermineStartMonth`: where the month of a death is unknown, a person says from when it counts.

use minzheng_chassis::authz::Caller;
use minzheng_chassis::civil::Month;
use minzheng_chassis::context::Context;
use minzheng_chassis::seam::{Command, Failure, UnitOfWork};
use minzheng_proto::child_welfare::v1 as pb;

use super::command::{OfChild, nothing};

/// Determines the month, and completes the item that asks for it.
#[derive(Debug)]
pub struct DetermineStartMonth {
    /// The child.
    pub of: OfChild,
    /// The month; `None`: no month is needed.
    pub month: Option<Month>,
}

impl Command for DetermineStartMonth {
    const NAME: &'static str = "ChildWelfareService/DetermineStartMonth";
    type Asked = ();
    type Answer = pb::DetermineStartMonthResponse;

    async fn ask(&self, cx: &Context, caller: &Caller) -> Result<(), Failure> {
        nothing(cx, caller).await
    }

    async fn apply(&self, uow: &mut UnitOfWork, _asked: &()) -> Result<Self::Answer, Failure> {
        let of = &self.of;
        let child = of.change(
            uow,
            "DetermineStartMonth",
            of.child_id,
            |child, _, at, ids| child.determine_start_month(self.month, at, ids),
        );
        Ok(Self::Answer {
            child: Some(child.await?),
        })
    }
}
