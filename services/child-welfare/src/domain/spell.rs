//! A time in which a parent cannot care for the child (product §6.3).

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Rules, code::codes};

/// Why a living parent does not care for the child (民发〔2019〕62号, 民发〔2020〕125号).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParentSituationKind {
    /// Declared missing by a court 宣告失踪: not to be found.
    DeclaredMissing,
    /// Out of contact 失联; counts from six months.
    OutOfContact,
    /// Prison 服刑在押; a term counts from six months.
    Imprisoned,
    /// Compulsory rehabilitation 强制隔离戒毒; a term counts from six months.
    CompulsoryRehabilitation,
    /// Another restriction of liberty 被执行其他限制人身自由的措施; a term counts from six months.
    LibertyRestricted,
    /// Severe disability 重残: grade 1–2, mental or intellectual 3–4.
    SeverelyDisabled,
    /// Severe illness 重病, by the local list.
    SeverelyIll,
    /// Guardianship revoked by a court 被撤销监护资格.
    GuardianshipRevoked,
    /// Deported 被遣送（驱逐）出境.
    Deported,
}

codes!(ParentSituationKind {
    DeclaredMissing = "declared_missing",
    OutOfContact = "out_of_contact",
    Imprisoned = "imprisoned",
    CompulsoryRehabilitation = "compulsory_rehabilitation",
    LibertyRestricted = "liberty_restricted",
    SeverelyDisabled = "severely_disabled",
    SeverelyIll = "severely_ill",
    GuardianshipRevoked = "guardianship_revoked",
    Deported = "deported",
});

/// From when a situation counts.
enum Counts {
    AtOnce,
    ByTerm,
    ByTimePassed,
}

impl ParentSituationKind {
    fn counts(self) -> Counts {
        match self {
            Self::DeclaredMissing
            | Self::SeverelyDisabled
            | Self::SeverelyIll
            | Self::GuardianshipRevoked
            | Self::Deported => Counts::AtOnce,
            Self::Imprisoned | Self::CompulsoryRehabilitation | Self::LibertyRestricted => {
                Counts::ByTerm
            }
            Self::OutOfContact => Counts::ByTimePassed,
        }
    }
}

/// One such time of one parent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spell {
    /// Why.
    pub kind: ParentSituationKind,
    /// The first day.
    pub since: Date,
    /// The day on which a sentence or measure ends as decided, where that is known.
    pub term_until: Option<Date>,
    /// The day from which it was in fact over.
    pub ended_on: Option<Date>,
    /// Document or article that it rests on; no personal data.
    pub legal_basis: String,
}

impl Spell {
    /// The first day on which it is over: the earlier of what was decided and what happened.
    pub fn over_on(&self) -> Option<Date> {
        match (self.term_until, self.ended_on) {
            (Some(term), Some(ended)) => Some(term.min(ended)),
            (term, ended) => term.or(ended),
        }
    }

    /// Whether the parent is in this situation on `day`, long enough to count or not.
    pub fn runs_on(&self, day: Date) -> bool {
        self.since <= day && self.over_on().is_none_or(|over| day < over)
    }

    /// Whether it counts on `day`.
    pub(super) fn counts_on(&self, day: Date, rules: &Rules) -> bool {
        self.counts_from(rules) <= day && self.runs_on(day)
    }

    /// The first day on which it counts, if it is not over by then.
    ///
    /// A term of six months or more counts from its first day; without a known term, and when a
    /// parent is out of contact, the months must have passed.
    pub(super) fn counts_from(&self, rules: &Rules) -> Date {
        let lasted = rules.counts_from(self.since);
        match self.kind.counts() {
            Counts::AtOnce => self.since,
            Counts::ByTerm if self.term_until.is_some_and(|until| until >= lasted) => self.since,
            Counts::ByTerm | Counts::ByTimePassed => lasted,
        }
    }
}
