//! What people record and decide about a child. After an error the child is as it was.

use jiff::civil::Date;
use minzheng_chassis::civil::{Month, PartialDate};
use uuid::Uuid;

use super::{
    Ability, Appointment, Change, Child, ChildWelfareError, Effect, File, GuardianBasis, ItemKind,
    Life, Moment, ParentSituationKind, PersonFact, Relation, Relative, Since, Spell, StartMonth,
    VisitOutcome,
};

/// Longest legal basis, in characters.
const LEGAL_BASIS_CHARS: usize = 200;

/// A situation of one parent, to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SituationRecord {
    /// Which situation.
    pub kind: ParentSituationKind,
    /// The first day.
    pub since: Date,
    /// The day on which a sentence or measure ends as decided.
    pub term_until: Option<Date>,
    /// Document or article; no personal data.
    pub legal_basis: String,
}

/// A guardian, to be appointed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuardianAppointment {
    /// Who, and what the guard row knows of that person.
    pub person: PersonFact,
    /// The guardian's date of birth.
    pub birth_date: PartialDate,
    /// Who or what appoints.
    pub basis: GuardianBasis,
    /// The first day.
    pub since: Date,
    /// Document or article; no personal data.
    pub legal_basis: String,
}

impl Child {
    /// Opens the child's file. `parents_not_found` says that parents, of whom none is recorded,
    /// were looked for and not found: a foundling.
    pub fn open_file(
        &mut self,
        parents_not_found: bool,
        at: &Moment,
        ids: &mut dyn FnMut() -> Uuid,
    ) -> Result<Change, ChildWelfareError> {
        self.expect_living_minor(at)?;
        if self.file.is_some() {
            return Err(ChildWelfareError::FileAlreadyOpen);
        }
        if parents_not_found && self.parents().next().is_some() {
            return Err(ChildWelfareError::ParentsRecorded);
        }
        let today = at.today();
        let file = File {
            opened_on: today,
            parents_not_found_since: parents_not_found.then_some(today),
        };
        Ok(self.change(at, ids, |child| child.file = Some(file)))
    }

    /// Records a situation of one parent.
    pub fn record_parent_situation(
        &mut self,
        parent_id: Uuid,
        record: SituationRecord,
        at: &Moment,
        ids: &mut dyn FnMut() -> Uuid,
    ) -> Result<Change, ChildWelfareError> {
        self.expect_living_minor(at)?;
        let parent = self.parent(parent_id)?;
        if parent.heard.life.is_dead() {
            return Err(ChildWelfareError::ParentDead);
        }
        expect_legal_basis(&record.legal_basis)?;
        expect_not_future(record.since, at)?;
        if record.term_until.is_some_and(|until| until <= record.since) {
            return Err(ChildWelfareError::DatesReversed);
        }
        let spell = Spell {
            kind: record.kind,
            since: record.since,
            term_until: record.term_until,
            ended_on: None,
            legal_basis: record.legal_basis,
        };
        if parent.spells.iter().any(|other| overlap(other, &spell)) {
            return Err(ChildWelfareError::SituationAlreadyRecorded);
        }
        Ok(self.change(at, ids, |child| {
            if let Some(parent) = child.relatives.get_mut(&parent_id) {
                parent.spells.push(spell);
                parent.spells.sort_by_key(|spell| (spell.since, spell.kind));
            }
        }))
    }

    /// Ends a situation of one parent; a last day before its first is refused, its first day means
    /// that it never was.
    pub fn end_parent_situation(
        &mut self,
        parent_id: Uuid,
        kind: ParentSituationKind,
        ended_on: Date,
        at: &Moment,
        ids: &mut dyn FnMut() -> Uuid,
    ) -> Result<Change, ChildWelfareError> {
        self.expect_living_minor(at)?;
        expect_not_future(ended_on, at)?;
        let today = at.today();
        let spells = &self.parent(parent_id)?.spells;
        let running = |spell: &Spell| spell.kind == kind && spell.runs_on(today);
        let index = spells
            .iter()
            .position(running)
            .ok_or(ChildWelfareError::SituationNotOpen)?;
        if ended_on < spells[index].since {
            return Err(ChildWelfareError::DatesReversed);
        }
        Ok(self.change(at, ids, |child| {
            let parent = child.relatives.get_mut(&parent_id);
            if let Some(spell) = parent.and_then(|parent| parent.spells.get_mut(index)) {
                spell.ended_on = Some(ended_on);
            }
        }))
    }

    /// Appoints a guardian (民法典 Art. 29–32).
    pub fn appoint_guardian(
        &mut self,
        appointment: GuardianAppointment,
        at: &Moment,
        ids: &mut dyn FnMut() -> Uuid,
    ) -> Result<Change, ChildWelfareError> {
        self.expect_living_minor(at)?;
        self.expect_guardian(&appointment, at)?;
        let GuardianAppointment {
            person,
            birth_date,
            basis,
            since,
            legal_basis,
        } = appointment;
        Ok(self.change(at, ids, |child| {
            let guardian = child
                .relatives
                .entry(person.person_id)
                .or_insert_with(|| Relative::new(birth_date));
            guardian.birth_date = birth_date;
            guardian.heard.hear(&person);
            guardian.appointment = Some(Appointment {
                basis,
                since,
                until: None,
                legal_basis,
            });
        }))
    }

    /// Ends the guardianship of an appointed guardian who lives; a death ends it by itself.
    pub fn end_guardianship(
        &mut self,
        guardian_id: Uuid,
        until: Date,
        at: &Moment,
        ids: &mut dyn FnMut() -> Uuid,
    ) -> Result<Change, ChildWelfareError> {
        self.expect_living_minor(at)?;
        expect_not_future(until, at)?;
        let guardian = self
            .relatives
            .get(&guardian_id)
            .ok_or(ChildWelfareError::NotAGuardian)?;
        let since = guardian
            .appointment
            .as_ref()
            .filter(|appointment| appointment.until.is_none())
            .ok_or(ChildWelfareError::NotAGuardian)?
            .since;
        if guardian.heard.life.is_dead() {
            return Err(ChildWelfareError::GuardianDead);
        }
        if until < since {
            return Err(ChildWelfareError::DatesReversed);
        }
        Ok(self.change(at, ids, |child| {
            let guardian = child.relatives.get_mut(&guardian_id);
            if let Some(appointment) = guardian.and_then(|guardian| guardian.appointment.as_mut()) {
                appointment.until = Some(until);
            }
        }))
    }

    /// Records whether a grandparent, sibling or guardian can care, as a visit found.
    pub fn record_carer_ability(
        &mut self,
        person_id: Uuid,
        able: bool,
        at: &Moment,
        ids: &mut dyn FnMut() -> Uuid,
    ) -> Result<Change, ChildWelfareError> {
        self.expect_living_minor(at)?;
        let relative = self
            .relatives
            .get(&person_id)
            .ok_or(ChildWelfareError::NotACandidate)?;
        let related = relative.relations.iter().any(|relation| match relation {
            Relation::Parent => false,
            Relation::Guardian | Relation::Grandparent | Relation::Sibling => true,
        });
        if relative.is_parent() || !(related || relative.appointment.is_some()) {
            return Err(ChildWelfareError::NotACandidate);
        }
        if relative.heard.life.is_dead() {
            return Err(ChildWelfareError::CandidateDead);
        }
        let ability = if able { Ability::Able } else { Ability::Unable };
        Ok(self.change(at, ids, |child| {
            if let Some(relative) = child.relatives.get_mut(&person_id) {
                relative.ability = ability;
            }
        }))
    }

    /// Closes the open visit. A child that was not reached is visited again: the next item opens
    /// at once. Any other outcome covers what stands now.
    pub fn complete_visit(
        &mut self,
        item_id: Uuid,
        outcome: VisitOutcome,
        at: &Moment,
        ids: &mut dyn FnMut() -> Uuid,
    ) -> Result<Change, ChildWelfareError> {
        if self.visit.is_none_or(|item| item.id != item_id) {
            return Err(ChildWelfareError::ItemNotOpen);
        }
        let seen = match outcome {
            VisitOutcome::NotReached => self.visited.clone(),
            VisitOutcome::CaredFor | VisitOutcome::Placed | VisitOutcome::NoNeed => {
                Some(self.seen(at.today(), &at.rules))
            }
        };
        let mut change = self.change(at, ids, |child| {
            child.visit = None;
            child.visited = seen;
        });
        let done = Effect::ItemCompleted(ItemKind::ChildVisit, item_id, outcome.code());
        change.effects.insert(0, done);
        Ok(change)
    }

    /// Determines the month from which the child's situation counts (`None`: no month is needed),
    /// where it cannot be computed, and closes the item that asks for it.
    pub fn determine_start_month(
        &mut self,
        month: Option<Month>,
        at: &Moment,
        ids: &mut dyn FnMut() -> Uuid,
    ) -> Result<Change, ChildWelfareError> {
        self.expect_living_minor(at)?;
        let open = self.month_item.ok_or(ChildWelfareError::MonthNotNeeded)?;
        if self.derive(at.today(), &at.rules).since != Since::Unknown {
            return Err(ChildWelfareError::MonthNotNeeded);
        }
        if month.is_some_and(|month| month > Month::of(at.today()).next()) {
            return Err(ChildWelfareError::MonthInFuture);
        }
        let situation = self.derive(at.today(), &at.rules).situation;
        let decided = StartMonth {
            situation,
            causes: self.undated_deaths(),
            month,
        };
        let mut change = self.change(at, ids, |child| {
            child.month_item = None;
            child.start_month = Some(decided);
        });
        let outcome = if month.is_some() {
            "determined"
        } else {
            "not_needed"
        };
        let done = Effect::ItemCompleted(ItemKind::DetermineMonth, open.id, outcome);
        change.effects.insert(0, done);
        Ok(change)
    }

    fn parent(&self, person_id: Uuid) -> Result<&Relative, ChildWelfareError> {
        self.relatives
            .get(&person_id)
            .filter(|relative| relative.is_parent())
            .ok_or(ChildWelfareError::NotAParent)
    }

    fn expect_living_minor(&self, at: &Moment) -> Result<(), ChildWelfareError> {
        if self.own.life.is_dead() {
            return Err(ChildWelfareError::ChildDead);
        }
        expect_minor(self.birth_date, at)
    }

    fn expect_guardian(
        &self,
        appointment: &GuardianAppointment,
        at: &Moment,
    ) -> Result<(), ChildWelfareError> {
        expect_legal_basis(&appointment.legal_basis)?;
        expect_not_future(appointment.since, at)?;
        let person_id = appointment.person.person_id;
        if person_id == self.id {
            return Err(ChildWelfareError::GuardianIsChild);
        }
        if appointment.person.life.is_dead() {
            return Err(ChildWelfareError::GuardianDead);
        }
        let mut guardian = Relative::new(appointment.birth_date);
        if guardian.is_child_on(at.today()) {
            return Err(ChildWelfareError::GuardianIsMinor);
        }
        if let Some(known) = self.relatives.get(&person_id) {
            guardian = known.clone();
        }
        if guardian.is_parent() {
            return Err(ChildWelfareError::GuardianIsParent);
        }
        if guardian.ability == Ability::Unable {
            return Err(ChildWelfareError::GuardianUnable);
        }
        if guardian.is_guardian_on(at.today()) {
            return Err(ChildWelfareError::AlreadyGuardian);
        }
        Ok(())
    }
}

/// Refuses whoever is of age, or of whom no date of birth says otherwise.
pub(super) fn expect_minor(birth: PartialDate, at: &Moment) -> Result<(), ChildWelfareError> {
    use minzheng_chassis::civil::age_on;

    let birth = birth.latest().ok_or(ChildWelfareError::BirthDateUnknown)?;
    if age_on(birth, at.today()) >= super::ADULT_AGE {
        return Err(ChildWelfareError::NotAMinor);
    }
    Ok(())
}

impl ChildWelfareError {
    /// Why nobody is to be followed where [`Child::from_kinship`] answers `None`.
    pub fn not_followed(birth: PartialDate, life: Life, at: &Moment) -> Self {
        if life.is_dead() {
            return Self::ChildDead;
        }
        expect_minor(birth, at).err().unwrap_or(Self::NotAMinor)
    }
}

fn overlap(one: &Spell, other: &Spell) -> bool {
    let empty = |spell: &Spell| spell.over_on().is_some_and(|over| over <= spell.since);
    let before =
        |first: &Spell, second: &Spell| first.over_on().is_some_and(|over| over <= second.since);
    one.kind == other.kind && !empty(one) && !before(one, other) && !before(other, one)
}

fn expect_legal_basis(text: &str) -> Result<(), ChildWelfareError> {
    if text.trim().is_empty() {
        return Err(ChildWelfareError::LegalBasisMissing);
    }
    if text.chars().count() > LEGAL_BASIS_CHARS {
        return Err(ChildWelfareError::LegalBasisTooLong);
    }
    Ok(())
}

fn expect_not_future(day: Date, at: &Moment) -> Result<(), ChildWelfareError> {
    if day > at.today() {
        return Err(ChildWelfareError::DateInFuture);
    }
    Ok(())
}
