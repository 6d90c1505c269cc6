//! Following a person who moves: while a case is open, the county of the new domicile sees and decides it.

use minzheng_chassis::context::Context;
use minzheng_chassis::convert;
use minzheng_chassis::division::DivisionCode;
use minzheng_chassis::inbox::{Event, Reaction};
use minzheng_chassis::seam::{Failure, UnitOfWork};
use minzheng_proto::residents::v1::PersonMoved;
use uuid::Uuid;

use super::desk::{Entry, handle};
use super::residents::{Known, Record};
use super::whereabouts::divisions;
use crate::domain::death::Input;
use crate::storage::cases::Cases;
use crate::storage::decided_records;

/// The person's latest case follows.
pub struct FollowMove;

/// Who moved, and where to.
pub struct Move {
    person_id: Uuid,
    domicile: DivisionCode,
    residence: DivisionCode,
}

impl Reaction<PersonMoved> for FollowMove {
    type Asked = Move;

    fn persons(&self, event: &Event<PersonMoved>) -> Vec<Uuid> {
        Uuid::parse_str(&event.body.person_id).into_iter().collect()
    }

    async fn ask(&self, _cx: &Context, event: &Event<PersonMoved>) -> Result<Move, Failure> {
        let body = &event.body;
        Ok(Move {
            person_id: convert::uuid("person_id", &body.person_id)?,
            domicile: convert::division("domicile_division", &body.domicile_division)?,
            residence: convert::division("residence_division", &body.residence_division)?,
        })
    }

    async fn apply(
        &self,
        uow: &mut UnitOfWork,
        event: &Event<PersonMoved>,
        moved: &Move,
    ) -> Result<(), Failure> {
        let event_id = event.envelope.id;
        if uow.know(moved.person_id).await?.person_id != moved.person_id {
            tracing::debug!(%event_id, "a record that was merged has moved: noted");
            return Ok(());
        }
        let at = event.envelope.time;
        let (domicile, residence) = (moved.domicile, moved.residence);
        if !decided_records::note_move(uow, moved.person_id, domicile, residence, at).await? {
            tracing::debug!(%event_id, "an older move: noted");
            return Ok(());
        }
        let latest = Cases::within(uow).latest_of_person(moved.person_id).await?;
        let Some(stored) = latest else { return Ok(()) };
        let from = stored.case.divisions.standing;
        let divisions = divisions(&moved.known(), from);
        let entry = Entry::of("FollowMove").with("from", from);
        handle(uow, entry, stored, &Input::Moved { divisions }).await?;
        Ok(())
    }
}

impl Move {
    /// Only persons known for certain move.
    fn known(&self) -> Known {
        Known {
            person_id: self.person_id,
            record: Record::Established,
            domicile: Some(self.domicile),
            residence: Some(self.residence),
            etag: String::new(),
        }
    }
}
