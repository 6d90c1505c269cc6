//! A provisional record turned out to be somebody known.

use minzheng_chassis::context::Context;
use minzheng_chassis::convert;
use minzheng_chassis::inbox::{Event, Reaction};
use minzheng_chassis::seam::{Failure, UnitOfWork};
use minzheng_proto::residents::v1 as pb;
use uuid::Uuid;

use super::desk::{Desk, Ids};
use super::people::People;
use super::settle::Deed;
use crate::domain::Child;
use crate::storage::children;

/// Hears `PersonMerged`.
pub struct FollowMerges;

/// Which record goes, and which stays.
#[derive(Debug)]
pub struct Merge {
    gone: Uuid,
    survivor: Uuid,
}

fn merge(event: &pb::PersonMerged) -> Result<Merge, convert::WireError> {
    Ok(Merge {
        gone: convert::uuid("person_id", &event.person_id)?,
        survivor: convert::uuid("into_person_id", &event.into_person_id)?,
    })
}

impl Reaction<pb::PersonMerged> for FollowMerges {
    type Asked = Merge;

    fn persons(&self, event: &Event<pb::PersonMerged>) -> Vec<Uuid> {
        merge(&event.body).map_or_else(|_| Vec::new(), |merge| vec![merge.gone, merge.survivor])
    }

    async fn ask(&self, _cx: &Context, event: &Event<pb::PersonMerged>) -> Result<Merge, Failure> {
        Ok(merge(&event.body)?)
    }

    async fn apply(
        &self,
        uow: &mut UnitOfWork,
        _event: &Event<pb::PersonMerged>,
        merge: &Merge,
    ) -> Result<(), Failure> {
        uow.merge_known(merge.gone, merge.survivor).await?;
        let people = People::named(uow, &[merge.survivor]).await?;
        let survivor = people.fact(merge.survivor);
        let found = children::around_person(uow.connection(), merge.gone, &[]).await?;
        let mut desk = Desk::with(found);
        for child_id in desk.ids() {
            let repoint = |child: &mut Child, at: &_, ids: Ids<'_>| {
                Ok(child.merge_person(merge.gone, &survivor, at, ids))
            };
            desk.change(uow, child_id, repoint).await?;
        }
        desk.settle(uow, Deed::named("FollowMerge")).await?;
        Ok(())
    }
}
