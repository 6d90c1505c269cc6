//! Following what residents decides of provisional records, should it decide by itself.

use minzheng_chassis::context::Context;
use minzheng_chassis::convert::{self, FromWire, WireError};
use minzheng_chassis::division::DivisionCode;
use minzheng_chassis::inbox::{Event, Reaction};
use minzheng_chassis::seam::{Failure, UnitOfWork};
use minzheng_proto::residents::v1 as pb;
use uuid::Uuid;

use super::desk::{Entry, handle};
use super::merging::{By, merge};
use super::residents::{Known, Record};
use super::whereabouts::{divisions, standing_record};
use crate::domain::death::{Doubt, Evidence, Input, ReviewDecision};
use crate::storage::cases::{Cases, StoredCase};
use crate::storage::decided_records::{self, Verdict};

/// The record's evidence moves to the survivor's case.
pub struct FollowMerge;

/// The record is a person of its own: its evidence counts.
pub struct FollowEstablishment;

/// There is no such person: the evidence is refused.
pub struct FollowRejection;

/// A record that goes, and the one that stays.
pub struct Merge {
    gone: Uuid,
    survivor: Known,
}

impl Reaction<pb::PersonMerged> for FollowMerge {
    type Asked = Merge;

    fn persons(&self, event: &Event<pb::PersonMerged>) -> Vec<Uuid> {
        let (gone, into) = (&event.body.person_id, &event.body.into_person_id);
        [gone, into]
            .into_iter()
            .filter_map(|id| Uuid::parse_str(id).ok())
            .collect()
    }

    async fn ask(&self, _cx: &Context, event: &Event<pb::PersonMerged>) -> Result<Merge, Failure> {
        let body = &event.body;
        let survivor = convert::uuid("into_person_id", &body.into_person_id)?;
        Ok(Merge {
            gone: convert::uuid("person_id", &body.person_id)?,
            survivor: established(survivor, &body.domicile_division, &body.residence_division)?,
        })
    }

    async fn apply(
        &self,
        uow: &mut UnitOfWork,
        _event: &Event<pb::PersonMerged>,
        merging: &Merge,
    ) -> Result<(), Failure> {
        uow.merge_known(merging.gone, merging.survivor.person_id)
            .await?;
        let gone = Cases::within(uow).latest_of_person(merging.gone).await?;
        let Some(gone) = gone else { return Ok(()) };
        // The survivor may have been merged itself meanwhile, or have moved.
        let survivor = standing_record(uow, &merging.survivor).await?;
        merge(uow, Entry::of("FollowMerge"), gone, &survivor, By::Event).await?;
        Ok(())
    }
}

impl Reaction<pb::PersonEstablished> for FollowEstablishment {
    type Asked = Known;

    fn persons(&self, event: &Event<pb::PersonEstablished>) -> Vec<Uuid> {
        Uuid::parse_str(&event.body.person_id).into_iter().collect()
    }

    async fn ask(
        &self,
        _cx: &Context,
        event: &Event<pb::PersonEstablished>,
    ) -> Result<Known, Failure> {
        let body = &event.body;
        let person_id = convert::uuid("person_id", &body.person_id)?;
        Ok(established(
            person_id,
            &body.domicile_division,
            &body.residence_division,
        )?)
    }

    async fn apply(
        &self,
        uow: &mut UnitOfWork,
        event: &Event<pb::PersonEstablished>,
        known: &Known,
    ) -> Result<(), Failure> {
        let verdict = Verdict::Established {
            domicile: known.domicile,
            residence: known.residence,
        };
        decided_records::note(uow, known.person_id, verdict, event.envelope.time).await?;
        let Some(stored) = in_doubt(uow, known.person_id).await? else {
            return Ok(());
        };
        let divisions = divisions(known, stored.case.divisions.standing);
        let decision = ReviewDecision::Counts { divisions };
        decide(uow, "FollowEstablishment", stored, decision).await
    }
}

impl Reaction<pb::PersonRejected> for FollowRejection {
    type Asked = Uuid;

    fn persons(&self, event: &Event<pb::PersonRejected>) -> Vec<Uuid> {
        Uuid::parse_str(&event.body.person_id).into_iter().collect()
    }

    async fn ask(&self, _cx: &Context, event: &Event<pb::PersonRejected>) -> Result<Uuid, Failure> {
        Ok(convert::uuid("person_id", &event.body.person_id)?)
    }

    async fn apply(
        &self,
        uow: &mut UnitOfWork,
        event: &Event<pb::PersonRejected>,
        person_id: &Uuid,
    ) -> Result<(), Failure> {
        decided_records::note(uow, *person_id, Verdict::Rejected, event.envelope.time).await?;
        let Some(stored) = in_doubt(uow, *person_id).await? else {
            return Ok(());
        };
        decide(uow, "FollowRejection", stored, ReviewDecision::Refused).await
    }
}

/// The person's latest case, if it is in doubt whom its evidence is about.
async fn in_doubt(uow: &UnitOfWork, person_id: Uuid) -> Result<Option<StoredCase>, Failure> {
    let latest = Cases::within(uow).latest_of_person(person_id).await?;
    let doubted = |stored: &StoredCase| {
        let mut doubts = stored.case.evidence.iter().filter_map(Evidence::doubt);
        doubts.any(|doubt| doubt == Doubt::Identity)
    };
    Ok(latest.filter(doubted))
}

async fn decide(
    uow: &mut UnitOfWork,
    action: &'static str,
    stored: StoredCase,
    decision: ReviewDecision,
) -> Result<(), Failure> {
    let doubt = Doubt::Identity;
    let input = Input::ReviewDecided { doubt, decision };
    handle(uow, Entry::of(action), stored, &input).await?;
    Ok(())
}

fn established(person_id: Uuid, domicile: &str, residence: &str) -> Result<Known, WireError> {
    Ok(Known {
        person_id,
        record: Record::Established,
        domicile: DivisionCode::from_wire("domicile_division", domicile)?,
        residence: DivisionCode::from_wire("residence_division", residence)?,
        etag: String::new(),
    })
}
