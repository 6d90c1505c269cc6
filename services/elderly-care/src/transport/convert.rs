//! Requests → what the app takes. What is wrong with the fields is told all at once.

use jiff::civil::Date;
use minzheng_chassis::convert::{self, FromWire, WireError};
use minzheng_chassis::division::{DivisionCode, Divisions};
use minzheng_chassis::grpc::page::Page;
use minzheng_chassis::problem::{Problem, Violations};
use minzheng_chassis::seam::RequestKey;
use minzheng_proto::common::v1 as common;
use minzheng_proto::elderly_care::v1 as pb;
use uuid::Uuid;

use crate::app::{IdentityAsked, Who};
use crate::domain::{BedState, CareError, Filing, Rank, Tier};

/// Collects what is wrong with a message's form. Whatever it gives in place of a wrong field is
/// never used: `check` comes before.
#[derive(Debug, Default)]
pub(super) struct Form(Violations);

impl Form {
    /// What tells a repeated call from a new one, which must be given.
    pub(super) fn request(
        &mut self,
        request_id: &str,
        message: &impl prost::Message,
    ) -> Option<RequestKey> {
        self.take("request_id", RequestKey::of(request_id, message))
    }

    /// A required id.
    pub(super) fn id(&mut self, field: &'static str, text: &str) -> Uuid {
        self.take(field, convert::uuid(field, text))
            .unwrap_or_default()
    }

    /// An id that may be empty.
    pub(super) fn id_if_given(&mut self, field: &'static str, text: &str) -> Option<Uuid> {
        (!text.is_empty()).then(|| self.id(field, text))
    }

    /// A version, which must be given.
    pub(super) fn etag(&mut self, etag: &str) -> String {
        if etag.is_empty() {
            self.take::<()>("etag", Err(WireError::Missing("etag")));
        }
        etag.to_owned()
    }

    /// A day, if given: known to the day.
    pub(super) fn day(
        &mut self,
        field: &'static str,
        date: Option<&common::PartialDate>,
    ) -> Option<Date> {
        let date = self
            .take(field, convert::partial_date_opt(field, date))
            .flatten()?;
        if date.day().is_none() {
            self.0.add(
                field,
                "DAY_REQUIRED",
                "must be a full date",
                "日期应精确到日",
            );
        }
        date.day()
    }

    /// A page, as `page_of!` reads it.
    pub(super) fn page(&mut self, page: Result<Page, Problem>) -> Page {
        let page = self.take("page_token", page);
        page.unwrap_or_else(|| Page::first(1))
    }

    /// A division of any level, if given.
    pub(super) fn division_if_given(
        &mut self,
        field: &'static str,
        code: &str,
    ) -> Option<DivisionCode> {
        self.take(field, DivisionCode::from_wire(field, code))
            .flatten()
    }

    /// A division of Guizhou in force, which must be given.
    pub(super) fn division(&mut self, field: &'static str, code: &str) -> DivisionCode {
        let given = self.take(field, convert::division(field, code));
        let Some(given) = given else {
            return DivisionCode::GUIZHOU;
        };
        if !Divisions::guizhou().exists(given) {
            self.0.add(
                field,
                "DIVISION_UNKNOWN",
                "is not a division of Guizhou in force",
                "不是贵州省现行的行政区划代码",
            );
        }
        given
    }

    /// An enum's value.
    fn value<E: TryFrom<i32>>(&mut self, field: &'static str, number: i32) -> Option<E> {
        let read = E::try_from(number).map_err(|_| WireError::Malformed(field));
        self.take(field, read)
    }

    /// A tier, if given.
    pub(super) fn tier_if_given(&mut self, number: i32) -> Option<Tier> {
        match self.value("tier", number)? {
            pb::FacilityTier::Unspecified => None,
            pb::FacilityTier::County => Some(Tier::County),
            pb::FacilityTier::Township => Some(Tier::Township),
            pb::FacilityTier::Village => Some(Tier::Village),
        }
    }

    /// A tier, which must be given.
    pub(super) fn tier(&mut self, number: i32) -> Tier {
        let given = self.tier_if_given(number);
        if number == 0 {
            self.take::<()>("tier", Err(WireError::Missing("tier")));
        }
        given.unwrap_or(Tier::County)
    }

    /// Whether a facility has filed; registered only where nothing is given.
    pub(super) fn filing(&mut self, number: i32) -> Filing {
        match self.value("filing", number) {
            Some(pb::FilingState::Filed) => Filing::Filed,
            Some(pb::FilingState::Registered | pb::FilingState::Unspecified) | None => {
                Filing::Registered
            }
        }
    }

    /// The state of a new bed: free where nothing is given.
    pub(super) fn new_bed_state(&mut self, number: i32) -> BedState {
        match self.value("state", number) {
            Some(pb::BedState::Unspecified) => BedState::Free,
            Some(state) => self.settable(state),
            None => BedState::Free,
        }
    }

    /// A state to set, which must be given.
    pub(super) fn bed_state(&mut self, number: i32) -> BedState {
        match self.value("state", number) {
            Some(pb::BedState::Unspecified) => {
                self.take::<()>("state", Err(WireError::Missing("state")));
                BedState::Free
            }
            Some(state) => self.settable(state),
            None => BedState::Free,
        }
    }

    /// Which of these can be set is for the domain to say; held is held for something, which nobody
    /// can say here.
    fn settable(&mut self, state: pb::BedState) -> BedState {
        match state {
            pb::BedState::Planned => BedState::Planned,
            pb::BedState::Free | pb::BedState::Unspecified => BedState::Free,
            pb::BedState::Held => {
                self.refuse(&CareError::BedStateNotSettable("held"));
                BedState::Free
            }
            pb::BedState::Occupied => BedState::Occupied,
            pb::BedState::UnderRepair => BedState::UnderRepair,
            pb::BedState::Retired => BedState::Retired,
        }
    }

    /// The stored name of a state to list, if given.
    pub(super) fn bed_state_if_given(&mut self, number: i32) -> Option<&'static str> {
        match self.value("state", number)? {
            pb::BedState::Unspecified => None,
            pb::BedState::Planned => Some("planned"),
            pb::BedState::Free => Some("free"),
            pb::BedState::Held => Some("held"),
            pb::BedState::Occupied => Some("occupied"),
            pb::BedState::UnderRepair => Some("under_repair"),
            pb::BedState::Retired => Some("retired"),
        }
    }

    /// A rank.
    pub(super) fn rank(&mut self, number: i32) -> Rank {
        match Rank::new(number) {
            Ok(rank) => rank,
            Err(error) => {
                self.refuse(&error);
                Rank::FIRST
            }
        }
    }

    /// Exactly one of a person's id and an identity.
    pub(super) fn who(&mut self, person_id: &str, identity: Option<&common::Identity>) -> Who {
        match identity {
            Some(_) if !person_id.is_empty() => {
                self.0.add(
                    "identity",
                    "ONE_OF_PERSON_AND_IDENTITY",
                    "give person_id or identity, not both",
                    "人员编号与身份信息只能填写一项",
                );
                Who::Person(Uuid::nil())
            }
            Some(identity) => Who::Identity(IdentityAsked(identity.clone())),
            None => Who::Person(self.id("person_id", person_id)),
        }
    }

    fn refuse(&mut self, error: &CareError) {
        let field = error.field().unwrap_or_default();
        self.0
            .add(field, error.reason(), error.to_string(), error.chinese());
    }

    /// Takes a value, or notes what is wrong with the field.
    fn take<T>(&mut self, field: &'static str, read: Result<T, impl Into<Problem>>) -> Option<T> {
        let problem: Problem = match read {
            Ok(value) => return Some(value),
            Err(error) => error.into(),
        };
        if problem.fields.is_empty() {
            self.0
                .add(field, problem.reason, problem.message, problem.chinese);
            return None;
        }
        for wrong in problem.fields {
            self.0
                .add(wrong.field, wrong.reason, wrong.message, wrong.chinese);
        }
        None
    }

    /// # Errors
    /// What was found, if anything.
    pub(super) fn check(self) -> Result<(), Problem> {
        self.0.check()
    }
}
