//! Why something is refused.

use super::bed::BedState;

/// Why elderly-care refuses, with a stable reason for machines and Chinese text for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CareError {
    /// The facility's name is empty, too long or holds control characters.
    #[error("a facility's name has 1 to 100 characters and no control characters")]
    FacilityName,
    /// The division is coarser than the facility's tier.
    #[error("the division is coarser than the facility's tier")]
    DivisionTooCoarse,
    /// The bed's label is empty, too long or holds other characters.
    #[error("a bed's label has 1 to 20 letters, digits or hyphens")]
    BedLabel,
    /// The rank is not 1 to 5.
    #[error("the rank is not between 1 and 5")]
    Rank,
    /// The first day lies in the future.
    #[error("the first day lies in the future")]
    FirstDay,
    /// The last day lies before the first or in the future.
    #[error("the last day lies before the first day or in the future")]
    LastDay,
    /// Somebody lives in the bed.
    #[error("the bed is occupied")]
    BedOccupied,
    /// The bed is kept for a resident.
    #[error("the bed is held for its resident")]
    BedHeld,
    /// The bed is offered to somebody who waits.
    #[error("the bed is offered to somebody on the waiting list")]
    BedOffered,
    /// The bed is planned, under repair or retired.
    #[error("the bed is not in service")]
    BedNotInService,
    /// A state that nobody can set by hand.
    #[error("a bed cannot be set to {0}")]
    BedStateNotSettable(&'static str),
    /// The person has a stay.
    #[error("the person is a resident already")]
    AlreadyResident,
    /// The person is or is suspected dead.
    #[error("the person is dead or suspected to be dead")]
    PersonNotAlive,
    /// The person waits there.
    #[error("the person is on this waiting list already")]
    AlreadyWaiting,
    /// The stay is over.
    #[error("the stay has ended")]
    StayEnded,
    /// The stay does not wait for a settlement.
    #[error("the stay does not await a settlement")]
    NotAwaitingSettlement,
    /// The entry is closed.
    #[error("the entry is no longer on the waiting list")]
    EntryClosed,
    /// The offer is closed.
    #[error("the offer is no longer open")]
    OfferNotOpen,
    /// The offer's time is over.
    #[error("the offer has expired")]
    OfferExpired,
    /// The offer was made to somebody else.
    #[error("the offer was made to somebody else")]
    OfferOfAnother,
    /// A row that the decision needs was not loaded: our own fault.
    #[error("a {0} that the decision needs was not loaded")]
    NotLoaded(&'static str),
}

impl CareError {
    /// A stable reason for machines.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::FacilityName => "FACILITY_NAME_INVALID",
            Self::DivisionTooCoarse => "DIVISION_TOO_COARSE",
            Self::BedLabel => "BED_LABEL_INVALID",
            Self::Rank => "RANK_OUT_OF_RANGE",
            Self::FirstDay => "FIRST_DAY_IN_FUTURE",
            Self::LastDay => "LAST_DAY_OUT_OF_RANGE",
            Self::BedOccupied => "BED_OCCUPIED",
            Self::BedHeld => "BED_HELD",
            Self::BedOffered => "BED_OFFERED",
            Self::BedNotInService => "BED_NOT_IN_SERVICE",
            Self::BedStateNotSettable(_) => "BED_STATE_NOT_SETTABLE",
            Self::AlreadyResident => "ALREADY_RESIDENT",
            Self::PersonNotAlive => "PERSON_NOT_ALIVE",
            Self::AlreadyWaiting => "ALREADY_WAITING",
            Self::StayEnded => "STAY_ENDED",
            Self::NotAwaitingSettlement => "NOT_AWAITING_SETTLEMENT",
            Self::EntryClosed => "WAITING_ENTRY_CLOSED",
            Self::OfferNotOpen => "OFFER_NOT_OPEN",
            Self::OfferExpired => "OFFER_EXPIRED",
            Self::OfferOfAnother => "OFFER_OF_ANOTHER",
            Self::NotLoaded(_) => "INTERNAL",
        }
    }

    /// The same for people, in Chinese; no personal data.
    pub fn chinese(&self) -> String {
        let text = match self {
            Self::FacilityName => "机构名称应为1至100个字符，且不含控制字符",
            Self::DivisionTooCoarse => "所填行政区划的级别高于该层级机构应在的级别",
            Self::BedLabel => "床位号应为1至20个字母、数字或连字符",
            Self::Rank => "轮候等级应为1至5",
            Self::FirstDay => "入住日期不能晚于今天",
            Self::LastDay => "离院日期不能早于入住日期，也不能晚于今天",
            Self::BedOccupied => "该床位已有人入住",
            Self::BedHeld => "该床位正为原住人员保留",
            Self::BedOffered => "该床位已通知轮候人员，等待答复",
            Self::BedNotInService => "该床位未投入使用",
            Self::BedStateNotSettable(_) => "床位不能手工设为该状态",
            Self::AlreadyResident => "该人员已入住养老机构",
            Self::PersonNotAlive => "该人员已死亡或疑似死亡，不能办理",
            Self::AlreadyWaiting => "该人员已在此机构轮候",
            Self::StayEnded => "该入住记录已结束",
            Self::NotAwaitingSettlement => "该入住记录没有待结算事项",
            Self::EntryClosed => "该轮候记录已结束",
            Self::OfferNotOpen => "该床位通知已失效",
            Self::OfferExpired => "该床位通知已过期",
            Self::OfferOfAnother => "该床位通知不是发给此人员的",
            Self::NotLoaded(_) => "系统内部错误，请稍后重试",
        };
        text.to_owned()
    }

    /// The request's field at fault; none where it is the state that forbids.
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::FacilityName => Some("name"),
            Self::DivisionTooCoarse => Some("division"),
            Self::BedLabel => Some("label"),
            Self::Rank => Some("rank"),
            Self::FirstDay => Some("first_day"),
            Self::LastDay => Some("last_day"),
            Self::BedStateNotSettable(_) => Some("state"),
            Self::BedOccupied
            | Self::BedHeld
            | Self::BedOffered
            | Self::BedNotInService
            | Self::AlreadyResident
            | Self::PersonNotAlive
            | Self::AlreadyWaiting
            | Self::StayEnded
            | Self::NotAwaitingSettlement
            | Self::EntryClosed
            | Self::OfferNotOpen
            | Self::OfferExpired
            | Self::OfferOfAnother
            | Self::NotLoaded(_) => None,
        }
    }

    /// That nobody can set this state by hand.
    pub(super) fn not_settable(state: BedState) -> Self {
        Self::BedStateNotSettable(state.name())
    }
}
