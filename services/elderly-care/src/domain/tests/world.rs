//! A world in memory: facilities, beds, people, and what can be done in it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use minzheng_chassis::civil::today;
use uuid::Uuid;

use crate::domain::*;

/// Hours that an offer stands.
pub const VALID_HOURS: u32 = 48;

/// A rule row.
pub const RULE: Uuid = Uuid::from_u128(0xfeed);

/// Everything there is.
#[derive(Clone)]
pub struct World {
    pub all: View,
    pub known: BTreeMap<Uuid, (i64, Life)>,
    pub answers: BTreeMap<Uuid, Vec<Answer>>,
    pub open_work: BTreeSet<(WorkKind, Uuid)>,
    pub bed_changes: Vec<BedChange>,
    pub now: Timestamp,
    next_id: u128,
}

/// What one decision may see besides the people it names.
#[derive(Default)]
pub struct Named {
    pub people: Vec<Uuid>,
    pub facility: Option<Uuid>,
    pub bed: Option<Uuid>,
    pub stay: Option<Uuid>,
    pub entry: Option<Uuid>,
    pub offer: Option<Uuid>,
}

impl World {
    pub fn new() -> Self {
        Self {
            all: View::default(),
            known: BTreeMap::new(),
            answers: BTreeMap::new(),
            open_work: BTreeSet::new(),
            bed_changes: Vec::new(),
            now: "2026-03-02T02:00:00Z".parse().unwrap(),
            next_id: 1 << 64,
        }
    }

    pub fn today(&self) -> Date {
        today(self.now)
    }

    pub fn pass_hours(&mut self, hours: i64) {
        self.now = self
            .now
            .checked_add(SignedDuration::from_hours(hours))
            .unwrap();
    }

    pub fn add_facility(&mut self, name: &str) -> Uuid {
        self.next_id += 1;
        let id = Uuid::from_u128(self.next_id);
        let division = "520102016000".parse().unwrap();
        let facility = Facility::new(id, Tier::Township, division, name, Filing::Filed).unwrap();
        let terms = OfferTerms {
            valid_hours: VALID_HOURS,
            rule_id: RULE,
        };
        self.all.sites.insert(id, Site { facility, terms });
        id
    }

    pub fn add_bed(&mut self, facility: Uuid, label: &str) -> Uuid {
        let named = Named {
            facility: Some(facility),
            ..Named::default()
        };
        self.decide(named, |desk| desk.add_bed(facility, label, BedState::Free))
            .unwrap()
    }

    pub fn person(&self, person_id: Uuid) -> Known {
        let life = self
            .known
            .get(&person_id)
            .map_or(Life::Alive, |(_, life)| *life);
        Known { person_id, life }
    }

    pub fn place(&mut self, person_id: Uuid, bed: Uuid) -> Result<Uuid, CareError> {
        let (who, day) = (self.person(person_id), self.today());
        let named = Named {
            people: vec![person_id],
            bed: Some(bed),
            ..Named::default()
        };
        self.decide(named, |desk| desk.place_resident(&who, bed, day))
    }

    pub fn wait(&mut self, person: Uuid, facility: Uuid, rank: i32) -> Result<Uuid, CareError> {
        self.now = self
            .now
            .checked_add(SignedDuration::from_micros(1))
            .unwrap();
        let (who, rank) = (self.person(person), Rank::new(rank)?);
        let named = Named {
            people: vec![person],
            facility: Some(facility),
            ..Named::default()
        };
        self.decide(named, |desk| desk.add_to_waiting_list(&who, facility, rank))
    }

    pub fn withdraw(&mut self, entry: Uuid) -> Result<(), CareError> {
        let people = vec![self.all.entries[&entry].person_id];
        let named = Named {
            people,
            facility: Some(self.all.entries[&entry].facility_id),
            entry: Some(entry),
            ..Named::default()
        };
        self.decide(named, |desk| desk.withdraw_from_waiting_list(entry))
    }

    pub fn accept(&mut self, offer: Uuid) -> Result<Uuid, CareError> {
        let (who, day) = (self.person(self.all.offers[&offer].person_id), self.today());
        let named = Named {
            people: vec![who.person_id],
            ..self.offer_named(offer)
        };
        self.decide(named, |desk| desk.accept_offer(&who, offer, day))
    }

    pub fn decline(&mut self, offer: Uuid) -> Result<(), CareError> {
        let named = self.offer_named(offer);
        self.decide(named, |desk| desk.decline_offer(offer))
    }

    pub fn expire(&mut self, offer: Uuid) -> Result<(), CareError> {
        let named = self.offer_named(offer);
        self.decide(named, |desk| desk.expire_offer(offer))
    }

    fn offer_named(&self, offer: Uuid) -> Named {
        Named {
            facility: Some(self.all.offers[&offer].facility_id),
            offer: Some(offer),
            ..Named::default()
        }
    }

    fn stay_named(stay: Uuid, people: Vec<Uuid>) -> Named {
        Named {
            people,
            stay: Some(stay),
            ..Named::default()
        }
    }

    pub fn leave(&mut self, stay: Uuid) -> Result<(), CareError> {
        let (who, day) = (self.person(self.all.stays[&stay].person_id), self.today());
        let named = Self::stay_named(stay, vec![who.person_id]);
        self.decide(named, |desk| desk.end_stay(&who, stay, day))
    }

    pub fn owe(&mut self, stay: Uuid, fen: i64) -> Result<(), CareError> {
        self.decide(Self::stay_named(stay, vec![]), |desk| {
            desk.set_stay_account(stay, fen)
        })
    }

    /// Completes the work item, as the chassis does: it closes, then the command runs.
    pub fn settle(&mut self, stay: Uuid) -> Result<(), CareError> {
        self.decide(Self::stay_named(stay, vec![]), |desk| {
            desk.settle_stay(stay)
        })?;
        assert!(self.open_work.remove(&(WorkKind::SettleStay, stay)));
        Ok(())
    }

    pub fn set_bed(&mut self, bed: Uuid, to: BedState) -> Result<(), CareError> {
        let named = Named {
            bed: Some(bed),
            ..Named::default()
        };
        self.decide(named, |desk| desk.set_bed_state(bed, to))
    }

    /// Hears a fact, unless a newer one of that person is known (the guard row).
    pub fn hear(&mut self, version: i64, fact: &DeathFact) {
        let heard = self
            .known
            .get(&fact.person_id)
            .map_or(0, |(version, _)| *version);
        if version < heard {
            return;
        }
        self.known.insert(fact.person_id, (version, fact.life()));
        let named = Named {
            people: vec![fact.person_id],
            ..Named::default()
        };
        let answers = self.decide(named, |desk| desk.hear(fact)).unwrap();
        for answer in &answers {
            if let AnswerOutcome::NeedsHuman { kind, subject_id } = answer.outcome {
                assert!(
                    self.open_work.contains(&(kind, subject_id)),
                    "an item is open"
                );
            }
        }
        self.answers.insert(fact.person_id, answers);
    }

    /// The next fact of a person, and what was answered.
    pub fn tell(&mut self, kind: FactKind, person: Uuid, case: u128, day: &str) -> Vec<Answer> {
        let version = self
            .known
            .get(&person)
            .map_or(1, |(version, _)| version + 1);
        let fact = DeathFact {
            kind,
            person_id: person,
            case_id: Uuid::from_u128(case),
            died_on: day.parse().unwrap(),
        };
        self.hear(version, &fact);
        self.answers[&person].clone()
    }

    pub fn merge(&mut self, gone: Uuid, survivor: Uuid) -> Vec<Answer> {
        let who = self.person(survivor);
        let named = Named {
            people: vec![gone, survivor],
            ..Named::default()
        };
        self.decide(named, |desk| desk.merge(gone, &who)).unwrap()
    }

    pub fn open_offer(&self, person: Uuid) -> Option<&Offer> {
        self.all
            .offers
            .values()
            .find(|offer| offer.person_id == person && offer.state.is_open())
    }

    pub fn standing(&self, person: Uuid) -> Option<&Stay> {
        self.all.standing_stay(person)
    }

    pub fn bed(&self, bed: Uuid) -> &Bed {
        &self.all.beds[&bed]
    }

    /// Opens a desk on what is loaded, decides, saves.
    pub fn decide<T>(
        &mut self,
        named: Named,
        decide: impl FnOnce(&mut Desk<'_>) -> Result<T, CareError>,
    ) -> Result<T, CareError> {
        let view = self.load(&named);
        let mut next_id = self.next_id;
        let mut ids = || {
            next_id += 1;
            Uuid::from_u128(next_id)
        };
        let mut desk = Desk::open(view, self.now, &mut ids);
        let outcome = decide(&mut desk);
        let decision = desk.close();
        self.next_id = next_id;
        let outcome = outcome.inspect_err(|error| {
            assert!(!matches!(error, CareError::NotLoaded(_)), "{error}");
        })?;
        self.save(decision);
        self.check();
        Ok(outcome)
    }

    /// Lines of everybody, by the numbers of their ids, and the settlements open.
    pub fn fingerprint(&self) -> Vec<String> {
        let stays = self.all.stays.values().map(|stay| stay.person_id);
        let entries = self.all.entries.values().map(|entry| entry.person_id);
        let people: BTreeSet<Uuid> = stays.chain(entries).collect();
        let people: Vec<(Uuid, String)> = people
            .into_iter()
            .map(|id| (id, format!("p{}", id.as_u128())))
            .collect();
        let mut lines = fingerprint(&self.all, &people);
        for (kind, subject) in &self.open_work {
            let who = match kind {
                WorkKind::SettleStay => self.all.stays[subject].person_id,
                WorkKind::MergeConflict => *subject,
            };
            lines.push(format!("work {} p{}", kind.name(), who.as_u128()));
        }
        lines
    }
}

/// A person's id.
pub fn person(number: u128) -> Uuid {
    Uuid::from_u128(number)
}
