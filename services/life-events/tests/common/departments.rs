//! Departments that hear the facts, remember them, and answer what the plan asks.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex};

use minzheng_chassis::context::Context;
use minzheng_chassis::inbox::{Event, Reaction, Subscription};
use minzheng_chassis::module::Module;
use minzheng_chassis::person::Fact;
use minzheng_chassis::receipt::{Answer, FactRef, Outcome, Undo};
use minzheng_chassis::seam::{Failure, UnitOfWork};
use minzheng_life_events::domain::death::PLAN;
use minzheng_proto::life_events::v1 as pb;
use uuid::Uuid;

/// Facts by person and version, as any department heard them.
static HEARD: LazyLock<Mutex<BTreeMap<Uuid, BTreeMap<i64, Fact>>>> = LazyLock::new(Mutex::default);

/// The facts heard about a person, by version.
pub fn heard(person_id: &str) -> Vec<Fact> {
    let person_id = Uuid::parse_str(person_id).expect("an id");
    let heard = HEARD.lock().expect("not poisoned");
    heard
        .get(&person_id)
        .map(|facts| facts.values().cloned().collect())
        .unwrap_or_default()
}

/// Answers every action with done.
struct AnswerDone;

impl Reaction<Fact> for AnswerDone {
    type Asked = ();

    async fn ask(&self, _cx: &Context, _event: &Event<Fact>) -> Result<(), Failure> {
        Ok(())
    }

    async fn apply(
        &self,
        uow: &mut UnitOfWork,
        event: &Event<Fact>,
        _asked: &(),
    ) -> Result<(), Failure> {
        let fact = &event.body;
        let department = uow.context().name();
        let asked = PLAN
            .asks(fact.kind)
            .filter(|(step, _)| step.department == department);
        let answers: Vec<Answer> = asked
            .map(|(_, action)| Answer {
                action,
                outcome: Outcome::Done,
                legal_basis: "demo",
                undo: Undo::Machine,
            })
            .collect();
        uow.answer(FactRef::from(fact), &answers, None)?;
        HEARD
            .lock()
            .expect("not poisoned")
            .entry(fact.person_id)
            .or_default()
            .insert(fact.fact_version, fact.clone());
        Ok(())
    }
}

pub fn answer_facts() -> Subscription {
    Subscription::named("test.answer-facts").on::<Fact>(AnswerDone)
}

/// A department that answers.
pub fn answering(name: &'static str) -> Module {
    Module::named(name).subscription(answer_facts)
}

/// A receipt with one answer to each action.
pub fn receipt(
    case: &pb::DeathCase,
    department: &str,
    answers: &[(&str, pb::Outcome)],
) -> pb::ReceiptIssued {
    let answers = answers.iter().map(|(action, outcome)| pb::ActionAnswer {
        action: (*action).to_owned(),
        outcome: (*outcome).into(),
        legal_basis: "demo".to_owned(),
        undo: pb::Undo::Machine.into(),
        work_item_id: if *outcome == pb::Outcome::NeedsHuman {
            Uuid::now_v7().to_string()
        } else {
            String::new()
        },
        reason: String::new(),
    });
    pb::ReceiptIssued {
        person_id: case.person_id.clone(),
        case_id: case.id.clone(),
        fact_version: case.fact_version,
        department: department.to_owned(),
        answers: answers.collect(),
    }
}
