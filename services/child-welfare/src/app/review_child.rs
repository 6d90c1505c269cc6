//! The deadline of a child that time alone changes: a birthday, or six months.

use async_trait::async_trait;
use minzheng_chassis::authz::Caller;
use minzheng_chassis::civil::today;
use minzheng_chassis::context::Context;
use minzheng_chassis::seam::{Command, Failure, UnitOfWork};
use minzheng_chassis::timer::Timer;
use uuid::Uuid;

use super::command::nothing;
use super::desk::{Desk, Ids};
use super::settle::Deed;
use crate::domain::{Child, Moment};
use crate::storage::children;

/// Derives due children anew.
pub struct Reviews;

#[async_trait]
impl Timer for Reviews {
    fn name(&self) -> &'static str {
        "child-welfare.review"
    }

    async fn due(&self, cx: &Context, limit: u64) -> Result<Vec<Uuid>, Failure> {
        children::due_for_review(cx.db().reader(), today(cx.now()), limit).await
    }

    async fn fire(&self, cx: &Context, id: Uuid) -> Result<(), Failure> {
        cx.run(cx.itself(), None, ReviewChild { child_id: id })
            .await
    }
}

struct ReviewChild {
    child_id: Uuid,
}

impl Command for ReviewChild {
    const NAME: &'static str = "child-welfare.review";
    type Asked = ();
    type Answer = ();

    async fn ask(&self, cx: &Context, caller: &Caller) -> Result<(), Failure> {
        nothing(cx, caller).await
    }

    async fn apply(&self, uow: &mut UnitOfWork, _asked: &()) -> Result<(), Failure> {
        uow.know(self.child_id).await?;
        let found = children::of_ids(uow.connection(), &[self.child_id]).await?;
        let mut desk = Desk::with(found);
        for child_id in desk.ids() {
            let review = |child: &mut Child, at: &Moment, ids: Ids<'_>| Ok(child.review(at, ids));
            desk.change(uow, child_id, review).await?;
        }
        let deed = Deed {
            reviewed: true,
            ..Deed::named("ReviewChild")
        };
        desk.settle(uow, deed).await?;
        Ok(())
    }
}
