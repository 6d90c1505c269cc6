//! A world in memory: facilities, beds, people. Every decision sees only the rows that
//! [`View`] promises, and is saved in the order that [`Decision`] promises, under the unique
//! indexes of the storage.

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
        self.now = self.now.checked_add(SignedDuration::from_hours(hours)).unwrap();
    }

    pub fn add_facility(&mut self, name: &str) -> Uuid {
        self.next_id += 1;
        let id = Uuid::from_u128(self.next_id);
        let division = "520102016000".parse().unwrap();
        let facility =
            Facility::new(id, Tier::Township, division, name, Filing::Filed).unwrap();
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
        self.decide(named, |desk| desk.add_bed(facility, label, BedState::Free)).unwrap()
    }

    pub fn person(&self, person_id: Uuid) -> Known {
        let life = self.known.get(&person_id).map_or(Life::Alive, |(_, life)| *life);
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
        self.now = self.now.checked_add(SignedDuration::from_micros(1)).unwrap();
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
        self.decide(Self::stay_named(stay, vec![]), |desk| desk.set_stay_account(stay, fen))
    }

    /// Completes the work item, as the chassis does: it closes, then the command runs.
    pub fn settle(&mut self, stay: Uuid) -> Result<(), CareError> {
        self.decide(Self::stay_named(stay, vec![]), |desk| desk.settle_stay(stay))?;
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
        let heard = self.known.get(&fact.person_id).map_or(0, |(version, _)| *version);
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
                assert!(self.open_work.contains(&(kind, subject_id)), "an item is open");
            }
        }
        self.answers.insert(fact.person_id, answers);
    }

    /// The next fact of a person, and what was answered.
    pub fn tell(&mut self, kind: FactKind, person: Uuid, case: u128, day: &str) -> Vec<Answer> {
        let version = self.known.get(&person).map_or(1, |(version, _)| version + 1);
        let fact = DeathFact {
            kind,
            person_id: person,
            case_id: Uuid::from_u128(case),
            died_on: day.parse().unwrap(),
        };
        self.hear(version, &fact);
        self.answers[&person].clone()
    }

    pub fn merge(&mut self, gone: Uuid, survivor: Uuid) {
        let who = self.person(survivor);
        let named = Named {
            people: vec![gone, survivor],
            ..Named::default()
        };
        self.decide(named, |desk| desk.merge(gone, &who)).unwrap();
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

    fn load(&self, named: &Named) -> View {
        let all = &self.all;
        let standing = named.people.iter().filter_map(|person| all.standing_stay(*person));
        let stays: Vec<&Stay> =
            standing.chain(named.stay.iter().map(|id| &all.stays[id])).collect();
        let mut facilities: BTreeSet<Uuid> = named.facility.into_iter().collect();
        facilities.extend(stays.iter().map(|stay| stay.facility_id));
        facilities.extend(named.bed.map(|id| all.beds[&id].facility_id));
        for person in &named.people {
            facilities.extend(all.live_entries_of(*person).map(|entry| entry.facility_id));
        }
        let in_sight = |id: &Uuid| facilities.contains(id);
        let mut beds: BTreeSet<Uuid> = named.bed.into_iter().collect();
        beds.extend(stays.iter().map(|stay| stay.bed_id));
        let vacant = |bed: &Bed| in_sight(&bed.facility_id) && bed.state.is_vacant();
        beds.extend(all.beds.values().filter(|bed| vacant(bed)).map(|bed| bed.id));
        View {
            sites: pick(&all.sites, |site| in_sight(&site.facility.id)),
            entries: pick(&all.entries, |e| {
                named.entry == Some(e.id) || in_sight(&e.facility_id) && e.state.is_live()
            }),
            offers: pick(&all.offers, |o| {
                named.offer == Some(o.id) || in_sight(&o.facility_id) && o.state.is_open()
            }),
            passes: all.passes.iter().filter(|p| beds.contains(&p.bed_id)).copied().collect(),
            beds: pick(&all.beds, |bed| beds.contains(&bed.id)),
            stays: stays.iter().map(|stay| (stay.id, (*stay).clone())).collect(),
        }
    }

    fn save(&mut self, decision: Decision) {
        for bed in decision.beds.all() {
            self.all.beds.insert(bed.id, bed.clone());
            unique(self.all.beds.values().filter_map(|bed| bed.stay_id));
        }
        for stay in decision.stays.all() {
            self.all.stays.insert(stay.id, stay.clone());
            let standing = self.all.stays.values().filter(|stay| stay.state.stands());
            unique(standing.map(|stay| stay.person_id));
        }
        for entry in decision.entries.all() {
            self.all.entries.insert(entry.id, entry.clone());
            let live = self.all.entries.values().filter(|entry| entry.state.is_live());
            unique(live.map(|entry| (entry.facility_id, entry.person_id)));
        }
        for offer in decision.offers.all() {
            self.all.offers.insert(offer.id, offer.clone());
            let open = self.all.offers.values().filter(|offer| offer.state.is_open());
            unique(open.clone().map(|offer| offer.bed_id));
            unique(open.map(|offer| offer.entry_id));
        }
        for pass in &decision.passes_removed {
            self.all.passes.remove(pass);
        }
        self.all.passes.extend(decision.passes_added);
        self.bed_changes.extend(decision.bed_changes);
        for effect in decision.work {
            match effect {
                WorkEffect::Open { .. } => self.open_work.insert(effect.key()),
                WorkEffect::Done { .. } | WorkEffect::Cancel { .. } => {
                    self.open_work.remove(&effect.key())
                }
            };
        }
    }

    /// What holds after every decision.
    fn check(&self) {
        let all = &self.all;
        let running =
            all.stays.values().filter(|s| matches!(s.state, StayState::Active | StayState::Held));
        unique(running.clone().map(|stay| stay.bed_id));
        for stay in running {
            let bed = &all.beds[&stay.bed_id];
            assert_eq!(bed.stay_id, Some(stay.id), "a stay has its bed");
            assert!(bed.state.has_resident());
        }
        for bed in all.beds.values() {
            let offered = all.offers.values().any(|o| o.state.is_open() && o.bed_id == bed.id);
            assert_eq!(offered, bed.state == BedState::Held(HeldFor::Offer));
            assert_eq!(bed.vacancy_id.is_some(), bed.state.is_vacant());
            assert!(!bed.state.has_resident() || all.resident(bed).is_some());
        }
        for entry in all.entries.values() {
            let offered =
                all.offers.values().any(|o| o.state.is_open() && o.entry_id == entry.id);
            assert_eq!(offered, entry.state == EntryState::Offered);
        }
        for stay in all.stays.values() {
            let awaits = matches!(stay.state, StayState::AwaitingSettlement(_));
            assert_eq!(awaits, stay.owed_fen != 0 && stay.state.end_cause().is_some());
            let priority = all
                .entries
                .values()
                .any(|e| e.displaced_stay_id == Some(stay.id) && e.state.is_live());
            assert_eq!(priority, stay.state == StayState::Displaced);
        }
        self.check_nobody_waits_beside_a_free_bed();
    }

    fn check_nobody_waits_beside_a_free_bed(&self) {
        for bed in self.all.beds.values().filter(|bed| bed.state == BedState::Free) {
            for entry in self.all.queue(bed.facility_id) {
                let pass = Pass {
                    bed_id: bed.id,
                    vacancy_id: bed.vacancy_id.unwrap(),
                    person_id: entry.person_id,
                };
                let waits = entry.state == EntryState::Waiting;
                assert!(!waits || self.all.passes.contains(&pass), "a free bed is offered");
            }
        }
    }

    /// Lines of everybody, by the numbers of their ids, and the settlements open.
    pub fn fingerprint(&self) -> Vec<String> {
        let stays = self.all.stays.values().map(|stay| stay.person_id);
        let entries = self.all.entries.values().map(|entry| entry.person_id);
        let people: BTreeSet<Uuid> = stays.chain(entries).collect();
        let people: Vec<(Uuid, String)> =
            people.into_iter().map(|id| (id, format!("p{}", id.as_u128()))).collect();
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

fn pick<T: Clone>(rows: &BTreeMap<Uuid, T>, keep: impl Fn(&T) -> bool) -> BTreeMap<Uuid, T> {
    rows.iter().filter(|(_, row)| keep(row)).map(|(id, row)| (*id, row.clone())).collect()
}

fn unique<T: Ord>(values: impl Iterator<Item = T>) {
    let mut seen = BTreeSet::new();
    for value in values {
        assert!(seen.insert(value), "a unique index is violated");
    }
}

/// A person's id.
pub fn person(number: u128) -> Uuid {
    Uuid::from_u128(number)
}
