//! A desk: persons' cases, their open work items and published facts, kept as storage would, with
//! what must always hold checked after every step.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, civil::Date};
use minzheng_chassis::calendar::WorkingCalendar;
use minzheng_chassis::civil::{self, PartialDate};
use minzheng_chassis::division::DivisionCode;
use minzheng_chassis::person::FactKind;
use uuid::Uuid;

use crate::domain::death::*;

/// A day of the tests; a Monday.
pub(crate) const START: Date = Date::constant(2026, 3, 9);

pub(crate) fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

pub(crate) fn date(text: &str) -> PartialDate {
    text.parse().unwrap()
}

static TERMS: Terms = Terms::Read {
    verify: Term {
        working_days: 15,
        rule_id: Uuid::from_u128(0xA1),
    },
    decide: Term {
        working_days: 5,
        rule_id: Uuid::from_u128(0xA2),
    },
};

pub(crate) fn at(day: Date) -> Moment<'static> {
    Moment {
        now: civil::instant_at_start_of(day) + jiff::SignedDuration::from_hours(9),
        calendar: WorkingCalendar::shipped(),
        terms: &TERMS,
    }
}

pub(crate) fn divisions() -> Divisions {
    let county: DivisionCode = "520221".parse().unwrap();
    Divisions {
        standing: county,
        domicile: Some(county),
        residence: Some(county),
        place: None,
    }
}

/// Another county, to which somebody moves.
pub(crate) fn elsewhere() -> Divisions {
    let county: DivisionCode = "520302".parse().unwrap();
    Divisions {
        standing: county,
        domicile: Some(county),
        residence: Some(county),
        place: None,
    }
}

/// A report: source, reference, date of death.
pub(crate) fn said(source: Source, reference: &str, died_on: &str) -> Report {
    let document = DocumentKey {
        organisation: source.name().to_owned(),
        reference: reference.to_owned(),
    };
    let statement = Statement {
        source,
        died_on: date(died_on),
        declared_on: None,
        place: None,
        document_date: None,
        document_hash: None,
    };
    Report {
        evidence_id: Uuid::nil(),
        document,
        statement,
        reporter: "reporter-1".to_owned(),
        identity: Match::Matched,
        revisions_elsewhere: 0,
        opening: Opening {
            case_id: Uuid::nil(),
            person_id: Uuid::nil(),
            divisions: divisions(),
        },
    }
}

pub(crate) fn answer(event: u128, outcome: Outcome) -> Answer {
    let needs_human = outcome == Outcome::NeedsHuman;
    Answer {
        receipt_event_id: id(event),
        outcome,
        legal_basis: "demo".to_owned(),
        undo: Undo::Machine,
        work_item_id: needs_human.then(|| id(event + (1 << 64))),
        reason: None,
        answered_at: at(START).now,
    }
}

/// What stands now of one person's latest case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    pub(crate) phase: Phase,
    pub(crate) died_on: PartialDate,
    pub(crate) conflict: bool,
    pub(crate) items: Vec<(ItemKind, Urgency)>,
    pub(crate) answers: BTreeMap<(&'static str, &'static str), Option<Outcome>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Desk {
    pub(crate) cases: Vec<Case>,
    pub(crate) facts: Vec<Fact>,
    pub(crate) notes: Vec<Note>,
    board: BTreeMap<(Uuid, ItemKind), Item>,
    closed: Vec<(ItemKind, ItemEnd)>,
    ids: u128,
    pub(crate) today: Date,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self {
            cases: Vec::new(),
            facts: Vec::new(),
            notes: Vec::new(),
            board: BTreeMap::new(),
            closed: Vec::new(),
            ids: 0x1000,
            today: START,
        }
    }

    pub(crate) fn next_id(&mut self) -> Uuid {
        self.ids += 1;
        id(self.ids)
    }

    pub(crate) fn latest(&self, person: Uuid) -> Option<&Case> {
        let own = self.cases.iter().filter(|case| case.person_id == person);
        own.max_by_key(|case| case.episode)
    }

    pub(crate) fn case(&self, person: Uuid) -> &Case {
        self.latest(person).unwrap()
    }

    pub(crate) fn phase(&self, person: Uuid) -> Phase {
        self.case(person).phase
    }

    /// Kinds of the facts announced of a person, in order.
    pub(crate) fn kinds(&self, person: Uuid) -> Vec<FactKind> {
        self.facts
            .iter()
            .filter(|fact| fact.person_id == person)
            .map(|fact| fact.kind)
            .collect()
    }

    pub(crate) fn open_items(&self, person: Uuid) -> Vec<ItemKind> {
        let mine: BTreeSet<Uuid> = self
            .cases
            .iter()
            .filter(|case| case.person_id == person)
            .map(|case| case.id)
            .collect();
        self.board
            .keys()
            .filter(|(case, _)| mine.contains(case))
            .map(|(_, kind)| *kind)
            .collect()
    }

    /// Where each of the open items of a person's cases is to be done.
    pub(crate) fn item_divisions(&self) -> Vec<DivisionCode> {
        self.board.values().map(|item| item.division).collect()
    }

    pub(crate) fn last_closed(&self) -> Option<(ItemKind, ItemEnd)> {
        self.closed.last().copied()
    }

    pub(crate) fn file(&mut self, person: Uuid, mut report: Report) -> Result<Step, Rejection> {
        report.evidence_id = self.next_id();
        report.opening.case_id = self.next_id();
        report.opening.person_id = person;
        let step = super::super::report(self.latest(person), &report, &at(self.today))?;
        self.accept(step.clone());
        Ok(step)
    }

    pub(crate) fn absorb(
        &mut self,
        person: Uuid,
        evidence: Vec<Evidence>,
    ) -> Result<Step, Rejection> {
        let opening = Opening {
            case_id: self.next_id(),
            person_id: person,
            divisions: divisions(),
        };
        let absorption = Absorption { evidence, opening };
        let step = super::super::absorb(self.latest(person), &absorption, &at(self.today))?;
        self.accept(step.clone());
        Ok(step)
    }

    pub(crate) fn give(&mut self, person: Uuid, input: &Input) -> Result<Step, Rejection> {
        let case = self.case(person).id;
        self.give_case(case, input)
    }

    pub(crate) fn give_case(&mut self, case: Uuid, input: &Input) -> Result<Step, Rejection> {
        let case = self.cases.iter().find(|known| known.id == case).unwrap();
        let step = react(case, input, &at(self.today))?;
        self.accept(step.clone());
        Ok(step)
    }

    /// A department answers everything that a fact asked of it.
    pub(crate) fn receipt(&mut self, fact: &Fact, department: &str, outcome: Outcome) -> Input {
        let asked = PLAN
            .asks(fact.kind)
            .filter(|(step, _)| step.department == department);
        let event = self.next_id().as_u128();
        let answers = asked.map(|(_, action)| (action.code.to_owned(), answer(event, outcome)));
        Input::ReceiptArrived(Receipt {
            fact_version: fact.fact_version,
            department: department.to_owned(),
            answers: answers.collect(),
        })
    }

    /// Every department answers the latest fact of a person.
    pub(crate) fn answer_all(&mut self, person: Uuid, outcome: Outcome) {
        let fact = self
            .facts
            .iter()
            .rfind(|fact| fact.person_id == person)
            .unwrap()
            .clone();
        for step in PLAN.steps {
            let receipt = self.receipt(&fact, step.department, outcome);
            self.give_case(fact.case_id, &receipt).unwrap();
        }
    }

    pub(crate) fn fingerprint(&self, person: Uuid) -> Fingerprint {
        let case = self.case(person);
        let answers = case.latest_questions().map(|question| {
            let key = (question.action.department, question.action.code);
            (key, question.answer.as_ref().map(|answer| answer.outcome))
        });
        Fingerprint {
            phase: case.phase,
            died_on: case.died_on,
            conflict: case.conflict.is_some(),
            items: items(case)
                .iter()
                .map(|item| (item.kind, item.urgency))
                .collect(),
            answers: answers.collect(),
        }
    }

    /// Saves a step, as storage would.
    fn accept(&mut self, step: Step) {
        let known = self.cases.iter().position(|case| case.id == step.case.id);
        if let Some(index) = known {
            holds_between(&self.cases[index], &step.case);
            self.cases[index] = step.case.clone();
        } else {
            self.cases.push(step.case.clone());
        }
        for effect in &step.effects {
            self.carry_out(step.case.id, effect);
        }
        self.holds(&step);
    }

    fn carry_out(&mut self, case: Uuid, effect: &Effect) {
        match effect {
            Effect::Publish(fact) => self.publish(fact),
            Effect::OvertakeEarlierEpisodes {
                person_id,
                fact_version,
            } => {
                let earlier: Vec<Uuid> = self
                    .cases
                    .iter()
                    .filter(|known| known.person_id == *person_id && known.id != case)
                    .map(|known| known.id)
                    .collect();
                let overtaken = Input::Overtaken {
                    fact_version: *fact_version,
                };
                for known in earlier {
                    self.give_case(known, &overtaken).unwrap();
                }
            }
            Effect::OpenItem(item) => {
                let taken = self.board.insert((case, item.kind), *item);
                assert_eq!(taken, None, "two open items of one kind");
            }
            Effect::ChangeItem(item) => {
                let old = self.board.insert((case, item.kind), *item);
                assert!(old.is_some_and(|old| old != *item), "a change of nothing");
            }
            Effect::CloseItem(kind, end) => {
                assert!(
                    self.board.remove(&(case, *kind)).is_some(),
                    "closed what is not open"
                );
                self.closed.push((*kind, *end));
            }
            Effect::PhaseChanged { from, to } => assert_ne!(*from, Some(*to)),
            Effect::Noted(note) => self.notes.push(*note),
        }
    }

    fn publish(&mut self, fact: &Fact) {
        let last = self
            .facts
            .iter()
            .rfind(|known| known.person_id == fact.person_id);
        assert_eq!(
            fact.fact_version,
            last.map_or(0, |last| last.fact_version) + 1
        );
        self.facts.push(fact.clone());
    }

    /// What must hold after every step.
    fn holds(&self, step: &Step) {
        let case = &step.case;
        let open: Vec<(ItemKind, Item)> = self
            .board
            .iter()
            .filter(|((subject, _), _)| *subject == case.id)
            .map(|((_, kind), item)| (*kind, *item))
            .collect();
        let mut needed: Vec<(ItemKind, Item)> = items(case)
            .into_iter()
            .map(|item| (item.kind, item))
            .collect();
        needed.sort_by_key(|(kind, _)| *kind);
        assert_eq!(open, needed, "open items are those that the state needs");

        let settled = case.all_answered();
        let finished = settled && !case.needs_human() && open.is_empty();
        match case.phase {
            Phase::Notifying => assert!(!settled),
            Phase::Settled => assert!(settled && !finished),
            Phase::Finished => assert!(finished),
            Phase::Reversing => assert!(!settled),
            Phase::Suspected => assert!(case.verification.is_some()),
            Phase::InReview => {
                assert!(case.doubt().is_some() && case.questions.is_empty());
            }
            Phase::Reported => assert!(case.verification.is_some() && case.questions.is_empty()),
            Phase::Reversed | Phase::Rejected | Phase::MergedInto => {}
        }
        assert_eq!(
            waiting(case).is_empty(),
            open.is_empty() && waits_for_nobody(case)
        );

        let keys: BTreeSet<_> = case
            .questions
            .iter()
            .map(|question| (question.fact_version, question.action))
            .collect();
        assert_eq!(keys.len(), case.questions.len(), "a question is asked once");
        let stale = |question: &&Question| {
            question.state == QuestionState::Open && question.fact_version != case.fact_version
        };
        assert_eq!(
            case.questions.iter().filter(stale).count(),
            0,
            "older facts ask nothing"
        );

        let published = step.fact();
        let count = step
            .effects
            .iter()
            .filter(|e| matches!(e, Effect::Publish(_)))
            .count();
        assert_eq!(
            count,
            usize::from(published.is_some()),
            "at most one fact a step"
        );
        if let Some(fact) = published {
            assert_eq!(fact.fact_version, case.fact_version);
            assert_eq!(fact.died_on, case.died_on);
        }
    }
}

fn waits_for_nobody(case: &Case) -> bool {
    case.all_answered() && !case.needs_human()
}

/// What must hold between two states of one case.
fn holds_between(before: &Case, after: &Case) {
    assert!(after.fact_version >= before.fact_version);
    assert_eq!(after.opened_at, before.opened_at);
    assert_eq!(
        (after.person_id, after.episode),
        (before.person_id, before.episode)
    );
    if after.phase == before.phase {
        return;
    }
    let ended = |phase| matches!(phase, Phase::Reversed | Phase::Rejected | Phase::MergedInto);
    assert!(!ended(before.phase), "{:?} is an end", before.phase);
}

/// A small seeded generator, so that a failing order can be told again.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound
    }

    pub(crate) fn shuffle<T>(&mut self, things: &mut [T]) {
        for index in (1..things.len()).rev() {
            things.swap(index, self.below(index + 1));
        }
    }
}

/// Every order of the numbers below `count`.
pub(crate) fn orders(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for shorter in orders(count - 1) {
        for place in 0..count {
            let mut order = shorter.clone();
            order.insert(place, count - 1);
            all.push(order);
        }
    }
    all
}

/// The end of the day on which a period of working days that begins on `day` ends.
pub(crate) fn due(day: Date, days: u32) -> Timestamp {
    at(day).after_working_days(days).over_at()
}
