//! What every command on one child has in common.

use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::grpc::etag;
use minzheng_chassis::problem::Problem;
use minzheng_chassis::seam::{Failure, UnitOfWork};
use minzheng_proto::child_welfare::v1 as pb;
use uuid::Uuid;

use super::desk::{Desk, Ids};
use super::people::People;
use super::settle::Deed;
use super::show;
use crate::domain::{Change, Child, ChildWelfareError, Moment};
use crate::storage::children;

/// The child that a command is about, and the version that it is based on.
#[derive(Debug, Clone)]
pub struct OfChild {
    /// The child's `person_id`.
    pub child_id: Uuid,
    /// As the caller read it.
    pub etag: String,
}

impl OfChild {
    /// Locks the guard rows of the child and of `person`, loads the child from the caller's
    /// divisions, changes it, and settles. The change is given the id under which `person` stands.
    pub(super) async fn change(
        &self,
        uow: &mut UnitOfWork,
        action: &'static str,
        person: Uuid,
        change: impl FnOnce(&mut Child, &People, &Moment, Ids<'_>) -> Result<Change, ChildWelfareError>
        + Send,
    ) -> Result<pb::Child, Failure> {
        let people = People::named(uow, &[self.child_id, person]).await?;
        let child_id = people.fact(self.child_id).person_id;
        let found = children::find(uow.connection(), uow.caller(), child_id).await?;
        let child = found.ok_or_else(no_such_child)?;
        etag::expect(&self.etag, child.version)?;
        let mut desk = Desk::with([child]);
        let change = |child: &mut Child, at: &Moment, ids: Ids<'_>| change(child, &people, at, ids);
        desk.change(uow, child_id, change).await?;
        let saved = desk.settle(uow, Deed::named(action)).await?;
        let child = saved.first().map(show::child);
        child.ok_or_else(|| Failure::internal("the child left the desk"))
    }
}

/// The same whether it exists elsewhere or not.
pub(super) fn no_such_child() -> Problem {
    Problem::not_found("child", "儿童")
}

/// What a command asks that asks nobody.
pub(super) async fn nothing(_cx: &Context, _caller: &Caller) -> Result<(), Failure> {
    Ok(())
}
