//! A child's file, and what it takes from the facts and from the register of residents.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use minzheng_chassis::civil::{Month, PartialDate};
use minzheng_chassis::division::DivisionCode;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Cause, Effect, Heard, KinTold, Life, Moment, OpenItem, PersonFact, Relative, Share, Situation,
    Standing, Visit,
};

/// A file that a person opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct File {
    /// When.
    pub opened_on: Date,
    /// From when it holds that parents who are not recorded were looked for and not found.
    pub parents_not_found_since: Option<Date>,
}

/// A month that a person determined because it could not be computed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartMonth {
    /// For which situation.
    pub situation: Situation,
    /// After which undated deaths; for others it does not stand.
    pub causes: BTreeSet<Cause>,
    /// The month, or none where no month is needed.
    pub month: Option<Month>,
}

/// A child under 18 and all that is known of those around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Child {
    /// The child's `person_id`.
    pub id: Uuid,
    /// Date of birth.
    pub birth_date: PartialDate,
    /// Where the child lives.
    pub division: DivisionCode,
    /// The file that a person opened; the others are only derived.
    pub file: Option<File>,
    /// Whether the stream of kinship was heard, which then alone says who is kin.
    pub kinship_heard: bool,
    /// Those around the child.
    pub relatives: BTreeMap<Uuid, Relative>,
    /// Whether the child itself lives.
    pub own: Heard,
    /// What is derived from all this.
    pub standing: Standing,
    /// What the last completed visit has seen.
    pub visited: Option<Visit>,
    /// The open visit.
    pub visit: Option<OpenItem>,
    /// The open item about the month.
    pub month_item: Option<OpenItem>,
    /// A month that a person determined.
    pub start_month: Option<StartMonth>,
    /// Version of the row (its etag); the storage raises it.
    pub version: i64,
}

/// All kin of a child, as `residents` tells them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KinshipTold {
    /// The child's date of birth.
    pub birth_date: PartialDate,
    /// Where the child lives.
    pub division: DivisionCode,
    /// All kin that stand now; one person may stand in two relations.
    pub kin: Vec<KinTold>,
}

/// How kinship came to be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KinshipSource {
    /// `KinshipChanged`, in its order: it replaces what was known.
    Stream,
    /// Asked when a fact came or a file was opened. The answer may be older than what the stream
    /// has told by now, so it only adds, and nothing once the stream was heard.
    Asked,
}

/// What one change of a child does to the outside.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Change {
    /// What to publish and which items to open and close.
    pub effects: Vec<Effect>,
    /// What the child now contributes to the answers on these persons' deaths, where that differs
    /// from before. Only persons of whom a fact was heard.
    pub shares: BTreeMap<Uuid, Share>,
}

impl Child {
    /// Begins to follow a child of whom kinship is told or asked.
    ///
    /// `own` and `kin` are what the guard rows know of the persons named. Answers `None` where
    /// there is nobody to follow: of age today, and not dead under age.
    pub fn from_kinship(
        id: Uuid,
        told: &KinshipTold,
        source: KinshipSource,
        own: &PersonFact,
        kin: &[PersonFact],
        at: &Moment,
        ids: &mut dyn FnMut() -> Uuid,
    ) -> Option<(Self, Change)> {
        let mut child = Self {
            id,
            birth_date: told.birth_date,
            division: told.division,
            file: None,
            kinship_heard: false,
            relatives: BTreeMap::new(),
            own: Heard::default(),
            standing: Standing::UNREMARKABLE,
            visited: None,
            visit: None,
            month_item: None,
            start_month: None,
            version: 0,
        };
        child.own.hear(own);
        if !child.is_minor_on(at.today()) && !child.died_as_minor() {
            return None;
        }
        let change = child.hear_kinship(told, source, kin, at, ids);
        Some((child, change))
    }

    /// Takes the child's kin as told, and what the guard rows know of them.
    pub fn hear_kinship(
        &mut self,
        told: &KinshipTold,
        source: KinshipSource,
        kin: &[PersonFact],
        at: &Moment,
        ids: &mut dyn FnMut() -> Uuid,
    ) -> Change {
        self.change(at, ids, |child| match source {
            KinshipSource::Stream => {
                child.kinship_heard = true;
                child.replace_kin(told);
                child.hear_all(kin);
            }
            KinshipSource::Asked => {
                if !child.kinship_heard {
                    child.add_kin(told);
                }
                child.hear_all(kin);
            }
        })
    }

    /// Takes a fact about the child itself or about somebody around it; an older one than heard
    /// changes nothing.
    pub fn hear(
        &mut self,
        fact: &PersonFact,
        at: &Moment,
        ids: &mut dyn FnMut() -> Uuid,
    ) -> Change {
        self.change(at, ids, |child| child.hear_all(std::slice::from_ref(fact)))
    }

    /// The child moved.
    pub fn move_to(
        &mut self,
        division: DivisionCode,
        at: &Moment,
        ids: &mut dyn FnMut() -> Uuid,
    ) -> Change {
        self.change(at, ids, |child| child.division = division)
    }

    /// Derives anew because time has passed: a birthday, or six months.
    pub fn review(&mut self, at: &Moment, ids: &mut dyn FnMut() -> Uuid) -> Change {
        self.change(at, ids, |_| {})
    }

    /// Changes what is known, derives everything again, and says what became different.
    pub(super) fn change(
        &mut self,
        at: &Moment,
        ids: &mut dyn FnMut() -> Uuid,
        change: impl FnOnce(&mut Self),
    ) -> Change {
        let before = self.shares();
        let division = self.division;
        change(self);
        let mut effects = self.settle(at, ids);
        let announced = self.standing != Standing::UNREMARKABLE;
        if self.division != division && announced && !effects.contains(&Effect::StandingChanged) {
            effects.insert(0, Effect::StandingChanged);
        }
        let shares = self.shares_changed(&before);
        Change { effects, shares }
    }

    pub(super) fn hear_all(&mut self, facts: &[PersonFact]) {
        for fact in facts {
            if fact.person_id == self.id {
                self.own.hear(fact);
            }
            if let Some(relative) = self.relatives.get_mut(&fact.person_id) {
                relative.heard.hear(fact);
            }
        }
    }

    fn replace_kin(&mut self, told: &KinshipTold) {
        for relative in self.relatives.values_mut() {
            relative.relations.clear();
        }
        self.add_kin(told);
        self.relatives
            .retain(|_, relative| !relative.relations.is_empty() || relative.has_records());
    }

    fn add_kin(&mut self, told: &KinshipTold) {
        self.birth_date = told.birth_date;
        self.division = told.division;
        for kin in told.kin.iter().filter(|kin| kin.person_id != self.id) {
            let relative = self
                .relatives
                .entry(kin.person_id)
                .or_insert_with(|| Relative::new(kin.birth_date));
            relative.birth_date = kin.birth_date;
            relative.relations.insert(kin.relation);
        }
    }

    /// Whether the child is known to be dead.
    pub fn is_dead(&self) -> bool {
        match self.own.life {
            Life::Dead { .. } => true,
            Life::Alive | Life::Suspected => false,
        }
    }
}
