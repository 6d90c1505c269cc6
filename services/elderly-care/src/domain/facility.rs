//! Facilities: where beds stand.

use minzheng_chassis::division::{DivisionCode, Level};
use uuid::Uuid;

use super::errors::CareError;

/// The longest name, in characters.
const NAME_CHARACTERS: usize = 100;

/// The three tiers (product §6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// County institution 县级机构.
    County,
    /// Township centre 乡镇中心.
    Township,
    /// Village or community station 村级站点.
    Village,
}

impl Tier {
    /// Every tier, the coarsest first.
    pub const ALL: [Tier; 3] = [Tier::County, Tier::Township, Tier::Village];

    /// Stable name, as stored.
    pub fn name(self) -> &'static str {
        match self {
            Tier::County => "county",
            Tier::Township => "township",
            Tier::Village => "village",
        }
    }

    /// The tier of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tier| tier.name() == name)
    }

    /// The coarsest division that such a facility can stand in.
    fn coarsest(self) -> Level {
        match self {
            Tier::County => Level::County,
            Tier::Township => Level::Township,
            Tier::Village => Level::Village,
        }
    }
}

/// Whether it has filed with the county 备案 (老年人权益保障法 Art. 43).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Filing {
    /// Registered only.
    Registered,
    /// Filed.
    Filed,
}

impl Filing {
    /// Both.
    pub const ALL: [Filing; 2] = [Filing::Registered, Filing::Filed];

    /// Stable name, as stored.
    pub fn name(self) -> &'static str {
        match self {
            Filing::Registered => "registered",
            Filing::Filed => "filed",
        }
    }

    /// The filing state of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|filing| filing.name() == name)
    }
}

/// A place that cares for the elderly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facility {
    /// Opaque id.
    pub id: Uuid,
    /// Tier.
    pub tier: Tier,
    /// Where it stands.
    pub division: DivisionCode,
    /// Its name; not a person's.
    pub name: String,
    /// Whether it has filed.
    pub filing: Filing,
}

impl Facility {
    /// A new facility; blanks around the name are dropped.
    ///
    /// # Errors
    /// The name is not 1 to 100 characters, or the division is coarser than the tier.
    pub fn new(
        id: Uuid,
        tier: Tier,
        division: DivisionCode,
        name: &str,
        filing: Filing,
    ) -> Result<Self, CareError> {
        let name = name.trim();
        let characters = name.chars().count();
        if characters == 0 || characters > NAME_CHARACTERS || name.chars().any(char::is_control) {
            return Err(CareError::FacilityName);
        }
        if division.level() < tier.coarsest() {
            return Err(CareError::DivisionTooCoarse);
        }
        Ok(Self {
            id,
            tier,
            division,
            name: name.to_owned(),
            filing,
        })
    }
}
