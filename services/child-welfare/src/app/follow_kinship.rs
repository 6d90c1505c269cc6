//! Whom a child has, and where it lives, as `residents` publishes it.

use minzheng_chassis::context::Context;
use minzheng_chassis::convert;
use minzheng_chassis::division::DivisionCode;
use minzheng_chassis::inbox::{Event, Reaction};
use minzheng_chassis::seam::{Failure, UnitOfWork};
use minzheng_proto::residents::v1 as pb;
use uuid::Uuid;

use super::desk::{Desk, Ids};
use super::people::People;
use super::settle::Deed;
use super::told::Told;
use crate::domain::{Child, KinshipSource};
use crate::storage::children;

/// Hears `KinshipChanged`.
pub struct FollowKinship;

/// Somebody's kin, read from the event.
#[derive(Debug)]
pub struct Kinship(Told);

impl Reaction<pb::KinshipChanged> for FollowKinship {
    type Asked = Kinship;

    fn persons(&self, event: &Event<pb::KinshipChanged>) -> Vec<Uuid> {
        // What cannot be read is refused by `ask`, before this matters.
        Told::from_wire(&event.body).map_or_else(|_| Vec::new(), |told| told.persons())
    }

    async fn ask(
        &self,
        _cx: &Context,
        event: &Event<pb::KinshipChanged>,
    ) -> Result<Kinship, Failure> {
        Ok(Kinship(Told::from_wire(&event.body)?))
    }

    async fn apply(
        &self,
        uow: &mut UnitOfWork,
        _event: &Event<pb::KinshipChanged>,
        Kinship(told): &Kinship,
    ) -> Result<(), Failure> {
        let people = People::named(uow, &told.persons()).await?;
        let told = told.clone().of_survivors(&people);
        let found = children::of_ids(uow.connection(), &[told.child_id]).await?;
        let mut desk = Desk::with(found);
        let stream = KinshipSource::Stream;
        desk.hear_kinship(uow, &told, stream, &people).await?;
        desk.settle(uow, Deed::named("FollowKinship")).await?;
        Ok(())
    }
}

/// Hears `PersonMoved`.
pub struct FollowMoves;

/// Who moved, and where to.
#[derive(Debug)]
pub struct Move {
    person_id: Uuid,
    residence: DivisionCode,
}

impl Reaction<pb::PersonMoved> for FollowMoves {
    type Asked = Move;

    fn persons(&self, event: &Event<pb::PersonMoved>) -> Vec<Uuid> {
        let person = convert::uuid("person_id", &event.body.person_id);
        person.into_iter().collect()
    }

    async fn ask(&self, _cx: &Context, event: &Event<pb::PersonMoved>) -> Result<Move, Failure> {
        let residence = &event.body.residence_division;
        Ok(Move {
            person_id: convert::uuid("person_id", &event.body.person_id)?,
            residence: convert::division("residence_division", residence)?,
        })
    }

    async fn apply(
        &self,
        uow: &mut UnitOfWork,
        _event: &Event<pb::PersonMoved>,
        moved: &Move,
    ) -> Result<(), Failure> {
        let child_id = uow.know(moved.person_id).await?.person_id;
        let found = children::of_ids(uow.connection(), &[child_id]).await?;
        let mut desk = Desk::with(found);
        for child_id in desk.ids() {
            let go = |child: &mut Child, at: &_, ids: Ids<'_>| {
                Ok(child.move_to(moved.residence, at, ids))
            };
            desk.change(uow, child_id, go).await?;
        }
        desk.settle(uow, Deed::named("FollowMove")).await?;
        Ok(())
    }
}
