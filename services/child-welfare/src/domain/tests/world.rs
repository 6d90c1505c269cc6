//! The department as a whole, in memory: guard rows, children, answers, and what `life-events`
//! knows of them. The service does the same with its tables.

use std::collections::BTreeMap;

use super::*;

/// What reaches the department.
#[derive(Debug, Clone)]
pub(super) enum Input {
    Fact(AskedFact),
    Kinship(Uuid, KinshipTold),
}

/// What is answered on the latest fact of each person.
pub(super) type LatestAnswers = BTreeMap<Uuid, Vec<(Question, &'static str)>>;

pub(super) struct World {
    pub(super) today: Date,
    pub(super) known: BTreeMap<Uuid, PersonFact>,
    pub(super) children: BTreeMap<Uuid, Child>,
    pub(super) answers: BTreeMap<Uuid, DeathAnswer>,
    /// What the receipts said last, per person: case, fact version, answers by question.
    pub(super) received: BTreeMap<(Uuid, Uuid, i64), BTreeMap<Question, Outcome>>,
    /// What `residents` answers when asked for somebody's dependants, if it is asked at all.
    pub(super) register: Option<BTreeMap<Uuid, KinshipTold>>,
    next_id: u128,
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            today: TODAY,
            known: BTreeMap::new(),
            children: BTreeMap::new(),
            answers: BTreeMap::new(),
            received: BTreeMap::new(),
            register: None,
            next_id: 5_000_000,
        }
    }

    pub(super) fn run(inputs: &[Input]) -> Self {
        let mut world = Self::new();
        world.take_all(inputs);
        world
    }

    pub(super) fn take_all(&mut self, inputs: &[Input]) {
        for input in inputs {
            self.take(input);
        }
    }

    pub(super) fn take(&mut self, input: &Input) {
        match input {
            Input::Fact(fact) => self.fact(*fact),
            Input::Kinship(child_id, told) => {
                self.kinship(*child_id, told, KinshipSource::Stream);
            }
        }
    }

    /// A command on one child.
    pub(super) fn command(
        &mut self,
        child_id: Uuid,
        run: impl FnOnce(&mut Child, &Moment, &mut dyn FnMut() -> Uuid) -> Change,
    ) {
        let at = moment(self.today);
        let mut next = self.next_id;
        let child = self.children.get_mut(&child_id).unwrap();
        let change = run(child, &at, &mut || {
            next += 1;
            Uuid::from_u128(next)
        });
        self.next_id = next;
        self.spread(child_id, change);
    }

    fn fact(&mut self, fact: AskedFact) {
        // The guard row would keep older facts away; here they come through, and must do nothing.
        let person_fact = fact.person_fact();
        if fact.fact_version >= self.know(fact.person_id).fact_version {
            self.known.insert(fact.person_id, person_fact);
        }
        for (child_id, told) in self.register.clone().unwrap_or_default() {
            if told.kin.iter().any(|kin| kin.person_id == fact.person_id) {
                self.kinship(child_id, &told, KinshipSource::Asked);
            }
        }
        let around: Vec<Uuid> = self
            .children
            .values()
            .filter(|child| {
                child.id == fact.person_id || child.relatives.contains_key(&fact.person_id)
            })
            .map(|child| child.id)
            .collect();
        for child_id in around {
            self.command(child_id, |child, at, ids| child.hear(&person_fact, at, ids));
        }
        let shares = self
            .children
            .values()
            .filter_map(|child| Some((child.id, *child.shares().get(&fact.person_id)?)))
            .collect();
        let tracked = self
            .children
            .get(&fact.person_id)
            .is_some_and(Child::is_tracked);
        let row = self.answers.remove(&fact.person_id);
        let (row, receipt) = DeathAnswer::hear(row, fact, tracked, shares);
        self.answers.insert(fact.person_id, row);
        self.receive(receipt);
    }

    fn kinship(&mut self, child_id: Uuid, told: &KinshipTold, source: KinshipSource) {
        let facts: Vec<PersonFact> = told
            .kin
            .iter()
            .map(|kin| self.know(kin.person_id))
            .collect();
        if self.children.contains_key(&child_id) {
            self.command(child_id, |child, at, ids| {
                child.hear_kinship(told, source, &facts, at, ids)
            });
            return;
        }
        let own = self.know(child_id);
        let at = moment(self.today);
        let mut next = self.next_id;
        let made = Child::from_kinship(child_id, told, source, &own, &facts, &at, &mut || {
            next += 1;
            Uuid::from_u128(next)
        });
        self.next_id = next;
        if let Some((child, change)) = made {
            self.children.insert(child_id, child);
            self.spread(child_id, change);
        }
    }

    fn spread(&mut self, child_id: Uuid, change: Change) {
        for (person_id, share) in change.shares {
            let Some(row) = self.answers.get_mut(&person_id) else {
                continue;
            };
            row.set_share(child_id, share);
            let receipt = row.refresh();
            self.receive(receipt);
        }
        let tracked = self.children[&child_id].is_tracked();
        if let Some(row) = self.answers.get_mut(&child_id) {
            row.set_tracked(tracked);
            let receipt = row.refresh();
            self.receive(receipt);
        }
    }

    fn know(&self, person_id: Uuid) -> PersonFact {
        self.known
            .get(&person_id)
            .copied()
            .unwrap_or(alive(person_id))
    }

    fn receive(&mut self, receipt: Option<Receipt>) {
        let Some(receipt) = receipt else { return };
        let key = (receipt.person_id, receipt.case_id, receipt.fact_version);
        let answers = self.received.entry(key).or_default();
        for answer in receipt.answers {
            answers.insert(answer.question, answer.outcome);
        }
    }

    /// Everything that must not depend on the order: what stands of every child, and the latest
    /// answers on the latest fact of everybody.
    pub(super) fn end(&self) -> (Vec<String>, LatestAnswers) {
        let lines = self
            .children
            .values()
            .flat_map(Child::fingerprint)
            .collect();
        (lines, self.latest_answers())
    }

    pub(super) fn latest_answers(&self) -> LatestAnswers {
        let latest = self.answers.values().map(|row| {
            let fact = row.fact;
            let key = (fact.person_id, fact.case_id, fact.fact_version);
            let answers = self.received.get(&key).into_iter().flatten();
            let answers = answers
                .map(|(question, outcome)| (*question, self.outcome_text(*outcome)))
                .collect();
            (fact.person_id, answers)
        });
        latest.collect()
    }

    /// Also checks that an answer which waits for a person names an open item.
    fn outcome_text(&self, outcome: Outcome) -> &'static str {
        match outcome {
            Outcome::Done => "done",
            Outcome::NothingToDo => "nothing_to_do",
            Outcome::NeedsHuman { work_item_id } => {
                let open = self.children.values().any(|child| {
                    [child.visit, child.month_item]
                        .into_iter()
                        .flatten()
                        .any(|item| item.id == work_item_id)
                });
                assert!(open, "needs_human without an open item");
                "needs_human"
            }
        }
    }

    /// The children without what is history: versions of facts, ids and times of items.
    pub(super) fn standing_children(&self) -> Vec<Child> {
        let mut children: Vec<Child> = self.children.values().cloned().collect();
        for child in &mut children {
            child.own = Heard {
                life: child.own.life,
                ..Heard::default()
            };
            for relative in child.relatives.values_mut() {
                relative.heard = Heard {
                    life: relative.heard.life,
                    ..Heard::default()
                };
            }
            for item in [&mut child.visit, &mut child.month_item]
                .into_iter()
                .flatten()
            {
                item.id = Uuid::nil();
                item.opened_at = Timestamp::UNIX_EPOCH;
                item.due_at = Timestamp::UNIX_EPOCH;
            }
        }
        children
    }
}

pub(super) fn fact(person_id: Uuid, version: i64, kind: FactKind, died_on: &str) -> AskedFact {
    let episode = if version > 4 { 2 } else { 1 };
    AskedFact {
        person_id,
        case_id: Uuid::from_u128(person_id.as_u128() * 1000 + episode),
        fact_version: version,
        kind,
        died_on: partial(died_on),
    }
}
