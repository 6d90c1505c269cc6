//! Who a record stands for and where that person is registered, now that its guard row is locked: what
//! residents answered before, and what its events have told since.

use minzheng_chassis::division::DivisionCode;
use minzheng_chassis::seam::{Failure, UnitOfWork};
use uuid::Uuid;

use super::residents::{Known, Record};
use crate::domain::death::Divisions;
use crate::storage::decided_records::{self, Verdict};

/// The record as it stands now that its guard row is locked: merged, decided or moved meanwhile, if the
/// event was heard between the question to residents and this transaction. Where an event has told of
/// domicile and residence, that stands even if residents answered otherwise: a move that was not heard yet
/// will be, and the case follows it.
///
/// # Errors
/// The database's.
pub(super) async fn standing_record(uow: &mut UnitOfWork, known: &Known) -> Result<Known, Failure> {
    let survivor = uow.know(known.person_id).await?.person_id;
    let told = decided_records::of_person(uow, survivor).await?;
    Ok(standing(known, survivor, told))
}

/// The same once it is known who the record's survivor is, and what was told of them.
pub(super) fn standing(known: &Known, survivor: Uuid, told: Option<Verdict>) -> Known {
    let mut standing = known.clone();
    if survivor != known.person_id {
        standing.person_id = survivor;
        standing.record = Record::Established;
    }
    match (told, standing.record) {
        (Some(Verdict::Rejected), Record::Provisional) => standing.record = Record::Rejected,
        (
            Some(Verdict::Established {
                domicile,
                residence,
            }),
            Record::Provisional | Record::Established,
        ) => {
            standing.record = Record::Established;
            standing.domicile = domicile.or(standing.domicile);
            standing.residence = residence.or(standing.residence);
        }
        (None | Some(Verdict::Rejected | Verdict::Established { .. }), _) => {}
    }
    standing
}

/// Where a case about a person stands. A provisional record has no domicile yet; one who is
/// registered in another province is the concern of the county where they live, else of the
/// reporter's.
pub(super) fn divisions(known: &Known, reporter: DivisionCode) -> Divisions {
    if known.record != Record::Established {
        return Divisions {
            standing: reporter,
            domicile: None,
            residence: None,
            place: None,
        };
    }
    let here = |code: &DivisionCode| DivisionCode::GUIZHOU.contains(*code);
    let own = known.domicile.filter(here).or(known.residence.filter(here));
    Divisions {
        standing: own.unwrap_or(reporter),
        domicile: known.domicile,
        residence: known.residence,
        place: None,
    }
}
