//! `OpenChildFile`: a person opens the file; date of birth, residence and kin come from `residents`.

use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::seam::{Command, Failure, UnitOfWork};
use minzheng_proto::child_welfare::v1 as pb;
use uuid::Uuid;

use super::command::no_such_child;
use super::desk::{Desk, Ids};
use super::people::People;
use super::residents::Residents;
use super::settle::Deed;
use super::show;
use super::told::Told;
use crate::domain::{Child, ChildWelfareError, KinshipSource, Moment};
use crate::storage::children;

/// Opens a child's file.
#[derive(Debug)]
pub struct OpenChildFile {
    /// The child.
    pub person_id: Uuid,
    /// Parents were looked for and not found.
    pub parents_not_found: bool,
}

/// The child and its kin, as `residents` told.
#[derive(Debug)]
pub struct Asked(Told);

impl Command for OpenChildFile {
    const NAME: &'static str = "ChildWelfareService/OpenChildFile";
    type Asked = Asked;
    type Answer = pb::OpenChildFileResponse;

    async fn ask(&self, cx: &Context, caller: &Caller) -> Result<Asked, Failure> {
        let mut residents = Residents::of(cx, Some(caller))?;
        Ok(Asked(residents.kinship(self.person_id).await?))
    }

    async fn apply(
        &self,
        uow: &mut UnitOfWork,
        Asked(told): &Asked,
    ) -> Result<Self::Answer, Failure> {
        let people = People::named(uow, &told.persons()).await?;
        let told = told.clone().of_survivors(&people);
        let child_id = told.child_id;
        let found = children::of_ids(uow.connection(), &[child_id]).await?;
        // A child that is followed lives where the stream says, which may be newer than the answer.
        let lives_in = found
            .first()
            .map_or(told.kinship.division, |it| it.division);
        if !uow.caller().sees(lives_in) {
            return Err(no_such_child().into());
        }
        let mut desk = Desk::with(found);
        let asked = KinshipSource::Asked;
        desk.hear_kinship(uow, &told, asked, &people).await?;
        if desk.child(child_id).is_none() {
            let at = desk.moment(uow, lives_in).await?;
            let life = people.fact(child_id).life;
            let birth = told.kinship.birth_date;
            return Err(ChildWelfareError::not_followed(birth, life, &at).into());
        }
        let open = |child: &mut Child, at: &Moment, ids: Ids<'_>| {
            child.open_file(self.parents_not_found, at, ids)
        };
        desk.change(uow, child_id, open).await?;
        let saved = desk.settle(uow, Deed::named("OpenChildFile")).await?;
        Ok(pb::OpenChildFileResponse {
            child: saved.first().map(show::child),
        })
    }
}
