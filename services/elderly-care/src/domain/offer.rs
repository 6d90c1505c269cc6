//! Offers: a vacant bed, and somebody who waits.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::desk::Desk;
use super::errors::CareError;
use super::person::Known;
use super::view::{Pass, Passing};

/// How long an offer stands, and which rule row says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OfferTerms {
    /// Hours.
    pub valid_hours: u32,
    /// The rule row; kept with each offer.
    pub rule_id: Uuid,
}

impl OfferTerms {
    /// The instant before which an offer made now must be accepted.
    pub(super) fn expires_at(&self, now: Timestamp) -> Timestamp {
        let valid = SignedDuration::from_hours(i64::from(self.valid_hours));
        now.checked_add(valid).unwrap_or(Timestamp::MAX)
    }
}

/// State of an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OfferState {
    /// Open until it expires.
    Open,
    /// Accepted.
    Accepted,
    /// Declined.
    Declined,
    /// Not answered in time.
    Expired,
    /// Taken back: the bed or the person is no longer available.
    Withdrawn,
}

impl OfferState {
    /// Every state.
    pub const ALL: [OfferState; 5] = [
        OfferState::Open,
        OfferState::Accepted,
        OfferState::Declined,
        OfferState::Expired,
        OfferState::Withdrawn,
    ];

    /// Stable name, as stored.
    pub fn name(self) -> &'static str {
        match self {
            OfferState::Open => "open",
            OfferState::Accepted => "accepted",
            OfferState::Declined => "declined",
            OfferState::Expired => "expired",
            OfferState::Withdrawn => "withdrawn",
        }
    }

    /// The state of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// It can be accepted.
    pub fn is_open(self) -> bool {
        self == OfferState::Open
    }
}

/// A bed offered to somebody who waits. At most one is open per bed, and one per entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Opaque id.
    pub id: Uuid,
    /// The facility.
    pub facility_id: Uuid,
    /// The bed.
    pub bed_id: Uuid,
    /// The entry of the waiting list.
    pub entry_id: Uuid,
    /// To whom.
    pub person_id: Uuid,
    /// State.
    pub state: OfferState,
    /// When it was made.
    pub made_at: Timestamp,
    /// It must be accepted before.
    pub expires_at: Timestamp,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// The rule row that said how long it stands.
    pub rule_id: Uuid,
}

impl Desk<'_> {
    /// Accepts an offer: the stay begins, every other entry of the person ends. Answers with the
    /// stay's id.
    ///
    /// # Errors
    /// The offer is closed or expired or another's, the person is not alive or lives somewhere, or
    /// the first day lies in the future.
    pub fn accept_offer(
        &mut self,
        who: &Known,
        offer_id: Uuid,
        first_day: Date,
    ) -> Result<Uuid, CareError> {
        self.begin_command();
        let offer = self.open_offer(offer_id)?;
        if offer.person_id != who.person_id {
            return Err(CareError::OfferOfAnother);
        }
        who.must_live()?;
        if self.now >= offer.expires_at {
            return Err(CareError::OfferExpired);
        }
        self.close_offer(offer_id, OfferState::Accepted)?;
        let stay_id = self.begin_stay(who.person_id, offer.bed_id, first_day)?;
        self.end_command()?;
        Ok(stay_id)
    }

    /// Declines an offer: the bed goes to the next, the entry keeps its place for other beds.
    ///
    /// # Errors
    /// The offer is closed.
    pub fn decline_offer(&mut self, offer_id: Uuid) -> Result<(), CareError> {
        self.pass_over(offer_id, OfferState::Declined, Passing::Declined)
    }

    /// Lets an offer expire whose time is over; the bed goes to the next, and where nobody is left
    /// who has not passed it, round again to those who did not say no. Changes nothing where the
    /// offer is closed already or its time is not over: the timer asks again.
    ///
    /// # Errors
    /// A row was not loaded.
    pub fn expire_offer(&mut self, offer_id: Uuid) -> Result<(), CareError> {
        let offer = self.offer(offer_id)?;
        if !offer.state.is_open() || self.now < offer.expires_at {
            return Ok(());
        }
        self.pass_over(offer_id, OfferState::Expired, Passing::Lapsed(1))
    }

    fn pass_over(
        &mut self,
        offer_id: Uuid,
        how: OfferState,
        passing: Passing,
    ) -> Result<(), CareError> {
        self.begin_command();
        let offer = self.open_offer(offer_id)?;
        self.close_offer(offer_id, how)?;
        self.entry_mut(offer.entry_id)?.promised_bed_id = None;
        if let Some(vacancy_id) = self.bed(offer.bed_id)?.vacancy_id {
            let pass = Pass {
                bed_id: offer.bed_id,
                vacancy_id,
                person_id: offer.person_id,
            };
            self.view.pass(pass, passing);
        }
        self.end_command()
    }

    fn open_offer(&self, offer_id: Uuid) -> Result<Offer, CareError> {
        let offer = self.offer(offer_id)?;
        if offer.state.is_open() {
            Ok(offer.clone())
        } else {
            Err(CareError::OfferNotOpen)
        }
    }

    pub(super) fn close_offer(&mut self, id: Uuid, how: OfferState) -> Result<(), CareError> {
        let now = self.now;
        let offer = self.offer_mut(id)?;
        offer.state = how;
        offer.closed_at = Some(now);
        Ok(())
    }
}
